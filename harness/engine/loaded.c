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

static bool is_there(const struct loaded_list *l, const struct elf_image *image)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i].sha256, image->sha256) == 0 &&
		    same_file(l->items[i].path, image->path))
			return true;
	return false;
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

static void add_pristine(struct loaded_list *l, struct loaded_object *is, const struct object *o)
{
	const char *const *programs = object_pristine_programs(o, &is->n_pristine);
	const char **copy = arena_alloc(l->arena, (is->n_pristine + 1) * sizeof(*copy));

	for (size_t i = 0; i < is->n_pristine; i++)
		copy[i] = arena_strdup(l->arena, programs[i]);
	is->pristine = copy;
}

void loaded_add_object(struct loaded_list *l, const struct object *o)
{
	const struct elf_image *image = object_image(o);
	struct loaded_object *is;

	if (is_there(l, image))
		return;
	is = add(l, image);
	is->interposed = object_interposed(o);
	add_pristine(l, is, o);
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
	if (!is_there(l, image))
		add(l, image);
	elf_free(image);
	return 0;
}
