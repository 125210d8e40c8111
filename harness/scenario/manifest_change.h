/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `apply` and `delete` on manifests that are already read. */
#ifndef VERDICT_SCENARIO_MANIFEST_CHANGE_H
#define VERDICT_SCENARIO_MANIFEST_CHANGE_H

#include "scenario/manifest.h"

/* Each object of the file takes the place of the one of its kind, namespace and name, or is added. Memory
 * from the arena; lists are moved, so pointers into them are void after it. On an error m is as it was.
 */
int manifests_apply(struct arena *a, const char *path, struct manifests *m, struct err *err);

/* Takes one object out; a Namespace takes along what is in it, a Node the pods that are on it. ns is NULL or "" for cluster-scoped kinds and
 * for the namespace "default". Input error at `at` for a kind that is not read or an object that is not
 * there.
 */
int manifests_delete(struct arena *a, const char *kind, const char *ns, const char *name,
		     const struct loc *at, struct manifests *m, struct err *err);

#endif
