/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the reporters share: words, counts, and text made safe for the formats. Internal to report/. */
#ifndef VERDICT_REPORT_COMMON_H
#define VERDICT_REPORT_COMMON_H

#include "base/buf.h"
#include "report/report.h"

/* "passed", "failed", "unreviewed", "error", "skipped" */
const char *report_status(enum status status);
/* What somebody has to do about an unreviewed scenario. */
void report_print_unreviewed(struct buf *out, const struct scenario_result *res);
size_t report_differences(const struct scenario_result *res);
/* The n-th difference of all steps, counted from 0; NULL past the last. */
const struct difference *report_difference(const struct scenario_result *res, size_t n);
/* The differences of all steps as text, packets that differ alike told once; about the first `limit` at
 * length. Returns how many are told.
 */
size_t report_print_differences(struct buf *out, const struct scenario_result *res, size_t limit);
const char *report_name(const struct scenario_result *res); /* name, else path; never NULL */
/* "N passed, N failed", ", N unreviewed" and ", N skipped" where some were; errors count as failed. */
void report_last_line(struct buf *out, const struct report_totals *t);

/* Writes a report whole or not at all: beside it first, then by rename. Folders are made. What is no
 * regular file (/dev/stdout, a pipe, a link) is written to as it is.
 */
int report_replace(const char *path, const void *data, size_t size, struct err *err);

/* Appends text as valid UTF-8 without control characters (newline and tab stay): bytes that are no
 * UTF-8, and what XML 1.0 forbids, become U+FFFD; control characters vanish.
 */
void report_clean(struct buf *out, const char *text);
void report_xml(struct buf *out,
		const char *text); /* cleaned and escaped, for text and attributes */
void report_quoted(struct buf *out, const char *text); /* cleaned, as a double-quoted YAML scalar */

#endif
