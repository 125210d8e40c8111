/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From policies to the entries of an endpoint's policy map.
 *
 * The program looks a packet up twice, under its peer's identity and under 0 (anyone), each time
 * finding the longest prefix, and takes the entry of higher precedence. Precedence here:
 *
 *   0xffffffff  deny: wins over whatever the other lookup finds
 *   0xffffff00  allow by a rule
 *   0           allow all, of a direction that no policy enforces
 *
 * Between two of the same precedence the longer prefix wins, which decides nothing but the match
 * type that is reported. Within one identity the trie itself picks the longest prefix, so a narrow
 * allow would hide a wide deny: such allows are left out.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "cluster/compile.h"
#include "scenario/values.h"

#define PRECEDENCE_DENY	 0xffffffffu
#define PRECEDENCE_ALLOW 0xffffff00u
#define PRECEDENCE_NONE	 0u

#define STATIC_BITS 40 /* identity, direction */
#define PROTO_BITS  8

struct entry {
	uint32_t label;
	bool egress, deny, dead;
	uint8_t proto, bits; /* bits beyond the static ones: 0, 8, 9 to 24 */
	uint16_t port;
	uint32_t precedence;
};

struct table {
	struct cluster *c;
	const struct idents *idents;
	struct entry *list;
	size_t n;
};

static void add(struct table *t, struct entry e)
{
	e.precedence = e.deny ? PRECEDENCE_DENY : e.precedence;
	for (size_t i = 0; i < t->n; i++) {
		struct entry *o = &t->list[i];

		if (o->label != e.label || o->egress != e.egress || o->proto != e.proto ||
		    o->bits != e.bits || o->port != e.port)
			continue;
		if (e.precedence > o->precedence)
			*o = e;
		return;
	}
	t->list = arena_grow(t->c->arena, t->list, t->n, sizeof(e));
	t->list[t->n++] = e;
}

/* A range of ports as the fewest prefixes: the largest aligned block that fits, again and again. */
static void add_range(struct table *t, struct entry e, uint32_t first, uint32_t last)
{
	while (first <= last) {
		unsigned free_bits = 0;

		while (free_bits < 16 && !(first & ((2u << free_bits) - 1)) &&
		       first + (2u << free_bits) - 1 <= last)
			free_bits++;
		e.port = (uint16_t)first;
		e.bits = (uint8_t)(PROTO_BITS + 16 - free_bits);
		add(t, e);
		first += 1u << free_bits;
	}
}

/* A port without a protocol means the three that have ports; neither means everything. */
static void add_port(struct table *t, struct entry e, const struct port_rule *p)
{
	static const uint8_t with_ports[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	if (!p->proto && !p->port) {
		add(t, e);
		return;
	}
	for (size_t i = 0; i < sizeof(with_ports); i++) {
		if (p->proto && p->proto != with_ports[i])
			continue;
		e.proto = with_ports[i];
		e.bits = PROTO_BITS;
		if (p->port)
			add_range(t, e, p->port, p->end_port);
		else
			add(t, e);
	}
}

static int add_traffic(struct table *t, const struct policy_rule *r, uint32_t label,
		       struct err *err)
{
	struct entry e = {
		.label = label, .egress = r->egress, .deny = r->deny, .precedence = PRECEDENCE_ALLOW
	};

	if (!r->n_ports && !r->n_icmps)
		add(t, e);
	for (size_t i = 0; i < r->n_ports; i++)
		add_port(t, e, &r->ports[i]);
	for (size_t i = 0; i < r->n_icmps; i++) {
		const struct icmp_rule *icmp = &r->icmps[i];

		if (!values_bool(t->c->manifests.values, "extraConfig.enable-icmp-rules"))
			return err_input(err, &icmp->loc,
					 "ICMP rules are switched off by "
					 "extraConfig.enable-icmp-rules");
		e.proto = icmp->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
		e.port = icmp->type;
		e.bits = PROTO_BITS + 16;
		add(t, e);
	}
	return 0;
}

static bool cidr_selects(const struct cidr *c, const struct ident *id)
{
	if (c->prefix == 0 && id->id == IDENTITY_WORLD)
		return true;
	if (!id->is_cidr || !cidr_contains(&c->addr, c->prefix, &id->addr, id->prefix))
		return false;
	for (size_t i = 0; i < c->n_except; i++)
		if (cidr_contains(&c->except[i].addr, c->except[i].prefix, &id->addr, id->prefix))
			return false;
	return true;
}

static bool entity_selects(const struct cluster *c, const char *entity, const struct ident *id)
{
	static const char *const cluster[] = { "host",	 "remote-node", "init",		 "ingress",
					       "health", "unmanaged",	"kube-apiserver" };

	if (strcmp(entity, "cluster") != 0)
		return labels_get(&id->labels, arena_printf(c->arena, "reserved:%s", entity));
	for (size_t i = 0; i < sizeof(cluster) / sizeof(cluster[0]); i++)
		if (entity_selects(c, cluster[i], id))
			return true;
	return labels_get(&id->labels, LABEL_NAMESPACE) != NULL;
}

/* A namespaced policy speaks of its own namespace unless it names one; `{}` in a clusterwide policy
 * is every pod, not the world.
 */
static bool peer_selects(const struct k8s_policy *p, const struct selector *s,
			 const struct ident *id)
{
	const char *ns = labels_get(&id->labels, LABEL_NAMESPACE);
	bool says_where = false;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->terms[i].key, LABEL_NAMESPACE) == 0 ||
		    strncmp(s->terms[i].key, "reserved:", 9) == 0)
			says_where = true;
	if (!says_where && p->meta.ns && (!ns || strcmp(ns, p->meta.ns) != 0))
		return false;
	if (!s->n && !ns)
		return false;
	return selector_matches(s, &id->labels);
}

static bool rule_selects(const struct cluster *c, const struct k8s_policy *p,
			 const struct policy_rule *r, const struct ident *id)
{
	for (size_t i = 0; i < r->n_entities; i++)
		if (entity_selects(c, r->entities[i], id))
			return true;
	for (size_t i = 0; i < r->n_endpoints; i++)
		if (peer_selects(p, &r->endpoints[i], id))
			return true;
	for (size_t i = 0; i < r->n_cidrs; i++)
		if (cidr_selects(&r->cidrs[i], id))
			return true;
	return false;
}

static bool is_anyone(const struct policy_rule *r)
{
	for (size_t i = 0; i < r->n_entities; i++)
		if (strcmp(r->entities[i], "all") == 0)
			return true;
	return !r->has_peers;
}

static int add_rule(struct table *t, const struct k8s_policy *p, const struct policy_rule *r,
		    struct err *err)
{
	if (is_anyone(r))
		return add_traffic(t, r, 0, err);
	for (size_t i = 0; i < t->idents->n; i++) {
		const struct ident *id = &t->idents->list[i];

		if (rule_selects(t->c, p, r, id) && add_traffic(t, r, id->id, err))
			return -EINVAL;
	}
	return 0;
}

static bool covers(const struct entry *wide, const struct entry *narrow)
{
	unsigned port_bits = wide->bits > PROTO_BITS ? wide->bits - PROTO_BITS : 0;

	if (wide->label != narrow->label || wide->egress != narrow->egress ||
	    wide->bits > narrow->bits)
		return false;
	if (wide->bits && wide->proto != narrow->proto)
		return false;
	return !port_bits || (wide->port ^ narrow->port) >> (16 - port_bits) == 0;
}

/* The trie would find the narrow allow and never look at the wide deny of the same identity. */
static void drop_hidden_denies(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j < t->n && !t->list[i].deny; j++)
			if (t->list[j].deny && covers(&t->list[j], &t->list[i]))
				t->list[i].dead = true;
}

static void write_table(struct table *t, struct cluster_node *node, const char *map)
{
	struct arena *a = t->c->arena;

	for (size_t i = 0; i < t->n; i++) {
		const struct entry *e = &t->list[i];
		struct value *key = value_map(a), *lpm = value_map(a), *v = value_map(a);

		if (e->dead)
			continue;
		value_setf(a, lpm, "prefixlen", "%u", STATIC_BITS + e->bits);
		value_set(a, key, "lpm_key", lpm);
		value_setf(a, key, "sec_label", "%u", e->label);
		value_setf(a, key, "egress", "%u", e->egress);
		value_setf(a, key, "protocol", "%u", e->proto);
		value_setf(a, key, "dport", "%u", e->port);
		value_setf(a, v, "deny", "%u", e->deny);
		value_setf(a, v, "lpm_prefix_length", "%u", e->bits);
		value_setf(a, v, "precedence", "%u", e->precedence);
		add_entry(t->c, node, map, key, v);
	}
}

static bool selects(struct cluster *c, const struct k8s_policy *p, const struct cluster_node *node,
		    const struct k8s_pod *pod)
{
	struct labels labels;

	if (!pod)
		return p->has_node_selector &&
		       values_bool(c->manifests.values, "hostFirewall.enabled") &&
		       selector_matches(&p->node_selector, &node->manifest->meta.labels);
	if (p->has_node_selector || (p->meta.ns && strcmp(p->meta.ns, pod->meta.ns) != 0))
		return false;
	labels = pod_labels(c, pod);
	return selector_matches(&p->endpoint_selector, &labels);
}

int compile_policy(struct cluster *c, struct cluster_node *node, const struct idents *idents,
		   const struct cluster_endpoint *ep, const struct k8s_pod *pod, struct err *err)
{
	bool off = strcmp(values_get(c->manifests.values, "policyEnforcementMode"), "never") == 0;
	struct table t = { .c = c, .idents = idents };
	bool enforced[2] = { false, false };

	for (size_t i = 0; i < c->manifests.n_policies && !off; i++) {
		const struct k8s_policy *p = &c->manifests.policies[i];

		if (!selects(c, p, node, pod))
			continue;
		enforced[0] |= p->enforce_ingress;
		enforced[1] |= p->enforce_egress;
		for (size_t j = 0; j < p->n_rules; j++)
			if (add_rule(&t, p, &p->rules[j], err))
				return -EINVAL;
	}
	for (int egress = 0; egress < 2; egress++)
		if (!enforced[egress])
			add(&t, (struct entry){ .egress = egress, .precedence = PRECEDENCE_NONE });
	/* as Cilium in a cluster: the node itself always reaches its endpoints (kubelet's probes) */
	if (enforced[0])
		add(&t, (struct entry){ .label = IDENTITY_HOST, .precedence = PRECEDENCE_ALLOW });
	drop_hidden_denies(&t);
	write_table(&t, node, ep->policy_map);
	return 0;
}
