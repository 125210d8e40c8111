/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every test of the datapath relies on: a lab's packets come summed up, and a program that leaves
 * another sum is found out, however right the packet's own checksums are.
 */
#include "lab.h"

/* `quiet` writes bytes and says nothing, `honest` corrects the sum. */
static const char source[] =
	"#include <linux/bpf.h>\n"
	"#include <linux/pkt_cls.h>\n"
	"#include <bpf/bpf_helpers.h>\n"
	"static int write(struct __sk_buff *skb, unsigned flags)\n"
	"{\n"
	"	unsigned char two[2] = { 1, 2 };\n"
	"	return bpf_skb_store_bytes(skb, skb->len - 2, two, 2, flags);\n"
	"}\n"
	"SEC(\"tc\") int quiet(struct __sk_buff *s) { write(s, 0); return TC_ACT_OK; }\n"
	"SEC(\"tc\") int honest(struct __sk_buff *s) { write(s, BPF_F_RECOMPUTE_CSUM); return "
	"TC_ACT_OK; }\n"
	"char _license[] SEC(\"license\") = \"Dual BSD/GPL\";\n";

static const char target[] = "summary: writers\n"
			     "objects: {dir: .}\n"
			     "hooks:\n"
			     "  quiet: {ingress: w.o/quiet}\n"
			     "  honest: {ingress: w.o/honest}\n"
			     "devices:\n"
			     "- {name: dev_a, ifindex: 7, role: quiet}\n"
			     "- {name: dev_b, ifindex: 8, role: honest}\n";

static struct lab *writers(bool unsummed)
{
	struct arena *a = arena_new();

	lab_compile(a, "w", source);
	return lab_open(a, (struct lab_opts){ .target = target,
					      .role = "dev_a",
					      .hook = "ingress",
					      .unsummed = unsummed });
}

/* No protocol that has a checksum. */
static struct pkt plain(void)
{
	struct pkt p;

	put_eth(&p, 0x88b5);
	put_data(&p, 60);
	return p;
}

static int offer(struct lab *l, const char *device, const struct pkt *p)
{
	struct replay_place place = { .role = device, .hook = "ingress" };
	struct capture_packet c = { .number = 1,
				    .linktype = LINK_ETHERNET,
				    .data = p->b,
				    .caplen = p->len,
				    .len = p->len };

	cr_assert_eq(replay_at(l->replay, &place, &l->err), 0, "%s", l->err.text);
	return replay_packet(l->replay, &c, l->arena, &l->trace, &l->err);
}

Test(lab_sums, a_program_that_leaves_a_wrong_sum_is_found_out, .timeout = 60)
{
	struct pkt p = plain();
	struct lab *l;

	NEEDS_ROOT();
	l = writers(false);
	cr_expect_eq(offer(l, "dev_a", &p), -EBADMSG);
	cr_expect(strstr(l->err.text, "skb->csum"), "%s", l->err.text);
	err_clear(&l->err);
	cr_expect_eq(offer(l, "dev_b", &p), 0, "%s", l->err.text);
	cr_expect_eq(l->trace.hops[0].out.data[p.len - 1], 2, "it has written");
	lab_close(l);
}

Test(lab_sums, a_lab_may_do_without_by_name, .timeout = 60)
{
	struct pkt p = plain();
	struct lab *l;

	NEEDS_ROOT();
	l = writers(true);
	cr_expect_eq(offer(l, "dev_a", &p), 0, "%s", l->err.text);
	lab_close(l);
}
