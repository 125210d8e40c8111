/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keys of a scenario file: one table for reading, for suggestions, and for the reference.
 *
 * schema_bind() walks a located tree by a table of keys and fills a C struct; an unknown key, a
 * wrong type or a missing key is an input error at its place with the nearest known key.
 */
#ifndef VERDICT_SCENARIO_SCHEMA_H
#define VERDICT_SCENARIO_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

struct schema_ctx {
	struct arena *arena;
	const char *dir; /* for paths */
	struct err *err;
};

struct schema_key {
	const char *name;
	bool required;
	/* for the reference, as Markdown: */
	const char *type; /* "duration", "packet numbers", "`a` or `b`" */
	const char *def; /* what holds where the key is left out; NULL if it is required */
	const char *text; /* what it does */
	const char *example; /* a value in YAML's flow style, valid as it stands */
	/* Reads v into the struct at out; 0 or negative with ctx->err set. */
	int (*read)(struct schema_ctx *ctx, const struct value *v, void *out);
};

struct schema {
	const char *name; /* heading in the reference: "send" */
	const char *text;
	const struct schema_key *keys; /* ends with name == NULL */
};

int schema_bind(struct schema_ctx *ctx, const struct schema *s, const struct value *v, void *out);

/* The reference of every key as Markdown: `verdict help scenario --markdown`, docs/scenario.md. */
void schema_print_reference(struct buf *out);
/* The same for target files: `verdict help targets`, docs/targets.md. */
void schema_print_targets(struct buf *out);
/* The same for the names of packet fields: `verdict help fields --markdown`, docs/fields.md. */
void schema_print_fields(struct buf *out);

/* Readers of scalars for use in tables and by the manifest reader; messages carry place and caret. */
int read_string(struct schema_ctx *ctx, const struct value *v, const char **out);
int read_u64(struct schema_ctx *ctx, const struct value *v, uint64_t max, uint64_t *out);
int read_bool(struct schema_ctx *ctx, const struct value *v, bool *out);
int read_duration_ns(struct schema_ctx *ctx, const struct value *v,
		     uint64_t *out); /* 90s, 1m30s, 5ms */

#endif
