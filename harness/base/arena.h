/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An arena: memory that is freed whole. One a run, one a scenario, one reset a packet.
 *
 * Allocation never returns NULL: out of memory ends the process (nothing could be reported then).
 */
#ifndef VERDICT_BASE_ARENA_H
#define VERDICT_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
void arena_reset(struct arena *a); /* forgets all allocations, keeps the first block */

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned to 16 */
void *arena_memdup(struct arena *a, const void *data, size_t size);
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Room for one more element in a list kept as pointer and count: doubles the room at each power of
 * two and returns the (perhaps moved) array; the caller stores to list[n] and raises n.
 * `list = arena_grow(a, list, n, sizeof(*list))`.
 */
void *arena_grow(struct arena *a, void *list, size_t n, size_t elem);

#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))

#endif
