# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict replay`: options, exit codes, the capture's own verdicts, what it prints and writes. Sourced
# by cli.sh.
# shellcheck disable=SC2154

dir=$(mktemp -d)
clang -O2 -g -target bpf -c -o "$dir/odd.o" -x c - <<'END_OF_SOURCE'
typedef unsigned char u8;
typedef unsigned int u32;
#define SEC(n) __attribute__((section(n), used))
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index; };
struct __sk_buff { u32 len, pkt_type, mark; };
char _license[] SEC("license") = "GPL";
static long (*redirect)(u32, unsigned long long) = (void *)23;
const volatile u32 port = 53;
/* drops UDP to and from `port` */
SEC("xdp") int no_dns(struct xdp_md *x)
{
	u8 *p = (void *)(long)x->data, *end = (void *)(long)x->data_end;

	if (p + 38 > end || p[23] != 17)
		return 2;
	return (p[34] << 8 | p[35]) == port || (p[36] << 8 | p[37]) == port ? 1 : 2;
}
SEC("tc") int to_seven(struct __sk_buff *s)
{
	s->mark = 5;
	return redirect(7, 0);
}
END_OF_SOURCE
dns=fixtures/captures/dns.pcapng
replay=("$verdict" replay --object "$dir/odd.o")

# wrong usage, and files that cannot be read
expect_exit 2 "$verdict" replay
expect_output 'no capture given'
expect_exit 2 "$verdict" replay "$dns"
expect_output 'which program\?'
expect_exit 2 "${replay[@]}" "$dns" "$dns"
expect_exit 2 "${replay[@]}" "$dns"
expect_output 'has 2 programs: say which by --program'
expect_exit 2 "${replay[@]}" --program no_dsn "$dns"
expect_output 'did you mean no_dns'
expect_exit 2 "${replay[@]}" --program no_dns /no/such.pcapng
expect_output '/no/such.pcapng'
expect_exit 2 "${replay[@]}" --program no_dns README.md
expect_output 'README.md.*neither pcap nor pcapng'
expect_exit 2 "$verdict" replay --object /no/such.o "$dns"
expect_output '/no/such.o'
expect_exit 2 "$verdict" replay --object README.md "$dns"
expect_output 'README.md'
expect_exit 2 "${replay[@]}" --target verdict "$dns"
expect_output 'exclude each other'
expect_exit 2 "$verdict" replay --target verdcit --hook native/ingress "$dns"
expect_output 'verdcit'
expect_exit 2 "$verdict" replay --target verdict "$dns"
expect_output 'Give --hook ROLE/HOOK'
expect_exit 2 "$verdict" replay --target verdict --hook native/outgress "$dns"
expect_exit 2 "${replay[@]}" --program no_dns --hook native/ingress "$dns"
expect_output 'only a target file has'
expect_exit 2 "${replay[@]}" --program no_dns --hook egress "$dns"
expect_output 'cannot be at hook egress'
expect_exit 2 "${replay[@]}" --program no_dns --config prot=1 "$dns"
expect_output "no constant 'prot'; did you mean 'port'"
expect_exit 2 "${replay[@]}" --program no_dns --config port=70000000000 "$dns"
expect_output 'port'
expect_exit 2 "${replay[@]}" --program no_dns --config port "$dns"
expect_output "bad value 'port' for --config"
expect_exit 2 "${replay[@]}" --program no_dns --ifindex 0 "$dns"
expect_exit 2 "${replay[@]}" --program no_dns --packets 3-1 "$dns"
expect_exit 2 "${replay[@]}" --program no_dns --expect packets "$dns"
expect_exit 2 "${replay[@]}" --program no_dns --tunnel x "$dns"
expect_exit 2 "${replay[@]}" --program no_dns --map-size nosuch=5 "$dns"
expect_output 'nosuch'
expect_exit 2 "${replay[@]}" --program no_dns --maps /no/such.yaml "$dns"
expect_output '/no/such.yaml'
expect_exit 2 "${replay[@]}" --program no_dns --ip /no/such.batch "$dns"
expect_output '/no/such.batch.*batch for ip'
echo 'route add nonsense' >"$dir/batch"
expect_exit 2 "${replay[@]}" --program no_dns --ip "$dir/batch" "$dns"
expect_output 'batch: ip failed .*valid prefix'

# what it says
expect_exit 0 "${replay[@]}" --program no_dns "$dns"
expect_output 'odd.o: SHA-256 [0-9a-f]{64}, .*clang version'
expect_output 'no_dns of odd.o at XDP of dev2 \(ifindex 2\)'
expect_output '^ +1 \+0\.000000 XDP_DROP +10\.160\.128\.34:24826 > 10\.160\.128\.53:53 udp len 35$'
expect_output '^4 packets: 4 XDP_DROP; '
expect_exit 0 "${replay[@]}" --program no_dns --config port=54 --packets 2-3 "$dns"
expect_output '^2 packets: 2 XDP_PASS; '
expect_no_output '^ +1 '
expect_exit 0 "${replay[@]}" --program to_seven --hook egress --ifindex 9 --packets 1 "$dns"
expect_output 'at tc egress of dev9 \(ifindex 9\)'
expect_output '1 \+0\.000000 TC_ACT_REDIRECT '
expect_output 'redirect to ifindex 7, egress'
expect_output 'mark 0x0 -> 0x5'
expect_output '=> sent at ifindex 7'
expect_exit 0 "${replay[@]}" --program to_seven --pristine --packets 1 "$dns"
expect_output 'as shipped: redirects are not seen'
expect_output '=> unmodelled'
expect_exit 0 "${replay[@]}" --program no_dns --quiet "$dns"
expect_true 'one line of totals, no more' test "$(wc -l <"$output")" = 1
expect_exit 4 "${replay[@]}" --program no_dns --packets 9- "$dns"
expect_output 'nothing ran'

# the capture's verdicts: what one replay writes the next one expects
expect_exit 4 "${replay[@]}" --program no_dns --expect verdicts "$dns"
expect_output 'nothing was compared.*epb_verdict'
expect_exit 0 "${replay[@]}" --program no_dns -o "$dir/out.pcapng" --quiet "$dns"
expect_exit 0 tshark -r "$dir/out.pcapng" -Y 'frame.verdict.ebpf_xdp == 1' -T fields -e frame.interface_name
expect_true 'four exits, of the program' \
	test "$(grep -c 'odd.o/dev2:no_dns()@exit' "$output")" = 4
expect_exit 0 "${replay[@]}" --program no_dns --expect verdicts "$dir/out.pcapng"
expect_output '^4 packets: 4 XDP_DROP'
expect_output '4 verdicts compared with the capture.s: 4 as expected, 0 not'
expect_exit 1 "${replay[@]}" --program no_dns --config port=54 --expect verdicts --quiet "$dir/out.pcapng"
expect_output '^packet 1: verdict: expected XDP_DROP \(record 2\), actual XDP_PASS$'
expect_output '0 as expected, 4 not'
expect_exit 4 "${replay[@]}" --program to_seven --expect verdicts --quiet "$dir/out.pcapng"
expect_output 'a verdict of XDP: it says nothing of this program'
expect_exit 0 "${replay[@]}" --program no_dns --quiet --interface '*@entry' "$dir/out.pcapng"
expect_output '^4 packets'

# JSON is one document, whatever happens
expect_exit 0 "${replay[@]}" --program no_dns --json "$dns"
expect_exit 1 "${replay[@]}" --program no_dns --json --config port=54 --expect verdicts "$dir/out.pcapng"
expect_output '"unexpected": \[\{"packet":1,"record":2,"expected":"XDP_DROP","actual":"XDP_PASS"\}'

# cut packets
editcap -s 60 "$dns" "$dir/cut.pcapng"
expect_exit 0 "${replay[@]}" --program no_dns "$dir/cut.pcapng"
expect_output 'the capture had cut this packet; zeros fill it up to 77 bytes'
expect_output '4 cut by the capture'
# a broken end: what was before it is told, and that it broke
head -c "$(($(stat -c %s "$dns") - 7))" "$dns" >"$dir/broken.pcapng"
expect_exit 2 "${replay[@]}" --program no_dns "$dir/broken.pcapng"
expect_output '^ +1 .*XDP_DROP'
expect_output 'the file ends inside'

# a pipe is as good as a file
expect_exit 0 bash -c "cat '$dns' | '$verdict' replay --object '$dir/odd.o' --program no_dns /dev/stdin"
expect_output '^4 packets'

# memory does not grow with the capture: 200,000 packets in 64 MiB of address space above the program's own
cp "$dns" "$dir/long.pcapng"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	cat "$dir/long.pcapng" "$dir/long.pcapng" >"$dir/longer.pcapng"
	mv "$dir/longer.pcapng" "$dir/long.pcapng"
done
expect_exit 0 bash -c "ulimit -v 200000; '$verdict' replay --object '$dir/odd.o' --program no_dns --quiet '$dir/long.pcapng'"
expect_output '^131072 packets: 131072 XDP_DROP'
# stopped from outside, it says how far it came
expect_exit 130 timeout --foreground --preserve-status -s INT 0.4 "${replay[@]}" --program no_dns "$dir/long.pcapng"
expect_output 'stopped by Interrupt'
expect_output '^[0-9]+ packets: [0-9]+ XDP_DROP'

rm -rf "$dir"
