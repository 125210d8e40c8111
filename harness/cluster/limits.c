/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where pods keep their own address, and how much they may send and receive. */
#include "cluster/config.h"
#include "cluster/parts.h"
#include "cluster/service.h"
#include "scenario/values.h"

#define HORIZON_NS 2000000000u /* how far ahead an agent lets departures lie */

enum direction { DIR_EGRESS, DIR_INGRESS };

/* What the ip-masq-agent leaves alone where nothing is said: private networks and others that no router of the
 * world passes on.
 */
static const struct cidr usual[] = {
	{ .addr = { 4, { 10 } }, .prefix = 8 },
	{ .addr = { 4, { 172, 16 } }, .prefix = 12 },
	{ .addr = { 4, { 192, 168 } }, .prefix = 16 },
	{ .addr = { 4, { 100, 64 } }, .prefix = 10 },
	{ .addr = { 4, { 192, 0, 0 } }, .prefix = 24 },
	{ .addr = { 4, { 192, 0, 2 } }, .prefix = 24 },
	{ .addr = { 4, { 192, 88, 99 } }, .prefix = 24 },
	{ .addr = { 4, { 198, 18 } }, .prefix = 15 },
	{ .addr = { 4, { 198, 51, 100 } }, .prefix = 24 },
	{ .addr = { 4, { 203, 0, 113 } }, .prefix = 24 },
	{ .addr = { 4, { 240 } }, .prefix = 4 },
};
static const struct cidr link4 = { .addr = { 4, { 169, 254 } }, .prefix = 16 },
			 link6 = { .addr = { 6, { 0xfe, 0x80 } }, .prefix = 10 };

static void add_network(struct cluster *c, struct cluster_node *node, const struct cidr *net)
{
	static const struct shape lpm = SHAPE("prefixlen"), key = SHAPE("lpm", "addr"),
				  value = SHAPE("flags");
	struct value *bits = entry_number(c, net->prefix), *none = NULL;

	entry_add(c, node, net->addr.family == 4 ? "cilium_ipmasq_v4" : "cilium_ipmasq_v6",
		  entry_struct(c, &key,
			       (struct value *[]){ entry_struct(c, &lpm, &bits),
						   entry_address(c, &net->addr) }),
		  entry_struct(c, &value, &none));
}

void add_masquerade(struct cluster *c, struct cluster_node *node)
{
	const struct value *v = c->manifests.values;
	struct cidr *list;
	size_t n;

	if (!values_bool(v, "ipMasqAgent.enabled"))
		return;
	if (!values_cidrs(c->arena, v, "ipMasqAgent.config.nonMasqueradeCIDRs", &list, &n)) {
		for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
			add_network(c, node, &usual[i]);
		n = 0;
	}
	for (size_t i = 0; i < n; i++)
		add_network(c, node, &list[i]);
	if (!values_bool(v, "ipMasqAgent.config.masqLinkLocal"))
		add_network(c, node, &link4);
	if (!values_bool(v, "ipMasqAgent.config.masqLinkLocalIPv6"))
		add_network(c, node, &link6);
}

static void add_limit(struct cluster *c, struct cluster_node *node,
		      const struct cluster_endpoint *ep, enum direction dir, uint64_t bits)
{
	static const struct shape key = SHAPE("id", "direction"),
				  value = SHAPE("bps", "t_horizon_drop");
	struct value *horizon = dir == DIR_EGRESS ? entry_number(c, HORIZON_NS) : NULL;

	if (bits)
		entry_add(c, node, "cilium_throttle",
			  entry_struct(c, &key,
				       (struct value *[]){ entry_number(c, ep->id),
							   entry_flag(c, dir == DIR_INGRESS) }),
			  entry_struct(c, &value,
				       (struct value *[]){ entry_number(c, bits / 8), horizon }));
}

void add_bandwidth(struct cluster *c, struct cluster_node *node)
{
	if (!values_bool(c->manifests.values, "bandwidthManager.enabled"))
		return;
	for (size_t i = 0; i < node->n_endpoints; i++) {
		const struct cluster_endpoint *ep = &node->endpoints[i];

		if (!ep->pod)
			continue;
		add_limit(c, node, ep, DIR_EGRESS, ep->pod->egress_bits);
		add_limit(c, node, ep, DIR_INGRESS, ep->pod->ingress_bits);
	}
}
