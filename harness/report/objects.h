/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The object files that ran, as text: which bytes, made by what, changed how. Internal to report/. */
#ifndef VERDICT_REPORT_OBJECTS_H
#define VERDICT_REPORT_OBJECTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "engine/trace.h"

/* False if told holds it already; else it is added. A file whose helper calls are interposed on one engine
 * and not on another is new on each.
 */
bool report_object_is_new(struct buf *told, const struct loaded_object *o);
/* Something about it is not as in the file, or as was asked for. */
bool report_object_is_odd(const struct loaded_object *o);
/* "object PATH: SHA-256 ..., clang version ..., N helper calls interposed\n". Then, indented, what was
 * changed and which programs ran as shipped: how many of each kind, or with `all` each by name.
 */
void report_object_print(struct buf *out, const struct loaded_object *o, bool all);

#endif
