// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Map entries out of large YAML: the lines that target/maps_print.c writes, where a line is an entry.
 *
 *	maps:
 *	  NAME:
 *	    type: hash
 *	    entries:
 *	    - {key: ..., value: ...}
 */
#include <string.h>

#include "target/maps_source_forms.h"

enum line_kind { LINE_EMPTY, LINE_MAPS, LINE_NAME, LINE_FIELD, LINE_ENTRY, LINE_ODD };

static size_t trimmed(const char *line, size_t len)
{
	while (len && strchr(" \t\r\n", line[len - 1]))
		len--;
	return len;
}

static enum line_kind kind_of(const char *line, size_t len)
{
	size_t blanks = 0;

	len = trimmed(line, len);
	while (blanks < len && line[blanks] == ' ')
		blanks++;
	if (blanks == len || line[blanks] == '#' || (len == 3 && memcmp(line, "---", 3) == 0))
		return LINE_EMPTY;
	if (len == 5 && memcmp(line, "maps:", 5) == 0)
		return LINE_MAPS;
	if (blanks == 2 && line[len - 1] == ':')
		return LINE_NAME;
	if (blanks == 4 && len > 7 && line[4] == '-' && line[5] == ' ')
		return line[6] == '{' && line[len - 1] == '}' ? LINE_ENTRY : LINE_ODD;
	if (blanks == 4 && memchr(line, ':', len) && !strchr("\"'&*!|>[{?-", line[4]))
		return LINE_FIELD;
	return LINE_ODD;
}

static size_t line_length(const char *at, const char *end)
{
	const char *nl = memchr(at, '\n', (size_t)(end - at));

	return nl ? (size_t)(nl + 1 - at) : (size_t)(end - at);
}

int source_odd_line(const struct source_text *t)
{
	const char *at = t->data, *end = t->data + t->size, *given_back = at;
	bool begun = false;

	for (int line = 1; at < end; line++) {
		size_t len = line_length(at, end);
		enum line_kind kind = kind_of(at, len);

		if (kind == LINE_ODD || (kind != LINE_EMPTY && begun != (kind != LINE_MAPS)))
			return line;
		begun |= kind == LINE_MAPS;
		at += len;
		source_give_back(t, &given_back, at);
	}
	return begun ? 0 : 1;
}

struct telling {
	const struct source_text *text;
	const struct maps_listener *listener;
	struct arena *scratch, *keep;
	struct value *desc; /* of the map at hand; NULL: none yet */
	struct value *names; /* of the maps so far, as keys */
	const char *given_back;
	struct err *err;
};

static int end_map(struct telling *t)
{
	const struct maps_listener *l = t->listener;
	struct value *desc = t->desc;

	t->desc = NULL;
	return desc ? l->end(l->arg, desc, t->err) : 0;
}

/* "NAME:" or "key: value"; *v is NULL where nothing follows the colon. */
static int pair_of(struct telling *t, struct flow *f, struct value **key, struct value **v)
{
	int ret = flow_read(f, t->keep, key);

	*v = NULL;
	if (ret)
		return ret;
	if ((*key)->kind != VALUE_SCALAR || !flow_take(f, ':'))
		return flow_fail(f, "a key and a colon were expected");
	return flow_next(f) ? flow_read(f, t->keep, v) : 0;
}

static int name_line(struct telling *t, struct flow *f)
{
	const struct maps_listener *l = t->listener;
	struct value *name, *v;
	int ret = end_map(t);

	if (!ret)
		ret = pair_of(t, f, &name, &v);
	if (!ret)
		ret = source_once(t->keep, t->names, name, "the map", t->err);
	if (ret)
		return ret;
	t->desc = value_map(t->keep);
	return l->begin(l->arg, name, false, t->err);
}

static int field_line(struct telling *t, struct flow *f)
{
	struct value *key, *v;
	int ret = pair_of(t, f, &key, &v);

	if (ret || !t->desc)
		return ret ? ret : flow_fail(f, "this belongs to no map");
	if (v && strcmp(key->text, "entries") != 0) {
		ret = source_once(t->keep, t->desc, key, "the field", t->err);
		t->desc->items[t->desc->n - 1] = v;
	} else if (v && (v->kind != VALUE_LIST || v->n)) {
		return err_input(t->err, &v->loc, "in a file this large each entry has its line");
	}
	return ret;
}

static int entry_line(struct telling *t, struct flow *f)
{
	const struct maps_listener *l = t->listener;
	struct value *entry;
	int ret;

	if (!t->desc)
		return flow_fail(f, "this entry belongs to no map");
	if (!l->entry)
		return 0;
	arena_reset(t->scratch);
	f->at += strlen("    - ");
	ret = flow_read(f, t->scratch, &entry);
	if (!ret && flow_next(f))
		ret = flow_fail(f, "the entry ended before this");
	return ret ? ret : l->entry(l->arg, entry, t->scratch, t->err);
}

static int one_line(struct telling *t, const char *at, size_t len, int number)
{
	enum line_kind kind = kind_of(at, len);
	struct flow f = flow_begin(t->text->path, at, trimmed(at, len), t->err);

	f.line = number;
	switch (kind) {
	case LINE_NAME:
		return name_line(t, &f);
	case LINE_FIELD:
		return field_line(t, &f);
	case LINE_ENTRY:
		return entry_line(t, &f);
	default:
		return 0;
	}
}

int source_tell_lines(const struct source_text *text, const struct maps_listener *l,
		      struct arena *scratch, struct err *err)
{
	struct telling t = { .text = text, .listener = l, .scratch = scratch, .err = err };
	const char *at = text->data, *end = text->data + text->size;
	int ret = 0;

	t.keep = arena_new();
	t.names = value_map(t.keep);
	t.given_back = text->data;
	for (int line = 1; at < end && !ret; line++) {
		size_t len = line_length(at, end);

		ret = one_line(&t, at, len, line);
		at += len;
		source_give_back(text, &t.given_back, at);
	}
	if (!ret)
		ret = end_map(&t);
	arena_free(t.keep);
	return ret;
}
