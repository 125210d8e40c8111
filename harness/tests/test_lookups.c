/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs ask of maps is noted, with the key, and nothing else about them changes. */
#include "interposed.h"

static const char source[] = BPF_PRELUDE
	"struct tuple { __u32 a, b; __u16 c, d; __u8 e, f; } __attribute__((packed));\n"
	"struct lpm { __u32 bits; __u8 addr[4]; };\n"
	"static long (*del)(void *, const void *) = (void *)3;\n"
	"struct { __uint(type, 1); __uint(max_entries, 8); __type(key, struct tuple);\n"
	"	 __type(value, __u64); } flows SEC(\".maps\");\n"
	"struct { __uint(type, 11); __uint(max_entries, 8); __uint(map_flags, 1);\n"
	"	 __type(key, struct lpm); __type(value, __u32); } nets SEC(\".maps\");\n"
	"struct { __uint(type, 2); __uint(max_entries, 4); __type(key, __u32);\n"
	"	 __type(value, __u64); } slots SEC(\".maps\");\n"
	"SEC(\"tc\") int asks(void *ctx) {\n"
	"	struct tuple t = { .a = 1, .b = 2, .c = 3, .d = 4, .e = 5, .f = 6 };\n"
	"	struct lpm n = { .bits = 32, .addr = { 10, 0, 0, 7 } };\n"
	"	__u64 one = 1, *v = map_lookup(&flows, &t);\n"
	"	__u32 *id, slot = 2;\n"
	"	if (v) { *v += 1; del(&flows, &t); } else map_update(&flows, &t, &one, 0);\n"
	"	id = map_lookup(&nets, &n);\n"
	"	v = map_lookup(&slots, &slot);\n"
	"	return (id ? *id : 0) + (v ? 100 : 0); }\n";

struct fixture {
	struct arena *arena;
	struct helper_env *env;
	struct object *object;
};

static void load(struct fixture *f, bool lookups)
{
	struct object_opts opts = { .pin_dir = SANDBOX_BPFFS "/lookups" };
	struct err err = { 0 };

	f->arena = arena_new();
	opts.path = compile_bpf(f->arena, "asks", source);
	cr_assert_eq(helper_env_new(&f->env, &err), 0, "%s", err.text);
	if (lookups)
		helper_env_note_lookups(f->env);
	opts.env = f->env;
	cr_assert_eq(object_load(&opts, &f->object, &err), 0, "%s", err.text);
}

static void unload(struct fixture *f)
{
	object_free(f->object);
	helper_env_free(f->env);
	arena_free(f->arena);
}

static int run(const struct fixture *f)
{
	unsigned char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	struct err err = { 0 };

	helper_env_begin(f->env);
	cr_assert_eq(bpf_prog_test_run_opts(object_program_fd(f->object, "asks", &err), &opts), 0);
	return (int)opts.retval;
}

static void add_net(const struct fixture *f)
{
	const struct {
		uint32_t bits;
		uint8_t addr[4];
	} net = { 8, { 10, 0, 0, 0 } };
	uint32_t id = 42;

	cr_assert_eq(bpf_map_update_elem(object_map_fd(f->object, "nets"), &net, &id, 0), 0);
}

static uint32_t id_of(const struct fixture *f, const char *map)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	cr_assert_eq(bpf_obj_get_info_by_fd(object_map_fd(f->object, map), &info, &len), 0);
	return info.id;
}

static void expect(const struct fixture *f, size_t at, enum lookup_kind kind, const char *map,
		   bool ok, const void *key, uint32_t len)
{
	const struct helper_lookup *l;
	size_t n, lost;

	l = helper_env_lookups(f->env, &n, &lost);
	cr_assert_lt(at, n, "only %zu were noted", n);
	cr_expect_eq(lost, 0);
	cr_expect_eq(l[at].kind, kind, "%zu", at);
	cr_expect_eq(l[at].map_id, id_of(f, map), "%zu is of map %u", at, l[at].map_id);
	cr_expect_eq(l[at].ok, ok, "%zu", at);
	cr_assert_eq(l[at].key_len, len, "%zu: %u", at, l[at].key_len);
	cr_expect_arr_eq(l[at].key, key, len);
}

static const uint8_t tuple[14] = { 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4, 0, 5, 6 };
static const uint8_t address[8] = { 32, 0, 0, 0, 10, 0, 0, 7 };
static const uint8_t slot[4] = { 2 };

Test(lookups, each_is_noted_with_its_key_and_whether_there_was_an_entry)
{
	struct fixture f = { 0 };

	NEEDS_ROOT();
	load(&f, true);
	add_net(&f);
	cr_expect_eq(run(&f), 142, "what the program gets is what the map holds");
	expect(&f, 0, LOOKUP_FIND, "flows", false, tuple, sizeof(tuple));
	expect(&f, 1, LOOKUP_UPDATE, "flows", true, tuple, sizeof(tuple));
	expect(&f, 2, LOOKUP_FIND, "nets", true, address, sizeof(address));
	expect(&f, 3, LOOKUP_FIND, "slots", true, slot, sizeof(slot));
	cr_expect_eq(run(&f), 142);
	expect(&f, 0, LOOKUP_FIND, "flows", true, tuple, sizeof(tuple));
	expect(&f, 1, LOOKUP_DELETE, "flows", true, tuple, sizeof(tuple));
	unload(&f);
}

Test(lookups, what_is_not_there_is_told_so)
{
	struct fixture f = { 0 };

	NEEDS_ROOT();
	load(&f, true);
	cr_expect_eq(run(&f), 100);
	expect(&f, 2, LOOKUP_FIND, "nets", false, address, sizeof(address));
	unload(&f);
}

Test(lookups, nobody_who_did_not_ask_pays)
{
	struct fixture f = { 0 };
	size_t n, lost;

	NEEDS_ROOT();
	load(&f, false);
	add_net(&f);
	cr_expect_eq(run(&f), 142);
	cr_expect_eq(object_interposed(f.object), 0);
	helper_env_lookups(f.env, &n, &lost);
	cr_expect_eq(n, 0);
	unload(&f);
}
