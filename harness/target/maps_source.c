// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Opens a file of map entries and finds out which form it has. */
#include "target/maps_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "target/maps_file.h"
#include "target/maps_source_forms.h"

/* Up to here YAML may have any form; it is read whole, at some 40 bytes of memory for each of the file. */
#define TREE_BYTES (2u << 20)

/* Of a mapped file that were read; whole pages. */
#define GIVE_BACK (32u << 20)

struct maps_source {
	struct arena *arena;
	struct source_text text;
	void *mapped; /* NULL: read, for it is a pipe */
	struct buf read;
	const struct value *tree; /* NULL: told from the text */
};

/* What comes out of a pipe is kept: it is told twice. */
static int read_pipe(struct maps_source *s, int fd, struct err *err)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_input(err, NULL, "cannot read %s: %s", s->text.path,
					 strerror(errno));
		buf_add(&s->read, chunk, (size_t)n);
	}
	s->text.data = buf_str(&s->read);
	s->text.size = s->read.len;
	return 0;
}

static int get_text(struct maps_source *s, struct err *err)
{
	__cleanup_fd int fd = open(s->text.path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_input(err, NULL, "cannot read %s: %s", s->text.path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_input(err, NULL, "cannot read %s: it is a folder", s->text.path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return read_pipe(s, fd, err);
	s->mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (s->mapped == MAP_FAILED) {
		s->mapped = NULL;
		return read_pipe(s, fd, err);
	}
	s->text.data = s->mapped;
	s->text.size = (size_t)st.st_size;
	s->text.is_mapped = true;
	return 0;
}

static int choose_form(struct maps_source *s, struct err *err)
{
	struct flow f = flow_begin(s->text.path, s->text.data, s->text.size, err);
	struct value *tree;
	char first;
	int line, ret;

	f.json = true; /* a comment is no JSON */
	first = flow_next(&f);
	if (!first)
		return err_input(err, &(struct loc){ s->text.path, 1, 1 }, "the file is empty");
	s->text.is_json = first == '[' || first == '{';
	if (s->text.is_json)
		return 0;
	line = s->text.size > TREE_BYTES ? source_odd_line(&s->text) : 1;
	if (!line)
		return 0;
	ret = maps_file_parse(s->arena, s->text.path, s->text.data, s->text.size, &tree, err);
	s->tree = tree;
	if (ret && s->text.size > TREE_BYTES)
		err_hint(err,
			 "YAML this large is read line by line if it is as `verdict maps dump` "
			 "writes it, and line %d is not; JSON may have any size",
			 line);
	return ret;
}

int maps_source_open(const char *path, struct maps_source **out, struct err *err)
{
	struct maps_source *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_system(err, ENOMEM, "%s", path);
	s->arena = arena_new();
	s->text.path = arena_strdup(s->arena, path);
	ret = get_text(s, err);
	if (!ret)
		ret = choose_form(s, err);
	if (ret)
		maps_source_close(s);
	else
		*out = s;
	return ret;
}

void source_give_back(const struct source_text *t, const char **from, const char *at)
{
	if (!t->is_mapped || (size_t)(at - *from) < 2 * (size_t)GIVE_BACK)
		return;
	madvise((void *)*from, GIVE_BACK, MADV_DONTNEED);
	*from += GIVE_BACK;
}

int source_once(struct arena *a, struct value *in, const struct value *key, const char *what,
		struct err *err)
{
	if (value_get(in, key->text))
		return err_input(err, &key->loc, "%s %s is given twice", what, key->text);
	value_set(a, in, key->text, value_null(a));
	return 0;
}

int maps_source_tell(struct maps_source *s, const struct maps_listener *l, struct err *err)
{
	struct arena *scratch = arena_new();
	int ret;

	if (s->tree)
		ret = source_tell_tree(s->tree, l, scratch, err);
	else if (s->text.is_json)
		ret = source_tell_json(&s->text, l, scratch, err);
	else
		ret = source_tell_lines(&s->text, l, scratch, err);
	arena_free(scratch);
	return ret;
}

void maps_source_close(struct maps_source *s)
{
	if (!s)
		return;
	if (s->mapped)
		munmap(s->mapped, s->text.size);
	buf_free(&s->read);
	arena_free(s->arena);
	free(s);
}
