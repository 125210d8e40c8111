/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The key `known` of a target file: where it is known to do otherwise than Verdict's own datapath. */
#include <string.h>

#include "scenario/parts.h"
#include "scenario/target_desc_parts.h"

static const struct word causes[] = {
	{ KNOWN_BUG, "bug", "theirs" },
	{ KNOWN_CHOICE, "choice", "both are right" },
	{ KNOWN_LIMIT, "limit", "of the model" },
};
const struct word_table words_known_cause = { "cause", causes, sizeof(causes) / sizeof(causes[0]) };

static int kn_scenario(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct desc_known *)out)->scenario);
}

static int kn_step(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, UINT32_MAX, &n);

	((struct desc_known *)out)->step = (unsigned)n;
	return rc;
}

static int kn_field(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct desc_known *)out)->field);
}

static int kn_cause(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int cause = 0, rc = read_word(ctx, v, &words_known_cause, &cause);

	((struct desc_known *)out)->cause = (enum known_cause)cause;
	return rc;
}

static int kn_why(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct desc_known *)out)->why);
}

static int kn_reference(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct desc_known *)out)->reference);
}

/* clang-format off */
const struct schema schema_target_known = {
	"known", "Where the target is known to do otherwise than Verdict's own datapath does. `verdict run --target` tells such a difference as documented, and says so when it is no longer there.",
	(const struct schema_key[]){
	{ "scenario", true, "name", NULL, "the scenario", "node-port-snat", kn_scenario },
	{ "step", false, "number", "any", "the step", "2", kn_step },
	{ "field", false, "name", "any", "what differs: `outcome`, `at`, `drop_reason`, `error`, a packet's field, or what an expectation of the scenario names", "drop_reason", kn_field },
	{ "cause", true, "`bug`, `choice` or `limit`", NULL, "`bug`: a mistake of the target's; `choice`: both are right; `limit`: what the simulator does not model", "limit", kn_cause },
	{ "why", true, "text", NULL, "what is done otherwise", "\"socket programs run on no engine\"", kn_why },
	{ "reference", false, "text", "none", "where it is reported", "cilium/cilium#1234", kn_reference },
	{ 0 } } };
/* clang-format on */

int target_read_known(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct target_desc *d = out;
	int rc = 0;

	if (v->kind != VALUE_LIST)
		return err_input(ctx->err, &v->loc, "expected a list of known differences");
	d->known = arena_alloc(ctx->arena, (v->n + 1) * sizeof(*d->known));
	for (; d->n_known < v->n && !rc; d->n_known++) {
		struct desc_known *k = &d->known[d->n_known];

		*k = (struct desc_known){ .loc = v->items[d->n_known]->loc };
		rc = schema_bind(ctx, &schema_target_known, v->items[d->n_known], k);
	}
	return rc;
}
