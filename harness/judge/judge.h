/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Holds what was seen against what was expected. Pure: same input, same differences. */
#ifndef VERDICT_JUDGE_JUDGE_H
#define VERDICT_JUDGE_JUDGE_H

#include "engine/trace.h"

/* One thing that is not as expected. Texts in the arena given to judge_scenario(). */
struct difference {
	struct loc loc; /* the expectation's line in the scenario */
	unsigned step; /* from 1 */
	const struct trace *packet; /* NULL: of the step as a whole */
	const struct hop *hop; /* NULL: of the packet as a whole */
	const char *field; /* "outcome", "drop_reason", "ct", "ip.src", "events: drop", ... */
	const char *expected, *actual;
	const char *detail; /* more lines: map entries, nearest monitor lines; may be NULL */
	/* Of a variant: its name, and the packet's index in its step; expected is what was seen without. */
	const char *variant; /* NULL: of the scenario as it is written */
	size_t index;
};

enum status {
	STATUS_PASSED,
	STATUS_FAILED, /* an expectation did not hold, or could not have failed (vacuous) */
	STATUS_UNREVIEWED, /* all held, but they were recorded and nobody has said that they are right */
	STATUS_ERROR, /* the harness or the scenario file failed: err */
	STATUS_SKIPPED, /* skip_reason: the missing capability */
};

struct step_result {
	const struct step *step;
	struct difference *diffs;
	size_t n_diffs;
};

enum sweep_status {
	SWEEP_SAME,
	SWEEP_DIFFERS, /* the differences stand among those of the steps */
	SWEEP_NOT_RUN, /* it changes nothing here, or cannot be had */
	SWEEP_EXCEPTED, /* the scenario says that something else is right */
};

/* One variant of the scenario. */
struct sweep_result {
	const char *name; /* "vlan", "seed 7" */
	enum sweep_status status;
	const char *
		why; /* NOT_RUN, EXCEPTED; of the others why it left packets as they are, or NULL */
	uint64_t n_varied; /* packets */
	size_t n_diffs;
};

struct scenario_result {
	const struct scenario *scenario; /* NULL if the file could not be read: path and err then */
	const char *path; /* as typed */
	const char *name;
	const char *engine; /* "testrun", "netns"; NULL when it never came to that */
	enum status status;
	const char *skip_reason;
	struct err *err; /* STATUS_ERROR */
	const struct run_trace *trace;
	struct step_result *steps;
	size_t n_steps;
	uint64_t packets, checks; /* how many packets were sent, expectations evaluated */
	uint64_t duration_ns; /* the loading included, trace->loading_ns */
	struct sweep_result
		*sweeps; /* that were asked for; none where the scenario itself does not hold,
			  * unless it is another target that it was run on */
	size_t n_sweeps;
	const char *pcapng; /* what was written for this run, NULL if nothing */
};

/* Fills status, steps, packets and checks from scenario and trace. */
void judge_scenario(struct arena *a, const struct scenario *s, const struct run_trace *t,
		    struct scenario_result *out);

/* The first difference of one packet against the packet part of an expectation: for benchmarks and
 * streams. True if as expected; *checks is raised by what was evaluated.
 */
bool judge_packet(const struct expect *e, const struct trace *t, uint64_t *checks);

/* The difference as text, packetdrill's way:
 *   scenarios/x/scenario.yaml:14: packet 4 (etcd.pcapng, +0.003120 s) at master-0/eth0
 *   cil_from_netdev: outcome: expected delivered, actual dropped (POLICY 133, bpf_host.c:88)
 * all of that on the first line, then the packet in one line, one line for each hop, and a hint where
 * there is one to give.
 */
void judge_print_difference(struct buf *out, const struct difference *d);
/* The same for the first of n differences and those behind it that speak of the same packet: their
 * first lines, then the packet once. Returns how many were printed.
 */
size_t judge_print_group(struct buf *out, const struct difference *d, size_t n);
/* All n differences of a step; packets that differ in the same way are told once, with the numbers of
 * the others. *room is how many differences may be told at length, lowered by those that were. Returns
 * how many of the n are told, at length or by number.
 */
size_t judge_print_folded(struct buf *out, const struct difference *d, size_t n, size_t *room);
/* One line a packet: number, time, packet, hops with verdicts and reasons, outcome. */
void judge_print_packet(struct buf *out, const struct trace *t);

#endif
