// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Entries from a file into a map: all are checked before the first is written. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "target/maps_bpftool.h"
#include "target/maps_handles.h"
#include "target/maps_io.h"
#include "target/typed.h"
#include "target/typed_text.h"

struct loading {
	struct map *m;
	struct maps_load *load;
	struct err *err;
	bool bpftool;
	uint8_t *key, *value, *io;
};

static int encode_one(struct loading *l, const char *what, const struct value *v, void *out)
{
	const struct map *m = l->m;
	bool key = strcmp(what, "key") == 0;
	int ret = typed_encode(m->btf, key ? m->key_type : m->value_type, v, out,
			       key ? m->key_size : m->value_size, l->err);

	return ret ? err_wrap(l->err, "map %s: %s", m->name, what) : 0;
}

/* Bytes as bpftool lists them: ["0x01", "0x00"]. */
static bool is_raw(const struct value *v)
{
	return v && v->kind == VALUE_LIST && v->n && v->items[0]->kind == VALUE_SCALAR &&
	       strncmp(v->items[0]->text, "0x", 2) == 0;
}

static int encode_bpftool(struct loading *l, bool key, const struct value *plain,
			  const struct value *formatted, const struct loc *at, void *out)
{
	const struct map *m = l->m;
	const struct value *raw = is_raw(plain) ? plain : NULL;
	int ret;

	if (!raw && !formatted)
		formatted = plain;
	ret = bpftool_encode(m->btf, key ? m->key_type : m->value_type, formatted, raw, at, out,
			     key ? m->key_size : m->value_size, l->load, l->err);
	return ret ? err_wrap(l->err, "map %s: %s", m->name, key ? "key" : "value") : 0;
}

static int check_key(struct loading *l, const struct value *key)
{
	const struct map *m = l->m;
	bool indexed = map_is_array(m) || m->type == BPF_MAP_TYPE_PROG_ARRAY ||
		       m->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || m->type == BPF_MAP_TYPE_DEVMAP ||
		       m->type == BPF_MAP_TYPE_CPUMAP;
	uint32_t first = 0;

	if (m->key_size >= 4)
		memcpy(&first, l->key, 4);
	if (indexed && first >= m->max_entries)
		return err_input(l->err, &key->loc,
				 "map %s: index %u, but it has %u entries, counted from 0", m->name,
				 first, m->max_entries);
	if (m->type == BPF_MAP_TYPE_LPM_TRIE && first > 8 * (m->key_size - 4))
		return err_input(
			l->err, &key->loc,
			"map %s: a prefix of %u bits, but its keys have %u after the length",
			m->name, first, 8 * (m->key_size - 4));
	return 0;
}

static int check_cpus(struct loading *l, const struct value *values)
{
	size_t cpus = map_cpus(l->m);

	if (!map_is_per_cpu(l->m))
		return err_input(l->err, &values->loc,
				 "map %s is a %s: \"value\", not \"values\" for each CPU",
				 l->m->name, map_type_name(l->m->type));
	if (values->kind != VALUE_LIST)
		return err_input(l->err, &values->loc, "map %s: values is no list with one a CPU",
				 l->m->name);
	if (values->n > cpus)
		return err_input(l->err, &values->loc,
				 "map %s: values for %zu CPUs, but this machine has %zu",
				 l->m->name, values->n, cpus);
	return 0;
}

/* Each CPU's own value; CPUs that are not named get zeros. */
static int encode_cpus(struct loading *l, const struct value *values, const struct value *formatted)
{
	int ret = check_cpus(l, values);

	memset(l->io, 0, map_io_size(l->m));
	for (size_t i = 0; i < values->n && !ret; i++) {
		uint8_t *at = l->io + i * map_stride(l->m);
		const struct value *f = NULL;

		if (formatted && formatted->kind == VALUE_LIST && i < formatted->n)
			f = value_get(formatted->items[i], "value");
		ret = l->bpftool ? encode_bpftool(l, false, value_get(values->items[i], "value"), f,
						  &values->items[i]->loc, at)
				 : encode_one(l, "value", values->items[i], at);
	}
	return ret;
}

static int number_of(struct loading *l, const struct value *v, const char *name, uint32_t *out)
{
	const struct value *field = value_get(v, name);
	struct number n;

	*out = 0;
	if (!field)
		return 0;
	if (field->kind != VALUE_SCALAR || text_to_number(field->text, &n) || n.value > UINT32_MAX)
		return err_input(l->err, &field->loc, "map %s: %s: this is no number of 4 bytes",
				 l->m->name, name);
	*out = (uint32_t)n.value;
	return 0;
}

static int known_fields(struct loading *l, const struct value *v, const char *const names[])
{
	if (v->kind != VALUE_MAP)
		return err_input(l->err, &v->loc, "map %s (%s): fields by name belong here",
				 l->m->name, map_type_name(l->m->type));
	for (size_t i = 0; i < v->n; i++) {
		size_t j = 0;

		while (names[j] && strcmp(names[j], v->keys[i]->text))
			j++;
		if (!names[j])
			return err_input(l->err, &v->keys[i]->loc,
					 "map %s: there is no field \"%s\" in an entry of a %s",
					 l->m->name, v->keys[i]->text, map_type_name(l->m->type));
	}
	return 0;
}

/* Programs are found by id; the name guards against an id that has come to mean another one. */
static int check_program(struct loading *l, const struct value *v, uint32_t id)
{
	const char *name = value_text(value_get(v, "program"));
	char is[64] = "";

	if (map_program_name(id, is, sizeof(is)) || (name && strcmp(name, is)))
		return err_input(l->err, &v->loc,
				 "map %s: program %s with id %u is not loaded here%s%s", l->m->name,
				 name ? name : "", id, *is ? "; that id is " : "", is);
	return 0;
}

static int put(struct loading *l, const void *io)
{
	int ret = bpf_map_update_elem(l->m->fd, l->key, io, BPF_ANY);

	if (ret)
		return map_fail(l->m, l->key, -ret, "writing", l->err);
	l->load->loaded++;
	return 0;
}

static int load_program(struct loading *l, const struct value *v, bool write)
{
	static const char *const names[] = { "program", "id", NULL };
	__cleanup_fd int fd = -1;
	uint32_t id;
	int ret = known_fields(l, v, names);

	if (!ret)
		ret = number_of(l, v, "id", &id);
	if (!ret)
		ret = check_program(l, v, id);
	if (ret || !write)
		return ret;
	fd = bpf_prog_get_fd_by_id(id);
	return put(l, &fd);
}

static int load_pair(struct loading *l, const struct value *v, const char *name, bool write)
{
	const char *const names[] = { name, "prog_id", NULL };
	__cleanup_fd int fd = -1;
	uint32_t *raw = arena_alloc(l->load->arena, l->m->value_size + 8), id = 0;
	int ret = known_fields(l, v, names);

	if (!ret)
		ret = number_of(l, v, name, &raw[0]);
	if (!ret)
		ret = number_of(l, v, "prog_id", &id);
	if (!ret && id)
		ret = check_program(l, v, id);
	if (ret || !write)
		return ret;
	if (id)
		fd = bpf_prog_get_fd_by_id(id);
	if (id && l->m->value_size >= 8)
		raw[1] = (uint32_t)fd;
	return put(l, raw);
}

/* Whoever owns the outer map makes the inner ones: their type and size are its business. */
static int load_inner(struct loading *l, const struct value *v, bool write)
{
	bool was = l->load->dry_run;
	struct map *inner;
	uint32_t id;
	int ret = bpf_map_lookup_elem(l->m->fd, l->key, &id);

	if (ret)
		return err_input(l->err, &v->loc,
				 "map %s has no inner map at this key, and inner maps are not made "
				 "here: let the program that owns it put one there first",
				 l->m->name);
	ret = map_inner_open(id, &inner, l->err);
	if (ret)
		return ret;
	l->load->dry_run = !write;
	ret = maps_file_load(inner, v, l->load, l->err);
	l->load->dry_run = was;
	map_close(inner);
	return ret ? err_wrap(l->err, "map %s", l->m->name) : 0;
}

static int encode_data(struct loading *l, const struct value *entry, const struct value *v,
		       const struct value *values)
{
	const struct value *formatted = value_get(entry, "formatted");
	int ret;

	if (values)
		return encode_cpus(l, values, value_get(formatted, "values"));
	ret = l->bpftool ? encode_bpftool(l, false, v, value_get(formatted, "value"), &entry->loc,
					  l->value)
			 : encode_one(l, "value", v, l->value);
	if (!ret)
		map_spread_cpus(l->m, l->value, l->io);
	return ret;
}

static int load_value(struct loading *l, const struct value *entry, bool write)
{
	const struct value *v = value_get(entry, "value"), *values = value_get(entry, "values");
	enum map_holds holds = map_holds(l->m);
	int ret;

	if (!v == !values || (values && holds != HOLDS_DATA))
		return err_input(l->err, &entry->loc,
				 "map %s: an entry has a key and either value or values",
				 l->m->name);
	if (l->bpftool && holds != HOLDS_DATA)
		return err_input(l->err, &entry->loc,
				 "map %s is a %s: bpftool's dump has no names for what it holds; "
				 "use `verdict maps dump`",
				 l->m->name, map_type_name(l->m->type));
	switch (holds) {
	case HOLDS_PROGRAMS:
		return load_program(l, v, write);
	case HOLDS_MAPS:
		return load_inner(l, v, write);
	case HOLDS_DEVICES:
		return load_pair(l, v, "ifindex", write);
	case HOLDS_CPUS:
		return load_pair(l, v, "qsize", write);
	default:
		ret = encode_data(l, entry, v, values);
	}
	return ret || !write ? ret : put(l, l->io);
}

static int load_key(struct loading *l, const struct value *entry)
{
	static const char *const names[] = { "key", "value", "values", NULL };
	static const char *const bpftool[] = { "key", "value", "values", "formatted", NULL };
	const struct value *key = value_get(entry, "key");
	int ret = known_fields(l, entry, l->bpftool ? bpftool : names);

	if (ret)
		return ret;
	if (!key)
		return err_input(l->err, &entry->loc, "map %s: this entry has no key", l->m->name);
	ret = l->bpftool ? encode_bpftool(l, true, key,
					  value_get(value_get(entry, "formatted"), "key"),
					  &entry->loc, l->key)
			 : encode_one(l, "key", key, l->key);
	return ret ? ret : check_key(l, key);
}

static int begin(struct loading *l, struct map *m, const struct value *desc, struct maps_load *load,
		 const struct value **entries, struct err *err)
{
	const struct value *type = value_get(desc, "type");

	*l = (struct loading){ .m = m, .load = load, .err = err };
	*entries = value_get(desc, "entries");
	if (type && value_text(type) && strcmp(value_text(type), map_type_name(m->type)))
		maps_note(load, "map %s is a %s here, a %s in the file", m->name,
			  map_type_name(m->type), value_text(type));
	l->bpftool = value_get(desc, "form") != NULL;
	l->key = arena_alloc(load->arena, m->key_size + 8);
	l->value = arena_alloc(load->arena, m->value_size);
	l->io = arena_alloc(load->arena, map_io_size(m));
	if (*entries && (*entries)->kind != VALUE_LIST)
		return err_input(err, &(*entries)->loc, "map %s: entries is no list", m->name);
	if (!*entries && desc->kind != VALUE_MAP)
		return err_input(err, &desc->loc, "map %s: here stands {entries: [...]}", m->name);
	if (*entries && (*entries)->n && map_holds(m) == HOLDS_NOTHING_LISTED)
		return map_check_plain(m, &(*entries)->loc, err);
	return 0;
}

int maps_file_load(struct map *m, const struct value *desc, struct maps_load *load, struct err *err)
{
	const struct value *entries;
	struct loading l;
	int ret = begin(&l, m, desc, load, &entries, err);

	for (int write = 0; write <= !load->dry_run && !ret && entries; write++) {
		for (size_t i = 0; i < entries->n && !ret; i++) {
			ret = load_key(&l, entries->items[i]);
			if (!ret)
				ret = load_value(&l, entries->items[i], write);
		}
	}
	return ret;
}

int maps_file_canonical(struct map *m, const struct value *desc, struct maps_load *load,
			struct value **out, struct err *err)
{
	struct value *list = value_list(load->arena);
	const struct value *entries;
	struct loading l;
	int ret = begin(&l, m, desc, load, &entries, err);

	*out = value_copy(load->arena, desc);
	if (ret || !entries || map_holds(m) != HOLDS_DATA)
		return ret;
	for (size_t i = 0; i < entries->n && !ret; i++) {
		ret = load_key(&l, entries->items[i]);
		if (!ret)
			ret = load_value(&l, entries->items[i], false);
		if (!ret)
			value_push(load->arena, list, map_entry_value(m, load->arena, l.key, l.io));
	}
	*out = value_map(load->arena);
	value_set(load->arena, *out, "entries", list);
	return ret;
}
