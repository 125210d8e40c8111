/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packet fields under Wireshark's display-filter names: ip.src, tcp.dstport, icmp.type, ...
 *
 * One table; a field knows how to find itself in a parsed packet, how to print its value, and
 * how to read an expected one. Values print as Wireshark prints them in -T fields.
 * A name means the outermost header of its protocol; with "#2" behind it, as in Wireshark's layer
 * operator, the next one: ip.src#2 is in the packet an ICMP error quotes, vlan.id#2 in the inner
 * tag. tcp.srcport of an ICMP error is the quoted one: there is no other.
 */
#ifndef VERDICT_PACKET_FIELD_H
#define VERDICT_PACKET_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "packet/parse.h"

struct field;

const struct field *field_find(const char *name); /* NULL if unknown */
const char *field_nearest(const char *name); /* the name that was meant, or NULL */
const char *field_name(const struct field *f);
const char *field_text(const struct field *f); /* one line on what it is */
const struct field *field_at(size_t i); /* the table in order; NULL past its end */

/* Appends the field's value as text; false if the packet does not have it. ip.addr and others that
 * mean two places give both, with a comma.
 */
bool field_get(const struct field *f, const uint8_t *data, uint32_t caplen, const struct layers *l,
	       struct buf *out);
/* True if expected can be a value of this field at all (else the scenario is wrong). Numbers are
 * decimal or 0x hex, addresses in any notation inet_pton takes (with /len: a prefix to be in),
 * tcp.flags also by names or Wireshark's letters (0x12, "SYN,ACK", "AS"), yes/no flags as 1, 0,
 * true, false; bytes in hex with or without colons.
 */
bool field_valid(const struct field *f, const char *expected);
/* True if the packet has the field and its value is the expected one. */
bool field_matches(const struct field *f, const uint8_t *data, uint32_t caplen,
		   const struct layers *l, const char *expected);

/* Reports every table field whose presence or value differs between two packets; was and is are
 * never NULL but "absent" where a packet does not have the field. Fields that only show parts of
 * another (tcp.flags.syn, ip.addr) are left out.
 */
void field_diff(const uint8_t *a, uint32_t alen, const struct layers *la, const uint8_t *b,
		uint32_t blen, const struct layers *lb,
		void (*report)(void *arg, const struct field *f, const char *was, const char *is),
		void *arg);

#endif
