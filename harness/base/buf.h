/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A string that grows. Always NUL-terminated once something was appended. */
#ifndef VERDICT_BASE_BUF_H
#define VERDICT_BASE_BUF_H

#include <stddef.h>

struct buf {
	char *data; /* NULL while empty: print with buf_str() */
	size_t len, cap;
};

#define BUF_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}
#define __cleanup_buf __attribute__((cleanup(buf_free)))

void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_pad(struct buf *b, size_t column_from,
	     size_t width); /* spaces until len - column_from == width */
void buf_reset(struct buf *b); /* empty, memory kept */
void buf_free(struct buf *b);
const char *buf_str(const struct buf *b); /* never NULL */

#endif
