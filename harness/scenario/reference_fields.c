// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The list of packet fields as Markdown, printed from the table in packet/. */
#include <stdio.h>
#include <string.h>

#include "packet/field.h"
#include "scenario/schema.h"

static const char *const protocols[][2] = {
	{ "frame", "Frame" },
	{ "eth", "Ethernet" },
	{ "vlan", "VLAN tag (802.1Q)" },
	{ "ieee8021ad", "Service VLAN tag (802.1ad)" },
	{ "arp", "ARP" },
	{ "ip", "IPv4" },
	{ "ipv6", "IPv6" },
	{ "tcp", "TCP" },
	{ "udp", "UDP" },
	{ "sctp", "SCTP" },
	{ "icmp", "ICMP" },
	{ "icmpv6", "ICMPv6" },
	{ "vxlan", "VXLAN" },
	{ "geneve", "Geneve" },
	{ "data", "What no protocol was found for" },
};

static const char intro[] =
	"<!-- Made from the table in harness/packet/field_table.c; a unit test holds this file\n"
	"     against it. -->\n"
	"# Packet fields\n\n"
	"What may stand under `packet:` and `match:` of a scenario. Names, and the way values are "
	"printed,\n"
	"are those of Wireshark's display filters, so a field of `tshark -T fields -e NAME` can be "
	"copied.\n\n"
	"| value | is written |\n|---|---|\n"
	"| number | decimal, or hexadecimal with `0x` |\n"
	"| IP address | as inet_pton takes it; with `/24`, any address of that prefix |\n"
	"| MAC | `02:00:00:00:00:01` |\n"
	"| flag | `1` or `0`, `true` or `false` |\n"
	"| TCP flags | also by name or letter: `tcp.flags: \"SYN,ACK\"`, `tcp.flags: AS` |\n"
	"| bytes | in hexadecimal, with or without colons |\n"
	"| of two places (`ip.addr`, `tcp.port`) | holds if either has the value |\n\n"
	"A name means the outermost header of its protocol. Where #2 is marked, `NAME#2` means "
	"the "
	"next one,\n"
	"as in Wireshark's layer operator: the inner VLAN tag, the packet that an ICMP error "
	"quotes, or the one\n"
	"that a tunnel carries (VXLAN to port 4789 or 8472, Geneve, IP in IP). The ports of an "
	"ICMP "
	"error are\n"
	"the quoted ones: there are no others.\n";

static bool is_second(const char *name)
{
	return strstr(name, "#2") != NULL;
}

static bool has_second(const char *name)
{
	char second[96];

	snprintf(second, sizeof(second), "%s#2", name);
	return field_find(second) != NULL;
}

static bool belongs(const char *name, const char *protocol)
{
	size_t len = strlen(protocol);

	return strncmp(name, protocol, len) == 0 && name[len] == '.';
}

void schema_print_fields(struct buf *out)
{
	buf_puts(out, intro);
	for (size_t p = 0; p < sizeof(protocols) / sizeof(protocols[0]); p++) {
		buf_printf(out, "\n## %s\n\n| field | #2 | meaning |\n|---|---|---|\n",
			   protocols[p][1]);
		for (size_t i = 0; field_at(i); i++) {
			const char *name = field_name(field_at(i));

			if (is_second(name) || !belongs(name, protocols[p][0]))
				continue;
			buf_printf(out, "| `%s` | %s | %s |\n", name, has_second(name) ? "#2" : "",
				   field_text(field_at(i)));
		}
	}
}
