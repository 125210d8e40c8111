/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What policy speaks of, in words: policies, identities, protocols and ports. */
#ifndef VERDICT_ENGINE_POLICY_WORDS_H
#define VERDICT_ENGINE_POLICY_WORDS_H

#include "cluster/cluster.h"

/* Bits of a policy key beyond identity and direction: 8 for the protocol, 16 for the port. */
#define POLICY_ALL_BITS 24

/* "CiliumNetworkPolicy default/web" */
const char *policy_name(struct arena *a, const struct k8s_policy *p);
/* "identity 256 (app=client in default)"; "anyone" for 0, who is no identity. */
const char *identity_name(struct arena *a, const struct cluster *c, uint32_t id);
/* "TCP port 80", "TCP ports 8080-8087", "ICMP type 8", "all of UDP", "all protocols"; port in host order */
const char *port_name(struct arena *a, uint8_t proto, uint16_t port, uint8_t bits);
/* Of the port those that count. */
uint16_t policy_port_mask(uint8_t bits);

#endif
