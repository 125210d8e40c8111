/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Source files as numbers: what drop events and metrics carry. Numbers are shared with Cilium. */
#ifndef VERDICT_LIB_SOURCE_H
#define VERDICT_LIB_SOURCE_H

#include <lib/common.h>

void file_has_no_number(void)
	__attribute__((error("only files with a number may drop or count: see source.h")));

static __always_inline __u8 source_file_id(const char *name)
{
	if (!__builtin_strcmp(name, "bpf_host.c"))
		return 1;
	if (!__builtin_strcmp(name, "ipv4.h"))
		return 107;
	if (!__builtin_strcmp(name, "ipv6.h"))
		return 114;
	if (!__builtin_strcmp(name, "conntrack.h"))
		return 108;
	if (!__builtin_strcmp(name, "host_firewall.h"))
		return 112;
	/* ours alone: numbers that Cilium does not use */
	if (!__builtin_strcmp(name, "frag.h"))
		return 201;
	file_has_no_number();
	return 0;
}

#define SOURCE_FILE source_file_id(__FILE_NAME__)
#define SOURCE_LINE __LINE__

#endif
