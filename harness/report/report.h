/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Results for people and for machines. A reporter is told of each result as it comes and of the end;
 * any number of them run at once.
 */
#ifndef VERDICT_REPORT_REPORT_H
#define VERDICT_REPORT_REPORT_H

#include <stdio.h>

#include "base/err.h"
#include "judge/judge.h"

struct report_totals {
	unsigned passed, failed, errors, skipped, unreviewed;
	uint64_t packets, checks;
	uint64_t duration_ns; /* of the run */
	/* Of its scenarios together, which may have run side by side: loading, all else; in so many processes. */
	uint64_t loading_ns, running_ns;
	unsigned processes;
};

struct report_env { /* what the run ran on, for the head of every report */
	const char *kernel; /* uname -r */
	const char *objects; /* folder */
	const char *version; /* of verdict */
	unsigned compared; /* scenarios that run on a target's objects as well: agreement.h */
};

struct agreement;
struct reporter;

struct reporter_ops {
	int (*begin)(struct reporter *r, const struct report_env *env, unsigned planned,
		     struct err *err);
	void (*progress)(struct reporter *r, const char *what); /* may be NULL */
	int (*result)(struct reporter *r, const struct scenario_result *res, struct err *err);
	/* What a target agrees in, where one was compared: after all results, before the end. */
	int (*agreement)(struct reporter *r, const struct agreement *g, struct err *err);
	int (*end)(struct reporter *r, const struct report_totals *t, struct err *err);
	void (*free)(struct reporter *r);
};

struct reporter {
	const struct reporter_ops *ops;
};

/* Text to f: colour and a progress line if it is a terminal (NO_COLOR honoured); verbose adds every
 * packet of passing scenarios. The last line is "N passed, N failed", ", N unreviewed" and ", N skipped" if some were;
 * errors count as failed there and are told apart above it.
 */
struct reporter *report_text(FILE *f, int verbose);
struct reporter *report_tap(FILE *f); /* TAP 13; diagnostics as YAML blocks */
/* JUnit XML: failure, error and skipped apart; written whole at the end, by rename. */
struct reporter *report_junit(const char *path);
struct reporter *report_json(const char *path); /* reports/schema.json describes it */

/* Before a long run: can a report be written there at its end? Makes the folder. */
int report_writable(const char *path, struct err *err);

/* One pcapng a scenario and engine: interfaces "node/device:program()@entry|exit", verdict,
 * packet id, direction, and what happened as comment. *path_out from a.
 */
int report_pcapng(struct arena *a, const char *dir, const struct scenario_result *res,
		  const char **path_out, struct err *err);

#endif
