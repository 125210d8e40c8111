/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The constants of the programs at one device, which stand before the node's of the same name. */
#include "cluster/config.h"
#include "cluster/entry.h"

#define ETH_HEADER_LEN 14
#define MAX_CONFIG     10

static void put(struct cluster_device *d, const char *name, struct value *v)
{
	d->config[d->n_config++] = (struct config_value){ name, v };
}

static void put_endpoint(struct cluster *c, struct cluster_device *d)
{
	const struct cluster_endpoint *ep = d->endpoint;
	bool has4 = false, has6 = false;

	put(d, "endpoint_id", entry_number(c, ep->id));
	put(d, "security_label", entry_number(c, ep->identity));
	for (size_t i = 0; i < ep->n_ips; i++) {
		bool v4 = ep->ips[i].family == 4;

		if (v4 ? has4 : has6)
			continue;
		put(d, v4 ? "endpoint_ipv4" : "endpoint_ipv6", entry_address(c, &ep->ips[i]));
		*(v4 ? &has4 : &has6) = true;
	}
}

void device_config(struct cluster *c, struct cluster_node *node)
{
	for (size_t i = 0; i < node->n_devices; i++) {
		struct cluster_device *d = &node->devices[i];

		d->config = arena_alloc(c->arena, MAX_CONFIG * sizeof(*d->config));
		d->n_config = 0;
		put(d, "interface_ifindex", entry_number(c, d->ifindex));
		put(d, "interface_mac", entry_mac(c, d->mac));
		put(d, "device_mtu", entry_number(c, d->mtu));
		put(d, "eth_header_length", entry_number(c, ETH_HEADER_LEN));
		if (d->endpoint)
			put_endpoint(c, d);
	}
}
