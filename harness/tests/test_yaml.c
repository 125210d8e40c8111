/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML: what a document means, where each node stands, and that hostile text is refused by name. */
#include <criterion/criterion.h>

#include "files.h"
#include "scenario/yaml.h"

static struct arena *arena;
static struct err err;
static struct value **docs;
static size_t n;

static void setup(void)
{
	arena = arena_new();
	files_enter();
}

static void teardown(void)
{
	files_leave();
	arena_free(arena);
}

TestSuite(yaml, .init = setup, .fini = teardown, .timeout = 30);

static int load(const char *text)
{
	files_write("x.yaml", text);
	return yaml_load(arena, "x.yaml", &docs, &n, &err);
}

static void gives(const char *text, const char *expected)
{
	struct buf out = BUF_INIT;

	cr_assert_eq(load(text), 0, "%s: %s", text, err.text);
	for (size_t i = 0; i < n; i++) {
		value_print(&out, docs[i]);
		buf_puts(&out, "\n");
	}
	cr_assert_str_eq(buf_str(&out), expected);
	buf_free(&out);
}

static void fails(const char *text, const char *message)
{
	int rc = load(text);

	cr_assert_lt(rc, 0, "accepted: %s", text);
	cr_assert_eq(err.kind, ERR_INPUT);
	cr_assert_str_eq(err.text, message);
}

Test(yaml, scalars_lists_and_maps_in_block_and_flow_style)
{
	gives("a: 1\nb: 'x'\nc:\nd: [1, \"q\"]\ne: {f: g}\n",
	      "{a: 1, b: \"x\", c: null, d: [1, \"q\"], e: {f: g}}\n");
}

Test(yaml, only_plain_words_for_nothing_are_null)
{
	gives("- null\n- ~\n- 'null'\n-\n- !!str ~\n", "[null, null, \"null\", null, \"~\"]\n");
}

Test(yaml, documents_come_in_order_without_empty_ones)
{
	gives("---\n---\na: 1\n...\n---\n# nothing\n---\nb: 2\n", "{a: 1}\n{b: 2}\n");
	gives("", "");
	gives("# only a comment\n", "");
}

Test(yaml, anchors_aliases_and_merge_keys_are_resolved)
{
	gives("a: &x {k: v, l: w}\nb: *x\nc:\n  <<: *x\n  l: mine\n",
	      "{a: {k: v, l: w}, b: {k: v, l: w}, c: {l: mine, k: v}}\n");
}

Test(yaml, every_node_knows_its_line_and_column)
{
	const struct value *list;

	cr_assert_eq(load("a: 1\nlist:\n  - 'one'\n  - {k: v}\n"), 0);
	list = value_get(docs[0], "list");
	cr_assert_eq(list->items[0]->loc.line, 3);
	cr_assert_eq(list->items[0]->loc.col, 5); /* the quote belongs to the value */
	cr_assert_eq(list->items[1]->keys[0]->loc.line, 4);
	cr_assert_eq(list->items[1]->keys[0]->loc.col, 6);
	cr_assert_eq(value_get(list->items[1], "k")->loc.col, 9);
	cr_assert_str_eq(list->loc.file, "x.yaml");
}

Test(yaml, columns_count_characters_and_a_byte_order_mark_is_none)
{
	cr_assert_eq(load("\xef\xbb\xbf\xc3\xa9\xc3\xa8: x\n"), 0);
	cr_assert_eq(docs[0]->keys[0]->loc.col, 1);
	cr_assert_eq(docs[0]->items[0]->loc.col, 5);
}

Test(yaml, windows_line_ends_make_no_difference)
{
	gives("a: 1\r\nb:\r\n  - x\r\n", "{a: 1, b: [x]}\n");
}

Test(yaml, a_key_given_twice_is_an_error_at_the_second)
{
	fails("x:\n  a: 1\n  b: 2\n  a: 3\n", "x.yaml:4:3: the key 'a' is already given in line 2\n"
					      "     4 |   a: 3\n"
					      "       |   ^");
}

Test(yaml, a_tab_as_indentation_is_named)
{
	fails("a:\n  b: c\n\td: e\n", "x.yaml:3:1: YAML: a tab cannot indent a line, use spaces\n"
				      "     3 | \td: e\n"
				      "       | ^");
}

Test(yaml, a_line_indented_too_far_gets_a_hint)
{
	fails("a: 1\n b: 2\n", "x.yaml:1:4: YAML: invalid multiline plain key\n"
			       "     1 | a: 1\n"
			       "       |    ^\n"
			       "  is the line after it indented too far?");
}

Test(yaml, syntax_errors_have_their_place)
{
	fails("a: 'open\n", "x.yaml:1:5: YAML: single-quoted scalar without closing quote\n"
			    "     1 | a: 'open\n"
			    "       |     ^");
	fails("a: @x\n", "x.yaml:1:4: YAML: plain scalar cannot start with '@'\n"
			 "     1 | a: @x\n"
			 "       |    ^");
}

Test(yaml, keys_must_be_plain_text)
{
	fails("? [a, b]\n: c\n", "x.yaml:1:3: a key must be plain text\n"
				 "     1 | ? [a, b]\n"
				 "       |   ^");
	fails(": x\n", "x.yaml:1:1: a key is missing before ':'\n"
		       "     1 | : x\n"
		       "       | ^");
}

Test(yaml, an_alias_needs_an_anchor_before_it)
{
	fails("a: *nope\n", "x.yaml:1:5: YAML: no anchor &nope before this alias\n"
			    "     1 | a: *nope\n"
			    "       |     ^");
	fails("a: &a [*a]\n", "x.yaml:1:9: YAML: this alias contains itself\n"
			      "     1 | a: &a [*a]\n"
			      "       |         ^");
	fails("--- {a: &x 1}\n--- {b: *x}\n", "x.yaml:2:10: YAML: no anchor &x before this alias\n"
					      "     2 | --- {b: *x}\n"
					      "       |          ^");
}

Test(yaml, aliases_cannot_multiply_without_end)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
	for (int i = 1; i < 30; i++) {
		buf_printf(&text, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			buf_printf(&text, "%s*a%d", j ? ", " : "", i - 1);
		buf_puts(&text, "]\n");
	}
	cr_assert_lt(load(buf_str(&text)), 0);
	cr_assert(strstr(err.text, "too many values in one file"), "%s", err.text);
	buf_free(&text);
}

Test(yaml, deep_nesting_is_refused_in_every_style)
{
	static const char *const units[] = { "[", "- ", "{a: ", "? " };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct buf text = BUF_INIT;

		for (int j = 0; j < 100000; j++)
			buf_puts(&text, units[i]);
		cr_assert_lt(load(buf_str(&text)), 0, "%s", units[i]);
		buf_free(&text);
	}
}

Test(yaml, a_nul_byte_is_no_text)
{
	cr_assert_lt(yaml_parse(arena, "a: b\n\0c", 7, "x.yaml", &docs, &n, &err), 0);
	cr_assert(strstr(err.text, "x.yaml:2:1: a NUL byte"), "%s", err.text);
	fails("a: \"x\\0y\"\n", "x.yaml:1:4: YAML: a NUL character cannot stand in a value\n"
				"     1 | a: \"x\\0y\"\n"
				"       |    ^");
}

Test(yaml, broken_utf8_is_refused)
{
	cr_assert_lt(load("a: \"\xff\xfe\"\n"), 0);
	cr_assert_lt(load("a: \xc3\n"), 0);
}

Test(yaml, a_missing_file_is_an_input_error)
{
	cr_assert_lt(yaml_load(arena, "none.yaml", &docs, &n, &err), 0);
	cr_assert_eq(err.kind, ERR_INPUT);
	cr_assert_str_eq(err.text, "cannot read none.yaml: No such file or directory");
}

/* No text may crash the reader or make it say nothing: every cut and every flipped byte of one that
 * uses all of YAML.
 */
Test(yaml, damaged_text_is_read_or_refused_with_a_message)
{
	static const char good[] =
		"%YAML 1.2\n---\na: &x {k: 'v', l: [1, \"\\u00e9\", *y]}\nb: |\n"
		"  text\n? q\n: - *x\n  - !!str 1\n<<: *x\n...\n---\n- >-\n  z\n";
	char text[sizeof(good)];

	for (size_t cut = 0; cut < sizeof(good); cut++) {
		struct arena *a = arena_new();

		if (yaml_parse(a, good, cut, "x", &docs, &n, &err))
			cr_assert_gt(strlen(err.text), 3);
		arena_free(a);
	}
	for (size_t i = 0; i + 1 < sizeof(good); i++) {
		for (int bit = 0; bit < 8; bit++) {
			struct arena *a = arena_new();

			memcpy(text, good, sizeof(good));
			text[i] = (char)(text[i] ^ 1 << bit);
			err_clear(&err);
			if (yaml_parse(a, text, sizeof(good) - 1, "x", &docs, &n, &err))
				cr_assert_gt(strlen(err.text), 3);
			arena_free(a);
		}
	}
}
