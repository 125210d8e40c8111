// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes a scenario's folder, or nothing. */
#include "cmd/record_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "packet/pcapng.h"

const char *record_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int check_name(const char *path, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	const char *name = record_base_name(path);

	if (*name && name[0] != '.' && !name[strspn(name, allowed)] && strlen(name) <= 100)
		return 0;
	return err_input(err, NULL,
			 "%s: the folder's name becomes the scenario's, which is made of letters, "
			 "digits, '-', '_' and '.'",
			 path);
}

/* An empty folder may be there: somebody has made it for this. */
static int check_free(const char *path, struct err *err)
{
	DIR *dir = opendir(path);
	bool taken = false;
	struct dirent *e;

	if (!dir)
		return errno == ENOENT ? 0 : err_input(err, NULL, "%s: %m", path);
	while (!taken && (e = readdir(dir)))
		taken = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	if (!taken)
		return 0;
	return err_input(err, NULL,
			 "%s is there already and not empty: record into another folder, or remove "
			 "it first",
			 path);
}

int record_folder_begin(struct record_folder *f, struct arena *a, const char *path, struct err *err)
{
	const char *making = arena_printf(a, "%s.%d.tmp", path, (int)getpid());
	int ret = check_name(path, err);

	*f = (struct record_folder){ .arena = a, .path = path };
	if (!ret)
		ret = check_free(path, err);
	if (!ret)
		ret = file_mkdir_p(making, err);
	if (!ret)
		f->making = making;
	return ret;
}

static const char *add(struct record_folder *f, const char *name)
{
	f->files = arena_grow(f->arena, f->files, f->n_files, sizeof(*f->files));
	f->files[f->n_files++] = file_join(f->arena, f->making, name);
	return f->files[f->n_files - 1];
}

static bool is_there(const struct record_folder *f, const char *name)
{
	for (size_t i = 0; i < f->n_files; i++)
		if (strcmp(record_base_name(f->files[i]), name) == 0)
			return true;
	return false;
}

static int copy_all(int in, int to, const char *from, const char *out, struct err *err)
{
	static char block[1 << 16];
	ssize_t n;

	while ((n = read(in, block, sizeof(block))) > 0) {
		for (ssize_t done = 0, put; done < n; done += put) {
			put = write(to, block + done, (size_t)(n - done));
			if (put < 0)
				return err_system(err, errno, "cannot write %s", out);
		}
	}
	return n < 0 ? err_input(err, NULL, "cannot read %s: %m", from) : 0;
}

int record_folder_copy(struct record_folder *f, const char *from, const char *name,
		       const char **out, struct err *err)
{
	__cleanup_fd int in = open(from, O_RDONLY | O_CLOEXEC);
	__cleanup_fd int to = -1;

	if (in < 0)
		return err_input(err, NULL, "cannot read %s: %m", from);
	if (is_there(f, name))
		return err_input(err, NULL, "two of the files would be called %s", name);
	*out = add(f, name);
	to = open(*out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (to < 0)
		return err_system(err, errno, "cannot write %s", *out);
	return copy_all(in, to, from, *out, err);
}

/* The magic number is asked of the copy: a pipe tells it once. */
static const char *capture_name(const char *copy)
{
	__cleanup_fd int fd = open(copy, O_RDONLY | O_CLOEXEC);
	uint32_t magic = 0;

	if (fd < 0 || read(fd, &magic, sizeof(magic)) != sizeof(magic))
		return NULL;
	return magic == PCAPNG_MAGIC ? "capture.pcapng" : "capture.pcap";
}

int record_folder_capture(struct record_folder *f, const char *from, const char **out,
			  struct err *err)
{
	const char *copy = NULL, *name;
	int ret = record_folder_copy(f, from, "capture", &copy, err);

	if (ret || !copy)
		return ret;
	name = capture_name(copy);
	if (!name)
		return err_input(err, NULL, "%s is no capture: it has less than four bytes", from);
	*out = file_join(f->arena, f->making, name);
	if (rename(copy, *out))
		return err_system(err, errno, "cannot write %s", *out);
	f->files[f->n_files - 1] = *out;
	return 0;
}

int record_folder_write(struct record_folder *f, const char *name, const void *data, size_t size,
			const char **out, struct err *err)
{
	*out = is_there(f, name) ? file_join(f->arena, f->making, name) : add(f, name);
	return file_write(*out, data, size, err);
}

static bool id_of(const char *variable, unsigned *out)
{
	const char *text = getenv(variable);
	char *end;

	if (!text || !*text)
		return false;
	*out = (unsigned)strtoul(text, &end, 10);
	return !*end;
}

/* What root wrote under sudo is there to be read and put right by a person. */
static void give_back(const struct record_folder *f)
{
	unsigned uid, gid;

	if (geteuid() != 0 || !id_of("SUDO_UID", &uid) || !id_of("SUDO_GID", &gid))
		return;
	for (size_t i = 0; i <= f->n_files; i++) {
		const char *path = i < f->n_files ? f->files[i] : f->making;

		/* a file system that has no owners will do as well */
		if (lchown(path, uid, gid))
			return;
	}
}

int record_folder_finish(struct record_folder *f, struct err *err)
{
	give_back(f);
	if (rename(f->making, f->path))
		return err_system(err, errno, "cannot write %s", f->path);
	f->making = NULL;
	return 0;
}

void record_folder_abort(struct record_folder *f)
{
	if (!f->making)
		return;
	for (size_t i = 0; i < f->n_files; i++)
		unlink(f->files[i]);
	rmdir(f->making);
	f->making = NULL;
}
