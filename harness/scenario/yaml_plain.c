/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two passes of one reader over a slice: dry, which only says whether all of it is plain, and one that
 * makes the tree and ends texts with NULs in place.
 */
#include "scenario/yaml_plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 60
#define NOT_PLAIN -1

struct line {
	char *start, *text, *end; /* end: the newline, or the end of the slice */
	int number;
	unsigned indent; /* of text; of the rest behind "- " once that is taken off */
};

struct key_ref {
	const char *text;
	size_t len;
};

struct reader {
	const struct yaml_slice *s;
	char *end;
	bool dry;
	struct line line; /* start NULL: the slice is over */
	struct arena *nodes, *texts;
	struct arena *items; /* nodes of what is handed to visit; NULL: nothing is */
	yaml_visit visit;
	void *user;
	/* dry: the keys of all open maps, to find one given twice */
	struct key_ref *keys;
	size_t n_keys, room;
};

static int read_block(struct reader *r, int depth, struct value **out);

/* ---- lines ---- */

/* The next line that says something. False: a tab or a carriage return is in its indentation. */
static bool next_line(struct reader *r)
{
	struct line *l = &r->line;
	char *p = l->end + 1;

	for (;; p = l->end + 1) {
		if (p >= r->end) {
			l->start = NULL;
			return true;
		}
		l->number++;
		l->end = memchr(p, '\n', (size_t)(r->end - p));
		if (!l->end)
			l->end = r->end;
		l->start = p;
		while (p < l->end && *p == ' ')
			p++;
		if (p < l->end && *p != '#')
			break;
	}
	l->text = p;
	l->indent = (unsigned)(p - l->start);
	return *p != '\t' && *p != '\r';
}

static bool at_indent(const struct reader *r, unsigned indent)
{
	return r->line.start && r->line.indent == indent;
}

static bool is_dash(const struct line *l)
{
	return *l->text == '-' && (l->text + 1 == l->end || l->text[1] == ' ');
}

/* Behind the last token of a line: spaces, or a comment set off by one. */
static bool is_rest_empty(const struct line *l, const char *p)
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

static struct value *new_node(struct reader *r, enum value_kind kind, const char *p)
{
	struct value *v;

	if (r->dry)
		return NULL;
	v = arena_new_of(r->nodes, struct value);
	v->kind = kind;
	v->loc = (struct loc){ r->s->name, r->line.number, column(r, p) };
	return v;
}

static bool is_null(const char *s, size_t len)
{
	return !len || (len == 1 && *s == '~') ||
	       (len == 4 && (memcmp(s, "null", 4) == 0 || memcmp(s, "Null", 4) == 0 ||
			     memcmp(s, "NULL", 4) == 0));
}

static void set_text(struct value *v, char *text, size_t len, bool quoted)
{
	if (!quoted && is_null(text, len)) {
		v->kind = VALUE_NULL;
		return;
	}
	text[len] = '\0';
	v->text = text;
	v->quoted = quoted;
}

static void push_pair(struct reader *r, struct value *map, struct value *key, struct value *v)
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
static bool note_key(struct reader *r, size_t from, const char *text, size_t len)
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

static bool only_known_escapes(const char *p, const char *end)
{
	if (*p != '"')
		return true;
	for (p++; p < end; p++)
		if (*p == '\\' && escaped(*++p) < 0)
			return false;
	return true;
}

/* Takes the quotes off in place; the length of what is left behind the opening one. */
static size_t unquote(char *p, const char *end)
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

static int read_quoted(struct reader *r, char **p, struct value **out)
{
	char *end = quoted_end(&r->line, *p);

	if (!end || !only_known_escapes(*p, end))
		return NOT_PLAIN;
	*out = new_node(r, VALUE_SCALAR, *p);
	if (*out)
		set_text(*out, *p + 1, unquote(*p, end), true);
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
static char *plain_end(const struct line *l, char *p)
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
static char *key_end(const struct line *l, char *p)
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
static int read_literal(struct reader *r, char *p, unsigned parent, struct value **out)
{
	bool strip = p + 1 < r->line.end && p[1] == '-';
	char *from = r->line.end + 1, *start = from, *to = from;
	unsigned indent = from < r->end ? literal_indent(r, from) : 0;

	if (!is_rest_empty(&r->line, p + 1 + strip) || indent <= parent)
		return NOT_PLAIN;
	*out = new_node(r, VALUE_SCALAR, p);
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
		set_text(*out, start, (size_t)(to - start), true);
	return 0;
}

/* ---- collections on one line ---- */

static int read_flow(struct reader *r, char **p, int depth, struct value **out);

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
	*out = new_node(r, VALUE_SCALAR, *p);
	if (*out) {
		size_t len = (size_t)(end - *p);

		set_text(*out, arena_strndup(r->texts, *p, len), len, false);
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
		return read_flow(r, p, depth, out);
	if (**p == '"' || **p == '\'')
		return read_quoted(r, p, out);
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
	if (r->dry && (is_null(start, (size_t)(*p - start)) ||
		       !note_key(r, keys, start, (size_t)(*p - start))))
		return NOT_PLAIN;
	if (*p + 1 >= r->line.end || **p != ':' || (*p)[1] != ' ')
		return NOT_PLAIN;
	(*p)++;
	if (read_flow_value(r, p, depth, &v))
		return NOT_PLAIN;
	push_pair(r, map, key, v);
	return 0;
}

static int read_flow(struct reader *r, char **p, int depth, struct value **out)
{
	bool is_map = **p == '{';
	size_t keys = r->n_keys;

	*out = new_node(r, is_map ? VALUE_MAP : VALUE_LIST, *p);
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

/* ---- blocks ---- */

/* What stands on the line from p on, to its end; parent is the indentation of what it belongs to. Goes on
 * to the next line, which must not belong to it.
 */
static int read_inline(struct reader *r, char *p, unsigned parent, int depth, struct value **out)
{
	int rc = NOT_PLAIN;

	if (*p == '|') {
		rc = read_literal(r, p, parent, out);
		p = r->line.end;
	} else if (*p == '[' || *p == '{') {
		rc = read_flow(r, &p, depth, out);
	} else if (*p == '"' || *p == '\'') {
		rc = read_quoted(r, &p, out);
	} else if (plain_end(&r->line, p)) {
		char *end = plain_end(&r->line, p);

		*out = new_node(r, VALUE_SCALAR, p);
		rc = is_rest_empty(&r->line, end) ? 0 : NOT_PLAIN;
		if (*out)
			set_text(*out, p, (size_t)(end - p), false);
		p = r->line.end;
	}
	if (rc || (p < r->line.end && !is_rest_empty(&r->line, p)) || !next_line(r))
		return NOT_PLAIN;
	return r->line.start && r->line.indent > parent ? NOT_PLAIN : 0;
}

/* An item that says its kind is the visitor's; all others stay in the list. */
static int hand_over(struct reader *r, struct value *list, struct value *item, bool *kept)
{
	int rc;

	if (item->kind != VALUE_MAP || !value_text(value_get(item, "kind"))) {
		*kept = true;
		value_push(r->nodes, list, item);
		return 0;
	}
	rc = r->visit(r->user, item);
	if (!*kept)
		arena_reset(r->items);
	return rc;
}

static int read_item(struct reader *r, unsigned indent, int depth, struct value **out)
{
	struct line *l = &r->line;
	char *p = l->text + 1;

	*out = NULL;
	if (is_rest_empty(l, p))
		return next_line(r) && l->start && l->indent > indent
			       ? read_block(r, depth + 1, out)
			       : NOT_PLAIN;
	while (*p == ' ')
		p++;
	l->text = p;
	l->indent = (unsigned)(p - l->start);
	if (is_dash(l) || key_end(l, p))
		return read_block(r, depth + 1, out);
	return read_inline(r, p, indent, depth + 1, out);
}

static int read_list(struct reader *r, int depth, bool visited, struct value **out)
{
	struct value *list = new_node(r, VALUE_LIST, r->line.text);
	struct arena *nodes = r->nodes;
	unsigned indent = r->line.indent;
	bool kept = false;

	*out = list;
	while (at_indent(r, indent) && is_dash(&r->line)) {
		struct value *item;
		int rc;

		r->nodes = visited ? r->items : nodes;
		rc = read_item(r, indent, depth, &item);
		r->nodes = nodes;
		if (!rc && visited)
			rc = hand_over(r, list, item, &kept);
		else if (!rc && !r->dry)
			value_push(nodes, list, item);
		if (rc)
			return rc;
	}
	return r->line.start && r->line.indent > indent ? NOT_PLAIN : 0;
}

/* The value of a key at whose line's end nothing stands. */
static int read_below(struct reader *r, unsigned indent, int depth, bool items, struct value **out)
{
	struct value *null = new_node(r, VALUE_NULL, r->line.text);

	if (!next_line(r))
		return NOT_PLAIN;
	if (r->line.start &&
	    (r->line.indent > indent || (at_indent(r, indent) && is_dash(&r->line))))
		return is_dash(&r->line) ? read_list(r, depth + 1, items, out)
					 : read_block(r, depth + 1, out);
	*out = null;
	return 0;
}

/* Takes the key off the line and leaves p behind its colon. */
static int read_key(struct reader *r, size_t keys, char **p, struct value **out)
{
	char *start = r->line.text, *colon = key_end(&r->line, start);
	bool quoted = *start == '"' || *start == '\'';

	if (!colon || (quoted && !only_known_escapes(start, colon - 1)))
		return NOT_PLAIN;
	if (r->dry && !note_key(r, keys, start, (size_t)(colon - start)))
		return NOT_PLAIN;
	*out = new_node(r, VALUE_SCALAR, start);
	*p = colon + 1;
	if (!*out)
		return !quoted && is_null(start, (size_t)(colon - start)) ? NOT_PLAIN : 0;
	set_text(*out, quoted ? start + 1 : start,
		 quoted ? unquote(start, colon - 1) : (size_t)(colon - start), quoted);
	return 0;
}

static int read_map(struct reader *r, int depth, struct value **out)
{
	struct value *map = new_node(r, VALUE_MAP, r->line.text);
	unsigned indent = r->line.indent;
	size_t keys = r->n_keys;
	int rc = 0;

	*out = map;
	while (!rc && at_indent(r, indent)) {
		struct value *key = NULL, *v = NULL;
		bool items = false;
		char *p;

		rc = read_key(r, keys, &p, &key);
		if (rc)
			break;
		if (key && depth == 0 && r->visit)
			items = strcmp(key->text, "items") == 0;
		if (is_rest_empty(&r->line, p)) {
			rc = read_below(r, indent, depth, items, &v);
		} else {
			while (*p == ' ')
				p++;
			rc = read_inline(r, p, indent, depth + 1, &v);
		}
		if (!rc)
			push_pair(r, map, key, v);
	}
	r->n_keys = keys;
	if (!rc && r->line.start && r->line.indent > indent)
		return NOT_PLAIN;
	return rc;
}

static int read_block(struct reader *r, int depth, struct value **out)
{
	if (depth > MAX_DEPTH)
		return NOT_PLAIN;
	if (is_dash(&r->line))
		return read_list(r, depth, false, out);
	return key_end(&r->line, r->line.text) ? read_map(r, depth, out) : NOT_PLAIN;
}

static int read_slice(struct reader *r, struct value **out)
{
	int rc;

	r->end = r->s->text + r->s->len;
	r->line.end = r->s->text - 1;
	r->line.number = r->s->line - 1;
	*out = NULL;
	if (!next_line(r))
		return NOT_PLAIN;
	if (!r->line.start)
		return 0;
	rc = read_block(r, 0, out);
	return !rc && r->line.start ? NOT_PLAIN : rc;
}

bool yaml_plain_check(const struct yaml_slice *s)
{
	struct reader r = { .s = s, .dry = true };
	struct value *none;
	int rc = read_slice(&r, &none);

	free(r.keys);
	return !rc;
}

int yaml_plain_read(const struct yaml_slice *s, struct arena *texts, struct arena *nodes,
		    struct arena *items, yaml_visit visit, void *user, struct value **out)
{
	struct reader r = {
		.s = s, .texts = texts, .nodes = nodes, .items = items, .visit = visit, .user = user
	};

	return read_slice(&r, out);
}
