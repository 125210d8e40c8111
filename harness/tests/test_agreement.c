/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Both engines see the same of every scenario, packet by packet, hop by hop, byte by byte. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run.h"

static struct arena *arena;
static struct run_cache *cache;
static struct err *err;

static void set_up(void)
{
	arena = arena_new();
	cache = run_cache_new();
	err = calloc(1, sizeof(*err));
}

static void tear_down(void)
{
	run_cache_free(cache);
	arena_free(arena);
	free(err);
}

TestSuite(agreement, .init = set_up, .fini = tear_down, .timeout = 300);

static void need_both(void)
{
	const char *missing = engine_missing(ENGINE_TESTRUN, arena);

	if (!*missing)
		missing = engine_missing(ENGINE_NETNS, arena);
	if (*missing)
		cr_skip_test("%s", missing);
}

static const char *where(const char *scenario, const struct trace *t, const struct hop *h)
{
	return arena_printf(arena, "%s: packet %u of %s%s%s", scenario, t->number, t->capture,
			    h ? " at " : "", h ? h->at : "");
}

static unsigned count(const struct hop *h, unsigned type, unsigned subtype)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->n_events; i++)
		n += h->events[i].type == type && h->events[i].subtype == subtype;
	return n;
}

static void same_bytes(const struct frame *a, const struct frame *b, const char *at,
		       const char *side)
{
	cr_assert_eq(!a->data, !b->data, "%s: %s bytes on one engine only", at, side);
	if (!a->data)
		return;
	cr_assert_eq(a->len, b->len, "%s: %s %u and %u bytes", at, side, a->len, b->len);
	cr_assert_eq(memcmp(a->data, b->data, a->len), 0, "%s: %s bytes differ", at, side);
}

static void same_hop(const struct hop *a, const struct hop *b, const char *at)
{
	cr_assert_str_eq(a->at, b->at, "%s", at);
	cr_assert_str_eq(a->program, b->program, "%s", at);
	cr_assert_eq(a->hook, b->hook, "%s", at);
	cr_assert_eq(a->ifindex, b->ifindex, "%s", at);
	cr_assert_eq(a->verdict, b->verdict, "%s: verdict %d and %d", at, a->verdict, b->verdict);
	cr_assert_eq(a->drop_reason, b->drop_reason, "%s", at);
	cr_assert_eq(a->drop_line, b->drop_line, "%s", at);
	cr_assert_eq(a->ct, b->ct, "%s: conntrack state %d and %d", at, a->ct, b->ct);
	cr_assert_eq(a->src_identity, b->src_identity, "%s", at);
	cr_assert_eq(a->dst_identity, b->dst_identity, "%s", at);
	cr_assert_eq(a->n_events, b->n_events, "%s: %zu and %zu events", at, a->n_events,
		     b->n_events);
	for (size_t i = 0; i < a->n_events; i++) {
		unsigned type = a->events[i].type, sub = a->events[i].subtype;

		cr_assert_eq(count(a, type, sub), count(b, type, sub), "%s: events of type %u/%u",
			     at, type, sub);
	}
	same_bytes(&a->in, &b->in, at, "in");
	same_bytes(&a->out, &b->out, at, "out");
}

static void same_packet(const struct trace *a, const struct trace *b, const char *name)
{
	const char *at = where(name, a, NULL);

	cr_assert_eq(a->number, b->number, "%s", at);
	cr_assert_eq(a->outcome, b->outcome, "%s: outcome %s and %s (%s)", at,
		     word_name(&words_outcome, (int)a->outcome),
		     word_name(&words_outcome, (int)b->outcome), b->why ? b->why : "");
	cr_assert_neq(a->outcome, OUTCOME_UNMODELLED, "%s: %s", at, a->why);
	cr_assert_str_eq(a->at, b->at, "%s", at);
	cr_assert_eq(a->n_hops, b->n_hops, "%s", at);
	for (size_t i = 0; i < a->n_hops; i++)
		same_hop(&a->hops[i], &b->hops[i], where(name, a, &a->hops[i]));
}

/* Conntrack counts seconds of real time on one engine: what lives by the clock is left out. */
static unsigned changes_of(const struct step_trace *t, enum map_change_kind kind, const char *map)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n_changes; i++)
		n += t->changes[i].kind == kind && !strcmp(t->changes[i].map, map);
	return n;
}

static void same_step(const struct step_trace *a, const struct step_trace *b, const char *name)
{
	static const enum map_change_kind kinds[] = { MAP_ADDED, MAP_REMOVED, MAP_PRESENT };

	cr_assert_eq(a->n_packets, b->n_packets, "%s: step %u", name, a->step->index);
	for (size_t i = 0; i < a->n_packets; i++)
		same_packet(&a->packets[i], &b->packets[i], name);
	cr_assert_eq(a->lost, 0);
	cr_assert_eq(b->lost, 0);
	for (size_t i = 0; i < a->n_changes; i++)
		for (size_t k = 0; k < 3; k++)
			cr_assert_eq(changes_of(a, kinds[k], a->changes[i].map),
				     changes_of(b, kinds[k], a->changes[i].map), "%s: step %u: %s",
				     name, a->step->index, a->changes[i].map);
}

static uint64_t run_both(const char *path)
{
	struct run_opts opts = { .cache = cache };
	struct run_trace a, b;
	struct scenario *s;
	uint64_t packets = 0;

	cr_assert_eq(scenario_load(path, &s, err), 0, "%s", err->text);
	if (s->engines != ENGINES_ALL) {
		scenario_free(s);
		return 0;
	}
	cr_assert_eq(run_scenario(s, ENGINE_TESTRUN, &opts, arena, &a, err), 0, "%s: %s", s->name,
		     err->text);
	cr_assert_eq(run_scenario(s, ENGINE_NETNS, &opts, arena, &b, err), 0, "%s: %s", s->name,
		     err->text);
	cr_assert_eq(a.n_steps, b.n_steps);
	for (size_t i = 0; i < a.n_steps; i++) {
		same_step(&a.steps[i], &b.steps[i], s->name);
		packets += a.steps[i].n_packets;
	}
	scenario_free(s);
	return packets;
}

Test(agreement, every_scenario_goes_the_same_way_on_both)
{
	uint64_t packets = 0;
	char **paths;
	size_t n;

	need_both();
	cr_assert_eq(scenario_find(arena, "scenarios", &paths, &n, err), 0, "%s", err->text);
	cr_assert_geq(n, 13);
	for (size_t i = 0; i < n; i++)
		packets += run_both(paths[i]);
	cr_assert_gt(packets, 200);
}
