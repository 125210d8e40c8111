/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict bench --only cluster`: how long a big cluster's manifests take to be read and one node of it to be
 * compiled, and how much memory that takes, in a process of its own. The manifests are written first, as
 * kubectl prints them, shortened to what bears on packets; the same every time.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cluster/cluster.h"
#include "cmd/bench.h"

#define NODES		  1000
#define SERVICES	  10000
#define PODS		  100000
#define PODS_OF_A_SERVICE (PODS / SERVICES)
#define NAMESPACES	  100
#define AIM_SECONDS	  10
#define AIM_MIB		  4096
#define MIB		  1048576.0

struct part {
	const char *file;
	unsigned n;
	void (*write)(FILE *f, unsigned i);
};

static void write_node(FILE *f, unsigned i)
{
	fprintf(f,
		"- apiVersion: v1\n  kind: Node\n  metadata:\n    labels:\n"
		"      kubernetes.io/hostname: node-%u\n    name: node-%u\n  spec:\n"
		"    podCIDR: 10.%u.%u.0/24\n    podCIDRs:\n    - 10.%u.%u.0/24\n  status:\n"
		"    addresses:\n    - address: 172.16.%u.%u\n      type: InternalIP\n"
		"    - address: node-%u\n      type: Hostname\n",
		i, i, i / 256, i % 256, i / 256, i % 256, i / 250, i % 250 + 1, i);
}

/* The pods of a service live on as many nodes. */
static unsigned node_of_pod(unsigned i)
{
	return i % NODES;
}

static void print_pod_ip(char text[32], unsigned i)
{
	unsigned node = node_of_pod(i);

	snprintf(text, 32, "10.%u.%u.%u", node / 256, node % 256, i / NODES + 10);
}

static void write_pod(FILE *f, unsigned i)
{
	unsigned service = i / PODS_OF_A_SERVICE;
	char ip[32];

	print_pod_ip(ip, i);
	fprintf(f,
		"- apiVersion: v1\n  kind: Pod\n  metadata:\n    labels:\n      app: app-%u\n"
		"      pod-template-hash: 5d4f8c7b9\n    name: app-%u-%u\n    namespace: team-%u\n"
		"  spec:\n    containers:\n    - image: registry.example/app\n      name: app\n"
		"      ports:\n      - containerPort: 8080\n        name: http\n"
		"        protocol: TCP\n    nodeName: node-%u\n    serviceAccountName: default\n"
		"  status:\n    conditions:\n    - status: \"True\"\n      type: Ready\n"
		"    phase: Running\n    podIP: %s\n    podIPs:\n    - ip: %s\n",
		service % 500, service, i, service % NAMESPACES, node_of_pod(i), ip, ip);
}

static void write_service(FILE *f, unsigned i)
{
	fprintf(f,
		"- apiVersion: v1\n  kind: Service\n  metadata:\n    name: app-%u\n"
		"    namespace: team-%u\n  spec:\n    clusterIP: 100.64.%u.%u\n    clusterIPs:\n"
		"    - 100.64.%u.%u\n    internalTrafficPolicy: Cluster\n    ipFamilies:\n"
		"    - IPv4\n    ports:\n    - name: http\n      port: 80\n      protocol: TCP\n"
		"      targetPort: http\n    selector:\n      app: app-%u\n"
		"    sessionAffinity: None\n    type: ClusterIP\n  status:\n    loadBalancer: {}\n",
		i, i % NAMESPACES, i / 250, i % 250 + 1, i / 250, i % 250 + 1, i % 500);
}

static void write_slice(FILE *f, unsigned i)
{
	fputs("- addressType: IPv4\n  apiVersion: discovery.k8s.io/v1\n  endpoints:\n", f);
	for (unsigned j = i * PODS_OF_A_SERVICE; j < (i + 1) * PODS_OF_A_SERVICE; j++) {
		char ip[32];

		print_pod_ip(ip, j);
		fprintf(f,
			"  - addresses:\n    - %s\n    conditions:\n      ready: true\n"
			"      serving: true\n      terminating: false\n    nodeName: node-%u\n",
			ip, node_of_pod(j));
	}
	fprintf(f,
		"  kind: EndpointSlice\n  metadata:\n    labels:\n"
		"      kubernetes.io/service-name: app-%u\n    name: app-%u-x\n"
		"    namespace: team-%u\n  ports:\n  - name: http\n    port: 8080\n"
		"    protocol: TCP\n",
		i, i, i % NAMESPACES);
}

static const struct part parts[] = {
	{ "nodes.yaml", NODES, write_node },
	{ "pods.yaml", PODS, write_pod },
	{ "services.yaml", SERVICES, write_service },
	{ "endpointslices.yaml", SERVICES, write_slice },
};

static const char values[] = "bpf:\n  masquerade: true\nipv4NativeRoutingCIDR: 10.0.0.0/8\n"
			     "kubeProxyReplacement: \"true\"\nroutingMode: native\n";

static FILE *create(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, "w");
}

/* Returns how many bytes there are; negative errno. */
static long write_part(const char *dir, const struct part *p)
{
	FILE *f = create(dir, p->file);
	long size;

	if (!f)
		return -errno;
	fputs("apiVersion: v1\nitems:\n", f);
	for (unsigned i = 0; i < p->n; i++)
		p->write(f, i);
	fputs("kind: List\nmetadata:\n  resourceVersion: \"\"\n", f);
	size = ftell(f);
	return fclose(f) ? -errno : size;
}

static int write_values(const char *dir)
{
	FILE *f = create(dir, "values.yaml");

	if (!f)
		return -errno;
	fputs(values, f);
	return fclose(f) ? -errno : 0;
}

static int write_manifests(const char *dir, double *mib, struct err *err)
{
	int ret = write_values(dir);

	*mib = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !ret; i++) {
		long size = write_part(dir, &parts[i]);

		ret = size < 0 ? (int)size : 0;
		*mib += (double)size / MIB;
	}
	return ret ? err_system(err, -ret, "cannot write manifests under %s", dir) : 0;
}

/* ---- the process that is measured ---- */

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

static int compile(const char *dir, struct taken *t, struct err *err)
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
	ret = cluster_compile_node(c, NODES - 1, err);
	t->other_s = seconds(CLOCK_MONOTONIC) - compiled;
	return ret;
}

/* In the child: what it took goes into the pipe. */
static void measure(const char *dir, int out)
{
	struct err *err = calloc(1, sizeof(*err));
	struct taken t = { 0 };
	int failed;

	if (err && compile(dir, &t, err))
		snprintf(t.error, sizeof(t.error), "%.*s", (int)sizeof(t.error) - 1, err->text);
	failed = write(out, &t, sizeof(t)) != (ssize_t)sizeof(t);
	_exit(failed);
}

static int run_child(const char *dir, struct taken *t, double *mib, struct err *err)
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
		measure(dir, ends[1]);
	close(ends[1]);
	n = pid < 0 ? -1 : read(ends[0], t, sizeof(*t));
	close(ends[0]);
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0 || n != (ssize_t)sizeof(*t))
		return err_system(err, 0, "the process that read the cluster failed");
	*mib = (double)usage.ru_maxrss / 1024;
	return *t->error ? err_input(err, NULL, "%s", t->error) : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void print(const struct taken *t, double text_mib, double mib)
{
	double all = t->load_s + t->compile_s;

	printf("\ncluster of %d nodes, %d services, %d pods: %.0f MiB of manifests\n", NODES,
	       SERVICES, PODS, text_mib);
	printf("  read %.2f s, a node compiled to %zu entries %.2f s: %.2f s (CPU %.2f s; aim: "
	       "under "
	       "%d s)\n",
	       t->load_s, t->entries, t->compile_s, all, t->cpu_s, AIM_SECONDS);
	printf("  another node %.2f s more; memory %.0f MiB with both (aim: under %d)\n",
	       t->other_s, mib, AIM_MIB);
}

int bench_cluster(struct err *err)
{
	char dir[] = "/tmp/verdict-bench-cluster-XXXXXX";
	struct taken t = { 0 };
	double text_mib = 0, mib = 0;
	int ret;

	if (!mkdtemp(dir))
		return err_system(err, errno, "cannot make %s", dir);
	ret = write_manifests(dir, &text_mib, err);
	if (!ret)
		ret = run_child(dir, &t, &mib, err);
	if (!ret)
		print(&t, text_mib, mib);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return ret;
}
