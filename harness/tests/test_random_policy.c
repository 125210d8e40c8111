// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policy by chance against a model of it in plain C: a list of rules and a list of flows. Of each well-formed packet the
 * model says exactly what becomes of it; of a damaged one, which harness/packet reads by itself, that it is not let
 * through unless the model would.
 */
#include "random_judge.h"
#include "random_lab.h"
#include "random_model.h"

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

/* The programs' maps and the model forget in ways of their own: not before a conversation of that length ends. */
#define CONVERSATION 6000

static void hold(uint32_t seed)
{
	struct random_node n;

	random_open(&n, RANDOM_TARGET(", enable_host_routing: true"), seed);
	converse(&n, CONVERSATION);
	printf("%u ran, %u passed, %u denied, %u by a rule\n", n.ran, n.passed, n.reasons[133],
	       n.reasons[181]);
	cr_expect_gt(n.reasons[133], n.ran / 20);
	cr_expect_gt(n.reasons[181], n.ran / 100);
	cr_expect_gt(n.passed, n.ran / 10);
	lab_close(n.lab);
}

Test(random_policy, the_model_agrees, .timeout = 3000)
{
	uint32_t seed = random_seed(7);

	NEEDS_ROOT();
	for (uint32_t i = 0; i < random_rounds(1); i++)
		hold(seed + i);
}
