/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests that need real nodes: a cluster made by hand, its topology up in a sandbox, and a way to
 * ask iproute2 what is there.
 */
#ifndef VERDICT_TESTS_WORLD_H
#define VERDICT_TESTS_WORLD_H

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "base/ns.h"
#include "engine/topology.h"

struct world {
	struct cluster cluster;
	struct cluster_node nodes[3];
	struct cluster_device devices[3]; /* the nodes' native ones */
	struct ip_addr ips[3][2];
	struct topology *topology;
	struct err err;
};

/* Node i has 10.0.0.(i+1) and fd00::(i+1). */
static inline void world_describe(struct world *w)
{
	static const char *const names[] = { "master-0", "master-1", "worker.example" };

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < 3; i++) {
		w->ips[i][0] = (struct ip_addr){ 4, { 10, 0, 0, (uint8_t)(i + 1) } };
		w->ips[i][1] = (struct ip_addr){ 6, { 0xfd, [15] = (uint8_t)(i + 1) } };
		w->devices[i] = (struct cluster_device){
			.name = "eth0",
			.role = "native",
			.ifindex = 10,
			.mac = { 0x02, 0x76, 0x64, 0, 0, (uint8_t)(i + 1) },
			.mtu = 1500,
		};
		w->nodes[i] = (struct cluster_node){
			.name = names[i],
			.index = i,
			.device = "eth0",
			.devices = &w->devices[i],
			.n_devices = 1,
			.ips = w->ips[i],
			.n_ips = 2,
		};
	}
	w->cluster = (struct cluster){ .dir = "by-hand", .nodes = w->nodes, .n_nodes = 3 };
}

static inline void world_up(struct world *w)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	world_describe(w);
	cr_assert_eq(sandbox_enter(&w->err), 0, "%s", w->err.text);
	cr_assert_eq(topology_up(&w->cluster, "test-1", &w->topology, &w->err), 0, "%s",
		     w->err.text);
}

static inline void world_down(struct world *w)
{
	topology_down(w->topology);
}

/* What a tool prints when run inside a namespace (ns_fd, -1: here); "" and a failed test if it fails. */
static inline void tool_says(struct buf *out, int ns_fd, const char *const argv[])
{
	struct err err = { 0 };

	buf_reset(out);
	cr_expect_eq(run_tool(argv, ns_fd, NULL, out, 10, &err), 0, "%s", err.text);
}

#define TOOL(out, ns_fd, ...) tool_says(out, ns_fd, (const char *const[]){ __VA_ARGS__, NULL })

#endif
