// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Flows by chance through source NAT: pods to the world, the host's own among them, the world to a backend on another
 * node. What comes back finds back, errors too; no two flows look the same to a peer; and a flow keeps its port though
 * entries are lost one at a time.
 */
#include "random_judge.h"
#include "random_lab.h"

#define FLOWS 1500

/* One direction of a flow as its packets show it; an echo's identifier is its sender's port. */
struct way {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
};

struct flow {
	struct random_spec spec; /* of its packets */
	const char *role, *hook; /* where they leave */
	struct way own, live; /* before NAT and behind it */
	bool excused; /* it may have another port from now on: an entry was lost */
};

static struct {
	struct random_node node;
	struct flow flows[FLOWS];
	unsigned n;
	uint32_t s;
	uint32_t changed, errors, lost;
} nat;

/* ---- packets ---- */

static void read_way(const uint8_t *b, const struct ip_layers *ip, struct way *w)
{
	uint32_t from = ip->version == 6 ? 8 : 12, n = ip->version == 6 ? 16 : 4;
	const uint8_t *l4 = b + ip->l4;

	memset(w, 0, sizeof(*w));
	memcpy(w->src, b + ip->l3 + from, n);
	memcpy(w->dst, b + ip->l3 + from + n, n);
	if (ip->proto != 1 && ip->proto != 58) {
		w->sport = get_be16(l4);
		w->dport = get_be16(l4 + 2);
	} else if (*l4 == 8 || *l4 == 128) {
		w->sport = get_be16(l4 + 4);
	} else {
		w->dport = get_be16(l4 + 4);
	}
}

static struct way turned(const struct way *w)
{
	struct way t = { .sport = w->dport, .dport = w->sport };

	memcpy(t.src, w->dst, 16);
	memcpy(t.dst, w->src, 16);
	return t;
}

static bool same_way(const struct way *a, const struct way *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static const char *way_text(const struct way *w)
{
	struct arena *a = nat.node.lab->arena;

	return arena_printf(a, "%s|%u > %s|%u", random_hex(&nat.node, w->src, 16), w->sport,
			    random_hex(&nat.node, w->dst, 16), w->dport);
}

/* The packet that came out: its own ends, or those of what it quotes. */
static struct way out_way(const struct random_run *r, const struct pkt *p, bool quoted)
{
	const struct ip_layers *ip;
	struct layers l;
	struct way w;

	packet_parse(r->out, r->out_len, LINK_ETHERNET, &l);
	ip = quoted ? &l.inner : &l.ip;
	random_expect(&nat.node, r, p, ip->l3 != NO_OFFSET && ip->l4 != NO_OFFSET, "no packet");
	read_way(r->out, ip, &w);
	return w;
}

static void expect_way(const struct random_run *r, const struct pkt *p, const struct way *is,
		       const struct way *want, const char *what)
{
	random_expect(&nat.node, r, p, same_way(is, want), "%s: %s, not %s", what, way_text(is),
		      way_text(want));
}

/* ---- flows ---- */

static struct flow some_flow(void)
{
	static const uint16_t sports[] = { 0, 1, 1234, 32768, 40000, 40001, 40002, 65535 };
	static const uint8_t protocols[] = { 6, 6, 17, 1, 132 };
	uint32_t *s = &nat.s;
	struct flow f = { .role = "eth0", .hook = "egress" };

	f.spec = (struct random_spec){ .v6 = below(s, 2),
				       .src = below(s, P_FAR_POD), /* pods, the host */
				       .dst = below(s, 2) ? P_WORLD : P_WORLD2,
				       .proto = protocols[below(s, 5)],
				       .sport = sports[below(s, 8)],
				       .dport = below(s, 2) ? 443 : 53,
				       .tcp_flags = SYN,
				       .ttl = 64,
				       .no_sum = one_in(s, 6) };
	if (one_in(s, 3))
		f.spec.sport = (uint16_t)(33000 + below(s, 400));
	if (f.spec.proto == 132 && f.spec.sport < 32768)
		f.spec.sport |= 0x8000;
	if (f.spec.proto == 1)
		f.spec.dport = 0;
	if (f.spec.proto == 1 || below(s, 3))
		return f;
	f.hook = "ingress";
	f.spec.src = f.spec.dst;
	f.spec.dst = f.spec.proto == 132 ? P_VIP : P_NODE;
	f.spec.dport = f.spec.proto == 132 ? 8080 : 30090;
	return f;
}

static bool is_served(const struct flow *f)
{
	return !strcmp(f->hook, "ingress");
}

static struct pkt packet_of(const struct flow *f)
{
	struct random_spec is = f->spec;
	uint32_t fixed = 1; /* no chance in headers: the flow is what counts */
	struct pkt p;

	is.data = 1 + below(&nat.s, 60);
	do
		p = random_build(&fixed, &is);
	while (p.b[14] != 0x45 && p.b[20] != (is.proto == 1 ? 58 : is.proto));
	return p;
}

/* What its peer sees must be nobody else's. */
static void expect_alone(const struct random_run *r, const struct pkt *p, const struct flow *f)
{
	for (unsigned i = 0; i < nat.n; i++) {
		const struct flow *o = &nat.flows[i];

		random_expect(&nat.node, r, p,
			      o == f || o->excused || o->spec.v6 != f->spec.v6 ||
				      o->spec.proto != f->spec.proto ||
				      !same_way(&o->live, &f->live),
			      "flow %s is %s to its peer, as is %s", way_text(&f->own),
			      way_text(&f->live), way_text(&o->own));
	}
}

/* A packet of the flow. False: it has found no port. */
static bool send_on(struct flow *f, bool is_new)
{
	struct random_run r = { .role = f->role, .hook_name = f->hook, .summed = below(&nat.s, 2) };
	struct pkt p = packet_of(f);
	struct layers l;
	struct way live;

	packet_parse(p.b, p.len, LINK_ETHERNET, &l);
	read_way(p.b, &l.ip, &f->own);
	random_try(&nat.node, &r, &p);
	random_judge(&nat.node, &r, &p);
	if (is_new && random_is_drop(&r)) {
		/* SCTP's checksum forbids another port */
		random_expect(&nat.node, &r, &p, r.reason == 167 && f->spec.proto == 132,
			      "a flow is refused");
		return false;
	}
	random_expect(&nat.node, &r, &p, !random_is_drop(&r), "a known flow is dropped");
	live = out_way(&r, &p, false);
	if (!is_new && !f->excused)
		expect_way(&r, &p, &live, &f->live, "a flow has changed");
	nat.changed += !is_new && !same_way(&live, &f->live);
	f->live = live;
	f->excused = false;
	f->spec.tcp_flags = ACK;
	expect_alone(&r, &p, f);
	return true;
}

static const struct tunnel_meta from_far = {
	.has_key = true, .id = 30030, .remote_ip4 = 0xc0a80a02, .ttl = 64
};

/* What comes back comes from the network, or from the backend's node. */
static void run_back(struct random_run *r, const struct flow *f, const struct pkt *p)
{
	*r = (struct random_run){ .role = is_served(f) ? "cilium_vxlan" : "eth0",
				  .hook_name = "ingress",
				  .tunnel = is_served(f) ? &from_far : NULL,
				  .summed = below(&nat.s, 2) };
	random_try(&nat.node, r, p);
	random_judge(&nat.node, r, p);
	random_expect(&nat.node, r, p, !random_is_drop(r), "what comes back is dropped");
}

static void write_way(struct pkt *p, const struct way *w, bool answer)
{
	struct layers l;
	uint32_t from, n;

	packet_parse(p->b, p->len, LINK_ETHERNET, &l);
	from = (uint32_t)l.ip.l3 + (l.ip.version == 6 ? 8 : 12);
	n = l.ip.version == 6 ? 16 : 4;
	memcpy(p->b + from, w->src, n);
	memcpy(p->b + from + n, w->dst, n);
	if (l.ip.proto == 1 || l.ip.proto == 58) {
		if (answer)
			p->b[l.ip.l4] = l.ip.version == 6 ? 129 : 0;
		set16(p, (uint32_t)l.ip.l4 + 4, answer ? w->dport : w->sport);
	} else {
		set16(p, (uint32_t)l.ip.l4, w->sport);
		set16(p, (uint32_t)l.ip.l4 + 2, w->dport);
	}
	csum_fill(p->b, &l.ip);
}

static void answer(const struct flow *f)
{
	struct way back = turned(&f->live), want = turned(&f->own), is;
	struct pkt p = packet_of(f);
	struct random_run r;

	write_way(&p, &back, true);
	run_back(&r, f, &p);
	is = out_way(&r, &p, false);
	expect_way(&r, &p, &is, &want, "an answer does not find back");
}

/* From the peer, or from who stands between. */
static void complain(const struct flow *f)
{
	bool v6 = f->spec.v6;
	struct pkt about = packet_of(f), p;
	char src[64], dst[64];
	struct random_run r;
	struct way is;

	write_way(&about, &f->live, false);
	inet_ntop(v6 ? AF_INET6 : AF_INET, f->live.src, dst, sizeof(dst));
	inet_ntop(v6 ? AF_INET6 : AF_INET, f->live.dst, src, sizeof(src));
	put_eth(&p, v6 ? 0x86dd : 0x0800);
	put_error(&p, one_in(&nat.s, 2) ? src : random_peers[P_OTHER_NODE].addr[v6], dst,
		  v6 ? 1 : 3, 1, 0, &about, (v6 ? 48 : 28) + below(&nat.s, 40));
	run_back(&r, f, &p);
	is = out_way(&r, &p, true);
	expect_way(&r, &p, &is, &f->own, "an error is about another flow");
	is = out_way(&r, &p, false);
	random_expect(&nat.node, &r, &p, !memcmp(is.dst, f->own.src, 16),
		      "an error goes to another host");
	nat.errors++;
}

/* ---- entries that are lost ---- */

static uint32_t nat_key(uint8_t key[38], const struct flow *f, const struct way *w, uint8_t flags)
{
	uint32_t n = f->spec.v6 ? 16 : 4;
	uint8_t *at = key + 2 * (size_t)n;

	memcpy(key, w->dst, n);
	memcpy(key + n, w->src, n);
	at[0] = (uint8_t)(w->dport >> 8);
	at[1] = (uint8_t)w->dport;
	at[2] = (uint8_t)(w->sport >> 8);
	at[3] = (uint8_t)w->sport;
	at[4] = f->spec.v6 && f->spec.proto == 1 ? 58 : f->spec.proto;
	at[5] = flags;
	return 2 * n + 6;
}

/* One of the two. Who was given a port of chance is known by the lost entry alone, and may get another. */
static void lose_entry(struct flow *f)
{
	struct map *m = lab_map(nat.node.lab,
				f->spec.v6 ? "cilium_snat_v6_external" : "cilium_snat_v4_external");
	struct way out = f->live, in = turned(&f->live);
	bool answers = below(&nat.s, 2);
	uint8_t key[38];

	memcpy(out.src, f->own.src, 16);
	out.sport = f->own.sport;
	cr_assert_eq(nat_key(key, f, answers ? &in : &out, answers), m->key_size);
	if (bpf_map_delete_elem(m->fd, key))
		return; /* the host's, with a port that no pod gets */
	nat.lost++;
	f->excused = !answers && f->live.sport != f->own.sport;
	send_on(f, false);
	if (!answers)
		answer(f);
}

static bool is_same_flow(const struct random_spec *a, const struct random_spec *b)
{
	return a->v6 == b->v6 && a->src == b->src && a->dst == b->dst && a->proto == b->proto &&
	       a->sport == b->sport && a->dport == b->dport;
}

static void begin(void)
{
	struct flow *f = &nat.flows[nat.n];

	*f = some_flow();
	for (unsigned i = 0; i < nat.n; i++)
		if (is_same_flow(&nat.flows[i].spec, &f->spec))
			return;
	if (nat.n + 1 < FLOWS && send_on(f, true))
		nat.n++;
}

static void converse(uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		unsigned what = below(&nat.s, 8);
		struct flow *f;

		if (!nat.n || what < 2) {
			begin();
			continue;
		}
		f = &nat.flows[below(&nat.s, nat.n)];
		if (what < 4)
			send_on(f, false);
		else if (what < 6)
			answer(f);
		else if (what == 6)
			complain(f);
		else if (one_in(&nat.s, 4))
			lose_entry(f);
	}
}

Test(random_nat, everything_finds_back_and_nobody_shares, .timeout = 3000)
{
	NEEDS_ROOT();
	memset(&nat, 0, sizeof(nat));
	nat.s = random_seed(9);
	random_open(&nat.node, RANDOM_TARGET(RANDOM_SERVICES), nat.s);
	random_add_services(&nat.node);
	converse(random_rounds(8000));
	printf("%u flows, %u packets, %u errors, %u entries lost, %u ports changed by that\n",
	       nat.n, nat.node.ran, nat.errors, nat.lost, nat.changed);
	cr_expect_gt(nat.n, 300);
	cr_expect_gt(nat.lost, 50);
	lab_close(nat.node.lab);
}
