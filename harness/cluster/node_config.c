/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cluster/node_config.h"

#include <stdlib.h>
#include <string.h>

#include "cluster/config.h"
#include "scenario/values.h"

struct define_out {
	const struct cluster *c;
	const struct cluster_node *node;
	struct arena *a;
	struct node_defines *list;
};

static void define_as(struct define_out *o, const char *name, const char *value, bool is_free)
{
	struct node_defines *l = o->list;

	l->list = arena_grow(o->a, l->list, l->n, sizeof(*l->list));
	l->list[l->n++] = (struct node_define){ name, value, is_free };
}

static void define(struct define_out *o, const char *name, const char *value)
{
	define_as(o, name, value, false);
}

static void define_number(struct define_out *o, const char *name, uint32_t n)
{
	define(o, name, arena_printf(o->a, "%u", n));
}

static void define_if(struct define_out *o, const char *name, bool is_on)
{
	define(o, name, is_on ? "1" : NULL);
}

/* Of the constants that Verdict's own programs have for the same setting; "" for one the node has not. */
static const char *constant(const struct define_out *o, const char *name)
{
	for (size_t i = 0; i < o->node->n_config; i++)
		if (!strcmp(o->node->config[i].name, name))
			return value_text(o->node->config[i].value);
	return "";
}

static bool is_on(const struct define_out *o, const char *name)
{
	return !strcmp(constant(o, name), "true");
}

static bool says(const struct define_out *o, const char *path, const char *word)
{
	return values_is(o->c->manifests.values, path, word);
}

static void define_bytes(struct define_out *o, const char *name, const uint8_t *bytes, size_t n)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, "{ .addr = { ");
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s0x%02x", i ? ", " : "", bytes[i]);
	buf_puts(&text, " } }");
	define(o, name, arena_strdup(o->a, buf_str(&text)));
	buf_free(&text);
}

/* As a number of the machine that the four bytes are in memory: x86-64 and arm64 are little endian. */
static void define_ipv4(struct define_out *o, const char *name, const struct ip_addr *ip)
{
	uint32_t n = 0;

	if (ip)
		memcpy(&n, ip->bytes, sizeof(n));
	define_number(o, name, n);
}

static void define_ipv6(struct define_out *o, const char *name, const struct ip_addr *ip)
{
	static const struct ip_addr none;

	define_bytes(o, name, ip ? ip->bytes : none.bytes, 16);
}

static void define_mac(struct define_out *o, const char *name, const uint8_t mac[6])
{
	define_bytes(o, name, mac, 6);
}

static void define_switches(struct define_out *o)
{
	static const struct {
		const char *name, *constant;
	} switches[] = {
		{ "DEBUG", "debug" },
		{ "DROP_NOTIFY", "drop_events" },
		{ "ENABLE_BANDWIDTH_MANAGER", "enable_bandwidth_manager" },
		{ "ENABLE_ENDPOINT_ROUTES", "enable_endpoint_routes" },
		{ "ENABLE_HOST_FIREWALL", "enable_host_firewall" },
		{ "ENABLE_HOST_ROUTING", "enable_host_routing" },
		{ "ENABLE_IPV4", "enable_ipv4" },
		{ "ENABLE_IPV4_FRAGMENTS", "enable_ipv4" },
		{ "ENABLE_IPV6", "enable_ipv6" },
		{ "ENABLE_IPV6_FRAGMENTS", "enable_ipv6" },
		{ "ENABLE_MASQUERADE_IPV4", "enable_ipv4_masquerade" },
		{ "ENABLE_MASQUERADE_IPV6", "enable_ipv6_masquerade" },
		{ "ENABLE_NODEPORT_ACCELERATION", "enable_nodeport_acceleration" },
		{ "ENABLE_SIP_VERIFICATION", "enable_sip_verification" },
		{ "LB_DEBUG", "debug" },
		{ "POLICY_AUDIT_MODE", "policy_audit_mode" },
		{ "POLICY_VERDICT_NOTIFY", "policy_verdict_events" },
		{ "TRACE_NOTIFY", "trace_events" },
		{ "USE_BPF_PROG_FOR_INGRESS_POLICY", "enable_endpoint_routes" },
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		define_if(o, switches[i].name, is_on(o, switches[i].constant));
	define_if(o, "ENABLE_ROUTING", !is_on(o, "enable_endpoint_routes"));
	define_if(o, "ENABLE_IP_MASQ_AGENT_IPV4",
		  is_on(o, "enable_ip_masq_agent") && is_on(o, "enable_ipv4_masquerade"));
	define_if(o, "ENABLE_IP_MASQ_AGENT_IPV6",
		  is_on(o, "enable_ip_masq_agent") && is_on(o, "enable_ipv6_masquerade"));
}

static void define_numbers(struct define_out *o)
{
	static const struct {
		const char *name, *constant;
	} numbers[] = {
		{ "CT_CLOSE_TIMEOUT", "ct_close_timeout" },
		{ "CT_CONNECTION_LIFETIME_NONTCP", "ct_lifetime_nontcp" },
		{ "CT_CONNECTION_LIFETIME_TCP", "ct_lifetime_tcp" },
		{ "CT_REPORT_FLAGS", "ct_report_flags" },
		{ "CT_REPORT_INTERVAL", "ct_report_interval" },
		{ "CT_SYN_TIMEOUT", "ct_syn_timeout" },
		{ "EVENTS_MAP_BURST_LIMIT", "drop_events_burst" },
		{ "EVENTS_MAP_RATE_LIMIT", "drop_events_limit" },
		{ "HASH_INIT4_SEED", "hash_init4_seed" },
		{ "HASH_INIT6_SEED", "hash_init6_seed" },
		{ "LB_SELECTION", "lb_algorithm" },
		{ "MONITOR_AGGREGATION", "monitor_aggregation" },
		{ "NODEPORT_PORT_MAX", "nodeport_port_max" },
		{ "NODEPORT_PORT_MIN", "nodeport_port_min" },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		define(o, numbers[i].name, constant(o, numbers[i].constant));
	define_number(o, "NODEPORT_PORT_MIN_NAT",
		      (uint32_t)strtoul(constant(o, "nodeport_port_max"), NULL, 10) + 1);
	define_number(o, "LB_MAGLEV_LUT_SIZE",
		      values_number(o->c->manifests.values, "maglev.tableSize"));
}

static void define_identities(struct define_out *o)
{
	bool both = is_on(o, "enable_ipv4") && is_on(o, "enable_ipv6");

	define(o, "WORLD_IPV4_ID", both ? "9" : "2");
	define(o, "WORLD_IPV6_ID", both ? "10" : "2");
}

/* An agent without kube-proxy always translates sockets, too. Here they are where socketLB.enabled asks for it; else
 * services are translated where the packet is, for which programs of pods are as with socketLB.hostNamespaceOnly.
 */
static void define_sockets(struct define_out *o)
{
	const struct value *v = o->c->manifests.values;
	bool sockets = values_bool(v, "socketLB.enabled");
	bool of_pods = sockets && !values_bool(v, "socketLB.hostNamespaceOnly");

	define_if(o, "ENABLE_SOCKET_LB_FULL", of_pods);
	define_if(o, "ENABLE_SOCKET_LB_HOST_ONLY",
		  !of_pods && (sockets || config_serves_node_ports(o->c)));
	define_if(o, "ENABLE_SOCKET_LB_PEER", sockets);
}

static void define_services(struct define_out *o)
{
	const struct cluster *c = o->c;
	bool node_ports = config_serves_node_ports(c);

	define_if(o, "ENABLE_NODEPORT",
		  node_ports || config_masquerades(c, 4) || config_masquerades(c, 6));
	define_if(o, "ENABLE_DSR", config_uses_dsr(c));
	define_if(o, "ENABLE_DSR_ICMP_ERRORS", config_uses_dsr(c));
	define_if(o, "ENABLE_DSR_BYUSER",
		  config_uses_dsr(c) && !says(o, "loadBalancer.mode", "dsr"));
	define_if(o, "LB_SELECTION_PER_SERVICE",
		  values_bool(c->manifests.values, "bpf.lbAlgorithmAnnotation"));
	if (!config_uses_dsr(c))
		define(o, "DSR_ENCAP_MODE", "0");
	else if (says(o, "loadBalancer.dsrDispatch", "opt"))
		define(o, "DSR_ENCAP_MODE", "1");
	else
		define(o, "DSR_ENCAP_MODE",
		       says(o, "loadBalancer.dsrDispatch", "ipip") ? "2" : "3");
}

static void define_rss(struct define_out *o, unsigned family)
{
	bool v4 = family == 4;
	struct cidr net = { .prefix = v4 ? 32 : 128 };
	bool given = values_cidr(o->c->manifests.values,
				 v4 ? "extraConfig.bpf-lb-rss-ipv4-src-cidr"
				    : "extraConfig.bpf-lb-rss-ipv6-src-cidr",
				 &net);

	define_number(o, v4 ? "IPV4_RSS_PREFIX_BITS" : "IPV6_RSS_PREFIX_BITS", net.prefix);
	if (!given)
		define(o, v4 ? "IPV4_RSS_PREFIX" : "IPV6_RSS_PREFIX",
		       v4 ? "IPV4_DIRECT_ROUTING" : "IPV6_DIRECT_ROUTING");
	else if (v4)
		define_ipv4(o, "IPV4_RSS_PREFIX", &net.addr);
	else
		define_ipv6(o, "IPV6_RSS_PREFIX", &net.addr);
}

static void define_addresses(struct define_out *o)
{
	if (is_on(o, "enable_ipv4")) {
		define_ipv4(o, "IPV4_GATEWAY", router_address(o->node, 4));
		define_ipv4(o, "IPV4_DIRECT_ROUTING", node_address(o->node, 4));
		define_rss(o, 4);
	}
	if (is_on(o, "enable_ipv6")) {
		define_ipv6(o, "IPV6_DIRECT_ROUTING", node_address(o->node, 6));
		define_rss(o, 6);
	}
}

/* The network within which pods are not masqueraded; none with ipMasqAgent alone. */
static void define_exclusion(struct define_out *o, unsigned family)
{
	bool v4 = family == 4;
	uint8_t mask[16] = { 0 };
	struct cidr net;

	if (!config_masquerades(o->c, family) || !native_network(o->c, o->node, family, &net)) {
		define(o, v4 ? "IPV4_SNAT_EXCLUSION_DST_CIDR" : "IPV6_SNAT_EXCLUSION_DST_CIDR",
		       NULL);
		return;
	}
	if (v4) {
		define_ipv4(o, "IPV4_SNAT_EXCLUSION_DST_CIDR", &net.addr);
		define_number(o, "IPV4_SNAT_EXCLUSION_DST_CIDR_LEN", net.prefix);
		return;
	}
	for (unsigned i = 0; i < net.prefix; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	define_ipv6(o, "IPV6_SNAT_EXCLUSION_DST_CIDR", &net.addr);
	define_bytes(o, "IPV6_SNAT_EXCLUSION_DST_CIDR_MASK", mask, sizeof(mask));
}

static void define_tunnel(struct define_out *o)
{
	const struct cluster_device *overlay = cluster_device_of_role(o->node, "overlay");
	bool geneve = says(o, "tunnelProtocol", "geneve");
	uint32_t port = values_number(o->c->manifests.values, "tunnelPort");

	define_if(o, "TUNNEL_MODE", config_tunnels(o->c));
	if (!overlay) {
		define(o, "ENCAP_IFINDEX", NULL);
		return;
	}
	define_number(o, "ENCAP_IFINDEX", overlay->ifindex);
	define_number(o, "TUNNEL_PORT", port ? port : geneve ? 6081 : 8472);
	define(o, "TUNNEL_PROTOCOL", geneve ? "2" : "1");
}

static void define_devices(struct define_out *o)
{
	const struct cluster_device *native = cluster_device_of_role(o->node, "native"),
				    *host = cluster_device_of_role(o->node, "host"),
				    *net = cluster_device_of_role(o->node, "net");

	define_mac(o, "CILIUM_HOST_MAC", host->mac);
	define_number(o, "CILIUM_HOST_IFINDEX", host->ifindex);
	define_mac(o, "CILIUM_NET_MAC", net->mac);
	define_number(o, "CILIUM_NET_IFINDEX", net->ifindex);
	define_mac(o, "NATIVE_DEV_MAC_BY_IFINDEX(IFINDEX)", native->mac);
	define_number(o, "MTU", native->mtu);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct node_define *)a)->name, ((const struct node_define *)b)->name);
}

static void define_vlans(struct define_out *o)
{
	struct buf text = BUF_INIT;
	struct vlan_bypass bypass;

	values_vlans(o->c->manifests.values, "bpf.vlanBypass", &bypass);
	buf_puts(&text, "return ");
	for (size_t i = 0; i < bypass.n && !bypass.all; i++)
		buf_printf(&text, "(vlan_id) == %u || ", bypass.ids[i]);
	buf_puts(&text, bypass.all ? "true" : "false");
	define(o, "VLAN_FILTER(ifindex, vlan_id)", arena_strdup(o->a, buf_str(&text)));
	buf_free(&text);
}

int cluster_node_defines(const struct cluster *c, unsigned node, struct arena *a,
			 struct node_defines *out, struct err *err)
{
	struct define_out o = { c, &c->nodes[node], a, out };
	int ret = cluster_compile_node(c, node, err);

	*out = (struct node_defines){ 0 };
	if (ret)
		return ret;
	for (const struct node_define *d = node_defines_fixed; d->name; d++)
		define_as(&o, d->name, d->value, d->is_free);
	define_switches(&o);
	define_numbers(&o);
	define_identities(&o);
	define_sockets(&o);
	define_services(&o);
	define_addresses(&o);
	define_exclusion(&o, 4);
	define_exclusion(&o, 6);
	define_tunnel(&o);
	define_devices(&o);
	define_vlans(&o);
	qsort(out->list, out->n, sizeof(*out->list), by_name);
	return 0;
}

int cluster_print_node_config(const struct cluster *c, unsigned node, struct buf *out,
			      struct err *err)
{
	struct arena *a = arena_new();
	struct node_defines defines;
	int ret = cluster_node_defines(c, node, a, &defines, err);

	if (!ret)
		buf_printf(out,
			   "/* Node %s of %s, as Cilium 1.19 has it compiled in. */\n"
			   "#pragma once\n"
			   "#include \"lib/utils.h\"\n"
			   "DECLARE_CONFIG(__u32, identity_length, \"Identity length in bits\")\n"
			   "ASSIGN_CONFIG(__u32, identity_length, 16)\n"
			   "DECLARE_CONFIG(__u32, interface_ifindex, \"Device of the program\")\n",
			   c->nodes[node].name, c->dir);
	for (size_t i = 0; !ret && i < defines.n; i++)
		if (defines.list[i].value)
			buf_printf(out, "#define %s %s\n", defines.list[i].name,
				   defines.list[i].value);
	arena_free(a);
	return ret;
}
