// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs variants one by one, in the session that the scenario has warmed. */
#include "cmd/sweep.h"

#include <string.h>

#include "cmd/stop.h"
#include "judge/sweep.h"

struct sweeper {
	const struct scenario *scenario;
	enum engine_kind kind;
	const struct run_opts *opts;
	struct arena *a;
	struct scenario_result *res;
	bool unmodelled; /* as it is written: a variant cannot be held against that */
};

static struct sweep_result *add(struct sweeper *s, const char *name)
{
	struct scenario_result *res = s->res;

	res->sweeps = arena_grow(s->a, res->sweeps, res->n_sweeps, sizeof(*res->sweeps));
	res->sweeps[res->n_sweeps] = (struct sweep_result){ .name = name };
	return &res->sweeps[res->n_sweeps++];
}

/* What the scenario says of a packet may not be said of its variant: that is no error of the scenario. */
static void failed(struct sweeper *s, const struct variant *v, struct err *err)
{
	struct sweep_result *r;

	if (err->kind == ERR_INPUT) {
		r = add(s, v->name);
		r->status = SWEEP_NOT_RUN;
		r->why = err->text;
		return;
	}
	s->res->status = STATUS_ERROR;
	s->res->err = err;
	err_wrap(err, "sweep %s", v->name);
}

static void run_variant(struct sweeper *s, const struct variant *v)
{
	struct scenario *sc = arena_memdup(s->a, s->scenario, sizeof(*sc));
	struct run_trace *trace = arena_new_of(s->a, struct run_trace);
	struct err *err = arena_new_of(s->a, struct err);
	struct run_opts opts = *s->opts;

	opts.variant = v;
	if (v->kind == VARIANT_SEEDS)
		sc->seed = v->seed;
	if (run_scenario(sc, s->kind, &opts, s->a, trace, err))
		failed(s, v, err);
	else
		judge_variant(s->a, v, trace, s->res, add(s, v->name));
}

static void run_seeds(struct sweeper *s, unsigned n)
{
	for (unsigned i = 1; i <= n && s->res->status != STATUS_ERROR && !stop_signal(); i++) {
		struct variant *v = arena_new_of(s->a, struct variant);

		v->kind = VARIANT_SEEDS;
		v->seed = s->scenario->seed + i;
		v->name = arena_printf(s->a, "seed %llu", (unsigned long long)v->seed);
		run_variant(s, v);
	}
}

static void run_kind(struct sweeper *s, enum variant_kind kind)
{
	const struct sweep *own = s->scenario->sweep;
	struct variant *v = arena_new_of(s->a, struct variant);
	struct sweep_result *r;

	*v = (struct variant){ .kind = kind, .name = word_name(&words_variant, kind) };
	if (s->unmodelled) {
		r = add(s, v->name);
		r->status = SWEEP_NOT_RUN;
		r->why = "packets of the scenario as it is written go where the model ends";
	} else if (own && own->except[kind]) {
		r = add(s, v->name);
		r->status = SWEEP_EXCEPTED;
		r->why = own->except[kind];
	} else if (kind == VARIANT_SEEDS) {
		run_seeds(s, own && own->n_seeds ? own->n_seeds : SWEEP_SEEDS);
	} else {
		run_variant(s, v);
	}
}

/* Netns runs what testrun cannot show on every kernel: real devices for each variant cost seconds. */
static unsigned of_engine(const struct scenario *s, enum engine_kind kind, unsigned wanted)
{
	unsigned real = 1u << VARIANT_NON_LINEAR;

	if (kind == ENGINE_NETNS)
		return s->engines & ENGINE_TESTRUN ? wanted & real : wanted;
	return s->engines & ENGINE_NETNS ? wanted & ~real : wanted;
}

static bool has_unmodelled(const struct run_trace *t)
{
	for (size_t i = 0; i < t->n_steps; i++)
		for (size_t j = 0; j < t->steps[i].n_packets; j++)
			if (t->steps[i].packets[j].outcome == OUTCOME_UNMODELLED)
				return true;
	return false;
}

/* Another target may be known to do otherwise than the scenario says: it is held against itself all the same. */
static bool can_be_swept(const struct scenario_result *res, const struct run_opts *opts)
{
	return res->status == STATUS_PASSED || (opts->target && res->status == STATUS_FAILED);
}

void sweep_run(const struct scenario *s, enum engine_kind kind, unsigned asked,
	       const struct run_opts *opts, struct arena *a, struct scenario_result *res)
{
	struct sweeper w = { s, kind, opts, a, res, has_unmodelled(res->trace) };
	unsigned wanted = asked ? asked : s->sweep ? s->sweep->wanted : 0;

	if (s->target || !can_be_swept(res, opts))
		return;
	wanted = of_engine(s, kind, wanted);
	for (int i = 0; i < VARIANT_KINDS; i++)
		if (wanted & 1u << i && res->status != STATUS_ERROR && !stop_signal())
			run_kind(&w, (enum variant_kind)i);
}
