/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet of each kind costs in our datapath, and, where VERDICT_CILIUM_OBJECTS names Cilium's objects,
 * the same packet with the same entries in theirs: nanoseconds in programs, and instructions that the
 * verifier went through and stack for the programs which the packet met.
 *
 * The way is seen by one run with helpers interposed; the time is taken as shipped, and not where a packet
 * comes with a tunnel's metadata: the kernel's test run knows none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/ns.h"
#include "cmd/bench.h"
#include "cmd/bench_figures.h"
#include "cmd/bench_flows.h"
#include "cmd/bench_modes.h"
#include "cmd/bench_packet.h"
#include "cmd/bench_race.h"
#include "cmd/bench_rows.h"
#include "cmd/bench_sock.h"
#include "engine/replay.h"
#include "scenario/yaml.h"

#define NODE "fixtures/maps/cilium-1.19/"

struct side {
	const char *target, *objects;
	bool ours;
	struct target_desc *desc;
	struct bench_figures *figures;
};

struct bench_datapath {
	struct arena *arena;
	struct side sides[2]; /* ours, Cilium's */
};

static const uint8_t eth0_mac[6] = { 0x02, 0, 0xc0, 0xa8, 0x0a, 0x01 };
static const uint8_t pod_mac[6] = { 0x02, 0, 0x0a, 0, 1, 0xaa };
static const uint8_t world_mac[6] = { 0x02, 0, 0xc0, 0xa8, 0x0a, 0x64 };

static int yaml_of(struct arena *a, const char *text, const struct value **out, struct err *err)
{
	struct value **docs;
	size_t n;
	int ret = yaml_parse(a, text, strlen(text), "the benchmark", &docs, &n, err);

	if (!ret)
		*out = docs[0];
	return ret;
}

/* To be timed, as shipped. What comes out of the tunnel needs its metadata, which the kernel's test run has
 * none of: there helpers are interposed.
 */
static int open_mode(struct bench_datapath *b, const struct side *s, const struct bench_mode *m,
		     bool timed, struct replay **out, struct err *err)
{
	static const char *const maps[] = { NODE "node.yaml", NODE "policies.yaml",
					    NODE "prefilter.yaml" };
	struct replay_opts opts = { .pristine = timed && !m->measured.vni,
				    .verdicts_only = timed,
				    .target = { .desc = s->desc, .objects = s->objects },
				    .place = { .role = m->measured.device,
					       .hook = m->measured.hook },
				    .maps = maps,
				    .n_maps = 3,
				    .ip_batch = NODE "node.ip",
				    .seed = 1 };
	struct setting *config = NULL;
	int ret = 0;

	if (s->ours)
		ret = bench_settings(b->arena, m->config, &config, &opts.target.n_config, err);
	opts.target.config = config;
	if (!ret && m->entries)
		ret = yaml_of(b->arena, m->entries, &opts.entries, err);
	return ret ? ret : replay_open(&opts, out, err);
}

static int make(const struct bench_send *send, struct bench_packet *p, struct err *err)
{
	bool wire = !strcmp(send->device, "eth0"), out = !strcmp(send->hook, "egress");
	const uint8_t *here = wire ? eth0_mac : pod_mac;

	return bench_packet_make(send->packet, send->flags, out ? world_mac : here,
				 out ? here : world_mac, p, err);
}

static struct tunnel_meta tunnel_of(const struct bench_send *send)
{
	return (struct tunnel_meta){ .has_key = send->vni != 0,
				     .id = send->vni,
				     .remote_ip4 = 0xc0a80a02 };
}

/* One packet, seen in full; *hop is valid until the arena is gone. */
static int see(struct bench_datapath *b, struct replay *r, const struct bench_send *send,
	       const struct hop **hop, struct err *err)
{
	const struct tunnel_meta tunnel = tunnel_of(send);
	struct replay_place at = { .role = send->device,
				   .hook = send->hook,
				   .mark = send->mark,
				   .tunnel = send->vni ? &tunnel : NULL };
	struct capture_packet p = { .number = 1, .linktype = LINK_ETHERNET };
	struct trace *t = arena_new_of(b->arena, struct trace);
	struct bench_packet *made = arena_new_of(b->arena, struct bench_packet);
	int ret = make(send, made, err);

	p.data = made->data;
	p.caplen = p.len = made->len;
	if (!ret)
		ret = replay_at(r, &at, err);
	if (!ret)
		ret = replay_packet(r, &p, b->arena, t, err);
	if (!ret && (!t->n_hops || t->hops[0].not_run))
		ret = err_system(err, 0, "%s at %s was not run: %s", send->packet, send->device,
				 t->why);
	if (!ret)
		*hop = &t->hops[0];
	return ret;
}

static int make_flow(struct bench_datapath *b, struct replay *r, const struct bench_mode *m,
		     struct err *err)
{
	const struct hop *hop;
	int ret = 0;

	for (size_t i = 0; i < 2 && m->before[i].packet && !ret; i++)
		ret = see(b, r, &m->before[i], &hop, err);
	return ret;
}

/* ---- what the verifier has to do ---- */

struct pods_load {
	const struct target *target;
	const struct target_desc *desc;
	const char *config; /* over desc's */
};

static const struct elf_image *image_of(const struct target *t, const char *object)
{
	for (size_t i = 0; i < target_n_images(t); i++)
		if (bench_is_image(target_image(t, i), object))
			return target_image(t, i);
	return NULL;
}

static void add_settings(struct object_opts *opts, struct config_value *room,
			 const struct elf_image *image, const struct settings *s)
{
	for (size_t i = 0; s && i < s->n; i++)
		bench_load_constant(opts, room, image, s->list[i].name, s->list[i].value);
}

/* Devices differ in addresses alone: the first one that has settings stands for all. */
static const struct settings *device_settings(const struct target_desc *d, const char *object)
{
	for (size_t i = 0; i < d->n_devices && !strncmp(object, "bpf_lxc", 7); i++)
		if (d->devices[i].config.n)
			return &d->devices[i].config;
	return NULL;
}

static int pods_options(const void *arg, struct arena *a, const char *object,
			struct object_opts *opts, struct err *err)
{
	const struct pods_load *l = arg;
	const struct elf_image *image = image_of(l->target, object);
	const struct desc_object *own = target_desc_object(l->desc, object);
	struct config_value *room;
	struct settings over = { 0 };
	struct setting *list = NULL;
	int ret = bench_settings(a, l->config, &list, &over.n, err);

	if (ret || !image)
		return ret;
	over.list = list;
	room = arena_alloc(a, image->n_variables * 4 * sizeof(*room));
	opts->path = image->path;
	add_settings(opts, room, image, &l->desc->config);
	add_settings(opts, room, image, own ? &own->config : NULL);
	add_settings(opts, room, image, device_settings(l->desc, object));
	add_settings(opts, room, image, &over);
	return 0;
}

static int find_figures(struct side *s, const struct bench_mode *m, const struct replay *r,
			const struct hop *hop, struct bench_way *way, struct err *err)
{
	const struct pods_load load = { replay_target(r), s->desc, s->ours ? m->config : "" };
	const struct bench_load how = { load.config, pods_options, &load };

	return bench_figures_of_way(s->figures, &how, replay_program(r)->object, hop, way, err);
}

/* Which programs the packet meets, and what the verifier had to do for them. */
static int follow(struct bench_datapath *b, struct side *s, const struct bench_mode *m,
		  struct bench_result *res, struct err *err)
{
	const struct hop *hop = NULL;
	struct replay *r = NULL;
	int ret = open_mode(b, s, m, false, &r, err);

	if (!ret)
		ret = make_flow(b, r, m, err);
	if (!ret)
		ret = see(b, r, &m->measured, &hop, err);
	if (!ret) {
		res->verdict = hop->verdict;
		res->hook = hop->hook;
		ret = find_figures(s, m, r, hop, &res->way, err);
	}
	replay_close(r);
	return ret;
}

/* Opens the mode anew, its flow made, with the packet to be measured in *lane. */
static int open_lane(struct bench_datapath *b, struct side *s, const struct bench_mode *m,
		     struct replay **r, struct race_lane *lane, struct err *err)
{
	const struct tunnel_meta tunnel = tunnel_of(&m->measured);
	const struct hop *hop;
	int ret = open_mode(b, s, m, true, r, err);

	if (!ret)
		ret = make_flow(b, *r, m, err);
	if (!ret) /* from here on this is where packets enter */
		ret = see(b, *r, &m->measured, &hop, err);
	if (!ret)
		ret = make(&m->measured, &lane->packet, err);
	if (ret)
		return ret;
	lane->run = (struct timed_run){ .fd = replay_program(*r)->fd,
					.hook = replay_hook(*r),
					.data = lane->packet.data,
					.len = lane->packet.len,
					.ifindex = replay_device(*r)->ifindex,
					.mark = m->measured.mark };
	lane->events = target_events(replay_target(*r));
	lane->fresh = m->fresh;
	lane->port = 1024;
	lane->ns_fd = ns_current(err);
	lane->env = NULL;
	if (m->measured.vni) {
		lane->env = target_env(replay_target(*r));
		helper_env_set_tunnel(lane->env, &tunnel);
	}
	return lane->ns_fd < 0 ? lane->ns_fd : 0;
}

static int check_verdict(const struct bench_mode *m, const struct race_lane *lane,
			 const struct bench_result *res, struct err *err)
{
	if (lane->run.verdict == res->verdict)
		return 0;
	return err_system(err, 0, "%s: verdict %d when timed, %d when followed", m->name,
			  lane->run.verdict, res->verdict);
}

/* Both sides at once, each in its own namespace; the last one opened is closed first. */
static int time_sides(struct bench_datapath *b, const struct bench_mode *m, size_t n,
		      struct bench_result results[], struct err *err)
{
	static struct race_lane lanes[2];
	struct race_lane *const list[] = { &lanes[0], &lanes[1] };
	struct replay *replays[2] = { NULL };
	int ret = 0;

	for (size_t i = 0; i < n; i++)
		lanes[i].ns_fd = -1;
	for (size_t i = 0; i < n && !ret; i++)
		ret = open_lane(b, &b->sides[i], m, &replays[i], &lanes[i], err);
	if (!ret)
		ret = race(list, n, err);
	for (size_t i = 0; i < n && !ret; i++) {
		ret = check_verdict(m, &lanes[i], &results[i], err);
		results[i].ns = race_ns(&lanes[i]);
	}
	if (!ret && n == 2)
		results[0].to_theirs = race_ratio(&lanes[0], &lanes[1]);
	for (size_t i = n; i--;) {
		fd_cleanup(&lanes[i].ns_fd);
		replay_close(replays[i]);
	}
	return ret;
}

static int measure_mode(struct bench_datapath *b, const struct bench_mode *m,
			struct bench_result results[2], struct err *err)
{
	size_t n = b->sides[1].objects && !m->ours_alone ? 2 : 1;
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		ret = follow(b, &b->sides[i], m, &results[i], err);
		results[i].is_measured = !ret;
	}
	if (!ret && n == 2 && results[0].verdict != results[1].verdict)
		n = 1; /* they do different things: nothing to compare */
	return ret ? ret : time_sides(b, m, n, results, err);
}

/* Returns how many kinds of packets that were. */
static int measure(struct bench_datapath *b, const char *name, struct err *err)
{
	bool cilium = b->sides[1].objects;
	size_t n = 0;
	int ret = 0;

	printf("\nThe datapath, packet by packet\n\n");
	bench_rows_head(cilium);
	for (size_t i = 0; i < n_bench_modes && !ret; i++) {
		const struct bench_mode *m = &bench_modes[i];
		struct bench_result results[2] = { 0 };

		if (name && !strstr(m->name, name))
			continue;
		n++;
		ret = measure_mode(b, m, results, err);
		if (!ret)
			bench_rows_print(m->name, results);
	}
	return ret ? ret : (int)n;
}

/* n: what was measured before. */
static int and_the_rest(const struct bench_datapath *b, int n, const char *mode, struct err *err)
{
	int sockets = bench_sock(b->sides[0].objects, b->sides[1].objects, mode, err);
	int flows = sockets < 0 ? sockets : bench_flows(b->sides[0].objects, mode, err);

	if (flows < 0)
		return flows;
	if (!n && !sockets && !flows)
		return err_input(err, NULL,
				 "no kind of packet, no call of a socket and no scenario of "
				 "fixtures/bench has '%s' in its name",
				 mode);
	bench_rows_legend(b->sides[1].objects);
	return 0;
}

int bench_datapath(const char *objects, const char *mode, struct err *err)
{
	struct bench_datapath b = {
		.arena = arena_new(),
		.sides = { { .target = "verdict-two-pods", .objects = objects, .ours = true },
			   { .target = "cilium-1.19-two-pods",
			     .objects = getenv("VERDICT_CILIUM_OBJECTS") } },
	};
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		ret = target_desc_load(b.sides[i].target, &b.sides[i].desc, err);
		b.sides[i].figures = bench_figures_new(b.arena);
	}
	if (!ret)
		ret = measure(&b, mode, err);
	target_forget();
	if (ret >= 0)
		ret = and_the_rest(&b, ret, mode, err);
	for (int i = 0; i < 2; i++)
		target_desc_free(b.sides[i].desc);
	arena_free(b.arena);
	return ret;
}
