/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Conntrack entries collected and aged, fields found through the map's BTF. */
#include "target/ct_gc.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "packet/rewrite.h"
#include "target/layout.h"
#include "target/maps_io.h"

const char *const ct_map_names[CT_MAPS] = {
	"cilium_ct4_global",
	"cilium_ct_any4_global",
	"cilium_ct6_global",
	"cilium_ct_any6_global",
};

struct ct_fields {
	struct field_place lifetime;
	struct field_place addr[2]; /* 4 or 16 bytes */
};

static int find_fields(const struct map *m, struct ct_fields *f, struct err *err)
{
	bool ok = layout_field(m->btf, m->value_type, "lifetime", &f->lifetime) &&
		  layout_field(m->btf, m->key_type, "daddr", &f->addr[0]) &&
		  layout_field(m->btf, m->key_type, "saddr", &f->addr[1]);

	ok = ok && f->lifetime.size == sizeof(uint32_t) && f->addr[0].size == f->addr[1].size &&
	     (f->addr[0].size == 4 || f->addr[0].size == 16);
	if (!ok)
		return err_input(err, NULL,
				 "map %s has no BTF with lifetime, daddr and saddr: it cannot be "
				 "collected as conntrack",
				 m->name);
	return 0;
}

static uint32_t get32(const void *data, uint32_t offset)
{
	uint32_t v;

	memcpy(&v, (const char *)data + offset, sizeof(v));
	return v;
}

static bool has_endpoint(const struct cluster_node *n, const void *key, const struct field_place *f)
{
	struct ip_addr ip = { .family = f->size == 4 ? 4 : 6 };

	memcpy(ip.bytes, (const char *)key + f->offset, f->size);
	for (size_t i = 0; i < n->n_endpoints; i++)
		for (size_t j = 0; j < n->endpoints[i].n_ips; j++)
			if (ip_addr_equal(&n->endpoints[i].ips[j], &ip))
				return true;
	return false;
}

/* Absent already is what was wanted: the datapath may have deleted or evicted it. */
static int delete_entry(const struct map *m, const void *key, struct err *err)
{
	if (bpf_map_delete_elem(m->fd, key) == 0 || errno == ENOENT)
		return 0;
	return map_fail(m, key, errno, "deleting", err);
}

static int collect_entry(const struct map *m, const struct ct_fields *f, const struct map_item *it,
			 const struct ct_gc_opts *opts, struct ct_gc_stats *stats, struct err *err)
{
	const struct cluster_node *n = opts->endpoints_of;

	stats->scanned++;
	if (get32(it->value, f->lifetime.offset) < opts->now) {
		stats->expired++;
		return delete_entry(m, it->key, err);
	}
	if (!n || has_endpoint(n, it->key, &f->addr[0]) || has_endpoint(n, it->key, &f->addr[1]))
		return 0;
	stats->no_endpoint++;
	if (opts->orphan)
		opts->orphan(opts->arg, m, it->key);
	return delete_entry(m, it->key, err);
}

int ct_collect(struct map *m, const struct ct_gc_opts *opts, struct ct_gc_stats *stats,
	       struct err *err)
{
	struct arena *a = arena_new();
	struct map_snapshot all;
	struct ct_fields f;
	int ret = find_fields(m, &f, err);

	if (!ret)
		ret = map_snapshot(m, a, &all, err);
	for (size_t i = 0; !ret && i < all.n; i++)
		ret = collect_entry(m, &f, &all.items[i], opts, stats, err);
	arena_free(a);
	return ret;
}

/* 0 stays 0: for the time of a report it means that there was none. */
static void take_seconds(void *value, const struct field_place *f, int64_t seconds)
{
	uint32_t v = get32(value, f->offset);
	int64_t left = (int64_t)v - seconds;

	if (v)
		v = left < 0 ? 0 : left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
	memcpy((char *)value + f->offset, &v, sizeof(v));
}

static int age_entry(const struct map *m, const struct map_item *it, void *value, int64_t seconds,
		     struct err *err)
{
	static const char *const times[] = { "lifetime", "last_tx_report", "last_rx_report" };
	struct field_place f;

	memcpy(value, it->value, m->value_size);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (layout_field(m->btf, m->value_type, times[i], &f) && f.size == sizeof(uint32_t))
			take_seconds(value, &f, seconds);
	/* Not BPF_EXIST: an update takes a free element first, for which a full LRU map evicts one, and
	 * that may be this entry. Nobody deletes entries while time passes.
	 */
	if (bpf_map_update_elem(m->fd, it->key, value, BPF_ANY) == 0)
		return 0;
	return map_fail(m, it->key, errno, "ageing", err);
}

int ct_age(struct map *m, int64_t seconds, struct err *err)
{
	struct arena *a = arena_new();
	void *value = arena_alloc(a, m->value_size);
	struct map_snapshot all;
	struct ct_fields f;
	int ret = find_fields(m, &f, err);

	if (!ret)
		ret = map_snapshot(m, a, &all, err);
	for (size_t i = 0; !ret && i < all.n; i++)
		ret = age_entry(m, &all.items[i], value, seconds, err);
	arena_free(a);
	return ret;
}
