/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What of the datapath is measured: one packet at one hook of the node in
 * fixtures/targets/verdict-two-pods.yaml, configured one way.
 */
#ifndef VERDICT_CMD_BENCH_MODES_H
#define VERDICT_CMD_BENCH_MODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_send {
	const char *device, *hook;
	const char *packet; /* as bench_packet_make() takes it */
	uint8_t flags; /* of TCP */
	uint32_t vni; /* it comes out of the tunnel with that identity; 0: it does not */
	uint32_t mark; /* of the skb */
};

struct bench_mode {
	const char *name;
	const char *config; /* over the target's: "a: 1, b: true"; ours alone */
	const char *entries; /* over those of the fixtures, as YAML; NULL */
	struct bench_send before[2]; /* what makes the flow; packet NULL: nothing */
	struct bench_send measured;
	bool fresh; /* each packet has another source port: each begins a flow */
	bool ours_alone; /* Cilium's objects are not built for it, or their build settles another way */
};

extern const struct bench_mode bench_modes[];
extern const size_t n_bench_modes;

#endif
