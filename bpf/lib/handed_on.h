/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From XDP to tc: a packet that XDP has translated and cannot send itself, as its next hop's neighbour is
 * not known yet or lies behind the tunnel. tc sends it as it is. To the stack it would be a martian: it comes
 * from outside with the node's own address. The word travels in the packet's metadata.
 */
#ifndef VERDICT_LIB_HANDED_ON_H
#define VERDICT_LIB_HANDED_ON_H

#include <lib/reasons.h>

#define HANDED_ON 0x56644f6e /* no other program's metadata is taken for it */

#ifdef CTX_XDP

/* The verdict, or the reason to drop: the driver has no room for metadata. */
static __always_inline int hand_on(ctx_t *ctx, struct packet *pkt)
{
	__u32 *word;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*word)))
		return DROP(pkt, DROP_NO_FIB);
	word = (__u32 *)(long)ctx->data_meta;
	if ((void *)(word + 1) > (void *)(long)ctx->data)
		return DROP(pkt, DROP_NO_FIB);
	*word = HANDED_ON;
	pkt->handed_on = true;
	return CTX_PASS;
}

#else

/* True once. */
static __always_inline bool was_handed_on(ctx_t *ctx)
{
	__u32 *word = (__u32 *)(long)ctx->data_meta;

	if ((void *)(word + 1) > (void *)(long)ctx->data || *word != HANDED_ON)
		return false;
	*word = 0;
	return true;
}

#endif

#endif
