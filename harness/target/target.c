// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A loaded target, asked for its programs, maps and events. */
#include "target/target.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "target/target_internal.h"

struct target {
	struct arena *arena;
	const struct target_desc *desc;
	struct target_set *set;
	struct event_ring *events; /* NULL: none */
};

/* Several loads have one each: which is meant? */
static int not_the_only(const struct target *t, const char *near, struct err *err)
{
	err_input(err, &t->desc->events_loc, "there is more than one map %s", t->desc->events_map);
	return err_hint(err, "say which, as in %s, or give it `scope: node` in maps", near);
}

static int open_events(struct target *t, struct err *err)
{
	const char *name = t->desc->events_map, *near;
	const struct set_map *m = name ? set_find_map(t->set, name) : NULL;

	if (m)
		return event_ring_open(m->map->fd, false, &t->events, err);
	near = name ? set_nearest_map(t->set, name) : NULL;
	m = near ? set_find_map(t->set, near) : NULL;
	return m && !strcmp(m->own_name, name) ? not_the_only(t, near, err) : 0;
}

/* One that is kept, if its maps can be made as new; else loaded. */
static int get_set(const struct plan *p, struct target_set **out, struct err *err)
{
	__cleanup_buf struct buf key = BUF_INIT;
	struct target_set *s;
	int ret;

	plan_key(p, &key);
	s = cache_take(buf_str(&key));
	if (s && !set_reset(s, err)) {
		*out = s;
		return 0;
	}
	set_free(s);
	err_clear(err);
	ret = set_load(p, &s, err);
	if (ret)
		return ret;
	s->key = arena_strdup(s->arena, buf_str(&key));
	*out = s;
	return 0;
}

int target_open(const struct target_opts *opts, struct target **out, struct err *err)
{
	struct arena *a = arena_new();
	struct target *t = arena_new_of(a, struct target);
	struct plan plan;
	int ret;

	t->arena = a;
	t->desc = opts->desc;
	ret = plan_make(&plan, opts, err);
	if (!ret)
		ret = get_set(&plan, &t->set, err);
	plan_free(&plan);
	if (!ret)
		ret = open_events(t, err);
	if (ret)
		target_close(t);
	else
		*out = t;
	return ret;
}

void target_close(struct target *t)
{
	if (!t)
		return;
	event_ring_close(t->events);
	cache_put(t->set);
	arena_free(t->arena);
}

struct helper_env *target_env(const struct target *t)
{
	return t->set->env;
}

static void describe(const struct set_program *p, struct target_program *out)
{
	*out = (struct target_program){
		.object = p->object,
		.name = p->name,
		.device = p->device,
		.fd = p->fd,
		.type = p->type,
		.attach_type = p->attach_type,
		.interposed = p->interposed,
	};
}

static const char *nearest_program(const struct target *t, const char *name)
{
	const char **names = arena_alloc(t->arena, t->set->n_programs * sizeof(*names));

	for (size_t i = 0; i < t->set->n_programs; i++)
		names[i] = t->set->programs[i].name;
	return nearest_name(name, names, t->set->n_programs);
}

int target_program(const struct target *t, const char *object, const char *name, const char *device,
		   struct target_program *out, struct err *err)
{
	const struct set_program *p = set_program(t->set, object, name, device);
	const char *near;

	if (p) {
		describe(p, out);
		return 0;
	}
	near = nearest_program(t, name);
	err_input(err, NULL, "%s has no program %s", object ? object : t->desc->name, name);
	if (near)
		return err_hint(err, "did you mean %s?", near);
	return -EINVAL;
}

static const struct desc_hook *hook_of(const struct target_desc *d, const char *role,
				       enum hook hook)
{
	for (size_t i = 0; i < d->n_hooks; i++)
		if (d->hooks[i].hook == (int)hook && !strcmp(d->hooks[i].role, role))
			return &d->hooks[i];
	return NULL;
}

/* The common load's, else that of the first device that has one. */
static const struct set_program *of_role(const struct target *t, const struct program_ref *ref)
{
	for (size_t i = 0; i < t->set->n_programs; i++) {
		const struct set_program *p = &t->set->programs[i];

		if (!p->device && !strcmp(p->object, ref->object) && !strcmp(p->name, ref->program))
			return p;
	}
	return set_program(t->set, ref->object, ref->program, NULL);
}

int target_at(const struct target *t, const char *device_or_role, enum hook hook,
	      struct target_program *out)
{
	const struct desc_device *dev = target_desc_device(t->desc, device_or_role);
	const struct desc_hook *h = hook_of(t->desc, dev ? dev->role : device_or_role, hook);
	const struct set_program *p = NULL;

	if (h && dev && dev->own_load)
		p = set_program(t->set, h->ref.object, h->ref.program, dev->name);
	else if (h)
		p = of_role(t, &h->ref);
	if (!p)
		return -ENOENT;
	describe(p, out);
	return 0;
}

size_t target_n_maps(const struct target *t)
{
	return t->set->n_maps;
}

struct map *target_map(const struct target *t, size_t i)
{
	return t->set->all[i].map;
}

struct map *target_find_map(const struct target *t, const char *name)
{
	const struct set_map *m = set_find_map(t->set, name);

	return m ? m->map : NULL;
}

const char *target_nearest_map(const struct target *t, const char *name)
{
	return set_nearest_map(t->set, name);
}

const char *target_map_name(const struct target *t, uint32_t map_id)
{
	for (size_t i = 0; i < t->set->n_maps; i++)
		if (t->set->all[i].id == map_id)
			return t->set->all[i].name;
	return NULL;
}

const char *target_slot_program(const struct target *t, uint32_t map_id, uint32_t slot)
{
	uint32_t id = 0;

	for (size_t i = 0; i < t->set->n_maps; i++)
		if (t->set->all[i].id == map_id &&
		    bpf_map_lookup_elem(t->set->all[i].map->fd, &slot, &id))
			return NULL;
	for (size_t i = 0; id && i < t->set->n_programs; i++)
		if (t->set->programs[i].id == id)
			return t->set->programs[i].name;
	return NULL;
}

struct event_ring *target_events(const struct target *t)
{
	return t->events;
}

size_t target_n_images(const struct target *t)
{
	return t->set->n_loads;
}

const struct elf_image *target_image(const struct target *t, size_t i)
{
	return object_image(t->set->loads[i].o);
}

const struct object *target_object(const struct target *t, size_t i)
{
	return t->set->loads[i].o;
}

unsigned target_interposed(const struct target *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->set->n_loads; i++)
		n += object_interposed(t->set->loads[i].o);
	return n;
}

const char *const *target_pristine(const struct target *t, size_t *n)
{
	*n = t->set->n_pristine;
	return t->set->pristine;
}
