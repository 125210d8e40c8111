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

static __always_inline bool sock_is_node_port(__be16 port)
{
	return bpf_ntohs(port) >= CONFIG(nodeport_port_min) &&
	       bpf_ntohs(port) <= CONFIG(nodeport_port_max);
}

/* Most ports are none at every address: that is asked first. */
static __always_inline bool sock_find_at_any_address(struct lb_frontend *f)
{
	f->address = addr_ip4(0);
	return lb_find(f, LB_INTERNAL) && f->flags & (LB_F_NODE_PORT | LB_F_HOST_PORT);
}

/* Whose address it is. */
enum sock_place {
	SOCK_LOOPBACK = 1,
	SOCK_HERE = 2, /* this node's: of a device or, for the host itself, loopback */
	SOCK_ANY_NODE = 4, /* that of a node of the cluster */
};

__verified_alone __u32 sock_place_of(const struct sock_end *end, bool in_host)
{
	const struct remote_endpoint_info *info;
	__u32 loopback;

	if (!end)
		return 0;
	info = ipcache_lookup(&end->addr, end->is_ipv6);
	loopback = sock_is_loopback(end) ? SOCK_LOOPBACK : 0;
	if ((in_host && loopback) || (info && info->sec_identity == IDENTITY_HOST))
		return loopback | SOCK_HERE | SOCK_ANY_NODE;
	if (info && identity_is_remote_node(info->sec_identity) && !info->flag_remote_cluster)
		return loopback | SOCK_ANY_NODE;
	return loopback;
}

/* What was found at any address is meant at this one. */
static __always_inline bool sock_is_meant(const struct lb_frontend *f, __u32 place)
{
	if (sock_is_node_port(f->port))
		return place & SOCK_ANY_NODE && f->flags & LB_F_NODE_PORT;
	if (!(place & SOCK_HERE) || !(f->flags & LB_F_HOST_PORT))
		return false;
	/* a host port of a loopback address is for those who call a loopback address */
	return !(f->flags2 & LB_F2_LOOPBACK) || place & SOCK_LOOPBACK;
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
static __always_inline bool sock_find_service(struct bpf_sock_addr *ctx, const struct sock_end *end,
					      struct lb_frontend *f)
{
	*f = sock_frontend(end);
	if (lb_find(f, LB_INTERNAL))
		return true;
	return sock_find_at_any_address(f) &&
	       sock_is_meant(f, sock_place_of(end, sock_in_host(ctx)));
}

/* Anybody can claim an external address for his service: only those that are this node's own are
 * translated here, others go where their owner is. Likewise a host port at a node's address is that node's.
 */
__verified_alone bool sock_is_elsewhere(const struct sock_end *end)
{
	const struct remote_endpoint_info *info;

	if (!end)
		return false;
	info = ipcache_lookup(&end->addr, end->is_ipv6);
	return !info || info->sec_identity != IDENTITY_HOST;
}

static __always_inline bool sock_is_for_another(const struct sock_end *end,
						const struct lb_frontend *f)
{
	if (!(f->flags & LB_F_EXTERNAL_IP) &&
	    !(f->flags & LB_F_HOST_PORT && !sock_is_loopback(end)))
		return false;
	return sock_is_elsewhere(end);
}

#endif
