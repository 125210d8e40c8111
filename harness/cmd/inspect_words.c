/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words `verdict inspect` has for what is in an object. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <jansson.h>
#include <string.h>

#include "cmd/inspect.h"
#include "target/typed.h"

#define DEPTH_MAX   16
#define DEFAULT_MAX 256 /* bytes; larger ones are tables */

const char *inspect_clean(struct arena *a, const char *text)
{
	char *out = arena_strdup(a, text);
	json_t *is_utf8 = out ? json_string(out) : NULL;

	for (char *c = out; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || ((*c & 0x80) && !is_utf8))
			*c = '?';
	json_decref(is_utf8);
	return out;
}

static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(btf, t->name_off);

	return name && *name ? name : "(anonymous)";
}

static const char *type_name(struct arena *a, const struct btf *btf, uint32_t id, int depth)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	if (!id || !t || depth > DEPTH_MAX)
		return id && depth > DEPTH_MAX ? "?" : "void";
	switch (btf_kind(t)) {
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return type_name(a, btf, t->type, depth + 1);
	case BTF_KIND_PTR:
		return arena_printf(a, "%s *", type_name(a, btf, t->type, depth + 1));
	case BTF_KIND_ARRAY:
		return arena_printf(a, "%s[%u]", type_name(a, btf, btf_array(t)->type, depth + 1),
				    btf_array(t)->nelems);
	case BTF_KIND_STRUCT:
		return arena_printf(a, "struct %s", name_of(btf, t));
	case BTF_KIND_UNION:
		return arena_printf(a, "union %s", name_of(btf, t));
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return arena_printf(a, "enum %s", name_of(btf, t));
	case BTF_KIND_FWD:
		return arena_printf(a, "%s %s", btf_kflag(t) ? "union" : "struct", name_of(btf, t));
	default:
		return name_of(btf, t);
	}
}

const char *inspect_type_name(struct arena *a, const struct btf *btf, uint32_t id)
{
	return btf && id ? inspect_clean(a, type_name(a, btf, id, 0)) : NULL;
}

const char *inspect_map_type(struct arena *a, uint32_t type)
{
	const char *name = libbpf_bpf_map_type_str(type);

	return name ? name : arena_printf(a, "type %u", type);
}

const char *inspect_program_type(struct arena *a, unsigned type)
{
	const char *name = type ? libbpf_bpf_prog_type_str(type) : "unknown";

	return name ? name : arena_printf(a, "type %u", type);
}

const char *inspect_pinning(struct arena *a, uint32_t pinning)
{
	switch (pinning) {
	case 0:
		return "none";
	case 1:
		return "by name";
	default:
		return arena_printf(a, "%u", pinning);
	}
}

const char *inspect_helper(struct arena *a, int id)
{
	const char *name = elf_helper_name(id);

	return name ? name : arena_printf(a, "helper %d", id);
}

const char *inspect_default(const struct inspection *in, const struct elf_variable *v)
{
	__cleanup_buf struct buf text = BUF_INIT;
	const struct btf *btf = in->image->btf;
	const void *data = v->initial;
	uint32_t type = v->type;

	if (v->size > DEFAULT_MAX)
		return NULL;
	if (!data)
		data = arena_alloc(in->arena, v->size);
	if (!btf || btf__resolve_size(btf, type) != (int64_t)v->size)
		type = 0;
	value_print(&text, typed_decode(in->arena, btf, type, data, v->size));
	return inspect_clean(in->arena, buf_str(&text));
}

bool inspect_is_constant(const struct elf_variable *v)
{
	return strncmp(v->section, ".rodata", 7) == 0;
}

bool inspect_shows(const struct inspection *in, const char *program)
{
	return !in->program || strcmp(in->program, program) == 0;
}

const struct figures *inspect_figures(const struct inspection *in, const char *program)
{
	for (size_t i = 0; i < in->n_figures; i++)
		if (strcmp(in->figures[i].program, program) == 0)
			return &in->figures[i];
	return NULL;
}
