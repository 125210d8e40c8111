/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packet fields: every one of the table held against tshark's reading of the same packets, expected
 * values in all notations, and differences.
 */
#include "packets.h"

#include "base/arena.h"
#include "packet/csum.h"
#include "packet/field.h"
#include "packet/parse.h"
#include "packet/pcapng.h"
#include "packet/print.h"

/* ---- packets of every kind the table knows ---- */

#define A4 "10.160.128.31"
#define B4 "10.160.128.34"
#define A6 "fd00:10::1f"
#define B6 "fd00:10::22"

struct list {
	struct pkt *p;
	size_t n, room;
	uint32_t seed;
};

static struct pkt *more(struct list *l)
{
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->p = realloc(l->p, l->room * sizeof(*l->p));
		cr_assert(l->p);
	}
	memset(&l->p[l->n], 0, sizeof(*l->p));
	return &l->p[l->n++];
}

/* Ports that no dissector of Wireshark's claims. */
static uint16_t port(struct list *l)
{
	return (uint16_t)(40100 + rnd(&l->seed) % 300);
}

static void add_tcp(struct list *l)
{
	struct pkt *p = more(l);
	uint32_t l3, l4;

	put_eth(p, 0x0800);
	l3 = put_ip4(p, A4, B4, 6);
	p->b[l3 + 1] = (uint8_t)rnd(&l->seed); /* DSCP, ECN */
	set16(p, l3 + 4, (uint16_t)rnd(&l->seed));
	p->b[l3 + 8] = (uint8_t)(rnd(&l->seed) | 1);
	l4 = put_tcp(p, port(l), port(l), (uint8_t)rnd(&l->seed));
	p->b[l4 + 4] = (uint8_t)rnd(&l->seed);
	set16(p, l4 + 14, (uint16_t)rnd(&l->seed));
	set16(p, l4 + 18, (uint16_t)rnd(&l->seed));
	if (rnd(&l->seed) % 2) {
		put_bytes(p, "\x02\x04\x05\xb4\x04\x02\x01\x01", 8);
		p->b[l4 + 12] = 0x70;
	}
	p->b[l4 + 12] |= rnd(&l->seed) % 16; /* reserved bits and AE count as flags */
	if (!(p->b[l4 + 13] & 0x04)) /* Wireshark calls a reset's data its cause */
		put_data(p, rnd(&l->seed) % 40);
	end_l4(p, (int)l3, l4, 16, 6);
	end_ip(p, l3);
	while (p->len < 60) /* Ethernet's padding is not TCP's data */
		put8(p, 0);

	p = more(l);
	put_eth(p, 0x86dd);
	put_tcp6(p, A6, port(l), B6, port(l), 0x18, rnd(&l->seed) % 40);
	p->b[14] |= rnd(&l->seed) % 16;
	set16(p, 15, (uint16_t)rnd(&l->seed));
}

static void add_udp(struct list *l)
{
	struct pkt *p = more(l);
	uint32_t l3, l4;

	put_eth(p, 0x0800);
	put_udp4(p, B4, port(l), A4, port(l), (uint16_t)(rnd(&l->seed) % 50));

	p = more(l); /* without checksum; data shorter than the IP packet */
	put_eth(p, 0x0800);
	l3 = put_ip4(p, B4, A4, 17);
	put_udp(p, port(l), port(l), 6);
	put_data(p, 10);
	end_ip(p, l3);

	p = more(l);
	put_eth(p, 0x86dd);
	l3 = put_ip6(p, B6, A6, 17);
	l4 = put_udp(p, port(l), port(l), 9);
	put_data(p, 9);
	end_l4(p, (int)l3, l4, 6, 17);
	end_ip(p, l3);
}

static void add_sctp(struct list *l)
{
	struct pkt *p = more(l);
	uint32_t l3, l4;

	put_eth(p, 0x0800);
	l3 = put_ip4(p, A4, B4, 132);
	l4 = p->len;
	put16(p, port(l));
	put16(p, port(l));
	put32(p, rnd(&l->seed));
	put32(p, 0);
	put_bytes(p, "\x0e\x00\x00\x04", 4); /* SHUTDOWN COMPLETE */
	end_sctp(p, l4);
	if (rnd(&l->seed) % 3 == 0)
		p->b[l4 + 9] ^= 0x40;
	end_ip(p, l3);
}

static void add_icmp(struct list *l)
{
	static const uint8_t types[] = { 0, 8, 13, 14, 9, 10 };
	struct pkt *p, tcp, udp, echo, frag;
	uint32_t l3, l4;

	for (size_t i = 0; i < sizeof(types); i++) {
		p = more(l);
		put_eth(p, 0x0800);
		l3 = put_ip4(p, A4, B4, 1);
		l4 = put_icmp(p, types[i], 0, (uint16_t)rnd(&l->seed), (uint16_t)rnd(&l->seed));
		if (types[i] == 9)
			set16(p, l4 + 4, 0x0002); /* no addresses, two words each */
		if (types[i] >= 13)
			put_bytes(p, "\0\0\0\1\0\0\0\2\0\0\0\3", 12);
		end_l4(p, -1, l4, 2, 1);
		end_ip(p, l3);
	}
	put_eth(&tcp, 0x0800);
	put_tcp4(&tcp, A4, port(l), B4, port(l), 0x18, 30);
	put_eth(&udp, 0x0800);
	put_udp4(&udp, A4, port(l), B4, port(l), 30);
	put_eth(&echo, 0x0800);
	l3 = put_ip4(&echo, A4, B4, 1);
	l4 = put_icmp(&echo, 8, 0, 77, 3);
	end_l4(&echo, -1, l4, 2, 1);
	end_ip(&echo, l3);
	frag = udp;
	set16(&frag, 14 + 6, 0x2001);
	end_ip(&frag, 14);
	put_eth(p = more(l), 0x0800);
	put_error(p, "10.0.0.9", A4, 3, 4, 1400, &tcp, 28);
	put_eth(p = more(l), 0x0800);
	put_error(p, "10.0.0.9", A4, 3, 3, 0, &udp, 100);
	put_eth(p = more(l), 0x0800);
	put_error(p, "10.0.0.9", A4, 5, 1, 0x0a0000fe, &tcp, 40);
	put_eth(p = more(l), 0x0800);
	put_error(p, "10.0.0.9", A4, 11, 0, 0, &echo, 28);
	put_eth(p = more(l), 0x0800);
	put_error(p, "10.0.0.9", A4, 11, 1, 0, &frag, 28);
}

static void add_icmp6(struct list *l)
{
	struct pkt *p, tcp;
	uint32_t l3, l4;

	for (uint8_t type = 128; type <= 129; type++) {
		put_eth(p = more(l), 0x86dd);
		l3 = put_ip6(p, A6, B6, 58);
		l4 = put_icmp(p, type, 0, (uint16_t)rnd(&l->seed), (uint16_t)rnd(&l->seed));
		end_l4(p, (int)l3, l4, 2, 58);
		end_ip(p, l3);
	}
	for (uint8_t type = 135; type <= 136; type++) {
		put_eth(p = more(l), 0x86dd);
		l3 = put_ip6(p, A6, B6, 58);
		l4 = put_icmp(p, type, 0, type == 136 ? 0x6000 : 0, 0);
		put_addr(p, A6);
		end_l4(p, (int)l3, l4, 2, 58);
		end_ip(p, l3);
	}
	put_eth(&tcp, 0x86dd);
	put_tcp6(&tcp, A6, port(l), B6, port(l), 0x10, 20);
	put_eth(p = more(l), 0x86dd);
	put_error(p, "fd00::9", A6, 2, 0, 1280, &tcp, 100);
	put_eth(p = more(l), 0x86dd);
	put_error(p, "fd00::9", A6, 1, 4, 0, &tcp, 48);
}

/* Of a flow of its own each time: Wireshark knows a retransmission. */
static void inner_packets(struct list *l, struct pkt *inner, struct pkt *inner6)
{
	put_eth(inner, 0x0800);
	put_tcp4(inner, A4, port(l), B4, port(l), 0x18, 20);
	put_eth(inner6, 0x86dd);
	put_tcp6(inner6, A6, port(l), B6, port(l), 0x10, 20);
}

/* VXLAN to both ports, Geneve with and without options, IP in IP. */
static void add_tunnels(struct list *l)
{
	static const uint8_t dsr[] = { 0x01, 0x4b, 0x81, 0x02, 172, 16, 10, 1, 0, 80, 0, 0 };
	static const uint16_t ports[] = { 4789, 8472, 6081, 6081 };
	struct pkt *p, inner, inner6;
	uint32_t l3, l4;

	for (size_t i = 0; i < 4; i++) {
		uint32_t options = i == 3 ? sizeof(dsr) : 0;
		const struct pkt *in = i & 1 ? &inner6 : &inner;

		inner_packets(l, &inner, &inner6);
		put_eth(p = more(l), 0x0800);
		l3 = put_ip4(p, "192.168.10.1", "192.168.10.2", 17);
		l4 = put_udp(p, 40000, ports[i], (uint16_t)(8 + options + in->len));
		put16(p, ports[i] == 6081 ? (uint16_t)(options / 4 << 8) : 0x0800);
		put16(p, ports[i] == 6081 ? 0x6558 : 0);
		put32(p, (256 + rnd(&l->seed) % 1000) << 8);
		put_bytes(p, dsr, options);
		put_bytes(p, in->b, in->len);
		end_l4(p, (int)l3, l4, 6, 17);
		end_ip(p, l3);
	}
	inner_packets(l, &inner, &inner6);
	put_eth(p = more(l), 0x0800);
	l3 = put_ip4(p, "192.168.10.1", "192.168.10.2", 4);
	put_bytes(p, inner.b + 14, inner.len - 14);
	end_ip(p, l3);
	put_eth(p = more(l), 0x86dd);
	l3 = put_ip6(p, "fd00::1", "fd00::2", 41);
	put_bytes(p, inner6.b + 14, inner6.len - 14);
	end_ip(p, l3);
}

static void add_fragments(struct list *l)
{
	struct pkt *p = more(l);
	uint32_t l3;

	put_eth(p, 0x0800);
	put_udp4(p, A4, port(l), B4, port(l), 32);
	set16(p, 20, 0x2000);
	end_ip(p, 14);
	for (uint32_t i = 0; i < 2; i++) {
		put_eth(p = more(l), 0x0800);
		l3 = put_ip4(p, A4, B4, 17);
		put_data(p, 24);
		set16(p, l3 + 6, i ? 0x0010 : 0x2008);
		end_ip(p, l3);
		put_eth(p = more(l), 0x86dd);
		l3 = put_ip6(p, A6, B6, 44);
		put8(p, 17);
		put8(p, 0);
		put16(p, i ? 0x0001 : 0x0048);
		put32(p, rnd(&l->seed));
		put_udp(p, port(l), port(l), 100);
		put_data(p, 24);
		end_ip(p, l3);
	}
}

static void add_odd_headers(struct list *l)
{
	struct pkt *p = more(l);
	uint32_t l3, l4;

	put_eth(p, 0x0800); /* router alert */
	l3 = put_ip4(p, A4, B4, 6);
	put_bytes(p, "\x94\x04\x00\x00", 4);
	p->b[l3] = 0x46;
	l4 = put_tcp(p, port(l), port(l), 2);
	end_l4(p, (int)l3, l4, 16, 6);
	end_ip(p, l3);

	put_eth(p = more(l), 0x86dd); /* hop-by-hop and destination options with padding */
	l3 = put_ip6(p, A6, B6, 0);
	put_bytes(p, "\x3c\x00\x01\x04\x00\x00\x00\x00", 8);
	put_bytes(p, "\x06\x00\x01\x04\x00\x00\x00\x00", 8);
	l4 = put_tcp(p, port(l), port(l), 0x12);
	end_l4(p, (int)l3, l4, 16, 6);
	end_ip(p, l3);

	put_eth(p = more(l), 0x86dd); /* authentication header, padding behind the packet */
	l3 = put_ip6(p, A6, B6, 51);
	put_bytes(p, "\x06\x04\x00\x00\0\0\0\1\0\0\0\2", 12);
	put_data(p, 12);
	l4 = put_tcp(p, port(l), port(l), 0x10);
	put_data(p, 3);
	end_l4(p, (int)l3, l4, 16, 6);
	end_ip(p, l3);
	put32(p, 0);

	put_eth(p = more(l), 0x0800); /* a protocol for experiments */
	l3 = put_ip4(p, A4, B4, 253);
	put_data(p, 21);
	end_ip(p, l3);
}

static void add_link_layers(struct list *l)
{
	static const char arp[] = "\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x00\x00\x00\x0a"
				  "\x0a\x00\x00\x01\x00\x00\x00\x00\x00\x00\x0a\x00\x00\x02";
	struct pkt *p;

	put_eth(p = more(l), 0x0806);
	put_bytes(p, arp, 28);
	put_eth(p = more(l), 0x0806);
	put_bytes(p, arp, 28);
	p->b[14 + 7] = 2;
	put_eth(p = more(l), 0x8100);
	put_vlan(p, (uint16_t)rnd(&l->seed), 0x0800);
	put_tcp4(p, A4, port(l), B4, port(l), 2, 0);
	put_eth(p = more(l), 0x8100);
	put_vlan(p, (uint16_t)rnd(&l->seed), 0x8100);
	put_vlan(p, (uint16_t)rnd(&l->seed), 0x86dd);
	put_tcp6(p, A6, port(l), B6, port(l), 2, 0);
	put_eth(p = more(l), 0x88a8);
	put_vlan(p, (uint16_t)rnd(&l->seed), 0x8100);
	put_vlan(p, (uint16_t)rnd(&l->seed), 0x0800);
	put_udp4(p, A4, port(l), B4, port(l), 5);

	p = more(l);
	p->linktype = 101;
	put_tcp4(p, A4, port(l), B4, port(l), 0x10, 4);
	p = more(l);
	p->linktype = 229;
	put_tcp6(p, A6, port(l), B6, port(l), 0x10, 4);
	p = more(l);
	p->linktype = 113;
	put_bytes(p, "\x00\x04\x00\x01\x00\x06\x02\x00\x00\x00\x00\x0a\x00\x00\x08\x00", 16);
	put_udp4(p, A4, port(l), B4, port(l), 5);
	p = more(l);
	p->linktype = 276;
	put_bytes(p, "\x08\x00\x00\x00\x00\x00\x00\x02\x00\x01\x04\x06\x02\x00\x00\x00\x00\x0a\0\0",
		  20);
	put_udp4(p, A4, port(l), B4, port(l), 5);
	p = more(l);
	p->linktype = 0;
	put_bytes(p, "\x02\x00\x00\x00", 4);
	put_udp4(p, A4, port(l), B4, port(l), 5);
	p = more(l);
	p->linktype = 108;
	put_bytes(p, "\x00\x00\x00\x1e", 4);
	put_tcp6(p, A6, port(l), B6, port(l), 0x10, 4);
}

static struct list all_packets(void)
{
	struct list l = { .seed = 4711 };

	for (int i = 0; i < 12; i++) {
		add_tcp(&l);
		add_udp(&l);
		add_sctp(&l);
		add_icmp(&l);
		add_icmp6(&l);
		add_tunnels(&l);
		add_fragments(&l);
		add_odd_headers(&l);
		add_link_layers(&l);
	}
	return l;
}

static void write_list(const char *path, const struct list *l)
{
	static struct err err;
	struct pcapng_writer *w;
	uint32_t id[512], next = 0;

	memset(id, 0xff, sizeof(id));
	cr_assert_eq(pcapng_writer_open(path, "verdict test", &w, &err), 0, "%s", err.text);
	for (size_t i = 0; i < l->n; i++) {
		struct pcapng_record rec = { .ts_ns = 1700000000000000000 + i,
					     .data = l->p[i].b,
					     .caplen = l->p[i].len,
					     .len = l->p[i].len };
		uint16_t link = l->p[i].linktype;

		if (id[link] == UINT32_MAX) {
			cr_assert_eq(pcapng_writer_interface(w, "node/eth0", link, &id[link], &err),
				     0);
			cr_assert_eq(id[link], next++);
		}
		cr_assert_eq(pcapng_writer_packet(w, id[link], &rec, &err), 0, "%s", err.text);
	}
	cr_assert_eq(pcapng_writer_close(w, &err), 0, "%s", err.text);
}

/* ---- tshark's reading ---- */

static const char *const quiet[] = {
	"ip.defragment:FALSE",	  "ipv6.defragment:FALSE",   "tcp.desegment_tcp_streams:FALSE",
	"ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE",
	"sctp.checksum:crc-32c",  "ip.tso_support:TRUE",
};

/* One line a packet, fields by tabs, a field's occurrences by ';'. */
static void ask_tshark(const char *path, const char *const *names, size_t n, struct buf *out)
{
	const char *argv[512] = {
		"tshark", "-d", "udp.port==8472,vxlan", "-n", "-r",	      path, "-T",
		"fields", "-E", "occurrence=a",		"-E", "aggregator=;", "-E", "separator=/t"
	};
	size_t argc = 12;

	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
		argv[argc++] = "-o";
		argv[argc++] = quiet[i];
	}
	for (size_t i = 0; i < n; i++) {
		argv[argc++] = "-e";
		argv[argc++] = names[i];
	}
	cr_assert_lt(argc, 511);
	argv[argc] = NULL;
	run_ok(argv, out);
}

/* Newer tshark prints True and False. */
static void plain_bools(char *cell)
{
	char *p;

	while ((p = strstr(cell, "True"))) {
		*p = '1';
		memmove(p + 1, p + 4, strlen(p + 4) + 1);
	}
	while ((p = strstr(cell, "False"))) {
		*p = '0';
		memmove(p + 1, p + 5, strlen(p + 5) + 1);
	}
}

/* What our table has under a name and its "#2", as tshark lists occurrences. */
static unsigned our_cell(const struct field *f, const struct pkt *p, const struct layers *l,
			 struct buf *out)
{
	__cleanup_buf struct buf name = BUF_INIT;
	unsigned n = 0;

	buf_printf(&name, "%s#2", field_name(f));
	buf_reset(out);
	n += field_get(f, p->b, p->len, l, out);
	f = field_find(buf_str(&name));
	if (n && f)
		buf_putc(out, ';');
	if (f && field_get(f, p->b, p->len, l, out))
		n++;
	else if (n && f)
		out->data[--out->len] = '\0';
	for (size_t i = 0; i < out->len; i++) {
		if (out->data[i] == ',')
			out->data[i] = ';';
	}
	return n;
}

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Where tshark 4.0 says less or other than the bytes do. */
static bool tshark_differs(const char *name, const struct pkt *p, const struct layers *l)
{
	const struct ip_layers *q = &l->inner;

	/* Not how much data a quoted one has. */
	if (q->l3 >= 0 && strcmp(name, "tcp.len") == 0)
		return true;
	/* Of a TCP packet that is quoted only in part it shows the ports and no more. */
	if (q->l3 >= 0 && q->proto == 6 && starts(name, "tcp.") && !strstr(name, "port")) {
		uint32_t whole = q->version == 4 ? at16(p, (uint32_t)q->l3 + 2)
						 : at16(p, (uint32_t)q->l3 + 4) + 40u;

		return whole > (uint32_t)(q->end - q->l3);
	}
	/* Of a quoted ICMP message it sums nothing. */
	if (q->l3 >= 0 && strcmp(name, "icmp.checksum.status") == 0)
		return true;
	/* Where UDP over IPv6 has none it says that this is not allowed, also of a fragment. */
	if (strcmp(name, "udp.checksum.status") == 0 && l->ip.more_fragments)
		return true;
	/* Its udp.payload runs to the end of the IP packet, its data.data by the UDP length. */
	if (strcmp(name, "udp.payload") == 0 && l->ip.proto == 17 && l->ip.l4 >= 0)
		return l->ip.end - l->ip.l4 > at16(p, (uint32_t)l->ip.l4 + 4);
	return false;
}

/* One packet's line against our reading; returns how many values were compared. */
static unsigned compare_packet(const struct pkt *p, size_t number, char *line,
			       const struct field *const *cells, size_t n)
{
	__cleanup_buf struct buf text = BUF_INIT, ours = BUF_INIT;
	unsigned compared = 0;
	struct layers l;

	cr_assert_eq(packet_parse(p->b, p->len, p->linktype, &l), 0);
	packet_print(&text, p->b, p->len, p->len, p->linktype);
	for (size_t i = 0; i < n; i++) {
		char *cell = strsep(&line, "\t");
		const char *name = field_name(cells[i]);
		unsigned had;

		cr_assert(cell, "tshark's line %zu ends at %s", number, name);
		plain_bools(cell);
		had = our_cell(cells[i], p, &l, &ours);
		if (tshark_differs(name, p, &l))
			continue;
		cr_expect(strcmp(cell, buf_str(&ours)) == 0,
			  "packet %zu (%s): %s: tshark \"%s\", ours \"%s\"", number, buf_str(&text),
			  name, cell, buf_str(&ours));
		compared += had;
	}
	return compared;
}

Test(fields, every_field_reads_as_tshark_reads_it, .timeout = 120)
{
	struct list l = all_packets();
	__cleanup_buf struct buf out = BUF_INIT;
	const struct field *cells[256];
	const char *names[256];
	unsigned compared = 0;
	char path[64], *rest;
	size_t n = 0;

	need_tool("tshark");
	for (size_t i = 0; field_at(i); i++) {
		if (strchr(field_name(field_at(i)), '#'))
			continue;
		cells[n] = field_at(i);
		names[n] = field_name(cells[n]);
		n++;
	}
	write_list(temp_path(path, "fields.pcapng"), &l);
	ask_tshark(path, names, n, &out);
	rest = out.data;
	for (size_t i = 0; i < l.n; i++) {
		char *line = strsep(&rest, "\n");

		cr_assert(line && rest, "tshark printed %zu lines for %zu packets", i, l.n);
		compared += compare_packet(&l.p[i], i + 1, line, cells, n);
	}
	cr_expect_gt(compared, 10000);
	unlink(path);
	free(l.p);
}

Test(fields, each_field_of_the_table_is_had_by_some_packet_of_that_comparison)
{
	struct list l = all_packets();
	__cleanup_buf struct buf out = BUF_INIT;

	for (size_t i = 0; field_at(i); i++) {
		const char *name = field_name(field_at(i));
		bool had = strchr(name, '#');

		for (size_t k = 0; k < l.n && !had; k++) {
			struct layers layers;

			packet_parse(l.p[k].b, l.p[k].len, l.p[k].linktype, &layers);
			had = field_get(field_at(i), l.p[k].b, l.p[k].len, &layers, &out);
		}
		cr_expect(had, "no packet of this test has %s", name);
	}
	free(l.p);
}

/* ---- checksums: tshark's opinion, on whole packets and on damaged ones ---- */

static enum csum_state read_status(const char *cell)
{
	if (!*cell || *cell == '3')
		return CSUM_NONE;
	return *cell == '1' ? CSUM_GOOD : *cell == '0' ? CSUM_BAD : CSUM_UNVERIFIABLE;
}

static const char *const status_names[] = {
	"ip.checksum.status",	"tcp.checksum.status",	"udp.checksum.status",
	"sctp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status",
};

static void compare_sums(const struct pkt *p, size_t number, char *line)
{
	enum csum_state theirs[6], l4 = CSUM_NONE;
	struct layers l;

	for (int i = 0; i < 6; i++) {
		char *cell = strsep(&line, "\t");

		cr_assert(cell);
		cell[strcspn(cell, ";")] = '\0'; /* the outer packet's */
		theirs[i] = read_status(cell);
		/* The transport header of a quoted packet is not the outer packet's. */
		if (i > 0 && l4 == CSUM_NONE)
			l4 = theirs[i];
	}
	packet_parse(p->b, p->len, p->linktype, &l);
	cr_expect_eq(csum_l3(p->b, p->len, &l.ip), theirs[0], "packet %zu: IP checksum", number);
	if (l.inner.l3 >= 0)
		l4 = l.ip.proto == 1 ? theirs[4] : theirs[5];
	if (l.carried.l3 >= 0) /* nor is that of a packet in a tunnel */
		l4 = l.ip.proto == 17 ? theirs[2] : CSUM_NONE;
	if (l.ip.frag_off)
		cr_expect_eq(csum_l4(p->b, p->len, &l.ip), CSUM_UNVERIFIABLE);
	else
		cr_expect_eq(csum_l4(p->b, p->len, &l.ip), l4,
			     "packet %zu: transport checksum: tshark %d, ours %d", number, l4,
			     csum_l4(p->b, p->len, &l.ip));
}

Test(checksums, are_judged_as_tshark_judges_them, .timeout = 120)
{
	struct list l = all_packets();
	__cleanup_buf struct buf out = BUF_INIT;
	char path[64], *rest;

	need_tool("tshark");
	for (size_t i = 0; i < l.n; i++) {
		struct layers layers;

		/* Some with a damaged IP header, some with damaged data. */
		packet_parse(l.p[i].b, l.p[i].len, l.p[i].linktype, &layers);
		if (i % 5 == 1 && layers.ip.version == 4)
			l.p[i].b[layers.ip.l3 + 5] ^= 0x10;
		if (i % 5 == 2 && layers.ip.l4 >= 0)
			l.p[i].b[layers.ip.end - 1] ^= 0x01;
	}
	write_list(temp_path(path, "sums.pcapng"), &l);
	ask_tshark(path, status_names, 6, &out);
	rest = out.data;
	for (size_t i = 0; i < l.n; i++) {
		char *line = strsep(&rest, "\n");

		cr_assert(line && rest);
		compare_sums(&l.p[i], i + 1, line);
	}
	unlink(path);
	free(l.p);
}

Test(checksums, of_a_packet_with_hops_to_go_or_cut_short_are_not_judged)
{
	struct layers l;
	struct pkt p;
	uint32_t l3, l4;

	for (uint8_t left = 0; left < 2; left++) {
		put_eth(&p, 0x86dd);
		l3 = put_ip6(&p, A6, B6, 43);
		put8(&p, 6);
		put8(&p, 2);
		put8(&p, 2);
		put8(&p, left);
		put32(&p, 0);
		put_addr(&p, "fd00::99");
		l4 = put_tcp(&p, 1, 2, 2);
		end_l4(&p, (int)l3, l4, 16, 6);
		end_ip(&p, l3);
		packet_parse(p.b, p.len, 1, &l);
		cr_expect_eq(csum_l4(p.b, p.len, &l.ip), left ? CSUM_UNVERIFIABLE : CSUM_GOOD);
		packet_parse(p.b, p.len - 1, 1, &l);
		cr_expect_neq(csum_l4(p.b, p.len - 1, &l.ip), CSUM_GOOD);
	}
	put_eth(&p, 0x0800);
	put_udp4(&p, A4, 1, B4, 2, 9);
	packet_parse(p.b, p.len - 1, 1, &l);
	cr_expect_eq(csum_l4(p.b, p.len - 1, &l.ip), CSUM_UNVERIFIABLE);
	cr_expect_eq(csum_l3(p.b, p.len - 1, &l.ip), CSUM_GOOD);
}

/* ---- expected values ---- */

static bool valid(const char *name, const char *value)
{
	const struct field *f = field_find(name);

	cr_assert(f, "%s", name);
	return field_valid(f, value);
}

Test(expected, values_a_field_can_never_have_are_refused)
{
	cr_expect(valid("ip.src", "10.0.0.1"));
	cr_expect(valid("ip.src", "10.0.0.0/8"));
	cr_expect(!valid("ip.src", "10.0.0.0/33"));
	cr_expect(!valid("ip.src", "10.0.0.256"));
	cr_expect(!valid("ip.src", "fd00::1"));
	cr_expect(!valid("ip.src", ""));
	cr_expect(valid("ipv6.dst", "fd00::/64"));
	cr_expect(!valid("ipv6.dst", "10.0.0.1"));
	cr_expect(valid("tcp.dstport", "65535"));
	cr_expect(!valid("tcp.dstport", "65536"));
	cr_expect(!valid("tcp.dstport", "-1"));
	cr_expect(!valid("tcp.dstport", "80x"));
	cr_expect(!valid("tcp.dstport", " 80"));
	cr_expect(!valid("tcp.dstport", "99999999999999999999999"));
	cr_expect(valid("tcp.seq_raw", "4294967295"));
	cr_expect(!valid("ip.hdr_len", "21"));
	cr_expect(!valid("ip.hdr_len", "64"));
	cr_expect(valid("ip.hdr_len", "60"));
	cr_expect(!valid("ip.version", "16"));
	cr_expect(valid("ip.flags.df", "true") && valid("ip.flags.df", "0"));
	cr_expect(!valid("ip.flags.df", "2"));
	cr_expect(valid("tcp.flags", "0x012") && valid("tcp.flags", "SYN,ACK"));
	cr_expect(valid("tcp.flags", "syn") && valid("tcp.flags", "AS"));
	cr_expect(!valid("tcp.flags", "SYN,ACKK") && !valid("tcp.flags", "X"));
	cr_expect(!valid("tcp.flags", "0x1000"));
	cr_expect(valid("eth.src", "02:00:00:00:00:0a") && !valid("eth.src", "02:00:00:00:00"));
	cr_expect(!valid("eth.src", "02:00:00:00:00:0a:0b"));
	cr_expect(valid("tcp.payload", "00:01:ff") && valid("tcp.payload", "0001ff"));
	cr_expect(!valid("tcp.payload", "000") && !valid("tcp.payload", "0x00"));
}

static bool matches(const struct pkt *p, const char *name, const char *value)
{
	struct layers l;

	packet_parse(p->b, p->len, p->linktype, &l);
	return field_matches(field_find(name), p->b, p->len, &l, value);
}

Test(expected, a_value_matches_in_every_notation_and_no_other_value_does)
{
	struct pkt p, error;

	put_eth(&p, 0x0800);
	put_tcp4(&p, A4, 2379, B4, 24824, 0x12, 3);
	cr_expect(matches(&p, "ip.src", "10.160.128.31") && !matches(&p, "ip.src", B4));
	cr_expect(matches(&p, "ip.src", "10.160.128.0/19"));
	cr_expect(matches(&p, "ip.src", "10.160.128.30/31") && matches(&p, "ip.src", "0.0.0.0/0"));
	cr_expect(!matches(&p, "ip.src", "10.160.128.32/27"));
	cr_expect(matches(&p, "ip.addr", A4) && matches(&p, "ip.addr", B4));
	cr_expect(!matches(&p, "ip.addr", "10.160.128.32"));
	cr_expect(matches(&p, "tcp.port", "2379") && matches(&p, "tcp.port", "0x60f8"));
	cr_expect(matches(&p, "tcp.flags", "0x12") && matches(&p, "tcp.flags", "ACK|SYN"));
	cr_expect(matches(&p, "tcp.flags", "SA") && !matches(&p, "tcp.flags", "SYN"));
	cr_expect(matches(&p, "tcp.flags.syn", "1") && matches(&p, "tcp.flags.ack", "true"));
	cr_expect(matches(&p, "tcp.flags.fin", "0") && !matches(&p, "tcp.flags.fin", "1"));
	cr_expect(matches(&p, "eth.dst", "02:00:00:00:00:0B"));
	cr_expect(matches(&p, "tcp.payload", "e0e1e2") && matches(&p, "tcp.payload", "E0:E1:E2"));
	cr_expect(!matches(&p, "tcp.payload", "e0e1") && !matches(&p, "tcp.payload", "e0e1e2e3"));
	cr_expect(!matches(&p, "udp.srcport", "2379"), "absent matches nothing");
	cr_expect(!matches(&p, "ip.src", "nonsense"));

	put_eth(&error, 0x0800);
	put_error(&error, "10.0.0.9", A4, 3, 4, 1400, &p, 28);
	cr_expect(matches(&error, "ip.src", "10.0.0.9") && matches(&error, "ip.src#2", A4));
	cr_expect(!matches(&error, "ip.src#2", "10.0.0.9"));
	cr_expect(matches(&error, "tcp.dstport", "24824") && matches(&error, "icmp.mtu", "1400"));
}

Test(expected, names_are_found_and_misspelt_ones_suggested)
{
	cr_expect_null(field_find("ip.source"));
	cr_expect_null(field_find(""));
	cr_expect_str_eq(field_nearest("tcp.dstprt"), "tcp.dstport");
	cr_expect_str_eq(field_nearest("ip.sorc"), "ip.src");
	for (size_t i = 0; field_at(i); i++) {
		cr_expect_eq(field_find(field_name(field_at(i))), field_at(i), "%s twice",
			     field_name(field_at(i)));
		cr_expect_gt(strlen(field_text(field_at(i))), 0);
	}
}

static void collect(void *arg, const struct field *f, const char *was, const char *is)
{
	buf_printf(arg, "%s %s > %s\n", field_name(f), was, is);
}

static const char *diff(const struct pkt *a, const struct pkt *b, struct buf *out)
{
	struct layers la, lb;

	buf_reset(out);
	packet_parse(a->b, a->len, a->linktype, &la);
	packet_parse(b->b, b->len, b->linktype, &lb);
	field_diff(a->b, a->len, &la, b->b, b->len, &lb, collect, out);
	return buf_str(out);
}

Test(difference, names_exactly_what_changed_between_two_packets)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct pkt a, b;

	put_eth(&a, 0x0800);
	put_tcp4(&a, A4, 2379, B4, 24824, 0x18, 2);
	cr_expect_str_eq(diff(&a, &a, &out), "");
	b = a;
	b.b[14 + 8]--; /* TTL */
	b.b[14 + 20 + 13] = 0x10;
	b.b[b.len - 1] = 0xff;
	cr_expect_str_eq(diff(&a, &b, &out), "ip.ttl 64 > 63\n"
					     "tcp.flags 0x0018 > 0x0010\n"
					     "tcp.payload e0e1 > e0ff\n");
	put_eth(&a, 0x0806);
	put_eth(&b, 0x88cc);
	cr_expect_str_eq(diff(&a, &b, &out), "eth.type 0x0806 > 0x88cc\n");
	put_eth(&a, 0x0800);
	put_ip4(&a, A4, B4, 253);
	end_ip(&a, 14);
	put_eth(&b, 0x0800);
	put_ip4(&b, A4, B4, 253);
	put_data(&b, 2);
	end_ip(&b, 14);
	b.b[24] = a.b[24];
	b.b[25] = a.b[25];
	cr_expect_str_eq(diff(&a, &b, &out), "frame.len 34 > 36\n"
					     "ip.len 20 > 22\n"
					     "data.data absent > e0e1\n");
}
