/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tunnel metadata: what a program sets can be read, and what the packet is said to have come with is
 * found, by the kernel's own rules.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>

#include "interposed.h"

static const char source[] = BPF_PRELUDE BPF_HELPERS
	"struct key { __u32 id; __u32 remote[4]; __u8 tos, ttl; __u16 ext; __u32 label;\n"
	"	__u32 local[4]; };\n"
	"struct { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32);\n"
	"	 __type(value, struct key); } got SEC(\".maps\");\n"
	"struct { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32);\n"
	"	 __type(value, __u8[16]); } opts SEC(\".maps\");\n"
	"static __u32 zero;\n"
	"static __attribute__((noinline)) void keep(const struct key *k) {\n"
	"	map_update(&got, &(__u32){0}, k, 0); }\n"
	"SEC(\"tc\") int set4(void *ctx) {\n"
	"	struct key k = { .id = 7, .remote = { 0x0a000002 }, .tos = 3, .ttl = 9,\n"
	"			 .local = { 0x0a000001 } };\n"
	"	return set_tunnel_key(ctx, &k, sizeof(k), 2 | 4); }\n"
	"SEC(\"tc\") int set_short(void *ctx) {\n"
	"	struct { __u32 id, remote; } k = { 8, 0x0a000003 };\n"
	"	return set_tunnel_key(ctx, &k, sizeof(k), 0); }\n"
	"SEC(\"tc\") int set6(void *ctx) {\n"
	"	struct key k = { .id = 9, .label = 0x12345 };\n"
	"	k.remote[0] = 0x200; k.remote[3] = 0x01000000; k.local[3] = 0x02000000;\n"
	"	return set_tunnel_key(ctx, &k, sizeof(k), 1); }\n"
	"SEC(\"tc\") int set_bad_flags(void *ctx) {\n"
	"	struct key k = { .id = 10 };\n"
	"	return set_tunnel_key(ctx, &k, sizeof(k), 0x8000) == -22 ? 1 : 0; }\n"
	"SEC(\"tc\") int set_opt(void *ctx) {\n"
	"	struct key k = { .id = 11, .remote = { 0x0a000004 } };\n"
	"	__u8 o[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };\n"
	"	return set_tunnel_key(ctx, &k, sizeof(k), 0) ?: set_tunnel_opt(ctx, o, sizeof(o)); "
	"}\n"
	"SEC(\"tc\") int opt_then_key(void *ctx) {\n"
	"	struct key k = { .id = 12, .remote = { 0x0a000004 } };\n"
	"	__u8 o[4] = { 1, 2, 3, 4 };\n"
	"	set_tunnel_key(ctx, &k, sizeof(k), 0); set_tunnel_opt(ctx, o, sizeof(o));\n"
	"	return set_tunnel_key(ctx, &k, sizeof(k), 0); }\n"
	"SEC(\"tc\") int odd_opt(void *ctx) {\n"
	"	struct key k = { .id = 13, .remote = { 0x0a000004 } };\n"
	"	__u8 o[4] = { 1, 2, 3, 4 };\n"
	"	set_tunnel_key(ctx, &k, sizeof(k), 0);\n"
	"	return set_tunnel_opt(ctx, o, 3) == -22 ? 1 : 0; }\n"
	"SEC(\"tc\") int get4(void *ctx) { struct key k = {}; long ret;\n"
	"	ret = get_tunnel_key(ctx, &k, sizeof(k), 0); keep(&k); put(0, ret); return 0; }\n"
	"SEC(\"tc\") int get6(void *ctx) { struct key k = {}; long ret;\n"
	"	ret = get_tunnel_key(ctx, &k, sizeof(k), 1); keep(&k); put(0, ret); return 0; }\n"
	"SEC(\"tc\") int get_short(void *ctx) { struct key k = {}; long ret;\n"
	"	ret = get_tunnel_key(ctx, &k, 8, 0); keep(&k); put(0, ret); return 0; }\n"
	"SEC(\"tc\") int get_opt(void *ctx) { __u8 o[16] = { [0 ... 15] = 0xff };\n"
	"	put(0, get_tunnel_opt(ctx, o, 16)); map_update(&opts, &(__u32){0}, o, 0);\n"
	"	put(1, get_tunnel_opt(ctx, o, 8)); return 0; }\n"
	"SEC(\"tc\") int get_after_set(void *ctx) { struct key k = { .id = 77 }; long ret;\n"
	"	set_tunnel_key(ctx, &k, sizeof(k), 0);\n"
	"	ret = get_tunnel_key(ctx, &k, sizeof(k), 0); keep(&k); put(0, ret); return 0; }\n"
	"SEC(\"lwt_xmit\") int lwt_get(void *ctx) { struct key k = {}; long ret;\n"
	"	ret = get_tunnel_key(ctx, &k, sizeof(k), 0); keep(&k); put(0, ret); return 0; }\n";

static const struct tunnel_meta came_with = {
	.has_key = true,
	.id = 1234,
	.remote_ip4 = 0xc0a80001, /* who sent it */
	.local_ip4 = 0xc0a80002,
	.tos = 4,
	.ttl = 61,
};

static struct interposed_object load(bool interpose)
{
	return interposed_load("tunnel", source, (struct object_opts){ 0 }, interpose);
}

static struct bpf_tunnel_key got(const struct interposed_object *o)
{
	struct bpf_tunnel_key key;
	uint32_t zero = 0;

	cr_assert_eq(bpf_map_lookup_elem(object_map_fd(o->object, "got"), &zero, &key), 0);
	return key;
}

static int64_t run_for_ret(const struct interposed_object *o, const char *program)
{
	interposed_run(o, program);
	return (int64_t)interposed_slot(o, 0);
}

/* The one note of the last run. */
static void expect_noted(const struct interposed_object *o, uint32_t kind, int64_t ret)
{
	size_t n, lost;
	const struct helper_note *notes = helper_env_notes(o->env, &n, &lost);

	cr_assert_gt(n, 0);
	cr_expect_eq(notes[n - 1].kind, kind, "kind %u", notes[n - 1].kind);
	cr_expect_eq(notes[n - 1].ret, ret, "%lld", (long long)notes[n - 1].ret);
}

Test(helper_tunnel, a_key_that_was_set_is_read)
{
	struct interposed_object o;
	struct tunnel_meta m;

	NEEDS_ROOT();
	o = load(true);
	cr_expect_eq(interposed_run(&o, "set4").verdict, 0);
	expect_noted(&o, NOTE_SET_TUNNEL_KEY, 0);
	cr_assert(helper_env_tunnel(o.env, &m));
	cr_expect(m.has_key && !m.has_opt && !m.ipv6);
	cr_expect_eq(m.id, 7);
	cr_expect_eq(m.remote_ip4, 0x0a000002);
	cr_expect_eq(m.local_ip4, 0x0a000001);
	cr_expect(m.tos == 3 && m.ttl == 9 && m.flags == 6);
	interposed_run(&o, "set_short");
	cr_assert(helper_env_tunnel(o.env, &m));
	cr_expect(m.id == 8 && m.remote_ip4 == 0x0a000003 && m.local_ip4 == 0 && m.flags == 0);
	interposed_run(&o, "get4");
	cr_expect(!helper_env_tunnel(o.env, &m), "of this run, not of the last");
	interposed_free(&o);
}

Test(helper_tunnel, a_key_of_ipv6_is_read_with_its_label)
{
	struct interposed_object o;
	struct tunnel_meta m;
	struct in6_addr remote, local;

	NEEDS_ROOT();
	o = load(true);
	inet_pton(AF_INET6, "2::1", &remote);
	inet_pton(AF_INET6, "::2", &local);
	cr_expect_eq(interposed_run(&o, "set6").verdict, 0);
	cr_assert(helper_env_tunnel(o.env, &m));
	cr_expect(m.ipv6 && m.id == 9 && m.label == 0x12345, "label %x", m.label);
	cr_expect_arr_eq(m.remote_ip6, &remote, 16);
	cr_expect_arr_eq(m.local_ip6, &local, 16);
	interposed_free(&o);
}

Test(helper_tunnel, what_the_kernel_refused_is_noted_and_not_set)
{
	struct interposed_object o;
	struct tunnel_meta m;

	NEEDS_ROOT();
	o = load(true);
	cr_expect_eq(interposed_run(&o, "set_bad_flags").verdict, 1);
	expect_noted(&o, NOTE_SET_TUNNEL_KEY, -EINVAL);
	cr_expect(!helper_env_tunnel(o.env, &m));
	cr_expect_eq(interposed_run(&o, "odd_opt").verdict, 1);
	expect_noted(&o, NOTE_SET_TUNNEL_OPT, -EINVAL);
	cr_assert(helper_env_tunnel(o.env, &m));
	cr_expect(m.has_key && !m.has_opt);
	interposed_free(&o);
}

Test(helper_tunnel, options_that_were_set_are_read_until_another_key_is_set)
{
	static const uint8_t want[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	struct interposed_object o;
	struct tunnel_meta m;

	NEEDS_ROOT();
	o = load(true);
	cr_expect_eq(interposed_run(&o, "set_opt").verdict, 0);
	cr_assert(helper_env_tunnel(o.env, &m));
	cr_expect(m.has_key && m.has_opt && m.id == 11);
	cr_assert_eq(m.opt_len, 12);
	cr_expect_arr_eq(m.opt, want, 12);
	interposed_run(&o, "opt_then_key");
	cr_assert(helper_env_tunnel(o.env, &m));
	cr_expect(m.has_key && !m.has_opt);
	interposed_free(&o);
}

Test(helper_tunnel, a_packet_without_metadata_has_none_both_ways)
{
	struct interposed_object shipped, replaced;

	NEEDS_ROOT();
	shipped = load(false);
	replaced = load(true);
	cr_expect_eq(run_for_ret(&shipped, "get4"), -EINVAL);
	cr_expect_eq(run_for_ret(&replaced, "get4"), -EINVAL);
	helper_env_set_tunnel(replaced.env, &came_with);
	cr_expect_eq(run_for_ret(&replaced, "get4"), 0);
	helper_env_set_tunnel(replaced.env, NULL);
	cr_expect_eq(run_for_ret(&replaced, "get4"), -EINVAL);
	interposed_free(&shipped);
	interposed_free(&replaced);
}

static void expect_key4(struct bpf_tunnel_key key, bool whole)
{
	cr_expect_eq(key.tunnel_id, 1234);
	cr_expect_eq(key.remote_ipv4, 0xc0a80001, "%x", key.remote_ipv4);
	cr_expect_eq(key.local_ipv4, whole ? 0xc0a80002 : 0, "%x", key.local_ipv4);
	cr_expect_eq(key.tunnel_ttl, whole ? 61 : 0);
	cr_expect_eq(key.tunnel_tos, whole ? 4 : 0);
}

Test(helper_tunnel, the_key_a_packet_came_with_is_found_in_every_run)
{
	struct interposed_object o;

	NEEDS_ROOT();
	o = load(true);
	helper_env_set_tunnel(o.env, &came_with);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(run_for_ret(&o, "get4"), 0);
		expect_key4(got(&o), true);
		cr_expect_eq(run_for_ret(&o, "get_short"), 0);
		expect_key4(got(&o), false);
		cr_expect_eq(run_for_ret(&o, "lwt_get"), 0);
		expect_key4(got(&o), true);
	}
	interposed_free(&o);
}

Test(helper_tunnel, the_kernel_s_rules_of_families_and_order_hold)
{
	struct tunnel_meta six = { .has_key = true, .ipv6 = true, .id = 5, .label = 0x777 };
	struct interposed_object o;
	struct bpf_tunnel_key key;

	NEEDS_ROOT();
	o = load(true);
	helper_env_set_tunnel(o.env, &came_with);
	cr_expect_eq(run_for_ret(&o, "get6"), -EPROTO);
	cr_expect_eq(run_for_ret(&o, "get_after_set"), 0);
	cr_expect_eq(got(&o).tunnel_id, 77, "its own");
	inet_pton(AF_INET6, "2001:db8::5", six.remote_ip6);
	inet_pton(AF_INET6, "2001:db8::6", six.local_ip6);
	helper_env_set_tunnel(o.env, &six);
	cr_expect_eq(run_for_ret(&o, "get4"), -EPROTO);
	cr_expect_eq(run_for_ret(&o, "get6"), 0);
	key = got(&o);
	cr_expect(key.tunnel_id == 5 && key.tunnel_label == 0x777);
	cr_expect_arr_eq(key.remote_ipv6, six.remote_ip6, 16);
	cr_expect_arr_eq(key.local_ipv6, six.local_ip6, 16);
	interposed_free(&o);
}

Test(helper_tunnel, the_options_a_packet_came_with_are_found_by_their_length)
{
	struct tunnel_meta with_opt = came_with;
	struct interposed_object o;
	uint8_t opt[16], zero[4] = { 0 };
	uint32_t slot = 0;

	NEEDS_ROOT();
	o = load(true);
	helper_env_set_tunnel(o.env, &came_with);
	cr_expect_eq(run_for_ret(&o, "get_opt"), -ENOENT);
	with_opt.has_opt = true;
	with_opt.opt_len = 12;
	memcpy(with_opt.opt, "abcdefghijkl", 12);
	helper_env_set_tunnel(o.env, &with_opt);
	cr_expect_eq(run_for_ret(&o, "get_opt"), 12);
	cr_expect_eq((int64_t)interposed_slot(&o, 1), -ENOMEM, "too small for them");
	cr_assert_eq(bpf_map_lookup_elem(object_map_fd(o.object, "opts"), &slot, opt), 0);
	cr_expect_arr_eq(opt, "abcdefghijkl", 12);
	cr_expect_arr_eq(opt + 12, zero, 4);
	interposed_free(&o);
}
