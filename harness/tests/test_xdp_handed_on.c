// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What XDP has translated and cannot send, tc sends: the word between them travels with the skb, which test
 * runs do not have. So the programs are attached to a real device here, and packets go over a real wire.
 */
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>

#include "lab_node.h"

#define HANDED_TARGET(config)                                                                      \
	"summary: a node with XDP\n"                                                               \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, enable_nodeport: true, " \
	"enable_nodeport_acceleration: true, nat_ipv4_masquerade: 192.168.10.1, "                  \
	"nat_ipv6_masquerade: 'fd00:10::1'" config "}\n"                                           \
	"hooks:\n"                                                                                 \
	"  native: {ingress: bpf_host.o/cil_from_netdev, xdp: bpf_xdp.o/cil_xdp_entry}\n"          \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"                       \
	"- {name: tunnel0, ifindex: 3, role: native, mac: 02:00:00:00:00:0b}\n"

/* As node_routes, but nobody knows the MAC of the other node yet. */
static const char routes[] = "address add 192.168.10.1/24 dev eth0\n"
			     "neighbour add 192.168.10.100 lladdr 02:00:c0:a8:0a:64 dev eth0 "
			     "nud permanent\n"
			     "route add 10.0.2.0/24 via 192.168.10.2\n";

static int wire; /* a packet socket at the other end of eth0 */

static int open_end(const char *peer)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd;

	at.sll_ifindex = (int)if_nametoindex(peer);
	cr_assert_gt(at.sll_ifindex, 0, "no %s", peer);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int program_of(const char *object, const char *name)
{
	struct target_program p;

	cr_assert_eq(target_program(replay_target(lab->replay), object, name, NULL, &p, &lab->err),
		     0, "%s", lab->err.text);
	return p.fd;
}

/* A veth takes what the other end sends by XDP only if it runs XDP as well. */
static void let_wire_receive(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);

	cr_assert_geq(fd, 0);
	cr_assert_eq(bpf_xdp_attach((int)if_nametoindex("peer0"), fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	close(fd);
}

static void attach(void)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ETH0, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program_of("bpf_host.o", "cil_from_netdev"));
	int xdp = program_of("bpf_xdp.o", "cil_xdp_entry");

	cr_assert_eq(bpf_tc_hook_create(&hook), 0);
	cr_assert_eq(bpf_tc_attach(&hook, &opts), 0);
	cr_assert_eq(bpf_xdp_attach(ETH0, xdp, XDP_FLAGS_DRV_MODE, NULL), 0);
}

/* The next frame that the node has sent there of that EtherType; false if there is none within two seconds. */
static bool receive(int end, uint16_t type, struct frame *f)
{
	struct pollfd p = { .fd = end, .events = POLLIN };
	static uint8_t data[2048];

	while (poll(&p, 1, 2000) > 0) {
		struct sockaddr_ll from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(end, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

		if (n < 34 || from.sll_pkttype == PACKET_OUTGOING || get_be16(data + 12) != type)
			continue;
		*f = (struct frame){ .data = data, .len = (uint32_t)n };
		return true;
	}
	return false;
}

static void say(const char *text, uint8_t flags)
{
	struct pkt p = tcp_of(text, flags);

	memcpy(p.b, "\x02\x00\xc0\xa8\x0a\x01", 6);
	lab->last = text;
	cr_assert_eq(write(wire, p.b, p.len), (ssize_t)p.len);
}

/* The other node's answer to the node's question. */
static void tell_neighbour(const struct frame *question)
{
	uint8_t arp[42];

	memcpy(arp, question->data + 6, 6);
	memcpy(arp + 6, "\x02\x00\xc0\xa8\x0a\x02", 6);
	memcpy(arp + 12, question->data + 12, 8);
	arp[20] = 0;
	arp[21] = 2;
	memcpy(arp + 22, "\x02\x00\xc0\xa8\x0a\x02", 6);
	memcpy(arp + 28, question->data + 38, 4);
	memcpy(arp + 32, question->data + 22, 10);
	cr_assert_eq(write(wire, arp, sizeof(arp)), (ssize_t)sizeof(arp));
}

static struct frame expect_at(int end, const char *text)
{
	struct frame f;

	cr_assert(receive(end, ETH_P_IP, &f), "%s: nothing came out", lab->last);
	cr_expect_str_eq(ends_at(f.data, 14), text, "%s: became %s", lab->last,
			 ends_at(f.data, 14));
	cr_expect_eq(f.data[22], 63, "%s: TTL %u", lab->last, f.data[22]);
	lab_check_sums(lab, &f);
	return f;
}

static void expect_on_the_wire(const char *text, const char *mac)
{
	struct frame f = expect_at(wire, text);
	uint8_t want[6];

	sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &want[0], &want[1], &want[2], &want[3],
	       &want[4], &want[5]);
	cr_expect_arr_eq(f.data, want, 6, "%s: to another MAC", lab->last);
}

static struct lab *handing_on(const char *target)
{
	struct lab *l = lab_open(arena_new(), (struct lab_opts){ .target = target,
								 .maps = node_maps,
								 .routes = routes,
								 .role = "native",
								 .hook = "xdp" });

	wire = open_end("peer0");
	let_wire_receive();
	return l;
}

Test(xdp_handed_on, a_request_waits_for_the_neighbour_and_goes_out_translated, .timeout = 60)
{
	struct frame f;

	NEEDS_ROOT();
	lab = handing_on(HANDED_TARGET(""));
	attach();
	say("192.168.10.100|50000 > 192.168.10.1|30090", SYN);
	cr_assert(receive(wire, ETH_P_ARP, &f), "the node does not ask for its neighbour");
	tell_neighbour(&f);
	expect_on_the_wire("192.168.10.1|50000 > 10.0.2.30|8080", OTHER_NODE);
	/* known now: XDP's alone */
	say("192.168.10.100|50000 > 192.168.10.1|30090", ACK);
	expect_on_the_wire("192.168.10.1|50000 > 10.0.2.30|8080", OTHER_NODE);
	say("10.0.2.30|8080 > 192.168.10.1|50000", SYN | ACK);
	expect_on_the_wire("192.168.10.1|30090 > 192.168.10.100|50000", CLIENT_MAC);
	close(wire);
	lab_close(lab);
}

/* A veth stands for the tunnel's device: it wraps nothing, and its other end sees what would have been. */
Test(xdp_handed_on, what_goes_into_the_tunnel_goes_there_by_tc, .timeout = 60)
{
	int tunnel;

	NEEDS_ROOT();
	lab = handing_on(HANDED_TARGET(", tunnel_ifindex: 3, router_ipv4: 10.0.1.1"));
	attach();
	tunnel = open_end("peer1");
	say("192.168.10.100|50000 > 192.168.10.1|30090", SYN);
	expect_at(tunnel, "10.0.1.1|50000 > 10.0.2.30|8080");
	close(tunnel);
	close(wire);
	lab_close(lab);
}
