/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings of services; the first ones have Cilium's names. */
#ifndef VERDICT_LIB_LB_CONFIG_H
#define VERDICT_LIB_LB_CONFIG_H

#include <lib/config.h>

enum lb_algorithm {
	LB_RANDOM = 1,
	LB_MAGLEV = 2,
};

DECLARE_CONFIG(union v4addr, service_loopback_ipv4, { .be32 = bpf_htonl(0xa9fe2a01) },
	       "Source of a pod's packets to itself through a service");
DECLARE_CONFIG(union v6addr, service_loopback_ipv6, { .addr = { 0 } },
	       "Source of a pod's IPv6 packets to itself through a service");
DECLARE_CONFIG(bool, enable_no_service_endpoints_routable, true,
	       "Drop what goes to a service without backends");

/* Build-time settings in Cilium. */
DECLARE_CONFIG(__u8, lb_algorithm, LB_RANDOM,
	       "Of services that name none: 1 random backends, 2 Maglev");
DECLARE_CONFIG(__u32, hash_init4_seed, 0xcafe, "Seed of the Maglev hash, IPv4");
DECLARE_CONFIG(__u32, hash_init6_seed, 0xeb9f, "Seed of the Maglev hash, IPv6");

#endif
