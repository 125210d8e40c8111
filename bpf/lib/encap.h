/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Into the tunnel and out of it: the tunnel device wraps packets by the metadata that a program gives
 * them. The VNI is the identity of who sent the packet.
 */
#ifndef VERDICT_LIB_ENCAP_H
#define VERDICT_LIB_ENCAP_H

#include <lib/config.h>
#include <lib/identity.h>
#include <lib/ipcache.h>
#include <lib/reasons.h>
#include <lib/trace.h>

DECLARE_CONFIG(__u32, tunnel_ifindex, 0, "Interface index of the tunnel device; 0: no tunnel");

#ifndef CTX_XDP

/* Without the node's own address, which the kernel chooses by its routes. */
#define TUNNEL_KEY_LEN offsetof(struct bpf_tunnel_key, local_ipv4)

/* What a host is to its own node, another node must not take it for: each has a host of its own. */
static __always_inline __u32 tunnel_wire_identity(__u32 identity)
{
	return identity == IDENTITY_HOST ? IDENTITY_REMOTE_NODE : identity;
}

static __always_inline int tunnel_set_key(ctx_t *ctx, const struct remote_endpoint_info *to,
					  __u32 identity)
{
	struct bpf_tunnel_key key = { .tunnel_id = tunnel_wire_identity(identity) };

	if (!to->flag_ipv6_tunnel_ep) {
		key.remote_ipv4 = bpf_ntohl(to->tunnel_endpoint.ip4);
		return (int)bpf_skb_set_tunnel_key(ctx, &key, TUNNEL_KEY_LEN, BPF_F_ZERO_CSUM_TX);
	}
	__builtin_memcpy(key.remote_ipv6, &to->tunnel_endpoint.ip6, sizeof(key.remote_ipv6));
	return (int)bpf_skb_set_tunnel_key(ctx, &key, TUNNEL_KEY_LEN, BPF_F_TUNINFO_IPV6);
}

static __always_inline int encap_redirect(ctx_t *ctx, struct packet *pkt)
{
	if (trace_wanted(TRACE_TO_OVERLAY, pkt->ct.report))
		trace_packet(ctx, pkt, TRACE_TO_OVERLAY, pkt->ct.status);
	return (int)bpf_redirect(CONFIG(tunnel_ifindex), 0);
}

/* Sends the packet to the node that info names, as identity's. The verdict, or the reason to drop. */
static __always_inline int encap(ctx_t *ctx, struct packet *pkt,
				 const struct remote_endpoint_info *info, __u32 identity)
{
	if (!CONFIG(tunnel_ifindex) || !info->flag_has_tunnel_ep)
		return DROP(pkt, DROP_NO_TUNNEL_ENDPOINT);
	if (tunnel_set_key(ctx, info, identity))
		return DROP(pkt, DROP_WRITE_ERROR);
	return encap_redirect(ctx, pkt);
}

/* The same with options of Geneve's header: len bytes, a multiple of 4. */
static __always_inline int encap_with_options(ctx_t *ctx, struct packet *pkt,
					      const struct remote_endpoint_info *info,
					      __u32 identity, void *options, __u32 len)
{
	if (!CONFIG(tunnel_ifindex) || !info->flag_has_tunnel_ep)
		return DROP(pkt, DROP_NO_TUNNEL_ENDPOINT);
	if (tunnel_set_key(ctx, info, identity) || bpf_skb_set_tunnel_opt(ctx, options, len))
		return DROP(pkt, DROP_WRITE_ERROR);
	return encap_redirect(ctx, pkt);
}

#define EPROTO 71 /* Linux, asm-generic/errno.h */

/* What the packet came with, or on the way out is to go with: of which family the kernel says only by an error.
 * False: it has no tunnel.
 */
static __always_inline bool tunnel_get_key(ctx_t *ctx, struct bpf_tunnel_key *key, bool *is_ipv6)
{
	int ret = (int)bpf_skb_get_tunnel_key(ctx, key, TUNNEL_KEY_LEN, 0);

	*is_ipv6 = ret == -EPROTO;
	if (*is_ipv6)
		ret = (int)bpf_skb_get_tunnel_key(ctx, key, TUNNEL_KEY_LEN, BPF_F_TUNINFO_IPV6);
	return !ret;
}

/* Back through the tunnel to the node the packet came from, as this node's. False: it came by none. */
static __always_inline bool tunnel_turn(ctx_t *ctx)
{
	struct bpf_tunnel_key key = {};
	bool is_ipv6;

	if (!tunnel_get_key(ctx, &key, &is_ipv6))
		return false;
	key.tunnel_id = IDENTITY_REMOTE_NODE;
	key.tunnel_tos = 0;
	key.tunnel_ttl = 0;
	return !bpf_skb_set_tunnel_key(ctx, &key, TUNNEL_KEY_LEN,
				       is_ipv6 ? BPF_F_TUNINFO_IPV6 : BPF_F_ZERO_CSUM_TX);
}

#endif

#endif
