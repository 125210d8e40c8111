/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A variant of a scenario held against the scenario as it is written: what became of each packet, at every hop,
 * must be the same. What the variant itself changes is left out: of all variants sizes, of ipv6 addresses that
 * mean the same member, and numbers of identities and reasons that each family has its own of. Of seeds only the
 * outcome, the reason and conntrack are compared, and the place where no service chose it.
 */
#ifndef VERDICT_JUDGE_SWEEP_H
#define VERDICT_JUDGE_SWEEP_H

#include "engine/variant.h"
#include "judge/judge.h"

/* Fills *out but for its name, and appends what differs to the steps of *res, which was judged already. At most
 * one difference a packet: the first; none of a packet that could not be sent because another got lost.
 */
void judge_variant(struct arena *a, const struct variant *v, const struct run_trace *t,
		   struct scenario_result *res, struct sweep_result *out);

#endif
