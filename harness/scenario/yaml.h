/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML text to trees of struct value, every node with its file, line and column. The only user of
 * libfyaml.
 */
#ifndef VERDICT_SCENARIO_YAML_H
#define VERDICT_SCENARIO_YAML_H

#include "base/err.h"
#include "base/value.h"

/* All documents of a file, in order; empty ones are left out. Syntax errors and duplicate keys are
 * input errors with place and caret.
 */
int yaml_load(struct arena *a, const char *path, struct value ***docs, size_t *n, struct err *err);
/* Text that did not come from a file; name stands in messages. */
int yaml_parse(struct arena *a, const char *text, size_t len, const char *name,
	       struct value ***docs, size_t *n, struct err *err);

#endif
