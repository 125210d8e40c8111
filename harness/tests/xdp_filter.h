/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What xdp-filter does to a packet, in plain C from its manual: the tool's objects are judged by it.
 * Manual and names of the bits: xdp-tools 1.3.1, xdp-filter(8) and common_kern_user.h.
 */
#ifndef VERDICT_TESTS_XDP_FILTER_H
#define VERDICT_TESTS_XDP_FILTER_H

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/capture.h"
#include "packet/parse.h"

enum { SRC = 1, DST = 2, TCP = 4, UDP = 8 };

/* One entry: in which map, its key as text, its bits. */
struct rule {
	enum { PORT, IP4, IP6, MAC } kind;
	const char *key;
	unsigned bits;
};

/* What of a packet a filter looks at. */
struct seen {
	const uint8_t *mac[2], *addr[2]; /* destination, source; NULL: none */
	unsigned version; /* of addr: 4, 6 or 0 */
	uint16_t port[2];
	unsigned proto; /* TCP, UDP, or 0 */
	bool neighbour; /* ARP, or IPv6's neighbour discovery */
};

static inline struct seen seen_of(const struct capture_packet *p)
{
	struct layers l;
	struct seen s = { 0 };
	const uint8_t *d = p->data;

	packet_parse(d, p->caplen, LINK_ETHERNET, &l);
	s.mac[0] = d + l.eth;
	s.mac[1] = d + l.eth + 6;
	s.version = l.ip.version;
	s.neighbour = l.ethertype == 0x806;
	if (s.version == 4) {
		s.addr[0] = d + l.ip.l3 + 16;
		s.addr[1] = d + l.ip.l3 + 12;
	} else if (s.version == 6) {
		s.addr[0] = d + l.ip.l3 + 24;
		s.addr[1] = d + l.ip.l3 + 8;
		s.neighbour =
			l.ip.proto == IPPROTO_ICMPV6 && (d[l.ip.l4] == 135 || d[l.ip.l4] == 136);
	}
	if (l.ip.l4 != NO_OFFSET && (l.ip.proto == IPPROTO_TCP || l.ip.proto == IPPROTO_UDP)) {
		s.proto = l.ip.proto == IPPROTO_TCP ? TCP : UDP;
		s.port[0] = get_be16(d + l.ip.l4 + 2);
		s.port[1] = get_be16(d + l.ip.l4);
	}
	return s;
}

static inline bool same_mac(const uint8_t *mac, const char *key)
{
	uint8_t k[6];

	sscanf(key, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &k[0], &k[1], &k[2], &k[3], &k[4], &k[5]);
	return !memcmp(mac, k, 6);
}

static inline bool same_address(const uint8_t *addr, const char *key, int family)
{
	uint8_t k[16];

	inet_pton(family, key, k);
	return !memcmp(addr, k, family == AF_INET ? 4 : 16);
}

/* The rule's key is that end of the packet: 0 destination, 1 source. */
static inline bool is_end(const struct rule *r, const struct seen *s, int end)
{
	switch (r->kind) {
	case PORT:
		return s->proto && (r->bits & s->proto) && s->port[end] == atoi(r->key);
	case IP4:
		return s->version == 4 && same_address(s->addr[end], r->key, AF_INET);
	case IP6:
		return s->version == 6 && same_address(s->addr[end], r->key, AF_INET6);
	case MAC:
		return same_mac(s->mac[end], r->key);
	}
	return false;
}

static inline bool rule_matches(const struct rule *r, const struct seen *s)
{
	return ((r->bits & DST) && is_end(r, s, 0)) || ((r->bits & SRC) && is_end(r, s, 1));
}

/* One of the ten objects, by the two words of its name. */
struct filter_kind {
	bool deny; /* of packets that nothing matches */
	bool mac, ip;
	unsigned ports; /* TCP, UDP */
};

static inline struct filter_kind filter_kind(const char *policy, const char *features)
{
	bool all = !strcmp(features, "all");

	return (struct filter_kind){
		.deny = !strcmp(policy, "dny"),
		.mac = all || !strcmp(features, "eth"),
		.ip = all || !strcmp(features, "ip"),
		.ports = (all || !strcmp(features, "tcp") ? TCP : 0) |
			 (all || !strcmp(features, "udp") ? UDP : 0),
	};
}

/* The object has a map for such a rule. */
static inline bool filter_has(struct filter_kind f, const struct rule *r)
{
	return r->kind == PORT ? f.ports != 0 : r->kind == MAC ? f.mac : f.ip;
}

static inline int filter_verdict(struct filter_kind f, const struct rule *rules, size_t n,
				 struct seen s)
{
	s.proto &= f.ports;
	for (size_t i = 0; i < n; i++)
		if (filter_has(f, &rules[i]) && rule_matches(&rules[i], &s))
			return f.deny ? XDP_PASS : XDP_DROP;
	return f.deny ? XDP_DROP : XDP_PASS;
}

/* 1.5.7 and later look for addresses in ARP and neighbour discovery too; the manual is silent. */
static inline bool filter_is_open(struct filter_kind f, const struct rule *rules, size_t n,
				  const struct seen *s)
{
	for (size_t i = 0; i < n; i++)
		if (f.ip && s->neighbour && (rules[i].kind == IP4 || rules[i].kind == IP6))
			return true;
	return false;
}

#endif
