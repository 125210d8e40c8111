// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Opens maps by id, by pin, or a folder of pins. */
#include "cmd/maps_open.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"

static bool is_on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) || fs.f_type == BPF_FS_MAGIC;
}

/* The error as it is, and what to do where it is of privilege. */
static int not_allowed(int ret, struct err *err)
{
	return ret == -EPERM || ret == -EACCES ? err_hint(err, "run as root (sudo)") : ret;
}

int maps_open_id(const char *text, struct map **out, struct err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	__cleanup_fd int fd = -1;
	char *end, name[64];
	unsigned long id = strtoul(text + 3, &end, 10);

	if (*end || end == text + 3 || id > UINT32_MAX)
		return err_input(err, NULL, "%s: id: and a number were expected", text);
	fd = bpf_map_get_fd_by_id((uint32_t)id);
	if (fd < 0 && errno == ENOENT)
		return err_input(err, NULL, "%s: there is no such map", text);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return not_allowed(err_system(err, errno, "%s: opening the map", text), err);
	snprintf(name, sizeof(name), "%s", info.name);
	return map_open_fd(fd, *name ? name : text, out, err);
}

/* Pins of programs and links lie beside those of maps. */
static bool is_map(int fd)
{
	char path[64], what[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, what, sizeof(what) - 1) > 0 && strstr(what, "bpf-map");
}

int maps_open_pin(const char *path, struct map **out, struct err *err)
{
	const char *slash = strrchr(path, '/');
	__cleanup_fd int fd = bpf_obj_get(path);
	int no = errno;

	if (fd < 0 && no == ENOENT)
		return err_input(err, NULL, "%s: no map is pinned there", path);
	if (fd < 0 && !is_on_bpffs(path))
		return err_input(err, NULL, "%s: no pin of a map, nor a folder of them", path);
	if (fd < 0)
		return not_allowed(err_system(err, no, "%s: opening the pinned map", path), err);
	if (!is_map(fd))
		return err_input(err, NULL, "%s: what is pinned there is no map", path);
	return map_open_fd(fd, slash ? slash + 1 : path, out, err);
}

struct map *maps_find_open(const struct open_maps *o, const char *name)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->list[i]->name, name) == 0)
			return o->list[i];
	return NULL;
}

static int add(struct open_maps *o, struct map *m, struct err *err)
{
	bool taken = maps_find_open(o, m->name);

	o->list = arena_grow(o->arena, o->list, o->n, sizeof(*o->list));
	o->list[o->n++] = m;
	return taken ? err_input(err, NULL, "two maps are called %s: take one at a time", m->name)
		     : 0;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int open_folder(struct open_maps *o, const char *dir, struct err *err)
{
	struct dirent **list;
	int n = scandir(dir, &list, visible, alphasort), ret = 0;
	size_t before = o->n;
	bool closed = false; /* to this user */

	if (n < 0)
		return err_system(err, errno, "%s: reading the folder", dir);
	for (int i = 0; i < n; i++) {
		const char *path = file_join(o->arena, dir, list[i]->d_name);
		int fd = ret ? -1 : bpf_obj_get(path);
		struct map *m;

		closed |= !ret && fd < 0 && (errno == EPERM || errno == EACCES);
		if (fd >= 0 && is_map(fd)) {
			ret = map_open_fd(fd, list[i]->d_name, &m, err);
			if (!ret)
				ret = add(o, m, err);
		}
		fd_cleanup(&fd);
		free(list[i]);
	}
	free(list);
	if (!ret && o->n == before && closed && is_on_bpffs(dir))
		return not_allowed(err_system(err, EPERM, "%s: opening what is pinned there", dir),
				   err);
	if (!ret && o->n == before)
		return err_input(err, NULL, "%s: no map is pinned in this folder", dir);
	return ret;
}

int maps_open(struct open_maps *o, const char *what, struct err *err)
{
	struct map *m = NULL;
	struct stat st;
	int ret;

	if (strncmp(what, "id:", 3) == 0) {
		ret = maps_open_id(what, &m, err);
		return ret || !m ? ret : add(o, m, err);
	}
	if (stat(what, &st))
		return err_input(err, NULL, "%s: %s", what, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return open_folder(o, what, err);
	ret = maps_open_pin(what, &m, err);
	return ret || !m ? ret : add(o, m, err);
}

bool maps_is_live(const char *what)
{
	int fd = -1;
	struct stat st;
	bool live = strncmp(what, "id:", 3) == 0 || (stat(what, &st) == 0 && S_ISDIR(st.st_mode));

	if (!live)
		fd = bpf_obj_get(what);
	live |= fd >= 0;
	fd_cleanup(&fd);
	return live;
}

void maps_close_all(struct open_maps *o)
{
	for (size_t i = 0; i < o->n; i++)
		map_close(o->list[i]);
	o->n = 0;
}
