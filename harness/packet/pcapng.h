/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcapng blocks and options, read and written (draft-ietf-opsawg-pcapng).
 *
 * Our own because libpcap drops options, cannot write the format, and refuses files of mixed link
 * types. Reading is used through packet/capture.h.
 */
#ifndef VERDICT_PACKET_PCAPNG_H
#define VERDICT_PACKET_PCAPNG_H

#include <stdio.h>

#include "packet/capture.h"

#define PCAPNG_MAGIC 0x0A0D0D0Au

/* ---- reading; both byte orders, several sections and interfaces, if_tsresol, if_tsoffset ---- */

struct pcapng_reader;

/* f stands at the section header block; the reader takes it over and closes it, also
 * when opening fails.
 */
int pcapng_reader_open(FILE *f, const char *path, struct pcapng_reader **out, struct err *err);
int pcapng_reader_next(struct pcapng_reader *r, struct capture_packet *p, struct err *err);
uint64_t pcapng_reader_offset(const struct pcapng_reader *r); /* bytes of the file read */
void pcapng_reader_close(struct pcapng_reader *r);

/* ---- writing; native byte order, nanosecond timestamps ---- */

enum pcapng_verdict { PCAPNG_VERDICT_HW = 0, PCAPNG_VERDICT_TC = 1, PCAPNG_VERDICT_XDP = 2 };
enum pcapng_direction { PCAPNG_DIR_UNKNOWN = 0, PCAPNG_DIR_IN = 1, PCAPNG_DIR_OUT = 2 };

struct pcapng_record {
	uint64_t ts_ns;
	const uint8_t *data;
	uint32_t caplen, len;
	bool has_verdict; /* written first among the options, as xdpdump does */
	enum pcapng_verdict verdict_type;
	int64_t verdict;
	bool has_packetid;
	uint64_t packetid;
	enum pcapng_direction direction;
	const char *comment; /* NULL: none */
};

struct pcapng_writer;

int pcapng_writer_open(const char *path, const char *application, struct pcapng_writer **out,
		       struct err *err);
/* Adds an interface; its id counts from 0. name such as "master-0/eth0:cil_from_netdev()@entry". */
int pcapng_writer_interface(struct pcapng_writer *w, const char *name, uint16_t linktype,
			    uint32_t *id, struct err *err);
int pcapng_writer_packet(struct pcapng_writer *w, uint32_t interface,
			 const struct pcapng_record *rec, struct err *err);
/* Flushes and closes; reports a full disk. w is freed in any case. */
int pcapng_writer_close(struct pcapng_writer *w, struct err *err);

#endif
