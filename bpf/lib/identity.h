/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reserved security identities that the datapath itself must know. */
#ifndef VERDICT_LIB_IDENTITY_H
#define VERDICT_LIB_IDENTITY_H

enum reserved_identity {
	IDENTITY_ANY = 0, /* in policy: whoever */
	IDENTITY_HOST = 1,
	IDENTITY_WORLD = 2,
	IDENTITY_REMOTE_NODE = 6,
	IDENTITY_WORLD_IPV4 = 9,
	IDENTITY_WORLD_IPV6 = 10,
	IDENTITY_RESERVED_END = 256,
};

/* Identities of networks, each node's own numbers. */
#define IDENTITY_SCOPE_CIDR (1 << 24)

#endif
