// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Entries whose values are no data, from a file: programs by id, devices and CPUs with their programs, inner
 * maps, which are made where there is none.
 */
#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "base/file.h"
#include "target/maps_bpftool.h"
#include "target/maps_handles.h"
#include "target/maps_io.h"
#include "target/maps_loading.h"
#include "target/typed_text.h"

int loading_number(struct loading *l, const struct value *v, const char *name, uint32_t *out)
{
	const struct value *field = value_get(v, name);
	struct number n;

	*out = 0;
	if (!field)
		return 0;
	if (field->kind != VALUE_SCALAR || text_to_number(field->text, &n) || n.is_negative ||
	    n.value > UINT32_MAX)
		return err_input(l->err, &field->loc,
				 "map %s: %s: a number from 0 to 4294967295 was expected",
				 l->m->name, name);
	*out = (uint32_t)n.value;
	return 0;
}

/* Programs are found by id; the name guards against an id that has come to mean another one. */
static int check_program(struct loading *l, const struct value *v, uint32_t id)
{
	const char *name = value_text(value_get(v, "program"));
	char is[64] = "";

	if (map_program_name(id, is, sizeof(is)) || (name && strcmp(name, is))) {
		err_input(l->err, &v->loc, "map %s: program %s with id %u is not loaded here%s%s",
			  l->m->name, name ? name : "", id, *is ? "; that id is " : "", is);
		return err_hint(l->err, "`bpftool prog show` lists what is, with ids");
	}
	return 0;
}

static int load_program(struct loading *l, const struct value *v, bool write)
{
	static const char *const names[] = { "program", "id", NULL };
	__cleanup_fd int fd = -1;
	uint32_t id;
	int ret = loading_known_fields(l, v, names);

	if (!ret)
		ret = loading_number(l, v, "id", &id);
	if (!ret)
		ret = check_program(l, v, id);
	if (ret || !write)
		return ret;
	fd = bpf_prog_get_fd_by_id(id);
	return loading_put(l, &fd);
}

/* The kernel looks devices up in the caller's network namespace. */
static int check_device(struct loading *l, const struct value *v, uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	if (ifindex && if_indextoname(ifindex, name))
		return 0;
	err_input(l->err, &v->loc, "map %s: no device has ifindex %u in this network namespace",
		  l->m->name, ifindex);
	return err_hint(l->err, "`ip link` lists those that are here; a devmap takes no others");
}

static int load_pair(struct loading *l, const struct value *v, const char *name, bool write)
{
	const char *const names[] = { name, "program", "prog_id", NULL };
	const struct value *program = value_get(v, "program");
	__cleanup_fd int fd = -1;
	uint32_t raw[2] = { 0 }, id = 0;
	int ret = loading_known_fields(l, v, names);

	if (!ret)
		ret = loading_number(l, v, name, &raw[0]);
	if (!ret)
		ret = loading_number(l, v, "prog_id", &id);
	if (!ret && program && !id)
		ret = err_input(l->err, &program->loc,
				"map %s: a program is found by its id: add prog_id", l->m->name);
	if (!ret && id && l->m->value_size < sizeof(raw))
		ret = err_input(l->err, &v->loc,
				"map %s: its values have %u bytes, the %s alone: no room for a "
				"program",
				l->m->name, l->m->value_size, name);
	if (!ret && strcmp(name, "ifindex") == 0)
		ret = check_device(l, v, raw[0]);
	if (!ret && id)
		ret = check_program(l, v, id);
	if (ret || !write)
		return ret;
	if (id)
		fd = bpf_prog_get_fd_by_id(id);
	raw[1] = id ? (uint32_t)fd : 0;
	return loading_put(l, raw);
}

int loading_handle(struct loading *l, const struct value *v, bool write)
{
	switch (map_holds(l->m)) {
	case HOLDS_PROGRAMS:
		return load_program(l, v, write);
	case HOLDS_DEVICES:
		return load_pair(l, v, "ifindex", write);
	default:
		return load_pair(l, v, "qsize", write);
	}
}
