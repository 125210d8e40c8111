/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What interposed helpers read instead of the kernel, and what they note: the clock, random numbers,
 * tunnel metadata; where a program asked the packet to go. One mmapable array map that every
 * interposed program uses: reading and writing it takes no system call. One thread, one CPU.
 */
#ifndef VERDICT_TARGET_HELPER_ENV_H
#define VERDICT_TARGET_HELPER_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct helper_env;

enum note_kind {
	NOTE_REDIRECT = 1, /* bpf_redirect(ifindex, flags) */
	NOTE_REDIRECT_PEER, /* bpf_redirect_peer(ifindex, flags) */
	NOTE_REDIRECT_NEIGH, /* bpf_redirect_neigh(ifindex, params, plen, flags) */
	NOTE_REDIRECT_MAP, /* bpf_redirect_map(map, key, flags) */
	NOTE_CLONE_REDIRECT, /* bpf_clone_redirect(skb, ifindex, flags) */
	NOTE_TAIL_CALL, /* a slot of a prog array was entered, see target/tail_trace.h */
	NOTE_SET_TUNNEL_KEY,
	NOTE_SET_TUNNEL_OPT,
};

/* One call, in the order made. What the helper does not take is 0. */
struct helper_note {
	uint32_t kind; /* enum note_kind */
	uint32_t ifindex;
	uint64_t flags;
	uint32_t map_id; /* REDIRECT_MAP: the map, 0 not known; TAIL_CALL: the array */
	uint32_t key; /* REDIRECT_MAP: key; TAIL_CALL: slot */
	int64_t ret; /* what the kernel's helper returned */
	uint32_t family; /* REDIRECT_NEIGH with params: AF_INET or AF_INET6 */
	uint8_t next_hop[16]; /* network order */
};

enum lookup_kind { LOOKUP_FIND, LOOKUP_UPDATE, LOOKUP_DELETE };

/* Longer keys are cut: IPv6's conntrack tuple has 38 bytes. */
#define LOOKUP_KEY_MAX 40

/* What a program asked of a map, in the order asked. */
struct helper_lookup {
	enum lookup_kind kind;
	uint32_t map_id; /* 0: not known */
	bool ok; /* FIND: there is an entry; else the kernel did it */
	uint32_t key_len; /* of the bytes that are here */
	uint8_t key[LOOKUP_KEY_MAX];
};

/* What a Geneve header can hold, and the kernel takes at most (IP_TUNNEL_OPTS_MAX, in words of four). */
#define TUNNEL_OPT_MAX 252

/* As bpf_skb_set_tunnel_key() and _opt() take it (struct bpf_tunnel_key, uapi/linux/bpf.h). In what a
 * packet came with, remote is who sent it; in what a program set, whom it goes to.
 */
struct tunnel_meta {
	bool has_key, has_opt;
	uint32_t id; /* VNI; host order, as all below but the IPv6 address */
	bool ipv6;
	uint32_t remote_ip4, local_ip4;
	uint8_t remote_ip6[16], local_ip6[16];
	uint8_t tos, ttl;
	uint32_t label; /* IPv6: flow label */
	uint64_t flags; /* BPF_F_*; of the set call */
	uint8_t opt[TUNNEL_OPT_MAX]; /* Geneve options, as on the wire */
	uint32_t opt_len;
};

/* System error: no permission, no memory. */
int helper_env_new(struct helper_env **out, struct err *err);
void helper_env_free(struct helper_env *e); /* NULL is fine */

/* CLOCK_MONOTONIC as programs see it; jiffies follow it. */
void helper_env_set_clock(struct helper_env *e, uint64_t ns);
uint64_t helper_env_clock(const struct helper_env *e);
/* The same seed gives the same numbers. */
void helper_env_seed(struct helper_env *e, uint64_t seed);
/* What bpf_skb_get_tunnel_key() and _opt() find from now on; NULL: they ask the kernel. */
void helper_env_set_tunnel(struct helper_env *e, const struct tunnel_meta *in);

/* Before each program run: forgets the notes, and what was set as tunnel metadata. */
void helper_env_begin(struct helper_env *e);
/* The notes since; the newest if not all fit: *lost says how many were made before them. Valid until
 * the next call of either.
 */
const struct helper_note *helper_env_notes(const struct helper_env *e, size_t *n, size_t *lost);
/* Programs that are loaded from now on with this environment note what they ask of maps, too. That costs
 * them, and the verifier, something. Of calls whose map the instructions before do not tell (one of a map of
 * maps) nothing is noted.
 */
void helper_env_note_lookups(struct helper_env *e);
bool helper_env_notes_lookups(const struct helper_env *e);
/* As helper_env_notes(). */
const struct helper_lookup *helper_env_lookups(const struct helper_env *e, size_t *n, size_t *lost);
/* What the program set as tunnel metadata; false if nothing. */
bool helper_env_tunnel(const struct helper_env *e, struct tunnel_meta *out);

#endif
