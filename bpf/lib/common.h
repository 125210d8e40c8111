/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every part of the datapath needs: kernel types, helpers, address types. */
#ifndef VERDICT_LIB_COMMON_H
#define VERDICT_LIB_COMMON_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define NSEC_PER_SEC 1000000000ULL

/* A program includes what it may not call. */
#define __subprogram static __attribute__((noinline, unused))

/* A global function: the verifier looks at it once, for any arguments (a pointer may be NULL), and not again
 * on each way that leads to it. It returns a number.
 */
#define __verified_alone __attribute__((noinline, unused))

#define __description(text) __attribute__((btf_decl_tag(text)))

/* A map that holds nothing beyond the packet at hand: tools need not look. */
#define __scratch __attribute__((btf_decl_tag("scratch")))

union v6addr {
	__u8 addr[16];
	struct {
		__u32 p1, p2, p3, p4;
	} p;
	struct {
		__u64 d1, d2;
	} d;
};

/* The address that a map's value begins with. Values are at multiples of eight; of a packed one the compiler doesn't
 * know it and would go by bytes.
 */
static __always_inline const union v6addr *known_v6(const void *value)
{
	return value;
}

union v4addr {
	__be32 be32;
	__u8 addr[4];
};

/* An address of either family; the bytes behind an IPv4 address are zero, so that addresses compare
 * whatever their family.
 */
union addr {
	__be32 ip4;
	union v6addr ip6;
};

/* An initializer of the one member would leave it to the compiler what lies behind it. */
static __always_inline union addr addr_ip4(__be32 ip4)
{
	union addr addr = { .ip6 = { .d = { .d1 = 0, .d2 = 0 } } };

	addr.ip4 = ip4;
	return addr;
}

static __always_inline bool addr_equal(const union addr *a, const union addr *b)
{
	return a->ip6.d.d1 == b->ip6.d.d1 && a->ip6.d.d2 == b->ip6.d.d2;
}

union macaddr {
	__u8 addr[6];
	__u64 pad;
};

/* The way a packet crosses the node's edge; also the flags of the entries it makes. */
enum direction {
	DIR_EGRESS = 0,
	DIR_INGRESS = 1,
};

static __always_inline enum direction opposite(enum direction dir)
{
	return dir == DIR_INGRESS ? DIR_EGRESS : DIR_INGRESS;
}

/* Neighbours in memory, written as one: a key is read in words right after it was made, and to read in one what was
 * written in pieces stalls the CPU.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
static __always_inline __u32 two_halves(__u16 first, __u16 second)
{
	return first | (__u32)second << 16;
}

static __always_inline __u16 two_bytes(__u8 first, __u8 second)
{
	return (__u16)(first | second << 8);
}
#else
static __always_inline __u32 two_halves(__u16 first, __u16 second)
{
	return (__u32)first << 16 | second;
}

static __always_inline __u16 two_bytes(__u8 first, __u8 second)
{
	return (__u16)(first << 8 | second);
}
#endif

/* Monotonic seconds, the unit of every lifetime: as of the last tick, which no second misses and no clock has to
 * be read for.
 */
static __always_inline __u32 now_seconds(void)
{
	return (__u32)(bpf_ktime_get_coarse_ns() / NSEC_PER_SEC);
}

/* Calls that the compiler leaves where they are. One of two that it has made one, for one map or another, the
 * verifier can't direct to the map's own function: each goes by a pointer, for a tenth of what a look into a
 * conntrack map takes.
 */
#define APART_(n)     #n
#define APART(n, ret) asm volatile("# " APART_(n) : "+r"(ret))
#define APART_CALL(of)                                                                             \
	({                                                                                         \
		__typeof__(of) __ret = (of);                                                       \
                                                                                                   \
		APART(__COUNTER__, __ret);                                                         \
		__ret;                                                                             \
	})

#define map_look_up(map, key)		   APART_CALL(bpf_map_lookup_elem(map, key))
#define map_update(map, key, value, flags) APART_CALL(bpf_map_update_elem(map, key, value, flags))

#endif
