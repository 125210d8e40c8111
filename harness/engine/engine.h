/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An engine executes what a scenario asks: it puts a packet in at one place and tells every hop it
 * took, restarts agents, lets time pass. What is common to all engines (choosing packets,
 * binding addresses, capture time, map snapshots) is in engine/run.c.
 */
#ifndef VERDICT_ENGINE_ENGINE_H
#define VERDICT_ENGINE_ENGINE_H

#include "base/err.h"
#include "cluster/cluster.h"
#include "engine/loaded.h"
#include "engine/topology.h"
#include "engine/trace.h"

struct engine_opts {
	struct cluster *cluster; /* its nodes are compiled when they are first needed */
	const struct target_desc *target; /* NULL: Verdict's own datapath */
	const struct topology *topology; /* netns: up; outlives the engine. testrun needs none */
	const char *objects; /* folder of the .o files; NULL: the ones installed */
	/* "<bpffs>/<id>": node n's maps are pinned at pins_node_dir(pin_root, n) */
	const char *pin_root;
	bool lookups; /* programs note what they ask of maps; costs time */
	bool pristine; /* no helper is interposed; time is real then */
	uint64_t seed; /* where random numbers start, unless pristine */
};

/* How a packet lies in its skb, beside its bytes (engine/variant.h). All zero: linear, one segment, no sum. */
struct skb_shape {
	bool is_tagged; /* testrun: with a tag of VLAN 0 wherever it comes in by a wire or from a pod */
	bool is_summed; /* testrun: CHECKSUM_COMPLETE wherever it comes in from a wire */
	bool is_nonlinear; /* the linear part is the Ethernet header */
	uint16_t gso_size, gso_segs; /* testrun: data of gso_segs segments; 0: one segment */
};

/* A packet and where it enters. */
struct injection {
	int from; /* index of the sending node: enters at its native device's egress; -1: the world, enters on
		   * the wire before the device of node `to`
		   */
	int to; /* index of the node its destination lives on, -1: the world */
	/* Who sends it, where engines follow packets through nodes: the pod (frame.data as it leaves the
	 * pod's eth0), the node's own namespace, or the world (then it reaches the node `to`).
	 */
	struct cluster_place sender;
	/* Of a node's own namespace: put on the native device as it is, as a packet socket does, past routing
	 * and marks. Engines that do not follow packets always do so.
	 */
	bool raw;
	struct frame frame; /* MACs are set */
	struct skb_shape shape;
	uint64_t now_ns; /* virtual time since the run began; never goes back */
};

struct log_sink {
	void (*line)(void *arg, const char *node, const char *text);
	void *arg;
};

struct engine;

struct engine_ops {
	const char *name; /* "testrun" */
	enum engine_kind kind;
	/* Packets are followed through pods, services and nodes; else they go between nodes and the world. */
	bool follows;
	/* Agents of all nodes are started, or will be when a packet first comes there. */
	int (*open)(const struct engine_opts *opts, const struct log_sink *log, struct engine **out,
		    struct err *err);
	/* Fills hops, outcome, at, why, final and place of *trace; memory from a. May replace trace->frame
	 * by what really left the sender's socket.
	 */
	int (*inject)(struct engine *e, const struct injection *in, struct arena *a,
		      struct trace *trace, uint64_t *lost, struct err *err);
	/* Ends node's agent as the step says and starts it again; restart or upgrade. */
	int (*restart)(struct engine *e, unsigned node, const struct restart_step *how,
		       const struct log_sink *log, struct err *err);
	/* The cluster has changed: every agent brings its maps, policies and devices to what the nodes'
	 * compile says now, flushing nothing. NULL: this engine cannot.
	 */
	int (*update)(struct engine *e, const struct log_sink *log, struct err *err);
	/* The same manifests and values read anew, after a scenario that changed them: the engine is that
	 * cluster's from now on, and keeps what is loaded. The old one is still there. NULL: cannot.
	 */
	int (*rebase)(struct engine *e, struct cluster *cluster, struct err *err);
	/* As new for another scenario on the same cluster: time 0, maps with the cluster's entries alone;
	 * what is loaded stays. 1: that cannot be had, close and open instead. NULL: the same.
	 */
	int (*reset)(struct engine *e, uint64_t seed, const struct log_sink *log, struct err *err);
	/* Time passes without packets; now_ns as in struct injection. */
	int (*advance)(struct engine *e, uint64_t now_ns, struct err *err);
	unsigned (*interposed)(const struct engine *e);
	/* Of the time since it was opened: what programs took that were loaded when a packet came. NULL: none is. */
	uint64_t (*loading_ns)(const struct engine *e);
	/* Adds what the nodes' agents have loaded. */
	int (*loaded)(const struct engine *e, struct loaded_list *list, struct err *err);
	void (*close)(struct engine *e); /* NULL is fine; maps and pins are gone afterwards */
};

extern const struct engine_ops engine_testrun;
extern const struct engine_ops engine_netns;

const struct engine_ops *engine_by_kind(enum engine_kind kind);

/* "" when the engine works on this machine, else what is missing, for `doctor` and skips. */
const char *engine_missing(enum engine_kind kind, struct arena *a);

#endif
