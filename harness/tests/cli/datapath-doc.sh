# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# docs/datapath.md speaks of programs, maps and constants that there are, and leaves out no constant. Sourced
# by cli.sh.
# shellcheck disable=SC2154,SC2013,SC2016

doc=docs/datapath.md
known=$(mktemp)
constants=$(mktemp)
for object in build/bpf/bpf_*.o; do
	build/verdict inspect --json "$object" >"$output" 2>/dev/null
	sed -nE 's/^ +"(name|program)": "(__config_)?([a-z0-9_]+)",?$/\3/p' "$output" >>"$known"
	sed -nE 's/^ +"name": "__config_([a-z0-9_]+)",?$/\1/p' "$output" >>"$constants"
done
expect_true 'the objects have programs' grep -qx cil_from_netdev "$known"
expect_true 'and constants' grep -qx enable_nodeport "$constants"

# Devices are called so too; a name that ends in _ stands for several.
for name in $(grep -oE '\b(cil|tail|nodeport|cilium)_[a-z0-9_]+' "$doc" | sort -u); do
	case $name in cilium_host | cilium_net | *_) continue ;; esac
	expect_true "$doc: the objects have $name" grep -qx "$name" "$known"
done
for name in $(sort -u "$constants"); do
	expect_true "$doc tells of the constant $name" grep -qF "| \`$name\` |" "$doc"
done
for name in $(sed -nE 's/^\| `([a-z0-9_]+)` \| .* \| .* \|$/\1/p' "$doc"); do
	grep -qE '^(cil|tail|nodeport)_' <<<"$name" && continue
	expect_true "$doc: there is a constant $name" grep -qx "$name" "$constants"
done
rm -f "$known" "$constants"
