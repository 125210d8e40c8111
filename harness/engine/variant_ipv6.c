// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who has an address, and their address of the other family. */
#include <string.h>

#include "engine/variant.h"
#include "scenario/flow.h"

/* The well-known prefix of RFC 6052, 2.1: the IPv4 address is its last four bytes. */
static const uint8_t world_prefix[12] = { 0x00, 0x64, 0xff, 0x9b };

/* Addresses of one member, or one kind of address of a service. */
struct group {
	const struct ip_addr *ips;
	size_t n;
	const char *who; /* for messages */
};

static const struct ip_addr *of_family(const struct group *g, uint8_t family)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->ips[i].family == family)
			return &g->ips[i];
	return NULL;
}

static bool has(const struct group *g, const struct ip_addr *ip)
{
	for (size_t i = 0; i < g->n; i++)
		if (ip_addr_equal(&g->ips[i], ip))
			return true;
	return false;
}

static bool take(struct group *out, const struct ip_addr *ips, size_t n, const char *who,
		 const struct ip_addr *ip)
{
	*out = (struct group){ ips, n, who };
	return has(out, ip);
}

static bool find_node(const struct cluster *c, const struct ip_addr *ip, struct group *out)
{
	for (size_t i = 0; i < c->n_nodes; i++) {
		const struct cluster_node *n = &c->nodes[i];

		if (take(out, n->ips, n->n_ips, n->name, ip) ||
		    take(out, n->router_ips, n->n_router_ips, n->name, ip))
			return true;
	}
	return false;
}

static bool find_service(const struct cluster *c, const struct ip_addr *ip, struct group *out)
{
	for (size_t i = 0; i < c->manifests.n_services; i++) {
		const struct k8s_service *s = &c->manifests.services[i];

		if (take(out, s->cluster_ips, s->n_cluster_ips, s->meta.name, ip) ||
		    take(out, s->external_ips, s->n_external_ips, s->meta.name, ip) ||
		    take(out, s->lb_ips, s->n_lb_ips, s->meta.name, ip))
			return true;
	}
	return false;
}

static bool find_pod(const struct cluster *c, const struct ip_addr *ip, struct group *out)
{
	struct cluster_place place = cluster_place_by_ip(c, ip);

	return place.endpoint &&
	       take(out, place.endpoint->ips, place.endpoint->n_ips, place.endpoint->name, ip);
}

static bool find_group(const struct variant_family *v, const struct ip_addr *ip, struct group *out)
{
	for (size_t i = 0; i < v->scenario->n_hosts; i++) {
		const struct world_host *h = &v->scenario->hosts[i];

		if (take(out, h->ips, h->n_ips, h->name, ip))
			return true;
	}
	return find_node(v->cluster, ip, out) || find_pod(v->cluster, ip, out) ||
	       find_service(v->cluster, ip, out);
}

static bool to_six(void *arg, const struct ip_addr *four, struct ip_addr *six, const char **why)
{
	struct variant_family *v = arg;
	const struct ip_addr *other;
	struct group g;

	if (ip_addr_is_group(four)) {
		*why = "it goes to a group";
		return false;
	}
	if (!find_group(v, four, &g)) {
		six->family = 6;
		memcpy(six->bytes, world_prefix, sizeof(world_prefix));
		memcpy(six->bytes + sizeof(world_prefix), four->bytes, 4);
		return true;
	}
	other = of_family(&g, 6);
	if (!other) {
		*why = arena_printf(v->a, "%s has no IPv6 address", g.who);
		return false;
	}
	*six = *other;
	return true;
}

bool variant_to_ip6(struct variant_family *v, struct frame *f)
{
	v->to = (struct to_ip6){ .a = v->a, .address = to_six, .arg = v };
	variant_keep_size(f, 20, v->a);
	return frame_to_ip6(f, &v->to);
}

struct ip_addr variant_ip4_of(const struct variant_family *v, const struct ip_addr *six)
{
	struct ip_addr four = { 0 };
	const struct ip_addr *other;
	struct group g;

	if (find_group(v, six, &g)) {
		other = of_family(&g, 4);
		return other ? *other : four;
	}
	if (six->family == 6 && memcmp(six->bytes, world_prefix, sizeof(world_prefix)) == 0) {
		four.family = 4;
		memcpy(four.bytes, six->bytes + sizeof(world_prefix), 4);
	}
	return four;
}
