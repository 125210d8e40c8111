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
#include "cmd/bench_modes.h"
#include "cmd/bench_packet.h"
#include "cmd/bench_race.h"
#include "engine/replay.h"
#include "scenario/yaml.h"

#define NODE "fixtures/maps/cilium-1.19/"

struct side {
	const char *target, *objects;
	bool ours;
	struct target_desc *desc;
	struct bench_figures *figures;
};

struct result {
	bool measured;
	double ns;
	struct quartiles to_theirs; /* of ours */
	int verdict;
	enum hook hook;
	struct bench_way way;
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

/* Which programs the packet meets, and what the verifier had to do for them. */
static int follow(struct bench_datapath *b, struct side *s, const struct bench_mode *m,
		  struct result *res, struct err *err)
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
		ret = bench_figures_of_way(s->figures, replay_target(r), s->desc,
					   s->ours ? m->config : "", replay_program(r), hop,
					   &res->way, err);
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
					.ifindex = replay_device(*r)->ifindex };
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
			 const struct result *res, struct err *err)
{
	if (lane->run.verdict == res->verdict)
		return 0;
	return err_system(err, 0, "%s: verdict %d when timed, %d when followed", m->name,
			  lane->run.verdict, res->verdict);
}

/* Both sides at once, each in its own namespace; the last one opened is closed first. */
static int time_sides(struct bench_datapath *b, const struct bench_mode *m, size_t n,
		      struct result results[], struct err *err)
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
			struct result results[2], struct err *err)
{
	size_t n = b->sides[1].objects && !m->ours_alone ? 2 : 1;
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		ret = follow(b, &b->sides[i], m, &results[i], err);
		results[i].measured = !ret;
	}
	if (!ret && n == 2 && results[0].verdict != results[1].verdict)
		n = 1; /* they do different things: nothing to compare */
	return ret ? ret : time_sides(b, m, n, results, err);
}

static const char *verdict_text(const struct result *r)
{
	const char *name = word_name(words_verdict(r->hook), r->verdict);

	return name ? strrchr(name, '_') + 1 : "?";
}

static void print_result(const struct result *r)
{
	if (r->way.programs)
		printf("%3u %9llu %6u", r->way.programs, (unsigned long long)r->way.instructions,
		       r->way.stack);
	else
		printf("%3s %9s %6s", "", "-", "-");
	if (r->ns > 0)
		printf(" %7.0f", r->ns);
	else
		printf(" %7s", "-");
}

static void print_ratios(const struct result *ours, const struct result *theirs)
{
	const struct quartiles *r = &ours->to_theirs;

	printf(" %6.2f %4.2f-%.2f", r->middle, r->low, r->high);
	if (theirs->way.instructions)
		printf(" %6.2f", (double)ours->way.instructions / (double)theirs->way.instructions);
}

static void print_mode(const struct bench_mode *m, const struct result *r)
{
	printf("%-32s %-9s", m->name, verdict_text(&r[0]));
	print_result(&r[0]);
	if (r[1].measured && r[1].verdict != r[0].verdict) {
		printf("  does another thing: %s", verdict_text(&r[1]));
	} else if (r[1].measured) {
		printf(" |");
		print_result(&r[1]);
		print_ratios(&r[0], &r[1]);
	}
	printf("\n");
	fflush(stdout);
}

static void print_head(bool cilium)
{
	printf("\nThe datapath, packet by packet\n\n");
	printf("%-32s %-9s%3s %9s %6s %7s", "", "verdict", "", "verified", "stack", "ns");
	if (cilium)
		printf(" |%3s %9s %6s %7s %6s %9s %6s", "", "Cilium's", "stack", "ns", "ns",
		       "quartiles", "verif.");
	printf("\n");
}

static void print_legend(bool cilium)
{
	printf("\nBefore what the verifier processed stands for how many programs: those that the "
	       "packet meets;\nstack: the most that one needs, in bytes. ns: of a run, that of an "
	       "empty program subtracted,\n%d turns of %d runs, of a turn the mean of the middle "
	       "half, of the turns the median. Out of the tunnel:\nwith helpers replaced, as the "
	       "kernel's test run knows no tunnel.\n",
	       RACE_TURNS, RACE_BLOCK);
	if (cilium)
		printf("Last: ours to Cilium's. Both were loaded at once and took turns, which "
		       "first from turn to turn: the\nmedian of the turns' ratios, and their "
		       "quartiles; load on the machine weighs on both.\n");
}

static int measure(struct bench_datapath *b, const char *name, struct err *err)
{
	bool cilium = b->sides[1].objects;
	size_t n = 0;
	int ret = 0;

	print_head(cilium);
	for (size_t i = 0; i < n_bench_modes && !ret; i++) {
		const struct bench_mode *m = &bench_modes[i];
		struct result results[2] = { 0 };

		if (name && !strstr(m->name, name))
			continue;
		n++;
		ret = measure_mode(b, m, results, err);
		if (!ret)
			print_mode(m, results);
	}
	if (ret)
		return ret;
	if (!n)
		return err_input(err, NULL, "no kind of packet has '%s' in its name", name);
	print_legend(cilium);
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
	for (int i = 0; i < 2; i++)
		target_desc_free(b.sides[i].desc);
	arena_free(b.arena);
	return ret;
}
