// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Inner maps from a file: filled where there is one, made where there is none.
 *
 * A map of maps takes inner maps like its template only: type, sizes of key and value, flags, and for
 * arrays max_entries too unless BPF_F_INNER_MAP is among the flags (kernel/bpf/map_in_map.c,
 * bpf_map_meta_equal). The kernel tells nobody what its template is, so it is taken from what is
 * said first of: the file, the object (struct map.inner), another inner map of the same outer one, the
 * one made before.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "target/maps_handles.h"
#include "target/maps_io.h"
#include "target/maps_loading.h"

static const char *const shape_names[] = {
	"type", "key_size", "value_size", "max_entries", "flags", "entries", NULL,
};

/* The first inner map there is; 0 if none. */
static void first_inner(void *arg, const void *key, const void *io)
{
	uint32_t *id = arg;

	(void)key;
	if (!*id)
		memcpy(id, io, sizeof(*id));
}

static bool of_sibling(struct loading *l, struct map_shape *s)
{
	struct bpf_map_info info = { 0 };
	uint32_t id = 0, len = sizeof(info);
	__cleanup_fd int fd = -1;

	if (map_each(l->m, true, first_inner, &id, l->err) || !id)
		return false;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	*s = (struct map_shape){
		.type = info.type,
		.key_size = info.key_size,
		.value_size = info.value_size,
		.max_entries = info.max_entries,
		.flags = info.map_flags,
		.btf_id = info.btf_id,
		.key_type = info.btf_key_type_id,
		.value_type = info.btf_value_type_id,
	};
	return true;
}

static int type_of(struct loading *l, const struct value *v, uint32_t *type)
{
	const struct value *named = value_get(v, "type");
	const char *text = value_text(named);

	if (!named)
		return 0;
	for (uint32_t t = 1; text && libbpf_bpf_map_type_str(t); t++) {
		if (strcmp(text, libbpf_bpf_map_type_str(t)) != 0)
			continue;
		*type = t;
		return 0;
	}
	return err_input(l->err, &named->loc, "map %s: there is no map type %s", l->m->name,
			 text ? text : "like this");
}

static int number_of(struct loading *l, const struct value *v, const char *name, uint32_t *out)
{
	return value_get(v, name) ? loading_number(l, v, name, out) : 0;
}

/* Types hold for sizes that they were made for. */
static void drop_types(struct map_shape *s, const struct map_shape *known)
{
	if (s->type == known->type && s->key_size == known->key_size &&
	    s->value_size == known->value_size)
		return;
	s->btf_id = s->key_type = s->value_type = 0;
}

static int shape_of(struct loading *l, const struct value *v, struct map_shape *out)
{
	struct map_shape known = { .type = 0 };
	int ret;

	if (l->m->inner)
		known = *l->m->inner;
	else if (!of_sibling(l, &known))
		known = l->made;
	*out = known;
	ret = type_of(l, v, &out->type);
	if (!ret)
		ret = number_of(l, v, "key_size", &out->key_size);
	if (!ret)
		ret = number_of(l, v, "value_size", &out->value_size);
	if (!ret)
		ret = number_of(l, v, "max_entries", &out->max_entries);
	if (!ret)
		ret = number_of(l, v, "flags", &out->flags);
	if (ret)
		return ret;
	drop_types(out, &known);
	if (out->type && out->key_size && out->value_size && out->max_entries) {
		l->made = *out;
		return 0;
	}
	err_input(l->err, &v->loc,
		  "map %s has no inner map at this key, and of what kind one would be is not known",
		  l->m->name);
	return err_hint(l->err, "say it beside its entries: {type: array, key_size: 4, value_size: "
				"N, max_entries: N, entries: [...]}");
}

/* "cilium_lb4_mag": what the kernel allows in a name, of the outer map's. */
static void inner_name(const struct map *outer, char name[BPF_OBJ_NAME_LEN])
{
	snprintf(name, BPF_OBJ_NAME_LEN, "%.*s", BPF_OBJ_NAME_LEN - 1, outer->name);
	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '.')
			*c = '_';
}

static int make(struct loading *l, const struct value *v, struct map **out)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	char name[BPF_OBJ_NAME_LEN];
	__cleanup_fd int fd = -1, btf_fd = -1;
	struct map_shape s;
	int ret = shape_of(l, v, &s);

	if (ret)
		return ret;
	inner_name(l->m, name);
	opts.map_flags = s.flags;
	if (s.btf_id)
		btf_fd = bpf_btf_get_fd_by_id(s.btf_id);
	if (btf_fd >= 0) {
		opts.btf_fd = (uint32_t)btf_fd;
		opts.btf_key_type_id = s.key_type;
		opts.btf_value_type_id = s.value_type;
	}
	fd = bpf_map_create((enum bpf_map_type)s.type, name, s.key_size, s.value_size,
			    s.max_entries, &opts);
	if (fd < 0)
		return err_input(l->err, &v->loc,
				 "map %s: its inner map cannot be made (%s, key_size %u, "
				 "value_size %u, max_entries %u, flags %u): %s",
				 l->m->name, map_type_name(s.type), s.key_size, s.value_size,
				 s.max_entries, s.flags, strerror(-fd));
	return map_open_fd(fd, name, out, l->err);
}

static int refused(struct loading *l, const struct value *v, const struct map *inner)
{
	err_input(l->err, &v->loc,
		  "map %s takes no inner map like this one: %s, key_size %u, value_size %u, "
		  "max_entries %u, flags %u",
		  l->m->name, map_type_name(inner->type), inner->key_size, inner->value_size,
		  inner->max_entries, inner->flags);
	return err_hint(l->err, "they must be those of the template it was made with, in the "
				"program that owns it");
}

/* Asks the kernel without writing: a hash looks at the inner map before it looks for the key, which with
 * BPF_EXIST must be there. Arrays of maps give no such answer.
 */
static int check_taken(struct loading *l, const struct value *v, const struct map *inner)
{
	if (l->m->type != BPF_MAP_TYPE_HASH_OF_MAPS)
		return 0;
	return bpf_map_update_elem(l->m->fd, l->key, &inner->fd, BPF_EXIST) == -EINVAL
		       ? refused(l, v, inner)
		       : 0;
}

static int fill(struct loading *l, struct map *inner, const struct value *v, bool write)
{
	bool was = l->load->dry_run;
	int ret;

	l->load->dry_run = !write;
	ret = maps_file_load(inner, v, l->load, l->err);
	l->load->dry_run = was;
	return ret ? err_wrap(l->err, "map %s", l->m->name) : 0;
}

/* Filled before it is put in, so that no program ever finds half of it. */
static int load_new(struct loading *l, const struct value *v, bool write)
{
	struct map *inner = NULL;
	int ret = make(l, v, &inner);

	if (!ret)
		ret = check_taken(l, v, inner);
	if (!ret)
		ret = fill(l, inner, v, write);
	if (!ret && write) {
		ret = bpf_map_update_elem(l->m->fd, l->key, &inner->fd, BPF_ANY);
		if (ret == -EINVAL)
			ret = refused(l, v, inner);
		else if (ret)
			ret = map_fail(l->m, l->key, -ret, "putting in an inner map", l->err);
	}
	map_close(inner);
	return ret;
}

int loading_inner(struct loading *l, const struct value *v, bool write)
{
	struct map *inner;
	uint32_t id;
	int ret = loading_known_fields(l, v, shape_names);

	if (ret)
		return ret;
	if (bpf_map_lookup_elem(l->m->fd, l->key, &id))
		return load_new(l, v, write);
	ret = map_inner_open(id, &inner, l->err);
	if (ret)
		return ret;
	ret = fill(l, inner, v, write);
	map_close(inner);
	return ret;
}
