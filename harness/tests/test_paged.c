// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Headers are where they are: a sender may have them lie in an skb's pages, where a program that reads
 * directly sees nothing of them. Test runs have no such packets, so that programs are attached to a real
 * device here, and packets go over a real wire.
 */
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lab_node.h"

#define PADDING 6000 /* behind the IP packet: frames of less than a page are made in one piece */

/* Says how much of a packet is in one piece, and lets others have it. */
static const char spy_source[] = "#include <linux/bpf.h>\n"
				 "#include <linux/pkt_cls.h>\n"
				 "#include <bpf/bpf_helpers.h>\n"
				 "__u32 linear;\n"
				 "SEC(\"tc\") int spy(struct __sk_buff *skb)\n"
				 "{\n"
				 "	linear = skb->data_end - skb->data;\n"
				 "	return TC_ACT_UNSPEC;\n"
				 "}\n"
				 "char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n";

static struct bpf_object *spy;
static int wire; /* a packet socket at the other end of eth0 */

static void open_wire(void)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int yes = 1;

	at.sll_ifindex = (int)if_nametoindex("peer0");
	cr_assert_gt(at.sll_ifindex, 0, "eth0 has no other end");
	wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	cr_assert_geq(wire, 0);
	cr_assert_eq(setsockopt(wire, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)), 0);
	cr_assert_eq(bind(wire, (struct sockaddr *)&at, sizeof(at)), 0);
}

static void attach(uint32_t priority, int fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ETH0, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = fd, .priority = priority, .handle = 1);

	if (priority == 1)
		cr_assert_eq(bpf_tc_hook_create(&hook), 0);
	cr_assert_eq(bpf_tc_attach(&hook, &opts), 0);
}

static void attach_spy(void)
{
	lab_compile(lab->arena, "spy", spy_source);
	spy = bpf_object__open_file(arena_printf(lab->arena, "%s/spy.o", test_dir(lab->arena)),
				    NULL);
	cr_assert(spy && bpf_object__load(spy) == 0);
	attach(1, bpf_program__fd(bpf_object__find_program_by_name(spy, "spy")));
}

static uint32_t was_linear(void)
{
	uint32_t zero = 0, n = 0;

	cr_assert_eq(bpf_map__lookup_elem(bpf_object__find_map_by_name(spy, ".bss"), &zero,
					  sizeof(zero), &n, sizeof(n), 0),
		     0);
	return n;
}

static void open_node(void)
{
	const char *routes = arena_printf(
		arena_new(), "link set eth0 mtu 9000\nlink set peer0 mtu 9000\n%s", node_routes);
	struct target_program p;

	lab = lab_open(arena_new(), (struct lab_opts){ .target = NODE_TARGET(""),
						       .maps = node_maps,
						       .routes = routes,
						       .role = "native",
						       .hook = "ingress" });
	cr_assert_eq(target_program(replay_target(lab->replay), "bpf_host.o", "cil_from_netdev",
				    NULL, &p, &lab->err),
		     0, "%s", lab->err.text);
	open_wire();
	attach_spy();
	attach(2, p.fd);
}

static void close_node(void)
{
	bpf_object__close(spy);
	close(wire);
	lab_close(lab);
}

/* The next frame that the node has sent; false if there is none within two seconds. */
static bool receive(uint16_t type, struct frame *f)
{
	struct pollfd p = { .fd = wire, .events = POLLIN };
	static uint8_t data[sizeof(struct virtio_net_hdr) + 2048];

	while (poll(&p, 1, 2000) > 0) {
		struct sockaddr_ll from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(wire, data, sizeof(data), 0, (struct sockaddr *)&from, &len);

		f->data = data + sizeof(struct virtio_net_hdr);
		f->len = (uint32_t)(n - (ssize_t)sizeof(struct virtio_net_hdr));
		if (n > 64 && from.sll_pkttype != PACKET_OUTGOING && get_be16(f->data + 12) == type)
			return true;
	}
	return false;
}

/* Only the first `linear` bytes in one piece. */
static void say(const char *text, uint8_t flags, uint16_t linear)
{
	static const uint8_t padding[PADDING];
	struct virtio_net_hdr hdr = { .hdr_len = linear };
	struct pkt p = tcp_of(text, flags);
	const struct iovec parts[] = { { &hdr, sizeof(hdr) },
				       { p.b, p.len },
				       { (void *)padding, sizeof(padding) } };

	memcpy(p.b, "\x02\x00\xc0\xa8\x0a\x01", 6);
	lab->last = text;
	cr_assert_eq(writev(wire, parts, 3), (ssize_t)(sizeof(hdr) + p.len + sizeof(padding)));
}

static void expect_on_the_wire(const char *text, uint16_t type, uint16_t linear)
{
	struct frame f;

	cr_assert(receive(type, &f), "%s, %u bytes in one piece: nothing came out", lab->last,
		  linear);
	cr_expect_eq(was_linear(), linear, "%s: %u bytes came in one piece, not %u", lab->last,
		     was_linear(), linear);
	cr_expect_str_eq(ends_at(f.data, 14), text, "%s: became %s", lab->last,
			 ends_at(f.data, 14));
	cr_expect_eq(f.data[type == ETH_P_IP ? 22 : 21], 63, "%s: TTL", lab->last);
	lab_check_sums(lab, &f);
}

Test(paged, headers_in_pages_are_read_and_written, .timeout = 60)
{
	/* within each header, and right before and behind it */
	static const uint16_t cuts4[] = { 14, 20, 34, 40, 54 }, cuts6[] = { 14, 30, 54, 60, 74 };

	NEEDS_ROOT();
	open_node();
	for (size_t i = 0; i < 5; i++) {
		say("192.168.10.100|50000 > 192.168.10.1|30090", i ? ACK : SYN, cuts4[i]);
		expect_on_the_wire("192.168.10.1|50000 > 10.0.2.30|8080", ETH_P_IP, cuts4[i]);
		say("fd00:10::100|50000 > fd00:10::1|30090", i ? ACK : SYN, cuts6[i]);
		expect_on_the_wire("fd00:10::1|50000 > fd00:2::30|8080", ETH_P_IPV6, cuts6[i]);
	}
	close_node();
}
