/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The lists of struct manifests one like the other: each element begins with its struct k8s_meta. Of this
 * room only.
 */
#ifndef VERDICT_SCENARIO_MANIFEST_LISTS_H
#define VERDICT_SCENARIO_MANIFEST_LISTS_H

#include "scenario/manifest.h"

struct manifest_list {
	const char *kind; /* of its elements; policies and endpoints: of their first kind */
	bool namespaced;
	void **items; /* the list's place in struct manifests */
	size_t *n;
	size_t size; /* of an element */
};

#define MANIFEST_LISTS 6

void manifest_lists(struct manifests *m, struct manifest_list lists[MANIFEST_LISTS]);
struct k8s_meta *manifest_meta(const struct manifest_list *l, size_t i);
/* The kind of one element as its manifest says it. */
const char *manifest_kind(const struct manifest_list *l, size_t i);

#endif
