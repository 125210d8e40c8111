/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* skb->mark between programs of one node, and between them and the stack: what kind of packet this is,
 * and whose. Linux rules and routes of the node match on it.
 */
#ifndef VERDICT_LIB_MARK_H
#define VERDICT_LIB_MARK_H

#include <lib/ctx.h>
#include <lib/identity.h>

enum mark_kind {
	MARK_KIND_MASK = 0x0f00,
	MARK_TO_PROXY = 0x0200, /* above 16 bits: the proxy's port, network order */
	MARK_SNAT_DONE = 0x0300,
	MARK_OVERLAY = 0x0400,
	MARK_PROXY_EGRESS_EPID = 0x0900, /* above 16 bits: the endpoint a proxy sends for */
	MARK_PROXY_INGRESS = 0x0a00, /* from a proxy, with the identity of who sent it first */
	MARK_PROXY_EGRESS = 0x0b00,
	MARK_HOST = 0x0c00,
	MARK_IDENTITY = 0x0f00,
};

/* skb->tc_index, which passes through tail calls of other objects: what not to do again. Programs that packets come in
 * by begin with none.
 */
enum tc_index_flags {
	TC_INDEX_FROM_INGRESS_PROXY = 1,
	TC_INDEX_FROM_EGRESS_PROXY = 2,
};

static __always_inline __u32 mark_with_identity(enum mark_kind kind, __u32 identity)
{
	return kind | (identity & 0xffff) << 16 | (identity >> 16 & 0xff);
}

static __always_inline __u32 mark_identity(__u32 mark)
{
	return mark >> 16 | (mark & 0xff) << 16;
}

#endif
