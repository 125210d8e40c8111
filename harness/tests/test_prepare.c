/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Placing captured packets: bindings, senders and receivers, the MACs of the wire. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/prepare.h"
#include "packet/csum.h"

static struct arena *arena;
static struct err *err;
static struct cluster *cluster;
static struct topo_node nodes[2];
static struct topology topology = { .nodes = nodes, .n_nodes = 2 };
static struct capture_packet *packets;
static size_t n_packets;

static void set_up(void)
{
	arena = arena_new();
	err = calloc(1, sizeof(*err));
	cr_assert_eq(cluster_load("fixtures/clusters/two-masters", NULL, &cluster, err), 0, "%s",
		     err->text);
	for (unsigned i = 0; i < 2; i++) {
		nodes[i].name = cluster->nodes[i].name;
		nodes[i].node = &cluster->nodes[i];
		nodes[i].device = "eth0";
		nodes[i].mtu = 1500;
		memset(nodes[i].mac, 0x20 + (int)i, 6);
	}
	memset(topology.gateway_mac, 0xfe, 6);
	cr_assert_eq(capture_load(arena, "fixtures/captures/icmp-error.pcapng", &packets,
				  &n_packets, err),
		     0, "%s", err->text);
}

static void tear_down(void)
{
	cluster_free(cluster);
	arena_free(arena);
	free(err);
}

TestSuite(prepare, .init = set_up, .fini = tear_down);

static struct binding bind(const char *address, enum member_kind kind, const char *name)
{
	struct binding b = { .member = { .kind = kind, .name = name } };

	cr_assert(ip_addr_parse(address, &b.address));
	return b;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	cr_assert(ip_addr_parse(text, &a));
	return a;
}

static int prepare(struct binding *as, size_t n_as, unsigned number, struct injection *in,
		   struct trace *t)
{
	struct send_step send = { .capture = "x.pcapng", .as = as, .n_as = n_as };
	const struct prepare with = { .cluster = cluster, .topology = &topology };
	struct flow_pass pass;

	memset(in, 0, sizeof(*in));
	memset(t, 0, sizeof(*t));
	return prepare_packet(&with, &send, &packets[number - 1], arena, in, &pass, t, err);
}

static void has_addresses(const struct frame *f, const char *src, const char *dst)
{
	struct ip_addr is_src, is_dst, want_src = addr(src), want_dst = addr(dst);

	cr_assert(frame_addresses(f, &is_src, &is_dst));
	cr_assert(ip_addr_equal(&is_src, &want_src));
	cr_assert(ip_addr_equal(&is_dst, &want_dst));
}

Test(prepare, a_node_speaks_to_the_world_by_the_gateways_mac)
{
	struct injection in;
	struct trace t;

	cr_assert_eq(prepare(NULL, 0, 1, &in, &t), 0, "%s", err->text);
	cr_assert_eq(in.from, 0, "master-0 is 10.160.128.34");
	cr_assert_eq(in.to, -1);
	cr_assert_eq(memcmp(in.frame.data, topology.gateway_mac, 6), 0);
	cr_assert_eq(memcmp(in.frame.data + 6, nodes[0].mac, 6), 0);
}

Test(prepare, two_addresses_change_places_and_every_checksum_stays_right)
{
	struct binding as[] = { bind("10.160.128.34", MEMBER_NODE, "master-1"),
				bind("10.160.128.53", MEMBER_NODE, "master-0") };
	struct injection in;
	struct trace t;
	struct layers l;

	for (unsigned number = 1; number <= 4; number++) {
		bool out = number % 2; /* 1 and 3 leave .34 */

		cr_assert_eq(prepare(as, 2, number, &in, &t), 0, "%s", err->text);
		cr_assert_eq(in.from, out ? 1 : 0);
		has_addresses(&in.frame, out ? "10.160.128.31" : "10.160.128.34",
			      out ? "10.160.128.34" : "10.160.128.31");
		cr_assert_eq(packet_parse(in.frame.data, in.frame.len, LINK_ETHERNET, &l), 0);
		cr_assert_eq(csum_l3(in.frame.data, in.frame.len, &l.ip), CSUM_GOOD, "%u", number);
		cr_assert_eq(csum_l4(in.frame.data, in.frame.len, &l.ip), CSUM_GOOD, "%u", number);
	}
	/* 4 is the ICMP error: what it quotes has changed places too */
	cr_assert_neq(l.inner.l3, NO_OFFSET);
	cr_assert_eq(in.frame.data[l.inner.l3 + 15], 31, "quoted source");
	cr_assert_eq(in.frame.data[l.inner.l3 + 19], 34, "quoted destination");
}

Test(prepare, the_captured_bytes_are_kept_beside_the_rewritten_ones)
{
	struct binding as[] = { bind("10.160.128.34", MEMBER_NODE, "master-1") };
	struct injection in;
	struct trace t;

	cr_assert_eq(prepare(as, 1, 1, &in, &t), 0, "%s", err->text);
	has_addresses(&t.captured, "10.160.128.34", "10.160.128.53");
	has_addresses(&t.frame, "10.160.128.31", "10.160.128.53");
}

Test(prepare, an_address_bound_to_the_world_is_no_node)
{
	struct binding as[] = { bind("10.160.128.34", MEMBER_WORLD, NULL),
				bind("10.160.128.53", MEMBER_NODE, "master-1") };
	struct injection in;
	struct trace t;

	cr_assert_eq(prepare(as, 2, 1, &in, &t), 0, "%s", err->text);
	cr_assert_eq(in.from, -1);
	cr_assert_eq(in.to, 1);
	has_addresses(&in.frame, "10.160.128.34", "10.160.128.31");
}

Test(prepare, strangers_are_unmodelled_and_the_reason_names_them)
{
	struct binding as[] = { bind("10.160.128.34", MEMBER_WORLD, NULL) };
	struct injection in;
	struct trace t;

	cr_assert_eq(prepare(as, 1, 1, &in, &t), 1);
	cr_assert_eq(t.outcome, OUTCOME_UNMODELLED);
	cr_assert_not_null(strstr(t.why, "10.160.128.34 and 10.160.128.53"), "%s", t.why);
	cr_assert_not_null(strstr(t.why, "`as:`"), "%s", t.why);
}

Test(prepare, a_frame_no_device_can_carry_is_an_input_error_that_says_why)
{
	struct injection in;
	struct trace t;

	nodes[0].mtu = 40;
	cr_assert_eq(prepare(NULL, 0, 1, &in, &t), -EINVAL);
	cr_assert_eq(err->kind, ERR_INPUT);
	cr_assert_not_null(strstr(err->text, "gro off gso off"), "%s", err->text);
}
