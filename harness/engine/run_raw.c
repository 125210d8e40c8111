// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walks the steps of a raw scenario: a replay is opened once, its maps and its clock go through all steps. */
#include "engine/run_raw.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "engine/loaded.h"
#include "engine/map_watch.h"
#include "engine/replay.h"
#include "engine/sends.h"
#include "engine/timeline.h"
#include "target/maps_watch.h"

struct raw_run {
	const struct scenario *scenario;
	const struct run_opts *opts;
	struct arena *a;
	struct run_trace *trace;
	struct step_trace *step; /* being filled */
	struct timeline time;
	struct replay *replay;
	struct sends sends;
	uint64_t sent;
};

static void note(struct raw_run *r, const char *text)
{
	struct run_trace *t = r->trace;

	t->notes = arena_grow(r->a, t->notes, t->n_notes, sizeof(*t->notes));
	t->notes[t->n_notes++] = text;
}

/* ---- opening ---- */

static const uint8_t *device_mac(const struct raw_run *r, const struct send_step *send)
{
	uint8_t *mac = arena_alloc(r->a, 6);

	return r->sends.n && replay_device_mac(r->sends.packets, send->hook, mac) ? mac : NULL;
}

static const struct tunnel_meta *tunnel(const struct raw_run *r, const struct send_step *send)
{
	const uint8_t *ip = send->tunnel_remote.bytes;
	struct tunnel_meta *t;

	if (!send->has_tunnel)
		return NULL;
	t = arena_new_of(r->a, struct tunnel_meta);
	t->has_key = true;
	t->id = send->tunnel_id;
	t->ipv6 = send->tunnel_remote.family == 6;
	if (t->ipv6)
		memcpy(t->remote_ip6, ip, sizeof(t->remote_ip6));
	else
		t->remote_ip4 = (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 |
				(uint32_t)ip[2] << 8 | ip[3];
	return t;
}

static struct replay_place place_of(const struct raw_run *r, const struct send_step *send)
{
	return (struct replay_place){
		.program = r->scenario->target->program,
		.role = send->role,
		.hook = send->hook,
		.ifindex = send->ifindex,
		.mac = device_mac(r, send),
		.mark = send->mark,
		.rx_queue = send->rx_queue,
		.tunnel = tunnel(r, send),
	};
}

static const struct send_step *first_send(const struct scenario *s)
{
	for (size_t i = 0; i < s->n_steps; i++)
		if (s->steps[i].kind == STEP_SEND)
			return &s->steps[i].send;
	return NULL;
}

static const struct elf_type_override *types(const struct raw_run *r)
{
	const struct raw_target *t = r->scenario->target;
	struct elf_type_override *list = arena_alloc(r->a, (t->n_types + 1) * sizeof(*list));

	for (size_t i = 0; i < t->n_types; i++)
		list[i] = (struct elf_type_override){ t->type_sections[i], t->type_names[i] };
	return list;
}

/* ---- what is loaded ---- */

struct needed {
	const char **list;
	size_t n;
};

static void need(struct arena *a, struct needed *to, const char *object)
{
	for (size_t i = 0; i < to->n; i++)
		if (strcmp(to->list[i], object) == 0)
			return;
	to->list = arena_grow(a, to->list, to->n, sizeof(*to->list));
	to->list[to->n++] = object;
}

static const struct desc_hook *hook_of(const struct target_desc *d, const struct send_step *send)
{
	const struct desc_device *device = send->role ? target_desc_device(d, send->role) : NULL;

	return send->role && send->hook
		       ? target_desc_hook(d, device ? device->role : send->role, send->hook)
		       : NULL;
}

/* A target's objects take seconds to load: those are that hold a program which packets enter, and what
 * it may tail-call. None: all.
 */
static struct needed objects_needed(const struct raw_run *r)
{
	const struct scenario *s = r->scenario;
	const struct target_desc *d = s->target->desc;
	struct needed all = { NULL, 0 }, some = { NULL, 0 };

	for (size_t i = 0; i < s->n_steps; i++) {
		const struct desc_hook *h;

		if (s->steps[i].kind != STEP_SEND)
			continue;
		h = hook_of(d, &s->steps[i].send);
		if (!h)
			return all;
		need(r->a, &some, h->ref.object);
	}
	for (size_t i = 0; i < d->n_tail_calls && some.n; i++)
		need(r->a, &some, d->tail_calls[i].ref.object);
	return s->target->follow ? all : some;
}

static void fill_opts(const struct raw_run *r, struct replay_opts *o)
{
	const struct raw_target *t = r->scenario->target;
	struct needed needed = objects_needed(r);

	*o = (struct replay_opts){
		.target = {
			.desc = t->desc,
			.objects = t->objects,
			.only = needed.list,
			.n_only = needed.n,
			.config = t->config,
			.n_config = t->n_config,
			.types = types(r),
			.n_types = t->n_types,
			.maps = t->sizes,
			.n_maps = t->n_sizes,
		},
		.pristine = r->opts->pristine || t->pristine,
		.maps = t->maps,
		.n_maps = t->n_maps,
		.entries = t->entries,
		.ip_batch = t->ip_batch,
		.seed = r->scenario->seed,
		.follow = t->follow,
		.no_changes = true, /* of a step they are told, map by map */
	};
}

static void note_objects(struct raw_run *r)
{
	const struct target *target = replay_target(r->replay);
	const struct raw_target *t = r->scenario->target;
	const struct replay_seeded *seeded = replay_seeded(r->replay);
	struct loaded_list list = { .arena = r->a };

	loaded_add_target(&list, target);
	r->trace->objects = list.items;
	r->trace->n_objects = list.n;
	r->trace->interposed = target_interposed(target);
	if (t->sha256 && list.n && strncmp(t->sha256, list.items[0].sha256, strlen(t->sha256)) != 0)
		note(r, arena_printf(r->a,
				     "%s is another object than the one this scenario was written "
				     "with: SHA-256 %s, then %s",
				     t->object, list.items[0].sha256, t->sha256));
	for (size_t i = 0; i < seeded->n_notes; i++)
		note(r, arena_strdup(r->a, seeded->notes[i]));
}

static int open_replay(struct raw_run *r, struct err *err)
{
	const struct send_step *first = first_send(r->scenario);
	struct replay_opts *o = arena_new_of(r->a, struct replay_opts);
	int ret;

	fill_opts(r, o);
	if (first) {
		ret = sends_load(&r->sends, first, err);
		if (ret)
			return ret;
		o->place = place_of(r, first);
	}
	ret = replay_open(o, &r->replay, err);
	if (ret)
		return ret;
	note_objects(r);
	return 0;
}

/* ---- steps ---- */

/* The replay's clock follows the run's time, which knows of `advance` and of several captures. */
static int send_packet(struct raw_run *r, const struct send_step *send,
		       const struct capture_packet *p, struct err *err)
{
	struct step_trace *st = r->step;
	struct capture_packet timed = *p;
	struct trace *t;
	int ret;

	st->packets = arena_grow(r->a, st->packets, st->n_packets, sizeof(*st->packets));
	t = &st->packets[st->n_packets++];
	timed.ts_ns = timeline_packet(&r->time, send->capture, p->ts_ns);
	ret = replay_packet(r->replay, &timed, r->a, t, err);
	if (ret)
		return err_wrap(err, "packet %u of %s", p->number, send->capture);
	t->capture = send->capture;
	t->ts_ns = p->ts_ns;
	t->rel_ns = p->ts_ns > r->sends.packets[0].ts_ns ? p->ts_ns - r->sends.packets[0].ts_ns : 0;
	r->sent++;
	if (r->opts->progress && (r->sent & 63) == 0)
		r->opts->progress(r->opts->progress_arg, st->step->index,
				  (unsigned)r->scenario->n_steps, r->sent);
	return 0;
}

static int send_step(struct raw_run *r, const struct send_step *send, struct err *err)
{
	struct replay_place place;
	int ret = sends_load(&r->sends, send, err);

	if (ret)
		return ret;
	place = place_of(r, send);
	ret = replay_at(r->replay, &place, err);
	for (size_t i = 0; i < r->sends.n && !ret; i++)
		if (packet_set_has(&send->packets, r->sends.packets[i].number))
			ret = send_packet(r, send, &r->sends.packets[i], err);
	return ret;
}

static int do_step(struct raw_run *r, const struct step *step, struct err *err)
{
	switch (step->kind) {
	case STEP_SEND:
		return send_step(r, &step->send, err);
	case STEP_ADVANCE:
		/* once packets move the clock, their own times hold the advance */
		if (!r->sent)
			replay_advance(r->replay, step->advance_ns);
		timeline_advance(&r->time, step->advance_ns);
		return 0;
	case STEP_CHECK:
		return 0;
	default:
		return err_input(err, &step->loc, "a raw scenario has no agent");
	}
}

/* ---- maps ---- */

static int open_map(void *arg, const char *node, const char *name, struct map **out,
		    struct err *err)
{
	const struct target *t = replay_target(((struct raw_run *)arg)->replay);
	const struct map *m = target_find_map(t, name);

	(void)node;
	return m ? map_open_fd(m->fd, name, out, err) : -ENOENT;
}

static void no_map(void *arg, const char *node, const char *name, const struct loc *at,
		   struct err *err)
{
	const struct target *t = replay_target(((struct raw_run *)arg)->replay);
	const char *near = target_nearest_map(t, name);

	(void)node;
	err_input(err, at, "the target has no map \"%s\"%s%s%s", name,
		  near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Of all that can be listed, where somebody wants to know every change. */
static void watch_all(struct raw_run *r, struct map_watch *w)
{
	const struct target *t = replay_target(r->replay);

	for (size_t i = 0; i < target_n_maps(t); i++) {
		const struct map *m = target_map(t, i);

		if (maps_watch_wanted(m))
			map_watch_add(w, r->scenario->target->desc->name, m->name);
	}
}

static int run_step(struct raw_run *r, const struct step *step, struct err *err)
{
	const struct map_finder finder = { open_map, no_map, r };
	struct map_watch *watch;
	int ret;

	r->step = &r->trace->steps[r->trace->n_steps++];
	r->step->step = step;
	watch = map_watch_new(step, &finder, r->scenario->target->desc->name, r->a);
	if (r->opts->all_maps)
		watch_all(r, watch);
	ret = map_watch_begin(watch, err);
	if (!ret)
		ret = do_step(r, step, err);
	if (!ret)
		ret = map_watch_end(watch, r->step, err);
	map_watch_free(watch);
	return ret;
}

int run_raw(const struct scenario *s, const struct run_opts *opts, struct arena *a,
	    struct run_trace *out, struct err *err)
{
	struct raw_run r = {
		.scenario = s, .opts = opts, .a = a, .trace = out, .sends = { .arena = a }
	};
	uint64_t began = clock_ns();
	int ret;

	timeline_init(&r.time, a);
	ret = open_replay(&r, err);
	out->loading_ns = clock_ns() - began;
	if (ret && err->kind == ERR_INPUT && !strstr(err->text, s->path))
		err_wrap(err, "%s:%d", s->path, s->target->loc.line);
	if (ret)
		return ret;
	out->steps = arena_alloc(a, s->n_steps * sizeof(*out->steps));
	for (size_t i = 0; i < s->n_steps && !ret; i++) {
		ret = run_step(&r, &s->steps[i], err);
		if (ret)
			err_wrap(err, "step %u (%s:%d)", s->steps[i].index, s->path,
				 s->steps[i].loc.line);
	}
	replay_close(r.replay);
	return ret;
}
