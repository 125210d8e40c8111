/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A chain of blocks, bumped; the first block survives a reset. */
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena_shared.h"

#define BLOCK_MIN (64 * 1024 - sizeof(struct block))
#define ALIGN	  16

struct block {
	struct block *next;
	size_t used, size;
	unsigned epoch; /* of a shared one */
	_Alignas(ALIGN) uint8_t data[];
};

/* Stands in its first block. */
struct arena {
	_Alignas(ALIGN) struct block *first;
	struct block *last;
};

static void *must(void *p)
{
	if (!p) {
		fputs("verdict: out of memory\n", stderr);
		abort();
	}
	return p;
}

static struct block *block_new(size_t size)
{
	size_t all = sizeof(struct block) + size;
	unsigned epoch = 0;
	struct block *b = must(arena_shared_in_use() ? arena_shared_get(all, &epoch) : malloc(all));

	b->next = NULL;
	b->used = 0;
	b->size = size;
	b->epoch = epoch;
	return b;
}

struct arena *arena_new(void)
{
	struct block *b = block_new(BLOCK_MIN);
	struct arena *a = (struct arena *)b->data;

	b->used = sizeof(*a);
	a->first = a->last = b;
	return a;
}

static void free_chain(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		if (arena_shared_has(b))
			arena_shared_put(b, sizeof(*b) + b->size, b->epoch);
		else
			free(b);
		b = next;
	}
}

void arena_free(struct arena *a)
{
	if (a)
		free_chain(a->first);
}

void arena_reset(struct arena *a)
{
	free_chain(a->first->next);
	a->first->next = NULL;
	a->first->used = sizeof(*a);
	a->last = a->first;
}

/* One from before the fork is this process's copy, which nobody else sees. */
static bool has_room(const struct block *b, size_t size)
{
	return b->size - b->used >= size && (!arena_shared_in_use() || arena_shared_has(b));
}

static void *alloc_raw(struct arena *a, size_t size)
{
	struct block *b = a->last;
	void *p;

	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!has_room(b, size)) {
		b = block_new(size > BLOCK_MIN ? size : BLOCK_MIN);
		a->last->next = b;
		a->last = b;
	}
	p = b->data + b->used;
	b->used += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return memset(alloc_raw(a, size), 0, size);
}

void *arena_memdup(struct arena *a, const void *data, size_t size)
{
	void *p = alloc_raw(a, size ? size : 1);

	if (size)
		memcpy(p, data, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = arena_alloc(a, len + 1);

	memcpy(p, s, len);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		abort();
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

void *arena_grow(struct arena *a, void *list, size_t n, size_t elem)
{
	void *p;

	if (n == 0)
		return arena_alloc(a, 4 * elem);
	if (n < 4 || (n & (n - 1)))
		return list;
	p = arena_alloc(a, 2 * n * elem);
	memcpy(p, list, n * elem);
	return p;
}
