/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* pcapng: what we write as tshark reads it, and what others may write, made by hand from the
 * specification, as we read it: byte orders, sections, time resolutions, odd and broken blocks.
 */
#include "packets.h"

#include "base/arena.h"
#include "packet/capture.h"
#include "packet/pcapng.h"

/* ---- files made by hand ---- */

struct file {
	uint8_t b[65536];
	size_t len;
	bool big;
	size_t block; /* start of the open block */
};

static void f8(struct file *f, uint8_t v)
{
	f->b[f->len++] = v;
}

static void fnum(struct file *f, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		f8(f, (uint8_t)(v >> 8 * (f->big ? bytes - 1 - i : i)));
}

static void fbytes(struct file *f, const void *data, size_t len)
{
	memcpy(f->b + f->len, data, len);
	f->len += len;
	while (f->len % 4)
		f8(f, 0);
}

static void foption(struct file *f, uint16_t code, const void *data, uint16_t len)
{
	fnum(f, code, 2);
	fnum(f, len, 2);
	fbytes(f, data, len);
}

static void begin(struct file *f, uint32_t type)
{
	f->block = f->len;
	fnum(f, type, 4);
	fnum(f, 0, 4);
}

static void end(struct file *f)
{
	size_t len = f->len + 4 - f->block, at = f->len;

	f->len = f->block + 4;
	fnum(f, len, 4);
	f->len = at;
	fnum(f, len, 4);
}

static void section(struct file *f, bool big)
{
	f->big = big;
	begin(f, 0x0a0d0d0a);
	fnum(f, 0x1a2b3c4d, 4);
	fnum(f, 1, 2);
	fnum(f, 0, 2);
	fnum(f, UINT64_MAX, 8);
	end(f);
}

/* tsresol < 0: option left out */
static void interface(struct file *f, uint16_t link, uint32_t snaplen, const char *name,
		      int tsresol, int64_t offset)
{
	uint8_t resol = (uint8_t)tsresol;

	begin(f, 1);
	fnum(f, link, 2);
	fnum(f, 0, 2);
	fnum(f, snaplen, 4);
	if (name)
		foption(f, 2, name, (uint16_t)strlen(name));
	if (tsresol >= 0)
		foption(f, 9, &resol, 1);
	if (offset) {
		fnum(f, 14, 2);
		fnum(f, 8, 2);
		fnum(f, (uint64_t)offset, 8);
	}
	end(f);
}

static void packet_start(struct file *f, uint32_t id, uint64_t ts, const char *data, uint32_t len)
{
	begin(f, 6);
	fnum(f, id, 4);
	fnum(f, ts >> 32, 4);
	fnum(f, (uint32_t)ts, 4);
	fnum(f, strlen(data), 4);
	fnum(f, len, 4);
	fbytes(f, data, strlen(data));
}

static void packet(struct file *f, uint32_t id, uint64_t ts, const char *data)
{
	packet_start(f, id, ts, data, (uint32_t)strlen(data));
	end(f);
}

static int open_bytes(const void *bytes, size_t len, struct pcapng_reader **r, struct err *err)
{
	FILE *f = fmemopen((void *)bytes, len, "rb");

	cr_assert(f);
	return pcapng_reader_open(f, "hand.pcapng", r, err);
}

/* Text of every packet, one a line, then how it ended. */
static const char *read_all(const struct file *f, struct buf *out)
{
	static struct err err;
	struct capture_packet p;
	struct pcapng_reader *r;
	int ret;

	buf_reset(out);
	ret = open_bytes(f->b, f->len, &r, &err);
	while (ret == 0 && (ret = pcapng_reader_next(r, &p, &err)) == 1) {
		buf_printf(out, "%u if%u %s link %u %llu.%09llu %.*s/%u", p.number, p.interface,
			   p.interface_name ? p.interface_name : "-", p.linktype,
			   (unsigned long long)(p.ts_ns / 1000000000),
			   (unsigned long long)(p.ts_ns % 1000000000), (int)p.caplen, p.data,
			   p.len);
		if (p.has_verdict)
			buf_printf(out, " verdict %u:%lld", p.verdict_type, (long long)p.verdict);
		if (p.has_packetid)
			buf_printf(out, " id %llu", (unsigned long long)p.packetid);
		if (p.flags)
			buf_printf(out, " flags %u", p.flags);
		if (p.comment)
			buf_printf(out, " # %s", p.comment);
		buf_putc(out, '\n');
		ret = 0;
	}
	if (ret < 0) {
		cr_expect_eq(err.kind, ERR_INPUT);
		buf_puts(out, err.text);
	}
	pcapng_reader_close(r);
	return buf_str(out);
}

Test(pcapng, sections_of_both_byte_orders_number_packets_and_interfaces_on)
{
	__cleanup_buf struct buf out = BUF_INIT;
	static struct file f;

	section(&f, true);
	interface(&f, 1, 0, "eth0", 9, 0);
	interface(&f, 101, 0, NULL, -1, 0);
	packet(&f, 0, 1700000000123456789, "abcde");
	packet(&f, 1, 1700000000123456, "raw");
	section(&f, false);
	interface(&f, 113, 0, "any", 9, 0);
	packet(&f, 0, 1700000000000000001, "x");
	cr_expect_str_eq(read_all(&f, &out), "1 if0 eth0 link 1 1700000000.123456789 abcde/5\n"
					     "2 if1 - link 101 1700000000.123456000 raw/3\n"
					     "3 if2 any link 113 1700000000.000000001 x/1\n");
}

Test(pcapng, times_follow_resolution_and_offset_of_the_interface)
{
	__cleanup_buf struct buf out = BUF_INIT;
	static struct file f;

	section(&f, false);
	interface(&f, 1, 0, NULL, 0, 0); /* seconds */
	interface(&f, 1, 0, NULL, 3, 0);
	interface(&f, 1, 0, NULL, 12, 0); /* picoseconds */
	interface(&f, 1, 0, NULL, 0x80 | 10, 0); /* 1/1024 s */
	interface(&f, 1, 0, NULL, 0x80 | 32, 0); /* NTP's fractions */
	interface(&f, 1, 0, NULL, 6, 1700000000);
	interface(&f, 1, 0, NULL, 6, -10);
	interface(&f, 1, 0, NULL, 127, 0);
	interface(&f, 1, 0, NULL, 255, 0);
	packet(&f, 0, 1700000000, "a");
	packet(&f, 1, 1700000000250, "b");
	packet(&f, 2, 5000000001999, "c");
	packet(&f, 3, 1024 * 7 + 512, "d");
	packet(&f, 4, (3ull << 32) + (1u << 30), "e");
	packet(&f, 5, 250000, "f");
	packet(&f, 6, 12000000, "g");
	packet(&f, 6, 1, "before the epoch");
	packet(&f, 7, UINT64_MAX, "h");
	packet(&f, 8, UINT64_MAX, "i");
	packet(&f, 0, UINT64_MAX, "j");
	cr_expect_str_eq(read_all(&f, &out), "1 if0 - link 1 1700000000.000000000 a/1\n"
					     "2 if1 - link 1 1700000000.250000000 b/1\n"
					     "3 if2 - link 1 5.000000001 c/1\n"
					     "4 if3 - link 1 7.500000000 d/1\n"
					     "5 if4 - link 1 3.250000000 e/1\n"
					     "6 if5 - link 1 1700000000.250000000 f/1\n"
					     "7 if6 - link 1 2.000000000 g/1\n"
					     "8 if6 - link 1 0.000000000 before the epoch/16\n"
					     "9 if7 - link 1 0.000000000 h/1\n"
					     "10 if8 - link 1 0.000000000 i/1\n"
					     "11 if0 - link 1 18446744073.709551615 j/1\n");
}

static void all_options(struct file *f, bool endofopt)
{
	packet_start(f, 0, 0, "p", 100);
	fnum(f, 7, 2);
	fnum(f, 9, 2);
	f8(f, 1);
	fnum(f, 2, 8);
	fbytes(f, "", 0);
	foption(f, 1, "first", 5);
	foption(f, 1, "second", 6);
	fnum(f, 2, 2);
	fnum(f, 4, 2);
	fnum(f, 2, 4);
	fnum(f, 5, 2);
	fnum(f, 8, 2);
	fnum(f, 77, 8);
	foption(f, 2989, "\x00\x00\x7f\x01private", 11);
	if (endofopt)
		fnum(f, 0, 4);
	end(f);
}

Test(pcapng, options_are_read_in_both_byte_orders_with_and_without_an_end)
{
	__cleanup_buf struct buf out = BUF_INIT;
	static struct file f;

	for (int i = 0; i < 2; i++) {
		section(&f, i);
		interface(&f, 1, 0, NULL, -1, 0);
		all_options(&f, true);
		all_options(&f, false);
	}
	cr_expect_str_eq(read_all(&f, &out),
			 "1 if0 - link 1 0.000000000 p/100 verdict 1:2 id 77 flags 2 # first\n"
			 "2 if0 - link 1 0.000000000 p/100 verdict 1:2 id 77 flags 2 # first\n"
			 "3 if1 - link 1 0.000000000 p/100 verdict 1:2 id 77 flags 2 # first\n"
			 "4 if1 - link 1 0.000000000 p/100 verdict 1:2 id 77 flags 2 # first\n");
}

Test(pcapng, simple_and_obsolete_packets_are_read_and_unknown_blocks_skipped)
{
	__cleanup_buf struct buf out = BUF_INIT;
	static struct file f;

	section(&f, true);
	begin(&f, 4); /* names */
	fnum(&f, 0, 4);
	end(&f);
	interface(&f, 1, 6, "eth0", -1, 0);
	begin(&f, 3);
	fnum(&f, 5, 4);
	fbytes(&f, "whole", 5);
	end(&f);
	begin(&f, 3); /* cut by the interface's snaplen */
	fnum(&f, 100, 4);
	fbytes(&f, "cutcut", 6);
	end(&f);
	begin(&f, 0x80001234);
	for (int i = 0; i < 3000; i++)
		fnum(&f, 6, 4);
	end(&f);
	begin(&f, 2);
	fnum(&f, 0, 2);
	fnum(&f, 9, 2); /* drops */
	fnum(&f, 0, 4);
	fnum(&f, 1500000, 4);
	fnum(&f, 3, 4);
	fnum(&f, 3, 4);
	fbytes(&f, "old", 3);
	foption(&f, 1, "why", 3);
	end(&f);
	cr_expect_str_eq(read_all(&f, &out), "1 if0 eth0 link 1 0.000000000 whole/5\n"
					     "2 if0 eth0 link 1 0.000000000 cutcut/100\n"
					     "3 if0 eth0 link 1 1.500000000 old/3 # why\n");
}

/* ---- broken files ---- */

static void good_start(struct file *f)
{
	*f = (struct file){ 0 };
	section(f, false);
	interface(f, 1, 0, NULL, -1, 0);
	packet(f, 0, 0, "fine");
}

static void set32(struct file *f, size_t at, uint32_t v)
{
	size_t len = f->len;

	f->len = at;
	fnum(f, v, 4);
	f->len = len;
}

static void expect_broken(const struct file *f, const char *cause)
{
	__cleanup_buf struct buf out = BUF_INIT;

	read_all(f, &out);
	cr_expect(strncmp(buf_str(&out), "1 if0", 5) == 0, "%s: the good packet is lost", cause);
	cr_expect(strstr(buf_str(&out), cause), "%s: %s", cause, buf_str(&out));
	cr_expect(strstr(buf_str(&out), "packet 2"), "%s", buf_str(&out));
	cr_expect(strstr(buf_str(&out), "offset 84"), "%s", buf_str(&out));
	cr_expect(strstr(buf_str(&out), "hand.pcapng: "), "%s", buf_str(&out));
}

Test(pcapng, what_is_broken_is_named_with_packet_and_offset)
{
	static struct file f;

	good_start(&f);
	cr_assert_eq(f.len, 84);
	packet(&f, 1, 0, "data");
	expect_broken(&f, "interface 1, the section has described 1");
	good_start(&f);
	packet(&f, 0, 0, "data");
	set32(&f, 84 + 20, 5);
	expect_broken(&f, "a packet of 5 bytes, 4 are there");
	set32(&f, 84 + 20, UINT32_MAX);
	expect_broken(&f, "a packet of 4294967295 bytes, 4 are there");
	good_start(&f);
	packet(&f, 0, 0, "data");
	set32(&f, f.len - 4, 32);
	expect_broken(&f, "its length is 36 at its start and 32 at its end");
	set32(&f, 88, 35);
	expect_broken(&f, "a length of 35 bytes is impossible");
	set32(&f, 88, 8);
	expect_broken(&f, "a length of 8 bytes is impossible");
	set32(&f, 88, 0x7ffffffc);
	expect_broken(&f, "cannot be true");
	good_start(&f);
	packet_start(&f, 0, 0, "data", 4);
	foption(&f, 1, "comment", 7);
	end(&f);
	f.b[f.len - 4 - 12 + 2] = 9;
	expect_broken(&f, "option 1 claims 9 bytes, 8 are left");
	good_start(&f);
	begin(&f, 6);
	fnum(&f, 0, 4);
	end(&f);
	expect_broken(&f, "a packet block of 16 bytes is too short");
	good_start(&f);
	begin(&f, 1);
	fnum(&f, 1, 4);
	end(&f);
	expect_broken(&f, "an interface description of 16 bytes is too short");
	good_start(&f);
	section(&f, true);
	f.b[84 + 13] = 2;
	expect_broken(&f, "pcapng version 2.0");
	f.b[84 + 8] = 0;
	expect_broken(&f, "without byte-order magic");
}

static struct file *rich_file(void)
{
	static struct file f;

	f = (struct file){ 0 };
	for (int i = 0; i < 2; i++) {
		section(&f, i);
		interface(&f, 1, 0, "eth0", 9, 5);
		all_options(&f, i);
		begin(&f, 3);
		fnum(&f, 5, 4);
		fbytes(&f, "whole", 5);
		end(&f);
		begin(&f, 0x80001234);
		fnum(&f, 6, 4);
		end(&f);
		packet(&f, 0, 1, "last");
	}
	return &f;
}

/* How many packets come out; *end is what ended them. */
static unsigned count(const void *bytes, size_t len, int *end)
{
	/* An exact copy: a sanitizer sees one byte too far. */
	uint8_t *exact = malloc(len);
	static struct err err;
	struct capture_packet p;
	struct pcapng_reader *r;
	volatile uint8_t sum = 0;
	unsigned n = 0;

	memcpy(exact, bytes, len);
	*end = open_bytes(exact, len, &r, &err);
	while (*end == 0 && (*end = pcapng_reader_next(r, &p, &err)) == 1) {
		for (uint32_t i = 0; i < p.caplen; i++)
			sum ^= p.data[i];
		cr_assert(p.len >= p.caplen && p.number == n + 1);
		cr_assert_leq(++n, len / 16, "more packets than the file can hold");
		*end = 0;
	}
	if (*end < 0)
		cr_assert(err.kind == ERR_INPUT && err.text[0]);
	pcapng_reader_close(r);
	free(exact);
	return n;
}

Test(pcapng, cut_at_any_byte_gives_the_packets_before_and_an_error)
{
	struct file *f = rich_file();
	size_t at_block = 0, next = 0;
	unsigned last = 0;
	int end;

	for (size_t len = 1; len <= f->len; len++) {
		unsigned n = count(f->b, len, &end);

		cr_expect_geq(n, last);
		last = n;
		if (len > next) {
			/* Lengths stand in the byte order of their section. */
			uint32_t le = (uint32_t)(f->b[next + 4] | f->b[next + 5] << 8);
			uint32_t be = (uint32_t)(f->b[next + 7] | f->b[next + 6] << 8);

			at_block = next + (le ? le : be);
			next = at_block;
		}
		if (len == at_block)
			cr_expect_eq(end, 0, "a whole number of blocks: %zu bytes", len);
		else
			cr_expect_lt(end, 0, "%zu bytes", len);
	}
	cr_expect_eq(last, 6);
}

Test(pcapng, any_byte_changed_is_survived, .timeout = 120)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x03, 0x06, 0x7f, 0x80, 0xff };
	struct file *f = rich_file();
	uint32_t state = 5;
	int end;

	for (size_t at = 0; at < f->len; at++) {
		uint8_t was = f->b[at];

		for (size_t v = 0; v < sizeof(values); v++) {
			f->b[at] = values[v];
			count(f->b, f->len, &end);
		}
		f->b[at] = was;
	}
	for (int round = 0; round < 20000; round++) {
		static struct file g;

		g = *f;
		for (uint32_t i = 0; i < 1 + rnd(&state) % 6; i++)
			g.b[rnd(&state) % (g.len + 1)] = (uint8_t)rnd(&state);
		count(g.b, g.len, &end);
	}
}

/* ---- writing ---- */

static void write_three(const char *path, const char *comment)
{
	static const uint8_t frame[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xcc };
	struct pcapng_record rec = {
		.ts_ns = 1700000000123456789, .data = frame, .caplen = 60, .len = 60
	};
	static struct err err;
	struct pcapng_writer *w;
	uint32_t tc, xdp;

	cr_assert_eq(pcapng_writer_open(path, "verdict", &w, &err), 0, "%s", err.text);
	cr_assert_eq(pcapng_writer_interface(w, "m0/eth0:cil_from_netdev()@exit", 1, &tc, &err), 0);
	cr_assert_eq(pcapng_writer_packet(w, tc, &rec, &err), 0);
	rec.has_verdict = rec.has_packetid = true;
	rec.verdict_type = PCAPNG_VERDICT_TC;
	rec.verdict = 2;
	rec.packetid = 0x1122334455667788;
	rec.direction = PCAPNG_DIR_IN;
	rec.comment = comment;
	rec.ts_ns++;
	cr_assert_eq(pcapng_writer_packet(w, tc, &rec, &err), 0);
	cr_assert_eq(pcapng_writer_interface(w, "m0/eth0:xdp()@exit", 1, &xdp, &err), 0);
	rec.verdict_type = PCAPNG_VERDICT_XDP;
	rec.verdict = -1;
	rec.direction = PCAPNG_DIR_OUT;
	rec.comment = NULL;
	rec.ts_ns++;
	rec.caplen = 33;
	rec.len = 1500;
	cr_assert_eq(pcapng_writer_packet(w, xdp, &rec, &err), 0);
	cr_expect_lt(pcapng_writer_packet(w, 2, &rec, &err), 0, "an interface not added");
	cr_assert_eq(pcapng_writer_close(w, &err), 0, "%s", err.text);
}

Test(pcapng, what_we_write_tshark_reads_verdicts_and_all, .timeout = 60)
{
	const char *argv[] = { "tshark", "-n",
			       "-r",	 NULL,
			       "-T",	 "fields",
			       "-E",	 "separator=|",
			       "-e",	 "frame.time_epoch",
			       "-e",	 "frame.interface_name",
			       "-e",	 "frame.verdict.ebpf_tc",
			       "-e",	 "frame.verdict.ebpf_xdp",
			       "-e",	 "frame.packet_id",
			       "-e",	 "frame.packet_flags_direction",
			       "-e",	 "frame.comment",
			       "-e",	 "frame.len",
			       "-e",	 "frame.cap_len",
			       NULL };
	__cleanup_buf struct buf out = BUF_INIT;
	char path[64];

	need_tool("tshark");
	write_three(temp_path(path, "write.pcapng"), "dropped: POLICY 133, größer");
	argv[3] = path;
	run_ok(argv, &out);
	cr_expect_str_eq(buf_str(&out),
			 "1700000000.123456789|m0/eth0:cil_from_netdev()@exit|||||"
			 "|60|60\n"
			 "1700000000.123456790|m0/eth0:cil_from_netdev()@exit|2||"
			 "1234605616436508552|0x00000001|dropped: POLICY 133, größer|60|60\n"
			 "1700000000.123456791|m0/eth0:xdp()@exit||-1|"
			 "1234605616436508552|0x00000002||1500|33\n");
	unlink(path);
}

Test(pcapng, what_we_write_we_read_back)
{
	struct arena *a = arena_new();
	struct capture_packet *p;
	static struct err err;
	char path[64], *comment;
	size_t n;

	/* Longer than an option can be, with a character across the limit. */
	comment = arena_alloc(a, 70001);
	memset(comment, 'c', 70000);
	memcpy(comment + 65534, "€", 3);
	write_three(temp_path(path, "back.pcapng"), comment);
	cr_assert_eq(capture_load(a, path, &p, &n, &err), 0, "%s", err.text);
	cr_assert_eq(n, 3);
	cr_expect_str_eq(p[0].interface_name, "m0/eth0:cil_from_netdev()@exit");
	cr_expect(!p[0].has_verdict && !p[0].has_packetid && !p[0].flags && !p[0].comment);
	cr_expect_eq(p[1].ts_ns, 1700000000123456790);
	cr_expect(p[1].has_verdict && p[1].verdict_type == 1 && p[1].verdict == 2);
	cr_expect(p[1].has_packetid && p[1].packetid == 0x1122334455667788);
	cr_expect_eq(p[1].flags & 3, 1);
	cr_expect_eq(strlen(p[1].comment), 65534, "cut before the character, not inside it");
	cr_expect_eq(p[2].interface, 1);
	cr_expect_eq(p[2].caplen, 33);
	cr_expect_eq(p[2].len, 1500);
	cr_expect_eq((int64_t)p[2].verdict, -1);
	unlink(path);
	arena_free(a);
}

Test(pcapng, a_full_disk_and_a_missing_folder_are_reported)
{
	struct pcapng_record rec = { .data = (const uint8_t *)"x", .caplen = 1, .len = 1 };
	static struct err err;
	struct pcapng_writer *w;
	uint32_t id;

	cr_assert_eq(pcapng_writer_open("/dev/full", "verdict", &w, &err), 0);
	cr_assert_eq(pcapng_writer_interface(w, "a", 1, &id, &err), 0);
	cr_assert_eq(pcapng_writer_packet(w, id, &rec, &err), 0);
	cr_expect_eq(pcapng_writer_close(w, &err), -ENOSPC);
	cr_expect_eq(err.kind, ERR_SYSTEM);
	cr_expect(strstr(err.text, "/dev/full"), "%s", err.text);
	cr_expect_eq(pcapng_writer_open("/nonexistent/x.pcapng", "verdict", &w, &err), -ENOENT);
	cr_expect_null(w);
}
