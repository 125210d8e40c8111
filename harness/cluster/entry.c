/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cluster/entry.h"

#include <inttypes.h>
#include <string.h>

#include "cluster/parts.h"

#define NUMBERS 65536

static struct value **shape_keys(struct cluster *c, const struct shape *s)
{
	void **slot = table_slot(&c->parts->words.keys, &s, sizeof(s));
	struct value **keys = *slot;

	if (keys)
		return keys;
	keys = arena_alloc(c->arena, s->n * sizeof(struct value *));
	for (size_t i = 0; i < s->n; i++)
		keys[i] = value_scalar(c->arena, "%s", s->names[i]);
	*slot = keys;
	return keys;
}

static size_t count_given(const struct shape *s, struct value *const fields[])
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += fields[i] != NULL;
	return n;
}

struct value *entry_struct(struct cluster *c, const struct shape *s, struct value *const fields[])
{
	struct value *v = value_map(c->arena), **keys = shape_keys(c, s);
	size_t n = count_given(s, fields);

	if (n == s->n) {
		v->n = n;
		v->keys = keys;
		v->items = arena_memdup(c->arena, fields, n * sizeof(*fields));
		return v;
	}
	v->keys = arena_alloc(c->arena, n * sizeof(struct value *));
	v->items = arena_alloc(c->arena, n * sizeof(struct value *));
	for (size_t i = 0; i < s->n; i++) {
		if (!fields[i])
			continue;
		v->keys[v->n] = keys[i];
		v->items[v->n++] = fields[i];
	}
	return v;
}

struct value *entry_number(struct cluster *c, uint64_t n)
{
	struct entry_words *w = &c->parts->words;

	if (n >= NUMBERS)
		return value_scalar(c->arena, "%" PRIu64, n);
	if (!w->numbers)
		w->numbers = arena_alloc(c->arena, NUMBERS * sizeof(struct value *));
	if (!w->numbers[n])
		w->numbers[n] = value_scalar(c->arena, "%" PRIu64, n);
	return w->numbers[n];
}

struct value *entry_flag(struct cluster *c, bool set)
{
	return set ? entry_number(c, 1) : NULL;
}

struct value *entry_address(struct cluster *c, const struct ip_addr *ip)
{
	__cleanup_buf struct buf text = BUF_INIT;

	ip_addr_print(&text, ip);
	return value_scalar(c->arena, "%s", buf_str(&text));
}

struct value *entry_mac(struct cluster *c, const uint8_t mac[6])
{
	return value_scalar(c->arena, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
			    mac[3], mac[4], mac[5]);
}

void entry_add(struct cluster *c, struct cluster_node *node, const char *map, struct value *key,
	       struct value *value)
{
	node->entries =
		arena_grow(c->arena, node->entries, node->n_entries, sizeof(*node->entries));
	node->entries[node->n_entries++] = (struct map_entry){ map, key, value };
}
