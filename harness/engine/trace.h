/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was seen: a packet's hops in order and its outcome; a step's traces, log and map changes.
 * Both engines fill the same structures; judge/ and report/ read nothing else.
 */
#ifndef VERDICT_ENGINE_TRACE_H
#define VERDICT_ENGINE_TRACE_H

#include "base/value.h"
#include "base/words.h"
#include "cluster/cluster.h"
#include "packet/rewrite.h"
#include "scenario/scenario.h"
#include "target/elf.h"
#include "target/events.h"
#include "target/helper_env.h"

struct node_map_change {
	const char *node, *map;
	enum map_change_kind
		kind; /* ADDED, CHANGED, REMOVED; PRESENT: all entries after the step */
	struct value *key, *was, *is; /* NULL where absent */
	bool per_cpu; /* numbers are sums over all CPUs */
};

/* Where the program asked the packet to go: an interposed helper's call. */
struct hop_redirect {
	enum note_kind kind;
	uint32_t ifindex; /* of redirect_map: what the map's entry says; 0: not known */
	const char *device; /* NULL: not known */
	uint64_t flags;
	const char *map; /* redirect_map; NULL: not known */
	uint32_t key;
	int64_t ret; /* what the helper returned */
	bool has_next_hop; /* redirect_neigh */
	struct ip_addr next_hop;
};

struct hop_tail_call {
	const char *map;
	uint32_t index;
	const char *program; /* NULL: not known */
};

/* What the program asked of a map; where lookups are noted. */
struct hop_lookup {
	enum lookup_kind kind;
	const char *map;
	struct value *key;
	bool found; /* FIND: there is an entry; else it was done */
	/* That entry as it is after the run, or what was written; NULL: none, or gone. In a packet that
	 * was followed, devices and times are told without numbers of the machine: "lxc00003", "+60 s"
	 * from when the packet was sent.
	 */
	struct value *value;
};

/* A sentence about the manifests, and where they say it. */
struct told {
	struct loc at; /* file NULL: at no place of its own */
	const char *text;
};

/* What a program asked policy for, and what the endpoint's map has for it; where lookups are noted. */
struct hop_policy {
	const char *word; /* "policy": question and answer; "beaten", "nearest": other entries */
	struct told told; /* the rule that made the entry */
};

struct raw_event { /* no decoder knows it */
	const uint8_t *data;
	uint32_t size;
};

/* One program run at one hook. */
struct hop {
	const char *node, *device, *program;
	const char *at; /* "master-0/eth0" */
	enum hook hook;
	uint32_t ifindex;
	bool not_run; /* the kernel refused the packet: there is no verdict */
	bool summed; /* the skb was CHECKSUM_COMPLETE */
	int verdict; /* of words_verdict(hook) */
	bool verdict_inferred; /* netns: concluded from what came out, not returned */
	int drop_reason; /* positive; 0 if not dropped or not said */
	uint8_t drop_file; /* words_source_file */
	uint16_t drop_line;
	enum ct_state ct; /* UNKNOWN where no event told */
	bool has_identities;
	uint32_t src_identity, dst_identity;
	struct frame in, out; /* bytes at entry and exit; out.data NULL when dropped */
	struct event *events; /* data copied, owned by the step's arena */
	size_t n_events;
	uint64_t lost;
	/* The rest is seen by test runs only. */
	uint32_t mark, out_mark; /* of the skb, at entry and exit */
	uint32_t metadata; /* bytes that an XDP program left before the packet for the next one */
	bool observed; /* its helper calls were noted: redirects and tunnel are complete */
	struct hop_redirect *redirects; /* in the order asked; the last one counts */
	size_t n_redirects;
	struct hop_tail_call *tail_calls; /* in the order taken */
	size_t n_tail_calls;
	struct raw_event *raw_events;
	size_t n_raw_events;
	const struct tunnel_meta *tunnel; /* set by the program; NULL: none */
	struct hop_lookup *lookups; /* in the order asked */
	size_t n_lookups;
	struct hop_policy *policy;
	size_t n_policy;
	struct node_map_change *changes;
	size_t n_changes;
};

/* What happened to the packet between two programs: routed, encapsulated, sent on a wire. */
struct way_note {
	size_t before; /* the hop it came before, as an index */
	const char *at; /* "one/eth0", "one" */
	const char *text;
};

struct trace {
	uint32_t number; /* in the capture, from 1 */
	uint64_t ts_ns; /* capture time, since the epoch */
	uint64_t rel_ns; /* since the capture's first packet */
	const char *capture;
	struct frame
		captured; /* as an Ethernet frame, before `as:` and the MACs: what `match:` speaks of */
	struct frame
		scripted; /* after `as:`, in script space; data NULL: as .frame (engine/flow.h) */
	struct frame frame; /* as injected */
	bool truncated; /* capture had cut it; zeros were filled in */
	struct hop *hops;
	size_t n_hops;
	struct way_note *notes; /* of engines that follow packets; in order */
	size_t n_notes;
	enum outcome outcome;
	const char *at; /* where it ended: "master-0/eth0", "default/web-0" (a pod), "world" */
	/* DELIVERED to a socket's owner, or SENT out of the cluster: as it arrived there. data NULL: unknown */
	struct frame final;
	struct cluster_place place; /* who has it then */
	struct frame received; /* .final in script space; data NULL: the same as .final */
	bool binds; /* it told what its flow's receiver sees: .received could not be otherwise */
	struct told *advice; /* of a drop: what in the manifests decided it */
	size_t n_advice;
	/* The ICMP error that a node's stack sent because of it; NULL: none. */
	struct trace *answer;
	const char *why; /* unmodelled, or lost: the reason; else NULL */
};

struct log_line {
	const char *node;
	const char *text;
};

/* What was captured elsewhere: a packet of a vantage point. */
struct seen_packet {
	uint32_t number;
	struct frame frame;
};

struct seen_trace {
	const struct vantage *vantage;
	const char *capture;
	struct seen_packet *packets;
	size_t n_packets;
};

struct step_trace {
	const struct step *step;
	struct trace *packets;
	size_t n_packets;
	struct log_line *log; /* the agents' lines during the step */
	size_t n_log;
	struct node_map_change *changes; /* of the maps the scenario's expectations name */
	size_t n_changes;
	uint64_t lost; /* events */
	struct seen_trace *seen; /* of the step's vantage points */
	size_t n_seen;
};

/* A file whose programs ran: which bytes it was, and what was done to them in memory. One a file,
 * however many nodes loaded it; a release that was upgraded to is another file.
 */
struct loaded_object {
	const char *path, *sha256; /* of the file as it was when loaded */
	const char *producer; /* "Debian clang version 16.0.6"; NULL: no debug information */
	const struct elf_change *changes; /* by normalisation */
	size_t n_changes;
	unsigned interposed; /* helper calls replaced in one load of it; 0 on netns */
	const char *const *pristine; /* that the verifier took only as shipped: "name (why)" */
	size_t n_pristine;
};

/* The two addresses of one member; family 0: it has none of that family. */
struct address_pair {
	struct ip_addr four, six;
};

struct run_trace {
	struct step_trace *steps;
	size_t n_steps;
	/* Of the time it took: clusters read, namespaces and agents made, programs verified. */
	uint64_t loading_ns;
	unsigned interposed; /* helper calls replaced; 0 on netns */
	/* Programs of another target than the scenario was written for: their trees are others. */
	bool foreign;
	struct loaded_object *objects; /* in the order of their first load */
	size_t n_objects;
	const char **notes; /* what a reader of the result should know */
	size_t n_notes;
	/* Of a variant: why it cannot be run at all (nothing ran then; NULL: it ran), how many packets it
	 * changed, and why it left the first one that it did not.
	 */
	const char *refused, *left;
	uint64_t n_varied;
	/* Variant ipv6: who was who. */
	struct address_pair *pairs;
	size_t n_pairs;
};

#endif
