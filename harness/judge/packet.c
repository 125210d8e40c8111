// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One packet against the packet part of an expectation: its end, its hops, its bytes. */
#include <string.h>

#include "judge/check.h"

/* Bytes and layers of one moment of a packet; parsed once an expectation, only where fields ask. */
struct view {
	const struct frame *frame;
	struct layers layers;
	bool parsed;
};

static bool part_empty(const struct packet_expect *p)
{
	return !p->has_outcome && !p->at && !p->program && !p->has_verdict && !p->has_reason &&
	       !p->has_ct && !p->has_src_identity && !p->has_dst_identity && !p->n_fields &&
	       !p->n_live && !p->redirect;
}

bool packet_part_exists(const struct expect *e)
{
	return !part_empty(&e->last) || e->n_hops || e->tree;
}

/* False: there are no such bytes. */
static bool field_holds(struct view *v, const struct field_expect *f)
{
	if (!v->frame->data)
		return false;
	if (!v->parsed) {
		/* what could be parsed is filled in even where the packet is broken */
		packet_parse(v->frame->data, v->frame->len, LINK_ETHERNET, &v->layers);
		v->parsed = true;
	}
	return field_matches(f->field, v->frame->data, v->frame->len, &v->layers, f->value);
}

bool packet_covered(const struct expect *e, const struct trace *t)
{
	struct view v = { .frame = &t->captured };

	if (e->packets.n && !packet_set_has(&e->packets, t->number))
		return false;
	for (size_t i = 0; i < e->n_match; i++)
		if (!field_holds(&v, &e->match[i]))
			return false;
	return true;
}

static void check_verdict(struct check *c, const struct packet_expect *p, const struct trace *t,
			  const struct hop *h)
{
	__cleanup_buf struct buf want = BUF_INIT, got = BUF_INIT;
	const struct word_table *words = p->verdict_words;

	c->checks++;
	/* XDP_PASS and TC_ACT_SHOT are both 2 */
	if (h->verdict == p->verdict && (!words || words == words_verdict(h->hook)))
		return;
	if (words && word_name(words, p->verdict))
		buf_puts(&want, word_name(words, p->verdict));
	else
		print_verdict(&want, h->hook, p->verdict);
	print_verdict(&got, h->hook, h->verdict);
	if (h->verdict_inferred)
		buf_puts(&got, " (concluded from what came out)");
	check_differs(c, &p->verdict_loc, t, h, "verdict", check_text(c, "%s", buf_str(&want)),
		      check_text(c, "%s", buf_str(&got)), NULL);
}

static void check_reason(struct check *c, const struct packet_expect *p, const struct trace *t,
			 const struct hop *h)
{
	__cleanup_buf struct buf got = BUF_INIT;
	const char *name = word_name(&words_drop_reason, p->reason);
	const char *text = word_text(&words_drop_reason, p->reason);

	c->checks++;
	if (h->drop_reason == p->reason)
		return;
	if (h->drop_reason) {
		print_reason(&got, h);
	} else if (hop_drops(h)) {
		buf_puts(&got, "dropped, but no drop event told the reason");
	} else {
		buf_puts(&got, "not dropped: ");
		print_verdict(&got, h->hook, h->verdict);
	}
	check_differs(c, &p->reason_loc, t, h, "drop_reason",
		      name ? check_text(c, "%s %d (%s)", name, p->reason, text)
			   : check_text(c, "%d", p->reason),
		      check_text(c, "%s", buf_str(&got)), NULL);
}

static void check_ct(struct check *c, const struct packet_expect *p, const struct trace *t,
		     const struct hop *h)
{
	c->checks++;
	if (h->ct == p->ct)
		return;
	check_differs(c, &p->ct_loc, t, h, "ct", print_ct(p->ct),
		      h->ct == CT_STATE_UNKNOWN ? "unknown, no event told it" : print_ct(h->ct),
		      NULL);
}

static void check_identity(struct check *c, const struct loc *loc, const struct trace *t,
			   const struct hop *h, const char *field, uint32_t want, uint32_t got)
{
	__cleanup_buf struct buf w = BUF_INIT, g = BUF_INIT;

	c->checks++;
	if (h->has_identities && want == got)
		return;
	print_identity(&w, want);
	if (h->has_identities)
		print_identity(&g, got);
	else
		buf_puts(&g, "unknown, no event told it");
	check_differs(c, loc, t, h, field, check_text(c, "%s", buf_str(&w)),
		      check_text(c, "%s", buf_str(&g)), NULL);
}

static void check_field(struct check *c, const struct field_expect *f, const struct trace *t,
			const struct hop *h, struct view *v)
{
	__cleanup_buf struct buf got = BUF_INIT;

	c->checks++;
	if (field_holds(v, f))
		return;
	if (!v->frame->data ||
	    !field_get(f->field, v->frame->data, v->frame->len, &v->layers, &got)) {
		buf_reset(&got);
		buf_puts(&got, "the packet has no such field");
	}
	check_differs(c, &f->loc, t, h, field_name(f->field), f->value,
		      check_text(c, "%s", buf_str(&got)), NULL);
}

static void print_redirect_expect(struct buf *out, const struct redirect_expect *r)
{
	buf_puts(out, r->helper ? word_name(&words_redirect, r->helper) : "a redirect");
	if (r->map)
		buf_printf(out, " by map %s", r->map);
	if (r->has_key)
		buf_printf(out, " key %u", r->key);
	if (r->has_ifindex)
		buf_printf(out, " to ifindex %u", r->ifindex);
	if (r->has_flags)
		buf_printf(out, " flags %#llx", (unsigned long long)r->flags);
}

static bool redirect_holds(const struct redirect_expect *want, const struct hop_redirect *got)
{
	return (!want->helper || want->helper == (int)got->kind) &&
	       (!want->has_ifindex || want->ifindex == got->ifindex) &&
	       (!want->has_flags || want->flags == got->flags) &&
	       (!want->has_key || want->key == got->key) &&
	       (!want->map || (got->map && strcmp(want->map, got->map) == 0));
}

static void check_redirect(struct check *c, const struct packet_expect *p, const struct trace *t,
			   const struct hop *h)
{
	const struct hop_redirect *got = h->n_redirects ? &h->redirects[h->n_redirects - 1] : NULL;
	__cleanup_buf struct buf want = BUF_INIT, is = BUF_INIT;

	c->checks++;
	if (got && redirect_holds(p->redirect, got))
		return;
	print_redirect_expect(&want, p->redirect);
	if (got)
		print_redirect(&is, got);
	else
		buf_puts(&is, h->observed
				      ? "no redirect was asked for"
				      : "unknown: the program's helper calls were not replaced");
	check_differs(c, &p->redirect->loc, t, h, "redirect", check_text(c, "%s", buf_str(&want)),
		      check_text(c, "%s", buf_str(&is)), NULL);
}

/* Everything but place and program, which choose the hop; shared by the packet's end and by hops. */
static void check_hop_fields(struct check *c, const struct packet_expect *p, const struct trace *t,
			     const struct hop *h)
{
	if (p->has_verdict)
		check_verdict(c, p, t, h);
	if (p->has_reason)
		check_reason(c, p, t, h);
	if (p->has_ct)
		check_ct(c, p, t, h);
	if (p->has_src_identity)
		check_identity(c, &p->src_identity_loc, t, h, "identity.src", p->src_identity,
			       h->src_identity);
	if (p->has_dst_identity)
		check_identity(c, &p->dst_identity_loc, t, h, "identity.dst", p->dst_identity,
			       h->dst_identity);
	if (p->redirect)
		check_redirect(c, p, t, h);
}

static const struct frame *hop_frame(const struct hop *h)
{
	return h->out.data ? &h->out : &h->in;
}

static void check_hop(struct check *c, const struct packet_expect *p, const struct trace *t,
		      const struct hop *h)
{
	struct view v = { .frame = hop_frame(h) };

	check_hop_fields(c, p, t, h);
	for (size_t i = 0; i < p->n_fields; i++)
		check_field(c, &p->fields[i], t, h, &v);
}

/* The packet that tells what the flow's receiver sees is called what the script calls it, whatever it
 * looks like: that can be asked of the packets behind it alone.
 */
static bool cannot_fail(struct check *c, const struct field_expect *f, const struct trace *t,
			const struct hop *last, struct view *script, struct view *live)
{
	__cleanup_buf struct buf got = BUF_INIT;

	if (!t->binds || !field_holds(script, f) || field_holds(live, f) ||
	    !field_get(f->field, live->frame->data, live->frame->len, &live->layers, &got))
		return false;
	c->checks++;
	check_differs(c, &f->loc, t, last, field_name(f->field), "something that can fail",
		      check_text(c, "this packet defines it: %s arrived, which `live:` can ask for",
				 buf_str(&got)),
		      NULL);
	return true;
}

/* Fields of the packet as it ended: in the words of the script, and as it was. */
static void check_end_fields(struct check *c, const struct packet_expect *p, const struct trace *t,
			     const struct hop *last)
{
	const struct frame *seen = t->final.data ? &t->final : last ? hop_frame(last) : &t->final;
	struct view live = { .frame = seen };
	struct view script = { .frame = t->received.data ? &t->received : seen };

	for (size_t i = 0; i < p->n_fields; i++)
		if (!cannot_fail(c, &p->fields[i], t, last, &script, &live))
			check_field(c, &p->fields[i], t, last, &script);
	for (size_t i = 0; i < p->n_live; i++)
		check_field(c, &p->live[i], t, last, &live);
}

/* True if the outcome lets the rest of the expectation be judged at all. */
static bool check_outcome(struct check *c, const struct expect *e, const struct trace *t,
			  const struct hop *last)
{
	const struct packet_expect *p = &e->last;
	__cleanup_buf struct buf got = BUF_INIT;

	c->checks++;
	if (t->outcome == OUTCOME_UNMODELLED || t->outcome == OUTCOME_NONE) {
		bool known = p->has_outcome && p->outcome != OUTCOME_UNMODELLED;

		print_outcome(&got, t);
		check_differs(c, p->has_outcome ? &p->outcome_loc : &e->loc, t, last, "outcome",
			      known ? word_name(&words_outcome, p->outcome)
				    : "an outcome that can be known",
			      check_text(c, "%s", buf_str(&got)), NULL);
		return false;
	}
	if (!p->has_outcome || p->outcome == t->outcome)
		return true;
	print_outcome(&got, t);
	check_differs(c, &p->outcome_loc, t, last, "outcome", word_name(&words_outcome, p->outcome),
		      check_text(c, "%s", buf_str(&got)), NULL);
	return true;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static void check_place(struct check *c, const struct packet_expect *p, const struct trace *t,
			const struct hop *last)
{
	const char *where = last ? last->at : t->at;

	c->checks++;
	if (same(p->at, t->at) || (last && same(p->at, last->at)))
		return;
	/* either may be meant: who got it, and where a program saw it last */
	if (last && t->at && !same(t->at, last->at))
		where = check_text(c, "%s (its last program at %s)", t->at, last->at);
	check_differs(c, &p->at_loc, t, last, "at", p->at, where ? where : "nowhere", NULL);
}

/* The packet's end: its last hop, and where it ended. */
static void check_end(struct check *c, const struct expect *e, const struct trace *t,
		      const struct hop *last)
{
	struct packet_expect rest = e->last;

	if (e->last.at)
		check_place(c, &e->last, t, last);
	rest.has_outcome = false;
	rest.at = NULL;
	if (last || t->final.data) {
		check_end_fields(c, &rest, t, last);
		rest.n_fields = rest.n_live = 0;
	}
	if (part_empty(&rest))
		return;
	if (!last) {
		c->checks++;
		check_differs(c, &e->loc, t, NULL, "hops", "a program that sees the packet",
			      "no program saw it", NULL);
		return;
	}
	if (rest.program) {
		c->checks++;
		if (!same(rest.program, last->program))
			check_differs(c, &rest.program_loc, t, last, "program", rest.program,
				      last->program, NULL);
	}
	check_hop_fields(c, &rest, t, last);
}

static bool hop_meant(const struct packet_expect *p, const struct hop *h)
{
	return (!p->at || same(p->at, h->at)) && (!p->program || same(p->program, h->program));
}

static size_t hop_differences(const struct packet_expect *p, const struct trace *t,
			      const struct hop *h)
{
	struct check probe = { .arena = NULL };

	check_hop(&probe, p, t, h);
	return probe.n_diffs;
}

static void no_such_hop(struct check *c, const struct packet_expect *p, const struct trace *t,
			size_t from)
{
	__cleanup_buf struct buf got = BUF_INIT;

	for (size_t i = from; i < t->n_hops; i++)
		buf_printf(&got, "%s%s %s",
			   i > from ? ", "
			   : from   ? "after it only "
				    : "only ",
			   t->hops[i].at, t->hops[i].program);
	if (from >= t->n_hops)
		buf_puts(&got, from ? "no hop after it" : "no program saw the packet");
	check_differs(c, &p->loc, t, NULL, "hops",
		      check_text(c, "a hop%s%s%s%s", p->at ? " at " : "", p->at ? p->at : "",
				 p->program ? " of " : "", p->program ? p->program : ""),
		      check_text(c, "%s", buf_str(&got)), NULL);
}

/* Each expected hop takes the first one that fits behind the one before. Where none fits, the nearest
 * of those that were meant is the one whose differences are shown; what comes later is not looked at.
 */
static void check_hops(struct check *c, const struct expect *e, const struct trace *t)
{
	size_t from = 0;

	for (size_t i = 0; i < e->n_hops; i++) {
		const struct packet_expect *p = &e->hops[i];
		const struct hop *nearest = NULL;
		size_t best = SIZE_MAX;

		c->checks++;
		for (size_t j = from; j < t->n_hops && best; j++) {
			size_t n;

			if (!hop_meant(p, &t->hops[j]))
				continue;
			n = hop_differences(p, t, &t->hops[j]);
			if (n < best) {
				best = n;
				nearest = &t->hops[j];
			}
		}
		if (!nearest) {
			no_such_hop(c, p, t, from);
			return;
		}
		check_hop(c, p, t, nearest);
		if (best)
			return;
		from = (size_t)(nearest - t->hops) + 1;
	}
}

void check_packet(struct check *c, const struct expect *e, const struct trace *t)
{
	const struct hop *last = t->n_hops ? &t->hops[t->n_hops - 1] : NULL;

	if (!check_outcome(c, e, t, last))
		return;
	check_end(c, e, t, last);
	if (e->n_hops)
		check_hops(c, e, t);
	if (e->tree && !c->foreign)
		check_tree(c, e->tree, t);
}
