// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The vocabulary of `do:`: one table of words, what each unfolds to, and the reader of an item. */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/words.h"
#include "scenario/flow_parts.h"

#define SIZE_DEFAULT 100
#define DATA_MAX     65000
#define PACKETS_MAX  10000

enum { TCP = 1, UDP = 2, SCTP = 4, ICMP = 8, ALL = 15 };
enum argument { NOTHING, SIZE, OPTIONAL_SIZE, MTU, DURATION };

struct part {
	enum flow_item_kind kind;
	bool other; /* not from the side that the word is about */
};

struct flow_word {
	const char *name;
	unsigned protos;
	enum argument argument;
	bool answers; /* always from the side of `to`, with `reply` before it or without */
	bool begins; /* always from the side of `from` */
	enum flow_error error;
	struct part parts[4];
	size_t n_parts;
	const char *takes, *text; /* for the reference */
};

/* clang-format off */
static const struct flow_word words[] = {
	{ "handshake", TCP, NOTHING, false, true, 0, { { FLOW_SYN, false }, { FLOW_SYN_ACK, true }, { FLOW_ACK, false } }, 3,
	  "", "TCP: SYN, the SYN+ACK in return, ACK: three packets" },
	{ "handshake", SCTP, NOTHING, false, true, 0, { { FLOW_INIT, false }, { FLOW_INIT_ACK, true }, { FLOW_COOKIE_ECHO, false }, { FLOW_COOKIE_ACK, true } }, 4,
	  "", "SCTP: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK: four packets" },
	{ "syn", TCP, NOTHING, false, true, 0, { { FLOW_SYN, false } }, 1, "", "the first packet of a handshake" },
	{ "syn-ack", TCP, NOTHING, true, false, 0, { { FLOW_SYN_ACK, false } }, 1, "", "the second, from the side of `to`" },
	{ "ack", TCP, NOTHING, false, false, 0, { { FLOW_ACK, false } }, 1, "", "acknowledges all that was sent so far" },
	{ "fin", TCP, NOTHING, false, false, 0, { { FLOW_FIN, false }, { FLOW_FIN, true }, { FLOW_ACK, false } }, 3,
	  "", "an orderly end: FIN+ACK, FIN+ACK in return, ACK" },
	{ "fin-ack", TCP, NOTHING, false, false, 0, { { FLOW_FIN, false } }, 1, "", "one FIN+ACK" },
	{ "rst", TCP, NOTHING, false, false, 0, { { FLOW_RST, false } }, 1, "", "RST+ACK" },
	{ "init", SCTP, NOTHING, false, true, 0, { { FLOW_INIT, false } }, 1, "", "the first packet of a handshake" },
	{ "init-ack", SCTP, NOTHING, true, false, 0, { { FLOW_INIT_ACK, false } }, 1, "", "the second, from the side of `to`" },
	{ "cookie-echo", SCTP, NOTHING, false, true, 0, { { FLOW_COOKIE_ECHO, false } }, 1, "", "the third" },
	{ "cookie-ack", SCTP, NOTHING, true, false, 0, { { FLOW_COOKIE_ACK, false } }, 1, "", "the fourth, from the side of `to`" },
	{ "shutdown", SCTP, NOTHING, false, false, 0, { { FLOW_SHUTDOWN, false }, { FLOW_SHUTDOWN_ACK, true }, { FLOW_SHUTDOWN_COMPLETE, false } }, 3,
	  "", "an orderly end: SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE" },
	{ "abort", SCTP, NOTHING, false, false, 0, { { FLOW_ABORT, false } }, 1, "", "ABORT" },
	{ "echo", ICMP, OPTIONAL_SIZE, false, true, 0, { { FLOW_DATA, false } }, 1, "`of SIZE`", "an echo request; `reply` answers it" },
	{ "packet", ALL, OPTIONAL_SIZE, false, false, 0, { { FLOW_DATA, false } }, 1, "`of SIZE`", "a packet with that many bytes of data (100)" },
	{ "data", ALL, SIZE, false, false, 0, { { FLOW_DATA, false } }, 1, "SIZE", "the same as `packet of SIZE`" },
	{ "retransmit", ALL, NOTHING, false, true, 0, { { FLOW_RETRANSMIT, false } }, 1, "", "the packet before, once more, from the same side" },
	{ "port-unreachable", ALL, NOTHING, true, false, FLOW_PORT_UNREACHABLE, { { FLOW_ERROR, false } }, 1, "`from WHOM`", "an ICMP error about the packet before, sent by the one it was for or by whom is named" },
	{ "host-unreachable", ALL, NOTHING, true, false, FLOW_HOST_UNREACHABLE, { { FLOW_ERROR, false } }, 1, "`from WHOM`", "likewise" },
	{ "prohibited", ALL, NOTHING, true, false, FLOW_PROHIBITED, { { FLOW_ERROR, false } }, 1, "`from WHOM`", "likewise: administratively prohibited" },
	{ "frag-needed", ALL, MTU, true, false, FLOW_FRAG_NEEDED, { { FLOW_ERROR, false } }, 1, "MTU `from WHOM`", "likewise; IPv6: packet too big" },
	{ "ttl-exceeded", ALL, NOTHING, true, false, FLOW_TTL_EXCEEDED, { { FLOW_ERROR, false } }, 1, "`from WHOM`", "likewise" },
	{ "idle", ALL, DURATION, true, false, 0, { { FLOW_IDLE, false } }, 1, "DURATION", "no packet: that much time passes before the next" },
};
/* clang-format on */
#define N_WORDS (sizeof(words) / sizeof(words[0]))

const char *flow_proto_name(uint8_t proto)
{
	return proto == IPPROTO_TCP    ? "tcp"
	       : proto == IPPROTO_UDP  ? "udp"
	       : proto == IPPROTO_SCTP ? "sctp"
				       : "icmp";
}

static unsigned proto_bit(uint8_t proto)
{
	return proto == IPPROTO_TCP    ? TCP
	       : proto == IPPROTO_UDP  ? UDP
	       : proto == IPPROTO_SCTP ? SCTP
				       : ICMP;
}

void flow_print_words(struct buf *out)
{
	buf_puts(out, "\n| word | of | takes | means |\n|---|---|---|---|\n");
	for (size_t i = 0; i < N_WORDS; i++) {
		const struct flow_word *w = &words[i];

		buf_printf(out, "| `%s` | %s | %s | %s |\n", w->name,
			   w->protos == ALL    ? "all"
			   : w->protos == TCP  ? "tcp"
			   : w->protos == SCTP ? "sctp"
					       : "icmp",
			   w->takes, w->text);
	}
}

const char *next_token(struct arena *a, const char **p)
{
	size_t len = strcspn(*p, " ");
	const char *token = arena_strndup(a, *p, len);

	*p += len;
	*p += strspn(*p, " ");
	return token;
}

static struct flow_item *add_item(struct schema_ctx *ctx, struct flow_step *f,
				  const struct flow_item *item)
{
	f->items = arena_grow(ctx->arena, f->items, f->n_items, sizeof(*item));
	f->items[f->n_items] = *item;
	f->n_packets += item->kind != FLOW_IDLE;
	return &f->items[f->n_items++];
}

static const struct flow_word *find_word(const char *name, uint8_t proto)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (!strcmp(words[i].name, name) && words[i].protos & proto_bit(proto))
			return &words[i];
	return NULL;
}

static int unknown_word(struct schema_ctx *ctx, const struct value *v, const char *word,
			const struct flow_step *f)
{
	__cleanup_buf struct buf known = BUF_INIT;
	const char *names[N_WORDS + 1] = { "reply" };
	const char *near;
	size_t n = 1;

	buf_puts(&known, names[0]);
	for (size_t i = 0; i < N_WORDS; i++) {
		if (!(words[i].protos & proto_bit(f->proto)))
			continue;
		names[n++] = words[i].name;
		buf_printf(&known, ", %s", words[i].name);
	}
	near = nearest_name(word, names, n);
	if (near)
		err_input(ctx->err, &v->loc, "do: unknown word '%s'; did you mean '%s'?", word,
			  near);
	else
		err_input(ctx->err, &v->loc, "do: unknown word '%s'", word);
	err_hint(ctx->err, "words of %s: %s", flow_proto_name(f->proto), buf_str(&known));
	return err_hint(ctx->err, "data is written in quotes: \"GET / HTTP/1.1\"");
}

static int read_size(struct schema_ctx *ctx, const struct value *v, const char *text, uint32_t *out)
{
	uint64_t n;

	if (!parse_u64(text, strlen(text), DATA_MAX, &n))
		return err_input(ctx->err, &v->loc,
				 "do: expected a size in bytes, at most %d, found '%s'", DATA_MAX,
				 text);
	*out = (uint32_t)n;
	return 0;
}

/* "of 1200", or nothing where that may be. */
static int read_of_size(struct schema_ctx *ctx, const struct value *v, const char **p,
			uint32_t *size)
{
	*size = SIZE_DEFAULT;
	if (!**p)
		return 0;
	if (strcmp(next_token(ctx->arena, p), "of") != 0)
		return err_input(ctx->err, &v->loc,
				 "do: expected `of SIZE` behind the packets, such as: reply 3 "
				 "packets of 1200");
	return read_size(ctx, v, next_token(ctx->arena, p), size);
}

static int read_duration(struct schema_ctx *ctx, const struct value *v, const char *text,
			 uint64_t *out)
{
	struct value d = { .kind = VALUE_SCALAR, .loc = v->loc, .text = text };

	return read_duration_ns(ctx, &d, out);
}

static int read_mtu(struct schema_ctx *ctx, const struct value *v, const char *text, uint32_t *out)
{
	uint64_t n;

	if (!parse_u64(text, strlen(text), 65535, &n) || n < 68)
		return err_input(ctx->err, &v->loc,
				 "do: frag-needed takes an MTU from 68 to 65535 (RFC 791), found "
				 "'%s'",
				 text);
	*out = (uint32_t)n;
	return 0;
}

static int read_argument(struct schema_ctx *ctx, const struct value *v, const struct flow_word *w,
			 const char **p, struct flow_item *item)
{
	switch (w->argument) {
	case SIZE:
		return read_size(ctx, v, next_token(ctx->arena, p), &item->size);
	case OPTIONAL_SIZE:
		return read_of_size(ctx, v, p, &item->size);
	case MTU:
		return read_mtu(ctx, v, next_token(ctx->arena, p), &item->mtu);
	case DURATION:
		return read_duration(ctx, v, next_token(ctx->arena, p), &item->idle_ns);
	case NOTHING:
		break;
	}
	return 0;
}

/* "from router" behind an error. */
static int read_by(struct schema_ctx *ctx, const struct value *v, const char **p,
		   struct flow_item *item)
{
	const char *rest = *p;
	struct flow_end *by;

	if (strcmp(next_token(ctx->arena, &rest), "from") != 0 || !*rest)
		return 0;
	by = arena_new_of(ctx->arena, struct flow_end);
	item->by = by;
	*p = rest + strlen(rest);
	return read_flow_end(ctx, v, rest, by);
}

static int check_before(struct schema_ctx *ctx, const struct value *v, const struct flow_step *f,
			const struct flow_word *w)
{
	enum flow_item_kind kind = w->parts[0].kind;

	if ((kind != FLOW_RETRANSMIT && kind != FLOW_ERROR) || f->n_packets || f->name)
		return 0;
	return err_input(ctx->err, &v->loc, "do: there is no packet before '%s'", w->name);
}

static int read_word_item(struct schema_ctx *ctx, const struct value *v, const char *p, bool reply,
			  struct flow_step *f)
{
	const char *name = next_token(ctx->arena, &p);
	const struct flow_word *w = find_word(name, f->proto);
	struct flow_item item = { .loc = v->loc };

	if (!w)
		return unknown_word(ctx, v, name, f);
	if (reply && w->begins)
		return err_input(ctx->err, &v->loc, "do: '%s' is nothing that `to` replies", name);
	item.error = w->error;
	if (check_before(ctx, v, f, w) || read_argument(ctx, v, w, &p, &item))
		return -EINVAL;
	if (w->parts[0].kind == FLOW_ERROR && read_by(ctx, v, &p, &item))
		return -EINVAL;
	if (*p)
		return err_input(ctx->err, &v->loc, "do: '%s' does not take '%s'", name, p);
	for (size_t i = 0; i < w->n_parts; i++) {
		item.kind = w->parts[i].kind;
		item.reply = w->answers || reply != w->parts[i].other;
		add_item(ctx, f, &item);
	}
	return 0;
}

/* "3 packets of 1200" */
static int read_packets_item(struct schema_ctx *ctx, const struct value *v, const char *p,
			     bool reply, struct flow_step *f)
{
	struct flow_item item = { .kind = FLOW_DATA, .reply = reply, .loc = v->loc };
	const char *count = next_token(ctx->arena, &p), *what = next_token(ctx->arena, &p);
	uint64_t n;

	if (!parse_u64(count, strlen(count), PACKETS_MAX, &n) || !n ||
	    (strcmp(what, "packets") != 0 && strcmp(what, "packet") != 0))
		return err_input(ctx->err, &v->loc,
				 "do: expected a number of packets such as: 3 packets, reply 3 "
				 "packets of 1200 (at most %d)",
				 PACKETS_MAX);
	if (read_of_size(ctx, v, &p, &item.size))
		return -EINVAL;
	if (*p)
		return err_input(ctx->err, &v->loc, "do: '%s' is too much here", p);
	while (n--)
		add_item(ctx, f, &item);
	return 0;
}

static int add_text(struct schema_ctx *ctx, const struct value *v, const char *text, bool reply,
		    struct flow_step *f)
{
	struct flow_item item = { .kind = FLOW_DATA,
				  .reply = reply,
				  .text = text,
				  .size = (uint32_t)strlen(text),
				  .loc = v->loc };

	if (item.size > DATA_MAX)
		return err_input(ctx->err, &v->loc, "do: more than %d bytes for one packet",
				 DATA_MAX);
	add_item(ctx, f, &item);
	return 0;
}

/* {reply: "HTTP/1.1 200 OK"}, {data: 1200} */
static int read_map_item(struct schema_ctx *ctx, const struct value *v, struct flow_step *f)
{
	const char *key = v->n == 1 ? v->keys[0]->text : "", *text;
	const struct value *item;
	struct flow_item data = { .kind = FLOW_DATA, .loc = v->loc };

	if (strcmp(key, "reply") != 0 && strcmp(key, "data") != 0)
		return err_input(ctx->err, &v->loc,
				 "do: a map here says what data is sent: {data: \"...\"} or "
				 "{reply: \"...\"}, with text or a size in bytes");
	item = v->items[0];
	data.reply = key[0] == 'r';
	if (read_string(ctx, item, &text))
		return -EINVAL;
	if (item->quoted || !isdigit((unsigned char)text[0]))
		return add_text(ctx, item, text, data.reply, f);
	if (read_size(ctx, item, text, &data.size))
		return -EINVAL;
	add_item(ctx, f, &data);
	return 0;
}

int read_flow_item(struct schema_ctx *ctx, const struct value *v, void *flow)
{
	struct flow_step *f = flow;
	const char *p, *rest;
	size_t len;
	bool reply;

	if (v->kind == VALUE_MAP)
		return read_map_item(ctx, v, f);
	if (read_string(ctx, v, &p))
		return -EINVAL;
	if (v->quoted)
		return add_text(ctx, v, p, false, f);
	rest = p;
	reply = !strcmp(next_token(ctx->arena, &rest), "reply");
	p = reply ? rest : p;
	len = strlen(p);
	if (len >= 2 && p[0] == '"' && p[len - 1] == '"')
		return add_text(ctx, v, arena_strndup(ctx->arena, p + 1, len - 2), reply, f);
	if (isdigit((unsigned char)p[0]))
		return read_packets_item(ctx, v, p, reply, f);
	return read_word_item(ctx, v, len ? p : "packet", reply, f);
}
