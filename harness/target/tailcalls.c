/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the tags, fills the slots, keeps the arrays alive. */
#include "target/tailcalls.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAG_PREFIX "tail:"

/* "tail:cilium_calls/7" */
static int parse_tag(struct arena *a, const char *tag, struct tail_slot *slot, struct err *err)
{
	const char *map = tag + strlen(TAG_PREFIX);
	const char *slash = strchr(map, '/');
	char *end = NULL;
	unsigned long index = slash ? strtoul(slash + 1, &end, 10) : 0;

	if (!slash || slash == map || end == slash + 1 || *end || index > UINT32_MAX)
		return err_input(err, NULL,
				 "the tag \"%s\" of %s names no tail-call slot; it should read "
				 "tail:<map>/<index>",
				 tag, slot->program);
	slot->map = arena_strndup(a, map, (size_t)(slash - map));
	slot->index = (uint32_t)index;
	return 0;
}

int tail_slots(struct arena *a, const struct btf *btf, struct tail_slot **slots, size_t *n,
	       struct err *err)
{
	*slots = NULL;
	*n = 0;
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id), *func;
		struct tail_slot slot = { .map = "" };
		const char *tag;
		int ret;

		if (!btf_is_decl_tag(t) || btf_decl_tag(t)->component_idx != -1)
			continue;
		tag = btf__name_by_offset(btf, t->name_off);
		func = btf__type_by_id(btf, t->type);
		if (!tag || !func || !btf_is_func(func) ||
		    strncmp(tag, TAG_PREFIX, strlen(TAG_PREFIX)) != 0)
			continue;
		slot.program = btf__name_by_offset(btf, func->name_off);
		ret = parse_tag(a, tag, &slot, err);
		if (ret)
			return ret;
		*slots = arena_grow(a, *slots, *n, sizeof(**slots));
		(*slots)[(*n)++] = slot;
	}
	return 0;
}

static int find_both(const struct bpf_object *obj, const struct tail_slot *s, int *prog, int *map,
		     struct err *err)
{
	const struct bpf_program *p = bpf_object__find_program_by_name(obj, s->program);
	const struct bpf_map *m = bpf_object__find_map_by_name(obj, s->map);

	if (!p)
		return err_input(err, NULL, "%s is tagged tail:%s/%u, but is no program of %s",
				 s->program, s->map, s->index, bpf_object__name(obj));
	if (!m || bpf_map__type(m) != BPF_MAP_TYPE_PROG_ARRAY)
		return err_input(err, NULL, "%s is tagged tail:%s/%u, but %s has no prog array %s",
				 s->program, s->map, s->index, bpf_object__name(obj), s->map);
	if (s->index >= bpf_map__max_entries(m))
		return err_input(err, NULL, "%s is tagged tail:%s/%u, past the %u slots of %s",
				 s->program, s->map, s->index, bpf_map__max_entries(m), s->map);
	*prog = bpf_program__fd(p);
	*map = bpf_map__fd(m);
	return 0;
}

static int wire_one(const struct bpf_object *obj, const struct tail_slot *slots, size_t at,
		    struct err *err)
{
	const struct tail_slot *s = &slots[at];
	int prog = -1, map = -1, ret;

	for (size_t i = 0; i < at; i++)
		if (slots[i].index == s->index && !strcmp(slots[i].map, s->map))
			return err_input(err, NULL, "%s and %s are both tagged tail:%s/%u",
					 slots[i].program, s->program, s->map, s->index);
	ret = find_both(obj, s, &prog, &map, err);
	if (ret)
		return ret;
	if (bpf_map_update_elem(map, &s->index, &prog, BPF_ANY))
		return err_system(err, errno, "cannot put %s into slot %u of %s", s->program,
				  s->index, s->map);
	return 0;
}

static bool is_left_out(const struct bpf_object *obj, const struct tail_slot *slot)
{
	const struct bpf_program *p = bpf_object__find_program_by_name(obj, slot->program);

	return p && !bpf_program__autoload(p);
}

int tailcalls_wire(const struct bpf_object *obj, const struct btf *btf, bool some_only,
		   unsigned *wired, struct err *err)
{
	struct arena *a = arena_new();
	struct tail_slot *slots;
	size_t n = 0;
	int ret = btf ? tail_slots(a, btf, &slots, &n, err) : 0;

	*wired = 0;
	for (size_t i = 0; i < n && !ret; i++) {
		if (some_only && is_left_out(obj, &slots[i]))
			continue;
		ret = wire_one(obj, slots, i, err);
		++*wired;
	}
	arena_free(a);
	return ret;
}

/* The number behind "<map>_<owner>_" in a pin's name, 0 if it is none of ours. */
static unsigned long generation(const char *name, const char *map, const char *owner)
{
	size_t map_len = strlen(map), owner_len = strlen(owner);
	unsigned long n;
	char *end;

	if (strncmp(name, map, map_len) != 0 || name[map_len] != '_' ||
	    strncmp(name + map_len + 1, owner, owner_len) != 0 ||
	    name[map_len + 1 + owner_len] != '_')
		return 0;
	n = strtoul(name + map_len + owner_len + 2, &end, 10);
	return *end ? 0 : n;
}

/* The highest generation there is; those below `keep_from` are unlinked. */
static int scan_pins(const char *dir, const char *map, const char *owner, unsigned long keep_from,
		     unsigned long *highest, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int ret = 0;

	*highest = 0;
	if (!d)
		return err_system(err, errno, "cannot list %s", dir);
	while ((e = readdir(d))) {
		unsigned long n = generation(e->d_name, map, owner);

		if (n > *highest)
			*highest = n;
		if (n && n < keep_from && unlinkat(dirfd(d), e->d_name, 0) && errno != ENOENT)
			ret = err_system(err, errno, "cannot remove the pin %s/%s", dir, e->d_name);
	}
	closedir(d);
	return ret;
}

static bool needs_pin(const struct bpf_map *m)
{
	return bpf_map__type(m) == BPF_MAP_TYPE_PROG_ARRAY && !bpf_map__pin_path(m);
}

int tailcalls_pin(const struct bpf_object *obj, const char *dir, const char *owner, struct err *err)
{
	const struct bpf_map *m;

	bpf_object__for_each_map(m, obj)
	{
		char path[PATH_MAX];
		unsigned long n;
		int ret;

		if (!needs_pin(m))
			continue;
		ret = scan_pins(dir, bpf_map__name(m), owner, 0, &n, err);
		if (ret)
			return ret;
		snprintf(path, sizeof(path), "%s/%s_%s_%lu", dir, bpf_map__name(m), owner, n + 1);
		if (bpf_obj_pin(bpf_map__fd(m), path))
			return err_system(err, errno, "cannot pin %s", path);
	}
	return 0;
}

int tailcalls_unpin_older(const struct bpf_object *obj, const char *dir, const char *owner,
			  struct err *err)
{
	const struct bpf_map *m;

	bpf_object__for_each_map(m, obj)
	{
		unsigned long n;
		int ret;

		if (!needs_pin(m))
			continue;
		ret = scan_pins(dir, bpf_map__name(m), owner, 0, &n, err);
		if (!ret)
			ret = scan_pins(dir, bpf_map__name(m), owner, n, &n, err);
		if (ret)
			return ret;
	}
	return 0;
}
