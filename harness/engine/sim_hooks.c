/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* At which hooks an agent attaches programs, and what the cluster's values say of the devices. */
#include <stdlib.h>
#include <string.h>

#include "engine/sim_internal.h"
#include "scenario/values.h"

bool sim_attached(const struct cluster *c, const struct cluster_device *dev, enum hook hook)
{
	const struct value *v = c->manifests.values;

	if (is_role(dev, "endpoint"))
		return hook == HOOK_TC_INGRESS || values_bool(v, "endpointRoutes.enabled");
	if (hook == HOOK_XDP)
		return is_role(dev, "native") &&
		       strcmp(values_get(v, "loadBalancer.acceleration"), "disabled") != 0;
	return true;
}

bool sim_has_ipip(const struct cluster *c)
{
	return strcmp(values_get(c->manifests.values, "loadBalancer.dsrDispatch"), "ipip") == 0;
}

enum tunnel_kind sim_tunnel(const struct cluster *c, uint16_t *port)
{
	const struct value *v = c->manifests.values;
	enum tunnel_kind kind = strcmp(values_get(v, "tunnelProtocol"), "geneve") == 0
					? TUNNEL_GENEVE
					: TUNNEL_VXLAN;

	*port = (uint16_t)strtoul(values_get(v, "tunnelPort"), NULL, 10);
	if (!*port)
		*port = kind == TUNNEL_GENEVE ? GENEVE_PORT : VXLAN_PORT;
	return kind;
}
