/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The key `known` of a target file: where it is known to do otherwise than Verdict's own datapath. */
#include <string.h>

#include "scenario/parts.h"
#include "scenario/sweep.h"
#include "scenario/target_desc_parts.h"

static const struct word causes[] = {
	{ KNOWN_BUG, "bug", "theirs" },
	{ KNOWN_CHOICE, "choice", "both are right" },
	{ KNOWN_LIMIT, "limit", "of the model" },
};
const struct word_table words_known_cause = { "cause", causes, sizeof(causes) / sizeof(causes[0]) };

/* One line of the file: the same of several scenarios, and steps of each. */
struct known_line {
	struct desc_known is; /* of all of them */
	const char **scenarios;
	unsigned *steps;
	size_t n, n_steps;
};

/* One, or a list of them; *items points into *v, or to v. */
static int some(struct schema_ctx *ctx, const struct value *const *v, const char *what,
		const struct value *const **items, size_t *n)
{
	bool list = (*v)->kind == VALUE_LIST;

	*items = list ? (const struct value *const *)(*v)->items : v;
	*n = list ? (*v)->n : 1;
	return *n ? 0 : err_input(ctx->err, &(*v)->loc, "expected at least one %s", what);
}

static int kn_scenario(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct known_line *k = out;
	const struct value *const *items;
	size_t n;
	int rc = some(ctx, &v, "scenario", &items, &n);

	if (rc)
		return rc;
	k->scenarios = arena_alloc(ctx->arena, n * sizeof(*k->scenarios));
	for (; k->n < n && !rc; k->n++)
		rc = read_string(ctx, items[k->n], &k->scenarios[k->n]);
	return rc;
}

static int kn_step(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct known_line *k = out;
	const struct value *const *items;
	size_t n;
	int rc = some(ctx, &v, "step", &items, &n);

	if (rc)
		return rc;
	k->steps = arena_alloc(ctx->arena, n * sizeof(*k->steps));
	for (; k->n_steps < n && !rc; k->n_steps++) {
		uint64_t step = 0;

		rc = read_u64(ctx, items[k->n_steps], UINT32_MAX, &step);
		k->steps[k->n_steps] = (unsigned)step;
	}
	return rc;
}

static int kn_field(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct known_line *)out)->is.field);
}

static int kn_theirs(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct known_line *)out)->is.theirs);
}

static int kn_variant(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int kind = 0, rc = read_word(ctx, v, &words_variant, &kind);

	if (!rc)
		((struct known_line *)out)->is.variant = word_name(&words_variant, kind);
	return rc;
}

static int kn_cause(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int cause = 0, rc = read_word(ctx, v, &words_known_cause, &cause);

	((struct known_line *)out)->is.cause = (enum known_cause)cause;
	return rc;
}

static int kn_why(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct known_line *)out)->is.why);
}

static int kn_reference(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct known_line *)out)->is.reference);
}

/* clang-format off */
const struct schema schema_target_known = {
	"known", "Where the target is known to do otherwise than Verdict's own datapath does. `verdict run --target` tells such a difference as documented, and says so when it is no longer there.",
	(const struct schema_key[]){
	{ "scenario", true, "name, or list of names", NULL, "the scenario; of several it is the same in each", "[node-port-snat, host-firewall]", kn_scenario },
	{ "step", false, "number, or list of numbers", "any", "the step, or all of several", "[2, 4]", kn_step },
	{ "field", false, "name", "any", "what differs: `outcome`, `at`, `drop_reason`, `error`, a packet's field, or what an expectation of the scenario names", "drop_reason", kn_field },
	{ "theirs", false, "text", "anything", "what the target has there; `*` stands for anything in it", "\"unknown*\"", kn_theirs },
	{ "variant", false, "variant", "none", "what was changed, with `--sweep`; a line without it speaks of scenarios as they are written, a line with it of nothing else", "checksum-complete", kn_variant },
	{ "cause", true, "`bug`, `choice` or `limit`", NULL, "`bug`: a mistake of the target's; `choice`: both are right; `limit`: what the simulator does not model", "limit", kn_cause },
	{ "why", true, "text", NULL, "what is done otherwise", "\"socket programs run on no engine\"", kn_why },
	{ "reference", false, "text", "none", "where it is reported", "cilium/cilium#1234", kn_reference },
	{ 0 } } };
/* clang-format on */

static void add_known(struct schema_ctx *ctx, struct target_desc *d, const struct known_line *k,
		      size_t scenario, unsigned step)
{
	struct desc_known *out;

	d->known = arena_grow(ctx->arena, d->known, d->n_known, sizeof(*d->known));
	out = &d->known[d->n_known++];
	*out = k->is;
	out->scenario = k->scenarios[scenario];
	out->step = step;
}

static int read_line(struct schema_ctx *ctx, struct target_desc *d, const struct value *v)
{
	struct known_line k = { .is.loc = v->loc };
	int rc = schema_bind(ctx, &schema_target_known, v, &k);

	for (size_t i = 0; i < k.n && !rc; i++) {
		for (size_t j = 0; j < k.n_steps; j++)
			add_known(ctx, d, &k, i, k.steps[j]);
		if (!k.n_steps)
			add_known(ctx, d, &k, i, 0);
	}
	return rc;
}

int target_read_known(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int rc = 0;

	if (v->kind != VALUE_LIST)
		return err_input(ctx->err, &v->loc, "expected a list of known differences");
	for (size_t i = 0; i < v->n && !rc; i++)
		rc = read_line(ctx, out, v->items[i]);
	return rc;
}
