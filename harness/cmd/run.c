// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict run`: its command line. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/run_all.h"
#include "scenario/sweep.h"
#include "scenario/target_desc.h"

#define MAX_PATTERNS 32

struct options {
	struct run_options run;
	bool has_seed, shuffle, has_jobs, alone;
	uint64_t seed, order, jobs; /* --seed, --shuffle, --jobs */
	const char *target, *sweep;
	struct target_desc *desc; /* of --target */
	const char *patterns[MAX_PATTERNS + 1]; /* of -k; ends with NULL */
	size_t n_patterns;
};

static int parse_engine(struct options *o, const char *value)
{
	static const enum engine_kind kinds[] = { ENGINE_TESTRUN, ENGINE_NETNS };

	if (strcmp(value, "all") == 0) {
		o->run.plan.engines = ENGINES_ALL;
		return 0;
	}
	for (size_t i = 0; i < 2; i++) {
		if (strcmp(value, engine_by_kind(kinds[i])->name) == 0) {
			o->run.plan.engines = kinds[i];
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
	if (strcmp(name, "--jobs") == 0)
		return parse_number(value, &o->has_jobs, &o->jobs) || !o->jobs ? EXIT_USAGE : 0;
	if (strcmp(name, "--tap") == 0)
		o->run.report.tap = true;
	else if (strcmp(name, "--pristine") == 0)
		o->run.settings.pristine = true;
	else if (strcmp(name, "--sweep") == 0)
		o->sweep = value;
	else if (strcmp(name, "--bless") == 0)
		o->run.bless = true;
	else if (strcmp(name, "--junit") == 0)
		o->run.report.junit = value;
	else if (strcmp(name, "--json") == 0)
		o->run.report.json = value;
	else if (strcmp(name, "--out") == 0)
		o->run.settings.out = value;
	else if (strcmp(name, "--objects") == 0)
		o->run.settings.objects = o->run.report.objects = value;
	else if (strcmp(name, "--target") == 0)
		o->target = value;
	else if (strcmp(name, "--alone") == 0)
		o->alone = true;
	else if (strcmp(name, "-k") == 0 && o->n_patterns < MAX_PATTERNS)
		o->patterns[o->n_patterns++] = value;
	else if (strcmp(name, "-v") == 0)
		o->run.report.verbose++;
	return value && !*value ? EXIT_USAGE : 0;
}

/* A report that cannot be written is better known before the run than after it. */
static int outputs_writable(const struct options *o, struct err *err)
{
	int ret = o->run.report.junit ? report_writable(o->run.report.junit, err) : 0;

	if (!ret && o->run.report.json)
		ret = report_writable(o->run.report.json, err);
	return ret;
}

/* The same for the captures' folder. Who may run nothing writes nothing there. */
static int captures_writable(const struct options *o, const struct selection *sel, struct err *err)
{
	const char *dir = o->run.settings.out;
	struct stat st;
	int ret;

	if (!sel->n || geteuid() != 0)
		return 0;
	ret = file_mkdir_p(dir, err);
	if (!ret && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		ret = err_system(err, ENOTDIR, "cannot write captures into %s", dir);
	if (!ret && access(dir, W_OK) < 0)
		ret = err_system(err, errno, "cannot write captures into %s", dir);
	return ret ? err_hint(err, "--out DIR names another folder") : 0;
}

static int run_selected(struct options *o, struct selection *sel, struct err *err)
{
	for (size_t i = 0; o->has_seed && i < sel->n; i++)
		if (sel->items[i].scenario)
			sel->items[i].scenario->seed = o->seed;
	if (o->shuffle)
		selection_shuffle(sel, o->order);
	o->run.plan.target = o->desc;
	o->run.plan.beside_own = o->desc && !o->alone && !o->run.bless;
	o->run.jobs = o->jobs > UINT_MAX ? UINT_MAX : (unsigned)o->jobs;
	return run_all(&o->run, sel, err);
}

static int run_main(int argc, char **argv)
{
	struct options opts = { .run.plan.engines = ENGINES_ALL,
				.run.settings.out = "reports/out" };
	struct selection sel = { .arena = NULL };
	struct err *err;
	char **rest;
	int n_rest, ret = cmd_parse(&cmd_run, argc, argv, got, &opts, &rest, &n_rest);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	if (opts.run.bless && (n_rest == 0 || opts.run.report.tap)) {
		cmd_error("run: --bless %s",
			  opts.run.report.tap
				  ? "prints what it blesses, which is no TAP: leave one of the "
				    "two out"
				  : "needs the names of the scenarios that you have read: verdict "
				    "run --bless NAME ...");
		return EXIT_USAGE;
	}
	if (opts.run.report.verbose)
		log_set_level(opts.run.report.verbose > 1 ? LOG_DEBUG : LOG_INFO);
	err = calloc(1, sizeof(*err));
	if (!err)
		return EXIT_HARNESS;
	if (outputs_writable(&opts, err) ||
	    (opts.target && target_desc_load(opts.target, &opts.desc, err)) ||
	    (opts.sweep && sweep_parse(opts.sweep, &opts.run.settings.sweep, err)) ||
	    select_scenarios(rest, n_rest, opts.patterns, &sel, err) ||
	    captures_writable(&opts, &sel, err)) {
		cmd_error("%s", err->text);
		ret = err_exit_code(err);
	} else if (opts.run.bless && sel.n > (size_t)n_rest) {
		cmd_error("run: --bless takes scenarios one by one, as they were read: name each, "
			  "not a folder of several");
		ret = EXIT_USAGE;
	} else {
		ret = run_selected(&opts, &sel, err);
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
	  "other objects beside Verdict's own: a target file, or one in fixtures/targets; each "
	  "scenario runs on both, and a table says where they agree" },
	{ "--alone", NULL, "with --target: on that one only" },
	{ "--objects", "DIR", "folder of the BPF objects (default: the installed ones)" },
	{ "--seed", "N",
	  "where random numbers start, for all scenarios; the same number gives the same packets" },
	{ "--shuffle", "N", "run the scenarios in another order, which N decides" },
	{ "--jobs", "N",
	  "how many processes do the work side by side (default: one a processor); 1: this one "
	  "alone" },
	{ "--sweep", "LIST",
	  "run scenarios again with what must not matter changed, as well: all, or some of vlan, "
	  "ip-options, extension-headers, gso, non-linear, checksum-complete, ipv6, seeds" },
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
		"A target's file lists where it is known to differ from Verdict's own objects; "
		"what "
		"fails on it for that reason alone is told as skipped.\n"
		"\n"
		"Exit status: 0 all as expected; 1 an expectation failed, a scenario is "
		"unreviewed, or a target differs in what is not known, or no longer in what is; 2 "
		"usage or a scenario "
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
