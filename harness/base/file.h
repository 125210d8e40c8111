/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files and descriptors: read whole, make folders, find what was installed with the program. */
#ifndef VERDICT_BASE_FILE_H
#define VERDICT_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

#define __cleanup_fd   __attribute__((cleanup(fd_cleanup))) /* int, -1 is none */
#define __cleanup_file __attribute__((cleanup(file_cleanup))) /* FILE *, NULL is none */
void fd_cleanup(int *fd);
void file_cleanup(FILE **f);

/* The whole file, NUL-terminated; *size (may be NULL) without the NUL. Input error if missing. */
int file_read(struct arena *a, const char *path, char **data, size_t *size, struct err *err);
int file_write(const char *path, const void *data, size_t size, struct err *err);
int file_mkdir_p(const char *path, struct err *err);
/* The first line with mark in it, cut to size, without its end; mark "": the first. False: there is none; errno says
 * why where the file cannot be opened.
 */
bool file_find_line(const char *path, const char *mark, char *line, size_t size);

/* dir/name, or name alone if it is absolute. */
char *file_join(struct arena *a, const char *dir, const char *name);
/* The folder of a path: "a/b/c" gives "a/b", "c" gives ".". */
char *file_dir(struct arena *a, const char *path);

/* The running program's path; "" if the kernel does not say. */
const char *file_self(void);

/* Where what belongs to the program lies: kind is "bpf" (objects), "netns" (scripts) or "reports"
 * (template, schema). Looked for in $VERDICT_LIBDIR/<kind>, then beside the running program (a build
 * tree: build/bpf, ../netns), then in the installation's library folder. NULL if nowhere.
 */
char *file_installed(struct arena *a, const char *kind);

#endif
