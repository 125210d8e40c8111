/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What must be true of every packet that a program has seen: see random_judge(). */
#ifndef VERDICT_TESTS_RANDOM_JUDGE_H
#define VERDICT_TESTS_RANDOM_JUDGE_H

#include <bpf/libbpf.h>

#include "packet/csum.h"
#include "random_packets.h"

/* ---- drops ---- */

static inline bool random_is_drop(const struct random_run *r)
{
	return r->verdict == (r->hook == HOOK_XDP ? XDP_DROP : TC_ACT_SHOT);
}

static inline bool random_is_pass(const struct random_run *r)
{
	return r->verdict == (r->hook == HOOK_XDP ? XDP_PASS : TC_ACT_OK);
}

/* It goes out of a device that the program has named, or of its own. */
static inline bool random_is_sent(const struct random_run *r)
{
	if (r->hook != HOOK_XDP)
		return r->verdict == TC_ACT_REDIRECT;
	return r->verdict == XDP_TX || r->verdict == XDP_REDIRECT;
}

/* Packets that cilium_metrics counts under that cause; its key is Cilium's. */
static inline uint64_t random_counted(struct random_node *n, uint8_t reason, uint8_t file,
				      uint16_t line)
{
	static uint64_t values[1024][2];
	struct map *m = lab_map(n->lab, "cilium_metrics");
	int cpus = libbpf_num_possible_cpus();
	uint64_t sum = 0;

	cr_assert_leq(cpus, 1024);
	for (uint8_t dir = 1; dir <= 2; dir++) {
		uint8_t key[8] = { reason, dir, (uint8_t)line, (uint8_t)(line >> 8), file };

		if (bpf_map_lookup_elem(m->fd, key, values))
			continue;
		for (int i = 0; i < cpus; i++)
			sum += values[i][0];
	}
	return sum;
}

/* How often the node has dropped for that cause so far; of this one in place. */
static inline uint32_t *random_drops_of(struct random_node *n, const struct random_run *r)
{
	static struct random_cause {
		uint16_t line;
		uint8_t reason, file;
		uint32_t drops;
	} causes[512];
	static unsigned used;

	if (n->dropped + n->answered == 1)
		used = 0; /* another node's */
	for (unsigned i = 0; i < used; i++)
		if (causes[i].reason == r->reason && causes[i].file == r->file &&
		    causes[i].line == r->line)
			return &causes[i].drops;
	cr_assert_lt(used, 512);
	causes[used] =
		(struct random_cause){ .reason = r->reason, .file = r->file, .line = r->line };
	return &causes[used++].drops;
}

/* Said once, for a reason that has a name and is the packet's fault, and counted once. */
static inline void random_judge_drop(struct random_node *n, const struct random_run *r,
				     const struct pkt *p)
{
	uint32_t drops = ++*random_drops_of(n, r);
	uint64_t counted = random_counted(n, r->reason, r->file, r->line);

	random_expect(n, r, p, r->n_drops == 1, "%u drop events", r->n_drops);
	random_expect(n, r, p,
		      word_name(&words_drop_reason, r->reason) &&
			      word_name(&words_source_file, r->file) && r->line,
		      "a drop without a name");
	/* those of maps, tail calls and buffers are nobody's fault but ours */
	random_expect(n, r, p,
		      r->reason != 140 && r->reason != 141 && r->reason != 155 &&
			      r->reason != 184 && r->reason != 190 && r->reason != 191,
		      "dropped for what is no packet's fault");
	random_expect(n, r, p, counted == drops, "counted %" PRIu64 " times, not %u", counted,
		      drops);
}

/* ---- bytes ---- */

static inline void random_judge_sums(struct random_node *n, const struct random_run *r,
				     const struct pkt *p, const struct layers *was,
				     const struct layers *is)
{
	const struct ip_layers *in[] = { &was->ip, &was->inner };
	const struct ip_layers *out[] = { &is->ip, &is->inner };

	if (was->ip.l3 == NO_OFFSET || is->ip.l3 == NO_OFFSET)
		return;
	for (int i = 0; i < 2; i++) {
		if (in[i]->l3 == NO_OFFSET || out[i]->l3 == NO_OFFSET)
			continue;
		random_expect(n, r, p,
			      csum_l3(p->b, p->len, in[i]) == CSUM_BAD ||
				      csum_l3(r->out, r->out_len, out[i]) != CSUM_BAD,
			      "checksum of IP, %s", i ? "as quoted" : "its own");
	}
	random_expect(n, r, p,
		      csum_l4(p->b, p->len, &was->ip) == CSUM_BAD ||
			      csum_l4(r->out, r->out_len, &is->ip) != CSUM_BAD,
		      "checksum of protocol %u", is->ip.proto);
}

/* What stands behind the IP packet in the frame is as much as before. */
static inline void random_judge_lengths(struct random_node *n, const struct random_run *r,
					const struct pkt *p, const struct layers *was,
					const struct layers *is)
{
	if (was->ip.l3 == NO_OFFSET || was->stop)
		return;
	random_expect(n, r, p, is->ip.l3 != NO_OFFSET && !is->stop, "no IP packet any more: %s",
		      is->stop);
	if (is->ip.proto == 1 || is->ip.proto == 58)
		return; /* an answer drops what is behind */
	random_expect(n, r, p, r->out_len - (uint32_t)is->ip.end == p->len - (uint32_t)was->ip.end,
		      "%u bytes behind the packet, not %u", r->out_len - (uint32_t)is->ip.end,
		      p->len - (uint32_t)was->ip.end);
}

/* Programs translate headers; what is carried is the sender's. */
static inline void random_judge_payload(struct random_node *n, const struct random_run *r,
					const struct pkt *p, const struct layers *was,
					const struct layers *is)
{
	const struct ip_layers *in = &was->ip,
			       *out = is->carried.l3 == NO_OFFSET ? &is->ip : &is->carried;
	int len = in->end - in->payload;

	if (was->stop || in->l4 == NO_OFFSET || in->payload == NO_OFFSET ||
	    in->proto != out->proto || in->proto == 1 || in->proto == 58)
		return;
	random_expect(n, r, p, out->payload != NO_OFFSET && out->end - out->payload == len,
		      "another amount of data");
	random_expect(n, r, p, !memcmp(p->b + in->payload, r->out + out->payload, (size_t)len),
		      "other data");
	if (in->proto == 6)
		random_expect(n, r, p, !memcmp(p->b + in->l4 + 4, r->out + out->l4 + 4, 12),
			      "another TCP header");
}

static inline int random_ttl_of(const uint8_t *b, const struct ip_layers *ip)
{
	return b[ip->l3 + (ip->version == 6 ? 7 : 8)];
}

/* One hop, or none. */
static inline void random_judge_ttl(struct random_node *n, const struct random_run *r,
				    const struct pkt *p, const struct layers *was,
				    const struct layers *is)
{
	int before, after;

	if (was->ip.l3 == NO_OFFSET || is->ip.l3 == NO_OFFSET || is->carried.l3 != NO_OFFSET)
		return;
	before = random_ttl_of(p->b, &was->ip);
	after = random_ttl_of(r->out, &is->ip);
	random_expect(n, r, p, after == before || after == before - 1, "TTL %d, not %d", after,
		      before - 1);
	random_expect(n, r, p, after == before || after > 0, "sent with TTL 0");
}

/* ---- errors that are sent back ---- */

/* The packet in place of p quotes it, from its IP header on, as it came. */
static inline void random_judge_answer(struct random_node *n, const struct random_run *r,
				       const struct pkt *p, const struct layers *was,
				       const struct layers *is)
{
	uint32_t from = (uint32_t)was->ip.l3, quote, len;
	bool v6 = is->ip.version == 6;

	random_expect(n, r, p, r->reason == 136 || r->reason == 196,
		      "sent on after it was dropped");
	random_expect(n, r, p, is->ip.proto == (v6 ? 58 : 1) && is->ip.l4 != NO_OFFSET,
		      "dropped and answered by no ICMP");
	quote = (uint32_t)is->ip.l4 + 8;
	random_expect(n, r, p, r->out_len > quote, "quotes nothing");
	len = r->out_len - quote;
	random_expect(n, r, p, from + len <= p->len && !memcmp(r->out + quote, p->b + from, len),
		      "quotes what was not sent");
	random_expect(n, r, p,
		      !memcmp(r->out + is->ip.l3 + (v6 ? 24 : 16), p->b + from + (v6 ? 8 : 12),
			      v6 ? 16 : 4),
		      "not sent to who sent the packet");
}

/* ---- all of it ---- */

static inline void random_judge_verdict(struct random_node *n, const struct random_run *r,
					const struct pkt *p)
{
	if (!random_is_sent(r)) {
		random_expect(n, r, p, random_is_drop(r) || random_is_pass(r),
			      "not a verdict of this hook");
		return;
	}
	if (r->verdict == XDP_TX && r->hook == HOOK_XDP)
		return;
	random_expect(n, r, p, r->redirected && r->to.ret == r->verdict && r->to.ifindex,
		      "redirected to nowhere: ifindex %u, helper said %" PRId64, r->to.ifindex,
		      r->to.ret);
}

static inline bool random_is_solicitation(const struct pkt *p)
{
	struct layers l;

	packet_parse(p->b, p->len, LINK_ETHERNET, &l);
	return l.ip.version == 6 && l.ip.proto == 58 && l.ip.l4 != NO_OFFSET &&
	       p->b[l.ip.l4] == 135;
}

static inline void random_judge_bytes(struct random_node *n, const struct random_run *r,
				      const struct pkt *p)
{
	struct layers was, is;

	packet_parse(p->b, p->len, LINK_ETHERNET, &was);
	packet_parse(r->out, r->out_len, LINK_ETHERNET, &is);
	random_judge_sums(n, r, p, &was, &is);
	if (r->n_drops) {
		random_judge_answer(n, r, p, &was, &is);
		return;
	}
	if (random_is_solicitation(p))
		return; /* and its answer is in its place */
	random_judge_lengths(n, r, p, &was, &is);
	random_judge_payload(n, r, p, &was, &is);
	random_judge_ttl(n, r, p, &was, &is);
}

/* A verdict of the hook. A drop has one event and one count, for a reason that has a name and is not a fault of the
 * datapath's own. What goes on has right sums if it had (the kernel looks at skb->csum besides), lengths that fit,
 * the data that it had, one hop less at most; an ICMP error in its place quotes it as it came.
 */
static inline void random_judge(struct random_node *n, const struct random_run *r,
				const struct pkt *p)
{
	if (r->refused)
		return;
	random_judge_verdict(n, r, p);
	n->reasons[r->reason]++;
	n->passed += !random_is_drop(r) && !r->n_drops;
	n->dropped += random_is_drop(r);
	n->answered += !random_is_drop(r) && r->n_drops;
	if (random_is_drop(r) || r->n_drops)
		random_judge_drop(n, r, p);
	if (!random_is_drop(r))
		random_judge_bytes(n, r, p);
}

#endif
