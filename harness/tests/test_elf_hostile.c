/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that are no object, or damaged ones: refused with a reason, never a crash, and never anything
 * that libbpf would follow out of the file.
 */
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>

#include "elf_source.h"

TestSuite(elf_hostile, .init = set_up, .fini = tear_down);

/* Programs, subprogram, maps with and without pinning, variables, a tag: something of everything. */
#define SOURCE                                                                                     \
	BPF_PRELUDE "struct { __uint(type, 2); __uint(max_entries, 16); __type(key, __u32);\n"     \
		    "	__type(value, __u64[3]); __uint(pinning, 16); } odd SEC(\".maps\");\n"       \
		    "struct { __uint(type, 3); __uint(max_entries, 8); __uint(key_size, 4);\n"     \
		    "	int (*values[])(void *); } calls SEC(\".maps\");\n"                          \
		    "volatile const __u16 limit SEC(\".rodata.config\") = 7;\n"                    \
		    "static __attribute__((noinline)) int sub(__u32 x) { return x * limit; }\n"    \
		    "SEC(\"tc/tail\") __attribute__((btf_decl_tag(\"tail:calls/5\")))\n"           \
		    "static __attribute__((used)) int tail(void *ctx) { return sub(4); }\n"        \
		    "SEC(\"tc\") int prog(void *ctx)\n"                                            \
		    "{ __u32 k = 0; return map_lookup(&odd, &k) ? sub(2) : sub(3); }\n"

#define OLD_SOURCE                                                                                 \
	BPF_PRELUDE "struct def { __u32 type, k, v, max, flags; };\n"                              \
		    "struct def SEC(\"maps\") one = { 1, 4, 4, 3, 0 };\n"                          \
		    "struct def SEC(\"maps\") two = { 2, 4, 8, 3, 0 };\n"                          \
		    "SEC(\"2/7\") int prog(void *ctx)\n"                                           \
		    "{ __u32 k = 0; return map_lookup(&one, &k) ? 1 : !map_lookup(&two, &k); }\n"

#define NESTED_SOURCE                                                                              \
	BPF_PRELUDE "struct def { __u32 type, k, v, max, flags, id, pinning, inner_id, idx; };\n"  \
		    "struct def SEC(\"maps\") in = { 2, 4, 4, 3, 0, 7, 0, 0, 2 };\n"               \
		    "struct def SEC(\"maps\") out = { 12, 4, 4, 3, 0, 0, 0, 7, 0 };\n"             \
		    "SEC(\"classifier\") int prog(void *ctx)\n"                                    \
		    "{ __u32 k = 0; return map_lookup(&out, &k) ? 1 : !map_lookup(&in, &k); }\n"

#define GOBPF_SOURCE                                                                               \
	BPF_PRELUDE "struct def { __u32 type, k, v, max, flags, pinning; };\n"                     \
		    "struct def SEC(\"maps/one\") one = { 1, 4, 4, 3, 0, 0 };\n"                   \
		    "struct def SEC(\"maps/two\") two = { 2, 4, 8, 3, 0, 2 };\n"                   \
		    "SEC(\"classifier\") int prog(void *ctx)\n"                                    \
		    "{ __u32 k = 0; return map_lookup(&one, &k) ? 1 : !map_lookup(&two, &k); }\n"

static const char *file_of(const char *name, const void *bytes, size_t size)
{
	const char *path = arena_printf(arena, "%s/%s", test_dir(arena), name);

	cr_assert_eq(file_write(path, bytes, size, err), 0, "%s", err->text);
	return path;
}

static char *bytes_of(const char *path, size_t *size)
{
	char *data;

	cr_assert_eq(file_read(arena, path, &data, size, err), 0, "%s", err->text);
	return data;
}

Test(elf_hostile, what_is_no_object_is_called_by_its_name)
{
	char *core = arena_alloc(arena, 4096);
	Elf64_Ehdr *e = (Elf64_Ehdr *)core;

	NEEDS_ROOT();
	refused("/nonexistent/x.o", "No such file");
	refused(test_dir(arena), "it is a folder");
	refused("/dev/zero", "no regular file");
	refused(file_of("x.a",
			"!<arch>\nx.o/            0           0     0     644     8         `\n",
			68),
		"`ar x` takes its objects out");
	refused(file_of("empty.o", "", 0), "is empty");
	refused(file_of("three.o",
			"\x7f"
			"EL",
			3),
		"no ELF file");
	refused(file_of("head.o",
			"\x7f"
			"ELF\2\1\1",
			7),
		"truncated");
	refused(file_of("text.o", "int main(void) { return 0; }\n", 29), "no ELF file");
	refused("/proc/self/exe", "a program");
	refused(compile_for(arena, "x86_64", "-g", "host", "int x;"), "x86-64");
	refused(compile_for(arena, "bpfeb", "-g", "big", SOURCE), "byte order");
	refused(compile_for(arena, "i386", "-g0", "small", "int x;"), "64-bit");
	memcpy(e->e_ident,
	       "\x7f"
	       "ELF\2\1\1",
	       7);
	e->e_type = ET_CORE;
	e->e_machine = EM_X86_64;
	refused(file_of("core", core, 4096), "a core dump");
}

Test(elf_hostile, a_fifo_does_not_hang_and_a_huge_file_is_not_read)
{
	const char *fifo, *huge;

	NEEDS_ROOT();
	fifo = arena_printf(arena, "%s/fifo", test_dir(arena));
	cr_assert_eq(mkfifo(fifo, 0600), 0);
	refused(fifo, "it is a pipe");
	huge = file_of("huge.o", "x", 1);
	cr_assert_eq(truncate(huge, (off_t)3 << 30), 0);
	refused(huge, "3072 MB");
}

/* Byte 12 of its header is the length of a part. */
Test(elf_hostile, line_information_that_lies_is_named)
{
	const Elf64_Shdr *s;
	const Elf64_Ehdr *e;
	size_t size;
	char *data;

	NEEDS_ROOT();
	data = bytes_of(compile_bpf(arena, "ext", SOURCE), &size);
	e = (const Elf64_Ehdr *)data;
	s = (const Elf64_Shdr *)(data + e->e_shoff);
	for (size_t i = 0; i < e->e_shnum; i++)
		if (!strcmp(data + s[e->e_shstrndx].sh_offset + s[i].sh_name, ".BTF.ext"))
			memset(data + s[i].sh_offset + 12, 0x7f, 4);
	refused(file_of("ext.o", data, size), "line information (.BTF.ext)");
}

Test(elf_hostile, bitcode_and_stripped_objects_are_explained)
{
	const char *path, *argv[] = { "llvm-strip", "--strip-all", NULL, NULL };

	NEEDS_ROOT();
	refused(file_of("x.bc", "BC\xC0\xDE....", 8), "bitcode");
	path = compile_bpf(arena, "stripped", SOURCE);
	if (!tool_exists("llvm-strip"))
		cr_skip_test("needs llvm-strip");
	argv[2] = path;
	if (run_tool(argv, -1, NULL, NULL, 10, err))
		return; /* strip itself refuses to break relocations */
	refused(path, "stripped");
}

Test(elf_hostile, a_file_cut_anywhere_is_refused, .timeout = 60)
{
	size_t size;
	char *data;

	NEEDS_ROOT();
	data = bytes_of(compile_bpf(arena, "whole", SOURCE), &size);
	for (size_t cut = 1; cut < size; cut++) {
		struct arena *mine = arena;

		arena = arena_new();
		refused(file_of("cut.o", data, cut), cut < 64 ? "" : "damaged");
		arena_free(arena);
		arena = mine;
	}
}

/* Overwrites 8 bytes of the n-th section header of a type, at an offset of the header. */
static const char *with_header(const char *data, size_t size, uint32_t type, size_t field,
			       uint64_t value, size_t width)
{
	char *copy = arena_memdup(arena, data, size);
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)copy;
	Elf64_Shdr *sh = (Elf64_Shdr *)(copy + e->e_shoff);

	for (unsigned i = 1; i < e->e_shnum; i++) {
		if (sh[i].sh_type != type)
			continue;
		memcpy((char *)&sh[i] + field, &value, width);
		return file_of("lie.o", copy, size);
	}
	cr_assert_fail("no section of type %u", type);
	return NULL;
}

#define LIE(type, field, value)                                                                    \
	refused(with_header(data, size, type, offsetof(Elf64_Shdr, field), value,                  \
			    sizeof(((Elf64_Shdr *)0)->field)),                                     \
		"damaged")

Test(elf_hostile, section_headers_that_lie_are_found_out)
{
	size_t size;
	char *data;

	NEEDS_ROOT();
	data = bytes_of(compile_bpf(arena, "whole", SOURCE), &size);
	LIE(SHT_PROGBITS, sh_offset, size);
	LIE(SHT_PROGBITS, sh_offset, UINT64_MAX - 4);
	LIE(SHT_PROGBITS, sh_size, UINT64_MAX);
	LIE(SHT_PROGBITS, sh_size, size);
	LIE(SHT_PROGBITS, sh_addralign, 3);
	LIE(SHT_PROGBITS, sh_name, size);
	LIE(SHT_SYMTAB, sh_link, 0);
	LIE(SHT_SYMTAB, sh_link, 9999);
	LIE(SHT_SYMTAB, sh_entsize, 0);
	LIE(SHT_SYMTAB, sh_size, 25);
	LIE(SHT_SYMTAB, sh_info, 60000);
	LIE(SHT_REL, sh_info, 9999);
	LIE(SHT_REL, sh_link, 1);
	LIE(SHT_REL, sh_entsize, 1);
	LIE(SHT_STRTAB, sh_size, 0);
	LIE(SHT_STRTAB, sh_offset, 1);
}

/* Whatever is taken must be safe to hand to libbpf. */
static void taken_or_refused(const char *path)
{
	struct elf_image *image = NULL;
	struct bpf_object *obj;

	err_clear(err);
	if (elf_load(path, NULL, &image, err)) {
		cr_assert_eq(err->kind, ERR_INPUT, "%s", err->text);
		return;
	}
	obj = bpf_object__open_mem(image->data, image->size, NULL);
	if (obj && elf_apply(image, obj, err))
		cr_assert_eq(err->kind, ERR_INPUT, "%s", err->text);
	bpf_object__close(obj);
	elf_free(image);
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Bytes, or whole words of values that overflow something, anywhere in [from, size). */
static void damage(char *data, size_t from, size_t size, uint32_t *state)
{
	static const uint32_t nasty[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfff8, 256 };

	for (unsigned n = next(state) % 3 + 1; n > 0; n--) {
		size_t at = from + next(state) % (size - from);

		if (next(state) % 2)
			data[at] = (char)next(state);
		else if (at + 4 <= size)
			memcpy(data + (at & ~(size_t)3), &nasty[next(state) % 7], 4);
	}
}

static void fuzz(const char *debug, const char *name, const char *source, unsigned rounds,
		 uint32_t seed)
{
	struct arena *mine = arena;
	size_t size;
	char *data;

	data = bytes_of(compile_for(arena, "bpf", debug, name, source), &size);
	libbpf_set_print(quiet);
	for (unsigned i = 0; i < rounds; i++) {
		char *copy;

		arena = arena_new();
		copy = arena_memdup(arena, data, size);
		/* half of the time the tables at the end, where the damage is worst */
		damage(copy, i % 2 ? size / 2 : 0, size, &seed);
		taken_or_refused(file_of("damaged.o", copy, size));
		arena_free(arena);
		arena = mine;
	}
}

Test(elf_hostile, damaged_objects_are_taken_or_refused, .timeout = 120)
{
	NEEDS_ROOT();
	fuzz("-g", "whole", SOURCE, 4000, 2463534242u);
}

Test(elf_hostile, damaged_objects_of_the_old_kind_are_taken_or_refused, .timeout = 120)
{
	NEEDS_ROOT();
	fuzz("-g", "old", OLD_SOURCE, 3000, 88172645u);
	fuzz("-g0", "old", OLD_SOURCE, 2000, 362436069u);
}

Test(elf_hostile, damaged_maps_of_maps_and_sections_a_map_are_taken_or_refused, .timeout = 120)
{
	NEEDS_ROOT();
	fuzz("-g", "nested", NESTED_SOURCE, 2000, 521288629u);
	fuzz("-g0", "nested", NESTED_SOURCE, 2000, 88675123u);
	fuzz("-g", "gobpf", GOBPF_SOURCE, 2000, 5783321u);
	fuzz("-g0", "gobpf", GOBPF_SOURCE, 1000, 6615241u);
}
