/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words of the field and their numbers: outcomes, verdicts, drop reasons, conntrack states.
 *
 * Numbers are an interface shared with Cilium 1.19 (drop reasons, event types, identities) or
 * the kernel (include/uapi/linux/pkt_cls.h, bpf.h). Every table is the one place of its names.
 */
#ifndef VERDICT_BASE_WORDS_H
#define VERDICT_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word {
	int number;
	const char *name;
	const char *text; /* longer form for people, may be NULL */
};

struct word_table {
	const char *what; /* "outcome", "drop reason": for messages */
	const struct word *words;
	size_t n;
};

/* What became of a packet. UNMODELLED is never a pass. */
enum outcome {
	OUTCOME_NONE = 0, /* not sent yet */
	OUTCOME_DELIVERED, /* reached the stack or socket of its destination in the model */
	OUTCOME_DROPPED, /* a program dropped it */
	OUTCOME_SENT, /* left the modelled world */
	OUTCOME_CONSUMED, /* a program or the stack took it for itself */
	OUTCOME_UNMODELLED, /* the harness cannot know */
};

/* Where a program is attached, as a test run knows it. Numbers are ours. */
enum hook {
	HOOK_TC_INGRESS,
	HOOK_TC_EGRESS,
	HOOK_XDP,
	HOOK_CGROUP_INGRESS, /* BPF_PROG_TYPE_CGROUP_SKB */
	HOOK_CGROUP_EGRESS,
	HOOK_SOCKET_FILTER,
	HOOK_LWT_IN,
	HOOK_LWT_OUT,
	HOOK_LWT_XMIT,
};

/* Values of enum ct_status in Cilium; also the trace event's reason. */
enum ct_state {
	CT_STATE_UNKNOWN = -1, /* not observed */
	CT_STATE_NEW = 0,
	CT_STATE_ESTABLISHED = 1,
	CT_STATE_REPLY = 2,
	CT_STATE_RELATED = 3,
};

enum identity {
	IDENTITY_UNKNOWN = 0,
	IDENTITY_HOST = 1,
	IDENTITY_WORLD = 2,
	IDENTITY_UNMANAGED = 3,
	IDENTITY_HEALTH = 4,
	IDENTITY_INIT = 5,
	IDENTITY_REMOTE_NODE = 6,
	IDENTITY_KUBE_APISERVER = 7,
	IDENTITY_INGRESS = 8,
	IDENTITY_WORLD_IPV4 = 9, /* of a cluster with both families, in place of 2 */
	IDENTITY_WORLD_IPV6 = 10,
};

enum event_type {
	EVENT_DROP = 1,
	EVENT_DEBUG = 2,
	EVENT_CAPTURE = 3,
	EVENT_TRACE = 4,
	EVENT_POLICY_VERDICT = 5,
};

extern const struct word_table words_outcome;
extern const struct word_table words_ct_state;
extern const struct word_table words_tc_verdict; /* TC_ACT_OK ... by number */
extern const struct word_table words_xdp_verdict; /* XDP_PASS ... */
extern const struct word_table words_cgroup_verdict; /* allow 1, drop 0 */
extern const struct word_table words_lwt_verdict; /* BPF_OK, BPF_DROP, BPF_REDIRECT ... */
extern const struct word_table words_hook; /* ingress, egress, xdp, ... */
/* What a program at that hook returns; NULL where it is a number (socket filter: bytes to keep). */
const struct word_table *words_verdict(enum hook hook);
extern const struct word_table words_redirect; /* redirect, redirect_peer ...: enum note_kind */
extern const struct word_table words_drop_reason; /* POLICY 133 "Policy denied" ... */
extern const struct word_table words_identity; /* host 1, world 2 ...: reserved ones */
extern const struct word_table words_event_type; /* drop, debug, capture, trace, policy-verdict */
extern const struct word_table words_trace_point; /* to-lxc 0 ... to-network 11 */
extern const struct word_table words_source_file; /* ids in drop events: bpf_host.c 1 ... */
extern const struct word_table words_protocol; /* TCP 6 ...: those that policy and services know */

/* Name of a number; NULL if the table has none. */
const char *word_name(const struct word_table *t, int number);
const char *word_text(const struct word_table *t, int number); /* text, or name, or NULL */
/* Reads a name (case-insensitive; '-' and '_' are the same) or a decimal number the table knows. */
bool word_parse(const struct word_table *t, const char *s, int *number);
/* The table's name closest to s by edit distance, or NULL if none is near. */
const char *word_nearest(const struct word_table *t, const char *s);
/* The same over a plain list of n names. */
const char *nearest_name(const char *s, const char *const *names, size_t n);

#endif
