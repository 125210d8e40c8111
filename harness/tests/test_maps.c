// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps of the running kernel by field name: entries, snapshots, differences, migration. bpftool
 * reads some of them as an independent judge.
 */
#include "target/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "maps_fixture.h"
#include "target/maps_io.h"

static struct arena *arena;
static struct fx fx;
static struct err err;

static void setup(void)
{
	libbpf_set_print(NULL);
	arena = arena_new();
	fx = fx_new();
	err_clear(&err);
	if (btf__load_into_kernel(fx.btf))
		cr_skip_test("BPF is not to be had here: %s", strerror(errno));
}

static void teardown(void)
{
	btf__free(fx.btf);
	arena_free(arena);
}

TestSuite(maps, .init = setup, .fini = teardown);

static struct map *make(uint32_t type, const char *key, const char *value, uint32_t max)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_fd = (uint32_t)btf__fd(fx.btf));
	struct map *m;
	int fd;

	opts.btf_key_type_id = (uint32_t)fx_field_type(&fx, key);
	opts.btf_value_type_id = (uint32_t)fx_field_type(&fx, value);
	if (type == BPF_MAP_TYPE_LPM_TRIE)
		opts.map_flags = BPF_F_NO_PREALLOC;
	fd = bpf_map_create((enum bpf_map_type)type, "test",
			    (uint32_t)btf__resolve_size(fx.btf, opts.btf_key_type_id),
			    (uint32_t)btf__resolve_size(fx.btf, opts.btf_value_type_id), max,
			    &opts);
	cr_assert_geq(fd, 0, "creating a map: %s", strerror(errno));
	cr_assert_eq(map_open_fd(fd, "cilium_test", &m, &err), 0, "%s", err.text);
	close(fd);
	return m;
}

static void set(struct map *m, const char *key, const char *value)
{
	cr_assert_eq(map_set(m, fx_value(arena, key), fx_value(arena, value), &err), 0, "%s",
		     err.text);
}

static const char *get(struct map *m, const char *key)
{
	struct value *v = NULL;

	cr_assert_eq(map_get(m, arena, fx_value(arena, key), &v, &err), 0, "%s", err.text);
	return fx_text(arena, v);
}

static size_t count(struct map *m)
{
	struct map_snapshot s;

	cr_assert_eq(map_snapshot(m, arena, &s, &err), 0, "%s", err.text);
	return s.n;
}

static const char *const key1 = "{daddr: 10.0.0.1, saddr: 10.0.0.2, dport: 2379, sport: 24824, "
				"nexthdr: 6, flags: 1}";

Test(maps, an_entry_set_is_read_back_and_deleted_once)
{
	struct map *m = make(BPF_MAP_TYPE_LRU_HASH, "ipv4_ct_tuple", "metrics_value", 512);
	struct value *v;

	set(m, key1, "{count: 3, bytes: 0x10}");
	cr_assert_str_eq(get(m, key1), "{count: 3, bytes: 16}");
	cr_assert_eq(map_delete(m, fx_value(arena, key1), &err), 1);
	cr_assert_eq(map_delete(m, fx_value(arena, key1), &err), 0, "absent is no error");
	cr_assert_eq(map_get(m, arena, fx_value(arena, key1), &v, &err), -ENOENT);
	cr_assert_not_null(strstr(err.text, "map cilium_test: has no entry {daddr: 10.0.0.1, "
					    "saddr: 10.0.0.2, dport: 2379"),
			   "%s", err.text);
	map_close(m);
}

Test(maps, bpftool_reads_the_fields_that_were_written)
{
	struct map *m = make(BPF_MAP_TYPE_LPM_TRIE, "policy_key", "policy_entry", 16);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	char command[128], text[4096] = "";
	static const char *const parts[] = { "\"prefixlen\":64",   "\"sec_label\":7",
					     "\"egress\":\"0x1\"", "\"protocol\":6",
					     "\"dport\":19209",	   "\"lpm_prefix_length\":\"0x18\"",
					     "\"deny\":\"0x1\"",   "\"precedence\":5" };
	FILE *out;

	if (access("/usr/sbin/bpftool", X_OK))
		cr_skip_test("bpftool is not installed");
	set(m, "{lpm_key: {prefixlen: 64}, sec_label: 7, egress: 1, protocol: 6, dport: 2379}",
	    "{deny: 1, lpm_prefix_length: 24, precedence: 5}");
	cr_assert_eq(bpf_obj_get_info_by_fd(m->fd, &info, &len), 0);
	snprintf(command, sizeof(command), "/usr/sbin/bpftool -j map dump id %u", info.id);
	out = popen(command, "r");
	cr_assert_gt(fread(text, 1, sizeof(text) - 1, out), 0);
	pclose(out);
	/* 19209 is 2379 with its bytes swapped: bpftool knows no network order. */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		cr_assert_not_null(strstr(text, parts[i]), "%s lacks %s", text, parts[i]);
	map_close(m);
}

Test(maps, errors_name_map_key_and_cause)
{
	struct map *m = make(BPF_MAP_TYPE_HASH, "__u32", "__u32", 1), *calls;
	struct value *v;

	set(m, "1", "1");
	cr_assert_eq(map_set(m, fx_value(arena, "2"), fx_value(arena, "1"), &err), -E2BIG);
	cr_assert_not_null(strstr(err.text, "map cilium_test: writing 2: "), "%s", err.text);
	cr_assert_not_null(strstr(err.text, "max_entries is 1"), "%s", err.text);
	cr_assert_eq(map_set(m, fx_value(arena, "x"), fx_value(arena, "1"), &err), -EINVAL);
	cr_assert_eq(err.kind, ERR_INPUT);
	cr_assert_not_null(strstr(err.text, "map cilium_test: key"), "%s", err.text);
	map_close(m);
	m = make(BPF_MAP_TYPE_ARRAY, "__u32", "__u64", 2);
	cr_assert_lt(map_delete(m, fx_value(arena, "1"), &err), 0);
	cr_assert_not_null(strstr(err.text, "write zeros"), "%s", err.text);
	calls = make(BPF_MAP_TYPE_ARRAY, "__u32", "__u32", 2);
	calls->type = BPF_MAP_TYPE_PROG_ARRAY;
	cr_assert_eq(map_get(calls, arena, fx_value(arena, "1"), &v, &err), -EOPNOTSUPP);
	cr_assert_not_null(strstr(err.text, "prog_array"), "%s", err.text);
	map_close(calls);
	map_close(m);
}

Test(maps, a_missing_pin_is_named)
{
	struct map *m;

	cr_assert_lt(map_open_pinned("/nowhere", "cilium_ct4_global", &m, &err), 0);
	cr_assert_not_null(strstr(err.text, "/nowhere/cilium_ct4_global"), "%s", err.text);
}

/* Each type that holds data: all entries, by batch and key by key, are what was put in. */
Test(maps, snapshots_hold_every_entry_of_every_type)
{
	static const uint32_t types[] = { BPF_MAP_TYPE_HASH,	     BPF_MAP_TYPE_LRU_HASH,
					  BPF_MAP_TYPE_ARRAY,	     BPF_MAP_TYPE_PERCPU_HASH,
					  BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_LRU_PERCPU_HASH };
	const uint32_t n = 3000;

	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		struct map *m = make(types[t], "__u32", "metrics_value",
				     map_is_array(&(struct map){ .type = types[t] }) ? n : 16384);
		uint8_t *io = arena_alloc(arena, map_io_size(m));

		for (uint32_t i = 0; i < n; i++) {
			memcpy(io, &(uint64_t){ i + 1 }, 8);
			cr_assert_eq(bpf_map_update_elem(m->fd, &i, io, BPF_ANY), 0);
		}
		for (int by_key = 0; by_key < 2; by_key++) {
			uint8_t *seen = arena_alloc(arena, n);
			struct map_item *items;
			size_t got;

			cr_assert_eq(map_read_all(m, arena, by_key, &items, &got, &err), 0, "%s",
				     err.text);
			cr_assert_eq(got, n, "%s: %zu of %u", map_type_name(m->type), got, n);
			for (size_t i = 0; i < got; i++) {
				uint32_t key = *(const uint32_t *)items[i].key;

				cr_assert(key < n && !seen[key]);
				seen[key] = 1;
				cr_assert_eq(*(const uint64_t *)items[i].value, key + 1);
				cr_assert(!i || memcmp(items[i - 1].key, items[i].key, 4) < 0);
			}
		}
		cr_assert_eq(map_clear(m, &err), 0, "%s", err.text);
		if (!map_is_array(m))
			cr_assert_eq(count(m), 0);
		else
			cr_assert_str_eq(get(m, "7"), "{count: 0, bytes: 0}");
		map_close(m);
	}
}

Test(maps, lpm_tries_are_read_whole_and_cleared)
{
	struct map *m = make(BPF_MAP_TYPE_LPM_TRIE, "lpm_v4_key", "__u8", 4096);

	for (int i = 0; i < 2000; i++) {
		const char *key = arena_printf(arena, "{lpm: {prefixlen: 32}, addr: 10.0.%d.%d}",
					       i >> 8, i & 255);

		set(m, key, "1");
	}
	cr_assert_eq(count(m), 2000);
	cr_assert_eq(map_clear(m, &err), 0, "%s", err.text);
	cr_assert_eq(count(m), 0);
	map_close(m);
}

Test(maps, counters_of_all_cpus_are_summed_and_a_written_one_reads_the_same)
{
	struct map *m = make(BPF_MAP_TYPE_PERCPU_HASH, "metrics_key", "metrics_value", 16);
	size_t cpus = map_cpus(m);
	uint8_t *io = arena_alloc(arena, map_io_size(m));
	uint8_t key[8] = { 133, 1 };

	for (size_t i = 0; i < cpus; i++) {
		memcpy(io + i * 16, &(uint64_t){ i + 1 }, 8);
		memcpy(io + i * 16 + 8, &(uint64_t){ 100 }, 8);
	}
	cr_assert_eq(bpf_map_update_elem(m->fd, key, io, BPF_ANY), 0);
	cr_assert_str_eq(
		get(m, "{reason: 133, dir: 1}"),
		arena_printf(arena, "{count: %zu, bytes: %zu}", cpus * (cpus + 1) / 2, cpus * 100));
	set(m, "{reason: 133, dir: 1}", "{count: 12, bytes: 34}");
	cr_assert_str_eq(get(m, "{reason: 133, dir: 1}"), "{count: 12, bytes: 34}");
	map_close(m);
}

Test(maps, what_is_no_counter_is_written_to_every_cpu)
{
	struct map *m = make(BPF_MAP_TYPE_PERCPU_ARRAY, "__u32", "ipv4_ct_tuple", 1);
	size_t stride = map_stride(m);
	uint8_t *io = arena_alloc(arena, map_io_size(m));
	uint32_t zero = 0;

	set(m, "0", "{daddr: 10.0.0.1, nexthdr: 6}");
	cr_assert_eq(bpf_map_lookup_elem(m->fd, &zero, io), 0);
	for (size_t i = 0; i < map_cpus(m); i++) {
		cr_assert_arr_eq(io + i * stride, "\x0a\0\0\x01", 4);
		cr_assert_eq(io[i * stride + 12], 6);
	}
	cr_assert_str_eq(
		get(m, "0"),
		"{daddr: 10.0.0.1, saddr: 0.0.0.0, dport: 0, sport: 0, nexthdr: 6, flags: 0}");
	map_close(m);
}

Test(maps, a_difference_tells_added_removed_and_changed)
{
	struct map *m = make(BPF_MAP_TYPE_HASH, "__u32", "metrics_value", 16);
	struct map_snapshot before, after;
	struct map_change *c;
	size_t n;

	set(m, "1", "{count: 1}");
	set(m, "2", "{count: 2}");
	set(m, "3", "{count: 3}");
	cr_assert_eq(map_snapshot(m, arena, &before, &err), 0);
	map_diff(arena, &before, &before, &c, &n);
	cr_assert_eq(n, 0);
	map_delete(m, fx_value(arena, "1"), &err);
	set(m, "2", "{count: 9}");
	set(m, "4", "{count: 4}");
	cr_assert_eq(map_snapshot(m, arena, &after, &err), 0);
	map_diff(arena, &before, &after, &c, &n);
	cr_assert_eq(n, 3);
	cr_assert_eq(c[0].kind, CHANGE_REMOVED);
	cr_assert_null(c[0].is);
	cr_assert_str_eq(fx_text(arena, map_key_value(arena, m, c[0].key)), "1");
	cr_assert_eq(c[1].kind, CHANGE_CHANGED);
	cr_assert_str_eq(fx_text(arena, map_value_value(arena, m, c[1].was)),
			 "{count: 2, bytes: 0}");
	cr_assert_str_eq(fx_text(arena, map_value_value(arena, m, c[1].is)),
			 "{count: 9, bytes: 0}");
	cr_assert_eq(c[2].kind, CHANGE_ADDED);
	cr_assert_null(c[2].was);
	map_close(m);
}

static void fill(struct map *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		set(m, arena_printf(arena, "{daddr: 10.0.0.1, saddr: 10.1.0.0, dport: %u}", i),
		    arena_printf(arena, "{packets: %u, lifetime: 8000, nat_port: %u}", i, i));
}

static void expect_report(struct map *from, struct map *to, int ret, unsigned copied, unsigned kept,
			  unsigned lost)
{
	struct migrate_report r;

	cr_assert_eq(map_migrate(from, to, &r, &err), ret, "%s", err.text);
	cr_assert(r.copied == copied && r.kept == kept && r.lost == lost,
		  "copied %lu kept %lu lost %lu, expected %u %u %u", (unsigned long)r.copied,
		  (unsigned long)r.kept, (unsigned long)r.lost, copied, kept, lost);
}

Test(maps, migration_to_a_larger_map_with_wider_values_and_other_keys_keeps_every_entry)
{
	struct map *from = make(BPF_MAP_TYPE_LRU_HASH, "ipv4_ct_tuple", "ct_entry", 4096);
	struct map *to = make(BPF_MAP_TYPE_LRU_HASH, "tuple_next", "ct_entry_next", 65536);
	const char *key = "{daddr: 10.0.0.1, saddr: 10.1.0.0, dport: 443}";

	fill(from, 1000);
	expect_report(from, to, 0, 1000, 0, 0);
	cr_assert_eq(count(to), 1000);
	cr_assert_str_eq(get(to, key),
			 "{packets: 443, bytes: 0, nat_addr: ::, lifetime: 8000, seen_non_syn: 0, "
			 "from_tunnel: 0, rx_closing: 0, nat_port: 443, rev_nat_index: 0, "
			 "src_sec_id: 0, hop_limit: 0}");
	map_close(from);
	map_close(to);
}

Test(maps, migration_leaves_newer_entries_alone)
{
	struct map *from = make(BPF_MAP_TYPE_HASH, "ipv4_ct_tuple", "ct_entry", 64);
	struct map *to = make(BPF_MAP_TYPE_HASH, "ipv4_ct_tuple", "ct_entry", 64);
	const char *key = "{daddr: 10.0.0.1, saddr: 10.1.0.0, dport: 3}";
	struct value *v;

	fill(from, 10);
	set(to, key, "{packets: 77}");
	expect_report(from, to, 0, 9, 1, 0);
	cr_assert_eq(map_get(to, arena, fx_value(arena, key), &v, &err), 0);
	cr_assert_str_eq(value_text(value_get(v, "packets")), "77");
	map_close(from);
	map_close(to);
}

Test(maps, migration_into_a_smaller_map_says_what_was_lost)
{
	struct map *from = make(BPF_MAP_TYPE_HASH, "ipv4_ct_tuple", "ct_entry", 64);
	struct map *to = make(BPF_MAP_TYPE_HASH, "ipv4_ct_tuple", "ct_entry", 8);
	struct map *lru = make(BPF_MAP_TYPE_LRU_HASH, "ipv4_ct_tuple", "ct_entry", 8);
	struct migrate_report r;

	fill(from, 20);
	expect_report(from, to, -E2BIG, 8, 0, 12);
	cr_assert_not_null(strstr(err.text, "12 of 20"), "%s", err.text);
	/* An evicting map takes what it can; the sum is whole and what is counted is there. */
	cr_assert_eq(map_migrate(from, lru, &r, &err), 0, "%s", err.text);
	cr_assert_eq(r.copied + r.lost, 20);
	cr_assert_eq(r.copied, count(lru));
	cr_assert_gt(r.copied, 0);
	map_close(from);
	map_close(to);
	map_close(lru);
}

Test(maps, migration_of_arrays_tries_and_per_cpu_maps)
{
	struct map *from = make(BPF_MAP_TYPE_ARRAY, "__u32", "__u64", 8);
	struct map *to = make(BPF_MAP_TYPE_ARRAY, "__u32", "__u64", 4);

	set(from, "1", "11");
	set(from, "2", "22");
	set(to, "2", "99");
	expect_report(from, to, 0, 1, 1, 0);
	cr_assert_str_eq(get(to, "1"), "11");
	cr_assert_str_eq(get(to, "2"), "99");
	set(from, "7", "77");
	expect_report(from, to, -E2BIG, 0, 2, 1);
	map_close(from);
	map_close(to);
	from = make(BPF_MAP_TYPE_LPM_TRIE, "lpm_v4_key", "__u8", 8);
	to = make(BPF_MAP_TYPE_LPM_TRIE, "lpm_v4_key", "__u16", 1);
	set(from, "{lpm: {prefixlen: 8}, addr: 10.0.0.0}", "5");
	expect_report(from, to, 0, 1, 0, 0);
	cr_assert_str_eq(get(to, "{lpm: {prefixlen: 8}, addr: 10.0.0.0}"), "5");
	set(from, "{lpm: {prefixlen: 16}, addr: 10.0.0.0}", "6");
	expect_report(from, to, -E2BIG, 0, 1, 1);
	map_close(from);
	map_close(to);
	from = make(BPF_MAP_TYPE_PERCPU_HASH, "__u32", "metrics_value", 8);
	to = make(BPF_MAP_TYPE_PERCPU_HASH, "__u64", "metrics_value", 8);
	set(from, "1", "{count: 6, bytes: 60}");
	expect_report(from, to, 0, 1, 0, 0);
	cr_assert_str_eq(get(to, "1"), "{count: 6, bytes: 60}");
	map_close(from);
	map_close(to);
}

/* A program's writes go on while the agent reads. */
Test(maps, reading_ends_though_entries_come_and_go, .timeout = 30)
{
	struct map *m = make(BPF_MAP_TYPE_HASH, "__u32", "__u32", 256);
	pid_t parent = getpid(), child;
	struct map_item *items;
	size_t n;

	for (uint32_t i = 0; i < 200; i++)
		bpf_map_update_elem(m->fd, &i, &i, BPF_ANY);
	child = fork();
	if (child == 0) {
		for (uint32_t i = 0; getppid() == parent; i = (i + 1) % 200) {
			bpf_map_delete_elem(m->fd, &i);
			bpf_map_update_elem(m->fd, &i, &i, BPF_ANY);
		}
		_exit(0);
	}
	for (int round = 0; round < 200; round++) {
		int ret = map_read_all(m, arena, round & 1, &items, &n, &err);

		cr_assert(ret == 0 || ret == -EBUSY, "%s", err.text);
		cr_assert(ret || n <= 256);
	}
	kill(child, SIGKILL);
	map_close(m);
}

Test(maps, a_map_without_types_speaks_hex)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "raw", 6, 2, 4, NULL);
	struct map *m;

	cr_assert_eq(map_open_fd(fd, "raw", &m, &err), 0, "%s", err.text);
	set(m, "0x010203040506", "0x0102");
	cr_assert_str_eq(get(m, "0x010203040506"), "0x0102");
	set(m, "0x010203040506", "258");
	cr_assert_str_eq(get(m, "0x010203040506"), "0x0201");
	map_close(m);
	close(fd);
}
