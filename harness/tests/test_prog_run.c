/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a replay's programs find around them, and what comes out: routes that forward, metadata that is no
 * part of the packet.
 */
#include <criterion/criterion.h>
#include <linux/bpf.h>

#include "bpf_source.h"
#include "engine/replay.h"
#include "files.h"
#include "own_arena.h"

TestSuite(prog_run, .init = set_up, .fini = tear_down, .timeout = 60);

static struct trace first_query(const char *object, const char *batch)
{
	const char *path =
		arena_printf(arena, "%s/fixtures/captures/dns.pcapng", files_source_root());
	struct replay_opts opts = { .place = { .ifindex = 2 } };
	struct capture_packet *packets;
	struct target_desc *desc;
	struct replay *r;
	struct trace t;
	size_t n;

	cr_assert_eq(target_desc_of_object(object, &desc, err), 0, "%s", err->text);
	opts.target.desc = desc;
	opts.ip_batch = batch;
	cr_assert_eq(replay_open(&opts, &r, err), 0, "%s", err->text);
	cr_assert_eq(capture_load(arena, path, &packets, &n, err), 0, "%s", err->text);
	cr_assert_eq(replay_packet(r, &packets[0], arena, &t, err), 0, "%s", err->text);
	cr_assert_eq(t.n_hops, 1);
	replay_close(r);
	target_desc_free(desc);
	return t;
}

Test(prog_run, what_xdp_hands_on_in_front_of_the_packet_does_not_come_out_with_it)
{
	struct trace t;

	NEEDS_ROOT();
	t = first_query(compile_bpf(arena, "meta",
				    BPF_PRELUDE
				    "struct xdp_md { __u32 data, data_end, data_meta; };\n"
				    "static long (*adjust_meta)(void *, int) = (void *)54;\n"
				    "SEC(\"xdp\") int meta(struct xdp_md *c) {\n"
				    "	return adjust_meta(c, -8) ? 0 : 2; }\n"),
			NULL);
	cr_expect_eq(t.hops[0].verdict, XDP_PASS);
	cr_assert_eq(t.hops[0].out.len, t.frame.len, "%u bytes", t.hops[0].out.len);
	cr_expect(!memcmp(t.hops[0].out.data, t.frame.data, t.frame.len));
}

/* The program returns what bpf_fib_lookup() answered: 0 is success. */
Test(prog_run, routes_and_neighbours_of_a_batch_answer_a_programs_lookup)
{
	const char *batch;
	struct trace t;

	NEEDS_ROOT();
	batch = arena_printf(arena, "%s/node.ip", test_dir(arena));
	files_write(batch, "address add 10.160.128.1/24 dev dev2\n"
			   "neighbour add 10.160.128.53 lladdr 02:00:0a:a0:80:35 dev dev2 nud "
			   "permanent\n");
	t = first_query(
		compile_bpf(arena, "fib",
			    BPF_PRELUDE
			    "struct fib { __u8 family, proto; __u16 sport, dport, len; __u32 "
			    "ifindex, tos, src[4], dst[4]; __u16 vlan, vproto; __u8 smac[6], "
			    "dmac[6]; };\n"
			    "static long (*fib_lookup)(void *, struct fib *, int, __u32) = "
			    "(void *)69;\n"
			    "SEC(\"tc\") int fib(void *c) {\n"
			    "	struct fib f = { .family = 2, .ifindex = 2,\n"
			    "		.src = { 0x2280a00a }, .dst = { 0x3580a00a } };\n"
			    "	long ret = fib_lookup(c, &f, sizeof(f), 0);\n"
			    "	return ret ? 100 + ret : f.dmac[5]; }\n"),
		batch);
	cr_expect_eq(t.hops[0].verdict, 0x35, "%d", t.hops[0].verdict);
}
