/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects that libbpf refuses and other loaders take: made loadable in memory, one oddity a test. The
 * kernel is the judge: what was normalised is loaded and run.
 */
#include <errno.h>
#include <gelf.h>
#include <linux/bpf.h>
#include <sys/stat.h>

#include "elf_source.h"
#include "target/sha256.h"

TestSuite(elf, .init = set_up, .fini = tear_down);

#define TAIL_CALL "static long (*tail_call)(void *, void *, __u32) = (void *)12;\n"
#define CALLS                                                                                      \
	"struct { __uint(type, 3); __uint(max_entries, 8); __uint(key_size, 4);\n"                 \
	"	__uint(value_size, 4); } calls SEC(\".maps\");\n"

/* Two static programs and a global one, with maps, so that there is something to relocate. */
#define STATIC_PROGRAMS                                                                            \
	BPF_PRELUDE "struct { __uint(type, 2); __uint(max_entries, 4); __type(key, __u32);\n"      \
		    "	__type(value, __u32); } first SEC(\".maps\"), second SEC(\".maps\");\n"      \
		    "static __attribute__((noinline)) int sub(__u32 x) { return x * 3; }\n"        \
		    "SEC(\"tc\") static int hidden_one(void *ctx)\n"                               \
		    "{ __u32 k = 0, *v = map_lookup(&first, &k); return v ? sub(7 + *v) : 1; }\n"  \
		    "SEC(\"tc\") static int hidden_two(void *ctx)\n"                               \
		    "{ __u32 k = 0, *v = map_lookup(&second, &k); return v ? 22 + *v : 1; }\n"     \
		    "SEC(\"tc\") int open_one(void *ctx)\n"                                        \
		    "{ __u32 k = 1, *v = map_lookup(&second, &k); return v ? sub(*v) : 1; }\n"

Test(elf, static_programs_load_and_run_after_being_bound_global)
{
	struct elf_image *image;
	struct bpf_object *obj;

	NEEDS_ROOT();
	image = image_from("statics", STATIC_PROGRAMS);
	cr_assert(image->is_rewritten);
	obj = loaded(image);
	cr_expect_eq(run(obj, "hidden_one"), 21);
	cr_expect_eq(run(obj, "hidden_two"), 22);
	cr_expect_eq(run(obj, "open_one"), 0);
	cr_expect(program_of(image, "hidden_one")->was_static);
	cr_expect(!program_of(image, "open_one")->was_static);
	cr_expect(!program_of(image, "sub")->is_entry, "it is called, and lies in .text");
	cr_expect(change_of(image, "static program", "hidden_two"));
	cr_expect(!change_of(image, "static program", "sub"));
	bpf_object__close(obj);
	elf_free(image);
}

Test(elf, the_same_object_is_refused_by_libbpf_as_shipped)
{
	const char *path;

	NEEDS_ROOT();
	path = compile_bpf(arena, "statics", STATIC_PROGRAMS);
	libbpf_set_print(quiet);
	cr_expect_null(bpf_object__open_file(path, NULL), "then nothing has to be normalised");
}

/* "SECTION+OFFSET -> SYMBOL" of every relocation, and whether local symbols come first. */
static void describe(struct buf *out, const void *data, size_t size)
{
	Elf *elf = elf_memory((char *)data, size);
	Elf_Scn *scn = NULL, *symtab = NULL;
	GElf_Shdr sh, tab = { 0 };
	GElf_Sym sym;
	size_t names;

	elf_getshdrstrndx(elf, &names);
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB) {
			symtab = scn;
			tab = sh;
		}
	for (size_t i = 0; i < tab.sh_size / tab.sh_entsize; i++) {
		gelf_getsym(elf_getdata(symtab, NULL), (int)i, &sym);
		cr_assert_eq(GELF_ST_BIND(sym.st_info) == STB_LOCAL, i < tab.sh_info,
			     "symbol %zu of %u local ones", i, tab.sh_info);
	}
	while ((scn = elf_nextscn(elf, scn))) {
		gelf_getshdr(scn, &sh);
		for (size_t i = 0; sh.sh_type == SHT_REL && i < sh.sh_size / sh.sh_entsize; i++) {
			GElf_Rel rel;

			gelf_getrel(elf_getdata(scn, NULL), (int)i, &rel);
			gelf_getsym(elf_getdata(symtab, NULL), (int)GELF_R_SYM(rel.r_info), &sym);
			buf_printf(out, "%s+%lx %lx -> %s %u+%lx\n",
				   elf_strptr(elf, names, sh.sh_name), (long)rel.r_offset,
				   (long)GELF_R_TYPE(rel.r_info),
				   elf_strptr(elf, tab.sh_link, sym.st_name), sym.st_shndx,
				   (long)sym.st_value);
		}
	}
	elf_end(elf);
}

Test(elf, symbols_keep_their_order_rules_and_relocations_their_symbols)
{
	__cleanup_buf struct buf before = BUF_INIT;
	__cleanup_buf struct buf after = BUF_INIT;
	struct elf_image *image;
	char *data;
	size_t size;

	NEEDS_ROOT();
	image = image_from("statics", STATIC_PROGRAMS);
	cr_assert_eq(file_read(arena, image->path, &data, &size, err), 0, "%s", err->text);
	elf_version(EV_CURRENT);
	describe(&before, data, size);
	describe(&after, image->data, image->size);
	cr_expect(strstr(buf_str(&before), "-> second"), "nothing to compare");
	cr_expect_str_eq(buf_str(&before), buf_str(&after));
	elf_free(image);
}

/* The linker of libbpf leaves symbols in an order of its own, and static functions of one name. */
Test(elf, a_linked_object_with_two_static_programs_of_one_name_loads)
{
	__cleanup_buf struct buf unused = BUF_INIT;
	struct elf_image *image;
	const char *a, *b, *linked;

	NEEDS_ROOT();
	if (!tool_exists("bpftool"))
		cr_skip_test("needs bpftool");
	a = compile_bpf(arena, "a",
			BPF_PRELUDE "SEC(\"tc\") static int prog(void *c) { return 2; }\n");
	b = compile_bpf(arena, "b",
			"__attribute__((section(\"xdp\"), used)) static int prog(void *c)\n"
			"{ return 1; }\n");
	linked = arena_printf(arena, "%s/linked.o", test_dir(arena));
	cr_assert_eq(run_tool((const char *[]){ "bpftool", "gen", "object", linked, a, b, NULL },
			      -1, NULL, NULL, 10, err),
		     0, "%s", err->text);
	image = image_of(linked);
	elf_version(EV_CURRENT);
	describe(&unused, image->data, image->size);
	bpf_object__close(loaded(image));
	elf_free(image);
}

Test(elf, the_file_is_not_written)
{
	struct elf_image *image;
	struct stat before, after;
	const char *path;
	char *was, *is;
	size_t size;

	NEEDS_ROOT();
	path = compile_bpf(arena, "statics", STATIC_PROGRAMS);
	cr_assert_eq(stat(path, &before), 0);
	cr_assert_eq(file_read(arena, path, &was, &size, err), 0);
	image = image_of(path);
	cr_assert_eq(stat(path, &after), 0);
	cr_assert_eq(file_read(arena, path, &is, NULL, err), 0);
	cr_expect_eq(memcmp(was, is, size), 0);
	cr_expect_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	elf_free(image);
}

Test(elf, a_call_of_a_function_outside_text_is_refused_by_name)
{
	NEEDS_ROOT();
	refused(compile_bpf(arena, "inside",
			    BPF_PRELUDE
			    "SEC(\"tc\") static __attribute__((noinline)) int helper_like(int x)\n"
			    "{ asm volatile(\"\"); return x + 1; }\n"
			    "SEC(\"tc\") int caller(void *ctx) { return helper_like(3); }\n"),
		"caller in section tc calls helper_like");
	refused(compile_bpf(arena, "across",
			    BPF_PRELUDE "SEC(\"tc/x\") __attribute__((noinline)) int other(int x)\n"
					"{ asm volatile(\"\"); return x + 1; }\n"
					"SEC(\"tc\") int caller(void *ctx) { return other(3); }\n"),
		"calls other in section tc/x");
}

/* Clang makes one type of both 16s: what is changed for the pinning must not touch the size. */
Test(elf, unknown_pinning_becomes_none_and_nothing_else_changes)
{
	struct elf_image *image;
	struct bpf_object *obj;

	NEEDS_ROOT();
	image = image_from(
		"pinning", BPF_PRELUDE
		"struct { __uint(type, 2); __uint(max_entries, 16); __type(key, __u32);\n"
		"	__type(value, __u32[16]); __uint(pinning, 16); } odd SEC(\".maps\");\n"
		"struct { __uint(type, 2); __uint(max_entries, 16); __type(key, __u32);\n"
		"	__type(value, __u32); __uint(pinning, 1); } named SEC(\".maps\");\n"
		"SEC(\"tc\") int prog(void *ctx) { __u32 k = 0;\n"
		"	return map_lookup(&odd, &k) && map_lookup(&named, &k) ? 5 : 6; }\n");
	cr_expect_eq(map_of(image, "odd")->pinning, 16);
	cr_expect_str_eq(change_of(image, "pinning", "odd")->was, "16");
	cr_expect_null(change_of(image, "pinning", "named"));
	obj = loaded(image);
	cr_expect_eq(run(obj, "prog"), 5);
	cr_expect_null(bpf_map__pin_path(bpf_object__find_map_by_name(obj, "odd")));
	cr_expect(bpf_map__pin_path(bpf_object__find_map_by_name(obj, "named")));
	cr_expect_eq(bpf_map__max_entries(bpf_object__find_map_by_name(obj, "odd")), 16);
	cr_expect_eq(bpf_map__value_size(bpf_object__find_map_by_name(obj, "odd")), 64);
	bpf_object__close(obj);
	elf_free(image);
}

#define BPF_MAP_DEF                                                                                \
	"struct bpf_map_def { unsigned int type, key_size, value_size, max_entries, map_flags; "   \
	"};\n"
#define COUNTER                                                                                    \
	BPF_PRELUDE BPF_MAP_DEF                                                                    \
		"struct bpf_map_def SEC(\"maps\") unused = { 1, 8, 8, 3, 1 };\n"                   \
		"struct bpf_map_def SEC(\"maps\") counter = { 2, 4, 8, 2, 0 };\n"                  \
		"SEC(\"classifier\") int prog(void *ctx)\n"                                        \
		"{ __u32 k = 1; __u64 *v = map_lookup(&counter, &k); if (!v) return 99;\n"         \
		"  map_lookup(&unused, v); return ++*v; }\n"

static void counts(const char *debug)
{
	struct elf_image *image = image_of(compile_for(arena, "bpf", debug, "counter", COUNTER));
	struct bpf_object *obj = loaded(image);
	const struct elf_map *map = map_of(image, "unused");
	uint32_t key = 1;
	uint64_t value = 0;

	cr_expect_eq(run(obj, "prog"), 1);
	cr_expect_eq(run(obj, "prog"), 2);
	cr_expect_eq(
		bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj, "counter"), &key, &value),
		0);
	cr_expect_eq(value, 2);
	cr_expect(map->is_legacy && map->type == 1 && map->key_size == 8 && map->value_size == 8 &&
		  map->max_entries == 3 && map->flags == 1);
	cr_expect(change_of(image, "map definition", "counter"));
	bpf_object__close(obj);
	elf_free(image);
}

Test(elf, old_map_definitions_work_with_btf)
{
	NEEDS_ROOT();
	counts("-g");
}

Test(elf, old_map_definitions_work_without_btf)
{
	NEEDS_ROOT();
	counts("-g0");
}

Test(elf, annotated_old_maps_have_types)
{
	struct elf_image *image;

	NEEDS_ROOT();
	image = image_from("annotated", BPF_PRELUDE BPF_MAP_DEF
			   "struct value { __u32 a, b; };\n"
			   "struct bpf_map_def SEC(\"maps\") m = { 1, 4, 8, 3, 0 };\n"
			   "struct ____btf_map_m { __u32 key; struct value value; };\n"
			   "struct ____btf_map_m SEC(\".maps.m\") ____btf_map_m = {};\n"
			   "SEC(\"tc\") int prog(void *ctx) { __u32 k = 1;\n"
			   "	return map_lookup(&m, &k) ? 2 : 3; }\n");
	cr_expect_neq(map_of(image, "m")->value_type, 0);
	cr_expect_eq(map_of(image, "m")->value_size, 8);
	bpf_object__close(loaded(image));
	elf_free(image);
}

/* iproute2: struct bpf_elf_map, and programs in "<map id>/<slot>". */
#define IPROUTE2                                                                                   \
	BPF_PRELUDE TAIL_CALL                                                                      \
		"struct bpf_elf_map { __u32 type, size_key, size_value, max_elem, flags, id, "     \
		"pinning,\n"                                                                       \
		"	inner_id, inner_idx; };\n"                                                       \
		"struct bpf_elf_map SEC(\"maps\") jmp = { .type = 3, .id = 0xabc, .size_key = "    \
		"4,\n"                                                                             \
		"	.size_value = 4, .pinning = 1, .max_elem = 9 };\n"                               \
		"struct bpf_elf_map SEC(\"maps\") shared = { .type = 2, .id = 2, .size_key = 4,\n" \
		"	.size_value = 4, .pinning = 2, .max_elem = 1 };\n"                               \
		"SEC(\"0xabc/7\") int target(void *ctx) { __u32 k = 0;\n"                          \
		"	return map_lookup(&shared, &k) ? 70 : 71; }\n"                                   \
		"SEC(\"classifier\") int entry(void *ctx) { tail_call(ctx, &jmp, 7); return 1; "   \
		"}\n"

Test(elf, iproute2_maps_and_slots_are_understood)
{
	struct elf_image *image;
	struct bpf_object *obj;
	int prog;
	uint32_t slot = 7;

	NEEDS_ROOT();
	image = image_of(compile_for(arena, "bpf", "-g0", "iproute2", IPROUTE2));
	cr_assert_eq(image->n_slots, 1);
	cr_expect_str_eq(image->slots[0].program, "target");
	cr_expect_str_eq(image->slots[0].map, "jmp");
	cr_expect_str_eq(image->slots[0].how, "section");
	cr_expect_eq(image->slots[0].index, 7);
	cr_expect_eq(elf_find_section(image, "0xabc/7")->how, ELF_BY_OTHERS);
	cr_expect_eq(map_of(image, "shared")->pinning, 2);
	obj = loaded(image);
	cr_expect(bpf_map__pin_path(bpf_object__find_map_by_name(obj, "shared")));
	cr_expect_null(bpf_map__pin_path(bpf_object__find_map_by_name(obj, "jmp")));
	prog = bpf_program__fd(bpf_object__find_program_by_name(obj, "target"));
	bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "jmp"), &slot, &prog, 0);
	cr_expect_eq(run(obj, "entry"), 70);
	bpf_object__close(obj);
	elf_free(image);
}

#define BPF_ELF_MAP                                                                                \
	"struct bpf_elf_map { __u32 type, size_key, size_value, max_elem, flags, id, pinning,\n"   \
	"	inner_id, inner_idx; };\n"

/* Key 3 holds `in` from the start, `other` has the same id but is in it nowhere. */
#define NESTED                                                                                     \
	BPF_PRELUDE BPF_ELF_MAP                                                                    \
		"struct bpf_elf_map SEC(\"maps\") in = { .type = 2, .size_key = 4, .size_value = " \
		"8,\n"                                                                             \
		"	.max_elem = 5, .id = 77, .inner_idx = 3 };\n"                                    \
		"struct bpf_elf_map SEC(\"maps\") other = { .type = 2, .size_key = 4, "            \
		".size_value =\n"                                                                  \
		"	8, .max_elem = 5, .id = 77, .inner_idx = -1 };\n"                                \
		"struct bpf_elf_map SEC(\"maps\") out = { .type = TYPE, .size_key = 4, "           \
		".size_value =\n"                                                                  \
		"	4, .max_elem = 6, .inner_id = 77 };\n"                                           \
		"SEC(\"classifier\") int prog(void *ctx) { __u32 k = 3, i = 4; __u64 *v;\n"        \
		"	void *m = map_lookup(&out, &k); if (!m) return 98;\n"                            \
		"	v = map_lookup(m, &i); map_lookup(&other, &i); return v ? ++*v : 99; }\n"

static void counts_nested(const char *debug, const char *type)
{
	const char *name = arena_printf(arena, "nested%s%s", debug, type);
	const char *source = arena_printf(arena, "#define TYPE %s\n%s", type, NESTED);
	struct elf_image *image = image_of(compile_for(arena, "bpf", debug, name, source));
	struct bpf_object *obj = loaded(image);
	uint32_t key = 4;
	uint64_t value = 0;

	cr_expect_eq(run(obj, "prog"), 1);
	cr_expect_eq(run(obj, "prog"), 2);
	cr_expect_eq(bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj, "in"), &key, &value),
		     0);
	cr_expect_eq(value, 2);
	cr_assert(map_of(image, "out")->inner);
	cr_expect_eq(map_of(image, "out")->inner->value_size, 8);
	cr_expect_eq(map_of(image, "out")->inner->max_entries, 5);
	bpf_object__close(obj);
	elf_free(image);
}

Test(elf, iproute2_maps_of_maps_begin_with_their_inner_maps)
{
	NEEDS_ROOT();
	counts_nested("-g0", "12");
	counts_nested("-g0", "13");
	counts_nested("-g", "12");
	counts_nested("-g", "13");
}

/* A section a map; pinning and a namespace behind the fields. */
#define GOBPF                                                                                      \
	BPF_PRELUDE                                                                                \
	"struct bpf_map_def { __u32 type, key, value, max, flags, pinning; char ns[256]; };\n"     \
	"struct bpf_map_def SEC(\"maps/first\") first = { 2, 4, 8, 2, 0, 2, \"mine\" };\n"         \
	"struct bpf_map_def SEC(\"maps/second\") second = { 1, 8, 8, 3, 1, 0, \"\" };\n"           \
	"SEC(\"classifier\") int prog(void *ctx)\n"                                                \
	"{ __u32 k = 1; __u64 *v = map_lookup(&first, &k); if (!v) return 99;\n"                   \
	"  map_lookup(&second, v); return ++*v; }\n"

static void counts_gobpf(const char *debug)
{
	const char *name = arena_printf(arena, "gobpf%s", debug);
	struct elf_image *image = image_of(compile_for(arena, "bpf", debug, name, GOBPF));
	struct bpf_object *obj = loaded(image);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	cr_expect_eq(run(obj, "prog"), 1);
	cr_expect_eq(run(obj, "prog"), 2);
	cr_expect(bpf_map__pin_path(bpf_object__find_map_by_name(obj, "first")));
	cr_expect_eq(map_of(image, "second")->key_size, 8);
	cr_expect_str_eq(change_of(image, "map definition", "second")->was,
			 "in the section maps/second");
	/* the kernel took the object's BTF */
	cr_assert_eq(
		bpf_obj_get_info_by_fd(bpf_object__find_map_fd_by_name(obj, "first"), &info, &len),
		0);
	cr_expect(bpf_object__btf_fd(obj) >= 0);
	bpf_map__unpin(bpf_object__find_map_by_name(obj, "first"), NULL);
	bpf_object__close(obj);
	elf_free(image);
}

Test(elf, gobpfs_section_a_map_is_understood)
{
	NEEDS_ROOT();
	counts_gobpf("-g0");
	counts_gobpf("-g");
}

Test(elf, old_maps_that_cannot_be_converted_are_named)
{
	NEEDS_ROOT();
	refused(compile_bpf(
			arena, "beyond",
			BPF_PRELUDE
			"struct def { __u32 type, k, v, max, flags, pinning; char space[8]; };\n"
			"struct def SEC(\"maps\") plain = { 1, 4, 4, 3, 0, 0, \"\" };\n"
			"struct def SEC(\"maps\") spaced = { 1, 4, 4, 3, 0, 0, \"name\" };\n"),
		"spaced has fields beyond");
	refused(compile_bpf(arena, "nested",
			    BPF_PRELUDE BPF_MAP_DEF
			    "struct bpf_map_def SEC(\"maps\") outer = { 13, 4, 4, 3, 0 };\n"),
		"outer is a map of maps, and nothing tells what it holds");
	refused(compile_bpf(
			arena, "far",
			BPF_PRELUDE BPF_ELF_MAP
			"struct bpf_elf_map SEC(\"maps\") in = { 2, 4, 8, 5, 0, 7, 0, 0, 5000 };\n"
			"struct bpf_elf_map SEC(\"maps\") out = { 12, 4, 4, 9999, 0, 0, 0, 7 };\n"),
		"in stands in out from the start under key 5000");
	refused(compile_bpf(arena, "short",
			    BPF_PRELUDE "struct def { __u32 type, k; };\n"
					"struct def SEC(\"maps\") tiny = { 1, 4 };\n"),
		"8 bytes are no 1 definitions");
	refused(compile_bpf(arena, "both",
			    BPF_PRELUDE BPF_MAP_DEF CALLS
			    "struct bpf_map_def SEC(\"maps\") old = { 1, 4, 4, 3, 0 };\n"),
		"has the new kind");
}

Test(elf, an_object_without_btf_and_maps_loads)
{
	struct elf_image *image;
	struct bpf_object *obj;

	NEEDS_ROOT();
	image = image_of(compile_for(arena, "bpf", "-g0", "bare",
				     BPF_PRELUDE "SEC(\"tc\") static int prog(void *ctx)\n"
						 "{ return 33; }\n"));
	cr_expect_null(image->btf);
	cr_expect_null(image->producer);
	obj = loaded(image);
	cr_expect_eq(run(obj, "prog"), 33);
	bpf_object__close(obj);
	elf_free(image);
}

static void expect_type(const struct elf_image *image, const char *section, unsigned type,
			enum elf_how how)
{
	const struct elf_section *s = elf_find_section(image, section);

	cr_assert(s, "no section %s", section);
	cr_expect(s->prog_type == type && s->how == how, "%s: type %u found by %d (%s)", section,
		  s->prog_type, s->how, s->why);
}

static const struct {
	const char *section, *argument;
	unsigned type;
	enum elf_how how;
} sections[] = {
	{ "xdp_ddos", "void *", BPF_PROG_TYPE_XDP, ELF_BY_NAME },
	{ "tc/entry", "void *", BPF_PROG_TYPE_SCHED_CLS, ELF_BY_NAME },
	{ "classifier/x", "void *", BPF_PROG_TYPE_SCHED_CLS, ELF_BY_NAME },
	{ "from-netdev", "void *", BPF_PROG_TYPE_SCHED_CLS, ELF_BY_NAME },
	{ "to-netdev", "struct xdp_md *", BPF_PROG_TYPE_XDP, ELF_BY_CONTEXT },
	{ "mine", "struct __sk_buff *", BPF_PROG_TYPE_SCHED_CLS, ELF_BY_CONTEXT },
	{ "yours", "const struct xdp_md *", BPF_PROG_TYPE_XDP, ELF_BY_CONTEXT },
	{ "2/7", "void *", BPF_PROG_TYPE_XDP, ELF_BY_OTHERS },
	{ "cgroup/connect4/pod", "void *", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, ELF_BY_NAME },
	{ "tcx/ingress", "void *", BPF_PROG_TYPE_SCHED_CLS, ELF_BY_NAME },
	{ "connect", "struct bpf_sock_addr *", BPF_PROG_TYPE_UNSPEC, ELF_UNKNOWN },
	{ "tcp_stuff", "void *", BPF_PROG_TYPE_UNSPEC, ELF_UNKNOWN },
	{ "xdp", "void *", BPF_PROG_TYPE_XDP, ELF_LIBBPF },
};

#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

Test(elf, sections_get_their_type_by_name_context_or_neighbours)
{
	__cleanup_buf struct buf source = BUF_INIT;
	struct elf_image *image;

	NEEDS_ROOT();
	buf_puts(&source, BPF_PRELUDE "struct __sk_buff; struct xdp_md; struct bpf_sock_addr;\n");
	for (size_t i = 0; i < N_SECTIONS; i++)
		buf_printf(&source, "SEC(\"%s\") int prog_%zu(%s ctx) { return 0; }\n",
			   sections[i].section, i, sections[i].argument);
	image = image_from("sections", buf_str(&source));
	for (size_t i = 0; i < N_SECTIONS; i++)
		expect_type(image, sections[i].section, sections[i].type, sections[i].how);
	cr_expect_eq(elf_find_section(image, "cgroup/connect4/pod")->attach_type,
		     BPF_CGROUP_INET4_CONNECT);
	cr_expect(change_of(image, "program type", "2/7"));
	cr_expect_null(change_of(image, "program type", "xdp"));
	cr_expect(!image->is_rewritten, "types are given at the load");
	elf_free(image);
}

#define UNTOLD BPF_PRELUDE "SEC(\"secret\") int prog(void *ctx) { return 0; }\n"

Test(elf, a_section_that_tells_nothing_is_asked_for)
{
	struct elf_image *image;
	struct bpf_object *obj;

	NEEDS_ROOT();
	image = image_from("untold", UNTOLD);
	obj = bpf_object__open_mem(image->data, image->size, NULL);
	cr_assert(obj);
	cr_expect_eq(elf_apply(image, obj, err), -EINVAL);
	cr_expect_eq(err->kind, ERR_INPUT);
	cr_expect(strstr(err->text, "secret=xdp"), "%s", err->text);
	bpf_object__close(obj);
	elf_free(image);
}

Test(elf, the_user_says_what_a_section_holds)
{
	struct elf_type_override secret = { "secret", "xdp" };
	struct elf_opts opts = { &secret, 1 };
	struct elf_image *image = NULL;
	struct bpf_object *obj;
	const char *path;

	NEEDS_ROOT();
	path = compile_bpf(arena, "untold", UNTOLD);
	cr_assert_eq(elf_load(path, &opts, &image, err), 0, "%s", err->text);
	expect_type(image, "secret", BPF_PROG_TYPE_XDP, ELF_OVERRIDE);
	obj = loaded(image);
	cr_expect_eq(run(obj, "prog"), 0);
	bpf_object__close(obj);
	elf_free(image);
	secret.type = "sched_cls";
	cr_assert_eq(elf_load(path, &opts, &image, err), 0, "%s", err->text);
	expect_type(image, "secret", BPF_PROG_TYPE_SCHED_CLS, ELF_OVERRIDE);
	elf_free(image);
	secret.type = "xpd";
	cr_expect_lt(elf_load(path, &opts, &image, err), 0);
	cr_expect(strstr(err->text, "no program type \"xpd\""), "%s", err->text);
	secret = (struct elf_type_override){ "absent", "xdp" };
	err_clear(err);
	cr_expect_lt(elf_load(path, &opts, &image, err), 0);
	cr_expect(strstr(err->text, "no section of programs absent"), "%s", err->text);
}

Test(elf, variables_slots_helpers_and_license_are_told)
{
	struct elf_image *image;
	const struct elf_program *p;

	NEEDS_ROOT();
	image = image_from(
		"summary", BPF_PRELUDE TAIL_CALL
		"__attribute__((btf_decl_tag(\"how many\"))) volatile const __u16 limit\n"
		"	SEC(\".rodata.config\") = 0x1234;\n"
		"__u32 seen[3];\n"
		"SEC(\"tc\") int second(void *ctx) { return limit; }\n"
		"SEC(\"tc\") __attribute__((btf_decl_tag(\"tail:calls/5\"))) int third(void *ctx)\n"
		"{ return 3; }\n"
		"struct { __uint(type, 3); __uint(max_entries, 8); __uint(key_size, 4);\n"
		"	int (*values[])(void *); } calls SEC(\".maps\") =\n"
		"	{ .values = { [2] = (void *)&second } };\n"
		"SEC(\"tc\") int first(void *ctx) { seen[1]++; tail_call(ctx, &calls, 2);\n"
		"	tail_call(ctx, &calls, 5); return 1; }\n");
	cr_expect_str_eq(image->license, "Dual BSD/GPL");
	cr_assert_eq(image->n_variables, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct elf_variable *v = &image->variables[i];

		if (strcmp(v->name, "seen") == 0) {
			cr_expect(!v->initial && v->size == 12 && !strcmp(v->section, ".bss"));
			continue;
		}
		cr_expect_str_eq(v->name, "limit");
		cr_expect_eq(memcmp(v->initial, "\x34\x12", 2), 0);
		cr_expect(v->type && v->size == 2 && v->n_tags == 1);
		cr_expect_str_eq(v->tags[0], "how many");
	}
	cr_assert_eq(image->n_slots, 2);
	cr_expect_str_eq(image->slots[0].program, "third");
	cr_expect_eq(image->slots[0].index, 5);
	cr_expect_str_eq(image->slots[1].program, "second");
	cr_expect_str_eq(image->slots[1].how, "initialiser");
	cr_expect_eq(image->slots[1].index, 2);
	p = program_of(image, "first");
	cr_assert_eq(p->n_helpers, 1);
	cr_expect_str_eq(elf_helper_name(p->helpers[0]), "tail_call");
	cr_expect(!image->is_rewritten);
	elf_free(image);
}

Test(elf, the_report_names_file_and_compiler)
{
	__cleanup_buf struct buf sum = BUF_INIT;
	__cleanup_buf struct buf version = BUF_INIT;
	struct elf_image *image;
	const char *path;

	NEEDS_ROOT();
	path = compile_bpf(arena, "statics", STATIC_PROGRAMS);
	cr_assert_eq(run_tool((const char *[]){ "sha256sum", path, NULL }, -1, NULL, &sum, 10, err),
		     0);
	cr_assert_eq(run_tool((const char *[]){ "clang", "--version", NULL }, -1, NULL, &version,
			      10, err),
		     0);
	image = image_of(path);
	cr_expect_eq(strncmp(image->sha256, buf_str(&sum), 64), 0, "%s", image->sha256);
	cr_assert(image->producer);
	cr_expect(strstr(buf_str(&version), image->producer), "%s", image->producer);
	elf_free(image);
}

/* FIPS 180-4's examples (csrc.nist.gov, "SHA256.pdf"), and the edges of the padding. */
Test(elf, sha256_matches_the_published_vectors)
{
	char hex[65], *million = arena_alloc(arena, 1000000);

	sha256_hex("abc", 3, hex);
	cr_expect_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_hex("", 0, hex);
	cr_expect_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
	cr_expect_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', 1000000);
	sha256_hex(million, 1000000, hex);
	cr_expect_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
