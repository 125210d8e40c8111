/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings of an object: variables of its data sections, before it is loaded. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <string.h>

#include "target/layout.h"
#include "target/object_internal.h"
#include "target/typed.h"

/* A variable in a data section of the object. */
struct variable {
	struct bpf_map *map;
	uint32_t type, offset, size;
};

static bool find_in_section(const struct btf *btf, struct bpf_map *map, const char *name,
			    struct variable *out)
{
	const struct btf_type *sec =
		btf ? btf__type_by_id(btf, bpf_map__btf_value_type_id(map)) : NULL;

	for (uint32_t i = 0; sec && btf_is_datasec(sec) && i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(sec) + i;
		const struct btf_type *var = btf__type_by_id(btf, v->type);
		const char *var_name = var ? btf__name_by_offset(btf, var->name_off) : NULL;

		if (!var_name || strcmp(var_name, name) != 0)
			continue;
		*out = (struct variable){
			.map = map,
			.type = layout_unqualified(btf, var->type),
			.offset = v->offset,
			.size = v->size,
		};
		return true;
	}
	return false;
}

static bool find_variable(const struct object *o, const char *name, struct variable *out)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, o->bpf)
	{
		if (bpf_map__is_internal(map) &&
		    find_in_section(bpf_object__btf(o->bpf), map, name, out))
			return true;
	}
	return false;
}

uint32_t object_variable_u32(const struct object *o, const char *name)
{
	struct variable v;
	size_t size = 0;
	const char *data;
	uint32_t value = 0;

	if (!find_variable(o, name, &v) || v.size > sizeof(value))
		return 0;
	data = bpf_map__initial_value(v.map, &size);
	if (data && v.offset <= size && v.size <= size - v.offset)
		memcpy(&value, data + v.offset, v.size);
	return value;
}

static int set_variable(const struct object *o, const struct variable *v, const struct value *to,
			struct err *err)
{
	size_t size = 0;
	const void *was = bpf_map__initial_value(v->map, &size);
	char *data;
	int ret;

	if (!was || v->offset > size || v->size > size - v->offset)
		return err_input(err, NULL, "it lies outside its section");
	data = arena_memdup(o->arena, was, size);
	ret = typed_encode(bpf_object__btf(o->bpf), v->type, to, data + v->offset, v->size, err);
	if (ret)
		return ret;
	ret = bpf_map__set_initial_value(v->map, data, size);
	return ret ? err_system(err, -ret, "libbpf refuses it") : 0;
}

/* A variable by its own name, or a constant without the prefix of all constants. */
static int configure(const struct object *o, const struct config_value *c, struct err *err)
{
	const char *name = c->name;
	struct variable v;
	bool found = find_variable(o, name, &v);
	int ret;

	if (!found) {
		name = arena_printf(o->arena, "__config_%s", c->name);
		found = find_variable(o, name, &v);
	}
	if (!found) {
		object_log(o, "debug msg=\"Object has no such setting\" name=%s", c->name);
		return 0;
	}
	ret = set_variable(o, &v, c->value, err);
	return ret ? err_wrap(err, "setting %s of %s", name, o->path) : 0;
}

int object_configure(struct object *o, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < o->opts.n_config; i++)
		ret = configure(o, &o->opts.config[i], err);
	return ret;
}
