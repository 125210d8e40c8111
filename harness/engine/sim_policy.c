/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a program asked policy for, and what decided: read from the endpoint's policy map as it is loaded, so
 * that it holds for any object with Cilium's maps. Which entry wins is facts/cilium-1.19-abi.md's rule: of the
 * peer's identity and of any the longest prefix each; between the two the precedence, then the longer prefix,
 * then a denial.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "engine/policy_match.h"
#include "engine/policy_words.h"
#include "engine/sim_internal.h"
#include "target/maps.h"

#define NEAREST	 3 /* entries that are told */
#define KEY_BITS 40 /* of a key's prefix, for identity and direction */

struct teller {
	struct walk *w;
	struct hop *hop;
	const struct cluster_node *node;
	struct question q;
	struct policy_entry *entries; /* as the map has them: without policy and rule */
	uint16_t *proxy_ports; /* of each */
	size_t n;
	struct endpoint_policy rules;
};

static uint32_t number(const struct value *v, const char *path)
{
	const char *text = value_text(value_path(v, path));

	return text ? (uint32_t)strtoul(text, NULL, 0) : 0;
}

/* ---- questions ---- */

static const struct cluster_endpoint *endpoint_of_map(const struct cluster_node *n, const char *map)
{
	for (size_t i = 0; i < n->n_endpoints; i++)
		if (strcmp(n->endpoints[i].policy_map, map) == 0)
			return &n->endpoints[i];
	return NULL;
}

static bool is_question(const struct cluster_node *n, const struct hop_lookup *l,
			struct question *q)
{
	const struct cluster_endpoint *ep =
		l->kind == LOOKUP_FIND ? endpoint_of_map(n, l->map) : NULL;

	if (!ep)
		return false;
	*q = (struct question){
		.endpoint = ep,
		.remote = number(l->key, "sec_label"),
		.egress = number(l->key, "egress") != 0,
		.proto = (uint8_t)number(l->key, "protocol"),
		.port = (uint16_t)number(l->key, "dport"),
	};
	return true;
}

/* Each question is two lookups: for the peer's identity, and for any. */
static bool is_second(const struct question *first, const struct question *q)
{
	return first->endpoint == q->endpoint && first->egress == q->egress &&
	       first->proto == q->proto && first->port == q->port &&
	       (q->remote == 0 || q->remote == first->remote);
}

/* ---- the map ---- */

static void read_entry(struct teller *t, const struct map *m, const struct map_item *item)
{
	const struct value *key = map_key_value(t->w->a, m, item->key);
	const struct value *value = map_value_value(t->w->a, m, item->value);
	uint32_t prefix = number(key, "lpm_key.prefixlen");

	t->proxy_ports[t->n] = (uint16_t)number(value, "proxy_port");
	t->entries[t->n++] = (struct policy_entry){
		.label = number(key, "sec_label"),
		.egress = number(key, "egress") != 0,
		.proto = (uint8_t)number(key, "protocol"),
		.port = (uint16_t)number(key, "dport"),
		.bits = (uint8_t)(prefix > KEY_BITS ? prefix - KEY_BITS : 0),
		.deny = number(value, "deny") != 0,
		.auth = (uint8_t)number(value, "auth_type"),
		.precedence = number(value, "precedence"),
	};
}

static int read_entries(struct teller *t, struct err *err)
{
	struct agent *agent = t->w->sim->nodes[t->node->index].agent;
	struct map *m = agent_map(agent, t->q.endpoint->policy_map);
	struct map_snapshot all;
	int ret = m ? map_snapshot(m, t->w->a, &all, err) : 0;

	t->n = 0;
	if (!m || ret)
		return ret;
	t->entries = arena_alloc(t->w->a, (all.n + 1) * sizeof(*t->entries));
	t->proxy_ports = arena_alloc(t->w->a, (all.n + 1) * sizeof(*t->proxy_ports));
	for (size_t i = 0; i < all.n; i++)
		read_entry(t, m, &all.items[i]);
	return 0;
}

static const struct policy_entry *longest(const struct teller *t, uint32_t label)
{
	const struct policy_entry *best = NULL;

	for (size_t i = 0; i < t->n; i++)
		if (t->entries[i].label == label && policy_covers_port(&t->entries[i], &t->q) &&
		    (!best || t->entries[i].bits > best->bits))
			best = &t->entries[i];
	return best;
}

static bool any_wins(const struct policy_entry *own, const struct policy_entry *any)
{
	if (own->precedence != any->precedence)
		return any->precedence > own->precedence;
	if (own->bits != any->bits)
		return any->bits > own->bits;
	return any->deny && !own->deny;
}

/* ---- telling ---- */

static struct told *add(struct teller *t, const char *word, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static struct told *add(struct teller *t, const char *word, const char *fmt, ...)
{
	struct hop *h = t->hop;
	struct hop_policy *to;
	va_list ap;

	h->policy = arena_grow(t->w->a, h->policy, h->n_policy, sizeof(*to));
	to = &h->policy[h->n_policy++];
	*to = (struct hop_policy){ .word = word };
	va_start(ap, fmt);
	to->told.text = arena_vprintf(t->w->a, fmt, ap);
	va_end(ap);
	return &to->told;
}

static const struct policy_entry *rule_of(const struct teller *t, const struct policy_entry *e)
{
	for (size_t i = 0; i < t->rules.n; i++)
		if (policy_same_entry(&t->rules.entries[i], e))
			return &t->rules.entries[i];
	return NULL;
}

/* Whose entry it is. */
static const char *maker(const struct teller *t, const struct policy_entry *rule)
{
	if (!rule)
		return "no rule of the manifests";
	if (rule->policy)
		return policy_name(t->w->a, rule->policy);
	if (rule->label)
		return "the node itself is always let in";
	return rule->egress ? "no policy restricts what it may send"
			    : "no policy restricts what it may receive";
}

static void tell_entry(struct teller *t, const char *word, const struct policy_entry *e,
		       const char *why)
{
	const struct policy_entry *rule = rule_of(t, e);
	uint16_t proxy_port = t->proxy_ports[e - t->entries];
	struct arena *a = t->w->a;
	struct told *told = add(t, word, "%s %s %s %s%s%s%s: %s", e->deny ? "deny" : "allow",
				port_name(a, e->proto, e->port, e->bits), e->egress ? "to" : "from",
				identity_name(a, t->w->sim->cluster, e->label),
				e->auth ? ", authenticated" : "",
				proxy_port ? arena_printf(a, ", by proxy port %u", proxy_port) : "",
				why, maker(t, rule));

	if (rule && rule->policy)
		told->at = sim_loc(t->w, &rule->rule->loc);
}

static const char *why_beaten(const struct policy_entry *winner, const struct policy_entry *loser)
{
	if (winner->precedence != loser->precedence)
		return " (lower precedence)";
	return winner->bits != loser->bits ? " (names less)" : "";
}

static void tell_nearest(struct teller *t)
{
	bool *told = arena_alloc(t->w->a, t->n + 1);
	const struct policy_entry *e;

	for (unsigned i = 0; i < NEAREST && (e = policy_nearest(t->entries, t->n, &t->q, told));
	     i++) {
		tell_entry(t, "nearest", e, "");
		told[e - t->entries] = true;
	}
}

static void tell_answer(struct teller *t)
{
	const struct policy_entry *own = longest(t, t->q.remote);
	const struct policy_entry *any = t->q.remote ? longest(t, 0) : NULL;
	bool second = any && (!own || any_wins(own, any));
	const struct policy_entry *winner = second ? any : own, *loser = second ? own : any;
	struct arena *a = t->w->a;

	add(t, "policy", "%s may%s %s %s %s %s%s", t->q.endpoint->name,
	    winner && !winner->deny ? "" : " not", t->q.egress ? "send" : "receive",
	    port_name(a, t->q.proto, t->q.port, POLICY_ALL_BITS), t->q.egress ? "to" : "from",
	    identity_name(a, t->w->sim->cluster, t->q.remote), winner ? "" : ": no entry matches");
	if (winner)
		tell_entry(t, "by", winner, "");
	else
		tell_nearest(t);
	if (loser)
		tell_entry(t, "beats", loser, why_beaten(winner, loser));
}

static int tell_question(struct teller *t, struct err *err)
{
	struct cluster *c = (struct cluster *)t->w->sim->cluster;
	int ret = read_entries(t, err);

	if (!ret)
		ret = endpoint_policy(c, t->node, t->q.endpoint, &t->rules, err);
	if (!ret)
		tell_answer(t);
	return ret;
}

int sim_tell_policy(struct walk *w, unsigned node, struct hop *hop, struct err *err)
{
	struct teller t = { .w = w, .hop = hop, .node = &w->sim->cluster->nodes[node] };
	bool asked = false;
	int ret = 0;

	for (size_t i = 0; i < hop->n_lookups && !ret; i++) {
		struct question q;

		if (!is_question(t.node, &hop->lookups[i], &q) || (asked && is_second(&t.q, &q)))
			continue;
		t.q = q;
		asked = true;
		ret = tell_question(&t, err);
	}
	return ret;
}
