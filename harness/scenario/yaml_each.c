/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Big files, a document at a time: by the plain reader where it can, else by the general one. */
#include <string.h>

#include "base/file.h"
#include "scenario/yaml_parts.h"
#include "scenario/yaml_plain.h"

#define MAX_BYTES (2047u << 20)
#define MAX_NODES 50000000u

struct each {
	struct arena *a;
	yaml_visit visit;
	void *user;
	struct err *err;
};

/* By the general reader: trees stay in the arena, for aliases may share them. */
static int each_general(const struct each *e, const struct yaml_slice *s)
{
	struct yaml_loader l = { .a = e->a,
				 .text = s->text,
				 .len = s->len,
				 .name = s->name,
				 .first_line = s->line,
				 .max_nodes = MAX_NODES,
				 .err = e->err };
	struct value **docs = NULL;
	size_t n = 0;
	int rc;

	yaml_index_lines(&l);
	rc = yaml_read_all(&l, &docs, &n);
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
	struct yaml_loader l = { .a = a, .first_line = 1, .err = err };
	char *text;
	int rc = file_read(a, path, &text, &l.len, err);

	if (rc)
		return rc;
	l.text = text;
	l.name = arena_strdup(a, path);
	if (memchr(text, '\0', l.len) || yaml_not_utf8(text, l.len) < l.len || l.len > MAX_BYTES)
		yaml_index_lines(&l);
	rc = yaml_check_bytes(&l, MAX_BYTES);
	if (!rc && is_whole(text, l.len))
		return each_general(&e, &(struct yaml_slice){ text, l.len, 1, l.name });
	return rc ? rc : each_document(&e, text, l.len, l.name);
}
