/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policy of two pods in plain C: a list of rules, a list of flows, and a reader of packets that shares nothing with
 * bpf/. Of conntrack it knows what a flow is, no times: tests that use it let none pass.
 */
#ifndef VERDICT_TESTS_RANDOM_MODEL_H
#define VERDICT_TESTS_RANDOM_MODEL_H

#include "random_judge.h"

#define RULES  14
#define FLOWS  65536
#define PIECES 8192

/* ---- the model: rules ---- */

struct rule {
	uint32_t label;
	bool out, deny;
	unsigned bits; /* of protocol and port that count: 0, 8 to 24 */
	uint8_t proto;
	uint16_t port;
	uint32_t precedence;
};

struct policy {
	struct rule rules[RULES];
	unsigned n;
};

static inline uint32_t rule_word(uint8_t proto, uint16_t port, unsigned bits)
{
	uint32_t word = (uint32_t)proto << 16 | port;

	return bits ? word >> (24 - bits) : 0;
}

static inline bool rule_matches(const struct rule *r, uint32_t label, bool out, uint8_t proto,
				uint16_t port)
{
	return r->label == label && r->out == out &&
	       rule_word(r->proto, r->port, r->bits) == rule_word(proto, port, r->bits);
}

static inline const struct rule *most_specific(const struct policy *p, uint32_t label, bool out,
					       uint8_t proto, uint16_t port)
{
	const struct rule *best = NULL;

	for (unsigned i = 0; i < p->n; i++)
		if (rule_matches(&p->rules[i], label, out, proto, port) &&
		    (!best || p->rules[i].bits > best->bits))
			best = &p->rules[i];
	return best;
}

/* Higher precedence, then what says more, then who denies. */
static inline bool rule_beats(const struct rule *a, const struct rule *b)
{
	if (a->precedence != b->precedence)
		return a->precedence > b->precedence;
	return a->bits != b->bits ? a->bits > b->bits : a->deny && !b->deny;
}

/* 0, or the reason to drop. */
static inline int policy_says(const struct policy *p, uint32_t label, bool out, uint8_t proto,
			      uint16_t port)
{
	const struct rule *own = most_specific(p, label, out, proto, port);
	const struct rule *any = most_specific(p, 0, out, proto, port), *r = own;

	if (any && (!own || rule_beats(any, own)))
		r = any;
	if (!r)
		return 133;
	return r->deny ? 181 : 0;
}

static inline struct rule some_rule(uint32_t *s)
{
	static const uint32_t labels[] = { 0, 0, 30010, 30020, 30030, 2, 1, 6 };
	static const uint8_t protocols[] = { 6, 6, 17, 132, 1, 58 };
	struct rule r = { .label = labels[below(s, 8)],
			  .out = below(s, 2),
			  .deny = one_in(s, 4),
			  .precedence = one_in(s, 3) ? below(s, 3) : 0 };

	if (one_in(s, 4))
		return r;
	r.proto = protocols[below(s, 6)];
	r.bits = 8;
	if (one_in(s, 4))
		return r;
	r.bits = one_in(s, 3) ? 9 + below(s, 16) : 24;
	r.port = random_port(s);
	if (r.bits < 24)
		r.port &= (uint16_t)(0xffff << (24 - r.bits));
	return r;
}

/* One rule a key, as in the map. */
static inline void add_rule(struct policy *p, const struct rule *r)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->rules[i].bits == r->bits &&
		    rule_matches(&p->rules[i], r->label, r->out, r->proto, r->port))
			return;
	p->rules[p->n++] = *r;
}

static inline void new_policy(struct random_node *n, uint32_t *s, struct policy *p, const char *map)
{
	struct lab *l = n->lab;

	cr_assert_eq(map_clear(lab_map(l, map), &l->err), 0, "%s", l->err.text);
	p->n = 0;
	for (unsigned i = below(s, RULES); i; i--) {
		struct rule r = some_rule(s);

		add_rule(p, &r);
	}
	for (unsigned i = 0; i < p->n; i++) {
		const struct rule *r = &p->rules[i];

		lab_set(l, map,
			arena_printf(l->arena,
				     "{lpm_key: {prefixlen: %u}, sec_label: %u, egress: %u, "
				     "protocol: %u, dport: %u}",
				     40 + r->bits, r->label, r->out, r->proto, r->port),
			arena_printf(l->arena, "{deny: %u, lpm_prefix_length: %u, precedence: %u}",
				     r->deny, r->bits, r->precedence));
	}
}

/* ---- the model: flows ---- */

struct way {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint8_t proto, v6;
};

enum known { UNKNOWN_FLOW, MAYBE_FLOW, KNOWN_FLOW };

struct flow_entry {
	struct way way;
	uint8_t out; /* it left a pod; else it came to one */
	uint8_t known;
};

/* Of a datagram in fragments. */
struct pieces {
	struct way way;
	uint32_t id;
};

static struct {
	struct policy policies[2]; /* client, server */
	struct flow_entry flows[FLOWS];
	struct pieces pieces[PIECES];
	unsigned n_pieces;
} model;

static inline uint32_t way_hash(const struct way *w, uint8_t out)
{
	uint32_t h = 2166136261u ^ out;

	for (size_t i = 0; i < sizeof(*w); i++)
		h = (h ^ ((const uint8_t *)w)[i]) * 16777619u;
	return h;
}

/* The flow's place, which may be empty yet. */
static inline struct flow_entry *flow_at(const struct way *w, bool out)
{
	uint32_t at = way_hash(w, out) % FLOWS;

	for (unsigned i = 0; i < FLOWS; i++, at = (at + 1) % FLOWS)
		if (!model.flows[at].known ||
		    (model.flows[at].out == out && !memcmp(&model.flows[at].way, w, sizeof(*w))))
			return &model.flows[at];
	cr_assert_fail("too many flows");
	return NULL;
}

static inline struct way turned(const struct way *w)
{
	struct way t = { .sport = w->dport, .dport = w->sport, .proto = w->proto, .v6 = w->v6 };

	memcpy(t.src, w->dst, 16);
	memcpy(t.dst, w->src, 16);
	return t;
}

static inline void learn(const struct way *w, bool out, enum known known)
{
	struct flow_entry *f = flow_at(w, out);

	f->way = *w;
	f->out = out;
	if (f->known < known)
		f->known = known;
}

/* Whether a packet that goes that way belongs to a flow. */
static inline enum known is_known(const struct way *w, bool out)
{
	struct way back = turned(w);
	enum known as_answer = flow_at(&back, !out)->known, as_more = flow_at(w, out)->known;

	return as_answer > as_more ? as_answer : as_more;
}

/* ---- the model: packets ---- */

struct seen {
	struct way way;
	bool has_ports; /* it can belong to a flow */
	bool is_error; /* about this one: */
	bool has_quote;
	struct way quote;
	bool discovery; /* of the link: nobody's to forbid */
	bool unknown; /* nothing that a pod may send or get */
};

static inline void read_ends(const uint8_t *b, const struct ip_layers *ip, struct way *w)
{
	uint32_t from = ip->version == 6 ? 8 : 12, n = ip->version == 6 ? 16 : 4;

	w->v6 = ip->version == 6;
	w->proto = ip->proto;
	memcpy(w->src, b + ip->l3 + from, n);
	memcpy(w->dst, b + ip->l3 + from + n, n);
}

static inline bool is_icmp(const struct way *w)
{
	return w->proto == (w->v6 ? 58 : 1);
}

/* Ports, or of an echo the identifier on its sender's side. False: there are none. */
static inline bool read_ports(const uint8_t *l4, struct way *w)
{
	uint8_t ask = w->v6 ? 128 : 8, answer = w->v6 ? 129 : 0;

	if (!is_icmp(w)) {
		w->sport = get_be16(l4);
		w->dport = get_be16(l4 + 2);
		return true;
	}
	if (*l4 == ask)
		w->sport = get_be16(l4 + 4);
	else if (*l4 == answer)
		w->dport = get_be16(l4 + 4);
	return *l4 == ask || *l4 == answer;
}

static inline uint32_t fragment_id(const struct pkt *p, const struct ip_layers *ip)
{
	int at = ip->version == 6 ? ip6_extension(p->b, ip, 44) : NO_OFFSET;

	if (ip->version == 4)
		return at16(p, (uint32_t)ip->l3 + 4);
	return at == NO_OFFSET
		       ? 0
		       : (uint32_t)at16(p, (uint32_t)at + 4) << 16 | at16(p, (uint32_t)at + 6);
}

/* Newest first. */
static inline struct pieces *find_pieces(const struct way *w, uint32_t id)
{
	for (unsigned i = model.n_pieces; i && model.n_pieces - i < PIECES; i--) {
		struct pieces *k = &model.pieces[(i - 1) % PIECES];

		if (k->id == id && k->way.proto == w->proto && k->way.v6 == w->v6 &&
		    !memcmp(k->way.src, w->src, 16) && !memcmp(k->way.dst, w->dst, 16))
			return k;
	}
	return NULL;
}

static inline void read_quote(const struct pkt *p, const struct layers *l, struct seen *s)
{
	s->is_error = true;
	if (l->inner.l3 == NO_OFFSET || l->inner.l4 == NO_OFFSET)
		return;
	if (l->inner.version == 6 && l->inner.l4 != l->inner.l3 + 40)
		return; /* behind extension headers nobody looks: see conntrack.h */
	read_ends(p->b, &l->inner, &s->quote);
	s->has_quote = read_ports(p->b + l->inner.l4, &s->quote);
}

static inline const struct random_peer *peer_at(const uint8_t *addr, bool v6)
{
	uint8_t is[16];

	for (unsigned i = 0; i < N_PEERS; i++) {
		memset(is, 0, sizeof(is));
		inet_pton(v6 ? AF_INET6 : AF_INET, random_peers[i].addr[v6], is);
		if (!memcmp(is, addr, 16))
			return &random_peers[i];
	}
	return NULL;
}

/* RFC 4861: what a pod needs its link for, and no further. */
static inline bool is_discovery(const struct pkt *p, const struct layers *l, const struct way *w)
{
	const struct random_peer *to = peer_at(w->dst, w->v6);
	uint8_t type = p->b[l->ip.l4];
	bool on_link = w->dst[0] == 0xff || (to && to->identity == 1);

	/* solicitations are answered, or they end */
	return w->v6 && is_icmp(w) && l->ip.l4 == l->ip.l3 + 40 &&
	       (type == 135 || ((type == 133 || type == 136) && on_link));
}

static inline struct seen read_packet(const struct pkt *p)
{
	struct seen s = { .unknown = true };
	struct pieces *first;
	struct layers l;

	packet_parse(p->b, p->len, LINK_ETHERNET, &l);
	if (l.ip.l3 == NO_OFFSET)
		return s;
	read_ends(p->b, &l.ip, &s.way);
	if (s.way.proto != 6 && s.way.proto != 17 && s.way.proto != 132 && !is_icmp(&s.way))
		return s;
	if (l.ip.frag_off) {
		first = find_pieces(&s.way, fragment_id(p, &l.ip));
		if (first)
			s = (struct seen){ .way = first->way, .has_ports = true };
		return s;
	}
	if (l.ip.l4 == NO_OFFSET)
		return s;
	s.unknown = false;
	s.has_ports = read_ports(p->b + l.ip.l4, &s.way);
	s.discovery = is_discovery(p, &l, &s.way);
	if (is_icmp(&s.way) && (s.way.v6 ? icmp6_is_error : icmp_is_error)(p->b[l.ip.l4]))
		read_quote(p, &l, &s);
	if (l.ip.more_fragments && s.has_ports && l.ip.payload != NO_OFFSET)
		model.pieces[model.n_pieces++ % PIECES] =
			(struct pieces){ .way = s.way, .id = fragment_id(p, &l.ip) };
	return s;
}

static inline enum known belongs(const struct seen *s, bool out)
{
	if (s->is_error) /* it goes to who sent what it quotes */
		return s->has_quote && !memcmp(s->quote.src, s->way.dst, 16)
			       ? is_known(&s->quote, !out)
			       : UNKNOWN_FLOW;
	return s->has_ports ? is_known(&s->way, out) : UNKNOWN_FLOW;
}

static inline uint32_t identity_of(const uint8_t *addr, bool v6)
{
	const struct random_peer *p = peer_at(addr, v6);

	return p && p->identity ? p->identity : 2;
}

static inline uint32_t endpoint_of(const uint8_t *addr, bool v6)
{
	const struct random_peer *p = peer_at(addr, v6);

	return p ? p->endpoint : 0;
}

/* 0: it passes this pod; else why not. `sure` is taken away where the model does not know. */
static inline int ask_pod(const struct seen *s, uint32_t endpoint, bool out, uint32_t remote,
			  bool *sure, enum known becomes)
{
	const struct policy *p = &model.policies[endpoint == SERVER];
	enum known known = belongs(s, out);
	int reason = policy_says(p, remote, out, s->way.proto,
				 s->has_ports && !is_icmp(&s->way) ? s->way.dport : 0);

	if (known == MAYBE_FLOW && reason)
		*sure = false;
	if (known == UNKNOWN_FLOW && reason)
		return reason;
	if (s->has_ports && known != KNOWN_FLOW)
		learn(&s->way, out, *sure ? becomes : MAYBE_FLOW);
	return 0;
}

#endif
