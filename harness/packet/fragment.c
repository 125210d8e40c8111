// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "packet/fragment.h"

#include <netinet/ip.h>
#include <string.h>

#include "packet/bytes.h"
#include "packet/csum.h"

#define FLAGS_AT  6
#define FIXED_LEN 20

static uint32_t header_len(const uint8_t *ip)
{
	return 4u * (ip[0] & 0x0f);
}

static void sum_header(uint8_t *ip)
{
	put_be16(ip + 10, 0);
	put_be16(ip + 10, csum_fold(csum_add(0, ip, header_len(ip))));
}

/* ip_options_fragment() */
static void blank_options(uint8_t *ip)
{
	uint32_t end = header_len(ip), at = FIXED_LEN;

	while (at < end && ip[at] != IPOPT_END) {
		uint32_t len = ip[at] == IPOPT_NOP ? 1 : at + 1 < end ? ip[at + 1] : 0;

		if (!len || at + len > end)
			return;
		if (!IPOPT_COPIED(ip[at]))
			memset(ip + at, IPOPT_NOP, len);
		at += len;
	}
}

/* len bytes of data from `from` on. */
static struct frame piece(const struct frame *f, const struct layers *l, uint32_t from,
			  uint32_t len, bool is_last, struct arena *a)
{
	uint32_t l3 = (uint32_t)l->ip.l3, head = header_len(f->data + l3);
	struct frame p = { .len = l3 + head + len };
	uint16_t flags = get_be16(f->data + l3 + FLAGS_AT);
	uint8_t *ip;

	p.wire_len = p.len;
	p.data = arena_alloc(a, p.len);
	memcpy(p.data, f->data, l3 + head);
	memcpy(p.data + l3 + head, f->data + l3 + head + from, len);
	ip = p.data + l3;
	put_be16(ip + 2, (uint16_t)(head + len));
	put_be16(ip + FLAGS_AT, (uint16_t)((flags + from / 8) | (is_last ? 0 : IP_MF)));
	if (from)
		blank_options(ip);
	sum_header(ip);
	return p;
}

size_t frame_cut(const struct frame *f, const struct layers *l, uint32_t mtu, struct arena *a,
		 struct frame **out)
{
	const uint8_t *ip = f->data + l->ip.l3;
	uint32_t head = header_len(ip), total = get_be16(ip + 2), most, n = 0;

	if (mtu < head + 8 || total <= head || (uint32_t)l->ip.l3 + total > f->len)
		return 0;
	most = (mtu - head) & ~7u;
	*out = arena_alloc(a, ((total - head) / most + 1) * sizeof(**out));
	for (uint32_t at = 0; at < total - head; at += most) {
		uint32_t left = total - head - at;

		(*out)[n++] = piece(f, l, at, left < most ? left : most, left <= most, a);
	}
	return n;
}

static bool add_piece(struct frame *whole, uint32_t l3, const struct frame *p)
{
	struct layers l;
	uint32_t at, len, had = whole->len - l3 - header_len(whole->data + l3);

	packet_parse(p->data, p->len, LINK_ETHERNET, &l);
	if (l.ip.version != 4)
		return false;
	at = (uint32_t)l.ip.l3 + header_len(p->data + l.ip.l3);
	if ((uint32_t)l.ip.end < at)
		return false;
	len = (uint32_t)l.ip.end - at;
	if (l.ip.frag_off != had + 8u * (get_be16(whole->data + l3 + FLAGS_AT) & IP_OFFMASK))
		return false;
	memcpy(whole->data + whole->len, p->data + at, len);
	whole->len += len;
	return true;
}

bool frame_join(const struct frame *pieces, size_t n, struct arena *a, struct frame *out)
{
	struct layers l;
	uint32_t room = 0, l3;
	uint8_t *ip;

	packet_parse(pieces[0].data, pieces[0].len, LINK_ETHERNET, &l);
	if (l.ip.version != 4)
		return false;
	for (size_t i = 0; i < n; i++)
		room += pieces[i].len;
	l3 = (uint32_t)l.ip.l3;
	*out = pieces[0];
	out->data = arena_alloc(a, room);
	out->len = (uint32_t)l.ip.end;
	memcpy(out->data, pieces[0].data, out->len);
	for (size_t i = 1; i < n; i++)
		if (!add_piece(out, l3, &pieces[i]))
			return false;
	out->wire_len = out->len;
	packet_parse(pieces[n - 1].data, pieces[n - 1].len, LINK_ETHERNET, &l);
	ip = out->data + l3;
	put_be16(ip + 2, (uint16_t)(out->len - l3));
	put_be16(ip + FLAGS_AT, (uint16_t)((get_be16(ip + FLAGS_AT) & ~IP_MF) |
					   (l.ip.more_fragments ? IP_MF : 0)));
	sum_header(ip);
	return true;
}
