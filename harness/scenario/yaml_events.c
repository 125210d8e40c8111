/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* libfyaml: its events, and what it says of text that it does not take. */
#include <errno.h>
#include <libfyaml.h>
#include <string.h>

#include "scenario/yaml_parts.h"

size_t yaml_token_pos(struct yaml_loader *l, struct fy_token *t)
{
	const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;

	if (m)
		l->at = m->input_pos;
	return l->at;
}

/* A tab as indentation is what libfyaml reports as a broken key one line before. */
static bool tab_near(struct yaml_loader *l, int line, size_t *pos)
{
	for (int n = line - 1; n <= line; n++) {
		if (n < 0 || (size_t)n >= l->n_lines)
			continue;
		*pos = l->lines[n];
		*pos += strspn(l->text + *pos, " ");
		if (l->text[*pos] == '\t')
			return true;
	}
	return false;
}

static int syntax_error(struct yaml_loader *l)
{
	struct fy_diag_error *e;
	void *it = NULL;
	size_t tab;

	while ((e = fy_diag_errors_iterate(l->diag, &it))) {
		size_t pos = yaml_token_pos(l, e->fyt);
		bool block = strncmp(e->msg, "invalid multiline", 17) == 0;

		if (e->type != FYET_ERROR)
			continue;
		if (tab_near(l, e->line, &tab))
			return yaml_fail(l, tab, "YAML: a tab cannot indent a line, use spaces");
		if (!e->fyt && e->line > 0 && (size_t)e->line <= l->n_lines)
			pos = l->lines[e->line - 1] + (size_t)(e->column > 0 ? e->column - 1 : 0);
		yaml_fail(l, pos, arena_printf(l->a, "YAML: %s", e->msg));
		if (block)
			err_hint(l->err, "is the line after it indented too far?");
		return -EINVAL;
	}
	if (l->said.len) {
		char *line = arena_strndup(l->a, l->said.data, strcspn(l->said.data, "\n"));

		return yaml_fail(l, l->at, arena_printf(l->a, "YAML: %s", line));
	}
	return yaml_fail(l, l->at, "YAML: syntax error");
}

struct fy_event *yaml_next_event(struct yaml_loader *l, int *rc)
{
	struct fy_event *e = fy_parser_parse(l->parser);

	*rc = 0;
	if (!e && (fy_parser_get_stream_error(l->parser) || l->said.len))
		*rc = syntax_error(l);
	return e;
}

static void keep_message(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	struct yaml_loader *l = user;

	(void)diag;
	if (l->said.len < 500)
		buf_add(&l->said, text, len);
}

int yaml_open_parser(struct yaml_loader *l)
{
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE };
	struct fy_diag_cfg diag;

	fy_diag_cfg_default(&diag);
	diag.fp = NULL;
	diag.output_fn = keep_message;
	diag.user = l;
	diag.level = FYET_ERROR;
	diag.colorize = false;
	diag.show_source = diag.show_position = diag.show_type = diag.show_module = false;
	l->diag = fy_diag_create(&diag);
	if (!l->diag)
		return err_system(l->err, ENOMEM, "cannot start the YAML parser");
	fy_diag_set_collect_errors(l->diag, true);
	cfg.diag = l->diag;
	l->parser = fy_parser_create(&cfg);
	if (!l->parser || fy_parser_set_string(l->parser, l->text, l->len))
		return err_system(l->err, ENOMEM, "cannot start the YAML parser");
	return 0;
}

void yaml_close_parser(struct yaml_loader *l)
{
	fy_parser_destroy(l->parser);
	fy_diag_destroy(l->diag);
	buf_free(&l->said);
}
