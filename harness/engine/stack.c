/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rules of eth_type_trans() and __netif_receive_skb_core(): frames for another MAC, or of a VLAN
 * that no device stands for, become PACKET_OTHERHOST, and IP and ARP leave those alone.
 */
#include "engine/stack.h"

#include <string.h>

#define VLAN_ID	 0x0fff
#define MAC_LEN	 6
#define TYPE_OFF 12
#define VLAN_LEN 4

static uint16_t be16_at(const struct frame *f, uint32_t at)
{
	return (uint16_t)(f->data[at] << 8 | f->data[at + 1]);
}

/* Tags of VLAN 0 carry a priority only: the kernel takes them off, however many there are. */
static bool of_a_vlan(const struct frame *f)
{
	for (uint32_t at = TYPE_OFF; at + VLAN_LEN <= f->len; at += VLAN_LEN) {
		uint16_t type = be16_at(f, at);

		if (type != 0x8100 && type != 0x88a8)
			return false;
		if (be16_at(f, at + 2) & VLAN_ID)
			return true;
	}
	return false;
}

const char *stack_ignores(const struct frame *f, const uint8_t mac[6])
{
	bool group = f->len > 0 && f->data[0] & 1; /* broadcast and multicast */

	if (f->len >= MAC_LEN && !group && memcmp(f->data, mac, MAC_LEN) != 0)
		return "the programs let it pass, but it is for another MAC, so the stack ignores "
		       "it";
	if (of_a_vlan(f))
		return "the programs let it pass, but it is of a VLAN for which the node has no "
		       "device, so the stack ignores it";
	return NULL;
}
