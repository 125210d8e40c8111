/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames of VLANs at a native device: of the network that node ports and policy are for they are none
 * (bpf/lib/vlan.h). At XDP the tag is in the frame, at tc in skb->vlan_tci.
 */
#include "sim_lab.h"

#define VALUES                                                                                     \
	"routingMode: native\nautoDirectNodeRoutes: true\nipv4NativeRoutingCIDR: 10.0.0.0/16\n"    \
	"ipv6NativeRoutingCIDR: fd00::/16\nkubeProxyReplacement: \"true\"\n"                       \
	"loadBalancer: {acceleration: native}\n"

static const char service[] =
	"apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\n"
	"spec: {type: NodePort, clusterIP: 10.96.0.10, ports: [{name: dns, port: 53, protocol: "
	"UDP, "
	"targetPort: 53, nodePort: 30053}]}\n---\n"
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	"metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}\n"
	"addressType: IPv4\nports: [{name: dns, port: 53, protocol: UDP}]\n"
	"endpoints: [{addresses: [10.0.2.30], conditions: {ready: true}, nodeName: two}]\n";

/* To the node port of node one, behind the tags that are given; 0 ends them, priority tags are 0xe000. */
static struct pkt request(const uint16_t *tci)
{
	struct pkt p = { 0 };
	uint32_t l3, l4;

	put_eth(&p, *tci ? 0x8100 : 0x0800);
	for (; *tci; tci++)
		put_vlan(&p, *tci, tci[1] ? 0x8100 : 0x0800);
	l3 = put_ip4(&p, "192.0.2.9", "192.168.10.1", 17);
	l4 = put_udp(&p, 4000, 30053, 32);
	put_data(&p, 32);
	end_l4(&p, (int)l3, l4, 6, 17);
	end_ip(&p, l3);
	return p;
}

static void send_tagged(struct sim_lab *l, const uint16_t *tci)
{
	struct pkt p = request(tci);

	sim_send(l, "192.0.2.9", &p);
}

#define TAGS(...) ((const uint16_t[]){ __VA_ARGS__, 0 })

/* Behind its MAC addresses a frame is what was sent. */
static void expect_untouched(const struct sim_lab *l, const struct hop *h)
{
	cr_expect_eq(h->out.len, l->trace.frame.len, "%s", sim_way(l));
	cr_expect_eq(memcmp(h->out.data + 12, l->trace.frame.data + 12, h->out.len - 12), 0, "%s",
		     sim_way(l));
}

static void expect_filtered(const struct sim_lab *l)
{
	const struct hop *last = &l->trace.hops[l->trace.n_hops - 1];

	cr_assert_eq(l->trace.n_hops, 2, "%s", sim_way(l));
	cr_expect_str_eq(l->trace.hops[0].program, "cil_xdp_entry");
	expect_untouched(l, &l->trace.hops[0]);
	cr_expect_eq(l->trace.outcome, OUTCOME_DROPPED, "%s", sim_way(l));
	cr_expect_str_eq(last->program, "cil_from_netdev");
	cr_expect_eq(last->drop_reason, 182, "%s", sim_way(l));
}

/* As it came, to a node that has no device for its VLAN. */
static void expect_let_by(const struct sim_lab *l)
{
	const struct hop *last = &l->trace.hops[l->trace.n_hops - 1];

	cr_expect_str_eq(last->program, "cil_from_netdev");
	cr_expect_eq(last->drop_reason, 0, "%s", sim_way(l));
	cr_expect_neq(l->trace.outcome, OUTCOME_DELIVERED, "%s", sim_way(l));
	expect_untouched(l, last);
}

Test(vlan, node_ports_are_not_for_other_networks)
{
	struct sim_lab *l;

	NEEDS_ROOT();
	l = sim_open(VALUES, service);
	send_tagged(l, TAGS(0));
	sim_expect(l, OUTCOME_DELIVERED, "default/web");
	send_tagged(l, TAGS(0xe000));
	sim_expect(l, OUTCOME_DELIVERED, "default/web");
	send_tagged(l, TAGS(0xe000, 0xe000));
	sim_expect(l, OUTCOME_DELIVERED, "default/web");
	send_tagged(l, TAGS(100));
	expect_filtered(l);
	send_tagged(l, TAGS(0xe000, 100));
	expect_filtered(l);
	send_tagged(l, TAGS(100, 0xe000));
	expect_filtered(l);
	sim_close(l);
}

Test(vlan, those_on_the_list_are_let_by_untouched)
{
	struct sim_lab *l;

	NEEDS_ROOT();
	l = sim_open(VALUES "bpf: {vlanBypass: [100, 4094]}\n", service);
	send_tagged(l, TAGS(100));
	expect_let_by(l);
	send_tagged(l, TAGS(0xe000 | 4094));
	expect_let_by(l);
	send_tagged(l, TAGS(0xe000, 100));
	expect_let_by(l);
	send_tagged(l, TAGS(200));
	expect_filtered(l);
	send_tagged(l, TAGS(0));
	sim_expect(l, OUTCOME_DELIVERED, "default/web");
	sim_close(l);
}

Test(vlan, zero_on_the_list_is_every_vlan)
{
	struct sim_lab *l;

	NEEDS_ROOT();
	l = sim_open(VALUES "bpf: {vlanBypass: [0]}\n", service);
	send_tagged(l, TAGS(1));
	expect_let_by(l);
	send_tagged(l, TAGS(4095));
	expect_let_by(l);
	sim_close(l);
}
