/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A stop and a start on a node whose programs are run, not attached; and a cluster that changes. */
#include "target/agent_internal.h"

/* Releases that are kept loaded. */
#define RELEASES_MAX 4

static struct release_set *find_release(const struct agent *a, const struct agent_how *how)
{
	struct release_set *r = a->releases;

	while (r && !release_is(r, how))
		r = r->next;
	return r;
}

static void let_go_of_oldest(struct agent *a)
{
	struct release_set **oldest = NULL;
	size_t n = 0;

	for (struct release_set **at = &a->releases; *at; at = &(*at)->next) {
		n++;
		if (*at != a->base && *at != a->now)
			oldest = at;
	}
	if (n > RELEASES_MAX && oldest) {
		struct release_set *r = *oldest;

		*oldest = r->next;
		release_free(r);
	}
}

/* Another release: its maps are what the pins are now, migrated or replaced where they have to be. */
static int install(struct agent *a, const struct agent_how *how, struct err *err)
{
	struct release_set *r = find_release(a, how);
	int ret;

	if (r) {
		ret = release_return_to(a, r, how, err);
		a->now = ret ? a->now : r;
		return ret;
	}
	ret = release_open(a, how, &r, err);
	if (ret)
		return ret;
	r->next = a->releases;
	a->releases = a->now = r;
	let_go_of_oldest(a);
	return 0;
}

/* Nothing is attached: what was replaced can go at once. */
static int switch_over(struct agent *a, struct err *err)
{
	int ret = release_finish_migration(a->now, err);

	if (!ret)
		ret = agent_open_events(a, err);
	return ret ? ret : agent_make_slots(a, err);
}

int agent_restart(struct agent *a, const struct agent_how *how, struct err *err)
{
	struct agent_how h = *how;
	bool is_other;
	int ret = 0;

	if (!h.objects)
		h.objects = a->opts.objects;
	a->opts.objects = arena_strdup(a->arena, h.objects);
	a->opts.gc = h.gc;
	agent_log(a, "info", "agent", "\"Starting agent\" node=%s target=%s", a->node->name,
		  a->target->name);
	is_other = !release_is(a->now, &h);
	if (is_other)
		ret = install(a, &h, err);
	if (!ret)
		ret = agent_write_entries(a, err);
	if (!ret)
		ret = agent_collect(a, err);
	if (!ret && is_other)
		ret = switch_over(a, err);
	return ret;
}

int agent_update(struct agent *a, const struct cluster_node *node, struct err *err)
{
	int ret;

	a->node = node;
	ret = release_add_policy_maps(a, a->now, err);
	if (!ret)
		ret = agent_make_slots(a, err);
	if (ret)
		return ret;
	agent_drop_stale_loads(a);
	ret = agent_fill_slots(a, err);
	release_drop_policy_maps(a, a->now);
	if (!ret)
		ret = agent_write_entries(a, err);
	return ret ? err_wrap(err, "node %s", a->node->name) : 0;
}
