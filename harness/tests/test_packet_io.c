/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What packet sockets see around tc programs, and that they keep every byte. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <poll.h>

#include "engine/netns_attach.h"
#include "engine/packet_io.h"
#include "world.h"

struct wire {
	struct world w;
	struct arena *a;
	struct packet_io *sender; /* on master-0's device */
	struct packet_io *left; /* far end of master-0's device */
	struct packet_io *arrived, *delivered; /* master-1: before and after tc ingress */
	struct packet_io *third; /* worker: all that arrives */
};

static void wire_up(struct wire *t)
{
	const struct topology *topo;

	world_up(&t->w);
	t->a = arena_new();
	topo = t->w.topology;
	cr_assert_eq(topology_quiet(topo, &t->w.err), 0, "%s", t->w.err.text);
	cr_assert_eq(packet_io_open(topo->nodes[0].ns_fd, "eth0", 0x0800, &t->sender, &t->w.err),
		     0);
	cr_assert_eq(packet_io_open(topo->fabric_fd, topo->nodes[0].fabric_device,
				    PACKET_IO_ARRIVALS, &t->left, &t->w.err),
		     0);
	cr_assert_eq(packet_io_open(topo->nodes[1].ns_fd, "eth0", PACKET_IO_ARRIVALS, &t->arrived,
				    &t->w.err),
		     0);
	cr_assert_eq(packet_io_open(topo->nodes[1].ns_fd, "eth0", 0x0800, &t->delivered, &t->w.err),
		     0);
	cr_assert_eq(packet_io_open(topo->nodes[2].ns_fd, "eth0", PACKET_IO_ARRIVALS, &t->third,
				    &t->w.err),
		     0);
}

static void wire_down(struct wire *t)
{
	packet_io_close(t->sender);
	packet_io_close(t->left);
	packet_io_close(t->arrived);
	packet_io_close(t->delivered);
	packet_io_close(t->third);
	arena_free(t->a);
	world_down(&t->w);
}

/* A program that returns a constant. */
static int verdict_program(int verdict)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "constant", "GPL", insns, 2, NULL);

	cr_assert_geq(fd, 0, "cannot load a program: %s", strerror(errno));
	return fd;
}

static void attach(struct wire *t, unsigned node, enum hook hook, int verdict)
{
	int home = ns_current(&t->w.err), prog = verdict_program(verdict);

	cr_assert_eq(ns_enter(t->w.topology->nodes[node].ns_fd, &t->w.err), 0);
	cr_assert_eq(netns_attach(t->w.topology->nodes[node].ifindex, hook, prog, &t->w.err), 0,
		     "%s", t->w.err.text);
	cr_assert_eq(ns_enter(home, &t->w.err), 0);
	close(home);
	close(prog);
}

/* IPv4 from master-0 to master-1, protocol 253 (RFC 3692, for experiments), wrong header checksum. */
static struct frame make_frame(struct wire *t, uint32_t len)
{
	static const uint8_t head[] = { 0x45, 0,    0,	0, 0x12, 0x34, 0,  0, 64, 253,
					0xde, 0xad, 10, 0, 0,	 1,    10, 0, 0,  2 };
	struct frame f = { .data = arena_alloc(t->a, len), .len = len, .wire_len = len };

	memcpy(f.data, t->w.topology->nodes[1].mac, 6);
	memcpy(f.data + 6, t->w.topology->nodes[0].mac, 6);
	f.data[12] = 0x08;
	memcpy(f.data + 14, head, sizeof(head));
	f.data[16] = (uint8_t)((len - 14) >> 8);
	f.data[17] = (uint8_t)(len - 14);
	for (uint32_t i = 34; i < len; i++)
		f.data[i] = (uint8_t)i;
	return f;
}

/* The next frame within 1 s. */
static bool got(struct wire *t, struct packet_io *io, struct frame *f)
{
	struct pollfd p = { .fd = packet_io_fd(io), .events = POLLIN };
	int ret;

	poll(&p, 1, 1000);
	ret = packet_io_recv(io, t->a, f, &t->w.err);
	cr_assert_geq(ret, 0, "%s", t->w.err.text);
	return ret == 1;
}

static bool same(const struct frame *a, const struct frame *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

Test(packet_io, a_full_frame_arrives_byte_by_byte_and_only_where_it_was_sent)
{
	struct wire t;
	struct frame f, seen;

	wire_up(&t);
	f = make_frame(&t, 1514);
	cr_assert_eq(packet_io_send(t.sender, &f, &t.w.err), 0, "%s", t.w.err.text);
	cr_expect(got(&t, t.left, &seen) && same(&f, &seen), "at the far end");
	cr_expect(got(&t, t.arrived, &seen) && same(&f, &seen), "on arrival");
	cr_expect(got(&t, t.delivered, &seen) && same(&f, &seen), "at the stack");
	cr_expect_eq(packet_io_recv(t.third, t.a, &seen, &t.w.err), 0, "a third node saw it");
	cr_expect_eq(packet_io_recv(t.left, t.a, &seen, &t.w.err), 0, "it was seen twice");
	wire_down(&t);
}

Test(packet_io, an_ingress_drop_is_seen_on_arrival_but_not_at_the_stack)
{
	struct wire t;
	struct frame f, seen;

	wire_up(&t);
	attach(&t, 1, HOOK_TC_INGRESS, TC_ACT_SHOT);
	f = make_frame(&t, 64);
	cr_assert_eq(packet_io_send(t.sender, &f, &t.w.err), 0);
	cr_expect(got(&t, t.arrived, &seen), "not seen on arrival");
	usleep(20000);
	cr_expect_eq(packet_io_recv(t.delivered, t.a, &seen, &t.w.err), 0, "seen at the stack");
	wire_down(&t);
}

Test(packet_io, an_egress_drop_is_told_to_the_sender_and_never_leaves)
{
	struct wire t;
	struct frame f, seen;

	wire_up(&t);
	attach(&t, 0, HOOK_TC_EGRESS, TC_ACT_SHOT);
	f = make_frame(&t, 64);
	cr_expect_eq(packet_io_send(t.sender, &f, &t.w.err), 1);
	usleep(20000);
	cr_expect_eq(packet_io_recv(t.left, t.a, &seen, &t.w.err), 0, "it left");
	wire_down(&t);
}

Test(packet_io, attaching_again_replaces_the_program)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct wire t;
	struct frame f, seen;
	const char *first;

	wire_up(&t);
	attach(&t, 0, HOOK_TC_EGRESS, TC_ACT_SHOT);
	attach(&t, 0, HOOK_TC_EGRESS, TC_ACT_OK);
	f = make_frame(&t, 64);
	cr_expect_eq(packet_io_send(t.sender, &f, &t.w.err), 0);
	cr_expect(got(&t, t.left, &seen), "the first program is still there");
	TOOL(&out, t.w.topology->nodes[0].ns_fd, "tc", "filter", "show", "dev", "eth0", "egress");
	first = strstr(buf_str(&out), "direct-action");
	cr_assert(first, "%s", buf_str(&out));
	cr_expect_not(strstr(first + 1, "direct-action"), "two filters: %s", buf_str(&out));
	wire_down(&t);
}

Test(packet_io, a_vlan_tag_is_put_back_where_it_was)
{
	struct wire t;
	struct frame f, seen;

	wire_up(&t);
	f = make_frame(&t, 100);
	memmove(f.data + 16, f.data + 12, f.len - 16);
	memcpy(f.data + 12, (uint8_t[]){ 0x81, 0x00, 0x60, 0x64 }, 4); /* priority 3, VLAN 100 */
	cr_assert_eq(packet_io_send(t.sender, &f, &t.w.err), 0);
	cr_expect(got(&t, t.left, &seen) && same(&f, &seen), "at the far end");
	cr_expect_eq(packet_io_delivered_as(&f), 0x0800);
	wire_down(&t);
}

Test(packet_io, a_frame_for_another_mac_is_told_from_one_that_the_stack_takes)
{
	struct packet_io *far;
	struct frame f, seen;
	struct wire t;

	wire_up(&t);
	cr_assert_eq(packet_io_open(t.w.topology->fabric_fd, t.w.topology->nodes[1].fabric_device,
				    PACKET_IO_ARRIVALS, &far, &t.w.err),
		     0);
	f = make_frame(&t, 64);
	f.data[5] = 0x77;
	cr_assert_eq(packet_io_send(far, &f, &t.w.err), 0);
	cr_expect(got(&t, t.arrived, &seen), "not seen on arrival");
	usleep(20000);
	cr_expect_eq(packet_io_recv(t.delivered, t.a, &seen, &t.w.err), 2, "as one it ignores");
	cr_expect_eq(packet_io_recv(t.delivered, t.a, &seen, &t.w.err), 0, "twice");
	packet_io_close(far);
	wire_down(&t);
}

Test(packet_io, frames_the_device_cannot_carry_are_refused_by_size)
{
	struct wire t;
	struct frame f;

	wire_up(&t);
	f = make_frame(&t, 1515);
	cr_expect_eq(packet_io_send(t.sender, &f, &t.w.err), -EINVAL);
	cr_expect_eq(t.w.err.kind, ERR_INPUT);
	cr_expect(strstr(t.w.err.text, "1515") && strstr(t.w.err.text, "1500"), "%s", t.w.err.text);
	f.len = 13;
	cr_expect_eq(packet_io_send(t.sender, &f, &t.w.err), -EINVAL);
	wire_down(&t);
}

/* A SYN to a closed port: RFC 9293 3.10.7.1 has the stack answer with RST. */
static struct frame make_syn(struct wire *t)
{
	struct frame f = make_frame(t, 54);
	uint32_t sum = 0;

	f.data[23] = 6;
	f.data[24] = f.data[25] = 0;
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)(f.data[i] << 8 | f.data[i + 1]);
	sum = ~((sum & 0xffff) + (sum >> 16));
	f.data[24] = (uint8_t)(sum >> 8);
	f.data[25] = (uint8_t)sum;
	memset(f.data + 34, 0, 20);
	memcpy(f.data + 34, (uint8_t[]){ 0x9c, 0x40, 0, 81, 0, 0, 0, 1 }, 8);
	f.data[46] = 0x50;
	f.data[47] = 0x02;
	sum = 6 + 20;
	for (int i = 26; i < 54; i += 2)
		sum += (uint32_t)(f.data[i] << 8 | f.data[i + 1]);
	sum = ~((sum & 0xffff) + (sum >> 16));
	f.data[50] = (uint8_t)(sum >> 8);
	f.data[51] = (uint8_t)sum;
	return f;
}

Test(packet_io, a_quiet_node_takes_packets_but_never_answers)
{
	struct frame syn, seen;
	struct packet_io *back;
	struct wire t;

	wire_up(&t);
	cr_assert_eq(packet_io_open(t.w.topology->fabric_fd, t.w.topology->nodes[1].fabric_device,
				    PACKET_IO_ARRIVALS, &back, &t.w.err),
		     0);
	syn = make_syn(&t);
	cr_assert_eq(packet_io_send(t.sender, &syn, &t.w.err), 0);
	cr_expect(got(&t, t.delivered, &seen), "not delivered");
	usleep(20000);
	cr_expect_eq(packet_io_recv(back, t.a, &seen, &t.w.err), 0, "the kernel answered");
	/* the same packet is answered once the node may speak: the silence was not for want of cause */
	cr_assert_eq(
		run_tool((const char *const[]){ "nft", "delete", "table", "inet", "verdict", NULL },
			 t.w.topology->nodes[1].ns_fd, NULL, NULL, 10, &t.w.err),
		0);
	cr_assert_eq(packet_io_send(t.sender, &syn, &t.w.err), 0);
	/* it may first speak for itself: IPv6's neighbour discovery */
	do
		cr_assert(got(&t, back, &seen), "no RST from a node that may speak");
	while (seen.data[12] != 0x08 || seen.data[23] != 6);
	cr_expect_eq(seen.data[47] & 0x04, 0x04, "the answer is no RST");
	packet_io_close(back);
	wire_down(&t);
}
