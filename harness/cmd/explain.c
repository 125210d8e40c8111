/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict explain`: one packet of a scenario, and why it went where it went. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/select.h"
#include "engine/run.h"
#include "judge/judge.h"
#include "judge/tree.h"
#include "report/lines.h"
#include "scenario/target_desc.h"

struct options {
	unsigned long step, packet; /* 0: not given */
	bool all, monitor, has_seed;
	uint64_t seed;
	const char *objects, *target;
	struct target_desc *desc; /* of --target */
};

struct explain {
	const struct options *opts;
	const struct scenario *scenario;
	struct run_trace trace;
	struct scenario_result result;
	struct arena *arena;
	struct lines lines; /* on standard output */
	unsigned told;
};

static bool is_of_step(const struct explain *e, const struct step_trace *st)
{
	return !e->opts->step || st->step->index == e->opts->step;
}

/* The first that is not as expected; NULL: all are. */
static const struct trace *first_wrong(const struct explain *e)
{
	for (size_t i = 0; i < e->result.n_steps; i++) {
		const struct step_result *r = &e->result.steps[i];

		for (size_t j = 0; j < r->n_diffs; j++)
			if (r->diffs[j].packet &&
			    (!e->opts->step || r->step->index == e->opts->step))
				return r->diffs[j].packet;
	}
	return NULL;
}

static const struct trace *first_sent(const struct explain *e)
{
	for (size_t i = 0; i < e->trace.n_steps; i++)
		if (is_of_step(e, &e->trace.steps[i]) && e->trace.steps[i].n_packets)
			return &e->trace.steps[i].packets[0];
	return NULL;
}

static void tell(struct explain *e, const struct step_trace *st, const struct trace *t)
{
	__cleanup_buf struct buf out = BUF_INIT;

	if (e->told++)
		buf_putc(&out, '\n');
	if (e->opts->monitor)
		tree_print_monitor(&out, t);
	else
		tree_print(&out, st->step->index, t);
	if (e->opts->monitor)
		lines_print(&e->lines, buf_str(&out), "", PLAIN);
	else
		lines_print_tree(&e->lines, buf_str(&out));
}

static void tell_chosen(struct explain *e)
{
	const struct trace *only = NULL;

	if (!e->opts->all && !e->opts->packet) {
		only = first_wrong(e);
		if (!only)
			only = first_sent(e);
	}
	for (size_t i = 0; i < e->trace.n_steps; i++) {
		const struct step_trace *st = &e->trace.steps[i];

		for (size_t j = 0; j < st->n_packets && is_of_step(e, st); j++) {
			const struct trace *t = &st->packets[j];

			if (e->opts->all || (only && t == only) ||
			    (e->opts->packet && t->number == e->opts->packet))
				tell(e, st, t);
		}
	}
}

static int explain_scenario(struct explain *e)
{
	struct run_opts opts = {
		.cache = run_cache_new(),
		.objects = e->opts->objects,
		.target = e->opts->desc,
		.lookups = true,
	};
	struct err *err = arena_new_of(e->arena, struct err);
	int ret = run_scenario(e->scenario, ENGINE_TESTRUN, &opts, e->arena, &e->trace, err);

	if (ret) {
		cmd_error("%s", err->text);
		ret = err_exit_code(err);
	} else {
		judge_scenario(e->arena, e->scenario, &e->trace, &e->result);
		tell_chosen(e);
	}
	run_cache_free(opts.cache);
	return ret;
}

static int explain_selected(struct explain *e, struct selection *s)
{
	if (s->n != 1) {
		cmd_error("%s", s->n ? "explain takes one scenario, and that means several"
				     : "there is no such scenario");
		return EXIT_USAGE;
	}
	if (!s->items[0].scenario) {
		cmd_error("%s", s->items[0].err->text);
		return err_exit_code(s->items[0].err);
	}
	if (e->opts->has_seed)
		s->items[0].scenario->seed = e->opts->seed;
	e->scenario = s->items[0].scenario;
	if (e->scenario->target) {
		cmd_error("%s is a raw scenario: `verdict replay` tells all of its packets",
			  s->items[0].name);
		return EXIT_USAGE;
	}
	return explain_scenario(e);
}

static int number(const char *value, unsigned long *to)
{
	char *end;

	*to = strtoul(value, &end, 10);
	return *end || end == value || !*to ? -EINVAL : 0;
}

static int seed(struct options *o, const char *value)
{
	char *end;

	errno = 0;
	o->has_seed = true;
	o->seed = strtoull(value, &end, 0);
	return *value >= '0' && *value <= '9' && !*end && !errno ? 0 : -EINVAL;
}

static int got(void *arg, const char *name, const char *value)
{
	struct options *o = arg;

	if (!strcmp(name, "--step"))
		return number(value, &o->step);
	if (!strcmp(name, "--packet"))
		return number(value, &o->packet);
	if (!strcmp(name, "--seed"))
		return seed(o, value);
	if (!strcmp(name, "--objects"))
		o->objects = value;
	if (!strcmp(name, "--target"))
		o->target = value;
	o->all |= !strcmp(name, "--all");
	o->monitor |= !strcmp(name, "--monitor");
	return 0;
}

static int explain_run(int argc, char **argv)
{
	struct options opts = { 0 };
	struct explain e = { .opts = &opts };
	const char *const all[] = { NULL };
	struct selection selection = { .arena = NULL };
	struct err *err;
	char **rest;
	int n_rest, ret = cmd_parse(&cmd_explain, argc, argv, got, &opts, &rest, &n_rest);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	if (n_rest != 1)
		return cmd_usage_says(&cmd_explain, "it takes one scenario, and got %d", n_rest);
	e.arena = arena_new();
	lines_open(&e.lines, stdout);
	err = arena_new_of(e.arena, struct err);
	ret = opts.target ? target_desc_load(opts.target, &opts.desc, err) : 0;
	if (!ret)
		ret = select_scenarios(rest, n_rest, all, &selection, err);
	if (ret) {
		cmd_error("%s", err->text);
		ret = err_exit_code(err);
	} else {
		ret = explain_selected(&e, &selection);
	}
	selection_free(&selection);
	target_desc_free(opts.desc);
	arena_free(e.arena);
	if (!ret && !e.told) {
		cmd_error("the scenario sends no such packet");
		return EXIT_NOTHING;
	}
	return ret;
}

static const struct cmd_option options[] = {
	{ "--step", "N", "of that step only" },
	{ "--packet", "N", "that packet, by its number in the capture or flow" },
	{ "--all", NULL, "every packet" },
	{ "--monitor", NULL, "the events alone, as cilium monitor prints them" },
	{ "--target", "NAME",
	  "other objects than Verdict's own: a target file, or one in fixtures/targets" },
	{ "--objects", "DIR", "folder of the BPF objects (default: the installed ones)" },
	{ "--seed", "N", "where random numbers start, in place of the scenario's own" },
	{ NULL, NULL, NULL },
};

const struct command cmd_explain = {
	.name = "explain",
	.args = "[options] SCENARIO",
	.summary = "tell a packet's whole way, and why it went there",
	.text = "Runs a scenario by test runs with every lookup of its programs noted, and prints "
		"the way of one packet as a tree: each hop with program, tail calls, what was "
		"looked up and found, conntrack, policy, what was rewritten, and where it goes "
		"next; what nodes do with it in between; its end. Of a drop it names the lines of "
		"the manifests that decided it. A scenario can expect these lines: `explain:`.\n"
		"Without --packet that is the first packet that is not as expected, or the first "
		"of all.",
	.options = options,
	.run = explain_run,
};
