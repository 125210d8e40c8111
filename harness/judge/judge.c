// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks a scenario's steps and their expectations beside the trace. What a packet or a step must show
 * is in packet.c and step.c; here is what makes an expectation vacuous, and the sum of it all.
 */
#include <stdarg.h>
#include <stdio.h>

#include "judge/check.h"

void check_differs(struct check *c, const struct loc *loc, const struct trace *packet,
		   const struct hop *hop, const char *field, const char *expected,
		   const char *actual, const char *detail)
{
	if (!c->arena) {
		c->n_diffs++;
		return;
	}
	c->diffs = arena_grow(c->arena, c->diffs, c->n_diffs, sizeof(*c->diffs));
	c->diffs[c->n_diffs++] = (struct difference){
		.loc = *loc,
		.step = c->step,
		.packet = packet,
		.hop = hop,
		.field = field,
		.expected = expected,
		.actual = actual,
		.detail = detail,
	};
}

const char *check_text(struct check *c, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	if (!c->arena)
		return "";
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return "";
	text = arena_alloc(c->arena, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

/* An expectation that nothing reached, or that says nothing, would pass whatever the datapath does. */
static bool check_vacuous(struct check *c, const struct expect *e, size_t covered)
{
	bool packets = packet_part_exists(e) || e->packets.n || e->n_match;

	c->checks++;
	if (packets && covered == 0) {
		check_differs(c, &e->loc, NULL, NULL, "vacuous", "at least one packet to judge",
			      "no packet reached this expectation",
			      check_text(c,
					 "the step sent %zu packet%s, and none of them is meant by "
					 "its `packets:` and `match:`",
					 c->trace->n_packets, c->trace->n_packets == 1 ? "" : "s"));
		return true;
	}
	if (!packet_part_exists(e) && !step_part_can_fail(e, c->trace)) {
		check_differs(c, &e->loc, NULL, NULL, "vacuous", "something that can fail",
			      "nothing in this expectation can fail", NULL);
		return true;
	}
	return false;
}

static void check_expect(struct check *c, const struct expect *e)
{
	size_t covered = 0;

	for (size_t i = 0; i < c->trace->n_packets; i++)
		covered += packet_covered(e, &c->trace->packets[i]);
	if (check_vacuous(c, e, covered))
		return;
	for (size_t i = 0; i < c->trace->n_packets; i++)
		if (packet_covered(e, &c->trace->packets[i]))
			check_packet(c, e, &c->trace->packets[i]);
	check_step(c, e);
}

static void judge_step(struct arena *a, const struct step *step, const struct run_trace *run,
		       const struct step_trace *t, struct step_result *out, uint64_t *checks)
{
	struct check c = { .arena = a, .trace = t, .step = step->index, .foreign = run->foreign };

	out->step = step;
	for (size_t i = 0; i < step->n_expects; i++) {
		if (t) {
			check_expect(&c, &step->expects[i]);
			continue;
		}
		c.checks++;
		check_differs(&c, &step->expects[i].loc, NULL, NULL, "step", "run",
			      "the run ended before this step", NULL);
	}
	for (size_t i = 0; t && i < t->n_seen; i++)
		check_seen(&c, &t->seen[i]);
	out->diffs = c.diffs;
	out->n_diffs = c.n_diffs;
	*checks += c.checks;
}

/* A scenario that expects nothing at all passes whatever happens: it fails as a whole. */
static void judge_empty(struct arena *a, const struct scenario *s, struct scenario_result *out)
{
	struct check c = { .arena = a, .step = s->n_steps ? s->steps[0].index : 0 };

	if (out->checks || !out->n_steps)
		return;
	check_differs(&c, &s->loc, NULL, NULL, "vacuous", "an expectation in at least one step",
		      "no step of this scenario has an `expect:`", NULL);
	out->steps[0].diffs = c.diffs;
	out->steps[0].n_diffs = c.n_diffs;
}

void judge_scenario(struct arena *a, const struct scenario *s, const struct run_trace *t,
		    struct scenario_result *out)
{
	size_t differences = 0;

	out->scenario = s;
	out->path = out->path ? out->path : s->path;
	out->name = s->name;
	out->trace = t;
	out->packets = 0;
	out->checks = 0;
	out->n_steps = s->n_steps;
	out->steps = arena_alloc(a, s->n_steps * sizeof(*out->steps));
	for (size_t i = 0; i < s->n_steps; i++) {
		const struct step_trace *st = i < t->n_steps ? &t->steps[i] : NULL;

		judge_step(a, &s->steps[i], t, st, &out->steps[i], &out->checks);
		out->packets += st ? st->n_packets : 0;
	}
	judge_empty(a, s, out);
	for (size_t i = 0; i < out->n_steps; i++)
		differences += out->steps[i].n_diffs;
	out->status = differences || !out->n_steps ? STATUS_FAILED
		      : s->unreviewed		   ? STATUS_UNREVIEWED
						   : STATUS_PASSED;
}

bool judge_packet(const struct expect *e, const struct trace *t, uint64_t *checks)
{
	struct check c = { .arena = NULL };

	check_packet(&c, e, t);
	*checks += c.checks;
	return c.n_diffs == 0;
}
