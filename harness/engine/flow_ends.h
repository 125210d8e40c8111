/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a hand-written flow goes between: names of the scenario against the cluster. */
#ifndef VERDICT_ENGINE_FLOW_ENDS_H
#define VERDICT_ENGINE_FLOW_ENDS_H

#include "cluster/cluster.h"
#include "packet/ends.h"
#include "scenario/flow.h"

/* The addresses of both, of one family (that asked for, else IPv4 where both have it), and the port of
 * `to` as it is dialled. from's port is left 0. Input error at the end's place.
 */
int flow_ends_resolve(const struct cluster *c, const struct scenario *s, const struct flow_step *f,
		      struct arena *a, struct packet_end *from, struct packet_end *to,
		      struct err *err);
/* The address of that family that `who` sends an ICMP error from. */
int flow_end_address(const struct cluster *c, const struct scenario *s, const struct flow_end *who,
		     uint8_t family, struct arena *a, struct ip_addr *out, struct err *err);

#endif
