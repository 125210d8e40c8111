// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Map entries out of JSON, and out of trees: {"maps": {NAME: {"entries": [...]}}}, or bpftool's list of
 * entries.
 */
#include <string.h>

#include "target/maps_source_forms.h"

struct telling {
	const struct source_text *text;
	const struct maps_listener *listener;
	struct arena *scratch; /* of one entry */
	struct arena *keep; /* of a map's name and fields */
	struct flow flow;
	struct value *names; /* of the maps so far, as keys */
	const char *given_back;
	struct err *err;
};

static int entries(struct telling *t)
{
	const struct maps_listener *l = t->listener;
	struct value *entry;
	size_t n = 0;

	if (!flow_take(&t->flow, '['))
		return flow_fail(&t->flow, "entries is no list");
	while (!flow_take(&t->flow, ']')) {
		int ret = 0;

		if (n++ && !flow_take(&t->flow, ','))
			return flow_fail(&t->flow, "a comma or ] was expected");
		arena_reset(t->scratch);
		flow_next(&t->flow);
		t->flow.n_anonymous = 0;
		ret = flow_read(&t->flow, l->entry ? t->scratch : NULL, &entry);
		if (!ret && l->entry)
			ret = l->entry(l->arg, entry, t->scratch, t->err);
		if (ret)
			return ret;
		source_give_back(t->text, &t->given_back, t->flow.at);
	}
	return 0;
}

/* "key":, which must be text in quotes or, in YAML's flow style, bare. */
static int key_of(struct telling *t, struct value **key)
{
	int ret;

	flow_next(&t->flow);
	ret = flow_read(&t->flow, t->keep, key);
	if (ret)
		return ret;
	if ((*key)->kind != VALUE_SCALAR || !flow_take(&t->flow, ':'))
		return flow_fail(&t->flow, "a key and a colon were expected");
	return 0;
}

/* Between the braces of an object, after its n-th member. 1: it is closed. */
static int more(struct telling *t, size_t n)
{
	if (flow_take(&t->flow, '}'))
		return 1;
	return n && !flow_take(&t->flow, ',') ? flow_fail(&t->flow, "a comma or } was expected")
					      : 0;
}

static int map_fields(struct telling *t, struct value *desc)
{
	struct value *key, *v;
	int ret = 0;

	for (size_t n = 0; !ret && !(ret = more(t, n)); n++) {
		ret = key_of(t, &key);
		if (ret)
			break;
		if (strcmp(key->text, "entries") == 0) {
			ret = entries(t);
		} else {
			ret = flow_read(&t->flow, t->keep, &v);
			if (!ret)
				ret = source_once(t->keep, desc, key, "the field", t->err);
			if (!ret)
				desc->items[desc->n - 1] = v;
		}
	}
	return ret > 0 ? 0 : ret;
}

static int one_map(struct telling *t)
{
	const struct maps_listener *l = t->listener;
	struct value *name, *desc = value_map(t->keep);
	int ret = key_of(t, &name);

	if (!ret)
		ret = source_once(t->keep, t->names, name, "the map", t->err);
	if (!ret && !flow_take(&t->flow, '{'))
		ret = flow_fail(&t->flow, "map %s: here stands {type, entries: [{key, value}]}",
				name->text);
	if (!ret)
		ret = l->begin(l->arg, name, false, t->err);
	if (!ret)
		ret = map_fields(t, desc);
	return ret ? ret : l->end(l->arg, desc, t->err);
}

static int all_maps(struct telling *t)
{
	int ret = 0;

	if (!flow_take(&t->flow, '{'))
		return flow_fail(&t->flow, "\"maps\" holds maps by name");
	for (size_t n = 0; !ret && !(ret = more(t, n)); n++)
		ret = one_map(t);
	return ret > 0 ? 0 : ret;
}

static int whole_object(struct telling *t)
{
	struct value *key, *ignored;
	bool found = false;
	int ret = 0;

	flow_take(&t->flow, '{');
	for (size_t n = 0; !ret && !(ret = more(t, n)); n++) {
		ret = key_of(t, &key);
		if (ret)
			break;
		if (strcmp(key->text, "maps") == 0) {
			found = true;
			ret = all_maps(t);
		} else {
			ret = flow_read(&t->flow, NULL, &ignored);
		}
	}
	if (ret < 0 || found)
		return ret > 0 ? 0 : ret;
	return err_input(t->err, &(struct loc){ t->text->path, 1, 1 },
			 "%s has no \"maps:\" with maps by name, nor is it a list of entries as "
			 "`bpftool map dump -j` writes it",
			 t->text->path);
}

/* bpftool names no map: the file's own name, without its ending, stands for it. */
static struct value *stem(struct telling *t)
{
	const char *slash = strrchr(t->text->path, '/'), *name = slash ? slash + 1 : t->text->path;
	const char *dot = strrchr(name, '.');
	struct value *v =
		value_scalar(t->keep, "%.*s",
			     (int)(dot && dot > name ? (size_t)(dot - name) : strlen(name)), name);

	v->loc = (struct loc){ t->text->path, 1, 1 };
	return v;
}

static int of_bpftool(struct telling *t)
{
	const struct maps_listener *l = t->listener;
	int ret = l->begin(l->arg, stem(t), true, t->err);

	if (!ret)
		ret = entries(t);
	return ret ? ret : l->end(l->arg, value_map(t->keep), t->err);
}

int source_tell_json(const struct source_text *text, const struct maps_listener *l,
		     struct arena *scratch, struct err *err)
{
	struct telling t = { .text = text, .listener = l, .scratch = scratch, .err = err };
	int ret;

	t.keep = arena_new();
	t.names = value_map(t.keep);
	t.flow = flow_begin(text->path, text->data, text->size, err);
	t.flow.json = true;
	t.given_back = text->data;
	ret = flow_next(&t.flow) == '[' ? of_bpftool(&t) : whole_object(&t);
	if (!ret && flow_next(&t.flow))
		ret = flow_fail(&t.flow, "more than one document");
	arena_free(t.keep);
	return ret;
}

int source_tell_tree(const struct value *file, const struct maps_listener *l, struct arena *scratch,
		     struct err *err)
{
	const struct value *maps = value_get(file, "maps");
	int ret = 0;

	for (size_t i = 0; i < maps->n && !ret; i++) {
		const struct value *list = value_get(maps->items[i], "entries");

		ret = l->begin(l->arg, maps->keys[i], false, err);
		for (size_t j = 0; list && l->entry && j < list->n && !ret; j++) {
			arena_reset(scratch);
			ret = l->entry(l->arg, list->items[j], scratch, err);
		}
		if (!ret)
			ret = l->end(l->arg, maps->items[i], err);
	}
	return ret;
}
