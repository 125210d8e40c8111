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

/* 0, or negative with the visitor's own error. v lives until it returns, all texts in it (and
 * v->loc.file) as long as the arena.
 */
typedef int (*yaml_visit)(void *user, struct value *v);
/* The same for big files, a document at a time. Of a document with a list under `items:` (kind: List) the
 * items that have a kind are visited one by one before the document itself, which is left without them.
 * Not for items of a file that needs the general reader: there they stay.
 */
int yaml_each(struct arena *a, const char *path, yaml_visit visit, void *user, struct err *err);

#endif
