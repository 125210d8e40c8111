/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The plain part of YAML that tools print: block maps and lists, scalars of one line, literal blocks,
 * collections in brackets on one line. Ten times as fast as the general reader, and the same trees.
 *
 * Text outside this part (anchors, tags, scalars over several lines, tabs, errors of every kind) is told
 * from it without being touched, so that the general reader can have it.
 */
#ifndef VERDICT_SCENARIO_YAML_PLAIN_H
#define VERDICT_SCENARIO_YAML_PLAIN_H

#include "scenario/yaml.h"

struct yaml_slice {
	char *text; /* from the start of a line; UTF-8, no NUL */
	size_t len;
	int line; /* number of its first line */
	const char *name; /* for places */
};

/* True: every byte of the slice is of that part. */
bool yaml_plain_check(const struct yaml_slice *s);

/* The slice as a tree; only after a check that held. NULL: an empty document. Nodes come from `nodes`,
 * texts lie in the slice, which is written to, or come from `texts`. Items of a
 * list under the root's key `items` that are maps with a `kind` are handed to visit one by one and left
 * out; their nodes come from `items` and live until it returns, those of other items for longer. visit and
 * items NULL: the tree is whole.
 */
int yaml_plain_read(const struct yaml_slice *s, struct arena *texts, struct arena *nodes,
		    struct arena *items, yaml_visit visit, void *user, struct value **out);

#endif
