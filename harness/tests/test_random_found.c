// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What packets by chance have found (test_random_*.c), each as a packet that is known. */
#include "lab_node.h"

#define MASQ ", enable_ipv4_masquerade: true, enable_ipv6_masquerade: true"

#define W4 "203.0.113.5"
#define W6 "2001:db8::5"

/* The source's port, or the identifier, that came out. */
static unsigned sent_port(void)
{
	return node_ends(sent_ends()).sport;
}

/* Port 0 is what a rewrite was told where it is to leave the port; of an echo it is an identifier like any other. */
static void expect_echo_finds_back(const char *pod, const char *node, const char *peer)
{
	struct arena *a = lab->arena;
	const char *asks = arena_printf(a, "%s|0 > %s|0", pod, peer);
	struct pkt sent, error;
	unsigned id;

	out(echo_of(asks, false));
	id = sent_port();
	cr_expect_gt(id, 32767, "%s: left as %s", asks, sent_ends());
	sent = (struct pkt){ .len = lab_hop(lab)->out.len };
	memcpy(sent.b, lab_hop(lab)->out.data, sent.len);
	in(echo_of(arena_printf(a, "%s|0 > %s|%u", peer, node, id), true));
	expect_passed(arena_printf(a, "%s|0 > %s|0", peer, pod));
	put_eth(&error, strchr(pod, ':') ? 0x86dd : 0x0800);
	put_error(&error, peer, node, strchr(pod, ':') ? 1 : 3, 1, 0, &sent, 60);
	in(error);
	cr_expect_str_eq(ends_at(lab_hop(lab)->out.data, strchr(pod, ':') ? 14 + 48 : 14 + 28),
			 asks, "an error quotes %s",
			 ends_at(lab_hop(lab)->out.data, strchr(pod, ':') ? 14 + 48 : 14 + 28));
}

Test(random_found, an_echo_of_identifier_0_finds_back_from_nat, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(MASQ));
	expect_echo_finds_back("10.0.1.20", "192.168.10.1", W4);
	expect_echo_finds_back("fd00:1::20", "fd00:10::1", W6);
	lab_close(lab);
}

static struct pkt with_ttl_1(struct pkt p)
{
	if (p.b[14] >> 4 == 6) {
		p.b[21] = 1;
	} else {
		p.b[22] = 1;
		end_ip(&p, 14);
	}
	return p;
}

static void expect_quoted_as_sent(struct pkt p)
{
	const struct frame *f;
	uint32_t quote = p.b[14] >> 4 == 6 ? 14 + 48 : 14 + 28;

	in(p);
	lab_expect_verdict(lab, TC_ACT_REDIRECT);
	cr_expect_eq(lab_hop(lab)->drop_reason, 196, "%s: drop reason %d", lab->last,
		     lab_hop(lab)->drop_reason);
	f = &lab_hop(lab)->out;
	cr_assert_eq(f->len, quote + p.len - 14, "%s: %u bytes", lab->last, f->len);
	cr_expect_arr_eq(f->data + quote, p.b + 14, p.len - 14, "%s: quotes another packet",
			 lab->last);
}

/* Its sender knows the packet by what it quotes: without the option, and with port 0 where he has sent that. */
Test(random_found, whose_time_has_ended_is_quoted_as_it_was_sent, .timeout = 60)
{
	NEEDS_ROOT();
	lab = node_open(NODE_TARGET(", lb_mode: 1"));
	expect_quoted_as_sent(with_ttl_1(tcp_of("192.168.10.100|50000 > 192.168.10.1|30090", SYN)));
	expect_quoted_as_sent(with_ttl_1(tcp_of("fd00:10::100|50000 > fd00:10::1|30090", SYN)));
	lab_close(lab);
	lab = node_open(NODE_TARGET(""));
	expect_quoted_as_sent(with_ttl_1(tcp_of("192.168.10.100|0 > 192.168.10.1|30090", SYN)));
	expect_quoted_as_sent(with_ttl_1(tcp_of("fd00:10::100|0 > fd00:10::1|30090", SYN)));
	lab_close(lab);
}
