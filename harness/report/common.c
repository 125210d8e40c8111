// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Words, counts and escaping for the reporters. */
#include "report/common.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

const char *report_status(enum status status)
{
	static const char *const names[] = {
		[STATUS_PASSED] = "passed",	    [STATUS_FAILED] = "failed",
		[STATUS_UNREVIEWED] = "unreviewed", [STATUS_ERROR] = "error",
		[STATUS_SKIPPED] = "skipped",
	};

	return names[status];
}

void report_print_unreviewed(struct buf *out, const struct scenario_result *res)
{
	const char *path = res->path ? res->path : "the scenario";
	size_t len = strlen(path), file = strlen("/scenario.yaml");
	bool named = len > file && strcmp(path + len - file, "/scenario.yaml") == 0;

	buf_printf(out,
		   "all is as recorded, but nobody has said that it is right: read the "
		   "expectations in %s, then `verdict run --bless %.*s`",
		   path, (int)(named ? len - file : len), path);
}

const char *report_name(const struct scenario_result *res)
{
	return res->name ? res->name : res->path ? res->path : "?";
}

size_t report_differences(const struct scenario_result *res)
{
	size_t n = 0;

	for (size_t i = 0; i < res->n_steps; i++)
		n += res->steps[i].n_diffs;
	return n;
}

const struct difference *report_difference(const struct scenario_result *res, size_t n)
{
	for (size_t i = 0; i < res->n_steps; i++) {
		if (n < res->steps[i].n_diffs)
			return &res->steps[i].diffs[n];
		n -= res->steps[i].n_diffs;
	}
	return NULL;
}

size_t report_print_differences(struct buf *out, const struct scenario_result *res, size_t limit)
{
	size_t told = 0;

	for (size_t i = 0; i < res->n_steps; i++)
		told += judge_print_folded(out, res->steps[i].diffs, res->steps[i].n_diffs, &limit);
	return told;
}

void report_last_line(struct buf *out, const struct report_totals *t)
{
	buf_printf(out, "%u passed, %u failed", t->passed, t->failed + t->errors);
	if (t->unreviewed)
		buf_printf(out, ", %u unreviewed", t->unreviewed);
	if (t->skipped)
		buf_printf(out, ", %u skipped", t->skipped);
}

/* Only a regular file, or nothing, may be replaced by rename: /dev/null and named pipes are written to, a
 * symbolic link is followed.
 */
static bool replaceable(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 || S_ISREG(st.st_mode);
}

int report_writable(const char *path, struct err *err)
{
	struct arena *a = arena_new();
	const char *dir = file_dir(a, path);
	struct stat st;
	int ret = 0;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		ret = err_system(err, EISDIR, "cannot write %s", path);
	else if (replaceable(path))
		ret = file_mkdir_p(dir, err);
	/* a link to what is not there yet is made when it is written */
	if (!ret && access(replaceable(path) ? dir : path, W_OK) < 0 && errno != ENOENT)
		ret = err_system(err, errno, "cannot write %s", path);
	arena_free(a);
	return ret;
}

int report_replace(const char *path, const void *data, size_t size, struct err *err)
{
	struct arena *a;
	char *beside;
	int ret;

	if (!replaceable(path))
		return file_write(path, data, size, err);
	a = arena_new();
	beside = arena_printf(a, "%s.%d.tmp", path, (int)getpid());
	ret = file_mkdir_p(file_dir(a, path), err);
	if (!ret && file_write(beside, data, size, err))
		ret = err_system(err, err->no, "cannot write %s", path);
	if (!ret && rename(beside, path) < 0)
		ret = err_system(err, errno, "cannot write %s", path);
	if (ret)
		unlink(beside);
	arena_free(a);
	return ret;
}

/* Length of the UTF-8 character at s, 0 if there is none; RFC 3629: shortest form, no surrogates. */
static size_t utf8_char(const uint8_t *s, uint32_t *code)
{
	size_t len = *s < 0x80	 ? 1
		     : *s < 0xc2 ? 0
		     : *s < 0xe0 ? 2
		     : *s < 0xf0 ? 3
		     : *s < 0xf5 ? 4
				 : 0;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (len < 2) {
		*code = *s;
		return len;
	}
	*code = *s & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return len;
}

void report_clean(struct buf *out, const char *text)
{
	const uint8_t *s = (const uint8_t *)text;

	while (*s) {
		uint32_t code;
		size_t len = utf8_char(s, &code);

		/* XML 1.0, production Char: U+FFFE and U+FFFF are none */
		if (!len || code == 0xfffe || code == 0xffff)
			buf_puts(out, "\xef\xbf\xbd");
		else if ((code >= 0x20 && code != 0x7f) || code == '\n' || code == '\t')
			buf_add(out, s, len);
		s += len ? len : 1;
	}
}

void report_xml(struct buf *out, const char *text)
{
	__cleanup_buf struct buf clean = BUF_INIT;

	report_clean(&clean, text);
	for (const char *s = buf_str(&clean); *s; s++) {
		switch (*s) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		case '\n': /* would become a space in an attribute */
			buf_puts(out, "&#10;");
			break;
		case '\t':
			buf_puts(out, "&#9;");
			break;
		default:
			buf_putc(out, *s);
		}
	}
}

void report_quoted(struct buf *out, const char *text)
{
	__cleanup_buf struct buf clean = BUF_INIT;

	report_clean(&clean, text);
	buf_putc(out, '"');
	for (const char *s = buf_str(&clean); *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_putc(out, '\\');
		if (*s == '\n')
			buf_puts(out, "\\n");
		else if (*s == '\t')
			buf_puts(out, "\\t");
		else
			buf_putc(out, *s);
	}
	buf_putc(out, '"');
}
