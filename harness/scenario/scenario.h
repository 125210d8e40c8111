/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A scenario as pure data: a cluster or a target, steps, expectations. Every part knows where it was
 * written.
 *
 * Read by scenario_load() through the table in scenario/schema.h, which also makes the reference
 * in docs/ and the suggestions for misspelt keys.
 */
#ifndef VERDICT_SCENARIO_SCENARIO_H
#define VERDICT_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/value.h"
#include "base/words.h"
#include "packet/field.h"
#include "packet/rewrite.h"

enum engine_kind { ENGINE_TESTRUN = 1 << 0, ENGINE_NETNS = 1 << 1 };
#define ENGINES_ALL (ENGINE_TESTRUN | ENGINE_NETNS)

/* Packet numbers of a capture: "1-3", "7", "4-", "1-3,9". */
struct packet_range {
	uint32_t first, last; /* inclusive; last UINT32_MAX is open */
};

struct packet_set {
	struct packet_range *ranges;
	size_t n; /* 0: all */
};

bool packet_set_has(const struct packet_set *s, uint32_t number);
void packet_set_print(struct buf *out, const struct packet_set *s);

/* "node/master-0", "pod/kube-system/etcd-0" or "world". */
enum member_kind { MEMBER_NODE, MEMBER_POD, MEMBER_WORLD };

struct member {
	enum member_kind kind;
	const char *ns; /* pods */
	const char *name;
	struct loc loc;
};

struct binding { /* one line of `as:` */
	struct ip_addr address; /* in the capture */
	struct member member;
	struct loc loc;
};

/* Where the program asked for the packet to go: the last such call of the hop. */
struct redirect_expect {
	struct loc loc;
	int helper; /* of words_redirect; 0: any */
	bool has_ifindex, has_flags, has_key;
	uint32_t ifindex;
	uint64_t flags;
	const char *map; /* of redirect_map */
	uint32_t key;
};

struct field_expect {
	const struct field *field;
	const char *value;
	struct loc loc;
};

/* What one hop or a whole packet must show. Every part is free unless its has_ flag or pointer is
 * set. At the top of an expectation ct, identities and verdict speak of the packet's last hop,
 * packet fields of its final bytes.
 */
struct packet_expect {
	struct loc loc;
	bool has_outcome;
	enum outcome outcome; /* top level only */
	struct loc outcome_loc;
	const char *at; /* "master-0/eth0": where the last hop was, or which hop is meant */
	struct loc at_loc;
	const char *program;
	struct loc program_loc;
	bool has_verdict;
	int verdict;
	const struct word_table *verdict_words; /* whose word it is; NULL: a bare number */
	struct loc verdict_loc;
	bool has_reason;
	int reason; /* positive drop reason */
	struct loc reason_loc;
	bool has_ct;
	enum ct_state ct;
	struct loc ct_loc;
	bool has_src_identity, has_dst_identity;
	uint32_t src_identity, dst_identity;
	struct loc src_identity_loc, dst_identity_loc;
	const struct redirect_expect *redirect; /* NULL: any */
	struct field_expect *fields; /* at the packet's end: in script space (engine/flow.h) */
	size_t n_fields;
	struct field_expect *live; /* top level only: as its receiver really got it */
	size_t n_live;
};

struct count_expect { /* "drop", "drop/POLICY", "trace/to-network", "policy-verdict", "lost" */
	const char *name;
	const char *node; /* NULL: over all nodes */
	uint64_t min, max; /* "0", "2-4", "1-" */
	struct loc loc;
};

/* Changes of one map of one node over the step. Counts: as above. Entries: partial trees
 * {key: {...}, value: {...}}, each of which must match one entry of that kind.
 */
enum map_change_kind { MAP_ADDED, MAP_CHANGED, MAP_REMOVED, MAP_PRESENT, MAP_ABSENT };

struct map_expect {
	const char *node; /* NULL in a raw scenario: the target's one */
	const char *map;
	enum map_change_kind kind; /* PRESENT and ABSENT: of the map after the step */
	bool has_count;
	uint64_t min, max;
	const struct value *entry; /* {key:, value:} or NULL */
	struct loc loc;
};

struct text_expect { /* a line of the monitor or of the agent's log that must occur */
	const char *
		text; /* shell pattern (fnmatch) over the whole line; without * it may stand anywhere */
	bool absent; /* written under no_log / no_monitor */
	struct loc loc;
};

#define TREE_GAP "..." /* as a line: any lines; within one: any text */

/* A packet's way as judge/tree.h prints it, line by line. Lines are without the spaces around them; none is
 * empty, no two gaps follow each other, and one at least is no gap.
 */
struct tree_expect {
	struct loc loc;
	const char **lines;
	int *numbers; /* where each stands in the file */
	size_t n;
};

struct expect {
	struct loc loc;
	const struct value *source; /* as written */
	bool raw; /* of a raw scenario: maps without nodes */
	struct packet_set packets; /* which of the step's packets; n == 0: all */
	struct field_expect *match; /* and only those whose fields as captured match */
	size_t n_match;
	struct packet_expect last; /* the packet's end */
	struct packet_expect *hops; /* each must match a hop, in this order */
	size_t n_hops;
	const struct tree_expect *tree; /* NULL: any way */
	/* over the whole step */
	struct count_expect *counts;
	size_t n_counts;
	struct map_expect *maps;
	size_t n_maps;
	struct text_expect *monitor;
	size_t n_monitor;
	struct text_expect *log;
	size_t n_log;
};

enum step_kind {
	STEP_SEND, /* of a capture, or of a flow written by hand */
	STEP_RESTART,
	STEP_UPGRADE,
	STEP_ADVANCE,
	STEP_CHECK,
	STEP_APPLY,
	STEP_DELETE,
};

struct flow_step; /* scenario/flow.h */

/* The same packets as another capture, or another interface of the same one, saw them on their way. */
struct vantage {
	const char *at; /* "worker-0/eth0", "default/web-0", "world" */
	struct loc at_loc;
	const char *capture; /* path; NULL: that of the send */
	struct loc capture_loc;
	const char *interface; /* shell pattern over the capture's interfaces; NULL: all */
	struct packet_set packets;
	const struct field **free; /* fields that may differ */
	size_t n_free;
	struct loc loc;
};

struct send_step {
	/* path, resolved against the scenario's folder, else fixtures/captures; of a hand-written
	 * flow what it is called: "tcp flow of step 3"
	 */
	const char *capture;
	struct flow_step *flow; /* NULL: packets of the capture */
	struct loc capture_loc;
	struct packet_set packets;
	struct binding *as;
	size_t n_as;
	const char *via; /* node where packets from the world enter; NULL: who owns the address */
	struct loc via_loc;
	const char *interface; /* shell pattern: packets of these interfaces of the capture alone */
	struct loc interface_loc;
	struct vantage *seen;
	size_t n_seen;
	/* Raw scenarios: where the packets enter. */
	const char *role; /* of a target file's hook: "endpoint"; NULL */
	const char *hook; /* "ingress", "xdp"; NULL: the program's own */
	struct loc hook_loc;
	uint32_t ifindex; /* 0: the target's */
	uint32_t mark, rx_queue;
	bool has_tunnel; /* metadata that the packets arrive with */
	uint32_t tunnel_id;
	struct ip_addr tunnel_remote; /* family 0: none */
};

/* How an agent behaves at start: what is right, or what a release of the past did. */
enum agent_gc {
	AGENT_GC_EXPIRED, /* the first collection deletes expired entries only */
	AGENT_GC_NO_ENDPOINT, /* cilium-1.11: and every entry whose addresses no endpoint has (#19367) */
};

enum map_mismatch {
	MAP_MISMATCH_MIGRATE, /* properties changed: copy entry by entry into the new map */
	MAP_MISMATCH_RECREATE, /* historical: replace by an empty one */
};

struct map_override {
	const char *map;
	uint32_t max_entries;
	struct loc loc;
};

struct restart_step { /* restart and upgrade */
	const char *node;
	struct loc node_loc;
	enum agent_gc gc; /* from `agent: current` or `agent: cilium-1.11` */
	enum map_mismatch on_map_mismatch;
	bool graceful; /* signal: TERM; default is KILL */
	const char
		*objects; /* upgrade: folder with the objects of the new release, NULL: the same */
	struct map_override *maps; /* upgrade: other sizes */
	size_t n_maps;
};

struct apply_step {
	const char *path; /* manifest or folder of them */
	struct loc loc;
};

struct delete_step {
	const char *kind; /* "Pod", as in the manifest, or as kubectl takes it: "pod" */
	const char *ns; /* NULL: not said */
	const char *name;
	struct loc loc;
};

struct step {
	enum step_kind kind;
	unsigned index; /* from 1 */
	bool raw; /* of a raw scenario */
	struct loc loc;
	union {
		struct send_step send;
		struct restart_step restart; /* RESTART, UPGRADE */
		struct apply_step apply;
		struct delete_step del;
		uint64_t advance_ns;
	};
	struct expect *expects;
	size_t n_expects;
};

struct setting;
struct target_desc;

/* What a raw scenario runs: one program of an object, or a target file. */
struct raw_target {
	struct loc loc;
	const char *object; /* path; NULL: a target file */
	const char *written; /* the object as the scenario names it */
	struct loc object_loc;
	const char *program; /* NULL: the object's only one, or those at a target file's hooks */
	const char *sha256; /* of the object when this was written, or its beginning; NULL */
	struct loc sha256_loc;
	const char *file; /* name or path for target_desc_load(); NULL: an object */
	struct loc file_loc;
	const char *objects; /* folder for the target file's objects; NULL: its own */
	const char *objects_written; /* as the scenario names it */
	struct target_desc *desc; /* of the object or the file; NULL where .missing */
	const struct setting *config;
	size_t n_config;
	const char **type_sections, **type_names; /* section types */
	size_t n_types;
	struct map_override *sizes;
	size_t n_sizes;
	const char *ip_batch; /* lines for `ip -batch` in the packets' namespace; NULL */
	bool pristine, follow;
	const char *missing; /* why it cannot run on this machine; NULL */
	/* Entries before the first step: {MAP: [{key, value}]}, and files for maps_file_load_all(). */
	const struct value *entries;
	const char **maps;
	size_t n_maps;
};

struct world_host; /* scenario/flow.h */
struct sweep; /* scenario/sweep.h */

struct scenario {
	struct arena *arena; /* holds all of it */
	const char *path; /* the scenario.yaml, as the user would type it */
	const char *dir;
	const char *name, *summary, *origin; /* origin may be NULL */
	struct loc loc;
	struct raw_target *target; /* a raw scenario; NULL: it has a cluster */
	const char *cluster; /* folder, resolved; NULL in a raw scenario */
	struct loc cluster_loc;
	const struct value *values; /* overrides of the cluster's values.yaml, NULL if none */
	unsigned engines; /* of enum engine_kind */
	uint64_t seed;
	bool wants_lookups; /* an expectation has a tree: programs have to note what they look up */
	bool unreviewed; /* recorded, and nobody has said yet that it is right */
	struct loc unreviewed_loc;
	const struct sweep *sweep; /* variants it asks for, or excepts; NULL: none */
	struct world_host *hosts; /* outside the cluster, by name */
	size_t n_hosts;
	unsigned n_flows; /* hand-written ones */
	struct step *steps;
	size_t n_steps;
};

/* path is a scenario.yaml or the folder that holds one. Checks everything that can be checked
 * without a cluster: keys, types, that captures and folders exist, that fields and reasons are
 * known. On success *out owns its arena.
 */
int scenario_load(const char *path, struct scenario **out, struct err *err);
void scenario_free(struct scenario *s); /* NULL is fine */

/* Paths of all scenarios under a folder (those with a scenario.yaml), sorted. */
int scenario_find(struct arena *a, const char *root, char ***paths, size_t *n, struct err *err);

#endif
