/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* values.yaml with Cilium's Helm names. Keys that bear on verdicts are known here with their type
 * and Helm's default; all others are let through, as Helm does.
 */
#ifndef VERDICT_SCENARIO_VALUES_H
#define VERDICT_SCENARIO_VALUES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/value.h"

/* dir/values.yaml (may be missing) with overrides (may be NULL) laid over it as Helm does: maps are
 * merged, all else is replaced, null removes. Checks the known keys of both. In a scenario's own
 * overrides a key that nearly has a known name is an error: it would silently do nothing.
 */
int values_load(struct arena *a, const char *dir, const struct value *overrides,
		const struct value **out, struct err *err);

/* What a known key says, or its default. path is one of the table in values.c; v may be NULL. */
const char *values_get(const struct value *v, const char *path);
bool values_bool(const struct value *v, const char *path);
/* Whole seconds of a duration. */
unsigned values_seconds(const struct value *v, const char *path);

#endif
