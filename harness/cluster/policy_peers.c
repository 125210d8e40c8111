/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a rule speaks of: entities, selectors, networks and services to identities; names to ports. */
#include <string.h>

#include "cluster/compile.h"
#include "cluster/policy_parts.h"
#include "scenario/values.h"

/* ---- services ---- */

static bool peer_is_service(const struct service_peer *peer, const struct k8s_service *s)
{
	if (peer->ns && strcmp(peer->ns, s->meta.ns) != 0)
		return false;
	if (peer->name)
		return strcmp(peer->name, s->meta.name) == 0;
	return selector_matches(&peer->selector, &s->meta.labels);
}

static void add_backends(struct cluster *c, const struct k8s_service *s,
			 struct service_backends *out)
{
	const struct manifests *m = &c->manifests;

	for (size_t i = 0; i < m->n_endpoints; i++) {
		const struct k8s_endpoints *e = &m->endpoints[i];

		if (strcmp(e->service, s->meta.name) != 0 || strcmp(e->meta.ns, s->meta.ns) != 0)
			continue;
		for (size_t j = 0; j < e->n; j++) {
			if (!e->list[j].ready && !e->list[j].serving)
				continue;
			out->addresses = arena_grow(c->arena, out->addresses, out->n_addresses,
						    sizeof(*out->addresses));
			out->addresses[out->n_addresses++] = e->list[j].addr;
		}
	}
}

static void add_selector(struct cluster *c, const struct k8s_service *s,
			 struct service_backends *out)
{
	struct selector sel = { .n = s->selector.n + 1, .loc = s->meta.loc };

	sel.terms = arena_alloc(c->arena, sel.n * sizeof(*sel.terms));
	for (size_t i = 0; i < sel.n; i++) {
		const struct label l = i < s->selector.n
					       ? s->selector.items[i]
					       : (struct label){ LABEL_NAMESPACE, s->meta.ns };

		sel.terms[i] = (struct selector_term){ l.key, SELECT_IN, NULL, 1 };
		sel.terms[i].values = arena_memdup(c->arena, &l.value, sizeof(l.value));
	}
	out->selectors =
		arena_grow(c->arena, out->selectors, out->n_selectors, sizeof(*out->selectors));
	out->selectors[out->n_selectors++] = sel;
}

void resolve_service_peer(struct cluster *c, const struct service_peer *peer,
			  struct service_backends *out)
{
	for (size_t i = 0; i < c->manifests.n_services; i++) {
		const struct k8s_service *s = &c->manifests.services[i];

		if (!peer_is_service(peer, s))
			continue;
		if (s->selector.n)
			add_selector(c, s, out);
		else
			add_backends(c, s, out);
	}
}

/* ---- names of ports ---- */

static const struct container_port *port_by_name(const struct k8s_pod *pod, const char *name)
{
	const struct container_port *found = NULL;

	/* a name that two containers use is the last one's */
	for (size_t i = 0; i < pod->n_ports; i++)
		if (pod->ports[i].name && strcasecmp(pod->ports[i].name, name) == 0)
			found = &pod->ports[i];
	return found;
}

uint16_t resolve_port_name(const struct cluster *c, const struct k8s_pod *pod, bool egress,
			   const char *name, uint8_t proto)
{
	const struct container_port *p;
	uint16_t port = 0;

	if (!egress) {
		p = pod ? port_by_name(pod, name) : NULL;
		return p && p->proto == proto ? p->port : 0;
	}
	for (size_t i = 0; i < c->manifests.n_pods; i++) {
		pod = &c->manifests.pods[i];
		p = pod->n_ports && pod_has_endpoint(pod) ? port_by_name(pod, name) : NULL;
		if (!p || p->proto != proto || p->port == port)
			continue;
		if (port)
			return 0;
		port = p->port;
	}
	return port;
}

/* ---- identities ---- */

static bool cidr_selects(const struct cluster *c, const struct cidr *cidr, const struct ident *id)
{
	if (cidr->prefix == 0 && id->id == world_identity(c, cidr->addr.family))
		return true;
	if (!id->is_cidr || !cidr_contains(&cidr->addr, cidr->prefix, &id->addr, id->prefix))
		return false;
	for (size_t i = 0; i < cidr->n_except; i++)
		if (cidr_contains(&cidr->except[i].addr, cidr->except[i].prefix, &id->addr,
				  id->prefix))
			return false;
	return true;
}

/* name is reserved's, without the prefix. */
static bool is_reserved(const struct ident *id, const char *name)
{
	for (size_t i = 0; i < id->labels.n; i++)
		if (strncmp(id->labels.items[i].key, "reserved:", 9) == 0 &&
		    strcmp(id->labels.items[i].key + 9, name) == 0)
			return true;
	return false;
}

static bool any_of(const char *const *names, size_t n, const struct ident *id)
{
	for (size_t i = 0; i < n; i++)
		if (is_reserved(id, names[i]))
			return true;
	return false;
}

static bool entity_selects(const char *entity, const struct ident *id)
{
	static const char *const cluster[] = { "host",	 "remote-node", "init",		 "ingress",
					       "health", "unmanaged",	"kube-apiserver" },
				 *const world[] = { "world", "world-ipv4", "world-ipv6" };

	if (strcmp(entity, "cluster") == 0)
		return any_of(cluster, sizeof(cluster) / sizeof(cluster[0]), id) ||
		       labels_get(&id->labels, LABEL_NAMESPACE) != NULL;
	if (strcmp(entity, "world") == 0)
		return any_of(world, sizeof(world) / sizeof(world[0]), id);
	return is_reserved(id, entity);
}

/* A selector of Cilium's kinds speaks of its own namespace unless it names one, or labels of some; `{}`
 * in a clusterwide policy is every pod, not the world. NetworkPolicy's were given their terms when read.
 */
static bool peer_selects(const struct k8s_policy *p, const struct selector *s,
			 const struct ident *id)
{
	const char *ns = labels_get(&id->labels, LABEL_NAMESPACE);
	bool names_ns = false, reserved = false, by_labels = false;

	for (size_t i = 0; i < s->n; i++) {
		names_ns |= strcmp(s->terms[i].key, LABEL_NAMESPACE) == 0;
		reserved |= strncmp(s->terms[i].key, "reserved:", 9) == 0;
		by_labels |= strncmp(s->terms[i].key, LABEL_NAMESPACE_LABELS,
				     strlen(LABEL_NAMESPACE_LABELS)) == 0;
	}
	if (p->kind != POLICY_KUBERNETES && !reserved && !names_ns) {
		if (!p->meta.ns && !ns)
			return false;
		if (p->meta.ns && !by_labels && (!ns || strcmp(ns, p->meta.ns) != 0))
			return false;
	}
	return selector_matches(s, &id->labels);
}

static bool rule_selects(const struct cluster *c, const struct k8s_policy *p,
			 const struct policy_rule *r, const struct service_backends *b,
			 const struct ident *id)
{
	for (size_t i = 0; i < r->n_entities; i++)
		if (entity_selects(r->entities[i], id))
			return true;
	for (size_t i = 0; i < r->n_endpoints; i++)
		if (peer_selects(p, &r->endpoints[i], id))
			return true;
	for (size_t i = 0; i < b->n_selectors; i++)
		if (selector_matches(&b->selectors[i], &id->labels))
			return true;
	for (size_t i = 0; i < r->n_cidrs; i++)
		if (cidr_selects(c, &r->cidrs[i], id))
			return true;
	for (size_t i = 0; id->is_cidr && i < b->n_addresses; i++)
		if (id->prefix == (id->addr.family == 4 ? 32 : 128) &&
		    ip_addr_equal(&id->addr, &b->addresses[i]))
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

static void select_idents(struct cluster *c, const struct k8s_policy *p,
			  const struct policy_rule *r, struct peer_set *out)
{
	struct label labels[] = { { "reserved:host", "" }, { "reserved:kube-apiserver", "" } };
	struct ident api = { .id = IDENTITY_HOST, .labels = { labels, 2 } };
	struct service_backends b = { 0 };

	out->anyone = is_anyone(r);
	if (out->anyone)
		return;
	for (size_t i = 0; i < r->n_services; i++)
		resolve_service_peer(c, &r->services[i], &b);
	for (size_t i = 0; i < c->idents->n; i++) {
		const struct ident *id = &c->idents->list[i];

		if (!rule_selects(c, p, r, &b, id))
			continue;
		out->idents = arena_grow(c->arena, out->idents, out->n, sizeof(struct ident *));
		out->idents[out->n++] = id;
	}
	out->host_of_api_server = rule_selects(c, p, r, &b, &api);
}

const struct peer_set *rule_selection(struct cluster *c, const struct k8s_policy *p,
				      const struct policy_rule *r)
{
	void **slot = table_slot(&c->policies->selections, &r, sizeof(struct policy_rule *));

	if (!*slot) {
		struct peer_set *s = arena_new_of(c->arena, struct peer_set);

		*slot = s;
		select_idents(c, p, r, s);
	}
	return *slot;
}
