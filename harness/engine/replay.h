/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One target, packets one by one: each is run through the program at one hook by
 * BPF_PROG_TEST_RUN, in a network namespace of its own that has the devices asked for, and what came of
 * it is told as a trace. With `follow` the packet goes on where a redirect sends it.
 */
#ifndef VERDICT_ENGINE_REPLAY_H
#define VERDICT_ENGINE_REPLAY_H

#include "engine/replay_net.h"
#include "engine/trace.h"
#include "packet/capture.h"
#include "target/target.h"

struct replay;

/* Where packets enter, and in what state. */
struct replay_place {
	const char *object, *program; /* either the program; both NULL: the only one there is */
	const char *role; /* or the role or device of a target file */
	const char *hook; /* "ingress", "egress", "xdp"; NULL: what the program's type says */
	const char *const *maps; /* files for maps_file_load_all() */
	size_t n_maps;
	const struct value
		*entries; /* as written in a scenario: {MAP: [{key, value}]}; NULL: none */
	uint32_t ifindex; /* device the packet is at; 0: the target file's, else 2 */
	const uint8_t *mac; /* of that device where the target file has none; NULL: any */
	uint32_t mark; /* of an skb at entry */
	uint32_t rx_queue; /* XDP */
	const struct tunnel_meta *tunnel; /* at entry; NULL: none */
};

struct replay_opts {
	struct target_opts target; /* env is replay's own: leave it NULL */
	bool pristine; /* nothing is interposed */
	struct replay_place place; /* of the first packet */
	const char *const *maps; /* files for maps_file_load_all() */
	size_t n_maps;
	const struct value
		*entries; /* as written in a scenario: {MAP: [{key, value}]}; NULL: none */
	const char *ip_batch; /* file for `ip -batch` in the namespace: routes, neighbours; NULL */
	uint64_t seed;
	/* Each skb comes with its sum known (CHECKSUM_COMPLETE). A program that leaves another than that
	 * of the bytes ends the replay, whatever its verdict: the kernel does not say it then.
	 */
	bool summed;
	bool follow;
	bool no_changes; /* hops do not tell which map entries they changed */
	bool verdicts_only; /* replay_packet() will not be called: maps are not watched */
};

/* What seeding did. */
struct replay_seeded {
	size_t entries, maps;
	const char **notes; /* fields of a file that the map's type lacks */
	size_t n_notes;
};

/* The MAC of the device that a capture was taken at: where its first packet goes to, or comes from at
 * egress. Programs look at whether a packet is for this host. False: the packet does not tell.
 */
bool replay_device_mac(const struct capture_packet *first, const char *hook, uint8_t mac[6]);

/* Enters the sandbox; the calling thread stays in the replay's network namespace until replay_close().
 * *out's programs are loaded, maps seeded. What opts points to outlives the replay.
 */
int replay_open(const struct replay_opts *opts, struct replay **out, struct err *err);
/* Everything that can be seen. The packet's time moves the clock, from that of the first packet on. Memory
 * of *t from a. A packet that the kernel refuses to run is unmodelled, with the reason; err is for what
 * ends the replay.
 */
int replay_packet(struct replay *r, const struct capture_packet *p, struct arena *a,
		  struct trace *t, struct err *err);
/* The verdict alone: no events, no maps, nothing copied out. 1: the kernel refuses this packet, *why
 * says it (static text).
 */
int replay_verdict(struct replay *r, const struct capture_packet *p, int *verdict, const char **why,
		   struct err *err);
/* From the next packet on they enter there. */
int replay_at(struct replay *r, const struct replay_place *place, struct err *err);
/* Time passes without packets. */
void replay_advance(struct replay *r, uint64_t ns);
enum hook replay_hook(const struct replay *r);
const struct replay_device *replay_device(const struct replay *r); /* where packets enter */
const struct target *replay_target(const struct replay *r);
const struct target_program *replay_program(const struct replay *r);
const struct replay_seeded *replay_seeded(const struct replay *r);
void replay_close(struct replay *r); /* NULL is fine */

#endif
