/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The devices of a node, with ifindexes and MACs that depend on nothing but the place of node and pod in
 * the cluster: map entries, namespaces and packets agree on them.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/compile.h"
#include "cluster/config.h"
#include "scenario/values.h"

#define NATIVE_IFINDEX	 10
#define NET_IFINDEX	 2
#define HOST_IFINDEX	 3
#define OVERLAY_IFINDEX	 4
#define ENDPOINT_IFINDEX 10000 /* and the endpoint's id */
#define FIXED_DEVICES	 4
#define DEFAULT_MTU	 1500

/* Third byte on: what the device is, then the node's number from 1. */
enum mac_of { MAC_NATIVE = 0, MAC_HOST = 1, MAC_NET = 2, MAC_OVERLAY = 3 };

static void device_mac(enum mac_of what, unsigned node, uint8_t mac[6])
{
	unsigned n = node + 1;

	memcpy(mac, (uint8_t[]){ 0x02, 0x76, 0x64, (uint8_t)what, (uint8_t)(n >> 8), (uint8_t)n },
	       6);
}

/* side 0x70: the pod's own device; 0x78: its end on the node. */
static void endpoint_mac(uint8_t side, unsigned node, uint16_t id, uint8_t mac[6])
{
	unsigned n = node + 1;

	memcpy(mac,
	       (uint8_t[]){ 0x02, side, (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)(id >> 8),
			    (uint8_t)id },
	       6);
}

/* `MTU` of values.yaml is Helm's; 0 stands for whatever the device has. */
static int cluster_mtu(const struct cluster *c, uint16_t *mtu, struct err *err)
{
	const struct value *v = value_get(c->manifests.values, "MTU");
	const char *text = value_text(v);
	unsigned long n;
	char *end;

	*mtu = DEFAULT_MTU;
	if (!text)
		return 0;
	n = strtoul(text, &end, 10);
	if (*end || end == text || (n && (n < 68 || n > 65535)))
		return err_input(err, &v->loc, "MTU is %s; it must be 0 or from 68 to 65535", text);
	if (n)
		*mtu = (uint16_t)n;
	return 0;
}

static struct cluster_device *add_device(struct cluster_node *node, const char *name,
					 const char *role, uint32_t ifindex, uint16_t mtu)
{
	struct cluster_device *d = &node->devices[node->n_devices++];

	*d = (struct cluster_device){ .name = name, .role = role, .ifindex = ifindex, .mtu = mtu };
	return d;
}

static void add_fixed(const struct cluster *c, struct cluster_node *node, uint16_t mtu)
{
	bool geneve = values_is(c->manifests.values, "tunnelProtocol", "geneve");
	struct cluster_device *d;

	d = add_device(node, node->device, "native", NATIVE_IFINDEX, mtu);
	device_mac(MAC_NATIVE, node->index, d->mac);
	d = add_device(node, "cilium_net", "net", NET_IFINDEX, mtu);
	device_mac(MAC_NET, node->index, d->mac);
	d = add_device(node, "cilium_host", "host", HOST_IFINDEX, mtu);
	device_mac(MAC_HOST, node->index, d->mac);
	if (!config_has_tunnel_device(c))
		return;
	d = add_device(node, geneve ? "cilium_geneve" : "cilium_vxlan", "overlay", OVERLAY_IFINDEX,
		       mtu);
	device_mac(MAC_OVERLAY, node->index, d->mac);
}

static void add_endpoint(struct cluster *c, struct cluster_node *node, struct cluster_endpoint *ep,
			 uint16_t mtu)
{
	struct cluster_device *d = add_device(node, arena_printf(c->arena, "lxc%05u", ep->id),
					      "endpoint", ENDPOINT_IFINDEX + ep->id, mtu);

	endpoint_mac(0x78, node->index, ep->id, d->mac);
	endpoint_mac(0x70, node->index, ep->id, ep->mac);
	d->endpoint = ep;
	ep->device = d;
}

int make_devices(struct cluster *c, struct cluster_node *node, struct err *err)
{
	uint16_t mtu;
	int ret = cluster_mtu(c, &mtu, err);

	if (ret)
		return ret;
	if (strlen(node->device) >= IFNAMSIZ)
		return err_input(err, NULL,
				 "device name '%s' of node %s is longer than %d characters",
				 node->device, node->name, IFNAMSIZ - 1);
	node->devices =
		arena_alloc(c->arena, (FIXED_DEVICES + node->n_endpoints) * sizeof(*node->devices));
	node->n_devices = 0;
	add_fixed(c, node, mtu);
	for (size_t i = 0; i < node->n_endpoints; i++)
		if (!node->endpoints[i].is_host)
			add_endpoint(c, node, &node->endpoints[i], mtu);
	return 0;
}

const struct cluster_device *cluster_device_by_ifindex(const struct cluster_node *n,
						       uint32_t ifindex)
{
	for (size_t i = 0; i < n->n_devices; i++)
		if (n->devices[i].ifindex == ifindex)
			return &n->devices[i];
	return NULL;
}

const struct cluster_device *cluster_device_of_role(const struct cluster_node *n, const char *role)
{
	for (size_t i = 0; i < n->n_devices; i++)
		if (strcmp(n->devices[i].role, role) == 0)
			return &n->devices[i];
	return NULL;
}
