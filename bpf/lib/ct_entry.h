/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The value of a conntrack entry, and nothing else: releases that differ in it replace this file.
 *
 * rx is what came into the node, tx what left it, whoever began the flow.
 */
#ifndef VERDICT_LIB_CT_ENTRY_H
#define VERDICT_LIB_CT_ENTRY_H

#include <lib/common.h>

struct ct_entry {
	union {
		union v6addr nat_addr;
		struct {
			__u64 reserved0;
			__u64 backend_id;
		};
	};
	__u64 packets;
	__u64 bytes;
	__u32 lifetime; /* monotonic second after which the entry counts as absent */
	__u16 rx_closing : 1;
	__u16 tx_closing : 1;
	__u16 reserved1 : 1;
	__u16 lb_loopback : 1;
	__u16 seen_non_syn : 1;
	__u16 node_port : 1;
	__u16 proxy_redirect : 1;
	__u16 dsr_internal : 1;
	__u16 from_l7lb : 1;
	__u16 reserved2 : 1;
	__u16 from_tunnel : 1;
	__u16 reserved3 : 5;
	__u16 rev_nat_index;
	__be16 nat_port;
	__u8 tx_flags_seen;
	__u8 rx_flags_seen;
	__u32 src_sec_id;
	__u32 last_tx_report;
	__u32 last_rx_report;
};

#endif
