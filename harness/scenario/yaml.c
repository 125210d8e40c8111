/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML text to located trees, from libfyaml's events: the tree is ours, so that aliases, duplicate
 * keys, depth and size are bounded here and every message has its place.
 *
 * An alias shares the anchored node instead of copying it; what it would add when walked counts
 * against MAX_NODES, so that a few nested aliases cannot make a walk endless.
 */
#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "scenario/yaml_parts.h"

#define MAX_BYTES (16u << 20)
#define MAX_DEPTH 60
#define MAX_NODES 1000000u

static int read_node(struct yaml_loader *l, struct fy_event *e, int depth, struct value **out);

static struct value *new_node(struct yaml_loader *l, enum value_kind kind, size_t pos)
{
	struct value *v = arena_new_of(l->a, struct value);

	v->kind = kind;
	v->loc = yaml_loc_at(l, pos);
	return v;
}

static int count_nodes(struct yaml_loader *l, size_t n)
{
	l->nodes += n;
	if (l->nodes > l->max_nodes)
		return yaml_fail(l, l->at,
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
static int read_tag(struct yaml_loader *l, struct fy_event *e, bool *is_text)
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
	return yaml_fail(l, yaml_token_pos(l, t), "YAML: private tags have no meaning here");
}

static int read_scalar(struct yaml_loader *l, struct fy_event *e, struct value **out)
{
	struct fy_token *t = fy_event_get_token(e);
	size_t len = 0, pos = yaml_token_pos(l, t);
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
		return yaml_fail(l, pos, "YAML: a NUL character cannot stand in a value");
	text = arena_strndup(l->a, text, len);
	*out = new_node(l, !quoted && !tagged && is_null(text) ? VALUE_NULL : VALUE_SCALAR, pos);
	(*out)->quoted = quoted || tagged;
	if ((*out)->kind == VALUE_SCALAR)
		(*out)->text = text;
	return 0;
}

static int read_alias(struct yaml_loader *l, struct fy_event *e, struct value **out)
{
	struct fy_token *t = fy_event_get_token(e);
	size_t len = 0, pos = yaml_token_pos(l, t);
	const char *text = fy_token_get_text(t, &len);
	char *name;

	/* the token's text may start with the '*' */
	if (text && len && *text == '*') {
		text++;
		len--;
	}
	name = arena_strndup(l->a, text ? text : "", len);
	for (size_t i = l->n_anchors; i-- > 0;) {
		struct yaml_anchor *an = &l->anchors[i];

		if (strcmp(an->name, name) != 0)
			continue;
		if (!an->v)
			return yaml_fail(l, pos, "YAML: this alias contains itself");
		*out = an->v;
		return count_nodes(l, an->weight);
	}
	return yaml_fail(l, pos, arena_printf(l->a, "YAML: no anchor &%s before this alias", name));
}

static int read_list(struct yaml_loader *l, int depth, struct value *list)
{
	for (;;) {
		int rc;
		struct fy_event *e = yaml_next_event(l, &rc);
		struct value *item;

		if (!e)
			return rc ? rc : yaml_fail(l, l->at, "YAML: the list has no end");
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

static void push_pair(struct yaml_loader *l, struct value *map, struct value *key, struct value *v)
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

static int check_duplicates(struct yaml_loader *l, const struct value *map)
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
static int merge_into(struct yaml_loader *l, struct value *map, const struct value *from, int depth)
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

static int read_pair(struct yaml_loader *l, struct fy_event *e, int depth, struct value *map,
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
	e = yaml_next_event(l, &rc);
	if (!e)
		return rc ? rc : yaml_fail(l, l->at, "YAML: the key has no value");
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

static int read_map(struct yaml_loader *l, int depth, struct value *map)
{
	struct value *merge = NULL;

	for (;;) {
		int rc;
		struct fy_event *e = yaml_next_event(l, &rc);

		if (!e)
			return rc ? rc : yaml_fail(l, l->at, "YAML: the map has no end");
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

static int read_collection(struct yaml_loader *l, struct fy_event *e, int depth, struct value **out)
{
	bool is_map = e->type == FYET_MAPPING_START, tagged;
	size_t pos = yaml_token_pos(l, fy_event_get_token(e));

	if (depth > MAX_DEPTH)
		return yaml_fail(l, pos, "nested too deeply");
	if (read_tag(l, e, &tagged))
		return -EINVAL;
	*out = new_node(l, is_map ? VALUE_MAP : VALUE_LIST, pos);
	return is_map ? read_map(l, depth, *out) : read_list(l, depth, *out);
}

static int read_node(struct yaml_loader *l, struct fy_event *e, int depth, struct value **out)
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
			(struct yaml_anchor){ arena_strndup(l->a, name ? name : "", len), NULL, 0 };
	}
	if (e->type == FYET_ALIAS)
		rc = read_alias(l, e, out);
	else if (e->type == FYET_SCALAR)
		rc = read_scalar(l, e, out);
	else if (e->type == FYET_MAPPING_START || e->type == FYET_SEQUENCE_START)
		rc = read_collection(l, e, depth, out);
	else
		rc = yaml_fail(l, l->at, "YAML: unexpected end");
	if (!rc && t) {
		l->anchors[anchor].v = *out;
		l->anchors[anchor].weight = l->nodes - before;
	}
	return rc;
}

static int read_documents(struct yaml_loader *l, struct value ***docs, size_t *n)
{
	for (;;) {
		int rc;
		struct fy_event *e = yaml_next_event(l, &rc);
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

int yaml_read_all(struct yaml_loader *l, struct value ***docs, size_t *n)
{
	int rc = yaml_open_parser(l);

	if (!rc)
		rc = read_documents(l, docs, n);
	yaml_close_parser(l);
	return rc;
}

int yaml_parse(struct arena *a, const char *text, size_t len, const char *name,
	       struct value ***docs, size_t *n, struct err *err)
{
	struct yaml_loader l = {
		.a = a, .len = len, .first_line = 1, .max_nodes = MAX_NODES, .err = err
	};
	int rc;

	l.text = arena_memdup(a, text, len);
	l.name = arena_strdup(a, name);
	*docs = NULL;
	*n = 0;
	yaml_index_lines(&l);
	rc = yaml_check_bytes(&l, MAX_BYTES);
	return rc ? rc : yaml_read_all(&l, docs, n);
}

int yaml_load(struct arena *a, const char *path, struct value ***docs, size_t *n, struct err *err)
{
	char *text;
	size_t len;
	int rc = file_read(a, path, &text, &len, err);

	return rc ? rc : yaml_parse(a, text, len, path, docs, n, err);
}
