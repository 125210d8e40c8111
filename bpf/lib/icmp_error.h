/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ICMP errors made of the packet at hand and sent back where it came from: too big (RFC 1191, RFC 4443
 * 3.2) and time exceeded (RFC 792, RFC 4443 3.3).
 *
 * The packet is quoted as it came, whatever it has been translated to, so that its sender knows it again.
 */
#ifndef VERDICT_LIB_ICMP_ERROR_H
#define VERDICT_LIB_ICMP_ERROR_H

#include <linux/if_ether.h>

#include <lib/calls.h>
#include <lib/config.h>
#include <lib/csum.h>
#include <lib/drop.h>
#include <lib/encap.h>
#include <lib/ipv4.h>
#include <lib/ipv6.h>
#include <lib/l4.h>
#include <lib/reasons.h>
#include <lib/rewrite.h>

#define ICMP_ERROR_TTL 64

/* RFC 1812, 4.3.2.3: an error has at most 576 bytes; RFC 4443, 2.4 c: at most the minimum MTU. */
#define ICMP4_QUOTE_MAX (576 - 20 - 8)
#define ICMP6_QUOTE_MAX (1280 - 40 - 8)

/* What bpf_csum_diff() takes at once. */
#define ICMP_QUOTE_CHUNK  512
#define ICMP_QUOTE_CHUNKS ((ICMP6_QUOTE_MAX + ICMP_QUOTE_CHUNK - 1) / ICMP_QUOTE_CHUNK)

/* A piece of the quote while it is summed up: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u8[ICMP_QUOTE_CHUNK + sizeof(__u32)]); /* the rest is for the verifier */
	__uint(max_entries, 1);
} quote_at_hand SEC(".maps") __scratch;

struct icmp_error_header {
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 word; /* MTU; of IPv4 in its lower half */
};

struct icmp_error4 {
	struct iphdr ip;
	struct icmp_error_header icmp;
};

struct icmp_error6 {
	struct ipv6_header ip;
	struct icmp_error_header icmp;
};

static __always_inline __u16 icmp_fold(__s64 sum)
{
	__u32 s = (__u32)sum;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (__u16)~s;
}

/* RFC 1812, 4.3.2.7: an answer goes to one host, and not into this one. */
static __always_inline bool icmp_has_sender(const struct packet *pkt)
{
	__u8 first = pkt->saddr.ip6.addr[0];

	if (pkt->is_ipv6)
		return first != 0xff && (pkt->saddr.ip6.d.d1 || pkt->saddr.ip6.d.d2);
	return first && first != 127 && first < 224;
}

static __always_inline bool icmp_is_for_group(ctx_t *ctx, const struct packet *pkt)
{
	__u8 first = pkt->daddr.ip6.addr[0], mac = 0;

	if (CONFIG(eth_header_length) && ctx_load(ctx, 0, &mac, sizeof(mac)) && mac & 1)
		return true;
	return pkt->is_ipv6 ? first == 0xff : first >= 224;
}

/* An ICMP message that asks or tells something may be answered; an error, or what redirects, may not. */
static __always_inline bool icmp_is_answerable(ctx_t *ctx, struct packet *pkt)
{
	__u8 type;

	if (!is_icmp(pkt))
		return true;
	if (!packet_load(ctx, pkt, pkt->l4_off, &type, sizeof(type)))
		return false;
	if (pkt->is_ipv6)
		return type >= ICMP6_ECHO_REQUEST && type != ICMP6_REDIRECT;
	return !icmp_is_error(false, type) && type != ICMP_REDIRECT;
}

/* Behind tags of its data the kernel makes no room (bpf_skb_adjust_room() goes by skb->protocol). */
static __always_inline bool icmp_has_room(const struct packet *pkt)
{
	return CTX_IS_XDP || pkt->l3_off == CONFIG(eth_header_length);
}

/* RFC 1122, 3.2.2 and RFC 4443, 2.4 e: no error about an error, about a later fragment, or to a group. */
static __always_inline bool icmp_may_answer(ctx_t *ctx, struct packet *pkt)
{
	bool has_source = pkt->is_ipv6 ? CONFIG(nat_ipv6_masquerade).d.d1 != 0
				       : CONFIG(nat_ipv4_masquerade).be32 != 0;

	return has_source && icmp_has_room(pkt) && !pkt->later_fragment && icmp_has_sender(pkt) &&
	       !icmp_is_for_group(ctx, pkt) && icmp_is_answerable(ctx, pkt);
}

/* Adds len bytes from off on to a sum. Pieces end at even places; the last one is filled up with zeros. */
static __always_inline __s64 icmp_sum_bytes(ctx_t *ctx, __u32 off, __u32 len, __s64 sum)
{
	__u32 zero = 0;
	__u8 *piece = bpf_map_lookup_elem(&quote_at_hand, &zero);

	if (!piece)
		return sum;
	for (int i = 0; i < ICMP_QUOTE_CHUNKS; i++) {
		__u32 n = len < ICMP_QUOTE_CHUNK ? len : ICMP_QUOTE_CHUNK;

		if (!n)
			break;
		/* known to the compiler, which would leave it out, and not to the verifier */
		asm volatile("" : "+r"(n));
		n = ((n - 1) & (ICMP_QUOTE_CHUNK - 1)) + 1;
		*(__u32 *)(piece + ((n - 1) & (ICMP_QUOTE_CHUNK - 4))) = 0;
		if (!ctx_load(ctx, off, piece, n))
			break;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)piece, (n + 3) & ~3u, (__wsum)sum);
		off += n;
		len -= n;
	}
	return sum;
}

static __always_inline int icmp_swap_macs(ctx_t *ctx)
{
	struct {
		__u8 first[ETH_ALEN], second[ETH_ALEN];
	} was, is;

	if (!ctx_load(ctx, 0, &was, sizeof(was)))
		return -1;
	__builtin_memcpy(is.first, was.second, ETH_ALEN);
	__builtin_memcpy(is.second, was.first, ETH_ALEN);
	return ctx_store(ctx, 0, &is, sizeof(is)) ? 0 : -1;
}

static __always_inline int icmp_write4(ctx_t *ctx, struct packet *pkt, __u8 type, __u8 code,
				       __be32 word, __u32 quoted)
{
	struct icmp_error4 h = {
		.ip = {
			.version = 4,
			.ihl = sizeof(h.ip) / 4,
			.tot_len = bpf_htons((__u16)(sizeof(h) + quoted)),
			.ttl = ICMP_ERROR_TTL,
			.protocol = IPPROTO_ICMP,
			.saddr = CONFIG(nat_ipv4_masquerade).be32,
			.daddr = pkt->saddr.ip4,
		},
		.icmp = { .type = type, .code = code, .word = word },
	};
	__s64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&h.icmp, sizeof(h.icmp), 0);

	h.ip.check = icmp_fold(bpf_csum_diff(NULL, 0, (__be32 *)&h.ip, sizeof(h.ip), 0));
	h.icmp.checksum = icmp_fold(icmp_sum_bytes(ctx, pkt->l3_off + sizeof(h), quoted, sum));
	return ctx_store(ctx, pkt->l3_off, &h, sizeof(h)) ? 0 : -1;
}

static __always_inline int icmp_write6(ctx_t *ctx, struct packet *pkt, __u8 type, __u8 code,
				       __be32 word, __u32 quoted)
{
	struct icmp_error6 h = {
		.ip = {
			.version_class = { 0x60 },
			.payload_len = bpf_htons((__u16)(sizeof(h.icmp) + quoted)),
			.nexthdr = IPPROTO_ICMPV6,
			.hop_limit = ICMP_ERROR_TTL,
			.saddr = CONFIG_IP6(nat_ipv6_masquerade),
			.daddr = pkt->saddr.ip6,
		},
		.icmp = { .type = type, .code = code, .word = word },
	};
	__be32 pseudo[2] = { bpf_htonl((__u32)(sizeof(h.icmp) + quoted)),
			     bpf_htonl(IPPROTO_ICMPV6) };
	__s64 sum = bpf_csum_diff(NULL, 0, pseudo, sizeof(pseudo), 0);

	sum = bpf_csum_diff(NULL, 0, (__be32 *)&h.ip.saddr, 2 * sizeof(h.ip.saddr), (__wsum)sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&h.icmp, sizeof(h.icmp), (__wsum)sum);
	h.icmp.checksum = icmp_fold(icmp_sum_bytes(ctx, pkt->l3_off + sizeof(h), quoted, sum));
	return ctx_store(ctx, pkt->l3_off, &h, sizeof(h)) ? 0 : -1;
}

/* What the sum of all bytes from the network header on will be. A header and a message that have a right
 * sum of their own count for nothing. IPv6's header has none: the message cancels what is in its pseudo
 * header, the rest counts.
 */
static __always_inline __s64 icmp_whole_sum(const struct packet *pkt, __u32 quoted)
{
	__u16 len = bpf_htons((__u16)(sizeof(struct icmp_error_header) + quoted));
	__be32 header[2] = { bpf_htonl(0x60000000), 0 }, pseudo[2];

	if (!pkt->is_ipv6)
		return 0;
	header[1] = len | (__be32)bpf_htons(IPPROTO_ICMPV6 << 8 | ICMP_ERROR_TTL) << 16;
	pseudo[0] = (__be32)len << 16;
	pseudo[1] = bpf_htonl(IPPROTO_ICMPV6);
	return bpf_csum_diff(pseudo, sizeof(pseudo), header, sizeof(header), 0);
}

/* Back out of the device it came in by; through the tunnel to the node that sent it. */
static __always_inline int icmp_send(ctx_t *ctx, struct packet *pkt)
{
#ifdef CTX_XDP
	(void)ctx;
	(void)pkt;
	return XDP_TX;
#else
	if (pkt->from_tunnel && !tunnel_turn(ctx))
		return DROP(pkt, DROP_NO_TUNNEL_KEY);
	return (int)bpf_redirect(ctx->ifindex, 0);
#endif
}

/* The error in place of the packet it quotes. */
static __always_inline int icmp_make(ctx_t *ctx, struct packet *pkt)
{
	__u32 room = pkt->is_ipv6 ? sizeof(struct icmp_error6) : sizeof(struct icmp_error4);
	__u32 most = pkt->is_ipv6 ? ICMP6_QUOTE_MAX : ICMP4_QUOTE_MAX;
	__u32 quoted = pkt->end - pkt->l3_off;
	__u8 type = (__u8)(pkt->answer.type_code >> 8), code = (__u8)pkt->answer.type_code;
	__be32 word = bpf_htonl(pkt->answer.mtu);

	if (quoted > most)
		quoted = most;
	/* first: cutting the packet ends what the device said of its sum */
	ctx_settle_csum(ctx, icmp_whole_sum(pkt, quoted));
	if (ctx_trim(ctx, pkt->l3_off + quoted) || ctx_grow_l3(ctx, room))
		return -1;
	if (CONFIG(eth_header_length) && icmp_swap_macs(ctx))
		return -1;
	return pkt->is_ipv6 ? icmp_write6(ctx, pkt, type, code, word, quoted)
			    : icmp_write4(ctx, pkt, type, code, word, quoted);
}

/* The verdict of the error that goes back; or the reason to drop where none may or can. The packet itself
 * is dropped either way, and told so.
 */
static __always_inline int icmp_answer(ctx_t *ctx, struct packet *pkt)
{
	if (!icmp_may_answer(ctx, pkt))
		return pkt->answer.reason;
	drop_packet(ctx, pkt, pkt->answer.reason, DIR_EGRESS);
	if (rewrite_undo(ctx, pkt))
		return DROP(pkt, DROP_WRITE_ERROR);
	if (icmp_make(ctx, pkt))
		return DROP(pkt, DROP_WRITE_ERROR);
	return icmp_send(ctx, pkt);
}

#ifdef CTX_XDP
#define ICMP_ERROR_SECTION "xdp"
#else
#define ICMP_ERROR_SECTION "tc"
#endif

/* Every object that asks for answers has this program. */
#define DEFINE_ICMP_ERROR_PROGRAM()                                                                \
	SEC(ICMP_ERROR_SECTION) __call(5) int tail_icmp_error(ctx_t *ctx)                          \
	{                                                                                          \
		struct packet *pkt = packet_resume();                                              \
		int ret = pkt ? icmp_answer(ctx, pkt) : CTX_DROP;                                  \
                                                                                                   \
		return ret < 0 ? drop_packet(ctx, pkt, ret, DIR_EGRESS) : ret;                     \
	}

/* In a program of its own: summing up what is quoted is dear for the verifier. */
static __always_inline int icmp_ask(ctx_t *ctx, struct packet *pkt, __u16 type_code, __u16 mtu,
				    int reason)
{
	pkt->answer.type_code = type_code;
	pkt->answer.mtu = mtu;
	pkt->answer.reason = (__s16)reason;
	return CALL(ctx, pkt, CALL_ICMP_ERROR);
}

static __always_inline int icmp_too_big(ctx_t *ctx, struct packet *pkt, __u16 mtu)
{
	__u16 kind = pkt->is_ipv6 ? ICMP6_PACKET_TOO_BIG << 8 : ICMP_DEST_UNREACH << 8 | 4;

	return icmp_ask(ctx, pkt, kind, mtu, DROP(pkt, DROP_FRAG_NEEDED));
}

static __always_inline int icmp_time_exceeded(ctx_t *ctx, struct packet *pkt)
{
	__u16 kind = pkt->is_ipv6 ? ICMP6_TIME_EXCEEDED << 8 : ICMP_TIME_EXCEEDED << 8;

	return icmp_ask(ctx, pkt, kind, 0, DROP(pkt, DROP_TTL_EXCEEDED));
}

#endif
