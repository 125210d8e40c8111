# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Bad input, each kind tried: a clear message that names place and cause, and the right exit code.
# Sourced by cli.sh: $verdict and the assertions are there.
# shellcheck disable=SC2154,SC2016

bad=$(mktemp -d)
chmod 755 "$bad"
tree=$PWD

# scenario NAME CAPTURE [ENGINE]: a folder with a scenario that is right but for its capture.
scenario() {
	mkdir -p "$bad/$1"
	cat >"$bad/$1/scenario.yaml" <<END
name: $(basename "$1")
summary: bad input
cluster: $tree/fixtures/clusters/two-masters
engines: [testrun]
steps:
  - send: {capture: $2, packets: 1-3}
    expect: {outcome: delivered}
END
}

# with_policy NAME YAML: the same on a cluster whose policy is the given text.
with_policy() {
	scenario "$1" "$tree/fixtures/captures/etcd.pcapng"
	mkdir -p "$bad/$1/cluster"
	cp fixtures/clusters/two-masters/{nodes,pods,kubernetes,values}.yaml "$bad/$1/cluster/"
	printf '%s\n' "$2" >"$bad/$1/cluster/policy.yaml"
	sed -i 's|^cluster:.*|cluster: cluster|' "$bad/$1/scenario.yaml"
}

etcd=fixtures/captures/etcd.pcapng

# a capture cut in mid-record: which packet, where in the file, what is whole
scenario cut-pcapng ../cut.pcapng
head -c 1000 "$etcd" >"$bad/cut.pcapng"
expect_exit 2 "$verdict" run "$bad/cut-pcapng"
expect_output 'cut.pcapng: packet 8 .*offset 928'
expect_output 'cut short; whole packets before that: 7'

scenario cut-pcap ../cut.pcap
if editcap -F pcap "$etcd" "$bad/whole.pcap" 2>/dev/null; then
	head -c 700 "$bad/whole.pcap" >"$bad/cut.pcap"
	expect_exit 2 "$verdict" run "$bad/cut-pcap"
	expect_output 'cut.pcap: packet 8 at offset 659'
	# the same file under a link type that nobody can turn into Ethernet (147: DLT_USER0)
	scenario link-type ../user0.pcap
	{ head -c 20 "$bad/whole.pcap"; printf '\x93\0\0\0'; tail -c +25 "$bad/whole.pcap"; } >"$bad/user0.pcap"
	expect_exit 2 "$verdict" run "$bad/link-type"
	expect_output 'packet 1: link type 147'
	expect_output 'known are ETHERNET \(1\)'
fi

# a byte more than the wire carries: both engines say it in the same words
scenario too-long ../too-long.pcap
sed -i 's/packets: 1-3/packets: 1/; /^engines/d' "$bad/too-long/scenario.yaml"
perl -e 'my $udp = pack("nnnn", 1000, 2379, 1481, 0) . "x" x 1473;
	my $ip = pack("CCnnnCCnNN", 0x45, 0, 1501, 1, 0, 64, 17, 0, 0x0aa08022, 0x0aa0801f);
	my $frame = "\2" x 12 . pack("n", 0x800) . $ip . $udp;
	print pack("LSSlLLL", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1),
		pack("LLLL", 1, 0, length $frame, length $frame), $frame' >"$bad/too-long.pcap"
expect_exit 2 "$verdict" run "$bad/too-long"
expect_output 'too-long.pcap has 1515 bytes, more than master-0/eth0 can carry \(MTU 1500\)'
expect_output '^the same error as on testrun$'

scenario empty ../empty.pcapng
: >"$bad/empty.pcapng"
expect_exit 2 "$verdict" run "$bad/empty"
expect_output 'empty.pcapng: empty file, not a capture'

scenario text ../text.pcap
echo hello >"$bad/text.pcap"
expect_exit 2 "$verdict" run "$bad/text"
expect_output 'text.pcap: not a capture: neither pcap nor pcapng'

scenario missing nosuch.pcapng
expect_exit 2 "$verdict" run "$bad/missing"
expect_output "scenario.yaml:6:21: no capture 'nosuch.pcapng'"
expect_output 'looked in'

# YAML: a misspelt key, a wrong word, broken syntax; each with place, line and caret
scenario key "$tree/$etcd"
sed -i 's/- send:/- sned:/' "$bad/key/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/key"
expect_output "scenario.yaml:6:5: unknown key 'sned'.* did you mean 'send'"
expect_output '^     6 \|   - sned:'
expect_output '^       \|     \^$'

scenario word "$tree/$etcd"
sed -i 's/delivered/deliverd/' "$bad/word/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/word"
expect_output "scenario.yaml:7:23: .*deliverd"

scenario field "$tree/$etcd"
sed -i 's/outcome: delivered/packet: {tcp.dstprot: 80}/' "$bad/field/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/field"
expect_output "tcp.dstprot.*tcp.dstport"

scenario syntax "$tree/$etcd"
echo '  - [' >>"$bad/syntax/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/syntax"
expect_output 'scenario.yaml:[0-9]+:[0-9]+: '

scenario node "$tree/$etcd"
echo '  - restart: {node: master-7}' >>"$bad/node/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/node"
expect_output 'no node "?.?master-7'

# what would make nothing fail is a mistake in the scenario, not a pass
scenario none-such "$tree/$etcd"
sed -i 's/packets: 1-3/packets: 400-/' "$bad/none-such/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/none-such"
expect_output 'scenario.yaml:6:21: the capture has no packet 400: its last is [0-9]+'

scenario vacuous "$tree/$etcd"
sed -i 's/outcome/match: {udp.dstport: 53}, outcome/' "$bad/vacuous/scenario.yaml"
expect_exit 1 "$verdict" run "$bad/vacuous"
expect_output 'no packet reached this expectation'

scenario no-node "$tree/$etcd"
sed -i 's/outcome: delivered/events: {mster-0: {drop: 0}}/' "$bad/no-node/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/no-node"
expect_output 'scenario.yaml:7:[0-9]+: the cluster .* has no node .mster-0.'

scenario no-field "$tree/$etcd"
sed -i 's/outcome: .*/maps: {master-0: {cilium_ct4_global: {absent: [{key: {dprot: 1}}]}}}}/' "$bad/no-field/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/no-field"
expect_output 'struct ipv4_ct_tuple has no field "dprot"'
expect_output 'did you mean "dport"'

# manifests
policy_head='apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: p}
spec:
  nodeSelector: {}'
with_policy entity "$policy_head
  ingress:
    - fromEntities: [kube-apisrver]"
expect_exit 2 "$verdict" run "$bad/entity"
expect_output "policy.yaml:7:22: .*kube-apisrver.*kube-apiserver"

with_policy unsupported "$policy_head
  ingress:
    - toFQDNs: [{matchName: example.com}]"
expect_exit 2 "$verdict" run "$bad/unsupported"
expect_output 'policy.yaml:7:7: '

scenario cluster "$tree/$etcd"
sed -i 's/two-masters/two-mosters/' "$bad/cluster/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/cluster"
expect_output "scenario.yaml:3:10: no cluster folder"

# one bad scenario among good ones: the others still run, the exit code says it
mkdir "$bad/mixed"
cp -r "$bad/key" "$bad/mixed/"
scenario mixed/good "$tree/$etcd"
expect_exit 2 "$verdict" run "$bad/mixed" --out "$bad/out"
expect_output '^ok .*good'
expect_output '^1 passed, 1 failed$'

# objects: none there, no ELF, one the verifier rejects
scenario objects "$tree/$etcd"
mkdir "$bad/none" "$bad/text-object" "$bad/rejected"
expect_exit 2 "$verdict" run "$bad/objects" --objects "$bad/none"
expect_output 'none/bpf_host.o: No such file'
expect_output 'node master-0: '
expect_no_output 'node master-0: .*node master-0'
sed 's/testrun/netns/' "$bad/objects/scenario.yaml" >"$bad/none/scenario.yaml"
expect_exit 2 "$verdict" run "$bad/none" --objects "$bad/none"
expect_output 'node master-0: .*none/bpf_host.o: No such file'
expect_no_output 'node master-0: .*node master-0'
echo text >"$bad/text-object/bpf_host.o"
expect_exit 2 "$verdict" run "$bad/objects" --objects "$bad/text-object"
expect_output 'text-object/bpf_host.o is no ELF file'
cat >"$bad/rejected.c" <<'END'
#include <linux/bpf.h>
#define SEC(name) __attribute__((section(name), used))
SEC("tc") int cil_from_netdev(struct __sk_buff *ctx)
{
	char *data = (char *)(long)ctx->data;

	return data[20];
}
SEC("tc") int cil_to_netdev(struct __sk_buff *ctx)
{
	return (int)ctx->len;
}
char _license[] SEC("license") = "Dual BSD/GPL";
END
include=/usr/include/$(gcc -print-multiarch)
expect_true 'the program to be rejected compiles' \
	clang -O2 -g -target bpf -I"$include" -c "$bad/rejected.c" -o "$bad/rejected/bpf_host.o"
expect_exit 3 "$verdict" run "$bad/objects" --objects "$bad/rejected"
expect_output 'the kernel rejects program cil_from_netdev'
expect_output 'at source line: return data\[20\]; @ rejected.c:7'
expect_output 'invalid access to packet'

# no privilege: skipped, never passed, and nothing ran. The tree may lie in a closed home.
nobody=(setpriv --reuid=65534 --clear-groups --inh-caps=+dac_read_search
	--ambient-caps=+dac_read_search)
expect_exit 4 "${nobody[@]}" "$verdict" run "$bad/objects" --out "$bad/out"
expect_output 'no CAP_SYS_ADMIN: run as root'
expect_output '^0 passed, 0 failed, 1 skipped$'
expect_exit 3 "${nobody[@]}" "$verdict" doctor
expect_output 'run as root'

# nowhere to mount a bpffs
expect_exit 3 unshare -m sh -c "mount -t tmpfs -o ro none /sys/fs && '$verdict' run '$bad/objects'"
expect_output 'cannot make /sys/fs/bpf: Read-only file system'
expect_output 'verdict doctor'

# a report that cannot be written
expect_exit 3 "$verdict" run "$bad/objects" --junit "$bad/text.pcap/junit.xml" --out "$bad/out"
expect_output 'text.pcap'

rm -rf "$bad"
