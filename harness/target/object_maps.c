/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pinned maps of an object: found and reused, migrated, replaced, or made.
 *
 * libbpf makes maps in bpf_object__load(), together with the programs. Here they are made from the
 * opened object's definitions before that, because an agent fills and collects them first; the
 * load then finds every pinned map with its descriptor set.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "target/object_internal.h"
#include "target/tailcalls.h"

struct maps_context {
	struct object *o;
	struct btf *btf; /* the object's, as given to the kernel; NULL where it has none */
	int btf_fd;
};

/* Types whose entries mean nothing outside the kernel objects they refer to. */
static bool holds_entries(uint32_t type)
{
	return !object_map_takes_no_btf(type);
}

static int create_map(const struct maps_context *c, const struct bpf_map *map, struct err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = bpf_map__map_flags(map),
		    .map_extra = bpf_map__map_extra(map), .numa_node = bpf_map__numa_node(map));
	const struct bpf_map *inner = bpf_map__inner_map((struct bpf_map *)map);
	__cleanup_fd int inner_fd = -1;
	int fd;

	if (inner) {
		inner_fd = create_map(c, inner, err);
		if (inner_fd < 0)
			return inner_fd;
		opts.inner_map_fd = (uint32_t)inner_fd;
	}
	if (c->btf_fd >= 0 && !object_map_takes_no_btf(bpf_map__type(map))) {
		opts.btf_fd = (uint32_t)c->btf_fd;
		opts.btf_key_type_id = bpf_map__btf_key_type_id(map);
		opts.btf_value_type_id = bpf_map__btf_value_type_id(map);
	}
	fd = bpf_map_create(bpf_map__type(map), bpf_map__name(map), bpf_map__key_size(map),
			    bpf_map__value_size(map), bpf_map__max_entries(map), &opts);
	if (fd < 0)
		return err_system(
			err, errno,
			"cannot create map %s (type %u, key %u, value %u, max_entries %u)",
			bpf_map__name(map), bpf_map__type(map), bpf_map__key_size(map),
			bpf_map__value_size(map), bpf_map__max_entries(map));
	return fd;
}

static int pin_path(char path[PATH_MAX], const char *dir, const char *name, const char *suffix,
		    struct err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s%s", dir, name, suffix) >= PATH_MAX)
		return err_system(err, ENAMETOOLONG, "the pin of map %s under %s", name, dir);
	return 0;
}

/* Pins under a name of its own and renames, so that the pin is never absent for a reader. What an
 * earlier attempt left behind when it was killed is removed. (bpffs allows no dots in names.)
 */
static int pin_over(int fd, const char *dir, const char *name, struct err *err)
{
	char path[PATH_MAX], next[PATH_MAX];
	int ret = pin_path(path, dir, name, "", err);

	if (!ret)
		ret = pin_path(next, dir, name, "_next", err);
	if (ret)
		return ret;
	unlink(next);
	if (bpf_obj_pin(fd, next) < 0)
		return err_system(err, errno, "cannot pin map %s at %s", name, next);
	if (rename(next, path) < 0) {
		ret = err_system(err, errno, "cannot rename %s to %s", next, path);
		unlink(next);
	}
	return ret;
}

/* All entries are in the new map before it takes the name. On success `was` is kept for
 * object_finish_migration().
 */
static int migrate(struct maps_context *c, const struct bpf_map *map, const char *pin,
		   struct map *was, int fd, const char *why, struct err *err)
{
	struct migrate_report report = { 0 };
	const char *previous;
	struct map *to;
	int ret = map_open_fd(fd, pin, &to, err);

	if (ret)
		return ret;
	ret = map_migrate(was, to, &report, err);
	if (!ret)
		ret = object_pin_previous(c->o, pin, was->fd, &previous, err);
	if (!ret)
		ret = pin_over(fd, c->o->opts.pin_dir, pin, err);
	if (ret) {
		map_close(to);
		return err_wrap(err, "migrating the pinned map %s (%s)", pin, why);
	}
	object_keep_migration(c->o, bpf_map__name(map), was, to, previous);
	object_log(c->o,
		   "info msg=\"Migrated pinned map\" map=%s reason=\"%s\" copied=%llu lost=%llu",
		   pin, why, (unsigned long long)report.copied, (unsigned long long)report.lost);
	return 0;
}

static int replace_empty(struct maps_context *c, const char *pin, struct map *was, int fd,
			 const char *why, struct err *err)
{
	int ret = pin_over(fd, c->o->opts.pin_dir, pin, err);

	if (ret)
		return ret;
	object_log(c->o,
		   "warning msg=\"Pinned map does not fit and is replaced by an empty one, its "
		   "entries are lost\" map=%s reason=\"%s\"",
		   pin, why);
	map_close(was);
	return 0;
}

static int refuse(const struct maps_context *c, const char *pin, const char *why, struct err *err)
{
	return err_input(err, NULL,
			 "%s: its map %s is not the one that objects loaded before it share (%s)",
			 c->o->path, pin, why);
}

/* was: the pinned map, taken over in all cases. Returns the fd to use. */
static int fit_pinned(struct maps_context *c, const struct bpf_map *map, const char *pin,
		      struct map *was, struct err *err)
{
	__cleanup_buf struct buf why = BUF_INIT;
	bool wanted = c->o->opts.on_map_mismatch == MAP_MISMATCH_MIGRATE &&
		      holds_entries(was->type) && holds_entries(bpf_map__type(map));
	int fd, ret;

	object_say_differences(&why, was, map, c->btf);
	if (!why.len) {
		fd = dup(was->fd);
		map_close(was);
		if (fd < 0)
			return err_system(err, errno, "cannot reuse the pinned map %s", pin);
		object_log(c->o, "debug msg=\"Reusing pinned map\" map=%s", pin);
		return fd;
	}
	fd = c->o->opts.refuse_mismatch ? refuse(c, pin, buf_str(&why), err)
					: create_map(c, map, err);
	if (fd < 0)
		ret = fd;
	else if (wanted)
		ret = migrate(c, map, pin, was, fd, buf_str(&why), err);
	else
		ret = replace_empty(c, pin, was, fd, buf_str(&why), err);
	if (!ret)
		return fd;
	map_close(was);
	fd_cleanup(&fd);
	return ret;
}

static int make_pinned(struct maps_context *c, const struct bpf_map *map, const char *pin,
		       struct err *err)
{
	int fd = create_map(c, map, err), ret;

	if (fd < 0)
		return fd;
	ret = pin_over(fd, c->o->opts.pin_dir, pin, err);
	if (ret) {
		fd_cleanup(&fd);
		return ret;
	}
	object_log(c->o, "debug msg=\"Created pinned map\" map=%s max_entries=%u", pin,
		   bpf_map__max_entries(map));
	return fd;
}

static int pinned_fd(struct maps_context *c, const struct bpf_map *map, const char *pin,
		     struct err *err)
{
	char path[PATH_MAX], next[PATH_MAX];
	struct map *was;
	int ret = pin_path(path, c->o->opts.pin_dir, pin, "", err);

	if (!ret)
		ret = pin_path(next, c->o->opts.pin_dir, pin, "_next", err);
	if (ret)
		return ret;
	unlink(next); /* of a start that was killed in pin_over() */
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return make_pinned(c, map, pin, err);
	ret = map_open_pinned(c->o->opts.pin_dir, pin, &was, err);
	if (ret)
		return ret;
	return fit_pinned(c, map, pin, was, err);
}

/* Sizes as asked for; a perf event array has one slot a CPU. */
static int size_map(const struct object *o, struct bpf_map *map, const char *pin, struct err *err)
{
	uint32_t want = 0;
	int ret;

	if (bpf_map__type(map) == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
		want = (uint32_t)libbpf_num_possible_cpus();
	for (size_t i = 0; i < o->opts.n_maps; i++)
		if (strcmp(o->opts.maps[i].map, bpf_map__name(map)) == 0 ||
		    strcmp(o->opts.maps[i].map, pin) == 0)
			want = o->opts.maps[i].max_entries;
	if (!want)
		return 0;
	ret = bpf_map__set_max_entries(map, want);
	if (ret)
		return err_system(err, -ret, "cannot give map %s max_entries %u",
				  bpf_map__name(map), want);
	return 0;
}

static const char *pin_name(const struct object *o, const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	return o->opts.policy_map && strcmp(name, "cilium_policy_v2") == 0 ? o->opts.policy_map
									   : name;
}

static bool is_shared(const struct object *o, const struct bpf_map *map)
{
	for (size_t i = 0; i < o->opts.n_sharing; i++)
		if (strcmp(o->opts.sharing[i].map, bpf_map__name(map)) == 0)
			return o->opts.sharing[i].is_shared;
	return bpf_map__pin_path(map) != NULL;
}

static int adopted_fd(struct maps_context *c, const struct bpf_map *map, const char *pin,
		      struct err *err)
{
	int fd = pinned_fd(c, map, pin, err), ret;

	if (fd < 0)
		return fd;
	ret = object_adopt_previous(c->o, bpf_map__name(map), pin, fd, err);
	if (!ret)
		return fd;
	fd_cleanup(&fd);
	return ret;
}

static int prepare_map(struct maps_context *c, struct bpf_map *map, struct err *err)
{
	const char *pin = pin_name(c->o, map);
	int ret = size_map(c->o, map, pin, err);
	bool shared = is_shared(c->o, map);
	__cleanup_fd int fd = -1;

	/* the pin is ours to make, by rename; libbpf is to use the descriptor it is given */
	bpf_map__set_pin_path(map, NULL);
	if (ret || !shared)
		return ret;
	fd = adopted_fd(c, map, pin, err);
	if (fd < 0)
		return fd;
	ret = bpf_map__reuse_fd(map, fd);
	if (ret)
		return err_system(err, -ret, "cannot use the pinned map %s", pin);
	return 0;
}

/* A copy: libbpf wants to give the object's own BTF to the kernel itself. */
static int load_btf(struct maps_context *c, struct err *err)
{
	const struct btf *own = bpf_object__btf(c->o->bpf);
	const void *raw;
	uint32_t size;
	int ret;

	c->btf = c->o->maps_btf;
	c->btf_fd = c->btf ? btf__fd(c->btf) : -1;
	if (!own || c->btf)
		return 0;
	raw = btf__raw_data(own, &size);
	c->btf = raw ? btf__new(raw, size) : NULL;
	if (!c->btf)
		return err_system(err, errno, "%s: cannot copy its BTF", c->o->path);
	ret = btf__load_into_kernel(c->btf);
	if (ret)
		object_log(c->o,
			   "warning msg=\"Kernel refuses the object's BTF, maps go without\" "
			   "error=\"%s\"",
			   strerror(-ret));
	c->btf_fd = ret ? -1 : btf__fd(c->btf);
	c->o->maps_btf = c->btf;
	return 0;
}

int object_pin_another(struct object *o, const char *map, const char *pin, struct err *err)
{
	const struct bpf_map *like = bpf_object__find_map_by_name(o->bpf, map);
	struct maps_context c = { .o = o, .btf_fd = -1 };
	int ret;

	if (!like)
		return err_input(err, NULL, "%s has no map %s", o->path, map);
	ret = load_btf(&c, err);
	return ret ? ret : adopted_fd(&c, like, pin, err);
}

int object_maps_prepare(struct object *o, struct err *err)
{
	struct maps_context c = { .o = o, .btf_fd = -1 };
	int ret = o->opts.pin_dir ? file_mkdir_p(o->opts.pin_dir, err) : 0;
	struct bpf_map *map;

	if (!ret)
		ret = load_btf(&c, err);
	if (!ret) {
		bpf_object__for_each_map(map, o->bpf)
		{
			ret = prepare_map(&c, map, err);
			if (ret)
				break;
		}
	}
	return ret;
}
