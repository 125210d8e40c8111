/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files that make a target's description share; of this room only. */
#ifndef VERDICT_SCENARIO_TARGET_DESC_PARTS_H
#define VERDICT_SCENARIO_TARGET_DESC_PARTS_H

#include "scenario/schema.h"
#include "scenario/target_desc.h"

extern const struct schema schema_target_file, schema_target_objects, schema_target_object,
	schema_target_map, schema_target_tail_call, schema_target_events, schema_target_device,
	schema_target_known;
extern const struct schema *const schema_target_parts[]; /* ends with NULL */

/* Hooks that the kernel has no test run for; all have the number -1. */
extern const struct word_table words_live_hook;

/* With its arena and defaults, no name. */
struct target_desc *target_desc_new(void);
/* What no table can see: names of the file's own that nothing has, or that two things have. */
int target_desc_check(const struct target_desc *d, struct err *err);

/* A name without the '?' that says it may be missing. */
const char *target_read_name(struct schema_ctx *ctx, const char *text, bool *may_lack);
int target_expect_map(struct schema_ctx *ctx, const struct value *v, const char *what);
int target_read_settings(struct schema_ctx *ctx, const struct value *v, struct settings *out);
int target_read_ref(struct schema_ctx *ctx, const struct value *v, struct program_ref *out);
/* The description's object of that name, made with the defaults if it has none yet. */
struct desc_object *target_object_named(struct schema_ctx *ctx, struct target_desc *d,
					const char *name, const struct loc *loc);

/* Keys of the top; out is the struct target_desc. */
int target_read_maps(struct schema_ctx *ctx, const struct value *v, void *out);
int target_read_tail_calls(struct schema_ctx *ctx, const struct value *v, void *out);
int target_read_events(struct schema_ctx *ctx, const struct value *v, void *out);
int target_read_devices(struct schema_ctx *ctx, const struct value *v, void *out);
int target_read_known(struct schema_ctx *ctx, const struct value *v, void *out);

#endif
