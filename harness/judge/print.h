/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words of a trace as they stand in differences and reports. All append to out. */
#ifndef VERDICT_JUDGE_PRINT_H
#define VERDICT_JUDGE_PRINT_H

#include "base/buf.h"
#include "engine/trace.h"

void print_reason(struct buf *out, const struct hop *h); /* "POLICY 133, bpf_host.c:88" */
void print_identity(struct buf *out, uint32_t identity); /* "kube-apiserver", "12345" */
/* As programs at that hook return it: "TC_ACT_SHOT", "XDP_DROP", "77". */
void print_verdict(struct buf *out, enum hook hook, int verdict);
bool hop_drops(const struct hop *h); /* its verdict is one that ends the packet */
const char *print_ct(enum ct_state ct); /* "new"; "unknown" */
/* "redirect_map by map tx_port key 3 to ifindex 7 flags 0" */
void print_redirect(struct buf *out, const struct hop_redirect *r);
void print_tunnel_remote(struct buf *out, const struct tunnel_meta *t); /* "192.168.10.2" */
void print_outcome(struct buf *out,
		   const struct trace *t); /* "dropped (POLICY 133, bpf_host.c:88)" */
/* "master-0: added cilium_ct4_global {...} = {...}"; of no node: without it */
void print_map_change(struct buf *out, const struct node_map_change *ch);
const char *map_kind_name(enum map_change_kind kind); /* "added" ... */

/* Events the step lost: what the engine counted, or its hops did. */
uint64_t step_lost(const struct step_trace *t);

#endif
