// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Entries of a file into a map, one by one: encoded by the map's types, then written. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/maps_bpftool.h"
#include "target/maps_handles.h"
#include "target/maps_io.h"
#include "target/maps_loading.h"
#include "target/typed.h"
#include "target/typed_text.h"

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
			     key ? m->key_size : m->value_size, l->load, l->scratch, l->err);
	return ret ? err_wrap(l->err, "map %s: %s", m->name, key ? "key" : "value") : 0;
}

static int check_key(struct loading *l, const struct value *key)
{
	const struct map *m = l->m;
	uint32_t first = 0;

	if (m->key_size >= 4)
		memcpy(&first, l->key, 4);
	if (map_is_indexed(m) && first >= m->max_entries)
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

static int hint_fields(struct loading *l, const char *const names[])
{
	__cleanup_buf struct buf known = BUF_INIT;

	for (size_t i = 0; names[i]; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", names[i]);
	return err_hint(l->err, "known fields: %s", buf_str(&known));
}

int loading_known_fields(struct loading *l, const struct value *v, const char *const names[])
{
	if (v->kind != VALUE_MAP) {
		err_input(l->err, &v->loc, "map %s (%s): fields by name belong here", l->m->name,
			  map_type_name(l->m->type));
		return hint_fields(l, names);
	}
	for (size_t i = 0; i < v->n; i++) {
		size_t j = 0;

		while (names[j] && strcmp(names[j], v->keys[i]->text))
			j++;
		if (names[j])
			continue;
		err_input(l->err, &v->keys[i]->loc,
			  "map %s: there is no field \"%s\" in an entry of a %s", l->m->name,
			  v->keys[i]->text, map_type_name(l->m->type));
		return hint_fields(l, names);
	}
	return 0;
}

int loading_put(struct loading *l, const void *io)
{
	int ret = bpf_map_update_elem(l->m->fd, l->key, io, BPF_ANY);

	if (ret)
		return map_fail(l->m, l->key, -ret, "writing", l->err);
	l->load->loaded++;
	return 0;
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
	if (holds == HOLDS_MAPS)
		return loading_inner(l, v, write);
	if (holds != HOLDS_DATA)
		return loading_handle(l, v, write);
	ret = encode_data(l, entry, v, values);
	return ret || !write ? ret : loading_put(l, l->io);
}

static int load_key(struct loading *l, const struct value *entry)
{
	static const char *const names[] = { "key", "value", "values", NULL };
	static const char *const bpftool[] = { "key", "value", "values", "formatted", NULL };
	const struct value *key = value_get(entry, "key");
	int ret = loading_known_fields(l, entry, l->bpftool ? bpftool : names);

	if (ret)
		return ret;
	if (!key || key->kind == VALUE_NULL)
		return err_input(l->err, &entry->loc, "map %s: this entry has no key", l->m->name);
	ret = l->bpftool ? encode_bpftool(l, true, key,
					  value_get(value_get(entry, "formatted"), "key"),
					  &entry->loc, l->key)
			 : encode_one(l, "key", key, l->key);
	return ret ? ret : check_key(l, key);
}

static int remember_key(struct loading *l, const struct value *entry)
{
	size_t size = l->m->key_size;

	if (l->n_seen == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		uint8_t *seen = reallocarray(l->seen, room, size);
		struct loc *at = NULL;

		l->seen = seen ? seen : l->seen;
		if (seen)
			at = reallocarray(l->seen_at, room, sizeof(*at));
		if (!at)
			return err_system(l->err, ENOMEM, "map %s: its keys", l->m->name);
		l->seen_at = at;
		l->room = room;
	}
	memcpy(l->seen + l->n_seen * size, l->key, size);
	l->seen_at[l->n_seen++] = entry->loc;
	return 0;
}

int loading_entry(struct loading *l, const struct value *entry, bool write)
{
	int ret = load_key(l, entry);

	if (!ret)
		ret = load_value(l, entry, write);
	return ret || write ? ret : remember_key(l, entry);
}

static int by_seen_key(const void *a, const void *b, void *arg)
{
	const struct loading *l = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	size_t size = l->m->key_size;
	int order = memcmp(l->seen + x * size, l->seen + y * size, size);

	return order ? order : (x > y) - (x < y);
}

static int same_key_twice(struct loading *l, uint32_t first, uint32_t second)
{
	const struct loc *was = &l->seen_at[first];

	if (!l->bpftool)
		return err_input(l->err, &l->seen_at[second],
				 "map %s: this key stands in line %d, column %d already",
				 l->m->name, was->line, was->col);
	maps_note(l->load,
		  "map %s: bpftool dumped a key twice, as of a map under change: the last "
		  "one counts",
		  l->m->name);
	return 0;
}

int loading_check_keys(struct loading *l)
{
	size_t size = l->m->key_size;
	uint32_t *order;
	int ret = 0;

	if (l->n_seen < 2)
		return 0;
	order = reallocarray(NULL, l->n_seen, sizeof(*order));
	if (!order)
		return err_system(l->err, ENOMEM, "map %s: its keys", l->m->name);
	for (size_t i = 0; i < l->n_seen; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, l->n_seen, sizeof(*order), by_seen_key, l);
	for (size_t i = 1; i < l->n_seen && !ret; i++)
		if (!memcmp(l->seen + order[i - 1] * size, l->seen + order[i] * size, size))
			ret = same_key_twice(l, order[i - 1], order[i]);
	free(order);
	return ret;
}

int loading_begin(struct loading *l, struct map *m, bool bpftool, struct maps_load *load,
		  struct err *err)
{
	*l = (struct loading){ .m = m, .load = load, .err = err, .bpftool = bpftool };
	l->scratch = arena_new();
	l->key = calloc(1, m->key_size + 8);
	l->value = calloc(1, m->value_size + 8);
	l->io = calloc(1, map_io_size(m) + 8);
	if (l->key && l->value && l->io)
		return 0;
	loading_end(l);
	return err_system(err, ENOMEM, "map %s", m->name);
}

void loading_end(struct loading *l)
{
	arena_free(l->scratch);
	free(l->key);
	free(l->value);
	free(l->io);
	free(l->seen);
	free(l->seen_at);
	*l = (struct loading){ .m = NULL };
}
