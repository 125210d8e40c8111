/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML text to located trees, from libfyaml's events: the tree is ours, so that aliases, duplicate
 * keys, depth and size are bounded here and every message has its place.
 *
 * An alias shares the anchored node instead of copying it; what it would add when walked counts
 * against MAX_NODES, so that a few nested aliases cannot make a walk endless.
 */
#include "scenario/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "scenario/yaml_plain.h"

#define MAX_BYTES     (16u << 20)
#define MAX_BIG_BYTES (2047u << 20) /* of manifests */
#define MAX_BIG_NODES 50000000u
#define MAX_DEPTH     60
#define MAX_NODES     1000000u
/* Longer lines are counted in bytes: counting characters for every node of one would be quadratic. */
#define MAX_CHAR_LINE 400

struct anchor {
	const char *name;
	struct value *v; /* NULL while it is being read */
	size_t weight;
};

struct loader {
	struct arena *a;
	const char *text, *name;
	size_t len;
	int first_line; /* its number, where text is a part of the file */
	size_t *lines; /* where each line starts */
	size_t n_lines;
	struct fy_parser *parser;
	struct fy_diag *diag;
	struct buf said; /* what libfyaml says without a place */
	struct anchor *anchors;
	size_t n_anchors;
	size_t nodes, max_nodes;
	size_t at; /* start of the latest token: the place of what has none */
	struct err *err;
};

static void index_lines(struct loader *l)
{
	const char *p = l->text, *end = l->text + l->len;

	while (p && p < end) {
		l->lines = arena_grow(l->a, l->lines, l->n_lines, sizeof(*l->lines));
		l->lines[l->n_lines++] = (size_t)(p - l->text);
		p = memchr(p, '\n', (size_t)(end - p));
		if (p)
			p++;
	}
}

static struct loc loc_at(const struct loader *l, size_t pos)
{
	size_t lo = 0, hi = l->n_lines;
	struct loc loc = { l->name, l->first_line, 1 };
	size_t start;

	if (!l->n_lines)
		return loc;
	if (pos >= l->len)
		pos = l->len - 1;
	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;

		if (l->lines[mid] <= pos)
			lo = mid;
		else
			hi = mid;
	}
	start = l->lines[lo];
	loc.line = (int)lo + l->first_line;
	if (start == 0 && l->first_line == 1 && l->len >= 3 &&
	    memcmp(l->text, "\xef\xbb\xbf", 3) == 0 && pos >= 3)
		start = 3;
	if (pos - start > MAX_CHAR_LINE) {
		loc.col = (int)(pos - start) + 1;
		return loc;
	}
	for (size_t i = start; i < pos; i++)
		loc.col += (l->text[i] & 0xc0) != 0x80;
	return loc;
}

static int fail(struct loader *l, size_t pos, const char *msg)
{
	struct loc loc = loc_at(l, pos);

	return err_input(l->err, &loc, "%s", msg);
}

static size_t token_pos(struct loader *l, struct fy_token *t)
{
	const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;

	if (m)
		l->at = m->input_pos;
	return l->at;
}

/* A tab as indentation is what libfyaml reports as a broken key one line before. */
static bool tab_near(struct loader *l, int line, size_t *pos)
{
	for (int n = line - 1; n <= line; n++) {
		if (n < 0 || (size_t)n >= l->n_lines)
			continue;
		*pos = l->lines[n];
		*pos += strspn(l->text + *pos, " ");
		if (l->text[*pos] == '\t')
			return true;
	}
	return false;
}

static int syntax_error(struct loader *l)
{
	struct fy_diag_error *e;
	void *it = NULL;
	size_t tab;

	while ((e = fy_diag_errors_iterate(l->diag, &it))) {
		size_t pos = token_pos(l, e->fyt);
		bool block = strncmp(e->msg, "invalid multiline", 17) == 0;

		if (e->type != FYET_ERROR)
			continue;
		if (tab_near(l, e->line, &tab))
			return fail(l, tab, "YAML: a tab cannot indent a line, use spaces");
		if (!e->fyt && e->line > 0 && (size_t)e->line <= l->n_lines)
			pos = l->lines[e->line - 1] + (size_t)(e->column > 0 ? e->column - 1 : 0);
		fail(l, pos, arena_printf(l->a, "YAML: %s", e->msg));
		if (block)
			err_hint(l->err, "is the line after it indented too far?");
		return -EINVAL;
	}
	if (l->said.len) {
		char *line = arena_strndup(l->a, l->said.data, strcspn(l->said.data, "\n"));

		return fail(l, l->at, arena_printf(l->a, "YAML: %s", line));
	}
	return fail(l, l->at, "YAML: syntax error");
}

/* The next event; NULL at the end of the stream or on an error, with l->err set then. */
static struct fy_event *next_event(struct loader *l, int *rc)
{
	struct fy_event *e = fy_parser_parse(l->parser);

	*rc = 0;
	if (!e && (fy_parser_get_stream_error(l->parser) || l->said.len))
		*rc = syntax_error(l);
	return e;
}

static int read_node(struct loader *l, struct fy_event *e, int depth, struct value **out);

static struct value *new_node(struct loader *l, enum value_kind kind, size_t pos)
{
	struct value *v = arena_new_of(l->a, struct value);

	v->kind = kind;
	v->loc = loc_at(l, pos);
	return v;
}

static int count_nodes(struct loader *l, size_t n)
{
	l->nodes += n;
	if (l->nodes > l->max_nodes)
		return fail(l, l->at,
			    "too many values in one file (more than a million, "
			    "what aliases stand for included)");
	return 0;
}

static bool is_null(const char *s)
{
	return !*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0 || strcmp(s, "Null") == 0 ||
	       strcmp(s, "NULL") == 0;
}

/* "!!str 12" is text; other tags of YAML's own change nothing here; private ones are refused. */
static int read_tag(struct loader *l, struct fy_event *e, bool *is_text)
{
	struct fy_token *t = fy_event_get_tag_token(e);
	size_t len = 0;
	const char *tag = t ? fy_token_get_text(t, &len) : NULL;
	static const char core[] = "tag:yaml.org,2002:";

	*is_text = false;
	if (!tag)
		return 0;
	if (len == 1 || (len == sizeof(core) - 1 + 3 && memcmp(tag + len - 4, ":str", 4) == 0)) {
		*is_text = true;
		return 0;
	}
	if (len > sizeof(core) - 1 && memcmp(tag, core, sizeof(core) - 1) == 0)
		return 0;
	return fail(l, token_pos(l, t), "YAML: private tags have no meaning here");
}

static int read_scalar(struct loader *l, struct fy_event *e, struct value **out)
{
	struct fy_token *t = fy_event_get_token(e);
	size_t len = 0, pos = token_pos(l, t);
	const char *text = t ? fy_token_get_text(t, &len) : "";
	bool quoted = t && fy_token_scalar_style(t) != FYSS_PLAIN;
	bool tagged;
	int rc = read_tag(l, e, &tagged);

	if (rc)
		return rc;
	/* the token's mark lies behind an opening quote */
	if (t && pos > 0 &&
	    (fy_token_scalar_style(t) == FYSS_SINGLE_QUOTED ||
	     fy_token_scalar_style(t) == FYSS_DOUBLE_QUOTED))
		pos--;
	if (!text || memchr(text, '\0', len))
		return fail(l, pos, "YAML: a NUL character cannot stand in a value");
	text = arena_strndup(l->a, text, len);
	*out = new_node(l, !quoted && !tagged && is_null(text) ? VALUE_NULL : VALUE_SCALAR, pos);
	(*out)->quoted = quoted || tagged;
	if ((*out)->kind == VALUE_SCALAR)
		(*out)->text = text;
	return 0;
}

static int read_alias(struct loader *l, struct fy_event *e, struct value **out)
{
	struct fy_token *t = fy_event_get_token(e);
	size_t len = 0, pos = token_pos(l, t);
	const char *text = fy_token_get_text(t, &len);
	char *name;

	/* the token's text may start with the '*' */
	if (text && len && *text == '*') {
		text++;
		len--;
	}
	name = arena_strndup(l->a, text ? text : "", len);
	for (size_t i = l->n_anchors; i-- > 0;) {
		struct anchor *an = &l->anchors[i];

		if (strcmp(an->name, name) != 0)
			continue;
		if (!an->v)
			return fail(l, pos, "YAML: this alias contains itself");
		*out = an->v;
		return count_nodes(l, an->weight);
	}
	return fail(l, pos, arena_printf(l->a, "YAML: no anchor &%s before this alias", name));
}

static int read_list(struct loader *l, int depth, struct value *list)
{
	for (;;) {
		int rc;
		struct fy_event *e = next_event(l, &rc);
		struct value *item;

		if (!e)
			return rc ? rc : fail(l, l->at, "YAML: the list has no end");
		if (e->type == FYET_SEQUENCE_END) {
			fy_parser_event_free(l->parser, e);
			return 0;
		}
		rc = read_node(l, e, depth + 1, &item);
		fy_parser_event_free(l->parser, e);
		if (rc)
			return rc;
		value_push(l->a, list, item);
	}
}

static void push_pair(struct loader *l, struct value *map, struct value *key, struct value *v)
{
	map->keys = arena_grow(l->a, map->keys, map->n, sizeof(*map->keys));
	map->keys[map->n] = key;
	value_push(l->a, map, v);
}

static int by_text(const void *a, const void *b)
{
	const struct value *x = *(struct value *const *)a, *y = *(struct value *const *)b;
	int d = strcmp(x->text, y->text);

	if (d)
		return d;
	if (x->loc.line != y->loc.line)
		return x->loc.line < y->loc.line ? -1 : 1;
	return x->loc.col - y->loc.col;
}

static int check_duplicates(struct loader *l, const struct value *map)
{
	struct value **sorted;

	if (map->n < 2)
		return 0;
	sorted = arena_memdup(l->a, map->keys, map->n * sizeof(*sorted));
	qsort(sorted, map->n, sizeof(*sorted), by_text);
	for (size_t i = 1; i < map->n; i++)
		if (strcmp(sorted[i]->text, sorted[i - 1]->text) == 0)
			return err_input(l->err, &sorted[i]->loc,
					 "the key '%s' is already given in line %d",
					 sorted[i]->text, sorted[i - 1]->loc.line);
	return 0;
}

/* YAML 1.1's "<<: *base", as Kubernetes and Helm read it: keys given here win. */
static int merge_into(struct loader *l, struct value *map, const struct value *from, int depth)
{
	if (from->kind == VALUE_LIST && depth == 0) {
		for (size_t i = 0; i < from->n; i++) {
			int rc = merge_into(l, map, from->items[i], 1);

			if (rc)
				return rc;
		}
		return 0;
	}
	if (from->kind != VALUE_MAP)
		return err_input(l->err, &from->loc, "YAML: '<<' merges maps, this is none");
	for (size_t i = 0; i < from->n; i++)
		if (!value_get(map, from->keys[i]->text))
			push_pair(l, map, from->keys[i], from->items[i]);
	return 0;
}

static int read_pair(struct loader *l, struct fy_event *e, int depth, struct value *map,
		     struct value **merge)
{
	struct value *key, *v;
	int rc = read_node(l, e, depth + 1, &key);

	if (rc)
		return rc;
	if (key->kind == VALUE_NULL)
		return err_input(l->err, &key->loc, "a key is missing before ':'");
	if (key->kind != VALUE_SCALAR)
		return err_input(l->err, &key->loc, "a key must be plain text");
	e = next_event(l, &rc);
	if (!e)
		return rc ? rc : fail(l, l->at, "YAML: the key has no value");
	if (e->type == FYET_SCALAR && !fy_event_get_token(e))
		l->at += strlen(key->text); /* an absent value: point behind its key */
	rc = read_node(l, e, depth + 1, &v);
	fy_parser_event_free(l->parser, e);
	if (rc)
		return rc;
	if (v->kind == VALUE_NULL)
		v->loc = key->loc;
	if (!key->quoted && strcmp(key->text, "<<") == 0) {
		*merge = v;
		return 0;
	}
	push_pair(l, map, key, v);
	return 0;
}

static int read_map(struct loader *l, int depth, struct value *map)
{
	struct value *merge = NULL;

	for (;;) {
		int rc;
		struct fy_event *e = next_event(l, &rc);

		if (!e)
			return rc ? rc : fail(l, l->at, "YAML: the map has no end");
		if (e->type == FYET_MAPPING_END) {
			fy_parser_event_free(l->parser, e);
			break;
		}
		rc = read_pair(l, e, depth, map, &merge);
		fy_parser_event_free(l->parser, e);
		if (rc)
			return rc;
	}
	if (check_duplicates(l, map))
		return -EINVAL;
	return merge ? merge_into(l, map, merge, 0) : 0;
}

static int read_collection(struct loader *l, struct fy_event *e, int depth, struct value **out)
{
	bool is_map = e->type == FYET_MAPPING_START, tagged;
	size_t pos = token_pos(l, fy_event_get_token(e));

	if (depth > MAX_DEPTH)
		return fail(l, pos, "nested too deeply");
	if (read_tag(l, e, &tagged))
		return -EINVAL;
	*out = new_node(l, is_map ? VALUE_MAP : VALUE_LIST, pos);
	return is_map ? read_map(l, depth, *out) : read_list(l, depth, *out);
}

static int read_node(struct loader *l, struct fy_event *e, int depth, struct value **out)
{
	struct fy_token *t = e->type == FYET_ALIAS ? NULL : fy_event_get_anchor_token(e);
	size_t anchor = l->n_anchors, before = l->nodes;
	int rc = count_nodes(l, 1);

	*out = NULL;
	if (rc)
		return rc;
	if (t) {
		size_t len = 0;
		const char *name = fy_token_get_text(t, &len);

		l->anchors = arena_grow(l->a, l->anchors, l->n_anchors, sizeof(*l->anchors));
		l->anchors[l->n_anchors++] =
			(struct anchor){ arena_strndup(l->a, name ? name : "", len), NULL, 0 };
	}
	if (e->type == FYET_ALIAS)
		rc = read_alias(l, e, out);
	else if (e->type == FYET_SCALAR)
		rc = read_scalar(l, e, out);
	else if (e->type == FYET_MAPPING_START || e->type == FYET_SEQUENCE_START)
		rc = read_collection(l, e, depth, out);
	else
		rc = fail(l, l->at, "YAML: unexpected end");
	if (!rc && t) {
		l->anchors[anchor].v = *out;
		l->anchors[anchor].weight = l->nodes - before;
	}
	return rc;
}

static int read_documents(struct loader *l, struct value ***docs, size_t *n)
{
	for (;;) {
		int rc;
		struct fy_event *e = next_event(l, &rc);
		struct value *v = NULL;

		if (!e)
			return rc;
		if (e->type == FYET_DOCUMENT_START)
			l->n_anchors = 0; /* anchors end with their document */
		if (e->type == FYET_SCALAR || e->type == FYET_ALIAS ||
		    e->type == FYET_MAPPING_START || e->type == FYET_SEQUENCE_START)
			rc = read_node(l, e, 0, &v);
		fy_parser_event_free(l->parser, e);
		if (rc)
			return rc;
		if (v && v->kind != VALUE_NULL) {
			*docs = arena_grow(l->a, *docs, *n, sizeof(**docs));
			(*docs)[(*n)++] = v;
		}
	}
}

static void keep_message(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	struct loader *l = user;

	(void)diag;
	if (l->said.len < 500)
		buf_add(&l->said, text, len);
}

static int open_parser(struct loader *l)
{
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE };
	struct fy_diag_cfg diag;

	fy_diag_cfg_default(&diag);
	diag.fp = NULL;
	diag.output_fn = keep_message;
	diag.user = l;
	diag.level = FYET_ERROR;
	diag.colorize = false;
	diag.show_source = diag.show_position = diag.show_type = diag.show_module = false;
	l->diag = fy_diag_create(&diag);
	if (!l->diag)
		return err_system(l->err, ENOMEM, "cannot start the YAML parser");
	fy_diag_set_collect_errors(l->diag, true);
	cfg.diag = l->diag;
	l->parser = fy_parser_create(&cfg);
	if (!l->parser || fy_parser_set_string(l->parser, l->text, l->len))
		return err_system(l->err, ENOMEM, "cannot start the YAML parser");
	return 0;
}

/* Length of the UTF-8 character at p, 0 if it is none (RFC 3629, section 4). */
static size_t utf8_length(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c = len == 1 ? *p : *p & (0x7f >> len);

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

/* The first byte that is no UTF-8, or len. */
static size_t not_utf8(const char *text, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		uint64_t eight = 0;

		if (len - i >= 8)
			memcpy(&eight, text + i, 8);
		n = len - i >= 8 && !(eight & 0x8080808080808080ull)
			    ? 8
			    : utf8_length((const uint8_t *)text + i, len - i);
		if (!n)
			return i;
	}
	return len;
}

static int check_bytes(struct loader *l, size_t max)
{
	const char *nul = memchr(l->text, '\0', l->len);
	struct loc whole = { l->name, 0, 0 };
	size_t bad;

	if (l->len > max)
		return err_input(l->err, &whole, "larger than %zu MiB, which no manifest is",
				 (max + (1u << 20) - 1) >> 20);
	if (nul)
		return fail(l, (size_t)(nul - l->text), "a NUL byte: this is no YAML text");
	bad = not_utf8(l->text, l->len);
	if (bad < l->len)
		return fail(l, bad, "a byte that is no UTF-8: save the file as UTF-8");
	return 0;
}

static int parse(struct loader *l, struct value ***docs, size_t *n)
{
	int rc = open_parser(l);

	if (!rc)
		rc = read_documents(l, docs, n);
	fy_parser_destroy(l->parser);
	fy_diag_destroy(l->diag);
	buf_free(&l->said);
	return rc;
}

int yaml_parse(struct arena *a, const char *text, size_t len, const char *name,
	       struct value ***docs, size_t *n, struct err *err)
{
	struct loader l = {
		.a = a, .len = len, .first_line = 1, .max_nodes = MAX_NODES, .err = err
	};
	int rc;

	l.text = arena_memdup(a, text, len);
	l.name = arena_strdup(a, name);
	*docs = NULL;
	*n = 0;
	index_lines(&l);
	rc = check_bytes(&l, MAX_BYTES);
	return rc ? rc : parse(&l, docs, n);
}

int yaml_load(struct arena *a, const char *path, struct value ***docs, size_t *n, struct err *err)
{
	char *text;
	size_t len;
	int rc = file_read(a, path, &text, &len, err);

	return rc ? rc : yaml_parse(a, text, len, path, docs, n, err);
}

/* ---- big files ---- */

struct each {
	struct arena *a;
	yaml_visit visit;
	void *user;
	struct err *err;
};

/* By the general reader: trees stay in the arena, for aliases may share them. */
static int each_general(const struct each *e, const struct yaml_slice *s)
{
	struct loader l = { .a = e->a,
			    .text = s->text,
			    .len = s->len,
			    .name = s->name,
			    .first_line = s->line,
			    .max_nodes = MAX_BIG_NODES,
			    .err = e->err };
	struct value **docs = NULL;
	size_t n = 0;
	int rc;

	index_lines(&l);
	rc = parse(&l, &docs, &n);
	for (size_t i = 0; i < n && !rc; i++)
		rc = e->visit(e->user, docs[i]);
	return rc;
}

static int each_slice(const struct each *e, const struct yaml_slice *s)
{
	struct arena *nodes, *items;
	struct value *v;
	int rc;

	if (!yaml_plain_check(s))
		return each_general(e, s);
	nodes = arena_new();
	items = arena_new();
	rc = yaml_plain_read(s, e->a, nodes, items, e->visit, e->user, &v);
	if (!rc && v)
		rc = e->visit(e->user, v);
	arena_free(items);
	arena_free(nodes);
	return rc;
}

/* "---" or "..." alone on a line: between two documents, wherever it stands (YAML 1.2, 9.1.2). */
static bool is_marker(const char *line, const char *end)
{
	return (strncmp(line, "---", 3) == 0 || strncmp(line, "...", 3) == 0) &&
	       (line + 3 == end || (line[3] == '\r' && line + 4 == end));
}

static int each_document(const struct each *e, char *text, size_t len, const char *name)
{
	struct yaml_slice s = { text, 0, 1, name };
	char *end = text + len, *next;
	int line = 1, rc = 0;

	for (char *p = text; p < end && !rc; p = next, line++) {
		char *eol = memchr(p, '\n', (size_t)(end - p));

		eol = eol ? eol : end;
		next = eol + 1;
		if (!is_marker(p, eol))
			continue;
		s.len = (size_t)(p - s.text);
		rc = each_slice(e, &s);
		s.text = next < end ? next : end;
		s.line = line + 1;
	}
	s.len = (size_t)(end - s.text);
	return rc ? rc : each_slice(e, &s);
}

/* Directives speak of the document after them, and a byte order mark is no text. */
static bool is_whole(const char *text, size_t len)
{
	return *text == '%' || memmem(text, len, "\n%", 2) || strncmp(text, "\xef\xbb\xbf", 3) == 0;
}

int yaml_each(struct arena *a, const char *path, yaml_visit visit, void *user, struct err *err)
{
	struct each e = { a, visit, user, err };
	struct loader l = { .a = a, .first_line = 1, .err = err };
	char *text;
	int rc = file_read(a, path, &text, &l.len, err);

	if (rc)
		return rc;
	l.text = text;
	l.name = arena_strdup(a, path);
	if (memchr(text, '\0', l.len) || not_utf8(text, l.len) < l.len || l.len > MAX_BIG_BYTES)
		index_lines(&l);
	rc = check_bytes(&l, MAX_BIG_BYTES);
	if (!rc && is_whole(text, l.len))
		return each_general(&e, &(struct yaml_slice){ text, l.len, 1, l.name });
	return rc ? rc : each_document(&e, text, l.len, l.name);
}
