/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a packet is dropped. Functions return these; 0 goes on, positive values are theirs. */
#ifndef VERDICT_LIB_REASONS_H
#define VERDICT_LIB_REASONS_H

#include <lib/ctx.h>
#include <lib/source.h>

enum drop_reason {
	DROP_POLICY = -133,
	DROP_INVALID = -134,
	DROP_CT_INVALID_HDR = -135,
	DROP_CT_UNKNOWN_PROTO = -137,
	DROP_CT_CREATE_FAILED = -155,
	DROP_INVALID_EXTHDR = -156,
	DROP_FRAG_NOT_FOUND = -175,
	DROP_FORBIDDEN_ICMP6 = -176,
	DROP_PROXY_UNKNOWN_PROTO = -180,
	DROP_POLICY_DENY = -181,
	DROP_VLAN_FILTERED = -182,
	DROP_POLICY_AUTH_REQUIRED = -189,
};

static __always_inline int drop_at(struct packet *pkt, int reason, __u8 file, __u16 line)
{
	pkt->drop_file = file;
	pkt->drop_line = line;
	return reason;
}

/* `return DROP(pkt, DROP_INVALID);` notes this place as the cause. */
#define DROP(pkt, reason) drop_at(pkt, reason, SOURCE_FILE, SOURCE_LINE)

#endif
