/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What type of program a section holds: from its name as libbpf reads it, or as older loaders did,
 * from what its programs take as argument, or from the user.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/elf_internal.h"

/* Of other loaders: iproute2's examples and its default for XDP, Cilium before 1.16, newer libbpf. */
static const struct {
	const char *name; /* the section's first word */
	const char *like; /* a name libbpf knows */
} legacy_names[] = {
	{ "tcx", "tc" },	  { "netkit", "tc" },
	{ "ingress", "tc" },	  { "egress", "tc" },
	{ "cls", "classifier" },  { "act", "action" },
	{ "prog", "xdp" },	  { "from-netdev", "tc" },
	{ "to-netdev", "tc" },	  { "from-container", "tc" },
	{ "to-container", "tc" }, { "from-host", "tc" },
	{ "to-host", "tc" },	  { "from-overlay", "tc" },
	{ "to-overlay", "tc" },	  { "from-network", "tc" },
	{ "to-wireguard", "tc" }, { "from-wireguard", "tc" },
};

/* Arguments that tell type and hook; where a type has several hooks, the section has to say. */
static const struct {
	const char *context; /* struct name */
	const char *like;
} contexts[] = {
	{ "__sk_buff", "tc" },
	{ "xdp_md", "xdp" },
	{ "bpf_sock_ops", "sockops" },
	{ "sk_msg_md", "sk_msg" },
	{ "sk_reuseport_md", "sk_reuseport" },
	{ "bpf_sk_lookup", "sk_lookup" },
	{ "bpf_sysctl", "cgroup/sysctl" },
};

#define N(table) (sizeof(table) / sizeof((table)[0]))

static bool libbpf_knows(const char *name, struct elf_section *out)
{
	enum bpf_attach_type attach;
	enum bpf_prog_type type;

	if (libbpf_prog_type_by_name(name, &type, &attach) || type == BPF_PROG_TYPE_UNSPEC)
		return false;
	out->prog_type = type;
	out->attach_type = attach;
	return true;
}

static void decide(struct arena *a, struct elf_section *s, enum elf_how how, const char *like)
{
	s->how = how;
	s->why = arena_printf(a, "like %s", like);
}

static bool is_word_end(char c)
{
	return !c || strchr("/_-.0123456789", c);
}

/* "tc/entry", "xdp_filter", "classifier/ingress": the longest beginning that libbpf knows. */
static bool by_beginning(struct arena *a, struct elf_section *s)
{
	for (size_t len = strlen(s->name); len >= 2; len--) {
		char *head = arena_strndup(a, s->name, len);

		if (is_word_end(s->name[len]) && libbpf_knows(head, s)) {
			decide(a, s, ELF_BY_NAME, head);
			return true;
		}
	}
	return false;
}

static bool by_legacy_name(struct arena *a, struct elf_section *s)
{
	for (size_t i = 0; i < N(legacy_names); i++) {
		size_t len = strlen(legacy_names[i].name);

		if (strncmp(s->name, legacy_names[i].name, len) == 0 &&
		    (!s->name[len] || s->name[len] == '/') &&
		    libbpf_knows(legacy_names[i].like, s)) {
			decide(a, s, ELF_BY_NAME, legacy_names[i].like);
			return true;
		}
	}
	return false;
}

static const struct btf_type *skip_modifiers(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (unsigned depth = 0; t && depth < 32; depth++) {
		if (!btf_is_mod(t) && !btf_is_typedef(t))
			return t;
		t = btf__type_by_id(btf, t->type);
	}
	return NULL;
}

/* The struct that a function's first argument points to; NULL if it is void or something else. */
static const char *context_of(const struct btf *btf, const char *function)
{
	int id = btf ? btf__find_by_name_kind(btf, function, BTF_KIND_FUNC) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	t = t ? skip_modifiers(btf, t->type) : NULL;
	if (!t || !btf_is_func_proto(t) || btf_vlen(t) < 1)
		return NULL;
	t = skip_modifiers(btf, btf_params(t)[0].type);
	t = t && btf_is_ptr(t) ? skip_modifiers(btf, t->type) : NULL;
	return t && (btf_is_struct(t) || btf_is_fwd(t)) ? btf__name_by_offset(btf, t->name_off)
							: NULL;
}

static const char *context_in(const struct elf_work *w, size_t sec)
{
	for (size_t i = 1; i < w->n_syms; i++) {
		const Elf64_Sym *sym = &w->syms[i];
		const char *c;

		if (sym->st_shndx != sec || !elf_is_function(w, sym))
			continue;
		c = context_of(w->image->btf, elf_sym_name(w, sym));
		if (c && *c)
			return c;
	}
	return NULL;
}

static bool by_context(struct arena *a, struct elf_section *s, const char *context)
{
	for (size_t i = 0; context && i < N(contexts); i++) {
		if (strcmp(contexts[i].context, context) != 0 || !libbpf_knows(contexts[i].like, s))
			continue;
		s->how = ELF_BY_CONTEXT;
		s->why = arena_printf(a, "like %s: its argument is a struct %s", contexts[i].like,
				      context);
		return true;
	}
	return false;
}

/* A name that means tc in one object means XDP in another ("from-netdev"). */
static bool contradicts(const struct elf_section *s, const char *context)
{
	if (!context)
		return false;
	return (s->prog_type == BPF_PROG_TYPE_XDP && !strcmp(context, "__sk_buff")) ||
	       (s->prog_type != BPF_PROG_TYPE_XDP && !strcmp(context, "xdp_md"));
}

/* iproute2's "<map id>/<slot>", decimal or 0x hex. */
bool elf_parse_slot_name(const char *name, uint32_t *map_id, uint32_t *slot)
{
	unsigned long id, index;
	char *end;

	if (*name < '0' || *name > '9')
		return false;
	id = strtoul(name, &end, 0);
	if (*end != '/' || end[1] < '0' || end[1] > '9')
		return false;
	index = strtoul(end + 1, &end, 0);
	if (*end || id > UINT32_MAX || index > UINT32_MAX)
		return false;
	*map_id = (uint32_t)id;
	*slot = (uint32_t)index;
	return true;
}

/* libbpf's names are lower case, as are those of types: "sched_cls" for BPF_PROG_TYPE_SCHED_CLS. */
static bool type_by_name(const char *name, struct elf_section *out)
{
	if (libbpf_knows(name, out))
		return true;
	for (unsigned type = 1;; type++) {
		const char *known = libbpf_bpf_prog_type_str((enum bpf_prog_type)type);

		if (!known)
			return false;
		if (strcmp(known, name) == 0) {
			out->prog_type = type;
			out->attach_type = 0;
			return true;
		}
	}
}

static int by_override(const struct elf_work *w, struct elf_section *s, struct err *err)
{
	for (size_t i = 0; i < w->opts->n_types; i++) {
		const struct elf_type_override *o = &w->opts->types[i];

		if (strcmp(o->section, s->name) != 0)
			continue;
		if (!type_by_name(o->type, s)) {
			err_input(err, NULL, "there is no program type \"%s\" (for section %s)",
				  o->type, s->name);
			return err_hint(err, "a section name that libbpf knows (tc, xdp, "
					     "cgroup/connect4), or a type (sched_cls)");
		}
		s->how = ELF_OVERRIDE;
		s->why = "as told";
	}
	return 0;
}

static int find_type(const struct elf_work *w, size_t sec, struct elf_section *s, struct err *err)
{
	const char *context;
	int ret = by_override(w, s, err);

	if (ret || s->how != ELF_UNKNOWN)
		return ret;
	if (libbpf_knows(s->name, s)) {
		s->how = ELF_LIBBPF;
		s->why = "by its name";
		return 0;
	}
	context = context_in(w, sec);
	if (!by_beginning(w->arena, s))
		by_legacy_name(w->arena, s);
	if (s->how == ELF_UNKNOWN || contradicts(s, context))
		by_context(w->arena, s, context);
	if (s->how == ELF_UNKNOWN)
		s->why = context ? arena_printf(w->arena, "its argument is a struct %s", context)
				 : "its name says nothing";
	return 0;
}

/* Tail-call sections of iproute2 objects go by the first section whose type is known. */
static void by_others(struct elf_work *w)
{
	struct elf_image *m = w->image;
	struct elf_section like = { .name = "tc" };
	uint32_t id, slot;

	libbpf_knows("tc", &like);
	for (size_t i = m->n_sections; i-- > 0;)
		if (m->sections[i].how != ELF_UNKNOWN)
			like = m->sections[i];
	for (size_t i = 0; i < m->n_sections; i++) {
		struct elf_section *s = &m->sections[i];

		if (s->how != ELF_UNKNOWN || !elf_parse_slot_name(s->name, &id, &slot))
			continue;
		s->prog_type = like.prog_type;
		s->attach_type = like.attach_type;
		s->how = ELF_BY_OTHERS;
		s->why = arena_printf(w->arena, "a tail-call slot, like %s", like.name);
	}
}

static bool holds_entry(const struct elf_work *w, size_t sec)
{
	size_t here = 0, functions = 0;

	for (size_t i = 1; i < w->n_syms; i++) {
		if (!elf_is_function(w, &w->syms[i]))
			continue;
		functions++;
		here += w->syms[i].st_shndx == sec;
	}
	/* libbpf: .text holds subprograms, unless its one function is all there is */
	return here && (sec != w->text || functions == 1);
}

static void note_type(struct elf_work *w, const struct elf_section *s)
{
	const char *type = libbpf_bpf_prog_type_str((enum bpf_prog_type)s->prog_type);

	if (s->how != ELF_LIBBPF && s->how != ELF_UNKNOWN)
		elf_note(w, "program type", s->name, "not said by the section's name",
			 arena_printf(w->arena, "%s (%s)", type ? type : "?", s->why));
}

static int check_overrides(const struct elf_work *w, struct err *err)
{
	for (size_t i = 0; i < w->opts->n_types; i++)
		if (!elf_find_section(w->image, w->opts->types[i].section))
			return err_input(err, NULL, "%s has no section of programs %s",
					 w->image->path, w->opts->types[i].section);
	return 0;
}

int elf_find_types(struct elf_work *w, struct err *err)
{
	struct elf_image *m = w->image;
	int ret = 0;

	for (size_t i = 1; !ret && i < w->n_secs; i++) {
		struct elf_section s = { .name = w->secs[i].name };

		if (!elf_is_program_section(w, i) || !holds_entry(w, i))
			continue;
		if (s.name[0] == '?')
			s.name++;
		ret = find_type(w, i, &s, err);
		m->sections = arena_grow(w->arena, m->sections, m->n_sections, sizeof(s));
		m->sections[m->n_sections++] = s;
	}
	if (ret)
		return ret;
	by_others(w);
	for (size_t i = 0; i < m->n_sections; i++)
		note_type(w, &m->sections[i]);
	return check_overrides(w, err);
}

const struct elf_section *elf_find_section(const struct elf_image *image, const char *name)
{
	for (size_t i = 0; i < image->n_sections; i++)
		if (strcmp(image->sections[i].name, name) == 0)
			return &image->sections[i];
	return NULL;
}

static int apply_one(const struct elf_image *image, struct bpf_program *prog, struct err *err)
{
	const char *name = bpf_program__section_name(prog);
	const struct elf_section *s = elf_find_section(image, name);

	if (!s || s->how == ELF_LIBBPF)
		return 0;
	if (s->how == ELF_UNKNOWN) {
		if (!bpf_program__autoload(prog))
			return 0;
		err_input(err, NULL,
			  "%s: what type of program is %s? Its section %s does not tell (%s)",
			  image->path, bpf_program__name(prog), name, s->why);
		return err_hint(err, "say so: %s=xdp, %s=tc, %s=cgroup/connect4, ...", name, name,
				name);
	}
	bpf_program__set_type(prog, (enum bpf_prog_type)s->prog_type);
	bpf_program__set_expected_attach_type(prog, (enum bpf_attach_type)s->attach_type);
	if (strncmp(name, "xdp.frags", 9) == 0)
		bpf_program__set_flags(prog, bpf_program__flags(prog) | BPF_F_XDP_HAS_FRAGS);
	return 0;
}

int elf_apply(const struct elf_image *image, struct bpf_object *obj, struct err *err)
{
	struct bpf_program *prog;
	int ret = 0;

	bpf_object__for_each_program(prog, obj)
	{
		if (!ret)
			ret = apply_one(image, prog, err);
	}
	return ret;
}
