/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A scenario is run once a side with helpers interposed, which tells each packet's hops. Then its programs are
 * loaded as shipped, both sides at once, those hops are run in the same order, and the ones that are to be
 * measured are timed: all those of packets that an expectation names by number.
 */
#include "cmd/bench_flows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/ns.h"
#include "cluster/node_config.h"
#include "cmd/bench_race.h"
#include "cmd/bench_rows.h"
#include "cmd/bench_stage.h"
#include "engine/run.h"
#include "scenario/flow.h"
#include "target/target.h"
#include "target/target_settings.h"

#define ROOT   "fixtures/bench"
#define PREFIX "bench-"

struct side {
	struct target_desc *desc;
	const char *objects;
	bool is_ours;
	struct bench_figures *figures;
	/* of the scenario at hand */
	struct run_trace seen;
	struct bench_stage *shipped,
		*interposed; /* the second where a packet comes out of a tunnel */
};

struct bench_flows {
	struct arena *arena;
	const struct scenario *scenario;
	struct side sides[2]; /* ours, Cilium's */
	size_t n; /* of sides that run the scenario at hand */
	/* of its packets that were timed all their way on both sides */
	double packets_ns[2];
	size_t n_packets;
	int home_ns;
};

static const char *name_of(const struct scenario *s)
{
	return s->name + (strncmp(s->name, PREFIX, strlen(PREFIX)) ? 0 : strlen(PREFIX));
}

/* ---- Cilium's objects ---- */

/* Fitting a node: those of another one's settings would do other work. *why: the first node without. */
static int find_objects(struct bench_flows *b, const struct side *s, const char **why,
			struct err *err)
{
	struct node_defines wanted;
	struct settings_found found;
	struct cluster *c;
	int ret = cluster_load(b->scenario->cluster, b->scenario->values, &c, err);

	if (ret)
		return ret;
	for (unsigned i = 0; i < c->n_nodes && !*why && !ret; i++) {
		ret = cluster_node_defines(c, i, b->arena, &wanted, err);
		if (!ret)
			ret = target_settings_find(b->arena, s->desc, s->objects, &wanted, &found,
						   err);
		if (!ret && found.otherwise)
			*why = arena_printf(b->arena, "none for %s, nearest %s: %s",
					    c->nodes[i].name, found.folder, found.otherwise);
	}
	cluster_free(c);
	return ret;
}

/* ---- one scenario on one side ---- */

static int see(struct bench_flows *b, struct side *s, struct err *err)
{
	struct run_opts opts = { .cache = run_cache_new(),
				 .objects = s->objects,
				 .target = s->is_ours ? NULL : s->desc };
	int ret = run_scenario(b->scenario, ENGINE_TESTRUN, &opts, b->arena, &s->seen, err);

	run_cache_free(opts.cache);
	return ret ? err_wrap(err, "%s", b->scenario->path) : 0;
}

static int open_stage(struct bench_flows *b, struct side *s, bool interposed,
		      struct bench_stage **out, struct err *err)
{
	const struct bench_stage_opts opts = { .scenario = b->scenario,
					       .target = s->desc,
					       .is_ours = s->is_ours,
					       .objects = s->objects,
					       .interposed = interposed,
					       .seen = &s->seen };
	int ret = bench_stage_open(&opts, out, err);

	if (!ret)
		ret = ns_enter(b->home_ns, err);
	return ret ? err_wrap(err, "%s", b->scenario->path) : 0;
}

static int stage_for(struct bench_flows *b, struct side *s, const struct bench_hop *at,
		     struct bench_stage **out, struct err *err)
{
	bool interposed = bench_stage_is_tunnelled(at);
	struct bench_stage **stage = interposed ? &s->interposed : &s->shipped;
	int ret = *stage ? 0 : open_stage(b, s, interposed, stage, err);

	*out = *stage;
	return ret;
}

static void close_side(struct side *s)
{
	bench_stage_close(s->interposed);
	bench_stage_close(s->shipped);
	s->interposed = s->shipped = NULL;
}

/* ---- a row ---- */

static int fit(struct bench_flows *b, struct side *s, const struct bench_hop *at,
	       struct race_lane *lane, struct bench_result *r, struct err *err)
{
	struct bench_stage *stage;
	int ret = stage_for(b, s, at, &stage, err);

	if (!ret)
		ret = bench_stage_figures(stage, at, s->figures, &r->way, err);
	if (!ret)
		ret = bench_stage_lane(stage, at, lane, err);
	r->is_measured = !ret;
	r->verdict = at->hop->verdict;
	r->hook = at->hop->hook;
	return ret;
}

static int check_verdict(const struct bench_hop *at, const struct race_lane *lane, struct err *err)
{
	if (lane->run.verdict == at->hop->verdict)
		return 0;
	return err_system(err, 0, "%s, packet %u: verdict %d when timed, %d when followed",
			  at->hop->at, at->packet->number, lane->run.verdict, at->hop->verdict);
}

/* What the hops of a packet take together, as far as they were timed. */
struct way {
	double ns[2];
	size_t hops[2];
};

/* hops: ours and theirs, whose hop is NULL where they have none. */
static int row(struct bench_flows *b, const struct bench_hop hops[2], struct way *way,
	       struct err *err)
{
	static struct race_lane lanes[2];
	struct race_lane *const list[] = { &lanes[0], &lanes[1] };
	struct bench_result results[2] = { 0 };
	size_t n = hops[1].hop ? 2 : 1;
	char name[64];
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = fit(b, &b->sides[i], &hops[i], &lanes[i], &results[i], err);
	if (n == 2 && results[0].verdict != results[1].verdict)
		n = 1; /* they do different things: nothing to compare */
	if (!ret)
		ret = race(list, n, err);
	for (size_t i = 0; i < n && !ret; i++) {
		ret = check_verdict(&hops[i], &lanes[i], err);
		results[i].ns = race_ns(&lanes[i]);
		way->ns[i] += results[i].ns;
		way->hops[i]++;
	}
	if (ret)
		return err_wrap(err, "%s", b->scenario->path);
	if (n == 2)
		results[0].to_theirs = race_ratio(&lanes[0], &lanes[1]);
	snprintf(name, sizeof(name), "  %u %s %s", hops[0].packet->number, hops[0].hop->at,
		 hops[0].hop->program);
	bench_rows_print(name, results);
	return ns_enter(b->home_ns, err);
}

/* The same place of the packet's way; it may come by twice. */
static const struct hop *same_hop(const struct trace *ours, const struct hop *hop,
				  const struct trace *theirs)
{
	size_t nth = 0;

	for (const struct hop *h = ours->hops; h < hop; h++)
		nth += !strcmp(h->at, hop->at) && h->hook == hop->hook;
	for (size_t i = 0; i < theirs->n_hops; i++)
		if (!strcmp(theirs->hops[i].at, hop->at) && theirs->hops[i].hook == hop->hook &&
		    !nth--)
			return &theirs->hops[i];
	return NULL;
}

/* What theirs meets and ours does not. */
static void print_theirs(const struct trace *ours, const struct trace *theirs)
{
	for (size_t i = 0; i < theirs->n_hops; i++)
		if (!same_hop(theirs, &theirs->hops[i], ours))
			printf("  %u %s %s: Cilium's alone\n", theirs->number, theirs->hops[i].at,
			       theirs->hops[i].program);
}

/* Both took the same way, and all of it was timed. */
static bool is_whole(const struct way *way, const struct trace *theirs)
{
	return theirs && way->hops[1] == theirs->n_hops && way->hops[0] == way->hops[1];
}

/* Beside theirs only where both took the same way. */
static void print_way(struct bench_flows *b, const struct way *way, uint32_t number, bool whole)
{
	const double ns[2] = { way->ns[0], whole ? way->ns[1] : 0 };
	char name[64];

	snprintf(name, sizeof(name), "  %u all its way", number);
	if (way->hops[0] > 1)
		bench_rows_print_way(name, ns);
	if (!whole)
		return;
	for (int i = 0; i < 2; i++)
		b->packets_ns[i] += ns[i];
	b->n_packets++;
}

/* What one datapath does at one packet's expense the other may do at another's: of a connection, the mean. */
static void print_packets(const struct bench_flows *b)
{
	const double ns[2] = { b->packets_ns[0] / (double)b->n_packets,
			       b->packets_ns[1] / (double)b->n_packets };
	char name[64];

	snprintf(name, sizeof(name), "  a packet of these %zu", b->n_packets);
	bench_rows_print_way(name, ns);
}

static int packet_rows(struct bench_flows *b, const struct step *step, size_t nth, struct err *err)
{
	const struct step_trace *ours = &b->sides[0].seen.steps[step->index - 1];
	const struct trace *packets[2] = { &ours->packets[nth] };
	bool begins = step->send.flow && step->send.flow->n_packets == 1;
	struct way way = { 0 };
	int ret = 0;

	if (b->n == 2)
		packets[1] = &b->sides[1].seen.steps[step->index - 1].packets[nth];
	for (size_t i = 0; i < packets[0]->n_hops && !ret; i++) {
		const struct hop *hop = &packets[0]->hops[i];
		struct bench_hop hops[2] = { { packets[0], hop, begins },
					     { packets[1], NULL, begins } };

		if (packets[1])
			hops[1].hop = same_hop(packets[0], hop, packets[1]);
		ret = row(b, hops, &way, err);
	}
	if (ret)
		return ret;
	if (packets[1])
		print_theirs(packets[0], packets[1]);
	print_way(b, &way, packets[0]->number, is_whole(&way, packets[1]));
	return 0;
}

static bool is_named(const struct step *step, uint32_t number)
{
	for (size_t i = 0; i < step->n_expects; i++)
		if (step->expects[i].packets.n && packet_set_has(&step->expects[i].packets, number))
			return true;
	return false;
}

static int step_rows(struct bench_flows *b, const struct step *step, struct err *err)
{
	const struct step_trace *seen = &b->sides[0].seen.steps[step->index - 1];
	const struct flow_step *f = step->kind == STEP_SEND ? step->send.flow : NULL;
	int ret = 0;

	if (f)
		printf("%s: %s to %s%s\n", name_of(b->scenario), f->from.text, f->to.text,
		       f->family == 6 ? ", IPv6" : "");
	for (size_t i = 0; i < seen->n_packets && !ret; i++)
		if (is_named(step, seen->packets[i].number))
			ret = packet_rows(b, step, i, err);
	return ret;
}

/* ---- objects ---- */

static void find_object(const struct bench_figures *f, const char *object, const char *key,
			struct bench_way *out)
{
	struct bench_way way;
	const char *is, *of;

	for (size_t i = 0; bench_figures_of_object(f, i, &is, &of, &way); i++)
		if (!strcmp(is, object) && !strcmp(of, key))
			*out = way;
}

static void print_objects(struct bench_flows *b)
{
	size_t len = strlen(b->scenario->name);
	const char *object, *key;
	struct bench_way way[2];
	char name[64];

	for (size_t i = 0; bench_figures_of_object(b->sides[0].figures, i, &object, &key, &way[0]);
	     i++) {
		if (strncmp(key, b->scenario->name, len) != 0 || key[len] != ' ')
			continue;
		way[1] = (struct bench_way){ 0 };
		if (b->n == 2)
			find_object(b->sides[1].figures, object, key, &way[1]);
		snprintf(name, sizeof(name), "  all of%s %s", key + len, object);
		bench_rows_print_object(name, way);
	}
}

/* ---- all of them ---- */

static int run_sides(struct bench_flows *b, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < b->n && !ret; i++)
		ret = see(b, &b->sides[i], err);
	for (size_t i = 0; i < b->scenario->n_steps && !ret; i++)
		ret = step_rows(b, &b->scenario->steps[i], err);
	if (!ret && b->n_packets)
		print_packets(b);
	if (!ret)
		print_objects(b);
	for (size_t i = b->n; i--;)
		close_side(&b->sides[i]);
	return ret;
}

static int run_one(struct bench_flows *b, struct err *err)
{
	const char *why = NULL;
	int ret = 0;

	b->n_packets = 0;
	b->packets_ns[0] = b->packets_ns[1] = 0;
	b->n = b->sides[1].objects ? 2 : 1;
	if (b->n == 2)
		ret = find_objects(b, &b->sides[1], &why, err);
	if (why) {
		b->n = 1;
		printf("%s: ours alone. Cilium's objects: %s\n", name_of(b->scenario), why);
	}
	return ret ? ret : run_sides(b, err);
}

static int run_all(struct bench_flows *b, const char *name, struct err *err)
{
	char **paths;
	size_t n;
	int run = 0, ret = scenario_find(b->arena, ROOT, &paths, &n, err);

	for (size_t i = 0; i < n && !ret; i++) {
		struct scenario *s;

		ret = scenario_load(paths[i], &s, err);
		if (ret)
			break;
		if (!name || strstr(name_of(s), name)) {
			b->scenario = s;
			ret = run_one(b, err);
			run++;
		}
		scenario_free(s);
	}
	return ret ? ret : run;
}

int bench_flows(const char *objects, const char *name, struct err *err)
{
	struct bench_flows b = {
		.arena = arena_new(),
		.sides = { { .objects = objects, .is_ours = true },
			   { .objects = getenv("VERDICT_CILIUM_OBJECTS") } },
	};
	static const char *const targets[] = { "verdict", "cilium-1.19" };
	int ret = sandbox_enter(err);

	if (!ret) {
		b.home_ns = ns_current(err);
		ret = b.home_ns < 0 ? b.home_ns : 0;
	}
	for (int i = 0; i < 2 && !ret; i++) {
		ret = target_desc_load(targets[i], &b.sides[i].desc, err);
		b.sides[i].figures = bench_figures_new(b.arena);
	}
	if (!ret)
		ret = run_all(&b, name, err);
	fd_cleanup(&b.home_ns);
	for (int i = 0; i < 2; i++)
		target_desc_free(b.sides[i].desc);
	arena_free(b.arena);
	return ret;
}
