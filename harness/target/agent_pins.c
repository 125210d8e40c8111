/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pinned maps of a release: those that its objects have, and the policy maps of endpoints, which come and go
 * with them.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "target/agent_internal.h"

#define POLICY_MAP "cilium_policy_v2"

uint32_t agent_map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

struct agent_pin *release_find_pin(const struct release_set *r, const char *name)
{
	for (size_t i = 0; i < r->n_pins; i++)
		if (!strcmp(r->pins[i]->name, name))
			return r->pins[i];
	return NULL;
}

/* Takes over fd. */
static void add_pin(struct release_set *r, const char *name, int fd)
{
	struct agent_pin *pin = arena_new_of(r->arena, struct agent_pin);

	pin->name = arena_strdup(r->arena, name);
	pin->fd = fd;
	pin->id = agent_map_id(fd);
	r->pins = arena_grow(r->arena, r->pins, r->n_pins, sizeof(*r->pins));
	r->pins[r->n_pins++] = pin;
}

void pin_free(struct agent_pin *pin)
{
	map_close(pin->map);
	map_close(pin->bare);
	fd_cleanup(&pin->fd);
	raw_free(&pin->wanted);
}

int pin_open(struct release_set *r, struct agent_pin *pin, struct err *err)
{
	int ret = pin->map ? 0 : map_open_fd(pin->fd, pin->name, &pin->map, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < r->n_files && !pin->map->inner; i++)
		if (object_map_fd(r->files[i].maps, pin->name) >= 0)
			map_set_inner_of(pin->map, r->files[i].maps, pin->name);
	return 0;
}

const char *agent_policy_map(const struct agent *a)
{
	return a->node->n_endpoints ? a->node->endpoints[0].policy_map : NULL;
}

/* Before a load only pinned maps have descriptors. */
int release_list_pins(const struct agent *a, struct release_set *r, const struct agent_file *f,
		      struct err *err)
{
	const struct bpf_map *map;

	bpf_object__for_each_map(map, object_libbpf(f->maps))
	{
		const char *name = bpf_map__name(map);
		int fd;

		if (bpf_map__fd(map) < 0)
			continue;
		if (!strcmp(name, POLICY_MAP) && agent_policy_map(a))
			name = agent_policy_map(a);
		if (release_find_pin(r, name))
			continue;
		fd = dup(bpf_map__fd(map));
		if (fd < 0)
			return err_system(err, errno, "map %s", name);
		add_pin(r, name, fd);
	}
	return 0;
}

static int pin_again(const struct agent *a, const struct agent_pin *pin, struct err *err)
{
	char path[PATH_MAX];
	__cleanup_fd int there = -1;

	if (snprintf(path, sizeof(path), "%s/%s", a->opts.pin_dir, pin->name) >= PATH_MAX)
		return err_system(err, ENAMETOOLONG, "the pin of map %s", pin->name);
	there = bpf_obj_get(path);
	if (there >= 0 && agent_map_id(there) == pin->id)
		return 0;
	unlink(path);
	if (bpf_obj_pin(pin->fd, path) < 0)
		return err_system(err, errno, "cannot pin map %s at %s", pin->name, path);
	return 0;
}

int release_pin(struct agent *a, struct release_set *r, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < r->n_pins && !ret; i++)
		ret = pin_again(a, r->pins[i], err);
	return ret;
}

/* ---- policy maps ---- */

static int add_policy_map(struct release_set *r, const char *name, struct err *err)
{
	for (size_t i = 0; i < r->n_files; i++) {
		struct object *o = r->files[i].maps;
		int fd;

		if (!bpf_object__find_map_by_name(object_libbpf(o), POLICY_MAP))
			continue;
		fd = object_pin_another(o, POLICY_MAP, name, err);
		if (fd < 0)
			return fd;
		add_pin(r, name, fd);
		return 0;
	}
	return 0;
}

int release_add_policy_maps(struct agent *a, struct release_set *r, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < a->node->n_endpoints && !ret; i++) {
		const struct cluster_endpoint *ep = &a->node->endpoints[i];

		if (ep->policy_map && (ep->is_host || agent_wants_role(a, "endpoint")) &&
		    !release_find_pin(r, ep->policy_map))
			ret = add_policy_map(r, ep->policy_map, err);
	}
	return ret;
}

static bool is_policy_map_of_none(const struct agent *a, const char *name)
{
	if (strncmp(name, POLICY_MAP "_", strlen(POLICY_MAP "_")) != 0)
		return false;
	for (size_t i = 0; i < a->node->n_endpoints; i++)
		if (!strcmp(a->node->endpoints[i].policy_map, name))
			return false;
	return true;
}

void release_drop_policy_maps(struct agent *a, struct release_set *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_pins; i++) {
		char path[PATH_MAX];

		if (!is_policy_map_of_none(a, r->pins[i]->name)) {
			r->pins[n++] = r->pins[i];
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", a->opts.pin_dir, r->pins[i]->name);
		unlink(path);
		pin_free(r->pins[i]);
	}
	r->n_pins = n;
}
