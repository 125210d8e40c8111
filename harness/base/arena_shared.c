/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Slices of shared memory, handed out from their beginning; blocks of the usual size are used again. */
#include "base/arena_shared.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

/* Of addresses, not of memory; smaller where a process may not have so many (ulimit -v, strict overcommit). */
#define LARGEST_SLICE  ((size_t)1 << 36)
#define SMALLEST_SLICE ((size_t)1 << 28)
#define PAGE	       ((size_t)4096)

/* At a slice's beginning, so that who comes next knows where to go on. */
struct slice {
	size_t used;
};

struct free_block {
	struct free_block *next;
	size_t size;
};

/* One a process, for arenas have no context that could carry it. */
static struct {
	uint8_t *base;
	size_t size, slice_size;
	struct slice *mine; /* NULL: the parent, or nothing is shared */
	unsigned epoch;
	struct free_block *free; /* of this epoch */
} shared;

int arena_shared_map(unsigned slices, struct err *err)
{
	for (size_t slice = LARGEST_SLICE; slice >= SMALLEST_SLICE; slice /= 2) {
		void *base = mmap(NULL, slices * slice, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (base == MAP_FAILED)
			continue;
		shared.base = base;
		shared.slice_size = slice;
		shared.size = slices * slice;
		return 0;
	}
	err_system(err, errno, "cannot map memory for the results of %u workers", slices);
	return err_hint(err, "--jobs 1 needs none");
}

void arena_shared_use(unsigned slice)
{
	shared.mine = (struct slice *)(shared.base + slice * shared.slice_size);
	if (!shared.mine->used)
		shared.mine->used = PAGE;
}

void arena_shared_next(void)
{
	shared.epoch++;
	shared.free = NULL;
}

bool arena_shared_in_use(void)
{
	return shared.mine != NULL;
}

bool arena_shared_has(const void *p)
{
	return (const uint8_t *)p >= shared.base && (const uint8_t *)p < shared.base + shared.size;
}

static size_t whole_pages(size_t size)
{
	return (size + PAGE - 1) & ~(PAGE - 1);
}

void *arena_shared_get(size_t size, unsigned *epoch)
{
	struct slice *s = shared.mine;
	void *p;

	*epoch = shared.epoch;
	size = whole_pages(size);
	for (struct free_block **at = &shared.free; *at; at = &(*at)->next) {
		struct free_block *b = *at;

		if (b->size != size)
			continue;
		*at = b->next;
		return b;
	}
	if (size > shared.slice_size - s->used)
		return NULL;
	p = (uint8_t *)s + s->used;
	s->used += size;
	return p;
}

/* The parent has no use for addresses again, but the machine for the memory. */
void arena_shared_put(void *p, size_t size, unsigned epoch)
{
	struct free_block *b = p;

	if (!shared.mine) {
		madvise(p, whole_pages(size), MADV_REMOVE);
		return;
	}
	if (epoch != shared.epoch)
		return;
	b->size = whole_pages(size);
	b->next = shared.free;
	shared.free = b;
}
