/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent's first conntrack collection, as it is and as it was (cilium/cilium#19367). */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "target/agent_internal.h"
#include "target/ct_gc.h"

#define NS_PER_S 1000000000ULL

static uint32_t now_seconds(const struct agent *a)
{
	struct timespec ts;

	if (a->opts.env)
		return (uint32_t)(helper_env_clock(a->opts.env) / NS_PER_S);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t)ts.tv_sec;
}

static void log_orphan(void *arg, const struct map *m, const void *key)
{
	__cleanup_buf struct buf text = BUF_INIT;
	struct arena *arena = arena_new();

	value_print(&text, map_key_value(arena, m, key));
	arena_free(arena);
	agent_log(arg, "debug", "ct-gc",
		  "\"Deleting conntrack entry: no endpoint has either address\" map=%s key=\"%s\"",
		  m->name, buf_str(&text));
}

static void log_stats(const struct agent *a, const char *map, const struct ct_gc_stats *s)
{
	agent_log(a, "info", "ct-gc",
		  "\"Conntrack garbage collection finished\" map=%s scanned=%" PRIu64
		  " deleted=%" PRIu64 " expired=%" PRIu64 " noEndpoint=%" PRIu64,
		  map, s->scanned, s->expired + s->no_endpoint, s->expired, s->no_endpoint);
}

static int collect_fd(int fd, const char *name, const struct ct_gc_opts *opts, struct err *err)
{
	struct ct_gc_stats unused = { 0 };
	struct map *m;
	int ret = map_open_fd(fd, name, &m, err);

	if (ret)
		return ret;
	ret = ct_collect(m, opts, &unused, err);
	map_close(m);
	return ret;
}

/* Attached programs still use the old map of a migration: what is collected must go there too, or
 * finishing the migration would bring it back.
 */
static int collect_old(struct agent *a, const char *name, struct ct_gc_opts opts, struct err *err)
{
	opts.orphan = NULL;
	for (size_t i = 0; i < a->now->n_files; i++) {
		for (unsigned n = 0;; n++) {
			int fd = object_old_map_fd(a->now->files[i].maps, name, n);
			int ret = fd < 0 ? 0 : collect_fd(fd, name, &opts, err);

			if (ret)
				return ret;
			if (fd < 0)
				break;
		}
	}
	return 0;
}

static bool is_pinned(const char *dir, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", dir, name) < PATH_MAX &&
	       access(path, F_OK) == 0;
}

static int collect_map(struct agent *a, const char *name, const struct ct_gc_opts *opts,
		       struct ct_gc_stats *total, struct err *err)
{
	struct ct_gc_stats s = { 0 };
	struct map *m;
	int ret = map_open_pinned(a->opts.pin_dir, name, &m, err);

	if (ret)
		return ret;
	ret = ct_collect(m, opts, &s, err);
	map_close(m);
	if (ret)
		return ret;
	log_stats(a, name, &s);
	total->scanned += s.scanned;
	total->expired += s.expired;
	total->no_endpoint += s.no_endpoint;
	return collect_old(a, name, *opts, err);
}

int agent_collect(struct agent *a, struct err *err)
{
	struct ct_gc_opts opts = { .now = now_seconds(a), .orphan = log_orphan, .arg = a };
	struct ct_gc_stats total = { 0 };

	if (a->opts.gc == AGENT_GC_NO_ENDPOINT)
		opts.endpoints_of = a->node;
	for (size_t i = 0; i < CT_MAPS; i++) {
		int ret;

		if (!is_pinned(a->opts.pin_dir, ct_map_names[i]))
			continue;
		ret = collect_map(a, ct_map_names[i], &opts, &total, err);
		if (ret)
			return err_wrap(err, "conntrack garbage collection");
	}
	agent_log(a, "info", "ct-gc",
		  "\"Initial scan of connection tracking completed\" scanned=%" PRIu64
		  " deleted=%" PRIu64,
		  total.scanned, total.expired + total.no_endpoint);
	return 0;
}

int agent_age_maps(const char *pin_dir, int64_t ns, struct err *err)
{
	int64_t seconds = ns / (int64_t)NS_PER_S;

	for (size_t i = 0; i < CT_MAPS && seconds; i++) {
		struct map *m;
		int ret;

		if (!is_pinned(pin_dir, ct_map_names[i]))
			continue;
		ret = map_open_pinned(pin_dir, ct_map_names[i], &m, err);
		if (ret)
			return ret;
		ret = ct_age(m, seconds, err);
		map_close(m);
		if (ret)
			return err_wrap(err, "ageing the maps under %s", pin_dir);
	}
	return 0;
}
