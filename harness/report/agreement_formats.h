/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a target agrees in, for machines. Internal to report/. */
#ifndef VERDICT_REPORT_AGREEMENT_FORMATS_H
#define VERDICT_REPORT_AGREEMENT_FORMATS_H

#include <jansson.h>

#include "report/agreement.h"

/* Test points from *n + 1 on: one a row, one for what is gone. *n: the last one's number. */
void agreement_print_tap(struct buf *out, const struct agreement *g, unsigned *n);
/* A test suite: a case a row, one for what is gone. *tests, *failures: how many. */
void agreement_print_junit(struct buf *out, const struct agreement *g, const char *timestamp,
			   unsigned *tests, unsigned *failures);
json_t *agreement_json(const struct agreement *g);

#endif
