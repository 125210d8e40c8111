// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The objects of a target, loaded side by side: maps shared by pins in a folder of their own, tail
 * calls between objects wired, every map and program listed once.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "target/target_internal.h"

static const char *own_pins(struct arena *a)
{
	static unsigned n;

	return arena_printf(a, SANDBOX_BPFFS "/target-%d-%u", (int)getpid(), ++n);
}

static int find_env(struct target_set *s, const struct plan *p, struct err *err)
{
	if (!p->desc->interpose)
		return 0;
	s->env = p->opts->env;
	s->own_env = !s->env && p->opts->interpose;
	return s->own_env ? helper_env_new(&s->env, err) : 0;
}

static int load_one(struct target_set *s, const struct plan *p, const struct planned_load *l,
		    struct err *err)
{
	struct object_opts opts = {
		.path = l->object->path,
		.pin_dir = s->pins,
		.instance = l->device ? l->device->name : NULL,
		.config = l->config,
		.n_config = l->n_config,
		.maps = l->maps,
		.n_maps = l->n_maps,
		.sharing = l->sharing,
		.n_sharing = l->n_sharing,
		.types = l->types,
		.n_types = l->n_types,
		.asked = l->asked,
		.n_asked = l->n_asked,
		.refuse_mismatch = true,
		.env = l->object->desc->interpose ? s->env : NULL,
		.log = p->opts->log,
		.log_arg = p->opts->log_arg,
	};
	struct loaded *to = &s->loads[s->n_loads];
	int ret = object_load(&opts, &to->o, err);

	if (ret)
		return ret;
	to->object = arena_strdup(s->arena, l->object->desc->name);
	to->device = l->device ? arena_strdup(s->arena, l->device->name) : NULL;
	s->n_loads++;
	return 0;
}

static bool has_map(const struct target_set *s, uint32_t id)
{
	for (size_t i = 0; i < s->n_all; i++)
		if (s->all[i].id == id)
			return true;
	return false;
}

static int list_map(struct target_set *s, const struct loaded *l, const struct bpf_map *map,
		    struct err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct set_map *m;
	int ret;

	if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len))
		return err_system(err, errno, "map %s of %s: asking the kernel about it",
				  bpf_map__name(map), l->object);
	if (has_map(s, info.id))
		return 0;
	s->all = arena_grow(s->arena, s->all, s->n_all, sizeof(*s->all));
	m = &s->all[s->n_all];
	*m = (struct set_map){ .id = info.id,
			       .name = bpf_map__name(map),
			       .own_name = bpf_map__name(map),
			       .object = l->object,
			       .device = l->device,
			       .is_data = bpf_map__is_internal(map) };
	ret = map_open_fd(bpf_map__fd(map), m->name, &m->map, err);
	if (ret)
		return ret;
	map_set_inner_of(m->map, l->o, bpf_map__name(map));
	s->n_all++;
	return 0;
}

/* The data sections of all loads come after the maps of all. */
static int list_maps(struct target_set *s, bool data, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < s->n_loads && !ret; i++) {
		const struct bpf_map *map;

		bpf_object__for_each_map(map, object_libbpf(s->loads[i].o))
		{
			if (bpf_map__fd(map) >= 0 && bpf_map__is_internal(map) == data)
				ret = list_map(s, &s->loads[i], map, err);
			if (ret)
				break;
		}
	}
	return ret;
}

static int list_program(struct target_set *s, const struct loaded *l,
			const struct bpf_program *prog, struct err *err)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_program__fd(prog) < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return err_system(err, errno, "program %s of %s: asking the kernel about it",
				  bpf_program__name(prog), l->object);
	s->programs = arena_grow(s->arena, s->programs, s->n_programs, sizeof(*s->programs));
	s->programs[s->n_programs++] = (struct set_program){
		.name = bpf_program__name(prog),
		.object = l->object,
		.device = l->device,
		.fd = bpf_program__fd(prog),
		.id = info.id,
		.type = bpf_program__type(prog),
		.attach_type = bpf_program__expected_attach_type(prog),
		.interposed = object_program_interposed(l->o, bpf_program__name(prog)),
	};
	return 0;
}

static void list_pristine(struct target_set *s, const struct loaded *l)
{
	size_t n;
	const char *const *names = object_pristine_programs(l->o, &n);

	for (size_t i = 0; i < n; i++) {
		s->pristine =
			arena_grow(s->arena, s->pristine, s->n_pristine, sizeof(*s->pristine));
		s->pristine[s->n_pristine++] = names[i];
	}
}

static int list_programs(struct target_set *s, const struct loaded *l, struct err *err)
{
	struct bpf_program *prog;
	int ret = 0;

	bpf_object__for_each_program(prog, object_libbpf(l->o))
	{
		if (!ret)
			ret = list_program(s, l, prog, err);
	}
	list_pristine(s, l);
	return ret;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Where several loads have a map of that name, it says whose it is. */
static void qualify(const struct target_set *s, struct set_map *m)
{
	bool several = false, on_device = false;

	for (size_t i = 0; i < s->n_maps; i++) {
		const struct set_map *other = &s->all[i];

		if (other == m || strcmp(other->own_name, m->own_name) != 0)
			continue;
		several = true;
		on_device |= m->device && same(other->device, m->device);
	}
	if (!several)
		return;
	if (on_device)
		m->name = arena_printf(s->arena, "%s/%s/%s", m->device, m->object, m->own_name);
	else
		m->name = arena_printf(s->arena, "%s/%s", m->device ? m->device : m->object,
				       m->own_name);
	snprintf(m->map->name, sizeof(m->map->name), "%s", m->name);
}

static int load_all(struct target_set *s, const struct plan *p, struct err *err)
{
	int ret = 0;

	s->loads = arena_alloc(s->arena, p->n * sizeof(*s->loads));
	for (size_t i = 0; i < p->n && !ret; i++)
		ret = load_one(s, p, &p->loads[i], err);
	for (size_t i = 0; i < s->n_loads && !ret; i++)
		ret = list_programs(s, &s->loads[i], err);
	if (!ret)
		ret = list_maps(s, false, err);
	s->n_maps = s->n_all;
	if (!ret)
		ret = list_maps(s, true, err);
	for (size_t i = 0; i < s->n_maps && !ret; i++)
		qualify(s, &s->all[i]);
	return ret;
}

int set_load(const struct plan *p, struct target_set **out, struct err *err)
{
	struct arena *a = arena_new();
	struct target_set *s = arena_new_of(a, struct target_set);
	int ret;

	s->arena = a;
	s->pins = own_pins(a);
	ret = find_env(s, p, err);
	if (!ret)
		ret = load_all(s, p, err);
	if (!ret)
		ret = set_wire(s, p, err);
	if (!ret && set_is_resettable(s))
		ret = set_keep_initial(s, err);
	if (ret)
		set_free(s);
	else
		*out = s;
	return ret;
}

/* The prog arrays among the pins hold programs that hold the array: without the pins gone, both would
 * outlive us.
 */
static void remove_pins(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

void set_free(struct target_set *s)
{
	if (!s)
		return;
	remove_pins(s->pins);
	for (size_t i = 0; i < s->n_all; i++)
		map_close(s->all[i].map);
	for (size_t i = 0; i < s->n_loads; i++)
		object_free(s->loads[i].o);
	if (s->own_env)
		helper_env_free(s->env);
	arena_free(s->arena);
}

const struct set_program *set_program(const struct target_set *s, const char *object,
				      const char *name, const char *device)
{
	for (size_t i = 0; i < s->n_programs; i++) {
		const struct set_program *p = &s->programs[i];

		if (!strcmp(p->name, name) && (!object || !strcmp(p->object, object)) &&
		    (!device || same(p->device, device)))
			return p;
	}
	return NULL;
}

static bool is_of(const struct set_map *m, const char *owner, const char *name)
{
	size_t len = owner ? strlen(owner) : 0;

	return len && !strncmp(name, owner, len) && name[len] == '/' &&
	       !strcmp(name + len + 1, m->own_name);
}

/* Its owner may stand before the name even where there is no need. */
struct set_map *set_find_map(const struct target_set *s, const char *name)
{
	for (size_t i = 0; i < s->n_maps; i++)
		if (!strcmp(s->all[i].name, name))
			return &s->all[i];
	for (size_t i = 0; i < s->n_maps; i++)
		if (is_of(&s->all[i], s->all[i].device, name) ||
		    is_of(&s->all[i], s->all[i].object, name))
			return &s->all[i];
	return NULL;
}
