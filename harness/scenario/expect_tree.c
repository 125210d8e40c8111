/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `explain:` of an expectation: the lines of a packet's tree. */
#include <errno.h>
#include <string.h>

#include "scenario/expect_parts.h"

static bool is_gap(const char *line)
{
	return strcmp(line, TREE_GAP) == 0;
}

/* number: in the text, from 0. Only a literal block, whose text begins in column 1, has a line for each. */
static void add_line(struct schema_ctx *ctx, struct tree_expect *t, const char *text, size_t len,
		     int number)
{
	const char *line;

	while (len && strchr(" \t\r", text[len - 1]))
		len--;
	while (len && strchr(" \t", *text)) {
		text++;
		len--;
	}
	line = arena_strndup(ctx->arena, text, len);
	if (!len || (is_gap(line) && t->n && is_gap(t->lines[t->n - 1])))
		return;
	t->lines = arena_grow(ctx->arena, t->lines, t->n, sizeof(*t->lines));
	t->numbers = arena_grow(ctx->arena, t->numbers, t->n, sizeof(*t->numbers));
	t->numbers[t->n] = t->loc.line + (t->loc.col == 1 ? number : 0);
	t->lines[t->n++] = line;
}

int ex_explain(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct tree_expect *t = arena_new_of(ctx->arena, struct tree_expect);
	const char *text = value_text(v);
	bool says = false;

	t->loc = v->loc;
	((struct expect *)out)->tree = t;
	if (!text)
		return err_input(ctx->err, &v->loc,
				 "explain: expected the lines that `verdict explain` prints, as a "
				 "block: `explain: |` and the lines below it");
	for (int n = 0; *text; n++) {
		size_t len = strcspn(text, "\n");

		add_line(ctx, t, text, len, n);
		text += len + (text[len] == '\n');
	}
	for (size_t i = 0; i < t->n; i++)
		says |= !is_gap(t->lines[i]);
	return says ? 0
		    : err_input(ctx->err, &v->loc,
				"explain: expects nothing: `" TREE_GAP
				"` stands for any lines, and no other line is written");
}

/* What a whole scenario has to be for that. */
int check_trees(struct schema_ctx *ctx, struct scenario *s)
{
	const struct tree_expect *t = NULL;

	for (size_t i = 0; i < s->n_steps && !t; i++)
		for (size_t j = 0; j < s->steps[i].n_expects && !t; j++)
			t = s->steps[i].expects[j].tree;
	if (!t)
		return 0;
	if (s->target)
		return err_input(ctx->err, &t->loc,
				 "explain: a raw scenario has no cluster that a packet could be "
				 "followed through; expect its `hops:` and `maps:`");
	if (s->engines & ENGINE_NETNS)
		return err_input(ctx->err, &t->loc,
				 "explain: what programs look up is seen by test runs only, not on "
				 "engine netns: write `engines: [testrun]` at the top");
	s->wants_lookups = true;
	return 0;
}
