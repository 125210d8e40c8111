/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/maps_source*.c only: the forms a file of map entries may have. */
#ifndef VERDICT_TARGET_MAPS_SOURCE_FORMS_H
#define VERDICT_TARGET_MAPS_SOURCE_FORMS_H

#include "target/maps_flow.h"
#include "target/maps_source.h"

struct source_text {
	const char *path, *data;
	size_t size;
	bool is_mapped; /* its pages can be given back as it is read */
	bool is_json;
};

/* Lets go of pages that were read, in steps; *from is where they begin. */
void source_give_back(const struct source_text *t, const char **from, const char *at);
/* Puts the key into a map, with no value yet; input error if it is there: "the map ct is given twice". */
int source_once(struct arena *a, struct value *in, const struct value *key, const char *what,
		struct err *err);
/* file: {maps: {NAME: {entries}}}, as maps_file_parse() gives it. */
int source_tell_tree(const struct value *file, const struct maps_listener *l, struct arena *scratch,
		     struct err *err);
int source_tell_json(const struct source_text *t, const struct maps_listener *l,
		     struct arena *scratch, struct err *err);
int source_tell_lines(const struct source_text *t, const struct maps_listener *l,
		      struct arena *scratch, struct err *err);
/* The first line of YAML that source_tell_lines() has no meaning for; 0: there is none. */
int source_odd_line(const struct source_text *t);

#endif
