/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Debug messages in the words of `cilium monitor -vv`, as the logs of the field have them. Addresses come in the
 * order of the wire, of IPv6 the last four bytes; a conntrack lookup's ports are the tuple's own, which has
 * the receiver's first.
 */
#include <arpa/inet.h>
#include <inttypes.h>

#include "target/monitor_debug.h"

/* bpf/lib/debug.h, and the same numbers in Cilium. */
enum debug_kind {
	POLICY_DENIED = 5,
	CT_VERDICT = 15,
	CT_LOOKUP4_1 = 48,
	CT_LOOKUP4_2 = 49,
	CT_CREATED4 = 50,
	CT_LOOKUP6_1 = 51,
	CT_LOOKUP6_2 = 52,
	CT_CREATED6 = 53,
	IPCACHE_MISS4 = 56,
	IPCACHE_MISS6 = 57,
	IPCACHE_HIT4 = 58,
	IPCACHE_HIT6 = 59,
};

static void put_ip4(struct buf *out, uint32_t addr)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &addr, text, sizeof(text));
	buf_puts(out, text);
}

static void put_ip6(struct buf *out, uint32_t end)
{
	end = ntohl(end);
	buf_printf(out, "[::%" PRIx32 ":%" PRIx32 "]", end >> 16, end & 0xffff);
}

static void put_addr(struct buf *out, uint32_t addr, bool is_ipv6)
{
	if (is_ipv6)
		put_ip6(out, addr);
	else
		put_ip4(out, addr);
}

static uint16_t rev_nat(uint32_t arg)
{
	return ntohs((uint16_t)arg);
}

static void put_ends(struct buf *out, const uint32_t args[3], bool is_ipv6)
{
	buf_puts(out, "Conntrack lookup 1/2: src=");
	put_addr(out, args[0], is_ipv6);
	buf_printf(out, ":%" PRIu32 " dst=", args[2] & 0xffff);
	put_addr(out, args[1], is_ipv6);
	buf_printf(out, ":%" PRIu32, args[2] >> 16);
}

static void put_verdict(struct buf *out, const uint32_t args[3])
{
	static const char *const states[] = { "New", "Established", "Reply", "Related" };

	buf_puts(out, "CT verdict: ");
	if (args[0] < sizeof(states) / sizeof(*states))
		buf_puts(out, states[args[0]]);
	else
		buf_printf(out, "%" PRId32, (int32_t)args[0]);
	buf_printf(out, ", revnat=%u", rev_nat(args[1]));
}

static void put_identity(struct buf *out, const struct event *e, bool is_ipv6, bool found)
{
	buf_puts(out, found ? "Successfully mapped addr" : "Failed to map addr");
	buf_puts(out, is_ipv6 ? ".p4=" : "=");
	put_addr(out, e->args[0], is_ipv6);
	if (found)
		buf_printf(out, " to identity=%" PRIu32, e->args[1]);
	else
		buf_puts(out, " to identity");
}

static void put_created(struct buf *out, const uint32_t args[3], bool is_ipv6)
{
	buf_printf(out, "Conntrack create: proxy-port=%" PRIu32 " revnat=%u src-identity=%" PRIu32,
		   args[0] >> 16, rev_nat(args[0]), args[1]);
	if (is_ipv6)
		return;
	buf_puts(out, " lb=");
	put_ip4(out, args[2]);
}

static void put_message(struct buf *out, const struct event *e)
{
	const uint32_t *args = e->args;

	switch ((enum debug_kind)e->subtype) {
	case POLICY_DENIED:
		buf_printf(out, "Policy evaluation would deny packet from %" PRIu32 " to %" PRIu32,
			   args[0], args[1]);
		return;
	case CT_VERDICT:
		put_verdict(out, args);
		return;
	case CT_LOOKUP4_1:
	case CT_LOOKUP6_1:
		put_ends(out, args, e->subtype == CT_LOOKUP6_1);
		return;
	case CT_LOOKUP4_2:
	case CT_LOOKUP6_2:
		buf_printf(out,
			   "Conntrack lookup 2/2: nexthdr=%" PRIu32 " flags=%" PRIu32
			   " dir=%" PRIu32 " scope=%" PRIu32,
			   args[0] >> 8, args[0] & 0xff, args[1], args[2]);
		return;
	case CT_CREATED4:
	case CT_CREATED6:
		put_created(out, args, e->subtype == CT_CREATED6);
		return;
	case IPCACHE_MISS4:
	case IPCACHE_HIT4:
		put_identity(out, e, false, e->subtype == IPCACHE_HIT4);
		return;
	case IPCACHE_MISS6:
	case IPCACHE_HIT6:
		put_identity(out, e, true, e->subtype == IPCACHE_HIT6);
		return;
	}
	buf_printf(out, "message %u (%" PRIu32 ", %" PRIu32 ", %" PRIu32 ")", e->subtype, args[0],
		   args[1], args[2]);
}

void monitor_print_debug(struct buf *out, const struct event *e)
{
	buf_printf(out, "MARK 0x%" PRIx32 " FROM %u DEBUG: ", e->hash, e->source);
	put_message(out, e);
}
