/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Both engines say the same of the same packets: outcome, place, and everything of every hop. */
#include "masters.h"
#include "packet/csum.h"

#define PACKETS 400

static const uint8_t ips[3][4] = { { 192, 0, 2, 9 }, { 10, 0, 0, 1 }, { 10, 0, 0, 2 } };

static unsigned pick(unsigned n)
{
	return (unsigned)rand() % n;
}

/* An ICMP message; errors quote a TCP packet of the other direction (RFC 792). */
static void fill_icmp(uint8_t *l4, unsigned room, int from, int to, const uint16_t ports[4])
{
	static const uint8_t types[] = { 0, 8, 3, 11 };
	uint8_t *quoted = l4 + 8;

	l4[0] = types[pick(4)];
	l4[1] = (uint8_t)pick(3);
	put16(l4 + 4, 7);
	if (room < 36 || pick(2))
		return;
	memset(quoted, 0, 28);
	quoted[0] = 0x45;
	quoted[3] = 60;
	quoted[8] = 64;
	quoted[9] = 6;
	memcpy(quoted + 12, ips[to + 1], 4);
	memcpy(quoted + 16, ips[from + 1], 4);
	put16(quoted + 20, ports[pick(4)]);
	put16(quoted + 22, ports[pick(4)]);
}

/* Few ports and flags, so that flows meet themselves again; some headers are broken. */
static void fill_ipv4(struct frame *f, int from, int to)
{
	static const uint8_t protocols[] = { 6, 6, 6, 17, 1, 132, 47 };
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x18, 0x11, 0x04 };
	static const uint16_t ports[4] = { 2379, 40000, 81, 53 };
	uint8_t *ip = f->data + 14, *l4 = f->data + 34;
	unsigned broken = pick(16);

	put16(f->data + 12, 0x0800);
	memset(ip, 0, 40);
	ip[0] = broken == 0 ? (uint8_t)(0x40 + pick(16)) : 0x45;
	put16(ip + 2, broken == 1 ? pick(65536) : f->len - 14);
	if (broken == 2)
		put16(ip + 6, pick(65536)); /* flags and fragment offset */
	ip[8] = 64;
	ip[9] = protocols[pick(7)];
	memcpy(ip + 12, ips[from + 1], 4);
	memcpy(ip + 16, ips[to + 1], 4);
	put16(l4, ports[pick(4)]);
	put16(l4 + 2, ports[pick(4)]);
	l4[12] = 0x50;
	l4[13] = flags[pick(6)];
	if (ip[9] == 17)
		put16(l4 + 4, f->len - 34);
	if (ip[9] == 1)
		fill_icmp(l4, f->len - 34, from, to, ports);
	if (broken == 3)
		f->len = 34 + pick(20);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
}

static struct injection make_packet(struct masters *m, unsigned number)
{
	static const uint16_t others[] = { 0x0806, 0x86dd, 0x88b5 };
	struct injection in = { .now_ns = number * 1000000ULL };
	const struct topology *t = m->topology;

	do {
		in.from = (int)pick(3) - 1;
		in.to = (int)pick(3) - 1;
	} while (in.from == in.to);
	in.sender.node = in.from;
	in.raw = true;
	in.frame.len = in.frame.wire_len = 60 + pick(100);
	in.frame.data = arena_alloc(m->a, in.frame.len);
	for (unsigned i = 0; i < in.frame.len; i++)
		in.frame.data[i] = (uint8_t)pick(256);
	memcpy(in.frame.data, in.to < 0 ? t->gateway_mac : t->nodes[in.to].mac, 6);
	memcpy(in.frame.data + 6, in.from < 0 ? t->gateway_mac : t->nodes[in.from].mac, 6);
	if (pick(20) == 0)
		put16(in.frame.data + 12, others[pick(3)]);
	else
		fill_ipv4(&in.frame, in.from, in.to);
	return in;
}

static void run_all(struct masters *m, const struct engine_ops *ops, const struct injection *in,
		    struct trace *out)
{
	m->opts.pin_root = arena_printf(m->a, SANDBOX_BPFFS "/%s", ops->name);
	cr_assert_eq(ops->open(&m->opts, &m->log, &m->engine, &m->err), 0, "%s: %s", ops->name,
		     m->err.text);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct injection copy = in[i];
		uint64_t lost = 0;

		copy.frame.data = arena_memdup(m->a, in[i].frame.data, in[i].frame.len);
		cr_assert_eq(ops->inject(m->engine, &copy, m->a, &out[i], &lost, &m->err), 0,
			     "%s, packet %u: %s", ops->name, i, m->err.text);
		cr_assert_eq(lost, 0);
	}
	ops->close(m->engine);
	m->engine = NULL;
}

static bool same_frame(const struct frame *a, const struct frame *b)
{
	if (!a->data || !b->data)
		return !a->data && !b->data;
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void expect_same_hop(const struct hop *a, const struct hop *b, unsigned packet)
{
	cr_expect_str_eq(a->at, b->at, "packet %u: at %s / %s", packet, a->at, b->at);
	cr_expect_eq(a->hook, b->hook, "packet %u: hook", packet);
	cr_expect_eq(a->verdict, b->verdict, "packet %u: verdict %d / %d", packet, a->verdict,
		     b->verdict);
	cr_expect_eq(a->ct, b->ct, "packet %u: ct %d / %d", packet, a->ct, b->ct);
	cr_expect_eq(a->drop_reason, b->drop_reason, "packet %u: reason %d / %d", packet,
		     a->drop_reason, b->drop_reason);
	cr_expect_eq(a->drop_line, b->drop_line, "packet %u: line", packet);
	cr_expect_eq(a->src_identity, b->src_identity, "packet %u: source identity", packet);
	cr_expect_eq(a->dst_identity, b->dst_identity, "packet %u: destination identity", packet);
	cr_expect_eq(a->n_events, b->n_events, "packet %u: %zu / %zu events", packet, a->n_events,
		     b->n_events);
	cr_expect(same_frame(&a->in, &b->in), "packet %u: bytes at entry", packet);
	cr_expect(same_frame(&a->out, &b->out), "packet %u: bytes at exit", packet);
}

static void expect_same(const struct trace *a, const struct trace *b, unsigned packet)
{
	cr_expect_eq(a->outcome, b->outcome, "packet %u: %s / %s", packet,
		     word_name(&words_outcome, a->outcome), word_name(&words_outcome, b->outcome));
	cr_expect_str_eq(a->at, b->at, "packet %u: at %s / %s", packet, a->at, b->at);
	cr_expect_eq(a->n_hops, b->n_hops, "packet %u: %zu / %zu hops", packet, a->n_hops,
		     b->n_hops);
	for (size_t i = 0; i < a->n_hops && i < b->n_hops; i++)
		expect_same_hop(&a->hops[i], &b->hops[i], packet);
}

Test(engines, both_say_the_same_of_random_packets_hop_by_hop)
{
	unsigned outcomes[OUTCOME_UNMODELLED + 1] = { 0 };
	struct injection *in;
	struct trace *a, *b;
	struct masters m;

	masters_prepare(&m);
	srand(19367);
	in = arena_alloc(m.a, PACKETS * sizeof(*in));
	a = arena_alloc(m.a, PACKETS * sizeof(*a));
	b = arena_alloc(m.a, PACKETS * sizeof(*b));
	for (unsigned i = 0; i < PACKETS; i++)
		in[i] = make_packet(&m, i);
	run_all(&m, &engine_testrun, in, a);
	run_all(&m, &engine_netns, in, b);
	for (unsigned i = 0; i < PACKETS; i++) {
		expect_same(&a[i], &b[i], i);
		outcomes[a[i].outcome]++;
	}
	/* the packets are of all kinds, so there was something to agree on */
	cr_expect_gt(outcomes[OUTCOME_DELIVERED], 20);
	cr_expect_gt(outcomes[OUTCOME_DROPPED], 20);
	cr_expect_gt(outcomes[OUTCOME_SENT], 20);
	masters_down(&m);
}
