/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "target/target_settings.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/table.h"

#define SHOWN 3 /* of what differs; the count says the rest */

static const char *const more_headers[] = { "ep_config.h", "netdev_config.h" };

/* The settings of one folder. */
struct header {
	struct arena *arena;
	struct table values; /* by name, spelt alike */
	struct node_defines defines;
};

/* How two values are held against each other: without blanks, in lower case, with decimal numbers. */
static const char *spelt_alike(struct arena *a, const char *value, size_t len)
{
	struct buf out = BUF_INIT;
	const char *text;

	for (size_t i = 0; i < len;) {
		size_t word = 0;
		char *end;

		while (i + word < len && isalnum((unsigned char)value[i + word]))
			word++;
		if (word && isdigit((unsigned char)value[i])) {
			buf_printf(&out, "%llu", strtoull(value + i, &end, 0));
			i += word;
			continue;
		}
		if (!isspace((unsigned char)value[i]))
			buf_putc(&out, (char)tolower((unsigned char)value[i]));
		i++;
	}
	text = arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return text;
}

/* "NAME VALUE" behind #define; a macro's argument belongs to its name, up to the bracket. */
static void take_define(struct header *h, const char *line, size_t len)
{
	size_t name = 0;
	char *key;

	while (name < len && (isalnum((unsigned char)line[name]) || line[name] == '_'))
		name++;
	if (!name || (name < len && line[name] == '('))
		return;
	key = arena_alloc(h->arena, name + 1);
	memcpy(key, line, name);
	*table_slot_text(&h->values, key) = (void *)spelt_alike(h->arena, line + name, len - name);
	h->defines.list =
		arena_grow(h->arena, h->defines.list, h->defines.n, sizeof(*h->defines.list));
	h->defines.list[h->defines.n++] =
		(struct node_define){ key, table_get_text(&h->values, key), false };
}

static void take_text(struct header *h, const char *text)
{
	for (const char *at = text; *at;) {
		size_t len = strcspn(at, "\n");
		const char *word = at + strspn(at, " \t");

		if (*word == '#') {
			word += 1 + strspn(word + 1, " \t");
			if (!strncmp(word, "define", 6) && isspace((unsigned char)word[6])) {
				word += 6 + strspn(word + 6, " \t");
				take_define(h, word, (size_t)(at + len - word));
			}
		}
		at += len + (at[len] == '\n');
	}
}

static int take_file(struct header *h, const char *dir, const char *name, struct err *err)
{
	const char *path = file_join(h->arena, dir, name);
	char *text;
	int ret;

	if (access(path, F_OK) != 0)
		return 0;
	ret = file_read(h->arena, path, &text, NULL, err);
	if (!ret)
		take_text(h, text);
	return ret;
}

/* ---- one folder against the node ---- */

static bool is_wanted(const struct node_defines *wanted, const char *name)
{
	for (size_t i = 0; i < wanted->n; i++)
		if (!strcmp(wanted->list[i].name, name))
			return true;
	return false;
}

static void differs(struct buf *out, size_t *n, const char *name, const char *how, const char *want)
{
	if ((*n)++ >= SHOWN)
		return;
	buf_printf(out, "%s%s is %s", *n > 1 ? ", " : "", name, how);
	if (want)
		buf_printf(out, " (the node: %s)", want);
}

/* Returns how many settings differ; *text, unless none does, names the first. */
static size_t compare(const struct header *h, const struct node_defines *wanted, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < wanted->n; i++) {
		const struct node_define *w = &wanted->list[i];
		const char *is = table_get_text(&h->values, w->name), *want;

		if (w->is_free || strchr(w->name, '('))
			continue;
		if (!w->value) {
			if (is)
				differs(out, &n, w->name, "set", "not");
			continue;
		}
		want = spelt_alike(h->arena, w->value, strlen(w->value));
		if (!is)
			differs(out, &n, w->name, "not set", want);
		else if (strcmp(is, want) != 0)
			differs(out, &n, w->name, is, want);
	}
	for (size_t i = 0; i < h->defines.n; i++) {
		const char *name = h->defines.list[i].name;

		if (!strncmp(name, "ENABLE_", 7) && !is_wanted(wanted, name))
			differs(out, &n, name, "set", "not");
	}
	if (n > SHOWN)
		buf_printf(out, " and %zu more", n - SHOWN);
	return n;
}

struct search {
	struct arena *arena;
	const char *header;
	const struct node_defines *wanted;
	struct settings_found *found;
	size_t best; /* how many settings differ there; SIZE_MAX: none has the header */
};

static int look_at(struct search *s, const char *dir, struct err *err)
{
	struct arena *a = arena_new();
	struct header h = { .arena = a, .values = TABLE_INIT(a) };
	struct buf text = BUF_INIT;
	size_t n;
	int ret = 0;

	if (access(file_join(a, dir, s->header), R_OK) == 0) {
		ret = take_file(&h, dir, s->header, err);
		for (size_t i = 0; i < sizeof(more_headers) / sizeof(more_headers[0]) && !ret; i++)
			ret = take_file(&h, dir, more_headers[i], err);
		n = ret ? SIZE_MAX : compare(&h, s->wanted, &text);
		if (n < s->best) {
			s->best = n;
			s->found->folder = arena_strdup(s->arena, dir);
			s->found->otherwise = n ? arena_strdup(s->arena, buf_str(&text)) : NULL;
		}
	}
	buf_free(&text);
	arena_free(a);
	return ret;
}

static int is_shown(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int look_below(struct search *s, const char *folder, struct err *err)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, is_shown, alphasort), ret = 0;

	if (n < 0)
		return err_input(err, NULL, "cannot read the folder %s: %s", folder,
				 strerror(errno));
	for (int i = 0; i < n; i++) {
		if (!ret && s->best)
			ret = look_at(s, file_join(s->arena, folder, names[i]->d_name), err);
		free(names[i]);
	}
	free(names);
	return ret;
}

int target_settings_find(struct arena *a, const struct target_desc *d, const char *folder,
			 const struct node_defines *wanted, struct settings_found *out,
			 struct err *err)
{
	struct search s = { a, d->objects_settings, wanted, out, SIZE_MAX };
	int ret;

	*out = (struct settings_found){ .folder = folder };
	ret = look_at(&s, folder, err);
	if (!ret && s.best)
		ret = look_below(&s, folder, err);
	if (!ret && s.best == SIZE_MAX)
		out->otherwise = arena_printf(a, "no %s says what they were compiled for",
					      d->objects_settings);
	return ret;
}
