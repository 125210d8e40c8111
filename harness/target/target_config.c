/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Constants by name: each goes to the loads whose objects have it. */
#include <string.h>

#include "target/target_names.h"

#define PREFIX "__config_"

static bool has_variable(const struct elf_image *image, const char *name)
{
	for (size_t i = 0; i < image->n_variables; i++) {
		const char *is = image->variables[i].name;

		if (!strcmp(is, name) ||
		    (!strncmp(is, PREFIX, strlen(PREFIX)) && !strcmp(is + strlen(PREFIX), name)))
			return true;
	}
	return false;
}

static void add_variables(struct name_list *names, const struct elf_image *image)
{
	for (size_t i = 0; i < image->n_variables; i++) {
		const char *is = image->variables[i].name;

		if (!strncmp(is, PREFIX, strlen(PREFIX)))
			name_list_add(names, is + strlen(PREFIX));
		name_list_add(names, is);
	}
}

static int unknown_constant(const struct plan *p, const struct setting *s, const char *whose,
			    struct err *err)
{
	struct name_list known = { .arena = p->arena };

	for (size_t i = 0; i < p->n_objects; i++)
		add_variables(&known, p->objects[i].image);
	return plan_unknown(&s->loc, "constant", s->name, whose, &known, err);
}

static void set(const struct plan *p, struct planned_load *l, const struct setting *s)
{
	l->config = arena_grow(p->arena, l->config, l->n_config, sizeof(*l->config));
	l->config[l->n_config++] = (struct config_value){ .name = s->name, .value = s->value };
}

/* To every load of the object (NULL: any) for the device (NULL: all) that has it; false if none does. */
static bool set_where_known(struct plan *p, const struct setting *s, const char *object,
			    const struct desc_device *device)
{
	bool found = false;

	for (size_t i = 0; i < p->n; i++) {
		struct planned_load *l = &p->loads[i];

		if ((object && strcmp(object, l->object->desc->name) != 0) ||
		    (device && device != l->device) || !has_variable(l->object->image, s->name))
			continue;
		set(p, l, s);
		found = true;
	}
	return found;
}

static int set_common(struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->desc->config.n; i++) {
		const struct setting *s = &p->desc->config.list[i];

		if (!set_where_known(p, s, NULL, NULL) && !s->may_lack &&
		    !plan_leaves_out(p, has_variable, s->name))
			return unknown_constant(p, s, "the target", err);
	}
	return 0;
}

static int set_for_object(struct plan *p, const struct desc_object *o, struct err *err)
{
	for (size_t i = 0; i < o->config.n; i++) {
		struct name_list known = { .arena = p->arena };

		if (set_where_known(p, &o->config.list[i], o->name, NULL) ||
		    o->config.list[i].may_lack)
			continue;
		add_variables(&known, plan_object(p, o->name)->image);
		return plan_unknown(&o->config.list[i].loc, "constant", o->config.list[i].name,
				    o->name, &known, err);
	}
	return 0;
}

/* Some load for the device must have it; none at all is made if its objects are left out. */
static int set_for_device(struct plan *p, const struct desc_device *dev, struct err *err)
{
	bool is_loaded = false;

	for (size_t i = 0; i < p->n; i++)
		is_loaded |= p->loads[i].device == dev;
	for (size_t i = 0; is_loaded && i < dev->config.n; i++) {
		const struct setting *s = &dev->config.list[i];

		if (!set_where_known(p, s, NULL, dev) && !s->may_lack &&
		    !plan_leaves_out(p, has_variable, s->name))
			return unknown_constant(
				p, s, arena_printf(p->arena, "the role '%s'", dev->role), err);
	}
	return 0;
}

int plan_config(struct plan *p, struct err *err)
{
	int ret = set_common(p, err);

	for (size_t i = 0; i < p->n_objects && !ret; i++)
		ret = set_for_object(p, p->objects[i].desc, err);
	for (size_t i = 0; i < p->desc->n_devices && !ret; i++)
		ret = set_for_device(p, &p->desc->devices[i], err);
	for (size_t i = 0; i < p->opts->n_config && !ret; i++) {
		const struct setting *s = &p->opts->config[i];

		if (!set_where_known(p, s, NULL, NULL) && !s->may_lack)
			ret = unknown_constant(p, s, p->desc->name, err);
	}
	return ret;
}
