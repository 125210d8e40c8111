/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An arena and an error for each test of a file: TestSuite(NAME, .init = set_up, .fini = tear_down). */
#ifndef VERDICT_TESTS_OWN_ARENA_H
#define VERDICT_TESTS_OWN_ARENA_H

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

static struct arena *arena;
static struct err *err;

static void set_up(void)
{
	arena = arena_new();
	err = calloc(1, sizeof(*err));
}

static void tear_down(void)
{
	arena_free(arena);
	free(err);
}

#endif
