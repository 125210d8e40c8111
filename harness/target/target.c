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

static void say_why(const struct plan *p, const struct err *err)
{
	__cleanup_buf struct buf line = BUF_INIT;

	if (!p->opts->log)
		return;
	buf_printf(&line, "level=debug subsys=bpf msg=\"Loading anew\" error=\"%.*s\"",
		   (int)strcspn(err->text, "\n"), err->text);
	p->opts->log(p->opts->log_arg, buf_str(&line));
}

/* The loads of the plan: those that are kept, and the rest added to them. *out: NULL if nothing of use is
 * kept, or it does not go with the rest.
 */
static void get_kept(const struct plan *p, struct target_set **out)
{
	struct target_set *s = cache_take(p);
	struct err err = { 0 };

	*out = NULL;
	if (!s)
		return;
	if (set_extend(s, p, &err)) {
		say_why(p, &err);
		cache_put(s);
		return;
	}
	set_show(s, p);
	if (!set_reset(s, &err)) {
		*out = s;
		return;
	}
	say_why(p, &err);
	set_free(s);
}

static int get_new(const struct plan *p, struct target_set **out, struct err *err)
{
	struct target_set *s;
	int ret = set_new(p, &s, err);

	if (ret)
		return ret;
	ret = set_extend(s, p, err);
	if (ret) {
		set_free(s);
		return ret;
	}
	set_show(s, p);
	*out = s;
	return 0;
}

static int get_set(const struct plan *p, struct target_set **out, struct err *err)
{
	int ret = 0;

	get_kept(p, out);
	if (!*out)
		ret = get_new(p, out, err);
	return ret ? ret : set_wire(*out, p, err);
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
		.object = p->load->object,
		.name = p->name,
		.device = p->load->device,
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
		names[i] = t->set->programs[i]->name;
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
		const struct set_program *p = t->set->programs[i];

		if (!p->load->device && !strcmp(p->load->object, ref->object) &&
		    !strcmp(p->name, ref->program))
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
	return t->set->maps[i]->map;
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
		if (t->set->maps[i]->id == map_id)
			return t->set->maps[i]->name;
	return NULL;
}

const char *target_slot_program(const struct target *t, uint32_t map_id, uint32_t slot)
{
	uint32_t id = 0;

	for (size_t i = 0; i < t->set->n_maps; i++)
		if (t->set->maps[i]->id == map_id &&
		    bpf_map_lookup_elem(t->set->maps[i]->map->fd, &slot, &id))
			return NULL;
	for (size_t i = 0; id && i < t->set->n_programs; i++)
		if (t->set->programs[i]->id == id)
			return t->set->programs[i]->name;
	return NULL;
}

static struct target_slot *add_slot(const struct target *t, struct arena *a,
				    struct target_slot *slots, size_t *n,
				    const struct load_slot *slot)
{
	for (size_t i = 0; i < t->set->n_maps; i++) {
		const struct set_map *m = t->set->maps[i];

		if (m->id != slot->map_id)
			continue;
		slots = arena_grow(a, slots, *n, sizeof(*slots));
		slots[(*n)++] = (struct target_slot){ m->map->fd, m->id, slot->index };
	}
	return slots;
}

struct target_slot *target_slots(const struct target *t, struct arena *a, size_t *n)
{
	const struct target_set *s = t->set;
	struct target_slot *slots = NULL;

	*n = 0;
	for (size_t i = 0; i < s->n_shown; i++)
		for (size_t j = 0; j < s->shown[i]->n_slots; j++)
			slots = add_slot(t, a, slots, n, &s->shown[i]->slots[j]);
	for (size_t i = 0; i < s->n_wired; i++)
		slots = add_slot(t, a, slots, n, &s->wired[i]);
	return slots;
}

struct event_ring *target_events(const struct target *t)
{
	return t->events;
}

size_t target_n_images(const struct target *t)
{
	return t->set->n_shown;
}

const struct elf_image *target_image(const struct target *t, size_t i)
{
	return object_image(t->set->shown[i]->o);
}

const struct object *target_object(const struct target *t, size_t i)
{
	return t->set->shown[i]->o;
}

unsigned target_interposed(const struct target *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->set->n_shown; i++)
		n += object_interposed(t->set->shown[i]->o);
	return n;
}

const char *const *target_pristine(const struct target *t, size_t *n)
{
	*n = t->set->n_pristine;
	return t->set->pristine;
}
