/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the two halves of the JSON report share. Internal to report/. */
#ifndef VERDICT_REPORT_JSON_H
#define VERDICT_REPORT_JSON_H

#include <jansson.h>

#include "report/common.h"

json_t *json_text(const char *s); /* cleaned; null for NULL */
json_t *json_number(uint64_t n);
/* A list of the object files that ran; null where none could (no trace). */
json_t *json_objects(const struct run_trace *trace);
json_t *json_packet(const struct trace *t);
/* Adds "packets", "log", "changes" and "lost" to a step. */
void json_add_step_trace(json_t *step, const struct step_trace *t);

#endif
