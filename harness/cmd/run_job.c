// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs a scenario on an engine, holds it against what is expected, writes its pcapng. */
#include "cmd/run_job.h"

#include "base/clock.h"
#include "cmd/stop.h"
#include "cmd/sweep.h"
#include "report/report.h"

static struct run_outcome *outcome_new(const struct run_job *job)
{
	struct arena *a = arena_new();
	struct run_outcome *o = arena_new_of(a, struct run_outcome);

	o->arena = a;
	o->res = (struct scenario_result){
		.scenario = job->item->scenario,
		.path = job->item->path,
		.name = job->item->name,
		.engine = job->engine,
	};
	return o;
}

struct run_outcome *run_job_failed(const struct run_job *job, const struct err *err)
{
	struct run_outcome *o = outcome_new(job);

	o->res.status = STATUS_ERROR;
	o->res.err = arena_memdup(o->arena, err, sizeof(*err));
	return o;
}

static void execute(const struct run_job *job, const struct run_opts *opts, unsigned sweep,
		    struct run_outcome *o)
{
	struct run_trace *trace = arena_new_of(o->arena, struct run_trace);
	struct err *err = arena_new_of(o->arena, struct err);

	o->res.trace = trace;
	if (run_scenario(job->item->scenario, job->kind, opts, o->arena, trace, err)) {
		o->res.status = STATUS_ERROR;
		o->res.err = err;
		return;
	}
	judge_scenario(o->arena, job->item->scenario, trace, &o->res);
	/* exceptions are written for Verdict's own objects */
	if (!job->target || sweep)
		sweep_run(job->item->scenario, job->kind, sweep, opts, o->arena, &o->res);
}

static void write_packets(const struct run_settings *settings, struct run_outcome *o)
{
	struct err *err = arena_new_of(o->arena, struct err);

	if (o->res.trace->n_steps &&
	    report_pcapng(o->arena, settings->out, &o->res, &o->res.pcapng, err))
		o->unwritten = err;
}

static struct run_outcome *skipped(const struct run_job *job)
{
	struct run_outcome *o = outcome_new(job);

	o->res.status = STATUS_SKIPPED;
	o->res.skip_reason = job->skip_reason;
	return o;
}

struct run_outcome *run_job(const struct run_job *job, const struct run_settings *settings,
			    struct run_cache *cache, run_job_progress *progress, void *arg)
{
	struct run_opts opts = {
		.cache = cache,
		.objects = job->is_own ? NULL : settings->objects,
		.target = job->target,
		.pristine = settings->pristine,
		.progress = progress,
		.progress_arg = arg,
	};
	uint64_t began = clock_ns();
	struct run_outcome *o;

	if (!job->item->scenario)
		return run_job_failed(job, job->item->err);
	if (job->skip_reason)
		return skipped(job);
	o = outcome_new(job);
	progress(arg, 1, (unsigned)job->item->scenario->n_steps, 0);
	execute(job, &opts, settings->sweep, o);
	o->res.duration_ns = clock_ns() - began;
	write_packets(settings, o);
	if (!stop_signal() || o->res.status != STATUS_ERROR)
		return o;
	arena_free(o->arena);
	return NULL;
}
