/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* BPF_PROG_TEST_RUN, once each time: it tells the nanoseconds. */
#include "cmd/bench_timing.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>

void calm_begin(struct calm *c)
{
	const struct sched_param lowest = { .sched_priority = 1 };

	*c = (struct calm){ .policy = sched_getscheduler(0) };
	if (c->policy == SCHED_FIFO || c->policy == SCHED_RR || sched_getparam(0, &c->param))
		return;
	c->is_ours = sched_setscheduler(0, SCHED_FIFO, &lowest) == 0;
}

void calm_end(const struct calm *c)
{
	if (c->is_ours)
		sched_setscheduler(0, c->policy, &c->param);
}

int timed_run(struct timed_run *r, struct err *err)
{
	struct __sk_buff skb = {
		.ifindex = r->ifindex,
		.mark = r->mark,
		.ingress_ifindex = r->hook == HOOK_TC_INGRESS ? r->ifindex : 0,
	};
	struct xdp_md xdp = { .data_end = r->len, .ingress_ifindex = r->ifindex };
	bool is_xdp = r->hook == HOOK_XDP;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = r->data, .data_size_in = r->len,
		    .ctx_in = is_xdp ? (void *)&xdp : (void *)&skb,
		    .ctx_size_in = is_xdp ? sizeof(xdp) : sizeof(skb), .repeat = 1);
	int ret = bpf_prog_test_run_opts(r->fd, &run);

	r->ns = run.duration;
	r->verdict = (int)run.retval;
	return ret ? err_system(err, -ret, "BPF_PROG_TEST_RUN") : 0;
}

int timed_empty(enum hook hook, int *fd, struct err *err)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	enum bpf_prog_type type = hook == HOOK_XDP ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS;

	*fd = bpf_prog_load(type, "nothing", "GPL", insns, 2, NULL);
	return *fd < 0 ? err_system(err, -*fd, "loading an empty program") : 0;
}

static int by_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

double mean_of_middle(uint32_t *list, size_t n)
{
	size_t from = n / 4, to = n - n / 4;
	double sum = 0;

	qsort(list, n, sizeof(*list), by_u32);
	for (size_t i = from; i < to; i++)
		sum += list[i];
	return sum / (double)(to - from);
}

double median_of(uint32_t *list, size_t n)
{
	qsort(list, n, sizeof(*list), by_u32);
	n /= 2;
	return list[n];
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median_of_doubles(double *list, size_t n)
{
	qsort(list, n, sizeof(*list), by_double);
	return list[n / 2];
}

struct quartiles quartiles_of(double *list, size_t n)
{
	struct quartiles q = { .middle = median_of_doubles(list, n) };

	q.low = list[n / 4];
	q.high = list[n * 3 / 4];
	return q;
}
