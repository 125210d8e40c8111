/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An object loaded for a device: with the constants of node and device, of its programs only those that sit
 * there and what they reach.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "target/agent_internal.h"
#include "target/maps_io.h"
#include "target/tail_trace.h"

#define ETH_HEADER_LEN 14

/* What is asked of one load. */
struct asked {
	struct arena *arena;
	struct config_value *config;
	size_t n_config;
	const char **programs;
	size_t n_programs;
	struct map_sharing *sharing;
	size_t n_sharing;
	const char *policy_map;
};

static void add_config(struct asked *q, const char *name, const struct value *value)
{
	q->config = arena_grow(q->arena, q->config, q->n_config, sizeof(*q->config));
	q->config[q->n_config++] = (struct config_value){ name, value };
}

static void add_settings(struct asked *q, const struct settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		add_config(q, s->list[i].name, s->list[i].value);
}

static void add_values(struct asked *q, const struct config_value *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_config(q, c[i].name, c[i].value);
}

static void ask_device(struct asked *q, uint32_t ifindex, const uint8_t m[6], uint16_t mtu)
{
	add_config(q, "interface_ifindex", value_scalar(q->arena, "%u", ifindex));
	add_config(q, "interface_mac",
		   value_scalar(q->arena, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
				m[4], m[5]));
	add_config(q, "device_mtu", value_scalar(q->arena, "%u", mtu));
}

/* Later ones go before earlier ones. */
static void ask_config(const struct agent *a, const struct agent_file *f,
		       const struct cluster_device *dev, struct asked *q)
{
	const struct agent_opts *o = &a->opts;

	add_settings(q, &a->target->config);
	add_settings(q, &f->desc->config);
	add_values(q, a->node->config, a->node->n_config);
	add_config(q, "eth_header_length", value_scalar(q->arena, "%u", ETH_HEADER_LEN));
	ask_device(q, dev->ifindex, dev->mac, dev->mtu);
	add_values(q, dev->config, dev->n_config);
	if (o->ifindex && !strcmp(dev->role, "native"))
		ask_device(q, o->ifindex, o->mac, o->mtu);
}

static void ask_program(struct asked *q, const struct agent_file *f, const char *program)
{
	for (size_t i = 0; i < q->n_programs; i++)
		if (!strcmp(q->programs[i], program))
			return;
	if (!file_has_program(f, program))
		return;
	q->programs = arena_grow(q->arena, q->programs, q->n_programs, sizeof(*q->programs));
	q->programs[q->n_programs++] = program;
}

static void ask_programs(const struct agent *a, const struct agent_file *f,
			 const struct cluster_device *dev, struct asked *q)
{
	const char *object = f->desc->name;

	for (size_t i = 0; i < a->target->n_hooks; i++) {
		const struct desc_hook *h = &a->target->hooks[i];

		if (!strcmp(h->role, dev->role) && !strcmp(h->ref.object, object) &&
		    agent_has_hook(a, h))
			ask_program(q, f, h->ref.program);
	}
	for (size_t i = 0; i < a->n_slots; i++)
		if (!strcmp(a->slots[i].device, dev->name) && !strcmp(a->slots[i].object, object))
			ask_program(q, f, a->slots[i].program);
}

/* An endpoint's policy map has a pin of its own, whatever the target says of such maps. */
static void ask_sharing(const struct agent *a, struct asked *q)
{
	for (size_t i = 0; i < a->target->n_maps; i++) {
		const struct desc_map *m = &a->target->maps[i];

		if (!m->has_scope || !strcmp(m->name, "cilium_policy_v2"))
			continue;
		q->sharing = arena_grow(q->arena, q->sharing, q->n_sharing, sizeof(*q->sharing));
		q->sharing[q->n_sharing++] =
			(struct map_sharing){ m->name, m->scope == MAP_SCOPE_NODE };
	}
}

static void ask(const struct agent *a, const struct agent_file *f, const struct cluster_device *dev,
		struct asked *q)
{
	const struct cluster_endpoint *ep = dev->endpoint;

	if (!ep && a->node->n_endpoints)
		ep = &a->node->endpoints[0];
	q->policy_map = ep ? ep->policy_map : NULL;
	ask_config(a, f, dev, q);
	ask_programs(a, f, dev, q);
	ask_sharing(a, q);
}

static char *describe(const struct asked *q, struct arena *arena)
{
	__cleanup_buf struct buf how = BUF_INIT;

	buf_printf(&how, "policy %s\n", q->policy_map ? q->policy_map : "-");
	for (size_t i = 0; i < q->n_programs; i++)
		buf_printf(&how, "program %s\n", q->programs[i]);
	for (size_t i = 0; i < q->n_config; i++) {
		buf_printf(&how, "config %s ", q->config[i].name);
		value_print(&how, q->config[i].value);
		buf_puts(&how, "\n");
	}
	return arena_strdup(arena, buf_str(&how));
}

/* ---- what a load holds ---- */

static bool is_pinned(const struct agent *a, uint32_t id)
{
	for (size_t i = 0; i < a->now->n_pins; i++)
		if (a->now->pins[i]->id == id)
			return true;
	return false;
}

static int keep_initial(struct own_map *m, struct err *err)
{
	struct raw_entries *raw = &m->initial;
	size_t size = map_io_size(m->map);

	raw->keys = calloc(1, m->map->key_size);
	raw->values = calloc(1, size);
	if (!raw->keys || !raw->values)
		return err_system(err, ENOMEM, "map %s", m->map->name);
	if (bpf_map_lookup_elem(m->map->fd, raw->keys, raw->values))
		return map_fail(m->map, raw->keys, errno, "reading", err);
	raw->n = 1;
	return 0;
}

static int list_map(const struct agent *a, struct agent_load *l, const struct bpf_map *map,
		    struct err *err)
{
	uint32_t id = bpf_map__fd(map) < 0 ? 0 : agent_map_id(bpf_map__fd(map));
	struct own_map *m;
	int ret;

	if (!id || is_pinned(a, id))
		return 0;
	l->maps = arena_grow(l->arena, l->maps, l->n_maps, sizeof(*l->maps));
	m = &l->maps[l->n_maps];
	*m = (struct own_map){ .id = id, .is_data = bpf_map__is_internal(map) };
	ret = map_open_untyped(bpf_map__fd(map), bpf_map__name(map), &m->map, err);
	if (ret)
		return ret;
	l->n_maps++;
	if (m->is_data && !(m->map->flags & BPF_F_RDONLY_PROG))
		ret = keep_initial(m, err);
	return ret;
}

static void list_slots(struct agent_load *l)
{
	const struct elf_image *image = object_image(l->o);

	for (size_t i = 0; i < image->n_slots; i++) {
		int fd = object_map_fd(l->o, image->slots[i].map);

		if (fd < 0)
			continue;
		l->slots = arena_grow(l->arena, l->slots, l->n_slots, sizeof(*l->slots));
		l->slots[l->n_slots++] =
			(struct call_slot){ agent_map_id(fd), image->slots[i].index,
					    image->slots[i].program };
	}
}

/* -1: another load has it, too. */
static int own_map_fd(const struct agent_load *l, uint32_t map_id)
{
	for (size_t i = 0; i < l->n_maps; i++)
		if (l->maps[i].id == map_id)
			return l->maps[i].map->fd;
	return -1;
}

static int trace(const struct agent *a, struct agent_load *l, struct err *err)
{
	struct tail_place *places = arena_alloc(l->arena, (l->n_slots + 1) * sizeof(*places));
	size_t n = 0, untraced;
	const char *why;
	int ret;

	if (!a->opts.trace_tail_calls || !a->opts.env)
		return 0;
	for (size_t i = 0; i < l->n_slots; i++) {
		int fd = own_map_fd(l, l->slots[i].map_id);

		if (fd >= 0)
			places[n++] = (struct tail_place){ fd, l->slots[i].index };
	}
	ret = n ? tail_trace_install(a->opts.env, places, n, &l->trace, err) : 0;
	if (ret)
		return err_wrap(err, "tracing tail calls of %s", l->file->path);
	untraced = n ? tail_trace_untraced(l->trace, &why) : 0;
	if (untraced)
		agent_log(a, "info", "bpf",
			  "\"Some tail calls are not traced\" object=%s slots=%zu error=\"%s\"",
			  l->file->path, untraced, why);
	return 0;
}

static int list_contents(const struct agent *a, struct agent_load *l, struct err *err)
{
	const struct bpf_map *map;
	int ret = 0;

	bpf_object__for_each_map(map, object_libbpf(l->o))
	{
		if (!ret)
			ret = list_map(a, l, map, err);
	}
	list_slots(l);
	return ret ? ret : trace(a, l, err);
}

/* ---- loading ---- */

static int load(struct agent *a, struct agent_load *l, const struct asked *q, struct err *err)
{
	const struct release_set *r = a->now;
	struct object **together = arena_alloc(l->arena, (r->n_files + 1) * sizeof(*together));
	struct object_opts opts = {
		.path = l->file->path,
		.pin_dir = a->opts.pin_dir,
		.instance = l->device,
		.policy_map = q->policy_map,
		.config = q->config,
		.n_config = q->n_config,
		.maps = r->sizes,
		.n_maps = r->n_sizes,
		.sharing = q->sharing,
		.n_sharing = q->n_sharing,
		.asked = q->programs,
		.n_asked = q->n_programs,
		.only = q->programs,
		.n_only = q->n_programs,
		.together = together,
		.n_together = r->n_files,
		.unattached = a->opts.on_demand,
		.env = l->file->desc->interpose && a->target->interpose ? a->opts.env : NULL,
		.log = agent_log_line,
		.log_arg = a,
	};
	int ret;

	for (size_t i = 0; i < r->n_files; i++)
		together[i] = r->files[i].maps;
	ret = object_load(&opts, &l->o, err);
	return ret ? ret : list_contents(a, l, err);
}

struct agent_load *load_find(const struct agent *a, const char *object, const char *device)
{
	for (struct agent_load *l = a->now->loads; l; l = l->next)
		if (!strcmp(l->device, device) && !strcmp(l->file->desc->name, object))
			return l;
	return NULL;
}

static uint32_t policy_id(const struct agent *a, const struct asked *q)
{
	const struct agent_pin *pin =
		q->policy_map ? release_find_pin(a->now, q->policy_map) : NULL;

	return pin ? pin->id : 0;
}

/* Takes *l over: it is loaded, or one that is kept takes its place. */
static int load_or_unpark(struct agent *a, struct agent_load **l, const struct asked *q,
			  struct err *err)
{
	struct agent_load *kept = load_unpark(a->now, *l);
	const char *what = kept ? "Took back" : "Loaded";
	int ret;

	if (kept) {
		load_free(*l);
		*l = kept;
	}
	ret = kept ? load_make_new(kept, err) : load(a, *l, q, err);
	if (!ret)
		agent_log(a, "info", "agent",
			  "\"%s datapath programs\" node=%s device=%s object=%s", what,
			  a->node->name, (*l)->device, (*l)->file->desc->name);
	return ret;
}

static int load_new(struct agent *a, const struct agent_file *f, const struct cluster_device *dev,
		    struct agent_load **out, struct err *err)
{
	struct arena *arena = arena_new();
	struct agent_load *l = arena_new_of(arena, struct agent_load);
	struct asked q = { .arena = arena };
	int ret;

	l->arena = arena;
	l->file = f;
	l->device = arena_strdup(arena, dev->name);
	ask(a, f, dev, &q);
	l->how = describe(&q, arena);
	l->policy_id = policy_id(a, &q);
	ret = load_or_unpark(a, &l, &q, err);
	if (ret) {
		load_free(l);
		return err_wrap(err, "device %s", dev->name);
	}
	l->next = a->now->loads;
	a->now->loads = l;
	*out = l;
	return 0;
}

int agent_load_for(struct agent *a, const struct agent_file *f, const struct cluster_device *dev,
		   struct agent_load **out, struct err *err)
{
	uint64_t began;
	int ret;

	*out = load_find(a, f->desc->name, dev->name);
	if (*out)
		return 0;
	began = clock_ns();
	ret = load_new(a, f, dev, out, err);
	a->loading_ns += clock_ns() - began;
	return ret;
}

static bool is_stale(const struct agent *a, const struct agent_load *l)
{
	struct arena *arena = arena_new();
	struct asked q = { .arena = arena };
	bool stale = true;

	for (size_t i = 0; i < a->node->n_devices; i++) {
		if (strcmp(a->node->devices[i].name, l->device) != 0)
			continue;
		ask(a, l->file, &a->node->devices[i], &q);
		stale = strcmp(describe(&q, arena), l->how) != 0;
	}
	arena_free(arena);
	return stale;
}

void agent_drop_stale_loads(struct agent *a)
{
	struct agent_load **at = &a->now->loads;

	while (*at) {
		struct agent_load *l = *at;

		if (!is_stale(a, l)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		load_park(a->now, l);
	}
}
