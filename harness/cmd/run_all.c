// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Does the jobs of a run, and tells their results in the order of the plan, whichever comes first. */
#include "cmd/run_all.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/bless.h"
#include "cmd/cmd.h"
#include "cmd/run_workers.h"
#include "cmd/stop.h"

/* A run: what is to be done, what came of it so far, who is told. */
struct run {
	const struct run_options *opts;
	struct arena *arena;
	struct run_plan plan;
	struct run_outcome **outcomes; /* by job; NULL: none yet */
	size_t told; /* jobs before it were reported */
	struct run_reports reports;
	struct agreement agreement; /* where jobs are in pairs */
	struct err *err; /* scratch */
	const char *running; /* "name (engine)", of this process */
	struct blessing *blessing; /* of the present scenario; NULL: nothing is to be blessed */
	bool not_blessed; /* some that were to be */
};

/* ---- progress ---- */

static void progress(void *arg, const char *what)
{
	struct run *r = arg;
	char line[512];

	snprintf(line, sizeof(line), "%u of %zu: %s", run_reports_done(&r->reports.totals) + 1,
		 r->plan.n_jobs, what);
	run_reports_progress(&r->reports, line);
}

static void progress_here(void *arg, unsigned step, unsigned steps, uint64_t packets)
{
	struct run *r = arg;
	char what[256];

	snprintf(what, sizeof(what), "%s: step %u of %u, %llu packets", r->running, step, steps,
		 (unsigned long long)packets);
	progress(r, what);
}

/* ---- results, in the order of the plan ---- */

static void bless(struct run *r, const struct selected *item)
{
	int ret;

	if (!r->blessing) {
		printf("nothing to bless: %s is not marked as unreviewed\n", item->name);
		return;
	}
	ret = bless_end(r->blessing, stdout, r->err);
	r->not_blessed |= ret > 0;
	if (ret >= 0)
		return;
	cmd_error("%s", r->err->text);
	r->reports.input_errors |= r->err->kind == ERR_INPUT;
	r->reports.system_errors |= r->err->kind == ERR_SYSTEM;
}

static bool begins_item(const struct run *r, size_t job)
{
	return job == 0 || r->plan.jobs[job].item != r->plan.jobs[job - 1].item;
}

static bool ends_item(const struct run *r, size_t job)
{
	return job + 1 == r->plan.n_jobs || begins_item(r, job + 1);
}

/* Results of a scenario live until all of them were told. */
static void free_item(struct run *r, size_t last)
{
	for (size_t i = last + 1; i > 0 && r->plan.jobs[i - 1].item == r->plan.jobs[last].item;
	     i--) {
		if (r->outcomes[i - 1])
			arena_free(r->outcomes[i - 1]->arena);
		r->outcomes[i - 1] = NULL;
	}
}

static void compare(struct run *r, size_t job)
{
	const struct run_outcome *ours = job ? r->outcomes[job - 1] : NULL;

	if (r->plan.jobs[job].is_second && ours)
		agreement_add(&r->agreement, &ours->res, &r->outcomes[job]->res);
}

static void report(struct run *r, struct run_outcome *o)
{
	if (o->said)
		fputs(o->said, stderr);
	if (o->unwritten) {
		cmd_error("%s", o->unwritten->text);
		r->reports.system_errors = true;
	}
	if (r->blessing)
		bless_take(r->blessing, &o->res);
	run_reports_result(&r->reports, &o->res);
}

/* Those of jobs that did not run are left out. */
static void tell(struct run *r, size_t job)
{
	const struct selected *item = r->plan.jobs[job].item;
	bool wanted = r->opts->bless && item->scenario;

	if (begins_item(r, job))
		r->blessing = wanted ? bless_begin(r->arena, item->scenario) : NULL;
	if (r->outcomes[job]) {
		compare(r, job);
		report(r, r->outcomes[job]);
	}
	if (!ends_item(r, job))
		return;
	if (wanted && !stop_signal())
		bless(r, item);
	free_item(r, job);
}

static void done(void *arg, size_t job, struct run_outcome *o)
{
	struct run *r = arg;

	r->outcomes[job] = o;
	while (r->told < r->plan.n_jobs && r->outcomes[r->told])
		tell(r, r->told++);
}

/* ---- doing it ---- */

static void run_here(struct run *r)
{
	struct run_cache *cache = run_cache_new();

	for (size_t i = 0; i < r->plan.n_jobs && !stop_signal(); i++) {
		const struct run_job *job = &r->plan.jobs[i];
		struct run_outcome *o;

		if (job->kind)
			r->running =
				arena_printf(r->arena, "%s (%s)", job->item->name, job->engine);
		o = run_job(job, &r->opts->settings, cache, progress_here, r);
		if (o)
			done(r, i, o);
	}
	run_cache_free(cache);
}

static void run_beside(struct run *r, unsigned n)
{
	struct run_workers_opts opts = {
		.plan = &r->plan,
		.settings = &r->opts->settings,
		.n = n,
		.done = done,
		.progress = progress,
		.arg = r,
	};

	for (size_t i = 0; i < r->plan.n_jobs; i++)
		if (run_job_is_idle(&r->plan.jobs[i]))
			done(r, i, run_job(&r->plan.jobs[i], &r->opts->settings, NULL, NULL, NULL));
	if (run_workers(&opts, r->err)) {
		cmd_error("%s", r->err->text);
		r->reports.system_errors = true;
	}
}

/* The highest number wins: a run that could not do all it was asked for must not be read as a result
 * of tests.
 */
static int exit_code(const struct run *r)
{
	const struct report_totals *t = &r->reports.totals;

	if (stop_signal())
		return 128 + stop_signal();
	if (r->reports.system_errors)
		return EXIT_HARNESS;
	if (r->reports.input_errors)
		return EXIT_USAGE;
	if (t->failed + t->unreviewed || r->not_blessed ||
	    (r->plan.n_pairs && !agreement_holds(&r->agreement)))
		return EXIT_UNEXPECTED;
	if (t->passed)
		return EXIT_AS_EXPECTED;
	cmd_error("nothing ran: %s", t->skipped ? "all was skipped" : "no scenario matched");
	return EXIT_NOTHING;
}

static void do_all(struct run *r)
{
	uint64_t began = clock_ns();
	unsigned n = run_workers_wanted(&r->plan, r->opts->jobs);

	r->outcomes = arena_alloc(r->arena, (r->plan.n_jobs + 1) * sizeof(struct run_outcome *));
	run_reports_begin(&r->reports, &r->opts->report, r->arena, (unsigned)r->plan.n_jobs,
			  r->plan.n_pairs);
	if (r->plan.n_pairs)
		agreement_begin(&r->agreement, r->arena, r->opts->plan.target);
	r->reports.totals.processes = n;
	if (n > 1)
		run_beside(r, n);
	else
		run_here(r);
	for (; r->told < r->plan.n_jobs; r->told++)
		tell(r, r->told);
	r->reports.totals.duration_ns = clock_ns() - began;
	if (r->plan.n_pairs) {
		agreement_end(&r->agreement);
		run_reports_agreement(&r->reports, &r->agreement);
	}
	run_reports_end(&r->reports);
}

int run_all(const struct run_options *opts, const struct selection *sel, struct err *err)
{
	struct run r = {
		.opts = opts, .arena = arena_new(), .err = err, .reports = { .err = err }
	};
	int ret;

	stop_catch_signals();
	run_plan_make(sel, &opts->plan, &r.plan);
	do_all(&r);
	if (stop_signal() && stop_signal() != SIGPIPE)
		cmd_error("stopped by %s", strsignal(stop_signal()));
	ret = exit_code(&r);
	run_plan_free(&r.plan);
	arena_free(r.arena);
	return ret;
}
