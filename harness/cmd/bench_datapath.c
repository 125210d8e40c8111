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

#include "cmd/bench.h"
#include "cmd/bench_figures.h"
#include "cmd/bench_modes.h"
#include "cmd/bench_packet.h"
#include "cmd/bench_timing.h"
#include "engine/replay.h"
#include "packet/bytes.h"
#include "scenario/yaml.h"

#define ROUNDS 5
#define RUNS   1500 /* of a round */
#define NODE   "fixtures/maps/cilium-1.19/"

struct side {
	const char *target, *objects;
	bool ours;
	struct target_desc *desc;
	struct bench_figures *figures;
};

struct result {
	bool measured;
	double ns;
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

static int open_mode(struct bench_datapath *b, const struct side *s, const struct bench_mode *m,
		     bool pristine, struct replay **out, struct err *err)
{
	static const char *const maps[] = { NODE "node.yaml", NODE "policies.yaml",
					    NODE "prefilter.yaml" };
	struct replay_opts opts = { .pristine = pristine,
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

/* One packet, seen in full; *hop is valid until the arena is gone. */
static int see(struct bench_datapath *b, struct replay *r, const struct bench_send *send,
	       const struct hop **hop, struct err *err)
{
	const struct tunnel_meta tunnel = { .has_key = send->vni != 0,
					    .id = send->vni,
					    .remote_ip4 = 0xc0a80a02 };
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
		if (ret && !s->ours) {
			/* some objects load only with the maps of those before them: no figures */
			err_clear(err);
			res->way = (struct bench_way){ 0 };
			ret = 0;
		}
	}
	replay_close(r);
	return ret;
}

static int one_round(struct timed_run *run, struct bench_packet *p, bool fresh, uint16_t *port,
		     double *ns, struct err *err)
{
	static uint32_t times[RUNS];
	double nothing = 0;
	int ret = timed_nothing(run, RUNS / 2, &nothing, err);

	for (size_t i = 0; i < RUNS && !ret; i++) {
		if (fresh)
			put_be16(p->data + p->sport_at, (*port)++);
		ret = timed_run(run, err);
		times[i] = run->ns;
	}
	if (!ret)
		*ns = median_of(times, RUNS) - nothing;
	return ret;
}

static int time_runs(struct replay *r, const struct bench_mode *m, struct result *res,
		     struct err *err)
{
	struct bench_packet p;
	struct timed_run run = { .fd = replay_program(r)->fd,
				 .hook = replay_hook(r),
				 .data = p.data,
				 .ifindex = replay_device(r)->ifindex };
	double rounds[ROUNDS];
	uint16_t port = 1024;
	int ret = make(&m->measured, &p, err);

	run.len = p.len;
	for (size_t i = 0; i < ROUNDS && !ret; i++)
		ret = one_round(&run, &p, m->fresh, &port, &rounds[i], err);
	if (ret)
		return ret;
	if (run.verdict != res->verdict)
		return err_system(err, 0, "%s: verdict %d as shipped, %d interposed", m->name,
				  run.verdict, res->verdict);
	res->ns = median_of_doubles(rounds, ROUNDS);
	res->measured = true;
	return 0;
}

static int measure_side(struct bench_datapath *b, struct side *s, const struct bench_mode *m,
			struct result *res, struct err *err)
{
	const struct hop *hop;
	struct replay *r = NULL;
	int ret = follow(b, s, m, res, err);

	if (ret || m->measured.vni) {
		res->measured = !ret;
		return ret;
	}
	ret = open_mode(b, s, m, true, &r, err);
	if (!ret)
		ret = make_flow(b, r, m, err);
	if (!ret) /* from here on this is where packets enter */
		ret = see(b, r, &m->measured, &hop, err);
	if (!ret)
		ret = time_runs(r, m, res, err);
	replay_close(r);
	return ret;
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
	if (ours->ns > 0)
		printf(" %6.2f", ours->ns / theirs->ns);
	else
		printf(" %6s", "-");
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
	printf("\nThe datapath, packet by packet; median of %d rounds of %d\n\n", ROUNDS, RUNS);
	printf("%-32s %-9s%3s %9s %6s %7s", "", "verdict", "", "verified", "stack", "ns");
	if (cilium)
		printf(" |%3s %9s %6s %7s %6s %6s", "", "Cilium's", "stack", "ns", "ns", "verif.");
	printf("\n");
}

static int measure(struct bench_datapath *b, struct err *err)
{
	bool cilium = b->sides[1].objects;
	int ret = 0;

	print_head(cilium);
	for (size_t i = 0; i < n_bench_modes && !ret; i++) {
		const struct bench_mode *m = &bench_modes[i];
		struct result results[2] = { 0 };

		ret = measure_side(b, &b->sides[0], m, &results[0], err);
		if (!ret && cilium && !m->ours_alone)
			ret = measure_side(b, &b->sides[1], m, &results[1], err);
		if (!ret)
			print_mode(m, results);
	}
	if (!ret)
		printf("\nBefore what the verifier processed stands for how many programs: those "
		       "that the "
		       "packet meets;\nstack: the most that one needs, in bytes; -: not timed, as "
		       "the "
		       "kernel's test run knows no tunnel.\n%s",
		       cilium ? "Last: ours to Cilium's.\n" : "");
	return ret;
}

int bench_datapath(const char *objects, struct err *err)
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
		ret = measure(&b, err);
	target_forget();
	for (int i = 0; i < 2; i++)
		target_desc_free(b.sides[i].desc);
	arena_free(b.arena);
	return ret;
}
