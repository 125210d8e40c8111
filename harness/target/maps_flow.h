/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: one value of JSON or of YAML's flow style at a time, out of a text of any size. */
#ifndef VERDICT_TARGET_MAPS_FLOW_H
#define VERDICT_TARGET_MAPS_FLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/value.h"

struct flow {
	const char *file; /* for messages */
	const char *at, *end; /* where it reads; the text need not end in a NUL */
	const char *line_start;
	int line; /* from 1 */
	bool json; /* quoted text that begins with 0x is bytes: JSON has no other way */
	struct err *err;
	int depth;
	unsigned n_anonymous;
};

struct flow flow_begin(const char *file, const char *text, size_t len, struct err *err);
/* Over blanks, line ends and, in YAML, comments. Then true if that character stands there, and is passed. */
bool flow_take(struct flow *f, char c);
/* The character that stands next, after blanks; 0 at the end. */
char flow_next(struct flow *f);
/* The next value. Without an arena it is passed over, only its brackets and quotes are looked at, and
 * *out stays as it is. An empty key, as bpftool gives anonymous members, becomes BPFTOOL_ANONYMOUS
 * and a number.
 */
int flow_read(struct flow *f, struct arena *a, struct value **out);
/* An input error where it reads. */
int flow_fail(struct flow *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
