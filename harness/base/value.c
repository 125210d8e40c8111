/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Building, finding and printing trees of named values. */
#include "base/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct value *new_value(struct arena *a, enum value_kind kind)
{
	struct value *v = arena_new_of(a, struct value);

	v->kind = kind;
	return v;
}

struct value *value_null(struct arena *a)
{
	return new_value(a, VALUE_NULL);
}

static struct value *scalar_v(struct arena *a, const char *fmt, va_list ap)
{
	struct value *v = new_value(a, VALUE_SCALAR);
	char text[512];
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n >= 0 && (size_t)n < sizeof(text)) {
		v->text = arena_strdup(a, text);
	} else {
		char *big = arena_alloc(a, (size_t)n + 1);

		vsnprintf(big, (size_t)n + 1, fmt, again);
		v->text = big;
	}
	va_end(again);
	return v;
}

struct value *value_scalar(struct arena *a, const char *fmt, ...)
{
	struct value *v;
	va_list ap;

	va_start(ap, fmt);
	v = scalar_v(a, fmt, ap);
	va_end(ap);
	return v;
}

struct value *value_map(struct arena *a)
{
	return new_value(a, VALUE_MAP);
}

struct value *value_list(struct arena *a)
{
	return new_value(a, VALUE_LIST);
}

struct value *value_push(struct arena *a, struct value *list, struct value *v)
{
	list->items = arena_grow(a, list->items, list->n, sizeof(*list->items));
	list->items[list->n++] = v;
	return v;
}

struct value *value_set(struct arena *a, struct value *map, const char *key, struct value *v)
{
	struct value *k = new_value(a, VALUE_SCALAR);

	k->text = arena_strdup(a, key);
	k->loc = v->loc;
	map->keys = arena_grow(a, map->keys, map->n, sizeof(*map->keys));
	map->keys[map->n] = k;
	return value_push(a, map, v);
}

void value_setf(struct arena *a, struct value *map, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	value_set(a, map, key, scalar_v(a, fmt, ap));
	va_end(ap);
}

static struct value *get_n(const struct value *v, const char *key, size_t len)
{
	if (!v || v->kind != VALUE_MAP)
		return NULL;
	for (size_t i = 0; i < v->n; i++) {
		const char *text = v->keys[i]->text;

		if (text && strncmp(text, key, len) == 0 && text[len] == '\0')
			return v->items[i];
	}
	return NULL;
}

struct value *value_get(const struct value *v, const char *key)
{
	return get_n(v, key, strlen(key));
}

struct value *value_path(const struct value *v, const char *path)
{
	const struct value *at = v;

	while (at && *path) {
		size_t len = strcspn(path, ".");

		at = get_n(at, path, len);
		path += len;
		if (*path == '.')
			path++;
	}
	return (struct value *)at;
}

const char *value_text(const struct value *v)
{
	return v && v->kind == VALUE_SCALAR ? v->text : NULL;
}

bool value_equal(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind || a->n != b->n)
		return false;
	switch (a->kind) {
	case VALUE_NULL:
		return true;
	case VALUE_SCALAR:
		return strcmp(a->text, b->text) == 0;
	case VALUE_LIST:
		for (size_t i = 0; i < a->n; i++)
			if (!value_equal(a->items[i], b->items[i]))
				return false;
		return true;
	case VALUE_MAP:
		for (size_t i = 0; i < a->n; i++) {
			const struct value *other = value_get(b, a->keys[i]->text);

			if (!other || !value_equal(a->items[i], other))
				return false;
		}
		return true;
	}
	return false;
}

struct value *value_copy(struct arena *a, const struct value *v)
{
	struct value *c = new_value(a, v->kind);

	c->loc = v->loc;
	c->loc.file = arena_strdup(a, v->loc.file);
	c->quoted = v->quoted;
	c->text = arena_strdup(a, v->text);
	for (size_t i = 0; i < v->n; i++) {
		if (v->kind == VALUE_MAP)
			value_set(a, c, v->keys[i]->text, value_copy(a, v->items[i]));
		else
			value_push(a, c, value_copy(a, v->items[i]));
	}
	return c;
}

void value_print(struct buf *out, const struct value *v)
{
	switch (v->kind) {
	case VALUE_NULL:
		buf_puts(out, "null");
		return;
	case VALUE_SCALAR:
		if (v->quoted || !*v->text)
			buf_printf(out, "\"%s\"", v->text);
		else
			buf_puts(out, v->text);
		return;
	case VALUE_LIST:
	case VALUE_MAP:
		buf_putc(out, v->kind == VALUE_MAP ? '{' : '[');
		for (size_t i = 0; i < v->n; i++) {
			if (i)
				buf_puts(out, ", ");
			if (v->kind == VALUE_MAP)
				buf_printf(out, "%s: ", v->keys[i]->text);
			value_print(out, v->items[i]);
		}
		buf_putc(out, v->kind == VALUE_MAP ? '}' : ']');
		return;
	}
}
