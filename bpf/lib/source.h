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
	if (!__builtin_strcmp(name, "bpf_lxc.c"))
		return 2;
	if (!__builtin_strcmp(name, "bpf_overlay.c"))
		return 3;
	if (!__builtin_strcmp(name, "bpf_xdp.c"))
		return 4;
	if (!__builtin_strcmp(name, "bpf_sock.c"))
		return 5;
	if (!__builtin_strcmp(name, "icmp6.h"))
		return 103;
	if (!__builtin_strcmp(name, "nodeport.h"))
		return 104;
	if (!__builtin_strcmp(name, "lb.h"))
		return 105;
	if (!__builtin_strcmp(name, "ipv4.h"))
		return 107;
	if (!__builtin_strcmp(name, "conntrack.h"))
		return 108;
	if (!__builtin_strcmp(name, "local_delivery.h"))
		return 109;
	if (!__builtin_strcmp(name, "encap.h"))
		return 111;
	if (!__builtin_strcmp(name, "host_firewall.h"))
		return 112;
	if (!__builtin_strcmp(name, "ipv6.h"))
		return 114;
	/* ours alone: numbers that Cilium does not use */
	if (!__builtin_strcmp(name, "frag.h"))
		return 201;
	if (!__builtin_strcmp(name, "rewrite.h"))
		return 202;
	if (!__builtin_strcmp(name, "nat.h"))
		return 203;
	if (!__builtin_strcmp(name, "dsr.h"))
		return 204;
	if (!__builtin_strcmp(name, "endpoint_policy.h"))
		return 205;
	if (!__builtin_strcmp(name, "fib.h"))
		return 206;
	if (!__builtin_strcmp(name, "arp.h"))
		return 207;
	if (!__builtin_strcmp(name, "icmp_error.h"))
		return 208;
	if (!__builtin_strcmp(name, "bandwidth.h"))
		return 209;
	if (!__builtin_strcmp(name, "proxy.h"))
		return 210;
	if (!__builtin_strcmp(name, "prefilter.h"))
		return 211;
	if (!__builtin_strcmp(name, "masquerade.h"))
		return 212;
	if (!__builtin_strcmp(name, "quote.h"))
		return 213;
	if (!__builtin_strcmp(name, "sock_translate.h"))
		return 214;
	if (!__builtin_strcmp(name, "handed_on.h"))
		return 215;
	if (!__builtin_strcmp(name, "dsr_option.h"))
		return 216;
	file_has_no_number();
	return 0;
}

#define SOURCE_FILE source_file_id(__FILE_NAME__)
#define SOURCE_LINE __LINE__

#endif
