/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict inspect` for people: lines of 80 columns. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/inspect.h"

#define FACT_COLUMN 11
#define INDENT	    6

static void fact(const char *what, const char *text)
{
	printf("  %-*s", FACT_COLUMN - 2, what);
	cmd_print_wrapped(stdout, text, FACT_COLUMN, FACT_COLUMN);
}

static void detail(const struct inspection *in, const char *text)
{
	printf("%*s", INDENT, "");
	cmd_print_wrapped(stdout, inspect_clean(in->arena, text), INDENT, INDENT + 2);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_changes(const struct inspection *in)
{
	const struct elf_image *m = in->image;

	if (!m->n_changes) {
		fact("changes", "none: taken as it is");
		return;
	}
	fact("changes", arena_printf(in->arena, "%zu, in memory only:", m->n_changes));
	for (size_t i = 0; i < m->n_changes; i++) {
		const struct elf_change *c = &m->changes[i];

		detail(in, arena_printf(in->arena, "%s %s: %s, now %s", c->what, c->where, c->was,
					c->is));
	}
}

static void print_head(const struct inspection *in)
{
	const struct elf_image *m = in->image;
	const char *producer = inspect_clean(in->arena, m->producer);
	const char *license = inspect_clean(in->arena, m->license);

	puts(inspect_clean(in->arena, m->path));
	fact("size",
	     arena_printf(in->arena, "%zu bytes%s", m->file_size, m->btf ? "" : ", no BTF"));
	fact("SHA-256", m->sha256);
	fact("producer", producer ? producer : "not known: no debug information");
	fact("license", license ? license : "none");
	print_changes(in);
	fact("loads", !in->is_tried ? arena_printf(in->arena, "not tried: %s", in->untried)
		      : in->failure ? "no: see the error"
				    : "yes");
}

static void print_figures(const struct inspection *in, const struct figures *f)
{
	struct arena *a = in->arena;

	if (!f->is_loaded) {
		detail(in, "not loaded: its section's name begins with '?'");
		return;
	}
	if (f->has_stats)
		detail(in,
		       arena_printf(a,
				    "verifier: %" PRIu64 " instruction%s processed in %" PRIu64
				    ".%03u ms, states %" PRIu64 " peak, %" PRIu64 " total",
				    f->processed, plural(f->processed), f->usec / 1000,
				    (unsigned)(f->usec % 1000), f->peak_states, f->total_states));
	detail(in, arena_printf(a, "stack %s bytes, xlated %u bytes, jited %u bytes",
				f->stack ? f->stack : "of unknown", f->xlated, f->jited));
}

static void print_program(const struct inspection *in, const struct elf_program *p)
{
	const struct figures *f = inspect_figures(in, p->name);
	__cleanup_buf struct buf text = BUF_INIT;

	buf_printf(&text, "%s: ", p->name);
	if (p->is_entry)
		buf_printf(&text, "%s, section %s, ", inspect_program_type(in->arena, p->prog_type),
			   p->section);
	else
		buf_puts(&text, "subprogram, ");
	buf_printf(&text, "%u instruction%s", p->insns, plural(p->insns));
	fputs("  ", stdout);
	cmd_print_wrapped(stdout, inspect_clean(in->arena, buf_str(&text)), 2, INDENT);
	buf_reset(&text);
	for (size_t i = 0; i < p->n_helpers; i++)
		buf_printf(&text, "%s%s",
			   i ? ", " : "helpers: ", inspect_helper(in->arena, p->helpers[i]));
	if (text.len)
		detail(in, buf_str(&text));
	if (f)
		print_figures(in, f);
}

static void print_programs(const struct inspection *in)
{
	puts("\nPrograms:");
	for (size_t i = 0; i < in->image->n_programs; i++)
		if (inspect_shows(in, in->image->programs[i].name))
			print_program(in, &in->image->programs[i]);
}

/* "struct key (8 bytes)" */
static const char *typed_size(const struct inspection *in, uint32_t type, uint32_t size)
{
	const char *name = inspect_type_name(in->arena, in->image->btf, type);

	return name ? arena_printf(in->arena, "%s (%u bytes)", name, size)
		    : arena_printf(in->arena, "%u bytes", size);
}

static void print_map(const struct inspection *in, const struct elf_map *m)
{
	struct arena *a = in->arena;

	fputs("  ", stdout);
	cmd_print_wrapped(
		stdout,
		inspect_clean(
			a, arena_printf(a, "%s: %s, %u entr%s%s%s%s", m->name,
					inspect_map_type(a, m->type), m->max_entries,
					m->max_entries == 1 ? "y" : "ies",
					m->flags ? arena_printf(a, ", flags 0x%x", m->flags) : "",
					m->pinning ? ", pinning " : "",
					m->pinning ? inspect_pinning(a, m->pinning) : "")),
		2, INDENT);
	if (m->key_size || m->value_size)
		detail(in,
		       arena_printf(a, "key %s, value %s", typed_size(in, m->key_type, m->key_size),
				    typed_size(in, m->value_type, m->value_size)));
	if (m->inner)
		detail(in,
		       arena_printf(a, "of %s, %u entries, key %s, value %s",
				    inspect_map_type(a, m->inner->type), m->inner->max_entries,
				    typed_size(in, m->inner->key_type, m->inner->key_size),
				    typed_size(in, m->inner->value_type, m->inner->value_size)));
}

static void print_maps(const struct inspection *in)
{
	if (!in->image->n_maps)
		return;
	puts("\nMaps:");
	for (size_t i = 0; i < in->image->n_maps; i++)
		print_map(in, &in->image->maps[i]);
}

static void print_variable(const struct inspection *in, const struct elf_variable *v)
{
	const char *type = inspect_type_name(in->arena, in->image->btf, v->type);
	const char *value = inspect_default(in, v);

	fputs("  ", stdout);
	cmd_print_wrapped(
		stdout,
		inspect_clean(in->arena,
			      arena_printf(in->arena, "%s = %s (%s%s%u byte%s, %s)", v->name,
					   value ? value : "...", type ? type : "",
					   type ? ", " : "", v->size, plural(v->size), v->section)),
		2, INDENT);
	for (size_t i = 0; i < v->n_tags; i++)
		detail(in, v->tags[i]);
}

static void print_variables(const struct inspection *in, bool constants, const char *title)
{
	bool any = false;

	for (size_t i = 0; i < in->image->n_variables; i++) {
		const struct elf_variable *v = &in->image->variables[i];

		if (inspect_is_constant(v) != constants)
			continue;
		if (!any)
			printf("\n%s:\n", title);
		any = true;
		print_variable(in, v);
	}
}

static void print_slots(const struct inspection *in)
{
	struct arena *a = in->arena;

	if (!in->image->n_slots)
		return;
	puts("\nTail calls:");
	for (size_t i = 0; i < in->image->n_slots; i++) {
		const struct elf_tail_slot *s = &in->image->slots[i];

		fputs("  ", stdout);
		cmd_print_wrapped(stdout,
				  inspect_clean(a, arena_printf(a, "%s[%u]: %s (by %s)", s->map,
								s->index, s->program, s->how)),
				  2, INDENT);
	}
}

void inspect_print_text(const struct inspection *in)
{
	print_head(in);
	print_programs(in);
	if (in->program)
		return;
	print_maps(in);
	print_variables(in, true, "Constants, set before loading");
	print_variables(in, false, "Variables");
	print_slots(in);
}
