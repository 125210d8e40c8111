/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looking up services and backends, for packets and sockets alike. */
#ifndef VERDICT_LIB_LB_LOOKUP_H
#define VERDICT_LIB_LB_LOOKUP_H

#include <stddef.h>

#include <lib/lb_maps.h>
#include <lib/lb_state.h>

_Static_assert(sizeof(struct lb4_service) == sizeof(struct lb6_service) &&
		       offsetof(struct lb4_service, flags2) == offsetof(struct lb6_service, flags2),
	       "one is read as the other");

/* See two_halves(). */
union lb4_key_words {
	struct lb4_key key;
	struct {
		__be32 address;
		__u32 port_slot, proto_scope;
	};
};

union lb6_key_words {
	struct lb6_key key;
	struct {
		union v6addr address;
		__u32 port_slot, proto_scope;
	};
};

/* Slot 0 is the service itself. NULL: no such entry. */
static __always_inline const struct lb4_service *lb_slot_here(const struct lb_frontend *f,
							      __u16 slot)
{
	if (f->is_ipv6) {
		union lb6_key_words key = {
			.address = f->address.ip6,
			.port_slot = two_halves(f->port, slot),
			.proto_scope = two_halves(two_bytes(f->protocol, f->scope), 0),
		};

		return map_look_up(&cilium_lb6_services_v2, &key.key);
	} else {
		union lb4_key_words key = {
			.address = f->address.ip4,
			.port_slot = two_halves(f->port, slot),
			.proto_scope = two_halves(two_bytes(f->protocol, f->scope), 0),
		};

		return map_look_up(&cilium_lb4_services_v2, &key.key);
	}
}

/* The same, for who seldom asks. */
__subprogram const struct lb4_service *lb_slot(const struct lb_frontend *f, __u16 slot)
{
	return lb_slot_here(f, slot);
}

/* The service with that address, port and protocol. Backends for the inside are of a scope of their own
 * only where the entry says so; an entry that says so and has none serves nobody inside.
 */
static __always_inline bool lb_find(struct lb_frontend *f, enum lb_scope scope)
{
	const struct lb4_service *svc;

	f->scope = LB_EXTERNAL;
	svc = lb_slot_here(f, 0);
	if (svc && scope == LB_INTERNAL && svc->flags2 & LB_F2_TWO_SCOPES) {
		f->scope = LB_INTERNAL;
		svc = lb_slot_here(f, 0);
	}
	if (!svc)
		return false;
	f->flags = svc->flags;
	f->flags2 = svc->flags2;
	f->count = svc->count;
	f->rev_nat_index = svc->rev_nat_index;
	if (svc->flags2 & LB_F2_L7) {
		f->affinity_timeout = svc->l7_lb_proxy_port;
		f->algorithm = 0;
	} else {
		f->affinity_timeout = svc->affinity_timeout & ((1U << LB_AFFINITY_BITS) - 1);
		f->algorithm = svc->affinity_timeout >> LB_AFFINITY_BITS;
	}
	return true;
}

/* An entry without port and protocol stands for the rest of an address whose services are known: what
 * asks for another port of it must not go on to a network that sends it back.
 */
static __always_inline bool lb_address_is_ours(const struct lb_frontend *f)
{
	struct lb_frontend any = *f;

	any.port = 0;
	any.protocol = 0;
	any.scope = LB_EXTERNAL;
	return lb_slot(&any, 0);
}

static __always_inline bool lb_has_local_policy(const struct lb_frontend *f)
{
	bool external = f->flags &
			(LB_F_EXTERNAL_IP | LB_F_NODE_PORT | LB_F_LOAD_BALANCER | LB_F_HOST_PORT);

	return external ? f->flags & LB_F_EXTERNAL_LOCAL : f->flags2 & LB_F2_INTERNAL_LOCAL;
}

/* False: it is gone. */
static __always_inline bool lb_backend_find_here(struct lb_backend *be, __u32 id, bool ipv6)
{
	if (ipv6) {
		const struct lb6_backend *found = map_look_up(&cilium_lb6_backends_v3, &id);

		if (!found)
			return false;
		be->address.ip6 = found->address;
		be->port = found->port;
		be->state = found->flags;
		be->zone = found->zone;
	} else {
		const struct lb4_backend *found = map_look_up(&cilium_lb4_backends_v3, &id);

		if (!found)
			return false;
		be->address = addr_ip4(found->address);
		be->port = found->port;
		be->state = found->flags;
		be->zone = found->zone;
	}
	be->id = id;
	return true;
}

/* The same, for who asks again and again. */
__verified_alone bool lb_backend_find(struct lb_backend *be, __u32 id, bool ipv6)
{
	return be && lb_backend_find_here(be, id, ipv6);
}

/* Under which address and port clients know the service. False: it is gone. */
__subprogram bool lb_reverse_find(__u16 rev_nat_index, bool ipv6, union addr *address, __be16 *port)
{
	if (ipv6) {
		const struct lb6_reverse_nat *found =
			map_look_up(&cilium_lb6_reverse_nat, &rev_nat_index);

		if (!found)
			return false;
		address->ip6 = *known_v6(found);
		*port = found->port;
	} else {
		const struct lb4_reverse_nat *found =
			map_look_up(&cilium_lb4_reverse_nat, &rev_nat_index);

		if (!found)
			return false;
		*address = addr_ip4(found->address);
		*port = found->port;
	}
	return true;
}

#endif
