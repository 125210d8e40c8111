/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The datapath beside a model of it: conntrack and host policy as Cilium's documented semantics have
 * them, in plain C over a list, sharing no code with bpf/. Random flows go through both; verdict,
 * conntrack state and, now and then, every entry of the maps must be what the model says.
 *
 * VERDICT_SEED=N repeats a failure.
 */
#include <bpf/bpf.h>
#include <inttypes.h>

#include "masters.h"
#include "packet/csum.h"

#define PACKETS	    6000
#define MAX_ENTRIES 4096
#define SECOND	    1000000000ULL
#define START	    86400 /* the engine's clock at time 0, in seconds */
#define OPEN_PORT   2379
#define POLICY	    133
#define HISTORY	    16

enum { TCP = 6, UDP = 17, ICMP = 1 };
enum { F_FIN = 1, F_SYN = 2, F_RST = 4, F_PSH = 8, F_ACK = 16 };
enum { OUT, IN };
enum { WORLD_ADDR, NODE_0, NODE_1, ADDRESSES };

static const uint8_t ips[ADDRESSES][4] = { { 192, 0, 2, 9 }, { 10, 0, 0, 1 }, { 10, 0, 0, 2 } };

/* One packet, addresses by index. ICMP echo: the id is the port of the one who asks. */
struct flow {
	int src, dst, proto;
	uint16_t sport, dport;
};

struct sent {
	struct flow flow;
	uint8_t flags, icmp_type; /* TCP; ICMP */
	bool error; /* an ICMP message that quotes a packet */
	struct flow quoted;
};

/* A flow as one node knows it: its first packet, and which way that went. */
struct known {
	struct flow first;
	int way;
	bool fin[2], non_syn; /* FIN or RST seen by way */
	uint32_t until; /* the last second it lives */
	uint64_t packets;
};

struct node_model {
	struct known *all;
	size_t n;
};

struct model {
	struct masters m;
	struct node_model nodes[2];
	uint32_t seed, random;
	uint64_t now_s;
	struct flow history[HISTORY];
	unsigned sent;
	struct arena *packet;
};

struct verdict {
	bool drop;
	enum ct_state ct;
};

static uint32_t pick(struct model *m, uint32_t n)
{
	m->random = m->random * 1664525 + 1013904223;
	return (m->random >> 8) % n;
}

static struct flow turned(struct flow f)
{
	return (struct flow){ f.dst, f.src, f.proto, f.dport, f.sport };
}

static bool same_flow(struct flow a, struct flow b)
{
	return a.src == b.src && a.dst == b.dst && a.proto == b.proto && a.sport == b.sport &&
	       a.dport == b.dport;
}

static struct known *find(struct model *m, int node, struct flow first, int way)
{
	struct node_model *n = &m->nodes[node];

	for (size_t i = 0; i < n->n; i++)
		if (n->all[i].way == way && same_flow(n->all[i].first, first) &&
		    n->all[i].until >= m->now_s)
			return &n->all[i];
	return NULL;
}

static bool is_closed(const struct known *k)
{
	return k->fin[OUT] && k->fin[IN];
}

/* Lifetimes: 8000 s for TCP, 60 s where only SYNs were seen, 10 s once both sides closed, after which
 * further packets change nothing but a FIN that comes again, which has to be answered (RFC 9293, 3.10.7.4); a
 * SYN begins anew what is closing. 60 s for all else.
 */
static void note(struct model *m, struct known *k, const struct sent *p, int way)
{
	bool was_closed = is_closed(k);
	uint32_t life = 60;

	k->packets++;
	if (k->first.proto == TCP) {
		if ((p->flags & (F_SYN | F_ACK | F_RST | F_FIN)) == F_SYN &&
		    (k->fin[OUT] || k->fin[IN]))
			k->fin[OUT] = k->fin[IN] = k->non_syn = false;
		if (!(p->flags & F_SYN))
			k->non_syn = true;
		if (p->flags & F_FIN)
			k->fin[way] = true;
		if (p->flags & F_RST)
			k->fin[OUT] = k->fin[IN] = true;
		life = is_closed(k) ? 10 : k->non_syn ? 8000 : 60;
	}
	if (!was_closed || !is_closed(k) || (k->first.proto == TCP && p->flags & F_FIN))
		k->until = (uint32_t)m->now_s + life;
}

/* The host policy lets TCP port 2379 in, and nothing else; it says nothing of what leaves. */
static bool allowed(const struct flow *f, int way)
{
	return way == OUT || (f->proto == TCP && f->dport == OPEN_PORT);
}

static void learn(struct model *m, int node, const struct sent *p, int way)
{
	struct node_model *n = &m->nodes[node];
	struct known *k = NULL;

	/* what has expired makes room for itself */
	for (size_t i = 0; i < n->n && !k; i++)
		if (n->all[i].way == way && same_flow(n->all[i].first, p->flow))
			k = &n->all[i];
	if (!k) {
		cr_assert_lt(n->n, MAX_ENTRIES);
		k = &n->all[n->n++];
	}
	*k = (struct known){ .first = p->flow, .way = way };
	note(m, k, p, way);
}

static struct verdict expect(struct model *m, int node, const struct sent *p, int way)
{
	struct known *k;

	if (p->error) { /* it goes against the packet it quotes, which may have been an answer */
		if (p->icmp_type != 5 && p->quoted.src == p->flow.dst &&
		    (find(m, node, p->quoted, !way) || find(m, node, turned(p->quoted), way)))
			return (struct verdict){ false, CT_STATE_RELATED };
		return (struct verdict){ !allowed(&p->flow, way), CT_STATE_NEW };
	}
	k = find(m, node, turned(p->flow), !way);
	if (k) {
		note(m, k, p, way);
		return (struct verdict){ false, CT_STATE_REPLY };
	}
	k = find(m, node, p->flow, way);
	if (k) {
		note(m, k, p, way);
		return (struct verdict){ false, CT_STATE_ESTABLISHED };
	}
	if (!allowed(&p->flow, way))
		return (struct verdict){ true, CT_STATE_NEW };
	learn(m, node, p, way);
	return (struct verdict){ false, CT_STATE_NEW };
}

/* Few addresses and ports, so that flows meet themselves, and each other, again. */
static struct sent make(struct model *m)
{
	static const uint8_t flags[] = { F_SYN,		F_SYN | F_ACK, F_ACK,	      F_PSH | F_ACK,
					 F_FIN | F_ACK, F_RST,	       F_RST | F_ACK, F_ACK };
	static const uint16_t ports[] = { OPEN_PORT, 40000, 81 };
	static const uint8_t errors[] = { 3, 4, 5, 11, 12 };
	static const int protos[] = { TCP, TCP, TCP, UDP, ICMP };
	struct sent p = { .flow = m->history[pick(m, HISTORY)] };

	if (pick(m, 4) == 0 || m->sent < HISTORY) {
		p.flow.proto = protos[pick(m, 5)];
		p.flow.src = (int)pick(m, ADDRESSES);
		do {
			p.flow.dst = (int)pick(m, ADDRESSES);
		} while (p.flow.dst == p.flow.src);
		p.flow.sport = ports[pick(m, 3)];
		p.flow.dport = p.flow.proto == ICMP ? 0 : ports[pick(m, 3)];
	} else if (pick(m, 8) == 0) {
		p.error = true;
		p.quoted = p.flow;
		/* any router may report it; to anyone but the sender it is a forgery */
		p.flow = (struct flow){ (int)pick(m, ADDRESSES), p.quoted.src, ICMP, 0, 0 };
		if (p.flow.src == p.flow.dst || pick(m, 3) == 0)
			p.flow.src = p.quoted.dst;
		if (pick(m, 4) == 0)
			p.flow.dst = 3 - p.flow.src - p.quoted.src;
		if (p.flow.dst == p.flow.src || p.flow.dst >= ADDRESSES)
			p.flow.dst = (p.flow.src + 1) % ADDRESSES;
		p.icmp_type = errors[pick(m, 5)];
		return p;
	} else if (pick(m, 2)) {
		p.flow = turned(p.flow);
	}
	p.flags = p.flow.proto == TCP ? flags[pick(m, 8)] : 0;
	p.icmp_type = p.flow.sport ? 8 : 0;
	m->history[m->sent++ % HISTORY] = p.flow;
	return p;
}

/* IP and the first bytes behind it; returns how many. */
static unsigned put_ip(uint8_t *ip, struct flow f, const struct sent *p)
{
	uint8_t *l4 = ip + 20;
	unsigned len = f.proto == TCP ? 20 : 8;

	memset(ip, 0, 20 + len);
	ip[0] = 0x45;
	ip[8] = 64;
	ip[9] = (uint8_t)f.proto;
	memcpy(ip + 12, ips[f.src], 4);
	memcpy(ip + 16, ips[f.dst], 4);
	if (f.proto == ICMP) {
		l4[0] = f.sport ? 8 : 0;
		put16(l4 + 4, f.sport ?: f.dport);
	} else {
		put16(l4, f.sport);
		put16(l4 + 2, f.dport);
	}
	if (f.proto == UDP)
		put16(l4 + 4, 8);
	if (f.proto == TCP) {
		l4[12] = 0x50;
		l4[13] = p->flags;
	}
	put16(ip + 2, 20 + len);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
	return 20 + len;
}

static struct frame build(struct model *m, const struct sent *p)
{
	const struct topology *t = m->m.topology;
	struct frame f = { .data = arena_alloc(m->packet, 128) };
	uint8_t *ip = f.data + 14;

	memcpy(f.data, p->flow.dst ? t->nodes[p->flow.dst - 1].mac : t->gateway_mac, 6);
	memcpy(f.data + 6, p->flow.src ? t->nodes[p->flow.src - 1].mac : t->gateway_mac, 6);
	put16(f.data + 12, 0x0800);
	f.len = 14 + put_ip(ip, p->flow, p);
	if (p->error) {
		ip[20] = p->icmp_type;
		put16(ip + 24, 0);
		put_ip(ip + 28, p->quoted, p);
		f.len = 14 + 28 + 28;
		put16(ip + 2, 56);
		put16(ip + 10, 0);
		put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
	}
	f.wire_len = f.len;
	return f;
}

static void check_hop(struct model *m, const struct hop *h, struct verdict v, unsigned i,
		      const struct sent *p)
{
	cr_expect_eq(h->drop_reason, v.drop ? POLICY : 0,
		     "seed %u, packet %u at %s: drop reason %d, the model says %d", m->seed, i,
		     h->at, h->drop_reason, v.drop ? POLICY : 0);
	cr_expect_eq(
		h->ct, v.ct,
		"seed %u, packet %u at %s (proto %d, %u to %u, flags %x, error %d): ct %s, the "
		"model says %s",
		m->seed, i, h->at, p->flow.proto, p->flow.sport, p->flow.dport, p->flags, p->error,
		word_name(&words_ct_state, h->ct), word_name(&words_ct_state, v.ct));
}

static void send_one(struct model *m, unsigned i)
{
	struct sent p = make(m);
	struct injection in = { .from = p.flow.src - 1,
				.to = p.flow.dst - 1,
				.sender.node = p.flow.src - 1,
				.raw = true,
				.frame = build(m, &p),
				.now_ns = (m->now_s - START) * SECOND };
	struct trace t = { 0 };
	uint64_t lost = 0;
	size_t hop = 0;
	bool dropped = false;

	cr_assert_eq(engine_testrun.inject(m->m.engine, &in, m->packet, &t, &lost, &m->m.err), 0,
		     "%s", m->m.err.text);
	for (int way = OUT; way <= IN && !dropped; way++) {
		int node = way == OUT ? in.from : in.to;
		struct verdict v;

		if (node < 0)
			continue;
		v = expect(m, node, &p, way);
		dropped = v.drop;
		cr_assert_lt(hop, t.n_hops, "seed %u, packet %u: too few hops", m->seed, i);
		check_hop(m, &t.hops[hop++], v, i, &p);
	}
	cr_expect_eq(hop, t.n_hops, "seed %u, packet %u: too many hops", m->seed, i);
	arena_reset(m->packet);
}

/* Offsets of struct ct_entry: packets 16, lifetime 32, bits 36 (rx_closing 0, tx_closing 1,
 * seen_non_syn 4). The key holds the addresses the wrong way round.
 */
static void check_entry(struct model *m, int node, const struct known *k, const int fds[2])
{
	uint8_t key[14], value[56];
	uint32_t lifetime;
	uint64_t packets;
	uint16_t bits;

	memcpy(key, ips[k->first.src], 4);
	memcpy(key + 4, ips[k->first.dst], 4);
	put16(key + 8, k->first.dport);
	put16(key + 10, k->first.sport);
	key[12] = (uint8_t)k->first.proto;
	key[13] = (uint8_t)k->way;
	cr_assert_eq(bpf_map_lookup_elem(fds[k->first.proto != TCP], key, value), 0,
		     "seed %u, after %u packets, node %d: no entry for proto %d, %u to %u", m->seed,
		     m->sent, node, k->first.proto, k->first.sport, k->first.dport);
	memcpy(&packets, value + 16, 8);
	memcpy(&lifetime, value + 32, 4);
	memcpy(&bits, value + 36, 2);
	cr_expect_eq(packets, k->packets, "seed %u: %" PRIu64 " packets, not %" PRIu64, m->seed,
		     packets, k->packets);
	cr_expect_eq(lifetime, k->until, "seed %u: lifetime %u, not %u", m->seed, lifetime,
		     k->until);
	cr_expect_eq(bits & 1, k->fin[IN], "seed %u: rx_closing", m->seed);
	cr_expect_eq(bits >> 1 & 1, k->fin[OUT], "seed %u: tx_closing", m->seed);
	cr_expect_eq(bits >> 4 & 1, k->non_syn, "seed %u: seen_non_syn", m->seed);
}

/* Entries that live, by their keys' map; no more of them than the model has. */
static size_t count_live(struct model *m, int fd)
{
	uint8_t key[14], next[14], value[56];
	void *at = NULL;
	size_t n = 0;

	for (; bpf_map_get_next_key(fd, at, next) == 0; at = key) {
		uint32_t lifetime;

		memcpy(key, next, sizeof(key));
		cr_assert_eq(bpf_map_lookup_elem(fd, key, value), 0);
		memcpy(&lifetime, value + 32, 4);
		n += lifetime >= m->now_s;
	}
	return n;
}

static void check_maps(struct model *m)
{
	static const char *const names[] = { "cilium_ct4_global", "cilium_ct_any4_global" };

	for (int node = 0; node < 2; node++) {
		struct node_model *n = &m->nodes[node];
		size_t live = 0;
		int fds[2];

		for (int i = 0; i < 2; i++) {
			fds[i] = bpf_obj_get(arena_printf(m->packet, "%s/master-%d/tc/globals/%s",
							  m->m.opts.pin_root, node, names[i]));
			cr_assert_geq(fds[i], 0);
		}
		for (size_t i = 0; i < n->n; i++) {
			if (n->all[i].until < m->now_s)
				continue;
			live++;
			check_entry(m, node, &n->all[i], fds);
		}
		cr_expect_eq(count_live(m, fds[0]) + count_live(m, fds[1]), live,
			     "seed %u: the maps of node %d hold other flows, too", m->seed, node);
		close(fds[0]);
		close(fds[1]);
	}
	arena_reset(m->packet);
}

/* Up to, on and past the last second of every lifetime. */
static void let_time_pass(struct model *m)
{
	static const unsigned seconds[] = {
		1, 1, 1, 5, 9, 10, 11, 30, 59, 60, 61, 4000, 8000, 8001
	};

	m->now_s += seconds[pick(m, 14)];
	cr_assert_eq(engine_testrun.advance(m->m.engine, (m->now_s - START) * SECOND, &m->m.err),
		     0);
}

/* Now a restart that keeps all, now the historical one, which forgets all flows of the host. */
static void restart(struct model *m)
{
	unsigned node = pick(m, 2);
	struct restart_step how = { .node = node ? "master-1" : "master-0" };

	if (pick(m, 4) == 0) {
		how.gc = AGENT_GC_NO_ENDPOINT;
		m->nodes[node].n = 0;
	}
	cr_assert_eq(engine_testrun.restart(m->m.engine, node, &how, &m->m.log, &m->m.err), 0, "%s",
		     m->m.err.text);
}

static void run_model(uint32_t seed)
{
	struct model m = { .now_s = START };

	masters_prepare(&m.m);
	m.seed = m.random = seed;
	m.packet = arena_new();
	for (int i = 0; i < 2; i++)
		m.nodes[i].all = arena_alloc(m.m.a, MAX_ENTRIES * sizeof(struct known));
	cr_assert_eq(engine_testrun.open(&m.m.opts, &m.m.log, &m.m.engine, &m.m.err), 0, "%s",
		     m.m.err.text);
	for (unsigned i = 0; i < PACKETS; i++) {
		if (pick(&m, 6) == 0)
			let_time_pass(&m);
		if (pick(&m, 300) == 0)
			restart(&m);
		send_one(&m, i);
		if (i % 100 == 99)
			check_maps(&m);
	}
	engine_testrun.close(m.m.engine);
	m.m.engine = NULL;
	arena_free(m.packet);
	masters_down(&m.m);
}

Test(model, datapath_and_model_agree_on_every_packet_of_random_flows)
{
	const char *seed = getenv("VERDICT_SEED");

	run_model(seed ? (uint32_t)strtoul(seed, NULL, 0) : 29696);
}
