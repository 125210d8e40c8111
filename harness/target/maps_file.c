// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The text of map entries: YAML or JSON out, either in, and bpftool's JSON turned into our tree. */
#include "target/maps_file.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "scenario/yaml.h"
#include "target/maps_bpftool.h"
#include "target/typed_text.h"

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

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
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
	buf_puts(out, ": ");
}

static void print_flow(struct buf *out, const struct value *v, bool json)
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
			if (map)
				print_key(out, v->keys[i]->text, json);
			print_flow(out, v->items[i], json);
		}
		buf_putc(out, map ? '}' : ']');
	}
}

static void print_entries(struct buf *out, const struct value *list, bool json)
{
	if (json || !list->n)
		buf_putc(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		buf_puts(out, json ? (i ? ",\n   " : "\n   ") : "\n    - ");
		print_flow(out, list->items[i], json);
	}
	if (json || !list->n)
		buf_putc(out, ']');
}

void maps_file_print(struct buf *out, const struct value *file, bool json)
{
	const struct value *maps = value_get(file, "maps");

	buf_puts(out, json ? "{\"maps\": {" : "maps:");
	if (!json && !maps->n)
		buf_puts(out, " {}");
	for (size_t i = 0; i < maps->n; i++) {
		const struct value *m = maps->items[i];

		buf_puts(out, json ? (i ? ",\n " : "\n ") : "\n  ");
		print_key(out, maps->keys[i]->text, json);
		buf_puts(out, json ? "{" : "");
		for (size_t j = 0; j < m->n; j++) {
			buf_puts(out, json ? (j ? ",\n  " : "\n  ") : "\n    ");
			print_key(out, m->keys[j]->text, json);
			if (strcmp(m->keys[j]->text, "entries") == 0) {
				if (!json && m->items[j]->n)
					out->len--; /* no space before the line's end */
				print_entries(out, m->items[j], json);
			} else {
				print_flow(out, m->items[j], json);
			}
		}
		buf_puts(out, json ? "}" : "");
	}
	buf_puts(out, json ? "}}\n" : "\n");
}

/* JSON has no hex numbers: bytes stand in quotes there, which in YAML say "text". Text can't be meant:
 * 0x and two digits a byte are longer than the field.
 */
static void unquote_hex(struct value *v)
{
	if (v->kind == VALUE_SCALAR && v->quoted && strncmp(v->text, "0x", 2) == 0)
		v->quoted = false;
	if (v->kind == VALUE_LIST || v->kind == VALUE_MAP)
		for (size_t i = 0; i < v->n; i++)
			unquote_hex(v->items[i]);
}

/* bpftool names every anonymous member "": as keys of one object they must differ. */
static void name_anonymous(struct buf *out, const char *text)
{
	bool in_string = false;
	unsigned n = 0;

	for (; *text; text++) {
		if (!in_string && strncmp(text, "\"\":", 3) == 0) {
			buf_printf(out, "\"" BPFTOOL_ANONYMOUS "%u\":", n++);
			text += 2;
			continue;
		}
		if (in_string && *text == '\\' && text[1])
			buf_putc(out, *text++);
		else if (*text == '"')
			in_string = !in_string;
		buf_putc(out, *text);
	}
}

static const char *stem(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot && dot > name ? arena_strndup(a, name, (size_t)(dot - name)) : name;
}

static struct value *of_bpftool(struct arena *a, const char *path, struct value *list)
{
	struct value *file = value_map(a), *maps = value_map(a), *desc = value_map(a);

	file->loc = maps->loc = desc->loc = list->loc;
	value_setf(a, desc, "form", "bpftool");
	value_set(a, desc, "entries", list);
	value_set(a, maps, stem(a, path), desc);
	value_set(a, file, "maps", maps);
	return file;
}

static int check_maps(const struct value *file, const char *path, struct err *err)
{
	const struct value *maps = value_get(file, "maps"), *entries;

	if (!maps || maps->kind != VALUE_MAP)
		return err_input(err, maps ? &maps->loc : &file->loc,
				 "%s has no \"maps:\" with maps by name, nor is it a list of "
				 "entries as `bpftool map dump -j` writes it",
				 path);
	for (size_t i = 0; i < maps->n; i++) {
		if (maps->items[i]->kind != VALUE_MAP)
			return err_input(err, &maps->items[i]->loc,
					 "map %s: here stands {type, entries: [{key, value}]}",
					 maps->keys[i]->text);
		entries = value_get(maps->items[i], "entries");
		if (entries && entries->kind != VALUE_LIST)
			return err_input(err, &entries->loc, "map %s: entries is no list",
					 maps->keys[i]->text);
	}
	return 0;
}

int maps_file_read(struct arena *a, const char *path, struct value **out, struct err *err)
{
	__cleanup_buf struct buf text = BUF_INIT;
	struct value **docs;
	const char *p;
	char *data;
	bool json;
	size_t n;
	int ret = file_read(a, path, &data, NULL, err);

	if (ret)
		return ret;
	p = data + strspn(data, " \t\r\n");
	json = *p == '[' || *p == '{';
	if (*p == '[')
		name_anonymous(&text, data);
	else
		buf_puts(&text, data);
	ret = yaml_parse(a, buf_str(&text), text.len, arena_strdup(a, path), &docs, &n, err);
	if (ret)
		return ret;
	if (n != 1)
		return err_input(err, &(struct loc){ path, 1, 1 },
				 n ? "more than one document" : "the file is empty");
	if (json)
		unquote_hex(docs[0]);
	*out = docs[0]->kind == VALUE_LIST ? of_bpftool(a, path, docs[0]) : docs[0];
	return check_maps(*out, path, err);
}
