/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a pod says on its link: EtherTypes, ARP, neighbour discovery, and whose address it sends from. */
#include "lab_pods.h"

#define OPEN_OUT "trace_payload_len: 128"

static const char client_mac[] = "02:00:00:00:00:0a"; /* as put_eth() has it */
static const char node_mac[] = "02:00:0a:00:01:aa";

/* ---- ARP ---- */

static struct pkt arp(uint16_t op, const char *sender, const char *target)
{
	struct pkt p;

	put_eth(&p, 0x0806);
	memset(p.b, 0xff, 6);
	put16(&p, 1);
	put16(&p, 0x0800);
	put8(&p, 6);
	put8(&p, 4);
	put16(&p, op);
	put_bytes(&p, p.b + 6, 6);
	put_addr(&p, sender);
	put_bytes(&p, "\0\0\0\0\0\0", 6);
	put_addr(&p, target);
	return p;
}

static void expect_arp_answer(const char *sender, const char *target)
{
	const uint8_t *b = lab_hop(lab)->out.data;
	struct pkt want = { 0 };

	expect_delivered(CLIENT);
	lab_expect_macs(lab, client_mac, node_mac);
	put_bytes(&want, "\x00\x01\x08\x00\x06\x04\x00\x02\x02\x00\x0a\x00\x01\xaa", 14);
	put_addr(&want, sender);
	put_bytes(&want, "\x02\x00\x00\x00\x00\x0a", 6);
	put_addr(&want, target);
	cr_assert_eq(lab_hop(lab)->out.len, 42);
	cr_expect_arr_eq(b + 14, want.b, 28, "%s: another answer", lab->last);
}

Test(lxc_link, arp_is_answered_with_the_nodes_end_of_the_link, .timeout = 60)
{
	NEEDS_ROOT();
	pods(OPEN_OUT, NULL, NULL, NULL);
	leaves("client", arp(1, "10.0.1.10", "10.0.1.1"));
	expect_arp_answer("10.0.1.1", "10.0.1.10");
	lab_expect_complete(lab);
	leaves("client", arp(1, "10.0.1.10", "10.0.1.20"));
	expect_arp_answer("10.0.1.20", "10.0.1.10");
	lab_close(lab);
}

/* RFC 5227: who finds its own address answered for takes it for a duplicate. */
Test(lxc_link, what_is_no_request_for_another_goes_up, .timeout = 60)
{
	struct pkt p = arp(1, "10.0.1.10", "10.0.1.1");

	NEEDS_ROOT();
	pods(OPEN_OUT, NULL, NULL, NULL);
	leaves("client", arp(1, "0.0.0.0", "10.0.1.10"));
	lab_expect_verdict(lab, TC_ACT_OK);
	lab_expect_same_but(lab, NULL, 0);
	leaves("client", arp(2, "10.0.1.10", "10.0.1.1"));
	lab_expect_verdict(lab, TC_ACT_OK);
	memcpy(p.b, "\x02\x11\x22\x33\x44\x55", 6); /* for someone else */
	leaves("client", p);
	lab_expect_verdict(lab, TC_ACT_OK);
	memcpy(p.b, "\x02\x00\x0a\x00\x01\xaa", 6); /* for the node alone */
	leaves("client", p);
	expect_arp_answer("10.0.1.1", "10.0.1.10");
	for (p.len = 14; p.len < 42; p.len++) {
		leaves("client", p);
		expect_drop(134, "arp.h");
	}
	lab_close(lab);
}

/* ---- neighbour discovery ---- */

enum { NO_OPTION, SOURCE_MAC, MAC_AND_NONCE };

static struct pkt nd(uint8_t type, const char *src, const char *dst, const char *target,
		     int options)
{
	uint32_t l3, l4;
	struct pkt p;

	put_eth(&p, 0x86dd);
	l3 = put_ip6(&p, src, dst, 58);
	p.b[l3 + 7] = 255;
	l4 = put_icmp(&p, type, 0, 0, 0);
	put_addr(&p, target);
	if (options)
		put_bytes(&p, "\x01\x01\x02\x00\x00\x00\x00\x0a", 8);
	if (options == MAC_AND_NONCE)
		put_bytes(&p, "\x0e\x01nonce!", 8);
	end_l4(&p, (int)l3, l4, 2, 58);
	end_ip(&p, l3);
	return p;
}

static struct pkt solicit(const char *target)
{
	return nd(135, client[1], "ff02::1:ff00:1", target, SOURCE_MAC);
}

static void expect_advertised(const char *target, const char *to, uint8_t flags)
{
	const struct frame *out = &lab_hop(lab)->out;
	struct pkt want = { 0 };

	expect_delivered(CLIENT);
	cr_assert_eq(out->len, 86, "%s: %u bytes", lab->last, out->len);
	put32(&want, 0x60000000);
	put_bytes(&want, "\x00\x20\x3a\xff", 4);
	put_addr(&want, target);
	put_addr(&want, to);
	put_bytes(&want, "\x88\x00", 2);
	cr_expect_arr_eq(out->data + 14, want.b, want.len, "%s: another header", lab->last);
	want.len = 0;
	put8(&want, flags);
	put_bytes(&want, "\0\0\0", 3);
	put_addr(&want, target);
	put_bytes(&want, "\x02\x01\x02\x00\x0a\x00\x01\xaa", 8);
	cr_expect_arr_eq(out->data + 58, want.b, want.len, "%s: another message", lab->last);
	lab_expect_complete(lab);
}

Test(lxc_link, solicitations_are_answered_for_the_router_and_for_pods, .timeout = 60)
{
	struct pkt urgent = solicit("fd00:1::1");

	NEEDS_ROOT();
	pods(OPEN_OUT, NULL, NULL, NULL);
	leaves("client", solicit("fd00:1::1"));
	expect_advertised("fd00:1::1", client[1], 0xc0); /* router, solicited */
	lab_expect_macs(lab, client_mac, node_mac);
	leaves("client", solicit(server[1]));
	expect_advertised(server[1], client[1], 0x60); /* solicited, override */
	/* RFC 4861, 7.2.2: one that only asks whether the router is still there has no option */
	leaves("client", nd(135, client[1], "fd00:1::1", "fd00:1::1", NO_OPTION));
	expect_advertised("fd00:1::1", client[1], 0xc0);
	leaves("client", nd(135, "fe80::1", "ff02::1:ff00:1", "fd00:1::1", SOURCE_MAC));
	expect_advertised("fd00:1::1", "fe80::1", 0xc0);
	/* 7.2.4: who has no address yet is told with all others */
	leaves("client", nd(135, "::", "ff02::1:ff00:20", server[1], NO_OPTION));
	expect_advertised(server[1], "ff02::1", 0x20);
	lab_expect_macs(lab, "33:33:00:00:00:01", node_mac);
	/* RFC 3971, RFC 7527: longer than its answer */
	leaves("client", nd(135, client[1], "ff02::1:ff00:1", "fd00:1::1", MAC_AND_NONCE));
	expect_advertised("fd00:1::1", client[1], 0xc0);
	/* of a traffic class: no checksum of the packet makes up for what the header loses */
	urgent.b[14] = 0x6c;
	leaves("client", urgent);
	expect_advertised("fd00:1::1", client[1], 0xc0);
	lab_close(lab);
}

Test(lxc_link, solicitations_for_others_go_up_or_end, .timeout = 60)
{
	struct pkt far = solicit("fd00:1::1");

	NEEDS_ROOT();
	pods(OPEN_OUT, NULL, NULL, NULL);
	leaves("client", nd(135, "::", "ff02::1:ff00:10", client[1], NO_OPTION)); /* is it taken? */
	lab_expect_verdict(lab, TC_ACT_OK);
	leaves("client", solicit("fe80::aa")); /* the node's on this link */
	lab_expect_verdict(lab, TC_ACT_OK);
	leaves("client", solicit(host[1]));
	lab_expect_verdict(lab, TC_ACT_OK);
	leaves("client", nd(136, client[1], "fd00:1::1", client[1], NO_OPTION));
	lab_expect_verdict(lab, TC_ACT_OK);
	leaves("client", solicit("fd00:1::99"));
	expect_drop(150, "icmp6.h");
	leaves("client", nd(135, server[1], "ff02::1:ff00:1", "fd00:1::1", SOURCE_MAC));
	expect_drop(132, "bpf_lxc.c");
	far.b[14 + 7] = 254; /* RFC 4861, 7.1.1: a router has forwarded it */
	leaves("client", far);
	expect_drop(134, "icmp6.h");
	lab_close(lab);
}

/* What the stack would forward leaves the link, as what it says it is or not: policy decides. */
Test(lxc_link, discovery_that_leaves_the_link_is_policys_business, .timeout = 60)
{
	static const uint8_t types[] = { 133, 135, 136 };
	static const char *const further[] = { "fd00:2::30", "fd00:f::100", "ff05::1",
					       "fd00:1::20" };

	NEEDS_ROOT();
	pods(OPEN_OUT, NULL, NULL, NULL);
	for (size_t t = 0; t < sizeof(types); t++) {
		for (size_t i = 0; i < sizeof(further) / sizeof(further[0]); i++) {
			leaves("client",
			       nd(types[t], client[1], further[i], "fe80::aa", NO_OPTION));
			expect_drop(133, "bpf_lxc.c");
		}
		leaves("client", nd(types[t], client[1], host[1], "fe80::aa", NO_OPTION));
		lab_expect_verdict(lab, TC_ACT_OK);
		leaves("client", nd(types[t], client[1], "ff02::2", "fe80::aa", NO_OPTION));
		lab_expect_verdict(lab, TC_ACT_OK);
	}
	lab_close(lab);
}

/* ---- EtherTypes, sources ---- */

Test(lxc_link, what_is_no_ip_is_dropped, .timeout = 60)
{
	struct pkt p = tcp(client[0], 40000, server[0], 80, SYN);

	NEEDS_ROOT();
	pods(OPEN_OUT, ALL_OUT, ALL_IN, NULL);
	set16(&p, 12, 0x88cc); /* LLDP */
	leaves("client", p);
	expect_drop(139, "bpf_lxc.c");
	cr_expect_eq(drop_event(139)->source, CLIENT);
	set16(&p, 12, 38); /* IEEE 802.3 */
	leaves("client", p);
	expect_drop(166, "bpf_lxc.c");
	set16(&p, 12, 0x8847);
	comes("server", 0, p);
	expect_drop(139, "bpf_lxc.c");
	cr_expect_eq(drop_event(139)->dst_id, SERVER);
	lab_close(lab);
}

Test(lxc_link, a_pod_sends_from_its_own_addresses, .timeout = 60)
{
	static const char *const others[] = { "10.0.1.11", "fd00:1::11" };

	NEEDS_ROOT();
	pods(OPEN_OUT, ALL_OUT, ALL_IN, NULL);
	for (int v6 = 0; v6 < 2; v6++) {
		leaves("client", tcp(others[v6], 40000, server[v6], 80, SYN));
		expect_drop(132, "bpf_lxc.c");
		leaves("client", tcp(server[v6], 40000, client[v6], 80, SYN));
		expect_drop(132, "bpf_lxc.c");
		leaves("client", tcp(client[v6], 40000, server[v6], 80, SYN));
		expect_delivered(SERVER);
	}
	leaves("client", tcp("fe80::1", 40000, server[1], 80, SYN));
	expect_drop(132, "bpf_lxc.c");
	lab_close(lab);
	pods("enable_sip_verification: false", ALL_OUT, ALL_IN, NULL);
	leaves("client", tcp(others[0], 40000, server[0], 80, SYN));
	expect_delivered(SERVER);
	lab_close(lab);
}
