// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps defined as loaders of old had them: bpf_map_def, iproute2's bpf_elf_map, gobpf's sections. What was
 * converted is loaded and run.
 */
#include "elf_source.h"

TestSuite(elf_legacy, .init = set_up, .fini = tear_down);

#define TAIL_CALL "static long (*tail_call)(void *, void *, __u32) = (void *)12;\n"

#define CALLS                                                                                      \
	"struct { __uint(type, 3); __uint(max_entries, 8); __uint(key_size, 4);\n"                 \
	"	__uint(value_size, 4); } calls SEC(\".maps\");\n"

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

Test(elf_legacy, old_map_definitions_work_with_btf)
{
	NEEDS_ROOT();
	counts("-g");
}

Test(elf_legacy, old_map_definitions_work_without_btf)
{
	NEEDS_ROOT();
	counts("-g0");
}

Test(elf_legacy, annotated_old_maps_have_types)
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

Test(elf_legacy, iproute2_maps_and_slots_are_understood)
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

Test(elf_legacy, iproute2_maps_of_maps_begin_with_their_inner_maps)
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

Test(elf_legacy, gobpfs_section_a_map_is_understood)
{
	NEEDS_ROOT();
	counts_gobpf("-g0");
	counts_gobpf("-g");
}

Test(elf_legacy, old_maps_that_cannot_be_converted_are_named)
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
