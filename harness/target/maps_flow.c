// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads JSON and as much of YAML's flow style as dumps of maps are written in. No anchors, tags or
 * block style: files that have those are small, and scenario/yaml.c reads them.
 */
#include "target/maps_flow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/maps_bpftool.h"

#define MAX_DEPTH 60

struct flow flow_begin(const char *file, const char *text, size_t len, struct err *err)
{
	return (struct flow){
		.file = file,
		.at = text,
		.end = text + len,
		.line_start = text,
		.line = 1,
		.err = err,
	};
}

static struct loc here(const struct flow *f)
{
	return (struct loc){ f->file, f->line, (int)(f->at - f->line_start) + 1 };
}

int flow_fail(struct flow *f, const char *fmt, ...)
{
	struct loc at = here(f);
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_input(f->err, &at, "%s", text);
}

char flow_next(struct flow *f)
{
	for (; f->at < f->end; f->at++) {
		char c = *f->at;

		if (c == '\n') {
			f->line++;
			f->line_start = f->at + 1;
		} else if (c == '#' && !f->json &&
			   (f->at == f->line_start || f->at[-1] == ' ' || f->at[-1] == '\t')) {
			const char *nl = memchr(f->at, '\n', (size_t)(f->end - f->at));

			f->at = (nl ? nl : f->end) - 1;
		} else if (c != ' ' && c != '\t' && c != '\r') {
			return c ? c : '\x01'; /* 0 is the end */
		}
	}
	return 0;
}

bool flow_take(struct flow *f, char c)
{
	if (flow_next(f) != c)
		return false;
	f->at++;
	return true;
}

static struct value *node(const struct flow *f, struct arena *a, enum value_kind kind)
{
	struct value *v = arena_new_of(a, struct value);

	v->kind = kind;
	v->loc = here(f);
	return v;
}

static void put_utf8(struct buf *out, unsigned code)
{
	if (code < 0x80) {
		buf_putc(out, (char)code);
	} else if (code < 0x800) {
		buf_putc(out, (char)(0xc0 | code >> 6));
		buf_putc(out, (char)(0x80 | (code & 0x3f)));
	} else {
		buf_putc(out, (char)(0xe0 | code >> 12));
		buf_putc(out, (char)(0x80 | (code >> 6 & 0x3f)));
		buf_putc(out, (char)(0x80 | (code & 0x3f)));
	}
}

static int hex_escape(struct flow *f, size_t digits, struct buf *out)
{
	char text[5] = "", *end;
	unsigned long code;

	if ((size_t)(f->end - f->at) <= digits)
		return flow_fail(f, "text without an end");
	memcpy(text, f->at + 1, digits);
	code = strtoul(text, &end, 16);
	if (*end || !code)
		return flow_fail(f, "\\%c wants %zu hex digits, not all zero", *f->at, digits);
	f->at += digits;
	put_utf8(out, (unsigned)code);
	return 0;
}

static int escape(struct flow *f, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *which;

	f->at++;
	if (f->at >= f->end)
		return flow_fail(f, "text without an end");
	if (*f->at == 'u' || *f->at == 'x')
		return hex_escape(f, *f->at == 'u' ? 4 : 2, out);
	which = strchr(from, *f->at);
	if (!which || !*f->at)
		return flow_fail(f, "\\%c means nothing in quoted text", *f->at);
	buf_putc(out, to[which - from]);
	return 0;
}

/* The text between quotes; f->at is behind them afterwards. */
static int quoted_text(struct flow *f, struct buf *out)
{
	char quote = *f->at++;
	int ret = 0;

	for (; f->at < f->end && !ret; f->at++) {
		char c = *f->at;

		if (c == quote && quote == '\'' && f->at + 1 < f->end && f->at[1] == '\'')
			f->at++;
		else if (c == quote)
			return f->at++, 0;
		if (c == '\0' || c == '\n')
			return flow_fail(f, "text in quotes ends on its line, and holds no NUL");
		if (c == '\\' && quote == '"')
			ret = escape(f, out);
		else
			buf_putc(out, c);
	}
	return ret ? ret : flow_fail(f, "text without an end");
}

/* Bare text ends before , ] } a line's end, a comment, and a colon that a blank follows. */
static bool ends_bare(const struct flow *f, const char *p)
{
	switch (*p) {
	case ',':
	case ']':
	case '}':
	case '[':
	case '{':
	case '\n':
	case '\r':
	case '\0':
		return true;
	case ':':
		return p + 1 == f->end || strchr(" \n\r,]}", p[1]);
	case '#':
		return p > f->at && p[-1] == ' ';
	default:
		return false;
	}
}

static size_t bare_length(const struct flow *f)
{
	const char *p = f->at;

	while (p < f->end && !ends_bare(f, p))
		p++;
	while (p > f->at && (p[-1] == ' ' || p[-1] == '\t'))
		p--;
	return (size_t)(p - f->at);
}

static int read_scalar(struct flow *f, struct arena *a, struct value **out)
{
	char c = *f->at;
	size_t len;

	*out = node(f, a, VALUE_SCALAR);
	if (c == '"' || c == '\'') {
		__cleanup_buf struct buf text = BUF_INIT;
		int ret = quoted_text(f, &text);

		(*out)->text = arena_strdup(a, buf_str(&text));
		(*out)->quoted = !f->json || strncmp((*out)->text, "0x", 2) != 0;
		return ret;
	}
	len = bare_length(f);
	if (!len || strchr("&*!|>%@`?", c))
		return flow_fail(f, "a value was expected here");
	(*out)->text = arena_strndup(a, f->at, len);
	if (strcmp((*out)->text, "null") == 0 || strcmp((*out)->text, "~") == 0)
		(*out)->kind = VALUE_NULL;
	f->at += len;
	return 0;
}

static int read_key(struct flow *f, struct arena *a, struct value **key)
{
	int ret;

	flow_next(f);
	if (f->at >= f->end)
		return flow_fail(f, "the file ends within a map");
	ret = read_scalar(f, a, key);
	if (ret)
		return ret;
	if ((*key)->kind == VALUE_NULL)
		return err_input(f->err, &(*key)->loc, "a key must be text");
	(*key)->quoted = false;
	if (!*(*key)->text)
		(*key)->text = arena_printf(a, BPFTOOL_ANONYMOUS "%u", f->n_anonymous++);
	if (!flow_take(f, ':'))
		return flow_fail(f, "a colon was expected after the key '%s'", (*key)->text);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	const struct value *x = *(struct value *const *)a, *y = *(struct value *const *)b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x->loc.col > y->loc.col) - (x->loc.col < y->loc.col);
}

static int check_duplicates(struct flow *f, struct arena *a, const struct value *map)
{
	struct value **sorted;

	if (map->n < 2)
		return 0;
	sorted = arena_memdup(a, map->keys, map->n * sizeof(*sorted));
	qsort(sorted, map->n, sizeof(*sorted), by_text);
	for (size_t i = 1; i < map->n; i++)
		if (strcmp(sorted[i]->text, sorted[i - 1]->text) == 0)
			return err_input(f->err, &sorted[i]->loc, "the key '%s' is given twice",
					 sorted[i]->text);
	return 0;
}

static int read_items(struct flow *f, struct arena *a, struct value *v)
{
	char close = v->kind == VALUE_MAP ? '}' : ']';
	struct value *key = NULL, *item;
	int ret;

	f->at++;
	while (!flow_take(f, close)) {
		if (v->n && !flow_take(f, ','))
			return flow_fail(f, "a comma or %c was expected", close);
		if (v->n && !f->json && flow_take(f, close)) /* YAML: one comma too many */
			break;
		ret = v->kind == VALUE_MAP ? read_key(f, a, &key) : 0;
		if (!ret)
			ret = flow_read(f, a, &item);
		if (ret)
			return ret;
		if (v->kind == VALUE_MAP) {
			v->keys = arena_grow(a, v->keys, v->n, sizeof(*v->keys));
			v->keys[v->n] = key;
		}
		value_push(a, v, item);
	}
	return v->kind == VALUE_MAP ? check_duplicates(f, a, v) : 0;
}

/* Past a string, whose quote stands at f->at. */
static void skip_quoted(struct flow *f)
{
	char quote = *f->at;

	for (f->at++; f->at < f->end && *f->at != quote && *f->at != '\n'; f->at++)
		f->at += *f->at == '\\' && quote == '"' && f->at + 1 < f->end;
}

static int skip(struct flow *f)
{
	int depth = 0;

	do {
		char c = flow_next(f);

		if (!c)
			return flow_fail(f, "the file ends within a value");
		if (!depth && strchr(",]}", c))
			return 0; /* what was passed was bare */
		if (c == '"' || c == '\'')
			skip_quoted(f);
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		if (f->at < f->end)
			f->at++;
	} while (depth || !strchr(",]}\n", flow_next(f) ? flow_next(f) : ','));
	return 0;
}

int flow_read(struct flow *f, struct arena *a, struct value **out)
{
	char c = flow_next(f);
	int ret;

	if (!a)
		return skip(f);
	if (!c)
		return flow_fail(f, "the file ends where a value was expected");
	if (c != '{' && c != '[')
		return read_scalar(f, a, out);
	if (++f->depth > MAX_DEPTH)
		return flow_fail(f, "nested too deeply");
	*out = node(f, a, c == '{' ? VALUE_MAP : VALUE_LIST);
	ret = read_items(f, a, *out);
	f->depth--;
	return ret;
}
