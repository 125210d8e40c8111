/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A network namespace for one replay, with devices of chosen ifindexes: what a program redirects or
 * clones cannot leave it.
 */
#ifndef VERDICT_ENGINE_REPLAY_NET_H
#define VERDICT_ENGINE_REPLAY_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define REPLAY_NET_IFINDEX_MAX 1000000000u /* of chosen ones, exclusive */

struct replay_device {
	const char *name;
	uint32_t ifindex; /* 1 is lo, which is there already */
	bool has_mac;
	uint8_t mac[6];
	uint16_t mtu; /* 0: 1500 */
};

struct replay_net;

/* The calling thread is in the new namespace afterwards. */
int replay_net_open(struct replay_net **out, struct err *err);
/* xdp: the devices take XDP test runs as well. */
int replay_net_add(struct replay_net *net, const struct replay_device *const *devices, size_t n,
		   bool xdp, struct err *err);
/* A file for `ip -batch`: addresses, routes, neighbours. */
int replay_net_batch(const char *path, struct err *err);
/* The same of lines in memory; system error. */
int replay_net_ip(const char *lines, struct err *err);
/* The thread is back where it was; the namespace is gone. NULL is fine. */
void replay_net_close(struct replay_net *net);

#endif
