// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict run`: scenarios through engines to reporters, and the exit code. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/bless.h"
#include "cmd/cmd.h"
#include "cmd/run_report.h"
#include "cmd/select.h"
#include "cmd/stop.h"
#include "engine/run.h"
#include "scenario/target_desc.h"

#define MAX_PATTERNS 32

struct options {
	unsigned engines;
	struct run_report_opts report;
	bool pristine, bless, has_seed, shuffle;
	uint64_t seed, order; /* --seed, --shuffle */
	const char *out, *objects, *target;
	struct target_desc *desc; /* of --target */
	const char *patterns[MAX_PATTERNS + 1]; /* of -k; ends with NULL */
	size_t n_patterns;
};

struct session {
	const struct options *opts;
	struct arena *arena; /* of the whole run */
	struct run_reports reports;
	struct run_cache *cache;
	unsigned planned;
	struct err *err; /* scratch */
	const char *missing[2]; /* by engine: "" works, NULL not asked yet */
	const char *running; /* "name (engine)" for the progress line */
	struct blessing *blessing; /* of the present scenario; NULL: nothing is to be blessed */
	bool not_blessed; /* some that were to be */
};

static const enum engine_kind engine_kinds[] = { ENGINE_TESTRUN, ENGINE_NETNS };

static void progress(void *arg, unsigned step, unsigned steps, uint64_t packets)
{
	struct session *s = arg;
	char what[256];

	snprintf(what, sizeof(what), "%u of %u: %s: step %u of %u, %llu packets",
		 run_reports_done(&s->reports.totals) + 1, s->planned, s->running, step, steps,
		 (unsigned long long)packets);
	run_reports_progress(&s->reports, what);
}

/* ---- one scenario on one engine ---- */

static void execute(struct session *s, struct arena *a, const struct scenario *sc,
		    enum engine_kind kind, struct scenario_result *res)
{
	struct run_opts opts = {
		.cache = s->cache,
		.objects = s->opts->objects,
		.target = s->opts->desc,
		.pristine = s->opts->pristine,
		.progress = progress,
		.progress_arg = s,
	};
	struct run_trace *trace = arena_new_of(a, struct run_trace);
	struct err *err = arena_new_of(a, struct err);
	uint64_t began = stop_watch_ns();
	int ret;

	s->running = arena_printf(a, "%s (%s)", sc->name, res->engine);
	progress(s, 1, (unsigned)sc->n_steps, 0);
	ret = run_scenario(sc, kind, &opts, a, trace, err);
	if (ret == 0) {
		judge_scenario(a, sc, trace, res);
	} else {
		res->status = STATUS_ERROR;
		res->trace = trace;
		res->err = err;
	}
	res->duration_ns = stop_watch_ns() - began;
	if (trace->n_steps && report_pcapng(a, s->opts->out, res, &res->pcapng, s->err))
		run_reports_failed(&s->reports);
}

static const char *missing(struct session *s, size_t engine)
{
	if (!s->missing[engine])
		s->missing[engine] = engine_missing(engine_kinds[engine], s->arena);
	return s->missing[engine];
}

static void run_on(struct session *s, const struct selected *item, size_t engine)
{
	struct arena *a = arena_new();
	struct scenario_result res = {
		.scenario = item->scenario,
		.path = item->path,
		.name = item->name,
		.engine = engine_by_kind(engine_kinds[engine])->name,
	};

	res.skip_reason = *missing(s, engine)	   ? missing(s, engine)
			  : item->scenario->target ? item->scenario->target->missing
						   : NULL;
	if (res.skip_reason)
		res.status = STATUS_SKIPPED;
	else
		execute(s, a, item->scenario, engine_kinds[engine], &res);
	if (s->blessing)
		bless_take(s->blessing, &res);
	/* what a signal broke off says nothing of the scenario */
	if (!stop_signal() || res.status != STATUS_ERROR)
		run_reports_result(&s->reports, &res);
	arena_free(a);
}

static void bless(struct session *s, const struct selected *item)
{
	int ret;

	if (!s->blessing) {
		printf("nothing to bless: %s is not marked as unreviewed\n", item->name);
		return;
	}
	ret = bless_end(s->blessing, stdout, s->err);
	s->not_blessed |= ret > 0;
	if (ret >= 0)
		return;
	cmd_error("%s", s->err->text);
	s->reports.input_errors |= s->err->kind == ERR_INPUT;
	s->reports.system_errors |= s->err->kind == ERR_SYSTEM;
}

static void run_item(struct session *s, const struct selected *item)
{
	if (!item->scenario) {
		struct scenario_result res = {
			.path = item->path,
			.name = item->name,
			.status = STATUS_ERROR,
			.err = item->err,
		};

		run_reports_result(&s->reports, &res);
		return;
	}
	s->blessing = s->opts->bless ? bless_begin(s->arena, item->scenario) : NULL;
	for (size_t i = 0; i < 2 && !stop_signal(); i++)
		if (item->scenario->engines & s->opts->engines & engine_kinds[i])
			run_on(s, item, i);
	if (s->opts->bless && !stop_signal())
		bless(s, item);
}

static unsigned plan(const struct selection *sel, unsigned engines)
{
	unsigned n = 0;

	for (size_t i = 0; i < sel->n; i++) {
		const struct scenario *sc = sel->items[i].scenario;

		n += sc ? (unsigned)__builtin_popcount(sc->engines & engines) : 1;
	}
	return n;
}

/* The highest number wins: a run that could not do all it was asked for must not be read as a result
 * of tests.
 */
static int exit_code(const struct session *s)
{
	if (stop_signal())
		return 128 + stop_signal();
	if (s->reports.system_errors)
		return EXIT_HARNESS;
	if (s->reports.input_errors)
		return EXIT_USAGE;
	if (s->reports.totals.failed + s->reports.totals.unreviewed || s->not_blessed)
		return EXIT_UNEXPECTED;
	if (s->reports.totals.passed)
		return EXIT_AS_EXPECTED;
	cmd_error("nothing ran: %s",
		  s->reports.totals.skipped ? "all was skipped" : "no scenario matched");
	return EXIT_NOTHING;
}

static void set_seeds(const struct selection *sel, uint64_t seed)
{
	for (size_t i = 0; i < sel->n; i++)
		if (sel->items[i].scenario)
			sel->items[i].scenario->seed = seed;
}

static int run_all(const struct options *opts, struct selection *sel, struct err *err)
{
	struct session s = {
		.opts = opts, .arena = arena_new(), .err = err, .reports = { .err = err }
	};
	uint64_t began = stop_watch_ns();
	int ret;

	if (opts->has_seed)
		set_seeds(sel, opts->seed);
	if (opts->shuffle)
		selection_shuffle(sel, opts->order);
	s.cache = run_cache_new();
	stop_catch_signals();
	s.planned = plan(sel, opts->engines);
	run_reports_begin(&s.reports, &opts->report, s.arena, s.planned);
	for (size_t i = 0; i < sel->n && !stop_signal(); i++)
		run_item(&s, &sel->items[i]);
	run_cache_free(s.cache);
	s.reports.totals.duration_ns = stop_watch_ns() - began;
	run_reports_end(&s.reports);
	if (stop_signal())
		cmd_error("stopped by %s", strsignal(stop_signal()));
	ret = exit_code(&s);
	arena_free(s.arena);
	return ret;
}

/* ---- the command line ---- */

static int parse_engine(struct options *o, const char *value)
{
	if (strcmp(value, "all") == 0) {
		o->engines = ENGINES_ALL;
		return 0;
	}
	for (size_t i = 0; i < 2; i++) {
		if (strcmp(value, engine_by_kind(engine_kinds[i])->name) == 0) {
			o->engines = engine_kinds[i];
			return 0;
		}
	}
	return EXIT_USAGE;
}

static int parse_number(const char *value, bool *has, uint64_t *out)
{
	char *end;

	errno = 0;
	*has = true;
	*out = strtoull(value, &end, 0);
	return *value >= '0' && *value <= '9' && !*end && !errno ? 0 : EXIT_USAGE;
}

static int got(void *arg, const char *name, const char *value)
{
	struct options *o = arg;

	if (strcmp(name, "--engine") == 0)
		return parse_engine(o, value);
	if (strcmp(name, "--seed") == 0)
		return parse_number(value, &o->has_seed, &o->seed);
	if (strcmp(name, "--shuffle") == 0)
		return parse_number(value, &o->shuffle, &o->order);
	if (strcmp(name, "--tap") == 0)
		o->report.tap = true;
	else if (strcmp(name, "--pristine") == 0)
		o->pristine = true;
	else if (strcmp(name, "--bless") == 0)
		o->bless = true;
	else if (strcmp(name, "--junit") == 0)
		o->report.junit = value;
	else if (strcmp(name, "--json") == 0)
		o->report.json = value;
	else if (strcmp(name, "--out") == 0)
		o->out = value;
	else if (strcmp(name, "--objects") == 0)
		o->objects = o->report.objects = value;
	else if (strcmp(name, "--target") == 0)
		o->target = value;
	else if (strcmp(name, "-k") == 0 && o->n_patterns < MAX_PATTERNS)
		o->patterns[o->n_patterns++] = value;
	else if (strcmp(name, "-v") == 0)
		o->report.verbose++;
	return value && !*value ? EXIT_USAGE : 0;
}

/* A report that cannot be written is better known before the run than after it. */
static int outputs_writable(const struct options *o, struct err *err)
{
	int ret = o->report.junit ? report_writable(o->report.junit, err) : 0;

	if (!ret && o->report.json)
		ret = report_writable(o->report.json, err);
	return ret;
}

static int run_main(int argc, char **argv)
{
	struct options opts = { .engines = ENGINES_ALL, .out = "reports/out" };
	struct selection sel = { .arena = NULL };
	struct err *err;
	char **rest;
	int n_rest, ret = cmd_parse(&cmd_run, argc, argv, got, &opts, &rest, &n_rest);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	if (opts.bless && (n_rest == 0 || opts.report.tap)) {
		cmd_error("run: --bless %s",
			  opts.report.tap
				  ? "prints what it blesses, which is no TAP: leave one of the "
				    "two out"
				  : "needs the names of the scenarios that you have read: verdict "
				    "run --bless NAME ...");
		return EXIT_USAGE;
	}
	if (opts.report.verbose)
		log_set_level(opts.report.verbose > 1 ? LOG_DEBUG : LOG_INFO);
	err = calloc(1, sizeof(*err));
	if (!err)
		return EXIT_HARNESS;
	if (outputs_writable(&opts, err) ||
	    (opts.target && target_desc_load(opts.target, &opts.desc, err)) ||
	    select_scenarios(rest, n_rest, opts.patterns, &sel, err)) {
		cmd_error("%s", err->text);
		ret = err_exit_code(err);
	} else if (opts.bless && sel.n > (size_t)n_rest) {
		cmd_error("run: --bless takes scenarios one by one, as they were read: name each, "
			  "not a folder of several");
		ret = EXIT_USAGE;
	} else {
		ret = run_all(&opts, &sel, err);
	}
	selection_free(&sel);
	target_desc_free(opts.desc);
	free(err);
	return ret;
}

static const struct cmd_option options[] = {
	{ "--engine", "NAME",
	  "testrun, netns or all: on which engines to run what a scenario allows (default all)" },
	{ "-k", "PATTERN",
	  "only scenarios whose name matches: a shell pattern, or a part of it; may be given "
	  "several times" },
	{ "-v", NULL, "print every packet; twice: what the harness does, too" },
	{ "--tap", NULL, "print TAP instead of text" },
	{ "--junit", "FILE", "write JUnit XML as well" },
	{ "--json", "FILE", "write everything as JSON as well (reports/schema.json)" },
	{ "--out", "DIR", "folder for one pcapng a scenario and engine (default reports/out)" },
	{ "--target", "NAME",
	  "other objects than Verdict's own: a target file, or one in fixtures/targets" },
	{ "--objects", "DIR", "folder of the BPF objects (default: the installed ones)" },
	{ "--seed", "N",
	  "where random numbers start, for all scenarios; the same number gives the same packets" },
	{ "--shuffle", "N", "run the scenarios in another order, which N decides" },
	{ "--bless", NULL,
	  "for the scenarios named, which `verdict record` wrote and you have read: where all "
	  "holds, print every expectation and take the line `unreviewed` out of the file" },
	{ "--pristine", NULL, "replace no helper call in the programs: time is real then" },
	{ NULL, NULL, NULL },
};

const struct command cmd_run = {
	.name = "run",
	.args = "[options] [path or name ...]",
	.summary = "run scenarios and say what is not as expected",
	.text = "A path is a scenario.yaml, its folder, or a folder of scenarios; a name is a "
		"folder of scenarios/. Without any: all of scenarios/.\n"
		"\n"
		"A scenario marked `unreviewed: true` expects what was seen, right or wrong. Until "
		"somebody has read it and said --bless, it does not pass.\n"
		"\n"
		"Exit status: 0 all as expected; 1 an expectation failed, or a scenario is "
		"unreviewed; 2 usage or a scenario "
		"that cannot be read; 3 the harness or the machine failed; 4 nothing ran (no "
		"match, "
		"or all skipped). Where several apply, 3 goes before 2 before 1: a run that could "
		"not do "
		"all it was asked for must not be read as a test result. Ended by a signal: 128 "
		"and its number, after the present scenario and a report of what ran; a "
		"second signal kills at once.",
	.options = options,
	.run = run_main,
};
