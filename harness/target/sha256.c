/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2; names are the standard's. */
#include "target/sha256.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 64

static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static uint32_t be32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void schedule(const uint8_t *block, uint32_t w[64])
{
	for (unsigned t = 0; t < 16; t++)
		w[t] = be32_at(block + 4 * t);
	for (unsigned t = 16; t < 64; t++) {
		uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
		uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;

		w[t] = s1 + w[t - 7] + s0 + w[t - 16];
	}
}

struct state {
	uint32_t a, b, c, d, e, f, g, h;
};

static struct state round_of(struct state s, uint32_t k, uint32_t w)
{
	uint32_t S1 = rotr(s.e, 6) ^ rotr(s.e, 11) ^ rotr(s.e, 25);
	uint32_t S0 = rotr(s.a, 2) ^ rotr(s.a, 13) ^ rotr(s.a, 22);
	uint32_t T1 = s.h + S1 + ((s.e & s.f) ^ (~s.e & s.g)) + k + w;
	uint32_t T2 = S0 + ((s.a & s.b) ^ (s.a & s.c) ^ (s.b & s.c));

	return (struct state){ T1 + T2, s.a, s.b, s.c, s.d + T1, s.e, s.f, s.g };
}

static void add_block(uint32_t H[8], const uint8_t *block)
{
	struct state s = { H[0], H[1], H[2], H[3], H[4], H[5], H[6], H[7] };
	uint32_t w[64];

	schedule(block, w);
	for (unsigned t = 0; t < 64; t++)
		s = round_of(s, K[t], w[t]);
	H[0] += s.a;
	H[1] += s.b;
	H[2] += s.c;
	H[3] += s.d;
	H[4] += s.e;
	H[5] += s.f;
	H[6] += s.g;
	H[7] += s.h;
}

/* The last one or two blocks: what is left, a one bit, zeros, the length in bits. */
static void add_last(uint32_t H[8], const uint8_t *rest, size_t n, uint64_t total)
{
	uint8_t last[2 * BLOCK] = { 0 };
	size_t size = n + 9 <= BLOCK ? BLOCK : 2 * BLOCK;

	if (n)
		memcpy(last, rest, n);
	last[n] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		last[size - 1 - i] = (uint8_t)(total * 8 >> (8 * i));
	for (size_t at = 0; at < size; at += BLOCK)
		add_block(H, last + at);
}

void sha256_hex(const void *data, size_t size, char out[65])
{
	uint32_t H[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	size_t whole = size / BLOCK * BLOCK;

	for (size_t at = 0; at < whole; at += BLOCK)
		add_block(H, (const uint8_t *)data + at);
	add_last(H, (const uint8_t *)data + whole, size - whole, size);
	for (unsigned i = 0; i < 8; i++)
		snprintf(out + (size_t)8 * i, 9, "%08x", H[i]);
}
