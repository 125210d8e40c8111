// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* YAML of any form as the tree of a file of map entries. */
#include "target/maps_file.h"

#include "scenario/yaml.h"

static int check_maps(const struct value *file, const char *path, struct err *err)
{
	const struct value *maps = value_get(file, "maps"), *entries;

	if (!maps || maps->kind != VALUE_MAP)
		return err_input(err, maps ? &maps->loc : &file->loc,
				 "%s has no \"maps:\" with maps by name, nor is it a list of "
				 "entries as `bpftool map dump -j` writes it",
				 path);
	for (size_t i = 0; i < maps->n; i++) {
		if (maps->items[i]->kind != VALUE_MAP)
			return err_input(err, &maps->items[i]->loc,
					 "map %s: here stands {type, entries: [{key, value}]}",
					 maps->keys[i]->text);
		entries = value_get(maps->items[i], "entries");
		if (entries && entries->kind != VALUE_LIST)
			return err_input(err, &entries->loc, "map %s: entries is no list",
					 maps->keys[i]->text);
	}
	return 0;
}

int maps_file_parse(struct arena *a, const char *path, const char *text, size_t len,
		    struct value **out, struct err *err)
{
	struct value **docs;
	size_t n;
	int ret = yaml_parse(a, text, len, path, &docs, &n, err);

	if (ret)
		return ret;
	if (n != 1)
		return err_input(err, &(struct loc){ path, 1, 1 },
				 n ? "more than one document" : "the file is empty");
	*out = docs[0];
	return check_maps(*out, path, err);
}
