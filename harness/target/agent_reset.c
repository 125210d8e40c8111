/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The node as after its first start, for another scenario, with what is loaded. */
#include <bpf/bpf.h>
#include <string.h>

#include "target/agent_internal.h"
#include "target/map_reset.h"
#include "target/maps_io.h"

/* Programs stay in their slots, readers of events at their rings. */
static bool is_kept(const struct map *m)
{
	switch (map_how_to_reset(m->type)) {
	case MAP_RESET_PROGRAMS:
	case MAP_RESET_INNER:
	case MAP_RESET_CANNOT:
		return true;
	default:
		return m->type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
	}
}

static int reset_pin(struct agent_pin *pin, struct err *err)
{
	int ret = pin->bare ? 0 : map_open_untyped(pin->fd, pin->name, &pin->bare, err);

	if (ret || is_kept(pin->bare))
		return ret;
	if (pin->bare->flags & BPF_F_RDONLY_PROG && pin->is_written)
		return 0;
	ret = map_make_empty(pin->bare, err);
	if (!ret && pin->is_written)
		ret = raw_put(pin->bare, &pin->wanted, err);
	return ret;
}

static int reset_own(struct own_map *m, struct err *err)
{
	int ret;

	if (is_kept(m->map) || (m->is_data && m->map->flags & BPF_F_RDONLY_PROG))
		return 0;
	ret = map_make_empty(m->map, err);
	return ret ? ret : raw_put(m->map, &m->initial, err);
}

int load_make_new(struct agent_load *l, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < l->n_maps && !ret; i++)
		ret = reset_own(&l->maps[i], err);
	return ret;
}

static int reset_maps(struct agent *a, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < a->now->n_pins && !ret; i++)
		ret = reset_pin(a->now->pins[i], err);
	for (struct agent_load *l = a->now->loads; l && !ret; l = l->next)
		ret = load_make_new(l, err);
	return ret;
}

/* Its maps take their pins back; what another release wrote to those they share is written anew. */
static int go_back(struct agent *a, struct err *err)
{
	int ret;

	if (a->now == a->base)
		return 0;
	a->now = a->base;
	for (size_t i = 0; i < a->now->n_pins; i++)
		a->now->pins[i]->is_written = false;
	release_drop_policy_maps(a, a->now);
	ret = release_add_policy_maps(a, a->now, err);
	if (!ret)
		ret = release_pin(a, a->now, err);
	if (!ret)
		ret = agent_open_events(a, err);
	return ret ? ret : agent_make_slots(a, err);
}

static void ignore_record(void *arg, const void *record, uint32_t size)
{
	(void)arg;
	(void)record;
	(void)size;
}

int agent_reset(struct agent *a, struct err *err)
{
	bool is_back = a->now != a->base;
	uint64_t lost = 0;
	int ret = go_back(a, err);

	if (!ret)
		ret = reset_maps(a, err);
	if (!ret && is_back)
		ret = agent_write_entries(a, err);
	if (!ret && a->events)
		ret = event_ring_read(a->events, ignore_record, NULL, &lost, err);
	a->opts.gc = AGENT_GC_EXPIRED;
	return ret ? err_wrap(err, "making node %s as new", a->node->name) : 0;
}
