// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The headers with which a packet arrived, but for what a variant changes: lengths, checksums, options, tags. */
#include <stdlib.h>
#include <string.h>

#include "judge/sweep_parts.h"
#include "packet/csum.h"
#include "packet/field.h"

#define NAT_PORTS 32768 /* behind those of node ports */

/* By family: what holds the same. What a message quotes is the second header of its kind. */
static const struct {
	const char *four, *six;
	bool is_address;
} headers[] = {
	{ "ip.src", "ipv6.src", true },
	{ "ip.dst", "ipv6.dst", true },
	{ "ip.ttl", "ipv6.hlim", false },
	{ "ip.dsfield.dscp", "ipv6.tclass.dscp", false },
	{ "tcp.srcport", "tcp.srcport", false },
	{ "tcp.dstport", "tcp.dstport", false },
	{ "tcp.flags", "tcp.flags", false },
	{ "tcp.seq_raw", "tcp.seq_raw", false },
	{ "tcp.ack_raw", "tcp.ack_raw", false },
	{ "udp.srcport", "udp.srcport", false },
	{ "udp.dstport", "udp.dstport", false },
	{ "sctp.srcport", "sctp.srcport", false },
	{ "sctp.dstport", "sctp.dstport", false },
	{ "icmp.ident", "icmpv6.echo.identifier", false },
	{ "ip.src#2", "ipv6.src#2", true },
	{ "ip.dst#2", "ipv6.dst#2", true },
	{ "icmp.type", "icmp.type", false },
	{ "icmp.code", "icmp.code", false },
	{ "icmpv6.type", "icmpv6.type", false },
	{ "icmpv6.code", "icmpv6.code", false },
};

/* From here on the families have no word in common. */
#define N_HEADERS     (sizeof(headers) / sizeof(headers[0]))
#define N_OF_FAMILIES (N_HEADERS - 4)

static const char *value_of(struct sweeping *s, const char *name, const struct frame *f,
			    const struct layers *l)
{
	const struct field *field = field_find(name);
	__cleanup_buf struct buf b = BUF_INIT;

	if (!field || !field_get(field, f->data, f->len, l, &b))
		return "absent";
	return arena_strdup(s->a, buf_str(&b));
}

/* Loopback addresses of pods that reach themselves are no member's. */
static bool is_nobodys(const struct ip_addr *four)
{
	return four->bytes[0] == 169 && four->bytes[1] == 254;
}

static const struct address_pair *pair_of(const struct sweeping *s, const struct ip_addr *six)
{
	for (size_t i = 0; i < s->t->n_pairs; i++)
		if (ip_addr_equal(&s->t->pairs[i].six, six))
			return &s->t->pairs[i];
	return NULL;
}

static bool same_member(struct sweeping *s, const char *field, const char *was, const char *is)
{
	const struct address_pair *pair;
	struct ip_addr four, six;
	struct buf b = BUF_INIT;

	if (!ip_addr_parse(was, &four) || !ip_addr_parse(is, &six))
		return strcmp(was, is) == 0;
	pair = pair_of(s, &six);
	if (is_nobodys(&four) || !pair || ip_addr_equal(&pair->four, &four))
		return true;
	ip_addr_print(&b, &pair->four);
	sweep_differs(s, NULL, field, arena_printf(s->a, "that of %s", was),
		      arena_printf(s->a, "%s, that of %s", is, b.len ? buf_str(&b) : "nobody"));
	buf_free(&b);
	return false;
}

static bool same_sums(struct sweeping *s, const struct frame *was, const struct layers *lw,
		      const struct frame *is, const struct layers *li)
{
	if (csum_l3(is->data, is->len, &li->ip) == CSUM_BAD &&
	    csum_l3(was->data, was->len, &lw->ip) != CSUM_BAD)
		return sweep_differs(s, NULL, "ip.checksum", "right", "wrong"), false;
	if (csum_l4(is->data, is->len, &li->ip) == CSUM_BAD &&
	    csum_l4(was->data, was->len, &lw->ip) != CSUM_BAD)
		return sweep_differs(s, NULL, "checksum of the transport", "right", "wrong"), false;
	return true;
}

static bool same_value(const char *a, const char *b)
{
	char *end_a, *end_b;
	unsigned long x = strtoul(a, &end_a, 0), y = strtoul(b, &end_b, 0);

	return strcmp(a, b) == 0 || (!*end_a && !*end_b && x == y);
}

/* Ports that a NAT chose are the next free ones of each family. */
static bool is_chosen_port(const char *field, const char *a, const char *b)
{
	return strstr(field, "port") && atoi(a) >= NAT_PORTS && atoi(b) >= NAT_PORTS;
}

bool sweep_same_headers(struct sweeping *s, const struct trace *was, const struct trace *is)
{
	const struct frame *f = &was->final, *g = &is->final;
	struct layers lf, lg;

	if (!f->data || !g->data) {
		if (!f->data == !g->data)
			return true;
		sweep_differs(s, NULL, "arrived", f->data ? "a packet" : "none",
			      g->data ? "a packet" : "none");
		return false;
	}
	packet_parse(f->data, f->len, LINK_ETHERNET, &lf);
	packet_parse(g->data, g->len, LINK_ETHERNET, &lg);
	for (size_t i = 0; i < (s->other_family ? N_OF_FAMILIES : N_HEADERS); i++) {
		const char *other = s->other_family ? headers[i].six : headers[i].four;
		const char *a = value_of(s, headers[i].four, f, &lf),
			   *b = value_of(s, other, g, &lg);

		if (s->other_family && headers[i].is_address) {
			if (!same_member(s, other, a, b))
				return false;
			continue;
		}
		if (!same_value(a, b) && !(s->other_family && is_chosen_port(other, a, b)))
			return sweep_differs(s, NULL, other, a, b), false;
		if (!s->other_family && strcmp(headers[i].six, other) != 0) {
			a = value_of(s, headers[i].six, f, &lf);
			b = value_of(s, headers[i].six, g, &lg);
			if (strcmp(a, b) != 0)
				return sweep_differs(s, NULL, headers[i].six, a, b), false;
		}
	}
	return same_sums(s, f, &lf, g, &lg);
}
