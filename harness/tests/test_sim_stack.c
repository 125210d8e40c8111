/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Nodes' own IP between two programs: what it forwards, what it answers, what it cannot know. */
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "engine/sim_internal.h"
#include "sim_lab.h"

/* Pods' packets pass by the node's stack. */
#define LEGACY                                                                                     \
	"routingMode: native\nautoDirectNodeRoutes: true\nipv4NativeRoutingCIDR: 10.0.0.0/16\n"    \
	"ipv6NativeRoutingCIDR: fd00::/16\nipv6: {enabled: true}\n"                                \
	"kubeProxyReplacement: \"true\"\nbpf: {hostLegacyRouting: true, masquerade: true}\n"

static struct pkt udp_with_ttl(const char *src, const char *dst, uint8_t ttl, uint16_t data)
{
	uint32_t l3, l4;
	struct pkt p;

	put_eth(&p, 0x0800);
	l3 = put_ip4(&p, src, dst, 17);
	p.b[l3 + 8] = ttl;
	l4 = put_udp(&p, 4000, 53, data);
	put_data(&p, data);
	end_l4(&p, (int)l3, l4, 6, 17);
	end_ip(&p, l3);
	return p;
}

static struct pkt udp6_with_hops(const char *src, const char *dst, uint8_t hops)
{
	uint32_t l3, l4;
	struct pkt p;

	put_eth(&p, 0x86dd);
	l3 = put_ip6(&p, src, dst, 17);
	p.b[l3 + 7] = hops;
	l4 = put_udp(&p, 4000, 53, 32);
	put_data(&p, 32);
	end_l4(&p, (int)l3, l4, 6, 17);
	end_ip(&p, l3);
	return p;
}

/* The node's answer, and that it is one to the packet that was sent. */
static const struct frame *answer(const struct sim_lab *l, const char *at, uint8_t type,
				  uint8_t code)
{
	const struct trace *t = l->trace.answer;
	struct layers layers;

	cr_assert_not_null(t, "%s is answered by nothing:\n%s", l->what, sim_way(l));
	cr_assert_eq(t->outcome, OUTCOME_DELIVERED, "%s", t->why);
	cr_expect_str_eq(t->at, at);
	packet_parse(t->final.data, t->final.len, LINK_ETHERNET, &layers);
	cr_assert_geq(layers.ip.l4, 0);
	cr_expect_eq(t->final.data[layers.ip.l4], type);
	cr_expect_eq(t->final.data[layers.ip.l4 + 1], code);
	cr_expect_geq(layers.inner.l3, 0, "it quotes the packet");
	cr_expect_eq(csum_l4(t->final.data, t->final.len, &layers.ip), CSUM_GOOD);
	return &t->final;
}

Test(sim_stack, a_ttl_that_ends_is_answered_and_the_answer_arrives)
{
	struct sim_lab *l;
	struct pkt p;

	NEEDS_ROOT();
	l = sim_open(LEGACY, NULL);
	p = udp_with_ttl("10.0.1.10", "10.0.2.30", 1, 32);
	sim_send(l, "10.0.1.10", &p);
	sim_expect(l, OUTCOME_DROPPED, "one");
	answer(l, "default/client", 11, 0);
	p = udp6_with_hops("fd00:1::10", "fd00:2::30", 1);
	sim_send(l, "fd00:1::10", &p);
	sim_expect(l, OUTCOME_DROPPED, "one");
	answer(l, "default/client", 3, 0);
	/* one hop more ends at the other node */
	p = udp_with_ttl("10.0.1.10", "10.0.2.30", 2, 32);
	sim_send(l, "10.0.1.10", &p);
	sim_expect(l, OUTCOME_DROPPED, "two");
	/* nobody answers an error */
	cr_expect_null(l->trace.answer->answer);
	sim_close(l);
}

Test(sim_stack, what_is_too_big_is_answered_with_the_mtu)
{
	const struct frame *f;
	struct layers layers;
	struct sim_lab *l;
	struct pkt p;

	NEEDS_ROOT();
	l = sim_open(LEGACY "MTU: 1400\n", NULL);
	p = udp_with_ttl("10.0.1.10", "10.0.2.30", 64, 1400);
	sim_send(l, "10.0.1.10", &p);
	sim_expect(l, OUTCOME_DROPPED, "one");
	f = answer(l, "default/client", 3, 4);
	packet_parse(f->data, f->len, LINK_ETHERNET, &layers);
	cr_expect_eq(get_be16(f->data + layers.ip.l4 + 6), 1400, "the next hop's MTU");
	sim_close(l);
}

static struct pkt may_be_cut(const char *src, const char *dst, uint16_t data)
{
	struct pkt p = udp_with_ttl(src, dst, 64, data);

	p.b[14 + 6] = 0; /* no "don't fragment" */
	p.b[14 + 10] = p.b[14 + 11] = 0;
	end_ip(&p, 14);
	return p;
}

static unsigned hops_at(const struct sim_lab *l, const char *at, uint32_t most)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->trace.n_hops; i++) {
		const struct hop *h = &l->trace.hops[i];

		if (strcmp(h->at, at) != 0)
			continue;
		n++;
		cr_expect_leq(h->in.len, most + 14, "a piece of %u bytes:\n%s", h->in.len,
			      sim_way(l));
	}
	return n;
}

Test(sim_stack, what_may_be_cut_goes_in_pieces_and_arrives_whole)
{
	struct layers was, is;
	struct sim_lab *l;
	struct pkt p;

	NEEDS_ROOT();
	l = sim_open(LEGACY "MTU: 1400\n", NULL);
	p = may_be_cut("10.0.1.10", "10.0.2.30", 1900);
	sim_send(l, "10.0.1.10", &p);
	sim_expect(l, OUTCOME_DELIVERED, "default/web");
	cr_expect_eq(hops_at(l, "one/eth0", 1400), 2);
	cr_expect_eq(hops_at(l, "two/eth0", 1400), 2);
	packet_parse(p.b, p.len, LINK_ETHERNET, &was);
	packet_parse(l->trace.final.data, l->trace.final.len, LINK_ETHERNET, &is);
	cr_assert_eq(is.ip.end - is.ip.l4, was.ip.end - was.ip.l4);
	cr_expect_eq(memcmp(l->trace.final.data + is.ip.l4, p.b + was.ip.l4,
			    (size_t)(is.ip.end - is.ip.l4)),
		     0);
	cr_expect_eq(csum_l4(l->trace.final.data, l->trace.final.len, &is.ip), CSUM_GOOD);
	/* masqueraded, in pieces: the router outside gets one packet from the node */
	p = may_be_cut("10.0.1.10", "203.0.113.7", 1500);
	sim_send(l, "10.0.1.10", &p);
	sim_expect(l, OUTCOME_SENT, "world");
	packet_parse(l->trace.final.data, l->trace.final.len, LINK_ETHERNET, &is);
	cr_expect_eq(csum_l4(l->trace.final.data, l->trace.final.len, &is.ip), CSUM_GOOD);
	cr_expect_eq(memcmp(l->trace.final.data + is.ip.l3 + 12, "\xc0\xa8\x0a\x01", 4), 0);
	sim_close(l);
}

Test(sim_stack, a_tunnels_packet_that_is_too_big_is_cut)
{
	struct sim_lab *l;
	struct pkt p;

	NEEDS_ROOT();
	l = sim_open("routingMode: tunnel\ntunnelProtocol: vxlan\nkubeProxyReplacement: \"true\"\n"
		     "bpf: {masquerade: true}\n",
		     NULL);
	p = udp_with_ttl("10.0.1.10", "10.0.2.30", 64, 1472);
	sim_send(l, "10.0.1.10", &p);
	sim_expect(l, OUTCOME_DELIVERED, "default/web");
	cr_expect_eq(hops_at(l, "one/eth0", 1500), 2);
	cr_expect_eq(hops_at(l, "two/cilium_vxlan", 1500), 1);
	sim_close(l);
}

Test(sim_stack, what_is_nobodys_leaves_for_the_world)
{
	struct sim_lab *l;
	struct pkt p;

	NEEDS_ROOT();
	l = sim_open(LEGACY, NULL);
	p = udp_with_ttl("10.0.1.10", "203.0.113.7", 64, 32);
	sim_send(l, "10.0.1.10", &p);
	sim_expect(l, OUTCOME_SENT, "world");
	cr_expect_eq(l->trace.place.node, -1);
	/* a pod's packet with another's address never comes that far: 132 */
	p = udp_with_ttl("10.0.1.20", "203.0.113.7", 64, 32);
	sim_send(l, "10.0.1.10", &p);
	cr_expect_eq(l->trace.outcome, OUTCOME_DROPPED);
	cr_expect_eq(l->trace.hops[0].drop_reason, 132, "%s", sim_way(l));
	sim_close(l);
}

static struct pkt tagged(uint16_t tci)
{
	uint32_t l3, l4;
	struct pkt p;

	put_eth(&p, 0x8100);
	put_vlan(&p, tci, 0x0800);
	l3 = put_ip4(&p, "192.0.2.9", "192.168.10.1", 17);
	l4 = put_udp(&p, 4000, 53, 32);
	put_data(&p, 32);
	end_l4(&p, (int)l3, l4, 6, 17);
	end_ip(&p, l3);
	return p;
}

Test(sim_stack, a_tag_of_no_vlan_is_taken_off_and_others_are_dropped)
{
	struct layers layers;
	struct sim_lab *l;
	struct pkt p;

	NEEDS_ROOT();
	l = sim_open(LEGACY, NULL);
	p = tagged(0xe000);
	sim_send(l, "192.0.2.9", &p);
	sim_expect(l, OUTCOME_DELIVERED, "one/eth0");
	packet_parse(l->trace.final.data, l->trace.final.len, LINK_ETHERNET, &layers);
	cr_expect_eq(layers.vlan[0], NO_OFFSET);
	cr_expect_eq(l->trace.hops[0].out.len, p.len, "the tag is on until the node's IP has it");
	p = tagged(100);
	sim_send(l, "192.0.2.9", &p);
	sim_expect(l, OUTCOME_DROPPED, "one/eth0");
	cr_expect_eq(l->trace.hops[l->trace.n_hops - 1].drop_reason, 182, "%s", sim_way(l));
	sim_close(l);
}

/* What a program reads of its context, as its verdict. */
static int reads(size_t field, const struct pkt *p)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W,
		  .dst_reg = 0,
		  .src_reg = 1,
		  .off = (short)field },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const struct frame f = { .data = (uint8_t *)p->b, .len = p->len, .wire_len = p->len };
	uint8_t out[4096];
	struct prog_run r = { .hook = HOOK_TC_INGRESS,
			      .data = p->b,
			      .len = p->len,
			      .out = out,
			      .out_size = sizeof(out) };
	struct sim s = { .tagger = NULL };
	const char *why;
	struct err err = { 0 };

	r.fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "reads", "GPL", insns, 2, NULL);
	cr_assert_geq(r.fd, 0);
	cr_assert_eq(sim_run_tagged(&s, &r, &f, &why, &err), 0, "%s", err.text);
	cr_expect_eq(r.out_len, p->len);
	cr_expect_eq(memcmp(out, p->b, p->len), 0, "the tag is in its place again");
	sim_free_tagger(&s);
	close(r.fd);
	return r.verdict;
}

Test(sim_stack, programs_see_tags_beside_the_packet)
{
	struct pkt p;

	NEEDS_ROOT();
	p = tagged(0x6064);
	cr_expect_eq(reads(offsetof(struct __sk_buff, vlan_present), &p), 1);
	cr_expect_eq(reads(offsetof(struct __sk_buff, vlan_tci), &p), 0x6064);
	cr_expect_eq(reads(offsetof(struct __sk_buff, vlan_proto), &p), htons(0x8100));
	cr_expect_eq(reads(offsetof(struct __sk_buff, protocol), &p), htons(0x0800));
	cr_expect_eq(reads(offsetof(struct __sk_buff, len), &p), (int)p.len - 4);
	cr_expect_eq(reads(offsetof(struct __sk_buff, cb[0]), &p), 0);
	p = udp_with_ttl("192.0.2.9", "192.168.10.1", 64, 32);
	cr_expect_eq(reads(offsetof(struct __sk_buff, vlan_present), &p), 0);
}
