/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads expected field values and holds packets against them, and one packet against another. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "packet/field.h"
#include "packet/field_table.h"

/* An expected value, read. Bytes of any length stay text. */
struct want {
	uint32_t number;
	uint8_t addr[16];
	unsigned prefix; /* bits of addr that count */
	const char *bytes;
};

static bool is_tcp_flags(const struct field *f)
{
	return f->base == BASE_TCP && f->off == 12 && f->size == 2;
}

static uint32_t largest(const struct field *f)
{
	uint32_t max = f->mask	      ? f->mask >> f->shift
		       : f->size == 1 ? UINT8_MAX
		       : f->size == 2 ? UINT16_MAX
				      : UINT32_MAX;

	return f->scale ? max * f->scale : max;
}

static bool read_u32(const char *s, uint32_t *out)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	unsigned long long n;
	char *end;

	if (!isxdigit((unsigned char)s[hex ? 2 : 0]))
		return false;
	n = strtoull(s, &end, hex ? 16 : 10);
	*out = (uint32_t)n;
	return *end == '\0' && n <= UINT32_MAX;
}

static bool read_number(const struct field *f, const char *s, uint32_t *out)
{
	if (!read_u32(s, out) || *out > largest(f))
		return false;
	return !f->scale || *out % f->scale == 0;
}

static bool read_flag(const char *s, uint32_t *out)
{
	*out = strcasecmp(s, "true") == 0 || strcmp(s, "1") == 0;
	return *out || strcasecmp(s, "false") == 0 || strcmp(s, "0") == 0;
}

static const struct {
	const char *name;
	char letter; /* as in Wireshark's tcp.flags.str */
	uint32_t bit;
} tcp_flag[] = {
	{ "FIN", 'F', 0x01 }, { "SYN", 'S', 0x02 }, { "RST", 'R', 0x04 }, { "PSH", 'P', 0x08 },
	{ "ACK", 'A', 0x10 }, { "URG", 'U', 0x20 }, { "ECE", 'E', 0x40 }, { "CWR", 'C', 0x80 },
};

#define N_TCP_FLAGS (sizeof(tcp_flag) / sizeof(tcp_flag[0]))

/* "SYN,ACK", "SYN|ACK", "SYN ACK" */
static bool read_flag_names(const char *s, uint32_t *out)
{
	*out = 0;
	while (*(s += strspn(s, ",| +"))) {
		size_t len = strcspn(s, ",| +"), i;

		for (i = 0; i < N_TCP_FLAGS; i++) {
			if (len == 3 && strncasecmp(s, tcp_flag[i].name, 3) == 0)
				break;
		}
		if (i == N_TCP_FLAGS)
			return false;
		*out |= tcp_flag[i].bit;
		s += len;
	}
	return *out;
}

/* "AS", in any order */
static bool read_flag_letters(const char *s, uint32_t *out)
{
	*out = 0;
	for (; *s; s++) {
		size_t i;

		for (i = 0; i < N_TCP_FLAGS; i++) {
			if (*s == tcp_flag[i].letter)
				break;
		}
		if (i == N_TCP_FLAGS)
			return false;
		*out |= tcp_flag[i].bit;
	}
	return *out;
}

static int hex_digit(char c)
{
	c = (char)tolower((unsigned char)c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of hex text; *s moves behind it and behind a separator that another byte follows. */
static int hex_byte(const char **s)
{
	int hi = hex_digit((*s)[0]), lo = hi < 0 ? -1 : hex_digit((*s)[1]);

	if (lo < 0)
		return -1;
	*s += 2;
	if ((**s == ':' || **s == '-') && hex_digit((*s)[1]) >= 0)
		++*s;
	return hi << 4 | lo;
}

static bool read_mac(const char *s, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++) {
		int byte = hex_byte(&s);

		if (byte < 0)
			return false;
		mac[i] = (uint8_t)byte;
	}
	return *s == '\0';
}

static bool read_addr(const char *s, int af, struct want *w)
{
	unsigned bits = af == AF_INET ? 32 : 128;
	const char *slash = strchr(s, '/');
	char text[INET6_ADDRSTRLEN];
	size_t len = slash ? (size_t)(slash - s) : strlen(s);

	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	w->prefix = bits;
	if (slash && (!read_u32(slash + 1, &w->prefix) || w->prefix > bits))
		return false;
	return inet_pton(af, text, w->addr) == 1;
}

static bool read_bytes(const char *s)
{
	if (!*s)
		return false;
	while (*s) {
		if (hex_byte(&s) < 0)
			return false;
	}
	return true;
}

static bool read_want(const struct field *f, const char *s, struct want *w)
{
	switch ((enum field_kind)f->kind) {
	case KIND_DEC:
		return read_number(f, s, &w->number);
	case KIND_HEX:
		if (read_number(f, s, &w->number))
			return true;
		return is_tcp_flags(f) &&
		       (read_flag_names(s, &w->number) || read_flag_letters(s, &w->number));
	case KIND_FLAG:
		return read_flag(s, &w->number);
	case KIND_MAC:
		w->prefix = 48;
		return read_mac(s, w->addr);
	case KIND_IP4:
		return read_addr(s, AF_INET, w);
	case KIND_IP6:
		return read_addr(s, AF_INET6, w);
	case KIND_BYTES:
		w->bytes = s;
		return read_bytes(s);
	}
	return false;
}

bool field_valid(const struct field *f, const char *expected)
{
	struct want w;

	return read_want(f, expected, &w);
}

/* ---- comparing ---- */

static bool prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return !rest || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool bytes_equal(const uint8_t *p, uint32_t len, const char *hex)
{
	for (uint32_t i = 0; i < len; i++) {
		if (hex_byte(&hex) != p[i])
			return false;
	}
	return *hex == '\0';
}

static bool place_matches(const struct field *f, const struct field_place *v, const uint8_t *at,
			  const struct want *w)
{
	switch ((enum field_kind)f->kind) {
	case KIND_DEC:
	case KIND_HEX:
		return field_number(f, v, at) == w->number;
	case KIND_FLAG:
		return (field_number(f, v, at) != 0) == (w->number != 0);
	case KIND_MAC:
	case KIND_IP4:
	case KIND_IP6:
		return prefix_equal(at, w->addr, w->prefix);
	case KIND_BYTES:
		return bytes_equal(at, v->len, w->bytes);
	}
	return false;
}

bool field_matches(const struct field *f, const uint8_t *data, uint32_t caplen,
		   const struct layers *l, const char *expected)
{
	struct field_place v;
	struct want w;

	if (!field_locate(f, data, caplen, l, &v) || !read_want(f, expected, &w))
		return false;
	return place_matches(f, &v, v.at, &w) || (v.at2 && place_matches(f, &v, v.at2, &w));
}

/* ---- two packets ---- */

static bool same_value(const struct field *f, const struct field_place *a,
		       const struct field_place *b)
{
	if (f->kind == KIND_DEC || f->kind == KIND_HEX || f->kind == KIND_FLAG)
		return field_number(f, a, a->at) == field_number(f, b, b->at);
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* data.data repeats what tcp.payload and udp.payload already show. */
static bool shown_elsewhere(const struct field *f, const struct layers *l)
{
	return f->base == BASE_PAYLOAD &&
	       (l->ip.proto == IPPROTO_TCP || l->ip.proto == IPPROTO_UDP) && l->ip.l4 >= 0;
}

void field_diff(const uint8_t *a, uint32_t alen, const struct layers *la, const uint8_t *b,
		uint32_t blen, const struct layers *lb,
		void (*report)(void *arg, const struct field *f, const char *was, const char *is),
		void *arg)
{
	__cleanup_buf struct buf was = BUF_INIT, is = BUF_INIT;

	for (size_t i = 0; i < field_table_n; i++) {
		const struct field *f = &field_table[i];
		struct field_place va, vb;
		bool in_a, in_b;

		if (f->part)
			continue;
		in_a = field_locate(f, a, alen, la, &va) && !shown_elsewhere(f, la);
		in_b = field_locate(f, b, blen, lb, &vb) && !shown_elsewhere(f, lb);
		if ((!in_a && !in_b) || (in_a && in_b && same_value(f, &va, &vb)))
			continue;
		buf_reset(&was);
		buf_reset(&is);
		if (!in_a || !field_get(f, a, alen, la, &was))
			buf_puts(&was, "absent");
		if (!in_b || !field_get(f, b, blen, lb, &is))
			buf_puts(&is, "absent");
		report(arg, f, buf_str(&was), buf_str(&is));
	}
}
