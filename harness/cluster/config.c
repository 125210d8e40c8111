/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The constants of a node's programs that depend on no device: those of bpf/, and those that Cilium's objects
 * have under names of their own. An object without a constant does without.
 */
#include "cluster/config.h"

#include <string.h>

#include "cluster/compile.h"
#include "cluster/entry.h"
#include "scenario/values.h"

#define EPHEMERAL_MIN	32768 /* net.ipv4.ip_local_port_range as kernels have it */
#define VERDICTS_BOTH	3 /* policy verdict events of both directions */
#define CLUSTERS_MAX	255
#define OVERLAY_PAYLOAD 192 /* Cilium's default of trace-payloadlen-overlay */
#define NO_NETWORK	255 /* length of a prefix that matches nothing */

struct config_out {
	struct cluster *c;
	struct cluster_node *node;
};

static const struct value *values_of(const struct config_out *o)
{
	return o->c->manifests.values;
}

static void put(struct config_out *o, const char *name, struct value *v)
{
	struct cluster_node *n = o->node;

	n->config = arena_grow(o->c->arena, n->config, n->n_config, sizeof(*n->config));
	n->config[n->n_config++] = (struct config_value){ name, v };
}

static void put_number(struct config_out *o, const char *name, uint32_t n)
{
	put(o, name, value_scalar(o->c->arena, "%u", n));
}

static void put_bool(struct config_out *o, const char *name, bool b)
{
	put(o, name, value_scalar(o->c->arena, "%s", b ? "true" : "false"));
}

static void put_address(struct config_out *o, const char *name, const struct ip_addr *ip)
{
	__cleanup_buf struct buf text = BUF_INIT;

	if (!ip)
		return;
	ip_addr_print(&text, ip);
	put(o, name, value_scalar(o->c->arena, "%s", buf_str(&text)));
}

/* Cilium documents maximum as equal to medium, and lowest and low both as "nothing on receive". */
static unsigned aggregation(const char *level)
{
	if (strcmp(level, "none") == 0)
		return 0;
	return strcmp(level, "lowest") == 0 || strcmp(level, "low") == 0 ? 1 : 3;
}

static void put_switches(struct config_out *o)
{
	static const struct {
		const char *name, *path;
	} switches[] = {
		{ "enable_ipv4", "ipv4.enabled" },
		{ "enable_ipv6", "ipv6.enabled" },
		{ "enable_host_firewall", "hostFirewall.enabled" },
		{ "enable_icmp_rule", "extraConfig.enable-icmp-rules" },
		{ "allow_icmp_frag_needed", "extraConfig.allow-icmp-frag-needed" },
		{ "enable_sip_verification", "extraConfig.enable-source-ip-verification" },
		{ "policy_audit_mode", "policyAuditMode" },
		{ "enable_bandwidth_manager", "bandwidthManager.enabled" },
		{ "enable_endpoint_routes", "endpointRoutes.enabled" },
		{ "enable_ip_masq_agent", "ipMasqAgent.enabled" },
		{ "enable_remote_node_masquerade", "extraConfig.enable-remote-node-masquerade" },
		{ "enable_no_service_endpoints_routable",
		  "extraConfig.enable-no-service-endpoints-routable" },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		put_bool(o, switches[i].name, values_bool(values_of(o), switches[i].path));
}

static void put_vlans(struct config_out *o)
{
	struct value *ids = value_list(o->c->arena);
	struct vlan_bypass bypass;

	values_vlans(values_of(o), "bpf.vlanBypass", &bypass);
	for (size_t i = 0; i < VLAN_BYPASS_MAX; i++)
		value_push(o->c->arena, ids, value_scalar(o->c->arena, "%u", bypass.ids[i]));
	put_bool(o, "enable_vlan_bypass", bypass.all || bypass.n);
	put_bool(o, "vlan_bypass_all", bypass.all);
	put(o, "vlan_bypass", ids);
}

static void put_conntrack(struct config_out *o)
{
	static const struct {
		const char *name, *path;
	} seconds[] = { { "ct_lifetime_tcp", "extraConfig.bpf-ct-timeout-regular-tcp" },
			{ "ct_lifetime_nontcp", "extraConfig.bpf-ct-timeout-regular-any" },
			{ "ct_syn_timeout", "extraConfig.bpf-ct-timeout-regular-tcp-syn" },
			{ "ct_close_timeout", "extraConfig.bpf-ct-timeout-regular-tcp-fin" },
			{ "ct_report_interval", "bpf.monitorInterval" } };
	unsigned flags = 0;

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		put_number(o, seconds[i].name, values_seconds(values_of(o), seconds[i].path));
	values_parse_flags(values_get(values_of(o), "bpf.monitorFlags"), &flags);
	put_number(o, "ct_report_flags", flags);
}

static void put_events(struct config_out *o)
{
	static const struct {
		const char *name, *path;
	} events[] = { { "drop_events", "bpf.events.drop.enabled" },
		       { "policy_verdict_events", "bpf.events.policyVerdict.enabled" },
		       { "trace_events", "bpf.events.trace.enabled" } };
	static const char *const limited[] = { "drop", "policy_verdict", "trace", "debug" };
	const struct value *v = values_of(o);
	struct arena *a = o->c->arena;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		put_bool(o, events[i].name, values_bool(v, events[i].path));
	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++) {
		put_number(o, arena_printf(a, "%s_events_limit", limited[i]),
			   values_number(v, "bpf.events.default.rateLimit"));
		put_number(o, arena_printf(a, "%s_events_burst", limited[i]),
			   values_number(v, "bpf.events.default.burstLimit"));
	}
	put_bool(o, "debug",
		 values_bool(v, "debug.enabled") &&
			 strstr(values_get(v, "debug.verbose"), "datapath"));
	put_number(o, "monitor_aggregation", aggregation(values_get(v, "bpf.monitorAggregation")));
	put_number(o, "policy_verdict_log_filter", VERDICTS_BOTH);
	put(o, "trace_payload_len",
	    value_scalar(a, "%s", values_get(v, "extraConfig.trace-payloadlen")));
	put_number(o, "trace_payload_len_overlay", OVERLAY_PAYLOAD);
}

static unsigned lb_mode(const struct value *v)
{
	if (values_bool(v, "bpf.lbModeAnnotation") ||
	    values_is(v, "loadBalancer.mode", "annotation"))
		return 3;
	if (values_is(v, "loadBalancer.mode", "hybrid"))
		return 2;
	return values_is(v, "loadBalancer.mode", "dsr");
}

static unsigned dsr_dispatch(const struct value *v)
{
	if (values_is(v, "loadBalancer.dsrDispatch", "geneve"))
		return 1;
	return values_is(v, "loadBalancer.dsrDispatch", "ipip") ? 2 : 0;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Sources of IPIP: the network given, else the node itself. */
static void put_rss(struct config_out *o, unsigned family)
{
	bool v4 = family == 4;
	const struct ip_addr *own = node_address(o->node, family);
	struct cidr net = { .prefix = v4 ? 32 : 128 };

	if (own)
		net.addr = *own;
	values_cidr(values_of(o),
		    v4 ? "extraConfig.bpf-lb-rss-ipv4-src-cidr"
		       : "extraConfig.bpf-lb-rss-ipv6-src-cidr",
		    &net);
	if (!net.addr.family)
		return;
	put_address(o, v4 ? "dsr_rss_prefix4" : "dsr_rss_prefix6", &net.addr);
	put_number(o, v4 ? "dsr_rss_prefix4_len" : "dsr_rss_prefix6_len", net.prefix);
}

static void put_services(struct config_out *o)
{
	const struct value *v = values_of(o);
	struct value_range ports = { 0 };
	uint8_t seed[12] = { 0 };

	values_parse_range(values_get(v, "nodePort.range"), &ports);
	values_parse_seed(values_get(v, "maglev.hashSeed"), seed);
	put_bool(o, "enable_nodeport", config_serves_node_ports(o->c));
	put_bool(o, "enable_nodeport_acceleration",
		 config_serves_node_ports(o->c) &&
			 !values_is(v, "loadBalancer.acceleration", "disabled"));
	put_number(o, "nodeport_port_min", ports.first);
	put_number(o, "nodeport_port_max", ports.last);
	put_number(o, "ephemeral_min", EPHEMERAL_MIN);
	put_number(o, "lb_mode", lb_mode(v));
	put_number(o, "lb_algorithm", values_is(v, "loadBalancer.algorithm", "maglev") ? 2 : 1);
	put_number(o, "dsr_dispatch", dsr_dispatch(v));
	put_number(o, "hash_init4_seed", be32(seed + 4));
	put_number(o, "hash_init6_seed", be32(seed + 8));
	put_rss(o, 4);
	put_rss(o, 6);
	put(o, "service_loopback_ipv4",
	    value_scalar(o->c->arena, "%s",
			 values_get(v, "extraConfig.ipv4-service-loopback-address")));
	put(o, "service_loopback_ipv6",
	    value_scalar(o->c->arena, "%s",
			 values_get(v, "extraConfig.ipv6-service-loopback-address")));
}

bool native_network(const struct cluster *c, const struct cluster_node *node, unsigned family,
		    struct cidr *out)
{
	const struct k8s_node *k = node->manifest;
	bool found = false;

	for (size_t i = k->n_pod_cidrs; i-- > 0;) {
		if (k->pod_cidrs[i].addr.family != family)
			continue;
		*out = k->pod_cidrs[i];
		found = true;
	}
	return values_cidr(c->manifests.values,
			   family == 4 ? "ipv4NativeRoutingCIDR" : "ipv6NativeRoutingCIDR", out) ||
	       found;
}

static void put_native_network(struct config_out *o, unsigned family)
{
	bool v4 = family == 4;
	struct cidr net = { .prefix = NO_NETWORK };

	if (native_network(o->c, o->node, family, &net))
		put_address(o, v4 ? "native_routing_cidr4" : "native_routing_cidr6", &net.addr);
	put_number(o, v4 ? "native_routing_cidr4_len" : "native_routing_cidr6_len", net.prefix);
}

static void put_masquerade(struct config_out *o)
{
	put_bool(o, "enable_ipv4_masquerade", config_masquerades(o->c, 4));
	put_bool(o, "enable_ipv6_masquerade", config_masquerades(o->c, 6));
	put_address(o, "nat_ipv4_masquerade", node_address(o->node, 4));
	put_address(o, "nat_ipv6_masquerade", node_address(o->node, 6));
	put_native_network(o, 4);
	put_native_network(o, 6);
}

static bool masquerades_otherwise(const struct cluster *c, unsigned family)
{
	return config_family(c, family) && !config_masquerades(c, family) &&
	       values_bool(c->manifests.values,
			   family == 4 ? "enableIPv4Masquerade" : "enableIPv6Masquerade");
}

/* Packets pass by the host's stack only where nothing of it is needed: an agent falls back to the stack for
 * kube-proxy's rules and for masquerade by iptables.
 */
static bool routes_in_bpf(const struct cluster *c)
{
	const struct value *v = c->manifests.values;

	return !values_bool(v, "bpf.hostLegacyRouting") && values_bool(v, "kubeProxyReplacement") &&
	       !masquerades_otherwise(c, 4) && !masquerades_otherwise(c, 6);
}

static void put_devices(struct config_out *o)
{
	const struct cluster_device *native = cluster_device_of_role(o->node, "native"),
				    *host = cluster_device_of_role(o->node, "host"),
				    *overlay = cluster_device_of_role(o->node, "overlay");

	put_number(o, "host_ep_id", o->node->endpoints[0].id);
	put_number(o, "cilium_host_ifindex", host->ifindex);
	put(o, "cilium_host_mac", entry_mac(o->c, host->mac));
	put_number(o, "direct_routing_dev_ifindex", native->ifindex);
	put_number(o, "tunnel_ifindex", overlay ? overlay->ifindex : 0);
	put_bool(o, "enable_host_routing", routes_in_bpf(o->c));
	put_address(o, "router_ipv4", router_address(o->node, 4));
	put_address(o, "router_ipv6", router_address(o->node, 6));
}

void compile_config(struct cluster *c, struct cluster_node *node)
{
	struct config_out o = { c, node };

	put_number(&o, "security_label", IDENTITY_HOST);
	put_number(&o, "cluster_id", values_number(c->manifests.values, "cluster.id"));
	put_number(&o, "cluster_id_max", CLUSTERS_MAX);
	put_switches(&o);
	put_vlans(&o);
	put_conntrack(&o);
	put_events(&o);
	put_services(&o);
	put_masquerade(&o);
	put_devices(&o);
}
