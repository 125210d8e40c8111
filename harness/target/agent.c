/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent's start in its order: maps, entries, first conntrack collection, programs as they are asked for. */
#include "target/agent.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "target/agent_internal.h"

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

void agent_log_line(void *arg, const char *line)
{
	const struct agent *a = arg;

	if (a->opts.log)
		a->opts.log(a->opts.log_arg, line);
}

void agent_set_log(struct agent *a, void (*log)(void *arg, const char *line), void *log_arg)
{
	a->opts.log = log;
	a->opts.log_arg = log_arg;
}

/* Where time is virtual nobody waits for events: they are read after each packet. */
int agent_open_events(struct agent *a, struct err *err)
{
	const struct agent_pin *pin = NULL;

	event_ring_close(a->events);
	a->events = NULL;
	if (a->opts.no_events)
		return 0;
	if (a->target->events_map)
		pin = release_find_pin(a->now, a->target->events_map);
	return pin ? event_ring_open(pin->fd, !a->opts.env, &a->events, err) : 0;
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

static int find_target(struct agent *a, struct err *err)
{
	int ret = 0;

	if (!a->opts.target)
		ret = target_desc_load(AGENT_DEFAULT_TARGET, &a->own_target, err);
	a->target = a->opts.target ? a->opts.target : a->own_target;
	return ret;
}

static struct agent_how how_of(const struct agent_opts *o)
{
	return (struct agent_how){ .objects = o->objects,
				   .gc = o->gc,
				   .on_map_mismatch = o->on_map_mismatch,
				   .maps = o->maps,
				   .n_maps = o->n_maps };
}

static int start(struct agent *a, struct err *err)
{
	struct agent_how how = how_of(&a->opts);
	int ret = find_target(a, err);

	if (!ret)
		ret = lock_node(a, err);
	if (ret)
		return ret;
	agent_log(a, "info", "agent", "\"Starting agent\" node=%s target=%s", a->node->name,
		  a->target->name);
	ret = release_open(a, &how, &a->base, err);
	if (ret)
		return ret;
	a->now = a->releases = a->base;
	ret = agent_write_entries(a, err);
	if (!ret)
		ret = agent_collect(a, err);
	/* before the programs: none of their events may be missed */
	if (!ret)
		ret = agent_open_events(a, err);
	return ret ? ret : agent_make_slots(a, err);
}

int agent_start(const struct agent_opts *opts, struct agent **out, struct err *err)
{
	struct arena *arena = arena_new();
	struct agent *a = arena_new_of(arena, struct agent);
	int ret;

	a->arena = arena;
	a->opts = *opts;
	a->node = opts->node;
	a->lock = a->stop_fd = -1;
	ret = start(a, err);
	if (ret) {
		agent_stop(a);
		return ret;
	}
	*out = a;
	return 0;
}

/* ---- programs ---- */

static const struct desc_hook *hook_at(const struct agent *a, const char *role, enum hook hook)
{
	for (size_t i = 0; i < a->target->n_hooks; i++) {
		const struct desc_hook *h = &a->target->hooks[i];

		if (h->hook == (int)hook && !strcmp(h->role, role) && agent_has_hook(a, h))
			return h;
	}
	return NULL;
}

static int no_program(const struct agent_file *f, const struct desc_hook *h, struct err *err)
{
	if (h->ref.may_lack)
		return -ENOENT;
	return err_input(err, &h->ref.loc, "%s has no program %s", f->path, h->ref.program);
}

static int describe(const struct agent_load *l, const char *program, struct agent_program *out,
		    struct err *err)
{
	const struct bpf_program *p =
		bpf_object__find_program_by_name(object_libbpf(l->o), program);

	*out = (struct agent_program){
		.fd = object_program_fd(l->o, program, err),
		.object = l->file->desc->name,
		.name = program,
		.type = p ? bpf_program__type(p) : 0,
		.interposed = object_program_interposed(l->o, program),
	};
	return out->fd < 0 ? out->fd : 0;
}

int agent_program_at(struct agent *a, const struct cluster_device *dev, enum hook hook,
		     struct agent_program *out, struct err *err)
{
	const struct desc_hook *h = hook_at(a, dev->role, hook);
	const struct agent_file *f = h ? release_find_file(a->now, h->ref.object) : NULL;
	struct agent_load *l;
	int ret;

	if (!f)
		return -ENOENT;
	if (!file_has_program(f, h->ref.program))
		return no_program(f, h, err);
	l = load_find(a, h->ref.object, dev->name);
	if (l)
		return describe(l, h->ref.program, out, err);
	ret = agent_load_for(a, f, dev, &l, err);
	if (!ret)
		ret = a->opts.on_demand ? agent_fill_slots(a, err) : agent_load_slots(a, err);
	return ret ? ret : describe(l, h->ref.program, out, err);
}

int agent_load_all(struct agent *a, struct err *err)
{
	int ret = agent_load_slots(a, err);

	for (size_t i = 0; i < a->node->n_devices; i++) {
		for (int hook = HOOK_TC_INGRESS; hook <= HOOK_XDP && !ret; hook++) {
			struct agent_program unused;

			ret = agent_program_at(a, &a->node->devices[i], (enum hook)hook, &unused,
					       err);
			ret = ret == -ENOENT ? 0 : ret;
		}
	}
	return ret;
}

/* ---- what there is ---- */

const char *agent_object_name(const struct target_desc *target, const char *role, size_t n)
{
	for (size_t i = 0; i < target->n_objects; i++) {
		const char *name = target->objects[i].name;

		for (size_t j = 0; j < target->n_hooks; j++) {
			const struct desc_hook *h = &target->hooks[j];

			if (strcmp(h->role, role) != 0 || strcmp(h->ref.object, name) != 0 ||
			    h->hook < 0 || h->hook == HOOK_XDP)
				continue;
			if (n-- == 0)
				return name;
			break;
		}
	}
	return NULL;
}

const struct object *agent_object(const struct agent *a, size_t n)
{
	for (const struct agent_load *l = a->now->loads; l; l = l->next)
		if (n-- == 0)
			return l->o;
	return NULL;
}

struct map *agent_map(struct agent *a, const char *name)
{
	struct agent_pin *pin = release_find_pin(a->now, name);
	struct err ignored;

	return pin && !pin_open(a->now, pin, &ignored) ? pin->map : NULL;
}

const char *agent_map_name(const struct agent *a, uint32_t map_id)
{
	for (size_t i = 0; i < a->now->n_pins; i++)
		if (a->now->pins[i]->id == map_id)
			return a->now->pins[i]->name;
	for (const struct agent_load *l = a->now->loads; l; l = l->next)
		for (size_t i = 0; i < l->n_maps; i++)
			if (l->maps[i].id == map_id)
				return l->maps[i].map->name;
	return NULL;
}

const char *agent_slot_program(const struct agent *a, uint32_t map_id, uint32_t slot)
{
	for (size_t i = 0; i < a->n_slots; i++)
		if (a->slots[i].map_id == map_id && a->slots[i].index == slot)
			return a->slots[i].program;
	for (const struct agent_load *l = a->now->loads; l; l = l->next)
		for (size_t i = 0; i < l->n_slots; i++)
			if (l->slots[i].map_id == map_id && l->slots[i].index == slot)
				return l->slots[i].program;
	return NULL;
}

const char *agent_folder(const struct agent *a)
{
	return a->now->folder;
}

const char *agent_otherwise(const struct agent *a)
{
	return a->now->otherwise;
}

struct event_ring *agent_events(const struct agent *a)
{
	return a->events;
}

unsigned agent_interposed(const struct agent *a)
{
	unsigned n = 0;

	for (const struct agent_load *l = a->now->loads; l; l = l->next)
		n += object_interposed(l->o);
	return n;
}

uint64_t agent_loading_ns(const struct agent *a)
{
	return a->loading_ns;
}

bool agent_pristine(const struct agent *a)
{
	for (const struct agent_load *l = a->now->loads; l; l = l->next)
		if (object_pristine(l->o))
			return true;
	return false;
}

int agent_attached(struct agent *a, struct err *err)
{
	return release_finish_migration(a->now, err);
}

void agent_stop(struct agent *a)
{
	if (!a)
		return;
	event_ring_close(a->events);
	fd_cleanup(&a->lock);
	agent_free_slots(a);
	while (a->releases) {
		struct release_set *next = a->releases->next;

		release_free(a->releases);
		a->releases = next;
	}
	target_desc_free(a->own_target);
	arena_free(a->arena);
}
