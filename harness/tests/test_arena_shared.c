// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* base/arena_shared: what a child leaves in its arenas is read by its parent, by pointer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/arena_shared.h"

/* A list, as results are: pointers into the same arena. */
struct item {
	struct item *next;
	const char *text;
};

struct left {
	struct arena *arena;
	struct item *list;
};

typedef struct left child_fn(struct arena *older);

static int ends[2];

/* fn in a child on that slice; what it left. */
static struct left in_child(unsigned slice, child_fn *fn, struct arena *older)
{
	struct left left = { NULL, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		arena_shared_use(slice);
		left = fn(older);
		_exit(write(ends[1], &left, sizeof(left)) != sizeof(left));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "the child failed");
	cr_assert_eq(read(ends[0], &left, sizeof(left)), (ssize_t)sizeof(left));
	return left;
}

static struct item *push(struct arena *a, struct item *list, const char *text, unsigned n)
{
	struct item *i = arena_new_of(a, struct item);

	i->text = arena_printf(a, "%s-%u", text, n);
	i->next = list;
	return i;
}

static struct left make_list(struct arena *a, const char *text, unsigned n)
{
	struct left left = { a, NULL };

	for (unsigned i = 0; i < n; i++)
		left.list = push(a, left.list, text, i);
	return left;
}

static void check_list(const struct item *list, const char *text, unsigned n)
{
	char expected[64];

	for (; n > 0; n--, list = list->next) {
		cr_assert(list, "the list ends early");
		snprintf(expected, sizeof(expected), "%s-%u", text, n - 1);
		cr_assert_str_eq(list->text, expected);
	}
	cr_assert_null(list);
}

static void set_up(void)
{
	struct err err;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(arena_shared_map(2, &err), 0, "%s", err.text);
}

static struct left many(struct arena *older)
{
	(void)older;
	return make_list(arena_new(), "x", 20000);
}

Test(arena_shared, a_parent_reads_what_a_child_made, .init = set_up)
{
	struct left left = in_child(0, many, NULL);

	cr_assert(arena_shared_has(left.arena));
	check_list(left.list, "x", 20000);
	arena_free(left.arena);
}

static struct left into_older(struct arena *older)
{
	return make_list(older, "older", 10);
}

Test(arena_shared, what_a_child_adds_to_an_older_arena_is_readable, .init = set_up)
{
	struct arena *older = arena_new();
	struct left left;

	arena_alloc(older, 100);
	left = in_child(0, into_older, older);
	cr_assert(!arena_shared_has(older));
	check_list(left.list, "older", 10);
	arena_free(older);
}

/* A result points to what is freed after it, as a session's cluster is. */
static struct left freed_later(struct arena *older)
{
	struct left first = make_list(arena_new(), "first", 5000), second;

	(void)older;
	arena_shared_next();
	arena_free(first.arena);
	second = make_list(arena_new(), "second", 20000);
	second.list = first.list;
	return second;
}

Test(arena_shared, what_earlier_results_point_to_is_left_alone, .init = set_up)
{
	check_list(in_child(0, freed_later, NULL).list, "first", 5000);
}

/* The same block, for what came and went within one result. */
static struct left used_again(struct arena *older)
{
	struct arena *a = arena_new(), *b;

	(void)older;
	arena_alloc(a, 1000);
	arena_free(a);
	b = arena_new();
	return make_list(b, a == b ? "again" : "anew", 1);
}

Test(arena_shared, what_came_and_went_within_a_result_is_used_again, .init = set_up)
{
	check_list(in_child(0, used_again, NULL).list, "again", 1);
}

static struct left few(struct arena *older)
{
	(void)older;
	return make_list(arena_new(), "few", 3);
}

Test(arena_shared, who_follows_on_a_slice_goes_on_behind, .init = set_up)
{
	struct left dead = in_child(1, many, NULL), next = in_child(1, few, NULL),
		    beside = in_child(0, few, NULL);

	check_list(dead.list, "x", 20000);
	check_list(next.list, "few", 3);
	check_list(beside.list, "few", 3);
}

/* In kB, of this process. */
static long shared_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssShmem: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

Test(arena_shared, what_the_parent_frees_is_the_machines_again, .init = set_up)
{
	struct left left = in_child(0, many, NULL);
	long before;

	check_list(left.list, "x", 20000);
	before = shared_kb();
	arena_free(left.arena);
	cr_assert_gt(before, 500);
	cr_assert_lt(shared_kb(), before / 2);
}
