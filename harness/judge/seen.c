// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets against what another vantage point captured of them. Translation has given them other ends
 * than there: a flow's first packet tells which stand for which, and later ones must have them too.
 */
#include <string.h>

#include "judge/check.h"
#include "packet/ends.h"

struct pair { /* of one flow: as captured there, and as seen here */
	struct packet_ends there, here;
};

struct comparison {
	struct check *c;
	const struct seen_trace *seen;
	const struct seen_packet *there;
	const struct trace *here;
	const struct hop *hop;
	struct pair *pairs;
	size_t n_pairs;
};

/* The packet as it came by at the place; NULL: it did not. */
static const struct frame *frame_at(const struct trace *t, const char *at, const struct hop **hop)
{
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];

		if (strcmp(h->at, at) != 0 || h->not_run)
			continue;
		*hop = h;
		return h->hook == HOOK_TC_EGRESS && h->out.data ? &h->out : &h->in;
	}
	*hop = NULL;
	return t->at && strcmp(t->at, at) == 0 && t->final.data ? &t->final : NULL;
}

static bool same_ends(const struct packet_ends *a, const struct packet_ends *b)
{
	return a->proto == b->proto && packet_end_equal(&a->src, &b->src) &&
	       packet_end_equal(&a->dst, &b->dst);
}

/* What the ends captured there are here; false: it is a flow's first packet, which tells it. */
static bool ends_here(const struct comparison *m, const struct packet_ends *there,
		      struct packet_ends *here)
{
	struct packet_ends back = packet_ends_reverse(there);

	for (size_t i = 0; i < m->n_pairs; i++) {
		if (same_ends(&m->pairs[i].there, there)) {
			*here = m->pairs[i].here;
			return true;
		}
		if (same_ends(&m->pairs[i].there, &back)) {
			*here = packet_ends_reverse(&m->pairs[i].here);
			return true;
		}
	}
	return false;
}

static bool is_free(const struct vantage *v, const struct field *f)
{
	const char *name = field_name(f);
	bool ttl = false;

	for (size_t i = 0; i < v->n_free; i++) {
		if (v->free[i] == f)
			return true;
		ttl |= strcmp(field_name(v->free[i]), "ip.ttl") == 0;
	}
	return strncmp(name, "eth.", 4) == 0 || (ttl && strcmp(name, "ip.checksum") == 0);
}

static void report(void *arg, const struct field *f, const char *was, const char *is)
{
	struct comparison *m = arg;
	struct check *c = m->c;

	if (is_free(m->seen->vantage, f))
		return;
	check_differs(c, &m->seen->vantage->loc, m->here, m->hop,
		      check_text(c, "seen at %s: %s", m->seen->vantage->at, field_name(f)),
		      check_text(c, "%s (packet %u there)", was, m->there->number),
		      check_text(c, "%s", is), NULL);
}

/* True: the ends are those that stand here for what they are there. */
static bool stand_for(struct comparison *m, const struct packet_ends *there,
		      const struct packet_ends *here)
{
	struct packet_ends want;

	if (ends_here(m, there, &want))
		return same_ends(&want, here);
	m->pairs = arena_grow(m->c->arena, m->pairs, m->n_pairs, sizeof(*m->pairs));
	m->pairs[m->n_pairs++] = (struct pair){ *there, *here };
	return true;
}

/* The frame with the ends that it has there, so that what else differs remains; of an ICMP error the packet that it
 * quotes, which is one of a flow as any other.
 */
static void compare(struct comparison *m, const struct frame *frame)
{
	struct check *c = m->c;
	struct frame f = *frame;
	struct packet_ends there, here;
	struct layers lt, lf;

	c->checks++;
	f.data = arena_memdup(c->arena, f.data, f.len);
	if (frame_ends(&m->there->frame, &there) && frame_ends(frame, &here) &&
	    stand_for(m, &there, &here))
		frame_set_ends(&f, &there);
	if (frame_quoted_ends(&m->there->frame, &there) && frame_quoted_ends(frame, &here) &&
	    stand_for(m, &there, &here))
		frame_set_quoted_ends(&f, &there);
	packet_parse(m->there->frame.data, m->there->frame.len, LINK_ETHERNET, &lt);
	packet_parse(f.data, f.len, LINK_ETHERNET, &lf);
	field_diff(m->there->frame.data, m->there->frame.len, &lt, f.data, f.len, &lf, report, m);
}

void check_seen(struct check *c, const struct seen_trace *seen)
{
	struct comparison m = { .c = c, .seen = seen };
	size_t n = 0;

	for (size_t i = 0; i < c->trace->n_packets; i++) {
		const struct trace *t = &c->trace->packets[i];
		const struct frame *f = frame_at(t, seen->vantage->at, &m.hop);

		if (!f)
			continue;
		if (n < seen->n_packets) {
			m.there = &seen->packets[n];
			m.here = t;
			compare(&m, f);
		}
		n++;
	}
	c->checks++;
	if (n != seen->n_packets)
		check_differs(c, &seen->vantage->loc, NULL, NULL,
			      check_text(c, "seen at %s", seen->vantage->at),
			      check_text(c, "%zu packets, as captured there", seen->n_packets),
			      check_text(c, "%zu came by", n), NULL);
}
