/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Security identities: reserved ones, one for each set of pod labels, one for each CIDR of a policy.
 *
 * Numbers are Cilium's ranges: 256 on for pods (here in the order of their sorted labels, so that a
 * cluster always gets the same), bit 24 set for CIDRs, which are local to a node.
 */
#include <stdlib.h>
#include <string.h>

#include "cluster/compile.h"
#include "scenario/values.h"

#define FIRST_POD_IDENTITY  256u
#define FIRST_CIDR_IDENTITY (1u << 24 | 1)

static void add_label(struct cluster *c, struct labels *l, const char *key, const char *value)
{
	l->items = arena_grow(c->arena, l->items, l->n, sizeof(*l->items));
	l->items[l->n++] = (struct label){ key, value };
}

/* Cilium's default label filter: these never make an identity. */
static bool is_left_out(const char *key)
{
	static const char *const prefixes[] = {
		"io.kubernetes",
		"kubernetes.io",
		"k8s.io",
		"statefulset.kubernetes.io/pod-name",
		"apps.kubernetes.io/pod-index",
		"batch.kubernetes.io/job-completion-index",
		"batch.kubernetes.io/controller-uid",
		"pod-template-generation",
		"pod-template-hash",
		"controller-revision-hash",
		"annotation.",
		"controller-uid",
		"etcd_node",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return strstr(key, "beta.kubernetes.io") != NULL;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

struct labels pod_labels(struct cluster *c, const struct k8s_pod *pod)
{
	const struct value *values = c->manifests.values;
	struct labels out = { 0 };

	for (size_t i = 0; i < pod->meta.labels.n; i++)
		if (!is_left_out(pod->meta.labels.items[i].key))
			add_label(c, &out, pod->meta.labels.items[i].key,
				  pod->meta.labels.items[i].value);
	add_label(c, &out, LABEL_NAMESPACE, pod->meta.ns);
	add_label(c, &out, "io.cilium.k8s.policy.cluster", values_get(values, "cluster.name"));
	add_label(c, &out, "io.cilium.k8s.policy.serviceaccount",
		  pod->service_account ? pod->service_account : "default");
	qsort(out.items, out.n, sizeof(*out.items), by_key);
	return out;
}

bool pod_has_endpoint(const struct k8s_pod *pod)
{
	return pod->node && !pod->host_network && pod->n_ips;
}

static bool same_labels(const struct labels *a, const struct labels *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i].key, b->items[i].key) != 0 ||
		    strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	return true;
}

static int by_labels(const void *a, const void *b)
{
	const struct labels *x = a, *y = b;

	for (size_t i = 0; i < x->n && i < y->n; i++) {
		int d = strcmp(x->items[i].key, y->items[i].key);

		if (!d)
			d = strcmp(x->items[i].value, y->items[i].value);
		if (d)
			return d;
	}
	return x->n < y->n ? -1 : x->n > y->n;
}

/* The distinct label sets of all pods, sorted: the place in the list is the identity. */
static struct labels *label_sets(struct cluster *c, size_t *n)
{
	struct labels *sets = NULL;
	size_t all = 0;

	for (size_t i = 0; i < c->manifests.n_pods; i++) {
		if (!pod_has_endpoint(&c->manifests.pods[i]))
			continue;
		sets = arena_grow(c->arena, sets, all, sizeof(*sets));
		sets[all++] = pod_labels(c, &c->manifests.pods[i]);
	}
	if (all)
		qsort(sets, all, sizeof(*sets), by_labels);
	*n = 0;
	for (size_t i = 0; i < all; i++)
		if (*n == 0 || !same_labels(&sets[*n - 1], &sets[i]))
			sets[(*n)++] = sets[i];
	return sets;
}

uint32_t pod_identity(struct cluster *c, const struct idents *idents, const struct k8s_pod *pod)
{
	struct labels labels = pod_labels(c, pod);

	for (size_t i = 0; i < idents->n; i++)
		if (idents->list[i].id >= FIRST_POD_IDENTITY && !idents->list[i].is_cidr &&
		    same_labels(&idents->list[i].labels, &labels))
			return idents->list[i].id;
	return IDENTITY_UNKNOWN;
}

bool is_api_server(const struct cluster *c, const struct ip_addr *ip)
{
	for (size_t i = 0; i < c->manifests.n_endpoints; i++) {
		const struct k8s_endpoints *ep = &c->manifests.endpoints[i];

		if (strcmp(ep->service, "kubernetes") != 0 || strcmp(ep->meta.ns, "default") != 0)
			continue;
		for (size_t j = 0; j < ep->n_addresses; j++)
			if (ip_addr_equal(&ep->addresses[j], ip))
				return true;
	}
	return false;
}

bool node_has_api_server(const struct cluster *c, const struct cluster_node *node)
{
	for (size_t i = 0; i < node->n_ips; i++)
		if (is_api_server(c, &node->ips[i]))
			return true;
	return false;
}

bool cidr_contains(const struct ip_addr *net, uint8_t prefix, const struct ip_addr *addr,
		   uint8_t addr_prefix)
{
	unsigned whole = prefix / 8, rest = prefix % 8;

	if (net->family != addr->family || addr_prefix < prefix)
		return false;
	if (memcmp(net->bytes, addr->bytes, whole) != 0)
		return false;
	return !rest || (net->bytes[whole] ^ addr->bytes[whole]) >> (8 - rest) == 0;
}

static struct ident *add_ident(struct cluster *c, struct idents *l, uint32_t id,
			       const char *reserved)
{
	struct ident *i;

	l->list = arena_grow(c->arena, l->list, l->n, sizeof(*l->list));
	i = &l->list[l->n++];
	memset(i, 0, sizeof(*i));
	i->id = id;
	if (reserved)
		add_label(c, &i->labels, arena_printf(c->arena, "reserved:%s", reserved), "");
	return i;
}

static void add_reserved(struct cluster *c, const struct cluster_node *node, struct idents *l)
{
	for (int id = IDENTITY_HOST; id <= IDENTITY_INGRESS; id++) {
		struct ident *i = add_ident(c, l, (uint32_t)id, word_name(&words_identity, id));

		/* Identity 7 is a remote node that runs an API server; where it runs on this one,
		 * the host carries that label itself.
		 */
		if (id == IDENTITY_KUBE_APISERVER)
			add_label(c, &i->labels, "reserved:remote-node", "");
		if (id == IDENTITY_HOST && node_has_api_server(c, node))
			add_label(c, &i->labels, "reserved:kube-apiserver", "");
	}
}

static bool is_member(const struct cluster *c, const struct ip_addr *ip)
{
	if (cluster_node_by_ip(c, ip))
		return true;
	for (size_t i = 0; i < c->manifests.n_pods; i++)
		for (size_t j = 0; j < c->manifests.pods[i].n_ips; j++)
			if (pod_has_endpoint(&c->manifests.pods[i]) &&
			    ip_addr_equal(&c->manifests.pods[i].ips[j], ip))
				return true;
	return false;
}

/* A node or pod keeps its identity under a CIDR that names just it; all addresses are the world. */
static struct ident *add_cidr(struct cluster *c, struct idents *l, uint32_t *next,
			      const struct ip_addr *addr, uint8_t prefix)
{
	bool is_host = prefix == (addr->family == 4 ? 32 : 128);
	struct ident *i;

	if (prefix == 0 || (is_host && is_member(c, addr)))
		return NULL;
	for (size_t j = 0; j < l->n; j++)
		if (l->list[j].is_cidr && l->list[j].prefix == prefix &&
		    ip_addr_equal(&l->list[j].addr, addr))
			return &l->list[j];
	i = add_ident(c, l, (*next)++, "world");
	i->is_cidr = true;
	i->addr = *addr;
	i->prefix = prefix;
	return i;
}

static void add_cidrs_of(struct cluster *c, const struct policy_rule *r, struct idents *l,
			 uint32_t *next)
{
	for (size_t i = 0; i < r->n_cidrs; i++) {
		const struct cidr *cidr = &r->cidrs[i];

		add_cidr(c, l, next, &cidr->addr, cidr->prefix);
		for (size_t j = 0; j < cidr->n_except; j++)
			add_cidr(c, l, next, &cidr->except[j].addr, cidr->except[j].prefix);
	}
}

struct idents node_idents(struct cluster *c, const struct cluster_node *node)
{
	const struct manifests *m = &c->manifests;
	uint32_t next = FIRST_CIDR_IDENTITY;
	struct idents l = { 0 };
	struct labels *sets;
	size_t n;

	add_reserved(c, node, &l);
	sets = label_sets(c, &n);
	for (size_t i = 0; i < n; i++)
		add_ident(c, &l, FIRST_POD_IDENTITY + (uint32_t)i, NULL)->labels = sets[i];
	for (size_t i = 0; i < m->n_policies; i++)
		for (size_t j = 0; j < m->policies[i].n_rules; j++)
			add_cidrs_of(c, &m->policies[i].rules[j], &l, &next);
	/* an API server that is no node of the cluster: an address of the world with a name */
	for (size_t i = 0; i < m->n_endpoints; i++) {
		for (size_t j = 0; j < m->endpoints[i].n_addresses; j++) {
			const struct ip_addr *ip = &m->endpoints[i].addresses[j];
			struct ident *id;

			if (!is_api_server(c, ip))
				continue;
			id = add_cidr(c, &l, &next, ip, ip->family == 4 ? 32 : 128);
			if (id && !labels_get(&id->labels, "reserved:kube-apiserver"))
				add_label(c, &id->labels, "reserved:kube-apiserver", "");
		}
	}
	return l;
}
