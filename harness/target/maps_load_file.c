// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whole maps from a tree or a file: everything is checked before the first entry is written. */
#include <bpf/bpf.h>
#include <string.h>

#include "target/maps_bpftool.h"
#include "target/maps_handles.h"
#include "target/maps_io.h"
#include "target/maps_loading.h"
#include "target/maps_source.h"

static void note_type(const struct map *m, const struct value *desc, struct maps_load *load)
{
	const char *type = value_text(value_get(desc, "type"));

	if (type && strcmp(type, map_type_name(m->type)) != 0)
		maps_note(load, "map %s is a %s here, a %s in the file", m->name,
			  map_type_name(m->type), type);
}

static int check_desc(const struct map *m, const struct value *desc, const struct value *entries,
		      struct err *err)
{
	if (entries && entries->kind != VALUE_LIST)
		return err_input(err, &entries->loc, "map %s: entries is no list", m->name);
	if (!entries && desc->kind != VALUE_MAP)
		return err_input(err, &desc->loc, "map %s: here stands {entries: [...]}", m->name);
	return entries && entries->n && map_holds(m) == HOLDS_NOTHING_LISTED
		       ? map_check_plain(m, &entries->loc, err)
		       : 0;
}

int maps_file_load(struct map *m, const struct value *desc, struct maps_load *load, struct err *err)
{
	const struct value *entries = value_get(desc, "entries");
	struct loading l;
	int ret = check_desc(m, desc, entries, err);

	if (!ret)
		ret = loading_begin(&l, m, false, load, err);
	if (ret)
		return ret;
	note_type(m, desc, load);
	for (int write = 0; write <= !load->dry_run && !ret && entries; write++) {
		for (size_t i = 0; i < entries->n && !ret; i++) {
			arena_reset(l.scratch);
			ret = loading_entry(&l, entries->items[i], write);
		}
		if (!ret && !write)
			ret = loading_check_keys(&l);
	}
	loading_end(&l);
	return ret;
}

/* ---- a file, as it is told ---- */

struct filling {
	const struct maps_finder *finder;
	struct maps_load *load;
	struct loading l; /* of the map at hand */
	bool write;
};

static int begin(void *arg, const struct value *name, bool from_bpftool, struct err *err)
{
	struct filling *f = arg;
	struct map *m;
	int ret = f->finder->find(f->finder->arg, name, &m, err);

	f->load->maps += !ret && !f->write;
	return ret ? ret : loading_begin(&f->l, m, from_bpftool, f->load, err);
}

static int entry(void *arg, const struct value *e, struct arena *scratch, struct err *err)
{
	struct filling *f = arg;

	(void)scratch;
	if (map_holds(f->l.m) == HOLDS_NOTHING_LISTED)
		return map_check_plain(f->l.m, &e->loc, err);
	arena_reset(f->l.scratch);
	return loading_entry(&f->l, e, f->write);
}

static int end(void *arg, const struct value *desc, struct err *err)
{
	struct filling *f = arg;
	int ret = f->write ? 0 : loading_check_keys(&f->l);

	(void)err;
	if (!ret && !f->write)
		note_type(f->l.m, desc, f->load);
	loading_end(&f->l);
	return ret;
}

int maps_file_load_all(const char *path, const struct maps_finder *finder, struct maps_load *load,
		       struct err *err)
{
	struct filling f = { .finder = finder, .load = load };
	struct maps_listener listener = { begin, entry, end, &f };
	struct maps_source *s;
	int ret = maps_source_open(path, &s, err);

	if (ret)
		return ret;
	for (int write = 0; write <= !load->dry_run && !ret; write++) {
		f.write = write;
		ret = maps_source_tell(s, &listener, err);
		if (ret && f.l.m)
			loading_end(&f.l);
		if (ret && write && load->loaded)
			err_hint(err, "%zu entries had been written before this one", load->loaded);
	}
	maps_source_close(s);
	return ret;
}
