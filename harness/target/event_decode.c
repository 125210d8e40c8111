/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes of the perf ring to struct event. Offsets are those of Cilium's notifications: drop versions
 * 0 to 3, trace 0 to 2, policy verdict, debug, debug capture. Multi-byte fields are in the
 * machine's order.
 *
 * The kernel pads a record to a multiple of eight bytes, so what follows the captured bytes is not
 * looked at.
 */
#include <errno.h>
#include <string.h>

#include "target/events.h"

#define COMMON_LEN  8
#define CAPTURE_LEN 16
#define DEBUG_LEN   20
#define DBG_CAP_LEN 24
#define POLICY_LEN  40

#define FLAG_IPV6      1
#define FLAG_L3_DEVICE 2
#define REASON_ENCRYPT 0x80

static const uint8_t drop_len[] = { 36, 36, 40, 48 }; /* by version */
static const uint8_t trace_len[] = { 32, 48, 56 };

struct record {
	const uint8_t *bytes;
	uint32_t size;
	const char *what;
};

static uint16_t get16(const struct record *r, size_t at)
{
	uint16_t v;

	memcpy(&v, r->bytes + at, sizeof(v));
	return v;
}

static uint32_t get32(const struct record *r, size_t at)
{
	uint32_t v;

	memcpy(&v, r->bytes + at, sizeof(v));
	return v;
}

static uint64_t get64(const struct record *r, size_t at)
{
	uint64_t v;

	memcpy(&v, r->bytes + at, sizeof(v));
	return v;
}

static int too_short(const struct record *r, size_t need, struct err *err)
{
	return err_system(err, EINVAL, "%s event of %u bytes, but its layout has %zu", r->what,
			  r->size, need);
}

/* The length of this version's layout, or a negative errno: version unknown, or an extension that
 * moves the captured bytes.
 */
static int layout_len(const struct record *r, const uint8_t *lens, size_t n, struct err *err)
{
	uint8_t version, extension;

	if (r->size < CAPTURE_LEN)
		return too_short(r, CAPTURE_LEN, err);
	version = r->bytes[14];
	extension = r->bytes[15];
	if (version >= n)
		return err_system(err, EINVAL, "%s event of version %u, known are 0 to %zu",
				  r->what, version, n - 1);
	if (extension)
		return err_system(err, EINVAL, "%s event with the unknown extension %u", r->what,
				  extension);
	if (r->size < lens[version])
		return too_short(r, lens[version], err);
	return lens[version];
}

static int take_data(const struct record *r, size_t at, struct event *e, struct err *err)
{
	e->len = get32(r, 8);
	e->caplen = get16(r, 12);
	e->data = r->bytes + at;
	if (e->caplen > r->size - at)
		return err_system(err, EINVAL, "%s event says %u captured bytes, but %zu follow",
				  r->what, e->caplen, r->size - at);
	return 0;
}

static int decode_drop(const struct record *r, struct event *e, struct err *err)
{
	int len = layout_len(r, drop_len, sizeof(drop_len), err);
	uint8_t flags;

	if (len < 0)
		return len;
	e->src_identity = get32(r, 16);
	e->dst_identity = get32(r, 20);
	e->dst_id = get32(r, 24);
	e->line = get16(r, 28);
	e->file = r->bytes[30];
	e->ext_error = (int8_t)r->bytes[31];
	e->ifindex = get32(r, 32);
	flags = len >= 40 ? r->bytes[36] : 0;
	e->ipv6 = flags & FLAG_IPV6;
	e->l3_device = flags & FLAG_L3_DEVICE;
	e->ip_trace_id = len >= 48 ? get64(r, 40) : 0;
	return take_data(r, (size_t)len, e, err);
}

static int decode_trace(const struct record *r, struct event *e, struct err *err)
{
	int len = layout_len(r, trace_len, sizeof(trace_len), err);

	if (len < 0)
		return len;
	e->src_identity = get32(r, 16);
	e->dst_identity = get32(r, 20);
	e->dst_id = get16(r, 24);
	e->reason = r->bytes[26] & (uint8_t)~REASON_ENCRYPT;
	e->encrypted = r->bytes[26] & REASON_ENCRYPT;
	e->ipv6 = r->bytes[27] & FLAG_IPV6;
	e->l3_device = r->bytes[27] & FLAG_L3_DEVICE;
	e->ifindex = get32(r, 28);
	if (len >= 48)
		memcpy(e->orig_ip, r->bytes + 32, sizeof(e->orig_ip));
	e->ip_trace_id = len >= 56 ? get64(r, 48) : 0;
	return take_data(r, (size_t)len, e, err);
}

static int decode_policy(const struct record *r, struct event *e, struct err *err)
{
	uint8_t flags;

	if (r->size < POLICY_LEN)
		return too_short(r, POLICY_LEN, err);
	if (r->bytes[15])
		return err_system(err, EINVAL, "%s event with the unknown extension %u", r->what,
				  r->bytes[15]);
	e->remote_identity = get32(r, 16);
	e->verdict = (int32_t)get32(r, 20);
	e->dport = get16(r, 24);
	e->proto = r->bytes[26];
	flags = r->bytes[27];
	e->direction = flags & 3;
	e->ipv6 = flags >> 2 & 1;
	e->match_type = flags >> 3 & 7;
	e->audited = flags >> 6 & 1;
	e->l3_device = flags >> 7;
	e->auth_type = r->bytes[28];
	if (e->direction == 1)
		e->src_identity = e->remote_identity;
	else
		e->dst_identity = e->remote_identity;
	return take_data(r, POLICY_LEN, e, err);
}

static int decode_debug(const struct record *r, struct event *e, struct err *err)
{
	if (r->size < DEBUG_LEN)
		return too_short(r, DEBUG_LEN, err);
	memcpy(e->args, r->bytes + COMMON_LEN, sizeof(e->args));
	return 0;
}

static int decode_capture(const struct record *r, struct event *e, struct err *err)
{
	if (r->size < DBG_CAP_LEN)
		return too_short(r, DBG_CAP_LEN, err);
	return take_data(r, DBG_CAP_LEN, e, err);
}

int event_decode(const void *record, uint32_t size, struct event *out, struct err *err)
{
	struct record r = { record, size, "a datapath" };

	memset(out, 0, sizeof(*out));
	if (size < COMMON_LEN)
		return too_short(&r, COMMON_LEN, err);
	out->type = r.bytes[0];
	out->subtype = r.bytes[1];
	out->source = get16(&r, 2);
	out->hash = get32(&r, 4);
	r.what = word_name(&words_event_type, (int)out->type);
	switch (out->type) {
	case EVENT_DROP:
		return decode_drop(&r, out, err);
	case EVENT_TRACE:
		return decode_trace(&r, out, err);
	case EVENT_POLICY_VERDICT:
		return decode_policy(&r, out, err);
	case EVENT_DEBUG:
		return decode_debug(&r, out, err);
	case EVENT_CAPTURE:
		return decode_capture(&r, out, err);
	}
	return err_system(err, EINVAL, "datapath event of unknown type %u (%u bytes)", r.bytes[0],
			  size);
}
