// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flows that an L7 proxy has in hand: what it sends for a pod is answered to it, what policy takes from it goes on
 * without it, and the stack takes what is sent up to it.
 */
#include "lab_pods.h"

#include <linux/if_packet.h>

enum { FOR_POD = 0x0900, FROM_PROXY_HAS = 0x0200 };

#define TO_SERVER "egress: 1, sec_label: 30020, protocol: 6, dport: 80"
#define PROXIED	  RULE("64", TO_SERVER, "lpm_prefix_length: 24, proxy_port: 4135")

static void expect_entry(int v6, const char *pattern)
{
	lab_expect_entry(lab, v6 ? "cilium_ct6_global" : "cilium_ct4_global",
			 arena_printf(lab->arena,
				      "{daddr: '%s', saddr: '%s', sport: 4000, dport: 80, "
				      "nexthdr: 6}",
				      client[v6], server[v6]),
			 pattern);
}

/* The socket that has the flow gets the answer: no port is named. */
static void expect_the_proxys(void)
{
	lab_expect_verdict(lab, TC_ACT_OK);
	cr_expect_eq(lab_hop(lab)->out_mark, FROM_PROXY_HAS, "%s: mark %x", lab->last,
		     lab_hop(lab)->out_mark);
	expect_trace(TO_PROXY);
}

Test(proxy, what_it_sends_for_a_pod_is_answered_to_it, .timeout = 60)
{
	NEEDS_ROOT();
	pods("trace_payload_len: 128", PROXIED, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		comes("server", FOR_POD | CLIENT << 16, tcp(client[v6], 4000, server[v6], 80, SYN));
		expect_delivered(SERVER);
		expect_entry(v6, "{from_l7lb: 1, proxy_redirect: 0}");
		leaves("server", tcp(server[v6], 80, client[v6], 4000, SYN | ACK));
		expect_the_proxys();
	}
	lab_close(lab);
}

Test(proxy, what_policy_takes_from_it_goes_on_without_it, .timeout = 60)
{
	NEEDS_ROOT();
	for (int v6 = 0; v6 < 2; v6++) {
		pods("trace_payload_len: 128", PROXIED, ALL_IN, NULL);
		leaves("client", tcp(client[v6], 4000, server[v6], 80, SYN));
		expect_trace(TO_PROXY);
		expect_entry(v6, "{proxy_redirect: 1}");
		lab_set(lab, "client/cilium_policy_v2", "{lpm_key: {prefixlen: 64}, " TO_SERVER "}",
			"{lpm_prefix_length: 24}");
		leaves("client", tcp(client[v6], 4000, server[v6], 80, ACK));
		expect_delivered(SERVER);
		expect_entry(v6, "{proxy_redirect: 0}");
		leaves("server", tcp(server[v6], 80, client[v6], 4000, ACK));
		expect_delivered(CLIENT);
		lab_close(lab);
	}
}

/* A program that sends all up to a proxy, and one that does not, tell what the stack will take it for. */
static const char up[] = "#include <lib/drop.h>\n"
			 "#include <lib/eth.h>\n"
			 "#include <lib/proxy.h>\n"
			 "SEC(\"tc\") int to_proxy(ctx_t *ctx)\n"
			 "{\n"
			 "	struct packet *pkt = packet_begin();\n"
			 "	if (!pkt || eth_parse(ctx, pkt) != ETH_OK) return CTX_DROP;\n"
			 "	return proxy_pass(ctx, pkt) ? -1 : ctx->pkt_type;\n"
			 "}\n"
			 "SEC(\"tc\") int as_it_is(ctx_t *ctx) { return ctx->pkt_type; }\n"
			 "char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n";

static const char up_target[] = "summary: a way up\n"
				"objects: {dir: .}\n"
				"hooks: {any: {ingress: up.o/to_proxy, egress: up.o/as_it_is}}\n"
				"devices:\n"
				"- {name: pod, ifindex: 7, role: any, mac: 02:00:00:00:00:07}\n";

Test(proxy, the_stack_takes_what_goes_up_to_it, .timeout = 60)
{
	struct pkt p = tcp("10.0.1.10", 4000, "10.0.1.20", 80, SYN); /* another's MAC */
	struct arena *a = arena_new();

	NEEDS_ROOT();
	lab_compile(a, "up", up);
	lab = lab_open(a,
		       (struct lab_opts){ .target = up_target, .role = "pod", .hook = "ingress" });
	lab_run(lab, "pod", "egress", &p);
	lab_expect_verdict(lab, PACKET_OTHERHOST);
	lab_run(lab, "pod", "ingress", &p);
	lab_expect_verdict(lab, PACKET_HOST);
	lab_close(lab);
}
