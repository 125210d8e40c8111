/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A release on a node: its objects, opened for their maps. What is pinned is taken over, migrated or made
 * there, before any program is loaded.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "target/agent_internal.h"
#include "target/target.h"
#include "target/target_settings.h"

#define POLICY_MAP "cilium_policy_v2"

uint32_t agent_map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* ---- which objects ---- */

static bool is_set(const struct agent *a, const char *name)
{
	for (size_t i = 0; i < a->node->n_config; i++) {
		const char *text = value_text(a->node->config[i].value);

		if (!strcmp(a->node->config[i].name, name))
			return text && strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
	}
	return false;
}

static bool role_is_wanted(const struct agent *a, const char *role)
{
	for (size_t i = 0; i < a->opts.n_roles; i++)
		if (!strcmp(a->opts.roles[i], role))
			return true;
	return a->opts.n_roles == 0;
}

bool agent_has_hook(const struct agent *a, const struct desc_hook *h)
{
	if (h->hook < 0 || !role_is_wanted(a, h->role) || !cluster_device_of_role(a->node, h->role))
		return false;
	return h->hook != HOOK_XDP || is_set(a, "enable_nodeport_acceleration") ||
	       is_set(a, "enable_prefilter");
}

static bool is_needed(const struct agent *a, const char *object)
{
	for (size_t i = 0; i < a->target->n_hooks; i++)
		if (!strcmp(a->target->hooks[i].ref.object, object) &&
		    agent_has_hook(a, &a->target->hooks[i]))
			return true;
	return false;
}

const struct agent_file *release_find_file(const struct release_set *r, const char *object)
{
	for (size_t i = 0; i < r->n_files; i++)
		if (!strcmp(r->files[i].desc->name, object))
			return &r->files[i];
	return NULL;
}

bool file_has_program(const struct agent_file *f, const char *program)
{
	const struct elf_image *m = object_image(f->maps);

	for (size_t i = 0; i < m->n_programs; i++)
		if (m->programs[i].is_entry && !strcmp(m->programs[i].name, program))
			return true;
	return false;
}

/* ---- pins ---- */

struct agent_pin *release_find_pin(const struct release_set *r, const char *name)
{
	for (size_t i = 0; i < r->n_pins; i++)
		if (!strcmp(r->pins[i]->name, name))
			return r->pins[i];
	return NULL;
}

/* Takes over fd. */
static void add_pin(struct release_set *r, const char *name, int fd)
{
	struct agent_pin *pin = arena_new_of(r->arena, struct agent_pin);

	pin->name = arena_strdup(r->arena, name);
	pin->fd = fd;
	pin->id = agent_map_id(fd);
	r->pins = arena_grow(r->arena, r->pins, r->n_pins, sizeof(*r->pins));
	r->pins[r->n_pins++] = pin;
}

static void pin_free(struct agent_pin *pin)
{
	map_close(pin->map);
	map_close(pin->bare);
	fd_cleanup(&pin->fd);
	raw_free(&pin->wanted);
}

int pin_open(struct release_set *r, struct agent_pin *pin, struct err *err)
{
	int ret = pin->map ? 0 : map_open_fd(pin->fd, pin->name, &pin->map, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < r->n_files && !pin->map->inner; i++)
		if (object_map_fd(r->files[i].maps, pin->name) >= 0)
			map_set_inner_of(pin->map, r->files[i].maps, pin->name);
	return 0;
}

/* The host's stands for "the endpoint's own" where no endpoint is meant. */
static const char *policy_map(const struct agent *a)
{
	return a->node->n_endpoints ? a->node->endpoints[0].policy_map : NULL;
}

/* Before a load only pinned maps have descriptors. */
static int list_pins(const struct agent *a, struct release_set *r, const struct agent_file *f,
		     struct err *err)
{
	const struct bpf_map *map;

	bpf_object__for_each_map(map, object_libbpf(f->maps))
	{
		const char *name = bpf_map__name(map);
		int fd;

		if (bpf_map__fd(map) < 0)
			continue;
		if (!strcmp(name, POLICY_MAP) && policy_map(a))
			name = policy_map(a);
		if (release_find_pin(r, name))
			continue;
		fd = dup(bpf_map__fd(map));
		if (fd < 0)
			return err_system(err, errno, "map %s", name);
		add_pin(r, name, fd);
	}
	return 0;
}

static int add_policy_map(struct release_set *r, const char *name, struct err *err)
{
	for (size_t i = 0; i < r->n_files; i++) {
		struct object *o = r->files[i].maps;
		int fd;

		if (!bpf_object__find_map_by_name(object_libbpf(o), POLICY_MAP))
			continue;
		fd = object_pin_another(o, POLICY_MAP, name, err);
		if (fd < 0)
			return fd;
		add_pin(r, name, fd);
		return 0;
	}
	return 0;
}

int release_add_policy_maps(struct agent *a, struct release_set *r, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < a->node->n_endpoints && !ret; i++) {
		const struct cluster_endpoint *ep = &a->node->endpoints[i];

		if (ep->policy_map && (ep->is_host || role_is_wanted(a, "endpoint")) &&
		    !release_find_pin(r, ep->policy_map))
			ret = add_policy_map(r, ep->policy_map, err);
	}
	return ret;
}

static bool is_policy_map_of_none(const struct agent *a, const char *name)
{
	if (strncmp(name, POLICY_MAP "_", strlen(POLICY_MAP "_")) != 0)
		return false;
	for (size_t i = 0; i < a->node->n_endpoints; i++)
		if (!strcmp(a->node->endpoints[i].policy_map, name))
			return false;
	return true;
}

void release_drop_policy_maps(struct agent *a, struct release_set *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_pins; i++) {
		char path[PATH_MAX];

		if (!is_policy_map_of_none(a, r->pins[i]->name)) {
			r->pins[n++] = r->pins[i];
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", a->opts.pin_dir, r->pins[i]->name);
		unlink(path);
		pin_free(r->pins[i]);
	}
	r->n_pins = n;
}

/* ---- opening ---- */

static void add_size(struct release_set *r, const char *map, uint32_t max_entries)
{
	if (!max_entries)
		return;
	r->sizes = arena_grow(r->arena, r->sizes, r->n_sizes, sizeof(*r->sizes));
	r->sizes[r->n_sizes++] = (struct map_override){ .map = arena_strdup(r->arena, map),
							.max_entries = max_entries };
}

static int open_file(struct agent *a, struct release_set *r, const struct desc_object *desc,
		     const struct agent_how *how, struct err *err)
{
	struct agent_file *f = &r->files[r->n_files];
	struct object **together = arena_alloc(r->arena, (r->n_files + 1) * sizeof(*together));
	struct object_opts opts = {
		.pin_dir = a->opts.pin_dir,
		.policy_map = policy_map(a),
		.maps = r->sizes,
		.n_maps = r->n_sizes,
		.together = together,
		.n_together = r->n_files,
		.on_map_mismatch = how->on_map_mismatch,
		.log = agent_log_line,
		.log_arg = a,
	};
	int ret;

	for (size_t i = 0; i < r->n_files; i++)
		together[i] = r->files[i].maps;
	f->desc = desc;
	f->path = desc->path ? desc->path : file_join(r->arena, r->folder, desc->name);
	opts.path = f->path;
	ret = object_open(&opts, &f->maps, err);
	if (ret)
		return ret;
	r->n_files++;
	return list_pins(a, r, f, err);
}

static int open_files(struct agent *a, struct release_set *r, const struct agent_how *how,
		      struct err *err)
{
	int ret = 0;

	r->files = arena_alloc(r->arena, (a->target->n_objects + 1) * sizeof(*r->files));
	for (size_t i = 0; i < a->target->n_objects && !ret; i++)
		if (is_needed(a, a->target->objects[i].name))
			ret = open_file(a, r, &a->target->objects[i], how, err);
	return ret ? ret : release_add_policy_maps(a, r, err);
}

/* A size for a map that nobody has would change nothing, and a test of it would mean nothing. */
static int check_sizes(const struct release_set *r, const struct agent_how *how, struct err *err)
{
	for (size_t i = 0; i < how->n_maps; i++) {
		const struct map_override *m = &how->maps[i];
		const char *near = NULL;
		bool found = release_find_pin(r, m->map) != NULL;

		for (size_t j = 0; j < r->n_files && !found; j++) {
			const struct bpf_object *o = object_libbpf(r->files[j].maps);

			found = bpf_object__find_map_by_name(o, m->map) != NULL;
			near = near ? near : object_nearest_map(r->files[j].maps, m->map);
		}
		if (found)
			continue;
		err_input(err, &m->loc, "no object under %s has a map '%s'", r->folder, m->map);
		return near ? err_hint(err, "did you mean %s?", near) : -EINVAL;
	}
	return 0;
}

static char *release_key(const struct agent_how *how)
{
	struct buf key = BUF_INIT;

	buf_printf(&key, "%s\n", how->objects ? how->objects : "");
	for (size_t i = 0; i < how->n_maps; i++)
		buf_printf(&key, "%s=%u\n", how->maps[i].map, how->maps[i].max_entries);
	return key.data;
}

bool release_is(const struct release_set *r, const struct agent_how *how)
{
	char *key = release_key(how);
	bool same = !strcmp(r->key, key);

	free(key);
	return same;
}

/* Where objects have settings compiled in: the folder of those that fit the node. */
static int find_settings(const struct agent *a, struct release_set *r, struct err *err)
{
	struct settings_found found;
	struct node_defines wanted;
	int ret;

	if (!a->target->objects_settings || !a->opts.cluster)
		return 0;
	ret = cluster_node_defines(a->opts.cluster, a->node->index, r->arena, &wanted, err);
	if (!ret)
		ret = target_settings_find(r->arena, a->target, r->folder, &wanted, &found, err);
	if (ret)
		return ret;
	r->folder = found.folder;
	r->otherwise = found.otherwise;
	return 0;
}

int release_open(struct agent *a, const struct agent_how *how, struct release_set **out,
		 struct err *err)
{
	struct arena *arena = arena_new();
	struct release_set *r = arena_new_of(arena, struct release_set);
	int ret;

	r->arena = arena;
	r->key = release_key(how);
	ret = target_folder(arena, a->target, how->objects, &r->folder, err);
	if (!ret)
		ret = find_settings(a, r, err);
	for (size_t i = 0; i < a->target->n_maps; i++)
		add_size(r, a->target->maps[i].name, a->target->maps[i].max_entries);
	for (size_t i = 0; a->opts.cluster && i < a->opts.cluster->n_map_sizes; i++)
		add_size(r, a->opts.cluster->map_sizes[i].map,
			 a->opts.cluster->map_sizes[i].max_entries);
	for (size_t i = 0; i < how->n_maps; i++)
		add_size(r, how->maps[i].map, how->maps[i].max_entries);
	if (!ret)
		ret = open_files(a, r, how, err);
	if (!ret)
		ret = check_sizes(r, how, err);
	if (ret)
		release_free(r);
	else
		*out = r;
	return ret;
}

/* ---- afterwards ---- */

static int pin_again(const struct agent *a, const struct agent_pin *pin, struct err *err)
{
	char path[PATH_MAX];
	__cleanup_fd int there = -1;

	if (snprintf(path, sizeof(path), "%s/%s", a->opts.pin_dir, pin->name) >= PATH_MAX)
		return err_system(err, ENAMETOOLONG, "the pin of map %s", pin->name);
	there = bpf_obj_get(path);
	if (there >= 0 && agent_map_id(there) == pin->id)
		return 0;
	unlink(path);
	if (bpf_obj_pin(pin->fd, path) < 0)
		return err_system(err, errno, "cannot pin map %s at %s", pin->name, path);
	return 0;
}

int release_pin(struct agent *a, struct release_set *r, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < r->n_pins && !ret; i++)
		ret = pin_again(a, r->pins[i], err);
	return ret;
}

int release_finish_migration(struct release_set *r, struct err *err)
{
	struct err ignored;
	int first = 0;

	for (size_t i = 0; i < r->n_files; i++) {
		int ret = object_finish_migration(r->files[i].maps, first ? &ignored : err);

		first = first ? first : ret;
	}
	for (const struct agent_load *l = r->loads; l; l = l->next) {
		int ret = object_finish_migration(l->o, first ? &ignored : err);

		first = first ? first : ret;
	}
	return first ? err_wrap(err, "finishing a map migration") : 0;
}

void release_free(struct release_set *r)
{
	if (!r)
		return;
	loads_free(r->loads);
	loads_free(r->parked);
	for (size_t i = 0; i < r->n_pins; i++)
		pin_free(r->pins[i]);
	for (size_t i = 0; i < r->n_files; i++)
		object_free(r->files[i].maps);
	free(r->key);
	arena_free(r->arena);
}
