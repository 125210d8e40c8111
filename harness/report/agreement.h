/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The same scenarios on Verdict's own objects and on a target's: where both do the same, and where not. What
 * differs is held against the target file's `known` differences.
 */
#ifndef VERDICT_REPORT_AGREEMENT_H
#define VERDICT_REPORT_AGREEMENT_H

#include "judge/judge.h"
#include "scenario/target_desc.h"

struct agreement_difference {
	unsigned step, packet; /* from 1; packet 0: the step as a whole; step 0: the scenario */
	const char *
		field; /* "outcome", "at", "drop_reason", "answer", "error", "ip.ttl", or an expectation's */
	const char *ours, *theirs;
	/* "gso", "seed 7": what was changed. Ours and theirs are then what that made of them: "63 instead of 62" or
	 * "unchanged". NULL: nothing was.
	 */
	const char *variant;
	const struct desc_known *known; /* NULL: not documented */
};

/* One scenario on one engine. */
struct agreement_row {
	const char *scenario, *engine;
	enum status ours, theirs;
	const char *not_compared; /* why; NULL: it was */
	struct agreement_difference *diffs;
	size_t n_diffs, n_new; /* n_new: not documented */
};

struct agreement {
	struct arena *arena;
	const struct target_desc *target;
	struct agreement_row *rows;
	size_t n_rows;
	bool *compared, *seen; /* by target->known: its scenario was compared; it did differ */
	unsigned agree, documented, differ, not_compared; /* rows */
	unsigned gone; /* documented differences that are no longer there */
};

/* Memory from a; target outlives it. */
void agreement_begin(struct agreement *g, struct arena *a, const struct target_desc *target);
/* The results of one scenario on one engine; all that is kept is copied. Where `theirs` failed, or could not be
 * run, in nothing but what is documented, it becomes one that was skipped for that reason.
 */
void agreement_add(struct agreement *g, const struct scenario_result *ours,
		   struct scenario_result *theirs);
/* Nothing more comes. */
void agreement_end(struct agreement *g);
/* No difference is new, and none that is documented is gone. */
bool agreement_holds(const struct agreement *g);

bool agreement_is_gone(const struct agreement *g, size_t known);
/* "agree", "documented", "differ" or "not compared" */
const char *agreement_word(const struct agreement_row *r);
/* The first difference, that which is not documented before others: "step 1, packet 3, ip.ttl: ours 63, theirs
 * 62; and 4 more", "sweep gso, step 1, ...". Nothing where both agree.
 */
void agreement_print_first(struct buf *out, const struct agreement_row *r);
/* "limit: why (reference)" */
void agreement_print_known(struct buf *out, const struct desc_known *k);
/* "38 agree, 2 differ as documented, ..." */
void agreement_print_totals(struct buf *out, const struct agreement *g);
/* Of docs/conformance.md: what the target's file documents, as a Markdown table. */
void agreement_print_documented(struct buf *out, const struct target_desc *t);
/* The table, a row a scenario and engine, what is gone, and the totals. */
void agreement_print(struct buf *out, const struct agreement *g);

#endif
