/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's connection as Cilium's monitor writes it, so that a line of ours can be searched for in
 * a log of theirs. ICMP messages carry the names of the Go library the monitor decodes with.
 */
#include <netinet/in.h>
#include <stdio.h>

#include "packet/bytes.h"
#include "packet/print.h"
#include "packet/print_parts.h"

struct icmp_name {
	uint8_t type;
	const char *name;
	uint8_t n_codes; /* 0: the code means nothing */
	const char *const *codes; /* NULL entries: no name */
};

static const char *const unreachable4[] = {
	"Net",
	"Host",
	"Protocol",
	"Port",
	"FragmentationNeeded",
	"SourceRoutingFailed",
	"NetUnknown",
	"HostUnknown",
	"SourceIsolated",
	"NetAdminProhibited",
	"HostAdminProhibited",
	"NetTOS",
	"HostTOS",
	"CommAdminProhibited",
	"HostPrecedence",
	"PrecedenceCutoff",
};
static const char *const redirect4[] = { "Net", "Host", "TOS+Net", "TOS+Host" };
static const char *const exceeded4[] = { "TTLExceeded", "FragmentReassemblyTimeExceeded" };
static const char *const problem4[] = { "PointerIndicatesError", "MissingOption", "BadLength" };
static const char *const unreachable6[] = {
	"NoRouteToDst",	   "AdminProhibited",	     "BeyondScopeOfSrc", "AddressUnreachable",
	"PortUnreachable", "SrcAddressFailedPolicy", "RejectRouteToDst",
};
static const char *const exceeded6[] = { "HopLimitExceeded", "FragmentReassemblyTimeExceeded" };
static const char *const problem6[] = { "ErroneousHeaderField", "UnrecognizedNextHeader",
					"UnrecognizedIPv6Option" };

#define CODES(table) sizeof(table) / sizeof((table)[0]), table

static const struct icmp_name icmp4[] = {
	{ 0, "EchoReply", 0, NULL },
	{ 3, "DestinationUnreachable", CODES(unreachable4) },
	{ 4, "SourceQuench", 0, NULL },
	{ 5, "Redirect", CODES(redirect4) },
	{ 8, "EchoRequest", 0, NULL },
	{ 9, "RouterAdvertisement", 0, NULL },
	{ 10, "RouterSolicitation", 0, NULL },
	{ 11, "TimeExceeded", CODES(exceeded4) },
	{ 12, "ParameterProblem", CODES(problem4) },
	{ 13, "TimestampRequest", 0, NULL },
	{ 14, "TimestampReply", 0, NULL },
	{ 15, "InfoRequest", 0, NULL },
	{ 16, "InfoReply", 0, NULL },
	{ 17, "AddressMaskRequest", 0, NULL },
	{ 18, "AddressMaskReply", 0, NULL },
};

static const struct icmp_name icmp6[] = {
	{ 1, "DestinationUnreachable", CODES(unreachable6) },
	{ 2, "PacketTooBig", 0, NULL },
	{ 3, "TimeExceeded", CODES(exceeded6) },
	{ 4, "ParameterProblem", CODES(problem6) },
	{ 128, "EchoRequest", 0, NULL },
	{ 129, "EchoReply", 0, NULL },
	{ 133, "RouterSolicitation", 0, NULL },
	{ 134, "RouterAdvertisement", 0, NULL },
	{ 135, "NeighborSolicitation", 0, NULL },
	{ 136, "NeighborAdvertisement", 0, NULL },
	{ 137, "Redirect", 0, NULL },
};

static void print_icmp_name(struct buf *out, const struct icmp_name *names, size_t n,
			    const uint8_t *h)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].type != h[0])
			continue;
		buf_puts(out, names[i].name);
		if (h[1] < names[i].n_codes)
			buf_printf(out, "(%s)", names[i].codes[h[1]]);
		else if (names[i].n_codes || h[1])
			buf_printf(out, "(Code: %u)", h[1]);
		return;
	}
	buf_printf(out, "%u(%u)", h[0], h[1]);
}

/* The monitor shows these four and no others, in this order. */
static void print_flags(struct buf *out, uint8_t flags)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = {
		{ 0x02, "SYN" },
		{ 0x10, "ACK" },
		{ 0x04, "RST" },
		{ 0x01, "FIN" },
	};
	const char *between = " ";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags & names[i].bit))
			continue;
		buf_printf(out, "%s%s", between, names[i].name);
		between = ", ";
	}
}

static void print_transport(struct buf *out, const uint8_t *data, const struct ip_layers *ip)
{
	const uint8_t *h = data + ip->l4;

	switch (ip->proto) {
	case IPPROTO_TCP:
		buf_puts(out, " tcp");
		if (ip->l4 + 14 <= ip->end)
			print_flags(out, h[13]);
		break;
	case IPPROTO_UDP:
		buf_puts(out, " udp");
		break;
	case IPPROTO_SCTP:
		buf_puts(out, " sctp");
		break;
	case IPPROTO_ICMP:
		buf_putc(out, ' ');
		print_icmp_name(out, icmp4, sizeof(icmp4) / sizeof(icmp4[0]), h);
		break;
	case IPPROTO_ICMPV6:
		buf_putc(out, ' ');
		print_icmp_name(out, icmp6, sizeof(icmp6) / sizeof(icmp6[0]), h);
		break;
	default:
		break;
	}
}

void packet_print_monitor(struct buf *out, const uint8_t *data, uint32_t caplen, uint16_t linktype)
{
	struct layers l;

	packet_parse(data, caplen, linktype, &l);
	if (l.ip.l3 >= 0) {
		print_endpoint(out, data, &l.ip, false);
		buf_puts(out, " -> ");
		print_endpoint(out, data, &l.ip, true);
		if (l.ip.l4 >= 0)
			print_transport(out, data, &l.ip);
	} else if (l.eth >= 0) {
		print_mac(out, data + 6);
		buf_puts(out, " -> ");
		print_mac(out, data);
		if (l.arp >= 0)
			buf_puts(out, " ARP");
		else
			buf_printf(out, " 0x%04x", l.ethertype);
	} else {
		buf_puts(out, "[unknown]");
	}
}
