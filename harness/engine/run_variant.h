/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The variant that a run is of (engine/variant.h): its packets changed one by one, and what there is to say of
 * that written down.
 */
#ifndef VERDICT_ENGINE_RUN_VARIANT_H
#define VERDICT_ENGINE_RUN_VARIANT_H

#include "engine/variant.h"

struct run_variant {
	const struct variant *how; /* NULL: a run of none, in which nothing below does anything */
	struct variant_family family; /* of kind ipv6; its cluster and arena are the run's */
	struct run_trace *trace;
};

bool run_variant_is_ipv6(const struct run_variant *v);
/* Before a packet of that step is injected; of kind ipv6 it has been translated. */
void run_variant_change(const struct run_variant *v, unsigned step, struct injection *in,
			struct trace *t);
/* What became of it: who has the addresses that stand for IPv4 ones, for the cluster may be another one later. */
void run_variant_note(const struct run_variant *v, const struct frame *f);

#endif
