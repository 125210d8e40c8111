/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reserved security identities that the datapath itself must know. */
#ifndef VERDICT_LIB_IDENTITY_H
#define VERDICT_LIB_IDENTITY_H

#include <lib/common.h>

enum reserved_identity {
	IDENTITY_ANY = 0, /* in policy: whoever */
	IDENTITY_HOST = 1,
	IDENTITY_WORLD = 2,
	IDENTITY_REMOTE_NODE = 6,
	IDENTITY_KUBE_APISERVER = 7,
	IDENTITY_WORLD_IPV4 = 9,
	IDENTITY_WORLD_IPV6 = 10,
	IDENTITY_RESERVED_END = 256,
};

/* Identities of networks, each node's own numbers. */
#define IDENTITY_SCOPE_CIDR (1 << 24)

#define IDENTITY_SCOPE_MASK	   0xff000000
#define IDENTITY_SCOPE_REMOTE_NODE 0x02000000

static __always_inline bool identity_is_remote_node(__u32 identity)
{
	return identity == IDENTITY_REMOTE_NODE || identity == IDENTITY_KUBE_APISERVER ||
	       (identity & IDENTITY_SCOPE_MASK) == IDENTITY_SCOPE_REMOTE_NODE;
}

/* The world is one identity, or in a dual-stack cluster one for each family. */
static __always_inline bool identity_is_world(__u32 identity)
{
	return identity == IDENTITY_WORLD || identity == IDENTITY_WORLD_IPV4 ||
	       identity == IDENTITY_WORLD_IPV6;
}

/* A network that a policy names: of the world. */
static __always_inline bool identity_is_cidr(__u32 identity)
{
	return (identity & IDENTITY_SCOPE_MASK) == IDENTITY_SCOPE_CIDR;
}

#endif
