/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The names that a target file and the command line use, held against what the objects have:
 * sections, maps, programs. Constants: target_config.c.
 */
#include <bpf/libbpf.h>
#include <string.h>

#include "base/words.h"
#include "target/target_names.h"

void name_list_add(struct name_list *names, const char *name)
{
	names->list = arena_grow(names->arena, names->list, names->n, sizeof(*names->list));
	names->list[names->n++] = name;
}

static const struct loc *if_written(const struct loc *loc)
{
	return loc->file ? loc : NULL;
}

/* what: "constant", "map". */
int plan_unknown(const struct loc *loc, const char *what, const char *name, const char *whose,
		 const struct name_list *known, struct err *err)
{
	const char *near = known->n ? nearest_name(name, known->list, known->n) : NULL;

	if (near)
		return err_input(err, if_written(loc), "%s has no %s '%s'; did you mean '%s'?",
				 whose, what, name, near);
	err_input(err, if_written(loc), "%s has no %s '%s'", whose, what, name);
	if (!known->n)
		return err_hint(err, "it has no %ss at all", what);
	return err_hint(err, "`verdict inspect` lists what an object has");
}

/* With some objects left out, a name may be one of theirs. */
bool plan_leaves_out(struct plan *p, bool (*has)(const struct elf_image *image, const char *name),
		     const char *name)
{
	bool found = false;

	for (size_t i = 0; i < p->desc->n_objects && !found; i++) {
		const struct desc_object *o = &p->desc->objects[i];
		struct elf_image *image;
		struct err err = { 0 };
		const char *path;

		if (plan_object(p, o->name) || plan_open_object(p, o, &path, &image, &err))
			continue;
		found = has(image, name);
		elf_free(image);
	}
	return found;
}

/* ---- sections ---- */

static void type_section(struct plan *p, struct planned_load *l, const char *section,
			 const char *type)
{
	for (size_t i = 0; i < l->n_types; i++) {
		if (!strcmp(l->types[i].section, section)) {
			l->types[i].type = type;
			return;
		}
	}
	l->types = arena_grow(p->arena, l->types, l->n_types, sizeof(*l->types));
	l->types[l->n_types++] = (struct elf_type_override){ section, type };
}

/* object NULL: any; false if none has the section. */
static bool type_where_known(struct plan *p, const char *object, const char *section,
			     const char *type)
{
	bool found = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct planned_object *o = p->loads[i].object;

		if ((object && strcmp(object, o->desc->name) != 0) ||
		    !elf_find_section(o->image, section))
			continue;
		type_section(p, &p->loads[i], section, type);
		found = true;
	}
	return found;
}

static int unknown_section(const struct plan *p, const char *object, const struct loc *loc,
			   const char *section, struct err *err)
{
	struct name_list known = { .arena = p->arena };

	for (size_t i = 0; i < p->n_objects; i++) {
		const struct elf_image *m = p->objects[i].image;

		if (object && strcmp(object, p->objects[i].desc->name) != 0)
			continue;
		for (size_t j = 0; j < m->n_sections; j++)
			name_list_add(&known, m->sections[j].name);
	}
	return plan_unknown(loc, "section of programs", section, object ? object : p->desc->name,
			    &known, err);
}

static int plan_types(struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->n_objects; i++) {
		const struct desc_object *o = p->objects[i].desc;

		for (size_t j = 0; j < o->n_types; j++)
			if (!type_where_known(p, o->name, o->types[j].section, o->types[j].type))
				return unknown_section(p, o->name, &o->types[j].loc,
						       o->types[j].section, err);
	}
	for (size_t i = 0; i < p->opts->n_types; i++) {
		const struct elf_type_override *t = &p->opts->types[i];

		if (!type_where_known(p, NULL, t->section, t->type))
			return unknown_section(p, NULL, &(struct loc){ 0 }, t->section, err);
	}
	return 0;
}

/* ---- maps ---- */

static bool has_map(const struct elf_image *image, const char *name)
{
	for (size_t i = 0; i < image->n_maps; i++)
		if (!strcmp(image->maps[i].name, name))
			return true;
	return false;
}

static int unknown_map(const struct plan *p, const struct loc *loc, const char *name,
		       struct err *err)
{
	struct name_list known = { .arena = p->arena };

	for (size_t i = 0; i < p->n_objects; i++)
		for (size_t j = 0; j < p->objects[i].image->n_maps; j++)
			name_list_add(&known, p->objects[i].image->maps[j].name);
	return plan_unknown(loc, "map", name, p->desc->name, &known, err);
}

static bool resize_where_known(struct plan *p, const struct map_override *o)
{
	bool found = false;

	for (size_t i = 0; i < p->n; i++) {
		struct planned_load *l = &p->loads[i];

		if (!has_map(l->object->image, o->map))
			continue;
		found = true;
		if (!o->max_entries)
			continue;
		l->maps = arena_grow(p->arena, l->maps, l->n_maps, sizeof(*l->maps));
		l->maps[l->n_maps++] = *o;
	}
	return found;
}

static void share_where_known(struct plan *p, const struct desc_map *m)
{
	for (size_t i = 0; i < p->n; i++) {
		struct planned_load *l = &p->loads[i];

		if (!m->has_scope || !has_map(l->object->image, m->name))
			continue;
		l->sharing = arena_grow(p->arena, l->sharing, l->n_sharing, sizeof(*l->sharing));
		l->sharing[l->n_sharing++] =
			(struct map_sharing){ m->name, m->scope == MAP_SCOPE_NODE };
	}
}

static int plan_maps(struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->desc->n_maps; i++) {
		const struct desc_map *m = &p->desc->maps[i];
		struct map_override o = { m->name, m->max_entries, m->loc };

		if (!resize_where_known(p, &o) && !m->may_lack &&
		    !plan_leaves_out(p, has_map, m->name))
			return unknown_map(p, &m->loc, m->name, err);
		share_where_known(p, m);
	}
	for (size_t i = 0; i < p->opts->n_maps; i++)
		if (!resize_where_known(p, &p->opts->maps[i]))
			return unknown_map(p, &p->opts->maps[i].loc, p->opts->maps[i].map, err);
	return 0;
}

/* An object by itself may have none, and so may those that are left when some are left out. */
static int check_events(const struct plan *p, struct err *err)
{
	const struct target_desc *d = p->desc;
	bool found = !d->events_map || !d->path || p->opts->n_only;
	const char *name = d->events_map, *slash = name ? strrchr(name, '/') : NULL;

	if (slash) /* one of several */
		name = slash + 1;
	for (size_t i = 0; name && i < p->n_objects; i++) {
		const struct elf_image *m = p->objects[i].image;

		for (size_t j = 0; j < m->n_maps; j++) {
			if (strcmp(m->maps[j].name, name) != 0)
				continue;
			if (m->maps[j].type != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
				return err_input(err, if_written(&d->events_loc),
						 "%s of %s is no perf event array", name,
						 p->objects[i].desc->name);
			found = true;
		}
	}
	return found ? 0 : unknown_map(p, &d->events_loc, name, err);
}

/* ---- programs ---- */

static const struct elf_program *find_program(const struct elf_image *image, const char *name)
{
	for (size_t i = 0; i < image->n_programs; i++)
		if (image->programs[i].is_entry && !strcmp(image->programs[i].name, name))
			return &image->programs[i];
	return NULL;
}

static int unknown_program(const struct plan *p, const struct program_ref *ref,
			   const struct elf_image *image, struct err *err)
{
	struct name_list known = { .arena = p->arena };

	for (size_t i = 0; i < image->n_programs; i++)
		if (image->programs[i].is_entry)
			name_list_add(&known, image->programs[i].name);
	return plan_unknown(&ref->loc, "program", ref->program, ref->object, &known, err);
}

/* Programs that the kernel would take at the hook; 0 ends the list. */
static const unsigned *types_at(int hook)
{
	static const unsigned tc[] = { BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SCHED_ACT, 0 };
	static const unsigned xdp[] = { BPF_PROG_TYPE_XDP, 0 };
	static const unsigned cgroup[] = { BPF_PROG_TYPE_CGROUP_SKB, 0 };
	static const unsigned filter[] = { BPF_PROG_TYPE_SOCKET_FILTER, 0 };
	static const unsigned in[] = { BPF_PROG_TYPE_LWT_IN, 0 };
	static const unsigned out[] = { BPF_PROG_TYPE_LWT_OUT, 0 };
	static const unsigned xmit[] = { BPF_PROG_TYPE_LWT_XMIT, 0 };
	static const unsigned *const at[] = {
		[HOOK_TC_INGRESS] = tc,
		[HOOK_TC_EGRESS] = tc,
		[HOOK_XDP] = xdp,
		[HOOK_CGROUP_INGRESS] = cgroup,
		[HOOK_CGROUP_EGRESS] = cgroup,
		[HOOK_SOCKET_FILTER] = filter,
		[HOOK_LWT_IN] = in,
		[HOOK_LWT_OUT] = out,
		[HOOK_LWT_XMIT] = xmit,
	};

	return hook < 0 || hook >= (int)(sizeof(at) / sizeof(at[0])) ? NULL : at[hook];
}

static bool fits_hook(unsigned type, int hook)
{
	const unsigned *t = types_at(hook);

	for (; t && *t; t++)
		if (*t == type)
			return true;
	return !types_at(hook);
}

/* Sections that the user gave a type are left to the kernel. */
static bool is_typed(const struct plan *p, const char *object, const char *section)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->loads[i].n_types; j++)
			if (!strcmp(p->loads[i].object->desc->name, object) &&
			    !strcmp(p->loads[i].types[j].section, section))
				return true;
	return false;
}

/* To every load of the object; those that it lacks are left out. */
static void ask_for(struct plan *p, const struct program_ref *ref)
{
	for (size_t i = 0; i < p->n; i++) {
		struct planned_load *l = &p->loads[i];

		if (strcmp(l->object->desc->name, ref->object) != 0 ||
		    !find_program(l->object->image, ref->program))
			continue;
		l->asked = arena_grow(p->arena, l->asked, l->n_asked, sizeof(*l->asked));
		l->asked[l->n_asked++] = ref->program;
	}
}

static int check_hook(const struct plan *p, const struct desc_hook *h, struct err *err)
{
	const struct planned_object *o = plan_object(p, h->ref.object);
	const struct elf_program *prog = o ? find_program(o->image, h->ref.program) : NULL;

	if (!o || (!prog && h->ref.may_lack))
		return 0;
	if (!prog)
		return unknown_program(p, &h->ref, o->image, err);
	if (fits_hook(prog->prog_type, h->hook) || is_typed(p, h->ref.object, prog->section))
		return 0;
	return err_input(err, &h->ref.loc,
			 "%s cannot sit at %s: its section %s makes it a %s program", prog->name,
			 word_text(&words_hook, h->hook), prog->section,
			 libbpf_bpf_prog_type_str((enum bpf_prog_type)prog->prog_type));
}

static int check_tail_call(const struct plan *p, const struct desc_tail_call *t, struct err *err)
{
	const struct planned_object *o = plan_object(p, t->ref.object);

	if (!o || t->ref.may_lack || find_program(o->image, t->ref.program))
		return 0;
	return unknown_program(p, &t->ref, o->image, err);
}

static void ask_for_programs(struct plan *p)
{
	for (size_t i = 0; i < p->desc->n_hooks; i++)
		ask_for(p, &p->desc->hooks[i].ref);
	for (size_t i = 0; i < p->desc->n_tail_calls; i++)
		ask_for(p, &p->desc->tail_calls[i].ref);
}

int plan_names(struct plan *p, struct err *err)
{
	int ret = plan_config(p, err);

	if (!ret)
		ret = plan_types(p, err);
	if (!ret)
		ret = plan_maps(p, err);
	if (!ret)
		ret = check_events(p, err);
	for (size_t i = 0; i < p->desc->n_hooks && !ret; i++)
		ret = check_hook(p, &p->desc->hooks[i], err);
	for (size_t i = 0; i < p->desc->n_tail_calls && !ret; i++)
		ret = check_tail_call(p, &p->desc->tail_calls[i], err);
	ask_for_programs(p);
	return ret;
}
