/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Errors: a negative errno travels as the return value, the sentence for people in struct err.
 *
 * Functions that can fail take a `struct err *` last and return 0 or a negative errno. The deepest
 * function that knows the cause fills the err; callers add context with err_wrap(). Nothing below
 * main prints or exits.
 */
#ifndef VERDICT_BASE_ERR_H
#define VERDICT_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/loc.h"

/* Who has to act; decides the exit code (docs: 2 usage or scenario error, 3 harness or machine). */
enum err_kind {
	ERR_NONE = 0,
	ERR_INPUT, /* the user's file or command line is wrong: exit 2 */
	ERR_SYSTEM, /* kernel, permission, missing tool, load failure, timeout: exit 3 */
};

struct err {
	enum err_kind kind;
	int no; /* positive errno */
	char text
		[8192]; /* complete message, may span lines (caret, verifier log); no final newline */
};

/* Input error at a place in a file: "file:line:col: message", then the line itself and a caret.
 * at may be NULL or have no file. Returns -EINVAL.
 */
int err_input(struct err *err, const struct loc *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* System error. no is a positive errno, or 0 where none applies (EIO is then returned); its text is
 * appended as ": No such file or directory". Returns -no.
 */
int err_system(struct err *err, int no, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before an error that is already set. Returns -err->no, so that
 * `return err_wrap(err, "loading %s", path);` works.
 */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends a line to an error already set: what to do about it. Returns -err->no. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void err_clear(struct err *err);

/* The exit code an error stands for: 2 or 3. */
int err_exit_code(const struct err *err);

#endif
