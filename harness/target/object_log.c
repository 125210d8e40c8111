/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From libbpf's messages and the verifier's log to an error for people. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/object_internal.h"

#define TAIL_LINES 15
#define LINE_SHOWN 240
#define LOG_BEGIN  "-- BEGIN PROG LOAD LOG --"
#define LOG_END	   "-- END PROG LOAD LOG --"

/* libbpf_set_print() takes no argument for its callback, so the place to write to is the thread's. */
static __thread struct buf *capture;
static __thread libbpf_print_fn_t before;

static int keep_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text;
	int n;

	if (level == LIBBPF_DEBUG || !capture)
		return 0;
	n = vasprintf(&text, fmt, ap);
	if (n < 0)
		return 0;
	buf_add(capture, text, (size_t)n);
	free(text);
	return n;
}

void libbpf_log_begin(struct buf *into)
{
	capture = into;
	before = libbpf_set_print(keep_message);
}

void libbpf_log_end(void)
{
	libbpf_set_print(before);
	capture = NULL;
}

struct line {
	const char *text;
	size_t len;
};

/* Steps back from `end`, the byte behind a newline or the end of the text, to the line before. */
static bool line_before(const char *start, const char **end, struct line *out)
{
	const char *last = *end, *first;

	if (last > start && last[-1] == '\n')
		last--;
	if (last <= start)
		return false;
	first = last;
	while (first > start && first[-1] != '\n')
		first--;
	out->text = first;
	out->len = (size_t)(last - first);
	*end = first;
	return true;
}

static void put_line(struct buf *out, struct line l)
{
	buf_printf(out, "\n  %.*s%s", (int)(l.len > LINE_SHOWN ? LINE_SHOWN : l.len), l.text,
		   l.len > LINE_SHOWN ? "..." : "");
}

void last_warning(const char *log, struct buf *out)
{
	const char *end = log + strlen(log);
	struct line l;

	while (line_before(log, &end, &l)) {
		if (l.len < 8 || strncmp(l.text, "libbpf: ", 8) != 0)
			continue;
		buf_printf(out, "%.*s", (int)(l.len > 300 ? 300 : l.len) - 8, l.text + 8);
		return;
	}
}

/* "libbpf: prog 'NAME': ", and the name. */
static bool program_of(struct line l, struct line *name)
{
	static const char start[] = "libbpf: prog '";
	const char *quote;

	if (l.len <= sizeof(start) || strncmp(l.text, start, sizeof(start) - 1) != 0)
		return false;
	name->text = l.text + sizeof(start) - 1;
	quote = memchr(name->text, '\'', l.len - (sizeof(start) - 1));
	name->len = quote ? (size_t)(quote - name->text) : 0;
	return quote != NULL;
}

/* That of the nearest line before `at` that has one. */
static bool program_before(const char *log, const char *at, struct line *name)
{
	struct line l;

	while (line_before(log, &at, &l))
		if (program_of(l, name))
			return true;
	return false;
}

/* The verifier prints source lines as "; text @ file.c:123" before the instructions made of them:
 * the last one is where it stopped.
 */
static bool source_line(const char *start, const char *end, struct line *source)
{
	struct line l;

	while (line_before(start, &end, &l)) {
		if (l.len < 3 || l.text[0] != ';')
			continue;
		source->text = l.text + 2;
		source->len = l.len - 2;
		return true;
	}
	return false;
}

static void put_source(struct buf *out, const char *start, const char *end)
{
	struct line l;

	if (source_line(start, end, &l))
		buf_printf(out, "\n  at source line: %.*s",
			   (int)(l.len > LINE_SHOWN ? LINE_SHOWN : l.len), l.text);
}

static void put_tail(struct buf *out, const char *start, const char *end)
{
	struct line l[TAIL_LINES];
	int n = 0;

	while (n < TAIL_LINES && line_before(start, &end, &l[n]))
		n++;
	buf_printf(out, "\n  the verifier's last %d lines:", n);
	while (n > 0)
		put_line(out, l[--n]);
}

static int err_from_verifier(struct err *err, int no, const char *path, const char *log,
			     const char *begin)
{
	__cleanup_buf struct buf text = BUF_INIT;
	const char *start = strchr(begin, '\n');
	struct line name = { "?", 1 };
	const char *end;

	start = start ? start + 1 : begin + strlen(begin);
	end = strstr(start, LOG_END);
	if (!end)
		end = start + strlen(start);
	/* the end marker stands on a line of libbpf's own if the log has no final newline */
	while (end > start && end[-1] == ' ')
		end--;
	program_before(log, begin, &name);
	put_source(&text, start, end);
	put_tail(&text, start, end);
	err_system(err, no, "%s: the kernel rejects program %.*s", path, (int)name.len, name.text);
	return err_hint(err, "%s", buf_str(&text) + 3);
}

static bool starts(struct line l, const char *with)
{
	size_t len = strlen(with);

	return l.len >= len && strncmp(l.text, with, len) == 0;
}

/* Behind the reason the verifier prints its figures. */
static bool is_reason(struct line l)
{
	return l.len && !starts(l, "processed ") && !starts(l, "verification time ") &&
	       !starts(l, "stack depth ") && !starts(l, "libbpf: ") && !starts(l, LOG_END);
}

bool refusal_from_load_log(const char *log, struct arena *a, const char **program, const char **why)
{
	const char *end = log + strlen(log);
	struct line l, name = { NULL, 0 };

	*why = NULL;
	while (line_before(log, &end, &l)) {
		if (!name.text && program_of(l, &name))
			*program = arena_strndup(a, name.text, name.len);
		else if (name.text && is_reason(l) && !*why)
			*why = arena_strndup(a, l.text, l.len > LINE_SHOWN ? LINE_SHOWN : l.len);
	}
	if (name.text && !*why)
		*why = "the kernel does not say why";
	return name.text != NULL;
}

int err_from_load_log(struct err *err, int no, const char *path, const char *log)
{
	const char *begin = NULL, *at = log;
	__cleanup_buf struct buf why = BUF_INIT;

	while ((at = strstr(at, LOG_BEGIN)) != NULL)
		begin = at++;
	if (begin)
		return err_from_verifier(err, no, path, log, begin);
	for (const char *end = log + strlen(log);;) {
		struct line l;

		/* the last warning only repeats that the load failed; the cause stands before it */
		if (!line_before(log, &end, &l) || why.len > 1200)
			break;
		put_line(&why, l);
	}
	err_system(err, no, "%s: cannot load it", path);
	if (why.len)
		err_hint(err, "libbpf said, last line first:%s", buf_str(&why));
	if (no == EPERM)
		err_hint(err, "loading programs needs root, or CAP_BPF and CAP_NET_ADMIN; "
			      "`verdict doctor` shows what is missing");
	return -err->no;
}
