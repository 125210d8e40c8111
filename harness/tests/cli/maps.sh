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
RAW(devhash, DEVMAP_HASH, 4, 8)
RAW(sock, SOCKMAP, 4, 4)
RAW(xsk, XSKMAP, 4, 4)
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 9); __type(key, __u16);
	__array(values, struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(key_size, 4);
		__uint(value_size, 65524); __uint(max_entries, 1); }); } maglev SEC(".maps");
SEC("xdp") int entry(struct xdp_md *c)
{
	__u32 k = 0;
	void *all[] = { &hash, &lru, &array, &pcpu_hash, &pcpu_array, &pcpu_lru, &lpm };
	bpf_tail_call(c, &progs, 0);
	return bpf_redirect_map(&dev, 0, 0) + bpf_redirect_map(&cpu, 0, 0) +
	       (bpf_map_lookup_elem(&outer, &k) != 0) + bpf_redirect_map(&devhash, 0, 0) +
	       (bpf_map_lookup_elem(&maglev, &k) != 0) + bpf_redirect_map(&xsk, 0, 0);
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
  outer: {entries: [{key: 1, value: {entries: [{key: 1, value: 77}]}}, {key: 2, value: {entries: [{key: 0, value: 5}]}}]}
  progs: {entries: [{key: 2, value: {program: entry, id: $prog_id}}]}
  dev: {entries: [{key: 0, value: {ifindex: 1}}]}
  cpu: {entries: [{key: 0, value: {qsize: 64}}]}
  raw: {entries: [{key: "0x0102030405", value: 0xaabbcc}]}
  devhash: {entries: [{key: 300, value: {ifindex: 1}}, {key: 2, value: {ifindex: 1}}]}
  maglev:
    entries:
    - {key: 7, value: {type: array, key_size: 4, value_size: 65524, max_entries: 1, entries: [{key: 0, value: [$(seq -s, 16381)]}]}}
    - {key: 5, value: {entries: [{key: 0, value: [$(seq -s, 16381 -1 1)]}]}}
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
# inner maps that were not there: made like the file says, like the one beside them
expect_exit 0 "$verdict" maps dump "$maps/fs/a/outer"
expect_output '^    - .key: 2, value: .type: array, .*entries: \[.key: 0, value: 5}, .key: 1, value: 0}\]'
read -r -a inner_id < <(bpftool map lookup pinned "$maps/fs/a/maglev" key hex 05 00 |
	sed -n 's/.*value: //p')
expect_exit 0 bpftool map lookup id "$((16#${inner_id[3]}${inner_id[2]}${inner_id[1]}${inner_id[0]}))" key hex 00 00 00 00
expect_output '^fd 3f 00 00 +fc 3f 00 00'

# each type: dump, load into empty maps, dump: identical, in both forms
for map in hash lru array pcpu_hash pcpu_array pcpu_lru lpm outer progs dev cpu raw devhash maglev; do
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
	local between="]}, $1: {entries: ["
	[ "$1" != raw ] || between=,
	printf 'maps: {raw: {entries: [{key: 0x0909090909, value: 0x010101}%s\n  %s]}}\n' \
		"$between" "$2" >"$maps/wrong.yaml"
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
wrong_entry outer '{key: 0, value: {key_size: 8, entries: []}}'
expect_output 'inner map'
wrong_entry outer '{key: 0, value: {value_size: 8, entries: []}}'
expect_output 'takes no inner map like this one: array, key_size 4, value_size 8'
wrong_entry outer '{key: 0, value: {max_entries: 3, entries: []}}'
expect_output 'takes no inner map like this one'
wrong_entry outer '{key: 0, value: {type: arary, entries: []}}'
expect_output 'no map type arary'
wrong_entry outer '{key: 0, value: {entrys: []}}'
expect_output 'known fields: type, key_size'
wrong_entry maglev '{key: 9, value: {max_entries: 2, entries: []}}'
expect_output 'takes no inner map like this one: array, key_size 4, value_size 65524, max_entries 2'
wrong_entry maglev '{key: 9, value: {entries: [{key: 0, value: [1, 2, 3]}]}}'
expect_output '3 numbers do not fill 65524 bytes'
wrong_entry sock '{key: 0, value: 3}'
expect_output 'sockets of running processes'
wrong_entry xsk '{key: 0, value: 3}'
wrong_entry devhash '{key: 1, value: {ifindex: 1000000}}'
expect_output 'no device has ifindex 1000000'
wrong_entry devhash '{key: 1, value: {ifindex: 1, program: entry}}'
expect_output 'add prog_id'
wrong_entry dev "{key: 1, value: {ifindex: 1, prog_id: $prog_id}}"
expect_output 'no room for a program'
wrong_entry lru '{key: -1, value: {}}'
expect_output 'number that fits 4 bytes'
wrong_entry lru '{key: 4294967296, value: {}}'
wrong_entry lru '{key: 1, value: {packets: 18446744073709551616}}'
wrong_entry lru '{key: 1, value: {packets: -1}}'
wrong_entry lru '{key: 1, value: {text: "longer than 8"}}'
wrong_entry raw '{key: 0x010203, value: 0x010101}'
expect_output '5 bytes as 0x and 10 hex digits'
wrong_entry raw '{key: 0x01020304zz, value: 0x010101}'
wrong_entry raw '{key: [1, 2], value: 0x010101}'
wrong_entry raw '{key: 0x0909090909, value: 0x020202}'
expect_output 'this key stands in line 1, column 24 already'
wrong_entry lru '{value: {deny: 1}}'
expect_output 'has no key'
wrong_entry progs '{key: 0, value: {program: other, id: 1}}'
wrong_entry dev '{key: 0, value: {device: eth0}}'
wrong_entry cpu '7'
expect_exit 0 "$verdict" maps dump "$maps/fs/a/raw"
expect_no_output '0x0909090909'

# seeding a replay: what inner maps are, types included, is said by the object
clang -O2 -g -target bpf "$maps_include" -c -o "$maps/nest.o" -x c - <<'END'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct be { __u32 id; __u16 port; __u8 kind; __u8 pad; };
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 9); __type(key, __u16);
	__array(values, struct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32);
		__type(value, struct be[4]); __uint(max_entries, 1); }); } maglev SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 9); __type(key, __u16);
	__array(values, struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(key_size, 4);
		__uint(value_size, 65524); __uint(max_entries, 1); }); } raw SEC(".maps");
SEC("xdp") int entry(struct xdp_md *c)
{
	__u16 k = 7; __u32 z = 0;
	void *m = bpf_map_lookup_elem(&maglev, &k), *r = bpf_map_lookup_elem(&raw, &k);
	struct be *b; __u32 *t;
	if (!m || !r) return 0;
	b = bpf_map_lookup_elem(m, &z); t = bpf_map_lookup_elem(r, &z);
	return b && b[1].port == 80 && t && t[16380] == 16381 ? XDP_PASS : XDP_DROP;
}
char _license[] SEC("license") = "GPL";
END
cat >"$maps/nest.yaml" <<END
maps:
  maglev: {entries: [{key: 7, value: {entries: [{key: 0, value: [{id: 1}, {id: 2, port: 80}]}]}}]}
  raw: {entries: [{key: 7, value: {entries: [{key: 0, value: [$(seq -s, 16381)]}]}}]}
END
expect_exit 0 "$verdict" replay --object "$maps/nest.o" --program entry --maps "$maps/nest.yaml" \
	fixtures/captures/dns.pcapng
expect_output '^2 entries written into 2 maps'
expect_output '^4 packets: 4 XDP_PASS'
sed -i 's/port: 80/port: 81/' "$maps/nest.yaml"
expect_exit 0 "$verdict" replay --object "$maps/nest.o" --program entry --maps "$maps/nest.yaml" \
	fixtures/captures/dns.pcapng
expect_output '^4 packets: 4 XDP_DROP'
sed -i 's/port: 81/prot: 80/' "$maps/nest.yaml"
expect_exit 2 "$verdict" replay --object "$maps/nest.o" --program entry --maps "$maps/nest.yaml" \
	fixtures/captures/dns.pcapng
expect_output 'nest.yaml:2:[0-9]+: .*no field "prot"'
expect_output 'did you mean "port"'

# a map of 200,000 entries within 160 MB of address space, of which the program itself takes half
bpftool map create "$maps/fs/many" type hash key 4 value 16 entries 200000 name many
{
	printf 'maps:\n  many:\n    entries:\n'
	seq -f '    - {key: %.0f, value: 0x000102030405060708090a0b0c0d0e0f}' 200000
} >"$maps/many.yaml"
within() {
	bash -c 'ulimit -v 160000; exec "$@"' within "$@"
}
export -f within
if [[ ${BUILD:-build} != *asan* ]]; then # sanitizers take terabytes of it
	expect_exit 0 bash -c "within '$verdict' maps load --into '$maps/fs/many' '$maps/many.yaml'"
	expect_output '^200000 entries loaded'
	expect_exit 0 bash -c "within '$verdict' maps dump --json '$maps/fs/many' >'$maps/many.json'"
	expect_exit 0 bash -c "within '$verdict' maps load --into '$maps/fs/many' '$maps/many.json'"
	expect_exit 0 bash -c "within '$verdict' maps diff '$maps/many.json' '$maps/fs/many'"
	expect_true 'all of them are in the dump' [ "$(grep -c '"key":' "$maps/many.json")" = 200000 ]
	expect_true 'in the order of their keys' env LC_ALL=C sort -c \
		<(sed -n 's/.*"key": "\(0x[0-9a-f]*\)".*/\1/p' "$maps/many.json")
fi
rm "$maps/fs/many" "$maps"/many.*

printf 'maps:\n  raw:\n    entries:\n' >"$maps/wrong.yaml"
seq -f '    - {key: 0x%010.0f, value: 0x010203}' 9 >>"$maps/wrong.yaml"
expect_exit 2 "$verdict" maps load --dry-run --into "$maps/fs/a" "$maps/wrong.yaml"
expect_output 'wrong.yaml:8:7: map raw has room for 4 entries, and this is one more'
expect_output 'the file has 9: make the map larger'

# large YAML, which is read line by line; JSON and bpftool's JSON, always entry by entry; a pipe
{
	printf 'maps:\n  lru:\n    type: lru_hash\n    entries:\n'
	seq -f '    - {key: %.0f, value: {packets: 1, color: RED, text: "abcdefgh"}}' 40000
} >"$maps/big.yaml"
expect_exit 0 "$verdict" maps load --dry-run --into "$maps/fs/a" "$maps/big.yaml"
expect_output '^1 map: all entries fit'
sed '30004s/RED/READ/' "$maps/big.yaml" >"$maps/wrong.yaml"
expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps/wrong.yaml"
expect_output 'wrong.yaml:30004:47: .*READ is not a name of its enum'
sed '39000s/key: 38996/key: 7/' "$maps/big.yaml" >"$maps/wrong.yaml"
expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps/wrong.yaml"
expect_output 'wrong.yaml:39000:.* stands in line 11, column 7 already'
sed '20000s/}}/}/' "$maps/big.yaml" >"$maps/wrong.yaml"
expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps/wrong.yaml"
expect_output 'wrong.yaml:20000:[0-9]+: a comma or . was expected'
sed '20000s/value:/value: \&x/; 1i# by hand' "$maps/big.yaml" >"$maps/wrong.yaml"
expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps/wrong.yaml"
expect_exit 0 "$verdict" maps dump "$maps/fs/a/lru"
expect_no_output 'abcdefgh'
expect_exit 0 bash -c "cat '$maps/lru.json' | '$verdict' maps load --into '$maps/fs/a/lru' /dev/stdin"
expect_output '^1 entry loaded'
# wrong_json TEXT WHAT
wrong_json() {
	printf '%b' "$1" >"$maps/wrong.json"
	expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps/wrong.json"
	expect_output "$2"
}
wrong_json '{"maps": {"lru": {"entries": [{"key": 1, "value": {}},\n {"key": 1, "value": {}}]}}}' \
	'wrong.json:2:2: .*stands in line 1, column 31 already'
wrong_json '{"maps": {"lru": {"entries": [{"key": 1, "value": {}}' 'wrong.json:1:54: '
wrong_json '{"maps": {"lru": {"entries": [{"key": 1, "key": 2}]}}}' "key 'key' is given twice"
wrong_json '{"maps": {"lru": {}, "lru": {}}}' 'map lru is given twice'
wrong_json '{"maps": {"lru": {"entries": {}}}}' 'entries is no list'
wrong_json '{"maps": {"lru": []}}' 'wrong.json:1:18: map lru: here stands'
wrong_json '{"maps": []}' 'holds maps by name'
wrong_json '{"entries": []}' 'no "maps:"'
wrong_json '{"maps": {}} {}' 'more than one document'
wrong_json '{"maps": {"nope": {"entries": []}}}' 'nope: no map is pinned there'
wrong_json '{"maps": {"lru": {"entries": [{"key": "\\ud", "value": {}}]}}}' 'hex digits'
wrong_json "{\"maps\": {\"lru\": {\"entries\": $(printf '%.0s[' {1..100})" 'nested too deeply'
expect_exit 2 "$verdict" maps load --into "$maps/fs/a" "$maps"
expect_output 'it is a folder'
expect_exit 3 bash -c "'$verdict' maps dump '$maps/fs/a' >/dev/full"
expect_output 'No space left'
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
