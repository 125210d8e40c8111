// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf_xdp: the list of networks, and node ports with the results that tc has. */
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>

#include "lab_node.h"

#define XDP_HOOKS                                                                                  \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, xdp: bpf_xdp.o/cil_xdp_entry}\n"          \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"

#define XDP_TARGET(config)                                                                         \
	"summary: a node with XDP\n"                                                               \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, "                        \
	"nat_ipv4_masquerade: 192.168.10.1, nat_ipv6_masquerade: 'fd00:10::1'" config              \
	"}\n" XDP_HOOKS

#define LISTED	    ", enable_prefilter: true"
#define ACCELERATED ", enable_nodeport: true, enable_nodeport_acceleration: true"

static const struct hop *at_xdp(struct pkt p)
{
	return lab_run(lab, "eth0", "xdp", &p);
}

static void expect_passed_by_xdp(void)
{
	lab_expect_verdict(lab, XDP_PASS);
	lab_expect_same_but(lab, NULL, 0);
}

/* ---- the list ---- */

static struct lab *listing(const char *target)
{
	struct lab *l =
		lab_open(arena_new(),
			 (struct lab_opts){ .target = target, .role = "native", .hook = "xdp" });

	lab_set(l, "cilium_cidr_v4_dyn", "{lpm: {prefixlen: 24}, addr: 203.0.113.0}", "{}");
	lab_set(l, "cilium_cidr_v4_fix", "{lpm: {prefixlen: 32}, addr: 198.51.100.7}", "{}");
	lab_set(l, "cilium_cidr_v6_dyn", "{lpm: {prefixlen: 48}, addr: '2001:db8:bad::'}", "{}");
	lab_set(l, "cilium_cidr_v6_fix", "{lpm: {prefixlen: 128}, addr: '2001:db8::7'}", "{}");
	return l;
}

/* Packets dropped for that reason, by the metrics. */
static uint64_t counted(unsigned reason)
{
	struct map *m = lab_map(lab, "cilium_metrics");
	struct map_snapshot s;
	uint64_t sum = 0;

	cr_assert_eq(map_snapshot(m, lab->arena, &s, &lab->err), 0, "%s", lab->err.text);
	for (size_t i = 0; i < s.n; i++)
		if (*(const uint8_t *)s.items[i].key == reason)
			sum += *(const uint64_t *)s.items[i].value;
	return sum;
}

static const char *const listed[] = {
	"203.0.113.1|4000 > 192.168.10.1|80",  "203.0.113.255|4000 > 192.168.10.1|80",
	"198.51.100.7|4000 > 192.168.10.1|80", "2001:db8:bad:1::1|4000 > fd00:10::1|80",
	"2001:db8::7|4000 > fd00:10::1|80",
};

static const char *const unlisted[] = {
	"203.0.114.1|4000 > 192.168.10.1|80", "198.51.100.8|4000 > 192.168.10.1|80",
	"192.168.10.1|4000 > 203.0.113.1|80", "2001:db8:bae::1|4000 > fd00:10::1|80",
	"2001:db8::8|4000 > fd00:10::1|80",
};

#define N_OF(list) (sizeof(list) / sizeof((list)[0]))

Test(xdp_datapath, packets_from_listed_networks_are_dropped, .timeout = 60)
{
	NEEDS_ROOT();
	lab = listing(XDP_TARGET(LISTED));
	for (size_t i = 0; i < N_OF(listed); i++) {
		at_xdp(tcp_of(listed[i], SYN));
		lab_expect_drop(lab, XDP_DROP, 181, "prefilter.h");
	}
	cr_expect_eq(counted(181), N_OF(listed));
	for (size_t i = 0; i < N_OF(unlisted); i++) {
		at_xdp(tcp_of(unlisted[i], SYN));
		expect_passed_by_xdp();
	}
	cr_expect_eq(counted(181), N_OF(listed));
	lab_close(lab);
}

Test(xdp_datapath, so_are_they_below_vlan_tags_with_options_and_as_fragments, .timeout = 60)
{
	struct pkt p = { 0 }, inner = tcp_of(listed[0], SYN);

	NEEDS_ROOT();
	lab = listing(XDP_TARGET(LISTED));
	put_eth(&p, 0x8100);
	put_vlan(&p, 5, 0x88a8);
	put_vlan(&p, 6, 0x0800);
	put_bytes(&p, inner.b + 14, inner.len - 14);
	at_xdp(p);
	lab_expect_drop(lab, XDP_DROP, 181, "prefilter.h");
	set16(&inner, 20, 5);
	end_ip(&inner, 14);
	at_xdp(inner);
	lab_expect_drop(lab, XDP_DROP, 181, "prefilter.h");
	inner = tcp_of(listed[3], SYN);
	inner.b[20] = 44; /* what follows is taken for a fragment header */
	at_xdp(inner);
	lab_expect_drop(lab, XDP_DROP, 181, "prefilter.h");
	lab_close(lab);
}

Test(xdp_datapath, a_flood_is_counted_and_not_told_packet_by_packet, .timeout = 60)
{
	NEEDS_ROOT();
	lab = listing(XDP_TARGET(LISTED ", monitor_aggregation: 1"));
	for (int i = 0; i < 3; i++) {
		at_xdp(tcp_of(listed[0], SYN));
		lab_expect_verdict(lab, XDP_DROP);
		cr_expect_eq(lab_hop(lab)->n_events, 0);
	}
	cr_expect_eq(counted(181), 3);
	lab_close(lab);
}

Test(xdp_datapath, without_the_setting_the_list_is_not_asked, .timeout = 60)
{
	NEEDS_ROOT();
	lab = listing(XDP_TARGET(""));
	for (size_t i = 0; i < N_OF(listed); i++) {
		at_xdp(tcp_of(listed[i], SYN));
		expect_passed_by_xdp();
	}
	lab_close(lab);
}

/* tc, which sees it next, drops it by name. */
Test(xdp_datapath, what_is_not_ip_or_not_whole_is_left_to_tc, .timeout = 60)
{
	struct pkt p, whole = tcp_of(unlisted[0], SYN);

	NEEDS_ROOT();
	lab = listing(XDP_TARGET(LISTED ACCELERATED));
	put_eth(&p, 0x0806);
	put_data(&p, 46);
	at_xdp(p);
	expect_passed_by_xdp();
	p = whole;
	set16(&p, 16, 200);
	set16(&p, 24, 0);
	set16(&p, 24, slow_sum(p.b + 14, 20, 0));
	at_xdp(p);
	expect_passed_by_xdp();
	lab_run(lab, "eth0", "ingress", &p);
	lab_expect_drop(lab, TC_ACT_SHOT, 134, "ipv4.h");
	p = whole;
	p.b[14] = 0x43;
	at_xdp(p);
	expect_passed_by_xdp();
	lab_run(lab, "eth0", "ingress", &p);
	lab_expect_drop(lab, TC_ACT_SHOT, 134, "ipv4.h");
	p = tcp_of(listed[0], SYN);
	p.b[14] = 0x43; /* nobody wants to know what else is wrong with it */
	at_xdp(p);
	lab_expect_drop(lab, XDP_DROP, 181, "prefilter.h");
	lab_close(lab);
}

/* ---- node ports: the same packets at tc and at XDP ---- */

#define C4 "192.168.10.100|50000"
#define C6 "fd00:10::100|50000"
#define D4 "192.168.10.100|50001"

enum kind { TCP, LONG, UDP, UNSUMMED, ZERO_SUM, SCTP, ECHO, ERROR };

struct said {
	const char *text;
	uint8_t flags; /* of TCP */
	enum kind kind;
	const char *quoted; /* by an error: TCP; ZERO_SUM: what it becomes, with a sum of 0 */
};

/* Requests to backends here, there, in the host's namespace; answers of the one there; none's. */
static const struct said conversation[] = {
	{ C4 " > 192.168.10.1|30080", SYN, TCP, NULL },
	{ C4 " > 192.168.10.1|30080", ACK, TCP, NULL },
	{ C4 " > 192.168.10.1|30090", SYN, TCP, NULL },
	{ "10.0.2.30|8080 > 192.168.10.1|50000", SYN | ACK, TCP, NULL },
	{ C4 " > 192.168.10.1|30090", ACK, TCP, NULL },
	{ D4 " > 192.168.10.1|30090", SYN, TCP, NULL },
	{ "10.0.2.30|8080 > 192.168.10.1|50001", SYN | ACK, TCP, NULL },
	{ C4 " > 192.168.10.1|30070", SYN, TCP, NULL },
	{ C4 " > 192.168.10.1|22", SYN, TCP, NULL },
	{ "10.0.2.30|8080 > 192.168.10.1|50009", SYN | ACK, TCP, NULL },
	{ C6 " > fd00:10::1|30080", SYN, TCP, NULL },
	{ C6 " > fd00:10::1|30090", SYN, TCP, NULL },
	{ "fd00:2::30|8080 > fd00:10::1|50000", SYN | ACK, TCP, NULL },
	{ C6 " > fd00:10::1|30090", FIN | ACK, TCP, NULL },
	{ "fd00:2::30|8080 > fd00:10::1|50000", RST, TCP, NULL },
	{ C6 " > fd00:10::1|30070", SYN, TCP, NULL },

	{ C4 " > 192.168.10.1|30090", 0, UDP, NULL },
	{ "10.0.2.30|8080 > 192.168.10.1|50000", 0, UDP, NULL },
	{ D4 " > 192.168.10.1|30080", 0, UDP, NULL },
	{ C6 " > fd00:10::1|30090", 0, UDP, NULL },
	{ "fd00:2::30|8080 > fd00:10::1|50000", 0, UDP, NULL },
	{ C4 " > 192.168.10.1|30090", 0, UNSUMMED, NULL },
	{ C4 " > 192.168.10.1|30090", 0, ZERO_SUM, "192.168.10.1|50000 > 10.0.2.30|8080" },
	{ C6 " > fd00:10::1|30090", 0, ZERO_SUM, "fd00:10::1|50000 > fd00:2::30|8080" },
	{ D4 " > 192.168.10.1|30090", ACK, LONG, NULL },
	{ C6 " > fd00:10::1|30090", ACK, LONG, NULL },
	{ C4 " > 192.168.10.1|8080", 0, SCTP, NULL },
	{ "10.0.2.30|8080 > 192.168.10.1|50000", 0, SCTP, NULL },
	{ C4 " > 192.168.10.1|30090", 0, SCTP, NULL }, /* no port may change: dropped */
	{ C6 " > fd00:10::1|8080", 0, SCTP, NULL },
	{ "fd00:2::30|8080 > fd00:10::1|50000", 0, SCTP, NULL },
	{ C4 " > 192.168.10.1|0", 0, ECHO, NULL },
	{ C6 " > fd00:10::1|0", 0, ECHO, NULL },
	{ "192.168.10.254|0 > 192.168.10.1|0", 0, ERROR, "192.168.10.1|30090 > " C4 },
	{ "192.168.10.2|0 > 192.168.10.1|0", 0, ERROR, "192.168.10.1|50000 > 10.0.2.30|8080" },
	{ "192.168.10.254|0 > 192.168.10.1|0", 0, ERROR, "192.168.10.1|22 > " C4 },
	{ "fd00:10::fe|0 > fd00:10::1|0", 0, ERROR, "fd00:10::1|30090 > " C6 },
	{ "fd00:10::2|0 > fd00:10::1|0", 0, ERROR, "fd00:10::1|50000 > fd00:2::30|8080" },
};

enum { SAID = sizeof(conversation) / sizeof(conversation[0]), SAID_MAX = 64 };

/* What came of a packet, in words that mean the same at both hooks. */
enum fate { PASSED, DROPPED, SENT };

struct result {
	enum fate fate;
	int reason;
	uint32_t ifindex, len;
	uint8_t bytes[2048];
};

struct account {
	struct result outcomes[SAID_MAX];
	char *maps;
};

static enum fate fate_of(const struct hop *hop, bool xdp)
{
	if (hop->verdict == (xdp ? XDP_PASS : TC_ACT_OK))
		return PASSED;
	return hop->verdict == (xdp ? XDP_DROP : TC_ACT_SHOT) ? DROPPED : SENT;
}

static void account_of(struct result *o, const struct hop *hop, bool xdp)
{
	*o = (struct result){ .fate = fate_of(hop, xdp), .reason = hop->drop_reason };
	if (o->fate == SENT)
		o->ifindex = xdp && hop->verdict == XDP_TX
				     ? ETH0
				     : hop->redirects[hop->n_redirects - 1].ifindex;
	if (o->fate == DROPPED)
		return;
	o->len = hop->out.len;
	memcpy(o->bytes, hop->out.data, o->len);
}

/* Entries and their values, but for the times at which packets came. */
static char *maps_of(void)
{
	static const char *const names[] = { "cilium_ct4_global",	"cilium_ct6_global",
					     "cilium_ct_any4_global",	"cilium_ct_any6_global",
					     "cilium_snat_v4_external", "cilium_snat_v6_external" };
	struct buf text = BUF_INIT;
	char *copy;

	for (size_t i = 0; i < N_OF(names); i++) {
		struct map *m = lab_map(lab, names[i]);
		struct map_snapshot s;

		cr_assert_eq(map_snapshot(m, lab->arena, &s, &lab->err), 0, "%s", lab->err.text);
		for (size_t k = 0; k < s.n; k++) {
			buf_printf(&text, "%s ", names[i]);
			value_print(&text, map_key_value(lab->arena, m, s.items[k].key));
			buf_puts(&text, ": ");
			value_print(&text, map_value_value(lab->arena, m, s.items[k].value));
			buf_puts(&text, "\n");
		}
	}
	copy = strdup(buf_str(&text));
	buf_free(&text);
	return copy;
}

/* 30090 by UDP and SCTP, and 8080, the backend's own port, by SCTP. */
static void add_services(void)
{
	static const struct {
		unsigned port, proto;
	} more[] = { { 30090, 17 }, { 30090, 132 }, { 8080, 132 } };

	for (size_t i = 0; i < N_OF(more); i++) {
		for (unsigned slot = 0; slot < 2; slot++) {
			for (unsigned v6 = 0; v6 < 2; v6++)
				lab_set(lab,
					v6 ? "cilium_lb6_services_v2" : "cilium_lb4_services_v2",
					arena_printf(lab->arena,
						     "{address: '%s', dport: %u, proto: %u, "
						     "backend_slot: %u}",
						     v6 ? "fd00:10::1" : "192.168.10.1",
						     more[i].port, more[i].proto, slot),
					arena_printf(lab->arena,
						     "{%s: %s, rev_nat_index: %s, flags: 66}",
						     slot ? "backend_id" : "count",
						     !slot ? "1"
						     : v6  ? "62"
							   : "42",
						     v6 ? "62" : "42"));
		}
	}
}

static struct pkt sctp_of(const char *text)
{
	struct pkt p = udp_of(text, 8);

	p.b[p.b[14] >> 4 == 6 ? 20 : 23] = 132;
	end_sctp(&p, p.b[14] >> 4 == 6 ? 54 : 34);
	end_ip(&p, 14);
	return p;
}

static struct pkt unsummed_of(const char *text)
{
	struct pkt p = udp_of(text, 8);

	set16(&p, 40, 0);
	return p;
}

/* RFC 768: a sum of 0 is sent as 0xffff, 0 says that there is none. */
static struct pkt zero_sum_of(const char *text, const char *becomes)
{
	struct pkt p = udp_of(text, 8), want = udp_of(becomes, 8);
	uint32_t l4 = p.b[14] >> 4 == 6 ? 54 : 34;

	set16(&want, l4 + 8, 0);
	end_l4(&want, 14, l4, 6, 17);
	set16(&p, l4 + 8, get_be16(want.b + l4 + 6));
	end_l4(&p, 14, l4, 6, 17);
	return p;
}

static struct pkt error_of(const struct said *s)
{
	struct node_ends e = node_ends(s->text);
	struct pkt quoted = tcp_data(s->quoted, ACK, 40), p;

	put_eth(&p, e.v6 ? 0x86dd : 0x0800);
	put_error(&p, e.src, e.dst, e.v6 ? 2 : 3, e.v6 ? 0 : 4, 1300, &quoted, 60);
	return p;
}

static struct pkt packet_of(const struct said *s)
{
	switch (s->kind) {
	case LONG: /* more than an error quotes */
		return tcp_data(s->text, s->flags, 1300);
	case UDP:
		return udp_of(s->text, 8);
	case UNSUMMED:
		return unsummed_of(s->text);
	case ZERO_SUM:
		return zero_sum_of(s->text, s->quoted);
	case SCTP:
		return sctp_of(s->text);
	case ECHO:
		return echo_of(s->text, false);
	case ERROR:
		return error_of(s);
	default:
		return tcp_of(s->text, s->flags);
	}
}

static struct account *talk(const char *target, bool xdp, uint8_t ttl)
{
	struct account *a = calloc(1, sizeof(*a));

	lab = node_open(target);
	add_services();
	for (size_t i = 0; i < SAID; i++) {
		struct pkt p = packet_of(&conversation[i]);

		if (p.b[14] >> 4 == 6) {
			p.b[21] = ttl;
		} else {
			p.b[22] = ttl;
			end_ip(&p, 14);
		}
		lab_run(lab, "eth0", xdp ? "xdp" : "ingress", &p);
		account_of(&a->outcomes[i], lab_hop(lab), xdp);
	}
	a->maps = maps_of();
	lab_close(lab);
	return a;
}

/* The first line that differs says enough. */
static void expect_same_lines(const char *xdp, const char *tc)
{
	while (*xdp && *tc) {
		size_t x = strcspn(xdp, "\n"), t = strcspn(tc, "\n");

		cr_assert(x == t && !memcmp(xdp, tc, t), "at XDP %.*s, at tc %.*s", (int)x, xdp,
			  (int)t, tc);
		xdp += x + 1;
		tc += t + 1;
	}
	cr_expect_str_eq(xdp, tc);
}

static void expect_same(const char *target, uint8_t ttl)
{
	struct account *tc = talk(target, false, ttl), *xdp = talk(target, true, ttl);

	for (size_t i = 0; i < SAID; i++) {
		const struct result *t = &tc->outcomes[i], *x = &xdp->outcomes[i];
		const char *what = conversation[i].text;

		cr_expect_eq(x->fate, t->fate, "%s: %d at XDP, %d at tc", what, x->fate, t->fate);
		cr_expect_eq(x->reason, t->reason, "%s: reason %d at XDP, %d at tc", what,
			     x->reason, t->reason);
		cr_expect_eq(x->ifindex, t->ifindex, "%s: to %u and %u", what, x->ifindex,
			     t->ifindex);
		cr_expect(x->len == t->len && !memcmp(x->bytes, t->bytes, t->len),
			  "%s: other bytes at XDP than at tc", what);
	}
	expect_same_lines(xdp->maps, tc->maps);
	cr_expect(ttl == 1 || strlen(tc->maps) > 100, "nothing was noted: %s", tc->maps);
	free(tc->maps);
	free(xdp->maps);
	free(tc);
	free(xdp);
}

Test(xdp_datapath, node_ports_by_snat_are_what_they_are_at_tc, .timeout = 120)
{
	NEEDS_ROOT();
	expect_same(XDP_TARGET(ACCELERATED), 64);
}

Test(xdp_datapath, and_so_by_dsr_options, .timeout = 120)
{
	NEEDS_ROOT();
	expect_same(XDP_TARGET(ACCELERATED ", lb_mode: 1"), 64);
}

Test(xdp_datapath, and_so_by_dsr_in_ipip, .timeout = 120)
{
	NEEDS_ROOT();
	expect_same(XDP_TARGET(ACCELERATED ", lb_mode: 1, dsr_dispatch: 2, dsr_rss_prefix4: "
					   "10.99.0.0, dsr_rss_prefix4_len: 16, "
					   "dsr_rss_prefix6: 'fd99::', dsr_rss_prefix6_len: 64"),
		    64);
}

/* The first 64 packets on a CPU at once, then 64 by 64. */
Test(xdp_datapath, what_it_sends_on_is_counted, .timeout = 60)
{
	static const unsigned told[] = { 64, 64, 128 }, sent[] = { 64, 63, 1 };
	cpu_set_t one;

	NEEDS_ROOT();
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	lab = node_open(XDP_TARGET(ACCELERATED));
	at_xdp(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	lab_expect_verdict(lab, XDP_TX);
	cr_expect_eq(counted(0), 1);
	for (int step = 0; step < 3; step++) {
		for (unsigned i = step ? 0 : 1; i < sent[step]; i++)
			at_xdp(tcp_of(C4 " > 192.168.10.1|30090", ACK));
		cr_expect_eq(counted(0), told[step], "step %d: %u", step, (unsigned)counted(0));
	}
	lab_close(lab);
}

/* Answers about it quote what the client has sent. */
Test(xdp_datapath, and_so_at_the_end_of_their_life, .timeout = 120)
{
	NEEDS_ROOT();
	expect_same(XDP_TARGET(ACCELERATED), 1);
}

Test(xdp_datapath, not_accelerated_they_are_tcs_alone, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(XDP_TARGET(", enable_nodeport: true"));
	for (size_t i = 0; i < SAID; i++) {
		at_xdp(packet_of(&conversation[i]));
		expect_passed_by_xdp();
	}
	lab_close(lab);
}

Test(xdp_datapath, what_the_tunnel_carries_an_option_for_is_left_to_tc, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(XDP_TARGET(ACCELERATED ", lb_mode: 1, dsr_dispatch: 1, tunnel_ifindex: 3"));
	at_xdp(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	expect_passed_by_xdp();
	lab_close(lab);
}

Test(xdp_datapath, what_the_hosts_policy_judges_first_is_left_to_tc, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(XDP_TARGET(ACCELERATED
				   ", enable_host_firewall: true, host_policy_on_services: true"));
	at_xdp(tcp_of(C4 " > 192.168.10.1|30090", SYN));
	expect_passed_by_xdp();
	lab_close(lab);
}
