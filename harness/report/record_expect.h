/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a step showed, as the items of its `expect:`. Internal to report/. */
#ifndef VERDICT_REPORT_RECORD_EXPECT_H
#define VERDICT_REPORT_RECORD_EXPECT_H

#include "report/record.h"

/* A scalar as YAML takes it, quoted where it must be. */
void record_scalar(struct buf *out, const char *text);
/* "    expect:\n" and its items; comments for what cannot be expected. follow: packets may end elsewhere
 * than where they entered.
 */
void record_expects(struct buf *out, const struct step_trace *t, enum record_detail detail,
		    bool follow);

#endif
