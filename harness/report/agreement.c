/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "report/agreement.h"

#include <fnmatch.h>
#include <string.h>

#include "judge/print.h"
#include "packet/field.h"

struct pair {
	struct agreement *g;
	struct agreement_row *row;
	const struct scenario_result *ours, *theirs;
	unsigned step, packet; /* that are looked at */
	const char *variant;
	bool sums; /* checksums are, not all other fields */
};

void agreement_begin(struct agreement *g, struct arena *a, const struct target_desc *target)
{
	*g = (struct agreement){
		.arena = a,
		.target = target,
		.compared = arena_alloc(a, (target->n_known + 1) * sizeof(bool)),
		.seen = arena_alloc(a, (target->n_known + 1) * sizeof(bool)),
	};
}

/* Seeds have a name each. */
static bool is_of_variant(const char *kind, const char *name)
{
	if (!kind || !name)
		return kind == name;
	return !strcmp(kind, name) || (!strcmp(kind, "seeds") && !strncmp(name, "seed ", 5));
}

/* That a target cannot run is none of what it does, and excused by a line that names it alone. */
static bool is_of_field(const struct desc_known *k, const char *field)
{
	return k->field ? !strcmp(k->field, field) : strcmp(field, "error") != 0;
}

static const struct desc_known *find_known(const struct pair *p, const char *field,
					   const char *theirs)
{
	const struct target_desc *t = p->g->target;

	for (size_t i = 0; i < t->n_known; i++) {
		const struct desc_known *k = &t->known[i];

		if (strcmp(k->scenario, p->row->scenario) != 0 || (k->step && k->step != p->step) ||
		    !is_of_variant(k->variant, p->variant) || !is_of_field(k, field) ||
		    (k->theirs && fnmatch(k->theirs, theirs, 0) != 0))
			continue;
		p->g->seen[i] = true;
		return k;
	}
	return NULL;
}

static bool is_told(const struct pair *p, const char *field)
{
	for (size_t i = p->row->n_diffs; i-- > 0;) {
		const struct agreement_difference *d = &p->row->diffs[i];

		if (d->step == p->step && d->packet == p->packet && !strcmp(d->field, field) &&
		    is_of_variant(p->variant, d->variant))
			return true;
	}
	return false;
}

static void differs(struct pair *p, const char *field, const char *ours, const char *theirs)
{
	struct agreement_row *r = p->row;
	struct arena *a = p->g->arena;
	struct agreement_difference *d;

	if (is_told(p, field))
		return;
	r->diffs = arena_grow(a, r->diffs, r->n_diffs, sizeof(*r->diffs));
	d = &r->diffs[r->n_diffs++];
	*d = (struct agreement_difference){ p->step,
					    p->packet,
					    arena_strdup(a, field),
					    arena_strdup(a, ours),
					    arena_strdup(a, theirs),
					    p->variant ? arena_strdup(a, p->variant) : NULL,
					    find_known(p, field, theirs) };
	r->n_new += !d->known;
}

/* ---- what became of a packet ---- */

static int drop_reason(const struct trace *t)
{
	for (size_t i = t->n_hops; i-- > 0;)
		if (t->hops[i].drop_reason)
			return t->hops[i].drop_reason;
	return 0;
}

static const char *reason_text(const struct pair *p, int reason)
{
	const char *name = word_name(&words_drop_reason, reason);

	return reason ? arena_printf(p->g->arena, "%s %d", name ? name : "reason", reason)
		      : "no reason told";
}

static const char *outcome_text(const struct pair *p, const struct trace *t)
{
	const char *word = word_name(&words_outcome, (int)t->outcome);

	if (t->outcome == OUTCOME_DROPPED)
		return arena_printf(p->g->arena, "%s (%s)", word, reason_text(p, drop_reason(t)));
	if (t->outcome == OUTCOME_NONE)
		word = "not sent";
	return t->why ? arena_printf(p->g->arena, "%s (%s)", word, t->why) : word;
}

/* A sum differs where what it sums up does: that is told, unless it is the sum alone. */
static void take_field(void *arg, const struct field *f, const char *ours, const char *theirs)
{
	struct pair *p = arg;

	if (p->sums == (strstr(field_name(f), "checksum") != NULL))
		differs(p, field_name(f), ours, theirs);
}

static void compare_bytes(struct pair *p, const struct frame *ours, const struct frame *theirs)
{
	size_t before = p->row->n_diffs;
	struct layers lo, lt;

	if (!ours->data || !theirs->data ||
	    (ours->len == theirs->len && memcmp(ours->data, theirs->data, ours->len) == 0))
		return;
	packet_parse(ours->data, ours->len, LINK_ETHERNET, &lo);
	packet_parse(theirs->data, theirs->len, LINK_ETHERNET, &lt);
	for (int sums = 0; sums < 2 && p->row->n_diffs == before; sums++) {
		p->sums = sums;
		field_diff(ours->data, ours->len, &lo, theirs->data, theirs->len, &lt, take_field,
			   p);
	}
	if (p->row->n_diffs == before)
		differs(p, "bytes", arena_printf(p->g->arena, "%u bytes", ours->len),
			arena_printf(p->g->arena, "%u others", theirs->len));
}

static void compare_packets(struct pair *p, const struct trace *ours, const struct trace *theirs)
{
	int why_ours = drop_reason(ours), why_theirs = drop_reason(theirs);
	const char *nowhere = "nowhere";

	p->packet = ours->number;
	if (ours->outcome != theirs->outcome) {
		differs(p, "outcome", outcome_text(p, ours), outcome_text(p, theirs));
		return;
	}
	if (ours->outcome == OUTCOME_DROPPED && why_ours != why_theirs)
		differs(p, "drop_reason", reason_text(p, why_ours), reason_text(p, why_theirs));
	if (strcmp(ours->at ? ours->at : nowhere, theirs->at ? theirs->at : nowhere) != 0)
		differs(p, "at", ours->at ? ours->at : nowhere, theirs->at ? theirs->at : nowhere);
	if (!ours->answer != !theirs->answer)
		differs(p, "answer", ours->answer ? "an ICMP error" : "none",
			theirs->answer ? "an ICMP error" : "none");
	compare_bytes(p, &ours->final, &theirs->final);
}

static void compare_step(struct pair *p, const struct step_trace *ours,
			 const struct step_trace *theirs)
{
	size_t n = ours->n_packets < theirs->n_packets ? ours->n_packets : theirs->n_packets;

	p->step = ours->step->index;
	for (size_t i = 0; i < n; i++)
		compare_packets(p, &ours->packets[i], &theirs->packets[i]);
	p->packet = 0;
	if (ours->n_packets != theirs->n_packets)
		differs(p, "packets", arena_printf(p->g->arena, "%zu", ours->n_packets),
			arena_printf(p->g->arena, "%zu", theirs->n_packets));
}

/* ---- what was expected of it ---- */

/* The same expectation of the same packet. */
static const struct difference *find_same(const struct difference *d,
					  const struct scenario_result *res)
{
	for (size_t i = 0; i < res->n_steps; i++) {
		const struct step_result *s = &res->steps[i];

		for (size_t j = 0; j < s->n_diffs; j++) {
			const struct difference *o = &s->diffs[j];

			if (o->loc.line == d->loc.line && o->step == d->step &&
			    !strcmp(o->field, d->field) && is_of_variant(o->variant, d->variant) &&
			    (o->packet ? o->packet->number : 0) ==
				    (d->packet ? d->packet->number : 0))
				return o;
		}
	}
	return NULL;
}

static const char *failure_text(const struct pair *p, const struct difference *d)
{
	return d->variant ? arena_printf(p->g->arena, "%s instead of %s", d->actual, d->expected)
			  : d->actual;
}

static void compare_failure(struct pair *p, const struct difference *d, bool is_ours,
			    const struct difference *other)
{
	const char *here = failure_text(p, d), *there = other ? failure_text(p, other) : NULL;

	if (there && !strcmp(here, there))
		return;
	if (!there)
		there = d->variant ? "unchanged" : d->expected;
	p->step = d->step;
	p->packet = d->packet ? d->packet->number : 0;
	p->variant = d->variant;
	differs(p, d->field, is_ours ? here : there, is_ours ? there : here);
}

static void compare_failures(struct pair *p, const struct scenario_result *one,
			     const struct scenario_result *other)
{
	for (size_t i = 0; i < one->n_steps; i++)
		for (size_t j = 0; j < one->steps[i].n_diffs; j++)
			compare_failure(p, &one->steps[i].diffs[j], one == p->ours,
					find_same(&one->steps[i].diffs[j], other));
}

static const char *error_text(const struct pair *p, const struct scenario_result *res)
{
	const char *text = res->err ? res->err->text : "error";

	return res->status == STATUS_ERROR
		       ? arena_printf(p->g->arena, "%.*s", (int)strcspn(text, "\n"), text)
		       : "ran";
}

/* True where one of the two has nothing to compare. */
static bool compare_errors(struct pair *p)
{
	if (p->ours->status != STATUS_ERROR && p->theirs->status != STATUS_ERROR)
		return false;
	p->step = p->packet = 0;
	if (p->ours->status == STATUS_ERROR && p->theirs->status == STATUS_ERROR)
		p->row->not_compared = "neither could be run";
	else
		differs(p, "error", error_text(p, p->ours), error_text(p, p->theirs));
	return true;
}

static bool was_swept(const struct scenario_result *res, const char *variant)
{
	for (size_t i = 0; i < res->n_sweeps; i++)
		if (is_of_variant(variant, res->sweeps[i].name) &&
		    (res->sweeps[i].status == SWEEP_SAME || res->sweeps[i].status == SWEEP_DIFFERS))
			return true;
	return false;
}

static void note_compared(struct pair *p)
{
	for (size_t i = 0; i < p->g->target->n_known; i++) {
		const struct desc_known *k = &p->g->target->known[i];

		if (!strcmp(k->scenario, p->row->scenario) &&
		    (!k->variant || was_swept(p->theirs, k->variant)))
			p->g->compared[i] = true;
	}
}

static void compare(struct pair *p)
{
	const struct run_trace *o = p->ours->trace, *t = p->theirs->trace;

	if (p->ours->status == STATUS_SKIPPED || p->theirs->status == STATUS_SKIPPED) {
		p->row->not_compared = "skipped";
		return;
	}
	if (compare_errors(p))
		return;
	note_compared(p);
	for (size_t i = 0; o && t && i < o->n_steps && i < t->n_steps; i++)
		compare_step(p, &o->steps[i], &t->steps[i]);
	compare_failures(p, p->theirs, p->ours);
	compare_failures(p, p->ours, p->theirs);
}

static void excuse(const struct pair *p, struct scenario_result *theirs)
{
	const struct agreement_row *r = p->row;
	struct buf why = BUF_INIT;

	if (theirs->status != STATUS_FAILED && theirs->status != STATUS_ERROR)
		return;
	if (r->n_new || !r->n_diffs || p->ours->status != STATUS_PASSED)
		return;
	buf_puts(&why, "fails as documented: ");
	agreement_print_known(&why, r->diffs[0].known);
	theirs->status = STATUS_SKIPPED;
	theirs->skip_reason = arena_strdup(p->g->arena, buf_str(&why));
	buf_free(&why);
}

void agreement_add(struct agreement *g, const struct scenario_result *ours,
		   struct scenario_result *theirs)
{
	struct pair p = { .g = g, .ours = ours, .theirs = theirs };
	struct agreement_row *r;

	g->rows = arena_grow(g->arena, g->rows, g->n_rows, sizeof(*g->rows));
	r = p.row = &g->rows[g->n_rows++];
	*r = (struct agreement_row){
		.scenario = arena_strdup(g->arena, ours->name ? ours->name : ours->path),
		.engine = arena_strdup(g->arena, ours->engine),
		.ours = ours->status,
		.theirs = theirs->status,
	};
	compare(&p);
	excuse(&p, theirs);
	g->not_compared += r->not_compared != NULL;
	g->differ += r->n_new != 0;
	g->documented += r->n_diffs && !r->n_new;
	g->agree += !r->n_diffs && !r->not_compared;
}

bool agreement_is_gone(const struct agreement *g, size_t known)
{
	return g->compared[known] && !g->seen[known];
}

void agreement_end(struct agreement *g)
{
	g->gone = 0;
	for (size_t i = 0; i < g->target->n_known; i++)
		g->gone += agreement_is_gone(g, i);
}

bool agreement_holds(const struct agreement *g)
{
	return !g->differ && !g->gone;
}
