/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bandwidth where packets pass: the pod's program marks what it sends, devices that lead off the node hold that to
 * the pod's rate, and what comes in for the pod meets its bucket, by the network and by the tunnel.
 */
#include "lab_node.h"

enum { CLIENT = 10, POD = 20 };

/* `netdev` and `overlay` go on in the programs of those hooks as if pod 20 had sent the packet: a test run cannot
 * say so itself. `arrived`, in place of a pod's program, tells whose packet it is by its mark.
 */
static const char front[] = "#include <lib/ctx.h>\n"
			    "struct {\n"
			    "	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);\n"
			    "	__uint(key_size, 4);\n"
			    "	__uint(value_size, 4);\n"
			    "	__uint(max_entries, 2);\n"
			    "} next SEC(\".maps\");\n"
			    "static __always_inline int as_pods(ctx_t *ctx, __u32 n)\n"
			    "{\n"
			    "	ctx->queue_mapping = 20;\n"
			    "	bpf_tail_call(ctx, &next, n);\n"
			    "	return 100;\n"
			    "}\n"
			    "SEC(\"tc\") int netdev(ctx_t *ctx) { return as_pods(ctx, 0); }\n"
			    "SEC(\"tc\") int overlay(ctx_t *ctx) { return as_pods(ctx, 1); }\n"
			    "SEC(\"tc\") int arrived(ctx_t *ctx) { return ctx->queue_mapping; }\n"
			    "char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n";

static const char hooks_target[] =
	"summary: limits\n"
	"objects: {files: {front.o: {path: front.o}}}\n"
	"config: {enable_bandwidth_manager: true, enable_host_routing: true, tunnel_ifindex: 3}\n"
	"hooks:\n"
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev}\n"
	"  overlay: {ingress: bpf_overlay.o/cil_from_overlay, egress: "
	"bpf_overlay.o/cil_to_overlay}\n"
	"  front: {ingress: front.o/overlay, egress: front.o/netdev}\n"
	"  endpoint: {ingress: bpf_lxc.o/cil_from_container, egress: front.o/arrived}\n"
	"tail_calls:\n"
	"- {map: front.o/next, index: 0, program: bpf_host.o/cil_to_netdev, device: eth0}\n"
	"- {map: front.o/next, index: 1, program: bpf_overlay.o/cil_to_overlay, device: "
	"cilium_vxlan}\n"
	"- {map: cilium_call_policy, index: 20, program: front.o/arrived, device: pod}\n"
	"events: {map: cilium_events}\n"
	"devices:\n"
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"
	"- {name: cilium_vxlan, ifindex: 3, role: overlay, mac: 02:00:00:00:00:0b}\n"
	"- {name: front, ifindex: 5, role: front, mac: 02:00:00:00:00:05}\n"
	"- {name: pod, ifindex: 10, role: endpoint, mac: 02:00:00:00:00:aa, config: "
	"{endpoint_id: 10, endpoint_ipv4: 10.0.1.10, endpoint_ipv6: 'fd00:1::10'}}\n";

static const char hooks_maps[] =
	"maps:\n"
	"  cilium_lxc:\n    entries:\n"
	"    - {key: {ip4: 10.0.1.20, family: 1}, value: {ifindex: 20, lxc_id: 20}}\n"
	"    - {key: {ip6: 'fd00:1::20', family: 2}, value: {ifindex: 20, lxc_id: 20}}\n"
	"  cilium_policy_v2: {entries: [{key: {lpm_key: {prefixlen: 40}, egress: 1}, value: {}}]}\n"
	"  cilium_throttle:\n    entries:\n"
	"    - {key: {id: 20}, value: {bps: 10, t_horizon_drop: 1000000000}}\n"
	"    - {key: {id: 20, direction: 1}, value: {bps: 100}}\n";

static const char *const sent[] = { "10.0.1.20|4000 > 10.0.2.30|80",
				    "fd00:1::20|4000 > fd00:2::30|80" };
static const char *const received[] = { "10.0.2.30|4000 > 10.0.1.20|80",
					"fd00:2::30|4000 > fd00:1::20|80" };

static struct lab *hooks_open(void)
{
	struct arena *a = arena_new();

	lab_compile(a, "front", front);
	return lab_open(a, (struct lab_opts){ .target = hooks_target,
					      .maps = hooks_maps,
					      .role = "native",
					      .hook = "ingress" });
}

static void refill(void)
{
	replay_advance(lab->replay, 60000000000);
}

Test(bandwidth_hooks, a_pod_marks_what_it_sends, .timeout = 60)
{
	NEEDS_ROOT();
	lab = hooks_open();
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt p = tcp_of(v6 ? "fd00:1::10|4000 > fd00:1::20|80"
					 : "10.0.1.10|4000 > 10.0.1.20|80",
				      SYN);

		lab_run(lab, "pod", "ingress", &p);
		lab_expect_verdict(lab, CLIENT);
	}
	lab_close(lab);
}

/* Some 70 bytes at ten a second: the second packet would wait too long. */
static void expect_held(const char *device, const char *hook, const struct tunnel_meta *tunnel,
			struct pkt p)
{
	struct replay_place place = { .role = device, .hook = hook, .tunnel = tunnel };

	refill();
	lab_run_at(lab, place, &p);
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_run_at(lab, place, &p);
	lab_expect_drop(lab, TC_ACT_SHOT, 162, "bandwidth.h");
}

Test(bandwidth_hooks, what_leaves_the_node_is_held_to_its_pods_rate, .timeout = 60)
{
	struct tunnel_meta t = { .has_key = true, .id = 30020, .remote_ip4 = 0xc0a80a02 };

	NEEDS_ROOT();
	lab = hooks_open();
	for (int v6 = 0; v6 < 2; v6++) {
		struct pkt p = tcp_of(sent[v6], ACK);

		expect_held("front", "egress", NULL, p);
		expect_held("front", "ingress", &t, p);
		for (int i = 0; i < 3; i++) { /* what is not marked is nobody's */
			out(p);
			lab_expect_verdict(lab, TC_ACT_OK);
		}
	}
	lab_close(lab);
}

Test(bandwidth_hooks, what_comes_in_for_a_pod_meets_its_bucket, .timeout = 60)
{
	struct tunnel_meta t = { .has_key = true, .id = 30030, .remote_ip4 = 0xc0a80a02 };

	NEEDS_ROOT();
	lab = hooks_open();
	for (int i = 0; i < 4; i++) {
		struct replay_place place = { .role = i / 2 ? "cilium_vxlan" : "eth0",
					      .hook = "ingress",
					      .tunnel = i / 2 ? &t : NULL };
		struct pkt p = tcp_of(received[i % 2], ACK);

		refill();
		lab_run_at(lab, place, &p);
		lab_expect_verdict(lab, TC_ACT_OK);
		lab_run_at(lab, place, &p);
		lab_expect_drop(lab, TC_ACT_SHOT, 198, "bandwidth.h");
	}
	lab_close(lab);
}
