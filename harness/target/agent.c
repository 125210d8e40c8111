/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent's start in its order: maps, entries, first conntrack collection, programs. */
#include "target/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/file.h"
#include "target/agent_internal.h"

#define ETH_HEADER_LEN 14

static const char *const object_names[AGENT_OBJECTS] = { "bpf_host.o" };
/* What is attached of them, at ingress and egress of the device. */
static const char *const attached[] = { "cil_from_netdev", "cil_to_netdev" };

void agent_log(const struct agent *a, const char *level, const char *subsys, const char *fmt, ...)
{
	__cleanup_buf struct buf line = BUF_INIT;
	char *text;
	va_list ap;
	int n;

	if (!a->opts.log)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	buf_printf(&line, "level=%s msg=%s subsys=%s", level, text, subsys);
	free(text);
	a->opts.log(a->opts.log_arg, buf_str(&line));
}

/* The node's constants, and those that depend on the device. */
static struct config_value *all_config(const struct agent *a, size_t *n)
{
	const struct agent_opts *o = &a->opts;
	const uint8_t *m = o->mac;
	struct config_value device[] = {
		{ "interface_ifindex", value_scalar(a->arena, "%u", o->ifindex) },
		{ "interface_mac", value_scalar(a->arena, "%02x:%02x:%02x:%02x:%02x:%02x", m[0],
						m[1], m[2], m[3], m[4], m[5]) },
		{ "device_mtu", value_scalar(a->arena, "%u", o->mtu) },
		{ "eth_header_length", value_scalar(a->arena, "%u", ETH_HEADER_LEN) },
	};
	size_t n_device = sizeof(device) / sizeof(device[0]), n_node = o->node->n_config;
	struct config_value *all = arena_alloc(a->arena, (n_node + n_device) * sizeof(*all));

	if (n_node)
		memcpy(all, o->node->config, n_node * sizeof(*all));
	memcpy(all + n_node, device, sizeof(device));
	*n = n_node + n_device;
	return all;
}

static int open_objects(struct agent *a, struct err *err)
{
	const struct cluster_node *node = a->opts.node;
	struct object_opts opts = {
		.pin_dir = a->opts.pin_dir,
		.instance = a->opts.device,
		.policy_map = node->n_endpoints ? node->endpoints[0].policy_map : NULL,
		.maps = a->opts.maps,
		.n_maps = a->opts.n_maps,
		.only = attached,
		.n_only = sizeof(attached) / sizeof(attached[0]),
		.on_map_mismatch = a->opts.on_map_mismatch,
		.env = a->opts.env,
		.log = a->opts.log,
		.log_arg = a->opts.log_arg,
	};

	opts.config = all_config(a, &opts.n_config);
	for (size_t i = 0; i < AGENT_OBJECTS; i++) {
		int ret;

		opts.path = file_join(a->arena, a->opts.objects, object_names[i]);
		ret = object_open(&opts, &a->objects[i], err);
		if (ret)
			return ret;
	}
	return 0;
}

static bool any_object_has(const struct agent *a, const char *map)
{
	for (size_t i = 0; i < AGENT_OBJECTS; i++)
		if (object_map_fd(a->objects[i], map) >= 0)
			return true;
	return false;
}

/* A size for a map that nobody has would change nothing, and a test of it would mean nothing. */
static int check_overrides(const struct agent *a, struct err *err)
{
	for (size_t i = 0; i < a->opts.n_maps; i++) {
		const struct map_override *m = &a->opts.maps[i];
		const char *near = NULL;

		if (any_object_has(a, m->map))
			continue;
		for (size_t j = 0; j < AGENT_OBJECTS && !near; j++)
			near = object_nearest_map(a->objects[j], m->map);
		err_input(err, &m->loc, "no object under %s has a map '%s'", a->opts.objects,
			  m->map);
		return near ? err_hint(err, "did you mean %s?", near) : -EINVAL;
	}
	return 0;
}

static int load_objects(struct agent *a, struct err *err)
{
	for (size_t i = 0; i < AGENT_OBJECTS; i++) {
		int ret = object_load_programs(a->objects[i], err);

		if (ret)
			return ret;
	}
	return 0;
}

/* Where time is virtual nobody waits for events: they are read after each packet. */
static int open_events(struct agent *a, struct err *err)
{
	if (a->opts.no_events)
		return 0;
	for (size_t i = 0; i < AGENT_OBJECTS; i++) {
		int fd = object_map_fd(a->objects[i], "cilium_events");

		if (fd >= 0)
			return event_ring_open(fd, !a->opts.env, &a->events, err);
	}
	return 0;
}

/* One agent a node: a second one would replace maps under the first. The lock ends with the process. */
static int lock_node(struct agent *a, struct err *err)
{
	int ret = file_mkdir_p(a->opts.pin_dir, err);

	if (ret)
		return ret;
	a->lock = open(a->opts.pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->lock < 0)
		return err_system(err, errno, "pin folder %s", a->opts.pin_dir);
	if (flock(a->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_system(err, errno, "cannot lock the pin folder %s", a->opts.pin_dir);
	err_input(err, NULL, "another agent runs with the pin folder %s", a->opts.pin_dir);
	return err_hint(err, "end it first, or name another folder: one node, one agent");
}

static int start(struct agent *a, struct err *err)
{
	int ret = lock_node(a, err);

	if (ret)
		return ret;
	agent_log(a, "info", "agent", "\"Starting agent\" node=%s device=%s ifindex=%u",
		  a->opts.node->name, a->opts.device ? a->opts.device : "", a->opts.ifindex);
	ret = open_objects(a, err);
	if (!ret)
		ret = check_overrides(a, err);
	if (!ret)
		ret = agent_write_entries(a, err);
	if (!ret)
		ret = agent_collect(a, err);
	/* before the programs: none of their events may be missed */
	if (!ret)
		ret = open_events(a, err);
	if (!ret)
		ret = load_objects(a, err);
	if (!ret)
		agent_log(a, "info", "agent", "\"Loaded datapath programs\" node=%s",
			  a->opts.node->name);
	return ret;
}

int agent_start(const struct agent_opts *opts, struct agent **out, struct err *err)
{
	struct arena *arena = arena_new();
	struct agent *a = arena_new_of(arena, struct agent);
	int ret;

	a->arena = arena;
	a->opts = *opts;
	a->lock = -1;
	ret = start(a, err);
	if (ret) {
		agent_stop(a);
		return ret;
	}
	*out = a;
	return 0;
}

int agent_program_fd(const struct agent *a, const char *program, struct err *err)
{
	int fd = -ENOENT;

	for (size_t i = 0; i < AGENT_OBJECTS && fd == -ENOENT; i++)
		fd = object_program_fd(a->objects[i], program, err);
	return fd;
}

const char *agent_object_name(size_t n)
{
	return n < AGENT_OBJECTS ? object_names[n] : NULL;
}

const struct object *agent_object(const struct agent *a, size_t n)
{
	return n < AGENT_OBJECTS ? a->objects[n] : NULL;
}

struct event_ring *agent_events(const struct agent *a)
{
	return a->events;
}

unsigned agent_interposed(const struct agent *a)
{
	unsigned n = 0;

	for (size_t i = 0; i < AGENT_OBJECTS; i++)
		n += object_interposed(a->objects[i]);
	return n;
}

bool agent_pristine(const struct agent *a)
{
	for (size_t i = 0; i < AGENT_OBJECTS; i++)
		if (object_pristine(a->objects[i]))
			return true;
	return false;
}

int agent_attached(struct agent *a, struct err *err)
{
	for (size_t i = 0; i < AGENT_OBJECTS; i++) {
		int ret = object_finish_migration(a->objects[i], err);

		if (ret)
			return err_wrap(err, "finishing a map migration");
	}
	return 0;
}

void agent_stop(struct agent *a)
{
	if (!a)
		return;
	event_ring_close(a->events);
	fd_cleanup(&a->lock);
	for (size_t i = 0; i < AGENT_OBJECTS; i++)
		object_free(a->objects[i]);
	arena_free(a->arena);
}
