/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict inspect --json`. What is not known is null. */
#include <jansson.h>
#include <string.h>

#include "cmd/inspect.h"

static json_t *text(const struct inspection *in, const char *s)
{
	return s ? json_string(inspect_clean(in->arena, s)) : json_null();
}

/* Several lines, as an error has them. */
static json_t *lines(const struct inspection *in, const char *s)
{
	json_t *whole = s ? json_string(s) : json_null();

	return whole ? whole : text(in, s);
}

static void put(json_t *to, const char *key, uint64_t n)
{
	json_object_set_new(to, key, json_integer((json_int_t)n));
}

static json_t *stack_json(const char *stack)
{
	json_t *list = json_array();

	while (stack && *stack) {
		char *end;
		unsigned long long depth = strtoull(stack, &end, 10);

		if (end == stack)
			break;
		json_array_append_new(list, json_integer((json_int_t)depth));
		stack = end + (*end == '+');
	}
	return list;
}

static json_t *figures_json(const struct figures *f)
{
	json_t *o;

	if (!f || !f->is_loaded)
		return json_null();
	o = json_object();
	if (f->has_stats) {
		put(o, "insns_processed", f->processed);
		put(o, "states_total", f->total_states);
		put(o, "states_peak", f->peak_states);
		put(o, "states_per_insn_max", f->states_per_insn);
		put(o, "usec", f->usec);
	}
	json_object_set_new(o, "stack_bytes", stack_json(f->stack));
	put(o, "verified_insns", f->verified_insns);
	put(o, "xlated_bytes", f->xlated);
	put(o, "jited_bytes", f->jited);
	return o;
}

static json_t *program_json(const struct inspection *in, const struct elf_program *p)
{
	json_t *o = json_object(), *helpers = json_array();

	for (size_t i = 0; i < p->n_helpers; i++)
		json_array_append_new(helpers, text(in, inspect_helper(in->arena, p->helpers[i])));
	json_object_set_new(o, "name", text(in, p->name));
	json_object_set_new(o, "section", text(in, p->section));
	json_object_set_new(o, "type",
			    p->is_entry ? text(in, inspect_program_type(in->arena, p->prog_type))
					: json_null());
	json_object_set_new(o, "subprogram", json_boolean(!p->is_entry));
	put(o, "insns", p->insns);
	json_object_set_new(o, "helpers", helpers);
	json_object_set_new(o, "verifier", figures_json(inspect_figures(in, p->name)));
	return o;
}

static json_t *map_json(const struct inspection *in, const struct elf_map *m)
{
	const struct btf *btf = in->image->btf;
	json_t *o = json_object();

	json_object_set_new(o, "name", text(in, m->name));
	json_object_set_new(o, "type", text(in, inspect_map_type(in->arena, m->type)));
	json_object_set_new(o, "key_type",
			    text(in, inspect_type_name(in->arena, btf, m->key_type)));
	put(o, "key_size", m->key_size);
	json_object_set_new(o, "value_type",
			    text(in, inspect_type_name(in->arena, btf, m->value_type)));
	put(o, "value_size", m->value_size);
	put(o, "max_entries", m->max_entries);
	put(o, "flags", m->flags);
	put(o, "pinning", m->pinning);
	json_object_set_new(o, "legacy", json_boolean(m->is_legacy));
	json_object_set_new(o, "inner", m->inner ? map_json(in, m->inner) : json_null());
	return o;
}

static json_t *variable_json(const struct inspection *in, const struct elf_variable *v)
{
	json_t *o = json_object(), *tags = json_array();

	for (size_t i = 0; i < v->n_tags; i++)
		json_array_append_new(tags, text(in, v->tags[i]));
	json_object_set_new(o, "name", text(in, v->name));
	json_object_set_new(o, "section", text(in, v->section));
	json_object_set_new(o, "type",
			    text(in, inspect_type_name(in->arena, in->image->btf, v->type)));
	put(o, "size", v->size);
	json_object_set_new(o, "default", text(in, inspect_default(in, v)));
	json_object_set_new(o, "tags", tags);
	return o;
}

static json_t *slot_json(const struct inspection *in, const struct elf_tail_slot *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "map", text(in, s->map));
	put(o, "index", s->index);
	json_object_set_new(o, "program", text(in, s->program));
	json_object_set_new(o, "how", text(in, s->how));
	return o;
}

static json_t *change_json(const struct inspection *in, const struct elf_change *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "what", text(in, c->what));
	json_object_set_new(o, "where", text(in, c->where));
	json_object_set_new(o, "was", text(in, c->was));
	json_object_set_new(o, "is", text(in, c->is));
	return o;
}

static json_t *section_json(const struct inspection *in, const struct elf_section *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", text(in, s->name));
	json_object_set_new(o, "type", text(in, inspect_program_type(in->arena, s->prog_type)));
	json_object_set_new(o, "why", text(in, s->why));
	return o;
}

static json_t *load_json(const struct inspection *in)
{
	json_t *o = json_object();

	json_object_set_new(o, "tried", json_boolean(in->is_tried));
	json_object_set_new(o, "untried", text(in, in->untried));
	json_object_set_new(o, "ok", in->is_tried ? json_boolean(!in->failure) : json_null());
	json_object_set_new(o, "error", lines(in, in->failure));
	return o;
}

#define LIST(root, key, list, n, one)                                                              \
	do {                                                                                       \
		json_t *all = json_array();                                                        \
		for (size_t i = 0; i < (n); i++)                                                   \
			json_array_append_new(all, one(in, &(list)[i]));                           \
		json_object_set_new(root, key, all);                                               \
	} while (0)

static json_t *programs_json(const struct inspection *in)
{
	json_t *all = json_array();

	for (size_t i = 0; i < in->image->n_programs; i++)
		if (inspect_shows(in, in->image->programs[i].name))
			json_array_append_new(all, program_json(in, &in->image->programs[i]));
	return all;
}

void inspect_print_json(const struct inspection *in)
{
	const struct elf_image *m = in->image;
	json_t *root = json_object();

	json_object_set_new(root, "path", text(in, m->path));
	json_object_set_new(root, "sha256", text(in, m->sha256));
	put(root, "size", m->file_size);
	json_object_set_new(root, "producer", text(in, m->producer));
	json_object_set_new(root, "license", text(in, m->license));
	json_object_set_new(root, "btf", json_boolean(m->btf != NULL));
	LIST(root, "changes", m->changes, m->n_changes, change_json);
	LIST(root, "sections", m->sections, m->n_sections, section_json);
	json_object_set_new(root, "programs", programs_json(in));
	LIST(root, "maps", m->maps, m->n_maps, map_json);
	LIST(root, "variables", m->variables, m->n_variables, variable_json);
	LIST(root, "tail_calls", m->slots, m->n_slots, slot_json);
	json_object_set_new(root, "load", load_json(in));
	json_dumpf(root, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(root);
}
