// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The replay of a long capture against a bare loop of bpf_prog_test_run_opts. The replay is the program
 * itself, in a process of its own: its cost a packet is the CPU time of a long capture less that of a
 * short one.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "cmd/bench.h"
#include "engine/release.h"
#include "engine/replay.h"
#include "packet/pcapng.h"

#define ROUNDS	5
#define FLOWS	16 /* different packets, in turns */
#define FRAME	92 /* Ethernet, IPv4, UDP and 50 bytes */
#define PROGRAM "cil_from_netdev"
#define SHORT	1000
#define STEP_NS 1000

struct bench_replay {
	struct arena *arena;
	const char *object;
	uint32_t packets;
	uint8_t frames[FLOWS][FRAME];
	int verdict;
	int fd[2]; /* captures in memory: short, long */
};

struct cost {
	double replay_ns, bare_ns;
	long rss_short_kb, rss_long_kb;
};

static void make_frames(struct bench_replay *b)
{
	static const uint8_t head[42] = {
		2,    0, 0, 0,	0, 2,  2, 0, 0,	 0,  0, 1, 8,  0, /* Ethernet */
		0x45, 0, 0, 78, 0, 1,  0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, /* IPv4 */
		0,    0, 0, 53, 0, 58, 0, 0, /* UDP */
	};

	for (unsigned i = 0; i < FLOWS; i++) {
		memcpy(b->frames[i], head, sizeof(head));
		b->frames[i][34] = 0x80;
		b->frames[i][35] = (uint8_t)i;
	}
}

static int open_replay(struct bench_replay *b, struct target_desc **desc, struct replay **out,
		       struct err *err)
{
	struct replay_opts opts = {
		.place = { .program = PROGRAM },
		.seed = 1,
		.verdicts_only = true,
	};
	int ret = target_desc_of_object(b->object, desc, err);

	opts.target.desc = *desc;
	return ret ? ret : replay_open(&opts, out, err);
}

static int write_capture(struct bench_replay *b, int which, uint32_t n, struct err *err)
{
	struct pcapng_record rec = {
		.caplen = FRAME,
		.len = FRAME,
		.has_verdict = true,
		.verdict_type = PCAPNG_VERDICT_TC,
		.verdict = b->verdict,
	};
	struct pcapng_writer *w;
	uint32_t interface;
	char path[64];
	int ret;

	b->fd[which] = memfd_create("capture", MFD_CLOEXEC);
	if (b->fd[which] < 0)
		return err_system(err, errno, "making room for a capture");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", b->fd[which]);
	ret = pcapng_writer_open(path, "verdict", &w, err);
	if (ret)
		return ret;
	ret = pcapng_writer_interface(w, "dev2", LINK_ETHERNET, &interface, err);
	for (uint32_t i = 0; i < n && ret >= 0; i++) {
		rec.ts_ns += STEP_NS;
		rec.data = b->frames[i % FLOWS];
		ret = pcapng_writer_packet(w, interface, &rec, err);
	}
	return pcapng_writer_close(w, err) ?: ret < 0 ? ret : 0;
}

/* Without a word on standard output: its totals are no figure of the benchmark's. */
static pid_t start_silent(const char *const argv[], struct err *err)
{
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid;

	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	pid = spawn(argv, -1, -1, err);
	dup2(out, STDOUT_FILENO);
	close(out);
	close(null);
	return pid;
}

static int run_replay(struct bench_replay *b, int which, double *cpu_s, long *rss_kb,
		      struct err *err)
{
	char capture[64];
	const char *argv[] = { file_self(), "replay",	"--object", b->object, "--program", PROGRAM,
			       "--quiet",   "--expect", "verdicts", capture,   NULL };
	struct rusage used;
	int status;
	pid_t pid;

	snprintf(capture, sizeof(capture), "/proc/%d/fd/%d", (int)getpid(), b->fd[which]);
	pid = start_silent(argv, err);
	if (pid < 0)
		return (int)pid;
	if (wait4(pid, &status, 0, &used) != pid)
		return err_system(err, errno, "waiting for a replay");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_system(err, 0, "a replay of the benchmark's capture failed (status %d)",
				  status);
	*cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	*rss_kb = used.ru_maxrss;
	return 0;
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int run_bare(struct bench_replay *b, const struct replay *r, double *took, struct err *err)
{
	uint32_t ifindex = replay_device(r)->ifindex;
	int fd = replay_program(r)->fd, ret = 0;
	double start = cpu_s();

	for (uint32_t i = 0; i < b->packets && !ret; i++) {
		struct __sk_buff ctx = { .ifindex = ifindex, .ingress_ifindex = ifindex };
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = b->frames[i % FLOWS],
			    .data_size_in = FRAME, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
			    .repeat = 1);

		ret = bpf_prog_test_run_opts(fd, &run);
		b->verdict = (int)run.retval;
	}
	*took = cpu_s() - start;
	return ret ? err_system(err, -ret, "BPF_PROG_TEST_RUN of %s", PROGRAM) : 0;
}

static int measure_once(struct bench_replay *b, const struct replay *r, struct cost *c,
			struct err *err)
{
	double small = 0, large = 0, bare = 0;
	int ret = run_replay(b, 0, &small, &c->rss_short_kb, err);

	if (!ret)
		ret = run_replay(b, 1, &large, &c->rss_long_kb, err);
	if (!ret)
		ret = run_bare(b, r, &bare, err);
	if (ret)
		return ret;
	c->replay_ns = (large - small) * 1e9 / (double)(b->packets - SHORT);
	c->bare_ns = bare * 1e9 / (double)b->packets;
	return 0;
}

static int by_added(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;
	double dx = x->replay_ns - x->bare_ns, dy = y->replay_ns - y->bare_ns;

	return dx < dy ? -1 : dx > dy;
}

static void print_costs(const struct bench_replay *b, struct cost *costs)
{
	const struct cost *m = &costs[ROUNDS / 2];

	qsort(costs, ROUNDS, sizeof(*costs), by_added);
	printf("\nverdict replay --quiet --expect verdicts, %u packets through %s; median of %d "
	       "rounds\n\n",
	       b->packets, PROGRAM, ROUNDS);
	printf("%-38s %12s %14s\n", "", "packets/s", "ns/packet");
	printf("%-38s %12.0f %14.0f\n", "replay, all of it", 1e9 / m->replay_ns, m->replay_ns);
	printf("%-38s %12.0f %14.0f\n", "bare bpf_prog_test_run_opts loop", 1e9 / m->bare_ns,
	       m->bare_ns);
	printf("\nreplay - bare loop: %.0f ns/packet (rounds: %.0f to %.0f; aim: at most 500)\n",
	       m->replay_ns - m->bare_ns, costs[0].replay_ns - costs[0].bare_ns,
	       costs[ROUNDS - 1].replay_ns - costs[ROUNDS - 1].bare_ns);
	printf("memory: %ld KiB with %u packets, %ld KiB with %u\n", m->rss_short_kb, SHORT,
	       m->rss_long_kb, b->packets);
}

static int measure(struct bench_replay *b, struct err *err)
{
	struct cost costs[ROUNDS];
	struct target_desc *desc = NULL;
	struct replay *r = NULL;
	double ignored;
	int ret = open_replay(b, &desc, &r, err);

	if (!ret)
		ret = run_bare(b, r, &ignored, err); /* warms up, and tells the verdict */
	if (!ret)
		ret = write_capture(b, 0, SHORT, err);
	if (!ret)
		ret = write_capture(b, 1, b->packets, err);
	for (int i = 0; i < ROUNDS && !ret; i++)
		ret = measure_once(b, r, &costs[i], err);
	if (!ret)
		print_costs(b, costs);
	replay_close(r);
	target_forget();
	target_desc_free(desc);
	return ret;
}

int bench_replay(const char *objects, uint32_t packets, struct err *err)
{
	struct bench_replay b = { .arena = arena_new(), .packets = packets, .fd = { -1, -1 } };
	const char *folder;
	int ret = release_base(b.arena, objects, &folder, err);

	make_frames(&b);
	if (!ret) {
		b.object = file_join(b.arena, folder, "bpf_host.o");
		ret = measure(&b, err);
	}
	fd_cleanup(&b.fd[0]);
	fd_cleanup(&b.fd[1]);
	arena_free(b.arena);
	return ret;
}
