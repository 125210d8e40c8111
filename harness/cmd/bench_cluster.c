/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict bench --only cluster`: how long a big cluster's manifests take to be read and one node of it to be
 * compiled, and how much memory that takes, in a process of its own; then what its packets cost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cluster/cluster.h"
#include "cmd/bench.h"
#include "cmd/bench_cluster.h"

#define SERVICES_OF_A_NODE 10

/* Of a cluster of BENCH_NODES. */
#define AIM_SECONDS 10
#define AIM_MIB	    4096

struct taken {
	double load_s, compile_s, cpu_s, other_s;
	size_t entries;
	char error[512];
};

static double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int compile(const char *dir, unsigned nodes, struct taken *t, struct err *err)
{
	double start = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), loaded,
	       compiled;
	struct cluster *c;
	int ret = cluster_load(dir, NULL, &c, err);

	loaded = seconds(CLOCK_MONOTONIC);
	if (!ret)
		ret = cluster_compile_node(c, 0, err);
	compiled = seconds(CLOCK_MONOTONIC);
	if (ret)
		return ret;
	t->load_s = loaded - start;
	t->compile_s = compiled - loaded;
	t->cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	t->entries = c->nodes[0].n_entries;
	ret = cluster_compile_node(c, nodes - 1, err);
	t->other_s = seconds(CLOCK_MONOTONIC) - compiled;
	return ret;
}

/* In the child: what it took goes into the pipe. */
static void measure(const char *dir, unsigned nodes, int out)
{
	struct err *err = calloc(1, sizeof(*err));
	struct taken t = { 0 };
	int failed;

	if (err && compile(dir, nodes, &t, err))
		snprintf(t.error, sizeof(t.error), "%.*s", (int)sizeof(t.error) - 1, err->text);
	failed = write(out, &t, sizeof(t)) != (ssize_t)sizeof(t);
	_exit(failed);
}

static int run_child(const char *dir, unsigned nodes, struct taken *t, double *mib, struct err *err)
{
	struct rusage usage = { 0 };
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(ends) < 0)
		return err_system(err, errno, "cannot make a pipe");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		measure(dir, nodes, ends[1]);
	close(ends[1]);
	n = pid < 0 ? -1 : read(ends[0], t, sizeof(*t));
	close(ends[0]);
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0 || n != (ssize_t)sizeof(*t))
		return err_system(err, 0, "the process that read the cluster failed");
	*mib = (double)usage.ru_maxrss / 1024;
	return *t->error ? err_input(err, NULL, "%s", t->error) : 0;
}

static void print(const struct bench_scale *s, const struct taken *t, double text_mib, double mib)
{
	double all = t->load_s + t->compile_s;

	printf("\ncluster of %u nodes, %u services, %u pods: %.0f MiB of manifests\n", s->nodes,
	       s->services, s->services * BENCH_PODS_OF_A_SERVICE, text_mib);
	printf("  read %.2f s, a node compiled to %zu entries %.2f s: %.2f s (CPU %.2f s; aim: "
	       "under %d s: %s)\n",
	       t->load_s, t->entries, t->compile_s, all, t->cpu_s, AIM_SECONDS,
	       bench_met(all < AIM_SECONDS));
	printf("  another node %.2f s more; memory %.0f MiB with both (aim: under %d: %s)\n",
	       t->other_s, mib, AIM_MIB, bench_met(mib < AIM_MIB));
}

int bench_cluster(const char *objects, unsigned nodes, struct err *err)
{
	const struct bench_scale big = { nodes, nodes * SERVICES_OF_A_NODE };
	struct taken t = { 0 };
	double text_mib = 0, mib = 0;
	char dir[64];
	int ret = bench_write_cluster(&big, dir, &text_mib, err);

	if (ret)
		return ret;
	ret = run_child(dir, nodes, &t, &mib, err);
	if (!ret)
		print(&big, &t, text_mib, mib);
	if (!ret)
		ret = bench_cluster_packets(dir, objects, err);
	bench_remove_cluster(dir);
	return ret;
}
