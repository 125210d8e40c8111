/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What interposed programs note, and what they are given, in each type that has the helper. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>

#include "interposed.h"

/* The loopback device: every namespace has it. */
#define LO 1

static const char source[] = BPF_PRELUDE BPF_HELPERS
	"struct neigh { __u32 family; __u32 nh[4]; };\n"
	"struct { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32);\n"
	"	 __type(value, struct neigh); } hops SEC(\".maps\");\n"
	"struct { __uint(type, 14); __uint(max_entries, 4); __type(key, __u32);\n"
	"	 __type(value, __u32); } devices SEC(\".maps\");\n"
	"struct { __uint(type, 16); __uint(max_entries, 4); __type(key, __u32);\n"
	"	 __type(value, __u32); } cpus SEC(\".maps\");\n"
	"SEC(\"tc\") int tc_redirect(void *ctx) { return redirect(1, 1); }\n"
	"SEC(\"tc\") int tc_bad_flags(void *ctx) { return redirect(1, 2); }\n"
	"SEC(\"tc\") int tc_peer(void *ctx) { return redirect_peer(7, 0); }\n"
	"SEC(\"tc\") int tc_neigh(void *ctx) { return redirect_neigh(1, 0, 0, 0); }\n"
	"SEC(\"tc\") int tc_neigh_flags(void *ctx) { return redirect_neigh(1, 0, 0, 9); }\n"
	"SEC(\"tc\") int tc_neigh4(void *ctx) {\n"
	"	struct neigh n = { 2, { 0x0100000a } };\n"
	"	return redirect_neigh(1, &n, sizeof(n), 0); }\n"
	"SEC(\"tc\") int tc_neigh6(void *ctx) { __u32 zero = 0;\n"
	"	struct neigh *n = map_lookup(&hops, &zero);\n"
	"	return n ? redirect_neigh(2, n, sizeof(*n), 0) : 0; }\n"
	"SEC(\"tc\") int tc_clone(void *ctx) { clone_redirect(ctx, 0x7fffffff, 1); return 0; }\n"
	"SEC(\"tc\") int tc_many(void *ctx) {\n"
	"#pragma clang loop unroll(disable)\n"
	"	for (int i = 1; i <= 100; i++) redirect(i, 0);\n"
	"	return 0; }\n"
	"SEC(\"tc\") int tc_mark(struct { __u32 len, type, mark; } *ctx) {\n"
	"	ctx->mark = 5; return redirect(1, 0) + 1; }\n"
	"SEC(\"xdp\") int xdp_redirect(void *ctx) { return redirect(9, 0); }\n"
	"SEC(\"xdp\") int xdp_device(void *ctx) { return redirect_map(&devices, 3, 2); }\n"
	"SEC(\"xdp\") int xdp_cpu(void *ctx) { return redirect_map(&cpus, 1, 1); }\n"
	"SEC(\"xdp\") int xdp_found(void *ctx) { return redirect_map(&devices, 2, 0); }\n"
	"SEC(\"lwt_xmit\") int lwt_redirect(void *ctx) { return redirect(4, 0); }\n"
	"SEC(\"cgroup_skb/egress\") int cg_time(void *ctx) {\n"
	"	put(0, ktime()); put(1, jiffies64()); put(2, prandom()); return 1; }\n"
	"SEC(\"xdp\") int xdp_time(void *ctx) {\n"
	"	put(0, ktime()); put(1, jiffies64()); put(2, prandom()); return 2; }\n"
	"SEC(\"lwt_in\") int lwt_time(void *ctx) {\n"
	"	put(0, ktime()); put(1, jiffies64()); put(2, prandom()); return 0; }\n"
	"SEC(\"tc\") int tc_time(void *ctx) {\n"
	"	put(0, ktime()); put(1, jiffies64()); put(2, prandom()); return 0; }\n"
	"SEC(\"tc\") int tc_random(void *ctx) {\n"
	"#pragma clang loop unroll(disable)\n"
	"	for (__u32 i = 0; i < 16; i++) put(i, prandom());\n"
	"	return 0; }\n";

static struct interposed_object load(bool interpose)
{
	struct interposed_object o =
		interposed_load("env", source, (struct object_opts){ 0 }, interpose);
	struct bpf_redir_neigh hop = { .nh_family = AF_INET6 };
	uint32_t zero = 0, device = LO, key = 2;

	inet_pton(AF_INET6, "2001:db8::1", hop.ipv6_nh);
	cr_assert_eq(bpf_map_update_elem(object_map_fd(o.object, "hops"), &zero, &hop, 0), 0);
	cr_assert_eq(bpf_map_update_elem(object_map_fd(o.object, "devices"), &key, &device, 0), 0);
	return o;
}

static uint32_t id_of_map(const struct interposed_object *o, const char *map)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	cr_assert_eq(bpf_obj_get_info_by_fd(object_map_fd(o->object, map), &info, &len), 0);
	return info.id;
}

/* The only note of a run. */
static struct helper_note note_of(const struct interposed_object *o, const char *program)
{
	size_t n, lost;
	const struct helper_note *notes;

	interposed_run(o, program);
	notes = helper_env_notes(o->env, &n, &lost);
	cr_assert(n == 1 && lost == 0, "%s: %zu notes, %zu lost", program, n, lost);
	return notes[0];
}

static void expect_note(const struct interposed_object *o, const char *program,
			struct helper_note want)
{
	struct helper_note got = note_of(o, program);

	cr_expect_eq(got.kind, want.kind, "%s: kind %u", program, got.kind);
	cr_expect_eq(got.ifindex, want.ifindex, "%s: ifindex %u", program, got.ifindex);
	cr_expect_eq(got.flags, want.flags, "%s: flags %llx", program,
		     (unsigned long long)got.flags);
	cr_expect_eq(got.map_id, want.map_id, "%s: map %u", program, got.map_id);
	cr_expect_eq(got.key, want.key, "%s: key %u", program, got.key);
	cr_expect_eq(got.ret, want.ret, "%s: ret %lld", program, (long long)got.ret);
	cr_expect_eq(got.family, want.family, "%s: family %u", program, got.family);
	cr_expect_arr_eq(got.next_hop, want.next_hop, 16, "%s: next hop", program);
}

Test(helper_env, each_redirect_of_tc_is_noted_with_what_it_asked_and_what_the_kernel_said)
{
	struct interposed_object o;
	struct helper_note six = { NOTE_REDIRECT_NEIGH, .ifindex = 2, .family = AF_INET6,
				   .ret = 7 };

	NEEDS_ROOT();
	o = load(true);
	inet_pton(AF_INET6, "2001:db8::1", six.next_hop);
	expect_note(&o, "tc_redirect", (struct helper_note){ NOTE_REDIRECT, 1, 1, .ret = 7 });
	expect_note(&o, "tc_bad_flags", (struct helper_note){ NOTE_REDIRECT, 1, 2, .ret = 2 });
	expect_note(&o, "tc_peer", (struct helper_note){ NOTE_REDIRECT_PEER, 7, .ret = 7 });
	expect_note(&o, "tc_neigh", (struct helper_note){ NOTE_REDIRECT_NEIGH, 1, .ret = 7 });
	expect_note(&o, "tc_neigh_flags",
		    (struct helper_note){ NOTE_REDIRECT_NEIGH, 1, 9, .ret = 2 });
	expect_note(&o, "tc_neigh4",
		    (struct helper_note){ NOTE_REDIRECT_NEIGH, 1, .ret = 7, .family = AF_INET,
					  .next_hop = { 10, 0, 0, 1 } });
	expect_note(&o, "tc_neigh6", six);
	expect_note(&o, "tc_clone",
		    (struct helper_note){ NOTE_CLONE_REDIRECT, 0x7fffffff, 1, .ret = -EINVAL });
	interposed_free(&o);
}

Test(helper_env, redirects_of_xdp_are_noted_with_the_map_they_name)
{
	struct interposed_object o;
	uint32_t devices, cpus;

	NEEDS_ROOT();
	o = load(true);
	devices = id_of_map(&o, "devices");
	cpus = id_of_map(&o, "cpus");
	expect_note(&o, "xdp_redirect", (struct helper_note){ NOTE_REDIRECT, 9, .ret = 4 });
	expect_note(&o, "xdp_device",
		    (struct helper_note){ NOTE_REDIRECT_MAP, .flags = 2, .key = 3,
					  .map_id = devices, .ret = 2 });
	expect_note(&o, "xdp_cpu",
		    (struct helper_note){ NOTE_REDIRECT_MAP, .flags = 1, .key = 1, .map_id = cpus,
					  .ret = 1 });
	expect_note(
		&o, "xdp_found",
		(struct helper_note){ NOTE_REDIRECT_MAP, .key = 2, .map_id = devices, .ret = 4 });
	interposed_free(&o);
}

Test(helper_env, redirects_of_a_route_s_program_are_noted)
{
	struct interposed_object o;

	NEEDS_ROOT();
	o = load(true);
	expect_note(&o, "lwt_redirect", (struct helper_note){ NOTE_REDIRECT, 4, .ret = 7 });
	interposed_free(&o);
}

Test(helper_env, the_newest_notes_are_kept_in_order_and_the_rest_counted)
{
	struct interposed_object o;
	const struct helper_note *notes;
	size_t n, lost;

	NEEDS_ROOT();
	o = load(true);
	interposed_run(&o, "tc_many");
	notes = helper_env_notes(o.env, &n, &lost);
	cr_assert_gt(n, 0);
	cr_expect_eq(n + lost, 100);
	for (size_t i = 0; i < n; i++)
		cr_expect_eq(notes[i].ifindex, lost + i + 1, "note %zu", i);
	helper_env_begin(o.env);
	helper_env_notes(o.env, &n, &lost);
	cr_expect(n == 0 && lost == 0);
	interposed_free(&o);
}

Test(helper_env, verdicts_and_bytes_are_the_same_both_ways)
{
	static const char *const programs[] = { "tc_redirect",	"tc_bad_flags", "tc_peer",
						"tc_neigh",	"tc_neigh4",	"tc_neigh6",
						"tc_clone",	"tc_many",	"tc_mark",
						"xdp_redirect", "xdp_device",	"xdp_cpu",
						"xdp_found",	"lwt_redirect", "cg_time" };
	struct interposed_object shipped, replaced;

	NEEDS_ROOT();
	shipped = load(false);
	replaced = load(true);
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct ran a = interposed_run(&shipped, programs[i]);
		struct ran b = interposed_run(&replaced, programs[i]);

		cr_expect(object_program_interposed(replaced.object, programs[i]));
		cr_expect(!object_program_interposed(shipped.object, programs[i]));
		cr_expect_eq(a.verdict, b.verdict, "%s: %d as shipped, %d", programs[i], a.verdict,
			     b.verdict);
		cr_expect(a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0, "%s",
			  programs[i]);
	}
	interposed_free(&shipped);
	interposed_free(&replaced);
}

Test(helper_env, time_and_random_numbers_are_the_environment_s_in_every_type)
{
	static const char *const programs[] = { "tc_time", "xdp_time", "cg_time", "lwt_time" };
	struct interposed_object o;
	uint64_t random = 0;

	NEEDS_ROOT();
	o = load(true);
	helper_env_set_clock(o.env, 12345);
	for (size_t i = 0; i < 4; i++) {
		helper_env_seed(o.env, 1);
		interposed_run(&o, programs[i]);
		cr_expect_eq(interposed_slot(&o, 0), 12345, "%s", programs[i]);
		if (i)
			cr_expect_eq(interposed_slot(&o, 2), random, "%s", programs[i]);
		random = interposed_slot(&o, 2);
	}
	interposed_free(&o);
}

static void draw(const struct interposed_object *o, uint64_t seed, uint64_t numbers[16])
{
	helper_env_seed(o->env, seed);
	interposed_run(o, "tc_random");
	for (uint32_t i = 0; i < 16; i++)
		numbers[i] = interposed_slot(o, i);
}

Test(helper_env, a_seed_gives_its_numbers_again_and_another_seed_others)
{
	struct interposed_object o;
	uint64_t a[16], again[16], b[16], low = UINT64_MAX, high = 0;

	NEEDS_ROOT();
	o = load(true);
	draw(&o, 42, a);
	draw(&o, 43, b);
	draw(&o, 42, again);
	cr_expect_arr_eq(a, again, sizeof(a));
	for (size_t i = 0; i < 16; i++) {
		cr_expect_neq(a[i], b[i]);
		low = a[i] < low ? a[i] : low;
		high = a[i] > high ? a[i] : high;
	}
	cr_expect(high <= UINT32_MAX && high - low > UINT32_MAX / 2, "%llx to %llx",
		  (unsigned long long)low, (unsigned long long)high);
	interposed_free(&o);
}

/* SplitMix64's first outputs for seed 0 are 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4 (the reference). */
Test(helper_env, numbers_are_the_upper_halves_of_splitmix64)
{
	struct interposed_object o;
	uint64_t a[16];

	NEEDS_ROOT();
	o = load(true);
	draw(&o, 0, a);
	cr_expect_eq(a[0], 0xe220a839, "%llx", (unsigned long long)a[0]);
	cr_expect_eq(a[1], 0x6e789e6a, "%llx", (unsigned long long)a[1]);
	interposed_free(&o);
}

static uint64_t jiffies_at(const struct interposed_object *o, uint64_t ns)
{
	helper_env_set_clock(o->env, ns);
	interposed_run(o, "tc_time");
	return interposed_slot(o, 1);
}

/* The kernel's own count is the oracle. Its ticks begin some hundred milliseconds before or after its
 * clock does.
 */
Test(helper_env, jiffies_are_this_kernel_s_for_the_same_time)
{
	struct interposed_object shipped, replaced;
	int64_t real, virtual, second;

	NEEDS_ROOT();
	shipped = load(false);
	replaced = load(true);
	interposed_run(&shipped, "tc_time");
	real = (int64_t)interposed_slot(&shipped, 1);
	virtual = (int64_t)jiffies_at(&replaced, monotonic());
	second = (int64_t)(jiffies_at(&replaced, 9000000000) - jiffies_at(&replaced, 8000000000));
	cr_expect(virtual - real <= second && real - virtual <= second, "%lld and %lld",
		  (long long)real, (long long)virtual);
	cr_expect(second >= 24 && second <= 1200, "%lld ticks a second", (long long)second);
	interposed_free(&shipped);
	interposed_free(&replaced);
}

/* A program that was told the ticks a second divides by them. */
Test(helper_env, jiffies_tick_as_often_as_the_object_was_told)
{
	static const char told[] = BPF_PRELUDE BPF_HELPERS
		"const volatile __u32 __config_kernel_hz = 0;\n"
		"SEC(\"tc\") int tc_time(void *ctx) {\n"
		"	put(1, jiffies64()); put(2, __config_kernel_hz); return 0; }\n";
	const struct value thousand = { .kind = VALUE_SCALAR, .text = "1000" };
	const struct config_value config = { .name = "kernel_hz", .value = &thousand };
	struct interposed_object o;
	uint64_t first;

	NEEDS_ROOT();
	o = interposed_load("hz", told, (struct object_opts){ .config = &config, .n_config = 1 },
			    true);
	first = jiffies_at(&o, 0);
	cr_expect_eq(interposed_slot(&o, 2), 1000);
	cr_expect_eq(first, UINT32_MAX - 300 * 1000 + 1ULL, "%llu", (unsigned long long)first);
	cr_expect_eq(jiffies_at(&o, 2500000000) - first, 2500);
	interposed_free(&o);
}
