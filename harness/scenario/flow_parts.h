/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the two files that read hand-written flows share: flow.c, flow_do.c. */
#ifndef VERDICT_SCENARIO_FLOW_PARTS_H
#define VERDICT_SCENARIO_FLOW_PARTS_H

#include "scenario/flow.h"
#include "scenario/parts.h"

/* "client", "svc/default/web:80 nodePort at node/worker-0", "[2001:db8::1]:53" ... */
int read_flow_end(struct schema_ctx *ctx, const struct value *v, const char *text,
		  struct flow_end *out);
/* One item of `do:`, unfolded to the end of f->items. f->proto is set. */
int read_flow_item(struct schema_ctx *ctx, const struct value *v, void *flow);
/* Words of a line: the next one of *p, which moves behind it and the blanks; "" at the end. */
const char *next_token(struct arena *a, const char **p);
const char *flow_proto_name(uint8_t proto); /* "tcp" */

#endif
