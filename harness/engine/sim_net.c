/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Devices as the cluster has them; routes as Cilium's agent sets them:
 * - other nodes: on the link; the world by the gateway;
 * - pods of this node: their CIDR by cilium_host, or with endpointRoutes each by its own device;
 * - pods of other nodes: by that node (native with autoDirectNodeRoutes), by cilium_host (tunnel), or by
 *   the gateway like the rest of the world.
 */
#include "engine/sim_net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ns.h"
#include "engine/replay_net.h"
#include "engine/sim_internal.h"
#include "scenario/values.h"

#define GATEWAY4       "169.254.0.1"
#define GATEWAY6       "fe80::1"
#define TUNNEL_HEADERS 50 /* Ethernet, IP, UDP and VXLAN or Geneve (Cilium's own allowance) */

const uint8_t sim_gateway_mac[6] = { 0x02, 0x76, 0x64, 0xff, 0xff, 0xfe };

struct lines {
	struct buf text;
	const struct cluster *c;
	const struct cluster_node *node;
	const struct cluster_device *native, *host;
	bool is_tunnel, has_endpoint_routes, has_direct_routes;
};

static void print_mac(struct buf *b, const uint8_t mac[6])
{
	buf_printf(b, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		   mac[5]);
}

static unsigned full(const struct ip_addr *ip)
{
	return ip->family == 4 ? 32 : 128;
}

static void add_address(struct lines *l, const struct ip_addr *ip, const char *dev)
{
	buf_puts(&l->text, "addr add ");
	ip_addr_print(&l->text, ip);
	buf_printf(&l->text, "/%u dev %s%s\n", full(ip), dev, ip->family == 6 ? " nodad" : "");
}

static void add_neighbour(struct lines *l, const struct ip_addr *ip, const uint8_t mac[6],
			  const char *dev)
{
	buf_puts(&l->text, "neigh add ");
	ip_addr_print(&l->text, ip);
	buf_puts(&l->text, " lladdr ");
	print_mac(&l->text, mac);
	buf_printf(&l->text, " nud permanent dev %s\n", dev);
}

static void add_link_route(struct lines *l, const struct ip_addr *ip, const char *dev)
{
	buf_puts(&l->text, "route add ");
	ip_addr_print(&l->text, ip);
	buf_printf(&l->text, "/%u dev %s\n", full(ip), dev);
}

static void print_cidr(struct buf *b, const struct cidr *c)
{
	ip_addr_print(b, &c->addr);
	buf_printf(b, "/%u", c->prefix);
}

static void add_route(struct lines *l, const struct cidr *to, const struct ip_addr *via,
		      const char *dev)
{
	buf_puts(&l->text, "route add ");
	print_cidr(&l->text, to);
	buf_puts(&l->text, " via ");
	ip_addr_print(&l->text, via);
	buf_printf(&l->text, " dev %s onlink\n", dev);
}

static const struct ip_addr *of_family(const struct ip_addr *ips, size_t n, uint8_t family)
{
	for (size_t i = 0; i < n; i++)
		if (ips[i].family == family)
			return &ips[i];
	return NULL;
}

static void add_addresses(struct lines *l)
{
	for (size_t i = 0; i < l->node->n_ips; i++)
		add_address(l, &l->node->ips[i], l->native->name);
	for (size_t i = 0; i < l->node->n_router_ips; i++)
		add_address(l, &l->node->router_ips[i], l->host->name);
}

static void add_nodes(struct lines *l)
{
	for (size_t i = 0; i < l->c->n_nodes; i++) {
		const struct cluster_node *n = &l->c->nodes[i];

		for (size_t j = 0; n != l->node && j < n->n_ips; j++) {
			add_link_route(l, &n->ips[j], l->native->name);
			add_neighbour(l, &n->ips[j], cluster_device_of_role(n, "native")->mac,
				      l->native->name);
		}
	}
}

static void add_gateway(struct lines *l)
{
	static const struct cidr all4 = { .addr = { .family = 4 } },
				 all6 = { .addr = { .family = 6 } };
	struct ip_addr four, six;

	ip_addr_parse(GATEWAY4, &four);
	ip_addr_parse(GATEWAY6, &six);
	add_neighbour(l, &four, sim_gateway_mac, l->native->name);
	add_route(l, &all4, &four, l->native->name);
	if (!of_family(l->node->ips, l->node->n_ips, 6))
		return;
	add_neighbour(l, &six, sim_gateway_mac, l->native->name);
	add_route(l, &all6, &six, l->native->name);
}

/* By cilium_host, from its address. */
static void add_by_host(struct lines *l, const struct cidr *to, bool is_far)
{
	const struct ip_addr *router =
		of_family(l->node->router_ips, l->node->n_router_ips, to->addr.family);

	if (!router)
		return;
	buf_puts(&l->text, "route add ");
	print_cidr(&l->text, to);
	buf_printf(&l->text, " dev %s src ", l->host->name);
	ip_addr_print(&l->text, router);
	if (is_far)
		buf_printf(&l->text, " mtu %u", l->host->mtu - TUNNEL_HEADERS);
	buf_putc(&l->text, '\n');
}

static void add_far_pods(struct lines *l, const struct cluster_node *far)
{
	for (size_t i = 0; i < far->manifest->n_pod_cidrs; i++) {
		const struct cidr *cidr = &far->manifest->pod_cidrs[i];
		const struct ip_addr *node = of_family(far->ips, far->n_ips, cidr->addr.family);

		if (l->is_tunnel)
			add_by_host(l, cidr, true);
		else if (l->has_direct_routes && node)
			add_route(l, cidr, node, l->native->name);
	}
}

static void add_pods(struct lines *l)
{
	for (size_t i = 0; i < l->node->n_endpoints; i++) {
		const struct cluster_endpoint *ep = &l->node->endpoints[i];

		for (size_t j = 0; !ep->is_host && j < ep->n_ips; j++)
			add_neighbour(l, &ep->ips[j], ep->mac, ep->device->name);
		for (size_t j = 0; l->has_endpoint_routes && !ep->is_host && j < ep->n_ips; j++)
			add_link_route(l, &ep->ips[j], ep->device->name);
	}
	for (size_t i = 0; i < l->node->manifest->n_pod_cidrs; i++)
		add_by_host(l, &l->node->manifest->pod_cidrs[i], false);
	for (size_t i = 0; i < l->c->n_nodes; i++)
		if (&l->c->nodes[i] != l->node)
			add_far_pods(l, &l->c->nodes[i]);
}

static struct replay_device *device(struct arena *a, const struct cluster_device *d)
{
	struct replay_device *r = arena_new_of(a, struct replay_device);

	*r = (struct replay_device){
		.name = d->name, .ifindex = d->ifindex, .has_mac = true, .mtu = d->mtu
	};
	memcpy(r->mac, d->mac, sizeof(r->mac));
	return r;
}

static int make_devices(struct replay_net *net, const struct cluster *c,
			const struct cluster_node *node, struct err *err)
{
	struct arena *a = arena_new();
	const struct replay_device **all = arena_alloc(a, (node->n_devices + 1) * sizeof(*all));
	const struct cluster_device *native = cluster_device_of_role(node, "native");
	static const struct replay_device lo = { .name = "lo", .ifindex = 1 };
	size_t n = 0;
	int ret;

	all[n++] = &lo;
	for (size_t i = 0; i < node->n_devices; i++)
		if (&node->devices[i] != native)
			all[n++] = device(a, &node->devices[i]);
	ret = replay_net_add(net, all, n, false, err);
	all[0] = device(a, native);
	if (!ret)
		ret = replay_net_add(net, all, 1, sim_attached(c, native, HOOK_XDP), err);
	arena_free(a);
	return ret;
}

static char *routes_text(const struct cluster *c, const struct cluster_node *node)
{
	const struct value *v = c->manifests.values;
	struct lines l = {
		.c = c,
		.node = node,
		.native = cluster_device_of_role(node, "native"),
		.host = cluster_device_of_role(node, "host"),
		.is_tunnel = strcmp(values_get(v, "routingMode"), "tunnel") == 0,
		.has_endpoint_routes = values_bool(v, "endpointRoutes.enabled"),
		.has_direct_routes = values_bool(v, "autoDirectNodeRoutes"),
	};

	add_addresses(&l);
	add_nodes(&l);
	add_gateway(&l);
	add_pods(&l);
	return l.text.data;
}

static int make_routes(const struct cluster *c, const struct cluster_node *node, struct err *err)
{
	char *text = routes_text(c, node);
	int ret = replay_net_ip(text, err);

	free(text);
	return ret;
}

char *sim_net_text(const struct cluster *c, const struct cluster_node *node)
{
	char *routes = routes_text(c, node);
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < node->n_devices; i++) {
		const struct cluster_device *d = &node->devices[i];

		buf_printf(&b, "device %s %u mtu %u ", d->name, d->ifindex, d->mtu);
		print_mac(&b, d->mac);
		buf_putc(&b, '\n');
	}
	buf_puts(&b, routes);
	free(routes);
	return b.data;
}

int sim_net_make(const struct cluster *c, const struct cluster_node *node, int *ns_fd,
		 struct err *err)
{
	struct replay_net *net;
	int ret = replay_net_open(&net, err);

	if (ret)
		return ret;
	ret = make_devices(net, c, node, err);
	if (!ret)
		ret = make_routes(c, node, err);
	if (!ret) {
		*ns_fd = ns_current(err);
		ret = *ns_fd < 0 ? *ns_fd : 0;
	}
	replay_net_close(net);
	return ret ? err_wrap(err, "building node %s", node->name) : 0;
}
