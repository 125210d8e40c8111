// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keeps clusters, namespaces and engines from one scenario to the next. */
#include "engine/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ns.h"
#include "engine/pins.h"
#include "engine/run.h"

struct run_cache {
	struct session *sessions;
	unsigned topologies, engines; /* how many were made: for names */
};

struct run_cache *run_cache_new(void)
{
	return calloc(1, sizeof(struct run_cache));
}

static int drop_engine(struct session *s, struct err *err)
{
	if (!s->engine_key)
		return 0;
	if (s->engine && s->ops)
		s->ops->close(s->engine);
	s->engine = NULL;
	free(s->engine_key);
	s->engine_key = NULL;
	return pins_remove(s->pin_root, err);
}

/* An engine that can be made as new is worth keeping while one runs that cannot. */
static void put_aside(struct session *s)
{
	if (!s->engine_key || !s->ops->reset || s->aside.engine_key)
		return;
	s->aside = (struct engine_aside){ s->ops, s->engine, s->engine_key, "" };
	memcpy(s->aside.pin_root, s->pin_root, sizeof(s->pin_root));
	s->engine = NULL;
	s->engine_key = NULL;
}

static void take_back(struct session *s)
{
	if (!s->aside.engine_key || s->engine_key)
		return;
	s->ops = s->aside.ops;
	s->engine = s->aside.engine;
	s->engine_key = s->aside.engine_key;
	memcpy(s->pin_root, s->aside.pin_root, sizeof(s->pin_root));
	s->aside.engine_key = NULL;
}

static void session_free(struct session *s)
{
	struct err *ignored = calloc(1, sizeof(*ignored));

	drop_engine(s, ignored);
	take_back(s);
	drop_engine(s, ignored);
	free(ignored);
	topology_down(s->topology);
	cluster_free(s->cluster);
	for (size_t i = 0; i < s->n_former; i++)
		cluster_free(s->former[i]);
	free(s->former);
	free(s->key);
	free(s);
}

void run_cache_free(struct run_cache *c)
{
	if (!c)
		return;
	while (c->sessions) {
		struct session *next = c->sessions->next;

		session_free(c->sessions);
		c->sessions = next;
	}
	free(c);
}

char *session_key(const struct scenario *s)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s %d\n", s->cluster, s->wants_lookups);
	if (s->values)
		value_print(&b, s->values);
	return b.data;
}

static struct session *find(struct run_cache *c, const char *key)
{
	for (struct session *i = c->sessions; i; i = i->next)
		if (!strcmp(i->key, key))
			return i;
	return NULL;
}

int session_get(struct run_cache *c, const struct scenario *s, struct session **out,
		struct err *err)
{
	char *key = session_key(s);
	struct session *n = find(c, key);
	int ret;

	*out = n;
	if (n) {
		free(key);
		return 0;
	}
	n = calloc(1, sizeof(*n));
	n->key = key;
	ret = cluster_load(s->cluster, s->values, &n->cluster, err);
	if (ret) {
		session_free(n);
		return ret;
	}
	n->next = c->sessions;
	c->sessions = n;
	*out = n;
	return 0;
}

static int need_topology(struct run_cache *c, struct session *s, struct err *err)
{
	char id[32];

	if (s->topology)
		return 0;
	snprintf(id, sizeof(id), "%d-%u", (int)getpid(), ++c->topologies);
	return topology_up(s->cluster, id, &s->topology, err);
}

static char *engine_key(const struct engine_opts *eo)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s\n%d%d\n%p", eo->objects ? eo->objects : "", eo->pristine, eo->lookups,
		   (const void *)eo->target);
	return b.data;
}

/* 1: there is none that can be used again. */
static int reuse(struct session *s, const struct engine_ops *ops, const struct engine_opts *eo,
		 const char *key, const struct log_sink *log, struct err *err)
{
	if (!ops->reset || !s->engine || s->ops != ops || strcmp(s->engine_key, key) != 0)
		return 1;
	return ops->reset(s->engine, eo->seed, log, err);
}

int session_open(struct run_cache *c, struct session *s, const struct engine_ops *ops,
		 struct engine_opts *eo, const struct log_sink *log, struct err *err)
{
	char *key = engine_key(eo);
	int ret;

	if (!ops->reset)
		put_aside(s);
	ret = reuse(s, ops, eo, key, log, err);
	if (ret <= 0) {
		free(key);
		return ret;
	}
	ret = drop_engine(s, err);
	if (!ret && !ops->follows)
		ret = need_topology(c, s, err);
	if (ret) {
		free(key);
		return ret;
	}
	snprintf(s->pin_root, sizeof(s->pin_root), SANDBOX_BPFFS "/run-%u", ++c->engines);
	eo->cluster = s->cluster;
	eo->topology = ops->follows ? NULL : s->topology;
	eo->pin_root = s->pin_root;
	s->ops = ops;
	s->engine_key = key;
	return ops->open(eo, log, &s->engine, err);
}

static void forget(struct run_cache *c, struct session *s)
{
	struct session **at = &c->sessions;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	session_free(s);
}

/* The cluster as its files say, for the next scenario; what is loaded stays. */
static int read_anew(struct session *s, const struct scenario *scenario, struct err *err)
{
	struct cluster *fresh;
	int ret = cluster_load(scenario->cluster, scenario->values, &fresh, err);

	if (ret)
		return ret;
	s->former = realloc(s->former, (s->n_former + 1) * sizeof(*s->former));
	s->former[s->n_former++] = s->cluster;
	s->cluster = fresh;
	s->changed = false;
	return s->ops->rebase(s->engine, fresh, err);
}

int session_close(struct run_cache *c, struct session *s, const struct scenario *scenario,
		  bool failed, struct err *err)
{
	struct err *ignored = failed ? calloc(1, sizeof(*ignored)) : NULL;
	int ret = 0;

	if (failed || !s->ops || !s->ops->reset || (s->changed && !s->ops->rebase))
		ret = drop_engine(s, failed ? ignored : err);
	else if (s->changed)
		ret = read_anew(s, scenario, err);
	take_back(s);
	free(ignored);
	if (s->changed)
		forget(c, s);
	return failed ? 0 : ret;
}
