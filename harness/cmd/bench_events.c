/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What events cost: a connection to etcd as the API server's node sees it, its packets in their own time
 * (virtual: the interval between reports counts), with no events, with medium aggregation, and with all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "cmd/bench.h"
#include "cmd/bench_timing.h"
#include "engine/release.h"
#include "engine/replay.h"
#include "packet/bytes.h"
#include "scenario/yaml.h"

#define ROUNDS	     7
#define PASSES	     150 /* of a round, of each level */
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

struct bench_events {
	struct arena *arena;
	const char *object, *capture;
	struct capture_packet *packets;
	size_t n;
	uint32_t *times[LEVELS]; /* [packet][pass], of one round */
	double rounds[LEVELS][ROUNDS]; /* ns a packet, in the program */
	double whole[LEVELS]
		    [ROUNDS]; /* CPU time a packet: its test run and the reading of its events */
	uint64_t events[LEVELS], lost; /* of the last round */
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

static int open_level(struct bench_events *b, enum level l, struct target_desc **desc,
		      struct replay **out, struct err *err)
{
	struct replay_opts opts = { .place = { .program = "cil_to_netdev", .hook = "egress" },
				    .verdicts_only = true };
	struct setting *config = NULL;
	int ret = target_desc_of_object(b->object, desc, err);

	if (!ret)
		ret = settings_of(b->arena, levels[l].config, &config, &opts.target.n_config, err);
	if (!ret)
		ret = parse(b->arena, node_maps, &opts.entries, err);
	if (ret)
		return ret;
	opts.target.config = config;
	opts.target.desc = *desc;
	return replay_open(&opts, out, err);
}

static void count(void *arg, const void *record, uint32_t size)
{
	(void)record, (void)size;
	(*(uint64_t *)arg)++;
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

/* The connection once. Then the ring is read. */
static int pass(struct bench_events *b, struct replay *r, const int fds[2], enum level l,
		unsigned number, struct err *err)
{
	uint64_t was = b->packets[0].ts_ns;
	int ret = 0;

	for (size_t i = 0; i < b->n && !ret; i++) {
		const struct capture_packet *p = &b->packets[i];
		bool out = p->caplen >= ETHERNET_LEN + 20 &&
			   get_be32(p->data + ETHERNET_LEN + 12) == NODE;
		struct timed_run run = { .fd = fds[out],
					 .hook = out ? HOOK_TC_EGRESS : HOOK_TC_INGRESS,
					 .data = p->data,
					 .len = p->caplen,
					 .ifindex = replay_device(r)->ifindex };

		replay_advance(r, p->ts_ns - was);
		was = p->ts_ns;
		ret = timed_run(&run, err);
		b->times[l][i * PASSES + number] = run.ns;
		if (!ret && run.verdict)
			ret = err_system(err, 0,
					 "packet %zu of %s was not let through: nothing was "
					 "measured",
					 i + 1, b->capture);
	}
	replay_advance(r, BETWEEN_NS);
	return ret ? ret
		   : event_ring_read(target_events(replay_target(r)), count, &b->events[l],
				     &b->lost, err);
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int measure_nothing(const struct bench_events *b, struct replay *r, double *ns,
			   struct err *err)
{
	struct timed_run run = { .hook = HOOK_TC_EGRESS,
				 .data = b->packets[0].data,
				 .len = b->packets[0].caplen,
				 .ifindex = replay_device(r)->ifindex };

	return timed_nothing(&run, PASSES * 4, ns, err);
}

static int measure_level(struct bench_events *b, enum level l, unsigned round, struct err *err)
{
	struct target_desc *desc = NULL;
	struct replay *r = NULL;
	double nothing = 0, sum = 0, start;
	int fds[2], ret = open_level(b, l, &desc, &r, err);

	b->events[l] = 0;
	if (!ret)
		ret = fds_of(r, fds, err);
	if (!ret)
		ret = measure_nothing(b, r, &nothing, err);
	start = cpu_s();
	for (unsigned i = 0; i < PASSES && !ret; i++)
		ret = pass(b, r, fds, l, i, err);
	b->whole[l][round] = (cpu_s() - start) * 1e9 / PASSES / (double)b->n;
	for (size_t i = 0; i < b->n && !ret; i++)
		sum += median_of(b->times[l] + i * PASSES, PASSES) - nothing;
	b->rounds[l][round] = sum / (double)b->n;
	replay_close(r);
	target_desc_free(desc);
	return ret;
}

/* The median over rounds of what a level costs more than none of the events, in percent. */
static double over_off(double rounds[LEVELS][ROUNDS], enum level l)
{
	double percent[ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++)
		percent[i] = (rounds[l][i] / rounds[OFF][i] - 1) * 100;
	return median_of_doubles(percent, ROUNDS);
}

static double middle(const double *rounds)
{
	double sorted[ROUNDS];

	memcpy(sorted, rounds, sizeof(sorted));
	return median_of_doubles(sorted, ROUNDS);
}

static void print_level(struct bench_events *b, enum level l)
{
	printf("%-24s %8.0f %12.0f %+9.1f %% %12.0f %+9.1f %%\n", levels[l].label,
	       (double)b->events[l] / PASSES, middle(b->rounds[l]), over_off(b->rounds, l),
	       middle(b->whole[l]), over_off(b->whole, l));
}

static int measure(struct bench_events *b, struct err *err)
{
	int ret = 0;

	for (unsigned round = 0; round < ROUNDS; round++)
		for (int l = 0; l < LEVELS && !ret; l++)
			ret = measure_level(b, (enum level)l, round, err);
	if (ret)
		return ret;
	printf("\nevents of %s at one of its nodes, %zu packets; median of %d rounds\n\n",
	       b->capture, b->n, ROUNDS);
	printf("%-24s %8s %12s %11s %12s %11s\n", "", "events", "program ns", "over off",
	       "packet ns", "over off");
	for (int l = 0; l < LEVELS; l++)
		print_level(b, (enum level)l);
	printf("\nprogram: the program alone; packet: CPU time of the test run, reading events "
	       "included\nmedium over off, a packet: %.1f %% (aim: at most 5); %llu events lost\n",
	       over_off(b->whole, MEDIUM), (unsigned long long)b->lost);
	return 0;
}

int bench_events(const char *objects, const char *capture, struct err *err)
{
	struct bench_events b = { .arena = arena_new(), .capture = capture };
	const char *folder;
	int ret = release_base(b.arena, objects, &folder, err);

	if (!ret)
		ret = capture_load(b.arena, capture, &b.packets, &b.n, err);
	for (int l = 0; l < LEVELS; l++)
		b.times[l] = arena_alloc(b.arena, b.n * PASSES * sizeof(uint32_t));
	if (!ret) {
		b.object = file_join(b.arena, folder, "bpf_host.o");
		ret = measure(&b, err);
	}
	target_forget();
	arena_free(b.arena);
	return ret;
}
