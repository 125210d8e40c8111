// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policy by chance against a model of it in plain C: a list of rules and a list of flows. Of each well-formed packet the
 * model says exactly what becomes of it; of a damaged one, which harness/packet reads by itself, that it is not let
 * through unless the model would.
 */
#include "random_judge.h"
#include "random_lab.h"

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

static uint32_t rule_word(uint8_t proto, uint16_t port, unsigned bits)
{
	uint32_t word = (uint32_t)proto << 16 | port;

	return bits ? word >> (24 - bits) : 0;
}

static bool rule_matches(const struct rule *r, uint32_t label, bool out, uint8_t proto,
			 uint16_t port)
{
	return r->label == label && r->out == out &&
	       rule_word(r->proto, r->port, r->bits) == rule_word(proto, port, r->bits);
}

static const struct rule *most_specific(const struct policy *p, uint32_t label, bool out,
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
static bool rule_beats(const struct rule *a, const struct rule *b)
{
	if (a->precedence != b->precedence)
		return a->precedence > b->precedence;
	return a->bits != b->bits ? a->bits > b->bits : a->deny && !b->deny;
}

/* 0, or the reason to drop. */
static int policy_says(const struct policy *p, uint32_t label, bool out, uint8_t proto,
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

static struct rule some_rule(uint32_t *s)
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
static void add_rule(struct policy *p, const struct rule *r)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->rules[i].bits == r->bits &&
		    rule_matches(&p->rules[i], r->label, r->out, r->proto, r->port))
			return;
	p->rules[p->n++] = *r;
}

static void new_policy(struct random_node *n, uint32_t *s, struct policy *p, const char *map)
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

static uint32_t way_hash(const struct way *w, uint8_t out)
{
	uint32_t h = 2166136261u ^ out;

	for (size_t i = 0; i < sizeof(*w); i++)
		h = (h ^ ((const uint8_t *)w)[i]) * 16777619u;
	return h;
}

/* The flow's place, which may be empty yet. */
static struct flow_entry *flow_at(const struct way *w, bool out)
{
	uint32_t at = way_hash(w, out) % FLOWS;

	for (unsigned i = 0; i < FLOWS; i++, at = (at + 1) % FLOWS)
		if (!model.flows[at].known ||
		    (model.flows[at].out == out && !memcmp(&model.flows[at].way, w, sizeof(*w))))
			return &model.flows[at];
	cr_assert_fail("too many flows");
	return NULL;
}

static struct way turned(const struct way *w)
{
	struct way t = { .sport = w->dport, .dport = w->sport, .proto = w->proto, .v6 = w->v6 };

	memcpy(t.src, w->dst, 16);
	memcpy(t.dst, w->src, 16);
	return t;
}

static void learn(const struct way *w, bool out, enum known known)
{
	struct flow_entry *f = flow_at(w, out);

	f->way = *w;
	f->out = out;
	if (f->known < known)
		f->known = known;
}

/* Whether a packet that goes that way belongs to a flow. */
static enum known is_known(const struct way *w, bool out)
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

static void read_ends(const uint8_t *b, const struct ip_layers *ip, struct way *w)
{
	uint32_t from = ip->version == 6 ? 8 : 12, n = ip->version == 6 ? 16 : 4;

	w->v6 = ip->version == 6;
	w->proto = ip->proto;
	memcpy(w->src, b + ip->l3 + from, n);
	memcpy(w->dst, b + ip->l3 + from + n, n);
}

static bool is_icmp(const struct way *w)
{
	return w->proto == (w->v6 ? 58 : 1);
}

/* Ports, or of an echo the identifier on its sender's side. False: there are none. */
static bool read_ports(const uint8_t *l4, struct way *w)
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

static uint32_t fragment_id(const struct pkt *p, const struct ip_layers *ip)
{
	int at = ip->version == 6 ? ip6_extension(p->b, ip, 44) : NO_OFFSET;

	if (ip->version == 4)
		return at16(p, (uint32_t)ip->l3 + 4);
	return at == NO_OFFSET
		       ? 0
		       : (uint32_t)at16(p, (uint32_t)at + 4) << 16 | at16(p, (uint32_t)at + 6);
}

/* Newest first. */
static struct pieces *find_pieces(const struct way *w, uint32_t id)
{
	for (unsigned i = model.n_pieces; i && model.n_pieces - i < PIECES; i--) {
		struct pieces *k = &model.pieces[(i - 1) % PIECES];

		if (k->id == id && k->way.proto == w->proto && k->way.v6 == w->v6 &&
		    !memcmp(k->way.src, w->src, 16) && !memcmp(k->way.dst, w->dst, 16))
			return k;
	}
	return NULL;
}

static void read_quote(const struct pkt *p, const struct layers *l, struct seen *s)
{
	s->is_error = true;
	if (l->inner.l3 == NO_OFFSET || l->inner.l4 == NO_OFFSET)
		return;
	if (l->inner.version == 6 && l->inner.l4 != l->inner.l3 + 40)
		return; /* behind extension headers nobody looks: see conntrack.h */
	read_ends(p->b, &l->inner, &s->quote);
	s->has_quote = read_ports(p->b + l->inner.l4, &s->quote);
}

static const struct random_peer *peer_at(const uint8_t *addr, bool v6)
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
static bool is_discovery(const struct pkt *p, const struct layers *l, const struct way *w)
{
	const struct random_peer *to = peer_at(w->dst, w->v6);
	uint8_t type = p->b[l->ip.l4];
	bool on_link = w->dst[0] == 0xff || (to && to->identity == 1);

	/* solicitations are answered, or they end */
	return w->v6 && is_icmp(w) && l->ip.l4 == l->ip.l3 + 40 &&
	       (type == 135 || ((type == 133 || type == 136) && on_link));
}

static struct seen read_packet(const struct pkt *p)
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

static enum known belongs(const struct seen *s, bool out)
{
	if (s->is_error) /* it goes to who sent what it quotes */
		return s->has_quote && !memcmp(s->quote.src, s->way.dst, 16)
			       ? is_known(&s->quote, !out)
			       : UNKNOWN_FLOW;
	return s->has_ports ? is_known(&s->way, out) : UNKNOWN_FLOW;
}

static uint32_t identity_of(const uint8_t *addr, bool v6)
{
	const struct random_peer *p = peer_at(addr, v6);

	return p && p->identity ? p->identity : 2;
}

static uint32_t endpoint_of(const uint8_t *addr, bool v6)
{
	const struct random_peer *p = peer_at(addr, v6);

	return p ? p->endpoint : 0;
}

/* 0: it passes this pod; else why not. `sure` is taken away where the model does not know. */
static int ask_pod(const struct seen *s, uint32_t endpoint, bool out, uint32_t remote, bool *sure,
		   enum known becomes)
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

/* ---- packets ---- */

struct place {
	const char *role;
	enum peer_name from;
	uint32_t endpoint; /* whose device; 0: the network's */
	bool tunnel;
};

static const struct place places[] = {
	{ "client", P_CLIENT, CLIENT, false },
	{ "server", P_SERVER, SERVER, false },
	{ "eth0", P_WORLD, 0, false },
	{ "cilium_vxlan", P_FAR_POD, 0, true },
};

/* What the model has to say: 0 or a reason. */
static int foretell(const struct place *at, const struct pkt *p, bool *sure, enum known becomes)
{
	struct seen s = read_packet(p);
	uint32_t endpoint = endpoint_of(s.way.dst, s.way.v6);
	uint32_t own = endpoint_of(s.way.src, s.way.v6);
	uint32_t sender = at->tunnel	 ? 30030
			  : at->endpoint ? 30000 + at->endpoint
					 : identity_of(s.way.src, s.way.v6);
	int reason = 0;

	if (at->endpoint && s.discovery)
		return 0;
	if (at->endpoint && own != at->endpoint)
		return 132;
	if (s.unknown && (at->endpoint || endpoint))
		return s.has_ports ? 0 : 175;
	if (at->endpoint)
		reason = ask_pod(&s, at->endpoint, true, identity_of(s.way.dst, s.way.v6), sure,
				 becomes);
	if (!reason && endpoint)
		reason = ask_pod(&s, endpoint, false, sender, sure, becomes);
	return reason;
}

static void offer(struct random_node *n, const struct place *at, const struct pkt *p, bool clean,
		  struct random_seen *seen)
{
	static const struct tunnel_meta from_far = {
		.has_key = true, .id = 30030, .remote_ip4 = 0xc0a80a02, .ttl = 64
	};
	struct random_run r = { .role = at->role, .hook_name = "ingress" };
	bool sure = true;
	int reason;

	r.tunnel = at->tunnel ? &from_far : NULL;
	random_try(n, &r, p);
	random_judge(n, &r, p);
	if (r.refused)
		return;
	/* a damaged packet may leave an entry behind and be dropped later */
	reason = foretell(at, p, &sure, clean ? KNOWN_FLOW : MAYBE_FLOW);
	if (clean && sure && !(at->endpoint && random_is_solicitation(p)))
		random_expect(n, &r, p, r.reason == reason, "the model says %d", reason);
	if (!random_is_drop(&r) && !r.n_drops)
		random_expect(n, &r, p, !reason || !sure, "passes, the model says %d", reason);
	if (clean)
		random_see(seen, p->b, p->len);
}

static struct pkt some_packet(uint32_t *s, const struct place *at, const struct random_seen *seen)
{
	struct random_spec is = random_spec(s);
	struct pkt p;

	if (seen->n > 8 && one_in(s, 3) && random_answer(s, random_any_seen(s, seen), &p))
		return p;
	if (seen->n > 8 && one_in(s, 8) && random_error(s, random_any_seen(s, seen), &p))
		return p;
	if (!one_in(s, 12))
		is.src = at->from;
	is.dst = below(s, P_VIP);
	is.ttl = 64;
	is.data %= 200; /* that fits everywhere */
	if (is.proto == 47)
		is.proto = 6;
	return random_build(s, &is);
}

/* Where it would come in: pods' packets by their devices. */
static const struct place *place_of(uint32_t *s, const struct pkt *p)
{
	struct seen q = read_packet(p);
	const struct random_peer *from = peer_at(q.way.src, q.way.v6);

	if (from == &random_peers[P_CLIENT])
		return &places[0];
	if (from == &random_peers[P_SERVER])
		return &places[1];
	return from == &random_peers[P_FAR_POD] && below(s, 2) ? &places[3] : &places[2];
}

/* Of what is whole the model has to say exactly what becomes of it. Not so of later fragments: their first one may have
 * been damaged.
 */
static bool is_whole(const struct pkt *p)
{
	struct seen s = read_packet(p);
	struct layers l;

	packet_parse(p->b, p->len, LINK_ETHERNET, &l);
	return !l.ip.frag_off && l.ip.payload != NO_OFFSET && (!s.is_error || s.has_quote);
}

static void converse(struct random_node *n, uint32_t rounds)
{
	static struct random_seen seen;
	uint32_t s = n->seed;

	memset(&model, 0, sizeof(model));
	seen.n = 0;
	for (uint32_t i = 0; i < rounds; i++) {
		struct pkt pieces[4] = { some_packet(&s, &places[below(&s, 4)], &seen) };
		struct pkt whole = pieces[0];
		unsigned k = one_in(&s, 8) ? random_fragment(&s, &whole, pieces) : 0;

		if (i % 300 == 0) {
			new_policy(n, &s, &model.policies[0], "client/cilium_policy_v2");
			new_policy(n, &s, &model.policies[1], "server/cilium_policy_v2");
		}
		for (unsigned j = 0; j < (k ? k : 1); j++) {
			bool damaged = one_in(&s, 3);

			if (damaged)
				random_damage(&s, &pieces[j]);
			offer(n, place_of(&s, &pieces[j]), &pieces[j],
			      !damaged && is_whole(&pieces[j]), &seen);
		}
	}
}

Test(random_policy, the_model_agrees, .timeout = 3000)
{
	struct random_node n;

	NEEDS_ROOT();
	random_open(&n, RANDOM_TARGET(", enable_host_routing: true"), random_seed(7));
	converse(&n, random_rounds(6000));
	printf("%u ran, %u passed, %u denied, %u by a rule\n", n.ran, n.passed, n.reasons[133],
	       n.reasons[181]);
	cr_expect_gt(n.reasons[133], n.ran / 20);
	cr_expect_gt(n.reasons[181], n.ran / 100);
	cr_expect_gt(n.passed, n.ran / 10);
	lab_close(n.lab);
}
