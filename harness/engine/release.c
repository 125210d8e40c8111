/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lays an upgrade over what a node has. */
#include "engine/release.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"

static void set_map(struct release *r, const struct map_override *o, struct arena *a)
{
	for (size_t i = 0; i < r->n_maps; i++) {
		if (!strcmp(r->maps[i].map, o->map)) {
			r->maps[i] = *o;
			return;
		}
	}
	r->maps = arena_grow(a, r->maps, r->n_maps, sizeof(*r->maps));
	r->maps[r->n_maps++] = *o;
}

struct restart_step release_apply(struct release *node, const struct step *step, struct arena *a)
{
	struct restart_step how = step->restart;

	if (step->kind == STEP_UPGRADE) {
		if (how.objects)
			node->objects = how.objects;
		for (size_t i = 0; i < how.n_maps; i++)
			set_map(node, &how.maps[i], a);
	}
	how.objects = node->objects;
	how.maps = node->maps;
	how.n_maps = node->n_maps;
	return how;
}

int release_base(struct arena *a, const char *given, const char **out, struct err *err)
{
	*out = given ? given : file_installed(a, "bpf");
	if (*out)
		return 0;
	err_system(err, ENOENT, "cannot find the datapath's objects");
	return err_hint(err, "build them with `make`, or name their folder with --objects");
}

const char *release_objects(struct arena *a, const char *base, const struct restart_step *how)
{
	return how && how->objects ? file_join(a, base, how->objects) : base;
}
