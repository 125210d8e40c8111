/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files, folders, and the places an installation keeps its parts. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef VERDICT_LIBDIR
#define VERDICT_LIBDIR "/usr/local/lib/verdict"
#endif

/* Read before main: in a chroot, a process that has entered a mount namespace of its own is told a
 * path from the root outside, as its root is then another mount than the program's.
 */
static char self[PATH_MAX];

__attribute__((constructor)) static void note_self(void)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n < 0 ? 0 : n] = '\0';
}

const char *file_self(void)
{
	return self;
}

void fd_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void file_cleanup(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

int file_read(struct arena *a, const char *path, char **data, size_t *size, struct err *err)
{
	__cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	struct stat st;
	char *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_input(err, NULL, "cannot read %s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_input(err, NULL, "cannot read %s: it is a folder", path);
	p = arena_alloc(a, (size_t)st.st_size + 1);
	while (used < (size_t)st.st_size) {
		ssize_t n = read(fd, p + used, (size_t)st.st_size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_input(err, NULL, "cannot read %s: %s", path, strerror(errno));
		if (n == 0)
			break;
		used += (size_t)n;
	}
	p[used] = '\0';
	*data = p;
	if (size)
		*size = used;
	return 0;
}

int file_write(const char *path, const void *data, size_t size, struct err *err)
{
	__cleanup_file FILE *f = fopen(path, "we");

	if (!f || (size && fwrite(data, size, 1, f) != 1) || fflush(f))
		return err_system(err, errno, "cannot write %s", path);
	return 0;
}

bool file_find_line(const char *path, const char *mark, char *line, size_t size)
{
	__cleanup_file FILE *f = fopen(path, "re");

	while (f && fgets(line, (int)size, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, mark))
			return true;
	}
	return false;
}

int file_mkdir_p(const char *path, struct err *err)
{
	char tmp[PATH_MAX];

	if (snprintf(tmp, sizeof(tmp), "%s", path) >= (int)sizeof(tmp))
		return err_system(err, ENAMETOOLONG, "cannot make the folder %s", path);
	for (char *p = tmp + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(tmp, 0755) < 0 && errno != EEXIST)
			return err_system(err, errno, "cannot make the folder %s", tmp);
		*p = '/';
	}
	if (mkdir(tmp, 0755) < 0 && errno != EEXIST)
		return err_system(err, errno, "cannot make the folder %s", tmp);
	return 0;
}

char *file_join(struct arena *a, const char *dir, const char *name)
{
	if (name[0] == '/' || !dir || strcmp(dir, ".") == 0)
		return arena_strdup(a, name);
	return arena_printf(a, "%s/%s", dir, name);
}

char *file_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_strdup(a, ".");
	return arena_strndup(a, path, slash == path ? 1 : (size_t)(slash - path));
}

static char *if_dir(struct arena *a, const char *base, const char *kind)
{
	char *path = arena_printf(a, "%s/%s", base, kind);
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? path : NULL;
}

char *file_installed(struct arena *a, const char *kind)
{
	const char *env = getenv("VERDICT_LIBDIR");
	char *dir = file_dir(a, self);
	char *found = env ? if_dir(a, env, kind) : NULL;

	/* build/verdict and build/tests/test_x both find build/bpf and the tree's netns/ */
	for (int up = 0; up < 3 && !found && *self; up++) {
		found = if_dir(a, dir, kind);
		dir = file_dir(a, dir);
	}
	return found ? found : if_dir(a, VERDICT_LIBDIR, kind);
}
