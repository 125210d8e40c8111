/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What stands on a line, and literal blocks: nodes, scalars, collections in brackets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/yaml_plain_parts.h"

/* Behind the last token of a line: spaces, or a comment set off by one. */
bool plain_rest_empty(const struct line *l, const char *p)
{
	const char *q = p;

	while (q < l->end && *q == ' ')
		q++;
	return q == l->end || (*q == '#' && q > p);
}

/* ---- nodes ---- */

static int column(const struct reader *r, const char *p)
{
	int col = 1;

	/* as the general reader counts: characters in lines of usual length */
	if (p - r->line.start > 400)
		return (int)(p - r->line.start) + 1;
	for (const char *q = r->line.start; q < p; q++)
		col += (*q & 0xc0) != 0x80;
	return col;
}

struct value *plain_node(struct reader *r, enum value_kind kind, const char *p)
{
	struct value *v;

	if (r->dry)
		return NULL;
	v = arena_new_of(r->nodes, struct value);
	v->kind = kind;
	v->loc = (struct loc){ r->s->name, r->line.number, column(r, p) };
	return v;
}

bool plain_is_null(const char *s, size_t len)
{
	return !len || (len == 1 && *s == '~') ||
	       (len == 4 && (memcmp(s, "null", 4) == 0 || memcmp(s, "Null", 4) == 0 ||
			     memcmp(s, "NULL", 4) == 0));
}

void plain_set_text(struct value *v, char *text, size_t len, bool quoted)
{
	if (!quoted && plain_is_null(text, len)) {
		v->kind = VALUE_NULL;
		return;
	}
	text[len] = '\0';
	v->text = text;
	v->quoted = quoted;
}

void plain_push_pair(struct reader *r, struct value *map, struct value *key, struct value *v)
{
	if (r->dry)
		return;
	if (v->kind == VALUE_NULL)
		v->loc = key->loc;
	map->keys = arena_grow(r->nodes, map->keys, map->n, sizeof(*map->keys));
	map->keys[map->n] = key;
	value_push(r->nodes, map, v);
}

/* Notes a key of the map that begins at `from` among the open keys; false if it has it already, or if it
 * is written in a way that would have to be understood to know.
 */
bool plain_note_key(struct reader *r, size_t from, const char *text, size_t len)
{
	if (*text == '"' || *text == '\'') {
		text++;
		len -= 2;
		if (memchr(text, '\\', len) || memchr(text, '\'', len))
			return false;
	}
	if (len == 2 && memcmp(text, "<<", 2) == 0)
		return false;
	for (size_t i = from; i < r->n_keys; i++)
		if (r->keys[i].len == len && memcmp(r->keys[i].text, text, len) == 0)
			return false;
	if (r->n_keys == r->room) {
		void *more = realloc(r->keys, (r->room * 2 + 64) * sizeof(*r->keys));

		if (!more)
			return false;
		r->keys = more;
		r->room = r->room * 2 + 64;
	}
	r->keys[r->n_keys++] = (struct key_ref){ text, len };
	return true;
}

/* ---- scalars ---- */

/* The closing quote of a scalar that begins at p; NULL: not on this line. */
static char *quoted_end(const struct line *l, char *p)
{
	char quote = *p++;

	for (; p < l->end; p++) {
		bool pair =
			quote == '"' ? *p == '\\' : *p == '\'' && p + 1 < l->end && p[1] == '\'';

		if (pair)
			p++;
		else if (*p == quote)
			return p;
	}
	return NULL;
}

/* Of the escapes those that stand for one byte. */
static int escaped(char c)
{
	static const char from[] = "\"\\/ntr0abefv", to[] = "\"\\/\n\t\r\0\a\b\033\f\v";
	const char *at = c ? strchr(from, c) : NULL;

	return at && c != '0' ? to[at - from] : -1;
}

bool plain_known_escapes(const char *p, const char *end)
{
	if (*p != '"')
		return true;
	for (p++; p < end; p++)
		if (*p == '\\' && escaped(*++p) < 0)
			return false;
	return true;
}

/* Takes the quotes off in place; the length of what is left behind the opening one. */
size_t plain_unquote(char *p, const char *end)
{
	char quote = *p++, *to = p, *start = p;

	for (; p < end; p++) {
		if (*p == '\\' && quote == '"')
			*to++ = (char)escaped(*++p);
		else if (*p == '\'' && quote == '\'')
			*to++ = *p++;
		else
			*to++ = *p;
	}
	return (size_t)(to - start);
}

int plain_quoted(struct reader *r, char **p, struct value **out)
{
	char *end = quoted_end(&r->line, *p);

	if (!end || !plain_known_escapes(*p, end))
		return NOT_PLAIN;
	*out = plain_node(r, VALUE_SCALAR, *p);
	if (*out)
		plain_set_text(*out, *p + 1, plain_unquote(*p, end), true);
	*p = end + 1;
	return 0;
}

static bool begins_plain(const char *p, const char *end)
{
	if (strchr(",[]{}#&*!|>'\"%@`", *p))
		return false;
	return !strchr("-?:", *p) || (*p == '-' && p + 1 < end && !strchr(" ,[]{}", p[1]));
}

/* Where a plain scalar ends that may go on to the end of the line; NULL: it is none. */
char *plain_scalar_end(const struct line *l, char *p)
{
	char *end = p;

	if (!begins_plain(p, l->end))
		return NULL;
	for (; p < l->end; p++) {
		if (*p == ' ' && p + 1 < l->end && p[1] == '#')
			break;
		if (*p == ':' && (p + 1 == l->end || p[1] == ' '))
			return NULL;
		if (*p == '\t' || *p == '\r')
			return NULL;
		if (*p != ' ')
			end = p + 1;
	}
	return end;
}

/* Where a key ends that begins at p: its colon is followed by a space or the line's end. */
char *plain_key_end(const struct line *l, char *p)
{
	if (*p == '"' || *p == '\'') {
		p = quoted_end(l, p);
		return p && p + 1 < l->end && p[1] == ':' && (p + 2 == l->end || p[2] == ' ')
			       ? p + 1
			       : NULL;
	}
	if (!begins_plain(p, l->end))
		return NULL;
	for (; p < l->end; p++) {
		if (*p == ':' && (p + 1 == l->end || p[1] == ' '))
			return p[-1] == ' ' ? NULL : p;
		if ((*p == ' ' && p + 1 < l->end && p[1] == '#') || *p == '\t' || *p == '\r')
			return NULL;
	}
	return NULL;
}

/* ---- literal blocks ---- */

/* Lines of a literal block: those deeper than the parent, and empty ones. */
static bool in_literal(const char *p, const char *end, unsigned indent)
{
	unsigned n = 0;

	while (p < end && *p == ' ' && n < indent) {
		p++;
		n++;
	}
	return p == end || n == indent;
}

static unsigned literal_indent(const struct reader *r, char *p)
{
	while (p < r->end) {
		char *end = memchr(p, '\n', (size_t)(r->end - p));
		char *q = p;

		end = end ? end : r->end;
		while (q < end && *q == ' ')
			q++;
		if (q < end)
			return *q == '\t' ? 0 : (unsigned)(q - p);
		p = end + 1;
	}
	return 0;
}

/* Moves a line of the block without its indentation to `to`; where the next one goes. */
static char *take_line(char *to, char *from, const char *end, unsigned indent)
{
	size_t len = (size_t)(end - from), skip = len < indent ? len : indent;

	memmove(to, from + skip, len - skip);
	to += len - skip;
	*to++ = '\n';
	return to;
}

/* "|" and "|-" alone; the block's lines lose their indentation in place. */
int plain_literal(struct reader *r, char *p, unsigned parent, struct value **out)
{
	bool strip = p + 1 < r->line.end && p[1] == '-';
	char *from = r->line.end + 1, *start = from, *to = from;
	unsigned indent = from < r->end ? literal_indent(r, from) : 0;

	if (!plain_rest_empty(&r->line, p + 1 + strip) || indent <= parent)
		return NOT_PLAIN;
	*out = plain_node(r, VALUE_SCALAR, p);
	if (*out) /* as the general reader says: where the text begins */
		(*out)->loc = (struct loc){ r->s->name, r->line.number + 1, 1 };
	while (from < r->end) {
		char *end = memchr(from, '\n', (size_t)(r->end - from));

		end = end ? end : r->end;
		if (!in_literal(from, end, indent))
			break;
		if (!r->dry)
			to = take_line(to, from, end, indent);
		r->line.end = end;
		r->line.number++;
		from = end + 1;
	}
	while (to > start && to[-1] == '\n')
		to--;
	if (*out && to > start && !strip)
		*to++ = '\n';
	if (*out)
		plain_set_text(*out, start, (size_t)(to - start), true);
	return 0;
}

/* ---- collections on one line ---- */

static void skip_spaces(const struct reader *r, char **p)
{
	while (*p < r->line.end && **p == ' ')
		(*p)++;
}

/* A plain scalar inside brackets, copied, for the byte behind it is still to be read. */
static int read_flow_plain(struct reader *r, char **p, struct value **out)
{
	char *q = *p, *end = q;

	if (q >= r->line.end || !begins_plain(q, r->line.end))
		return NOT_PLAIN;
	for (; q < r->line.end && !strchr(",[]{}", *q); q++) {
		bool last = q + 1 == r->line.end;

		if (*q == ':' && (last || strchr(" ,[]{}", q[1])))
			break;
		if (*q == '\t' || *q == '\r' || (*q == '#' && q[-1] == ' '))
			return NOT_PLAIN;
		if (*q != ' ')
			end = q + 1;
	}
	*out = plain_node(r, VALUE_SCALAR, *p);
	if (*out) {
		size_t len = (size_t)(end - *p);

		plain_set_text(*out, arena_strndup(r->texts, *p, len), len, false);
	}
	*p = q;
	return 0;
}

static int read_flow_value(struct reader *r, char **p, int depth, struct value **out)
{
	skip_spaces(r, p);
	if (*p >= r->line.end)
		return NOT_PLAIN;
	if (**p == '[' || **p == '{')
		return plain_flow(r, p, depth, out);
	if (**p == '"' || **p == '\'')
		return plain_quoted(r, p, out);
	return read_flow_plain(r, p, out);
}

static int read_flow_pair(struct reader *r, char **p, int depth, size_t keys, struct value *map)
{
	struct value *key = NULL, *v = NULL;
	char *start;

	skip_spaces(r, p);
	start = *p;
	if (start >= r->line.end || *start == '[' || *start == '{' ||
	    read_flow_value(r, p, depth, &key))
		return NOT_PLAIN;
	if (r->dry && (plain_is_null(start, (size_t)(*p - start)) ||
		       !plain_note_key(r, keys, start, (size_t)(*p - start))))
		return NOT_PLAIN;
	if (*p + 1 >= r->line.end || **p != ':' || (*p)[1] != ' ')
		return NOT_PLAIN;
	(*p)++;
	if (read_flow_value(r, p, depth, &v))
		return NOT_PLAIN;
	plain_push_pair(r, map, key, v);
	return 0;
}

int plain_flow(struct reader *r, char **p, int depth, struct value **out)
{
	bool is_map = **p == '{';
	size_t keys = r->n_keys;

	*out = plain_node(r, is_map ? VALUE_MAP : VALUE_LIST, *p);
	(*p)++;
	skip_spaces(r, p);
	if (depth > MAX_DEPTH)
		return NOT_PLAIN;
	if (*p < r->line.end && **p == (is_map ? '}' : ']')) {
		(*p)++;
		return 0;
	}
	for (;;) {
		struct value *item = NULL;

		if (is_map ? read_flow_pair(r, p, depth + 1, keys, *out)
			   : read_flow_value(r, p, depth + 1, &item))
			return NOT_PLAIN;
		if (!is_map && !r->dry)
			value_push(r->nodes, *out, item);
		skip_spaces(r, p);
		if (*p >= r->line.end || (**p != ',' && **p != (is_map ? '}' : ']')))
			return NOT_PLAIN;
		if (*(*p)++ != ',')
			break;
	}
	r->n_keys = keys;
	return 0;
}
