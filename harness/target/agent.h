/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What Cilium's agent does to a node's datapath at start, and nothing it does not: open or migrate
 * pinned maps, write the cluster's entries, collect garbage once, load programs with their
 * configuration, hand them out to be attached. The same code serves testrun (in process) and
 * netns (`verdict agent`, one process a node).
 *
 * Order at start, and so at restart (story 1): maps, entries, first conntrack collection, programs.
 * A stop leaves pins, and what is attached, as they are.
 *
 * An agent may be killed at any moment: the next start finds every entry, because a map that is
 * replaced stays pinned (NAME_prevN) until the programs that use it are replaced as well. A second
 * agent on the same pin folder is refused while the first one lives.
 * What no order of steps can give, since a device's two programs are replaced one after the other and
 * two maps cannot be swapped under running programs: between the two replacements an answer may meet
 * the new program while its flow is in the old map; and what the old programs change in an entry
 * after it was copied (flags, lifetime, counters) is not carried over, only new entries are.
 */
#ifndef VERDICT_TARGET_AGENT_H
#define VERDICT_TARGET_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cluster/cluster.h"
#include "scenario/scenario.h"
#include "target/events.h"
#include "target/helper_env.h"

struct agent_opts {
	const struct cluster *cluster;
	const struct cluster_node *node;
	const char *objects; /* folder of the .o files */
	const char *pin_dir; /* "<bpffs>/<node>/tc/globals" */
	/* the native device */
	const char *device;
	uint32_t ifindex;
	uint8_t mac[6];
	uint16_t mtu;
	enum agent_gc gc;
	enum map_mismatch on_map_mismatch;
	const struct map_override *maps;
	size_t n_maps;
	struct helper_env *env; /* NULL: the kernel's own clock */
	bool no_events; /* leave the perf ring to a reader outside this process */
	/* One line, logfmt as Cilium's: level=info msg="..." */
	void (*log)(void *arg, const char *line);
	void *log_arg;
};

struct agent;
struct object;

int agent_start(const struct agent_opts *opts, struct agent **out, struct err *err);
int agent_program_fd(const struct agent *a, const char *program, struct err *err);
/* The nth (from 0) of the objects it loads, which lie in opts.objects by these names; NULL past the last. */
const char *agent_object_name(size_t n);
const struct object *agent_object(const struct agent *a, size_t n);
struct event_ring *agent_events(const struct agent *a); /* NULL with no_events */
unsigned agent_interposed(const struct agent *a); /* helper calls replaced in its programs */
/* True if an object did not load with its helper calls replaced and runs as shipped: the clock was
 * given in vain, time is real. A line of the log says so.
 */
bool agent_pristine(const struct agent *a);
/* To be called after the new programs are attached: finishes migrations. */
int agent_attached(struct agent *a, struct err *err);
/* Makes what lives by real time (conntrack lifetimes) that much older, or younger (negative); for
 * engines whose time is real. Typed writes to the maps under pin_dir. Lifetimes count whole seconds:
 * only those of ns are taken, and the caller adds the rest to its next call.
 */
int agent_age_maps(const char *pin_dir, int64_t ns, struct err *err);
void agent_stop(struct agent *a); /* NULL is fine */

#endif
