/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects: refused with a reason, configured by name, their pinned maps kept, migrated or replaced. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "bpf_source.h"
#include "target/object.h"

#define PINS SANDBOX_BPFFS "/n/tc/globals"

#define MAP(name, type, size, key, value)                                                          \
	"struct { __uint(type, " type "); __uint(max_entries, " size "); __type(key, " key ");\n"  \
	"	 __type(value, " value "); __uint(pinning, 1); } " name " SEC(\".maps\");\n"
#define PROGRAM                                                                                    \
	"SEC(\"tc\") int prog(void *ctx) { __u32 k = 1; return map_lookup(&t, &k) ? 1 : 0; }\n"

static const char plain[] = BPF_PRELUDE
	"struct v { __u32 a; __u32 b; };\n" MAP("t", "1", "16", "__u32", "struct v") PROGRAM;
static const char resized[] = BPF_PRELUDE
	"struct v { __u32 a; __u32 b; };\n" MAP("t", "1", "64", "__u32", "struct v") PROGRAM;
static const char swapped[] = BPF_PRELUDE
	"struct v { __u32 b; __u32 a; };\n" MAP("t", "1", "16", "__u32", "struct v") PROGRAM;
static const char wider[] = BPF_PRELUDE
	"struct v { __u64 new; __u32 a; __u32 b; };\n" MAP("t", "1", "16", "__u32", "struct v")
		PROGRAM;
static const char renamed_type[] = BPF_PRELUDE
	"struct w { __u32 a; __u32 b; };\n" MAP("t", "1", "16", "__u32", "struct w") PROGRAM;

static struct buf log_text;

static void keep_log(void *arg, const char *line)
{
	(void)arg;
	buf_printf(&log_text, "%s\n", line);
}

static bool logged(const char *text)
{
	return strstr(buf_str(&log_text), text) != NULL;
}

static struct object_opts opts_for(const char *path)
{
	return (struct object_opts){ .path = path, .pin_dir = PINS, .log = keep_log };
}

static struct object *load(const struct object_opts *opts)
{
	struct object *o = NULL;
	struct err err = { 0 };

	buf_reset(&log_text);
	cr_assert_eq(object_load(opts, &o, &err), 0, "%s", err.text);
	return o;
}

static int fd_of(const struct object *o, const char *map)
{
	int fd = object_map_fd(o, map);

	cr_assert_geq(fd, 0, "no map %s", map);
	return fd;
}

static void put(int fd, uint32_t key, uint32_t first, uint32_t second)
{
	uint32_t v[4] = { first, second };

	cr_assert_eq(bpf_map_update_elem(fd, &key, v, BPF_ANY), 0);
}

static unsigned entries(int fd)
{
	uint32_t key, *at = NULL;
	unsigned n = 0;

	while (bpf_map_get_next_key(fd, at, &key) == 0) {
		at = &key;
		n++;
	}
	return n;
}

static uint32_t max_entries(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	cr_assert_eq(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.max_entries;
}

static bool is_pinned(const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), PINS "/%s", name);
	return stat(path, &st) == 0;
}

/* Loads the plain object, writes n entries {a: 100 + i, b: 200 + i}, lets it go: pins stay. */
static void first_life(struct arena *a, uint32_t n)
{
	struct object_opts opts = opts_for(compile_bpf(a, "plain", plain));
	struct object *o = load(&opts);

	for (uint32_t i = 0; i < n; i++)
		put(fd_of(o, "t"), i, 100 + i, 200 + i);
	object_free(o);
	cr_assert(is_pinned("t"));
}

static struct object *second_life(struct arena *a, const char *source, enum map_mismatch how)
{
	struct object_opts opts = opts_for(compile_bpf(a, "second", source));

	opts.on_map_mismatch = how;
	return load(&opts);
}

static void refused(const char *path, const char *because)
{
	struct object_opts opts = opts_for(path);
	struct object *o = NULL;
	struct err err = { 0 };

	cr_expect_lt(object_load(&opts, &o, &err), 0);
	cr_expect_eq(err.kind, ERR_INPUT, "%s: %s", path, err.text);
	cr_expect(strstr(err.text, path) && strstr(err.text, because), "%s", err.text);
}

static const char *file_of(struct arena *a, const char *name, const void *bytes, size_t size)
{
	const char *path = arena_printf(a, "%s/%s", test_dir(a), name);
	struct err err = { 0 };

	cr_assert_eq(file_write(path, bytes, size, &err), 0, "%s", err.text);
	return path;
}

Test(object, what_is_no_object_is_an_input_error_that_says_why)
{
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	refused("/nonexistent/bpf_host.o", "No such file");
	refused(test_dir(a), "it is a folder");
	refused(file_of(a, "empty.o", "", 0), "no BPF object");
	refused(file_of(a, "text.o", "hello, world, I am no ELF at all", 32), "no BPF object");
	refused("/proc/self/exe", "no BPF object");
	refused(compile_for(a, "bpfeb", "-g", "big", plain), "byte order");
	refused(compile_for(a, "x86_64", "-g", "host", "int x;"), "no BPF object");
	arena_free(a);
}

static uint32_t word_at(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

Test(object, an_object_damaged_or_cut_short_is_refused)
{
	static const char magic[] = { (char)0x9f, (char)0xeb, 1, 0 };
	const uint32_t nowhere = 0xffffff;
	uint32_t was;
	struct err err = { 0 };
	struct arena *a;
	char *data, *btf, *type;
	size_t size;

	NEEDS_ROOT();
	a = arena_new();
	cr_assert_eq(file_read(a, compile_bpf(a, "plain", plain), &data, &size, &err), 0);
	btf = memmem(data, size, magic, sizeof(magic));
	cr_assert(btf);
	/* struct btf_header: magic, version, flags, hdr_len, type_off; then struct btf_type */
	type = btf + word_at(btf + 4) + word_at(btf + 8);
	cr_assert_eq(word_at(type + 4) >> 24, 2, "clang puts a pointer first");
	was = word_at(type + 8);
	memcpy(type + 8, &nowhere, sizeof(nowhere));
	refused(file_of(a, "bad.o", data, size), "is damaged");
	memcpy(type + 8, &was, sizeof(was));
	for (size_t cut = 0; cut < size; cut += size / 40) {
		struct object_opts opts = opts_for(file_of(a, "cut.o", data, cut));
		struct object *o = NULL;

		cr_expect_lt(object_load(&opts, &o, &err), 0, "cut to %zu bytes", cut);
	}
	arena_free(a);
}

static uint32_t answer_of(const struct object *o, const char *program)
{
	unsigned char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	struct err err = { 0 };
	int fd = object_program_fd(o, program, &err);

	cr_assert_geq(fd, 0, "%s", err.text);
	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0);
	return opts.retval;
}

/* As iproute2's: no BTF, maps of the old kind, a tail call by section name, static programs, a section
 * whose type only the user knows.
 */
static const char oddities[] = BPF_PRELUDE
	"static long (*tail_call)(void *, void *, __u32) = (void *)12;\n"
	"struct bpf_elf_map { __u32 type, size_key, size_value, max_elem, flags, id, pinning,\n"
	"	inner_id, inner_idx; };\n"
	"struct bpf_elf_map SEC(\"maps\") jmp = { 3, 4, 4, 8, 0, 2, 0 };\n"
	"struct bpf_elf_map SEC(\"maps\") t = { 1, 4, 8, 16, 0, 3, 2 };\n"
	"SEC(\"2/7\") static int target(void *ctx)\n"
	"{ __u32 k = 1, v[2] = { 7, 8 }; return map_update(&t, &k, v, 0) ? 2 : 70; }\n"
	"SEC(\"secret\") int entry(void *ctx) { tail_call(ctx, &jmp, 7); return 1; }\n";

Test(object, an_object_of_another_loader_runs_as_it_is)
{
	static const struct elf_type_override types[] = { { "secret", "tc" }, { "2/7", "tc" } };
	struct arena *a;
	struct object_opts opts;
	struct object *o;
	uint32_t key = 1, v[2] = { 0 };

	NEEDS_ROOT();
	a = arena_new();
	opts = opts_for(compile_for(a, "bpf", "-g0", "oddities", oddities));
	opts.types = types;
	opts.n_types = 2;
	o = load(&opts);
	cr_expect_eq(answer_of(o, "entry"), 70);
	cr_expect(is_pinned("t"));
	cr_expect_eq(bpf_map_lookup_elem(fd_of(o, "t"), &key, v), 0);
	cr_expect(v[0] == 7 && v[1] == 8);
	cr_expect_gt(object_image(o)->n_changes, 0);
	object_free(o);
	arena_free(a);
}

Test(object, an_object_without_btf_runs)
{
	struct arena *a;
	struct object_opts opts;
	struct object *o;

	NEEDS_ROOT();
	a = arena_new();
	opts = opts_for(compile_for(a, "bpf", "-g0", "nobtf",
				    BPF_PRELUDE "SEC(\"tc\") int prog(void *c) { return 3; }\n"));
	o = load(&opts);
	cr_expect_null(object_btf(o));
	cr_expect_eq(answer_of(o, "prog"), 3);
	object_free(o);
	arena_free(a);
}

Test(object, a_rejected_program_is_named_with_its_source_line_and_the_verifiers_last_lines)
{
	struct object_opts opts;
	struct object *o = NULL;
	struct err err = { 0 };
	unsigned lines = 0;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	opts = opts_for(compile_bpf(
		a, "bad",
		BPF_PRELUDE MAP("t", "1", "16", "__u32",
				"__u64") "SEC(\"tc\") int good(void *ctx) { return 0; }\n"
					 "SEC(\"tc\") int wild(void *ctx) { __u32 k = 1;\n"
					 "	__u64 *v = map_lookup(&t, &k);\n"
					 "	return *v + 1; }\n"));
	cr_expect_lt(object_load(&opts, &o, &err), 0);
	cr_expect_eq(err.kind, ERR_SYSTEM);
	cr_expect(strstr(err.text, "rejects program wild"), "%s", err.text);
	cr_expect(strstr(err.text, "at source line: return *v + 1;"), "%s", err.text);
	cr_expect(strstr(err.text, "invalid mem access 'map_value_or_null'"), "%s", err.text);
	for (const char *p = err.text; *p; p++)
		lines += *p == '\n';
	cr_expect_leq(lines, 17, "%s", err.text);
	arena_free(a);
}

Test(object, settings_are_set_by_name_and_those_the_object_lacks_are_skipped_with_a_line)
{
	struct config_value config[3];
	struct object_opts opts;
	struct object *o;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	config[0] = (struct config_value){ "answer", value_scalar(a, "40") };
	config[1] = (struct config_value){ "more", value_scalar(a, "true") };
	config[2] = (struct config_value){ "absent", value_scalar(a, "1") };
	opts = opts_for(compile_bpf(
		a, "config",
		BPF_PRELUDE "SEC(\".rodata.config\") const volatile __u32 __config_answer = 1;\n"
			    "SEC(\".rodata.config\") const volatile _Bool __config_more;\n"
			    "SEC(\".rodata.config\") const volatile __u16 __config_kept = 2;\n"
			    "SEC(\"tc\") int prog(void *ctx) {\n"
			    "	return __config_answer + __config_more + __config_kept; }\n"));
	opts.config = config;
	opts.n_config = 3;
	o = load(&opts);
	cr_expect_eq(answer_of(o, "prog"), 43, "%u", answer_of(o, "prog"));
	cr_expect(logged("level=debug") && logged("name=absent"), "%s", buf_str(&log_text));
	object_free(o);
	arena_free(a);
}

Test(object, a_setting_that_does_not_fit_is_an_error_that_names_it)
{
	struct config_value config;
	struct object_opts opts;
	struct err err = { 0 };
	struct object *o = NULL;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	config = (struct config_value){ "small", value_scalar(a, "70000") };
	opts = opts_for(compile_bpf(
		a, "config",
		BPF_PRELUDE "SEC(\".rodata.config\") const volatile __u16 __config_small;\n"
			    "SEC(\"tc\") int prog(void *ctx) { return __config_small; }\n"));
	opts.config = &config;
	opts.n_config = 1;
	cr_expect_lt(object_load(&opts, &o, &err), 0);
	cr_expect(strstr(err.text, "__config_small"), "%s", err.text);
	arena_free(a);
}

Test(object, a_program_name_that_is_nearly_right_gets_a_suggestion)
{
	struct object_opts opts;
	struct err err = { 0 };
	struct object *o;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	opts = opts_for(compile_bpf(a, "plain", plain));
	o = load(&opts);
	cr_expect_lt(object_program_fd(o, "porg", &err), 0);
	cr_expect(strstr(err.text, "did you mean prog"), "%s", err.text);
	object_free(o);
	arena_free(a);
}

Test(object, a_pinned_map_that_fits_is_the_same_map_afterwards)
{
	struct object *o;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	first_life(a, 5);
	o = second_life(a, plain, MAP_MISMATCH_MIGRATE);
	cr_expect_eq(entries(fd_of(o, "t")), 5);
	cr_expect(logged("Reusing pinned map"), "%s", buf_str(&log_text));
	cr_expect_eq(answer_of(o, "prog"), 1, "the program sees key 1");
	object_free(o);
	/* the name of the value's type is no part of its layout */
	o = second_life(a, renamed_type, MAP_MISMATCH_MIGRATE);
	cr_expect(logged("Reusing pinned map"), "%s", buf_str(&log_text));
	object_free(o);
	arena_free(a);
}

Test(object, a_resized_map_is_migrated_with_all_its_entries)
{
	struct object *o;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	first_life(a, 16);
	o = second_life(a, resized, MAP_MISMATCH_MIGRATE);
	cr_expect_eq(entries(fd_of(o, "t")), 16);
	cr_expect_eq(max_entries(fd_of(o, "t")), 64);
	cr_expect(logged("Migrated pinned map") && logged("max_entries 16 -> 64") &&
			  logged("copied=16"),
		  "%s", buf_str(&log_text));
	cr_expect_eq(answer_of(o, "prog"), 1, "the program sees the migrated entry");
	cr_expect(is_pinned("t") && !is_pinned("t_next"));
	object_free(o);
	o = second_life(a, resized, MAP_MISMATCH_MIGRATE);
	cr_expect(logged("Reusing pinned map"), "the pin is the new map: %s", buf_str(&log_text));
	cr_expect_eq(entries(fd_of(o, "t")), 16);
	object_free(o);
	arena_free(a);
}

Test(object, a_value_of_the_same_size_but_another_layout_is_migrated_field_by_field)
{
	uint32_t key = 3, v[2] = { 0 };
	struct object *o;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	first_life(a, 5);
	o = second_life(a, swapped, MAP_MISMATCH_MIGRATE);
	cr_expect(logged("value layout changed"), "%s", buf_str(&log_text));
	cr_assert_eq(bpf_map_lookup_elem(fd_of(o, "t"), &key, v), 0);
	cr_expect_eq(v[0], 203, "b comes first now: %u", v[0]);
	cr_expect_eq(v[1], 103, "then a: %u", v[1]);
	object_free(o);
	arena_free(a);
}

Test(object, a_wider_value_is_migrated_field_by_field)
{
	uint32_t key = 3, v[4] = { 9, 9, 9, 9 };
	struct object *o;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	first_life(a, 5);
	o = second_life(a, wider, MAP_MISMATCH_MIGRATE);
	cr_expect(logged("value_size 8 -> 16"), "%s", buf_str(&log_text));
	cr_assert_eq(bpf_map_lookup_elem(fd_of(o, "t"), &key, v), 0);
	cr_expect(v[0] == 0 && v[1] == 0 && v[2] == 103 && v[3] == 203);
	object_free(o);
	arena_free(a);
}

Test(object, recreate_replaces_a_map_that_does_not_fit_by_an_empty_one_and_says_so)
{
	struct object *o;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	first_life(a, 5);
	o = second_life(a, plain, MAP_MISMATCH_RECREATE);
	cr_expect_eq(entries(fd_of(o, "t")), 5, "a map that fits is kept even so");
	object_free(o);
	o = second_life(a, resized, MAP_MISMATCH_RECREATE);
	cr_expect_eq(entries(fd_of(o, "t")), 0);
	cr_expect(logged("level=warning") && logged("entries are lost"), "%s", buf_str(&log_text));
	object_free(o);
	arena_free(a);
}

Test(object, entries_the_old_programs_make_during_a_migration_are_brought_over_at_its_end)
{
	struct err err = { 0 };
	struct object *o;
	struct arena *a;
	int old;

	NEEDS_ROOT();
	a = arena_new();
	first_life(a, 5);
	o = second_life(a, resized, MAP_MISMATCH_MIGRATE);
	old = object_old_map_fd(o, "t", 0);
	cr_assert_geq(old, 0);
	put(old, 77, 1, 2);
	put(old, 3, 1, 2);
	put(fd_of(o, "t"), 3, 5, 6);
	cr_assert_eq(object_finish_migration(o, &err), 0, "%s", err.text);
	cr_expect_eq(entries(fd_of(o, "t")), 6);
	{
		uint32_t key = 3, v[2] = { 0 };

		bpf_map_lookup_elem(fd_of(o, "t"), &key, v);
		cr_expect_eq(v[0], 5, "what the new map has is newer");
	}
	cr_expect_eq(object_old_map_fd(o, "t", 0), -ENOENT);
	object_free(o);
	arena_free(a);
}

Test(object, what_a_killed_migration_left_behind_does_not_hinder_the_next)
{
	struct object *o;
	struct arena *a;
	int fd;

	NEEDS_ROOT();
	a = arena_new();
	first_life(a, 5);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "left", 4, 8, 1, NULL);
	cr_assert_eq(bpf_obj_pin(fd, PINS "/t_next"), 0);
	close(fd);
	o = second_life(a, resized, MAP_MISMATCH_MIGRATE);
	cr_expect_eq(entries(fd_of(o, "t")), 5);
	cr_expect(!is_pinned("t_next"));
	object_free(o);
	arena_free(a);
}

Test(object, sizes_asked_for_and_the_policy_maps_own_pin_name_are_used)
{
	struct map_override sizes[] = { { .map = "ct", .max_entries = 300 },
					{ .map = "cilium_policy_v2", .max_entries = 20 } };
	struct object_opts opts;
	struct object *o;
	struct arena *a;

	NEEDS_ROOT();
	a = arena_new();
	opts = opts_for(compile_bpf(
		a, "sizes",
		BPF_PRELUDE MAP("cilium_policy_v2", "1", "16", "__u32", "__u64")
			MAP("ct", "9", "64", "__u32",
			    "__u64") "struct { __uint(type, 4); __uint(key_size, 4); "
				     "__uint(value_size, 4);\n"
				     "	 __uint(pinning, 1); } events SEC(\".maps\");\n"
				     "SEC(\"tc\") int prog(void *ctx) { __u32 k = 1;\n"
				     "	map_lookup(&ct, &k); map_lookup(&cilium_policy_v2, &k);\n"
				     "	return ((long (*)(void *, void *, __u64, void *, "
				     "__u64))25)(\n"
				     "		ctx, &events, 0xffffffffULL, &k, 4); }\n"));
	opts.policy_map = "cilium_policy_v2_00042";
	opts.maps = sizes;
	opts.n_maps = 2;
	o = load(&opts);
	cr_expect(is_pinned("cilium_policy_v2_00042") && !is_pinned("cilium_policy_v2"));
	cr_expect_eq(max_entries(fd_of(o, "ct")), 300);
	cr_expect_eq(max_entries(fd_of(o, "cilium_policy_v2")), 20);
	cr_expect_eq(max_entries(fd_of(o, "events")), (uint32_t)libbpf_num_possible_cpus());
	object_free(o);
	o = load(&opts);
	cr_expect(!logged("Migrated") && !logged("replaced"), "all fit: %s", buf_str(&log_text));
	object_free(o);
	arena_free(a);
}
