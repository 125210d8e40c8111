/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is to be loaded for a target: which objects, from where, how often. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/words.h"
#include "target/target_internal.h"

static const struct loc *loc_of(const struct desc_object *o)
{
	return o->loc.file ? &o->loc : NULL;
}

static int no_folder(const struct target_desc *d, struct err *err)
{
	if (d->objects_env)
		err_input(err, NULL,
			  "the objects of %s are not at hand: the variable %s that names their "
			  "folder is not set",
			  d->name, d->objects_env);
	else
		err_input(err, NULL, "cannot find the objects of %s", d->name);
	if (d->objects_hint)
		err_hint(err, "%s", d->objects_hint);
	if (d->objects_env)
		return err_hint(err, "then name the folder: %s=DIR, or --objects DIR",
				d->objects_env);
	return err_hint(err, "build them with `make`, or name their folder with --objects DIR");
}

static const char *set_variable(const char *name)
{
	const char *value = name ? getenv(name) : NULL;

	return value && *value ? value : NULL;
}

int target_folder(struct arena *a, const struct target_desc *d, const char *given, const char **out,
		  struct err *err)
{
	const char *from = "--objects";
	struct stat st;

	*out = given;
	if (!*out) {
		from = d->objects_env;
		*out = set_variable(d->objects_env);
	}
	if (!*out) {
		from = d->path;
		*out = d->objects_dir;
	}
	if (!*out && !d->objects_env)
		*out = file_installed(a, "bpf");
	if (!*out)
		return no_folder(d, err);
	if (stat(*out, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	err_input(err, NULL, "no folder %s for the objects of %s (%s names it)", *out, d->name,
		  from);
	return d->objects_hint ? err_hint(err, "%s", d->objects_hint) : -EINVAL;
}

static int no_such_file(struct plan *p, const struct desc_object *o, struct err *err)
{
	DIR *d = opendir(p->folder);
	const char **names = NULL, *near;
	const struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (len < 3 || strcmp(e->d_name + len - 2, ".o") != 0)
			continue;
		names = arena_grow(p->arena, names, n, sizeof(*names));
		names[n++] = arena_strdup(p->arena, e->d_name);
	}
	if (d)
		closedir(d);
	near = n ? nearest_name(o->name, names, n) : NULL;
	err_input(err, loc_of(o), "no object %s in %s", o->name, p->folder);
	if (near)
		return err_hint(err, "did you mean %s?", near);
	return n ? err_hint(err, "there are %zu others", n)
		 : err_hint(err, "the folder holds no objects (*.o)");
}

int plan_open_object(struct plan *p, const struct desc_object *o, const char **path,
		     struct elf_image **image, struct err *err)
{
	int ret = 0;

	if (o->path) {
		*path = o->path;
	} else {
		if (!p->folder)
			ret = target_folder(p->arena, p->desc, p->opts->objects, &p->folder, err);
		if (ret)
			return ret;
		*path = file_join(p->arena, p->folder, o->name);
		if (access(*path, F_OK) && errno == ENOENT)
			return no_such_file(p, o, err);
	}
	return elf_load(*path, NULL, image, err);
}

const struct planned_object *plan_object(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->n_objects; i++)
		if (!strcmp(p->objects[i].desc->name, name))
			return &p->objects[i];
	return NULL;
}

static int check_only(const struct plan *p, struct err *err)
{
	const char **names = arena_alloc(p->arena, p->desc->n_objects * sizeof(*names));

	for (size_t i = 0; i < p->desc->n_objects; i++)
		names[i] = p->desc->objects[i].name;
	for (size_t i = 0; i < p->opts->n_only; i++) {
		const char *asked = p->opts->only[i], *near;

		if (target_desc_object(p->desc, asked))
			continue;
		near = nearest_name(asked, names, p->desc->n_objects);
		err_input(err, NULL, "the target %s has no object %s", p->desc->name, asked);
		return near ? err_hint(err, "did you mean %s?", near) : -EINVAL;
	}
	return 0;
}

static bool is_wanted(const struct plan *p, const char *object)
{
	for (size_t i = 0; i < p->opts->n_only; i++)
		if (!strcmp(p->opts->only[i], object))
			return true;
	return p->opts->n_only == 0;
}

static int open_objects(struct plan *p, struct err *err)
{
	const struct target_desc *d = p->desc;

	p->objects = arena_alloc(p->arena, d->n_objects * sizeof(*p->objects));
	for (size_t i = 0; i < d->n_objects; i++) {
		struct planned_object *o = &p->objects[p->n_objects];
		int ret;

		if (!is_wanted(p, d->objects[i].name))
			continue;
		o->desc = &d->objects[i];
		ret = plan_open_object(p, o->desc, &o->path, &o->image, err);
		if (ret)
			return ret;
		p->n_objects++;
	}
	return 0;
}

static bool role_has(const struct target_desc *d, const char *role, const char *object)
{
	for (size_t i = 0; i < d->n_hooks; i++)
		if (!strcmp(d->hooks[i].role, role) && !strcmp(d->hooks[i].ref.object, object))
			return true;
	return false;
}

/* True if every device of the role has a load of its own, and there is one. */
static bool role_is_own(const struct target_desc *d, const char *role)
{
	bool any = false;

	for (size_t i = 0; i < d->n_devices; i++) {
		if (strcmp(d->devices[i].role, role) != 0)
			continue;
		if (!d->devices[i].own_load)
			return false;
		any = true;
	}
	return any;
}

/* True if something needs the load that is no device's own. */
static bool needs_common(const struct target_desc *d, const char *object)
{
	bool is_hooked = false;

	for (size_t i = 0; i < d->n_hooks; i++) {
		if (strcmp(d->hooks[i].ref.object, object) != 0)
			continue;
		is_hooked = true;
		if (!role_is_own(d, d->hooks[i].role))
			return true;
	}
	for (size_t i = 0; i < d->n_tail_calls; i++)
		if (!d->tail_calls[i].device && !strcmp(d->tail_calls[i].ref.object, object))
			return true;
	return !is_hooked;
}

static void use(struct plan *p, struct planned_load *l, const struct program_ref *ref)
{
	if (strcmp(ref->object, l->object->desc->name) != 0)
		return;
	l->only = arena_grow(p->arena, l->only, l->n_only, sizeof(*l->only));
	l->only[l->n_only++] = ref->program;
}

/* The programs that a load is for; none: it is for all. */
static void plan_only(struct plan *p, struct planned_load *l)
{
	const struct target_desc *d = p->desc;

	for (size_t i = 0; i < d->n_hooks; i++) {
		const struct desc_hook *h = &d->hooks[i];

		if (l->device ? !strcmp(h->role, l->device->role) : !role_is_own(d, h->role))
			use(p, l, &h->ref);
	}
	for (size_t i = 0; i < d->n_tail_calls; i++) {
		const struct desc_tail_call *t = &d->tail_calls[i];

		if (t->device ? l->device && !strcmp(t->device, l->device->name) : !l->device)
			use(p, l, &t->ref);
	}
}

static void add_load(struct plan *p, const struct planned_object *o, const struct desc_device *dev)
{
	p->loads = arena_grow(p->arena, p->loads, p->n, sizeof(*p->loads));
	p->loads[p->n++] = (struct planned_load){ .object = o, .device = dev };
}

static void plan_loads(struct plan *p)
{
	const struct target_desc *d = p->desc;

	for (size_t i = 0; i < p->n_objects; i++) {
		const struct planned_object *o = &p->objects[i];

		if (needs_common(d, o->desc->name))
			add_load(p, o, NULL);
		for (size_t j = 0; j < d->n_devices; j++)
			if (d->devices[j].own_load &&
			    role_has(d, d->devices[j].role, o->desc->name))
				add_load(p, o, &d->devices[j]);
	}
}

int plan_make(struct plan *p, const struct target_opts *opts, struct err *err)
{
	int ret;

	*p = (struct plan){ .arena = arena_new(), .opts = opts, .desc = opts->desc };
	ret = check_only(p, err);
	if (!ret)
		ret = open_objects(p, err);
	if (ret)
		return ret;
	plan_loads(p);
	for (size_t i = 0; i < p->n && opts->hooks_only; i++)
		plan_only(p, &p->loads[i]);
	return plan_names(p, err);
}

void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n_objects; i++)
		elf_free(p->objects[i].image);
	arena_free(p->arena);
}
