/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/kernels/lines.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* File, as the offset of its name, and line and column as the kernel has them. */
static uint64_t line_key(const struct bpf_line_info *l)
{
	return (uint64_t)l->file_name_off << 32 | l->line_col;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted; freed by the caller. NULL: none is told. */
static uint64_t *lines_of(const struct bpf_program *p, size_t *n)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	struct bpf_line_info *all;
	uint64_t *keys;

	if (bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size) || !info.nr_line_info)
		return NULL;
	*n = info.nr_line_info;
	all = calloc(*n, sizeof(*all));
	info = (struct bpf_prog_info){ .nr_line_info = (uint32_t)*n,
				       .line_info_rec_size = sizeof(*all),
				       .line_info = (uintptr_t)all };
	keys = calloc(*n, sizeof(*keys));
	if (bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size)) {
		free(keys);
		keys = NULL;
	} else {
		for (size_t i = 0; i < *n; i++)
			keys[i] = line_key(&all[i]);
		qsort(keys, *n, sizeof(*keys), by_value);
	}
	free(all);
	return keys;
}

bool lines_write(FILE *to, struct bpf_object *obj, const char *label)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj)
	{
		size_t n = 0;
		uint64_t *keys = lines_of(p, &n);

		if (!keys)
			return false;
		fprintf(to, "%s/%s\t", label, bpf_program__name(p));
		for (size_t i = 0; i < n; i++)
			if (!i || keys[i] != keys[i - 1])
				fprintf(to, " %llx", (unsigned long long)keys[i]);
		fputc('\n', to);
		free(keys);
	}
	return true;
}

/* The row's keys, NULL if there is none; freed by the caller with *row. */
static char *find_row(FILE *from, char **row, const char *name)
{
	size_t room = 0, len = strlen(name);

	while (getline(row, &room, from) > 0)
		if (strncmp(*row, name, len) == 0 && (*row)[len] == '\t')
			return *row + len + 1;
	return NULL;
}

/* Rightly gone: what a program of IPv4 passes says so to every verifier that looks. */
static const struct {
	const char *program, *file;
} dead[] = {
	{ "cil_sock4_post_bind", "lb_lookup.h" },
};

static const char *file_of(const struct bpf_object *obj, uint64_t key)
{
	const char *path = btf__name_by_offset(bpf_object__btf(obj), (uint32_t)(key >> 32));
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_dead(const struct bpf_object *obj, const struct bpf_program *p, uint64_t key)
{
	for (size_t i = 0; i < sizeof(dead) / sizeof(dead[0]); i++)
		if (strcmp(bpf_program__name(p), dead[i].program) == 0 &&
		    strcmp(file_of(obj, key), dead[i].file) == 0)
			return true;
	return false;
}

/* 0: all of the row's lines are among the keys, or dead. */
static uint64_t first_gone(const struct bpf_object *obj, const struct bpf_program *p,
			   const char *row, const uint64_t *keys, size_t n)
{
	uint64_t want;
	size_t i = 0;
	char *end;

	for (; want = strtoull(row, &end, 16), end != row; row = end) {
		while (i < n && keys[i] < want)
			i++;
		if ((i == n || keys[i] != want) && !is_dead(obj, p, want))
			return want;
	}
	return 0;
}

static bool compare_program(FILE *from, const struct bpf_object *obj, const struct bpf_program *p,
			    const char *label, char why[256])
{
	char name[192], *row = NULL, *at;
	uint64_t *keys, gone;
	size_t n = 0;

	snprintf(name, sizeof(name), "%s/%s", label, bpf_program__name(p));
	at = find_row(from, &row, name);
	keys = lines_of(p, &n);
	if (!at || !keys) {
		snprintf(why, 256, "%s: its lines are not known", bpf_program__name(p));
		gone = 1;
	} else {
		gone = first_gone(obj, p, at, keys, n);
		if (gone)
			snprintf(why, 256, "%s: the verifier has removed %s:%llu for dead code",
				 bpf_program__name(p), file_of(obj, gone),
				 (unsigned long long)(gone & UINT32_MAX) >> 10);
	}
	free(keys);
	free(row);
	return !gone;
}

bool lines_compare(FILE *from, struct bpf_object *obj, const char *label, char why[256])
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj)
	{
		if (!compare_program(from, obj, p, label, why))
			return false;
	}
	return true;
}
