/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VLANs that meet at a native device. What is of one is not of the network whose services, pods and policy the
 * device serves: it is dropped, unless its VLAN is let by, untouched, to a VLAN's own device above this one.
 * Tags of VLAN 0 say a priority only (IEEE 802.1Q, 6.9).
 */
#ifndef VERDICT_LIB_VLAN_H
#define VERDICT_LIB_VLAN_H

#include <lib/config.h>
#include <lib/ctx.h>

#define VLAN_BYPASS_MAX 5 /* as many as an agent accepts */

typedef __u16 vlan_list[VLAN_BYPASS_MAX];

DECLARE_CONFIG(bool, enable_vlan_bypass, false, "Let by frames of VLANs on the list");
DECLARE_CONFIG(bool, vlan_bypass_all, false, "Let by frames of every VLAN");
DECLARE_CONFIG(vlan_list, vlan_bypass, { 0 }, "VLANs let by; 0 fills the list");

static __always_inline bool vlan_is_let_by(__u16 vlan)
{
	if (!CONFIG(enable_vlan_bypass))
		return false;
	if (CONFIG(vlan_bypass_all))
		return true;
#pragma unroll
	for (int i = 0; i < VLAN_BYPASS_MAX; i++)
		if (vlan == CONFIG(vlan_bypass)[i])
			return true;
	return false;
}

#endif
