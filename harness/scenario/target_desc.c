// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The life of a target's description, however it was made. Read from a file: target_desc_read.c. */
#include "scenario/target_desc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "scenario/target_desc_parts.h"

struct target_desc *target_desc_new(void)
{
	struct arena *a = arena_new();
	struct target_desc *d = arena_new_of(a, struct target_desc);

	d->arena = a;
	d->summary = "";
	d->interpose = true;
	return d;
}

int target_desc_of_object(const char *path, struct target_desc **out, struct err *err)
{
	struct target_desc *d;
	const char *slash = strrchr(path, '/');

	if (access(path, R_OK))
		return err_input(err, NULL, "cannot read the object %s: %s", path, strerror(errno));
	d = target_desc_new();
	d->name = arena_strdup(d->arena, slash ? slash + 1 : path);
	d->objects = arena_new_of(d->arena, struct desc_object);
	d->objects[0] = (struct desc_object){ .name = d->name,
					      .path = arena_strdup(d->arena, path),
					      .interpose = true };
	d->n_objects = 1;
	d->events_map = "cilium_events";
	d->decoder = DECODER_CILIUM;
	*out = d;
	return 0;
}

const struct desc_hook *target_desc_hook(const struct target_desc *d, const char *role,
					 const char *name)
{
	for (size_t i = 0; i < d->n_hooks; i++)
		if (!strcmp(d->hooks[i].role, role) && !strcmp(d->hooks[i].name, name))
			return &d->hooks[i];
	return NULL;
}

const struct desc_object *target_desc_object(const struct target_desc *d, const char *name)
{
	for (size_t i = 0; i < d->n_objects; i++)
		if (!strcmp(d->objects[i].name, name))
			return &d->objects[i];
	return NULL;
}

const struct desc_device *target_desc_device(const struct target_desc *d, const char *name)
{
	for (size_t i = 0; i < d->n_devices; i++)
		if (!strcmp(d->devices[i].name, name))
			return &d->devices[i];
	return NULL;
}

void target_desc_free(struct target_desc *d)
{
	if (d)
		arena_free(d->arena);
}
