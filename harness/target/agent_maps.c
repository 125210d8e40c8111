/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A release on a node: its objects, opened for their maps. What is pinned is taken over, migrated or made
 * there, before any program is loaded.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "target/agent_internal.h"
#include "target/target.h"
#include "target/target_settings.h"

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

bool agent_wants_role(const struct agent *a, const char *role)
{
	for (size_t i = 0; i < a->opts.n_roles; i++)
		if (!strcmp(a->opts.roles[i], role))
			return true;
	return a->opts.n_roles == 0;
}

bool agent_has_hook(const struct agent *a, const struct desc_hook *h)
{
	if (h->hook < 0 || !agent_wants_role(a, h->role) ||
	    !cluster_device_of_role(a->node, h->role))
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
		.policy_map = agent_policy_map(a),
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
	return release_list_pins(a, r, f, err);
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
