/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events: every version's layout, strict lengths, the perf ring, the monitor's lines.
 *
 * The bytes below are written from Cilium's published layouts, field by field, not by our structs.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "bpf_source.h"
#include "target/events.h"
#include "target/object.h"

struct bytes {
	uint8_t data[256];
	uint32_t size;
};

static void w8(struct bytes *b, uint8_t v)
{
	b->data[b->size++] = v;
}

static void w16(struct bytes *b, uint16_t v)
{
	memcpy(b->data + b->size, &v, 2);
	b->size += 2;
}

static void w32(struct bytes *b, uint32_t v)
{
	memcpy(b->data + b->size, &v, 4);
	b->size += 4;
}

/* type, subtype, source, hash, original length, captured length, version, extension */
static void head(struct bytes *b, uint8_t type, uint8_t subtype, uint16_t caplen, uint8_t version)
{
	b->size = 0;
	w8(b, type);
	w8(b, subtype);
	w16(b, 321);
	w32(b, 0xabcd1234);
	w32(b, 1500);
	w16(b, caplen);
	w8(b, version);
	w8(b, 0);
}

static void packet(struct bytes *b, uint16_t caplen)
{
	for (uint16_t i = 0; i < caplen; i++)
		w8(b, (uint8_t)(i + 1));
}

static struct bytes drop(uint8_t version, uint16_t caplen)
{
	struct bytes b;

	head(&b, 1, 133, caplen, version);
	w32(&b, 7);
	w32(&b, 1);
	w32(&b, 70000);
	w16(&b, 123);
	w8(&b, 1);
	w8(&b, 0xfe);
	w32(&b, 42);
	if (version >= 2)
		w32(&b, 1); /* flags: IPv6; three bytes of padding */
	if (version >= 3) {
		w32(&b, 99);
		w32(&b, 0);
	}
	packet(&b, caplen);
	return b;
}

static struct bytes trace(uint8_t version, uint8_t point, uint8_t reason, uint16_t caplen)
{
	struct bytes b;

	head(&b, 4, point, caplen, version);
	w32(&b, 7);
	w32(&b, 1);
	w16(&b, 555);
	w8(&b, reason);
	w8(&b, 2); /* flags: layer 3 device */
	w32(&b, 42);
	if (version >= 1) {
		w32(&b, 0x0100000a); /* 10.0.0.1 on little-endian machines */
		w32(&b, 0);
		w32(&b, 0);
		w32(&b, 0);
	}
	if (version >= 2) {
		w32(&b, 99);
		w32(&b, 0);
	}
	packet(&b, caplen);
	return b;
}

static struct bytes verdict(int32_t v, uint8_t flags, uint16_t caplen)
{
	struct bytes b;

	head(&b, 5, 0, caplen, 1);
	w32(&b, 7);
	w32(&b, (uint32_t)v);
	w16(&b, 24824);
	w8(&b, 6);
	w8(&b, flags);
	w32(&b, 1); /* authentication type, padding */
	w32(&b, 5); /* cookie */
	w32(&b, 0);
	packet(&b, caplen);
	return b;
}

static struct event decode(const struct bytes *b)
{
	struct event e;
	struct err err = { 0 };

	cr_assert_eq(event_decode(b->data, b->size, &e, &err), 0, "%s", err.text);
	return e;
}

Test(events, drops_of_every_version_are_read)
{
	for (uint8_t version = 0; version <= 3; version++) {
		struct bytes b = drop(version, 10);
		struct event e = decode(&b);

		cr_expect(e.type == EVENT_DROP && e.subtype == 133 && e.source == 321);
		cr_expect(e.hash == 0xabcd1234 && e.len == 1500 && e.caplen == 10);
		cr_expect(e.src_identity == 7 && e.dst_identity == 1 && e.dst_id == 70000);
		cr_expect(e.line == 123 && e.file == 1 && e.ext_error == -2 && e.ifindex == 42);
		cr_expect_eq(e.ipv6, version >= 2);
		cr_expect_eq(e.ip_trace_id, version >= 3 ? 99 : 0);
		cr_expect(e.data[0] == 1 && e.data[9] == 10, "version %u: data", version);
	}
}

Test(events, traces_of_every_version_are_read)
{
	static const uint8_t ip[4] = { 10, 0, 0, 1 }, none[4];

	for (uint8_t version = 0; version <= 2; version++) {
		struct bytes b = trace(version, 10, 0x82, 10);
		struct event e = decode(&b);

		cr_expect(e.type == EVENT_TRACE && e.subtype == 10 && e.dst_id == 555);
		cr_expect(e.src_identity == 7 && e.dst_identity == 1 && e.ifindex == 42);
		cr_expect(e.reason == 2 && e.encrypted && e.l3_device && !e.ipv6);
		cr_expect_arr_eq(e.orig_ip, version ? ip : none, 4);
		cr_expect_eq(e.ip_trace_id, version >= 2 ? 99 : 0);
		cr_expect(e.data[0] == 1 && e.caplen == 10, "version %u: data", version);
	}
}

Test(events, policy_verdicts_are_read_with_their_bits)
{
	struct bytes b = verdict(-133, 1 | 0 << 2 | 2 << 3 | 1 << 6, 10);
	struct event e = decode(&b);

	cr_expect(e.type == EVENT_POLICY_VERDICT && e.remote_identity == 7 && e.verdict == -133);
	cr_expect(e.dport == 24824 && e.proto == 6 && e.direction == 1 && !e.ipv6);
	cr_expect(e.match_type == 2 && e.audited && !e.l3_device && e.auth_type == 1);
	cr_expect(e.src_identity == 7 && e.dst_identity == 0,
		  "ingress: the remote one is the source");
	b = verdict(0, 2 | 1 << 2 | 4 << 3 | 1 << 7, 0);
	e = decode(&b);
	cr_expect(e.direction == 2 && e.ipv6 && e.match_type == 4 && e.l3_device && !e.audited);
	cr_expect(e.src_identity == 0 && e.dst_identity == 7, "egress: it is the destination");
}

static void refused_at_every_length(const struct bytes *b, const char *what)
{
	for (uint32_t size = 0; size < b->size; size++) {
		/* an exact copy, so that a tool sees a read behind it */
		uint8_t *exact = malloc(size ? size : 1);
		struct err err = { 0 };
		struct event e;

		memcpy(exact, b->data, size);
		cr_expect_eq(event_decode(exact, size, &e, &err), -EINVAL, "%s cut to %u", what,
			     size);
		cr_expect_gt(strlen(err.text), 10);
		free(exact);
	}
}

Test(events, a_record_cut_anywhere_is_refused)
{
	for (uint8_t v = 0; v <= 3; v++) {
		struct bytes b = drop(v, 9);

		refused_at_every_length(&b, "drop");
	}
	for (uint8_t v = 0; v <= 2; v++) {
		struct bytes b = trace(v, 0, 0, 9);

		refused_at_every_length(&b, "trace");
	}
	{
		struct bytes b = verdict(0, 1, 9);

		refused_at_every_length(&b, "policy verdict");
	}
}

Test(events, unknown_types_versions_and_extensions_are_refused_by_name)
{
	struct bytes b = drop(3, 8);
	struct err err = { 0 };
	struct event e;

	b.data[0] = 77;
	cr_expect_eq(event_decode(b.data, b.size, &e, &err), -EINVAL);
	cr_expect(strstr(err.text, "type 77"), "%s", err.text);
	b = drop(3, 8);
	b.data[14] = 4;
	cr_expect_eq(event_decode(b.data, b.size, &e, &err), -EINVAL);
	cr_expect(strstr(err.text, "version 4"), "%s", err.text);
	b = trace(2, 0, 0, 8);
	b.data[15] = 1;
	cr_expect_eq(event_decode(b.data, b.size, &e, &err), -EINVAL);
	cr_expect(strstr(err.text, "extension 1"), "%s", err.text);
}

Test(events, random_bytes_never_lead_outside_the_record)
{
	unsigned seed = 1;

	for (int i = 0; i < 200000; i++) {
		uint32_t size = (uint32_t)rand_r(&seed) % 80;
		uint8_t *r = malloc(size ? size : 1);
		__cleanup_buf struct buf line = BUF_INIT;
		struct err err = { 0 };
		struct event e;

		for (uint32_t j = 0; j < size; j++)
			r[j] = (uint8_t)rand_r(&seed);
		if (size > 15) {
			r[0] = (uint8_t)(rand_r(&seed) % 7);
			r[13] = r[15] = 0;
			r[14] &= 3;
		}
		if (event_decode(r, size, &e, &err) == 0) {
			cr_assert(!e.caplen || (e.data >= r && e.data + e.caplen <= r + size));
			event_print_monitor(&line, &e);
		}
		free(r);
	}
}

static const uint8_t etcd_packet[] = {
	/* Ethernet */
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
	/* IPv4, 10.160.128.31 to 10.160.128.34 */
	0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 160, 128, 31, 10, 160, 128, 34,
	/* TCP 2379 to 24824, PSH and ACK */
	0x09, 0x4b, 0x60, 0xf8, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0, 64, 0, 0, 0, 0
};

static void prints(struct event *e, const char *line)
{
	__cleanup_buf struct buf out = BUF_INIT;

	e->data = etcd_packet;
	e->caplen = e->len = sizeof(etcd_packet);
	event_print_monitor(&out, e);
	cr_expect_str_eq(buf_str(&out), line, "\n%s\n%s", buf_str(&out), line);
}

/* the monitor shows SYN, ACK, RST and FIN only */
#define FLOW "10.160.128.31:2379 -> 10.160.128.34:24824 tcp ACK"

Test(events, drops_print_as_in_ciliums_monitor)
{
	struct event e = { .type = EVENT_DROP,
			   .subtype = 133,
			   .src_identity = 7,
			   .dst_identity = 1,
			   .ifindex = 2,
			   .file = 1,
			   .line = 123 };

	prints(&e,
	       "xx drop (Policy denied) flow 0x0 to endpoint 0, ifindex 2, file bpf_host.c:123, "
	       ", identity kube-apiserver->host: " FLOW);
	e.subtype = 169;
	e.ext_error = 5;
	e.file = 200;
	e.hash = 0xbeef;
	e.dst_identity = 16777217;
	prints(&e, "xx drop (FIB lookup failed, 5) flow 0xbeef to endpoint 0, ifindex 2, file "
		   "unknown(200):123, , identity kube-apiserver->16777217: " FLOW);
	e.subtype = 250;
	e.ext_error = 0;
	prints(&e,
	       "xx drop (250, 0) flow 0xbeef to endpoint 0, ifindex 2, file unknown(200):123, , "
	       "identity kube-apiserver->16777217: " FLOW);
}

Test(events, traces_print_as_in_ciliums_monitor)
{
	struct event e = {
		.type = EVENT_TRACE, .subtype = 10, .src_identity = 7, .ifindex = 2, .reason = 5
	};

	prints(&e, "<- network flow 0x0 , identity kube-apiserver->unknown state unknown ifindex 2 "
		   "orig-ip 0.0.0.0: " FLOW);
	e.subtype = 0;
	e.dst_id = 12;
	e.reason = 2;
	e.ipv6 = true;
	e.orig_ip[15] = 1;
	prints(&e,
	       "-> endpoint 12 flow 0x0 , identity kube-apiserver->unknown state reply ifindex 2 "
	       "orig-ip ::1: " FLOW);
}

Test(events, policy_verdicts_print_as_in_ciliums_monitor)
{
	struct event e = { .type = EVENT_POLICY_VERDICT,
			   .source = 321,
			   .remote_identity = 7,
			   .verdict = -133,
			   .proto = 6,
			   .direction = 1 };

	prints(&e,
	       "Policy verdict log: flow 0x0 local EP ID 321, remote ID kube-apiserver, proto 6, "
	       "ingress, action deny, auth: disabled, match none, " FLOW);
	e.verdict = 0;
	e.match_type = 2;
	e.direction = 2;
	prints(&e,
	       "Policy verdict log: flow 0x0 local EP ID 321, remote ID kube-apiserver, proto 6, "
	       "egress, action allow, auth: disabled, match L3-L4, " FLOW);
}

static const char ring_source[] =
	BPF_PRELUDE "struct { __uint(type, 4); __uint(key_size, 4); __uint(value_size, 4);\n"
		    "	 __uint(pinning, 1); } cilium_events SEC(\".maps\");\n"
		    "struct big { __u32 n; __u32 fill[40]; };\n"
		    "SEC(\"tc\") int prog(__u32 *skb) {\n"
		    "	struct big b = { .n = skb[2] }; /* the mark */\n"
		    "	return ((long (*)(void *, void *, __u64, void *, __u64))25)(\n"
		    "		skb, &cilium_events, 0xffffffffULL, &b, sizeof(b)); }\n";

static struct object *ring_object(struct arena *a)
{
	struct object_opts opts = { .pin_dir = SANDBOX_BPFFS "/ring" };
	struct object *o = NULL;
	struct err err = { 0 };

	opts.path = compile_bpf(a, "ring", ring_source);
	cr_assert_eq(object_load(&opts, &o, &err), 0, "%s", err.text);
	return o;
}

static void emit(const struct object *o, uint32_t n)
{
	uint32_t skb[48] = { 0 };
	unsigned char data[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = sizeof(data),
		    .ctx_in = skb, .ctx_size_in = sizeof(skb));
	struct err err = { 0 };

	skb[2] = n;
	cr_assert_eq(bpf_prog_test_run_opts(object_program_fd(o, "prog", &err), &opts), 0);
	cr_assert_eq((int)opts.retval, 0, "the program could not write its event: %d",
		     (int)opts.retval);
}

struct seen {
	uint32_t n, sum_of_sizes;
	uint32_t number[8];
};

static void see(void *arg, const void *record, uint32_t size)
{
	struct seen *s = arg;

	if (s->n < 8)
		memcpy(&s->number[s->n], record, 4);
	s->n++;
	s->sum_of_sizes += size;
}

static struct seen read_all(struct event_ring *r, uint64_t *lost)
{
	struct seen s = { 0 };
	struct err err = { 0 };

	cr_assert_eq(event_ring_read(r, see, &s, lost, &err), 0, "%s", err.text);
	return s;
}

Test(events, the_ring_gives_records_once_and_a_new_ring_takes_over_a_pinned_array)
{
	struct event_ring *r = NULL;
	struct err err = { 0 };
	uint64_t lost = 0;
	struct arena *a;
	struct object *o;
	struct seen s;

	NEEDS_ROOT();
	a = arena_new();
	for (int life = 0; life < 3; life++) {
		o = ring_object(a);
		cr_assert_eq(event_ring_open(object_map_fd(o, "cilium_events"), false, &r, &err), 0,
			     "%s", err.text);
		emit(o, 11);
		emit(o, 22);
		s = read_all(r, &lost);
		cr_expect_eq(s.n, 2, "life %d: %u records", life, s.n);
		cr_expect_eq(s.number[0] + s.number[1], 33);
		cr_expect_geq(s.sum_of_sizes, 2 * 164);
		cr_expect_eq(read_all(r, &lost).n, 0, "nothing comes twice");
		cr_expect_geq(event_ring_fd(r), 0);
		event_ring_close(r);
		object_free(o);
	}
	cr_expect_eq(lost, 0);
	arena_free(a);
}

Test(events, what_the_ring_could_not_hold_is_counted_as_lost)
{
	struct event_ring *r = NULL;
	struct err err = { 0 };
	uint64_t lost = 0;
	uint32_t got = 0;
	struct arena *a;
	struct object *o;
	const uint32_t sent = 20000;
	uint32_t failed = 0;

	NEEDS_ROOT();
	a = arena_new();
	o = ring_object(a);
	cr_assert_eq(event_ring_open(object_map_fd(o, "cilium_events"), false, &r, &err), 0);
	for (uint32_t i = 0; i < sent; i++) {
		unsigned char data[64] = { 0 };
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = 64);

		bpf_prog_test_run_opts(object_program_fd(o, "prog", &err), &opts);
		failed += (int)opts.retval != 0;
	}
	got = read_all(r, &lost).n;
	/* the kernel reports a loss with the next record that fits */
	for (int cpu = 0; cpu < 64; cpu++)
		emit(o, 1);
	got += read_all(r, &lost).n - 64;
	cr_expect_gt(failed, 0, "the test must overflow the ring");
	cr_expect_eq(got + failed, sent, "%u read, %u refused", got, failed);
	cr_expect_gt(lost, 0, "the loss must be told");
	event_ring_close(r);
	object_free(o);
	arena_free(a);
}

Test(events, a_waking_ring_is_readable_as_soon_as_one_event_is_there)
{
	struct event_ring *r = NULL;
	struct err err = { 0 };
	uint64_t lost = 0;
	struct pollfd p;
	struct arena *a;
	struct object *o;

	NEEDS_ROOT();
	a = arena_new();
	o = ring_object(a);
	cr_assert_eq(event_ring_open(object_map_fd(o, "cilium_events"), true, &r, &err), 0, "%s",
		     err.text);
	p = (struct pollfd){ .fd = event_ring_fd(r), .events = POLLIN };
	cr_expect_eq(poll(&p, 1, 0), 0, "nothing is there yet");
	emit(o, 1);
	cr_expect_eq(poll(&p, 1, 2000), 1);
	cr_expect_eq(read_all(r, &lost).n, 1);
	event_ring_close(r);
	object_free(o);
	arena_free(a);
}

/* As Cilium's monitor words them: an address in the order of the wire, of IPv6 the last four bytes; ports as a
 * conntrack tuple has them, the receiver's above; a service's index in network order.
 */
Test(events, debug_messages_read_as_in_the_monitor)
{
	static const struct {
		uint8_t kind;
		uint32_t args[3];
		const char *line;
	} messages[] = {
		{ 5, { 7, 1, 0 }, "Policy evaluation would deny packet from 7 to 1" },
		{ 15, { 0, 0, 0 }, "CT verdict: New, revnat=0" },
		{ 15, { 3, 0x1d00, 0 }, "CT verdict: Related, revnat=29" },
		{ 15, { (uint32_t)-133, 0, 0 }, "CT verdict: -133, revnat=0" },
		{ 48,
		  { 0x0100000a, 0x0200000a, 2379 << 16 | 24824 },
		  "Conntrack lookup 1/2: src=10.0.0.1:24824 dst=10.0.0.2:2379" },
		{ 49,
		  { 6 << 8 | 1, 0, 2 },
		  "Conntrack lookup 2/2: nexthdr=6 flags=1 dir=0 scope=2" },
		{ 50,
		  { 0x1d00, 9, 0 },
		  "Conntrack create: proxy-port=0 revnat=29 src-identity=9 lb=0.0.0.0" },
		{ 51,
		  { 0x01000000, 0x0200adde, 80 << 16 | 4000 },
		  "Conntrack lookup 1/2: src=[::0:1]:4000 dst=[::dead:2]:80" },
		{ 56, { 0x0100000a, 0, 0 }, "Failed to map addr=10.0.0.1 to identity" },
		{ 58, { 0x0100000a, 7, 0 }, "Successfully mapped addr=10.0.0.1 to identity=7" },
		{ 59, { 0x01000000, 8, 0 }, "Successfully mapped addr.p4=[::0:1] to identity=8" },
		{ 200, { 1, 2, 3 }, "message 200 (1, 2, 3)" },
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct event e = { .type = EVENT_DEBUG, .subtype = messages[i].kind, .source = 12 };
		struct buf out = BUF_INIT;

		memcpy(e.args, messages[i].args, sizeof(e.args));
		event_print_monitor(&out, &e);
		cr_assert_eq(strncmp(buf_str(&out), "MARK 0x0 FROM 12 DEBUG: ", 24), 0, "%s",
			     buf_str(&out));
		cr_expect_str_eq(buf_str(&out) + 24, messages[i].line);
		buf_free(&out);
	}
}
