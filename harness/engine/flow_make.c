// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes packets from the items of `do:`, keeping both sides' state. */
#include "engine/flow_make.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

#include "engine/flow_ends.h"
#include "packet/build.h"
#include "packet/bytes.h"

#define SPORT_FIRST 40000
#define GAP_NS	    100000 /* between packets */
#define WINDOW	    64240
#define MSS_4	    1460 /* of 1500 bytes less the headers */
#define MSS_6	    1440
#define ETH_HEADER  14

enum { FROM, TO };
enum { SCTP_DATA = 0, SCTP_INIT = 1, SCTP_INIT_ACK = 2, SCTP_ABORT = 6, SCTP_SHUTDOWN = 7 };
enum { SCTP_SHUTDOWN_ACK = 8, SCTP_COOKIE_ECHO = 10, SCTP_COOKIE_ACK = 11 };
enum { SCTP_SHUTDOWN_COMPLETE = 14 };

struct side {
	struct packet_end end;
	uint32_t seq; /* of the next byte; SCTP: TSN of the next chunk */
	uint32_t tag; /* SCTP */
	uint16_t ip_id;
	uint32_t last; /* number of its last packet, 0: none */
};

struct made { /* a flow */
	const struct flow_step *first; /* the step that began it */
	struct side side[2];
	uint32_t n; /* packets so far */
	uint64_t ts_ns; /* of the next */
	bool open; /* sequence numbers count from behind a handshake, sent or not */
	uint32_t handshake; /* number of its last packet; 0: the flow has none */
	struct frame before; /* the last packet, and from which side */
	int before_side;
	uint16_t echo_seq;
	struct frame echo; /* the last request */
	/* by number - 1: which packet each needs, 0: none; and whether it arrived */
	uint32_t *needs;
	bool *arrived;
	size_t n_needs, n_arrived;
};

struct flow_maker {
	struct arena *a;
	const struct cluster *c;
	const struct scenario *s;
	struct made *flows; /* by flow_step.index */
};

struct flow_maker *flow_maker_new(struct arena *a, const struct cluster *c,
				  const struct scenario *s)
{
	struct flow_maker *m = arena_new_of(a, struct flow_maker);

	*m = (struct flow_maker){ a, c, s, arena_alloc(a, (s->n_flows + 1) * sizeof(*m->flows)) };
	return m;
}

/* splitmix64: one seed, many numbers that have nothing to do with each other. */
static uint64_t number_of(uint64_t seed, uint64_t which)
{
	uint64_t z = seed + (which + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static int begin(struct flow_maker *m, const struct flow_step *f, struct made *flow,
		 struct err *err)
{
	int ret = flow_ends_resolve(m->c, m->s, f, m->a, &flow->side[FROM].end, &flow->side[TO].end,
				    err);

	if (ret)
		return ret;
	flow->first = f;
	flow->side[FROM].end.port = f->sport ? f->sport : (uint16_t)(SPORT_FIRST + f->index);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t n = number_of(m->s->seed, 2 * f->index + i);

		flow->side[i].seq = (uint32_t)n;
		flow->side[i].tag = (uint32_t)(n >> 32) | 1; /* 0 is no tag (RFC 9260, 3.3.2) */
		flow->side[i].ip_id = (uint16_t)(n >> 16);
	}
	return 0;
}

/* ---- what all packets share ---- */

struct making {
	struct flow_maker *m;
	struct made *flow;
	const struct flow_step *step;
	const struct flow_item *item;
	struct side *us, *them;
	struct build_ip ip;
};

static struct build_ip ip_of(struct making *k)
{
	return (struct build_ip){
		.src = k->us->end,
		.dst = k->them->end,
		.ttl = k->step->ttl,
		.tos = k->step->tos,
		.id = k->us->ip_id++,
	};
}

static const void *data_of(const struct making *k)
{
	uint8_t *filler;

	if (k->item->text)
		return k->item->text;
	filler = arena_alloc(k->m->a, k->item->size + 1);
	for (uint32_t i = 0; i < k->item->size; i++)
		filler[i] = (uint8_t)('a' + (k->flow->n + i) % 26);
	return filler;
}

/* ---- TCP ---- */

static uint8_t tcp_flags(enum flow_item_kind kind)
{
	switch (kind) {
	case FLOW_SYN:
		return TH_SYN;
	case FLOW_SYN_ACK:
		return TH_SYN | TH_ACK;
	case FLOW_FIN:
		return TH_FIN | TH_ACK;
	case FLOW_RST:
		return TH_RST | TH_ACK;
	case FLOW_DATA:
		return TH_PUSH | TH_ACK;
	default:
		return TH_ACK;
	}
}

static struct frame make_tcp(struct making *k)
{
	enum flow_item_kind kind = k->item->kind;
	uint16_t mss = k->flow->first->mss;
	uint32_t len = kind == FLOW_DATA ? k->item->size : 0;
	struct build_tcp tcp = { .flags = tcp_flags(kind), .window = WINDOW };

	if (kind != FLOW_SYN && kind != FLOW_SYN_ACK && !k->flow->open) {
		/* taken up in the middle: as if there had been a handshake */
		k->us->seq += !k->us->last;
		k->them->seq += !k->them->last;
	}
	k->flow->open |= kind != FLOW_SYN;
	tcp.seq = k->us->seq;
	tcp.ack = tcp.flags & TH_ACK ? k->them->seq : 0;
	if (kind == FLOW_SYN || kind == FLOW_SYN_ACK)
		tcp.mss = mss ? mss : k->ip.src.addr.family == 4 ? MSS_4 : MSS_6;
	k->us->seq += len + (kind == FLOW_SYN || kind == FLOW_SYN_ACK || kind == FLOW_FIN);
	return build_tcp(k->m->a, &k->ip, &tcp, len ? data_of(k) : NULL, len);
}

/* ---- SCTP ---- */

static const char cookie[] = "verdict cookie:"; /* 16 bytes with its end */

/* INIT and INIT ACK (RFC 9260, 3.3.2 and 3.3.3), the second with its state cookie. */
static uint32_t put_init(const struct making *k, uint8_t *v)
{
	put_be32(v, k->us->tag);
	put_be32(v + 4, 106496);
	put_be16(v + 8, 10);
	put_be16(v + 10, 10);
	put_be32(v + 12, k->us->seq);
	if (k->item->kind == FLOW_INIT)
		return 16;
	put_be16(v + 16, 7);
	put_be16(v + 18, 4 + sizeof(cookie));
	memcpy(v + 20, cookie, sizeof(cookie));
	return 20 + sizeof(cookie);
}

static uint32_t put_sctp_data(const struct making *k, uint8_t *v)
{
	put_be32(v, k->us->seq++);
	memcpy(v + 12, data_of(k), k->item->size);
	return 12 + k->item->size;
}

static struct frame make_sctp(struct making *k)
{
	static const struct {
		enum flow_item_kind kind;
		uint8_t type;
	} types[] = {
		{ FLOW_INIT, SCTP_INIT },
		{ FLOW_INIT_ACK, SCTP_INIT_ACK },
		{ FLOW_COOKIE_ECHO, SCTP_COOKIE_ECHO },
		{ FLOW_COOKIE_ACK, SCTP_COOKIE_ACK },
		{ FLOW_SHUTDOWN, SCTP_SHUTDOWN },
		{ FLOW_SHUTDOWN_ACK, SCTP_SHUTDOWN_ACK },
		{ FLOW_SHUTDOWN_COMPLETE, SCTP_SHUTDOWN_COMPLETE },
		{ FLOW_ABORT, SCTP_ABORT },
	};
	enum flow_item_kind kind = k->item->kind;
	uint8_t *value = arena_alloc(k->m->a, 64 + k->item->size);
	struct build_chunk chunk = { .type = SCTP_DATA, .value = value };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].kind == kind)
			chunk.type = types[i].type;
	if (kind == FLOW_INIT || kind == FLOW_INIT_ACK) {
		chunk.len = put_init(k, value);
	} else if (kind == FLOW_COOKIE_ECHO) {
		chunk.len = sizeof(cookie);
		memcpy(value, cookie, sizeof(cookie));
	} else if (kind == FLOW_SHUTDOWN) {
		chunk.len = 4;
		put_be32(value, k->them->seq - 1);
	} else if (kind == FLOW_DATA) {
		chunk.flags = 3; /* first and last piece */
		chunk.len = put_sctp_data(k, value);
	}
	return build_sctp(k->m->a, &k->ip, kind == FLOW_INIT ? 0 : k->them->tag, &chunk);
}

/* ---- ICMP ---- */

static struct frame make_echo(struct making *k)
{
	bool v4 = k->ip.src.addr.family == 4;
	struct frame *echo = &k->flow->echo;
	int at = ETH_HEADER + (v4 ? 20 : 40) + 8;

	if (k->item->reply && echo->data)
		return build_icmp(k->m->a, &k->ip, v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY, 0,
				  k->flow->echo_seq, echo->data + at, echo->len - (uint32_t)at);
	if (k->item->reply)
		return build_icmp(k->m->a, &k->ip, v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY, 0, 1,
				  data_of(k), k->item->size);
	*echo = build_icmp(k->m->a, &k->ip, v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST, 0,
			   ++k->flow->echo_seq, data_of(k), k->item->size);
	return *echo;
}

static void error_type(const struct flow_item *item, bool v4, uint8_t *type, uint8_t *code)
{
	static const uint8_t types[][4] = {
		[FLOW_PORT_UNREACHABLE] = { ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, ICMP6_DST_UNREACH,
					    ICMP6_DST_UNREACH_NOPORT },
		[FLOW_HOST_UNREACHABLE] = { ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, ICMP6_DST_UNREACH,
					    ICMP6_DST_UNREACH_ADDR },
		[FLOW_PROHIBITED] = { ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, ICMP6_DST_UNREACH,
				      ICMP6_DST_UNREACH_ADMIN },
		[FLOW_FRAG_NEEDED] = { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP6_PACKET_TOO_BIG,
				       0 },
		[FLOW_TTL_EXCEEDED] = { ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, ICMP6_TIME_EXCEEDED,
					ICMP6_TIME_EXCEED_TRANSIT },
	};

	*type = types[item->error][v4 ? 0 : 2];
	*code = types[item->error][v4 ? 1 : 3];
}

/* About the packet before, to whom it came from. */
static int make_error(struct making *k, struct frame *out, struct err *err)
{
	struct made *flow = k->flow;
	const struct side *to = &flow->side[flow->before_side];
	struct side *by = &flow->side[!flow->before_side];
	struct build_ip ip = { .src.addr = by->end.addr,
			       .dst.addr = to->end.addr,
			       .ttl = k->step->ttl };
	uint8_t family = to->end.addr.family, type, code;
	uint32_t len = flow->before.len - ETH_HEADER, max = build_quoted_max(family);
	int ret = 0;

	if (k->item->by)
		ret = flow_end_address(k->m->c, k->m->s, k->item->by, family, k->m->a, &ip.src.addr,
				       err);
	if (ret)
		return ret;
	ip.id = by->ip_id++;
	error_type(k->item, family == 4, &type, &code);
	*out = build_icmp(k->m->a, &ip, type, code, k->item->mtu, flow->before.data + ETH_HEADER,
			  len < max ? len : max);
	return 0;
}

/* ---- an item ---- */

static bool is_handshake(enum flow_item_kind kind)
{
	return kind == FLOW_SYN || kind == FLOW_SYN_ACK || kind == FLOW_INIT ||
	       kind == FLOW_INIT_ACK || kind == FLOW_COOKIE_ECHO || kind == FLOW_COOKIE_ACK;
}

/* The packet that has to have arrived before this one is sent. */
static uint32_t need_of(const struct making *k)
{
	const struct made *flow = k->flow;

	if (k->item->kind == FLOW_ERROR)
		return k->item->by ? 0 : flow->n;
	if (k->item->kind == FLOW_RETRANSMIT)
		return 0;
	if (k->item->reply)
		return flow->side[FROM].last;
	return k->item->kind == FLOW_SYN || k->item->kind == FLOW_INIT ? 0 : flow->handshake;
}

static int make_frame(struct making *k, struct frame *out, struct err *err)
{
	if (k->item->kind == FLOW_RETRANSMIT) {
		*out = k->flow->before;
		return 0;
	}
	if (k->item->kind == FLOW_ERROR)
		return make_error(k, out, err);
	k->ip = ip_of(k);
	if (k->step->proto == IPPROTO_TCP)
		*out = make_tcp(k);
	else if (k->step->proto == IPPROTO_UDP)
		*out = build_udp(k->m->a, &k->ip, data_of(k), k->item->size);
	else if (k->step->proto == IPPROTO_SCTP)
		*out = make_sctp(k);
	else
		*out = make_echo(k);
	return 0;
}

static void note_made(struct making *k, const struct frame *f, uint32_t needs)
{
	struct arena *a = k->m->a;
	struct made *flow = k->flow;
	bool answers = k->item->kind == FLOW_SYN_ACK || k->item->kind == FLOW_INIT_ACK ||
		       k->item->kind == FLOW_COOKIE_ACK;

	flow->n++;
	flow->needs = arena_grow(a, flow->needs, flow->n_needs, sizeof(*flow->needs));
	flow->needs[flow->n_needs++] = needs;
	flow->arrived = arena_grow(a, flow->arrived, flow->n_arrived, sizeof(*flow->arrived));
	flow->arrived[flow->n_arrived++] = false;
	if (is_handshake(k->item->kind) && answers)
		flow->handshake = flow->n;
	if (k->item->kind == FLOW_ERROR)
		return;
	flow->before = *f;
	if (k->item->kind == FLOW_RETRANSMIT) {
		flow->side[flow->before_side].last = flow->n;
		return;
	}
	flow->before_side = k->item->reply ? TO : FROM;
	k->us->last = flow->n;
}

static int make_item(struct flow_maker *m, const struct flow_step *f, struct made *flow,
		     const struct flow_item *item, struct capture_packet *out, struct err *err)
{
	struct making k = { .m = m, .flow = flow, .step = f, .item = item };
	struct frame frame;
	uint32_t needs;
	int ret;

	if ((item->kind == FLOW_RETRANSMIT || item->kind == FLOW_ERROR) && !flow->before.data)
		return err_input(err, &item->loc, "do: there is no packet before this");
	k.us = &flow->side[item->reply ? TO : FROM];
	k.them = &flow->side[item->reply ? FROM : TO];
	needs = need_of(&k);
	ret = make_frame(&k, &frame, err);
	if (ret)
		return ret;
	note_made(&k, &frame, needs);
	*out = (struct capture_packet){
		.number = flow->n,
		.ts_ns = flow->ts_ns,
		.linktype = LINK_ETHERNET,
		.data = frame.data,
		.caplen = frame.len,
		.len = frame.len,
	};
	flow->ts_ns += GAP_NS;
	return 0;
}

int flow_make(struct flow_maker *m, const struct flow_step *f, struct capture_packet **packets,
	      size_t *n, struct err *err)
{
	struct made *flow = &m->flows[f->index];
	int ret = f->earlier ? 0 : begin(m, f, flow, err);

	*n = 0;
	*packets = arena_alloc(m->a, f->n_packets * sizeof(**packets));
	for (size_t i = 0; i < f->n_items && !ret; i++) {
		if (f->items[i].kind == FLOW_IDLE)
			flow->ts_ns += f->items[i].idle_ns;
		else
			ret = make_item(m, f, flow, &f->items[i], &(*packets)[(*n)++], err);
	}
	return ret;
}

int flow_may_send(const struct flow_maker *m, const struct flow_step *f, uint32_t number,
		  const char **why)
{
	const struct made *flow = &m->flows[f->index];
	uint32_t needs = flow->needs[number - 1];

	if (!needs || flow->arrived[needs - 1])
		return 0;
	*why = arena_printf(m->a, "packet %u, which it answers or builds on, did not arrive",
			    needs);
	return 1;
}

void flow_note_sent(struct flow_maker *m, const struct flow_step *f, uint32_t number,
		    enum outcome outcome)
{
	m->flows[f->index].arrived[number - 1] =
		outcome == OUTCOME_DELIVERED || outcome == OUTCOME_SENT;
}
