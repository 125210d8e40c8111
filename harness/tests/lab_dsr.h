/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The node of lab_node.h as one that balances by DSR: port 30090 is the other node's pod's. */
#ifndef VERDICT_TESTS_LAB_DSR_H
#define VERDICT_TESTS_LAB_DSR_H

#include "lab_node.h"

#define DSR_TARGET(more) NODE_TARGET(", lb_mode: 1" more)

#define C4 "192.168.10.100|50000"
#define C6 "fd00:10::100|50000"

/* The answer to who has sent what is too big: his packet as he sent it, and what fits. */
static inline void expect_too_big(bool v6, uint32_t mtu, const char *quoted)
{
	const uint8_t *d = lab_hop(lab)->out.data;

	lab_expect_redirect(lab, NOTE_REDIRECT, ETH0);
	cr_assert(d, "%s: dropped: %d", lab->last, lab_hop(lab)->drop_reason);
	if (v6) {
		cr_expect(d[54] == 2 && d[55] == 0, "%s: type %u", lab->last, d[54]);
		cr_expect_eq(get_be32(d + 58), mtu, "%s: MTU %u", lab->last, get_be32(d + 58));
	} else {
		cr_expect(d[34] == 3 && d[35] == 4, "%s: type %u", lab->last, d[34]);
		cr_expect_eq(get_be16(d + 40), mtu, "%s: MTU %u", lab->last, get_be16(d + 40));
	}
	cr_expect_str_eq(ends_at(d, v6 ? 62 : 42), quoted, "%s: quotes %s", lab->last,
			 ends_at(d, v6 ? 62 : 42));
	cr_expect_arr_eq(d, lab->packet.b + 6, 6, "%s: not back", lab->last);
}

#endif
