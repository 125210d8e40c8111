/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What each node's maps and constants hold besides policy: who has which address, who lives here,
 * how the programs are configured.
 *
 * Of a pod's endpoint only what the manifests know is written; ifindex and MACs come with its
 * device.
 */
#include <string.h>

#include "cluster/compile.h"
#include "cluster/entry.h"
#include "scenario/values.h"

#define IPCACHE_STATIC_BITS 32 /* cluster id, padding, family */
#define FAMILY_IPV4	    1
#define FAMILY_IPV6	    2
#define ENDPOINT_F_HOST	    1

void add_entry(struct cluster *c, struct cluster_node *node, const char *map, struct value *key,
	       struct value *value)
{
	entry_add(c, node, arena_strdup(c->arena, map), key, value);
}

static void set_address(struct arena *a, struct value *map, const struct ip_addr *ip)
{
	__cleanup_buf struct buf text = BUF_INIT;

	ip_addr_print(&text, ip);
	value_setf(a, map, ip->family == 4 ? "ip4" : "ip6", "%s", buf_str(&text));
}

static void set_family_and_address(struct arena *a, struct value *map, const struct ip_addr *ip)
{
	value_setf(a, map, "family", "%d", ip->family == 4 ? FAMILY_IPV4 : FAMILY_IPV6);
	set_address(a, map, ip);
}

static void add_ipcache(struct cluster *c, struct cluster_node *node, const struct ip_addr *ip,
			unsigned prefix, uint32_t identity, const struct ip_addr *tunnel)
{
	struct arena *a = c->arena;
	struct value *key = value_map(a), *lpm = value_map(a), *v = value_map(a);

	value_setf(a, lpm, "prefixlen", "%u", IPCACHE_STATIC_BITS + prefix);
	value_set(a, key, "lpm_key", lpm);
	set_family_and_address(a, key, ip);
	value_setf(a, v, "sec_identity", "%u", identity);
	if (tunnel) {
		struct value *endpoint = value_map(a);

		set_address(a, endpoint, tunnel);
		value_set(a, v, "tunnel_endpoint", endpoint);
		value_setf(a, v, "flag_has_tunnel_ep", "1");
		value_setf(a, v, "flag_ipv6_tunnel_ep", "%d", tunnel->family == 6);
	}
	add_entry(c, node, "cilium_ipcache_v2", key, v);
}

static unsigned full_prefix(const struct ip_addr *ip)
{
	return ip->family == 4 ? 32 : 128;
}

static void add_nodes(struct cluster *c, struct cluster_node *node)
{
	for (size_t i = 0; i < c->n_nodes; i++) {
		const struct cluster_node *other = &c->nodes[i];

		for (size_t j = 0; j < other->n_ips; j++)
			add_ipcache(c, node, &other->ips[j], full_prefix(&other->ips[j]),
				    other == node ? IDENTITY_HOST : other->remote_identity, NULL);
	}
}

static void add_pods(struct cluster *c, struct cluster_node *node)
{
	bool tunnel = strcmp(values_get(c->manifests.values, "routingMode"), "tunnel") == 0;

	for (size_t i = 0; i < c->manifests.n_pods; i++) {
		const struct k8s_pod *pod = &c->manifests.pods[i];
		const struct cluster_node *home;

		if (!pod_has_endpoint(pod))
			continue;
		home = cluster_node_by_name(c, pod->node);
		for (size_t j = 0; j < pod->n_ips; j++)
			add_ipcache(c, node, &pod->ips[j], full_prefix(&pod->ips[j]),
				    pod_identity(c, pod),
				    tunnel && home != node ? &home->ips[0] : NULL);
	}
}

static void add_world(struct cluster *c, struct cluster_node *node)
{
	const struct idents *idents = c->idents;
	static const struct ip_addr any4 = { .family = 4 }, any6 = { .family = 6 };

	add_ipcache(c, node, &any4, 0, world_identity(c, 4), NULL);
	add_ipcache(c, node, &any6, 0, world_identity(c, 6), NULL);
	for (size_t i = 0; i < idents->n; i++)
		if (idents->list[i].is_cidr)
			add_ipcache(c, node, &idents->list[i].addr, idents->list[i].prefix,
				    idents->list[i].id, NULL);
}

static void add_lxc(struct cluster *c, struct cluster_node *node, const struct ip_addr *ip,
		    const struct cluster_endpoint *ep)
{
	struct arena *a = c->arena;
	struct value *key = value_map(a), *v = value_map(a);

	set_family_and_address(a, key, ip);
	if (ep->is_host) {
		value_setf(a, v, "flags", "%d", ENDPOINT_F_HOST);
	} else {
		value_setf(a, v, "lxc_id", "%u", ep->id);
		value_setf(a, v, "sec_id", "%u", ep->identity);
	}
	add_entry(c, node, "cilium_lxc", key, v);
}

void compile_entries(struct cluster *c, struct cluster_node *node)
{
	add_nodes(c, node);
	add_pods(c, node);
	add_world(c, node);
	for (size_t i = 0; i < node->n_endpoints; i++) {
		const struct cluster_endpoint *ep = &node->endpoints[i];
		const struct ip_addr *ips = ep->is_host ? node->ips : ep->ips;

		for (size_t j = 0; j < (ep->is_host ? node->n_ips : ep->n_ips); j++)
			add_lxc(c, node, &ips[j], ep);
	}
}

static void add_config(struct cluster *c, struct cluster_node *node, const char *name,
		       const char *text)
{
	node->config = arena_grow(c->arena, node->config, node->n_config, sizeof(*node->config));
	node->config[node->n_config++] =
		(struct config_value){ name, value_scalar(c->arena, "%s", text) };
}

static void add_number(struct cluster *c, struct cluster_node *node, const char *name, unsigned n)
{
	add_config(c, node, name, arena_printf(c->arena, "%u", n));
}

/* Cilium documents maximum as equal to medium, and lowest and low both as "nothing on receive". */
static unsigned aggregation(const char *level)
{
	if (strcmp(level, "none") == 0)
		return 0;
	return strcmp(level, "lowest") == 0 || strcmp(level, "low") == 0 ? 1 : 3;
}

void compile_config(struct cluster *c, struct cluster_node *node)
{
	const struct value *v = c->manifests.values;
	static const struct {
		const char *name, *path;
	} bools[] = { { "enable_host_firewall", "hostFirewall.enabled" },
		      { "enable_icmp_rule", "extraConfig.enable-icmp-rules" },
		      { "policy_audit_mode", "policyAuditMode" } },
	  seconds[] = { { "ct_lifetime_tcp", "extraConfig.bpf-ct-timeout-regular-tcp" },
			{ "ct_lifetime_nontcp", "extraConfig.bpf-ct-timeout-regular-any" },
			{ "ct_syn_timeout", "extraConfig.bpf-ct-timeout-regular-tcp-syn" },
			{ "ct_close_timeout", "extraConfig.bpf-ct-timeout-regular-tcp-fin" },
			{ "ct_report_interval", "bpf.monitorInterval" } };

	add_number(c, node, "security_label", IDENTITY_HOST);
	add_number(c, node, "host_ep_id", node->endpoints[0].id);
	add_config(c, node, "trace_payload_len", values_get(v, "extraConfig.trace-payloadlen"));
	add_number(c, node, "monitor_aggregation",
		   aggregation(values_get(v, "bpf.monitorAggregation")));
	for (size_t i = 0; i < sizeof(bools) / sizeof(bools[0]); i++)
		add_config(c, node, bools[i].name,
			   values_bool(v, bools[i].path) ? "true" : "false");
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		add_number(c, node, seconds[i].name, values_seconds(v, seconds[i].path));
}
