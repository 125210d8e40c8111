/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the readers of a scenario's parts share; of this room only. */
#ifndef VERDICT_SCENARIO_PARTS_H
#define VERDICT_SCENARIO_PARTS_H

#include "scenario/scenario.h"
#include "scenario/schema.h"

extern const struct schema schema_scenario, schema_step, schema_send, schema_tunnel, schema_restart,
	schema_upgrade, schema_override, schema_flow, schema_seen, schema_expect, schema_identity,
	schema_redirect, schema_hop, schema_maps, schema_entry, schema_target;
extern const struct schema *const schema_parts[]; /* in the reference's order; ends with NULL */

/* Of a reference, as Markdown: links to the sections, a section with the table of keys, one with a table
 * of words. parts ends with NULL.
 */
void reference_contents(struct buf *out, const struct schema *const *parts);
void reference_part(struct buf *out, const struct schema *s);
void reference_words(struct buf *out, const char *title, const char *text,
		     const struct word_table *t);

bool parse_u64(const char *s, size_t len, uint64_t max, uint64_t *out); /* decimal or 0x hex */
int read_word(struct schema_ctx *ctx, const struct value *v, const struct word_table *t, int *out);
/* Each item of a list, or a plain value as a list of one; an empty list is an error. */
int read_each(struct schema_ctx *ctx, const struct value *v, const char *what,
	      int (*read)(struct schema_ctx *ctx, const struct value *v, void *out), void *out);

int read_packet_set(struct schema_ctx *ctx, const struct value *v, struct packet_set *out);
bool packet_sets_meet(const struct packet_set *a, const struct packet_set *b);
int read_count(struct schema_ctx *ctx, const struct value *v, uint64_t *min, uint64_t *max);
int read_member(struct schema_ctx *ctx, const struct value *v, struct member *out);

/* `expect:`, a map or a list of maps, into the step. */
int read_expects(struct schema_ctx *ctx, const struct value *v, struct step *step);
/* What no table can see: expectations that this step can never meet, or never fail. */
int check_expects(struct schema_ctx *ctx, const struct step *step);
/* Trees (`explain:`) where they cannot be had; once all keys are read. */
int check_trees(struct schema_ctx *ctx, struct scenario *s);
int read_steps(struct schema_ctx *ctx, const struct value *v, struct scenario *s);

/* A hand-written flow into the send; link_flow() once the whole step is read. */
int read_flow(struct schema_ctx *ctx, const struct value *v, uint8_t proto, struct send_step *send);
int link_flow(struct schema_ctx *ctx, struct scenario *s, struct step *step, const struct value *v);
/* `seen:` of a send: where else its packets were captured. */
int read_seen(struct schema_ctx *ctx, const struct value *v, struct send_step *send);
int read_hosts(struct schema_ctx *ctx, const struct value *v, struct scenario *s);

/* `target:` and `maps:` of a raw scenario, into s->target; check_raw() once all keys are read. */
int read_target(struct schema_ctx *ctx, const struct value *v, struct scenario *s);
int read_raw_maps(struct schema_ctx *ctx, const struct value *v, struct scenario *s);
int check_raw(struct schema_ctx *ctx, const struct value *v, struct scenario *s);

/* A file of the scenario's own folder, or of fixtures/captures above it. */
int find_capture(struct schema_ctx *ctx, const struct value *v, const char **out);
/* A folder: relative to the scenario's, then to each one above it, then to the working folder. */
int find_cluster(struct schema_ctx *ctx, const struct value *v, const char **out);
/* Manifests: a file or a folder of the scenario's own folder, or of one above it. */
int find_manifests(struct schema_ctx *ctx, const struct value *v, const char **out);

#endif
