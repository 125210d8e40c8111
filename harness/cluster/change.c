/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Changes in mid-flow: manifests first, then a new generation of everything that follows from them. */
#include <errno.h>

#include "cluster/cluster.h"
#include "scenario/manifest_change.h"

int cluster_apply(struct cluster *c, const char *path, struct err *err)
{
	if (manifests_apply(c->arena, path, &c->manifests, err) || cluster_rebuild(c, err))
		return -EINVAL;
	return 0;
}

int cluster_delete(struct cluster *c, const char *kind, const char *ns, const char *name,
		   const struct loc *at, struct err *err)
{
	if (manifests_delete(c->arena, kind, ns, name, at, &c->manifests, err) ||
	    cluster_rebuild(c, err))
		return -EINVAL;
	return 0;
}
