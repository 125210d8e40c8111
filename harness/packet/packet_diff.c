// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two states of one packet beside each other. */
#include "packet/packet_diff.h"

#include <string.h>

#include "packet/field.h"
#include "packet/print.h"

#define GAP	   4 /* equal bytes between two ranges that are shown as one */
#define RANGES_MAX 8
#define HEX_MAX	   64

struct printer {
	struct buf *out;
	const char *indent;
};

static void print_field(void *arg, const struct field *f, const char *was, const char *is)
{
	const struct printer *p = arg;

	buf_printf(p->out, "%s%s %s -> %s\n", p->indent, field_name(f), was, is);
}

static void print_hex(struct buf *out, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len && i < HEX_MAX; i++)
		buf_printf(out, "%02x", data[i]);
	if (len > HEX_MAX)
		buf_puts(out, "...");
	if (!len)
		buf_puts(out, "nothing");
}

static void print_range(struct printer *p, const struct frame *was, const struct frame *is,
			uint32_t from, uint32_t to)
{
	buf_printf(p->out, "%sbytes %u-%u ", p->indent, from, to - 1);
	print_hex(p->out, was->data + from, to - from);
	buf_puts(p->out, " -> ");
	print_hex(p->out, is->data + from, to - from);
	buf_putc(p->out, '\n');
}

/* Of the same length: the ranges that differ. */
static void print_ranges(struct printer *p, const struct frame *was, const struct frame *is)
{
	uint32_t n = 0, at = 0;

	while (at < was->len) {
		uint32_t from, to, same = 0;

		while (at < was->len && was->data[at] == is->data[at])
			at++;
		if (at == was->len)
			break;
		if (n++ == RANGES_MAX) {
			buf_printf(p->out, "%sand more from byte %u on\n", p->indent, at);
			break;
		}
		for (from = at, to = at; at < was->len && same < GAP; at++) {
			same = was->data[at] == is->data[at] ? same + 1 : 0;
			to = same ? to : at + 1;
		}
		print_range(p, was, is, from, to);
	}
}

/* Of another length: what stands between the common beginning and the common end. */
static void print_resized(struct printer *p, const struct frame *was, const struct frame *is)
{
	uint32_t shorter = was->len < is->len ? was->len : is->len, head = 0, tail = 0;

	while (head < shorter && was->data[head] == is->data[head])
		head++;
	while (tail < shorter - head &&
	       was->data[was->len - 1 - tail] == is->data[is->len - 1 - tail])
		tail++;
	buf_printf(p->out, "%slength %u -> %u; at byte %u, %u bytes ", p->indent, was->len, is->len,
		   head, was->len - head - tail);
	print_hex(p->out, was->data + head, was->len - head - tail);
	buf_printf(p->out, " -> %u bytes ", is->len - head - tail);
	print_hex(p->out, is->data + head, is->len - head - tail);
	buf_putc(p->out, '\n');
}

bool frames_differ(const struct frame *was, const struct frame *is)
{
	return was->data && is->data &&
	       (was->len != is->len || memcmp(was->data, is->data, was->len) != 0);
}

void print_packet_diff(struct buf *out, const struct frame *was, const struct frame *is,
		       const char *indent)
{
	struct printer p = { out, indent };
	struct layers lw, li;

	if (!frames_differ(was, is))
		return;
	buf_printf(out, "%spacket now ", indent);
	packet_print(out, is->data, is->len, is->len, LINK_ETHERNET);
	buf_putc(out, '\n');
	if (packet_parse(was->data, was->len, LINK_ETHERNET, &lw) == 0 &&
	    packet_parse(is->data, is->len, LINK_ETHERNET, &li) == 0)
		field_diff(was->data, was->len, &lw, is->data, is->len, &li, print_field, &p);
	if (was->len == is->len)
		print_ranges(&p, was, is);
	else
		print_resized(&p, was, is);
}
