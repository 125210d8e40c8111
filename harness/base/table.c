/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Open addressing with linear probing, never more than three quarters full. The hash is FNV-1a with its
 * high bits folded in: keys are names and addresses of a cluster, which nobody chooses to collide.
 */
#include "base/table.h"

#include <stdbool.h>
#include <string.h>

#define ROOM_MIN 16

struct table_entry {
	const void *key; /* NULL: free */
	void *value;
	size_t len;
	uint64_t hash;
};

static uint64_t hash_of(const void *key, size_t len)
{
	const uint8_t *p = key;
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h ^ h >> 32;
}

static bool is_key(const struct table_entry *e, uint64_t hash, const void *key, size_t len)
{
	return e->hash == hash && e->len == len && memcmp(e->key, key, len) == 0;
}

/* Where the key is, or would be put. */
static struct table_entry *find(const struct table *t, uint64_t hash, const void *key, size_t len)
{
	size_t i = hash & (t->room - 1);

	while (t->entries[i].key && !is_key(&t->entries[i], hash, key, len))
		i = (i + 1) & (t->room - 1);
	return &t->entries[i];
}

void *table_get(const struct table *t, const void *key, size_t len)
{
	const struct table_entry *e = t->room ? find(t, hash_of(key, len), key, len) : NULL;

	return e && e->key ? e->value : NULL;
}

static void grow(struct table *t)
{
	struct table bigger = { t->arena, NULL, t->room ? 2 * t->room : ROOM_MIN, t->n };

	bigger.entries = arena_alloc(t->arena, bigger.room * sizeof(*bigger.entries));
	for (size_t i = 0; i < t->room; i++) {
		const struct table_entry *e = &t->entries[i];

		if (e->key)
			*find(&bigger, e->hash, e->key, e->len) = *e;
	}
	*t = bigger;
}

void **table_slot(struct table *t, const void *key, size_t len)
{
	uint64_t hash = hash_of(key, len);
	struct table_entry *e;

	if (4 * (t->n + 1) > 3 * t->room)
		grow(t);
	e = find(t, hash, key, len);
	if (!e->key) {
		*e = (struct table_entry){ arena_memdup(t->arena, key, len), NULL, len, hash };
		t->n++;
	}
	return &e->value;
}

void *table_get_text(const struct table *t, const char *key)
{
	return table_get(t, key, strlen(key));
}

void **table_slot_text(struct table *t, const char *key)
{
	return table_slot(t, key, strlen(key));
}
