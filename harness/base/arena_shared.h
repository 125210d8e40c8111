/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Arenas that another process reads by pointer: memory that a parent maps before it forks, at the same
 * address in all of them, a slice for each child.
 *
 * A child that says arena_shared_use() takes the memory of every arena from its slice from then on, also what
 * is added to arenas that are older. Whatever its results point to, arenas, literals and what was there before
 * the fork, the parent can read. What the parent's results must not point to is a child's malloc().
 */
#ifndef VERDICT_BASE_ARENA_SHARED_H
#define VERDICT_BASE_ARENA_SHARED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Once a process; pages are taken when they are touched. System error where the machine grants no such
 * mapping (vm.overcommit_memory=2).
 */
int arena_shared_map(unsigned slices, struct err *err);
/* In a child, alone on that slice: one that follows another there goes on behind what it wrote. */
void arena_shared_use(unsigned slice);
/* In a child, before each result: what was allocated earlier and is freed later may be read by the parent, and
 * is left alone.
 */
void arena_shared_next(void);
bool arena_shared_in_use(void); /* by this process, as a child */
bool arena_shared_has(const void *p);

/* For arena.c. NULL: no room. *epoch is the block's; give it back. */
void *arena_shared_get(size_t size, unsigned *epoch);
void arena_shared_put(void *p, size_t size, unsigned epoch);

#endif
