// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is to be loaded for a target: which objects, for which devices, with which settings. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "target/target_internal.h"

static bool is_wanted(const struct plan *p, const char *object)
{
	for (size_t i = 0; i < p->opts->n_only; i++)
		if (!strcmp(p->opts->only[i], object))
			return true;
	return p->opts->n_only == 0;
}

static int find_folder(struct plan *p, struct err *err)
{
	const struct target_desc *d = p->desc;

	p->folder = p->opts->objects;
	if (!p->folder && d->objects_env)
		p->folder = getenv(d->objects_env);
	if (!p->folder)
		p->folder = d->objects_dir;
	if (!p->folder && !d->objects_env)
		p->folder = file_installed(p->arena, "bpf");
	if (p->folder)
		return 0;
	err_input(err, NULL, "the objects of %s are not here", d->name);
	return err_hint(err, "name their folder with --objects");
}

static int find_object(struct plan *p, const struct desc_object *o, const char **path,
		       struct err *err)
{
	int ret = 0;

	if (o->path) {
		*path = o->path;
		return 0;
	}
	if (!p->folder)
		ret = find_folder(p, err);
	if (!ret)
		*path = file_join(p->arena, p->folder, o->name);
	return ret;
}

static int add_config(struct plan *p, struct planned_load *l, const struct setting *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		l->config = arena_grow(p->arena, l->config, l->n_config, sizeof(*l->config));
		l->config[l->n_config++] =
			(struct config_value){ .name = s[i].name, .value = s[i].value };
	}
	return 0;
}

static int add_load(struct plan *p, const struct desc_object *o, const struct desc_device *dev,
		    struct err *err)
{
	struct planned_load *l;
	int ret;

	p->loads = arena_grow(p->arena, p->loads, p->n, sizeof(*p->loads));
	l = &p->loads[p->n];
	*l = (struct planned_load){ .object = o, .device = dev };
	ret = find_object(p, o, &l->path, err);
	if (!ret)
		ret = elf_load(l->path, NULL, &l->image, err);
	if (ret)
		return ret;
	p->n++;
	add_config(p, l, p->opts->config, p->opts->n_config);
	l->types = (struct elf_type_override *)p->opts->types;
	l->n_types = p->opts->n_types;
	l->maps = (struct map_override *)p->opts->maps;
	l->n_maps = p->opts->n_maps;
	return 0;
}

int plan_make(struct plan *p, const struct target_opts *opts, struct err *err)
{
	int ret = 0;

	*p = (struct plan){ .arena = arena_new(), .opts = opts, .desc = opts->desc };
	for (size_t i = 0; i < p->desc->n_objects && !ret; i++)
		if (is_wanted(p, p->desc->objects[i].name))
			ret = add_load(p, &p->desc->objects[i], NULL, err);
	return ret;
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		elf_free(p->loads[i].image);
	arena_free(p->arena);
}
