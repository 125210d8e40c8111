/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a target shows of a set: the maps and programs of its own plan's loads, under names that tell them
 * apart.
 */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "target/target_internal.h"

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void show_loads(struct target_set *s, const struct plan *p)
{
	s->shown = arena_alloc(s->view, p->n * sizeof(*s->shown));
	s->n_shown = 0;
	s->visible = 0;
	for (size_t i = 0; i < p->n; i++) {
		__cleanup_buf struct buf key = BUF_INIT;
		const struct loaded *l;

		load_key(&p->loads[i], &key);
		l = set_find_load(s, buf_str(&key));
		if (!l)
			continue;
		s->shown[s->n_shown++] = (struct loaded *)l;
		s->visible |= l->bit;
	}
}

static const struct loaded *owner_of(const struct target_set *s, const struct set_map *m)
{
	for (size_t i = 0; i < s->n_shown; i++)
		if (m->users & s->shown[i]->bit)
			return s->shown[i];
	return NULL;
}

static void show_maps(struct target_set *s)
{
	s->maps = arena_alloc(s->view, s->n_all_maps * sizeof(*s->maps));
	s->n_maps = 0;
	for (size_t i = 0; i < s->n_all_maps; i++) {
		struct set_map *m = s->all_maps[i];

		m->owner = owner_of(s, m);
		m->name = m->own_name;
		if (m->owner && !m->is_data)
			s->maps[s->n_maps++] = m;
	}
}

/* Where several loads have a map of that name, it says whose it is. */
static void qualify(const struct target_set *s, struct set_map *m)
{
	const struct loaded *l = m->owner;
	bool several = false, on_device = false;

	for (size_t i = 0; i < s->n_maps; i++) {
		const struct set_map *other = s->maps[i];

		if (other == m || strcmp(other->own_name, m->own_name) != 0)
			continue;
		several = true;
		on_device |= l->device && same(other->owner->device, l->device);
	}
	if (on_device)
		m->name = arena_printf(s->view, "%s/%s/%s", l->device, l->object, m->own_name);
	else if (several)
		m->name = arena_printf(s->view, "%s/%s", l->device ? l->device : l->object,
				       m->own_name);
	snprintf(m->map->name, sizeof(m->map->name), "%s", m->name);
}

static void show_programs(struct target_set *s)
{
	s->programs = arena_alloc(s->view, s->n_all_programs * sizeof(*s->programs));
	s->n_programs = 0;
	for (size_t i = 0; i < s->n_all_programs; i++)
		if (s->visible & s->all_programs[i]->load->bit)
			s->programs[s->n_programs++] = s->all_programs[i];
}

static void show_pristine(struct target_set *s)
{
	s->pristine = NULL;
	s->n_pristine = 0;
	for (size_t i = 0; i < s->n_shown; i++) {
		size_t n;
		const char *const *names = object_pristine_programs(s->shown[i]->o, &n);

		for (size_t j = 0; j < n; j++) {
			s->pristine = arena_grow(s->view, s->pristine, s->n_pristine,
						 sizeof(*s->pristine));
			s->pristine[s->n_pristine++] = names[j];
		}
	}
}

void set_show(struct target_set *s, const struct plan *p)
{
	arena_reset(s->view);
	s->wired = NULL;
	s->n_wired = 0;
	show_loads(s, p);
	show_maps(s);
	for (size_t i = 0; i < s->n_maps; i++)
		qualify(s, s->maps[i]);
	show_programs(s);
	show_pristine(s);
}

const struct set_program *set_program(const struct target_set *s, const char *object,
				      const char *name, const char *device)
{
	for (size_t i = 0; i < s->n_programs; i++) {
		const struct set_program *p = s->programs[i];

		if (!strcmp(p->name, name) && (!object || !strcmp(p->load->object, object)) &&
		    (!device || same(p->load->device, device)))
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
		if (!strcmp(s->maps[i]->name, name))
			return s->maps[i];
	for (size_t i = 0; i < s->n_maps; i++)
		if (is_of(s->maps[i], s->maps[i]->owner->device, name) ||
		    is_of(s->maps[i], s->maps[i]->owner->object, name))
			return s->maps[i];
	return NULL;
}

const char *set_nearest_map(const struct target_set *s, const char *name)
{
	struct arena *a = arena_new();
	const char **names = arena_alloc(a, s->n_maps * sizeof(*names)), *near;

	for (size_t i = 0; i < s->n_maps; i++) {
		names[i] = s->maps[i]->own_name;
		if (!strcmp(names[i], name)) {
			arena_free(a);
			return s->maps[i]->name;
		}
	}
	near = nearest_name(name, names, s->n_maps);
	arena_free(a);
	for (size_t i = 0; near && i < s->n_maps; i++)
		if (s->maps[i]->own_name == near)
			return s->maps[i]->name;
	return NULL;
}
