/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes the specification that netns/topology builds from, and opens what it built. */
#include "engine/topology.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/ns.h"

/* Never a node's ifindex: a veth whose two ends have the same one is taken for a device without a
 * peer by the kernel's link watcher, which then brings it up a second late.
 */
#define FABRIC_IFINDEX_BASE 1000
#define TOOL_TIMEOUT_S	    30
#define CARRIER_TIMEOUT_S   5

static const uint8_t gateway_mac[6] = { 0x02, 0x76, 0x64, 0xff, 0xff, 0xfe };

static int set_id(struct topology *t, const char *id, struct err *err)
{
	if (strlen(id) >= sizeof(t->id))
		return err_system(err, ENAMETOOLONG, "topology '%s'", id);
	for (size_t i = 0; id[i]; i++)
		t->id[i] = id[i] == '-' ? '_' : id[i];
	snprintf(t->fabric_ns, sizeof(t->fabric_ns), "verdict-%s-fabric", t->id);
	return 0;
}

static int set_node(struct topology *t, unsigned index, const struct cluster_node *node,
		    struct err *err)
{
	const struct cluster_device *native = cluster_device_of_role(node, "native");
	struct topo_node *n = &t->nodes[index];

	n->name = arena_strdup(t->arena, node->name);
	n->node = node;
	n->device = arena_strdup(t->arena, native->name);
	n->at = arena_printf(t->arena, "%s/%s", n->name, n->device);
	n->ifindex = native->ifindex;
	n->mtu = native->mtu;
	n->fabric_ifindex = FABRIC_IFINDEX_BASE + index;
	memcpy(n->mac, native->mac, sizeof(n->mac));
	snprintf(n->fabric_device, sizeof(n->fabric_device), "n%u", index);
	if (snprintf(n->ns_name, sizeof(n->ns_name), "verdict-%s-%s", t->id, n->name) >=
	    (int)sizeof(n->ns_name))
		return err_system(err, ENAMETOOLONG, "a network namespace for node %s", n->name);
	return 0;
}

static void print_mac(struct buf *b, const uint8_t mac[6])
{
	buf_printf(b, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		   mac[5]);
}

static void print_node(struct buf *spec, const struct topo_node *n)
{
	buf_printf(spec, "node %s device %s ifindex %u mac ", n->name, n->device, n->ifindex);
	print_mac(spec, n->mac);
	buf_printf(spec, " mtu %u far %s farindex %u", n->mtu, n->fabric_device, n->fabric_ifindex);
	for (size_t i = 0; i < n->node->n_ips; i++) {
		buf_puts(spec, " address ");
		ip_addr_print(spec, &n->node->ips[i]);
	}
	buf_putc(spec, '\n');
}

static char *script(struct arena *a, const char *name)
{
	char *dir = file_installed(a, "netns");

	return dir ? arena_printf(a, "%s/%s", dir, name) : NULL;
}

static int run_script(const struct topology *t, const char *name, const char *verb,
		      const char *input, struct err *err)
{
	const char *path = script(t->arena, name);
	const char *argv[4] = { path };
	unsigned n = 1;

	if (!path) {
		err_system(err, ENOENT, "cannot find the scripts of netns/");
		return err_hint(err,
				"run from the build tree, `make install`, or set VERDICT_LIBDIR "
				"to the folder that holds netns/");
	}
	if (verb)
		argv[n++] = verb;
	argv[n] = t->id;
	return run_tool(argv, -1, input, NULL, TOOL_TIMEOUT_S, err);
}

static int open_namespaces(struct topology *t, struct err *err)
{
	t->fabric_fd = ns_open(t->fabric_ns, err);
	if (t->fabric_fd < 0)
		return t->fabric_fd;
	for (size_t i = 0; i < t->n_nodes; i++) {
		t->nodes[i].ns_fd = ns_open(t->nodes[i].ns_name, err);
		if (t->nodes[i].ns_fd < 0)
			return t->nodes[i].ns_fd;
	}
	return 0;
}

/* The link watcher sets IFF_RUNNING, then tells the bridge, under one lock; asking ethtool takes that
 * lock, so that the bridge's port forwards when it has answered.
 */
static bool device_runs(int sock, const char *device)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0 || !(ifr.ifr_flags & IFF_RUNNING))
		return false;
	ifr.ifr_data = (char *)&link;
	return ioctl(sock, SIOCETHTOOL, &ifr) == 0 && link.data;
}

/* A device is up before the kernel's link watcher has given it its queue; what is sent in between is
 * lost without a word. IFF_RUNNING is set by the link watcher.
 */
static int wait_device(int ns_fd, const char *device, const char *where, struct err *err)
{
	__cleanup_fd int sock = -1;
	int ret = ns_enter(ns_fd, err);

	if (ret)
		return ret;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_system(err, errno, "cannot open a socket in %s", where);
	for (int tries = CARRIER_TIMEOUT_S * 5000; tries > 0; tries--) {
		if (device_runs(sock, device))
			return 0;
		usleep(200);
	}
	return err_system(err, ETIMEDOUT, "device %s of %s did not come up", device, where);
}

static int wait_devices(const struct topology *t, struct err *err)
{
	__cleanup_fd int home = ns_current(err);
	struct err back = { 0 };
	int ret = home < 0 ? home : 0;

	for (size_t i = 0; i < t->n_nodes && !ret; i++) {
		const struct topo_node *n = &t->nodes[i];

		ret = wait_device(n->ns_fd, n->device, n->ns_name, err);
		if (!ret)
			ret = wait_device(t->fabric_fd, n->fabric_device, t->fabric_ns, err);
	}
	if (home >= 0 && ns_enter(home, &back) && !ret) {
		*err = back;
		ret = -back.no;
	}
	return ret;
}

static int build(struct topology *t, struct err *err)
{
	__cleanup_buf struct buf spec = BUF_INIT;
	int ret;

	buf_puts(&spec, "gateway ");
	print_mac(&spec, t->gateway_mac);
	buf_putc(&spec, '\n');
	for (size_t i = 0; i < t->n_nodes; i++)
		print_node(&spec, &t->nodes[i]);
	log_debug("topology %s:\n%s", t->id, buf_str(&spec));
	ret = run_script(t, "topology", "up", buf_str(&spec), err);
	if (!ret)
		ret = open_namespaces(t, err);
	return ret ? ret : wait_devices(t, err);
}

int topology_up(const struct cluster *cluster, const char *id, struct topology **out,
		struct err *err)
{
	struct arena *a = arena_new();
	struct topology *t = arena_new_of(a, struct topology);
	int ret;

	t->arena = a;
	t->fabric_fd = -1;
	t->quiet = arena_new_of(a, bool);
	t->nodes = arena_alloc(a, (cluster->n_nodes + 1) * sizeof(*t->nodes));
	t->n_nodes = cluster->n_nodes;
	memcpy(t->gateway_mac, gateway_mac, 6);
	for (size_t i = 0; i < t->n_nodes; i++)
		t->nodes[i].ns_fd = -1;
	ret = set_id(t, id, err);
	if (!ret && (t->n_nodes == 0 || t->n_nodes > 65534))
		ret = err_input(err, NULL, "%s: a cluster of %zu nodes; 1 to 65534 can be built",
				cluster->dir, t->n_nodes);
	for (size_t i = 0; i < t->n_nodes && !ret; i++)
		ret = set_node(t, (unsigned)i, &cluster->nodes[i], err);
	if (!ret)
		ret = build(t, err);
	if (ret) {
		topology_down(t);
		return ret;
	}
	*out = t;
	return 0;
}

void topology_down(struct topology *t)
{
	struct err err = { 0 };

	if (!t)
		return;
	/* open once built; what could not be built was removed by the script itself */
	if (t->fabric_fd >= 0 && run_script(t, "topology", "down", NULL, &err))
		log_warn("topology %s stays: %s", t->id, err.text);
	for (size_t i = 0; i < t->n_nodes; i++)
		fd_cleanup(&t->nodes[i].ns_fd);
	fd_cleanup(&t->fabric_fd);
	arena_free(t->arena);
}

int topology_quiet(const struct topology *t, struct err *err)
{
	int ret = 0;

	if (!*t->quiet)
		ret = run_script(t, "quiet", NULL, NULL, err);
	if (!ret)
		*t->quiet = true;
	return ret;
}

int topology_node_by_mac(const struct topology *t, const uint8_t mac[6])
{
	for (size_t i = 0; i < t->n_nodes; i++)
		if (memcmp(t->nodes[i].mac, mac, 6) == 0)
			return (int)i;
	return -1;
}
