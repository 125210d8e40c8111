/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Words to the agent, which it acts upon: each begins with its number. */
#ifndef VERDICT_LIB_SIGNALS_H
#define VERDICT_LIB_SIGNALS_H

#include <lib/ctx.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} cilium_signals SEC(".maps");

enum signal {
	SIGNAL_NAT_FILL_UP = 0, /* the ports to a peer run out: collect what is not used any more */
	SIGNAL_AUTH_REQUIRED = 2,
};

struct nat_signal {
	__u32 number;
	__u32 is_ipv6;
};

static __always_inline void signal_nat_fill_up(ctx_t *ctx, bool ipv6)
{
	struct nat_signal full = { .number = SIGNAL_NAT_FILL_UP, .is_ipv6 = ipv6 };

	bpf_perf_event_output(ctx, &cilium_signals, BPF_F_CURRENT_CPU, &full, sizeof(full));
}

#endif
