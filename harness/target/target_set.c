/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects loaded side by side: maps shared by pins in a folder of their own, every map and program
 * listed once.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
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

int set_new(const struct plan *p, struct target_set **out, struct err *err)
{
	struct arena *a = arena_new();
	struct target_set *s = arena_new_of(a, struct target_set);
	int ret = 0;

	s->arena = a;
	s->view = arena_new();
	s->pins = own_pins(a);
	s->env_id = plan_env(p);
	if (s->env_id == ENV_OWN)
		ret = helper_env_new(&s->env, err);
	else if (s->env_id != ENV_NONE)
		s->env = p->opts->env;
	if (ret)
		set_free(s);
	else
		*out = s;
	return ret;
}

static int load_object(const struct target_set *s, const struct plan *p,
		       const struct planned_load *l, struct object **out, struct err *err)
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
		.only = l->only,
		.n_only = l->n_only,
		.refuse_mismatch = true,
		.env = l->object->desc->interpose ? s->env : NULL,
		.log = p->opts->log,
		.log_arg = p->opts->log_arg,
	};

	return object_load(&opts, out, err);
}

/* ---- what a load holds ---- */

static struct set_map *map_by_id(const struct target_set *s, uint32_t id)
{
	for (size_t i = 0; i < s->n_all_maps; i++)
		if (s->all_maps[i]->id == id)
			return s->all_maps[i];
	return NULL;
}

static int add_map(struct target_set *s, const struct loaded *l, const struct bpf_map *map,
		   uint32_t id, struct err *err)
{
	struct set_map *m = arena_new_of(s->arena, struct set_map);
	int ret;

	m->id = id;
	m->own_name = m->name = bpf_map__name(map);
	m->is_data = bpf_map__is_internal(map);
	m->users = l->bit;
	ret = map_open_fd(bpf_map__fd(map), m->own_name, &m->map, err);
	if (ret)
		return ret;
	map_set_inner_of(m->map, l->o, m->own_name);
	s->all_maps = arena_grow(s->arena, s->all_maps, s->n_all_maps, sizeof(*s->all_maps));
	s->all_maps[s->n_all_maps++] = m;
	return 0;
}

static int list_map(struct target_set *s, const struct loaded *l, const struct bpf_map *map,
		    struct err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct set_map *known;

	if (bpf_map__fd(map) < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len))
		return err_system(err, errno, "map %s of %s: asking the kernel about it",
				  bpf_map__name(map), l->object);
	known = map_by_id(s, info.id);
	if (!known)
		return add_map(s, l, map, info.id, err);
	known->users |= l->bit;
	return 0;
}

static int list_maps(struct target_set *s, const struct loaded *l, struct err *err)
{
	size_t first_new = s->n_all_maps;
	const struct bpf_map *map;
	int ret = 0;

	bpf_object__for_each_map(map, object_libbpf(l->o))
	{
		if (!ret)
			ret = list_map(s, l, map, err);
	}
	for (size_t i = first_new; i < s->n_all_maps && !ret; i++)
		ret = set_keep_initial(s, s->all_maps[i], err);
	return ret;
}

static int list_program(struct target_set *s, const struct loaded *l,
			const struct bpf_program *prog, struct err *err)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	struct set_program *p;

	if (bpf_program__fd(prog) < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		return err_system(err, errno, "program %s of %s: asking the kernel about it",
				  bpf_program__name(prog), l->object);
	p = arena_new_of(s->arena, struct set_program);
	*p = (struct set_program){
		.name = bpf_program__name(prog),
		.load = l,
		.fd = bpf_program__fd(prog),
		.id = info.id,
		.type = bpf_program__type(prog),
		.attach_type = bpf_program__expected_attach_type(prog),
		.interposed = object_program_interposed(l->o, bpf_program__name(prog)),
	};
	s->all_programs = arena_grow(s->arena, s->all_programs, s->n_all_programs, sizeof(p));
	s->all_programs[s->n_all_programs++] = p;
	return 0;
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
	return ret;
}

static void list_slot(struct target_set *s, struct loaded *l, const struct elf_tail_slot *slot)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(object_map_fd(l->o, slot->map), &info, &len))
		return;
	for (size_t i = 0; i < s->n_all_programs; i++) {
		const struct set_program *p = s->all_programs[i];

		if (p->load != l || strcmp(p->name, slot->program) != 0)
			continue;
		l->slots = arena_grow(s->arena, l->slots, l->n_slots, sizeof(*l->slots));
		l->slots[l->n_slots++] = (struct load_slot){ info.id, slot->index, p->fd, p->id };
	}
}

static int list_contents(struct target_set *s, struct loaded *l, struct err *err)
{
	const struct elf_image *image = object_image(l->o);
	int ret = list_programs(s, l, err);

	if (!ret)
		ret = list_maps(s, l, err);
	for (size_t i = 0; i < image->n_slots && !ret; i++)
		list_slot(s, l, &image->slots[i]);
	return ret;
}

/* ---- loads ---- */

const struct loaded *set_find_load(const struct target_set *s, const char *key)
{
	for (size_t i = 0; i < s->n_loads; i++)
		if (s->loads[i]->key && !strcmp(s->loads[i]->key, key))
			return s->loads[i];
	return NULL;
}

static int add_load(struct target_set *s, const struct plan *p, const struct planned_load *l,
		    const char *key, struct err *err)
{
	struct loaded *to;
	struct object *o;
	int ret;

	if (s->n_loads == SET_LOADS_MAX)
		return err_input(err, NULL, "the target %s has more than %d loads of objects",
				 p->desc->name, SET_LOADS_MAX);
	ret = load_object(s, p, l, &o, err);
	if (ret)
		return ret;
	to = arena_new_of(s->arena, struct loaded);
	to->object = arena_strdup(s->arena, l->object->desc->name);
	to->device = l->device ? arena_strdup(s->arena, l->device->name) : NULL;
	to->bit = 1ull << s->n_loads;
	to->o = o;
	s->loads = arena_grow(s->arena, s->loads, s->n_loads, sizeof(*s->loads));
	s->loads[s->n_loads++] = to;
	ret = list_contents(s, to, err);
	if (!ret)
		to->key = arena_strdup(s->arena, key);
	return ret;
}

int set_extend(struct target_set *s, const struct plan *p, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < p->n && !ret; i++) {
		__cleanup_buf struct buf key = BUF_INIT;

		load_key(&p->loads[i], &key);
		if (!set_find_load(s, buf_str(&key)))
			ret = add_load(s, p, &p->loads[i], buf_str(&key), err);
	}
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
	for (size_t i = 0; i < s->n_all_maps; i++)
		map_close(s->all_maps[i]->map);
	for (size_t i = 0; i < s->n_loads; i++)
		object_free(s->loads[i]->o);
	if (s->env_id == ENV_OWN)
		helper_env_free(s->env);
	arena_free(s->view);
	arena_free(s->arena);
}
