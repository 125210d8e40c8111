// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a step showed, told as expectations: packets that came out alike are one item, then what the
 * step as a whole did.
 */
#include "report/record_expect.h"

#include <inttypes.h>
#include <string.h>

#include "judge/print.h"
#include "packet/field.h"
#include "target/maps_print.h"

#define GROUPS_SEARCHED 64 /* the last ones: beyond, a packet gets an item of its own */
#define VALUE_MAX	64 /* longer values are payload, of which the other fields tell enough */
#define ENTRIES_MAX	64 /* of one map and kind, listed; more are counted */
#define INDENT		"        " /* of keys within an item */

/* ---- packets ---- */

struct group { /* packets of which the same is expected */
	const char *text;
	struct packet_set packets;
};

struct groups {
	struct arena *a;
	struct group *list;
	size_t n;
};

static void add_number(struct arena *a, struct packet_set *s, uint32_t number)
{
	if (s->n && s->ranges[s->n - 1].last + 1 == number) {
		s->ranges[s->n - 1].last = number;
		return;
	}
	s->ranges = arena_grow(a, s->ranges, s->n, sizeof(*s->ranges));
	s->ranges[s->n++] = (struct packet_range){ number, number };
}

static void add_packet(struct groups *g, const char *text, uint32_t number)
{
	for (size_t i = g->n; i > 0 && i + GROUPS_SEARCHED > g->n; i--) {
		if (strcmp(g->list[i - 1].text, text) == 0) {
			add_number(g->a, &g->list[i - 1].packets, number);
			return;
		}
	}
	g->list = arena_grow(g->a, g->list, g->n, sizeof(*g->list));
	g->list[g->n] = (struct group){ .text = arena_strdup(g->a, text) };
	add_number(g->a, &g->list[g->n++].packets, number);
}

struct fields {
	struct buf *out;
	bool any;
};

/* Checksums follow from the rest of the packet, and would keep packets apart that are alike: that they
 * are right, or wrong, is what is expected of them.
 */
static bool is_checksum(const char *name)
{
	return strstr(name, "checksum") != NULL;
}

static void add_checksums(struct fields *to, const struct frame *now, const struct layers *l)
{
	const struct field *f;

	for (size_t i = 0; (f = field_at(i)); i++) {
		__cleanup_buf struct buf state = BUF_INIT;
		const char *status = strstr(field_name(f), ".checksum.status");

		if (!status || status[strlen(".checksum.status")] ||
		    !field_get(f, now->data, now->len, l, &state))
			continue;
		buf_printf(to->out, "%s%s: %s", to->any ? ", " : INDENT "packet: {", field_name(f),
			   buf_str(&state));
		to->any = true;
	}
}

static void add_field(void *arg, const struct field *f, const char *was, const char *is)
{
	struct fields *to = arg;

	(void)was;
	if (strcmp(is, "absent") == 0 || strlen(is) > VALUE_MAX || is_checksum(field_name(f)))
		return;
	buf_printf(to->out, "%s", to->any ? ", " : INDENT "packet: {");
	if (strchr(field_name(f), '#'))
		buf_printf(to->out, "\"%s\": ", field_name(f));
	else
		buf_printf(to->out, "%s: ", field_name(f));
	record_scalar(to->out, is);
	to->any = true;
}

static void print_changed(struct buf *out, const struct frame *in, const struct frame *now)
{
	struct fields fields = { out, false };
	struct layers before, after;

	if (!in->data || !now->data ||
	    (in->len == now->len && memcmp(in->data, now->data, in->len) == 0))
		return;
	/* what could be parsed is filled in even where the packet is broken */
	packet_parse(in->data, in->len, LINK_ETHERNET, &before);
	packet_parse(now->data, now->len, LINK_ETHERNET, &after);
	field_diff(in->data, in->len, &before, now->data, now->len, &after, add_field, &fields);
	add_checksums(&fields, now, &after);
	if (fields.any)
		buf_puts(out, "}\n");
}

static void print_hop_redirect(struct buf *out, const struct hop *h)
{
	const struct hop_redirect *r;

	if (!h->n_redirects)
		return;
	r = &h->redirects[h->n_redirects - 1];
	buf_printf(out, INDENT "redirect: {helper: %s", word_name(&words_redirect, (int)r->kind));
	if (r->map) {
		buf_puts(out, ", map: ");
		record_scalar(out, r->map);
	}
	if (r->kind == NOTE_REDIRECT_MAP)
		buf_printf(out, ", key: %" PRIu32, r->key);
	if (r->ifindex)
		buf_printf(out, ", ifindex: %" PRIu32, r->ifindex);
	buf_printf(out, ", flags: %" PRIu64 "}\n", r->flags);
}

static void print_identities(struct buf *out, const struct hop *h)
{
	if (!h->has_identities)
		return;
	buf_puts(out, INDENT "identity: {src: ");
	print_identity(out, h->src_identity);
	buf_puts(out, ", dst: ");
	print_identity(out, h->dst_identity);
	buf_puts(out, "}\n");
}

static void print_last(struct buf *out, const struct trace *t, const struct hop *h, bool follow)
{
	buf_puts(out, INDENT "verdict: ");
	print_verdict(out, h->hook, h->verdict);
	buf_putc(out, '\n');
	if (follow && t->at) {
		buf_puts(out, INDENT "at: ");
		record_scalar(out, t->at);
		buf_printf(out, "\n" INDENT "program: %s\n", h->program);
	}
	if (h->drop_reason && t->outcome == OUTCOME_DROPPED) {
		const char *name = word_name(&words_drop_reason, h->drop_reason);

		if (name)
			buf_printf(out, INDENT "drop_reason: %s\n", name);
	}
	if (h->ct != CT_STATE_UNKNOWN)
		buf_printf(out, INDENT "ct: %s\n", print_ct(h->ct));
	print_identities(out, h);
	print_hop_redirect(out, h);
	print_changed(out, &t->frame, &h->out);
}

static void print_packet(struct buf *out, const struct trace *t, bool follow)
{
	buf_printf(out, INDENT "outcome: %s\n", word_name(&words_outcome, (int)t->outcome));
	if (t->n_hops)
		print_last(out, t, &t->hops[t->n_hops - 1], follow);
}

static bool is_known(const struct trace *t)
{
	return t->outcome != OUTCOME_UNMODELLED && t->outcome != OUTCOME_NONE;
}

static void print_groups(struct buf *out, const struct groups *g)
{
	for (size_t i = 0; i < g->n; i++) {
		buf_puts(out, "      - packets: ");
		packet_set_print(out, &g->list[i].packets);
		buf_printf(out, "\n%s", g->list[i].text);
	}
}

/* Whether anything is expected of a packet. */
static bool expect_packets(struct buf *out, const struct step_trace *t, bool follow)
{
	struct groups known = { arena_new(), NULL, 0 }, unknown = { known.a, NULL, 0 };
	__cleanup_buf struct buf text = BUF_INIT;
	bool any;

	for (size_t i = 0; i < t->n_packets; i++) {
		const struct trace *p = &t->packets[i];

		if (is_known(p)) {
			buf_reset(&text);
			print_packet(&text, p, follow);
			add_packet(&known, buf_str(&text), p->number);
		} else {
			add_packet(&unknown, p->why ? p->why : "not sent", p->number);
		}
	}
	for (size_t i = 0; i < unknown.n; i++) {
		buf_puts(out, "      # nothing is expected of packets ");
		packet_set_print(out, &unknown.list[i].packets);
		buf_printf(out, ": %.*s\n", (int)strcspn(unknown.list[i].text, "\n"),
			   unknown.list[i].text);
	}
	print_groups(out, &known);
	any = known.n;
	arena_free(known.a);
	return any;
}

/* ---- events ---- */

struct count {
	int type, subtype; /* subtype -1: all of the type */
	uint64_t n;
};

struct counts {
	struct arena *a;
	struct count *list;
	size_t n;
};

static void count_one(struct counts *c, int type, int subtype)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->list[i].type == type && c->list[i].subtype == subtype) {
			c->list[i].n++;
			return;
		}
	}
	c->list = arena_grow(c->a, c->list, c->n, sizeof(*c->list));
	c->list[c->n++] = (struct count){ type, subtype, 1 };
}

static const char *subtype_name(int type, int subtype)
{
	return type == EVENT_DROP    ? word_name(&words_drop_reason, subtype)
	       : type == EVENT_TRACE ? word_name(&words_trace_point, subtype)
				     : NULL;
}

static void count_events(struct counts *c, const struct step_trace *t)
{
	for (size_t i = 0; i < t->n_packets; i++) {
		for (size_t j = 0; j < t->packets[i].n_hops; j++) {
			const struct hop *h = &t->packets[i].hops[j];

			for (size_t k = 0; k < h->n_events; k++) {
				int type = (int)h->events[k].type, sub = h->events[k].subtype;

				if (!word_name(&words_event_type, type))
					continue;
				count_one(c, type, -1);
				if (subtype_name(type, sub))
					count_one(c, type, sub);
			}
		}
	}
}

/* Prints what follows "- " of an item; false: there were none. */
static bool expect_events(struct buf *out, const struct step_trace *t)
{
	struct counts c = { arena_new(), NULL, 0 };
	bool any;

	count_events(&c, t);
	any = c.n && !step_lost(t);
	for (size_t i = 0; i < c.n && any; i++) {
		const struct count *n = &c.list[i];

		buf_printf(out, "%s%s", i ? ", " : "      - events: {",
			   word_name(&words_event_type, n->type));
		if (n->subtype >= 0)
			buf_printf(out, "/%s", subtype_name(n->type, n->subtype));
		buf_printf(out, ": %" PRIu64, n->n);
	}
	if (any)
		buf_puts(out, "}\n");
	arena_free(c.a);
	return any;
}

/* ---- maps ---- */

/* What happened to one map in one way. */
struct change_list {
	const char *map;
	enum map_change_kind kind;
	size_t n;
};

struct change_lists {
	struct arena *a;
	struct change_list *list; /* those of a map stand together */
	size_t n;
};

static bool is_of(const struct change_list *l, const struct node_map_change *ch)
{
	return l->kind == ch->kind && strcmp(l->map, ch->map) == 0;
}

static void count_change(struct change_lists *c, const struct node_map_change *ch)
{
	for (size_t i = c->n; i > 0; i--) {
		if (is_of(&c->list[i - 1], ch)) {
			c->list[i - 1].n++;
			return;
		}
	}
	c->list = arena_grow(c->a, c->list, c->n, sizeof(*c->list));
	c->list[c->n++] = (struct change_list){ ch->map, ch->kind, 1 };
}

static void print_entry(struct buf *out, const struct node_map_change *ch, bool values)
{
	const struct value *v = ch->kind == MAP_REMOVED ? ch->was : ch->is;
	/* a bare number that was seeded stands on every CPU: the sum is that of this machine */
	bool of_machine = ch->per_cpu && v && v->kind == VALUE_SCALAR;

	buf_puts(out, "              - {key: ");
	maps_print_value(out, ch->key, false);
	if (values && v && !of_machine) {
		buf_puts(out, ", value: ");
		maps_print_value(out, v, false);
	}
	buf_puts(out, "}\n");
}

static void print_list(struct buf *out, const struct step_trace *t, const struct change_list *l,
		       bool values)
{
	buf_printf(out, "            %s:\n", map_kind_name(l->kind));
	for (size_t i = 0; i < t->n_changes; i++)
		if (is_of(l, &t->changes[i]))
			print_entry(out, &t->changes[i], values);
}

/* An item of its own for how many there were: a list says of each entry that it must be there, and nothing
 * of others.
 */
static void expect_maps(struct buf *out, const struct step_trace *t, enum record_detail detail,
			bool entries)
{
	struct change_lists c = { arena_new(), NULL, 0 };
	const char *map = NULL;
	bool any = false;

	for (size_t i = 0; i < t->n_changes; i++)
		if (t->changes[i].kind <= MAP_REMOVED)
			count_change(&c, &t->changes[i]);
	for (size_t i = 0; i < c.n; i++) {
		const struct change_list *l = &c.list[i];

		if (entries && l->n > ENTRIES_MAX)
			continue;
		if (!any)
			buf_puts(out, "      - maps:\n");
		if (!map || strcmp(map, l->map) != 0)
			buf_printf(out, "          %s:\n", l->map);
		any = true;
		map = l->map;
		if (entries)
			print_list(out, t, l, detail == RECORD_VALUES);
		else
			buf_printf(out, "            %s: %zu\n", map_kind_name(l->kind), l->n);
	}
	arena_free(c.a);
}

/* ---- all of it ---- */

void record_expects(struct buf *out, const struct step_trace *t, enum record_detail detail,
		    bool follow)
{
	__cleanup_buf struct buf items = BUF_INIT;
	bool any = expect_packets(&items, t, follow);
	size_t len;

	any = expect_events(&items, t) || any;
	len = items.len;
	if (detail <= RECORD_COUNTS)
		expect_maps(&items, t, detail, false);
	if (detail <= RECORD_KEYS)
		expect_maps(&items, t, detail, true);
	/* comments alone are no list */
	if (any || items.len > len)
		buf_puts(out, "    expect:\n");
	buf_puts(out, buf_str(&items));
}
