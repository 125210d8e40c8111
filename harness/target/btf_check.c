/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every type that is referred to exists, every name lies in the string table, and data sections hold
 * variables. More (sizes, loops) the kernel checks when it takes the BTF.
 */
#include "target/btf_check.h"

#include <bpf/btf.h>
#include <stdbool.h>
#include <stdint.h>

static bool exists(const struct btf *btf, uint32_t id)
{
	return id < btf__type_cnt(btf);
}

static bool named(const struct btf *btf, uint32_t offset)
{
	return btf__str_by_offset(btf, offset) != NULL;
}

static bool members_exist(const struct btf *btf, const struct btf_type *t)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++)
		if (!exists(btf, btf_members(t)[i].type) || !named(btf, btf_members(t)[i].name_off))
			return false;
	return true;
}

static bool params_exist(const struct btf *btf, const struct btf_type *t)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++)
		if (!exists(btf, btf_params(t)[i].type) || !named(btf, btf_params(t)[i].name_off))
			return false;
	return exists(btf, t->type);
}

static bool variables_exist(const struct btf *btf, const struct btf_type *t)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		uint32_t id = btf_var_secinfos(t)[i].type;
		const struct btf_type *v = exists(btf, id) ? btf__type_by_id(btf, id) : NULL;

		if (!v || !(btf_is_var(v) || btf_is_func(v)))
			return false;
	}
	return true;
}

static bool hangs_together(const struct btf *btf, const struct btf_type *t)
{
	if (!named(btf, t->name_off))
		return false;
	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
	case BTF_KIND_TYPE_TAG:
		return exists(btf, t->type);
	case BTF_KIND_FUNC:
		return exists(btf, t->type) && btf_is_func_proto(btf__type_by_id(btf, t->type));
	case BTF_KIND_ARRAY:
		return exists(btf, btf_array(t)->type) && exists(btf, btf_array(t)->index_type);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return members_exist(btf, t);
	case BTF_KIND_FUNC_PROTO:
		return params_exist(btf, t);
	case BTF_KIND_DATASEC:
		return variables_exist(btf, t);
	default:
		return true;
	}
}

int btf_check(const struct btf *btf, const char *path, struct err *err)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++)
		if (!hangs_together(btf, btf__type_by_id(btf, id)))
			return err_input(err, NULL,
					 "%s is damaged: type %u of its BTF refers to something "
					 "that is not there",
					 path, id);
	return 0;
}
