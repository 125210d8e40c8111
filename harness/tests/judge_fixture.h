/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Traces and scenarios made by hand, for the tests of judge/ and report/: etcd's flow between two
 * masters, with a reply that the host firewall drops after a restart (story of cilium/cilium#19367).
 */
#ifndef VERDICT_TESTS_JUDGE_FIXTURE_H
#define VERDICT_TESTS_JUDGE_FIXTURE_H

#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "judge/judge.h"

#define SCENARIO_FILE "scenarios/etcd/scenario.yaml"
#define LOC(n)	      ((struct loc){ SCENARIO_FILE, (n), 5 })

/* 10.160.128.31:2379 > 10.160.128.34:24824 PSH,ACK, 4 bytes; checksums right (RFC 791, RFC 9293) */
static const uint8_t etcd_reply[] = {
	0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x08, 0x00, 0x45,
	0x00, 0x00, 0x2c, 0x00, 0x01, 0x40, 0x00, 0x40, 0x06, 0x25, 0x4c, 0x0a, 0xa0, 0x80, 0x1f,
	0x0a, 0xa0, 0x80, 0x22, 0x09, 0x4b, 0x60, 0xf8, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	0x02, 0x50, 0x18, 0x01, 0xf6, 0x00, 0x00, 0x00, 0x00, 0x65, 0x74, 0x63, 0x64,
};

struct fixture {
	struct arena *a;
	struct scenario scenario;
	struct step steps[2];
	struct expect expects[2];
	struct run_trace run;
	struct step_trace step_traces[2];
	struct trace packets[2];
	struct hop hops[4];
	struct event drop;
	struct scenario_result res;
};

static inline struct frame fixture_frame(struct fixture *f)
{
	return (struct frame){ .data = arena_memdup(f->a, etcd_reply, sizeof(etcd_reply)),
			       .len = sizeof(etcd_reply),
			       .wire_len = sizeof(etcd_reply) };
}

static inline struct hop fixture_hop(struct fixture *f, const char *node, const char *program,
				     enum hook hook)
{
	return (struct hop){
		.node = node,
		.device = "eth0",
		.program = program,
		.at = arena_printf(f->a, "%s/eth0", node),
		.hook = hook,
		.ifindex = 2,
		.verdict = TC_ACT_OK,
		.ct = CT_STATE_UNKNOWN,
		.in = fixture_frame(f),
		.out = fixture_frame(f),
	};
}

/* Packet n of etcd.pcapng: out of master-1, into master-0, delivered. */
static inline void fixture_packet(struct fixture *f, unsigned i)
{
	f->hops[2 * i] = fixture_hop(f, "master-1", "cil_to_netdev", HOOK_TC_EGRESS);
	f->hops[2 * i].ct = CT_STATE_ESTABLISHED;
	f->hops[2 * i + 1] = fixture_hop(f, "master-0", "cil_from_netdev", HOOK_TC_INGRESS);
	f->hops[2 * i + 1].ct = CT_STATE_REPLY;
	f->hops[2 * i + 1].has_identities = true;
	f->hops[2 * i + 1].src_identity = IDENTITY_KUBE_APISERVER;
	f->hops[2 * i + 1].dst_identity = IDENTITY_HOST;
	f->packets[i] = (struct trace){
		.number = 3 + i,
		.ts_ns = 1700000000000000000ull + i * 3120000,
		.rel_ns = i * 3120000,
		.capture = "fixtures/captures/etcd.pcapng",
		.captured = fixture_frame(f),
		.frame = fixture_frame(f),
		.hops = &f->hops[2 * i],
		.n_hops = 2,
		.outcome = OUTCOME_DELIVERED,
		.at = "master-0/eth0",
	};
}

/* Turns packet i into the bug: conntrack forgot the flow, policy denies, bpf_host.c:88. */
static inline void fixture_drop(struct fixture *f, unsigned i)
{
	struct hop *h = &f->hops[2 * i + 1];

	h->verdict = TC_ACT_SHOT;
	h->drop_reason = 133;
	h->drop_file = 1;
	h->drop_line = 88;
	h->ct = CT_STATE_NEW;
	h->out = (struct frame){ .data = NULL };
	f->drop = (struct event){ .type = EVENT_DROP,
				  .subtype = 133,
				  .src_identity = IDENTITY_KUBE_APISERVER,
				  .dst_identity = IDENTITY_HOST,
				  .ifindex = 2,
				  .line = 88,
				  .file = 1,
				  .data = h->in.data,
				  .caplen = h->in.len,
				  .len = h->in.len };
	h->events = &f->drop;
	h->n_events = 1;
	f->packets[i].outcome = OUTCOME_DROPPED;
}

/* A send step of two delivered packets with an empty expectation at line 14, and a restart. */
static inline struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->a = arena_new();
	fixture_packet(f, 0);
	fixture_packet(f, 1);
	f->expects[0].loc = LOC(14);
	f->steps[0] = (struct step){ .kind = STEP_SEND,
				     .index = 1,
				     .loc = LOC(12),
				     .expects = &f->expects[0],
				     .n_expects = 1 };
	f->steps[1] = (struct step){ .kind = STEP_RESTART, .index = 2, .loc = LOC(20) };
	f->scenario = (struct scenario){ .path = SCENARIO_FILE,
					 .name = "etcd-after-restart",
					 .summary = "etcd's replies",
					 .engines = ENGINES_ALL,
					 .steps = f->steps,
					 .n_steps = 1 };
	f->step_traces[0] =
		(struct step_trace){ .step = &f->steps[0], .packets = f->packets, .n_packets = 2 };
	f->step_traces[1] = (struct step_trace){ .step = &f->steps[1] };
	f->run = (struct run_trace){ .steps = f->step_traces, .n_steps = 1 };
	return f;
}

static inline struct scenario_result *fixture_judge(struct fixture *f)
{
	memset(&f->res, 0, sizeof(f->res));
	f->res.path = SCENARIO_FILE;
	f->res.engine = "testrun";
	judge_scenario(f->a, &f->scenario, &f->run, &f->res);
	return &f->res;
}

/* The n-th difference of the first step, or NULL. */
static inline const struct difference *fixture_diff(const struct fixture *f, size_t n)
{
	return n < f->res.steps[0].n_diffs ? &f->res.steps[0].diffs[n] : NULL;
}

static inline bool text_has(const char *text, const char *part)
{
	return text && strstr(text, part) != NULL;
}

static inline void fixture_free(struct fixture *f)
{
	arena_free(f->a);
	free(f);
}

#endif
