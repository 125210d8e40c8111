/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files that read `expect:` share: expect.c, expect_packet.c, expect_maps.c, expect_tree.c. */
#ifndef VERDICT_SCENARIO_EXPECT_PARTS_H
#define VERDICT_SCENARIO_EXPECT_PARTS_H

#include "scenario/parts.h"

/* As docs/scenario.md has them. */
#define PLACE  "`NODE/DEVICE`, in raw scenarios `DEVICE`"
#define FIELDS "map of [fields](fields.md)"

/* What a packet or a hop must show; out is a struct packet_expect. */
int pe_outcome(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_at(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_program(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_verdict(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_reason(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_ct(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_identity(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_packet(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_live(struct schema_ctx *ctx, const struct value *v, void *out);
int pe_redirect(struct schema_ctx *ctx, const struct value *v, void *out);
int read_fields(struct schema_ctx *ctx, const struct value *v, struct field_expect **list,
		size_t *n);

/* out is a struct expect. */
int ex_maps(struct schema_ctx *ctx, const struct value *v, void *out);
int ex_explain(struct schema_ctx *ctx, const struct value *v, void *out);

#endif
