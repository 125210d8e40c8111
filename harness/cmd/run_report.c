// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hands what a run finds to its reporters. */
#include "cmd/run_report.h"

#include <errno.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/stop.h"

void run_reports_failed(struct run_reports *r)
{
	cmd_error("%s", r->err->text);
	r->system_errors = true;
}

/* What cannot be written once is said once: a disk stays full. A run that nobody reads ends, unless it
 * writes files as well.
 */
static void failed(struct run_reports *r, size_t i)
{
	bool unread = r->err->no == EPIPE;

	if (!unread && !r->has_failed[i])
		cmd_error("%s", r->err->text);
	if (unread && r->n == 1)
		stop_unread();
	r->has_failed[i] = true;
	r->system_errors = true;
}

void run_reports_begin(struct run_reports *r, const struct run_report_opts *o, struct arena *a,
		       unsigned planned, unsigned compared)
{
	struct report_env env = { .version = VERDICT_VERSION,
				  .kernel = "unknown",
				  .compared = compared };
	struct utsname u;

	if (uname(&u) == 0)
		env.kernel = u.release;
	env.objects = o->objects ? o->objects : file_installed(a, "bpf");
	r->list[r->n++] = o->tap ? report_tap(stdout) : report_text(stdout, o->verbose);
	if (o->junit)
		r->list[r->n++] = report_junit(o->junit);
	if (o->json)
		r->list[r->n++] = report_json(o->json);
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i]->ops->begin(r->list[i], &env, planned, r->err))
			failed(r, i);
}

static void count(struct run_reports *r, const struct scenario_result *res)
{
	uint64_t loading = res->trace ? res->trace->loading_ns : 0;
	struct report_totals *t = &r->totals;

	t->loading_ns += loading;
	t->running_ns += res->duration_ns - loading;
	t->packets += res->packets;
	t->checks += res->checks;
	t->passed += res->status == STATUS_PASSED;
	t->failed += res->status == STATUS_FAILED;
	t->unreviewed += res->status == STATUS_UNREVIEWED;
	t->errors += res->status == STATUS_ERROR;
	t->skipped += res->status == STATUS_SKIPPED;
	if (res->status == STATUS_ERROR && res->err->kind == ERR_INPUT)
		r->input_errors = true;
	else if (res->status == STATUS_ERROR)
		r->system_errors = true;
}

void run_reports_result(struct run_reports *r, const struct scenario_result *res)
{
	count(r, res);
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i]->ops->result(r->list[i], res, r->err))
			failed(r, i);
}

void run_reports_progress(struct run_reports *r, const char *what)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i]->ops->progress)
			r->list[i]->ops->progress(r->list[i], what);
}

void run_reports_agreement(struct run_reports *r, const struct agreement *g)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->list[i]->ops->agreement(r->list[i], g, r->err))
			failed(r, i);
}

void run_reports_end(struct run_reports *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->list[i]->ops->end(r->list[i], &r->totals, r->err))
			failed(r, i);
		r->list[i]->ops->free(r->list[i]);
	}
}

unsigned run_reports_done(const struct report_totals *t)
{
	return t->passed + t->failed + t->unreviewed + t->errors + t->skipped;
}
