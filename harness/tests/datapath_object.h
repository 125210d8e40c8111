/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An object of the datapath, loaded by plain libbpf, once a process for each configuration; its raw events. Nothing
 * here knows bpf/lib.
 */
#ifndef VERDICT_TESTS_DATAPATH_OBJECT_H
#define VERDICT_TESTS_DATAPATH_OBJECT_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/file.h"
#include "base/ns.h"
#include "target/map_reset.h"

#define HOST_EP 4077

struct dp_config {
	const char *name;
	uint64_t value;
};

struct dp_event {
	uint8_t data[512];
	uint32_t size;
};

struct dp {
	struct dp *next; /* loaded before */
	struct dp_config config[8];
	size_t n_config;
	char pins[64]; /* the folder of its pinned maps */
	struct bpf_object *obj;
	int from, to;
	struct perf_buffer *ring;
	struct dp_event events[64];
	int n_events;
	uint64_t lost;
};

static inline const char *dp_object_path(struct arena *a)
{
	const char *dir = getenv("VERDICT_BPF_DIR");

	if (!dir)
		dir = file_installed(a, "bpf");
	cr_assert(dir, "no folder of objects: set VERDICT_BPF_DIR");
	return arena_printf(a, "%s/bpf_host.o", dir);
}

static inline void dp_configure(struct bpf_object *obj, const char *name, uint64_t value)
{
	const struct btf *btf = bpf_object__btf(obj);
	int sec = btf__find_by_name_kind(btf, ".rodata.config", BTF_KIND_DATASEC);
	const struct btf_type *t = btf__type_by_id(btf, sec);
	const struct btf_var_secinfo *v = btf_var_secinfos(t);
	struct bpf_map *m, *rodata = NULL;
	char full[64];
	size_t size;

	bpf_object__for_each_map(m, obj) if (strstr(bpf_map__name(m), ".rodata.config")) rodata = m;
	cr_assert(rodata, "no configuration section");
	snprintf(full, sizeof(full), "__config_%s", name);
	for (int i = 0; i < btf_vlen(t); i++, v++) {
		const char *var = btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);

		if (strcmp(var, full) == 0) {
			uint8_t *data = (uint8_t *)bpf_map__initial_value(rodata, &size);

			memcpy(data + v->offset, &value, v->size); /* little endian */
			return;
		}
	}
	cr_assert_fail("no setting %s", name);
}

static inline void dp_on_event(void *arg, int cpu, void *data, __u32 size)
{
	struct dp *dp = arg;

	(void)cpu;
	cr_assert_lt(dp->n_events, 64, "more events than a test expects");
	cr_assert_leq(size, sizeof(dp->events[0].data));
	memcpy(dp->events[dp->n_events].data, data, size);
	dp->events[dp->n_events++].size = size;
}

static inline void dp_on_lost(void *arg, int cpu, __u64 n)
{
	(void)cpu;
	((struct dp *)arg)->lost += n;
}

static inline int dp_map(const struct dp *dp, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(dp->obj, name);

	cr_assert_geq(fd, 0, "no map %s", name);
	return fd;
}

/* Those of this process. */
static struct dp *dp_loaded;

static inline void dp_close_all(void)
{
	while (dp_loaded) {
		struct dp *dp = dp_loaded;

		dp_loaded = dp->next;
		perf_buffer__free(dp->ring);
		bpf_object__close(dp->obj);
		free(dp);
	}
}

static inline struct dp *dp_find(const struct dp_config *config, size_t n)
{
	for (struct dp *dp = dp_loaded; dp; dp = dp->next) {
		bool same = dp->n_config == n;

		for (size_t i = 0; i < n && same; i++)
			same = !strcmp(dp->config[i].name, config[i].name) &&
			       dp->config[i].value == config[i].value;
		if (same)
			return dp;
	}
	return NULL;
}

/* Nothing is in its maps, no event waits. */
static inline void dp_reset(struct dp *dp)
{
	struct err err = { 0 };
	struct bpf_map *m;

	bpf_object__for_each_map(m, dp->obj)
	{
		enum map_reset how = map_how_to_reset(bpf_map__type(m));
		struct map *map;

		if (bpf_map__is_internal(m) || how != MAP_RESET_PLAIN)
			continue;
		cr_assert_eq(map_open_fd(bpf_map__fd(m), bpf_map__name(m), &map, &err), 0, "%s",
			     err.text);
		cr_assert_eq(map_make_empty(map, &err), 0, "%s", err.text);
		map_close(map);
	}
	perf_buffer__consume(dp->ring);
	dp->n_events = 0;
	dp->lost = 0;
}

/* Each has maps of its own, also of those that are pinned. */
static inline void dp_open_object(struct dp *dp)
{
	static unsigned n;
	LIBBPF_OPTS(bpf_object_open_opts, open, .pin_root_path = dp->pins);
	struct arena *a = arena_new();

	snprintf(dp->pins, sizeof(dp->pins), SANDBOX_BPFFS "/dp-%u", ++n);
	dp->obj = bpf_object__open_file(dp_object_path(a), &open);
	cr_assert(dp->obj, "cannot open %s", dp_object_path(a));
	arena_free(a);
}

static inline struct dp *dp_load(const struct dp_config *config, size_t n)
{
	struct dp *dp = calloc(1, sizeof(*dp));

	cr_assert_leq(n, sizeof(dp->config) / sizeof(dp->config[0]));
	for (size_t i = 0; i < n; i++)
		dp->config[i] = config[i];
	dp->n_config = n;
	dp_open_object(dp);
	dp_configure(dp->obj, "enable_host_firewall", 1);
	dp_configure(dp->obj, "host_ep_id", HOST_EP);
	for (size_t i = 0; i < n; i++)
		dp_configure(dp->obj, config[i].name, config[i].value);
	cr_assert_eq(bpf_object__load(dp->obj), 0);
	dp->from = bpf_program__fd(bpf_object__find_program_by_name(dp->obj, "cil_from_netdev"));
	dp->to = bpf_program__fd(bpf_object__find_program_by_name(dp->obj, "cil_to_netdev"));
	dp->ring = perf_buffer__new(dp_map(dp, "cilium_events"), 64, dp_on_event, dp_on_lost, dp,
				    NULL);
	cr_assert(dp->ring);
	if (!dp_loaded)
		atexit(dp_close_all);
	dp->next = dp_loaded;
	dp_loaded = dp;
	return dp;
}

#endif
