/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words of reports for variants of scenarios. Internal to report/. */
#ifndef VERDICT_REPORT_SWEEPS_H
#define VERDICT_REPORT_SWEEPS_H

#include "base/buf.h"
#include "judge/judge.h"

/* Of those that were run. */
size_t report_variants(const struct scenario_result *res);
/* "sweep vlan, gso": those that differ; nothing where none does. */
void report_print_swept(struct buf *out, const struct scenario_result *res);
/* "vlan: 12 packets changed, nothing else", "ipv6: not run: ...". */
void report_print_variant(struct buf *out, const struct sweep_result *s);
const char *
report_sweep_status(enum sweep_status status); /* "same", "differs", "not-run", "excepted" */

/* Why variants were not run, over a whole run: each reason once. */
struct variants_left;

struct variants_left *variants_left_new(void);
void variants_left_add(struct variants_left *l, const struct scenario_result *res);
/* "not run: non-linear in 26 scenarios: ...", a line each. */
void variants_left_print(struct buf *out, const struct variants_left *l);
void variants_left_free(struct variants_left *l); /* NULL is fine */

#endif
