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
#include "base/words.h"
#include "cluster/cluster.h"
#include "scenario/scenario.h"
#include "target/events.h"
#include "target/helper_env.h"

struct target_desc;

#define AGENT_DEFAULT_TARGET "verdict" /* for target_desc_load() */

struct agent_opts {
	const struct cluster *cluster;
	/* Its devices say where programs sit; their roles, which. */
	const struct cluster_node *node;
	/* Hooks by role, map sizes, scopes, tail calls, events; its own devices are not looked at. NULL:
	 * Verdict's own datapath. Outlives the agent.
	 */
	const struct target_desc *target;
	const char *objects; /* folder of the .o files; NULL: the target's own */
	const char *pin_dir; /* "<bpffs>/<node>/tc/globals" */
	/* Only what devices of these roles need is looked at. None: all */
	const char *const *roles;
	size_t n_roles;
	/* The native device as it is, where it is not as the cluster has it. device NULL: the cluster's */
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
	/* Programs that others tail-call by an endpoint's id are loaded when a packet first asks for them:
	 * packets have to be run by agent_test_run(). Otherwise all are loaded with the first program that
	 * is asked for.
	 */
	bool on_demand;
	/* Each tail call is noted in env (NOTE_TAIL_CALL), see target/tail_trace.h. */
	bool trace_tail_calls;
	/* One line, logfmt as Cilium's: level=info msg="...". Also later, see agent_set_log(). */
	void (*log)(void *arg, const char *line);
	void *log_arg;
};

struct agent;
struct bpf_test_run_opts;
struct map;
struct object;

/* The node's maps are there afterwards, with their entries; of programs none is loaded. */
int agent_start(const struct agent_opts *opts, struct agent **out, struct err *err);

struct agent_program {
	int fd; /* the agent's, until it is restarted or stopped */
	const char *object, *name; /* "bpf_host.o", "cil_from_netdev" */
	unsigned type; /* enum bpf_prog_type */
	bool interposed; /* false: as shipped, what it asks of helpers is not noted */
};

/* The program at a device's hook, with all that it may tail-call in its object. The object is loaded for
 * that device when it is first asked for. -ENOENT without err: nothing sits there.
 */
int agent_program_at(struct agent *a, const struct cluster_device *dev, enum hook hook,
		     struct agent_program *out, struct err *err);
/* bpf_prog_test_run_opts() of one of the agent's programs, in the network namespace that the thread is in.
 * Where the packet arrives at a slot whose program is not loaded, that is done, and the packet goes on there
 * with the bytes and the context (mark, cb, priority, tstamp) that it has: on the same CPU all is as if it had
 * been loaded before. data_out is wanted. Negative errno as the kernel gave it, err set only where a load
 * failed (err->text is not empty then).
 */
int agent_test_run(struct agent *a, int prog_fd, struct bpf_test_run_opts *run, struct err *err);
/* Loads whatever sits anywhere on the node. */
int agent_load_all(struct agent *a, struct err *err);

/* By the name of its pin: "cilium_ct4_global", "cilium_policy_v2_00007". NULL: there is none. The agent's,
 * until it is restarted or stopped.
 */
struct map *agent_map(struct agent *a, const char *name);
/* Of a tail call's array or a redirect's map; NULL: not the agent's. */
const char *agent_map_name(const struct agent *a, uint32_t map_id);
/* The program in a slot of a prog array, also where it is not loaded yet; NULL: none. */
const char *agent_slot_program(const struct agent *a, uint32_t map_id, uint32_t slot);

/* The cluster changed (node is the same one, its entries and endpoints others): entries are brought to
 * exactly what is wanted; what belongs to endpoints that are gone is let go. Flows stay as they are.
 */
int agent_update(struct agent *a, const struct cluster_node *node, struct err *err);
/* As after agent_start() with the first options, for another scenario: every map as new but for the node's
 * entries, no event waiting; what is loaded stays loaded.
 */
int agent_reset(struct agent *a, struct err *err);

/* How an agent starts again, as in struct agent_opts. */
struct agent_how {
	const char *objects; /* NULL: as before */
	enum agent_gc gc;
	enum map_mismatch on_map_mismatch;
	const struct map_override *maps; /* all that differ from the target's */
	size_t n_maps;
};

/* What a stop and a start do to the maps. Programs are loaded anew where their object, or a map of theirs,
 * is another than before. The node's descriptors of programs and maps may be others afterwards.
 */
int agent_restart(struct agent *a, const struct agent_how *how, struct err *err);

/* Where its lines go from now on; NULL: nowhere. */
void agent_set_log(struct agent *a, void (*log)(void *arg, const char *line), void *log_arg);

/* The nth (from 0) of the objects that sit at tc hooks of devices of that role; NULL past the last. */
const char *agent_object_name(const struct target_desc *target, const char *role, size_t n);
/* What is loaded, one a device and object: the nth (from 0), NULL past the last. */
const struct object *agent_object(const struct agent *a, size_t n);
/* Where its objects come from. */
const char *agent_folder(const struct agent *a);
/* What its objects have compiled in that is not as the node has it; NULL: nothing is known to be. */
const char *agent_otherwise(const struct agent *a);
struct event_ring *agent_events(const struct agent *a); /* NULL with no_events */
uint64_t
agent_loading_ns(const struct agent *a); /* the time that all its loads have taken so far */
unsigned agent_interposed(const struct agent *a); /* helper calls replaced in what is loaded */
/* True if an object did not load with its helper calls replaced and runs as shipped: the clock was
 * given in vain, time is real. A line of the log says so. Loads made later may change it.
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
