/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of ICMP type names. */
#include "scenario/icmp_types.h"

#include <stddef.h>
#include <string.h>

static const struct {
	uint8_t family, type;
	const char *name;
} types[] = {
	{ 4, 0, "EchoReply" },
	{ 4, 3, "DestinationUnreachable" },
	{ 4, 5, "Redirect" },
	{ 4, 8, "Echo" },
	{ 4, 8, "EchoRequest" },
	{ 4, 9, "RouterAdvertisement" },
	{ 4, 10, "RouterSelection" },
	{ 4, 11, "TimeExceeded" },
	{ 4, 12, "ParameterProblem" },
	{ 4, 13, "Timestamp" },
	{ 4, 14, "TimestampReply" },
	{ 4, 40, "Photuris" },
	{ 4, 42, "ExtendedEchoRequest" },
	{ 4, 43, "ExtendedEchoReply" },
	{ 6, 1, "DestinationUnreachable" },
	{ 6, 2, "PacketTooBig" },
	{ 6, 3, "TimeExceeded" },
	{ 6, 4, "ParameterProblem" },
	{ 6, 128, "EchoRequest" },
	{ 6, 129, "EchoReply" },
	{ 6, 130, "MulticastListenerQuery" },
	{ 6, 131, "MulticastListenerReport" },
	{ 6, 132, "MulticastListenerDone" },
	{ 6, 133, "RouterSolicitation" },
	{ 6, 134, "RouterAdvertisement" },
	{ 6, 135, "NeighborSolicitation" },
	{ 6, 136, "NeighborAdvertisement" },
	{ 6, 137, "RedirectMessage" },
};

bool icmp_type_parse(uint8_t family, const char *name, uint8_t *type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].family == family && strcmp(types[i].name, name) == 0) {
			*type = types[i].type;
			return true;
		}
	}
	return false;
}
