/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The map value behind a helper_env as the instructions of interposed programs address it, and what
 * only those who write such instructions need of it.
 */
#ifndef VERDICT_TARGET_HELPER_ENV_LAYOUT_H
#define VERDICT_TARGET_HELPER_ENV_LAYOUT_H

#include <linux/bpf.h>

#include "target/helper_env.h"
#include "target/insns.h"

/* A power of two: programs find a slot by masking the count of notes. */
#define ENV_NOTES 64

struct env_note {
	uint32_t kind, ifindex;
	uint64_t flags;
	uint64_t map; /* REDIRECT_MAP: the kernel's address of the map; TAIL_CALL: the array's id */
	uint32_t key, family;
	int64_t ret;
	uint8_t next_hop[16];
};

/* A power of two, as ENV_NOTES. */
#define ENV_LOOKUPS 256

struct env_lookup {
	uint64_t map; /* the kernel's address of it */
	int64_t ret;
	uint32_t kind, key_len;
	uint8_t key[LOOKUP_KEY_MAX];
};

/* Programs write with single instructions; this process reads and writes between program runs. */
struct env_shared {
	uint64_t clock_ns;
	uint64_t random; /* state of SplitMix64 */
	uint64_t n_notes; /* made, of which the newest ENV_NOTES are kept */
	uint64_t map_address; /* see helper_env_learn_map() */
	/* What the packet came with, as bpf_skb_set_tunnel_key() wants it in order that _get_ finds it */
	uint64_t in_pending; /* not given to the kernel yet, in this program run */
	uint64_t in_flags;
	struct bpf_tunnel_key in_key;
	uint32_t in_opt_len;
	uint8_t in_opt[TUNNEL_OPT_MAX];
	/* What the program set, as bpf_skb_get_tunnel_key() returned it */
	uint32_t out_has_key, out_has_opt;
	uint64_t out_flags;
	struct bpf_tunnel_key out_key;
	uint32_t out_opt_len;
	uint8_t out_opt[TUNNEL_OPT_MAX];
	struct env_note notes[ENV_NOTES];
	uint64_t n_lookups; /* made, of which the newest ENV_LOOKUPS are kept */
	struct env_lookup lookups[ENV_LOOKUPS];
};

int helper_env_fd(const struct helper_env *e); /* the array map: one struct env_shared */
/* Programs can tell a map by its address only. Notes of that map carry its id from now on. A map that is
 * known already costs nothing.
 */
int helper_env_learn_map(struct helper_env *e, int map_fd, struct err *err);
/* Instructions: R1 = a new note of that kind with R0 as what the helper returned, the rest 0. Takes R2 and
 * R3; no branch.
 */
void helper_env_write_note(struct insns *c, int env_fd, uint32_t kind);
/* Instructions: what a map helper did with the map at R6 and the key_len bytes of key at R7, R0 being what
 * it returned. Takes R1 to R3; no branch.
 */
void helper_env_write_lookup(struct insns *c, int env_fd, enum lookup_kind kind, uint32_t key_len);

#endif
