# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict maps`: every map type dumped, loaded into a second set of the same maps and dumped again;
# bpftool as the independent reader and writer; what differs; errors with their places.
# Sourced by cli.sh: $verdict and the assertions are there.
# shellcheck disable=SC2154,SC2016

maps=$(mktemp -d /tmp/verdict-maps-XXXXXX) # libbpf turns the dots of pins into _
mkdir "$maps/fs"
mount -t bpf none "$maps/fs"

cat >"$maps/maps.c" <<'END'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct ck { __be16 port; __u8 mac[6]; union { __u32 ip4; __u8 ip6[16]; }; };
enum color { RED = 1, GREEN = 2 };
#ifdef NEXT
struct cv { __u64 packets; enum color color; __u8 deny : 1, spare : 1, kind : 3; __u16 hops; };
#else
struct cv { __u8 deny : 1, kind : 3; enum color color; __u64 packets; char text[8]; };
#endif
struct pk { __u32 prefixlen; __u8 addr[4]; };
#define MAP(n, t, k, v) struct { __uint(type, BPF_MAP_TYPE_##t); __type(key, k); __type(value, v); \
	__uint(max_entries, 4); FLAGS } n SEC(".maps");
#define FLAGS
MAP(hash, HASH, struct ck, struct cv)
MAP(lru, LRU_HASH, __u32, struct cv)
MAP(array, ARRAY, __u32, struct cv)
MAP(pcpu_hash, PERCPU_HASH, __u32, struct cv)
MAP(pcpu_array, PERCPU_ARRAY, __u32, __u64)
MAP(pcpu_lru, LRU_PERCPU_HASH, __u32, __u64)
#undef FLAGS
#define FLAGS __uint(map_flags, BPF_F_NO_PREALLOC);
MAP(lpm, LPM_TRIE, struct pk, __u32)
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, __u32);
	__uint(max_entries, 2); } in1 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 3); __type(key, __u32);
	__array(values, struct inner); } outer SEC(".maps") = { .values = { [1] = &in1 } };
#define RAW(n, t, k, v) struct { __uint(type, BPF_MAP_TYPE_##t); __uint(key_size, k); \
	__uint(value_size, v); __uint(max_entries, 4); } n SEC(".maps");
RAW(progs, PROG_ARRAY, 4, 4)
RAW(dev, DEVMAP, 4, 4)
RAW(cpu, CPUMAP, 4, 4)
RAW(raw, HASH, 5, 3)
SEC("xdp") int entry(struct xdp_md *c)
{
	__u32 k = 0;
	void *all[] = { &hash, &lru, &array, &pcpu_hash, &pcpu_array, &pcpu_lru, &lpm };
	bpf_tail_call(c, &progs, 0);
	return bpf_redirect_map(&dev, 0, 0) + bpf_redirect_map(&cpu, 0, 0) +
	       (bpf_map_lookup_elem(&outer, &k) != 0);
}
char _license[] SEC("license") = "GPL";
END
sed -i '/void \*all/d' "$maps/maps.c"
maps_include=-I/usr/include/$(gcc -print-multiarch)
clang -O2 -g -target bpf "$maps_include" -c "$maps/maps.c" -o "$maps/maps.o"
clang -O2 -g -target bpf "$maps_include" -DNEXT -c "$maps/maps.c" -o "$maps/next.o"
mkdir "$maps/fs/"{a,b,next}{,-progs}
for set in a b; do
	bpftool prog loadall "$maps/maps.o" "$maps/fs/$set-progs" pinmaps "$maps/fs/$set"
done
bpftool prog loadall "$maps/next.o" "$maps/fs/next-progs" pinmaps "$maps/fs/next"
rm -f "$maps"/fs/{a,b,next}/maps_rodata
prog_id=$(bpftool -j prog show pinned "$maps/fs/a-progs/entry" | sed 's/.*"id":\([0-9]*\).*/\1/')

cat >"$maps/all.yaml" <<END
maps:
  hash:
    entries:
    - key: {port: 443, mac: 02:00:5e:10:00:01, ip4: 10.0.0.1}
      value: {deny: 1, kind: 5, color: GREEN, packets: 18446744073709551615, text: "a: \"b\""}
    - {key: {port: 80, mac: 00:00:5e:10:00:02, ip6: "fd00::"}, value: {kind: 7}}
  lru: {entries: [{key: 7, value: {packets: 3, color: 9}}]}
  array: {entries: [{key: 3, value: {color: RED, text: "0x41"}}]}
  pcpu_hash: {entries: [{key: 1, values: [{packets: 1, deny: 1}, {packets: 2}]}]}
  pcpu_array: {entries: [{key: 2, values: [10, 20]}]}
  pcpu_lru: {entries: [{key: 9, values: [5]}]}
  lpm: {entries: [{key: {prefixlen: 24, addr: 10.1.2.0}, value: 1}, {key: {prefixlen: 8, addr: 10.0.0.0}, value: 2}]}
  outer: {entries: [{key: 1, value: {entries: [{key: 1, value: 77}]}}]}
  progs: {entries: [{key: 2, value: {program: entry, id: $prog_id}}]}
  dev: {entries: [{key: 0, value: {ifindex: 1}}]}
  cpu: {entries: [{key: 0, value: {qsize: 64}}]}
  raw: {entries: [{key: "0x0102030405", value: 0xaabbcc}]}
END

# written by us, read by bpftool
expect_exit 0 "$verdict" maps load --dry-run --into "$maps/fs/a" "$maps/all.yaml"
expect_exit 0 bpftool -j map dump pinned "$maps/fs/a/lpm"
expect_output '^\[\]$'
expect_exit 0 "$verdict" maps load --into "$maps/fs/a" "$maps/all.yaml"
expect_exit 0 bpftool map lookup pinned "$maps/fs/a/raw" key hex 01 02 03 04 05
expect_output 'value: aa bb cc'
expect_exit 0 bpftool -j map lookup pinned "$maps/fs/a/pcpu_array" key hex 02 00 00 00
expect_output '"cpu":1,"value":20'
expect_exit 0 bpftool -j map lookup pinned "$maps/fs/a/progs" key hex 02 00 00 00
expect_no_output 'error'
expect_exit 0 bpftool -j map dump pinned "$maps/fs/a/hash"
expect_output '"kind":"?0x5'

# each type: dump, load into empty maps, dump: identical, in both forms
for map in hash lru array pcpu_hash pcpu_array pcpu_lru lpm outer progs dev cpu raw; do
	for form in yaml json; do
		flag=$([ $form = yaml ] || echo --json)
		# shellcheck disable=SC2086
		"$verdict" maps dump $flag "$maps/fs/a/$map" >"$maps/$map.$form"
		expect_exit 0 "$verdict" maps load --into "$maps/fs/b/$map" "$maps/$map.$form"
		# shellcheck disable=SC2086
		"$verdict" maps dump $flag "$maps/fs/b/$map" >"$maps/again"
		expect_exit 0 cmp "$maps/$map.$form" "$maps/again"
		expect_exit 0 grep -q key: <(sed 's/"key"/key/' "$maps/$map.$form")
	done
done
expect_exit 0 "$verdict" maps diff "$maps/fs/a" "$maps/fs/b"
expect_exit 0 grep -q 'program: entry' "$maps/progs.yaml"
expect_exit 0 python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$maps/hash.json"

# what bpftool dumped loads back equal, per-CPU values and unions too
for map in hash array pcpu_hash pcpu_array lpm raw; do
	mkdir -p "$maps/bpftool"
	bpftool -j map dump pinned "$maps/fs/a/$map" >"$maps/bpftool/$map.json"
	expect_exit 0 "$verdict" maps diff "$maps/bpftool/$map.json" "$maps/fs/a/$map"
done
bpftool map delete pinned "$maps/fs/b/raw" key hex 01 02 03 04 05
expect_exit 1 "$verdict" maps diff "$maps/fs/a/raw" "$maps/fs/b/raw"
expect_output '^- 0x0102030405 0xaabbcc$'
expect_exit 0 "$verdict" maps load --into "$maps/fs/b" "$maps/bpftool/raw.json"
expect_exit 0 "$verdict" maps diff "$maps/fs/a/raw" "$maps/fs/b/raw"

# another version: fields in other places, one gone, new ones zero
expect_exit 0 "$verdict" maps load --into "$maps/fs/next" "$maps/bpftool/hash.json"
expect_output 'no field "text": left out'
expect_exit 0 "$verdict" maps dump "$maps/fs/next/hash"
expect_output 'packets: 18446744073709551615, color: GREEN, deny: 1, (spare: 0, )?kind: 5, hops: 0'
expect_output 'port: 443, mac: "02:00:5e:10:00:01", ip4: '

# one bit, by name
sed 's/deny: 1, kind: 5/deny: 0, kind: 5/' "$maps/hash.yaml" >"$maps/changed.yaml"
expect_exit 1 "$verdict" maps diff "$maps/hash.yaml" "$maps/changed.yaml"
expect_output '^~ .*port: 443.* deny: 1 -> 0$'
expect_no_output '^[+-] '
expect_exit 1 "$verdict" maps diff "$maps/fs/a/hash" "$maps/changed.yaml"
expect_output '^~ .* deny: 1 -> 0$'

# wrong_entry MAP ENTRY: an input error at line 2, whose message is left in the output; nothing is
# written, not even the right entry before it
wrong_entry() {
	printf 'maps: {raw: {entries: [{key: 0x0909090909, value: 0x010101}]}, %s: {entries: [\n  %s]}}\n' \
		"$1" "$2" >"$maps/wrong.yaml"
	expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps/wrong.yaml"
	expect_output 'wrong.yaml:2:[0-9]+: '
	expect_no_output 'YAML:'
}
wrong_entry lru '{key: 1, value: {deny: 2}}'
expect_output '1 bits'
wrong_entry lru '{key: 1, value: {dney: 1}}'
expect_output 'deny'
wrong_entry lru '{key: 1, value: {color: BLUE}}'
wrong_entry lru '{key: 1}'
wrong_entry lru '{key: 1, values: [{deny: 1}]}'
wrong_entry array '{key: 4, value: {}}'
wrong_entry lpm '{key: {prefixlen: 33, addr: 10.0.0.0}, value: 1}'
wrong_entry outer '{key: 0, value: {entries: []}}'
expect_output 'inner map'
wrong_entry progs '{key: 0, value: {program: other, id: 1}}'
wrong_entry dev '{key: 0, value: {device: eth0}}'
wrong_entry cpu '7'
expect_exit 0 "$verdict" maps dump "$maps/fs/a/raw"
expect_no_output '0x0909090909'
echo 'maps: {raw: {entries: [{key: ' >"$maps/wrong.yaml"
expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps/wrong.yaml"
expect_output 'wrong.yaml:'
: >"$maps/wrong.yaml"
expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps/wrong.yaml"
expect_exit 2 "$verdict" maps dump "$maps/fs/a-progs/entry"
expect_output 'no map'
expect_exit 2 "$verdict" maps dump /no/such/pin
expect_exit 2 "$verdict" maps dump id:4294967295
expect_exit 2 "$verdict" maps

umount "$maps/fs"
rm -r "$maps"
