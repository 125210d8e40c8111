/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The binder of tables to trees, and the readers of plain scalars. */
#include "scenario/schema.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/words.h"
#include "scenario/parts.h"

static const char *kind_name(const struct value *v)
{
	switch (v->kind) {
	case VALUE_MAP:
		return "a map";
	case VALUE_LIST:
		return "a list";
	case VALUE_NULL:
		return "nothing";
	default:
		return "a plain value";
	}
}

static int unknown_key(struct schema_ctx *ctx, const struct schema *s, const struct value *key)
{
	struct buf known = BUF_INIT;
	const char *names[64];
	const char *near;
	size_t n = 0;
	int rc;

	for (; s->keys[n].name && n < 64; n++) {
		names[n] = s->keys[n].name;
		buf_printf(&known, "%s%s", n ? ", " : "", names[n]);
	}
	near = nearest_name(key->text, names, n);
	if (near)
		rc = err_input(ctx->err, &key->loc, "unknown key '%s' in %s; did you mean '%s'?",
			       key->text, s->name, near);
	else
		rc = err_input(ctx->err, &key->loc, "unknown key '%s' in %s", key->text, s->name);
	if (isdigit((unsigned char)key->text[0]))
		err_hint(ctx->err, "inside { } a comma begins the next key; a value that holds one "
				   "is quoted: packets: \"1-3,9\"");
	else if (!near)
		err_hint(ctx->err, "known: %s", buf_str(&known));
	buf_free(&known);
	return rc;
}

static const struct schema_key *find_key(const struct schema *s, const char *name)
{
	for (const struct schema_key *k = s->keys; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

int schema_bind(struct schema_ctx *ctx, const struct schema *s, const struct value *v, void *out)
{
	if (v->kind != VALUE_MAP)
		return err_input(ctx->err, &v->loc, "%s: expected a map of keys, found %s", s->name,
				 kind_name(v));
	for (size_t i = 0; i < v->n; i++) {
		const struct schema_key *k = find_key(s, v->keys[i]->text);
		int rc;

		if (!k)
			return unknown_key(ctx, s, v->keys[i]);
		rc = k->read(ctx, v->items[i], out);
		if (rc)
			return rc;
	}
	for (const struct schema_key *k = s->keys; k->name; k++)
		if (k->required && !value_get(v, k->name))
			return err_input(ctx->err, &v->loc, "%s: the key '%s' is missing (%s)",
					 s->name, k->name, k->text);
	return 0;
}

int read_string(struct schema_ctx *ctx, const struct value *v, const char **out)
{
	if (v->kind != VALUE_SCALAR || !*v->text)
		return err_input(ctx->err, &v->loc, "expected text, found %s", kind_name(v));
	*out = v->text;
	return 0;
}

bool parse_u64(const char *s, size_t len, uint64_t max, uint64_t *out)
{
	bool hex = len > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	unsigned base = hex ? 16 : 10;
	uint64_t n = 0;

	if (hex) {
		s += 2;
		len -= 2;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		unsigned digit = (unsigned)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);

		if (!isxdigit(c) || digit >= base || n > (max - digit) / base || digit > max)
			return false;
		n = n * base + digit;
	}
	*out = n;
	return len > 0;
}

int read_u64(struct schema_ctx *ctx, const struct value *v, uint64_t max, uint64_t *out)
{
	if (v->kind == VALUE_SCALAR && parse_u64(v->text, strlen(v->text), max, out))
		return 0;
	if (v->kind != VALUE_SCALAR)
		return err_input(ctx->err, &v->loc, "expected a number, found %s", kind_name(v));
	return err_input(ctx->err, &v->loc, "expected a number from 0 to %llu, found '%s'",
			 (unsigned long long)max, v->text);
}

int read_bool(struct schema_ctx *ctx, const struct value *v, bool *out)
{
	const char *s = v->kind == VALUE_SCALAR && !v->quoted ? v->text : "";

	if (strcmp(s, "true") == 0 || strcmp(s, "True") == 0 || strcmp(s, "TRUE") == 0)
		*out = true;
	else if (strcmp(s, "false") == 0 || strcmp(s, "False") == 0 || strcmp(s, "FALSE") == 0)
		*out = false;
	else if (v->kind == VALUE_SCALAR)
		return err_input(ctx->err, &v->loc, "expected true or false, found %s'%s'",
				 v->quoted ? "the text " : "", v->text);
	else
		return err_input(ctx->err, &v->loc, "expected true or false, found %s",
				 kind_name(v));
	return 0;
}

/* One "90s" of a duration; p moves behind it. Whole numbers: Go's "1.5h" is written 1h30m here. */
static bool duration_part(const char **p, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = { { "ns", 1 },
		      { "us", 1000 },
		      { "ms", 1000000 },
		      { "s", 1000000000ull },
		      { "m", 60000000000ull },
		      { "h", 3600000000000ull } };
	size_t digits = strspn(*p, "0123456789"), letters;
	uint64_t n;

	if (!digits || !parse_u64(*p, digits, UINT64_MAX, &n))
		return false;
	*p += digits;
	letters = strspn(*p, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].unit) != letters || strncmp(*p, units[i].unit, letters) != 0)
			continue;
		*p += letters;
		return !__builtin_mul_overflow(n, units[i].ns, &n) &&
		       !__builtin_add_overflow(*ns, n, ns);
	}
	return false;
}

int read_duration_ns(struct schema_ctx *ctx, const struct value *v, uint64_t *out)
{
	const char *p = v->kind == VALUE_SCALAR ? v->text : "";
	bool ok = *p != '\0';

	*out = 0;
	while (ok && *p)
		ok = duration_part(&p, out);
	if (ok && *out <= INT64_MAX)
		return 0;
	if (v->kind != VALUE_SCALAR)
		return err_input(ctx->err, &v->loc, "expected a duration, found %s", kind_name(v));
	return err_input(ctx->err, &v->loc,
			 "expected a duration such as 90s, 1m30s or 5ms, found '%s'", v->text);
}

int read_word(struct schema_ctx *ctx, const struct value *v, const struct word_table *t, int *out)
{
	const char *near;

	if (v->kind != VALUE_SCALAR)
		return err_input(ctx->err, &v->loc, "expected %s %s, found %s",
				 strchr("aeiou", t->what[0]) ? "an" : "a", t->what, kind_name(v));
	if (word_parse(t, v->text, out))
		return 0;
	near = word_nearest(t, v->text);
	if (near)
		return err_input(ctx->err, &v->loc, "unknown %s '%s'; did you mean '%s'?", t->what,
				 v->text, near);
	err_input(ctx->err, &v->loc, "unknown %s '%s'", t->what, v->text);
	if (t->n <= 12) {
		struct buf known = BUF_INIT;

		for (size_t i = 0; i < t->n; i++)
			buf_printf(&known, "%s%s", i ? ", " : "", t->words[i].name);
		err_hint(ctx->err, "known: %s", buf_str(&known));
		buf_free(&known);
	}
	return -EINVAL;
}

int read_each(struct schema_ctx *ctx, const struct value *v, const char *what,
	      int (*read)(struct schema_ctx *ctx, const struct value *v, void *out), void *out)
{
	if (v->kind == VALUE_SCALAR)
		return read(ctx, v, out);
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "expected a list of %s, found %s", what,
				 v->kind == VALUE_LIST ? "an empty one" : kind_name(v));
	for (size_t i = 0; i < v->n; i++) {
		int rc = read(ctx, v->items[i], out);

		if (rc)
			return rc;
	}
	return 0;
}
