/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes of the packet where they lie, without a helper: all of an XDP packet, of an skb what is linear. For few
 * bytes whose number the compiler knows.
 */
#ifndef VERDICT_LIB_DIRECT_H
#define VERDICT_LIB_DIRECT_H

#include <lib/common.h>

#define DIRECT_LEN_MAX 64
#define DIRECT_OFF_MAX 0x3fff /* the verifier follows offsets up to 0xffff */

#define DIRECT_FITS(len) (__builtin_constant_p(len) && (len) <= DIRECT_LEN_MAX)

/* NULL: they are not there. The bound is the verifier's: the compiler may not make another of it. */
#define DIRECT_AT(ctx, off, len)                                                                   \
	({                                                                                         \
		__u8 *__at = (__u8 *)(long)(ctx)->data;                                            \
		__u64 __off = (off);                                                               \
                                                                                                   \
		asm volatile("" : "+r"(__off));                                                    \
		(void *)(__off <= DIRECT_OFF_MAX &&                                                \
					 __at + __off + (len) <= (__u8 *)(long)(ctx)->data_end     \
				 ? __at + __off                                                    \
				 : NULL);                                                          \
	})

/* In the largest pieces that len is a multiple of: the compiler would go by bytes, as it knows nothing of where
 * in memory a packet begins.
 */
static __always_inline void direct_copy(void *to, const void *from, __u32 len)
{
#pragma unroll
	for (__u32 i = 0; i + 4 <= len; i += 4) {
		__u32 word = *(const volatile __u32 *)(from + i);

		__builtin_memcpy(to + i, &word, sizeof(word));
	}
	if (len & 2) {
		__u16 half = *(const volatile __u16 *)(from + (len & ~3U));

		__builtin_memcpy(to + (len & ~3U), &half, sizeof(half));
	}
	if (len & 1)
		*(__u8 *)(to + len - 1) = *(const volatile __u8 *)(from + len - 1);
}

/* The other way round. */
static __always_inline void direct_write(void *to, const void *from, __u32 len)
{
#pragma unroll
	for (__u32 i = 0; i + 4 <= len; i += 4) {
		__u32 word;

		__builtin_memcpy(&word, from + i, sizeof(word));
		*(volatile __u32 *)(to + i) = word;
	}
	if (len & 2) {
		__u16 half;

		__builtin_memcpy(&half, from + (len & ~3U), sizeof(half));
		*(volatile __u16 *)(to + (len & ~3U)) = half;
	}
	if (len & 1)
		*(volatile __u8 *)(to + len - 1) = *(const __u8 *)(from + len - 1);
}

/* From one place of a packet to one before it: what is read was not written over yet. */
static __always_inline void direct_move(void *to, const void *from, __u32 len)
{
#pragma unroll
	for (__u32 i = 0; i + 4 <= len; i += 4)
		*(volatile __u32 *)(to + i) = *(const volatile __u32 *)(from + i);
	if (len & 2)
		*(volatile __u16 *)(to + (len & ~3U)) =
			*(const volatile __u16 *)(from + (len & ~3U));
	if (len & 1)
		*(volatile __u8 *)(to + len - 1) = *(const volatile __u8 *)(from + len - 1);
}

#endif
