/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes pcapng (draft-ietf-opsawg-pcapng): one section in the machine's byte order, nanoseconds,
 * interfaces added as they come up, and packets with verdict, id, direction and comment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packet/pcapng.h"

enum {
	BLOCK_INTERFACE = 1,
	BLOCK_ENHANCED = 6,
	OPT_END = 0,
	OPT_COMMENT = 1,
	OPT_SHB_USERAPPL = 4,
	OPT_IF_NAME = 2,
	OPT_IF_TSRESOL = 9,
	OPT_EPB_FLAGS = 2,
	OPT_EPB_PACKETID = 5,
	OPT_EPB_VERDICT = 7,
};

#define OPTION_MAX UINT16_MAX

struct pcapng_writer {
	FILE *f;
	char *path;
	uint32_t n_interfaces;
	uint8_t *block; /* the block being put together */
	size_t len, room;
};

static int failed(const struct pcapng_writer *w, struct err *err)
{
	return err_system(err, errno, "cannot write %s", w->path);
}

/* ---- putting a block together ---- */

static int make_room(struct pcapng_writer *w, size_t more)
{
	size_t room = w->room ? w->room : 4096;
	uint8_t *p;

	while (room < w->len + more)
		room *= 2;
	if (room == w->room)
		return 0;
	p = realloc(w->block, room);
	if (!p)
		return -ENOMEM;
	w->block = p;
	w->room = room;
	return 0;
}

/* Room was made by block_start(). Pads to 4 bytes. */
static void put(struct pcapng_writer *w, const void *data, size_t len)
{
	if (len)
		memcpy(w->block + w->len, data, len);
	w->len += len;
	for (; w->len % 4; w->len++)
		w->block[w->len] = 0;
}

static void put32(struct pcapng_writer *w, uint32_t v)
{
	put(w, &v, 4);
}

static void put_option(struct pcapng_writer *w, uint16_t code, const void *value, size_t len)
{
	uint16_t head[2] = { code, (uint16_t)len };

	put(w, head, 4);
	put(w, value, len);
}

/* Text longer than an option can be is cut, between UTF-8 characters. */
static size_t text_len(const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n <= OPTION_MAX)
		return n;
	n = OPTION_MAX;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void put_text(struct pcapng_writer *w, uint16_t code, const char *text)
{
	if (text)
		put_option(w, code, text, text_len(text));
}

/* bytes: what will be put at most, without the block's own frame. */
static int block_start(struct pcapng_writer *w, uint32_t type, size_t bytes)
{
	w->len = 0;
	if (make_room(w, bytes + 128) < 0) {
		errno = ENOMEM;
		return -ENOMEM;
	}
	put32(w, type);
	put32(w, 0); /* the length, known at the end */
	return 0;
}

static int block_end(struct pcapng_writer *w, struct err *err)
{
	uint32_t total = (uint32_t)w->len + 4;

	put32(w, total);
	memcpy(w->block + 4, &total, 4);
	if (fwrite(w->block, w->len, 1, w->f) != 1)
		return failed(w, err);
	return 0;
}

/* ---- blocks ---- */

static int write_section(struct pcapng_writer *w, const char *application, struct err *err)
{
	uint16_t version[2] = { 1, 0 };
	int64_t length = -1; /* not said */

	if (block_start(w, PCAPNG_MAGIC, text_len(application)) < 0)
		return failed(w, err);
	put32(w, 0x1a2b3c4d);
	put(w, version, sizeof(version));
	put(w, &length, sizeof(length));
	put_text(w, OPT_SHB_USERAPPL, application);
	put_option(w, OPT_END, NULL, 0);
	return block_end(w, err);
}

int pcapng_writer_open(const char *path, const char *application, struct pcapng_writer **out,
		       struct err *err)
{
	struct pcapng_writer *w = calloc(1, sizeof(*w));
	int ret;

	*out = NULL;
	if (!w || !(w->path = strdup(path))) {
		free(w);
		return err_system(err, ENOMEM, "cannot write %s", path);
	}
	w->f = fopen(path, "wbe");
	if (!w->f)
		ret = failed(w, err);
	else
		ret = write_section(w, application, err);
	if (ret < 0) {
		pcapng_writer_close(w, NULL);
		return ret;
	}
	*out = w;
	return 0;
}

int pcapng_writer_interface(struct pcapng_writer *w, const char *name, uint16_t linktype,
			    uint32_t *id, struct err *err)
{
	uint16_t link[2] = { linktype, 0 };
	uint8_t nanoseconds = 9;
	int ret;

	if (block_start(w, BLOCK_INTERFACE, text_len(name)) < 0)
		return failed(w, err);
	put(w, link, sizeof(link));
	put32(w, 0); /* no limit on captured bytes */
	put_text(w, OPT_IF_NAME, name);
	put_option(w, OPT_IF_TSRESOL, &nanoseconds, 1);
	put_option(w, OPT_END, NULL, 0);
	ret = block_end(w, err);
	if (ret == 0)
		*id = w->n_interfaces++;
	return ret;
}

static void put_packet_options(struct pcapng_writer *w, const struct pcapng_record *rec)
{
	uint32_t flags = rec->direction;
	uint8_t verdict[9];

	if (rec->has_verdict) {
		verdict[0] = (uint8_t)rec->verdict_type;
		memcpy(verdict + 1, &rec->verdict, 8);
		put_option(w, OPT_EPB_VERDICT, verdict, sizeof(verdict));
	}
	if (rec->has_packetid)
		put_option(w, OPT_EPB_PACKETID, &rec->packetid, 8);
	if (flags)
		put_option(w, OPT_EPB_FLAGS, &flags, 4);
	put_text(w, OPT_COMMENT, rec->comment);
	if (rec->has_verdict || rec->has_packetid || flags || rec->comment)
		put_option(w, OPT_END, NULL, 0);
}

int pcapng_writer_packet(struct pcapng_writer *w, uint32_t interface,
			 const struct pcapng_record *rec, struct err *err)
{
	if (interface >= w->n_interfaces)
		return err_system(err, EINVAL, "cannot write %s: interface %u of %u", w->path,
				  interface, w->n_interfaces);
	if (block_start(w, BLOCK_ENHANCED, (size_t)rec->caplen + text_len(rec->comment)) < 0)
		return failed(w, err);
	put32(w, interface);
	put32(w, (uint32_t)(rec->ts_ns >> 32));
	put32(w, (uint32_t)rec->ts_ns);
	put32(w, rec->caplen);
	put32(w, rec->len);
	put(w, rec->data, rec->caplen);
	put_packet_options(w, rec);
	return block_end(w, err);
}

int pcapng_writer_close(struct pcapng_writer *w, struct err *err)
{
	int ret = 0;

	if (!w)
		return 0;
	if (w->f) {
		bool bad = ferror(w->f);

		if (fclose(w->f) != 0)
			ret = failed(w, err);
		else if (bad)
			ret = err_system(err, EIO, "cannot write %s", w->path);
	}
	free(w->block);
	free(w->path);
	free(w);
	return ret;
}
