/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Manifests of a cluster of any size, as kubectl prints them, shortened to what bears on packets; the same
 * every time.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cmd/bench_cluster.h"

#define NAMESPACES 100

struct part {
	const char *file;
	unsigned n;
	void (*write)(FILE *f, const struct bench_scale *s, unsigned i);
};

static void write_node(FILE *f, const struct bench_scale *s, unsigned i)
{
	(void)s;
	fprintf(f,
		"- apiVersion: v1\n  kind: Node\n  metadata:\n    labels:\n"
		"      kubernetes.io/hostname: node-%u\n    name: node-%u\n  spec:\n"
		"    podCIDR: 10.%u.%u.0/24\n    podCIDRs:\n    - 10.%u.%u.0/24\n  status:\n"
		"    addresses:\n    - address: 172.16.%u.%u\n      type: InternalIP\n"
		"    - address: node-%u\n      type: Hostname\n",
		i, i, i / 256, i % 256, i / 256, i % 256, i / 250, i % 250 + 1, i);
}

/* The pods of a service live on as many nodes. */
static unsigned node_of_pod(const struct bench_scale *s, unsigned i)
{
	return i % s->nodes;
}

static void print_pod_ip(char text[32], const struct bench_scale *s, unsigned i)
{
	unsigned node = node_of_pod(s, i);

	snprintf(text, 32, "10.%u.%u.%u", node / 256, node % 256, i / s->nodes + 10);
}

static void write_pod(FILE *f, const struct bench_scale *s, unsigned i)
{
	unsigned service = i / BENCH_PODS_OF_A_SERVICE;
	char ip[32];

	print_pod_ip(ip, s, i);
	fprintf(f,
		"- apiVersion: v1\n  kind: Pod\n  metadata:\n    labels:\n      app: app-%u\n"
		"      pod-template-hash: 5d4f8c7b9\n    name: app-%u-%u\n    namespace: team-%u\n"
		"  spec:\n    containers:\n    - image: registry.example/app\n      name: app\n"
		"      ports:\n      - containerPort: 8080\n        name: http\n"
		"        protocol: TCP\n    nodeName: node-%u\n    serviceAccountName: default\n"
		"  status:\n    conditions:\n    - status: \"True\"\n      type: Ready\n"
		"    phase: Running\n    podIP: %s\n    podIPs:\n    - ip: %s\n",
		service % 500, service, i, service % NAMESPACES, node_of_pod(s, i), ip, ip);
}

static void write_service(FILE *f, const struct bench_scale *s, unsigned i)
{
	(void)s;
	fprintf(f,
		"- apiVersion: v1\n  kind: Service\n  metadata:\n    name: app-%u\n"
		"    namespace: team-%u\n  spec:\n    clusterIP: 100.64.%u.%u\n    clusterIPs:\n"
		"    - 100.64.%u.%u\n    internalTrafficPolicy: Cluster\n    ipFamilies:\n"
		"    - IPv4\n    ports:\n    - name: http\n      port: 80\n      protocol: TCP\n"
		"      targetPort: http\n    selector:\n      app: app-%u\n"
		"    sessionAffinity: None\n    type: ClusterIP\n  status:\n    loadBalancer: {}\n",
		i, i % NAMESPACES, i / 250, i % 250 + 1, i / 250, i % 250 + 1, i % 500);
}

static void write_slice(FILE *f, const struct bench_scale *s, unsigned i)
{
	fputs("- addressType: IPv4\n  apiVersion: discovery.k8s.io/v1\n  endpoints:\n", f);
	for (unsigned j = i * BENCH_PODS_OF_A_SERVICE; j < (i + 1) * BENCH_PODS_OF_A_SERVICE; j++) {
		char ip[32];

		print_pod_ip(ip, s, j);
		fprintf(f,
			"  - addresses:\n    - %s\n    conditions:\n      ready: true\n"
			"      serving: true\n      terminating: false\n    nodeName: node-%u\n",
			ip, node_of_pod(s, j));
	}
	fprintf(f,
		"  kind: EndpointSlice\n  metadata:\n    labels:\n"
		"      kubernetes.io/service-name: app-%u\n    name: app-%u-x\n"
		"    namespace: team-%u\n  ports:\n  - name: http\n    port: 8080\n"
		"    protocol: TCP\n",
		i, i, i % NAMESPACES);
}

static const char values[] = "bpf:\n  lbMapMax: 262144\n  masquerade: true\n"
			     "ipv4NativeRoutingCIDR: 10.0.0.0/8\n"
			     "kubeProxyReplacement: \"true\"\nroutingMode: native\n";

static FILE *create(const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, "w");
}

/* Returns how many bytes there are; negative errno. */
static long write_part(const char *dir, const struct part *p, const struct bench_scale *s)
{
	FILE *f = create(dir, p->file);
	long size;

	if (!f)
		return -errno;
	fputs("apiVersion: v1\nitems:\n", f);
	for (unsigned i = 0; i < p->n; i++)
		p->write(f, s, i);
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

static int write_all(const char *dir, const struct bench_scale *s, double *mib)
{
	const struct part parts[] = {
		{ "nodes.yaml", s->nodes, write_node },
		{ "pods.yaml", s->services * BENCH_PODS_OF_A_SERVICE, write_pod },
		{ "services.yaml", s->services, write_service },
		{ "endpointslices.yaml", s->services, write_slice },
	};
	int ret = write_values(dir);

	*mib = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !ret; i++) {
		long size = write_part(dir, &parts[i], s);

		ret = size < 0 ? (int)size : 0;
		*mib += (double)size / (1 << 20);
	}
	return ret;
}

int bench_write_cluster(const struct bench_scale *s, char dir[64], double *mib, struct err *err)
{
	int ret;

	snprintf(dir, 64, "/tmp/verdict-bench-cluster-XXXXXX");
	if (!mkdtemp(dir))
		return err_system(err, errno, "cannot make %s", dir);
	ret = write_all(dir, s, mib);
	if (!ret)
		return 0;
	bench_remove_cluster(dir);
	return err_system(err, -ret, "cannot write manifests under %s", dir);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void bench_remove_cluster(const char *dir)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
