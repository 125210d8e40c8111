/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Malformed packets between pods and the host: cil_from_host, cil_to_host, and cil_host_policy in both
 * directions. The host may send nothing and takes nothing, nor does the pod take anything; the pod may send.
 */
#include "datapath_hostile.h"
#include "lab_node.h"

enum { MARK_HOST = 0x0c00 };

#define HOST_TARGET(config)                                                                        \
	"summary: a host that neither takes nor sends\n"                                           \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, host_ep_id: 1, "         \
	"nat_ipv4_masquerade: 192.168.10.1, nat_ipv6_masquerade: 'fd00:10::1', "                   \
	"cilium_host_ifindex: 4, enable_host_firewall: true" config "}\n"                          \
	"hooks:\n"                                                                                 \
	"  host: {egress: bpf_host.o/cil_from_host, ingress: bpf_host.o/cil_to_host}\n"            \
	"  endpoint: {ingress: bpf_lxc.o/cil_from_container, egress: "                             \
	"bpf_lxc.o/cil_to_container}\n"                                                            \
	"tail_calls:\n"                                                                            \
	"- {map: cilium_call_policy, index: 20, program: bpf_lxc.o/cil_lxc_policy, device: pod}\n" \
	"- {map: cilium_call_policy, index: 1, program: bpf_host.o/cil_host_policy}\n"             \
	"maps: {cilium_policy_v2: {scope: device}}\n"                                              \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: host, mac: 02:00:c0:a8:0a:01}\n"                         \
	"- {name: cilium_host, ifindex: 4, role: host, mac: 02:00:00:00:00:04}\n"                  \
	"- {name: pod, ifindex: 20, role: endpoint, mac: 02:00:0a:00:01:bb, config: "              \
	"{endpoint_id: 20, endpoint_ipv4: 10.0.1.20, endpoint_ipv6: 'fd00:1::20', "                \
	"security_label: 30020, interface_ifindex: 20}}\n"

static const char *const node_addr[] = { "192.168.10.1", "fd00:10::1" };
static const char *const world_addr[] = { "192.168.10.100", "fd00:10::100" };
static const char *const pod_addr[] = { "10.0.1.20", "fd00:1::20" };

static void host(const char *target)
{
	lab = lab_open(arena_new(), (struct lab_opts){ .target = target,
						       .maps = node_maps,
						       .routes = node_routes,
						       .role = "cilium_host",
						       .hook = "egress" });
	lab_set(lab, "pod/cilium_policy_v2", "{lpm_key: {prefixlen: 40}, egress: 1}", "{}");
}

static void attack(struct hostile_at *at, const char *const src[], const char *const dst[])
{
	at->lab = lab;
	at->keeps_sum = true;
	for (int v6 = 0; v6 < 2; v6++) {
		struct hostile_ends e = { src[v6], dst[v6], 40000, 80 };

		hostile_expect_policy(at, &e);
		hostile_all(at, &e);
	}
	cr_expect_gt(at->ran, 10000, "only %u packets ran", at->ran);
	printf("%s/%s: %u packets ran, %u passed, %u refused by the kernel\n", at->place.role,
	       at->place.hook, at->ran, at->passed, at->refused);
	lab_close(lab);
}

/* RFC 4890, 4.4.1: what a firewall must let through for the link to work. */
static bool is_of_the_link(const struct pkt *p, const struct hostile_result *r)
{
	static const uint8_t types[] = { 130, 131, 132, 141, 142, 143, 148, 149, 151, 152, 153 };
	struct layers l;

	packet_parse(p->b, p->len, LINK_ETHERNET, &l);
	if (r->verdict != TC_ACT_OK || l.ip.version != 6 || l.ip.proto != 58 || l.stop)
		return false;
	return memchr(types, p->b[l.ip.l4], sizeof(types));
}

/* What others have sent goes on: the host's policy is about the host's own. */
static bool is_not_the_hosts(const struct pkt *p, const struct hostile_result *r)
{
	bool v6 = p->b[14] >> 4 == 6;
	struct pkt own;

	put_eth(&own, 0);
	put_addr(&own, node_addr[v6]);
	return is_of_the_link(p, r) ||
	       (r->verdict == TC_ACT_OK && memcmp(p->b + (v6 ? 22 : 26), own.b + 14, own.len - 14));
}

Test(hostile_host, none_of_its_own_leaves_by_its_device, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "cilium_host", .hook = "egress" },
				 .may_pass = is_not_the_hosts };

	NEEDS_ROOT();
	host(HOST_TARGET(""));
	attack(&at, node_addr, world_addr);
}

/* Whoever has sent it: the pod takes nothing from anybody. */
Test(hostile_host, none_reaches_a_pod_from_the_host, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "cilium_host", .hook = "egress" } };

	NEEDS_ROOT();
	host(HOST_TARGET(""));
	attack(&at, node_addr, pod_addr);
}

Test(hostile_host, none_reaches_it_by_its_device, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "cilium_host", .hook = "ingress" },
				 .may_pass = is_of_the_link };

	NEEDS_ROOT();
	host(HOST_TARGET(""));
	attack(&at, pod_addr, node_addr);
}

Test(hostile_host, none_reaches_it_from_a_pod, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "pod", .hook = "ingress" },
				 .may_pass = is_of_the_link };

	NEEDS_ROOT();
	host(HOST_TARGET(""));
	attack(&at, pod_addr, node_addr);
}

/* The pod's own policy is behind the host's. */
Test(hostile_host, none_of_its_own_reaches_a_pod_that_has_a_route, .timeout = 120)
{
	struct hostile_at at = { .place = { .role = "pod", .hook = "egress", .mark = MARK_HOST } };

	NEEDS_ROOT();
	host(HOST_TARGET(", enable_endpoint_routes: true"));
	attack(&at, node_addr, pod_addr);
}
