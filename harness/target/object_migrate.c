/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps that were replaced while attached programs still use them.
 *
 * Until the programs are replaced as well, what they write must be found: by this agent, and by the
 * next one if this one is killed on the way. So a replaced map stays pinned as NAME_prev1 to 9, and
 * every start takes over what it finds there.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "target/object_internal.h"
#include "target/tailcalls.h"

#define PREVIOUS_MAX 9

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static bool pins_this(const char *path, int fd)
{
	__cleanup_fd int there = bpf_obj_get(path);

	return there >= 0 && map_id(there) == map_id(fd);
}

static const char *previous_name(struct object *o, const char *pin, int n)
{
	return arena_printf(o->arena, "%s_prev%d", pin, n);
}

int object_pin_previous(struct object *o, const char *pin, int fd, const char **path,
			struct err *err)
{
	for (int n = 1; n <= PREVIOUS_MAX; n++) {
		*path = file_join(o->arena, o->opts.pin_dir, previous_name(o, pin, n));
		if (bpf_obj_pin(fd, *path) == 0)
			return 0;
		if (errno != EEXIST)
			return err_system(err, errno, "cannot pin the replaced map %s at %s", pin,
					  *path);
		if (pins_this(*path, fd))
			return 0;
	}
	err_system(err, EEXIST, "the map %s was replaced %d times and no start ever ended", pin,
		   PREVIOUS_MAX);
	return err_hint(err, "if no program uses them any more, remove %s_prev* under %s", pin,
			o->opts.pin_dir);
}

void object_keep_migration(struct object *o, const char *map, struct map *from, struct map *to,
			   const char *pin)
{
	struct migration *m = arena_new_of(o->arena, struct migration), **end = &o->migrations;

	m->map = arena_strdup(o->arena, map);
	m->from = from;
	m->to = to;
	m->pin = pin;
	while (*end)
		end = &(*end)->next;
	*end = m;
}

static bool keeps(const struct object *o, const char *path)
{
	for (const struct migration *m = o->migrations; m; m = m->next)
		if (m->pin && strcmp(m->pin, path) == 0)
			return true;
	return false;
}

static bool is_kept(const struct object *o, const char *path)
{
	for (size_t i = 0; i < o->opts.n_together; i++)
		if (keeps(o->opts.together[i], path))
			return true;
	return keeps(o, path);
}

static int adopt(struct object *o, const char *map, const char *name, const char *path, int fd,
		 struct err *err)
{
	struct migrate_report report = { 0 };
	struct map *from = NULL, *to = NULL;
	int ret = map_open_pinned(o->opts.pin_dir, name, &from, err);

	if (!ret)
		ret = map_open_fd(fd, map, &to, err);
	if (!ret)
		ret = map_migrate(from, to, &report, err);
	if (ret) {
		map_close(from);
		map_close(to);
		return ret;
	}
	object_log(o,
		   "info msg=\"Took over a map that a start left unfinished\" map=%s copied=%llu "
		   "lost=%llu",
		   name, (unsigned long long)report.copied, (unsigned long long)report.lost);
	object_keep_migration(o, map, from, to, path);
	return 0;
}

int object_adopt_previous(struct object *o, const char *map, const char *pin, int fd,
			  struct err *err)
{
	bool forget = o->opts.on_map_mismatch == MAP_MISMATCH_RECREATE;

	for (int n = PREVIOUS_MAX; n > 0; n--) {
		const char *name = previous_name(o, pin, n);
		const char *path = file_join(o->arena, o->opts.pin_dir, name);
		int ret;

		if (access(path, F_OK) < 0 || is_kept(o, path))
			continue;
		if (forget) {
			unlink(path);
			continue;
		}
		ret = adopt(o, map, name, path, fd, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* Programs cannot have written to a map that is read-only to them: what is missing from its successor
 * is not wanted there.
 */
static int finish(struct object *o, struct migration *m, struct err *err)
{
	struct migrate_report report = { 0 };
	int ret = 0;

	if (!(m->from->flags & BPF_F_RDONLY_PROG))
		ret = map_migrate(m->from, m->to, &report, err);
	if (ret)
		return ret;
	if (m->pin)
		unlink(m->pin);
	object_log(o, "debug msg=\"Finished migration of pinned map\" map=%s copied=%llu",
		   m->to->name, (unsigned long long)report.copied);
	return 0;
}

int object_finish_migration(struct object *o, struct err *err)
{
	struct err ignored;
	int first = 0;

	for (struct migration *m = o->migrations; m; m = m->next) {
		int ret = finish(o, m, first ? &ignored : err);

		if (ret && !first)
			first = ret;
	}
	object_maps_free(o);
	if (!first && o->tail_dir)
		first = tailcalls_unpin_older(o->bpf, o->tail_dir, o->tail_owner, err);
	return first;
}

int object_old_map_fd(const struct object *o, const char *map, unsigned n)
{
	for (const struct migration *m = o->migrations; m; m = m->next)
		if ((strcmp(m->map, map) == 0 || strcmp(m->to->name, map) == 0) && n-- == 0)
			return m->from->fd;
	return -ENOENT;
}

void object_maps_free(struct object *o)
{
	for (struct migration *m = o->migrations; m; m = m->next) {
		map_close(m->from);
		map_close(m->to);
	}
	o->migrations = NULL;
}
