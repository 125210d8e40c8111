// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two descriptions of a map's entries: what was added, removed and changed, field by field. */
#include <stdlib.h>
#include <string.h>

#include "target/maps_file.h"

struct row {
	const char *key; /* as text */
	const struct value *value;
};

static const char *flow(struct arena *a, const struct value *v)
{
	__cleanup_buf struct buf text = BUF_INIT;

	value_print(&text, v);
	return arena_strdup(a, buf_str(&text));
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static const struct value *value_of(const struct value *entry)
{
	const struct value *v = value_get(entry, "value");

	return v ? v : value_get(entry, "values");
}

static struct row *rows_of(struct arena *a, const struct value *desc, size_t *n)
{
	const struct value *entries = value_get(desc, "entries"), *key;
	struct row *rows;

	*n = 0;
	if (!entries)
		return NULL;
	rows = arena_alloc(a, (entries->n + 1) * sizeof(*rows));
	for (size_t i = 0; i < entries->n; i++) {
		key = value_get(entries->items[i], "key");
		rows[i].key = key ? flow(a, key) : "";
		rows[i].value = value_of(entries->items[i]);
	}
	*n = entries->n;
	qsort(rows, *n, sizeof(*rows), by_key);
	return rows;
}

struct differ {
	struct arena *arena;
	struct buf *out;
	const char *key;
	size_t n;
};

static void said(struct differ *d, const char *path, const struct value *was,
		 const struct value *is)
{
	d->n++;
	buf_printf(d->out, "~ %s %s: %s -> %s\n", d->key, *path ? path : "value",
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

static void one_side(struct differ *d, char sign, const struct row *r)
{
	d->n++;
	buf_printf(d->out, "%c %s %s\n", sign, r->key, r->value ? flow(d->arena, r->value) : "");
}

size_t maps_file_diff(struct arena *a, struct buf *out, const struct value *was,
		      const struct value *is)
{
	struct differ d = { .arena = a, .out = out };
	size_t n, m, i = 0, j = 0;
	struct row *x = rows_of(a, was, &n), *y = rows_of(a, is, &m);

	while (i < n || j < m) {
		int order = i == n ? 1 : j == m ? -1 : by_key(&x[i], &y[j]);

		if (order < 0) {
			one_side(&d, '-', &x[i++]);
		} else if (order > 0) {
			one_side(&d, '+', &y[j++]);
		} else {
			d.key = x[i].key;
			diff_tree(&d, "", x[i++].value, y[j++].value);
		}
	}
	return d.n;
}
