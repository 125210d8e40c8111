/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the general reader share: yaml_text.c (places in the text), yaml_events.c (libfyaml), yaml.c
 * (trees), yaml_each.c (big files); of them only.
 */
#ifndef VERDICT_SCENARIO_YAML_PARTS_H
#define VERDICT_SCENARIO_YAML_PARTS_H

#include <errno.h>

#include "base/buf.h"
#include "scenario/yaml.h"

struct fy_event;
struct fy_token;

struct yaml_anchor {
	const char *name;
	struct value *v; /* NULL while it is being read */
	size_t weight;
};

struct yaml_loader {
	struct arena *a;
	const char *text, *name;
	size_t len;
	int first_line; /* its number, where text is a part of the file */
	size_t *lines; /* where each line starts */
	size_t n_lines;
	struct fy_parser *parser;
	struct fy_diag *diag;
	struct buf said; /* what libfyaml says without a place */
	struct yaml_anchor *anchors;
	size_t n_anchors;
	size_t nodes, max_nodes;
	size_t at; /* start of the latest token: the place of what has none */
	struct err *err;
};

/* yaml_text.c. Places are offsets in the text. */
void yaml_index_lines(struct yaml_loader *l); /* before places are asked for */
struct loc yaml_loc_at(const struct yaml_loader *l, size_t pos);
/* An input error. Here, so that a look at one file tells that it is never 0. */
static inline int yaml_fail(struct yaml_loader *l, size_t pos, const char *msg)
{
	struct loc loc = yaml_loc_at(l, pos);

	err_input(l->err, &loc, "%s", msg);
	return -EINVAL;
}

/* The first byte that is no UTF-8, or len. */
size_t yaml_not_utf8(const char *text, size_t len);
/* Input error for text that is none, or is longer than max. */
int yaml_check_bytes(struct yaml_loader *l, size_t max);

/* yaml_events.c. To be closed in all cases. */
int yaml_open_parser(struct yaml_loader *l);
void yaml_close_parser(struct yaml_loader *l);
/* The next event; NULL at the end of the stream or on an error, with l->err set then. */
struct fy_event *yaml_next_event(struct yaml_loader *l, int *rc);
size_t yaml_token_pos(struct yaml_loader *l, struct fy_token *t);

/* yaml.c: all documents of the text. */
int yaml_read_all(struct yaml_loader *l, struct value ***docs, size_t *n);

#endif
