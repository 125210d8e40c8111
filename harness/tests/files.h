/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A folder of a test's own with files in it, and the root of the source tree. */
#ifndef VERDICT_TESTS_FILES_H
#define VERDICT_TESTS_FILES_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

/* Makes a fresh folder and goes there, so that messages hold short relative paths. */
static inline void files_enter(void)
{
	char dir[] = "/tmp/verdict-test-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		abort();
}

/* Removes the folder files_enter() made; its files must lie at most two folders deep. */
static inline void files_leave(void)
{
	char cwd[PATH_MAX], cmd[PATH_MAX + 16];

	if (!getcwd(cwd, sizeof(cwd)) || strncmp(cwd, "/tmp/verdict-test-", 18) != 0)
		abort();
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", cwd);
	if (chdir("/") || system(cmd))
		abort();
}

static inline void files_write(const char *path, const char *text)
{
	static struct err err;
	struct arena *a = arena_new();
	const char *dir = file_dir(a, path);

	if ((strcmp(dir, ".") != 0 && file_mkdir_p(dir, &err)) ||
	    file_write(path, text, strlen(text), &err))
		abort();
	arena_free(a);
}

/* The root of the source tree, found from the running test upward. */
static inline const char *files_source_root(void)
{
	static char dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	const char *env = getenv("VERDICT_SOURCE");

	if (env)
		return env;
	if (n < 0)
		abort();
	dir[n] = '\0';
	for (char *slash = strrchr(dir, '/'); slash && slash != dir; slash = strrchr(dir, '/')) {
		char probe[PATH_MAX + 32];
		struct stat st;

		*slash = '\0';
		snprintf(probe, sizeof(probe), "%s/harness/scenario/schema.h", dir);
		if (stat(probe, &st) == 0)
			return dir;
	}
	return ".";
}

#endif
