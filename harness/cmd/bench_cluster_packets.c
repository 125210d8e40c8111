/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The same packets in a small cluster and in a big one, in turns: a pod sends to a service whose pods are on
 * other nodes. Both engines are open at once, and what a packet takes is the thread's own time.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ns.h"
#include "cluster/cluster.h"
#include "cmd/bench_cluster.h"
#include "engine/testrun.h"
#include "packet/build.h"

#define ROUNDS	5
#define PACKETS 2000 /* of a round */
#define AIM	1.5

struct side {
	struct cluster *cluster;
	struct engine *engine;
	uint64_t now_ns;
	double packet_ns[ROUNDS];
};

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int open_side(struct side *s, const char *dir, const char *name, const char *objects,
		     struct err *err)
{
	struct log_sink silent = { NULL, NULL };
	struct engine_opts eo = { .objects = objects, .pin_root = name };
	int ret = cluster_load(dir, NULL, &s->cluster, err);

	eo.cluster = s->cluster;
	return ret ? ret : engine_testrun.open(&eo, &silent, &s->engine, err);
}

/* From the first pod of node-0 to service 1, which has no pod there. */
static struct injection packet_of(const struct side *s, struct arena *a, bool first)
{
	const struct cluster_endpoint *from = &s->cluster->nodes[0].endpoints[1];
	struct build_ip ip = { .ttl = 64 };
	struct build_tcp tcp = { .seq = 1, .flags = first ? TH_SYN : TH_ACK, .window = 1024 };
	struct injection in = { .from = 0, .to = -1, .sender = { 0, from }, .now_ns = s->now_ns };
	static const char data[64];

	ip.src = (struct packet_end){ from->ips[0], 40000 };
	ip.dst.port = 80;
	ip_addr_parse("100.64.0.2", &ip.dst.addr);
	in.frame = build_tcp(a, &ip, &tcp, data, first ? 0 : sizeof(data));
	memcpy(in.frame.data, from->device->mac, 6);
	memcpy(in.frame.data + 6, from->mac, 6);
	return in;
}

static int send_one(struct side *s, struct arena *a, bool first, struct err *err)
{
	struct injection in = packet_of(s, a, first);
	struct trace t = { .frame = in.frame };
	uint64_t lost = 0;
	int ret = engine_testrun.inject(s->engine, &in, a, &t, &lost, err);

	s->now_ns += 1000000;
	if (ret < 0)
		return ret;
	if (t.outcome != OUTCOME_DELIVERED || t.place.node == 0 || !t.place.endpoint)
		return err_system(err, 0,
				  "a packet was not delivered to another node's pod: "
				  "nothing was measured");
	return 0;
}

static int measure(struct side *s, int round, struct arena *a, struct err *err)
{
	double start = cpu_s();
	int ret = 0;

	for (int i = 0; i < PACKETS && !ret; i++) {
		ret = send_one(s, a, false, err);
		arena_reset(a);
	}
	s->packet_ns[round] = (cpu_s() - start) * 1e9 / PACKETS;
	return ret;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print(struct side *small, struct side *big)
{
	double ratio[ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		ratio[i] = big->packet_ns[i] / small->packet_ns[i];
	qsort(ratio, ROUNDS, sizeof(*ratio), by_value);
	qsort(small->packet_ns, ROUNDS, sizeof(double), by_value);
	qsort(big->packet_ns, ROUNDS, sizeof(double), by_value);
	printf("  a packet from pod to pod through a service: %.0f ns with %zu nodes, %.0f ns with "
	       "%zu: %.2f times (rounds: %.2f to %.2f; aim: at most %.2f: %s)\n",
	       small->packet_ns[ROUNDS / 2], small->cluster->n_nodes, big->packet_ns[ROUNDS / 2],
	       big->cluster->n_nodes, ratio[ROUNDS / 2], ratio[0], ratio[ROUNDS - 1], AIM,
	       bench_met(ratio[ROUNDS / 2] <= AIM));
}

static int run(struct side *small, struct side *big, struct err *err)
{
	struct arena *a = arena_new();
	int ret = send_one(small, a, true, err);

	if (!ret)
		ret = send_one(big, a, true, err);
	for (int i = 0; i < ROUNDS && !ret; i++) {
		ret = measure(small, i, a, err);
		if (!ret)
			ret = measure(big, i, a, err);
	}
	if (!ret)
		print(small, big);
	arena_free(a);
	return ret;
}

int bench_cluster_packets(const char *dir, const char *objects, struct err *err)
{
	static const struct bench_scale few = { 20, 20 };
	struct side small = { 0 }, big = { 0 };
	char small_dir[64];
	double mib;
	int ret = bench_write_cluster(&few, small_dir, &mib, err);

	if (ret)
		return ret;
	ret = sandbox_enter(err);
	if (!ret)
		ret = open_side(&small, small_dir, SANDBOX_BPFFS "/small", objects, err);
	if (!ret)
		ret = open_side(&big, dir, SANDBOX_BPFFS "/big", objects, err);
	if (!ret)
		ret = run(&small, &big, err);
	engine_testrun.close(big.engine);
	engine_testrun.close(small.engine);
	cluster_free(big.cluster);
	cluster_free(small.cluster);
	bench_remove_cluster(small_dir);
	return ret;
}
