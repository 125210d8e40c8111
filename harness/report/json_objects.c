// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The object files that ran, as JSON. */
#include "report/json.h"

static json_t *change(const struct elf_change *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "what", json_text(c->what));
	json_object_set_new(o, "where", json_text(c->where));
	json_object_set_new(o, "was", json_text(c->was));
	json_object_set_new(o, "is", json_text(c->is));
	return o;
}

static json_t *object(const struct loaded_object *l)
{
	json_t *o = json_object(), *changes = json_array(), *pristine = json_array();

	for (size_t i = 0; i < l->n_changes; i++)
		json_array_append_new(changes, change(&l->changes[i]));
	for (size_t i = 0; i < l->n_pristine; i++)
		json_array_append_new(pristine, json_text(l->pristine[i]));
	json_object_set_new(o, "path", json_text(l->path));
	json_object_set_new(o, "sha256", json_text(l->sha256));
	json_object_set_new(o, "producer", json_text(l->producer));
	json_object_set_new(o, "interposed", json_integer(l->interposed));
	json_object_set_new(o, "changes", changes);
	json_object_set_new(o, "pristine", pristine);
	return o;
}

json_t *json_objects(const struct run_trace *trace)
{
	json_t *list;

	if (!trace)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < trace->n_objects; i++)
		json_array_append_new(list, object(&trace->objects[i]));
	return list;
}
