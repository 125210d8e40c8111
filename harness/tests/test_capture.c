/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Captures as people have them: classic pcap in all its byte orders and resolutions, files written
 * by Wireshark's tools, and files that are no capture, cut short or missing.
 */
#include "packets.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "packet/capture.h"
#include "packet/pcapng.h"

struct file {
	uint8_t b[65536];
	size_t len;
	bool big;
};

static void fnum(struct file *f, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		f->b[f->len++] = (uint8_t)(v >> 8 * (f->big ? bytes - 1 - i : i));
}

static void pcap_header(struct file *f, bool big, uint32_t magic, uint32_t link)
{
	*f = (struct file){ .big = big };
	fnum(f, magic, 4);
	fnum(f, 2, 2);
	fnum(f, 4, 2);
	fnum(f, 0, 8);
	fnum(f, 262144, 4);
	fnum(f, link, 4);
}

static void pcap_packet(struct file *f, uint32_t sec, uint32_t frac, const char *data, uint32_t len)
{
	fnum(f, sec, 4);
	fnum(f, frac, 4);
	fnum(f, strlen(data), 4);
	fnum(f, len, 4);
	memcpy(f->b + f->len, data, strlen(data));
	f->len += strlen(data);
}

static const char *describe(const char *path, struct buf *out)
{
	static struct err err;
	struct capture_packet p;
	struct capture *cap;
	int ret;

	buf_reset(out);
	ret = capture_open(path, &cap, &err);
	cr_assert((ret == 0) == (cap != NULL));
	while (ret == 0 && (ret = capture_next(cap, &p, &err)) == 1) {
		buf_printf(out, "%u link %u %llu.%09llu %.*s/%u\n", p.number, p.linktype,
			   (unsigned long long)(p.ts_ns / 1000000000),
			   (unsigned long long)(p.ts_ns % 1000000000), (int)p.caplen, p.data,
			   p.len);
		ret = 0;
	}
	if (ret < 0) {
		cr_expect_eq(err.kind, ERR_INPUT);
		cr_expect_eq(strncmp(err.text, path, strlen(path)), 0, "%s", err.text);
		buf_puts(out, err.text + strlen(path));
	}
	capture_close(cap);
	return buf_str(out);
}

Test(pcap, both_byte_orders_and_both_resolutions_are_read)
{
	static const uint32_t magics[] = { 0xa1b2c3d4, 0xa1b23c4d };
	static const char *const fraction[] = { "000123000", "000000123" };
	__cleanup_buf struct buf out = BUF_INIT;
	char path[64], want[256];
	static struct file f;

	temp_path(path, "orders.pcap");
	for (int big = 0; big < 2; big++) {
		for (int i = 0; i < 2; i++) {
			pcap_header(&f, big, magics[i], 1);
			pcap_packet(&f, 1700000000, 123, "abc", 3);
			pcap_packet(&f, 0xfffffffe, 0, "defgh", 1500);
			write_bytes(path, f.b, f.len);
			snprintf(want, sizeof(want),
				 "1 link 1 1700000000.%s abc/3\n"
				 "2 link 1 4294967294.000000000 defgh/1500\n",
				 fraction[i]);
			cr_expect_str_eq(describe(path, &out), want);
		}
	}
	unlink(path);
}

Test(pcap, raw_ip_under_the_numbers_of_other_systems_and_unknown_link_types_are_read)
{
	static const uint32_t link[][2] = {
		{ 12, 101 }, { 14, 101 },  { 101, 101 },      { 276, 276 },
		{ 0, 0 },    { 127, 127 }, { 0x24000001, 1 }, /* with a frame check sequence */
	};
	__cleanup_buf struct buf out = BUF_INIT;
	char path[64], want[64];
	static struct file f;

	temp_path(path, "links.pcap");
	for (size_t i = 0; i < sizeof(link) / sizeof(link[0]); i++) {
		pcap_header(&f, false, 0xa1b2c3d4, link[i][0]);
		pcap_packet(&f, 1, 0, "x", 1);
		write_bytes(path, f.b, f.len);
		snprintf(want, sizeof(want), "1 link %u 1.000000000 x/1\n", link[i][1]);
		cr_expect_str_eq(describe(path, &out), want);
	}
	unlink(path);
}

Test(pcap, cut_at_any_byte_gives_the_packets_before_and_names_the_place)
{
	__cleanup_buf struct buf out = BUF_INIT;
	static struct file f;
	char path[64];

	temp_path(path, "cut.pcap");
	pcap_header(&f, false, 0xa1b2c3d4, 1);
	pcap_packet(&f, 1, 0, "abc", 3);
	pcap_packet(&f, 2, 0, "defgh", 5);
	for (size_t len = 4; len < f.len; len++) {
		write_bytes(path, f.b, len);
		describe(path, &out);
		if (len < 24)
			cr_expect(strstr(buf_str(&out), "cut short inside the file header"));
		else if (len == 24 || len == 24 + 19)
			cr_expect(!strstr(buf_str(&out), "broken"), "%zu: %s", len, buf_str(&out));
		else if (len < 24 + 19)
			cr_expect(strstr(buf_str(&out), "packet 1 at offset 24 is broken"),
				  "%zu: %s", len, buf_str(&out));
		else
			cr_expect(
				strncmp(buf_str(&out), "1 link", 6) == 0 &&
					strstr(buf_str(&out), "packet 2 at offset 43 is broken") &&
					strstr(buf_str(&out), "the file was cut short"),
				"%zu: %s", len, buf_str(&out));
	}
	unlink(path);
}

Test(pcap, any_byte_changed_is_survived, .timeout = 120)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
	__cleanup_buf struct buf out = BUF_INIT;
	static struct file f;
	char path[64];

	temp_path(path, "mutant.pcap");
	pcap_header(&f, false, 0xa1b2c3d4, 1);
	pcap_packet(&f, 1, 0, "abc", 3);
	pcap_packet(&f, 2, 0, "defgh", 5);
	for (size_t at = 0; at < f.len; at++) {
		uint8_t was = f.b[at];

		for (size_t v = 0; v < sizeof(values); v++) {
			f.b[at] = values[v];
			write_bytes(path, f.b, f.len);
			describe(path, &out);
		}
		f.b[at] = was;
	}
	unlink(path);
}

/* ---- files that are no captures ---- */

Test(input, what_is_no_capture_is_said_with_what_to_do)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *says;
	} files[] = {
		{ "", 0, "empty file, not a capture" },
		{ "\x1f\x8b\x08\x00", 4, "gunzip" },
		{ "\x28\xb5\x2f\xfd\x00", 5, "unzstd" },
		{ "snoop\0\0\0", 8, "editcap" },
		{ "10:00:00 IP 10.0.0.1 > 10.0.0.2\n", 31, "tcpdump -w" },
		{ "\x7f", 1, "starts with the bytes 7f" },
		{ "\xd4\xc3\xb2", 3, "not a capture" },
		{ "\x0a\x0d\x0d\x0a", 4, "the file ends inside" },
		{ "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a", 12, "the file ends inside" },
	};
	__cleanup_buf struct buf out = BUF_INIT;
	char path[64];

	temp_path(path, "nothing");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		write_bytes(path, files[i].bytes, files[i].len);
		describe(path, &out);
		cr_expect(strstr(buf_str(&out), files[i].says), "%s: %s", files[i].says,
			  buf_str(&out));
	}
	unlink(path);
	cr_expect(strstr(describe(path, &out), "No such file or directory"));
	cr_expect(strstr(describe("/tmp", &out), "it is a folder"));
}

Test(input, a_capture_is_read_from_a_pipe)
{
	__cleanup_buf struct buf out = BUF_INIT;
	char fd_path[64];
	static struct file f;
	int fds[2];

	for (int big = 0; big < 2; big++) {
		cr_assert_eq(pipe(fds), 0);
		pcap_header(&f, big, 0xa1b2c3d4, 1);
		pcap_packet(&f, 1, 0, "abc", 3);
		cr_assert_eq(write(fds[1], f.b, f.len), (ssize_t)f.len);
		close(fds[1]);
		snprintf(fd_path, sizeof(fd_path), "/dev/fd/%d", fds[0]);
		cr_expect_str_eq(describe(fd_path, &out), "1 link 1 1.000000000 abc/3\n");
		close(fds[0]);
	}
}

/* ---- Wireshark's tools ---- */

static void write_ours(const char *path)
{
	static struct err err;
	struct pcapng_writer *w;
	uint32_t id;
	struct pkt p;

	put_eth(&p, 0x0800);
	put_tcp4(&p, "10.0.0.1", 40101, "10.0.0.2", 40102, 2, 0);
	cr_assert_eq(pcapng_writer_open(path, "verdict", &w, &err), 0);
	cr_assert_eq(pcapng_writer_interface(w, "eth0", 1, &id, &err), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct pcapng_record rec = { .ts_ns = 1700000000000000789 + i,
					     .data = p.b,
					     .caplen = i == 2 ? 20 : p.len,
					     .len = p.len,
					     .comment = i == 1 ? "second" : NULL };

		cr_assert_eq(pcapng_writer_packet(w, id, &rec, &err), 0);
	}
	cr_assert_eq(pcapng_writer_close(w, &err), 0);
}

static void expect_three(const char *path, unsigned ns, const char *what)
{
	struct arena *a = arena_new();
	struct capture_packet *p;
	static struct err err;
	size_t n;

	cr_assert_eq(capture_load(a, path, &p, &n, &err), 0, "%s: %s", what, err.text);
	cr_assert_eq(n, 3, "%s", what);
	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(p[i].ts_ns, 1700000000000000000 + (ns ? ns + i : 0), "%s", what);
		cr_expect_eq(p[i].caplen, i == 2 ? 20 : 54, "%s", what);
		cr_expect_eq(p[i].len, 54, "%s", what);
		cr_expect_eq(p[i].linktype, LINK_ETHERNET);
		cr_expect_eq(p[i].data[13], 0);
	}
	arena_free(a);
}

Test(tools, what_editcap_writes_is_read_in_every_format, .timeout = 60)
{
	static const struct {
		const char *format;
		unsigned ns;
	} formats[] = { { "pcap", 0 }, { "nsecpcap", 789 }, { "pcapng", 789 }, { "modpcap", 0 } };
	char from[64], to[64];

	need_tool("editcap");
	write_ours(temp_path(from, "ours.pcapng"));
	temp_path(to, "editcap");
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		const char *argv[] = { "editcap", "-F", formats[i].format, from, to, NULL };

		run_ok(argv, NULL);
		expect_three(to, formats[i].ns, formats[i].format);
	}
	unlink(from);
	unlink(to);
}

Test(tools, files_of_different_link_types_merged_by_mergecap_are_read, .timeout = 60)
{
	char ours[64], raw[64], merged[64];
	const char *argv[] = { "mergecap", "-a", "-w", merged, ours, raw, NULL };
	struct arena *a = arena_new();
	struct capture_packet *p;
	static struct file f;
	static struct err err;
	size_t n;

	need_tool("mergecap");
	write_ours(temp_path(ours, "a.pcapng"));
	pcap_header(&f, true, 0xa1b2c3d4, 101);
	pcap_packet(&f, 1800000000, 5, "\x45xyz", 4);
	write_bytes(temp_path(raw, "b.pcap"), f.b, f.len);
	temp_path(merged, "merged.pcapng");
	run_ok(argv, NULL);
	cr_assert_eq(capture_load(a, merged, &p, &n, &err), 0, "%s", err.text);
	cr_assert_eq(n, 4);
	cr_expect_str_eq(p[0].interface_name, "eth0");
	cr_expect_str_eq(p[1].comment, "second");
	cr_expect_eq(p[2].linktype, LINK_ETHERNET);
	cr_expect_eq(p[3].linktype, LINK_RAW);
	cr_expect_eq(p[3].ts_ns, 1800000000000005000);
	cr_expect_neq(p[3].interface, p[0].interface);
	unlink(ours);
	unlink(raw);
	unlink(merged);
	arena_free(a);
}

Test(linktypes, those_that_can_be_replayed_have_names_and_others_none)
{
	/* Numbers and names as on tcpdump.org/linktypes.html. */
	cr_expect_str_eq(linktype_name(1), "ETHERNET");
	cr_expect_str_eq(linktype_name(101), "RAW");
	cr_expect_str_eq(linktype_name(276), "LINUX_SLL2");
	cr_expect_null(linktype_name(127));
}
