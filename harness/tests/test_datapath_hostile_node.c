/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Malformed packets at the node's edges: its devices at tc and XDP, the tunnel. Neither the host nor the pod
 * takes or sends anything, so what passes must have a reason to.
 */
#include "datapath_hostile.h"
#include "lab_node.h"

#define EDGE_TARGET(config)                                                                        \
	"summary: a node with a pod that takes nothing\n"                                          \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, tunnel_ifindex: 3, "     \
	"nat_ipv4_masquerade: 192.168.10.1, nat_ipv6_masquerade: 'fd00:10::1', "                   \
	"enable_host_firewall: true, enable_host_routing: true" config "}\n"                       \
	"hooks:\n"                                                                                 \
	"  native:\n"                                                                              \
	"    ingress: bpf_host.o/cil_from_netdev\n"                                                \
	"    egress: bpf_host.o/cil_to_netdev\n"                                                   \
	"    xdp: bpf_xdp.o/cil_xdp_entry\n"                                                       \
	"  overlay: {ingress: bpf_overlay.o/cil_from_overlay, egress: "                            \
	"bpf_overlay.o/cil_to_overlay}\n"                                                          \
	"  endpoint: {ingress: bpf_lxc.o/cil_from_container}\n"                                    \
	"tail_calls:\n"                                                                            \
	"- {map: cilium_call_policy, index: 20, program: bpf_lxc.o/cil_lxc_policy, device: pod}\n" \
	"maps: {cilium_policy_v2: {scope: device}}\n"                                              \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"                       \
	"- {name: cilium_vxlan, ifindex: 3, role: overlay, mac: 02:00:00:00:00:0b}\n"              \
	"- {name: pod, ifindex: 20, role: endpoint, mac: 02:00:00:00:00:bb, config: "              \
	"{endpoint_id: 20, interface_ifindex: 20, security_label: 30020}}\n"

#define SERVICES ", enable_nodeport: true, enable_nodeport_acceleration: true"

static const char *const node_addr[] = { "192.168.10.1", "fd00:10::1" };
static const char *const world_addr[] = { "192.168.10.100", "fd00:10::100" };
static const char *const pod_addr[] = { "10.0.1.20", "fd00:1::20" };
static const char *const far_pod[] = { "10.0.2.30", "fd00:2::30" };

static void edge(const char *target)
{
	lab = lab_open(arena_new(), (struct lab_opts){ .target = target,
						       .maps = node_maps,
						       .routes = node_routes,
						       .role = "eth0",
						       .hook = "ingress" });
}

/* All of them; policy: the samples are to reach it. */
static void attack(struct hostile_at *at, const char *const src[], const char *const dst[],
		   uint16_t dport, bool policy)
{
	at->lab = lab;
	at->keeps_sum = strcmp(at->place.hook, "xdp") != 0;
	for (int v6 = 0; v6 < 2; v6++) {
		struct hostile_ends e = { src[v6], dst[v6], 40000, dport };

		if (policy)
			hostile_expect_policy(at, &e);
		hostile_all(at, &e);
	}
	cr_expect_gt(at->ran, 10000, "only %u packets ran", at->ran);
	printf("%s/%s: %u packets ran, %u passed, %u refused by the kernel\n", at->place.role,
	       at->place.hook, at->ran, at->passed, at->refused);
	lab_close(lab);
}

/* RFC 4890, 4.4.1: what a firewall must let through for the link to work: groups, inverse discovery, secure
 * discovery, routers of groups.
 */
static bool is_of_the_link(const struct pkt *p, const struct hostile_result *r)
{
	static const uint8_t types[] = { 130, 131, 132, 141, 142, 143, 148, 149, 151, 152, 153 };
	struct layers l;

	packet_parse(p->b, p->len, LINK_ETHERNET, &l);
	if (r->verdict != TC_ACT_OK || l.ip.version != 6 || l.ip.proto != 58 || l.stop)
		return false;
	return memchr(types, p->b[l.ip.l4], sizeof(types));
}

Test(hostile_node, none_reaches_a_host_that_takes_nothing, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "eth0", .hook = "ingress" },
				 .may_pass = is_of_the_link };

	NEEDS_ROOT();
	edge(EDGE_TARGET(""));
	attack(&at, world_addr, node_addr, 80, true);
}

/* What others have sent is forwarded: the host's firewall is about the host's own. */
static bool is_not_the_hosts(const struct pkt *p, const struct hostile_result *r)
{
	struct pkt own;

	put_eth(&own, 0);
	put_addr(&own, node_addr[p->b[14] >> 4 == 6]);
	return is_of_the_link(p, r) ||
	       (r->verdict == TC_ACT_OK &&
		memcmp(p->b + (p->b[14] >> 4 == 6 ? 22 : 26), own.b + 14, own.len - 14) != 0);
}

Test(hostile_node, none_leaves_a_host_that_may_send_nothing, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "eth0", .hook = "egress" },
				 .may_pass = is_not_the_hosts };

	NEEDS_ROOT();
	edge(EDGE_TARGET(""));
	attack(&at, node_addr, world_addr, 80, true);
}

Test(hostile_node, none_reaches_a_pod_from_the_network, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "eth0", .hook = "ingress" } };

	NEEDS_ROOT();
	edge(EDGE_TARGET(""));
	attack(&at, world_addr, pod_addr, 80, true);
}

static const struct tunnel_meta from_far = {
	.has_key = true, .id = 30030, .remote_ip4 = 0xc0a80a02, .ttl = 64
};

Test(hostile_node, none_reaches_a_pod_from_the_tunnel, .timeout = 120)
{
	struct hostile_at at = {
		.place = { .role = "cilium_vxlan", .hook = "ingress", .tunnel = &from_far }
	};

	NEEDS_ROOT();
	edge(EDGE_TARGET(""));
	attack(&at, far_pod, pod_addr, 80, true);
}

Test(hostile_node, none_reaches_a_pod_from_the_tunnel_of_a_node_with_services, .timeout = 120)
{
	struct hostile_at at = {
		.place = { .role = "cilium_vxlan", .hook = "ingress", .tunnel = &from_far }
	};

	NEEDS_ROOT();
	edge(EDGE_TARGET(SERVICES));
	attack(&at, far_pod, pod_addr, 80, true);
}

/* Policy was asked where they come from: here only the verdict and the sums count. */
static bool any_whole(const struct pkt *p, const struct hostile_result *r)
{
	(void)p;
	return r->verdict == TC_ACT_OK;
}

Test(hostile_node, none_is_aborted_on_its_way_into_the_tunnel, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "cilium_vxlan", .hook = "egress" },
				 .may_pass = any_whole };

	NEEDS_ROOT();
	edge(EDGE_TARGET(SERVICES));
	attack(&at, pod_addr, far_pod, 80, false);
}

/* What others send out as the node: it may go, with right sums. */
Test(hostile_node, none_is_aborted_where_it_is_masqueraded, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "eth0", .hook = "egress" },
				 .may_pass = any_whole };

	NEEDS_ROOT();
	edge(EDGE_TARGET(SERVICES ", enable_ipv4_masquerade: true, enable_ipv6_masquerade: true"));
	attack(&at, pod_addr, world_addr, 80, false);
	cr_expect_gt(at.passed, 0);
}

/* ---- a service: what is TCP to its port goes on, what is an error about its answers, and nothing else */

/* The length that a quote tells is not asked for: stacks are known to send it changed. */
static bool quotes_answer(const struct pkt *p, const struct layers *l)
{
	uint32_t at = (uint32_t)l->ip.l4 + 8;
	bool v6 = l->ip.version == 6;

	if (l->ip.proto != (v6 ? 58 : 1) || p->b[at + (v6 ? 6 : 9)] != 6)
		return false;
	return at16(p, at + (v6 ? 40 : (p->b[at] & 15) * 4u)) == 30090;
}

static bool is_for_service(const struct pkt *p)
{
	struct layers l;

	packet_parse(p->b, p->len, LINK_ETHERNET, &l);
	if (l.ip.l3 == NO_OFFSET || l.ip.l4 == NO_OFFSET)
		return false;
	if (l.ip.proto != 6)
		return quotes_answer(p, &l);
	return !l.stop && l.ip.payload != NO_OFFSET && at16(p, (uint32_t)l.ip.l4 + 2) == 30090;
}

/* On to the backend; by the stack where the kernel's routes do not tell a program how. */
static bool whole_request(const struct pkt *p, const struct hostile_result *r)
{
	bool translated = memcmp(r->out + 38, p->b + 38, 16) != 0;

	return is_of_the_link(p, r) ||
	       (is_for_service(p) && (r->verdict == TC_ACT_REDIRECT || translated));
}

static bool whole_request_or_passed_on(const struct pkt *p, const struct hostile_result *r)
{
	return r->verdict == XDP_PASS ||
	       ((r->verdict == XDP_TX || r->verdict == XDP_REDIRECT) && is_for_service(p));
}

#define SERVICE_TEST(name, mode)                                                                   \
	Test(hostile_node, only_requests_become_service_s_##name, .timeout = 120)                  \
	{                                                                                          \
		struct hostile_at at = { .place = { .role = "eth0", .hook = "ingress" },           \
					 .may_pass = whole_request };                              \
		NEEDS_ROOT();                                                                      \
		edge(EDGE_TARGET(SERVICES mode));                                                  \
		attack(&at, world_addr, node_addr, 30090, false);                                  \
		cr_expect_gt(at.passed, 0, "not even requests are served");                        \
	}                                                                                          \
	Test(hostile_node, only_requests_become_service_s_at_xdp_##name, .timeout = 120)           \
	{                                                                                          \
		struct hostile_at at = { .place = { .role = "eth0", .hook = "xdp" },               \
					 .may_pass = whole_request_or_passed_on };                 \
		NEEDS_ROOT();                                                                      \
		edge(EDGE_TARGET(SERVICES mode));                                                  \
		attack(&at, world_addr, node_addr, 30090, false);                                  \
		cr_expect_gt(at.passed, 0);                                                        \
	}

SERVICE_TEST(by_snat, "")
SERVICE_TEST(by_dsr_option, ", lb_mode: 1")
SERVICE_TEST(by_dsr_geneve, ", lb_mode: 1, dsr_dispatch: 1")
SERVICE_TEST(by_dsr_ipip, ", lb_mode: 1, dsr_dispatch: 2")
