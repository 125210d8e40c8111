/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A node with bpf_host at its one network device, services and backends here and on another node, in both
 * families; packets as "SOURCE|PORT > DESTINATION|PORT".
 *
 *   world 192.168.10.100, fd00:10::100    node 192.168.10.1, fd00:10::1    its pod 10.0.1.20, fd00:1::20
 *                                         other node ....2, its pod 10.0.2.30, fd00:2::30
 */
#ifndef VERDICT_TESTS_LAB_NODE_H
#define VERDICT_TESTS_LAB_NODE_H

#include "lab.h"

enum { ETH0 = 2, TUNNEL = 3 };
enum { FIN = 1, RST = 4 };

#define CT4  "cilium_ct4_global"
#define NAT4 "cilium_snat_v4_external"
#define NAT6 "cilium_snat_v6_external"

#define NODE_HOOKS                                                                                 \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev}\n"      \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"

#define NODE_TARGET(config)                                                                        \
	"summary: a node\n"                                                                        \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, enable_nodeport: true, " \
	"nat_ipv4_masquerade: 192.168.10.1, nat_ipv6_masquerade: 'fd00:10::1'" config              \
	"}\n" NODE_HOOKS

static const char node_routes[] =
	"address add 192.168.10.1/24 dev eth0\n"
	"neighbour add 192.168.10.2 lladdr 02:00:c0:a8:0a:02 dev eth0 nud permanent\n"
	"neighbour add 192.168.10.100 lladdr 02:00:c0:a8:0a:64 dev eth0 nud permanent\n"
	"route add 10.0.2.0/24 via 192.168.10.2\n"
	"address add fd00:10::1/64 dev eth0 nodad\n"
	"neighbour add fd00:10::2 lladdr 02:00:c0:a8:0a:02 dev eth0 nud permanent\n"
	"neighbour add fd00:10::100 lladdr 02:00:c0:a8:0a:64 dev eth0 nud permanent\n"
	"route add fd00:2::/64 via fd00:10::2\n";

/* Ports 30080: the pod here; 30090: the one there; 30070: the host itself, port 9000. */
#define NODE_SVC(v, node, port, n)                                                                 \
	"  cilium_lb" v "_services_v2:\n    entries:\n"                                            \
	"    - {key: {address: " node ", dport: 30080, proto: " port "}, "                         \
	"value: {count: 1, rev_nat_index: " n "1, flags: 66}}\n"                                   \
	"    - {key: {address: " node ", dport: 30080, backend_slot: 1, proto: " port "}, "        \
	"value: {backend_id: " n "1, rev_nat_index: " n "1, flags: 66}}\n"                         \
	"    - {key: {address: " node ", dport: 30090, proto: " port "}, "                         \
	"value: {count: 1, rev_nat_index: " n "2, flags: 66}}\n"                                   \
	"    - {key: {address: " node ", dport: 30090, backend_slot: 1, proto: " port "}, "        \
	"value: {backend_id: " n "2, rev_nat_index: " n "2, flags: 66}}\n"                         \
	"    - {key: {address: " node ", dport: 30070, proto: " port "}, "                         \
	"value: {count: 1, rev_nat_index: " n "3, flags: 66}}\n"                                   \
	"    - {key: {address: " node ", dport: 30070, backend_slot: 1, proto: " port "}, "        \
	"value: {backend_id: " n "3, rev_nat_index: " n "3, flags: 66}}\n"

#define NODE_BACKENDS(v, here, there, node, n)                                                     \
	"  cilium_lb" v "_backends_v3:\n    entries:\n"                                            \
	"    - {key: " n "1, value: {address: " here ", port: 8080}}\n"                            \
	"    - {key: " n "2, value: {address: " there ", port: 8080}}\n"                           \
	"    - {key: " n "3, value: {address: " node ", port: 9000}}\n"                            \
	"  cilium_lb" v "_reverse_nat:\n    entries:\n"                                            \
	"    - {key: " n "1, value: {address: " node ", port: 30080}}\n"                           \
	"    - {key: " n "2, value: {address: " node ", port: 30090}}\n"                           \
	"    - {key: " n "3, value: {address: " node ", port: 30070}}\n"

static const char node_maps[] =
	"maps:\n"
	"  cilium_lxc:\n    entries:\n"
	"    - {key: {ip4: 10.0.1.20, family: 1}, value: {ifindex: 20, lxc_id: 20, sec_id: "
	"30020}}\n"
	"    - {key: {ip6: 'fd00:1::20', family: 2}, value: {ifindex: 20, lxc_id: 20, sec_id: "
	"30020}}\n"
	"    - {key: {ip4: 192.168.10.1, family: 1}, value: {flags: 1}}\n"
	"    - {key: {ip6: 'fd00:10::1', family: 2}, value: {flags: 1}}\n"
	"  cilium_ipcache_v2:\n    entries:\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.1.20}, "
	"value: {sec_identity: 30020}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.2.30}, value: {sec_identity: "
	"30030, tunnel_endpoint: {ip4: 192.168.10.2}, flag_has_tunnel_ep: 1}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.1}, "
	"value: {sec_identity: 1}}\n"
	"    - {key: {lpm_key: {prefixlen: 64}, family: 1, ip4: 192.168.10.2}, "
	"value: {sec_identity: 6}}\n"
	"    - {key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:1::20'}, "
	"value: {sec_identity: 30020}}\n"
	"    - {key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:2::30'}, value: "
	"{sec_identity: 30030, tunnel_endpoint: {ip4: 192.168.10.2}, flag_has_tunnel_ep: 1}}\n"
	"    - {key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:10::1'}, "
	"value: {sec_identity: 1}}\n"
	"    - {key: {lpm_key: {prefixlen: 160}, family: 2, ip6: 'fd00:10::2'}, "
	"value: {sec_identity: 6}}\n" NODE_SVC("4", "192.168.10.1", "6", "4")
		NODE_BACKENDS("4", "10.0.1.20", "10.0.2.30", "192.168.10.1",
			      "4") NODE_SVC("6", "'fd00:10::1'", "6", "6")
			NODE_BACKENDS("6", "'fd00:1::20'", "'fd00:2::30'", "'fd00:10::1'", "6");

static struct lab *lab;

static inline struct lab *node_open(const char *target)
{
	return lab_open(arena_new(), (struct lab_opts){ .target = target,
							.maps = node_maps,
							.routes = node_routes,
							.role = "native",
							.hook = "ingress" });
}

struct node_ends {
	char src[64], dst[64];
	unsigned sport, dport;
	bool v6;
};

static inline struct node_ends node_ends(const char *text)
{
	struct node_ends e;

	cr_assert_eq(sscanf(text, "%63[^|]|%u > %63[^|]|%u", e.src, &e.sport, e.dst, &e.dport), 4,
		     "%s", text);
	e.v6 = strchr(e.src, ':');
	return e;
}

static inline struct pkt tcp_data(const char *text, uint8_t flags, uint32_t data)
{
	struct node_ends e = node_ends(text);
	struct pkt p;

	put_eth(&p, e.v6 ? 0x86dd : 0x0800);
	(e.v6 ? put_tcp6 : put_tcp4)(&p, e.src, (uint16_t)e.sport, e.dst, (uint16_t)e.dport, flags,
				     data);
	return p;
}

static inline struct pkt tcp_of(const char *text, uint8_t flags)
{
	return tcp_data(text, flags, 5);
}

static inline struct pkt udp_of(const char *text, uint16_t data)
{
	struct node_ends e = node_ends(text);
	struct pkt p;
	uint32_t l3, l4;

	put_eth(&p, e.v6 ? 0x86dd : 0x0800);
	l3 = e.v6 ? put_ip6(&p, e.src, e.dst, 17) : put_ip4(&p, e.src, e.dst, 17);
	l4 = put_udp(&p, (uint16_t)e.sport, (uint16_t)e.dport, data);
	put_data(&p, data);
	end_l4(&p, (int)l3, l4, 6, 17);
	end_ip(&p, l3);
	return p;
}

/* An echo request or reply; the identifier is the source's port or the destination's. */
static inline struct pkt echo_of(const char *text, bool reply)
{
	struct node_ends e = node_ends(text);
	uint16_t id = (uint16_t)(reply ? e.dport : e.sport);
	uint32_t l3, l4;
	struct pkt p;

	put_eth(&p, e.v6 ? 0x86dd : 0x0800);
	l3 = e.v6 ? put_ip6(&p, e.src, e.dst, 58) : put_ip4(&p, e.src, e.dst, 1);
	if (e.v6)
		l4 = put_icmp(&p, reply ? 129 : 128, 0, id, 1);
	else
		l4 = put_icmp(&p, reply ? 0 : 8, 0, id, 1);
	put_data(&p, 9);
	end_l4(&p, e.v6 ? (int)l3 : -1, l4, 2, 58);
	end_ip(&p, l3);
	return p;
}

static inline const struct hop *in(struct pkt p)
{
	return lab_run(lab, "eth0", "ingress", &p);
}

static inline const struct hop *out(struct pkt p)
{
	return lab_run(lab, "eth0", "egress", &p);
}

/* Where the transport header stands in an IP packet at off; 0: there is none. */
static inline uint32_t l4_of(const uint8_t *d, uint32_t off, uint8_t *proto)
{
	uint32_t at = off + 40;

	if (d[off] >> 4 == 4) {
		*proto = d[off + 9];
		return off + (d[off] & 15) * 4u;
	}
	*proto = d[off + 6];
	while (*proto == 60 || *proto == 44 || *proto == 43 || *proto == 0) {
		uint32_t len = *proto == 44 ? 8 : (d[at + 1] + 1) * 8u;

		*proto = d[at];
		at += len;
	}
	return at;
}

/* The packet at off as text, an echo's identifier in place of its sender's port. */
static inline const char *ends_at(const uint8_t *d, uint32_t off)
{
	bool v6 = d[off] >> 4 == 6;
	char src[64], dst[64];
	uint8_t proto;
	uint32_t l4 = l4_of(d, off, &proto);

	inet_ntop(v6 ? AF_INET6 : AF_INET, d + off + (v6 ? 8 : 12), src, sizeof(src));
	inet_ntop(v6 ? AF_INET6 : AF_INET, d + off + (v6 ? 24 : 16), dst, sizeof(dst));
	if (proto == 1 || proto == 58) {
		bool reply = d[l4] == 0 || d[l4] == 129;

		return arena_printf(lab->arena, "%s|%u > %s|%u", src,
				    reply ? 0 : get_be16(d + l4 + 4), dst,
				    reply ? get_be16(d + l4 + 4) : 0);
	}
	return arena_printf(lab->arena, "%s|%u > %s|%u", src, get_be16(d + l4), dst,
			    get_be16(d + l4 + 2));
}

static inline const char *sent_ends(void)
{
	const struct frame *f = &lab_hop(lab)->out;

	return f->data && f->len > 38 ? ends_at(f->data, 14) : "nothing";
}

static inline void expect_ends(const char *text)
{
	cr_expect_str_eq(sent_ends(), text, "%s: became %s, not %s", lab->last, sent_ends(), text);
}

static inline uint8_t sent_ttl(void)
{
	const uint8_t *d = lab_hop(lab)->out.data;

	return d[14] >> 4 == 4 ? d[22] : d[21];
}

/* Sent out of eth0, to the neighbour whose MAC ends so. */
static inline void expect_wired(const char *text, const char *mac)
{
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
	expect_ends(text);
	lab_expect_macs(lab, mac, "02:00:c0:a8:0a:01");
	cr_expect_eq(sent_ttl(), 63, "%s: TTL %u", lab->last, sent_ttl());
}

#define OTHER_NODE "02:00:c0:a8:0a:02"
#define CLIENT_MAC "02:00:c0:a8:0a:64"

/* Goes on in the host's stack as that. */
static inline void expect_passed(const char *text)
{
	lab_expect_verdict(lab, TC_ACT_OK);
	expect_ends(text);
}

#endif
