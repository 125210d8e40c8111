/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys and values of maps that are plain lists of networks. */
#ifndef VERDICT_LIB_LPM_H
#define VERDICT_LIB_LPM_H

#include <lib/common.h>

struct lpm_v4_key {
	struct bpf_lpm_trie_key lpm;
	__u8 addr[4];
};

struct lpm_v6_key {
	struct bpf_lpm_trie_key lpm;
	__u8 addr[16];
};

struct lpm_val {
	__u8 flags;
};

#endif
