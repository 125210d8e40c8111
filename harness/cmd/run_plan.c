// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From scenarios and engines to jobs, and groups of jobs. */
#include "cmd/run_plan.h"

#include <stdlib.h>
#include <string.h>

#include "engine/session.h"

/* Tenths of a second: programs of a cluster verified, a scenario after that, one on real interfaces, which
 * loads for itself.
 */
enum { COST_LOAD = 15, COST_TESTRUN = 1, COST_NETNS = 8 };

static const enum engine_kind kinds[] = { ENGINE_TESTRUN, ENGINE_NETNS };

struct planner {
	const struct run_plan_opts *opts;
	struct run_plan *plan;
	const char *missing[2]; /* by kind; NULL: not asked yet */
};

bool run_job_is_idle(const struct run_job *j)
{
	return !j->item->scenario || j->skip_reason;
}

static const char *skip_reason(struct planner *p, const struct scenario *s, size_t kind)
{
	if (!p->missing[kind])
		p->missing[kind] = engine_missing(kinds[kind], p->plan->arena);
	if (*p->missing[kind])
		return p->missing[kind];
	return s->target ? s->target->missing : NULL;
}

static void add_job(struct run_plan *plan, const struct run_job *job)
{
	plan->jobs = arena_grow(plan->arena, plan->jobs, plan->n_jobs, sizeof(*plan->jobs));
	plan->jobs[plan->n_jobs++] = *job;
}

/* What a scenario has for a target is no other for being asked for one. */
static void add_engine(struct planner *p, struct run_job job)
{
	const struct target_desc *target = p->opts->target;

	job.engine = engine_by_kind(job.kind)->name;
	if (p->opts->beside_own && !job.item->scenario->target) {
		job.is_own = true;
		add_job(p->plan, &job);
		job.is_own = false;
		job.is_second = true;
		job.engine = arena_printf(p->plan->arena, "%s-%s", job.engine, target->name);
		p->plan->n_pairs++;
	}
	job.target = target;
	add_job(p->plan, &job);
}

static void add_item(struct planner *p, const struct selected *item)
{
	struct run_job job = { .item = item };

	if (!item->scenario) {
		add_job(p->plan, &job);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		if (!(item->scenario->engines & p->opts->engines & kinds[i]))
			continue;
		job.kind = kinds[i];
		job.skip_reason = skip_reason(p, item->scenario, i);
		add_engine(p, job);
	}
}

/* ---- groups ---- */

/* NULL: it shares nothing. */
static const char *group_key(struct arena *a, const struct run_job *job)
{
	const struct scenario *s = job->item->scenario;
	char *session, *key;

	if (s->target)
		return arena_printf(a, "raw %s", s->target->desc->name);
	if (job->kind != ENGINE_TESTRUN)
		return NULL;
	session = session_key(s);
	key = arena_printf(a, "%p %s", (const void *)job->target, session);
	free(session);
	return key;
}

static struct run_group *find_group(const struct planner *p, const char *key)
{
	for (size_t i = 0; key && i < p->plan->n_groups; i++)
		if (p->plan->groups[i].key && !strcmp(p->plan->groups[i].key, key))
			return &p->plan->groups[i];
	return NULL;
}

static struct run_group *new_group(struct planner *p, const char *key)
{
	struct run_plan *plan = p->plan;
	size_t n = plan->n_groups;
	struct run_group *g;

	plan->groups = arena_grow(plan->arena, plan->groups, n, sizeof(*g));
	g = &plan->groups[plan->n_groups++];
	*g = (struct run_group){ .key = key, .cost = key ? COST_LOAD : 0 };
	return g;
}

static void put_into_group(struct planner *p, size_t job)
{
	const struct run_job *j = &p->plan->jobs[job];
	const char *key = group_key(p->plan->arena, j);
	struct run_group *g = find_group(p, key);

	if (!g)
		g = new_group(p, key);
	g->jobs = arena_grow(p->plan->arena, g->jobs, g->n_jobs, sizeof(*g->jobs));
	g->jobs[g->n_jobs++] = job;
	g->cost += j->kind == ENGINE_TESTRUN ? COST_TESTRUN : COST_NETNS;
}

static int costlier(const void *a, const void *b)
{
	const struct run_group *x = a, *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? 1 : -1;
	return x->jobs[0] < y->jobs[0] ? -1 : 1;
}

void run_plan_make(const struct selection *sel, const struct run_plan_opts *opts,
		   struct run_plan *out)
{
	struct planner p = { .opts = opts, .plan = out };

	*out = (struct run_plan){ .arena = arena_new() };
	for (size_t i = 0; i < sel->n; i++)
		add_item(&p, &sel->items[i]);
	for (size_t i = 0; i < out->n_jobs; i++)
		if (!run_job_is_idle(&out->jobs[i]))
			put_into_group(&p, i);
	if (out->n_groups)
		qsort(out->groups, out->n_groups, sizeof(*out->groups), costlier);
}

void run_plan_free(struct run_plan *p)
{
	arena_free(p->arena);
}
