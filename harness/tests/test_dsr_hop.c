/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DSR by option, of IPv6 packets whose sender asks something of every hop: those options come first, and the
 * service's behind them (RFC 8200, 4.1). At tc, at XDP, and where the backend is.
 */
#include "engine/prog_run.h"
#include "lab_node.h"

#define HOP_TARGET(config)                                                                         \
	"summary: a node\n"                                                                        \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, enable_nodeport: true, " \
	"enable_nodeport_acceleration: true, lb_mode: 1, nat_ipv4_masquerade: 192.168.10.1, "      \
	"nat_ipv6_masquerade: 'fd00:10::1'" config "}\n"                                           \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, egress: bpf_host.o/cil_to_netdev, "       \
	"xdp: bpf_xdp.o/cil_xdp_entry}\n"                                                          \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"

#define CLIENT	 "fd00:10::100|50000"
#define REQUEST	 CLIENT " > fd00:10::1|30090"
#define AS_SENT	 CLIENT " > fd00:2::30|8080"
#define TO_POD	 CLIENT " > fd00:1::20|8080"
#define FROM_POD "fd00:1::20|8080 > " CLIENT

enum { L3 = 14, CHAIN = L3 + 40, OPTION = 24 };
enum { HOP = 0, ROUTING = 43, DEST = 60 };

static const char *const hooks[] = { "ingress", "xdp" };

/* Port 30090 of a node, fd00:10::NODE, behind the header that `next` names. */
static void put_option(uint8_t at[OPTION], uint8_t next, uint8_t node)
{
	static const uint8_t option[OPTION] = { 0, 2, 0x1b, 20, 0xfd, 0, 0, 0x10 };

	memcpy(at, option, OPTION);
	at[0] = next;
	at[19] = node;
	at[20] = 0x75;
	at[21] = 0x8a;
}

/* Another extension header behind the fixed one: `words` of 8 bytes, of which none is like another. */
static struct pkt behind(struct pkt p, uint8_t type, uint32_t words)
{
	uint32_t len = words * 8;

	memmove(p.b + CHAIN + len, p.b + CHAIN, p.len - CHAIN);
	for (uint32_t i = 0; i < len; i++)
		p.b[CHAIN + i] = (uint8_t)(i * 7 + i / 256);
	p.b[CHAIN] = p.b[L3 + 6];
	p.b[CHAIN + 1] = (uint8_t)(words - 1);
	p.b[L3 + 6] = type;
	p.len += len;
	end_ip(&p, L3);
	return p;
}

static struct pkt told(struct pkt p)
{
	p = behind(p, DEST, OPTION / 8);
	put_option(p.b + CHAIN, p.b[CHAIN], 2);
	return p;
}

static void at(const char *hook, struct pkt p)
{
	lab_run(lab, "eth0", hook, &p);
}

static void expect_sent(const char *hook)
{
	lab_expect_verdict(lab, strcmp(hook, "xdp") ? TC_ACT_REDIRECT : XDP_TX);
	expect_ends(AS_SENT);
	if (strcmp(hook, "xdp"))
		lab_expect_complete(lab);
}

/* What came is all there, in its order, and the option is where the hop-by-hop header ends. */
static void expect_option_behind(uint32_t words, uint8_t next)
{
	const uint8_t *d = lab_hop(lab)->out.data, *was = lab->packet.b;
	uint32_t hop = words * 8;
	uint8_t option[OPTION];

	put_option(option, next, 1);
	cr_assert_eq(lab_hop(lab)->out.len, lab->packet.len + OPTION, "%s", lab->last);
	cr_expect_eq(get_be16(d + L3 + 4), lab->packet.len + OPTION - CHAIN, "%s", lab->last);
	cr_expect(d[L3 + 6] == HOP && d[CHAIN] == DEST, "%s: %u, then %u", lab->last, d[L3 + 6],
		  d[CHAIN]);
	cr_expect_arr_eq(d + CHAIN + 1, was + CHAIN + 1, hop - 1, "%s: hop by hop", lab->last);
	cr_expect_arr_eq(d + CHAIN + hop, option, OPTION, "%s: option", lab->last);
	/* behind ports and checksum the transport header and the data are as they came */
	cr_expect_arr_eq(d + lab_hop(lab)->out.len - 5, was + lab->packet.len - 5, 5, "%s: data",
			 lab->last);
}

Test(dsr_hop, the_service_is_told_behind_what_is_asked_of_every_hop, .timeout = 60)
{
	static const uint32_t words[] = { 1, 2, 3, 8, 33, 128, 176 };

	NEEDS_ROOT();
	lab = node_open(HOP_TARGET(""));
	for (int h = 0; h < 2; h++) {
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			at(hooks[h], behind(tcp_of(REQUEST, SYN), HOP, words[i]));
			expect_sent(hooks[h]);
			expect_option_behind(words[i], 6);
		}
		at(hooks[h], behind(tcp_of(REQUEST, ACK), HOP, 1));
		expect_sent(hooks[h]);
		cr_expect_eq(lab_hop(lab)->out.len, lab->packet.len, "said once");
	}
	lab_close(lab);
}

Test(dsr_hop, other_headers_stay_behind_the_service_s, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(HOP_TARGET(""));
	for (int h = 0; h < 2; h++) {
		at(hooks[h], behind(behind(tcp_of(REQUEST, SYN), DEST, 2), HOP, 1));
		expect_sent(hooks[h]);
		expect_option_behind(1, DEST);
		at(hooks[h], behind(behind(tcp_of(REQUEST, SYN), ROUTING, 3), HOP, 2));
		expect_sent(hooks[h]);
		expect_option_behind(2, ROUTING);
	}
	lab_close(lab);
}

/* RFC 8200, 4.1: once, and first. Whom one such header follows another, it is none of theirs. */
Test(dsr_hop, a_second_one_is_an_error, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(HOP_TARGET(""));
	at("ingress", behind(behind(tcp_of(REQUEST, SYN), HOP, 1), HOP, 1));
	lab_expect_drop(lab, TC_ACT_SHOT, 156, "dsr_option.h");
	at("xdp", behind(behind(tcp_of(REQUEST, SYN), HOP, 2), HOP, 1));
	lab_expect_drop(lab, XDP_DROP, 156, "dsr_option.h");
	lab_close(lab);
}

/* Whatever the header's length says: ports are looked for behind it. */
Test(dsr_hop, a_length_that_lies_reaches_no_service, .timeout = 60)
{
	struct pkt p = behind(tcp_of(REQUEST, SYN), HOP, 2);

	NEEDS_ROOT();
	lab = node_open(HOP_TARGET(""));
	for (int h = 0; h < 2; h++) {
		for (unsigned len = 0; len < 256; len++) {
			p.b[CHAIN + 1] = (uint8_t)len;
			at(hooks[h], p);
			if (len == 1)
				expect_sent(hooks[h]);
			else
				cr_expect_neq(lab_hop(lab)->out.len, p.len + OPTION,
					      "%s: of length %u", hooks[h], len);
		}
	}
	lab_close(lab);
}

Test(dsr_hop, what_becomes_too_big_is_answered, .timeout = 60)
{
	const uint8_t *d;

	NEEDS_ROOT();
	lab = node_open(HOP_TARGET(", device_mtu: 1400"));
	in(behind(tcp_data(REQUEST, SYN, 1400 - 60 - 8 - OPTION), HOP, 1));
	expect_sent("ingress");
	in(behind(tcp_data(REQUEST, SYN, 1400 - 60 - 8 - OPTION + 1), HOP, 1));
	lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
	d = lab_hop(lab)->out.data;
	cr_assert(d, "%s: dropped: %d", lab->last, lab_hop(lab)->drop_reason);
	cr_expect(d[CHAIN] == 2 && get_be32(d + CHAIN + 4) == 1400 - OPTION, "MTU %u",
		  get_be32(d + CHAIN + 4));
	cr_expect_str_eq(ends_at(d, CHAIN + 8), REQUEST);
	lab_close(lab);
}

/* ---- one skb for many segments ---- */

/* No run in the kernel has one that it lets grow. The field stands at the frame's 15th byte. */
static const char length_source[] =
	"#include <lib/drop.h>\n"
	"#include <lib/dsr_option.h>\n"
	"SEC(\"tc\") int longer(ctx_t *ctx)\n"
	"{\n"
	"	__be16 len;\n"
	"	if (!ctx_load(ctx, 14, &len, sizeof(len))) return TC_ACT_SHOT;\n"
	"	len = dsr_length(len, 24);\n"
	"	return ctx_store(ctx, 14, &len, sizeof(len)) ? TC_ACT_OK : TC_ACT_SHOT;\n"
	"}\n"
	"char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n";

/* Linux has 0 for what is longer than 64 KiB. */
Test(dsr_hop, a_length_that_cannot_be_told_is_0, .timeout = 60)
{
	static const struct {
		uint16_t was, is;
	} of[] = {
		{ 20, 44 }, { 0xffff - 24, 0xffff }, { 0xffff - 23, 0 }, { 0xffff, 0 }, { 0, 0 }
	};
	struct arena *a = arena_new();
	struct pkt p;

	NEEDS_ROOT();
	lab_compile(a, "length", length_source);
	lab = lab_open(
		a, (struct lab_opts){ .target = "summary: a length\nobjects: {dir: .}\n"
						"hooks: {native: {ingress: length.o/longer}}\n"
						"events: {map: cilium_events}\n"
						"devices: [{name: eth0, ifindex: 2, role: native, "
						"mac: 02:00:00:00:00:02}]\n",
				      .role = "native",
				      .hook = "ingress",
				      .unsummed = true });
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		put_eth(&p, 0x1234);
		put16(&p, of[i].was);
		put_data(&p, 20);
		in(p);
		cr_expect_eq(get_be16(lab_hop(lab)->out.data + 14), of[i].is, "%u became %u",
			     of[i].was, get_be16(lab_hop(lab)->out.data + 14));
	}
	lab_close(lab);
}

static void take_reason(void *arg, const void *record, uint32_t size)
{
	struct event e;

	if (!event_decode(record, size, &e, NULL) && e.type == EVENT_DROP)
		*(int *)arg = e.subtype;
}

/* A hop-by-hop header tells it then (RFC 2675): of a packet without the option. */
Test(dsr_hop, a_jumbogram_takes_no_option, .timeout = 60)
{
	struct pkt p = behind(tcp_data(REQUEST, SYN, 300), HOP, 1);
	struct prog_run run = { .hook = HOOK_TC_INGRESS,
				.data = p.b,
				.len = p.len,
				.ifindex = ETH0,
				.ingress_ifindex = ETH0,
				.gso_size = 100,
				.gso_segs = 3 };
	const char *why = "";
	uint64_t lost = 0;
	int reason = 0;

	NEEDS_ROOT();
	lab = node_open(HOP_TARGET(""));
	in(p);
	expect_sent("ingress");
	run.fd = replay_program(lab->replay)->fd;
	set16(&p, L3 + 4, 0);
	cr_assert_eq(prog_run(&run, &why, &lab->err), 0, "%s%s", why, lab->err.text);
	cr_expect_eq(run.verdict, TC_ACT_SHOT);
	cr_assert_eq(event_ring_read(target_events(replay_target(lab->replay)), take_reason,
				     &reason, &lost, &lab->err),
		     0);
	cr_expect_eq(reason, 156, "dropped for %d", reason);
	lab_close(lab);
}

/* ---- the backend's node ---- */

Test(dsr_hop, the_backends_node_finds_the_service_behind_it, .timeout = 60)
{
	static const uint32_t words[] = { 1, 2, 33, 128 };

	NEEDS_ROOT();
	lab = node_open(HOP_TARGET(""));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		/* one before that was direct */
		in(tcp_of(TO_POD, SYN));
		out(tcp_of(FROM_POD, SYN | ACK));
		expect_passed(FROM_POD);
		in(behind(told(tcp_of(TO_POD, SYN)), HOP, words[i]));
		expect_passed(TO_POD);
		lab_expect_same_but(lab, NULL, 0);
		out(tcp_of(FROM_POD, SYN | ACK));
		expect_passed("fd00:10::2|30090 > " CLIENT);
	}
	lab_close(lab);
}

/* No node puts it there. */
Test(dsr_hop, behind_a_second_one_it_is_nobodys, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(HOP_TARGET(""));
	in(behind(behind(told(tcp_of(TO_POD, SYN)), HOP, 1), HOP, 1));
	expect_passed(TO_POD);
	out(tcp_of(FROM_POD, SYN | ACK));
	expect_passed(FROM_POD);
	lab_close(lab);
}
