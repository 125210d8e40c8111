/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One object from its file to loaded programs. Its settings: object_config.c. Its pinned maps: object_maps.c. */
#include "target/object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/elf.h"
#include "target/object_internal.h"
#include "target/tailcalls.h"

void object_log(const struct object *o, const char *fmt, ...)
{
	__cleanup_buf struct buf line = BUF_INIT;
	char *text;
	va_list ap;
	int n;

	if (!o->log)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf_printf(&line, "level=%s subsys=bpf", text);
	free(text);
	o->log(o->log_arg, buf_str(&line));
}

/* Why libbpf takes an image for no object, in words. */
static int err_from_open(struct err *err, int no, const char *path, const char *log)
{
	__cleanup_buf struct buf why = BUF_INIT;

	last_warning(log, &why);
	if (no == ENOMEM)
		return err_system(err, no, "opening the object %s", path);
	return err_input(err, NULL, "%s is no BPF object that can be loaded%s%s", path,
			 why.len ? ": " : "", buf_str(&why));
}

/* The name libbpf would give it: global data maps are named after it in the kernel. */
static const char *libbpf_name(const struct object *o)
{
	const char *slash = strrchr(o->path, '/'), *base = slash ? slash + 1 : o->path;

	return arena_strndup(o->arena, base, strcspn(base, "."));
}

/* A slot that libbpf fills, or of an array that other objects' programs call through. */
static bool is_called_elsewhere(const struct bpf_object *bpf, const struct elf_tail_slot *slot)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(bpf, slot->map);

	return !strcmp(slot->how, "initialiser") || !map || bpf_map__pin_path(map);
}

/* Programs that nothing wanted can reach are not loaded. */
static void leave_out_others(const struct object *o, struct bpf_object *bpf)
{
	const struct elf_image *m = o->image;
	size_t n = o->opts.n_only;
	const char **from = arena_alloc(o->arena, (n + m->n_slots + 1) * sizeof(*from));
	bool *reached = arena_alloc(o->arena, m->n_programs + 1);

	if (!n)
		return;
	memcpy(from, o->opts.only, n * sizeof(*from));
	for (size_t i = 0; i < m->n_slots; i++)
		if (is_called_elsewhere(bpf, &m->slots[i]))
			from[n++] = m->slots[i].program;
	elf_reach(m, from, n, reached);
	for (size_t i = 0; i < m->n_programs; i++)
		if (m->programs[i].is_entry && !reached[i])
			bpf_program__set_autoload(
				bpf_object__find_program_by_name(bpf, m->programs[i].name), false);
}

int object_open_image(const struct object *o, struct bpf_object **out, struct err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, open, .pin_root_path = o->opts.pin_dir,
		    .object_name = libbpf_name(o));
	__cleanup_buf struct buf log = BUF_INIT;
	struct bpf_object *bpf;
	int no, ret;

	libbpf_log_begin(&log);
	bpf = bpf_object__open_mem(o->image->data, o->image->size, &open);
	no = bpf ? 0 : errno;
	libbpf_log_end();
	if (!bpf)
		return err_from_open(err, no, o->path, buf_str(&log));
	for (size_t i = 0; i < o->opts.n_asked; i++)
		bpf_program__set_autoload(bpf_object__find_program_by_name(bpf, o->opts.asked[i]),
					  true);
	leave_out_others(o, bpf);
	ret = elf_apply(o->image, bpf, err);
	if (ret) {
		bpf_object__close(bpf);
		return ret;
	}
	*out = bpf;
	return 0;
}

static int read_image(struct object *o, struct err *err)
{
	struct elf_opts opts = { .types = o->opts.types, .n_types = o->opts.n_types };
	int ret = elf_load(o->path, &opts, &o->image, err);

	if (!ret && o->image->n_changes)
		object_log(
			o,
			"debug msg=\"Object taken with changes in memory\" object=%s changes=%zu "
			"sha256=%s",
			o->path, o->image->n_changes, o->image->sha256);
	return ret;
}

int object_open_configured(struct object *o, struct err *err)
{
	int ret = object_open_interposed(o, err);

	if (!ret)
		ret = object_configure(o, err);
	if (!ret)
		ret = object_maps_prepare(o, err);
	if (!ret && o->interposer)
		ret = interpose_object(o->interposer, o->bpf,
				       object_variable_u32(o, "__config_kernel_hz"), err);
	return ret;
}

static int prepare(struct object *o, struct err *err)
{
	int ret = read_image(o, err);

	return ret ? ret : object_open_configured(o, err);
}

int object_open(const struct object_opts *opts, struct object **out, struct err *err)
{
	struct arena *a;
	struct object *o;
	int ret;

	a = arena_new();
	o = arena_new_of(a, struct object);
	o->arena = a;
	o->opts = *opts;
	o->path = arena_strdup(a, opts->path);
	o->log = opts->log;
	o->log_arg = opts->log_arg;
	ret = prepare(o, err);
	if (ret) {
		object_free(o);
		return ret;
	}
	*out = o;
	return 0;
}

/* "bpf_host_eth0": bpffs takes no dots in names. */
static const char *owner_of(const struct object *o, const char *instance)
{
	const char *slash = strrchr(o->path, '/'), *base = slash ? slash + 1 : o->path;
	char *owner = arena_strndup(o->arena, base, strcspn(base, "."));

	if (instance)
		owner = arena_printf(o->arena, "%s_%s", owner, instance);
	for (char *c = owner; *c; c++)
		if (*c == '.') /* of a device for a VLAN: eth0.5 */
			*c = '_';
	return owner;
}

static bool is_left_out(const struct object *o, const char *program)
{
	return o->opts.n_only &&
	       !bpf_program__autoload(bpf_object__find_program_by_name(o->bpf, program));
}

/* Programs of sections like "2/7", as iproute2 places them. */
static int wire_section_slots(const struct object *o, unsigned *wired, struct err *err)
{
	for (size_t i = 0; i < o->image->n_slots; i++) {
		const struct elf_tail_slot *s = &o->image->slots[i];
		int map = bpf_object__find_map_fd_by_name(o->bpf, s->map);
		int prog;

		if (strcmp(s->how, "section") != 0 || is_left_out(o, s->program))
			continue;
		prog = object_program_fd(o, s->program, err);
		if (prog < 0)
			return prog;
		if (bpf_map_update_elem(map, &s->index, &prog, BPF_ANY))
			return err_input(err, NULL, "cannot put %s into slot %u of %s: %s",
					 s->program, s->index, s->map, strerror(errno));
		++*wired;
	}
	return 0;
}

static int link_tail_calls(struct object *o, struct err *err)
{
	unsigned wired = 0;
	int ret = tailcalls_wire(o->bpf, object_btf(o), o->opts.n_only > 0, &wired, err);

	if (!ret)
		ret = wire_section_slots(o, &wired, err);
	if (ret)
		return err_wrap(err, "%s", o->path);
	if (wired)
		object_log(o, "debug msg=\"Linked tail calls\" object=%s slots=%u", o->path, wired);
	if (!o->opts.pin_dir || o->opts.unattached)
		return 0;
	o->tail_dir = arena_strdup(o->arena, o->opts.pin_dir);
	o->tail_owner = owner_of(o, o->opts.instance);
	return tailcalls_pin(o->bpf, o->tail_dir, o->tail_owner, err);
}

int object_load_programs(struct object *o, struct err *err)
{
	int ret = object_load_interposed(o, err);

	if (ret)
		return ret;
	o->loaded = true;
	btf__free(o->maps_btf);
	o->maps_btf = NULL;
	return link_tail_calls(o, err);
}

int object_load(const struct object_opts *opts, struct object **out, struct err *err)
{
	struct object *o;
	int ret = object_open(opts, &o, err);

	if (ret)
		return ret;
	ret = object_load_programs(o, err);
	if (ret) {
		object_free(o);
		return ret;
	}
	*out = o;
	return 0;
}

static int no_such_program(const struct object *o, const char *name, struct err *err)
{
	const char *names[64];
	struct bpf_program *prog;
	const char *near;
	size_t n = 0;

	bpf_object__for_each_program(prog, o->bpf)
	{
		if (n < 64)
			names[n++] = bpf_program__name(prog);
	}
	near = nearest_name(name, names, n);
	err_input(err, NULL, "%s has no program %s", o->path, name);
	if (near)
		err_hint(err, "did you mean %s?", near);
	return -ENOENT;
}

int object_program_fd(const struct object *o, const char *program, struct err *err)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(o->bpf, program);
	int fd;

	if (!prog)
		return no_such_program(o, program, err);
	fd = bpf_program__fd(prog);
	if (fd < 0)
		return err_system(err, -fd, "program %s of %s is not loaded", program, o->path);
	return fd;
}

int object_map_fd(const struct object *o, const char *map)
{
	bool pin = o->opts.policy_map && strcmp(map, o->opts.policy_map) == 0;
	int fd = bpf_object__find_map_fd_by_name(o->bpf, pin ? "cilium_policy_v2" : map);

	return fd < 0 ? -ENOENT : fd;
}

const char *object_nearest_map(const struct object *o, const char *map)
{
	const char *names[64];
	struct bpf_map *m;
	size_t n = 0;

	bpf_object__for_each_map(m, o->bpf)
	{
		if (n < 64 && !bpf_map__is_internal(m))
			names[n++] = bpf_map__name(m);
	}
	return nearest_name(map, names, n);
}

const struct btf *object_btf(const struct object *o)
{
	return bpf_object__btf(o->bpf);
}

struct bpf_object *object_libbpf(const struct object *o)
{
	return o->bpf;
}

const struct elf_image *object_image(const struct object *o)
{
	return o->image;
}

void object_free(struct object *o)
{
	if (!o)
		return;
	object_maps_free(o);
	btf__free(o->maps_btf);
	bpf_object__close(o->bpf);
	interpose_free(o->interposer);
	elf_free(o->image);
	arena_free(o->arena);
}
