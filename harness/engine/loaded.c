/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Notes an object's identity and changes once a file. */
#include "engine/loaded.h"

#include <string.h>
#include <sys/stat.h>

/* "bpf/./x.o", when an upgrade goes back to where it came from, is "bpf/x.o". */
static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 || (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
				     x.st_ino == y.st_ino);
}

static struct loaded_object *find(const struct loaded_list *l, const struct elf_image *image)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i].sha256, image->sha256) == 0 &&
		    same_file(l->items[i].path, image->path))
			return &l->items[i];
	return NULL;
}

static const struct elf_change *copy_changes(struct arena *a, const struct elf_image *image)
{
	struct elf_change *out = arena_alloc(a, (image->n_changes + 1) * sizeof(*out));

	for (size_t i = 0; i < image->n_changes; i++) {
		const struct elf_change *c = &image->changes[i];

		out[i] = (struct elf_change){ arena_strdup(a, c->what), arena_strdup(a, c->where),
					      arena_strdup(a, c->was), arena_strdup(a, c->is) };
	}
	return out;
}

static struct loaded_object *add(struct loaded_list *l, const struct elf_image *image)
{
	struct loaded_object *o;

	l->items = arena_grow(l->arena, l->items, l->n, sizeof(*l->items));
	o = &l->items[l->n++];
	*o = (struct loaded_object){
		.path = arena_strdup(l->arena, image->path),
		.sha256 = arena_strdup(l->arena, image->sha256),
		.producer = arena_strdup(l->arena, image->producer),
		.changes = copy_changes(l->arena, image),
		.n_changes = image->n_changes,
	};
	return o;
}

static bool has_pristine(const struct loaded_object *is, const char *program)
{
	for (size_t i = 0; i < is->n_pristine; i++)
		if (strcmp(is->pristine[i], program) == 0)
			return true;
	return false;
}

static void add_pristine(struct loaded_list *l, struct loaded_object *is, const struct object *o)
{
	size_t n;
	const char *const *programs = object_pristine_programs(o, &n);
	const char **all = arena_alloc(l->arena, (is->n_pristine + n + 1) * sizeof(*all));

	if (is->n_pristine)
		memcpy(all, is->pristine, is->n_pristine * sizeof(*all));
	is->pristine = all;
	for (size_t i = 0; i < n; i++)
		if (!has_pristine(is, programs[i]))
			all[is->n_pristine++] = arena_strdup(l->arena, programs[i]);
}

/* Each load of a file may be of other programs of it. */
void loaded_add_object(struct loaded_list *l, const struct object *o)
{
	const struct elf_image *image = object_image(o);
	struct loaded_object *is = find(l, image);

	if (!is)
		is = add(l, image);
	if (object_interposed(o) > is->interposed)
		is->interposed = object_interposed(o);
	add_pristine(l, is, o);
}

void loaded_add_otherwise(struct loaded_list *l, const char *node, const char *otherwise)
{
	const char *note;

	if (!otherwise)
		return;
	note = arena_printf(l->arena, "the objects of node %s are compiled for other settings: %s",
			    node, otherwise);
	for (size_t i = 0; i < l->n_notes; i++)
		if (!strcmp(l->notes[i], note))
			return;
	l->notes = arena_grow(l->arena, l->notes, l->n_notes, sizeof(*l->notes));
	l->notes[l->n_notes++] = note;
}

void loaded_add_target(struct loaded_list *l, const struct target *t)
{
	for (size_t i = 0; i < target_n_images(t); i++)
		loaded_add_object(l, target_object(t, i));
}

int loaded_add_file(struct loaded_list *l, const char *path, struct err *err)
{
	struct elf_image *image;
	int ret = elf_load(path, NULL, &image, err);

	if (ret)
		return ret;
	if (!find(l, image))
		add(l, image);
	elf_free(image);
	return 0;
}
