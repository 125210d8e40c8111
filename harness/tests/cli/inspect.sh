# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict inspect`: exit codes, options, and what is said of objects that do not load. Sourced by
# cli.sh.
# shellcheck disable=SC2154

objects=$(mktemp -d)
compile_object() {
	clang -O2 -g -target bpf -c -o "$objects/$1.o" -x c -
}
compile_object rejected <<'END'
char _license[] __attribute__((section("license"), used)) = "GPL";
__attribute__((section("xdp"), used)) int reads_wild(void *ctx)
{
	return *(int *)(*(unsigned long *)ctx + 4096);
}
END
compile_object nameless <<'END'
char _license[] __attribute__((section("license"), used)) = "GPL";
__attribute__((section("what is this"), used)) int ok(void *ctx)
{
	return 1;
}
__attribute__((section("xdp"), used)) int other(void *ctx)
{
	return 2;
}
END

expect_exit 2 "$verdict" inspect
expect_output 'no object given'
expect_exit 2 "$verdict" inspect /no/such.o
expect_output '/no/such.o'
expect_exit 2 "$verdict" inspect "$verdict"
expect_exit 2 "$verdict" inspect README.md
expect_exit 2 "$verdict" inspect build/bpf/bpf_host.o more
expect_exit 2 "$verdict" inspect --type xdp "$objects/nameless.o"
expect_output "bad value 'xdp' for --type"
expect_exit 2 "$verdict" inspect --program otehr "$objects/nameless.o"
expect_output 'did you mean other'

expect_exit 3 "$verdict" inspect "$objects/rejected.o"
expect_output 'loads +no'
expect_output 'rejects program reads_wild'
expect_output 'invalid bpf_context access'
expect_exit 0 "$verdict" inspect --no-load "$objects/rejected.o"
expect_output 'not tried: --no-load'
expect_no_output 'verifier:'

expect_exit 0 "$verdict" inspect --type 'what is this=xdp' "$objects/nameless.o"
expect_output 'ok: xdp, section what is this'
expect_output 'verifier: 2 instructions processed'
expect_exit 0 "$verdict" inspect --type 'what is this=sched_cls' --program ok "$objects/nameless.o"
expect_output 'ok: sched_cls'
expect_no_output 'other:'

expect_exit 0 setpriv --reuid=65534 --clear-groups --inh-caps=+dac_read_search \
	--ambient-caps=+dac_read_search "$verdict" inspect "$objects/nameless.o" \
	--type 'what is this=xdp'
expect_output 'not tried: needs root'

expect_exit 0 "$verdict" inspect "${BUILD:-build}/bpf/bpf_host.o"
expect_no_output '^.{81}'
expect_exit 0 "$verdict" inspect /usr/lib/*/bpf/xdp-dispatcher.o
expect_true 'nothing it loaded stays pinned' test ! -e /sys/fs/bpf/inspect

rm -rf "$objects"
