/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DSR where a link on the way to the backend's node is smaller than the node's own (RFC 1191, RFC 8201): what grows is
 * measured as it will be, and its sender is told of the packet that he has sent.
 */
#include "lab_dsr.h"

#define THIN 1400

#define THIN_XDP                                                                                   \
	"summary: a node with XDP\n"                                                               \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, enable_nodeport: true, " \
	"enable_nodeport_acceleration: true, lb_mode: 1, nat_ipv4_masquerade: 192.168.10.1, "      \
	"nat_ipv6_masquerade: 'fd00:10::1'}\n"                                                     \
	"hooks: {native: {ingress: bpf_host.o/cil_from_netdev, xdp: bpf_xdp.o/cil_xdp_entry}}\n"   \
	"events: {map: cilium_events}\n"                                                           \
	"devices: [{name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}]\n"

static struct lab *thin_open(const char *target)
{
	struct arena *a = arena_new();

	return lab_open(a,
			(struct lab_opts){
				.target = target,
				.maps = node_maps,
				.routes = arena_printf(
					a,
					"%sroute replace 10.0.2.0/24 via 192.168.10.2 mtu lock %d\n"
					"route replace fd00:2::/64 via fd00:10::2 mtu lock %d\n",
					node_routes, THIN, THIN),
				.role = "native",
				.hook = "ingress",
			});
}

static struct pkt sized(bool v6, uint8_t flags, uint32_t len)
{
	return tcp_data(v6 ? C6 " > fd00:10::1|30090" : C4 " > 192.168.10.1|30090", flags,
			len - (v6 ? 60 : 40));
}

static void expect_told(bool v6, uint32_t mtu, uint32_t sent)
{
	const uint8_t *d;

	expect_too_big(v6, mtu, v6 ? C6 " > fd00:10::1|30090" : C4 " > 192.168.10.1|30090");
	d = lab_hop(lab)->out.data + (v6 ? 62 : 42);
	cr_expect_eq(v6 ? get_be16(d + 4) + 40 : get_be16(d + 2), sent, "%s: quotes %u bytes",
		     lab->last, v6 ? get_be16(d + 4) + 40 : get_be16(d + 2));
	cr_expect_eq(v6 ? d[6] : d[0], v6 ? 6 : 0x45, "%s: quotes what its sender never sent",
		     lab->last);
	lab_expect_complete(lab);
}

Test(dsr_thin, an_option_is_counted_and_not_quoted, .timeout = 60)
{
	NEEDS_ROOT();
	lab = thin_open(DSR_TARGET(""));
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t option = v6 ? 24 : 8;

		in(sized(v6, SYN, THIN - option));
		expect_wired(v6 ? C6 " > fd00:2::30|8080" : C4 " > 10.0.2.30|8080", OTHER_NODE);
		cr_expect_eq(lab_hop(lab)->out.len, 14 + THIN);
		in(sized(v6, SYN, THIN - option + 1));
		expect_told(v6, THIN - option, THIN - option + 1);
		cr_expect_eq(lab_event(lab, EVENT_DROP, 136)->type, EVENT_DROP);
	}
	lab_close(lab);
}

Test(dsr_thin, without_one_all_the_link_takes_fits, .timeout = 60)
{
	NEEDS_ROOT();
	lab = thin_open(DSR_TARGET(""));
	for (int v6 = 0; v6 < 2; v6++) {
		in(sized(v6, SYN, 100));
		in(sized(v6, ACK, THIN));
		expect_wired(v6 ? C6 " > fd00:2::30|8080" : C4 " > 10.0.2.30|8080", OTHER_NODE);
		in(sized(v6, ACK, THIN + 1));
		expect_told(v6, THIN, THIN + 1);
	}
	lab_close(lab);
}

/* RFC 791: the stack fragments it, and its first fragment has the option. */
Test(dsr_thin, who_does_not_forbid_it_has_his_packets_fragmented, .timeout = 60)
{
	struct pkt p = sized(false, SYN, THIN - 7);

	NEEDS_ROOT();
	p.b[20] = 0;
	end_ip(&p, 14);
	lab = thin_open(DSR_TARGET(""));
	in(p);
	expect_passed(C4 " > 10.0.2.30|8080");
	cr_expect_eq(lab_hop(lab)->out.len, p.len + 8);
	cr_expect_eq(lab_hop(lab)->out.data[14], 0x47);
	lab_close(lab);
}

Test(dsr_thin, so_is_an_outer_header, .timeout = 60)
{
	NEEDS_ROOT();
	lab = thin_open(DSR_TARGET(", dsr_dispatch: 2, dsr_rss_prefix4: 10.9.0.0, "
				   "dsr_rss_prefix4_len: 16, dsr_rss_prefix6: 'fd09::', "
				   "dsr_rss_prefix6_len: 96"));
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t outer = v6 ? 40 : 20;

		in(sized(v6, ACK, THIN - outer));
		lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
		cr_expect_eq(lab_hop(lab)->out.len, 14 + THIN);
		in(sized(v6, ACK, THIN - outer + 1));
		expect_told(v6, THIN - outer, THIN - outer + 1);
	}
	lab_close(lab);
}

Test(dsr_thin, at_xdp_too, .timeout = 60)
{
	NEEDS_ROOT();
	lab = thin_open(THIN_XDP);
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t option = v6 ? 24 : 8;
		struct pkt fits = sized(v6, SYN, THIN - option);
		struct pkt one_more = sized(v6, SYN, THIN - option + 1);
		const uint8_t *d;

		lab_run(lab, "eth0", "xdp", &fits);
		lab_expect_verdict(lab, XDP_TX);
		cr_expect_eq(lab_hop(lab)->out.len, 14 + THIN);
		lab_run(lab, "eth0", "xdp", &one_more);
		lab_expect_verdict(lab, XDP_TX);
		d = lab_hop(lab)->out.data;
		cr_assert(d);
		cr_expect_eq(v6 ? d[54] : d[34], v6 ? 2 : 3, "%s: no such error", lab->last);
		cr_expect_eq(v6 ? get_be32(d + 58) : get_be16(d + 40), THIN - option, "%s",
			     lab->last);
		d += v6 ? 62 : 42;
		cr_expect_eq(v6 ? get_be16(d + 4) + 40 : get_be16(d + 2), THIN - option + 1);
		cr_expect_eq(v6 ? d[6] : d[0], v6 ? 6 : 0x45);
	}
	lab_close(lab);
}
