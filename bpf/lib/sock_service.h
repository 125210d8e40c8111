/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The service that a socket's address means.
 *
 * Node ports and host ports are reached at any address of a node, also at a loopback address by the host
 * itself: such addresses have no entries, the one with address 0 stands for all of them.
 */
#ifndef VERDICT_LIB_SOCK_SERVICE_H
#define VERDICT_LIB_SOCK_SERVICE_H

#include <lib/ipcache.h>
#include <lib/lb_lookup.h>
#include <lib/sock.h>

DECLARE_CONFIG(__u16, nodeport_port_min, 30000, "First node port");
DECLARE_CONFIG(__u16, nodeport_port_max, 32767, "Last node port");

/* Whose address it is. */
struct sock_place {
	bool loopback;
	bool here; /* this node's, of a device or, for the host itself, loopback */
	bool node; /* that of any node of the cluster */
};

static __always_inline struct sock_place sock_place_of(const struct sock_end *end, bool in_host)
{
	const struct remote_endpoint_info *info = ipcache_lookup(&end->addr, end->is_ipv6);
	struct sock_place place = { .loopback = sock_is_loopback(end) };

	place.here = (in_host && place.loopback) || (info && info->sec_identity == IDENTITY_HOST);
	place.node = place.here || (info && identity_is_remote_node(info->sec_identity) &&
				    !info->flag_remote_cluster);
	return place;
}

static __always_inline bool sock_is_node_port(__be16 port)
{
	return bpf_ntohs(port) >= CONFIG(nodeport_port_min) &&
	       bpf_ntohs(port) <= CONFIG(nodeport_port_max);
}

static __always_inline bool sock_find_any_address(struct lb_frontend *f,
						  const struct sock_place *place)
{
	bool node_port = sock_is_node_port(f->port);

	if (node_port ? !place->node : !place->here)
		return false;
	f->address = addr_ip4(0);
	if (!lb_find(f, LB_INTERNAL))
		return false;
	if (node_port)
		return f->flags & LB_F_NODE_PORT;
	/* a host port of a loopback address is for those who call a loopback address */
	return f->flags & LB_F_HOST_PORT && (!(f->flags2 & LB_F2_LOOPBACK) || place->loopback);
}

static __always_inline struct lb_frontend sock_frontend(const struct sock_end *end)
{
	return (struct lb_frontend){
		.address = end->addr,
		.port = end->port,
		.protocol = end->protocol,
		.is_ipv6 = end->is_ipv6,
	};
}

/* False: none. f->address is the one that the service's slots are found under. */
__subprogram bool sock_find_service(const struct sock_end *end, bool in_host, struct lb_frontend *f)
{
	struct sock_place place;

	*f = sock_frontend(end);
	if (lb_find(f, LB_INTERNAL))
		return true;
	place = sock_place_of(end, in_host);
	return sock_find_any_address(f, &place);
}

/* Anybody can claim an external address for his service: only those that are this node's own are
 * translated here, others go where their owner is. Likewise a host port at a node's address is that node's.
 */
static __always_inline bool sock_is_for_another(const struct sock_end *end,
						const struct lb_frontend *f)
{
	const struct remote_endpoint_info *info;

	if (!(f->flags & LB_F_EXTERNAL_IP) &&
	    !(f->flags & LB_F_HOST_PORT && !sock_is_loopback(end)))
		return false;
	info = ipcache_lookup(&end->addr, end->is_ipv6);
	return !info || info->sec_identity != IDENTITY_HOST;
}

#endif
