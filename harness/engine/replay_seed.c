/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Entries of files and scenarios into the target's maps. */
#include "engine/replay_internal.h"
#include "target/maps_file.h"

static struct map *find_map(const struct replay *r, const struct value *name, struct err *err)
{
	struct map *m = target_find_map(r->target, name->text);
	const char *near;

	if (m)
		return m;
	near = target_nearest_map(r->target, name->text);
	err_input(err, &name->loc, "the target has no map %s", name->text);
	if (near)
		err_hint(err, "did you mean %s?", near);
	else
		err_hint(err, "`verdict inspect` lists an object's maps");
	return NULL;
}

/* maps: name to description. Everything is checked before anything is
 * written.
 */
static int load_maps(struct replay *r, const struct value *maps, struct maps_load *l,
		     struct err *err)
{
	for (int write = 0; write <= 1; write++) {
		l->dry_run = !write;
		for (size_t i = 0; i < maps->n; i++) {
			struct map *m = find_map(r, maps->keys[i], err);

			if (!m)
				return -err->no;
			if (maps_file_load(m, maps->items[i], l, err))
				return -err->no;
		}
	}
	l->maps += maps->n;
	return 0;
}

static int find_for_file(void *arg, const struct value *name, struct map **out, struct err *err)
{
	*out = find_map(arg, name, err);
	return *out ? 0 : -err->no;
}

static int load_file(struct replay *r, const char *path, struct maps_load *l, struct err *err)
{
	struct maps_finder finder = { find_for_file, r };

	l->dry_run = false;
	return maps_file_load_all(path, &finder, l, err);
}

/* {MAP: [entries]} in the form of a file: {MAP: {entries: [...]}} */
static const struct value *as_file(struct arena *a, const struct value *entries)
{
	struct value *maps = value_map(a);

	for (size_t i = 0; i < entries->n; i++) {
		struct value *desc = value_map(a);

		desc->loc = entries->items[i]->loc;
		value_set(a, desc, "entries", entries->items[i]);
		value_set(a, maps, entries->keys[i]->text, desc);
		maps->keys[i]->loc = entries->keys[i]->loc;
	}
	return maps;
}

int replay_seed(struct replay *r, struct err *err)
{
	struct maps_load l = { .arena = r->arena };
	int ret = 0;

	for (size_t i = 0; i < r->opts.n_maps && !ret; i++)
		ret = load_file(r, r->opts.maps[i], &l, err);
	if (!ret && r->opts.entries)
		ret = load_maps(r, as_file(r->arena, r->opts.entries), &l, err);
	r->seeded.maps = l.maps;
	r->seeded.entries = l.loaded;
	r->seeded.notes = l.notes;
	r->seeded.n_notes = l.n_notes;
	return ret;
}
