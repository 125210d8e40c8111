/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One face for both capture formats. Classic pcap is read by libpcap (both byte orders, micro- and
 * nanoseconds); pcapng by pcapng_read.c.
 */
#include "packet/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "packet/pcapng.h"

#define READ_AHEAD (256 * 1024)

struct capture {
	char *path;
	struct pcapng_reader *ng; /* or */
	pcap_t *pcap;
	uint16_t linktype;
	uint32_t number;
	uint64_t size; /* of the file; 0: not known */
};

static const struct {
	uint16_t number;
	const char *name;
} linktypes[] = {
	{ LINK_NULL, "NULL" }, { LINK_ETHERNET, "ETHERNET" },	  { LINK_RAW, "RAW" },
	{ LINK_LOOP, "LOOP" }, { LINK_LINUX_SLL, "LINUX_SLL" },	  { LINK_IPV4, "IPV4" },
	{ LINK_IPV6, "IPV6" }, { LINK_LINUX_SLL2, "LINUX_SLL2" },
};

const char *linktype_name(uint16_t linktype)
{
	for (size_t i = 0; i < sizeof(linktypes) / sizeof(linktypes[0]); i++) {
		if (linktypes[i].number == linktype)
			return linktypes[i].name;
	}
	return NULL;
}

/* ---- telling formats apart ---- */

static int bad(const struct capture *cap, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int bad(const struct capture *cap, struct err *err, const char *fmt, ...)
{
	struct loc at = { .file = cap->path };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_input(err, &at, "%s", text);
}

static uint32_t read32(const uint8_t *p, bool big)
{
	return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
		   : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* a1b2c3d4 microseconds, a1b23c4d nanoseconds, a1b2cd34 Kuznetzov's variant with longer records */
static bool is_pcap(const uint8_t *head, bool *big)
{
	for (int i = 0; i < 2; i++) {
		uint32_t magic = read32(head, i);

		*big = i;
		if (magic == 0xa1b2c3d4 || magic == 0xa1b23c4d || magic == 0xa1b2cd34)
			return true;
	}
	return false;
}

static int unknown_format(const struct capture *cap, const uint8_t *head, size_t n, struct err *err)
{
	bool text = n > 0;

	bad(cap, err, "not a capture: neither pcap nor pcapng");
	for (size_t i = 0; i < n; i++)
		text = text && ((head[i] >= 0x20 && head[i] < 0x7f) || strchr("\n\r\t", head[i]));
	if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b)
		return err_hint(err, "it is compressed by gzip: unpack it with gunzip first");
	if (n >= 4 && read32(head, true) == 0x28b52ffd)
		return err_hint(err, "it is compressed by zstd: unpack it with unzstd first");
	if (n >= 6 && memcmp(head, "snoop", 6) == 0)
		return err_hint(err, "it is a snoop file: convert it with editcap -F pcapng");
	if (text)
		return err_hint(err, "it is text: captures are written by tcpdump -w FILE");
	return err_hint(err,
			"it starts with the bytes %02x %02x %02x %02x; if Wireshark opens it, "
			"convert it with editcap -F pcapng",
			head[0], n > 1 ? head[1] : 0, n > 2 ? head[2] : 0, n > 3 ? head[3] : 0);
}

/* Puts what was read back before the reader that fits the format starts anew. */
static int unread(FILE *f, const uint8_t *head, size_t n)
{
	if (fseeko(f, 0, SEEK_SET) == 0)
		return 0;
	/* A pipe: glibc takes back what still is in its buffer. */
	while (n > 0) {
		if (ungetc(head[--n], f) == EOF)
			return -ESPIPE;
	}
	return 0;
}

static int open_pcap(struct capture *cap, FILE **f, const uint8_t *head, bool big, struct err *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	uint32_t linktype;

	/* The upper bits say how long the frame check sequence is. */
	linktype = read32(head + 20, big) & 0xffff;
	/* LINKTYPE_RAW as some systems wrote it: the DLT_RAW of their own. */
	cap->linktype = linktype == 12 || linktype == 14 ? LINK_RAW : (uint16_t)linktype;
	cap->pcap = pcap_fopen_offline_with_tstamp_precision(*f, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!cap->pcap)
		return bad(cap, err, "the file header is broken: %s", why);
	*f = NULL;
	return 0;
}

static int open_any(struct capture *cap, struct err *err)
{
	__cleanup_file FILE *f = fopen(cap->path, "rbe");
	uint8_t head[24] = { 0 };
	struct stat st;
	size_t n;
	bool big;
	int ret;

	if (!f)
		return bad(cap, err, "cannot read the capture: %s", strerror(errno));
	if (fstat(fileno(f), &st))
		return bad(cap, err, "cannot read the capture: %s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return bad(cap, err, "cannot read the capture: it is a folder");
	/* with the usual 4 KiB reading takes longer than parsing */
	setvbuf(f, NULL, _IOFBF, READ_AHEAD);
	cap->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	n = fread(head, 1, sizeof(head), f);
	if (ferror(f))
		return bad(cap, err, "cannot read the capture: %s", strerror(errno));
	if (n == 0)
		return bad(cap, err, "empty file, not a capture");
	if (unread(f, head, n) < 0)
		return bad(cap, err, "cannot read a capture from a pipe: save it to a file first");
	if (n >= 4 && read32(head, true) == PCAPNG_MAGIC) {
		ret = pcapng_reader_open(f, cap->path, &cap->ng, err);
		f = NULL; /* the reader's, also if it failed */
		return ret;
	}
	if (n < 4 || !is_pcap(head, &big))
		return unknown_format(cap, head, n, err);
	if (n < sizeof(head))
		return bad(cap, err, "cut short inside the file header: %zu of 24 bytes", n);
	return open_pcap(cap, &f, head, big, err);
}

int capture_open(const char *path, struct capture **out, struct err *err)
{
	struct capture *cap = calloc(1, sizeof(*cap));
	int ret;

	*out = NULL;
	if (cap)
		cap->path = strdup(path);
	if (!cap || !cap->path) {
		free(cap);
		err_system(err, ENOMEM, "cannot open %s", path);
		return -ENOMEM;
	}
	ret = open_any(cap, err);
	if (ret < 0) {
		capture_close(cap);
		return ret;
	}
	*out = cap;
	return 0;
}

void capture_close(struct capture *cap)
{
	if (!cap)
		return;
	pcapng_reader_close(cap->ng);
	if (cap->pcap)
		pcap_close(cap->pcap);
	free(cap->path);
	free(cap);
}

/* ---- packets ---- */

static int broken_record(const struct capture *cap, off_t offset, struct err *err)
{
	const char *why = pcap_geterr(cap->pcap);

	if (offset < 0)
		bad(cap, err, "packet %u is broken: %s", cap->number + 1, why);
	else
		bad(cap, err, "packet %u at offset %lld is broken: %s", cap->number + 1,
		    (long long)offset, why);
	if (feof(pcap_file(cap->pcap)))
		return err_hint(err, "the file was cut short; whole packets before that: %u",
				cap->number);
	return -EINVAL;
}

/* tv_usec holds nanoseconds: that precision was asked for. libpcap gives the file's unsigned seconds
 * (draft-ietf-opsawg-pcap) a sign, which would matter from 2038 on.
 */
static uint64_t pcap_time(const struct pcap_pkthdr *h)
{
	uint64_t fraction = h->ts.tv_usec > 0 ? (uint64_t)h->ts.tv_usec : 0;

	return (uint64_t)(uint32_t)h->ts.tv_sec * 1000000000 + fraction;
}

int capture_next(struct capture *cap, struct capture_packet *p, struct err *err)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	off_t offset;
	int ret;

	if (cap->ng)
		return pcapng_reader_next(cap->ng, p, err);
	offset = ftello(pcap_file(cap->pcap));
	ret = pcap_next_ex(cap->pcap, &h, &data);
	if (ret == PCAP_ERROR_BREAK)
		return 0;
	if (ret != 1)
		return broken_record(cap, offset, err);
	*p = (struct capture_packet){
		.number = ++cap->number,
		.ts_ns = pcap_time(h),
		.linktype = cap->linktype,
		.data = data,
		.caplen = h->caplen,
		.len = h->len > h->caplen ? h->len : h->caplen,
	};
	return 1;
}

double capture_progress(const struct capture *cap)
{
	off_t at = cap->ng ? (off_t)pcapng_reader_offset(cap->ng) : ftello(pcap_file(cap->pcap));

	return cap->size && at > 0 && (uint64_t)at <= cap->size ? (double)at / (double)cap->size
								: 0;
}

static int load_all(struct arena *a, struct capture *cap, struct capture_packet **packets,
		    size_t *n, struct err *err)
{
	const char *was = NULL, *copy = NULL;
	struct capture_packet p = { 0 };
	int ret;

	while ((ret = capture_next(cap, &p, err)) > 0) {
		p.data = arena_memdup(a, p.data, p.caplen);
		p.comment = arena_strdup(a, p.comment);
		if (p.interface_name && (!was || strcmp(was, p.interface_name) != 0))
			was = copy = arena_strdup(a, p.interface_name);
		p.interface_name = p.interface_name ? copy : NULL;
		*packets = arena_grow(a, *packets, *n, sizeof(**packets));
		(*packets)[(*n)++] = p;
	}
	return ret;
}

int capture_load(struct arena *a, const char *path, struct capture_packet **packets, size_t *n,
		 struct err *err)
{
	struct capture *cap = NULL;
	int ret;

	*packets = NULL;
	*n = 0;
	ret = capture_open(path, &cap, err);
	if (ret < 0)
		return ret;
	ret = load_all(a, cap, packets, n, err);
	capture_close(cap);
	return ret;
}
