/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is asked of a program about any packet: a verdict of its hook, never an aborted one; a drop that says why;
 * sums that stay right; and what is said to be closed lets none pass.
 */
#ifndef VERDICT_TESTS_HOSTILE_TRY_H
#define VERDICT_TESTS_HOSTILE_TRY_H

#include "engine/prog_run.h"
#include "lab.h"

struct hostile_result {
	enum hook hook;
	int verdict;
	int drop_reason; /* of the last drop event; 0: none */
	uint8_t file;
	uint16_t line;
	uint8_t out[4096];
	uint32_t out_len;
};

/* What the packets are run through, and what may come of them. */
struct hostile_at {
	struct lab *lab;
	struct replay_place place;
	/* What may be let through of a packet; NULL: nothing. */
	bool (*may_pass)(const struct pkt *p, const struct hostile_result *r);
	bool keeps_sum; /* of tc: each second packet comes with skb->csum, which has to stay right */
	/* kept by hostile_try() */
	uint32_t ran, refused, passed;
	uint32_t reasons[256];
};

static inline bool hostile_is_verdict(enum hook hook, int verdict)
{
	if (hook == HOOK_XDP)
		return verdict > XDP_ABORTED && verdict <= XDP_REDIRECT;
	return verdict == TC_ACT_OK || verdict == TC_ACT_SHOT || verdict == TC_ACT_REDIRECT;
}

static inline bool hostile_is_drop(const struct hostile_result *r)
{
	return r->hook == HOOK_XDP ? r->verdict == XDP_DROP : r->verdict == TC_ACT_SHOT;
}

/* Named, and a fault of the packet's: not that of a map, a tail call or a buffer. */
static inline void hostile_judge_drop(const struct hostile_result *r, const char *what)
{
	const char *file = word_name(&words_source_file, r->file);

	cr_expect(word_name(&words_drop_reason, r->drop_reason) && file && r->line,
		  "%s: dropped for %d at %s:%u", what, r->drop_reason, file, r->line);
	cr_expect(r->drop_reason != 140 && r->drop_reason != 155 && r->drop_reason != 184,
		  "%s: dropped for %d at %s:%u", what, r->drop_reason, file, r->line);
}

/* What goes out of another device than the stack's has right sums, if it had. */
static inline void hostile_judge_sums(const struct pkt *p, const struct hostile_result *r,
				      const char *what)
{
	struct layers was, is;

	packet_parse(p->b, p->len, LINK_ETHERNET, &was);
	packet_parse(r->out, r->out_len, LINK_ETHERNET, &is);
	if (was.ip.l3 == NO_OFFSET || is.ip.l3 == NO_OFFSET)
		return;
	cr_expect(csum_l3(p->b, p->len, &was.ip) == CSUM_BAD ||
			  csum_l3(r->out, r->out_len, &is.ip) != CSUM_BAD,
		  "%s: checksum of IP", what);
	cr_expect(csum_l4(p->b, p->len, &was.ip) == CSUM_BAD ||
			  csum_l4(r->out, r->out_len, &is.ip) != CSUM_BAD,
		  "%s: checksum of protocol %u", what, is.ip.proto);
}

/* A drop that is answered by an ICMP error leaves as that: it has its event too. */
static inline void hostile_judge(struct hostile_at *at, const struct pkt *p,
				 const struct hostile_result *r, const char *what)
{
	cr_assert(hostile_is_verdict(r->hook, r->verdict), "%s: verdict %d", what, r->verdict);
	at->reasons[r->drop_reason & 0xff]++;
	if (!hostile_is_drop(r))
		hostile_judge_sums(p, r, what);
	if (hostile_is_drop(r) || r->drop_reason) {
		hostile_judge_drop(r, what);
		return;
	}
	at->passed++;
	cr_expect(at->may_pass && at->may_pass(p, r), "%s: passes: verdict %d", what, r->verdict);
}

static inline void hostile_take_event(void *arg, const void *record, uint32_t size)
{
	struct hostile_result *r = arg;
	struct event e;

	if (event_decode(record, size, &e, NULL) || e.type != EVENT_DROP)
		return;
	r->drop_reason = e.subtype;
	r->file = e.file;
	r->line = e.line;
}

/* Runs the packet: what replay does of it, without watching maps. */
static inline void hostile_try(struct hostile_at *at, const struct pkt *p, const char *what)
{
	const struct target *t = replay_target(at->lab->replay);
	struct hostile_result r = { .hook = replay_hook(at->lab->replay) };
	uint32_t ifindex = replay_device(at->lab->replay)->ifindex;
	struct prog_run run = {
		.fd = replay_program(at->lab->replay)->fd,
		.hook = r.hook,
		.data = p->b,
		.len = p->len,
		.ifindex = ifindex,
		.ingress_ifindex = r.hook == HOOK_TC_INGRESS ? ifindex : 0,
		.mark = at->place.mark,
		.is_summed = at->keeps_sum && at->ran % 2,
		.out = r.out,
		.out_size = sizeof(r.out),
	};
	const char *why;
	uint64_t lost = 0;
	int ret;

	helper_env_begin(target_env(t));
	helper_env_set_tunnel(target_env(t), at->place.tunnel);
	ret = prog_run(&run, &why, &at->lab->err);
	cr_assert_geq(ret, 0, "%s, skb->csum %s: %s", what, run.is_summed ? "known" : "not known",
		      at->lab->err.text);
	if (ret) {
		at->refused++;
		return;
	}
	at->ran++;
	r.verdict = run.verdict;
	r.out_len = run.out_len;
	cr_assert_eq(
		event_ring_read(target_events(t), hostile_take_event, &r, &lost, &at->lab->err), 0);
	hostile_judge(at, p, &r, what);
}

#endif
