// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The entries of two maps held against each other: what was added, removed and changed, field by field. */
#include <stdlib.h>
#include <string.h>

#include "target/maps_flow.h"
#include "target/maps_rows.h"
#include "target/maps_rows_internal.h"

struct differ {
	FILE *out;
	const char *name; /* of the map */
	struct arena *arena; /* of one entry */
	const char *key;
	size_t n;
};

static int by_key(const void *a, const void *b, void *arg)
{
	const struct maps_row *x = a, *y = b;
	const char *text = arg;

	return strcmp(text + x->key, text + y->key);
}

static void sort(struct maps_rows *r)
{
	if (r->n)
		qsort_r(r->rows, r->n, sizeof(*r->rows), by_key, r->text.data);
}

/* The row's text was printed by us, so it reads back; the line it would be blamed on is of no file. */
static const struct value *tree(struct differ *d, const char *text)
{
	struct flow f = flow_begin(NULL, text, strlen(text), NULL);
	struct value *v = NULL;

	if (*text)
		flow_read(&f, d->arena, &v);
	return v;
}

static const char *flow(struct arena *a, const struct value *v)
{
	__cleanup_buf struct buf text = BUF_INIT;

	value_print(&text, v);
	return arena_strdup(a, buf_str(&text));
}

static void count(struct differ *d)
{
	if (!d->n++)
		fprintf(d->out, "map %s\n", d->name);
}

static void said(struct differ *d, const char *path, const struct value *was,
		 const struct value *is)
{
	count(d);
	fprintf(d->out, "~ %s %s: %s -> %s\n", d->key, *path ? path : "value",
		was ? flow(d->arena, was) : "absent", is ? flow(d->arena, is) : "absent");
}

static void diff_tree(struct differ *d, const char *path, const struct value *was,
		      const struct value *is)
{
	const char *dot = *path ? "." : "";

	if (was == is)
		return;
	if (was && is &&
	    (value_equal(was, is) || (value_matches(was, is) && value_matches(is, was))))
		return;
	if (!was || !is || was->kind != is->kind ||
	    (was->kind != VALUE_MAP && (was->kind != VALUE_LIST || was->n != is->n))) {
		said(d, path, was, is);
		return;
	}
	for (size_t i = 0; i < was->n; i++) {
		if (was->kind == VALUE_LIST)
			diff_tree(d, arena_printf(d->arena, "%s[%zu]", path, i), was->items[i],
				  is->items[i]);
		else
			diff_tree(d,
				  arena_printf(d->arena, "%s%s%s", path, dot, was->keys[i]->text),
				  was->items[i], value_get(is, was->keys[i]->text));
	}
	for (size_t i = 0; was->kind == VALUE_MAP && i < is->n; i++)
		if (!value_get(was, is->keys[i]->text))
			said(d, arena_printf(d->arena, "%s%s%s", path, dot, is->keys[i]->text),
			     NULL, is->items[i]);
}

static void one_side(struct differ *d, char sign, const char *key, const char *value)
{
	count(d);
	fprintf(d->out, "%c %s %s\n", sign, key, value);
}

static void both_sides(struct differ *d, const char *key, const char *was, const char *is)
{
	if (strcmp(was, is) == 0)
		return;
	arena_reset(d->arena);
	d->key = key;
	diff_tree(d, "", tree(d, was), tree(d, is));
}

size_t maps_rows_diff(FILE *out, struct maps_rows *was, struct maps_rows *is)
{
	struct differ d = { .out = out, .name = is->name, .arena = arena_new() };
	const char *a = buf_str(&was->text), *b = buf_str(&is->text);
	size_t i = 0, j = 0;

	sort(was);
	sort(is);
	while (i < was->n || j < is->n) {
		const struct maps_row *x = &was->rows[i], *y = &is->rows[j];
		int order = i == was->n ? 1 : j == is->n ? -1 : strcmp(a + x->key, b + y->key);

		if (order < 0)
			one_side(&d, '-', a + x->key, a + x->value);
		else if (order > 0)
			one_side(&d, '+', b + y->key, b + y->value);
		else
			both_sides(&d, a + x->key, a + x->value, b + y->value);
		i += order <= 0;
		j += order >= 0;
	}
	arena_free(d.arena);
	return d.n;
}
