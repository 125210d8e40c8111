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
#include "cluster/policy_parts.h"
#include "scenario/values.h"

#define PRECEDENCE_DENY	 0xffffffffu
#define PRECEDENCE_ALLOW 0xffffff00u
#define PRECEDENCE_NONE	 0u

#define STATIC_BITS 40 /* identity, direction */
#define PROTO_BITS  8
#define AUTH_FAILS  2 /* Cilium's number of test-always-fail */

/* ---- the entries of one endpoint while they are made ---- */

struct entries {
	struct cluster *c;
	const struct cluster_node *node;
	const struct k8s_pod *pod; /* NULL: the host */
	struct policy_entry *list;
	size_t n;
	struct table by_key; /* place in list, plus one */
};

/* What a lookup tells entries apart by. */
struct entry_key {
	uint32_t label;
	uint16_t port;
	uint8_t egress, proto, bits;
	uint8_t zero[3];
};

static struct entry_key key_of(const struct policy_entry *e)
{
	return (struct entry_key){ e->label, e->port, e->egress, e->proto, e->bits, { 0 } };
}

static struct policy_entry *find(const struct entries *t, struct entry_key key)
{
	uintptr_t place = (uintptr_t)table_get(&t->by_key, &key, sizeof(key));

	return place ? &t->list[place - 1] : NULL;
}

/* Of two rules for the same key deny wins, then the one that asks for authentication. */
static void add(struct entries *t, struct policy_entry e)
{
	struct entry_key key = key_of(&e);
	struct policy_entry *o = find(t, key);

	e.precedence = e.deny ? PRECEDENCE_DENY : e.precedence;
	if (o) {
		if (e.precedence > o->precedence ||
		    (e.precedence == o->precedence && e.auth > o->auth))
			*o = e;
		return;
	}
	t->list = arena_grow(t->c->arena, t->list, t->n, sizeof(e));
	t->list[t->n++] = e;
	*table_slot(&t->by_key, &key, sizeof(key)) = (void *)(uintptr_t)t->n;
}

/* A range of ports as the fewest prefixes: the largest aligned block that fits, again and again. */
static void add_range(struct entries *t, struct policy_entry e, uint32_t first, uint32_t last)
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

/* A port without a protocol means the three that have ports; neither means everything. A name that
 * no pod gives to a port of the protocol allows nothing.
 */
static void add_port(struct entries *t, struct policy_entry e, const struct port_rule *p)
{
	static const uint8_t with_ports[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	if (!p->proto && !p->port && !p->name) {
		add(t, e);
		return;
	}
	for (size_t i = 0; i < sizeof(with_ports); i++) {
		uint16_t named;

		if (p->proto && p->proto != with_ports[i])
			continue;
		e.proto = with_ports[i];
		e.bits = PROTO_BITS;
		named = p->name ? resolve_port_name(t->c, t->pod, e.egress, p->name, e.proto) : 0;
		if (named)
			add_range(t, e, named, named);
		else if (p->port)
			add_range(t, e, p->port, p->end_port);
		else if (!p->name)
			add(t, e);
	}
}

static void add_icmp(struct entries *t, struct policy_entry e, const struct icmp_rule *icmp)
{
	e.proto = icmp->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	e.port = icmp->type;
	e.bits = PROTO_BITS + 16;
	add(t, e);
}

static void add_traffic(struct entries *t, const struct k8s_policy *p, const struct policy_rule *r,
			uint32_t label)
{
	struct policy_entry e = { .label = label,
				  .egress = r->egress,
				  .deny = r->deny,
				  .precedence = PRECEDENCE_ALLOW,
				  .auth_said = r->auth != AUTH_NONE,
				  .auth = r->auth == AUTH_ALWAYS_FAIL ? AUTH_FAILS : 0,
				  .policy = p,
				  .rule = r };

	if (!r->n_ports && !r->n_icmps)
		add(t, e);
	for (size_t i = 0; i < r->n_ports; i++)
		add_port(t, e, &r->ports[i]);
	for (size_t i = 0; i < r->n_icmps; i++)
		add_icmp(t, e, &r->icmps[i]);
}

static int add_rule(struct entries *t, const struct k8s_policy *p, const struct policy_rule *r,
		    struct err *err)
{
	const struct peer_set *s = rule_selection(t->c, p, r);
	bool host = false;

	if (r->n_icmps && !values_bool(t->c->manifests.values, "extraConfig.enable-icmp-rules"))
		return err_input(err, &r->icmps[0].loc,
				 "ICMP rules are switched off by extraConfig.enable-icmp-rules");
	if (s->anyone)
		add_traffic(t, p, r, 0);
	for (size_t i = 0; i < s->n; i++) {
		add_traffic(t, p, r, s->idents[i]->id);
		host |= s->idents[i]->id == IDENTITY_HOST;
	}
	if (!s->anyone && !host && s->host_of_api_server && node_has_api_server(t->c, t->node))
		add_traffic(t, p, r, IDENTITY_HOST);
	return 0;
}

/* ---- within one identity ---- */

/* The entry of the same identity, `bits` long, under which e falls; NULL: none. */
static struct policy_entry *cover(const struct entries *t, const struct policy_entry *e,
				  uint8_t bits)
{
	struct entry_key key = key_of(e);

	key.bits = bits;
	key.proto = bits ? e->proto : 0;
	key.port =
		bits <= PROTO_BITS ? 0 : (uint16_t)(e->port & (0xffff0000u >> (bits - PROTO_BITS)));
	return find(t, key);
}

/* The trie would find the narrow allow and never look at the wide deny of the same identity, nor at the
 * authentication a wider rule asks for.
 */
static bool hidden_by_deny(const struct entries *t, struct policy_entry *e)
{
	for (int bits = e->bits; bits >= 0; bits = bits == PROTO_BITS ? 0 : bits - 1) {
		const struct policy_entry *wide = cover(t, e, (uint8_t)bits);

		if (wide && wide->deny)
			return true;
		if (wide && wide->auth_said && !e->auth_said && wide->auth > e->auth)
			e->auth = wide->auth;
		if (!bits)
			break;
	}
	return false;
}

/* Covering entries are looked up in the whole list, so it is thinned out only afterwards. */
static void drop_hidden_allows(struct entries *t)
{
	bool *hidden = arena_alloc(t->c->arena, t->n + 1);
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		hidden[i] = !t->list[i].deny && hidden_by_deny(t, &t->list[i]);
	for (size_t i = 0; i < t->n; i++)
		if (!hidden[i])
			t->list[kept++] = t->list[i];
	t->n = kept;
}

/* ---- which policies ---- */

static void push(struct cluster *c, struct policy_list *l, const struct k8s_policy *p)
{
	l->items = arena_grow(c->arena, l->items, l->n, sizeof(struct k8s_policy *));
	l->items[l->n++] = p;
}

static void file_policy(struct cluster *c, const struct k8s_policy *p)
{
	struct policies *all = c->policies;
	void **slot;

	if (p->has_node_selector) {
		push(c, &all->for_nodes, p);
		return;
	}
	if (!p->meta.ns) {
		push(c, &all->clusterwide, p);
		return;
	}
	slot = table_slot_text(&all->by_ns, p->meta.ns);
	if (!*slot)
		*slot = arena_new_of(c->arena, struct policy_list);
	push(c, *slot, p);
}

/* A pod whose Namespace is not among the manifests; NULL: there is none. */
static const struct k8s_meta *pod_of_unknown_namespace(struct cluster *c)
{
	const struct manifests *m = &c->manifests;
	struct table known = TABLE_INIT(c->arena);

	for (size_t i = 0; i < m->n_namespaces; i++)
		*table_slot_text(&known, m->namespaces[i].meta.name) = c;
	for (size_t i = 0; i < m->n_pods; i++)
		if (!table_get_text(&known, m->pods[i].meta.ns))
			return &m->pods[i].meta;
	return NULL;
}

/* A selector by labels of namespaces needs those of every namespace that has pods. */
static int check_namespaces(const struct selector *s, const struct k8s_meta *stray, struct err *err)
{
	const size_t len = strlen(LABEL_NAMESPACE_LABELS);
	bool asks = false;

	for (size_t i = 0; i < s->n; i++)
		asks |= strncmp(s->terms[i].key, LABEL_NAMESPACE_LABELS, len) == 0 &&
			strcmp(s->terms[i].key + len, "kubernetes.io/metadata.name") != 0;
	if (!asks)
		return 0;
	err_input(err, &s->loc,
		  "this selects by labels of namespaces, but no Namespace '%s' is among the "
		  "manifests (pod %s is in it)",
		  stray->ns, stray->name);
	return err_hint(err, "add it: kubectl get namespace %s -o yaml", stray->ns);
}

static int check_policy(const struct k8s_policy *p, const struct k8s_meta *stray, struct err *err)
{
	if (check_namespaces(&p->endpoint_selector, stray, err))
		return -EINVAL;
	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t j = 0; j < p->rules[i].n_endpoints; j++)
			if (check_namespaces(&p->rules[i].endpoints[j], stray, err))
				return -EINVAL;
	return 0;
}

int make_policies(struct cluster *c, struct err *err)
{
	const struct k8s_meta *stray = pod_of_unknown_namespace(c);
	const struct manifests *m = &c->manifests;

	c->policies = arena_new_of(c->arena, struct policies);
	c->policies->by_ns = c->policies->selections = (struct table)TABLE_INIT(c->arena);
	for (size_t i = 0; i < m->n_policies; i++) {
		if (stray && check_policy(&m->policies[i], stray, err))
			return -EINVAL;
		file_policy(c, &m->policies[i]);
	}
	return 0;
}

static void add_selecting(struct cluster *c, const struct policy_list *from,
			  const struct selector *(*selector)(const struct k8s_policy *),
			  const struct labels *labels, struct policy_list *out)
{
	for (size_t i = 0; from && i < from->n; i++)
		if (selector_matches(selector(from->items[i]), labels))
			push(c, out, from->items[i]);
}

static const struct selector *of_nodes(const struct k8s_policy *p)
{
	return &p->node_selector;
}

static const struct selector *of_endpoints(const struct k8s_policy *p)
{
	return &p->endpoint_selector;
}

static struct policy_list selecting(struct cluster *c, const struct cluster_node *node,
				    const struct k8s_pod *pod)
{
	struct policy_list out = { 0 };

	if (strcmp(values_get(c->manifests.values, "policyEnforcementMode"), "never") == 0)
		return out;
	if (pod) {
		const struct labels *labels = &pod_ident(c, pod)->labels;

		add_selecting(c, table_get_text(&c->policies->by_ns, pod->meta.ns), of_endpoints,
			      labels, &out);
		add_selecting(c, &c->policies->clusterwide, of_endpoints, labels, &out);
	} else if (values_bool(c->manifests.values, "hostFirewall.enabled")) {
		add_selecting(c, &c->policies->for_nodes, of_nodes, &node->manifest->meta.labels,
			      &out);
	}
	return out;
}

/* ---- one endpoint ---- */

int endpoint_policy(struct cluster *c, const struct cluster_node *node,
		    const struct cluster_endpoint *ep, struct endpoint_policy *out, struct err *err)
{
	const struct value *values = c->manifests.values;
	bool always = strcmp(values_get(values, "policyEnforcementMode"), "always") == 0 &&
		      (ep->pod || values_bool(values, "hostFirewall.enabled"));
	struct policy_list list = selecting(c, node, ep->pod);
	struct entries t = { .c = c, .node = node, .pod = ep->pod, .by_key = TABLE_INIT(c->arena) };

	*out = (struct endpoint_policy){ .policies = list.items, .n_policies = list.n };
	out->enforced[0] = out->enforced[1] = always;
	for (size_t i = 0; i < list.n; i++) {
		const struct k8s_policy *p = list.items[i];

		out->enforced[0] |= p->enforce_ingress;
		out->enforced[1] |= p->enforce_egress;
		for (size_t j = 0; j < p->n_rules; j++)
			if (add_rule(&t, p, &p->rules[j], err))
				return -EINVAL;
	}
	for (int egress = 0; egress < 2; egress++)
		if (!out->enforced[egress])
			add(&t, (struct policy_entry){ .egress = egress,
						       .precedence = PRECEDENCE_NONE });
	if (out->enforced[0])
		add(&t, (struct policy_entry){ .label = IDENTITY_HOST,
					       .precedence = PRECEDENCE_ALLOW });
	drop_hidden_allows(&t);
	out->entries = t.list;
	out->n = t.n;
	return 0;
}

static void write_entry(struct cluster *c, struct cluster_node *node, const char *map,
			const struct policy_entry *e)
{
	struct arena *a = c->arena;
	struct value *key = value_map(a), *lpm = value_map(a), *v = value_map(a);

	value_setf(a, lpm, "prefixlen", "%u", STATIC_BITS + e->bits);
	value_set(a, key, "lpm_key", lpm);
	value_setf(a, key, "sec_label", "%u", e->label);
	value_setf(a, key, "egress", "%u", e->egress);
	value_setf(a, key, "protocol", "%u", e->proto);
	value_setf(a, key, "dport", "%u", e->port);
	value_setf(a, v, "deny", "%u", e->deny);
	value_setf(a, v, "lpm_prefix_length", "%u", e->bits);
	value_setf(a, v, "precedence", "%u", e->precedence);
	if (e->auth_said || e->auth) {
		value_setf(a, v, "auth_type", "%u", e->auth);
		value_setf(a, v, "has_explicit_auth_type", "%u", e->auth_said);
	}
	add_entry(c, node, map, key, v);
}

int compile_policy(struct cluster *c, struct cluster_node *node, const struct cluster_endpoint *ep,
		   struct err *err)
{
	struct endpoint_policy p;

	if (endpoint_policy(c, node, ep, &p, err))
		return -EINVAL;
	for (size_t i = 0; i < p.n; i++)
		write_entry(c, node, ep->policy_map, &p.entries[i]);
	return 0;
}
