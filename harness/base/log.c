/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The log level is the one piece of global state. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level current = LOG_WARN;

void log_set_level(enum log_level level)
{
	current = level;
}

enum log_level log_level(void)
{
	return current;
}

void log_print(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > current)
		return;
	fputs(level == LOG_WARN ? "verdict: warning: " : "verdict: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
