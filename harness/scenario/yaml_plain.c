/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two passes of one reader over a slice: dry, which only says whether all of it is plain, and one that
 * makes the tree and ends texts with NULs in place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/yaml_plain_parts.h"

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

/* ---- blocks ---- */

/* What stands on the line from p on, to its end; parent is the indentation of what it belongs to. Goes on
 * to the next line, which must not belong to it.
 */
static int read_inline(struct reader *r, char *p, unsigned parent, int depth, struct value **out)
{
	int rc = NOT_PLAIN;

	if (*p == '|') {
		rc = plain_literal(r, p, parent, out);
		p = r->line.end;
	} else if (*p == '[' || *p == '{') {
		rc = plain_flow(r, &p, depth, out);
	} else if (*p == '"' || *p == '\'') {
		rc = plain_quoted(r, &p, out);
	} else if (plain_scalar_end(&r->line, p)) {
		char *end = plain_scalar_end(&r->line, p);

		*out = plain_node(r, VALUE_SCALAR, p);
		rc = plain_rest_empty(&r->line, end) ? 0 : NOT_PLAIN;
		if (*out)
			plain_set_text(*out, p, (size_t)(end - p), false);
		p = r->line.end;
	}
	if (rc || (p < r->line.end && !plain_rest_empty(&r->line, p)) || !next_line(r))
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
	if (plain_rest_empty(l, p))
		return next_line(r) && l->start && l->indent > indent
			       ? read_block(r, depth + 1, out)
			       : NOT_PLAIN;
	while (*p == ' ')
		p++;
	l->text = p;
	l->indent = (unsigned)(p - l->start);
	if (is_dash(l) || plain_key_end(l, p))
		return read_block(r, depth + 1, out);
	return read_inline(r, p, indent, depth + 1, out);
}

static int read_list(struct reader *r, int depth, bool visited, struct value **out)
{
	struct value *list = plain_node(r, VALUE_LIST, r->line.text);
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
	struct value *null = plain_node(r, VALUE_NULL, r->line.text);

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
	char *start = r->line.text, *colon = plain_key_end(&r->line, start);
	bool quoted = *start == '"' || *start == '\'';

	if (!colon || (quoted && !plain_known_escapes(start, colon - 1)))
		return NOT_PLAIN;
	if (r->dry && !plain_note_key(r, keys, start, (size_t)(colon - start)))
		return NOT_PLAIN;
	*out = plain_node(r, VALUE_SCALAR, start);
	*p = colon + 1;
	if (!*out)
		return !quoted && plain_is_null(start, (size_t)(colon - start)) ? NOT_PLAIN : 0;
	plain_set_text(*out, quoted ? start + 1 : start,
		       quoted ? plain_unquote(start, colon - 1) : (size_t)(colon - start), quoted);
	return 0;
}

static int read_map(struct reader *r, int depth, struct value **out)
{
	struct value *map = plain_node(r, VALUE_MAP, r->line.text);
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
		if (plain_rest_empty(&r->line, p)) {
			rc = read_below(r, indent, depth, items, &v);
		} else {
			while (*p == ' ')
				p++;
			rc = read_inline(r, p, indent, depth + 1, &v);
		}
		if (!rc)
			plain_push_pair(r, map, key, v);
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
	return plain_key_end(&r->line, r->line.text) ? read_map(r, depth, out) : NOT_PLAIN;
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
