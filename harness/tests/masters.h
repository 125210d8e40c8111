/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For end-to-end tests of engines: two masters under a host firewall that lets TCP port 2379 in,
 * their manifests in a folder of their own, their topology up.
 */
#ifndef VERDICT_TESTS_MASTERS_H
#define VERDICT_TESTS_MASTERS_H

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "engine/engine.h"
#include "world.h"

static const char nodes_yaml[] = "apiVersion: v1\n"
				 "kind: Node\n"
				 "metadata: {name: master-0}\n"
				 "status:\n"
				 "  addresses: [{type: InternalIP, address: 10.0.0.1}]\n"
				 "---\n"
				 "apiVersion: v1\n"
				 "kind: Node\n"
				 "metadata: {name: master-1}\n"
				 "status:\n"
				 "  addresses: [{type: InternalIP, address: 10.0.0.2}]\n";
static const char policy_yaml[] = "apiVersion: cilium.io/v2\n"
				  "kind: CiliumClusterwideNetworkPolicy\n"
				  "metadata: {name: etcd}\n"
				  "spec:\n"
				  "  nodeSelector: {}\n"
				  "  ingress:\n"
				  "  - toPorts:\n"
				  "    - ports: [{port: \"2379\", protocol: TCP}]\n";

struct masters {
	struct arena *a;
	char dir[64];
	struct cluster *cluster;
	struct topology *topology;
	struct engine *engine;
	struct engine_opts opts;
	struct log_sink log;
	struct buf lines; /* the agents' log */
	uint64_t now_ns;
	struct err err;
};

static inline void keep_line(void *arg, const char *node, const char *text)
{
	struct masters *m = arg;

	buf_printf(&m->lines, "%s: %s\n", node, text);
}

static inline void write_file(struct masters *m, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", m->dir, name);
	cr_assert_eq(file_write(path, text, strlen(text), &m->err), 0, "%s", m->err.text);
}

/* The cluster and its topology; no engine yet. */
static inline void masters_prepare(struct masters *m)
{
	const char *missing;

	memset(m, 0, sizeof(*m));
	m->a = arena_new();
	missing = engine_missing(ENGINE_NETNS, m->a);
	if (*missing)
		cr_skip_test("%s", missing);
	m->opts.objects = file_installed(m->a, "bpf");
	cr_assert(m->opts.objects, "no objects: `make` builds them");
	snprintf(m->dir, sizeof(m->dir), "/tmp/verdict-test-XXXXXX");
	cr_assert(mkdtemp(m->dir));
	write_file(m, "nodes.yaml", nodes_yaml);
	write_file(m, "policy.yaml", policy_yaml);
	write_file(m, "values.yaml",
		   "hostFirewall: {enabled: true}\n"
		   "bpf: {monitorAggregation: none}\n");
	cr_assert_eq(sandbox_enter(&m->err), 0, "%s", m->err.text);
	cr_assert_eq(cluster_load(m->dir, NULL, &m->cluster, &m->err), 0, "%s", m->err.text);
	cr_assert_eq(topology_up(m->cluster, "netns", &m->topology, &m->err), 0, "%s", m->err.text);
	m->opts.cluster = m->cluster;
	m->opts.topology = m->topology;
	m->opts.pin_root = SANDBOX_BPFFS "/test";
	m->log = (struct log_sink){ keep_line, m };
}

static inline void masters_up(struct masters *m)
{
	masters_prepare(m);
	cr_assert_eq(engine_netns.open(&m->opts, &m->log, &m->engine, &m->err), 0, "%s",
		     m->err.text);
}

static inline void masters_down(struct masters *m)
{
	static const char *const files[] = { "nodes.yaml", "policy.yaml", "values.yaml" };

	engine_netns.close(m->engine);
	topology_down(m->topology);
	cluster_free(m->cluster);
	for (size_t i = 0; i < 3; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", m->dir, files[i]);
		unlink(path);
	}
	rmdir(m->dir);
	buf_free(&m->lines);
	arena_free(m->a);
}

static inline void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

#endif
