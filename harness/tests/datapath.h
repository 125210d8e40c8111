/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests of the datapath alone: an object under a node's settings, packets through its programs, what they
 * say of them. Offsets come from Cilium 1.19's layouts.
 */
#ifndef VERDICT_TESTS_DATAPATH_H
#define VERDICT_TESTS_DATAPATH_H

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "datapath_entries.h"
#include "datapath_object.h"
#include "datapath_packets.h"
#include "together.h"

enum { ACT_OK = 0, ACT_SHOT = 2 };
enum { EV_DROP = 1, EV_TRACE = 4, EV_VERDICT = 5 };
enum { TO_HOST = 2, FROM_NETWORK = 10, TO_NETWORK = 11 };
enum { NEW = 0, ESTABLISHED = 1, REPLY = 2, RELATED = 3, UNKNOWN = 5 };
enum { HOST = 1, WORLD = 2, APISERVER = 7 };

static inline uint32_t get32(const void *p, unsigned off)
{
	uint32_t v;

	memcpy(&v, (const char *)p + off, sizeof(v));
	return v;
}

static inline uint16_t get16(const void *p, unsigned off)
{
	uint16_t v;

	memcpy(&v, (const char *)p + off, sizeof(v));
	return v;
}

/* Two masters, the host being 10.160.128.34: egress allowed, ingress closed. */
static inline struct dp *dp_open(const struct dp_config *config, size_t n)
{
	struct dp *dp = dp_find(config, n);
	struct err err = { 0 };
	cpu_set_t one;

	if (dp) {
		dp_reset(dp);
	} else {
		CPU_ZERO(&one);
		CPU_SET(sched_getcpu(), &one);
		sched_setaffinity(0, sizeof(one), &one); /* one ring: events stay in order */
		cr_assert_eq(sandbox_enter(&err), 0, "%s", err.text);
		dp = dp_load(config, n);
	}
	dp_ipcache(dp, "10.160.128.34", 32, HOST);
	dp_ipcache(dp, "10.160.128.31", 32, APISERVER);
	dp_rule(dp, (struct rule){ .egress = EGRESS });
	return dp;
}

#define DP_OPEN(...)                                                                               \
	({                                                                                         \
		const struct dp_config c_[] = { { NULL, 0 }, ##__VA_ARGS__ };                      \
		dp_open(c_ + 1, sizeof(c_) / sizeof(c_[0]) - 1);                                   \
	})

/* Runs the packet, its sum known (CHECKSUM_COMPLETE); afterwards dp->events holds what it caused, and
 * nothing else.
 */
static inline int dp_run(struct dp *dp, int prog, const struct packet *p)
{
	uint8_t out[2048];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .data_out = out, .data_size_out = sizeof(out),
		    .flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE);

	dp->n_events = 0;
	cr_assert_eq(bpf_prog_test_run_opts(prog, &opts), 0);
	cr_assert_eq(opts.data_size_out, p->len);
	cr_assert_eq(memcmp(out, p->data, p->len), 0, "the packet was changed");
	perf_buffer__consume(dp->ring);
	cr_assert_eq(dp->lost, 0);
	return (int)opts.retval;
}

static inline const struct dp_event *dp_event(const struct dp *dp, uint8_t type, int subtype)
{
	for (int i = 0; i < dp->n_events; i++)
		if (dp->events[i].data[0] == type &&
		    (subtype < 0 || dp->events[i].data[1] == subtype))
			return &dp->events[i];
	return NULL;
}

/* The reason the packet was dropped for, 0 if it passed; verdict and event must agree. */
static inline int dp_drop(struct dp *dp, int prog, const struct packet *p)
{
	int ret = dp_run(dp, prog, p);
	const struct dp_event *e = dp_event(dp, EV_DROP, -1);

	cr_assert_eq(ret, e ? ACT_SHOT : ACT_OK);
	return e ? e->data[1] : 0;
}

/* The conntrack state that the trace event tells; -1 if there is none. */
static inline int dp_state(struct dp *dp, int prog, const struct packet *p)
{
	const struct dp_event *e;

	if (dp_run(dp, prog, p) != ACT_OK)
		return -1;
	e = dp_event(dp, EV_TRACE, prog == dp->from ? TO_HOST : TO_NETWORK);
	return e ? e->data[26] : -1;
}

static inline uint32_t uptime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t)ts.tv_sec;
}

#endif
