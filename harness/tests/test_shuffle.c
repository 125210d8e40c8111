/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A hundred runs of scenarios in shuffled order: each scenario has the same verdicts and the same bytes
 * every time, whatever ran before it on the same agents, programs and maps. Those with a cluster as its
 * folder has it are taken, and no restarts: others load programs anew, which takes seconds.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#include "engine/run.h"
#include "judge/judge.h"

#ifdef __SANITIZE_ADDRESS__
#define RUNS 5 /* memory is what is looked at there */
#else
#define RUNS 100
#endif
#define MAX 64
#define FEW 6 /* of them, evenly: all take a minute */

static struct scenario *scenarios[MAX];
static uint64_t first[MAX]; /* digest of the first run; 0: none yet */
static size_t n;
static struct err err;

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--) /* FNV-1a */
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
	return mix(h, s ? s : "", s ? strlen(s) + 1 : 1);
}

static uint64_t mix_frame(uint64_t h, const struct frame *f)
{
	h = mix(h, &f->len, sizeof(f->len));
	return f->data ? mix(h, f->data, f->len) : h;
}

static uint64_t mix_event(uint64_t h, const struct event *e)
{
	h = mix(h, &e->type, sizeof(e->type));
	h = mix(h, &e->subtype, sizeof(e->subtype));
	h = mix(h, &e->hash, sizeof(e->hash));
	h = mix(h, &e->src_identity, sizeof(e->src_identity));
	h = mix(h, &e->dst_identity, sizeof(e->dst_identity));
	h = mix(h, &e->reason, sizeof(e->reason));
	h = mix(h, &e->verdict, sizeof(e->verdict));
	return mix(h, e->data, e->caplen);
}

static uint64_t mix_hop(uint64_t h, const struct hop *hop)
{
	h = mix_text(mix_text(h, hop->at), hop->program);
	h = mix(h, &hop->verdict, sizeof(hop->verdict));
	h = mix(h, &hop->drop_reason, sizeof(hop->drop_reason));
	h = mix(h, &hop->ct, sizeof(hop->ct));
	h = mix(h, &hop->n_events, sizeof(hop->n_events));
	for (size_t i = 0; i < hop->n_events; i++)
		h = mix_event(h, &hop->events[i]);
	return mix_frame(mix_frame(h, &hop->in), &hop->out);
}

static uint64_t digest(const struct run_trace *t)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < t->n_steps; i++) {
		for (size_t j = 0; j < t->steps[i].n_packets; j++) {
			const struct trace *p = &t->steps[i].packets[j];

			h = mix(h, &p->outcome, sizeof(p->outcome));
			h = mix_frame(mix_text(h, p->at), &p->frame);
			h = mix_frame(h, &p->final);
			for (size_t k = 0; k < p->n_hops; k++)
				h = mix_hop(h, &p->hops[k]);
		}
	}
	return h | 1;
}

static bool is_quick(const struct scenario *s)
{
	bool quick = s->cluster && !s->values && s->engines & ENGINE_TESTRUN && !s->unreviewed;

	for (size_t i = 0; i < s->n_steps && quick; i++)
		quick = s->steps[i].kind == STEP_SEND || s->steps[i].kind == STEP_ADVANCE ||
			s->steps[i].kind == STEP_CHECK;
	return quick;
}

static void load_all(struct arena *a)
{
	char **paths;
	size_t found;

	cr_assert_eq(scenario_find(a, "scenarios", &paths, &found, &err), 0, "%s", err.text);
	for (size_t i = 0; i < found && n < MAX; i++) {
		cr_assert_eq(scenario_load(paths[i], &scenarios[n], &err), 0, "%s", err.text);
		if (is_quick(scenarios[n]))
			n++;
		else
			scenario_free(scenarios[n]);
	}
}

/* Which scenarios are run: few of them, evenly, unless all are asked for. */
static size_t choose(size_t *order)
{
	size_t chosen = getenv("VERDICT_SHUFFLE_ALL") || n < FEW ? n : FEW;

	for (size_t i = 0; i < chosen; i++)
		order[i] = i * n / chosen;
	return chosen;
}

static void run_one(size_t i, struct run_cache *cache, unsigned run)
{
	struct run_opts opts = { .cache = cache };
	struct arena *a = arena_new();
	struct scenario_result result = { 0 };
	struct run_trace trace;
	uint64_t now;

	cr_assert_eq(run_scenario(scenarios[i], ENGINE_TESTRUN, &opts, a, &trace, &err), 0,
		     "run %u, %s: %s", run, scenarios[i]->name, err.text);
	judge_scenario(a, scenarios[i], &trace, &result);
	now = digest(&trace);
	cr_expect_eq(result.status, STATUS_PASSED, "run %u: %s", run, scenarios[i]->name);
	cr_expect(!first[i] || first[i] == now,
		  "run %u: %s has other packets or events than in run 0", run, scenarios[i]->name);
	first[i] = now;
	arena_free(a);
}

Test(shuffle, a_hundred_runs_in_any_order_are_the_same, .timeout = 300)
{
	struct arena *a = arena_new();
	struct run_cache *cache = run_cache_new();
	uint32_t state = 1;
	size_t order[MAX], chosen;

	if (geteuid())
		cr_skip_test("needs root");
	cr_assert_eq(chdir(files_source_root()), 0);
	load_all(a);
	cr_assert_geq(n, 4, "%zu scenarios are quick enough", n);
	chosen = choose(order);
	for (unsigned run = 0; run < RUNS; run++) {
		for (size_t i = chosen; i > 1; i--) {
			size_t j, kept = order[i - 1];

			state = state * 1664525 + 1013904223;
			j = (state >> 8) % i;
			order[i - 1] = order[j];
			order[j] = kept;
		}
		for (size_t i = 0; i < chosen; i++)
			run_one(order[i], cache, run);
	}
	run_cache_free(cache);
	for (size_t i = 0; i < n; i++)
		scenario_free(scenarios[i]);
	arena_free(a);
}
