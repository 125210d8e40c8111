// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packet by packet, hop by hop, beside the run as it is written. */
#include "judge/sweep.h"

#include <string.h>

#include "judge/print.h"
#include "judge/sweep_parts.h"

#define CIDR_IDENTITY (1u << 24) /* allocated for a network, in the order they are met */

static const char *text(struct sweeping *s, struct buf *b)
{
	const char *t = arena_strdup(s->a, buf_str(b));

	buf_free(b);
	return t;
}

void sweep_differs(struct sweeping *s, const struct hop *hop, const char *field,
		   const char *expected, const char *actual)
{
	struct step_result *step = &s->res->steps[s->index];

	step->diffs = arena_grow(s->a, step->diffs, step->n_diffs, sizeof(*step->diffs));
	step->diffs[step->n_diffs++] = (struct difference){
		.loc = s->loc,
		.step = step->step->index,
		.packet = s->is ? s->is : NULL,
		.hop = hop,
		.variant = s->v->name,
		.index = s->packet,
		.field = field,
		.expected = expected,
		.actual = actual,
	};
	s->out->n_diffs++;
}

static int reason_of(const struct hop *h, bool other_family)
{
	/* UNKNOWN_ICMP4_CODE and _TYPE have their like 2 higher up */
	if (other_family && (h->drop_reason == 143 || h->drop_reason == 144))
		return h->drop_reason + 2;
	return h->drop_reason;
}

static bool same_identity(const struct sweeping *s, uint32_t a, uint32_t b)
{
	if (a == b || !s->other_family)
		return a == b;
	return (a == 9 && b == 10) || (a & b & CIDR_IDENTITY);
}

/* ---- a hop ---- */

static const char *verdict_text(struct sweeping *s, const struct hop *h)
{
	struct buf b = BUF_INIT;

	if (h->not_run)
		buf_puts(&b, "not run");
	else
		print_verdict(&b, h->hook, h->verdict);
	if (h->drop_reason) {
		buf_puts(&b, " (");
		print_reason(&b, h);
		buf_putc(&b, ')');
	}
	return text(s, &b);
}

static const char *identities_text(struct sweeping *s, const struct hop *h)
{
	struct buf b = BUF_INIT;

	if (!h->has_identities)
		return "no event that tells";
	print_identity(&b, h->src_identity);
	buf_puts(&b, "->");
	print_identity(&b, h->dst_identity);
	return text(s, &b);
}

static const char *hop_text(struct sweeping *s, const struct hop *h)
{
	return h ? arena_printf(s->a, "%s %s", h->at, h->program) : "no more";
}

static unsigned events_of(const struct hop *h, enum event_type type)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->n_events; i++)
		n += h->events[i].type == type;
	return n;
}

static const char *events_text(struct sweeping *s, const struct hop *h)
{
	return arena_printf(s->a, "%u drop, %u trace, %u policy-verdict", events_of(h, EVENT_DROP),
			    events_of(h, EVENT_TRACE), events_of(h, EVENT_POLICY_VERDICT));
}

static const char *redirect_text(struct sweeping *s, const struct hop *h)
{
	const struct hop_redirect *r = h->n_redirects ? &h->redirects[h->n_redirects - 1] : NULL;

	if (!r)
		return "none";
	return arena_printf(s->a, "%s to %s", word_name(&words_redirect, (int)r->kind),
			    r->device ? r->device : "no device");
}

static bool same_hop(struct sweeping *s, const struct hop *was, const struct hop *is)
{
	const char *a, *b;

	if (!was || !is || strcmp(was->at, is->at) != 0 || strcmp(was->program, is->program) != 0)
		return sweep_differs(s, is, "hop", hop_text(s, was), hop_text(s, is)), false;
	if (was->verdict != is->verdict || was->not_run != is->not_run ||
	    reason_of(was, s->other_family) != reason_of(is, false))
		return sweep_differs(s, is, "verdict", verdict_text(s, was), verdict_text(s, is)),
		       false;
	if (was->ct != is->ct)
		return sweep_differs(s, is, "ct", print_ct(was->ct), print_ct(is->ct)), false;
	if (was->has_identities != is->has_identities ||
	    !same_identity(s, was->src_identity, is->src_identity) ||
	    !same_identity(s, was->dst_identity, is->dst_identity))
		return sweep_differs(s, is, "identity", identities_text(s, was),
				     identities_text(s, is)),
		       false;
	a = redirect_text(s, was);
	b = redirect_text(s, is);
	if (strcmp(a, b) != 0)
		return sweep_differs(s, is, "redirect", a, b), false;
	a = events_text(s, was);
	b = events_text(s, is);
	if (strcmp(a, b) != 0)
		return sweep_differs(s, is, "events", a, b), false;
	return true;
}

static bool same_hops(struct sweeping *s, const struct trace *was, const struct trace *is)
{
	for (size_t i = 0; i < was->n_hops || i < is->n_hops; i++)
		if (!same_hop(s, i < was->n_hops ? &was->hops[i] : NULL,
			      i < is->n_hops ? &is->hops[i] : NULL))
			return false;
	return true;
}

/* ---- a packet ---- */

static const char *outcome_text(struct sweeping *s, const struct trace *t)
{
	struct buf b = BUF_INIT;

	if (!t)
		return "no packet";
	print_outcome(&b, t);
	return text(s, &b);
}

static int last_reason(const struct trace *t, bool other_family)
{
	return t->outcome == OUTCOME_DROPPED && t->n_hops
		       ? reason_of(&t->hops[t->n_hops - 1], other_family)
		       : 0;
}

static bool same_outcome(struct sweeping *s, const struct trace *was, const struct trace *is)
{
	if (was->outcome == is->outcome &&
	    last_reason(was, s->other_family) == last_reason(is, false))
		return true;
	sweep_differs(s, NULL, "outcome", outcome_text(s, was), outcome_text(s, is));
	return false;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_place(struct sweeping *s, const struct trace *was, const struct trace *is)
{
	if (same_text(was->at, is->at))
		return true;
	sweep_differs(s, NULL, "at", was->at ? was->at : "nowhere", is->at ? is->at : "nowhere");
	return false;
}

static bool same_answer(struct sweeping *s, const struct trace *was, const struct trace *is)
{
	if (!was->answer != !is->answer)
		return sweep_differs(s, NULL, "answer", was->answer ? "an ICMP error" : "none",
				     is->answer ? "an ICMP error" : "none"),
		       false;
	return !was->answer ||
	       (same_outcome(s, was->answer, is->answer) && same_place(s, was->answer, is->answer));
}

/* A service chose where it went, or where it came from: its ends are others than the sender thinks. */
static bool was_chosen(const struct trace *t)
{
	struct ip_addr src, dst, to_src, to_dst;

	return t->final.data && frame_addresses(&t->frame, &src, &dst) &&
	       frame_addresses(&t->final, &to_src, &to_dst) &&
	       (!ip_addr_equal(&src, &to_src) || !ip_addr_equal(&dst, &to_dst));
}

static enum ct_state last_ct(const struct trace *t)
{
	return t->n_hops ? t->hops[t->n_hops - 1].ct : CT_STATE_UNKNOWN;
}

static void compare_choice(struct sweeping *s, const struct trace *was, const struct trace *is)
{
	if (!same_outcome(s, was, is))
		return;
	if (!was_chosen(was) && !was_chosen(is) && !same_place(s, was, is))
		return;
	if (same_text(was->at, is->at) && last_ct(was) != last_ct(is))
		sweep_differs(s, NULL, "ct", print_ct(last_ct(was)), print_ct(last_ct(is)));
}

static bool is_four(const struct frame *f)
{
	struct ip_addr src, dst;

	return frame_addresses(f, &src, &dst) && src.family == 4;
}

/* It ends there, or, of an answer, begins there. */
static bool is_elsewhere(const struct trace *was, const struct trace *is)
{
	return !same_text(was->at, is->at) ||
	       (was->n_hops && is->n_hops && strcmp(was->hops[0].at, is->hops[0].at) != 0);
}

/* A packet that nobody could send follows from one that got lost, and that one has been told. */
static bool is_consequence(const struct sweeping *s, const struct trace *is)
{
	return is->outcome == OUTCOME_NONE && s->out->n_diffs;
}

static void compare_packet(struct sweeping *s, const struct trace *was, const struct trace *is)
{
	if (is_consequence(s, is))
		return;
	s->other_family =
		s->v->kind == VARIANT_IPV6 && is_four(&was->frame) && !is_four(&is->frame);
	/* which backend it is may hang on the addresses */
	if (s->v->kind == VARIANT_SEEDS ||
	    (s->other_family && is_elsewhere(was, is) && was_chosen(was) && was_chosen(is))) {
		compare_choice(s, was, is);
		return;
	}
	if (same_outcome(s, was, is) && same_place(s, was, is) && same_hops(s, was, is) &&
	    sweep_same_headers(s, was, is))
		same_answer(s, was, is);
}

/* ---- a step ---- */

static size_t entries(const struct step_trace *t, const struct node_map_change *like)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_changes; i++)
		n += t->changes[i].kind == like->kind && !strcmp(t->changes[i].map, like->map) &&
		     same_text(t->changes[i].node, like->node);
	return n;
}

static bool told(const struct step_trace *t, size_t until)
{
	for (size_t i = 0; i < until; i++)
		if (t->changes[i].kind == t->changes[until].kind &&
		    !strcmp(t->changes[i].map, t->changes[until].map) &&
		    same_text(t->changes[i].node, t->changes[until].node))
			return true;
	return false;
}

static void compare_entries(struct sweeping *s, const struct step_trace *by,
			    const struct step_trace *was, const struct step_trace *is)
{
	for (size_t i = 0; i < by->n_changes; i++) {
		const struct node_map_change *c = &by->changes[i];
		size_t a = entries(was, c), b = entries(is, c);

		if (a == b || told(by, i) || (by == is && a))
			continue;
		sweep_differs(s, NULL,
			      arena_printf(s->a, "maps: %s: %s: %s", c->node ? c->node : "", c->map,
					   map_kind_name(c->kind)),
			      arena_printf(s->a, "%zu", a), arena_printf(s->a, "%zu", b));
	}
}

static void compare_step(struct sweeping *s, const struct step_trace *was,
			 const struct step_trace *is)
{
	for (size_t i = 0; i < was->n_packets || i < is->n_packets; i++) {
		bool both = i < was->n_packets && i < is->n_packets;

		s->packet = i;
		s->was = i < was->n_packets ? &was->packets[i] : NULL;
		s->is = i < is->n_packets ? &is->packets[i] : NULL;
		if (both)
			compare_packet(s, s->was, s->is);
		else
			sweep_differs(s, NULL, "outcome", outcome_text(s, s->was),
				      outcome_text(s, s->is));
	}
	s->was = s->is = NULL;
	/* each family has maps of its own; a service that chooses otherwise makes entries elsewhere */
	if (s->v->kind == VARIANT_IPV6 || s->v->kind == VARIANT_SEEDS)
		return;
	compare_entries(s, was, was, is);
	compare_entries(s, is, was, is);
}

static bool was_summed(const struct trace *t)
{
	for (size_t i = 0; i < t->n_hops; i++)
		if (t->hops[i].summed)
			return true;
	return false;
}

/* How many the variant changed: whether a device sums up a packet shows on its way. */
static uint64_t varied(const struct variant *v, const struct run_trace *t)
{
	uint64_t n = 0;

	if (v->kind != VARIANT_CHECKSUM_COMPLETE)
		return t->n_varied;
	for (size_t i = 0; i < t->n_steps; i++)
		for (size_t j = 0; j < t->steps[i].n_packets; j++)
			n += was_summed(&t->steps[i].packets[j]);
	return n;
}

/* NULL: all were changed, or none was sent. */
static const char *why_left(const struct variant *v, const struct run_trace *t, uint64_t varied)
{
	if (t->refused)
		return t->refused;
	return v->kind == VARIANT_CHECKSUM_COMPLETE && varied < t->n_varied
		       ? "it comes in from no wire, so no device sums it up"
		       : t->left;
}

void judge_variant(struct arena *a, const struct variant *v, const struct run_trace *t,
		   struct scenario_result *res, struct sweep_result *out)
{
	const struct scenario *sc = res->scenario;
	struct sweeping s = { .a = a, .v = v, .res = res, .t = t, .out = out };

	out->n_varied = varied(v, t);
	out->why = why_left(v, t, out->n_varied);
	if (t->refused || (v->kind != VARIANT_SEEDS && !out->n_varied)) {
		out->status = SWEEP_NOT_RUN;
		return;
	}
	for (size_t i = 0; i < res->n_steps; i++) {
		s.index = i;
		s.loc = sc->sweep && sc->sweep->loc.file ? sc->sweep->loc : sc->steps[i].loc;
		if (i < t->n_steps && i < res->trace->n_steps)
			compare_step(&s, &res->trace->steps[i], &t->steps[i]);
	}
	out->status = out->n_diffs ? SWEEP_DIFFERS : SWEEP_SAME;
	if (out->n_diffs)
		res->status = STATUS_FAILED;
}
