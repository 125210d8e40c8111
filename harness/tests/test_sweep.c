// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What variants make of packets, and that nothing that differs is taken for the same. No kernel here:
 * cli/sweep.sh runs variants on programs.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "engine/variant.h"
#include "judge/sweep.h"
#include "packet/build.h"
#include "packet/bytes.h"
#include "packet/csum.h"
#include "packet/field.h"
#include "scenario/flow.h"

static struct arena *a;

static void begin(void)
{
	a = arena_new();
}

static void end(void)
{
	arena_free(a);
}

TestSuite(sweep, .init = begin, .fini = end);

static struct ip_addr addr(const char *text)
{
	struct ip_addr ip;

	cr_assert(ip_addr_parse(text, &ip), "%s", text);
	return ip;
}

static struct build_ip between(const char *from, const char *to)
{
	return (struct build_ip){
		.src = { addr(from), 40000 }, .dst = { addr(to), 80 }, .ttl = 63, .tos = 8
	};
}

static const char *field(const struct frame *f, const char *name)
{
	struct buf b = BUF_INIT;
	struct layers l;
	const char *text;

	cr_assert_eq(packet_parse(f->data, f->len, LINK_ETHERNET, &l), 0);
	if (!field_get(field_find(name), f->data, f->len, &l, &b))
		buf_puts(&b, "absent");
	text = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return text;
}

static void check_sums(const struct frame *f)
{
	struct layers l;

	packet_parse(f->data, f->len, LINK_ETHERNET, &l);
	cr_expect_neq(csum_l3(f->data, f->len, &l.ip), CSUM_BAD);
	cr_expect_eq(csum_l4(f->data, f->len, &l.ip), CSUM_GOOD);
	cr_expect_eq(l.ip.end, (int)f->len, "its IP length is not the frame's");
}

static struct injection tcp_of(uint32_t len)
{
	struct build_ip ip = between("10.0.0.1", "10.0.0.2");
	struct build_tcp tcp = { .seq = 1000, .ack = 2000, .flags = 0x18, .window = 500 };

	return (struct injection){ .frame = build_tcp(a, &ip, &tcp, arena_alloc(a, len + 1), len) };
}

static bool vary(enum variant_kind kind, struct injection *in)
{
	static struct value values = { .kind = VALUE_MAP };
	struct cluster c = { .manifests = { .values = &values } };
	struct variant v = { .kind = kind };
	const char *why = NULL;
	bool varied = variant_change(&v, &c, in, a, &why);

	cr_expect_neq(varied, why != NULL, "a packet that stays as it is needs a reason");
	return varied;
}

Test(sweep, options_move_the_transport_header_and_leave_sums_right)
{
	struct injection in = tcp_of(100);
	uint32_t len = in.frame.len;

	cr_assert(vary(VARIANT_IP_OPTIONS, &in));
	cr_expect_eq(in.frame.len, len + 4);
	cr_expect_str_eq(field(&in.frame, "ip.hdr_len"), "24");
	cr_expect_str_eq(field(&in.frame, "tcp.dstport"), "80");
	check_sums(&in.frame);
}

Test(sweep, a_packet_near_the_mtu_keeps_its_size)
{
	struct injection in = tcp_of(1460);

	cr_assert(vary(VARIANT_IP_OPTIONS, &in));
	cr_expect_eq(in.frame.len, 1514);
	check_sums(&in.frame);
}

Test(sweep, extension_headers_are_of_ipv6_alone)
{
	struct build_ip ip = between("fd00::1", "fd00::2");
	struct injection in = { .frame = build_udp(a, &ip, "data", 4) }, four = tcp_of(4);

	cr_expect_not(vary(VARIANT_EXTENSION_HEADERS, &four));
	cr_assert(vary(VARIANT_EXTENSION_HEADERS, &in));
	cr_expect_str_eq(field(&in.frame, "ipv6.nxt"), "0");
	cr_expect_str_eq(field(&in.frame, "udp.dstport"), "80");
	check_sums(&in.frame);
	cr_expect_not(vary(VARIANT_EXTENSION_HEADERS, &in), "twice");
}

Test(sweep, segments_are_larger_than_the_mtu_together_and_none_alone)
{
	struct injection in = tcp_of(1400), empty = tcp_of(0);

	cr_expect_not(vary(VARIANT_GSO, &empty));
	cr_assert(vary(VARIANT_GSO, &in));
	cr_expect_eq(in.shape.gso_size, 1400);
	cr_expect_eq(in.frame.len, 54u + in.shape.gso_segs * 1400u);
	cr_expect_gt(in.frame.len, 1514);
	check_sums(&in.frame);
}

/* ---- IPv6 ---- */

static bool to_six(void *arg, const struct ip_addr *four, struct ip_addr *six, const char **why)
{
	(void)arg;
	(void)why;
	*six = addr("fd00::");
	memcpy(six->bytes + 12, four->bytes, 4);
	return true;
}

static bool translate(struct frame *f)
{
	struct to_ip6 t = { .a = a, .address = to_six };
	bool ok = frame_to_ip6(f, &t);

	cr_expect_neq(ok, t.why != NULL);
	return ok;
}

Test(sweep, tcp_becomes_ipv6)
{
	struct frame f = tcp_of(10).frame;

	cr_assert(translate(&f));
	cr_expect_str_eq(field(&f, "ipv6.src"), "fd00::a00:1");
	cr_expect_str_eq(field(&f, "ipv6.hlim"), "63");
	cr_expect_str_eq(field(&f, "tcp.seq_raw"), "1000");
	check_sums(&f);
	cr_expect_not(translate(&f), "it is no IPv4 packet any more");
}

Test(sweep, icmp_errors_become_those_of_icmpv6_with_what_they_quote)
{
	static const struct {
		uint8_t type, code;
		const char *is_type, *is_code;
	} all[] = {
		{ 3, 3, "1", "4" }, { 3, 1, "1", "0" },	 { 3, 13, "1", "1" },
		{ 3, 4, "2", "0" }, { 11, 0, "3", "0" },
	};
	struct build_ip back = between("10.0.0.9", "10.0.0.1"),
			ip = between("10.0.0.1", "10.0.0.2");
	struct frame udp = build_udp(a, &ip, "data", 4);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct frame f =
			build_icmp(a, &back, all[i].type, all[i].code, all[i].code == 4 ? 1300 : 0,
				   udp.data + 14, udp.len - 14);
		struct layers l;

		cr_assert(translate(&f), "%u/%u", all[i].type, all[i].code);
		cr_expect_str_eq(field(&f, "icmpv6.type"), all[i].is_type);
		cr_expect_str_eq(field(&f, "icmpv6.code"), all[i].is_code);
		cr_expect_str_eq(field(&f, "ipv6.dst#2"), "fd00::a00:2");
		cr_expect_str_eq(field(&f, "udp.dstport"), "80");
		check_sums(&f);
		packet_parse(f.data, f.len, LINK_ETHERNET, &l);
		cr_expect_eq(csum_l4(f.data, f.len, &l.inner), CSUM_GOOD, "of what is quoted");
		if (all[i].code == 4)
			cr_expect_str_eq(field(&f, "icmpv6.mtu"), "1320");
	}
}

Test(sweep, a_wrong_checksum_is_not_made_right)
{
	struct frame f = tcp_of(10).frame;

	f.data[f.len - 1] ^= 1;
	cr_expect_not(translate(&f));
}

/* ---- judging ---- */

struct pair {
	struct hop hop[2];
	struct trace packet[2];
	struct step_trace step[2];
	struct run_trace run[2];
	struct step written;
	struct scenario scenario;
	struct step_result judged;
	struct scenario_result res;
};

static struct pair *pair_new(void)
{
	struct pair *p = arena_new_of(a, struct pair);

	p->written = (struct step){ .kind = STEP_SEND, .index = 1, .loc = { "x.yaml", 7, 1 } };
	p->scenario = (struct scenario){ .steps = &p->written, .n_steps = 1 };
	for (size_t i = 0; i < 2; i++) {
		p->hop[i] = (struct hop){ .at = "one/eth0",
					  .program = "cil_from_netdev",
					  .ct = CT_STATE_NEW };
		p->packet[i] = (struct trace){ .number = 1,
					       .hops = &p->hop[i],
					       .n_hops = 1,
					       .outcome = OUTCOME_DELIVERED,
					       .at = "default/web",
					       .frame = tcp_of(10).frame,
					       .final = tcp_of(10).frame };
		p->step[i] = (struct step_trace){ .step = &p->written,
						  .packets = &p->packet[i],
						  .n_packets = 1 };
		p->run[i] = (struct run_trace){ .steps = &p->step[i], .n_steps = 1, .n_varied = 1 };
	}
	p->judged.step = &p->written;
	p->res = (struct scenario_result){ .scenario = &p->scenario,
					   .status = STATUS_PASSED,
					   .trace = &p->run[0],
					   .steps = &p->judged,
					   .n_steps = 1 };
	return p;
}

/* The one difference's field, "" where there is none. */
static const char *judged(struct pair *p, enum variant_kind kind)
{
	struct variant v = { .kind = kind, .name = "it" };
	struct sweep_result out = { .name = "it" };

	judge_variant(a, &v, &p->run[1], &p->res, &out);
	cr_expect_eq(out.n_diffs, p->judged.n_diffs);
	cr_expect_eq(out.status, out.n_diffs ? SWEEP_DIFFERS : SWEEP_SAME);
	cr_expect_eq(p->res.status, out.n_diffs ? STATUS_FAILED : STATUS_PASSED);
	cr_assert_leq(out.n_diffs, 1, "one difference a packet");
	return out.n_diffs ? p->judged.diffs[0].field : "";
}

#define DIFFERS(what, change)                                                                      \
	do {                                                                                       \
		struct pair *p = pair_new();                                                       \
		change;                                                                            \
		cr_expect_str_eq(judged(p, VARIANT_GSO), what, #change);                           \
	} while (0)

Test(sweep, whatever_else_changes_is_a_difference)
{
	DIFFERS("", (void)0);
	DIFFERS("outcome", p->packet[1].outcome = OUTCOME_DROPPED);
	DIFFERS("at", p->packet[1].at = "default/other");
	DIFFERS("hop", p->packet[1].n_hops = 0);
	DIFFERS("hop", p->hop[1].program = "cil_to_netdev");
	DIFFERS("verdict", p->hop[1].verdict = 2);
	DIFFERS("verdict", p->hop[1].drop_reason = 133);
	DIFFERS("ct", p->hop[1].ct = CT_STATE_REPLY);
	DIFFERS("identity", p->hop[1].has_identities = true);
	DIFFERS("events", (p->hop[1].n_events = 1,
			   p->hop[1].events = &(struct event){ .type = EVENT_TRACE }));
	DIFFERS("arrived", p->packet[1].final.data = NULL);
	DIFFERS("outcome", p->step[1].n_packets = 0);
	DIFFERS("ip.ttl", p->packet[1].final.data[22]--);
	DIFFERS("tcp.dstport", p->packet[1].final.data[37]++);
	DIFFERS("checksum of the transport", p->packet[1].final.data[p->packet[1].final.len - 1]++);
	DIFFERS("answer", p->packet[1].answer = &p->packet[0]);
	DIFFERS("maps: one: m: added",
		(p->step[1].n_changes = 1,
		 p->step[1].changes = &(struct node_map_change){ .node = "one", .map = "m" }));
}

/* What is lost is told, not each packet that could then not be sent. */
Test(sweep, a_packet_not_sent_because_another_got_lost_is_no_difference_of_its_own)
{
	struct pair *p = pair_new();

	for (size_t i = 0; i < 2; i++) {
		struct trace *two = arena_alloc(a, 2 * sizeof(*two));

		two[0] = two[1] = p->packet[i];
		two[i].outcome = i ? OUTCOME_NONE : OUTCOME_DELIVERED;
		p->step[i].packets = two;
		p->step[i].n_packets = 2;
	}
	p->step[1].packets[0].outcome = OUTCOME_DROPPED;
	cr_expect_str_eq(judged(p, VARIANT_GSO), "outcome");
	DIFFERS("outcome", p->packet[1].outcome = OUTCOME_NONE);
}

Test(sweep, what_changes_no_packet_is_no_pass)
{
	struct variant v = { .kind = VARIANT_GSO, .name = "gso" };
	struct sweep_result out = { .name = "gso" };
	struct pair *p = pair_new();

	p->run[1].n_varied = 0;
	p->run[1].left = "only TCP and UDP are segmented";
	judge_variant(a, &v, &p->run[1], &p->res, &out);
	cr_expect_eq(out.status, SWEEP_NOT_RUN);
	cr_expect_str_eq(out.why, "only TCP and UDP are segmented");
}

/* A pod's packet to a pod beside it: no device has seen it. */
Test(sweep, only_what_a_device_summed_up_counts_as_summed)
{
	struct variant v = { .kind = VARIANT_CHECKSUM_COMPLETE, .name = "checksum-complete" };
	struct sweep_result out = { .name = v.name };
	struct pair *p = pair_new();

	judge_variant(a, &v, &p->run[1], &p->res, &out);
	cr_expect_eq(out.status, SWEEP_NOT_RUN);
	cr_expect_str_eq(out.why, "it comes in from no wire, so no device sums it up");
	p->hop[1].summed = true;
	judge_variant(a, &v, &p->run[1], &p->res, &out);
	cr_expect_eq(out.status, SWEEP_SAME);
	cr_expect_eq(out.n_varied, 1);
	cr_expect_null(out.why);
}

Test(sweep, other_seeds_may_choose_where_a_service_is_and_nothing_else)
{
	struct pair *p = pair_new();

	p->packet[1].at = "default/other";
	cr_expect_str_eq(judged(p, VARIANT_SEEDS), "at", "nothing chose here");
	p = pair_new();
	p->packet[0].final.data[33]++; /* the destination's last byte: translated */
	p->packet[1].final.data[33] += 2;
	p->packet[1].at = "default/other";
	cr_expect_str_eq(judged(p, VARIANT_SEEDS), "");
	p = pair_new();
	p->packet[1].outcome = OUTCOME_SENT;
	cr_expect_str_eq(judged(p, VARIANT_SEEDS), "outcome");
}

Test(sweep, members_are_told_by_whose_address_it_is)
{
	struct address_pair pairs[] = { { addr("10.0.0.1"), addr("fd00::1") },
					{ addr("10.0.0.2"), addr("fd00::2") },
					{ addr("10.0.0.3"), addr("fd00::3") } };
	struct build_ip ip = between("fd00::1", "fd00::2");
	struct build_tcp tcp = { .seq = 1000, .ack = 2000, .flags = 0x18, .window = 500 };

	for (unsigned other = 0; other < 2; other++) {
		struct pair *p = pair_new();

		if (other)
			ip.dst.addr = addr("fd00::3");
		p->packet[1].frame = p->packet[1].final = build_tcp(a, &ip, &tcp, "0123456789", 10);
		p->run[1].pairs = pairs;
		p->run[1].n_pairs = 3;
		cr_expect_str_eq(judged(p, VARIANT_IPV6), other ? "ipv6.dst" : "");
	}
}
