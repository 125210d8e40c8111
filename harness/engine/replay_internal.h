/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of a replay share: replay.c (life), replay_place.c (where packets enter), replay_hop.c (one
 * program run), replay_seed.c (maps), replay_tails.c (tail calls), replay_follow.c (where a packet goes next).
 */
#ifndef VERDICT_ENGINE_REPLAY_INTERNAL_H
#define VERDICT_ENGINE_REPLAY_INTERNAL_H

#include <sched.h>

#include "engine/replay.h"
#include "engine/replay_net.h"
#include "target/maps_watch.h"
#include "target/tail_trace.h"

#define REPLAY_OUT_SIZE (256 * 1024)

struct watched {
	struct map *map;
	struct maps_watch *watch;
};

struct tail_slot_name {
	uint32_t map_id, slot;
	const char *program; /* NULL: not the target's own */
};

struct replay {
	struct arena *arena; /* of the whole replay */
	struct replay_opts opts;
	struct replay_place place; /* of the packets at present */
	const struct target_desc *desc;
	struct helper_env *env; /* NULL: pristine */
	struct target *target;
	struct target_program program; /* at the hook where packets enter */
	enum hook hook;
	struct replay_net *net;
	struct replay_device **devices;
	size_t n_devices;
	const struct replay_device *entry; /* where packets enter */
	struct watched *watched;
	size_t n_watched;
	struct tail_trace *tails; /* NULL: none */
	struct tail_slot_name *slots;
	size_t n_slots;
	struct replay_seeded seeded;
	bool has_first;
	uint64_t first_ts, advanced; /* of the first packet; by replay_advance() */
	struct arena *scratch; /* reset for each packet */
	uint8_t *out;
	bool is_pinned; /* to one CPU, of those it may run on: */
	cpu_set_t cpus;
};

/* Where a packet is. */
struct place {
	struct target_program program;
	enum hook hook;
	const struct replay_device *device;
	uint32_t mark;
	const struct tunnel_meta *tunnel; /* metadata it arrives with */
};

/* replay_place.c; replay_at() also. The target file's devices come first, in its order. */
void replay_plan_devices(struct replay *r);
bool replay_any_xdp(const struct replay *r);
/* replay_scratch.c */
bool replay_is_scratch(const struct replay *r, const struct map *m);
/* replay_seed.c */
int replay_seed(struct replay *r, struct err *err);
/* replay_hop.c. 1: the kernel refuses the packet, the trace says why. *mark: the skb's afterwards. */
int replay_hop(struct replay *r, const struct place *at, const struct frame *in, struct arena *a,
	       struct trace *t, uint32_t *mark, struct err *err);
int replay_start_watches(struct replay *r, struct err *err);
const struct replay_device *replay_device_by_ifindex(const struct replay *r, uint32_t ifindex);
/* replay_tails.c */
int replay_trace_tails(struct replay *r, struct err *err);
void replay_end_trace(struct replay *r);
const char *replay_slot_program(const struct replay *r, uint32_t map_id, uint32_t slot);
/* replay_follow.c: what the trace's last hop comes to. True: the packet goes on at *at; else the trace
 * has its outcome.
 */
bool replay_next(const struct replay *r, struct trace *t, struct arena *a, struct place *at);

#endif
