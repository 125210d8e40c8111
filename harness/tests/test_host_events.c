/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host datapath's events and counters: how many, at each aggregation level, and every field. */
#include "datapath.h"

#include "base/words.h"

#define ME    "10.160.128.34"
#define PEER  "10.160.128.31"
#define ETCD  2379
#define EPHEM 24824

static struct packet out(uint8_t flags)
{
	return tcp(ME, EPHEM, PEER, ETCD, flags);
}

static struct packet in(uint8_t flags)
{
	return tcp(PEER, ETCD, ME, EPHEM, flags);
}

/* Events of one run as text: "trace10/5 verdict trace2/0". */
static const char *events_of(struct dp *dp, int prog, struct packet p)
{
	static char text[256];
	int n = 0;

	dp_run(dp, prog, &p);
	text[0] = '\0';
	for (int i = 0; i < dp->n_events; i++) {
		const uint8_t *e = dp->events[i].data;
		const char *gap = i ? " " : "";

		if (e[0] == EV_TRACE)
			n += snprintf(text + n, sizeof(text) - n, "%strace%u/%u", gap, e[1], e[26]);
		else if (e[0] == EV_VERDICT)
			n += snprintf(text + n, sizeof(text) - n, "%sverdict", gap);
		else
			n += snprintf(text + n, sizeof(text) - n, "%sdrop%u", gap, e[1]);
	}
	return text;
}

static int file_of_name(const char *name)
{
	int n;

	cr_assert(word_parse(&words_source_file, name, &n));
	return n;
}

/* The header common to all: bytes 0 to 16. */
static void check_header(const struct dp_event *e, const struct packet *p, unsigned size,
			 uint8_t version)
{
	unsigned cap = p->len < 128 ? p->len : 128;

	cr_assert_eq(get16(e->data, 2), HOST_EP);
	cr_assert_eq(get32(e->data, 8), p->len);
	cr_assert_eq(get16(e->data, 12), cap);
	cr_assert_eq(e->data[14], version);
	cr_assert_eq(e->data[15], 0);
	/* the perf ring pads records to 8 bytes, counting its own 4-byte length */
	cr_assert(e->size >= size + cap && e->size < size + cap + 8, "size %u", e->size);
	cr_assert_eq(memcmp(e->data + size, p->data, cap), 0, "captured bytes differ");
}

Test(events, without_aggregation_every_hop_of_every_packet_is_told)
{
	struct dp *dp = DP_OPEN();

	cr_assert_str_eq(events_of(dp, dp->from, in(ACK)), "trace10/5 verdict drop133");
	cr_assert_str_eq(events_of(dp, dp->to, out(SYN)), "verdict trace11/0");
	cr_assert_str_eq(events_of(dp, dp->from, in(SYN | ACK)), "trace10/5 trace2/2");
	cr_assert_str_eq(events_of(dp, dp->to, out(ACK)), "trace11/1");
	for (int i = 0; i < 10; i++)
		cr_assert_str_eq(events_of(dp, dp->to, out(ACK)), "trace11/1");
}

/* Also where the host gets it: not sent, but received. */
Test(events, aggregation_rx_leaves_out_what_comes_from_the_network)
{
	struct dp *dp = DP_OPEN({ "monitor_aggregation", 1 });

	cr_assert_str_eq(events_of(dp, dp->from, in(ACK)), "verdict drop133");
	cr_assert_str_eq(events_of(dp, dp->to, out(SYN)), "verdict trace11/0");
	cr_assert_str_eq(events_of(dp, dp->from, in(SYN | ACK)), "");
	cr_assert_str_eq(events_of(dp, dp->to, out(SYN)), "trace11/1");
}

Test(events, aggregation_of_connections_tells_only_news)
{
	struct dp *dp = DP_OPEN({ "monitor_aggregation", 3 }, { "ct_report_interval", 1000000 });
	struct packet other = tcp("10.160.128.99", 1, "10.160.128.98", 2, SYN);

	/* on a machine that runs for less than the interval every entry's first report is recent */
	cr_assert_str_eq(events_of(dp, dp->to, out(SYN)), "verdict trace11/0");
	cr_assert_str_eq(events_of(dp, dp->from, in(SYN | ACK)), "");
	cr_assert_str_eq(events_of(dp, dp->to, out(ACK)), "trace11/1");
	for (int i = 0; i < 10; i++) {
		cr_assert_str_eq(events_of(dp, dp->to, out(ACK)), "");
		cr_assert_str_eq(events_of(dp, dp->from, in(ACK)), "");
	}
	cr_assert_str_eq(events_of(dp, dp->to, out(PSH | ACK)), "trace11/1");
	cr_assert_str_eq(events_of(dp, dp->to, out(PSH | ACK)), "");
	cr_assert_str_eq(events_of(dp, dp->from, in(FIN | ACK)), "");
	cr_assert_str_eq(events_of(dp, dp->to, out(FIN | ACK)), "trace11/1");
	cr_assert_str_eq(events_of(dp, dp->to, out(FIN | ACK)), "");
	cr_assert_str_eq(events_of(dp, dp->to, other), "", "what is not tracked is no news");
	cr_assert_str_eq(events_of(dp, dp->from, tcp(PEER, 1, ME, 2, SYN)), "verdict drop133");
}

Test(events, aggregated_connections_report_once_an_interval)
{
	struct dp *dp = DP_OPEN({ "monitor_aggregation", 3 });
	struct ct_key k = ct_key(ME, PEER, ETCD, EPHEM, IPPROTO_TCP, FLAG_OUT);
	struct ct_raw e;

	events_of(dp, dp->to, out(ACK));
	cr_assert_str_eq(events_of(dp, dp->to, out(ACK)), "");
	cr_assert(ct_get(dp, k, &e));
	e.last_tx_report -= 6; /* the interval is 5 s */
	ct_put(dp, k, &e);
	cr_assert_str_eq(events_of(dp, dp->to, out(ACK)), "trace11/1");
	cr_assert_str_eq(events_of(dp, dp->to, out(ACK)), "");
	cr_assert(ct_get(dp, k, &e));
	cr_assert(uptime() - e.last_tx_report <= 1);
}

Test(events, a_drop_tells_who_where_and_why)
{
	struct dp *dp = DP_OPEN();
	struct packet p = in(PSH | ACK);
	const struct dp_event *e;

	dp_run(dp, dp->from, &p);
	e = dp_event(dp, EV_DROP, 133);
	cr_assert(e);
	check_header(e, &p, 48, 3);
	cr_assert_eq(get32(e->data, 16), APISERVER);
	cr_assert_eq(get32(e->data, 20), HOST);
	cr_assert_eq(get32(e->data, 24), 0, "endpoint");
	cr_assert_gt(get16(e->data, 28), 0, "line");
	cr_assert_eq(e->data[30], file_of_name("host_firewall.h"));
	cr_assert_eq(e->data[31], 0, "ext_error");
	cr_assert_gt(get32(e->data, 32), 0, "ifindex");
	for (int i = 36; i < 48; i++)
		cr_assert_eq(e->data[i], 0, "byte %d", i);
}

Test(events, a_drops_file_is_where_the_cause_was_found)
{
	struct dp *dp = DP_OPEN();
	struct packet p = tcp(PEER, 1, ME, 2, SYN);
	uint16_t line;

	p.data[14] = 0x44; /* four words of header */
	dp_run(dp, dp->from, &p);
	cr_assert_eq(dp_event(dp, EV_DROP, 134)->data[30], file_of_name("ipv4.h"));
	p = tcp(PEER, 1, ME, 2, SYN);
	p.data[34 + 12] = 0x40;
	dp_run(dp, dp->from, &p);
	cr_assert_eq(dp_event(dp, EV_DROP, 135)->data[30], file_of_name("conntrack.h"));
	line = get16(dp_event(dp, EV_DROP, 135)->data, 28);
	p.data[14 + 9] = 47;
	dp_run(dp, dp->from, &p);
	cr_assert_eq(dp_event(dp, EV_DROP, 137)->data[30], file_of_name("conntrack.h"));
	cr_assert_neq(get16(dp_event(dp, EV_DROP, 137)->data, 28), line);
}

Test(events, a_trace_tells_identities_and_the_flows_state)
{
	struct dp *dp = DP_OPEN();
	struct packet p = out(SYN);
	const struct dp_event *e;

	dp_run(dp, dp->to, &p);
	e = dp_event(dp, EV_TRACE, TO_NETWORK);
	cr_assert(e);
	check_header(e, &p, 56, 2);
	cr_assert_eq(get32(e->data, 16), HOST);
	cr_assert_eq(get32(e->data, 20), APISERVER);
	cr_assert_eq(get16(e->data, 24), 0);
	cr_assert_eq(e->data[26], NEW);
	cr_assert_eq(e->data[27], 0);
	cr_assert_gt(get32(e->data, 28), 0);
	for (int i = 32; i < 56; i++)
		cr_assert_eq(e->data[i], 0, "byte %d", i);
	p = in(SYN | ACK);
	dp_run(dp, dp->from, &p);
	e = dp_event(dp, EV_TRACE, TO_HOST);
	cr_assert(e);
	cr_assert_eq(get32(e->data, 16), APISERVER);
	cr_assert_eq(get32(e->data, 20), HOST);
	cr_assert_eq(get16(e->data, 24), HOST_EP);
}

Test(events, a_policy_verdict_tells_peer_port_direction_and_rule)
{
	struct dp *dp = DP_OPEN();
	struct packet p = tcp(PEER, 40000, ME, ETCD, SYN);
	const struct dp_event *e;

	dp_rule(dp, (struct rule){ .label = APISERVER,
				   .bits = 24,
				   .proto = 6,
				   .port = ETCD,
				   .cookie = 0xc00c1e });
	dp_run(dp, dp->from, &p);
	e = dp_event(dp, EV_VERDICT, 0);
	cr_assert(e);
	check_header(e, &p, 40, 0);
	cr_assert_eq(get32(e->data, 16), APISERVER);
	cr_assert_eq(get32(e->data, 20), 0);
	cr_assert_eq(get16(e->data, 24), ETCD);
	cr_assert_eq(e->data[26], IPPROTO_TCP);
	cr_assert_eq(e->data[27], 1 | 2 << 3, "ingress, L3 and L4");
	cr_assert_eq(e->data[28], 0);
	cr_assert_eq(get32(e->data, 32), 0xc00c1e);
	p = out(SYN);
	dp_run(dp, dp->to, &p);
	e = dp_event(dp, EV_VERDICT, 0);
	cr_assert_eq(get32(e->data, 16), APISERVER, "the remote side is the destination");
	cr_assert_eq(e->data[27], 2 | 4 << 3, "egress, all");
	p = tcp(PEER, 40000, ME, 80, SYN);
	dp_run(dp, dp->from, &p);
	e = dp_event(dp, EV_VERDICT, 0);
	cr_assert_eq((int32_t)get32(e->data, 20), -133);
	cr_assert_eq(e->data[27], 1);
}

Test(events, captured_bytes_are_limited_by_the_setting)
{
	struct dp *dp = DP_OPEN({ "trace_payload_len", 20 });
	struct packet p = out(SYN);
	const struct dp_event *e;

	dp_run(dp, dp->to, &p);
	e = dp_event(dp, EV_TRACE, TO_NETWORK);
	cr_assert_eq(get32(e->data, 8), p.len);
	cr_assert_eq(get16(e->data, 12), 20);
	cr_assert_lt(e->size, 56 + 20 + 8);
}

Test(events, ipv6_is_marked)
{
	struct dp *dp = DP_OPEN();
	struct packet p = { .len = 14 + 40 };

	/* from :: to ::, both the world's; 59: no next header */
	p.data[12] = 0x86, p.data[13] = 0xdd, p.data[14] = 0x60, p.data[20] = 59;
	cr_assert_eq(dp_run(dp, dp->to, &p), ACT_OK);
	cr_assert_eq(dp_event(dp, EV_TRACE, TO_NETWORK)->data[27], 1);
	cr_assert_eq(dp_event(dp, EV_TRACE, TO_NETWORK)->data[26], UNKNOWN);
}

/* Sum over CPUs and source lines of what has that reason and direction. */
static void metrics(struct dp *dp, uint8_t reason, uint8_t dir, uint64_t *count, uint64_t *bytes)
{
	int fd = dp_map(dp, "cilium_metrics"), cpus = libbpf_num_possible_cpus();
	uint64_t *values = calloc((size_t)cpus, 16);
	uint8_t key[8], *at = NULL;

	*count = *bytes = 0;
	while (bpf_map_get_next_key(fd, at, key) == 0) {
		at = key;
		cr_assert_eq(bpf_map_lookup_elem(fd, key, values), 0);
		cr_assert_gt(key[4], 0, "file");
		for (int i = 0; key[0] == reason && key[1] == dir && i < cpus; i++) {
			*count += values[2 * i];
			*bytes += values[2 * i + 1];
		}
	}
	free(values);
}

Test(metrics, forwarded_and_dropped_packets_are_counted_each_way)
{
	struct dp *dp = DP_OPEN({ "monitor_aggregation", 3 });
	struct packet o = out(ACK), i = in(ACK), denied = tcp(PEER, 1, ME, 2, SYN);
	uint64_t count, bytes;

	for (int n = 0; n < 3; n++)
		dp_run(dp, dp->to, &o);
	dp_run(dp, dp->from, &i);
	dp_run(dp, dp->from, &denied);
	dp_run(dp, dp->from, &denied);
	metrics(dp, 0, 2, &count, &bytes);
	cr_assert_eq(count, 3);
	cr_assert_eq(bytes, 3 * o.len);
	metrics(dp, 0, 1, &count, &bytes);
	cr_assert_eq(count, 1);
	metrics(dp, 133, 1, &count, &bytes);
	cr_assert_eq(count, 2);
	cr_assert_eq(bytes, 2 * denied.len);
}
