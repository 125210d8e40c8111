/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Backends by a hash of the flow, so that every node chooses the same: Jenkins' hash (lookup3) over
 * client, ports and protocol, and the table that an agent filled for the service.
 *
 * The service's address is not hashed: one backend serves a client whichever address of a service it
 * calls. With session affinity the client's port is not either.
 */
#ifndef VERDICT_LIB_LB_MAGLEV_H
#define VERDICT_LIB_LB_MAGLEV_H

#include <lib/lb_config.h>
#include <lib/lb_maps.h>
#include <lib/lb_state.h>

#define JHASH_INITVAL 0xdeadbeef

struct jhash {
	__u32 a, b, c;
};

static __always_inline __u32 rol32(__u32 word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static __always_inline void jhash_mix(struct jhash *h)
{
	h->a = (h->a - h->c) ^ rol32(h->c, 4);
	h->c += h->b;
	h->b = (h->b - h->a) ^ rol32(h->a, 6);
	h->a += h->c;
	h->c = (h->c - h->b) ^ rol32(h->b, 8);
	h->b += h->a;
	h->a = (h->a - h->c) ^ rol32(h->c, 16);
	h->c += h->b;
	h->b = (h->b - h->a) ^ rol32(h->a, 19);
	h->a += h->c;
	h->c = (h->c - h->b) ^ rol32(h->b, 4);
	h->b += h->a;
}

static __always_inline __u32 jhash_final(struct jhash *h)
{
	h->c = (h->c ^ h->b) - rol32(h->b, 14);
	h->a = (h->a ^ h->c) - rol32(h->c, 11);
	h->b = (h->b ^ h->a) - rol32(h->a, 25);
	h->c = (h->c ^ h->b) - rol32(h->b, 16);
	h->a = (h->a ^ h->c) - rol32(h->c, 4);
	h->b = (h->b ^ h->a) - rol32(h->a, 14);
	h->c = (h->c ^ h->b) - rol32(h->b, 24);
	return h->c;
}

static __always_inline __u32 maglev_hash(const struct lb_frontend *f, const union addr *client,
					 __be16 sport)
{
	__u32 ports = (__u32)f->port << 16 | (f->flags & LB_F_AFFINITY ? 0 : sport);
	struct jhash h;

	if (f->is_ipv6) {
		h = (struct jhash){ client->ip6.p.p1, client->ip6.p.p2, client->ip6.p.p3 };
		jhash_mix(&h);
		h.a += client->ip6.p.p4;
		h.b += ports;
		h.c += f->protocol;
		jhash_mix(&h);
		h.a += CONFIG(hash_init6_seed);
	} else {
		__u32 begin = CONFIG(hash_init4_seed) + JHASH_INITVAL + (3 << 2);

		h = (struct jhash){ client->ip4 + begin, ports + begin, f->protocol + begin };
	}
	return jhash_final(&h);
}

/* NULL: the service has none. */
static __always_inline const __u32 *maglev_table(const struct lb_frontend *f)
{
	__u16 index = f->rev_nat_index;
	__u32 zero = 0;
	void *table;

	/* not chosen by a variable: the verifier must see which outer map an inner one is of */
	if (f->is_ipv6) {
		table = map_look_up(&cilium_lb6_maglev, &index);
		return table ? map_look_up(table, &zero) : NULL;
	}
	table = map_look_up(&cilium_lb4_maglev, &index);
	return table ? map_look_up(table, &zero) : NULL;
}

static __always_inline __u32 maglev_entry(const __u32 *table, __u32 i)
{
	i %= LB_MAGLEV_SIZE;
	/* known to the compiler, which would drop the check, but not to the verifier */
	asm volatile("" : "+r"(i));
	return i < LB_MAGLEV_SIZE ? table[i] : 0;
}

#endif
