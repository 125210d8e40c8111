/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For the tests of ELF normalisation: an image of a source, loaded into the kernel, run. */
#ifndef VERDICT_TESTS_ELF_SOURCE_H
#define VERDICT_TESTS_ELF_SOURCE_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>

#include "bpf_source.h"
#include "own_arena.h"
#include "target/elf.h"

static inline int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static inline struct elf_image *image_of(const char *path)
{
	struct elf_image *image = NULL;

	cr_assert_eq(elf_load(path, NULL, &image, err), 0, "%s", err->text);
	return image;
}

static inline struct elf_image *image_from(const char *name, const char *source)
{
	return image_of(compile_bpf(arena, name, source));
}

/* Opened by libbpf and given its types; not loaded. */
static inline struct bpf_object *opened(const struct elf_image *image)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "image",
		    .pin_root_path = SANDBOX_BPFFS "/elf");
	struct bpf_object *obj = bpf_object__open_mem(image->data, image->size, &opts);

	cr_assert(obj, "%s: libbpf does not take the image", image->path);
	cr_assert_eq(elf_apply(image, obj, err), 0, "%s", err->text);
	return obj;
}

static inline struct bpf_object *loaded(const struct elf_image *image)
{
	struct bpf_object *obj = opened(image);

	cr_assert_eq(file_mkdir_p(SANDBOX_BPFFS "/elf", err), 0, "%s", err->text);
	cr_assert_eq(bpf_object__load(obj), 0, "%s: the kernel does not take it", image->path);
	return obj;
}

/* Big enough for a test; as shipped the preallocated ones take gigabytes. */
#define SMALL 4096

static inline void load_small(const struct elf_image *image)
{
	struct bpf_object *obj = opened(image);
	struct bpf_map *map;

	cr_assert_eq(file_mkdir_p(SANDBOX_BPFFS "/elf", err), 0, "%s", err->text);
	bpf_object__for_each_map(map, obj)
	{
		if (bpf_map__max_entries(map) > SMALL)
			bpf_map__set_max_entries(map, SMALL);
	}
	cr_expect_eq(bpf_object__load(obj), 0, "%s: the kernel does not take it", image->path);
	bpf_object__close(obj);
}

/* What a program returns for a packet of zeros. */
static inline unsigned run(const struct bpf_object *obj, const char *program)
{
	unsigned char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	const struct bpf_program *prog = bpf_object__find_program_by_name(obj, program);

	cr_assert(prog, "no program %s", program);
	cr_assert_eq(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	return opts.retval;
}

static inline const struct elf_map *map_of(const struct elf_image *image, const char *name)
{
	for (size_t i = 0; i < image->n_maps; i++)
		if (strcmp(image->maps[i].name, name) == 0)
			return &image->maps[i];
	cr_assert_fail("no map %s", name);
	return NULL;
}

static inline const struct elf_program *program_of(const struct elf_image *image, const char *name)
{
	for (size_t i = 0; i < image->n_programs; i++)
		if (strcmp(image->programs[i].name, name) == 0)
			return &image->programs[i];
	cr_assert_fail("no program %s", name);
	return NULL;
}

static inline const struct elf_change *change_of(const struct elf_image *image, const char *what,
						 const char *where)
{
	for (size_t i = 0; i < image->n_changes; i++)
		if (!strcmp(image->changes[i].what, what) &&
		    !strcmp(image->changes[i].where, where))
			return &image->changes[i];
	return NULL;
}

static inline void refused(const char *path, const char *because)
{
	struct elf_image *image = NULL;

	err_clear(err);
	cr_expect_lt(elf_load(path, NULL, &image, err), 0, "%s is taken", path);
	cr_expect_eq(err->kind, ERR_INPUT, "%s: %s", path, err->text);
	cr_expect(strstr(err->text, path) && strstr(err->text, because), "%s", err->text);
	elf_free(image);
}

#endif
