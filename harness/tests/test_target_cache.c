/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects that were loaded once are not verified again in one process, and nothing of the first target
 * is seen by the second.
 */
#include <bpf/libbpf.h>
#include <sched.h>

#include "engine/replay.h"
#include "target_fixture.h"

TestSuite(target_cache, .init = setup, .fini = teardown, .timeout = 60);

#define HELPERS                                                                                    \
	"static long (*output)(void *, void *, __u64, void *, __u64) = (void *)25;\n"              \
	"static long (*ring_output)(void *, void *, __u64, __u64) = (void *)130;\n"                \
	"static long (*push)(void *, const void *, __u64) = (void *)87;\n" JUMP

/* A program that leaves something in every kind of map it can write. */
static const char writer[] = BPF_PRELUDE HELPERS PINNED("hash", "1", "16") PINNED(
	"array", "2", "16") PINNED("percpu_hash", "5", "16") PINNED("percpu_array", "6",
								    "16") PINNED("lru", "9", "16")
	OWN("lru_percpu", "10", "16") OWN("own", "1", "16") PINNED("calls", "3", "8") MAP_OF(
		"devices", "14", "8",
		"") "struct { __uint(type, 11); __uint(max_entries, 16); __uint(map_flags, 1);\n"
		    "	__uint(key_size, 8); __uint(value_size, 4); } lpm SEC(\".maps\");\n"
		    "struct { __uint(type, 22); __uint(max_entries, 4); __uint(key_size, 0);\n"
		    "	__uint(value_size, 4); } queue SEC(\".maps\");\n"
		    "struct { __uint(type, 27); __uint(max_entries, 4096); } ring SEC(\".maps\");\n"
		    "struct { __uint(type, 4); __uint(key_size, 4); __uint(value_size, 4); "
		    "__uint(pinning, 1); } cilium_events SEC(\".maps\");\n"
		    "struct inner { __uint(type, 2); __uint(max_entries, 2); __type(key, __u32);\n"
		    "	__type(value, __u32); } first SEC(\".maps\"), second SEC(\".maps\"), spare "
		    "SEC(\".maps\");\n"
		    "struct { __uint(type, 13); __uint(max_entries, 4); __type(key, __u32);\n"
		    "	typeof(struct inner) *values[]; } outer SEC(\".maps\") = { .values = { [1] "
		    "= &first, "
		    "[2] = &second } };\n"
		    "int counter = 40, zero;\n"
		    "volatile const int constant = 2;\n"
		    "__attribute__((btf_decl_tag(\"tail:calls/3\")))\n"
		    "SEC(\"tc\") int landing(void *ctx) { return 9; }\n"
		    "SEC(\"tc\") int jump(void *ctx) { tail_call(ctx, &calls, 3); return 1; }\n"
		    "SEC(\"tc\") int inner_value(void *ctx) { __u32 k = 1; void *m = "
		    "map_lookup(&outer, &k);\n"
		    "	__u32 *v; if (!m) return -1; v = map_lookup(m, &k); if (!v) return -2;\n"
		    "	return (*v)++; }\n"
		    "SEC(\"tc\") int write(void *ctx) {\n"
		    "	__u32 k = 1, v = 7, addr[2] = { 32, 1 };\n"
		    "	map_update(&hash, &k, &v, 0); map_update(&array, &k, &v, 0);\n"
		    "	map_update(&percpu_hash, &k, &v, 0); map_update(&percpu_array, &k, &v, "
		    "0);\n"
		    "	map_update(&lru, &k, &v, 0); map_update(&lru_percpu, &k, &v, 0);\n"
		    "	map_update(&own, &k, &v, 0); map_update(&lpm, addr, &v, 0);\n"
		    "	push(&queue, &v, 0); ring_output(&ring, &v, 4, 0);\n"
		    "	output(ctx, &cilium_events, 0xffffffff, &v, sizeof(v));\n"
		    "	zero++; return counter++ + constant; }\n";

static struct target_desc *describe_object(const char *name, const char *source)
{
	struct target_desc *d = NULL;

	cr_assert_eq(target_desc_of_object(compile_bpf(arena, name, source), &d, &err), 0, "%s",
		     err.text);
	return d;
}

static void count_record(void *arg, const void *record, uint32_t size)
{
	(void)record;
	(void)size;
	++*(unsigned *)arg;
}

static unsigned events_of(const struct target *t)
{
	unsigned n = 0;
	uint64_t lost = 0;

	cr_assert_eq(event_ring_read(target_events(t), count_record, &n, &lost, &err), 0);
	return n + (unsigned)lost;
}

static int count_ring(void *ctx, void *data, size_t size)
{
	(void)data;
	(void)size;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned records_of(const struct target *t)
{
	unsigned n = 0;
	struct ring_buffer *ring = ring_buffer__new(map_named(t, "ring")->fd, count_ring, &n, NULL);

	cr_assert(ring);
	cr_assert_geq(ring_buffer__consume(ring), 0);
	ring_buffer__free(ring);
	return n;
}

/* Everything the first writes is there, so that its absence later says something. */
static void write_all(const struct target *t)
{
	static const char *const plain[] = { "hash",	    "array",	    "lru",	 "own",
					     "percpu_hash", "percpu_array", "lru_percpu" };
	uint32_t key = 2, loopback = 1, nobody = 5;
	int prog = program_of(t, "write", NULL).fd;

	cr_expect_eq(run(t, "write", NULL), 42);
	cr_expect_eq(run(t, "write", NULL), 43);
	cr_expect_eq(run(t, "inner_value", NULL), 0);
	cr_expect_eq(run(t, "inner_value", NULL), 1);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		cr_expect_neq(bpf_map_lookup_elem(map_named(t, plain[i])->fd, &loopback,
						  (uint64_t[256]){ 0 }),
			      -ENOENT, "%s", plain[i]);
	/* what an agent or a test does besides */
	cr_expect_eq(bpf_map_update_elem(map_named(t, "devices")->fd, &key, &loopback, 0), 0);
	cr_expect_eq(bpf_map_update_elem(map_named(t, "calls")->fd, &(uint32_t){ 3 }, &prog, 0), 0);
	cr_expect_eq(bpf_map_update_elem(map_named(t, "calls")->fd, &nobody, &prog, 0), 0);
	cr_expect_eq(bpf_map_delete_elem(map_named(t, "outer")->fd, &(uint32_t){ 1 }), 0);
	cr_expect_eq(bpf_map_update_elem(map_named(t, "outer")->fd, &(uint32_t){ 3 },
					 &map_named(t, "spare")->fd, 0),
		     0);
}

static void is_empty(const struct target *t, const char *map)
{
	uint32_t key[4];

	cr_expect_eq(bpf_map_get_next_key(map_named(t, map)->fd, NULL, key), -ENOENT,
		     "%s has an entry", map);
}

static void is_zero(const struct target *t, const char *map)
{
	uint64_t value[256];

	for (uint32_t key = 0; key < 16; key++) {
		memset(value, 0xff, sizeof(value));
		cr_assert_eq(bpf_map_lookup_elem(map_named(t, map)->fd, &key, value), 0);
		for (int cpu = 0;
		     strncmp(map, "percpu", 6) == 0 && cpu < libbpf_num_possible_cpus(); cpu++)
			cr_expect_eq((uint32_t)value[cpu], 0, "%s", map);
		cr_expect_eq((uint32_t)value[0], 0, "%s", map);
	}
}

static void is_as_new(const struct target *t)
{
	uint32_t key = 0;

	is_empty(t, "hash");
	is_empty(t, "percpu_hash");
	is_empty(t, "lru");
	is_empty(t, "lru_percpu");
	is_empty(t, "own");
	is_empty(t, "lpm");
	is_zero(t, "array");
	is_zero(t, "percpu_array");
	for (key = 0; key < 8; key++)
		cr_expect_eq(value_at(t, "devices", key), -1);
	cr_expect_eq(bpf_map_lookup_and_delete_elem(map_named(t, "queue")->fd, NULL, &key),
		     -ENOENT);
	cr_expect_eq(records_of(t), 0);
	cr_expect_eq(events_of(t), 0);
	cr_expect_eq(run(t, "jump", NULL), 9, "the slot is the object's own again");
	cr_expect_null(target_slot_program(t, map_id(t, "calls"), 5));
	cr_expect_eq(value_at(t, "outer", 1), map_id(t, "first"));
	cr_expect_eq(value_at(t, "outer", 2), map_id(t, "second"));
	cr_expect_eq(value_at(t, "outer", 3), -1);
	cr_expect_eq(run(t, "inner_value", NULL), 0, "inner maps too");
	cr_expect_eq(run(t, "write", NULL), 42, "global variables too");
	cr_expect_eq(events_of(t), 1);
	cr_expect_eq(records_of(t), 1);
}

Test(target_cache, a_second_target_gets_the_programs_of_the_first_and_maps_as_new)
{
	struct target_desc *d;
	struct target *t;
	uint32_t id;

	NEEDS_ROOT();
	d = describe_object("writer", writer);
	t = open_target(&(struct target_opts){ .desc = d });
	id = program_id(t, "write");
	is_as_new(t);
	target_close(t);
	t = open_target(&(struct target_opts){ .desc = d });
	cr_assert_eq(program_id(t, "write"), id);
	write_all(t);
	target_close(t);
	t = open_target(&(struct target_opts){ .desc = d });
	cr_assert_eq(program_id(t, "write"), id);
	is_as_new(t);
	target_close(t);
	target_desc_free(d);
}

/* An LRU keeps free elements by CPU: how many entries it holds depends on who writes them. */
static void stay_on_this_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* A full LRU gives its room back. */
Test(target_cache, an_lru_that_was_full_takes_as_many_as_a_new_one)
{
	struct target_desc *d;
	unsigned n[2];

	NEEDS_ROOT();
	stay_on_this_cpu();
	d = describe_object("writer", writer);
	for (int round = 0; round < 2; round++) {
		struct target *t = open_target(&(struct target_opts){ .desc = d });
		uint32_t key, *from = NULL;

		for (uint32_t i = 0; i < 1000; i++)
			bpf_map_update_elem(map_named(t, "lru")->fd, &i, &i, 0);
		for (n[round] = 0; !bpf_map_get_next_key(map_named(t, "lru")->fd, from, &key);
		     n[round]++)
			from = &key;
		target_close(t);
	}
	cr_expect_gt(n[0], 0);
	cr_expect_eq(n[0], n[1], "%u entries, then %u", n[0], n[1]);
	target_desc_free(d);
}

static uint32_t id_with(const struct target_opts *opts, const char *program)
{
	struct target *t = open_target(opts);
	uint32_t id = program_id(t, program);

	target_close(t);
	return id;
}

Test(target_cache, two_targets_at_a_time_share_nothing)
{
	struct target_desc *d;
	struct target *first, *second;

	NEEDS_ROOT();
	d = describe_object("writer", writer);
	first = open_target(&(struct target_opts){ .desc = d });
	second = open_target(&(struct target_opts){ .desc = d });
	cr_expect_neq(program_id(first, "write"), program_id(second, "write"));
	cr_expect_neq(map_id(first, "hash"), map_id(second, "hash"));
	write_all(first);
	is_as_new(second);
	target_close(first);
	target_close(second);
	target_desc_free(d);
}

static const char clocked[] = BPF_PRELUDE PINNED(
	"hash", "1",
	"16") "static __u64 (*now)(void) = (void *)5;\n"
	      "volatile const int constant = 2;\n"
	      "SEC(\"tc\") int clock(void *ctx) { __u32 k = 1; map_lookup(&hash, &k);\n"
	      "	return now() + constant; }\n";

Test(target_cache, what_was_loaded_otherwise_is_not_taken_for_it)
{
	struct setting config = { .name = "constant" };
	struct map_override size = { .map = "hash", .max_entries = 8 };
	struct target_desc *d;
	uint32_t plain, configured;

	NEEDS_ROOT();
	config.value = value_scalar(arena, "3");
	d = describe_object("clocked", clocked);
	plain = id_with(&(struct target_opts){ .desc = d }, "clock");
	configured = id_with(&(struct target_opts){ .desc = d, .config = &config, .n_config = 1 },
			     "clock");
	cr_expect_neq(plain, configured);
	cr_expect_eq(id_with(&(struct target_opts){ .desc = d, .config = &config, .n_config = 1 },
			     "clock"),
		     configured);
	config.value = value_scalar(arena, "4");
	cr_expect_neq(id_with(&(struct target_opts){ .desc = d, .config = &config, .n_config = 1 },
			      "clock"),
		      configured);
	cr_expect_neq(
		id_with(&(struct target_opts){ .desc = d, .maps = &size, .n_maps = 1 }, "clock"),
		plain);
	cr_expect_neq(id_with(&(struct target_opts){ .desc = d, .interpose = true }, "clock"),
		      plain);
	cr_expect_eq(id_with(&(struct target_opts){ .desc = d }, "clock"), plain,
		     "it is still there");
	target_desc_free(d);
}

Test(target_cache, a_file_that_changed_is_loaded_anew)
{
	static const char changed[] =
		BPF_PRELUDE "SEC(\"tc\") int clock(void *ctx) { return 8; }\n";
	struct target_desc *d;
	struct target *t;

	NEEDS_ROOT();
	d = describe_object("clocked", clocked);
	id_with(&(struct target_opts){ .desc = d }, "clock");
	compile_bpf(arena, "clocked", changed);
	t = open_target(&(struct target_opts){ .desc = d });
	cr_expect_eq(run(t, "clock", NULL), 8);
	target_close(t);
	target_desc_free(d);
}

Test(target_cache, programs_go_with_their_environment)
{
	struct helper_env *first = NULL, *second = NULL;
	struct target_desc *d;
	uint32_t id;

	NEEDS_ROOT();
	cr_assert_eq(helper_env_new(&first, &err), 0, "%s", err.text);
	cr_assert_eq(helper_env_new(&second, &err), 0, "%s", err.text);
	d = describe_object("clocked", clocked);
	id = id_with(&(struct target_opts){ .desc = d, .env = first }, "clock");
	cr_expect_neq(id_with(&(struct target_opts){ .desc = d, .env = second }, "clock"), id);
	cr_expect_eq(id_with(&(struct target_opts){ .desc = d, .env = first }, "clock"), id);
	target_forget();
	helper_env_free(first);
	helper_env_free(second);
	target_desc_free(d);
}

Test(target_cache, an_environment_of_the_targets_own_is_kept_with_it_and_as_new)
{
	struct target_desc *d;
	struct target *t;
	uint32_t id;

	NEEDS_ROOT();
	d = describe_object("clocked", clocked);
	t = open_target(&(struct target_opts){ .desc = d, .interpose = true });
	id = program_id(t, "clock");
	helper_env_set_clock(target_env(t), 100);
	cr_expect_eq(run(t, "clock", NULL), 102);
	target_close(t);
	t = open_target(&(struct target_opts){ .desc = d, .interpose = true });
	cr_expect_eq(program_id(t, "clock"), id);
	cr_expect_eq(helper_env_clock(target_env(t)), 0);
	helper_env_set_clock(target_env(t), 7);
	cr_expect_eq(run(t, "clock", NULL), 9, "the programs still read it");
	target_close(t);
	target_desc_free(d);
}

static bool is_program(uint32_t id)
{
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The kernel frees programs and maps a while after their last user is gone. */
static bool goes_away(uint32_t id)
{
	for (int i = 0; i < 200; i++) {
		if (!is_program(id))
			return true;
		usleep(10000);
	}
	return false;
}

Test(target_cache, forgotten_is_gone_with_its_pins)
{
	struct target_desc *d;
	uint32_t id;

	NEEDS_ROOT();
	d = describe_object("writer", writer);
	id = id_with(&(struct target_opts){ .desc = d }, "landing");
	cr_expect(is_program(id));
	target_forget();
	cr_expect(goes_away(id));
	cr_expect_neq(id_with(&(struct target_opts){ .desc = d }, "landing"), id);
	target_desc_free(d);
}

Test(target_cache, only_so_many_are_kept)
{
	uint32_t ids[20];

	NEEDS_ROOT();
	for (int i = 0; i < 20; i++) {
		struct target_desc *d =
			describe_object(arena_printf(arena, "clocked%d", i), clocked);

		ids[i] = id_with(&(struct target_opts){ .desc = d }, "clock");
		target_desc_free(d);
	}
	cr_expect(goes_away(ids[0]));
	cr_expect(is_program(ids[19]));
}

/* A bloom filter forgets nothing. */
static const char bloom[] = BPF_PRELUDE
	"struct { __uint(type, 30); __uint(max_entries, 16); __uint(key_size, 0);\n"
	"	__uint(value_size, 4); } filter SEC(\".maps\");\n"
	"static long (*push)(void *, const void *, __u64) = (void *)87;\n"
	"static long (*peek)(void *, void *) = (void *)89;\n"
	"SEC(\"tc\") int seen(void *ctx) { __u32 v = 7; int was = peek(&filter, &v) == 0;\n"
	"	push(&filter, &v, 0); return was; }\n";

Test(target_cache, what_cannot_be_made_as_new_is_not_kept)
{
	struct target_desc *d;

	NEEDS_ROOT();
	d = describe_object("bloom", bloom);
	for (int i = 0; i < 2; i++) {
		struct target *t = open_target(&(struct target_opts){ .desc = d });

		cr_expect_eq(run(t, "seen", NULL), 0);
		cr_expect_eq(run(t, "seen", NULL), 1);
		target_close(t);
	}
	target_desc_free(d);
}

Test(target_cache, a_second_replay_verifies_nothing)
{
	struct target_desc *d;
	uint32_t ids[2];

	NEEDS_ROOT();
	d = describe_object("clocked", clocked);
	for (int i = 0; i < 2; i++) {
		struct replay_opts opts = { .target.desc = d, .place.program = "clock" };
		struct replay *r = NULL;

		cr_assert_eq(replay_open(&opts, &r, &err), 0, "%s", err.text);
		ids[i] = program_id(replay_target(r), "clock");
		cr_expect(replay_program(r)->interposed);
		replay_close(r);
	}
	cr_expect_eq(ids[0], ids[1]);
	target_desc_free(d);
}
