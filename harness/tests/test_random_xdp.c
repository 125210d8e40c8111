// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The same packets by chance at a node with XDP before tc and at one without: the same becomes of them, byte for byte,
 * and the same is remembered.
 */
#include "random_judge.h"
#include "random_lab.h"

#define PACKETS 1500

enum fate { REFUSED, PASSED, DROPPED, SENT, HANDED_ON };

/* What came of a packet, in words that mean the same at both hooks. */
struct result {
	enum fate fate;
	uint8_t reason;
	uint32_t ifindex;
	uint32_t len;
	uint8_t bytes[2048];
};

struct said {
	struct pkt packet;
	struct result tc;
};

static struct said said[PACKETS];

/* Both nodes draw the same numbers for the same packet. */
static void run_at(struct random_node *n, struct random_run *r, const struct pkt *p,
		   uint32_t number)
{
	helper_env_seed(target_env(replay_target(n->lab->replay)), number);
	random_try(n, r, p);
	random_judge(n, r, p);
}

static void tell(const struct random_run *r, struct result *o)
{
	memset(o, 0, sizeof(*o));
	if (r->refused)
		return;
	o->fate = random_is_drop(r) ? DROPPED : random_is_sent(r) ? SENT : PASSED;
	o->reason = r->reason;
	if (r->hook == HOOK_XDP && r->metadata)
		o->fate = HANDED_ON;
	if (o->fate == SENT)
		o->ifindex =
			r->hook == HOOK_XDP && r->verdict == XDP_TX ? r->ifindex : r->to.ifindex;
	if (o->fate == DROPPED)
		return;
	o->len = r->out_len;
	cr_assert_leq(o->len, sizeof(o->bytes));
	memcpy(o->bytes, r->out, o->len);
}

static void through_tc(struct random_node *n, const struct pkt *p, uint32_t number,
		       struct result *o)
{
	struct random_run r = { .role = "eth0", .hook_name = "ingress" };

	run_at(n, &r, p, number);
	tell(&r, o);
}

static void through_both(struct random_node *n, const struct pkt *p, uint32_t number,
			 struct result *o)
{
	struct random_run r = { .role = "eth0", .hook_name = "xdp" };
	struct pkt after = { .linktype = 1 };

	run_at(n, &r, p, number);
	tell(&r, o);
	if (o->fate != PASSED)
		return;
	put_bytes(&after, o->bytes, o->len);
	through_tc(n, &after, number, o);
}

/* ---- what is remembered ---- */

/* Not the ports of datagrams in fragments: to a backend at the service's own address XDP notes the service's, and then tc
 * the backend's.
 */
static const struct remembered_map {
	const char *name;
	uint32_t from[2], to[2]; /* bytes of a value that count: neither counts nor times */
} maps[] = {
	{ "cilium_ct4_global", { 0, 36 }, { 16, 42 } },
	{ "cilium_ct6_global", { 0, 36 }, { 16, 42 } },
	{ "cilium_ct_any4_global", { 0, 36 }, { 16, 42 } },
	{ "cilium_ct_any6_global", { 0, 36 }, { 16, 42 } },
	{ "cilium_snat_v4_external", { 8 }, { 40 } },
	{ "cilium_snat_v6_external", { 8 }, { 56 } },
};

enum { N_MAPS = sizeof(maps) / sizeof(maps[0]) };

struct memory {
	struct arena *arena;
	struct map_snapshot of[N_MAPS]; /* the map itself is gone */
	uint32_t key_size[N_MAPS];
};

static void remember(struct random_node *n, struct memory *m)
{
	m->arena = arena_new();
	for (unsigned i = 0; i < N_MAPS; i++) {
		struct map *map = lab_map(n->lab, maps[i].name);

		m->key_size[i] = map->key_size;
		cr_assert_eq(map_snapshot(map, m->arena, &m->of[i], &n->lab->err), 0, "%s",
			     n->lab->err.text);
	}
}

static bool is_same_entry(unsigned map, uint32_t key_size, const struct map_item *a,
			  const struct map_item *b)
{
	const struct remembered_map *m = &maps[map];
	bool same = !memcmp(a->key, b->key, key_size);

	for (int i = 0; i < 2; i++)
		same &= !memcmp((const char *)a->value + m->from[i],
				(const char *)b->value + m->from[i], m->to[i] - m->from[i]);
	return same;
}

static const char *entry_text(struct arena *a, unsigned map, uint32_t key_size,
			      const struct map_item *item)
{
	const uint8_t *key = item->key, *value = item->value;
	struct buf text = BUF_INIT;
	const char *copy;

	for (uint32_t i = 0; i < key_size; i++)
		buf_printf(&text, "%02x", key[i]);
	for (int k = 0; k < 2; k++)
		for (uint32_t i = maps[map].from[k]; i < maps[map].to[k]; i++)
			buf_printf(&text, "%s%02x", i == maps[map].from[k] ? " " : "", value[i]);
	copy = arena_strdup(a, buf_str(&text));
	buf_free(&text);
	return copy;
}

/* What a program cannot route, the stack gets with DSR's option in it, and on its way from XDP tc reads that. */
static bool is_learned_from_xdp(unsigned map, const struct map_item *item)
{
	return strstr(maps[map].name, "_ct") && ((const uint8_t *)item->value)[36] & 0x80;
}

static void expect_same_map(uint32_t seed, const struct memory *tc, const struct memory *xdp,
			    unsigned map)
{
	const struct map_snapshot *a = &tc->of[map], *b = &xdp->of[map];
	uint32_t key_size = tc->key_size[map];
	size_t k = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (k < a->n && is_same_entry(map, key_size, &a->items[k], &b->items[i])) {
			k++;
			continue;
		}
		cr_assert(is_learned_from_xdp(map, &b->items[i]),
			  "seed %u: another entry of %s: with XDP %s, without %s", seed,
			  maps[map].name, entry_text(xdp->arena, map, key_size, &b->items[i]),
			  k < a->n ? entry_text(xdp->arena, map, key_size, &a->items[k]) : "none");
	}
	cr_assert_eq(k, a->n, "seed %u: XDP leaves no entry %s of %s", seed,
		     k < a->n ? entry_text(xdp->arena, map, key_size, &a->items[k]) : "",
		     maps[map].name);
}

/* ---- the conversation ---- */

static struct pkt some_packet(uint32_t *s, const struct random_seen *seen)
{
	static const uint16_t served[] = { 30080, 30090, 30070, 80, 8080 };
	struct random_spec is = random_spec(s);
	struct pkt p;

	if (seen->n > 8 && one_in(s, 3) && random_answer(s, random_any_seen(s, seen), &p))
		return p;
	if (seen->n > 8 && one_in(s, 10) && random_error(s, random_any_seen(s, seen), &p))
		return p;
	if (!one_in(s, 4)) { /* a client */
		is.src = one_in(s, 4) ? P_WORLD2 : P_WORLD;
		is.dst = one_in(s, 4) ? P_VIP : P_NODE;
		is.dport = served[below(s, 5)];
	}
	return random_build(s, &is);
}

static void open_node(struct random_node *n, const char *target, uint32_t seed)
{
	random_open(n, target, seed);
	random_add_services(n);
	for (unsigned i = 0; i < 2; i++)
		lab_set(n->lab, i ? "server/cilium_policy_v2" : "bpf_host.o/cilium_policy_v2",
			"{lpm_key: {prefixlen: 40}}", "{}");
}

static void converse(const char *target, uint32_t seed, struct memory *m)
{
	static struct random_seen seen;
	struct random_node n;
	uint32_t s = seed;

	seen.n = 0;
	open_node(&n, target, seed);
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct said *now = &said[i];
		unsigned k = 0;
		struct pkt pieces[4];

		now->packet = some_packet(&s, &seen);
		if (one_in(&s, 10) && i + 4 < PACKETS)
			k = random_fragment(&s, &now->packet, pieces);
		for (unsigned j = 0; j < (k ? k : 1); j++, now++) {
			if (k)
				now->packet = pieces[j];
			if (one_in(&s, 4))
				random_damage(&s, &now->packet);
			through_tc(&n, &now->packet, (uint32_t)(now - said), &now->tc);
			random_see(&seen, now->tc.bytes, now->tc.len);
		}
		i = (uint32_t)(now - said) - 1;
	}
	remember(&n, m);
	printf("%u ran, %u passed, %u dropped, %u answered\n", n.ran, n.passed, n.dropped,
	       n.answered);
	lab_close(n.lab);
}

/* What XDP cannot send tc sends; that word no test run carries over. tc alone has sent it at once, and its hop is one
 * that XDP makes itself, but into the tunnel.
 */
static bool is_handed_on(const struct result *xdp, const struct result *tc)
{
	return xdp->fate == HANDED_ON && tc->fate == SENT && xdp->len == tc->len;
}

static void expect_same(struct random_node *n, uint32_t i, const struct result *xdp)
{
	const struct result *tc = &said[i].tc;
	bool same = xdp->fate == tc->fate && xdp->reason == tc->reason &&
		    xdp->ifindex == tc->ifindex && xdp->len == tc->len &&
		    !memcmp(xdp->bytes, tc->bytes, tc->len);

	if (same || is_handed_on(xdp, tc))
		return;
	cr_assert_fail("seed %u, packet %u: fate %u and %u, reason %u and %u, to %u and %u\n"
		       "  in %s\n  with XDP %s\n  without  %s",
		       n->seed, i, xdp->fate, tc->fate, xdp->reason, tc->reason, xdp->ifindex,
		       tc->ifindex, random_hex(n, said[i].packet.b, said[i].packet.len),
		       random_hex(n, xdp->bytes, xdp->len), random_hex(n, tc->bytes, tc->len));
}

static void repeat_at_xdp(const char *target, uint32_t seed, struct memory *m)
{
	static struct result o;
	struct random_node n;

	open_node(&n, target, seed);
	for (uint32_t i = 0; i < PACKETS; i++) {
		through_both(&n, &said[i].packet, i, &o);
		expect_same(&n, i, &o);
	}
	remember(&n, m);
	lab_close(n.lab);
}

static void hold(const char *target, uint32_t own)
{
	uint32_t seed = random_seed(own), rounds = random_rounds(1);
	struct memory tc, xdp;

	NEEDS_ROOT();
	for (uint32_t i = 0; i < rounds; i++, seed++) {
		converse(target, seed, &tc);
		repeat_at_xdp(target, seed, &xdp);
		for (unsigned k = 0; k < N_MAPS; k++)
			expect_same_map(seed, &tc, &xdp, k);
		cr_expect_gt(tc.of[0].n + tc.of[1].n, 50, "nothing was remembered");
		arena_free(tc.arena);
		arena_free(xdp.arena);
	}
}

Test(random_xdp, snat_is_what_it_is_without, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_EVERYTHING), 1);
}

Test(random_xdp, so_are_dsr_options, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_EVERYTHING ", lb_mode: 1"), 2);
}

Test(random_xdp, so_is_dsr_in_ipip, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_EVERYTHING RANDOM_IPIP), 3);
}

Test(random_xdp, so_is_what_is_left_to_tc, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_EVERYTHING ", lb_mode: 1, dsr_dispatch: 1"), 4);
}

Test(random_xdp, so_is_what_goes_through_the_stack, .timeout = 3000)
{
	hold(RANDOM_TARGET(RANDOM_SERVICES), 50);
}
