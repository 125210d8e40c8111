/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict bench`, and of it the part `engine`: what the testrun engine costs a packet, beside a bare loop of
 * bpf_prog_test_run_opts on the same programs and packets, and beside one `bpftool prog run` a program
 * run. All three in one process and one run, in turns, because machines are noisy.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "cmd/bench.h"
#include "cmd/cmd.h"
#include "engine/prepare.h"
#include "engine/testrun.h"
#include "engine/timeline.h"
#include "judge/judge.h"

#define ROUNDS	       5
#define BPFTOOL_RUNS   40
#define OUT_SIZE       (64 * 1024)
#define REPLAY_PACKETS 1000000 /* at --seconds 1 */
/* bare runs between two looks at the ring: it holds more, so no event is lost to a full ring, which
 * would make the program cheaper than it is
 */
#define BARE_BATCH 64

struct bench_run { /* one program run of the bare loop */
	unsigned node;
	enum hook hook;
	struct frame in;
};

struct bench {
	struct arena *arena, *packet_arena;
	const char *cluster_dir, *capture, *objects;
	const char *only; /* a part's name; NULL: all */
	const char *mode; /* of the datapath; NULL: all */
	unsigned nodes; /* of the cluster that is big */
	double seconds;
	struct cluster *cluster;
	struct topology *topology;
	struct engine *engine;
	struct send_step send;
	struct capture_packet *packets;
	size_t n_packets;
	struct timeline time;
	uint64_t span_ns; /* of the capture */
	struct bench_run *runs;
	size_t n_runs;
	uint8_t *out;
	int home_ns;
	uint64_t checks, lost;
};

struct figure {
	double packet_ns, run_ns;
};

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The thread's own time, in user and kernel: other load on the machine does not count. */
static double cpu_s(void)
{
	return seconds(CLOCK_THREAD_CPUTIME_ID);
}

static int set_up(struct bench *b, struct err *err)
{
	struct engine_opts eo = { .objects = b->objects, .pin_root = SANDBOX_BPFFS "/bench" };
	struct log_sink silent = { NULL, NULL };
	int ret = sandbox_enter(err);

	if (!ret)
		ret = cluster_load(b->cluster_dir, NULL, &b->cluster, err);
	if (!ret)
		ret = topology_up(b->cluster, "bench", &b->topology, err);
	if (!ret)
		ret = capture_load(b->arena, b->capture, &b->packets, &b->n_packets, err);
	if (!ret && !b->n_packets)
		ret = err_input(err, NULL, "%s holds no packet", b->capture);
	if (ret)
		return ret;
	b->span_ns = b->packets[b->n_packets - 1].ts_ns - b->packets[0].ts_ns + 1000000;
	b->send.capture = b->capture;
	b->home_ns = ns_current(err);
	eo.cluster = b->cluster;
	eo.topology = b->topology;
	timeline_init(&b->time, b->arena);
	return engine_testrun.open(&eo, &silent, &b->engine, err);
}

/* One pass over the capture, as `verdict run` does it: prepare, inject, read events, judge. */
static int pass(struct bench *b, uint64_t *failed, bool record, struct err *err)
{
	static const struct expect delivered = {
		.last = { .has_outcome = true, .outcome = OUTCOME_DELIVERED },
	};

	for (size_t i = 0; i < b->n_packets; i++) {
		const struct prepare with = { .cluster = b->cluster,
					      .topology = b->topology,
					      .follows = engine_testrun.follows };
		struct injection in = { .from = -1, .to = -1 };
		struct flow_pass pass;
		struct trace t = { 0 };
		int ret;

		arena_reset(b->packet_arena);
		in.now_ns = timeline_packet(&b->time, b->capture, b->packets[i].ts_ns);
		ret = prepare_packet(&with, &b->send, &b->packets[i], b->packet_arena, &in, &pass,
				     &t, err);
		if (ret == 0)
			ret = engine_testrun.inject(b->engine, &in, b->packet_arena, &t, &b->lost,
						    err);
		if (ret < 0)
			return ret;
		if (!judge_packet(&delivered, &t, &b->checks))
			(*failed)++;
		for (size_t h = 0; record && h < t.n_hops; h++) {
			struct bench_run *r;

			b->runs = arena_grow(b->arena, b->runs, b->n_runs, sizeof(*b->runs));
			r = &b->runs[b->n_runs++];
			r->hook = t.hops[h].hook;
			r->in = t.hops[h].in;
			r->in.data = arena_memdup(b->arena, r->in.data, r->in.len);
			for (size_t n = 0; n < b->topology->n_nodes; n++)
				if (!strcmp(b->topology->nodes[n].name, t.hops[h].node))
					r->node = (unsigned)n;
		}
	}
	timeline_advance(&b->time, b->span_ns);
	return 0;
}

static int measure_engine(struct bench *b, struct figure *f, struct err *err)
{
	uint64_t passes = 0, failed = 0;
	double start = cpu_s(), took;

	do {
		int ret = pass(b, &failed, false, err);

		if (ret)
			return ret;
		passes++;
		took = cpu_s() - start;
	} while (took < b->seconds);
	if (failed)
		return err_system(err, 0, "%llu packets were not delivered: nothing was measured",
				  (unsigned long long)failed);
	f->packet_ns = took * 1e9 / (double)(passes * b->n_packets);
	f->run_ns = took * 1e9 / (double)(passes * b->n_runs);
	return 0;
}

static int bare_run(struct bench *b, const struct bench_run *r)
{
	uint32_t ifindex = b->topology->nodes[r->node].ifindex;
	struct __sk_buff ctx = {
		.ifindex = ifindex,
		.ingress_ifindex = r->hook == HOOK_TC_INGRESS ? ifindex : 0,
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = r->in.data, .data_size_in = r->in.len,
		    .data_out = b->out, .data_size_out = OUT_SIZE, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	return bpf_prog_test_run_opts(testrun_program_fd(b->engine, r->node, r->hook), &run);
}

/* All runs of one node inside its namespace; the clock stands still while the ring is emptied. */
static int bare_node(struct bench *b, unsigned node, double *took, uint64_t *runs, struct err *err)
{
	double start;
	int ret = ns_enter(b->topology->nodes[node].ns_fd, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < b->n_runs;) {
		unsigned batch = 0;

		start = cpu_s();
		for (; i < b->n_runs && batch < BARE_BATCH; i++) {
			if (b->runs[i].node != node)
				continue;
			ret = bare_run(b, &b->runs[i]);
			if (ret)
				return err_system(err, -ret, "BPF_PROG_TEST_RUN");
			batch++;
		}
		*took += cpu_s() - start;
		*runs += batch;
		ret = testrun_drop_events(b->engine, err);
		if (ret)
			return ret;
	}
	return 0;
}

static int measure_bare(struct bench *b, struct figure *f, struct err *err)
{
	double took = 0;
	uint64_t runs = 0;
	int ret = 0;

	testrun_leave(b->engine);
	while (took < b->seconds && !ret)
		for (unsigned n = 0; n < b->topology->n_nodes && !ret; n++)
			ret = bare_node(b, n, &took, &runs, err);
	if (!ret)
		ret = ns_enter(b->home_ns, err);
	if (ret)
		return ret;
	f->run_ns = took * 1e9 / (double)runs;
	f->packet_ns = f->run_ns * (double)b->n_runs / (double)b->n_packets;
	return 0;
}

static int measure_bpftool(struct bench *b, struct figure *f, struct err *err)
{
	const char *pin = SANDBOX_BPFFS "/bench-program";
	char file[] = "/tmp/verdict-bench-XXXXXX";
	const char *argv[] = { "bpftool", "prog", "run",      "pinned",	   pin,
			       "data_in", file,	  "data_out", "/dev/null", NULL };
	const struct bench_run *r = &b->runs[0];
	__cleanup_fd int fd = mkstemp(file);
	double start;
	int ret = 0;

	if (fd < 0 || write(fd, r->in.data, r->in.len) != (ssize_t)r->in.len)
		return err_system(err, errno, "cannot write %s", file);
	if (bpf_obj_pin(testrun_program_fd(b->engine, r->node, r->hook), pin))
		ret = err_system(err, errno, "cannot pin a program at %s", pin);
	start = seconds(CLOCK_MONOTONIC);
	for (int i = 0; i < BPFTOOL_RUNS && !ret; i++)
		ret = run_tool(argv, b->topology->nodes[r->node].ns_fd, NULL, NULL, 10, err);
	f->run_ns = (seconds(CLOCK_MONOTONIC) - start) * 1e9 / BPFTOOL_RUNS;
	f->packet_ns = f->run_ns * (double)b->n_runs / (double)b->n_packets;
	unlink(pin);
	unlink(file);
	return ret;
}

static void print_row(const char *what, const struct figure *f)
{
	printf("%-38s %12.0f %14.0f %16.0f\n", what, 1e9 / f->packet_ns, f->packet_ns, f->run_ns);
}

static int by_ratio(const void *a, const void *b)
{
	const struct figure *x = *(const struct figure *const *)a;
	const struct figure *y = *(const struct figure *const *)b;
	double rx = x[0].run_ns / x[1].run_ns, ry = y[0].run_ns / y[1].run_ns;

	return rx < ry ? -1 : rx > ry;
}

static void print_results(const struct bench *b, struct figure pairs[ROUNDS][2],
			  const struct figure *bpftool)
{
	struct figure *order[ROUNDS];
	struct utsname u;

	for (int i = 0; i < ROUNDS; i++)
		order[i] = pairs[i];
	qsort(order, ROUNDS, sizeof(order[0]), by_ratio);
	uname(&u);
	printf("%s looped: %zu packets, %zu program runs a pass; kernel %s; median of %d "
	       "rounds\n\n",
	       b->capture, b->n_packets, b->n_runs, u.release, ROUNDS);
	printf("%-38s %12s %14s %16s\n", "", "packets/s", "ns/packet", "ns/program run");
	print_row("testrun engine, all of it", &order[ROUNDS / 2][0]);
	print_row("bare bpf_prog_test_run_opts loop", &order[ROUNDS / 2][1]);
	if (bpftool->run_ns > 0)
		print_row("one `bpftool prog run` a program run", bpftool);
	printf("\nengine / bare loop: %.2f (rounds: %.2f to %.2f; aim: at most 1.50)\n",
	       order[ROUNDS / 2][0].run_ns / order[ROUNDS / 2][1].run_ns,
	       order[0][0].run_ns / order[0][1].run_ns,
	       order[ROUNDS - 1][0].run_ns / order[ROUNDS - 1][1].run_ns);
	if (bpftool->run_ns > 0)
		printf("bpftool / engine:   %.0f (aim: at least 100)\n",
		       bpftool->run_ns / order[ROUNDS / 2][0].run_ns);
	printf("checked %llu expectations; %llu events lost\n", (unsigned long long)b->checks,
	       (unsigned long long)b->lost);
}

static int measure_all(struct bench *b, struct err *err)
{
	struct figure pairs[ROUNDS][2], bpftool = { 0 };
	uint64_t failed = 0;
	int ret = pass(b, &failed, true, err);

	for (int i = 0; i < ROUNDS && !ret; i++) {
		ret = measure_engine(b, &pairs[i][0], err);
		if (!ret)
			ret = measure_bare(b, &pairs[i][1], err);
	}
	if (!ret && tool_exists("bpftool"))
		ret = measure_bpftool(b, &bpftool, err);
	if (!ret)
		print_results(b, pairs, &bpftool);
	return ret;
}

static int bench_engine(struct bench *b, struct err *err)
{
	int ret = set_up(b, err);

	if (!ret)
		ret = measure_all(b, err);
	engine_testrun.close(b->engine);
	topology_down(b->topology);
	cluster_free(b->cluster);
	return ret;
}

static int events(struct bench *b, struct err *err)
{
	return bench_events(b->objects, "fixtures/captures/etcd.pcapng", err);
}

static int datapath(struct bench *b, struct err *err)
{
	return bench_datapath(b->objects, b->mode, err);
}

static int replay(struct bench *b, struct err *err)
{
	return bench_replay(b->objects, (uint32_t)(b->seconds * REPLAY_PACKETS), err);
}

static int cluster(struct bench *b, struct err *err)
{
	return bench_cluster(b->objects, b->nodes, err);
}

static const struct {
	const char *name;
	int (*run)(struct bench *b, struct err *err);
} parts[] = {
	{ "engine", bench_engine }, { "events", events },   { "datapath", datapath },
	{ "replay", replay },	    { "cluster", cluster },
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

static int choose(struct bench *b, const char *part)
{
	b->only = part;
	for (size_t i = 0; i < N_PARTS; i++)
		if (!strcmp(parts[i].name, part))
			return 0;
	return EXIT_USAGE;
}

static int run_parts(struct bench *b, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < N_PARTS && !ret; i++)
		if (!b->only || !strcmp(parts[i].name, b->only))
			ret = parts[i].run(b, err);
	return ret;
}

static int got(void *arg, const char *name, const char *value)
{
	struct bench *b = arg;

	if (!strcmp(name, "--cluster"))
		b->cluster_dir = value;
	else if (!strcmp(name, "--capture"))
		b->capture = value;
	else if (!strcmp(name, "--objects"))
		b->objects = value;
	else if (!strcmp(name, "--seconds"))
		b->seconds = atof(value);
	else if (!strcmp(name, "--only"))
		return choose(b, value);
	else if (!strcmp(name, "--mode"))
		b->mode = value;
	else if (!strcmp(name, "--nodes"))
		b->nodes = (unsigned)strtoul(value, NULL, 10);
	if (b->nodes < BENCH_NODES_MIN || b->nodes > BENCH_NODES_MAX)
		return EXIT_USAGE;
	return b->seconds >= 0.01 && b->seconds <= 1000 ? 0 : EXIT_USAGE;
}

static int bench_main(int argc, char **argv)
{
	struct bench b = { .cluster_dir = "fixtures/clusters/two-masters",
			   .capture = "fixtures/captures/etcd.pcapng",
			   .seconds = 1.0,
			   .nodes = BENCH_NODES,
			   .home_ns = -1 };
	struct err *err = calloc(1, sizeof(*err));
	char **rest;
	int n_rest, ret = cmd_parse(&cmd_bench, argc, argv, got, &b, &rest, &n_rest);

	if (ret || n_rest) {
		free(err);
		if (ret < 0)
			return EXIT_AS_EXPECTED;
		return ret ? ret : cmd_usage_error(&cmd_bench, rest[0]);
	}
	b.arena = arena_new();
	b.packet_arena = arena_new();
	b.out = malloc(OUT_SIZE);
	ret = run_parts(&b, err);
	if (ret) {
		cmd_error("%s", err->text);
		ret = err_exit_code(err);
	}
	fd_cleanup(&b.home_ns);
	free(b.out);
	arena_free(b.packet_arena);
	arena_free(b.arena);
	free(err);
	return ret;
}

static const struct cmd_option options[] = {
	{ "--seconds", "N", "how long each of the rounds lasts (default 1)" },
	{ "--only", "PART", "one part of it: engine, events, datapath, replay, cluster" },
	{ "--mode", "TEXT",
	  "of the datapath, only packets, sockets' calls and scenarios of fixtures/bench whose "
	  "name "
	  "has TEXT" },
	{ "--nodes", "N", "of the big cluster, 20 to 5000 (default 1000)" },
	{ "--cluster", "DIR", "cluster (default fixtures/clusters/two-masters)" },
	{ "--capture", "FILE", "capture to loop (default fixtures/captures/etcd.pcapng)" },
	{ "--objects", "DIR", "folder of the datapath's objects" },
	{ NULL, NULL, NULL },
};

const struct command cmd_bench = {
	.name = "bench",
	.args = "[options]",
	.summary = "measure the engine, the datapath and the replay, packet by packet",
	.text = "Loops a capture through the whole testrun engine (prepare, run, read events, "
		"check "
		"expectations), through a bare loop of bpf_prog_test_run_opts on the same programs "
		"and "
		"packets, and through one `bpftool prog run` a program run, and prints the ratios. "
		"Then what events cost the datapath at each level of aggregation; what a packet of "
		"each kind costs in it, a socket's call, and a packet at each hop of the scenarios "
		"in "
		"fixtures/bench, beside Cilium's objects where VERDICT_CILIUM_OBJECTS names them; "
		"and `verdict replay "
		"--quiet --expect verdicts` of a capture of a million "
		"packets, against a bare loop over the same packets. Last, how long a cluster of "
		"1,000 nodes, 10,000 services and 100,000 pods takes to be read and compiled, and "
		"what a packet costs in it, beside a small one.",
	.options = options,
	.run = bench_main,
};
