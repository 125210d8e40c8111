/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Identities of networks: those that policies name, and API servers. */
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "cluster/identity_parts.h"
#include "cluster/policy.h"

#define FIRST_CIDR_IDENTITY (1u << 24 | 1)

#define NET_KEY 18 /* family, address, prefix */

static void net_key(uint8_t key[NET_KEY], const struct ip_addr *addr, uint8_t prefix)
{
	key[0] = addr->family;
	memcpy(key + 1, addr->bytes, 16);
	key[17] = prefix;
}

struct net {
	struct ip_addr addr;
	uint8_t prefix;
};

struct nets {
	struct ident_maker *m;
	struct net *list;
	size_t n;
	struct table seen;
};

/* A node or pod keeps its identity under a CIDR that names just it; all addresses are the world. */
static void add_net(struct nets *nets, const struct ip_addr *addr, uint8_t prefix)
{
	struct ident_maker *m = nets->m;
	uint8_t key[NET_KEY];
	void **slot;

	if (!prefix || (prefix == (addr->family == 4 ? 32 : 128) &&
			table_get(&m->ids->members, addr, sizeof(*addr))))
		return;
	net_key(key, addr, prefix);
	slot = table_slot(&nets->seen, key, sizeof(key));
	if (*slot)
		return;
	*slot = nets;
	nets->list = arena_grow(m->a, nets->list, nets->n, sizeof(*nets->list));
	nets->list[nets->n++] = (struct net){ *addr, prefix };
	if (!table_get(&m->ids->nets, key, sizeof(key)))
		ident_note_fresh(m, key, sizeof(key));
}

static void add_rule_nets(struct nets *nets, const struct policy_rule *r)
{
	struct service_backends b = { 0 };

	for (size_t i = 0; i < r->n_cidrs; i++) {
		const struct cidr *cidr = &r->cidrs[i];

		add_net(nets, &cidr->addr, cidr->prefix);
		for (size_t j = 0; j < cidr->n_except; j++)
			add_net(nets, &cidr->except[j].addr, cidr->except[j].prefix);
	}
	for (size_t i = 0; i < r->n_services; i++)
		resolve_service_peer(nets->m->c, &r->services[i], &b);
	for (size_t i = 0; i < b.n_addresses; i++)
		add_net(nets, &b.addresses[i], b.addresses[i].family == 4 ? 32 : 128);
}

void idents_note_api_servers(struct ident_maker *m)
{
	const struct manifests *k = &m->c->manifests;

	for (size_t i = 0; i < k->n_endpoints; i++) {
		const struct k8s_endpoints *ep = &k->endpoints[i];

		if (strcmp(ep->service, "kubernetes") != 0 || strcmp(ep->meta.ns, "default") != 0)
			continue;
		for (size_t j = 0; j < ep->n_addresses; j++)
			*table_slot(&m->ids->api_servers, &ep->addresses[j],
				    sizeof(ep->addresses[j])) = m->c;
	}
}

static void add_api_servers(struct nets *nets)
{
	const struct manifests *k = &nets->m->c->manifests;

	for (size_t i = 0; i < k->n_endpoints; i++)
		for (size_t j = 0; j < k->endpoints[i].n_addresses; j++)
			if (is_api_server(nets->m->c, &k->endpoints[i].addresses[j]))
				add_net(nets, &k->endpoints[i].addresses[j],
					k->endpoints[i].addresses[j].family == 4 ? 32 : 128);
}

static int by_id(const void *a, const void *b)
{
	const struct ident *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

void idents_make_nets(struct ident_maker *m)
{
	const struct manifests *k = &m->c->manifests;
	struct nets nets = { .m = m, .seen = TABLE_INIT(m->a) };
	size_t first = m->ids->n;

	for (size_t i = 0; i < k->n_policies; i++)
		for (size_t j = 0; j < k->policies[i].n_rules; j++)
			add_rule_nets(&nets, &k->policies[i].rules[j]);
	/* an API server that is no node of the cluster: an address of the world with a name */
	add_api_servers(&nets);
	ident_number_fresh(m, &m->ids->nets, &m->ids->n_nets);
	for (size_t i = 0; i < nets.n; i++) {
		const struct net *net = &nets.list[i];
		uint8_t key[NET_KEY];
		struct ident *id;

		net_key(key, &net->addr, net->prefix);
		id = ident_add(
			m, FIRST_CIDR_IDENTITY - 1 +
				   (uint32_t)(uintptr_t)table_get(&m->ids->nets, key, sizeof(key)));
		ident_add_reserved_label(
			m, id,
			word_name(&words_identity, (int)world_identity(m->c, net->addr.family)));
		id->is_cidr = true;
		id->addr = net->addr;
		id->prefix = net->prefix;
		if (net->prefix == (net->addr.family == 4 ? 32 : 128) &&
		    is_api_server(m->c, &net->addr))
			ident_add_reserved_label(m, id, "kube-apiserver");
	}
	if (nets.n)
		qsort(m->ids->list + first, nets.n, sizeof(*m->ids->list), by_id);
}

bool is_api_server(const struct cluster *c, const struct ip_addr *ip)
{
	return table_get(&c->idents->api_servers, ip, sizeof(*ip)) != NULL;
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
