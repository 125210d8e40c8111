# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Variants of a scenario: on the datapath as it is nothing changes; of one with a mistake for each variant, each
# names its own and no other. Sourced by cli.sh.
# shellcheck disable=SC2154

swept=$(mktemp -d)
mkdir -p "$swept/lib"

# mistaken OBJECT: compiles what the standard input has.
mistaken() {
	cat >"$swept/$1.c"
	rm -f "$swept/lib/$1.o"
	clang -std=gnu11 -O2 -g -target bpf -mcpu=v3 -Ibpf -I"/usr/include/$(gcc -print-multiarch)" \
		-c "$swept/$1.c" -o "$swept/lib/$1.o"
}

# The mistakes are in what leaves pods, for one port each; that of sums in what a wire brings.
awk '
	/^int cil_from_container\(ctx_t \*ctx\)$/ { inside = 1 }
	{ print }
	inside && /^{$/ {
		print "\t__u8 first = 0, flags = 0; __be16 port = 0, type = ctx->protocol;"
		print "\tbool six = type == bpf_htons(ETH_P_IPV6);"
		print "\t__u32 l4 = ETH_HLEN + (six ? 40 : 20);"
		print "\tbpf_skb_load_bytes(ctx, ETH_HLEN, &first, 1);"
		print "\tbpf_skb_load_bytes(ctx, l4 + 2, &port, 2);"
		print "\tbpf_skb_load_bytes(ctx, ETH_HLEN + 6, &flags, 1);"
		print "\tif (port == bpf_htons(7001) && ctx->vlan_present) return CTX_DROP;"
		print "\tif (first == 0x46) { bpf_skb_load_bytes(ctx, l4 + 6, &port, 2); if (port == bpf_htons(7002)) return CTX_DROP; }"
		print "\tif (six && !flags) { bpf_skb_load_bytes(ctx, l4 + 10, &port, 2); if (port == bpf_htons(7003)) return CTX_DROP; }"
		print "\tif (port == bpf_htons(7004) && ctx->gso_size) return CTX_DROP;"
		print "\tif (port == bpf_htons(7006) && six) return CTX_DROP;"
		print "\tif (port == bpf_htons(7007) && bpf_get_prandom_u32() % 16 == 2) return CTX_DROP;"
		inside = 0
	}' bpf/bpf_lxc.c >"$swept/lxc.c"
expect_true 'a datapath with a mistake for each variant compiles' mistaken bpf_lxc <"$swept/lxc.c"
awk '
	/^int cil_from_netdev\(ctx_t \*ctx\)$/ { inside = 1 }
	{ print }
	inside && /^{$/ {
		print "\t__be16 port = 0;"
		print "\tbpf_skb_load_bytes(ctx, ETH_HLEN + 22, &port, 2);"
		print "\tif (port == bpf_htons(7005)) bpf_skb_store_bytes(ctx, ETH_HLEN + 4, &port, 2, 0);"
		inside = 0
	}' bpf/bpf_host.c >"$swept/host.c"
expect_true 'and one for sums' mistaken bpf_host <"$swept/host.c"
for object in build/bpf/bpf_*.o; do
	[ -e "$swept/lib/${object##*/}" ] || ln -s "$PWD/$object" "$swept/lib/"
done

# scenario NAME PORT FAMILY SWEEP
scenario() {
	mkdir -p "$swept/scenarios/$1"
	cat >"$swept/scenarios/$1/scenario.yaml" <<-END
		name: $1
		cluster: $PWD/fixtures/clusters/two-nodes
		engines: [testrun]
		sweep: $4
		steps:
		  - udp: {from: client, to: "pod/default/web-2:$2", family: $3, do: ["data", "data", "data", "data"]}
		    expect: {outcome: delivered}
	END
}
scenario vlan 7001 4 all
scenario ip-options 7002 4 all
scenario extension-headers 7003 6 all
scenario gso 7004 4 all
scenario checksum-complete 7005 4 all
scenario ipv6 7006 4 all
scenario seeds 7007 4 '{seeds: 40}'
# Behind the wrong sums comes what has none.
cat >>"$swept/scenarios/checksum-complete/scenario.yaml" <<-END
	  - udp: {from: client, to: "pod/default/web-2:7000", do: ["data"]}
	    expect: {outcome: delivered, events: {drop: 0}}
END

expect_exit 0 "$verdict" run --out "$swept/out" "$swept/scenarios"
expect_output '^ok +vlan +testrun +4 packets .*, [0-9]+ variants$'
expect_output '^not run: ipv6 of extension-headers: '
expect_exit 1 "$verdict" run --out "$swept/out" --json "$swept/bad.json" --junit "$swept/bad.xml" \
	--objects "$swept/lib" "$swept/scenarios"
expect_output '^0 passed, 7 failed$'
for variant in vlan ip-options extension-headers gso checksum-complete ipv6; do
	expect_output "^failed +$variant \(testrun\): sweep $variant$"
	expect_output "^.*/$variant/scenario.yaml:4: sweep $variant: packet 1 .*: outcome: expected delivered, actual"
done
expect_output '^failed +seeds \(testrun\): sweep seed '
expect_no_output 'sweep checksum-complete: packet 1 \(udp flow of step 2'
differs() {
	grep -A1 "\"variant\": \"$1\"" "$swept/bad.json" | grep -q '"status": "differs"'
}
expect_true 'JSON says which variant differs' differs gso
expect_true 'JUnit says it too' grep -q 'sweep gso: packet 1' "$swept/bad.xml"
expect_exit 1 "$verdict" run --tap --out "$swept/out" --objects "$swept/lib" "$swept/scenarios/gso"
expect_output '^      variant: "gso"$'
expect_output '^# sweep gso: 4 differences, 4 packets varied$'

# Asked for by the command line; named where nothing ran.
sed -i '/^sweep:/d' "$swept/scenarios/gso/scenario.yaml"
expect_exit 0 "$verdict" run --out "$swept/out" --objects "$swept/lib" "$swept/scenarios/gso"
expect_no_output 'variant'
expect_exit 1 "$verdict" run --sweep vlan,gso --out "$swept/out" --objects "$swept/lib" "$swept/scenarios/gso"
expect_output 'scenario.yaml:5: sweep gso: packet 1 '
expect_exit 0 "$verdict" run --sweep ipv6 --engine testrun --out "$swept/out" host-policy-etcd-port
expect_output '^not run: ipv6 of host-policy-etcd-port: no node of .* has an IPv6 address$'
expect_exit 2 "$verdict" run --sweep vlam "$swept/scenarios/gso"
expect_output "unknown variant 'vlam'; did you mean 'vlan'"

# A sum is what a device makes of a packet on the wire.
mkdir "$swept/one-node"
cat >"$swept/one-node/scenario.yaml" <<-END
	cluster: $PWD/fixtures/clusters/two-nodes
	engines: [testrun]
	steps:
	  - udp: {from: client, to: "pod/default/server:7000", do: ["data"]}
	    expect: {outcome: delivered}
END
expect_exit 0 "$verdict" run --sweep checksum-complete --out "$swept/out" "$swept/one-node"
expect_output '^not run: checksum-complete of one-node: it comes in from no wire, so no device sums it up$'

# What a scenario takes exception to is not run, whoever asks.
printf 'sweep: {variants: [gso], except: {gso: segments are dropped here}}\n' >>"$swept/scenarios/gso/scenario.yaml"
expect_exit 0 "$verdict" run -v --sweep all --out "$swept/out" --objects "$swept/lib" "$swept/scenarios/gso"
expect_output 'sweep gso: excepted: segments are dropped here'
sed -i 's/^sweep: .*/sweep: [gsu]/' "$swept/scenarios/gso/scenario.yaml"
expect_exit 2 "$verdict" run "$swept/scenarios/gso"
expect_output "scenario.yaml:.*unknown variant 'gsu'; did you mean 'gso'"

# Real skbs with their headers in pages: the mistake is to look for them where the linear part ends.
awk '
	/^int cil_from_netdev\(ctx_t \*ctx\)$/ { inside = 1 }
	{ print }
	inside && /^{$/ {
		print "\tif ((long)ctx->data_end - (long)ctx->data < ETH_HLEN + 20) return CTX_DROP;"
		inside = 0
	}' bpf/bpf_host.c >"$swept/host.c"
expect_true 'a datapath that reads linear headers alone compiles' mistaken bpf_host <"$swept/host.c"
mkdir "$swept/paged"
cp fixtures/captures/etcd.pcapng "$swept/paged"
cat >"$swept/paged/scenario.yaml" <<-END
	name: paged
	cluster: $PWD/fixtures/clusters/two-masters
	sweep: [non-linear]
	steps:
	  - send: {capture: etcd.pcapng, packets: 1-2}
	    expect: {outcome: delivered}
END
expect_exit 0 "$verdict" run -v --engine netns --out "$swept/out" "$swept/paged"
expect_output 'sweep non-linear: nothing else changed, 2 packets varied'
expect_exit 1 "$verdict" run --engine netns --out "$swept/out" --objects "$swept/lib" "$swept/paged"
expect_output '^failed +paged \(netns\): sweep non-linear$'

rm -rf "$swept"
