/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The same way of a packet gives the same tree: a hundred runs with other seeds, in shuffled order, on agents
 * that ran other scenarios before. Where programs saw the same packets and said the same, every line is to be
 * the same, whatever the seed was.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#include "engine/run.h"
#include "judge/tree.h"
#include "packet/print.h"

#ifdef __SANITIZE_ADDRESS__
#define RUNS 5 /* memory is what is looked at there */
#else
#define RUNS 100
#endif

/* SNAT's ports and backends by chance, policies that change, drops of several kinds. */
static const char *const names[] = { "scenarios/node-port-snat", "scenarios/pod-to-cluster-ip",
				     "scenarios/network-policy",
				     "scenarios/cilium-network-policy" };
#define N (sizeof(names) / sizeof(*names))

/* What run 0 showed of a scenario. */
struct shown {
	struct scenario *scenario;
	struct buf ways, trees; /* of all packets, each ended by a NUL */
};

static struct shown shown[N];
static struct err err;
static size_t same_ways, all_ways, answers;

/* As a person reads it: sequence numbers are the seed's own. */
static void add_frame(struct buf *b, const struct frame *f)
{
	buf_printf(b, "%u ", f->len);
	if (f->data)
		packet_print(b, f->data, f->len, f->wire_len, LINK_ETHERNET);
}

/* Which programs saw which packets, and what they said. */
static void add_way(struct buf *b, const struct trace *t)
{
	add_frame(b, &t->frame);
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];

		buf_printf(b, "%s %s %d %u ", h->at, h->program, h->verdict, h->mark);
		add_frame(b, &h->in);
		add_frame(b, &h->out);
	}
	buf_printf(b, "%d %s", t->outcome, t->at ? t->at : "");
}

static void run_once(struct scenario *s, struct run_cache *cache, struct arena *a,
		     struct run_trace *trace)
{
	struct run_opts opts = { .cache = cache, .lookups = true };

	cr_assert_eq(run_scenario(s, ENGINE_TESTRUN, &opts, a, trace, &err), 0, "%s: %s", s->name,
		     err.text);
}

static void first_run(struct shown *s, struct run_cache *cache)
{
	struct arena *a = arena_new();
	struct run_trace trace;

	run_once(s->scenario, cache, a, &trace);
	for (size_t i = 0; i < trace.n_steps; i++)
		for (size_t j = 0; j < trace.steps[i].n_packets; j++) {
			add_way(&s->ways, &trace.steps[i].packets[j]);
			buf_putc(&s->ways, '\0');
			tree_print(&s->trees, (unsigned)i + 1, &trace.steps[i].packets[j]);
			buf_putc(&s->trees, '\0');
		}
	arena_free(a);
}

/* The first line that differs. */
static void expect_same(const char *was, const char *is, const char *scenario, unsigned run)
{
	const char *w = was, *i = is;

	if (strcmp(was, is) == 0)
		return;
	while (*w && *i && strcspn(w, "\n") == strcspn(i, "\n") &&
	       memcmp(w, i, strcspn(w, "\n")) == 0) {
		w += strcspn(w, "\n") + 1;
		i += strcspn(i, "\n") + 1;
	}
	cr_assert(false, "run %u of %s: %.*s\nwas\n%.*s", run, scenario, (int)strcspn(i, "\n"), i,
		  (int)strcspn(w, "\n"), w);
}

/* What the map is read to say is what the program said of it. */
static void expect_answers(const struct trace *t, const char *scenario)
{
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];
		size_t j = 0;

		for (size_t k = 0; k < h->n_events; k++) {
			if (h->events[k].type != EVENT_POLICY_VERDICT)
				continue;
			while (j < h->n_policy && strcmp(h->policy[j].word, "policy") != 0)
				j++;
			cr_assert(j < h->n_policy, "%s: a verdict that no entry was read for",
				  scenario);
			cr_expect_eq(strstr(h->policy[j].told.text, " may not ") != NULL,
				     h->events[k].verdict < 0, "%s: %s, but the verdict was %d",
				     scenario, h->policy[j].told.text, h->events[k].verdict);
			answers++;
			j++;
		}
	}
}

static void compare(const struct shown *s, const struct run_trace *trace, unsigned run)
{
	const char *trees = buf_str(&s->trees);
	size_t at = 0;

	for (size_t i = 0; i < trace->n_steps; i++)
		for (size_t j = 0; j < trace->steps[i].n_packets; j++) {
			const struct trace *t = &trace->steps[i].packets[j];
			__cleanup_buf struct buf way = BUF_INIT, tree = BUF_INIT;

			add_way(&way, t);
			buf_putc(&way, '\0');
			tree_print(&tree, (unsigned)i + 1, t);
			expect_answers(t, s->scenario->name);
			all_ways++;
			if (at + way.len <= s->ways.len &&
			    memcmp(s->ways.data + at, way.data, way.len) == 0) {
				same_ways++;
				expect_same(trees, buf_str(&tree), s->scenario->name, run);
			}
			at += way.len;
			trees += strlen(trees) + 1;
		}
}

static void other_run(struct shown *s, struct run_cache *cache, unsigned run)
{
	struct arena *a = arena_new();
	struct run_trace trace;

	s->scenario->seed = run + 1;
	run_once(s->scenario, cache, a, &trace);
	compare(s, &trace, run);
	arena_free(a);
}

Test(tree_stable, the_same_way_is_the_same_text_with_any_seed_and_order, .timeout = 300)
{
	struct run_cache *cache = run_cache_new();
	uint32_t state = 1;

	if (geteuid())
		cr_skip_test("needs root");
	cr_assert_eq(chdir(files_source_root()), 0);
	for (size_t i = 0; i < N; i++) {
		cr_assert_eq(scenario_load(names[i], &shown[i].scenario, &err), 0, "%s", err.text);
		first_run(&shown[i], cache);
	}
	for (unsigned run = 1; run <= RUNS; run++) {
		state = state * 1664525 + 1013904223;
		other_run(&shown[(state >> 8) % N], cache, run);
	}
	cr_expect(same_ways * 10 >= all_ways * 9,
		  "of %zu ways only %zu were the same: too few to say anything", all_ways,
		  same_ways);
	cr_expect(answers > RUNS, "policy was asked %zu times", answers);
	run_cache_free(cache);
	for (size_t i = 0; i < N; i++) {
		scenario_free(shown[i].scenario);
		buf_free(&shown[i].ways);
		buf_free(&shown[i].trees);
	}
}
