/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The quick reader of plain YAML against the general one: what it takes, it reads the same, place by place. */
#include <criterion/criterion.h>

#include "files.h"
#include "scenario/yaml_plain.h"

static struct arena *arena;

static void setup(void)
{
	arena = arena_new();
}

static void teardown(void)
{
	arena_free(arena);
}

TestSuite(yaml_plain, .init = setup, .fini = teardown, .timeout = 60);

static bool same(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind || a->n != b->n || a->quoted != b->quoted ||
	    a->loc.line != b->loc.line || a->loc.col != b->loc.col ||
	    (a->text && strcmp(a->text, b->text) != 0))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if ((a->keys && !same(a->keys[i], b->keys[i])) || !same(a->items[i], b->items[i]))
			return false;
	return true;
}

static void print(struct buf *out, const struct value *v)
{
	buf_printf(out, "%d:%d%s", v->loc.line, v->loc.col, v->quoted ? "q" : "");
	if (v->kind == VALUE_NULL)
		buf_puts(out, "null ");
	if (v->text)
		buf_printf(out, "'%s' ", v->text);
	for (size_t i = 0; i < v->n; i++) {
		if (v->keys)
			print(out, v->keys[i]);
		buf_puts(out, v->keys ? "= " : "- ");
		print(out, v->items[i]);
	}
}

static const char *shown(const struct value *v)
{
	struct buf out = BUF_INIT;
	char *text;

	if (!v)
		return "nothing";
	print(&out, v);
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

/* Whether the quick reader takes it; if so, both must agree. */
static bool agree(const char *text)
{
	struct yaml_slice s = { arena_strdup(arena, text), strlen(text), 1, "x" };
	struct value *quick, **docs;
	struct err err;
	size_t n;

	if (!yaml_plain_check(&s))
		return false;
	cr_assert_str_eq(s.text, text, "a check must not write");
	cr_assert_eq(yaml_parse(arena, text, strlen(text), "x", &docs, &n, &err), 0,
		     "taken, but the general reader says %s:\n%s", err.text, text);
	cr_assert_eq(yaml_plain_read(&s, arena, arena, NULL, NULL, NULL, &quick), 0);
	if (quick && quick->kind == VALUE_NULL)
		quick = NULL;
	cr_assert_eq(quick != NULL, n == 1, "%zu documents of\n%s", n, text);
	if (quick)
		cr_assert(same(quick, docs[0]), "of\n%s\nquick:   %s\ngeneral: %s", text,
			  shown(quick), shown(docs[0]));
	return true;
}

static const char *const plain[] = {
	"a: b\n",
	"a: b",
	"",
	"# nothing\n\n",
	"a:\nb: ~\nc: null\nd: \"\"\ne: ''\n",
	"a:\n  b: c d\n  e:\n    f: 1 # why\ng: h\n",
	"a:\n- b\n- c: d\n  e: f\n-\n  g: 1\nh: i\n",
	"a:\n  - b\n  -   c: d\n      e: f\n  - - x\n    - y\nz: 1\n",
	"- a\n- b: c\n",
	"\n\n# c\n  a: b\n  c: d\n",
	"'a b': 'it''s'\n\"c d\": \"e\\\"f\\\\\"\n",
	"a: {b: c, d: [e, 'f, g', {h: i}], j: []}\nk: {}\nl: [ 1 , 2 ]  # c\n",
	"a: [10.0.0.1:80, fd00::1, 'fd00::2']\nb: {a.b/c: http://x}\n",
	"a: b:c\nurl: http://x/y#z\nt: 2026-01-01T00:00:00Z\nx: a'b\"c\n",
	"a: |\n  one\n    two\n\n  three\n\nb: c\n",
	"a: |-\n  one\n  # no comment\nb:\n- |\n  x\n- y\n",
	"a: |\n  {\"k\": 1}\n",
	"caf\xc3\xa9: \xc3\xbc x # \xc3\xa9\nb: [\xc3\xa9, c]\n",
	"a: -1\nb: -x\nc: a-b\nd: 1-\n",
	"metadata:\n  annotations: {kubernetes.io/egress-bandwidth: 10M}\n  labels:\n    a: \"\"\n",
};

static const char *const beyond[] = {
	"a: &x b\nc: *x\n",
	"a: !!str 1\n",
	"a: >\n  b\n  c\n",
	"a: b\n  c\n",
	"a: 'b\n  c'\n",
	"\ta: b\n",
	"a: [b,\n  c]\n",
	"a: b\na: c\n",
	"<<: {a: b}\n",
	"a: b: c\n",
	"a:\n  b: c\n d: e\n",
	"? a\n: b\n",
	"a: {b}\n",
	"a: [b: c]\n",
	"plain\n",
	"a: |2\n   b\n",
	"- a\nb: c\n",
	"a: 1\n- b\n",
	"a: \"\\u0041\"\n",
	"a: @b\n",
	"a: {b: c\n",
	"a: [b]c\n",
	"{a: b}: c\n",
	"a: \"b\" c\n",
	"null: a\n",
	"a: 'b'#c\n",
	"a:\tb\n",
	"a : b\n",
	"'it''s': a\n",
	"\"a\\tb\": c\n",
};

Test(yaml_plain, plain_text_is_taken_and_read_the_same)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		cr_assert(agree(plain[i]), "not taken:\n%s", plain[i]);
}

Test(yaml_plain, what_is_beyond_it_is_left_to_the_general_reader)
{
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
		cr_assert_not(agree(beyond[i]), "taken:\n%s", beyond[i]);
}

/* Two pieces glued, and bytes that mean something put in and taken out. */
Test(yaml_plain, damaged_text_is_refused_or_read_the_same)
{
	static const char bytes[] = " \n:-#'\"[]{},|&*!?a\\~";
	unsigned seed = 7, taken = 0;

	for (int i = 0; i < 60000; i++) {
		char text[600];
		size_t len;

		snprintf(text, sizeof(text), "%s%s",
			 plain[rand_r(&seed) % (sizeof(plain) / sizeof(plain[0]))],
			 rand_r(&seed) % 2
				 ? ""
				 : plain[rand_r(&seed) % (sizeof(plain) / sizeof(plain[0]))]);
		len = strlen(text);
		for (unsigned n = rand_r(&seed) % 3; n && len > 1; n--) {
			size_t at = rand_r(&seed) % len;

			if ((unsigned char)text[at] >= 0x80)
				continue;
			if (rand_r(&seed) % 2) {
				memmove(text + at, text + at + 1, len - at);
				len--;
			} else {
				text[at] = bytes[rand_r(&seed) % (sizeof(bytes) - 1)];
			}
		}
		taken += agree(text);
		arena_reset(arena);
	}
	cr_assert_gt(taken, 5000);
}
