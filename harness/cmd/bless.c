// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes the mark of a recording out of a scenario file. */
#include "cmd/bless.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define KEY "unreviewed:"

struct blessing {
	struct arena *arena;
	const struct scenario *scenario;
	unsigned held, not_held; /* engines */
};

struct blessing *bless_begin(struct arena *a, const struct scenario *s)
{
	struct blessing *b;

	if (!s->unreviewed)
		return NULL;
	b = arena_new_of(a, struct blessing);
	b->arena = a;
	b->scenario = s;
	return b;
}

void bless_take(struct blessing *b, struct scenario_result *res)
{
	if (res->status != STATUS_UNREVIEWED) {
		b->not_held++;
		return;
	}
	b->held++;
	res->status = STATUS_PASSED;
}

/* The line the key stands on, from its first byte to the one behind its newline. */
static bool find_line(const struct blessing *b, const char *text, size_t size, size_t *from,
		      size_t *to)
{
	const char *at = text, *end;

	for (int line = 1; line < b->scenario->unreviewed_loc.line; line++) {
		at = memchr(at, '\n', size - (size_t)(at - text));
		if (!at)
			return false;
		at++;
	}
	end = memchr(at, '\n', size - (size_t)(at - text));
	*from = (size_t)(at - text);
	*to = end ? (size_t)(end - text) + 1 : size;
	return true;
}

/* The key, its value and perhaps a comment: nothing else may go with the line. */
static bool stands_alone(const char *line, size_t len)
{
	size_t at = strlen(KEY);

	if (len < at || memcmp(line, KEY, at) != 0)
		return false;
	while (at < len && line[at] == ' ')
		at++;
	if (len - at < 4 || strncasecmp(line + at, "true", 4) != 0)
		return false;
	at += 4;
	while (at < len && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r'))
		at++;
	return at == len || line[at] == '\n' || line[at] == '#';
}

/* A file of the same owner and mode takes the place of the one at path. */
static int replace(const char *path, const char *beside, const struct stat *was, struct err *err)
{
	if (chmod(beside, was->st_mode & 07777) == 0 &&
	    (chown(beside, was->st_uid, was->st_gid) == 0 || geteuid() != 0) &&
	    rename(beside, path) == 0)
		return 0;
	err_system(err, errno, "cannot write %s", path);
	unlink(beside);
	return -err->no;
}

static int remove_line(const struct blessing *b, struct err *err)
{
	const char *path = b->scenario->path;
	char *real = realpath(path, NULL), *text, *beside;
	size_t size, from, to;
	struct stat was;
	int ret;

	/* a link stays one: what it names is replaced */
	path = real ? arena_strdup(b->arena, real) : path;
	free(real);
	ret = file_read(b->arena, path, &text, &size, err);
	if (ret)
		return ret;
	if (stat(path, &was))
		return err_system(err, errno, "cannot read %s", path);
	if (!find_line(b, text, size, &from, &to) || !stands_alone(text + from, to - from))
		return err_input(err, &b->scenario->unreviewed_loc,
				 "not blessed: more than `unreviewed: true` stands on this line; "
				 "take the key out by hand");
	memmove(text + from, text + to, size - to);
	beside = arena_printf(b->arena, "%s.%d.tmp", path, (int)getpid());
	ret = file_write(beside, text, size - (to - from), err);
	if (ret)
		unlink(beside);
	return ret ? ret : replace(path, beside, &was, err);
}

/* With the lines of the file as it is now. */
static void print_expects(const struct blessing *b, FILE *out)
{
	int gone = b->scenario->unreviewed_loc.line;

	for (size_t i = 0; i < b->scenario->n_steps; i++) {
		const struct step *s = &b->scenario->steps[i];

		for (size_t j = 0; j < s->n_expects; j++) {
			__cleanup_buf struct buf text = BUF_INIT;
			int line = s->expects[j].loc.line;

			value_print(&text, s->expects[j].source);
			fprintf(out, "  %s:%d: step %u: %s\n", b->scenario->path,
				line - (line > gone), s->index, buf_str(&text));
		}
	}
}

int bless_end(struct blessing *b, FILE *out, struct err *err)
{
	const struct scenario *s = b->scenario;
	int ret;

	if (!b->held || b->not_held) {
		fprintf(out, "not blessed: %s: %s\n", s->name,
			b->held + b->not_held ? "it has to run and to hold on every engine"
					      : "it did not run");
		return 1;
	}
	ret = remove_line(b, err);
	if (ret)
		return ret;
	fprintf(out, "blessed: %s: from now on this is what it expects\n", s->name);
	print_expects(b, out);
	return 0;
}
