# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Programs exactly as shipped, no helper call replaced: every scenario without pods and trees holds, those that let time
# pass as well, because the maps age instead. Where redirects lead cannot be seen then, so nothing is followed to
# a pod. Sourced by cli.sh.
# shellcheck disable=SC2154

pristine=$(mktemp -d)
mkdir -p "$pristine/deep/upgrades"
none_interposed() {
	grep -q '"interposed": 0' "$1" && ! grep -q '"interposed": [1-9]' "$1"
}

# A tree can be told only of programs whose lookups are noted.
mapfile -t masters < <(grep -l 'clusters/two-masters' scenarios/*/scenario.yaml | xargs grep -L 'explain:')
expect_exit 0 "$verdict" run --pristine --engine testrun --out "$pristine/out" --json "$pristine/run.json" \
	"${masters[@]}"
expect_output '^[0-9]+ passed, 0 failed$'
expect_true 'with --pristine no call is replaced in any of them' \
	none_interposed "$pristine/run.json"

# A program that the verifier takes as it is, but not with one more call at its deepest place: it goes
# eight frames deep, as many as the kernel allows. In a slot that other objects could call, it is loaded
# with those that are attached.
{
	printf '#include "%s/bpf/bpf_host.c"\n' "$PWD"
	printf 'static __attribute__((noinline)) __u64 at_7(__u64 n) { return n + bpf_ktime_get_ns(); }\n'
	for i in 6 5 4 3 2 1; do
		printf 'static __attribute__((noinline)) __u64 at_%d(__u64 n) { return at_%d(n + %d) * 3; }\n' \
			"$i" $((i + 1)) "$i"
	done
	printf '__attribute__((btf_decl_tag("tail:cilium_call_policy/60000")))\n'
	printf 'SEC("tc") int deep(struct __sk_buff *ctx) { return (int)at_1(ctx->len); }\n'
} >"$pristine/bpf_host.c"
deep() {
	clang -std=gnu11 -O2 -g -target bpf -mcpu=v3 "$@" -Ibpf \
		-I"/usr/include/$(gcc -print-multiarch)" -c "$pristine/bpf_host.c"
}
expect_true 'a program eight frames deep compiles' deep -o "$pristine/deep/bpf_host.o"
for upgrade in fixtures/upgrades/*/; do
	mkdir "$pristine/deep/upgrades/$(basename "$upgrade")"
	deep "-I$upgrade" -o "$pristine/deep/upgrades/$(basename "$upgrade")/bpf_host.o"
done
expect_exit 0 "$verdict" run --engine testrun --objects "$pristine/deep" --out "$pristine/out" \
	--json "$pristine/run.json" "${masters[@]}"
expect_output '^[0-9]+ passed, 0 failed$'
expect_output 'node master-0: a program that asks for the time loads only as shipped: time is real'
expect_true 'that program alone is said to run as shipped, with the reason' \
	grep -q '"deep (the call stack of 9 frames is too deep' "$pristine/run.json"
# Its clock is real, so all of the object's is; random numbers, redirects and tunnels of the others are not.
most_interposed() {
	grep -o '"interposed": [0-9]*' "$1" | sort -t ' ' -k 2 -n | tail -n 1 | cut -d ' ' -f 2
}
expect_exit 0 "$verdict" run --engine testrun --out "$pristine/out" --json "$pristine/all.json" \
	dns-restart-mid-flow
expect_true 'and that fewer calls are replaced than without it' \
	test "$(most_interposed "$pristine/run.json")" -lt "$(most_interposed "$pristine/all.json")"

rm -rf "$pristine"
