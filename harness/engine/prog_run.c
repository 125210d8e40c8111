/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The contexts that net/bpf/test_run.c accepts, and what it refuses. */
#include "engine/prog_run.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <string.h>

#define LEN_MIN	  54 /* Ethernet and IPv6: what is shorter may lack its network header */
#define LEN_LARGE 3000 /* a page less head room and skb_shared_info, the least any kernel takes */

/* The kernel wants the whole network header that the EtherType promises; a device would have handed
 * the packet to the program. What is larger than a page it takes since 6.18, and from XDP programs
 * that know fragments.
 */
static const char *refused(const struct prog_run *r, int no)
{
	if (no != EINVAL && no != E2BIG && no != ENOMEM)
		return NULL;
	if (r->len < ETH_HLEN)
		return "BPF_PROG_TEST_RUN refuses packets shorter than an Ethernet header";
	if (r->len < LEN_MIN)
		return "BPF_PROG_TEST_RUN refuses packets shorter than their network header";
	if (r->len > LEN_LARGE)
		return "BPF_PROG_TEST_RUN of this kernel refuses packets larger than a page";
	return NULL;
}

static int test_run(const struct prog_run *r, struct bpf_test_run_opts *opts, struct err *err)
{
	err_clear(err);
	return r->test_run ? r->test_run(r->test_run_arg, r->fd, opts, err)
			   : bpf_prog_test_run_opts(r->fd, opts);
}

static int result(const struct prog_run *r, int ret, const char **why, struct err *err)
{
	if (!ret)
		return 0;
	if (err->no)
		return ret;
	*why = refused(r, -ret);
	if (*why)
		return 1;
	if (ret == -EBADMSG && r->is_summed)
		return err_system(
			err, EBADMSG,
			"the packet's bytes and its sum (skb->csum) do not agree any more");
	err_system(err, -ret, "BPF_PROG_TEST_RUN with a packet of %u bytes", r->len);
	if (ret == -ENODEV)
		err_hint(err, "there is no device with ifindex %u in this network namespace",
			 r->ifindex);
	return -err->no;
}

/* What a program put before the packet for the programs behind it (bpf_xdp_adjust_meta()) is no part of
 * the packet, but comes out in front of it.
 */
static void cut_metadata(struct prog_run *r, uint32_t metadata)
{
	if (!r->out || !metadata || metadata > r->out_len || r->out_len > r->out_size)
		return;
	r->metadata = metadata;
	r->out_len -= metadata;
	memmove(r->out, r->out + metadata, r->out_len);
}

static int run_xdp(struct prog_run *r, const char **why, struct err *err)
{
	struct xdp_md ctx = {
		.data_end = r->len,
		.ingress_ifindex = r->ifindex,
		.rx_queue_index = r->rx_queue,
	};
	struct xdp_md after = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = r->data, .data_size_in = r->len,
		    .data_out = r->out, .data_size_out = r->out_size, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = r->out ? &after : NULL,
		    .ctx_size_out = r->out ? sizeof(after) : 0, .repeat = 1);
	int ret = test_run(r, &run, err);

	r->verdict = (int)run.retval;
	r->out_len = run.data_size_out;
	if (!ret)
		cut_metadata(r, after.data);
	return result(r, ret, why, err);
}

/* Programs of lwt and cgroup hooks see the packet from its network header on, and what comes out has
 * zeros for Ethernet's.
 */
static void restore_link_header(struct prog_run *r)
{
	bool has_link = r->hook == HOOK_TC_INGRESS || r->hook == HOOK_TC_EGRESS ||
			r->hook == HOOK_SOCKET_FILTER;

	if (r->out && !has_link && r->out_len >= ETH_HLEN)
		memcpy(r->out, r->data, ETH_HLEN);
}

static int run_skb(struct prog_run *r, const char **why, struct err *err)
{
	struct __sk_buff ctx = {
		.ifindex = r->ifindex,
		.ingress_ifindex = r->ingress_ifindex,
		.mark = r->mark,
		.cb = { r->cb[0], r->cb[1] },
		.gso_size = r->gso_size,
		.gso_segs = r->gso_segs,
		.wire_len = r->wire_len,
		.data_end = r->linear,
	};
	struct __sk_buff after = { .mark = r->mark };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = r->data, .data_size_in = r->len,
		    .data_out = r->out, .data_size_out = r->out_size, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = r->out ? &after : NULL,
		    .ctx_size_out = r->out ? sizeof(after) : 0, .repeat = 1,
		    .flags = r->is_summed ? BPF_F_TEST_SKB_CHECKSUM_COMPLETE : 0);
	int ret = test_run(r, &run, err);

	r->verdict = (int)run.retval;
	r->out_len = run.data_size_out;
	r->out_mark = after.mark;
	if (!ret)
		restore_link_header(r);
	return result(r, ret, why, err);
}

int prog_run(struct prog_run *r, const char **why, struct err *err)
{
	return r->hook == HOOK_XDP ? run_xdp(r, why, err) : run_skb(r, why, err);
}
