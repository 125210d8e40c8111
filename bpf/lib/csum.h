/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Checksums corrected by difference (RFC 1624): what was wrong before stays wrong by as much.
 *
 * An skb may have CHECKSUM_PARTIAL (the device adds the payload: only the pseudo header is in the field)
 * or CHECKSUM_COMPLETE (skb->csum is the sum from the network header on); the kernel's helpers know both,
 * but for one case: see csum_l4_address().
 */
#ifndef VERDICT_LIB_CSUM_H
#define VERDICT_LIB_CSUM_H

#include <linux/in.h>
#include <linux/in6.h>

#include <lib/ctx.h>

#define CSUM_OFF_IPV4  10
#define CSUM_OFF_TCP   16
#define CSUM_OFF_UDP   6
#define CSUM_OFF_ICMP6 2
#define CSUM_OFF_ICMP  2

/* Where the transport header has its checksum; false if it has none that a rewrite touches (SCTP's is a
 * CRC over ports and data, which no difference corrects).
 */
static __always_inline bool csum_l4_offset(__u8 protocol, __u32 *off)
{
	switch (protocol) {
	case IPPROTO_TCP:
		*off = CSUM_OFF_TCP;
		return true;
	case IPPROTO_UDP:
		*off = CSUM_OFF_UDP;
		return true;
	case IPPROTO_ICMPV6:
		*off = CSUM_OFF_ICMP6;
		return true;
	case IPPROTO_ICMP:
		*off = CSUM_OFF_ICMP;
		return true;
	}
	return false;
}

/* A sum as the packet holds it. */
static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* What a sum gets that had `from` and has `to`: as bpf_csum_diff() says it, without the call. len: a multiple
 * of 4.
 */
static __always_inline __s64 csum_diff(const void *from, const void *to, __u32 len)
{
	const __be32 *was = from, *is = to;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < len / 4; i++)
		sum += (__u64)is[i] + (__u32)~was[i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16); /* so that more can be added */
	return (__s64)((sum & 0xffff) + (sum >> 16));
}

/* What a sum gets that had nothing there, to be added to what csum_diff() says. */
static __always_inline __s64 csum_of(const void *what, __u32 len)
{
	const __be32 *words = what;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < len / 4; i++)
		sum += words[i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__s64)((sum & 0xffff) + (sum >> 16));
}

#ifdef CTX_XDP

/* diff is what csum_diff() gave. */
static __always_inline int csum_replace(ctx_t *ctx, __u32 off, __s64 diff, bool udp)
{
	__u16 sum;

	if (!ctx_load(ctx, off, &sum, sizeof(sum)))
		return -1;
	if (udp && !sum)
		return 0;
	sum = csum_fold((__u32)diff + (__u16)~sum);
	if (udp && !sum)
		sum = 0xffff;
	return ctx_store(ctx, off, &sum, sizeof(sum)) ? 0 : -1;
}

static __always_inline int csum_l3(ctx_t *ctx, __u32 off, __s64 diff)
{
	return csum_replace(ctx, off, (__u32)((__u64)diff & 0xffffffff), false);
}

static __always_inline int csum_l4_port(ctx_t *ctx, __u32 off, __s64 diff, bool udp)
{
	return csum_replace(ctx, off, diff, udp);
}

static __always_inline int csum_l4(ctx_t *ctx, __u32 off, __s64 address, __s64 port, bool udp,
				   bool ipv6)
{
	(void)ipv6;
	return csum_replace(ctx, off, address + port, udp);
}

static __always_inline void csum_changed(ctx_t *ctx, __s64 diff)
{
	(void)ctx;
	(void)diff;
}

#else

/* Bytes that no checksum of the packet makes up for: skb->csum follows them. */
static __always_inline void csum_changed(ctx_t *ctx, __s64 diff)
{
	bpf_csum_update(ctx, (__wsum)diff);
}

static __always_inline int csum_l3(ctx_t *ctx, __u32 off, __s64 diff)
{
	return (int)bpf_l3_csum_replace(ctx, off, 0, (__u64)diff, 0);
}

/* Addresses are part of the pseudo header. Those of IPv4 are part of a header that has a sum of its own;
 * those of IPv6 are not, so that skb->csum stays what it is when both address and transport checksum
 * change. bpf_l4_csum_replace() lowers it all the same (unless it is told by BPF_F_IPV6, Linux 6.16):
 * that is taken back.
 */
static __always_inline int csum_l4_address(ctx_t *ctx, __u32 off, __s64 diff, bool udp, bool ipv6)
{
	__u64 flags = BPF_F_PSEUDO_HDR | (udp ? BPF_F_MARK_MANGLED_0 : 0);
	int ret = (int)bpf_l4_csum_replace(ctx, off, 0, (__u64)diff, flags);

	if (!ret && ipv6)
		bpf_csum_update(ctx, (__wsum)diff);
	return ret;
}

/* UDP may be without a checksum. */
static __always_inline int csum_l4_port(ctx_t *ctx, __u32 off, __s64 diff, bool udp)
{
	__u16 sum = 0;

	if (!udp)
		return (int)bpf_l4_csum_replace(ctx, off, 0, (__u64)diff, 0);
	if (!ctx_load(ctx, off, &sum, sizeof(sum)))
		return -1;
	if (sum)
		return (int)bpf_l4_csum_replace(ctx, off, 0, (__u64)diff, BPF_F_MARK_MANGLED_0);
	csum_changed(ctx, diff);
	return 0;
}

/* After an address, a port or both: what csum_diff() gave, 0 for what stayed. A sum that the device completes knows
 * of addresses only.
 */
static __always_inline int csum_l4(ctx_t *ctx, __u32 off, __s64 address, __s64 port, bool udp,
				   bool ipv6)
{
	if (address && csum_l4_address(ctx, off, address, udp, ipv6))
		return -1;
	return port ? csum_l4_port(ctx, off, port, udp) : 0;
}

#endif

#endif
