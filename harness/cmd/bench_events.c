/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What events cost: a connection to etcd as the API server's node sees it, its packets in their own time
 * (virtual: the interval between reports counts), with no events, with medium aggregation, and with all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/ns.h"
#include "cmd/bench.h"
#include "cmd/bench_timing.h"
#include "engine/release.h"
#include "engine/replay.h"
#include "packet/bytes.h"
#include "scenario/yaml.h"

#define TURNS	     500
#define PASSES	     4 /* of a turn: the capture so often */
#define EMPTY	     32 /* runs of an empty program before */
#define BETWEEN_NS   120000000000ULL /* the old connection is forgotten, the next begins anew */
#define NODE	     0x0aa08022 /* 10.160.128.34 */
#define ETHERNET_LEN 14

static const char node_maps[] = "cilium_ipcache_v2:\n"
				"- {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: "
				"10.160.128.34}, value: {sec_identity: 1}}\n"
				"- {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: "
				"10.160.128.31}, value: {sec_identity: 7}}\n"
				"cilium_policy_v2:\n"
				"- {key: {lpm_key: {prefixlen: 40}, egress: 1}, value: {}}\n";

enum level { OFF, MEDIUM, NONE, LEVELS };

static const struct {
	const char *label;
	const char *config; /* over the common one */
} levels[LEVELS] = {
	[OFF] = { "events off",
		  "trace_events: false, policy_verdict_events: false, drop_events: false, "
		  "monitor_aggregation: 3" },
	[MEDIUM] = { "aggregation medium", "monitor_aggregation: 3" },
	[NONE] = { "aggregation none", "monitor_aggregation: 0" },
};

struct lane {
	struct target_desc *desc;
	struct replay *r;
	int fds[2]; /* ingress, egress */
	int ns_fd;
	uint32_t *times; /* [packet][pass], of one turn */
	double program[TURNS]; /* ns a packet, in the program */
	double passes[PASSES]; /* CPU time of each, of one turn, ns */
	double whole[TURNS]; /* CPU time a packet: its test run and the reading of its events */
	uint64_t events, lost;
};

struct bench_events {
	struct arena *arena;
	const char *object, *capture;
	struct capture_packet *packets;
	size_t n;
	int empty_fd;
	struct lane lanes[LEVELS];
};

static int parse(struct arena *a, const char *text, const struct value **out, struct err *err)
{
	struct value **docs;
	size_t n;
	int ret = yaml_parse(a, text, strlen(text), "the benchmark", &docs, &n, err);

	if (!ret)
		*out = docs[0];
	return ret;
}

static int settings_of(struct arena *a, const char *config, struct setting **out, size_t *n,
		       struct err *err)
{
	const char *text =
		arena_printf(a, "{enable_host_firewall: true, host_ep_id: 1, %s}", config);
	const struct value *map = NULL;
	int ret = parse(a, text, &map, err);

	if (ret)
		return ret;
	*n = map->n;
	*out = arena_alloc(a, map->n * sizeof(**out));
	for (size_t i = 0; i < map->n; i++)
		(*out)[i] = (struct setting){ .name = map->keys[i]->text, .value = map->items[i] };
	return 0;
}

static int fds_of(struct replay *r, int fds[2], struct err *err)
{
	struct target_program p;
	int ret = target_program(replay_target(r), NULL, "cil_from_netdev", NULL, &p, err);

	if (ret)
		return ret;
	fds[0] = p.fd;
	ret = target_program(replay_target(r), NULL, "cil_to_netdev", NULL, &p, err);
	fds[1] = p.fd;
	return ret;
}

static int open_level(struct bench_events *b, enum level l, struct err *err)
{
	struct replay_opts opts = { .place = { .program = "cil_to_netdev", .hook = "egress" },
				    .verdicts_only = true };
	struct lane *lane = &b->lanes[l];
	struct setting *config = NULL;
	int ret = target_desc_of_object(b->object, &lane->desc, err);

	if (!ret)
		ret = settings_of(b->arena, levels[l].config, &config, &opts.target.n_config, err);
	if (!ret)
		ret = parse(b->arena, node_maps, &opts.entries, err);
	if (ret)
		return ret;
	opts.target.config = config;
	opts.target.desc = lane->desc;
	ret = replay_open(&opts, &lane->r, err);
	if (!ret)
		ret = fds_of(lane->r, lane->fds, err);
	if (ret)
		return ret;
	lane->times = arena_alloc(b->arena, b->n * PASSES * sizeof(uint32_t));
	lane->ns_fd = ns_current(err);
	return lane->ns_fd < 0 ? lane->ns_fd : 0;
}

static void count(void *arg, const void *record, uint32_t size)
{
	(void)record, (void)size;
	(*(uint64_t *)arg)++;
}

/* The connection once. */
static int pass(struct bench_events *b, struct lane *l, size_t number, struct err *err)
{
	uint64_t was = b->packets[0].ts_ns;
	int ret = 0;

	for (size_t i = 0; i < b->n && !ret; i++) {
		const struct capture_packet *p = &b->packets[i];
		bool out = p->caplen >= ETHERNET_LEN + 20 &&
			   get_be32(p->data + ETHERNET_LEN + 12) == NODE;
		struct timed_run run = { .fd = l->fds[out],
					 .hook = out ? HOOK_TC_EGRESS : HOOK_TC_INGRESS,
					 .data = p->data,
					 .len = p->caplen,
					 .ifindex = replay_device(l->r)->ifindex };

		replay_advance(l->r, p->ts_ns - was);
		was = p->ts_ns;
		ret = timed_run(&run, err);
		l->times[i * PASSES + number] = run.ns;
		if (!ret && run.verdict)
			ret = err_system(err, 0,
					 "packet %zu of %s was not let through: nothing was "
					 "measured",
					 i + 1, b->capture);
	}
	replay_advance(l->r, BETWEEN_NS);
	return ret;
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int measure_empty(const struct bench_events *b, const struct lane *l, double *ns,
			 struct err *err)
{
	struct timed_run run = { .fd = b->empty_fd,
				 .hook = HOOK_TC_EGRESS,
				 .data = b->packets[0].data,
				 .len = b->packets[0].caplen,
				 .ifindex = replay_device(l->r)->ifindex };
	uint32_t times[EMPTY];
	int ret = 0;

	for (size_t i = 0; i < EMPTY && !ret; i++) {
		ret = timed_run(&run, err);
		times[i] = run.ns;
	}
	*ns = ret ? 0 : mean_of_middle(times, EMPTY);
	return ret;
}

/* A reader that waits is woken when half of the ring is full: after more than a turn has. */
static int read_events(struct lane *l, uint64_t *events, struct err *err)
{
	return event_ring_read(target_events(replay_target(l->r)), count, events, &l->lost, err);
}

/* The first pass brings the level's code and data back into the caches and is not counted. */
static int passes(struct bench_events *b, struct lane *l, double *reading, struct err *err)
{
	uint64_t ignored = 0;
	int ret = pass(b, l, 0, err);

	if (!ret)
		ret = read_events(l, &ignored, err);
	for (size_t i = 0; i < PASSES && !ret; i++) {
		double start = cpu_ns();

		ret = pass(b, l, i, err);
		l->passes[i] = cpu_ns() - start;
	}
	*reading = cpu_ns();
	if (!ret)
		ret = read_events(l, &l->events, err);
	*reading = cpu_ns() - *reading;
	return ret;
}

static int take_turn(struct bench_events *b, struct lane *l, size_t turn, struct err *err)
{
	double nothing = 0, sum = 0, reading = 0;
	int ret = ns_enter(l->ns_fd, err);
	struct calm calm;

	calm_begin(&calm);
	if (!ret)
		ret = measure_empty(b, l, &nothing, err);
	if (!ret)
		ret = passes(b, l, &reading, err);
	calm_end(&calm);
	l->whole[turn] = (median_of_doubles(l->passes, PASSES) + reading / PASSES) / (double)b->n;
	for (size_t i = 0; i < b->n && !ret; i++)
		sum += mean_of_middle(l->times + i * PASSES, PASSES) - nothing;
	l->program[turn] = sum / (double)b->n;
	return ret;
}

/* Of the turns: what a level costs more than none of the events, in percent. */
static struct quartiles over_off(const double *level, const double *off)
{
	double percent[TURNS];

	for (unsigned i = 0; i < TURNS; i++)
		percent[i] = (level[i] / off[i] - 1) * 100;
	return quartiles_of(percent, TURNS);
}

static double middle(const double *turns)
{
	double sorted[TURNS];

	memcpy(sorted, turns, sizeof(sorted));
	return median_of_doubles(sorted, TURNS);
}

static void print_level(struct bench_events *b, enum level l)
{
	const struct lane *lane = &b->lanes[l], *off = &b->lanes[OFF];

	printf("%-24s %8.0f %12.0f %+9.1f %% %12.0f %+9.1f %%\n", levels[l].label,
	       (double)lane->events / PASSES / TURNS, middle(lane->program),
	       over_off(lane->program, off->program).middle, middle(lane->whole),
	       over_off(lane->whole, off->whole).middle);
}

static void print_all(struct bench_events *b)
{
	const struct quartiles cost = over_off(b->lanes[MEDIUM].whole, b->lanes[OFF].whole);
	uint64_t lost = 0;

	printf("\nevents of %s at one of its nodes, %zu packets\n\n", b->capture, b->n);
	printf("%-24s %8s %12s %11s %12s %11s\n", "", "events", "program ns", "over off",
	       "packet ns", "over off");
	for (int l = 0; l < LEVELS; l++) {
		print_level(b, (enum level)l);
		lost += b->lanes[l].lost;
	}
	printf("\nprogram: the program alone; packet: CPU time of the test run, reading events "
	       "included. All levels were\nloaded at once and took %d turns of %d passes, which "
	       "first from turn to turn: medians of the turns, and of\nthe turns' ratios.\n"
	       "medium over off, a packet: %.1f %% (quartiles %.1f to %.1f; aim: at most 5); %llu "
	       "events lost\n",
	       TURNS, PASSES, cost.middle, cost.low, cost.high, (unsigned long long)lost);
}

static int measure(struct bench_events *b, struct err *err)
{
	int ret = timed_empty(HOOK_TC_EGRESS, &b->empty_fd, err);

	for (int l = 0; l < LEVELS && !ret; l++)
		ret = open_level(b, (enum level)l, err);
	for (size_t turn = 0; turn < TURNS; turn++)
		for (size_t i = 0; i < LEVELS && !ret; i++)
			ret = take_turn(b, &b->lanes[(turn + i) % LEVELS], turn, err);
	if (!ret)
		print_all(b);
	return ret;
}

/* The last one opened is closed first: each goes back to the network namespace it was opened in. */
static void close_levels(struct bench_events *b)
{
	for (int l = LEVELS; l--;) {
		fd_cleanup(&b->lanes[l].ns_fd);
		replay_close(b->lanes[l].r);
		target_desc_free(b->lanes[l].desc);
	}
	fd_cleanup(&b->empty_fd);
}

int bench_events(const char *objects, const char *capture, struct err *err)
{
	struct bench_events *b = calloc(1, sizeof(*b));
	const char *folder;
	int ret;

	b->arena = arena_new();
	b->capture = capture;
	b->empty_fd = -1;
	for (int l = 0; l < LEVELS; l++)
		b->lanes[l].ns_fd = -1;
	ret = release_base(b->arena, objects, &folder, err);
	if (!ret)
		ret = capture_load(b->arena, capture, &b->packets, &b->n, err);
	if (!ret) {
		b->object = file_join(b->arena, folder, "bpf_host.o");
		ret = measure(b, err);
	}
	close_levels(b);
	target_forget();
	arena_free(b->arena);
	free(b);
	return ret;
}
