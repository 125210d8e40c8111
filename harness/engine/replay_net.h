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

struct replay_device {
	const char *name;
	uint32_t ifindex; /* 1 is lo, which is there already */
	bool has_mac;
	uint8_t mac[6];
	uint16_t mtu; /* 0: 1500 */
};

struct replay_net;

/* The calling thread is in the new namespace afterwards. batch: a file for `ip -batch` with
 * addresses, routes and neighbours; NULL: none. xdp: the devices take XDP test runs as well.
 */
int replay_net_open(const struct replay_device *devices, size_t n, bool xdp, const char *batch,
		    struct replay_net **out, struct err *err);
/* The thread is back where it was; the namespace is gone. NULL is fine. */
void replay_net_close(struct replay_net *net);

#endif
