/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet run through the agent's programs, of which some are loaded only when it comes to them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "target/agent_internal.h"

/* What the caller gave, to be given back. */
struct given {
	const void *data_in;
	uint32_t data_size_in, data_size_out;
	const void *ctx_in;
	void *ctx_out;
	uint32_t ctx_size_in, ctx_size_out, duration;
};

static struct given given_by(const struct bpf_test_run_opts *run)
{
	return (struct given){ run->data_in, run->data_size_in, run->data_size_out, run->ctx_in,
			       run->ctx_out, run->ctx_size_in,	run->ctx_size_out,  0 };
}

static void give_back(struct bpf_test_run_opts *run, const struct given *g)
{
	run->data_in = g->data_in;
	run->data_size_in = g->data_size_in;
	run->ctx_in = g->ctx_in;
	run->ctx_size_in = g->ctx_size_in;
	run->duration += g->duration;
}

/* Of an skb's context a test run takes these alone (convert___skb_to_skb in net/bpf/test_run.c). wire_len may
 * not be less than the packet is now.
 */
static void carry(struct __sk_buff *to, const struct __sk_buff *from, uint32_t len)
{
	*to = (struct __sk_buff){
		.mark = from->mark,
		.priority = from->priority,
		.ingress_ifindex = from->ingress_ifindex,
		.ifindex = from->ifindex,
		.tstamp = from->tstamp,
		.wire_len = from->gso_segs && from->wire_len >= len ? from->wire_len : 0,
		.gso_segs = from->gso_segs,
		.gso_size = from->gso_size,
		.hwtstamp = from->hwtstamp,
	};
	memcpy(to->cb, from->cb, sizeof(to->cb));
}

/* From the slot on, as the small program in it has left the packet. */
static int go_on(struct agent *a, struct agent_slot *s, struct bpf_test_run_opts *run,
		 struct given *g, struct err *err)
{
	const struct __sk_buff *left = run->ctx_out;
	struct __sk_buff ctx;
	int fd = agent_load_slot(a, s, err), ret;

	if (fd < 0)
		return fd;
	carry(&ctx, left, run->data_size_out);
	run->data_in = run->data_out;
	run->data_size_in = run->data_size_out;
	run->data_size_out = g->data_size_out;
	run->ctx_in = &ctx;
	run->ctx_size_in = sizeof(ctx);
	run->ctx_size_out = g->ctx_size_out;
	g->duration += run->duration;
	ret = bpf_prog_test_run_opts(fd, run);
	run->ctx_in = g->ctx_in;
	return ret;
}

static int run_skb(struct agent *a, int prog_fd, struct bpf_test_run_opts *run, struct err *err)
{
	struct given g = given_by(run);
	struct __sk_buff out;
	struct agent_slot *s;
	int ret;

	if (!run->ctx_out) {
		run->ctx_out = &out;
		run->ctx_size_out = g.ctx_size_out = sizeof(out);
	}
	ret = bpf_prog_test_run_opts(prog_fd, run);
	while (!ret && (s = agent_stopped_at(a)))
		ret = go_on(a, s, run, &g, err);
	give_back(run, &g);
	if (!g.ctx_out) {
		run->ctx_out = NULL;
		run->ctx_size_out = 0;
	}
	return ret;
}

static bool is_tc(int prog_fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(prog_fd, &info, &len) &&
	       info.type == BPF_PROG_TYPE_SCHED_CLS;
}

int agent_test_run(struct agent *a, int prog_fd, struct bpf_test_run_opts *run, struct err *err)
{
	err_clear(err);
	/* an XDP program has no way to a slot of tc programs */
	if (!a->stopped || !run->data_out || (!run->ctx_out && !is_tc(prog_fd)))
		return bpf_prog_test_run_opts(prog_fd, run);
	return run_skb(a, prog_fd, run, err);
}
