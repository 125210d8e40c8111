/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Malformed packets, made of well-formed ones in every way that parsers have fallen for, each tried by
 * hostile_try().
 */
#ifndef VERDICT_TESTS_DATAPATH_HOSTILE_H
#define VERDICT_TESTS_DATAPATH_HOSTILE_H

#include "hostile_packets.h"
#include "hostile_try.h"

/* ---- what is done to them ---- */

/* BPF_PROG_TEST_RUN refuses EtherTypes IPv4 and IPv6 with less than their fixed header behind (Linux 6.18):
 * a VLAN tag in front brings such frames to the program all the same.
 */
static inline struct pkt hostile_tagged(struct pkt p, unsigned tags, uint16_t tpid)
{
	for (unsigned i = 0; i < tags; i++) {
		memmove(p.b + 16, p.b + 12, p.len - 12);
		set16(&p, 12, tpid);
		set16(&p, 14, 0);
		p.len += 4;
	}
	return p;
}

static inline uint32_t hostile_fixed(const struct pkt *p)
{
	return p->b[14] >> 4 == 6 ? 14 + 40 : 14 + 20;
}

static inline void hostile_set_length(struct pkt *p, uint32_t ip_bytes)
{
	if (p->b[14] >> 4 == 6) {
		set16(p, 18, (uint16_t)(ip_bytes - 40));
		return;
	}
	set16(p, 16, (uint16_t)ip_bytes);
	set16(p, 24, 0);
	set16(p, 24, slow_sum(p->b + 14, (p->b[14] & 0xfu) * 4, 0));
}

/* The frame ends at any byte; then the IP length says so too, with and without padding behind. */
static inline void hostile_cut(struct hostile_at *at, const struct pkt *p, const char *name)
{
	char what[128];

	for (uint32_t len = 14; len < p->len; len++) {
		struct pkt cut = len < hostile_fixed(p) ? hostile_tagged(*p, 1, 0x8100) : *p;

		snprintf(what, sizeof(what), "%s, frame cut to %u bytes", name, len);
		cut.len = len + (cut.len - p->len);
		hostile_try(at, &cut, what);
	}
	for (uint32_t len = hostile_fixed(p); len < p->len; len++) {
		struct pkt cut = *p;

		snprintf(what, sizeof(what), "%s, %u bytes long", name, len);
		hostile_set_length(&cut, len - 14);
		hostile_try(at, &cut, what);
		cut.len = len;
		hostile_try(at, &cut, what);
	}
}

/* Lengths that lie, header lengths and versions. */
static inline void hostile_lie(struct hostile_at *at, const struct pkt *p, const char *name)
{
	static const uint16_t lengths[] = { 0, 1, 19, 20, 27, 39, 40, 2000, 0x7fff, 0xffff };
	bool v6 = p->b[14] >> 4 == 6;
	struct pkt lie = *p;
	char what[128];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		if (lengths[i] == at16(p, v6 ? 18 : 16))
			continue;
		set16(&lie, v6 ? 18 : 16, lengths[i]);
		snprintf(what, sizeof(what), "%s, IP says %u bytes", name, lengths[i]);
		hostile_try(at, &lie, what);
	}
	lie = *p;
	for (unsigned first = 0; first < 256; first++) {
		if (v6 && first >> 4 == 6)
			continue; /* traffic class */
		lie.b[14] = (uint8_t)first;
		snprintf(what, sizeof(what), "%s, first byte %02x", name, first);
		if (first != p->b[14])
			hostile_try(at, &lie, what);
	}
}

/* Each byte behind the link layer takes the values that parsers stumble over; the destination stays. */
static inline void hostile_bytes(struct hostile_at *at, const struct pkt *p, const char *name)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x08, 0x2c, 0x33, 0x3c, 0x7f, 0x80, 0xff };
	uint32_t dst = p->b[14] >> 4 == 6 ? 38 : 30, dst_end = p->b[14] >> 4 == 6 ? 54 : 34;
	char what[128];

	for (uint32_t i = 14; i < p->len; i++) {
		if (i >= dst && i < dst_end)
			continue;
		for (size_t v = 0; v < sizeof(values); v++) {
			struct pkt bad = *p;

			bad.b[i] = values[v];
			snprintf(what, sizeof(what), "%s, byte %u is %02x", name, i, values[v]);
			hostile_try(at, &bad, what);
		}
	}
}

static inline void hostile_vlan(struct hostile_at *at, const struct pkt *p, const char *name)
{
	static const uint16_t tpids[] = { 0x8100, 0x88a8 };
	char what[128];

	for (int i = 0; i < 2; i++) {
		for (unsigned tags = 1; tags < 6; tags++) {
			struct pkt t = hostile_tagged(*p, tags, tpids[i]);

			snprintf(what, sizeof(what), "%s behind %u tags %04x", name, tags,
				 tpids[i]);
			hostile_try(at, &t, what);
			t.len = 14 + 4 * tags - 2; /* within the last tag */
			hostile_try(at, &t, what);
		}
	}
}

/* ---- kinds of their own ---- */

/* 40 bytes of options: each type with each length, at the front and at the end. */
static inline void hostile_ip_options(struct hostile_at *at, const struct hostile_ends *e)
{
	static const uint8_t types[] = { 0, 1, 7, 68, 130, 131, 136, 137, 148, 0x9a, 255 };
	static const uint8_t lengths[] = { 0, 1, 2, 3, 4, 7, 8, 9, 40, 41, 255 };
	char what[128];

	for (size_t t = 0; t < sizeof(types); t++) {
		for (size_t l = 0; l < 2 * sizeof(lengths); l++) {
			uint32_t l3, l4, off = l < sizeof(lengths) ? 0 : 38;
			uint8_t len = lengths[l % sizeof(lengths)];
			struct pkt p;

			put_eth(&p, 0x0800);
			l3 = put_ip4(&p, e->src, e->dst, 6);
			p.b[l3] = 0x4f;
			memset(p.b + p.len, 1, 40);
			p.b[p.len + off] = types[t];
			p.b[p.len + off + 1] = len;
			p.len += 40;
			l4 = put_tcp(&p, e->sport, e->dport, SYN);
			end_l4(&p, (int)l3, l4, 16, 6);
			end_ip(&p, l3);
			snprintf(what, sizeof(what), "option %u of %u bytes at %u", types[t], len,
				 off);
			hostile_try(at, &p, what);
		}
	}
}

/* Chains of every length that end in TCP, and headers whose length lies. */
static inline void hostile_chains(struct hostile_at *at, const struct hostile_ends *e)
{
	static const uint8_t types[] = { 0, 43, 44, 51, 59, 60, 135, 139, 140, 253, 254 };
	static const uint8_t lengths[] = { 1, 2, 3, 4, 16, 127, 255 };
	char what[128];

	for (size_t t = 0; t < sizeof(types); t++) {
		for (unsigned n = 1; n < 16; n++) {
			struct pkt p = hostile_chain(e, types[t], n);

			snprintf(what, sizeof(what), "%u headers %u", n, types[t]);
			hostile_try(at, &p, what);
			p.b[14 + 40 + (n - 1) * 8] = types[t]; /* never comes to an end */
			hostile_try(at, &p, what);
		}
		for (size_t l = 0; l < sizeof(lengths); l++) {
			struct pkt p = hostile_chain(e, types[t], 2);

			p.b[14 + 40 + 1] = lengths[l];
			snprintf(what, sizeof(what), "header %u of length %u", types[t],
				 lengths[l]);
			hostile_try(at, &p, what);
		}
	}
}

/* Tiny ones, later ones that nobody announced, overlapping ones, some beyond 64 KiB. */
static inline void hostile_fragments(struct hostile_at *at, const struct hostile_ends *e)
{
	static const uint16_t offsets[] = { 0, 1, 2, 3, 5, 185, 8189, 8190, 8191 };
	static const uint16_t sizes[] = { 0, 1, 7, 8, 9, 16, 24 };
	char what[128];

	for (size_t o = 0; o < sizeof(offsets) / sizeof(offsets[0]); o++) {
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			for (int more = 0; more < 2; more++) {
				struct pkt p = hostile_fragment(e, offsets[o], more, sizes[s]);

				if (!offsets[o] && !more)
					continue; /* none */
				snprintf(what, sizeof(what), "fragment of %u bytes at %u, more %d",
					 sizes[s], offsets[o] * 8, more);
				hostile_try(at, &p, what);
			}
		}
	}
}

/* ICMP errors of every type, with quotes of every length and quotes that lie. */
static inline void hostile_quotes(struct hostile_at *at, const struct hostile_ends *e)
{
	struct pkt p = hostile_error(e);
	uint32_t l4 = hostile_is_v6(e) ? 14 + 40 : 14 + 20, quote = l4 + 8;
	char what[128];

	for (unsigned type = 0; type < 256; type++) {
		struct pkt t = p;

		if (hostile_is_v6(e) && type >= 133 && type <= 137)
			continue; /* neighbour discovery: not a matter of policy */
		t.b[l4] = (uint8_t)type;
		snprintf(what, sizeof(what), "ICMP type %u", type);
		hostile_try(at, &t, what);
	}
	for (unsigned first = 0; first < 256; first++) {
		struct pkt t = p;

		t.b[quote] = (uint8_t)first;
		snprintf(what, sizeof(what), "a quote that begins with %02x", first);
		hostile_try(at, &t, what);
	}
	for (unsigned proto = 0; proto < 256; proto++) {
		struct pkt t = p;

		t.b[quote + (hostile_is_v6(e) ? 6 : 9)] = (uint8_t)proto;
		snprintf(what, sizeof(what), "a quote of protocol %u", proto);
		hostile_try(at, &t, what);
	}
}

/* All of the above. */
static inline void hostile_all(struct hostile_at *at, const struct hostile_ends *e)
{
	struct pkt s[HOSTILE_SAMPLES];
	unsigned n = hostile_samples(e, s);
	char name[64];

	cr_assert_eq(replay_at(at->lab->replay, &at->place, &at->lab->err), 0, "%s",
		     at->lab->err.text);
	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "sample %u of IPv%d", i, hostile_is_v6(e) ? 6 : 4);
		hostile_try(at, &s[i], name);
		hostile_cut(at, &s[i], name);
		hostile_lie(at, &s[i], name);
		hostile_bytes(at, &s[i], name);
		hostile_vlan(at, &s[i], name);
	}
	if (hostile_is_v6(e))
		hostile_chains(at, e);
	else
		hostile_ip_options(at, e);
	hostile_fragments(at, e);
	hostile_quotes(at, e);
}

/* The samples themselves come as far as the policy that denies them. */
static inline void hostile_expect_policy(struct hostile_at *at, const struct hostile_ends *e)
{
	struct pkt s[HOSTILE_SAMPLES];
	unsigned n = hostile_samples(e, s);
	uint32_t denied = at->reasons[133];

	cr_assert_eq(replay_at(at->lab->replay, &at->place, &at->lab->err), 0);
	for (unsigned i = 0; i < n; i++)
		hostile_try(at, &s[i], "well-formed");
	cr_expect_eq(at->reasons[133], denied + n, "%u of %u samples are denied by policy",
		     at->reasons[133] - denied, n);
}

#endif
