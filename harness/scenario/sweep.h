/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `sweep:`: the scenario run again with one thing changed that must not matter. What each variant changes is in
 * engine/variant.h; that the outcome is as before is judged in judge/sweep.h.
 */
#ifndef VERDICT_SCENARIO_SWEEP_H
#define VERDICT_SCENARIO_SWEEP_H

#include "base/words.h"
#include "scenario/schema.h"

enum variant_kind {
	VARIANT_VLAN,
	VARIANT_IP_OPTIONS,
	VARIANT_EXTENSION_HEADERS,
	VARIANT_GSO,
	VARIANT_NON_LINEAR,
	VARIANT_CHECKSUM_COMPLETE,
	VARIANT_IPV6,
	VARIANT_SEEDS,
	VARIANT_KINDS,
};

#define VARIANTS_ALL ((1u << VARIANT_KINDS) - 1)
#define SWEEP_SEEDS  3 /* where nobody says how many */

extern const struct word_table words_variant; /* by enum variant_kind */

struct sweep {
	struct loc loc; /* where it was asked for; file NULL: by the command line, or not at all */
	unsigned wanted; /* bits, 1 << enum variant_kind */
	unsigned n_seeds;
	const char *except
		[VARIANT_KINDS]; /* why a variant means something else here; NULL: it does not */
	struct loc except_loc[VARIANT_KINDS];
};

extern const struct schema schema_sweep;

/* `sweep: all`, a list of variants, or a map of the keys in schema_sweep. */
int read_sweep(struct schema_ctx *ctx, const struct value *v, struct sweep *out);
/* "vlan,gso" or "all", as after --sweep. Input error for what is no variant. */
int sweep_parse(const char *list, unsigned *wanted, struct err *err);

#endif
