/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the two files of the plain reader share; of them only. */
#ifndef VERDICT_SCENARIO_YAML_PLAIN_PARTS_H
#define VERDICT_SCENARIO_YAML_PLAIN_PARTS_H

#include "scenario/yaml_plain.h"

#define MAX_DEPTH 60
#define NOT_PLAIN -1

struct line {
	char *start, *text, *end; /* end: the newline, or the end of the slice */
	int number;
	unsigned indent; /* of text; of the rest behind "- " once that is taken off */
};

struct key_ref {
	const char *text;
	size_t len;
};

struct reader {
	const struct yaml_slice *s;
	char *end;
	bool dry;
	struct line line; /* start NULL: the slice is over */
	struct arena *nodes, *texts;
	struct arena *items; /* nodes of what is handed to visit; NULL: nothing is */
	yaml_visit visit;
	void *user;
	/* dry: the keys of all open maps, to find one given twice */
	struct key_ref *keys;
	size_t n_keys, room;
};

/* Readers give 0 or NOT_PLAIN; those with `p` begin there and leave it behind what they took. Nodes are NULL
 * in a dry pass, in which nothing is written.
 */
/* Behind the last token of a line: spaces, or a comment set off by one. */
bool plain_rest_empty(const struct line *l, const char *p);
struct value *plain_node(struct reader *r, enum value_kind kind, const char *p);
bool plain_is_null(const char *s, size_t len);
/* Ends the text with a NUL; an unquoted null makes the node one. */
void plain_set_text(struct value *v, char *text, size_t len, bool quoted);
void plain_push_pair(struct reader *r, struct value *map, struct value *key, struct value *v);
/* Notes a key of the map whose keys begin at `from`; false if it has it already, or if that cannot be told
 * without understanding escapes.
 */
bool plain_note_key(struct reader *r, size_t from, const char *text, size_t len);
/* Of a quoted text from its opening quote to the closing one. */
bool plain_known_escapes(const char *p, const char *end);
size_t plain_unquote(char *p, const char *end);
int plain_quoted(struct reader *r, char **p, struct value **out);
/* Where a plain scalar, or the key of a pair, that begins at p ends; NULL: it is none. */
char *plain_scalar_end(const struct line *l, char *p);
char *plain_key_end(const struct line *l, char *p);
/* "|" and "|-"; the line is then the last of the block. */
int plain_literal(struct reader *r, char *p, unsigned parent, struct value **out);
/* A list or map in brackets, all on one line. */
int plain_flow(struct reader *r, char **p, int depth, struct value **out);

#endif
