// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The text of map entries, YAML or JSON, entry by entry. */
#include "target/maps_print.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "target/maps_handles.h"
#include "target/maps_table.h"
#include "target/typed_text.h"

#define FLUSH_AT (64 * 1024)

static void print_quoted(struct buf *out, const char *s)
{
	buf_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_printf(out, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			buf_printf(out, "\\u%04x", *s);
		else
			buf_putc(out, *s);
	}
	buf_putc(out, '"');
}

/* What both YAML and JSON read as a number or boolean, and print as it is. */
static bool is_bare(const char *s)
{
	struct number n;

	return text_to_number(s, &n) == 0 && strncmp(s, "0x", 2) != 0 && (s[0] != '0' || !s[1]) &&
	       strncmp(s, "-0", 2) != 0;
}

static bool is_word(const char *s)
{
	static const char *const taken[] = { "null", "yes", "no", "on", "off", "true", "false" };

	for (size_t i = 0; strchr("nyoftNYOFT", *s) && i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcasecmp(s, taken[i]) == 0)
			return false;
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return false;
	return true;
}

static bool is_plain_yaml(const char *s)
{
	return is_word(s) || (isdigit((unsigned char)*s) && s[strspn(s, "0123456789.")] == '\0') ||
	       (strncmp(s, "0x", 2) == 0 && s[2]);
}

static void print_key(struct buf *out, const char *key, bool json)
{
	if (json || !is_word(key))
		print_quoted(out, key);
	else
		buf_puts(out, key);
	buf_putc(out, ':');
}

void maps_print_value(struct buf *out, const struct value *v, bool json)
{
	bool map = v->kind == VALUE_MAP;

	if (v->kind == VALUE_NULL) {
		buf_puts(out, "null");
	} else if (v->kind == VALUE_SCALAR) {
		if (!v->quoted && (is_bare(v->text) || (!json && is_plain_yaml(v->text))))
			buf_puts(out, v->text);
		else
			print_quoted(out, v->text);
	} else {
		buf_putc(out, map ? '{' : '[');
		for (size_t i = 0; i < v->n; i++) {
			buf_puts(out, i ? ", " : "");
			if (map) {
				print_key(out, v->keys[i]->text, json);
				buf_putc(out, ' ');
			}
			maps_print_value(out, v->items[i], json);
		}
		buf_putc(out, map ? '}' : ']');
	}
}

static int flush(struct maps_printer *p, const char *what, struct err *err)
{
	size_t len = p->text.len;

	errno = 0;
	if (len && fwrite(p->text.data, 1, len, p->out) != len)
		return err_system(err, errno, "writing %s", what);
	buf_reset(&p->text);
	return 0;
}

void maps_print_begin(struct maps_printer *p, FILE *out, bool json)
{
	*p = (struct maps_printer){ .out = out, .json = json, .scratch = arena_new() };
	buf_puts(&p->text, json ? "{\"maps\": {" : "maps:");
}

static void print_field(struct maps_printer *p, const char *key, bool first)
{
	if (p->json)
		buf_puts(&p->text, first ? "\n  " : ",\n  ");
	else
		buf_puts(&p->text, "\n    ");
	print_key(&p->text, key, p->json);
}

static int print_entries(struct maps_printer *p, struct map *m, const struct map_table *t,
			 struct err *err)
{
	bool bracket = p->json || !t->n;
	int ret = 0;

	buf_puts(&p->text, bracket ? " [" : "");
	for (size_t i = 0; i < t->n && !ret; i++) {
		struct value *entry;

		arena_reset(p->scratch);
		ret = map_row_value(m, p->scratch, map_table_key(t, i), map_table_value(t, i),
				    &entry, err);
		if (ret)
			break;
		buf_puts(&p->text, !p->json ? "\n    - " : i ? ",\n   " : "\n   ");
		maps_print_value(&p->text, entry, p->json);
		if (p->text.len >= FLUSH_AT)
			ret = flush(p, m->name, err);
	}
	buf_puts(&p->text, bracket ? "]" : "");
	return ret;
}

int maps_print_map(struct maps_printer *p, struct map *m, struct err *err)
{
	bool has_entries = map_holds(m) != HOLDS_NOTHING_LISTED;
	struct map_table t = { .n = 0 };
	struct value *desc;
	int ret = has_entries ? map_table_read(m, &t, err) : 0;

	if (ret)
		return ret;
	arena_reset(p->scratch);
	desc = map_shape_value(m, p->scratch);
	buf_puts(&p->text, !p->json ? "\n  " : p->n_maps++ ? ",\n " : "\n ");
	print_key(&p->text, m->name, p->json);
	buf_puts(&p->text, p->json ? " {" : "");
	for (size_t i = 0; i < desc->n; i++) {
		print_field(p, desc->keys[i]->text, i == 0);
		buf_putc(&p->text, ' ');
		maps_print_value(&p->text, desc->items[i], p->json);
	}
	if (has_entries) {
		print_field(p, "entries", false);
		ret = print_entries(p, m, &t, err);
	}
	buf_puts(&p->text, p->json ? "}" : "");
	map_table_free(&t);
	return ret ? ret : flush(p, m->name, err);
}

int maps_print_end(struct maps_printer *p, struct err *err)
{
	int ret;

	buf_puts(&p->text, p->json ? "}}\n" : "\n");
	ret = flush(p, "the dump", err);
	errno = 0;
	if (!ret && fflush(p->out))
		ret = err_system(err, errno, "writing the dump");
	maps_print_drop(p);
	return ret;
}

void maps_print_drop(struct maps_printer *p)
{
	arena_free(p->scratch);
	buf_free(&p->text);
}
