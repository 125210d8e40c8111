// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Typed values: bytes of BTF types from named values, back, and from layout to layout. Expected
 * bytes are written out by hand from Cilium 1.19's layouts.
 */
#include "target/typed.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "maps_fixture.h"
#include "target/maps.h"

static struct arena *arena;
static struct fx fx;
static struct err err;

static void setup(void)
{
	arena = arena_new();
	fx = fx_new();
	err_clear(&err);
}

static void teardown(void)
{
	btf__free(fx.btf);
	arena_free(arena);
}

TestSuite(typed, .init = setup, .fini = teardown);

static int encode(const char *type, const char *text, void *out, size_t size)
{
	return typed_encode(fx.btf, (unsigned)fx_id(&fx, type), fx_value(arena, text), out, size,
			    &err);
}

static const char *decode(const char *type, const void *data, size_t size)
{
	return fx_text(arena, typed_decode(arena, fx.btf, (unsigned)fx_id(&fx, type), data, size));
}

static void expect_bytes(const char *type, const char *text, const char *hex)
{
	uint8_t out[128];
	char got[257] = "";
	size_t size = strlen(hex) / 2;

	cr_assert_eq(encode(type, text, out, size), 0, "%s %s: %s", type, text, err.text);
	for (size_t i = 0; i < size; i++)
		sprintf(got + 2 * i, "%02x", out[i]);
	cr_assert_str_eq(got, hex, "%s %s: %s, expected %s", type, text, got, hex);
}

static void expect_text(const char *type, const char *hex, const char *text)
{
	uint8_t data[128];
	size_t size = strlen(hex) / 2;
	const char *got;

	for (size_t i = 0; i < size; i++)
		sscanf(hex + 2 * i, "%2hhx", &data[i]);
	got = decode(type, data, size);
	cr_assert_str_eq(got, text, "%s: %s, expected %s", type, got, text);
}

static void expect_error(const char *type, const char *text, const char *part)
{
	uint8_t out[128];
	int ret;

	err_clear(&err);
	ret = encode(type, text, out,
		     (size_t)btf__resolve_size(fx.btf, (unsigned)fx_id(&fx, type)));
	cr_assert_eq(ret, -EINVAL, "%s %s was taken", type, text);
	cr_assert_eq(err.kind, ERR_INPUT);
	cr_assert_not_null(strstr(err.text, part), "%s %s: \"%s\" lacks \"%s\"", type, text,
			   err.text, part);
}

Test(typed, network_order_follows_the_type_and_host_order_the_rest)
{
	expect_bytes("ipv4_ct_tuple",
		     "{daddr: 10.160.128.31, saddr: 10.160.128.34, dport: 2379, sport: 24824, "
		     "nexthdr: 6, flags: 1}",
		     "0aa0801f0aa08022094b60f80601");
	expect_text("ipv4_ct_tuple", "0aa0801f0aa08022094b60f80601",
		    "{daddr: 10.160.128.31, saddr: 10.160.128.34, dport: 2379, sport: 24824, "
		    "nexthdr: 6, flags: 1}");
	expect_bytes("ipv4_ct_tuple", "{daddr: 0x0a000001, dport: 0x50}",
		     "0a0000010000000000500000"
		     "0000");
	expect_bytes("odd", "{rest: 1, level: 1}",
		     "0000000000000000000000000000000000000000000000000000000000000000"
		     "0000000000000001010000000000000000000000000000000000000000000000");
}

Test(typed, a_number_without_a_name_may_be_written_as_the_address_it_holds)
{
	expect_bytes("__u32", "10.160.128.53", "0aa08035");
	expect_bytes("__u32", "53", "35000000");
	expect_error("metrics_key", "{line: 10.0.0.1}", "is not a number");
	expect_error("__u16", "10.0.0.1", "is not a number");
}

Test(typed, lpm_prefix_and_anonymous_union_members_are_reached_by_name)
{
	expect_bytes("ipcache_key", "{lpm_key: {prefixlen: 64}, family: 1, ip4: 10.0.0.1}",
		     "40000000000000010a000001000000000000000000000000");
	expect_bytes("ipcache_key", "{lpm_key: {prefixlen: 160}, family: 2, ip6: fd00::1}",
		     "a000000000000002fd000000000000000000000000000001");
	expect_bytes("lpm_v4_key", "{lpm: {prefixlen: 24}, addr: 192.0.2.0}", "18000000c0000200");
	expect_text("lpm_v4_key", "18000000c0000200", "{lpm: {prefixlen: 24}, addr: 192.0.2.0}");
}

Test(typed, bit_fields_take_their_bits_and_no_others)
{
	expect_bytes(
		"policy_key",
		"{lpm_key: {prefixlen: 64}, sec_label: 7, egress: 1, protocol: 6, dport: 2379}",
		"40000000070000000106094b");
	expect_bytes("policy_entry",
		     "{deny: true, lpm_prefix_length: 24, auth_type: 127, precedence: 0x01020304}",
		     "0000c17f0403020100000000");
	expect_bytes("policy_entry", "{has_explicit_auth_type: 1}", "000000800000000000000000");
	expect_text("metrics_key", "8501ad0005000000", "{reason: 133, dir: 1, line: 173, file: 5}");
	expect_bytes("odd", "{delta: -1}",
		     "0000000000000000000000000000000000000000000000000000000000000000"
		     "0000000000000000000000001f00000000000000000000000000000000000000");
}

Test(typed, macs_lie_in_the_first_six_of_eight_bytes)
{
	expect_bytes("endpoint_info", "{ifindex: 3, mac: 02:00:00:00:00:0a, sec_id: 1}",
		     "030000000000000000000000000000000200000000"
		     "0a0000"
		     "000000000000000001000000000000000000000000000000");
	expect_bytes("neigh", "{frag: 7, hw: 02:01:02:03:04:05}",
		     "00000007020102030405"
		     "0000");
	expect_text("neigh", "000000070201020304050000", "{frag: 7, hw: 02:01:02:03:04:05}");
	expect_text("macaddr", "0201020304050001", "{pad: 72063108826398978}");
}

Test(typed, enums_booleans_text_and_lists)
{
	expect_bytes("odd",
		     "{small: -2, yes: true, color: GREEN, huge: VAST, text: etcd, list: [1, 2], "
		     "sub: {count: 3}}",
		     "fe01000002000000f0debc9a7856341265746364000000000100020000000000"
		     "0000000000000000000000000000000003000000000000000000000000000000");
	expect_text("odd",
		    "fe01000002000000f0debc9a7856341265746364000000000100020000000000"
		    "0000000000000000000000001d00000003000000000000000000000000000000",
		    "{small: -2, yes: true, color: GREEN, huge: VAST, text: \"etcd\", "
		    "list: [1, 2, 0, 0], rest: 0, level: 0, delta: -3, sub: {count: 3, bytes: 0}}");
	expect_bytes("color", "7", "07000000");
}

Test(typed, a_union_shows_the_member_that_its_family_or_flag_names)
{
	expect_text("ipcache_key", "40000000000000010a000001000000000000000000000000",
		    "{lpm_key: {prefixlen: 64}, cluster_id: 0, family: 1, ip4: 10.0.0.1}");
	expect_text("ipcache_key",
		    "a000000000000002000000000000000000000000000000"
		    "01",
		    "{lpm_key: {prefixlen: 160}, cluster_id: 0, family: 2, ip6: ::1}");
	expect_text("remote_endpoint_info",
		    "070000000aa080220000000000000000000000000000"
		    "0002",
		    "{sec_identity: 7, tunnel_endpoint: {ip4: 10.160.128.34}, key: 0, "
		    "flag_skip_tunnel: 0, flag_has_tunnel_ep: 1, flag_ipv6_tunnel_ep: 0, "
		    "flag_remote_cluster: 0}");
	expect_text("lb4_service", "050000000200010000000000",
		    "{backend_id: 5, count: 2, rev_nat_index: 1, flags: 0x0000, qcount: 0}");
	/* Not the first member, but the only one that shows all that is there. */
	expect_text("@%tunnel", "0a000001000000000000000000000001", "{ip6: a00:1::1}");
}

Test(typed, conntrack_shows_a_backend_or_for_dsr_an_address)
{
	uint8_t data[56];

	cr_assert_eq(encode("ct_entry", "{backend_id: 9}", data, 56), 0, "%s", err.text);
	cr_assert(value_matches(
		fx_value(arena, "{backend_id: 9}"),
		typed_decode(arena, fx.btf, (unsigned)fx_id(&fx, "ct_entry"), data, 56)));
	cr_assert_eq(encode("ct_entry", "{nat_addr: fd00::1, dsr_internal: 1}", data, 56), 0);
	cr_assert(value_matches(
		fx_value(arena, "{nat_addr: fd00::1}"),
		typed_decode(arena, fx.btf, (unsigned)fx_id(&fx, "ct_entry"), data, 56)));
}

Test(typed, errors_name_the_field_and_what_it_wants)
{
	expect_error("ipcache_key", "{famly: 1}", "did you mean \"family\"");
	expect_error("ipcache_key", "{famly: 1}",
		     "known fields: lpm_key, cluster_id, pad1, family, ip4, pad4, pad5, pad6, ip6");
	expect_error("ipcache_key", "{lpm_key: {prefixlen: x}}",
		     "lpm_key.prefixlen: x is not a number");
	expect_error("ipcache_key", "{family: 256}", "fits 1 bytes");
	expect_error("ipcache_key", "{ip4: 10.0.0}", "not an IPv4 address");
	expect_error("ipcache_key", "{ip6: 10.0.0.1}", "not an IPv6 address");
	expect_error("ipcache_key", "{ip4: 10.0.0.1, ip6: ::1}", "same bytes");
	expect_error("policy_key", "{egress: 2}", "fits 1 bits");
	expect_error("policy_key", "{dport: 65536}", "fits 2 bytes");
	expect_error("policy_key", "{dport: -1}", "fits 2 bytes");
	expect_error("policy_key", "{dport: \"80\"}", "not a number");
	expect_error("policy_key", "{sec_label: 1.2.3.4}", "not a number");
	expect_error("policy_key", "{sec_label: 99999999999999999999999}", "fits 4 bytes");
	expect_error("odd", "{small: 128}", "fits signed 1 bytes");
	expect_error("odd", "{small: -129}", "fits signed 1 bytes");
	expect_error("odd", "{delta: 16}", "fits signed 5 bits");
	expect_error("odd", "{yes: 2}", "true or false");
	expect_error("odd", "{color: GREN}", "did you mean \"GREEN\"");
	expect_error("odd", "{text: 123456789}", "at most 8 bytes");
	expect_error("odd", "{list: [1, 2, 3, 4, 5]}", "a list of at most 4");
	expect_error("odd", "{list: [1, x]}", "list[1]: x is not a number");
	expect_error("odd", "{list: 5}", "8 bytes as 0x");
	expect_error("endpoint_info", "{mac: 02:00:00:00:00}", "not a MAC address");
	expect_error("endpoint_info", "5", "48 bytes as 0x");
}

Test(typed, what_has_no_type_is_hex)
{
	uint8_t out[4];

	cr_assert_eq(typed_encode(NULL, 0, fx_value(arena, "0x01020304"), out, 4, &err), 0);
	cr_assert_arr_eq(out, ((uint8_t[]){ 1, 2, 3, 4 }), 4);
	cr_assert_str_eq(fx_text(arena, typed_decode(arena, NULL, 0, out, 4)), "0x01020304");
	cr_assert_eq(typed_encode(NULL, 0, fx_value(arena, "0x0102"), out, 4, &err), -EINVAL);
	cr_assert_eq(typed_encode(NULL, 0, fx_value(arena, "0x010203zz"), out, 4, &err), -EINVAL);
}

/* Which bits have a name, from the table alone. */
static void mask_of(const char *name, size_t bit, uint8_t *mask)
{
	size_t size;

	for (size_t i = 0; i < FX_N; i++) {
		const struct fx_type *t = &fx_types[i];

		if (strcmp(name, t->name) && strcmp(name, fx_plain(t->name)))
			continue;
		for (size_t j = 0; j < 24 && t->fields[j].type; j++) {
			const struct fx_field *f = &t->fields[j];

			for (size_t k = 0; k < f->bits; k++)
				mask[(bit + f->bit + k) / 8] |= 1u << ((bit + f->bit + k) % 8);
			if (!f->bits)
				mask_of(f->type, bit + f->bit, mask);
		}
		return;
	}
	size = (size_t)btf__resolve_size(fx.btf, (unsigned)fx_field_type(&fx, name));
	memset(mask + bit / 8, 0xff, size);
}

static void round_trip(const char *type, const uint8_t *data, size_t size)
{
	uint8_t back[128];
	struct value *v = typed_decode(arena, fx.btf, (unsigned)fx_id(&fx, type), data, size);

	cr_assert_eq(typed_encode(fx.btf, (unsigned)fx_id(&fx, type), v, back, size, &err), 0,
		     "%s: %s: %s", type, fx_text(arena, v), err.text);
	cr_assert_arr_eq(back, data, size, "%s: %s does not come back", type, fx_text(arena, v));
}

Test(typed, every_struct_comes_back_from_its_text_whatever_its_bytes)
{
	unsigned seed = 1;

	for (size_t i = 0; i < FX_N; i++) {
		const char *name = fx_types[i].name;
		const char *type = name[0] == '@' ? name : fx_plain(name);
		size_t size = fx_types[i].size;
		uint8_t mask[128] = { 0 }, data[128];

		mask_of(type, 0, mask);
		for (int round = 0; round < 2000; round++) {
			for (size_t k = 0; k < size; k++) {
				/* Zeros, small numbers and any bytes: unions choose by them. */
				int r = rand_r(&seed);

				data[k] = (uint8_t)((r & 0x30000 ? (r & 0x40000 ? r : r & 3) : 0) &
						    mask[k]);
			}
			round_trip(type, data, size);
			if (round % 100 == 0)
				arena_reset(arena);
		}
	}
}

/* Tens of thousands of layouts that nobody here wrote. */
static void sweep(struct btf *btf, unsigned step)
{
	static uint8_t data[4096], once[4096], twice[4096];
	unsigned n = btf__type_cnt(btf), seed = 2, seen = 0;

	for (unsigned id = 1; id < n; id += step) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		int64_t size = btf__resolve_size(btf, id);
		struct value *v;

		if (!btf_is_composite(t) || size <= 0 || size > 1024)
			continue;
		for (int64_t i = 0; i < size; i++)
			data[i] = rand_r(&seed) & 1 ? 0 : (uint8_t)rand_r(&seed);
		v = typed_decode(arena, btf, id, data, (size_t)size);
		cr_assert_eq(typed_encode(btf, id, v, once, (size_t)size, &err), 0, "%s: %s",
			     btf__name_by_offset(btf, t->name_off), err.text);
		v = typed_decode(arena, btf, id, once, (size_t)size);
		cr_assert_eq(typed_encode(btf, id, v, twice, (size_t)size, &err), 0, "%s: %s",
			     btf__name_by_offset(btf, t->name_off), err.text);
		cr_assert_arr_eq(once, twice, (size_t)size, "%s is not stable",
				 btf__name_by_offset(btf, t->name_off));
		arena_reset(arena);
		seen++;
	}
	cr_assert_gt(seen, 0);
}

Test(typed, the_kernels_own_structs_decode_and_encode_to_a_stable_form)
{
	struct btf *btf;

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		cr_skip_test("this kernel shows no BTF");
	btf = btf__load_vmlinux_btf();
	cr_assert_not_null(btf);
	sweep(btf, 3);
	btf__free(btf);
}

Test(typed, the_structs_of_the_built_datapath_do_too)
{
	struct btf *btf;

	if (access("build/bpf/bpf_host.o", R_OK))
		cr_skip_test("build/bpf/bpf_host.o is not built");
	btf = btf__parse_elf("build/bpf/bpf_host.o", NULL);
	cr_assert_not_null(btf);
	sweep(btf, 1);
	btf__free(btf);
}

static int convert(const char *from, const void *src, size_t src_size, const char *to, void *dst,
		   size_t dst_size)
{
	return typed_convert(fx.btf, (unsigned)fx_id(&fx, from), src, src_size, fx.btf,
			     (unsigned)fx_id(&fx, to), dst, dst_size, &err);
}

Test(typed, a_wider_reordered_conntrack_entry_keeps_what_its_fields_say)
{
	uint8_t was[56], is[80];

	cr_assert_eq(
		encode("ct_entry",
		       "{backend_id: 9, packets: 5, bytes: 600, lifetime: 8000, rx_closing: 1, "
		       "seen_non_syn: 1, from_tunnel: 1, rev_nat_index: 258, nat_port: 443, "
		       "src_sec_id: 7}",
		       was, 56),
		0);
	cr_assert_eq(convert("ct_entry", was, 56, "ct_entry_next", is, 80), 0, "%s", err.text);
	cr_assert_str_eq(decode("ct_entry_next", is, 80),
			 "{packets: 5, bytes: 600, nat_addr: ::900:0:0:0, lifetime: 8000, "
			 "seen_non_syn: 1, from_tunnel: 1, rx_closing: 1, nat_port: 443, "
			 "rev_nat_index: 258, src_sec_id: 7, hop_limit: 0}");
	/* nat_port went from __be16 to __u16, rev_nat_index from __u16 to __be32. */
	cr_assert_arr_eq(is + 44, ((uint8_t[]){ 0xbb, 0x01, 0, 0, 0, 0, 1, 2 }), 8);
}

Test(typed, a_narrower_counter_stops_at_its_top_and_any_other_number_is_refused)
{
	uint8_t was[56], is[16];

	cr_assert_eq(
		encode("ct_entry", "{packets: 0x100000005, lifetime: 8000, reserved1: 1}", was, 56),
		0);
	cr_assert_eq(convert("ct_entry", was, 56, "ct_entry_small", is, 16), 0, "%s", err.text);
	cr_assert_str_eq(decode("ct_entry_small", is, 16),
			 "{packets: 4294967295, lifetime: 8000, nat_port: 0}");
	cr_assert_eq(encode("ct_entry", "{lifetime: 65536}", was, 56), 0);
	cr_assert_eq(convert("ct_entry", was, 56, "ct_entry_small", is, 16), -ERANGE);
	cr_assert_not_null(strstr(err.text, "lifetime"));
}

/* A __u32 that holds an address holds it in network order, whatever its type says. */
Test(typed, addresses_keep_their_bytes_when_their_type_changes)
{
	static const uint8_t was[12] = { 10, 0, 0, 1, 0, 0, 2, 1, 2, 3, 4, 5 };
	static const uint8_t hoped[16] = { 10, 0, 0, 1, 0, 0, 0, 0, 2, 1, 2, 3, 4, 5, 0, 0 };
	struct btf *b = fx.btf;
	uint8_t is[16];
	int from, to, bytes = fx_field_type(&fx, "__u8[6]");

	from = btf__add_struct(b, "from", 12);
	btf__add_field(b, "saddr", fx_id(&fx, "__u32"), 0, 0);
	btf__add_field(b, "mac", bytes, AT(6), 0);
	to = btf__add_struct(b, "to", 16);
	btf__add_field(b, "saddr", fx_id(&fx, "__be32"), 0, 0);
	btf__add_field(b, "mac", fx_id(&fx, "mac_t"), AT(8), 0);
	cr_assert_eq(typed_convert(b, (unsigned)from, was, 12, b, (unsigned)to, is, 16, &err), 0);
	cr_assert_arr_eq(is, hoped, 16);
}

/* Before the flag in the struct, the integer type said how wide a bit field is and where it starts. */
Test(typed, bit_fields_of_old_compilers)
{
	struct btf *b = fx.btf;
	int narrow = btf__add_int(b, "unsigned int", 4, 0), old;
	uint8_t data[4] = { 0xff, 0, 0, 0 };

	*(uint32_t *)((struct btf_type *)btf__type_by_id(b, (unsigned)narrow) + 1) = 2 << 16 | 3;
	old = btf__add_struct(b, "old", 4);
	btf__add_field(b, "three", narrow, 0, 0);
	cr_assert_str_eq(fx_text(arena, typed_decode(arena, b, (unsigned)old, data, 4)),
			 "{three: 7}");
	cr_assert_eq(typed_encode(b, (unsigned)old, fx_value(arena, "{three: 5}"), data, 4, &err),
		     0);
	cr_assert_eq(data[0], 5 << 2);
}

Test(typed, without_types_the_common_bytes_are_copied)
{
	uint8_t is[4] = { 9, 9, 9, 9 };

	cr_assert_eq(typed_convert(NULL, 0, "ab", 2, NULL, 0, is, 4, &err), 0);
	cr_assert_arr_eq(is, "ab\0\0", 4);
}

Test(typed, fields_that_changed_their_kind_are_an_error_with_their_name)
{
	uint8_t was[64] = { 0 }, is[80];
	struct btf *b = fx.btf;
	int id = btf__add_struct(b, "turned", 16);

	btf__add_field(b, "packets", fx_id(&fx, "v6addr"), 0, 0);
	cr_assert_eq(typed_convert(b, (unsigned)fx_id(&fx, "ct_entry"), was, 56, b, (unsigned)id,
				   is, 16, &err),
		     -EINVAL);
	cr_assert_not_null(strstr(err.text, "packets"), "%s", err.text);
}

/* No compiler makes these, an object file can hold them. */
Test(typed, hostile_types_neither_crash_nor_loop)
{
	struct btf *b = fx.btf;
	uint8_t data[64], out[64];
	int self = btf__add_struct(b, "self", 64), far, wide, array, loop;
	struct value *v;

	btf__add_field(b, "again", self, 0, 0);
	btf__add_field(b, NULL, self, 0, 0);
	btf__add_field(b, "more", self, 0, 0);
	far = btf__add_struct(b, "far", 8);
	btf__add_field(b, "out", fx_id(&fx, "__u64"), AT(100), 0);
	wide = btf__add_union(b, "wide", 64);
	for (int i = 0; i < 8; i++)
		btf__add_field(b, NULL, self, 0, 0);
	btf__add_field(b, "w", wide, 0, 0);
	array = btf__add_array(b, fx_id(&fx, "__u32"), fx_id(&fx, "__u64"), 0x7fffffff);
	loop = btf__add_typedef(b, "loop", (int)btf__type_cnt(b));
	memset(data, 0x5a, sizeof(data));
	for (int id = self; id <= loop; id++) {
		v = typed_decode(arena, b, (unsigned)id, data, sizeof(data));
		cr_assert_not_null(v);
		typed_encode(b, (unsigned)id, v, out, sizeof(out), &err);
		typed_convert(b, (unsigned)id, data, 64, b, (unsigned)self, out, 64, &err);
		typed_convert(b, (unsigned)self, data, 64, b, (unsigned)id, out, 64, &err);
	}
	cr_assert_eq(typed_encode(b, (unsigned)far, fx_value(arena, "{out: 1}"), out, 8, &err),
		     -EINVAL);
	(void)array;
	(void)wide;
}

Test(typed, patterns_match_numbers_as_numbers_and_addresses_as_addresses)
{
	struct value *v = fx_value(arena, "{a: 80, ip: ::1, mac: 02:00:00:0a:0b:0c, yes: true, "
					  "sub: {n: 0, s: \"80\"}, l: [1, 2], neg: -1}");
	static const char *const good[] = {
		"{a: 0x50}", "{ip: 0:0::0001}", "{mac: 02-00-00-0A-0B-0C}",
		"{yes: 1}",  "{sub: {n: 0x0}}", "{sub: {s: \"80\"}}",
		"{pad1: 0}", "{l: [0x1, 2]}",	"{neg: -1}",
		"{}"
	};
	static const char *const bad[] = { "{a: 81}",
					   "{ip: ::2}",
					   "{yes: false}",
					   "{b: 0}",
					   "{sub: 0}",
					   "{sub: {s: 0x50}}",
					   "{l: [1]}",
					   "{pad1: 1}",
					   "{neg: 18446744073709551615}",
					   "{ip: 0.0.0.1}",
					   "{mac: 02:00:00:0a:0b:0d}" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_assert(value_matches(fx_value(arena, good[i]), v), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(value_matches(fx_value(arena, bad[i]), v), "%s", bad[i]);
}
