// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets by chance at every hook of a node, in conversations that make state: random_judge.h says what must be true
 * of each.
 */
#include "random_judge.h"
#include "random_lab.h"

#define ALL_ALLOWED "{lpm_key: {prefixlen: 40}, egress: %u}"

struct place {
	const char *role, *hook;
	enum peer_name from; /* who sends here most often; N_PEERS: anybody */
};

static const struct place places[] = {
	{ "client", "ingress", P_CLIENT },
	{ "client", "ingress", P_CLIENT },
	{ "eth0", "ingress", N_PEERS },
	{ "eth0", "ingress", P_WORLD },
	{ "eth0", "xdp", N_PEERS },
	{ "eth0", "egress", N_PEERS },
	{ "server", "ingress", P_SERVER },
	{ "server", "egress", N_PEERS },
	{ "cilium_host", "egress", P_NODE },
	{ "cilium_host", "ingress", P_CLIENT },
	{ "cilium_vxlan", "ingress", P_FAR_POD },
	{ "cilium_vxlan", "egress", P_CLIENT },
};

/* Nothing is forbidden: packets are to come far. */
static void allow(struct random_node *n)
{
	static const char *const maps[] = { "client/cilium_policy_v2", "server/cilium_policy_v2",
					    "bpf_host.o/cilium_policy_v2" };

	for (size_t i = 0; i < 3; i++)
		for (unsigned egress = 0; egress < 2; egress++)
			lab_set(n->lab, maps[i], arena_printf(n->lab->arena, ALL_ALLOWED, egress),
				"{}");
}

static uint32_t some_mark(uint32_t *s)
{
	static const uint32_t marks[] = { 0,
					  0,
					  0,
					  0x0c00,
					  0x0f00 | 30010u << 16,
					  0x0f00 | 2 << 16,
					  0x0a00 | 30010u << 16,
					  0x0b00 | 30010u << 16,
					  0x0900 | 10 << 16,
					  0x0900 | 99 << 16,
					  0x0300,
					  0x0200 };

	return marks[below(s, sizeof(marks) / sizeof(marks[0]))];
}

/* Who sent it by the tunnel, and what Geneve says besides. */
static void fill_tunnel(uint32_t *s, struct tunnel_meta *t)
{
	static const uint32_t ids[] = { 30030, 30030, 2, 6, 1, 0, 30010, 0xffffff };
	uint32_t len = 4 * below(s, 7);

	*t = (struct tunnel_meta){ .has_key = !one_in(s, 10),
				   .id = ids[below(s, 8)],
				   .remote_ip4 = 0xc0a80a02,
				   .ttl = 64 };
	if (!len)
		return;
	t->has_opt = true;
	t->opt_len = len;
	for (uint32_t i = 0; i < len; i++)
		t->opt[i] = (uint8_t)rnd(s);
	if (one_in(s, 4))
		return;
	memcpy(t->opt, "\x01\x4b\x81", 3);
	t->opt[3] = (uint8_t)(len / 4 - 1);
}

/* Of VLAN 0 or of another; seldom of two. */
static void tag(uint32_t *s, struct pkt *p)
{
	do {
		memmove(p->b + 16, p->b + 12, p->len - 12);
		set16(p, 12, one_in(s, 3) ? 0x88a8 : 0x8100);
		set16(p, 14, one_in(s, 2) ? 5 : 0x2000);
		p->len += 4;
	} while (one_in(s, 4) && p->len < 1800);
}

static void run_one(struct random_node *n, uint32_t *s, const struct place *at, const struct pkt *p,
		    struct random_seen *seen)
{
	struct tunnel_meta tunnel;
	struct random_run r = { .role = at->role, .hook_name = at->hook };

	r.summed = below(s, 2);
	if (!strcmp(at->hook, "egress") || !strcmp(at->role, "cilium_host"))
		r.mark = some_mark(s);
	if (!strcmp(at->role, "cilium_vxlan")) {
		fill_tunnel(s, &tunnel);
		r.tunnel = &tunnel;
	}
	random_try(n, &r, p);
	random_judge(n, &r, p);
	if (!r.refused && !random_is_drop(&r))
		random_see(seen, r.out, r.out_len);
	else if (one_in(s, 4))
		random_see(seen, p->b, p->len);
}

static struct pkt some_packet(uint32_t *s, const struct place *at, const struct random_seen *seen)
{
	struct random_spec is = random_spec(s);
	unsigned kind = below(s, 10);
	struct pkt p;

	if (seen->n > 8 && kind < 3 && random_answer(s, random_any_seen(s, seen), &p))
		return p;
	if (seen->n > 8 && kind == 3 && random_error(s, random_any_seen(s, seen), &p))
		return p;
	if (seen->n > 8 && kind == 4)
		return *random_any_seen(s, seen);
	if (at->from != N_PEERS && !one_in(s, 8))
		is.src = at->from;
	return random_build(s, &is);
}

static void converse(struct random_node *n, uint32_t rounds)
{
	static struct random_seen seen;
	uint32_t s = n->seed;

	seen.n = 0;
	for (uint32_t i = 0; i < rounds; i++) {
		const struct place *at = &places[below(&s, sizeof(places) / sizeof(places[0]))];
		struct pkt pieces[4], p = some_packet(&s, at, &seen);
		unsigned k = one_in(&s, 8) ? random_fragment(&s, &p, pieces) : 0;

		if (!k) {
			pieces[0] = p;
			k = 1;
		}
		for (unsigned j = 0; j < k; j++) {
			if (one_in(&s, 3))
				random_damage(&s, &pieces[j]);
			if (one_in(&s, 16))
				tag(&s, &pieces[j]);
			run_one(n, &s, at, &pieces[j], &seen);
		}
	}
}

/* The same seed once more makes the same of it. */
static void hold(const char *target, uint32_t seed)
{
	struct random_node n;
	uint32_t hash = 0;

	NEEDS_ROOT();
	for (int again = 0; again < 2; again++) {
		random_open(&n, target, random_seed(seed));
		random_add_services(&n);
		allow(&n);
		converse(&n, random_rounds(4000));
		printf("%u ran, %u passed, %u dropped, %u answered, %u refused\n", n.ran, n.passed,
		       n.dropped, n.answered, n.refused);
		cr_expect_gt(n.passed, n.ran / 8, "%u of %u", n.passed, n.ran);
		cr_expect_gt(n.dropped, n.ran / 8, "%u of %u", n.dropped, n.ran);
		if (again)
			cr_expect_eq(n.hash, hash, "seed %u makes another thing of it", n.seed);
		hash = n.hash;
		lab_close(n.lab);
	}
}

Test(random_hooks, with_snat_past_the_stack, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_EVERYTHING), 1);
}

Test(random_hooks, with_dsr_options, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_EVERYTHING ", lb_mode: 1"), 2);
}

Test(random_hooks, with_dsr_by_geneve, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_EVERYTHING ", lb_mode: 1, dsr_dispatch: 1"), 3);
}

Test(random_hooks, with_dsr_in_ipip, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_EVERYTHING RANDOM_IPIP), 4);
}

Test(random_hooks, through_the_stack_with_routes_of_pods, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_SERVICES
			   ", enable_host_firewall: true, enable_endpoint_routes: true"),
	     5);
}

Test(random_hooks, with_nothing_switched_on, .timeout = 3000)
{
	hold(RANDOM_TARGET(""), 6);
}
