/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables of backends: the hash against published values, and what the Maglev paper says of the tables. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "cluster/maglev.h"

#define SEED 0x24b7ef82 /* the first bytes of JLfvgnHc2kaSUFaI */

/* Of the reference implementation (smhasher) on a little-endian machine. */
Test(maglev, murmur3_is_the_published_hash)
{
	static const struct {
		const char *text;
		uint32_t seed;
		uint64_t h[2];
	} known[] = {
		{ "", 0, { 0, 0 } },
		{ "hello", 0, { 0xcbd8a7b341bd9b02, 0x5b1e906a48ae1d19 } },
		{ "hello, world", 0, { 0x342fac623a5ebc8e, 0x4cdcbc079642414d } },
		{ "hello world", 1234, { 0x1629cce705a7069c, 0x316c1fbd953aaecd } },
		{ "19 Jan 2038 at 3:14:07 AM", 0, { 0xb89e5988b737affc, 0x664fc2950231b2cb } },
		{ "The quick brown fox jumps over the lazy dog.",
		  0,
		  { 0xcd99481f9ee902c9, 0x695da1a38987b6e7 } },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint64_t h[2];

		murmur3_128(known[i].text, strlen(known[i].text), known[i].seed, h);
		cr_expect(h[0] == known[i].h[0] && h[1] == known[i].h[1],
			  "%s: %016" PRIx64 " %016" PRIx64, known[i].text, h[0], h[1]);
	}
}

#define SIZE 1021
#define MAX  10

static const char *const names[MAX] = {
	"[10.0.0.1:80/TCP,State:active]", "[10.0.0.2:80/TCP,State:active]",
	"[10.0.0.3:80/TCP,State:active]", "[10.0.0.4:80/TCP,State:active]",
	"[10.0.0.5:80/TCP,State:active]", "[10.0.0.6:80/TCP,State:active]",
	"[10.0.0.7:80/TCP,State:active]", "[10.0.0.8:80/TCP,State:active]",
	"[10.0.0.9:80/TCP,State:active]", "[[fd00::1]:80/TCP,State:active]",
};

/* Backends first to last of names, by id index + 1, given in the order of `step`. */
static void fill(uint32_t ids[SIZE], size_t n, size_t step)
{
	struct maglev_table t = { ids, SIZE, SEED };
	struct arena *a = arena_new();
	struct maglev_backend list[MAX];

	for (size_t i = 0; i < n; i++) {
		size_t at = i * step % n;

		list[i] = (struct maglev_backend){ names[at], (uint32_t)at + 1 };
	}
	memset(ids, 0, SIZE * sizeof(*ids));
	maglev_fill(&t, list, n, a);
	arena_free(a);
}

Test(maglev, each_backend_has_its_share_whatever_their_order)
{
	uint32_t ids[SIZE], other[SIZE];
	unsigned count[MAX + 1] = { 0 };

	fill(ids, MAX, 1);
	fill(other, MAX, 7);
	cr_expect_arr_eq(ids, other, sizeof(ids));
	for (size_t i = 0; i < SIZE; i++)
		count[ids[i]]++;
	cr_expect_eq(count[0], 0, "a place is empty");
	for (size_t i = 1; i <= MAX; i++)
		cr_expect(count[i] == SIZE / MAX || count[i] == SIZE / MAX + 1, "%u", count[i]);
}

/* The paper's table 1, with offsets and skips from the hash: whose turn it is takes the next free place. */
static void by_the_paper(uint32_t ids[SIZE], size_t n)
{
	size_t next[MAX] = { 0 };

	memset(ids, 0, SIZE * sizeof(*ids));
	for (size_t filled = 0; filled < SIZE;) {
		for (size_t i = 0; i < n && filled < SIZE; i++, filled++) {
			uint64_t h[2], place;

			murmur3_128(names[i], strlen(names[i]), SEED, h);
			do
				place = (h[0] % SIZE + next[i]++ * (h[1] % (SIZE - 1) + 1)) % SIZE;
			while (ids[place]);
			ids[place] = (uint32_t)i + 1;
		}
	}
}

Test(maglev, the_table_is_that_of_the_paper)
{
	uint32_t ids[SIZE], want[SIZE];

	for (size_t n = 1; n < MAX; n++) { /* the names up to there are in their order */
		fill(ids, n, 1);
		by_the_paper(want, n);
		cr_expect_arr_eq(ids, want, sizeof(ids), "%zu backends", n);
	}
}

Test(maglev, flows_of_other_backends_stay_when_one_goes)
{
	uint32_t before[SIZE], after[SIZE];
	unsigned moved = 0;

	fill(before, MAX, 1);
	fill(after, MAX - 1, 1);
	for (size_t i = 0; i < SIZE; i++)
		moved += before[i] != MAX && before[i] != after[i];
	cr_expect_lt(moved, SIZE / 10, "%u moved", moved);
}
