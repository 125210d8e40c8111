/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads pcapng (draft-ietf-opsawg-pcapng): sections of both byte orders, interfaces with their time
 * resolutions, enhanced, simple and the obsolete packet blocks with their options. Other blocks are
 * stepped over. Never trusts a length before it was held against what is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet/pcapng.h"

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete, still found */
	BLOCK_SIMPLE = 3,
	BLOCK_ENHANCED = 6,
};

enum option_code {
	OPT_END = 0,
	OPT_COMMENT = 1,
	OPT_IF_NAME = 2,
	OPT_IF_TSRESOL = 9,
	OPT_IF_TSOFFSET = 14,
	OPT_EPB_FLAGS = 2,
	OPT_EPB_PACKETID = 5,
	OPT_EPB_VERDICT = 7,
};

/* Longer blocks are no packets (Wireshark stops at the same size); unknown ones may be. */
#define BLOCK_MAX (16u << 20)

struct ng_interface {
	uint16_t linktype;
	uint32_t snaplen;
	char *name; /* NULL: not said */
	uint8_t tsresol;
	int64_t tsoffset; /* seconds */
};

struct pcapng_reader {
	FILE *f;
	char *path;
	uint64_t offset; /* of the block at hand */
	uint64_t pos; /* bytes read */
	bool in_packet; /* it is a packet's */
	bool big; /* byte order of this section */
	struct ng_interface *interfaces;
	uint32_t n_interfaces, room;
	uint32_t first_interface; /* of this section, among all of the file */
	uint32_t number;
	uint8_t *body; /* of the block at hand, behind type and length */
	uint32_t body_len, body_room;
	char *comment;
};

static int bad(const struct pcapng_reader *r, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "file: packet 7 (block at offset 1234): what is wrong" */
static int bad(const struct pcapng_reader *r, struct err *err, const char *fmt, ...)
{
	struct loc at = { .file = r->path };
	unsigned long long offset = r->offset;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->in_packet)
		return err_input(err, &at, "packet %u (block at offset %llu): %s", r->number + 1,
				 offset, text);
	return err_input(err, &at, "block at offset %llu, before packet %u: %s", offset,
			 r->number + 1, text);
}

static int cut(const struct pcapng_reader *r, struct err *err)
{
	bad(r, err, "the file ends inside, at offset %llu", (unsigned long long)r->pos);
	return err_hint(err, "the file was cut short; whole packets before that: %u", r->number);
}

/* ---- numbers in the section's byte order ---- */

static uint16_t get16(const struct pcapng_reader *r, const uint8_t *p)
{
	return r->big ? (uint16_t)(p[0] << 8 | p[1]) : (uint16_t)(p[1] << 8 | p[0]);
}

static uint32_t get32(const struct pcapng_reader *r, const uint8_t *p)
{
	return r->big ? (uint32_t)get16(r, p) << 16 | get16(r, p + 2)
		      : (uint32_t)get16(r, p + 2) << 16 | get16(r, p);
}

static uint64_t get64(const struct pcapng_reader *r, const uint8_t *p)
{
	return r->big ? (uint64_t)get32(r, p) << 32 | get32(r, p + 4)
		      : (uint64_t)get32(r, p + 4) << 32 | get32(r, p);
}

static uint32_t padded(uint32_t len)
{
	return (len + 3) & ~3u;
}

/* ---- bytes from the file ---- */

static bool take(struct pcapng_reader *r, void *to, size_t len)
{
	size_t n = fread_unlocked(to, 1, len, r->f); /* nobody else has the stream */

	r->pos += n;
	return n == len;
}

static int make_room(struct pcapng_reader *r, uint32_t len, struct err *err)
{
	uint8_t *p;

	if (len <= r->body_room)
		return 0;
	p = realloc(r->body, len);
	if (!p) {
		err_system(err, ENOMEM, "%s", r->path);
		return -ENOMEM;
	}
	r->body = p;
	r->body_room = len;
	return 0;
}

/* The rest of a block that starts with 8 (in a section header 12) bytes read already. */
static int read_body(struct pcapng_reader *r, uint32_t total, uint32_t have, struct err *err)
{
	uint32_t len, trailer;
	int ret;

	if (total < have + 4 || total % 4)
		return bad(r, err, "a length of %u bytes is impossible", total);
	if (total > BLOCK_MAX)
		return bad(r, err, "a length of %u bytes cannot be true", total);
	len = total - have; /* with the length repeated at the end */
	ret = make_room(r, len, err);
	if (ret < 0)
		return ret;
	if (!take(r, r->body, len))
		return ferror(r->f) ? err_system(err, errno, "cannot read %s", r->path)
				    : cut(r, err);
	r->body_len = len - 4;
	trailer = get32(r, r->body + r->body_len);
	if (trailer != total)
		return bad(r, err, "its length is %u at its start and %u at its end", total,
			   trailer);
	return 0;
}

static int skip_body(struct pcapng_reader *r, uint32_t total, struct err *err)
{
	uint32_t left = total - 12, trailer;
	uint8_t chunk[4096];

	if (total < 12 || total % 4)
		return bad(r, err, "a length of %u bytes is impossible", total);
	while (left) {
		uint32_t n = left < sizeof(chunk) ? left : (uint32_t)sizeof(chunk);

		if (!take(r, chunk, n))
			return cut(r, err);
		left -= n;
	}
	if (!take(r, chunk, 4))
		return cut(r, err);
	trailer = get32(r, chunk);
	if (trailer != total)
		return bad(r, err, "its length is %u at its start and %u at its end", total,
			   trailer);
	return 0;
}

/* ---- options ---- */

struct option_iter {
	const uint8_t *p, *end;
	uint16_t code, len;
	const uint8_t *value;
};

/* 1: an option. 0: no more (opt_endofopt is not always written). Negative: broken. */
static int next_option(const struct pcapng_reader *r, struct option_iter *it, struct err *err)
{
	size_t left = (size_t)(it->end - it->p);

	if (left < 4)
		return 0;
	it->code = get16(r, it->p);
	it->len = get16(r, it->p + 2);
	it->value = it->p + 4;
	if (it->code == OPT_END)
		return 0;
	if (it->len > left - 4)
		return bad(r, err, "option %u claims %u bytes, %zu are left", it->code, it->len,
			   left - 4);
	/* The last one may lack its padding. */
	it->p += padded(it->len) + 4u > left ? left : padded(it->len) + 4u;
	return 1;
}

static int copy_text(char **to, const uint8_t *p, uint16_t len, struct err *err)
{
	free(*to);
	*to = strndup((const char *)p, len);
	return *to ? 0 : err_system(err, ENOMEM, "reading a capture");
}

/* ---- sections and interfaces ---- */

/* Reads the section header behind its type; the byte order follows from the magic number in it. */
static int read_section(struct pcapng_reader *r, const uint8_t length[4], struct err *err)
{
	uint8_t magic[4];
	uint16_t major;
	int ret;

	if (!take(r, magic, 4))
		return cut(r, err);
	if (memcmp(magic, "\x1a\x2b\x3c\x4d", 4) == 0)
		r->big = true;
	else if (memcmp(magic, "\x4d\x3c\x2b\x1a", 4) == 0)
		r->big = false;
	else
		return bad(r, err, "a section header without byte-order magic");
	ret = read_body(r, get32(r, length), 12, err);
	if (ret < 0)
		return ret;
	if (r->body_len < 12)
		return bad(r, err, "a section header of %u bytes is too short", r->body_len + 16);
	major = get16(r, r->body);
	/* 1.2 was written by mistake and means 1.0. */
	if (major != 1)
		return bad(r, err, "pcapng version %u.%u, only 1.0 is known", major,
			   get16(r, r->body + 2));
	r->first_interface = r->n_interfaces;
	return 0;
}

static int add_interface(struct pcapng_reader *r, struct ng_interface **out, struct err *err)
{
	if (r->n_interfaces == r->room) {
		uint32_t room = r->room ? r->room * 2 : 8;
		struct ng_interface *p = realloc(r->interfaces, room * sizeof(*p));

		if (!p) {
			err_system(err, ENOMEM, "%s", r->path);
			return -ENOMEM;
		}
		r->interfaces = p;
		r->room = room;
	}
	*out = &r->interfaces[r->n_interfaces++];
	**out = (struct ng_interface){ .tsresol = 6 };
	return 0;
}

static int read_interface(struct pcapng_reader *r, struct err *err)
{
	struct option_iter it = { .p = r->body + 8, .end = r->body + r->body_len };
	struct ng_interface *i = NULL;
	int ret;

	if (r->body_len < 8)
		return bad(r, err, "an interface description of %u bytes is too short",
			   r->body_len + 12);
	ret = add_interface(r, &i, err);
	if (ret < 0)
		return ret;
	i->linktype = get16(r, r->body);
	/* As in classic pcap, some wrote their system's own number for raw IP. */
	if (i->linktype == 12 || i->linktype == 14)
		i->linktype = LINK_RAW;
	i->snaplen = get32(r, r->body + 4);
	while ((ret = next_option(r, &it, err)) > 0) {
		if (it.code == OPT_IF_NAME)
			ret = copy_text(&i->name, it.value, it.len, err);
		else if (it.code == OPT_IF_TSRESOL && it.len == 1)
			i->tsresol = it.value[0];
		else if (it.code == OPT_IF_TSOFFSET && it.len == 8)
			i->tsoffset = (int64_t)get64(r, it.value);
		if (ret < 0)
			return ret;
	}
	return ret;
}

static const struct ng_interface *interface_of(const struct pcapng_reader *r, uint32_t id,
					       struct err *err)
{
	uint32_t n = r->n_interfaces - r->first_interface;

	if (id < n)
		return &r->interfaces[r->first_interface + id];
	bad(r, err, "it belongs to interface %u, the section has described %u", id, n);
	return NULL;
}

/* if_tsresol: negative power of 10, or of 2 where the top bit is set. */
static uint64_t to_ns(const struct ng_interface *i, uint64_t ticks)
{
	unsigned exponent = i->tsresol & 0x7f;
	__int128 ns = ticks;

	if (i->tsresol & 0x80) {
		ns = exponent < 127 ? ns * 1000000000 >> exponent : 0;
	} else {
		for (; exponent < 9; exponent++)
			ns *= 10;
		for (; exponent > 9 && ns; exponent--)
			ns /= 10;
	}
	ns += (__int128)i->tsoffset * 1000000000;
	if (ns < 0)
		return 0;
	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

/* ---- packets ---- */

static int packet_option(struct pcapng_reader *r, const struct option_iter *it,
			 struct capture_packet *p, struct err *err)
{
	switch (it->code) {
	case OPT_COMMENT:
		if (p->comment)
			return 0;
		if (copy_text(&r->comment, it->value, it->len, err) < 0)
			return -ENOMEM;
		p->comment = r->comment;
		return 0;
	case OPT_EPB_FLAGS:
		if (it->len == 4)
			p->flags = get32(r, it->value);
		return 0;
	case OPT_EPB_PACKETID:
		if (it->len == 8) {
			p->has_packetid = true;
			p->packetid = get64(r, it->value);
		}
		return 0;
	case OPT_EPB_VERDICT:
		/* A hardware's verdict has a length of its own; ours are 64 bit. */
		if (it->len == 9 && !p->has_verdict) {
			p->has_verdict = true;
			p->verdict_type = it->value[0];
			p->verdict = get64(r, it->value + 1);
		}
		return 0;
	default:
		return 0;
	}
}

/* data: offset in the body, caplen bytes; options behind them. */
static int fill_packet(struct pcapng_reader *r, const struct ng_interface *i, uint32_t data,
		       uint32_t caplen, uint32_t len, struct capture_packet *p, struct err *err)
{
	struct option_iter it;
	int ret;

	if (caplen > r->body_len - data)
		return bad(r, err, "a packet of %u bytes, %u are there", caplen,
			   r->body_len - data);
	p->interface = (uint32_t)(i - r->interfaces);
	p->interface_name = i->name;
	p->linktype = i->linktype;
	p->data = r->body + data;
	p->caplen = caplen;
	p->len = len > caplen ? len : caplen;
	it.p = p->data +
	       (padded(caplen) < r->body_len - data ? padded(caplen) : r->body_len - data);
	it.end = r->body + r->body_len;
	while ((ret = next_option(r, &it, err)) > 0) {
		ret = packet_option(r, &it, p, err);
		if (ret < 0)
			return ret;
	}
	if (ret < 0)
		return ret;
	p->number = ++r->number;
	return 1;
}

static int read_packet(struct pcapng_reader *r, bool obsolete, struct capture_packet *p,
		       struct err *err)
{
	const struct ng_interface *i;
	const uint8_t *b = r->body;

	if (r->body_len < 20)
		return bad(r, err, "a packet block of %u bytes is too short", r->body_len + 12);
	/* The obsolete block counts drops in the other half of the interface's word. */
	i = interface_of(r, obsolete ? get16(r, b) : get32(r, b), err);
	if (!i)
		return -EINVAL;
	p->ts_ns = to_ns(i, (uint64_t)get32(r, b + 4) << 32 | get32(r, b + 8));
	return fill_packet(r, i, 20, get32(r, b + 12), get32(r, b + 16), p, err);
}

/* Has no length of its own: the rest of the block, less padding, at most the interface's snaplen. */
static int read_simple(struct pcapng_reader *r, struct capture_packet *p, struct err *err)
{
	const struct ng_interface *i;
	uint32_t len, caplen;

	if (r->body_len < 4)
		return bad(r, err, "a simple packet block of %u bytes is too short",
			   r->body_len + 12);
	i = interface_of(r, 0, err);
	if (!i)
		return -EINVAL;
	len = caplen = get32(r, r->body);
	if (i->snaplen && caplen > i->snaplen)
		caplen = i->snaplen;
	if (caplen > r->body_len - 4)
		caplen = r->body_len - 4;
	r->body_len = 4 + caplen; /* it has no options */
	return fill_packet(r, i, 4, caplen, len, p, err);
}

/* 1: a packet. 2: another block. 0: end of file. */
static int read_block(struct pcapng_reader *r, struct capture_packet *p, struct err *err)
{
	uint32_t type, total;
	uint8_t head[8];
	int ret;

	r->offset = r->pos;
	r->in_packet = false;
	if (!take(r, head, sizeof(head))) {
		if (ferror(r->f))
			return err_system(err, errno, "cannot read %s", r->path);
		return r->pos == r->offset ? 0 : cut(r, err);
	}
	if (memcmp(head, "\x0a\x0d\x0d\x0a", 4) == 0) {
		ret = read_section(r, head + 4, err);
		return ret < 0 ? ret : 2;
	}
	type = get32(r, head);
	total = get32(r, head + 4);
	if (type != BLOCK_INTERFACE && type != BLOCK_PACKET && type != BLOCK_SIMPLE &&
	    type != BLOCK_ENHANCED) {
		ret = skip_body(r, total, err);
		return ret < 0 ? ret : 2;
	}
	r->in_packet = type != BLOCK_INTERFACE;
	ret = read_body(r, total, 8, err);
	if (ret < 0)
		return ret;
	switch (type) {
	case BLOCK_INTERFACE:
		ret = read_interface(r, err);
		return ret < 0 ? ret : 2;
	case BLOCK_SIMPLE:
		return read_simple(r, p, err);
	default:
		return read_packet(r, type == BLOCK_PACKET, p, err);
	}
}

int pcapng_reader_next(struct pcapng_reader *r, struct capture_packet *p, struct err *err)
{
	int ret;

	do {
		*p = (struct capture_packet){ 0 };
		ret = read_block(r, p, err);
	} while (ret == 2);
	return ret;
}

int pcapng_reader_open(FILE *f, const char *path, struct pcapng_reader **out, struct err *err)
{
	struct pcapng_reader *r = calloc(1, sizeof(*r));
	uint8_t head[8];
	int ret;

	*out = NULL;
	if (!r || !(r->path = strdup(path))) {
		fclose(f);
		free(r);
		return err_system(err, ENOMEM, "cannot open %s", path);
	}
	r->f = f;
	if (!take(r, head, sizeof(head)))
		ret = cut(r, err);
	else
		ret = read_section(r, head + 4, err);
	if (ret < 0) {
		pcapng_reader_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

uint64_t pcapng_reader_offset(const struct pcapng_reader *r)
{
	return r->pos;
}

void pcapng_reader_close(struct pcapng_reader *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->n_interfaces; i++)
		free(r->interfaces[i].name);
	free(r->interfaces);
	free(r->body);
	free(r->comment);
	free(r->path);
	fclose(r->f);
	free(r);
}
