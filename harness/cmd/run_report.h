/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reports of a `verdict run`, all of them told at once, and its totals. */
#ifndef VERDICT_CMD_RUN_REPORT_H
#define VERDICT_CMD_RUN_REPORT_H

#include "report/agreement.h"
#include "report/report.h"

#define RUN_REPORTS_MAX 3

struct run_report_opts {
	bool tap; /* instead of text */
	int verbose;
	const char *junit, *json; /* files; NULL */
	const char *objects; /* as asked for; NULL: the installed ones */
};

struct run_reports {
	struct reporter *list[RUN_REPORTS_MAX];
	bool has_failed[RUN_REPORTS_MAX]; /* which have been complained of */
	size_t n;
	struct report_totals totals;
	struct err *err; /* scratch */
	bool input_errors, system_errors; /* of scenarios, of the harness or of a report */
};

void run_reports_begin(struct run_reports *r, const struct run_report_opts *o, struct arena *a,
		       unsigned planned, unsigned compared);
void run_reports_progress(struct run_reports *r, const char *what);
/* Counts it, too. */
void run_reports_result(struct run_reports *r, const struct scenario_result *res);
/* Says what r->err holds: a report could not be written. */
void run_reports_failed(struct run_reports *r);
void run_reports_agreement(struct run_reports *r, const struct agreement *g);
void run_reports_end(struct run_reports *r);
unsigned run_reports_done(const struct report_totals *t); /* results so far */

#endif
