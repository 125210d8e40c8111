/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Services packet by packet, by programs of a few lines around lb.h: `inside` sends what a pod sends,
 * `outside` what the world sends, `back` what comes back to either. Everything is asked in both families:
 * what comes out is compared with the packet that a sender at the new addresses would have made.
 */
#ifndef VERDICT_TESTS_LB_LAB_H
#define VERDICT_TESTS_LB_LAB_H

#include "lab.h"

enum { TCP = 6, UDP = 17, SCTP = 132 };
enum { FIN = 1, RST = 4 };

static const char lb_source[] =
	"#include <linux/if_ether.h>\n"
	"#include <lib/drop.h>\n"
	"#include <lib/eth.h>\n"
	"#include <lib/lb_pod.h>\n"
	"static __always_inline int parse(ctx_t *ctx, struct packet *pkt)\n"
	"{\n"
	"	int ret;\n"
	"	eth_parse(ctx, pkt);\n"
	"	ret = pkt->ethertype == ETH_P_IP ? ipv4_parse(ctx, pkt) : ipv6_parse(ctx, pkt);\n"
	"	return ret ? ret : ct_parse_l4(ctx, pkt);\n"
	"}\n"
	"static __always_inline int end(ctx_t *ctx, struct packet *pkt, int ret)\n"
	"{\n"
	"	return ret < 0 ? drop_packet(ctx, pkt, ret, DIR_EGRESS) : CTX_PASS;\n"
	"}\n"
	"static __always_inline int there(ctx_t *ctx, bool from_endpoint)\n"
	"{\n"
	"	struct packet *pkt = packet_begin();\n"
	"	int ret;\n"
	"	if (!pkt) return CTX_DROP;\n"
	"	ret = parse(ctx, pkt);\n"
	"	if (!ret) ret = from_endpoint ? lb_service_of_pod(ctx, pkt) : lb_service(ctx, pkt, "
	"false);\n"
	"	if (ret > 0) ret = ct_lookup(ctx, pkt, DIR_EGRESS);\n"
	"	if (!ret && pkt->lb.backend.id && pkt->ct.status == CT_NEW) {\n"
	"		lb_tell_ct(pkt);\n"
	"		ret = ct_create(ctx, pkt, DIR_EGRESS);\n"
	"	}\n"
	"	return end(ctx, pkt, ret);\n"
	"}\n"
	"SEC(\"tc\") int inside(ctx_t *ctx) { return there(ctx, true); }\n"
	"SEC(\"tc\") int outside(ctx_t *ctx) { return there(ctx, false); }\n"
	"SEC(\"tc\") int back(ctx_t *ctx)\n"
	"{\n"
	"	struct packet *pkt = packet_begin();\n"
	"	int ret;\n"
	"	if (!pkt) return CTX_DROP;\n"
	"	ret = parse(ctx, pkt);\n"
	"	if (!ret) ret = ct_lookup(ctx, pkt, DIR_INGRESS);\n"
	"	return end(ctx, pkt, ret ? ret : lb_reverse(ctx, pkt));\n"
	"}\n"
	"char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n";

/* The config line is a test's own. */
#define LB_TARGET                                                                                  \
	"summary: services\n"                                                                      \
	"objects: {dir: .}\n"                                                                      \
	"config: {%s service_loopback_ipv6: 'fe80::7'}\n"                                          \
	"hooks:\n"                                                                                 \
	"  any: {ingress: lb.o/inside, egress: lb.o/back}\n"                                       \
	"  world: {ingress: lb.o/outside}\n"                                                       \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: pod, ifindex: 7, role: any}\n"                                                   \
	"- {name: wire, ifindex: 8, role: world}\n"

static struct lab *lab;
static bool v6; /* the family at hand */

static inline void lb_open(const char *config)
{
	struct arena *a = arena_new();

	v6 = false;
	lab_compile(a, "lb", lb_source);
	lab = lab_open(a, (struct lab_opts){ .target = arena_printf(a, LB_TARGET, config),
					     .role = "any",
					     .hook = "ingress" });
}

/* ---- who there is ---- */

#define POD	 (v6 ? "fd00:1::10" : "10.0.1.10")
#define CLIENT	 (v6 ? "2001:db8::9" : "203.0.113.9")
#define SERVICE	 (v6 ? "fd00:96::10" : "10.96.0.10")
#define OTHER	 (v6 ? "fd00:96::11" : "10.96.0.11")
#define ONE	 (v6 ? "fd00:1::20" : "10.0.1.20")
#define TWO	 (v6 ? "fd00:1::21" : "10.0.1.21")
#define ROUTER	 (v6 ? "fd00:ff::1" : "10.255.0.1")
#define LOOPBACK (v6 ? "fe80::7" : "169.254.42.1")

static inline const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline const char *text(const char *format, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	return arena_printf(lab->arena, "%s", line);
}

/* "cilium_lb%d_NAME" of the family at hand */
static inline const char *lb_map(const char *name)
{
	return text("cilium_lb%d_%s", v6 ? 6 : 4, name);
}

static inline const char *ct_map(int proto)
{
	return text(proto == TCP ? "cilium_ct%d_global" : "cilium_ct_any%d_global", v6 ? 6 : 4);
}

struct svc {
	const char *address; /* NULL: SERVICE */
	int port, proto; /* 0: 80, TCP */
	int index; /* 0: 10 */
	int scope;
	int first, count; /* backend ids */
	const char *more; /* fields of the entry: ", flags: 64" */
};

static inline void put_service(struct svc s)
{
	const char *key = text("address: '%s', dport: %d, proto: %d, scope: %d",
			       s.address ? s.address : SERVICE, s.port ? s.port : 80,
			       s.proto ? s.proto : TCP, s.scope);

	lab_set(lab, lb_map("services_v2"), text("{%s}", key),
		text("{count: %d, rev_nat_index: %d%s}", s.count, s.index ? s.index : 10,
		     s.more ? s.more : ""));
	lab_set(lab, lb_map("reverse_nat"), text("%d", s.index ? s.index : 10),
		text("{address: '%s', port: %d}", s.address ? s.address : SERVICE,
		     s.port ? s.port : 80));
	for (int i = 0; i < s.count; i++)
		lab_set(lab, lb_map("services_v2"), text("{%s, backend_slot: %d}", key, i + 1),
			text("{backend_id: %d}", s.first + i));
}

static inline void put_backend(int id, const char *address, int port, int state)
{
	lab_set(lab, lb_map("backends_v3"), text("%d", id),
		text("{address: '%s', port: %d, flags: %d}", address, port, state));
}

/* SERVICE:80 with backends 1 and 2 at ONE:8080 and TWO:8080, or the first count of them. */
static inline void put_pair(int count, const char *more)
{
	put_backend(1, ONE, 8080, 0);
	put_backend(2, TWO, 8080, 0);
	put_service((struct svc){ .first = 1, .count = count, .more = more });
}

static inline void remove_entry(const char *map, const char *key)
{
	cr_assert_eq(map_delete(lab_map(lab, map), lab_yaml(lab, key), &lab->err), 1, "%s %s", map,
		     key);
}

static inline void forget_flows(void)
{
	static const char *const maps[] = { "cilium_ct4_global", "cilium_ct6_global",
					    "cilium_ct_any4_global", "cilium_ct_any6_global" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		cr_assert_eq(map_clear(lab_map(lab, maps[i]), &lab->err), 0);
}

/* ---- packets ---- */

struct flow {
	int proto;
	const char *src;
	int sport;
	const char *dst;
	int dport;
	uint8_t flags; /* of TCP */
};

static inline struct pkt packet(struct flow f)
{
	struct pkt p;
	uint32_t l3, l4;

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	l3 = v6 ? put_ip6(&p, f.src, f.dst, (uint8_t)f.proto)
		: put_ip4(&p, f.src, f.dst, (uint8_t)f.proto);
	l4 = p.len;
	if (f.proto == TCP) {
		put_tcp(&p, (uint16_t)f.sport, (uint16_t)f.dport, f.flags);
		put_data(&p, 5);
		end_l4(&p, (int)l3, l4, 16, TCP);
	} else if (f.proto == UDP) {
		put_udp(&p, (uint16_t)f.sport, (uint16_t)f.dport, 5);
		put_data(&p, 5);
		end_l4(&p, (int)l3, l4, 6, UDP);
	} else {
		put16(&p, (uint16_t)f.sport);
		put16(&p, (uint16_t)f.dport);
		put32(&p, 0x12345678);
		put32(&p, 0);
		put_data(&p, 16);
		end_sctp(&p, l4);
	}
	end_ip(&p, l3);
	return p;
}

static inline void send_packet(const char *device, const char *hook, struct pkt p)
{
	lab_run(lab, device, hook, &p);
}

static inline void from_pod(struct flow f)
{
	send_packet("pod", "ingress", packet(f));
}

static inline void from_world(struct flow f)
{
	send_packet("wire", "ingress", packet(f));
}

static inline void back(struct flow f)
{
	send_packet("pod", "egress", packet(f));
}

/* TCP from a pod's port to the service. */
static inline void ask(int sport, uint8_t flags)
{
	from_pod((struct flow){ TCP, POD, sport, SERVICE, 80, flags });
}

static inline void expect_bytes(const struct pkt *want)
{
	const struct frame *out = &lab_hop(lab)->out;

	lab_expect_verdict(lab, TC_ACT_OK);
	cr_assert(out->data && out->len == want->len, "%s: %u bytes, not %u", lab->last, out->len,
		  want->len);
	for (uint32_t i = 0; i < out->len; i++)
		cr_expect_eq(out->data[i], want->b[i], "%s: IPv%d: byte %u is %02x, not %02x",
			     lab->last, v6 ? 6 : 4, i, out->data[i], want->b[i]);
}

static inline void expect(struct flow f)
{
	struct pkt want = packet(f);

	expect_bytes(&want);
}

static inline void expect_untouched(void)
{
	expect_bytes(&lab->packet);
}

static inline void expect_reason(int reason)
{
	lab_expect_drop(lab, TC_ACT_SHOT, reason, "lb.h");
}

/* Which of ONE and TWO has the packet: 1, 2; 0: neither. */
static inline int backend_of_last(void)
{
	const struct frame *out = &lab_hop(lab)->out;
	char got[INET6_ADDRSTRLEN];

	lab_expect_verdict(lab, TC_ACT_OK);
	cr_assert(out->data, "%s: no packet", lab->last);
	inet_ntop(v6 ? AF_INET6 : AF_INET, out->data + (v6 ? 38 : 30), got, sizeof(got));
	return strcmp(got, ONE) == 0 ? 1 : strcmp(got, TWO) == 0 ? 2 : 0;
}

static inline int chosen(int sport)
{
	ask(sport, SYN);
	return backend_of_last();
}

#define EACH_FAMILY for (int family_ = 0; family_ < 2 && (v6 = family_, true); family_++)

#endif
