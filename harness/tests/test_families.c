// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A family that is switched off ends as in Cilium's objects built without it: pods and tunnels drop it as an
 * unknown protocol, native devices leave it to the stack, or, where the host firewall could not judge it,
 * drop it too. The other family is served as ever.
 */
#include "lab_node.h"

#define FAMILY_TARGET(config)                                                                      \
	"summary: a node of one family\n"                                                          \
	"config: {interface_mac: 02:00:c0:a8:0a:01, enable_nodeport: true, "                       \
	"enable_nodeport_acceleration: true, tunnel_ifindex: 3" config "}\n"                       \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev, xdp: "  \
	"bpf_xdp.o/cil_xdp_entry}\n"                                                               \
	"  overlay: {ingress: bpf_overlay.o/cil_from_overlay}\n"                                   \
	"  endpoint: {ingress: bpf_lxc.o/cil_from_container, egress: "                             \
	"bpf_lxc.o/cil_to_container}\n"                                                            \
	"maps: {cilium_policy_v2: {scope: device}}\n"                                              \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"                       \
	"- {name: cilium_vxlan, ifindex: 3, role: overlay, mac: 02:00:00:00:00:0b}\n"              \
	"- {name: pod, ifindex: 20, role: endpoint, mac: 02:00:00:00:00:bb, config: "              \
	"{endpoint_id: 20, endpoint_ipv4: 10.0.1.20, endpoint_ipv6: 'fd00:1::20'}}\n"

#define TO_NODE4 "192.168.10.100|4000 > 192.168.10.1|22"
#define TO_NODE6 "fd00:10::100|4000 > fd00:10::1|22"
#define TO_POD4	 "10.0.2.30|4000 > 10.0.1.20|80"
#define TO_POD6	 "fd00:2::30|4000 > fd00:1::20|80"

static void at(const char *device, const char *hook, const char *text)
{
	const struct tunnel_meta tunnel = { .has_key = true,
					    .id = 30030,
					    .remote_ip4 = 0xc0a80a02 };
	struct replay_place place = { .role = device, .hook = hook };
	struct pkt p = tcp_of(text, SYN);

	if (strcmp(device, "cilium_vxlan") == 0)
		place.tunnel = &tunnel;
	lab_run_at(lab, place, &p);
}

static void open_lab(const char *target)
{
	lab = lab_open(arena_new(),
		       (struct lab_opts){ .target = target, .role = "native", .hook = "ingress" });
}

static void expect_left_alone(int verdict)
{
	lab_expect_verdict(lab, verdict);
	lab_expect_same_but(lab, NULL, 0);
	cr_expect_null(lab_event(lab, EVENT_DROP, -1), "%s: dropped", lab->last);
}

/* on: a packet of the family that is served; off: of the other one. */
static void of_pods_and_tunnels(const char *on, const char *off)
{
	at("pod", "ingress", off);
	lab_expect_drop(lab, TC_ACT_SHOT, 139, "bpf_lxc.c");
	at("pod", "egress", off);
	lab_expect_drop(lab, TC_ACT_SHOT, 139, "bpf_lxc.c");
	at("cilium_vxlan", "ingress", off);
	lab_expect_drop(lab, TC_ACT_SHOT, 139, "bpf_overlay.c");
	at("pod", "egress", on); /* seen: its policy has no rule */
	lab_expect_drop(lab, TC_ACT_SHOT, 133, "bpf_lxc.c");
	at("cilium_vxlan", "ingress", on);
	expect_left_alone(TC_ACT_OK);
}

static void of_the_node(const char *off)
{
	at("eth0", "ingress", off);
	expect_left_alone(TC_ACT_OK);
	at("eth0", "egress", off);
	expect_left_alone(TC_ACT_OK);
	at("eth0", "xdp", off);
	expect_left_alone(XDP_PASS);
}

Test(families, without_ipv6, .timeout = 60)
{
	NEEDS_ROOT();
	open_lab(FAMILY_TARGET(", enable_ipv6: false"));
	of_the_node(TO_NODE6);
	of_pods_and_tunnels(TO_POD4, TO_POD6);
	lab_close(lab);
}

Test(families, without_ipv4, .timeout = 60)
{
	NEEDS_ROOT();
	open_lab(FAMILY_TARGET(", enable_ipv4: false"));
	of_the_node(TO_NODE4);
	of_pods_and_tunnels(TO_POD6, TO_POD4);
	lab_close(lab);
}

Test(families, none_goes_past_the_host_firewall, .timeout = 60)
{
	static const char *const targets[] = {
		FAMILY_TARGET(", enable_ipv6: false, enable_host_firewall: true"),
		FAMILY_TARGET(", enable_ipv4: false, enable_host_firewall: true"),
	};
	static const char *const off[] = { TO_NODE6, TO_NODE4 };

	NEEDS_ROOT();
	for (int i = 0; i < 2; i++) {
		open_lab(targets[i]);
		at("eth0", "ingress", off[i]);
		lab_expect_drop(lab, TC_ACT_SHOT, 139, "bpf_host.c");
		at("eth0", "egress", off[i]);
		lab_expect_drop(lab, TC_ACT_SHOT, 139, "bpf_host.c");
		lab_close(lab);
	}
}
