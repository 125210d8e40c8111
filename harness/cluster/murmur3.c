/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* MurmurHash3_x64_128, after Austin Appleby's description, who put it in the public domain. */
#include <string.h>

#include "cluster/maglev.h"

#define C1 0x87c37b91114253d5ULL
#define C2 0x4cf5ad432745937fULL

static uint64_t rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

/* Little-endian, as the hash is defined; bytes from n on are zero. */
static uint64_t word(const uint8_t *p, size_t n)
{
	uint64_t w = 0;

	for (size_t i = 0; i < n && i < 8; i++)
		w |= (uint64_t)p[i] << 8 * i;
	return w;
}

static uint64_t scramble1(uint64_t k)
{
	return rotate(k * C1, 31) * C2;
}

static uint64_t scramble2(uint64_t k)
{
	return rotate(k * C2, 33) * C1;
}

static uint64_t finish(uint64_t k)
{
	k ^= k >> 33;
	k *= 0xff51afd7ed558ccdULL;
	k ^= k >> 33;
	k *= 0xc4ceb9fe1a85ec53ULL;
	return k ^ k >> 33;
}

void murmur3_128(const void *data, size_t len, uint32_t seed, uint64_t out[2])
{
	uint64_t h1 = seed, h2 = seed;
	const uint8_t *p = data;
	size_t rest = len;

	for (; rest >= 16; rest -= 16, p += 16) {
		h1 = rotate(h1 ^ scramble1(word(p, 8)), 27) + h2;
		h1 = h1 * 5 + 0x52dce729;
		h2 = rotate(h2 ^ scramble2(word(p + 8, 8)), 31) + h1;
		h2 = h2 * 5 + 0x38495ab5;
	}
	if (rest > 8)
		h2 ^= scramble2(word(p + 8, rest - 8));
	if (rest)
		h1 ^= scramble1(word(p, rest));
	h1 ^= len;
	h2 ^= len;
	h1 += h2;
	h2 += h1;
	h1 = finish(h1);
	h2 = finish(h2);
	out[0] = h1 + h2;
	out[1] = h2 + out[0];
}
