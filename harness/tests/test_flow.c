/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows through run_scenario(), on an engine of this test's own: a service with one backend, reached by
 * source and destination NAT. What the real engines do is none of it; what is judged is who sends what,
 * in which words, and what is held against the expectations.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "files.h"

#include "engine/run.h"
#include "judge/judge.h"
#include "packet/build.h"
#include "packet/csum.h"
#include "packet/pcapng.h"

static const char nodes_yaml[] =
	"apiVersion: v1\n"
	"kind: Node\n"
	"metadata: {name: node-0}\n"
	"spec: {podCIDRs: [10.0.0.0/24, \"fd00:10::/112\"]}\n"
	"status: {addresses: [{type: InternalIP, address: 172.18.0.2}, {type: InternalIP, address: "
	"\"fc00:f853::2\"}]}\n"
	"---\n"
	"apiVersion: v1\n"
	"kind: Node\n"
	"metadata: {name: node-1}\n"
	"spec: {podCIDRs: [10.0.1.0/24, \"fd00:10::1:0/112\"]}\n"
	"status: {addresses: [{type: InternalIP, address: 172.18.0.3}, {type: InternalIP, address: "
	"\"fc00:f853::3\"}]}\n"
	"---\n"
	"apiVersion: v1\n"
	"kind: Pod\n"
	"metadata: {name: web-0, namespace: prod, labels: {app: web}}\n"
	"spec: {nodeName: node-1}\n"
	"status: {podIP: 10.0.1.5, podIPs: [{ip: 10.0.1.5}, {ip: \"fd00:10::1:5\"}]}\n"
	"---\n"
	"apiVersion: v1\n"
	"kind: Service\n"
	"metadata: {name: web, namespace: prod}\n"
	"spec:\n"
	"  type: NodePort\n"
	"  selector: {app: web}\n"
	"  clusterIP: 10.96.0.80\n"
	"  clusterIPs: [10.96.0.80, \"fd00:96::80\"]\n"
	"  ipFamilies: [IPv4, IPv6]\n"
	"  externalIPs: [198.51.100.80, \"2001:db8:ee::80\"]\n"
	"  ports:\n"
	"  - {name: http, port: 80, targetPort: 8080, nodePort: 30080, protocol: TCP}\n"
	"  - {name: dns, port: 53, targetPort: 5353, nodePort: 30053, protocol: UDP}\n"
	"  - {name: s1, port: 36412, targetPort: 36412, nodePort: 30412, protocol: SCTP}\n";

#define HEAD                                                                                       \
	"cluster: cl\n"                                                                            \
	"hosts: {client: [192.0.2.10, \"2001:db8::10\"], router: [192.0.2.1, \"2001:db8::1\"]}\n"  \
	"steps:\n"

/* ---- the engine ---- */

struct nat { /* of a packet from the client */
	struct packet_ends client, backend;
};

static struct {
	struct nat nats[16];
	size_t n;
	bool broken; /* answers keep the backend's address */
	uint16_t drop; /* this destination port */
	struct injection seen[64]; /* what was injected; bytes in the run's arena */
	size_t n_seen;
} world;

struct engine {
	const struct cluster *cluster;
};

static int fake_open(const struct engine_opts *o, const struct log_sink *log, struct engine **out,
		     struct err *err)
{
	(void)log;
	(void)err;
	*out = calloc(1, sizeof(**out));
	(*out)->cluster = o->cluster;
	return 0;
}

static bool match(const struct packet_ends *a, const struct packet_ends *b)
{
	return a->proto == b->proto && packet_end_equal(&a->src, &b->src) &&
	       packet_end_equal(&a->dst, &b->dst);
}

static struct packet_end end_at(const char *ip, uint16_t port)
{
	struct packet_end e = { .port = port };

	cr_assert(ip_addr_parse(ip, &e.addr));
	return e;
}

/* Every frontend of the service goes to web-0; the source becomes node-0 with a port of its own. */
static const struct nat *make_nat(const struct packet_ends *e)
{
	struct nat *n = &world.nats[world.n++];
	bool v4 = e->src.addr.family == 4;

	n->client = n->backend = *e;
	n->backend.dst = end_at(v4 ? "10.0.1.5" : "fd00:10::1:5",
				e->dst.port ? (uint16_t)(e->dst.port + 8000) : 0);
	n->backend.src = end_at(v4 ? "172.18.0.2" : "fc00:f853::2", (uint16_t)(61000 + world.n));
	return n;
}

/* The packet's ends on the other side of the NAT; back: it comes from the backend. */
static bool nat(struct packet_ends *e, bool may_make, bool *back)
{
	struct packet_ends reply = packet_ends_reverse(e);

	for (size_t i = 0; i < world.n; i++) {
		const struct nat *n = &world.nats[i];

		*back = match(&n->backend, &reply);
		if (*back) {
			*e = packet_ends_reverse(&n->client);
			if (world.broken)
				e->src = n->backend.dst;
			return true;
		}
		if (match(&n->client, e)) {
			*e = n->backend;
			return true;
		}
	}
	*back = false;
	if (may_make)
		*e = make_nat(e)->backend;
	return may_make;
}

/* Quoted: a packet that the error's receiver sent, so it is looked up the other way round. */
static bool nat_error(struct frame *f, struct packet_ends *quoted, bool *back)
{
	struct packet_ends outer, reply = packet_ends_reverse(quoted);
	bool known = nat(&reply, false, back);

	if (!known || !frame_ends(f, &outer))
		return false;
	*quoted = packet_ends_reverse(&reply);
	outer.dst.addr = quoted->src.addr;
	frame_set_ends(f, &outer);
	frame_set_quoted_ends(f, quoted);
	return true;
}

static int fake_inject(struct engine *e, const struct injection *in, struct arena *a,
		       struct trace *t, uint64_t *lost, struct err *err)
{
	struct packet_ends ends, quoted;
	bool back = false;

	(void)lost;
	(void)err;
	world.seen[world.n_seen++] = *in;
	t->final = in->frame;
	t->final.data = arena_memdup(a, in->frame.data, in->frame.len);
	t->outcome = OUTCOME_DROPPED;
	cr_assert(frame_ends(&in->frame, &ends));
	if (frame_quoted_ends(&in->frame, &quoted)) {
		if (!nat_error(&t->final, &quoted, &back))
			return 0;
	} else if (ends.dst.port == world.drop && world.drop) {
		return 0;
	} else {
		if (!nat(&ends, true, &back))
			return 0;
		frame_set_ends(&t->final, &ends);
	}
	t->outcome = back ? OUTCOME_SENT : OUTCOME_DELIVERED;
	t->place = (struct cluster_place){ .node = -1 };
	t->at = "world";
	if (!back) {
		const struct cluster_node *n = &e->cluster->nodes[1];

		t->place = (struct cluster_place){ 1, &n->endpoints[1] };
		t->at = n->endpoints[1].name;
	}
	return 0;
}

static int fake_advance(struct engine *e, uint64_t now_ns, struct err *err)
{
	(void)e;
	(void)now_ns;
	(void)err;
	return 0;
}

static unsigned fake_interposed(const struct engine *e)
{
	(void)e;
	return 0;
}

static int fake_loaded(const struct engine *e, struct loaded_list *list, struct err *err)
{
	(void)e;
	(void)list;
	(void)err;
	return 0;
}

static void fake_close(struct engine *e)
{
	free(e);
}

static const struct engine_ops fake = {
	.name = "fake",
	.kind = ENGINE_TESTRUN,
	.follows = true,
	.open = fake_open,
	.inject = fake_inject,
	.advance = fake_advance,
	.interposed = fake_interposed,
	.loaded = fake_loaded,
	.close = fake_close,
};

/* ---- running ---- */

static struct arena *arena;
static struct scenario *s;
static struct run_cache *cache;
static struct run_trace run;
static struct scenario_result result;
static struct buf said; /* the differences */
static struct err err;

static void setup(void)
{
	files_enter();
	files_write("cl/all.yaml", nodes_yaml);
	files_write("sc/scenario.yaml", "");
	arena = arena_new();
	cache = run_cache_new();
}

static void teardown(void)
{
	scenario_free(s);
	run_cache_free(cache);
	arena_free(arena);
	buf_free(&said);
	files_leave();
}

TestSuite(flow, .init = setup, .fini = teardown);

static int try_run(const char *text)
{
	struct run_opts opts = { .cache = cache, .ops = &fake };

	memset(&world.nats, 0, sizeof(world.nats));
	world.n = world.n_seen = 0;
	scenario_free(s);
	s = NULL;
	files_write("sc/scenario.yaml", text);
	cr_assert_eq(scenario_load("sc", &s, &err), 0, "%s", err.text);
	return run_scenario(s, ENGINE_TESTRUN, &opts, arena, &run, &err);
}

static void runs(const char *text)
{
	cr_assert_eq(try_run(text), 0, "%s", err.text);
	memset(&result, 0, sizeof(result));
	judge_scenario(arena, s, &run, &result);
	buf_reset(&said);
	for (size_t i = 0; i < result.n_steps; i++)
		for (size_t j = 0; j < result.steps[i].n_diffs; j++)
			judge_print_difference(&said, &result.steps[i].diffs[j]);
}

static void passes(const char *text)
{
	runs(text);
	cr_assert_eq(result.status, STATUS_PASSED, "%s", buf_str(&said));
}

static void differs(const char *text, const char *how)
{
	runs(text);
	cr_assert_eq(result.status, STATUS_FAILED, "passed: %s", text);
	cr_assert(strstr(buf_str(&said), how), "no '%s' in: %s", how, buf_str(&said));
}

static const struct trace *packet(size_t step, size_t i)
{
	cr_assert_lt(i, run.steps[step].n_packets);
	return &run.steps[step].packets[i];
}

static void is_between(const struct frame *f, const char *src, uint16_t sport, const char *dst,
		       uint16_t dport)
{
	struct packet_end want_src = end_at(src, sport), want_dst = end_at(dst, dport);
	__cleanup_buf struct buf text = BUF_INIT;
	struct packet_ends e;

	cr_assert(frame_ends(f, &e));
	ip_addr_print(&text, &e.src.addr);
	buf_printf(&text, ":%u > ", e.src.port);
	ip_addr_print(&text, &e.dst.addr);
	buf_printf(&text, ":%u", e.dst.port);
	cr_expect(packet_end_equal(&e.src, &want_src) && packet_end_equal(&e.dst, &want_dst),
		  "%s, should be %s:%u > %s:%u", buf_str(&text), src, sport, dst, dport);
}

static void sums_are_good(const struct frame *f)
{
	struct layers l;

	packet_parse(f->data, f->len, LINK_ETHERNET, &l);
	cr_expect_neq(csum_l3(f->data, f->len, &l.ip), CSUM_BAD);
	cr_expect_eq(csum_l4(f->data, f->len, &l.ip), CSUM_GOOD);
}

/* ---- replies ---- */

Test(flow, a_reply_comes_from_who_got_the_request_with_what_they_saw)
{
	const struct trace *syn_ack;

	passes(HEAD
	       "  - tcp: {from: client, to: 'svc/prod/web:80', sport: 51724, do: [handshake]}\n"
	       "    expect:\n"
	       "    - {packets: 1, outcome: delivered, at: prod/web-0}\n"
	       "    - packets: 2\n"
	       "      outcome: sent\n"
	       "      at: world\n"
	       "      packet: {ip.src: 10.96.0.80, tcp.srcport: 80, ip.dst: 192.0.2.10, "
	       "tcp.dstport: 51724, tcp.flags: AS}\n"
	       "    - packets: \"1,3\"\n"
	       "      live: {ip.src: 172.18.0.2, tcp.srcport: 61001, ip.dst: 10.0.1.5, "
	       "tcp.dstport: 8080}\n"
	       "    - {packets: 3, packet: {ip.dst: 10.96.0.80, tcp.srcport: 51724}}\n");
	cr_assert_eq(run.steps[0].n_packets, 3);
	cr_expect_eq(world.seen[0].sender.node, -1);
	cr_expect_eq(world.seen[0].to, 0, "the first node takes what no node owns");
	cr_expect_eq(world.seen[1].sender.node, 1);
	cr_expect_str_eq(world.seen[1].sender.endpoint->name, "prod/web-0");
	syn_ack = packet(0, 1);
	is_between(&syn_ack->scripted, "10.96.0.80", 80, "192.0.2.10", 51724);
	is_between(&syn_ack->frame, "10.0.1.5", 8080, "172.18.0.2", 61001);
	for (size_t i = 0; i < 3; i++)
		sums_are_good(&world.seen[i].frame);
	is_between(&packet(0, 2)->received, "192.0.2.10", 51724, "10.96.0.80", 80);
	cr_expect(packet(0, 0)->binds);
	cr_expect_not(packet(0, 2)->binds);
}

static void talks(const char *step, const char *client, uint16_t cport, const char *vip,
		  uint16_t vport, const char *backend, uint16_t bport, const char *snat)
{
	char text[1024];

	snprintf(text, sizeof(text), HEAD "  - %s\n    expect: {packets: 1, outcome: delivered}\n",
		 step);
	passes(text);
	cr_assert_eq(run.steps[0].n_packets, 2);
	is_between(&packet(0, 0)->frame, client, cport, vip, vport);
	is_between(&packet(0, 0)->final, snat, 61001, backend, bport);
	is_between(&packet(0, 1)->frame, backend, bport, snat, 61001);
	is_between(&packet(0, 1)->final, vip, vport, client, cport);
	for (size_t i = 0; i < 2; i++) {
		sums_are_good(&packet(0, i)->frame);
		sums_are_good(&packet(0, i)->final);
	}
}

Test(flow, every_protocol_of_both_families_has_its_spaces)
{
	talks("udp: {from: client, to: 'svc/prod/web:53', do: [\"who?\", reply \"me\"]}",
	      "192.0.2.10", 40000, "10.96.0.80", 53, "10.0.1.5", 8053, "172.18.0.2");
	talks("udp: {from: client, to: 'svc/prod/web:dns', family: 6, do: [packet, reply]}",
	      "2001:db8::10", 40000, "fd00:96::80", 53, "fd00:10::1:5", 8053, "fc00:f853::2");
	talks("sctp: {from: client, to: 'web:36412 externalIP', do: [init, init-ack]}",
	      "192.0.2.10", 40000, "198.51.100.80", 36412, "10.0.1.5", 44412, "172.18.0.2");
	talks("tcp: {from: client, to: 'svc/web:http nodePort at node/node-0', family: 6, do: "
	      "[syn, syn-ack]}",
	      "2001:db8::10", 40000, "fc00:f853::2", 30080, "fd00:10::1:5", 38080, "fc00:f853::2");
	talks("icmp: {from: client, to: 'svc/prod/web', sport: 7, do: [echo of 33, reply]}",
	      "192.0.2.10", 7, "10.96.0.80", 0, "10.0.1.5", 0, "172.18.0.2");
	talks("icmp: {from: client, to: 'svc/prod/web', sport: 7, family: 6, do: [echo, reply]}",
	      "2001:db8::10", 7, "fd00:96::80", 0, "fd00:10::1:5", 0, "fc00:f853::2");
}

Test(flow, an_answer_that_was_not_translated_back_is_told)
{
	world.broken = true;
	differs(HEAD "  - udp: {from: client, to: 'svc/prod/web:53', do: [packet, reply]}\n"
		     "    expect: {packets: 2, packet: {ip.src: 10.96.0.80}}\n",
		"ip.src: expected 10.96.0.80, actual 10.0.1.5");
}

Test(flow, the_packet_that_binds_a_flow_can_be_asked_for_live_fields_only)
{
	differs(HEAD "  - udp: {from: client, to: 'svc/prod/web:53', do: [packet, reply]}\n"
		     "    expect: {packets: 1, packet: {ip.dst: 10.96.0.80}}\n",
		"ip.dst: expected something that can fail, actual this packet defines it: 10.0.1.5 "
		"arrived, which `live:` can ask for");
	differs(HEAD "  - udp: {from: client, to: 'svc/prod/web:53', do: [packet, reply]}\n"
		     "    expect: {packets: 1, live: {ip.dst: 10.96.0.80}}\n",
		"ip.dst: expected 10.96.0.80, actual 10.0.1.5");
	passes(HEAD "  - udp: {from: client, to: 'svc/prod/web:53', ttl: 9, do: [packet, reply]}\n"
		    "    expect: {packets: 1, packet: {ip.ttl: 9}}\n");
}

/* ---- what is not sent ---- */

Test(flow, without_a_delivered_request_nobody_answers_and_that_is_no_pass)
{
	world.drop = 80;
	differs(HEAD "  - tcp: {from: client, to: 'svc/prod/web:80', do: [handshake, \"x\"]}\n"
		     "    expect: [{packets: 1, outcome: dropped}, {packets: 2, outcome: sent}]\n",
		"outcome: expected sent, actual not sent (");
	cr_expect_eq(world.n_seen, 1, "of four packets");
	for (size_t i = 1; i < 4; i++) {
		cr_expect_eq(packet(0, i)->outcome, OUTCOME_NONE);
		cr_expect_not_null(packet(0, i)->why);
	}
	differs(HEAD "  - tcp: {from: client, to: 'svc/prod/web:80', do: [handshake]}\n"
		     "    expect: {packets: 2, outcome: dropped}\n",
		"actual not sent (");
}

Test(flow, a_retransmitted_request_can_be_answered)
{
	world.drop = 80;
	passes(HEAD "  - tcp: {name: x, from: client, to: 'svc/prod/web:80', do: [syn]}\n"
		    "    expect: {outcome: dropped}\n");
	world.drop = 0;
	passes(HEAD
	       "  - tcp: {name: x, from: client, to: 'svc/prod/web:80', do: [syn, idle 1s]}\n"
	       "  - tcp: {name: x, do: [retransmit, syn-ack, ack]}\n"
	       "    expect: [{packets: 3, outcome: sent}, {packets: 4, outcome: delivered}]\n");
	cr_expect_eq(world.seen[1].now_ns - world.seen[0].now_ns, 1000100000ull);
	cr_expect_eq(
		memcmp(world.seen[0].frame.data, world.seen[1].frame.data, world.seen[0].frame.len),
		0, "the same bytes");
}

/* ---- ICMP errors ---- */

Test(flow, an_error_quotes_what_its_sender_saw)
{
	struct packet_ends quoted;
	struct frame again;

	passes(HEAD "  - udp: {from: client, to: 'svc/prod/web:53', do: [packet, "
		    "port-unreachable]}\n"
		    "    expect: {packets: 2, outcome: sent, packet: {icmp.type: 3, ip.src#2: "
		    "192.0.2.10, ip.dst#2: 10.96.0.80, udp.dstport: 53}}\n");
	is_between(&packet(0, 1)->frame, "10.0.1.5", 0, "172.18.0.2", 0);
	cr_expect_str_eq(world.seen[1].sender.endpoint->name, "prod/web-0");
	cr_assert(frame_quoted_ends(&packet(0, 1)->frame, &quoted));
	cr_expect_eq(quoted.src.port, 61001);
	cr_expect_eq(quoted.dst.port, 8053);
	sums_are_good(&packet(0, 1)->frame);
	/* it quotes the very bytes that arrived */
	again = packet(0, 0)->final;
	cr_expect_eq(
		memcmp(packet(0, 1)->frame.data + 14 + 20 + 8, again.data + 14, again.len - 14), 0);
}

Test(flow, a_routers_error_about_an_answer_reaches_the_backend_in_its_words)
{
	struct packet_ends quoted;

	passes(HEAD "  - udp: {from: client, to: 'svc/prod/web:53', do: [packet, reply packet of "
		    "1400, frag-needed 1300 from router]}\n"
		    "    expect: {packets: 3, outcome: delivered, at: prod/web-0, packet: "
		    "{icmp.code: 4, icmp.mtu: 1300, ip.src#2: 10.96.0.80}}\n");
	is_between(&packet(0, 2)->frame, "192.0.2.1", 0, "10.96.0.80", 0);
	cr_expect_eq(world.seen[2].sender.node, -1, "it stands in the world");
	cr_assert(frame_quoted_ends(&packet(0, 2)->frame, &quoted));
	cr_expect_eq(quoted.src.port, 53, "the router saw the service");
	cr_assert(frame_quoted_ends(&packet(0, 2)->final, &quoted));
	cr_expect_eq(quoted.src.port, 8053, "the backend gets its own words");
	sums_are_good(&packet(0, 2)->final);
}

/* ---- captures ---- */

/* interfaces: one letter a packet, "a" of the first, "b" of the second; NULL: all of one. */
static void write_points_to(const char *path, struct frame *frames, size_t n,
			    const char *interfaces)
{
	struct pcapng_writer *w;
	uint32_t ids[2], id;

	cr_assert_eq(pcapng_writer_open(path, "test", &w, &err), 0, "%s", err.text);
	cr_assert_eq(pcapng_writer_interface(w, "at-a", LINK_ETHERNET, &ids[0], &err), 0);
	cr_assert_eq(pcapng_writer_interface(w, "at-b", LINK_ETHERNET, &ids[1], &err), 0);
	for (size_t i = 0; i < n; i++) {
		struct pcapng_record rec = { .ts_ns = 1000 * i,
					     .data = frames[i].data,
					     .caplen = frames[i].len,
					     .len = frames[i].len };

		id = ids[interfaces && interfaces[i] == 'b'];
		cr_assert_eq(pcapng_writer_packet(w, id, &rec, &err), 0, "%s", err.text);
	}
	cr_assert_eq(pcapng_writer_close(w, &err), 0, "%s", err.text);
}

static void write_points(struct frame *frames, size_t n, const char *interfaces)
{
	write_points_to("sc/x.pcapng", frames, n, interfaces);
}

static void write_capture(struct frame *frames, size_t n)
{
	write_points(frames, n, NULL);
}

/* As captured elsewhere: 203.0.113.9 talked to 203.0.113.80. */
static struct build_ip captured(bool reply)
{
	struct packet_end a = end_at("192.0.2.9", 5555), b = end_at("10.96.0.80", 80);

	return (struct build_ip){ .src = reply ? b : a, .dst = reply ? a : b, .ttl = 61 };
}

Test(flow, a_captures_reply_is_sent_from_the_backend_and_a_wrong_sum_stays_wrong)
{
	struct build_tcp syn = { .seq = 1, .flags = 2 }, ack = { .seq = 9, .ack = 2, .flags = 18 };
	struct build_ip to = captured(false), from = captured(true);
	struct frame f[3] = { build_tcp(arena, &to, &syn, NULL, 0),
			      build_tcp(arena, &from, &ack, NULL, 0),
			      build_tcp(arena, &from, &ack, "data", 4) };
	struct layers l;

	f[2].data[14 + 20 + 16] ^= 0x40;
	write_capture(f, 3);
	passes(HEAD "  - send: {capture: x.pcapng, as: {192.0.2.9: world}}\n"
		    "    expect: [{packets: 1, outcome: delivered}, {packets: 2-3, outcome: sent, "
		    "packet: {ip.src: 10.96.0.80, tcp.srcport: 80}}]\n");
	is_between(&packet(0, 1)->frame, "10.0.1.5", 8080, "172.18.0.2", 61001);
	cr_expect_eq(world.seen[1].sender.node, 1);
	sums_are_good(&packet(0, 1)->frame);
	packet_parse(packet(0, 2)->frame.data, packet(0, 2)->frame.len, LINK_ETHERNET, &l);
	cr_expect_eq(csum_l4(packet(0, 2)->frame.data, packet(0, 2)->frame.len, &l.ip), CSUM_BAD);
}

Test(flow, an_answer_alone_is_a_flow_of_its_own)
{
	struct build_tcp ack = { .seq = 9, .ack = 2, .flags = 18 };
	struct build_ip ip = { .src = end_at("10.0.1.5", 80),
			       .dst = end_at("192.0.2.9", 5555),
			       .ttl = 61 };
	struct frame f = build_tcp(arena, &ip, &ack, NULL, 0);

	write_capture(&f, 1);
	runs(HEAD "  - send: {capture: x.pcapng}\n    expect: {outcome: delivered}\n");
	cr_expect_eq(world.n_seen, 1);
	cr_expect_eq(world.seen[0].sender.node, 1, "by its address");
}

/* A later fragment has no ports: it goes where its first one went. */
Test(flow, later_fragments_of_an_answer_follow_the_first)
{
	struct build_ip to = captured(false), from = captured(true);
	struct frame whole = build_udp(arena, &from, "0123456789abcdefghijklmnopqrstuv", 32), f[3];

	f[0] = build_udp(arena, &to, "?", 1);
	for (int i = 1; i < 3; i++) {
		struct layers l;
		uint8_t *h;

		f[i] = whole;
		f[i].data = arena_memdup(arena, whole.data, whole.len);
		f[i].len = f[i].wire_len = 14 + 20 + (i == 1 ? 24 : 16);
		h = f[i].data + 14;
		memmove(h + 20, whole.data + 34 + (i == 1 ? 0 : 24), i == 1 ? 24 : 16);
		h[3] = (uint8_t)(20 + (i == 1 ? 24 : 16));
		h[6] = i == 1 ? 0x20 : 0;
		h[7] = i == 1 ? 0 : 3;
		h[10] = h[11] = 0;
		packet_parse(f[i].data, f[i].len, LINK_ETHERNET, &l);
		l.ip.l4 = NO_OFFSET;
		csum_fill(f[i].data, &l.ip);
	}
	write_capture(f, 3);
	runs(HEAD "  - send: {capture: x.pcapng, as: {192.0.2.9: world}}\n"
		  "    expect: {packets: 1, outcome: delivered}\n");
	for (size_t i = 1; i < 3; i++) {
		struct packet_ends e;

		cr_expect_str_eq(world.seen[i].sender.endpoint->name, "prod/web-0");
		cr_assert(frame_ends(&world.seen[i].frame, &e));
		cr_expect_eq(e.src.addr.bytes[3], 5, "10.0.1.5");
		cr_expect_eq(e.dst.addr.bytes[0], 172);
	}
}

/* ---- several vantage points ---- */

#define SEEN(more)                                                                                 \
	HEAD "  - send: {capture: x.pcapng, interface: at-a, as: {192.0.2.9: world}, seen: [{at: " \
	     "prod/web-0, interface: at-b" more "}]}\n"

/* Two packets of a client as it sent them, and as the backend of another cluster got them. */
static void two_points(uint8_t ttl, uint16_t second_port, uint32_t second_seq)
{
	struct build_tcp syn = { .seq = 1, .flags = 2 }, ack = { .seq = 2, .ack = 2, .flags = 16 },
			 other = { .seq = second_seq, .ack = 2, .flags = 16 };
	struct build_ip to = captured(false), there = { .src = end_at("10.9.0.1", 777),
							.dst = end_at("10.9.9.9", 8080),
							.ttl = ttl };
	struct frame f[4];

	f[0] = build_tcp(arena, &to, &syn, NULL, 0);
	f[1] = build_tcp(arena, &there, &syn, NULL, 0);
	f[2] = build_tcp(arena, &to, &ack, NULL, 0);
	there.src.port = second_port;
	f[3] = build_tcp(arena, &there, &other, NULL, 0);
	write_points(f, 4, "abab");
}

Test(flow, what_another_place_captured_is_compared_and_not_sent)
{
	two_points(61, 777, 2);
	passes(SEEN(""));
	cr_expect_eq(world.n_seen, 2, "of four packets");
	two_points(61, 777, 3);
	differs(SEEN(""), "seen at prod/web-0: tcp.seq");
	two_points(60, 777, 2);
	differs(SEEN(""), "seen at prod/web-0: ip.ttl: expected 60 (packet 2 there), actual 61");
	passes(SEEN(", free: [ip.ttl]"));
	two_points(61, 777, 2);
	differs(SEEN(", packets: 2"), "expected 1 packets, as captured there, actual 2 came by");
	world.drop = 80;
	differs(SEEN(""), "expected 2 packets, as captured there, actual 0 came by");
}

/* Each place wrote a file of its own. */
Test(flow, places_may_have_captures_of_their_own)
{
	static const char text[] =
		HEAD "  - send: {capture: x.pcapng, interface: at-a, as: {192.0.2.9: world}, seen: "
		     "[{at: prod/web-0, capture: y.pcapng, interface: at-b}]}\n";
	struct build_tcp syn = { .seq = 1, .flags = 2 }, other = { .seq = 5, .flags = 2 };
	struct build_ip to = captured(false), there = { .src = end_at("10.9.0.1", 777),
							.dst = end_at("10.9.9.9", 8080),
							.ttl = 61 };
	struct frame here = build_tcp(arena, &to, &syn, NULL, 0),
		     same = build_tcp(arena, &there, &syn, NULL, 0),
		     wrong = build_tcp(arena, &there, &other, NULL, 0);

	write_points_to("sc/x.pcapng", &here, 1, "a");
	write_points_to("sc/y.pcapng", &same, 1, "b");
	passes(text);
	cr_expect_eq(world.n_seen, 1);
	write_points_to("sc/y.pcapng", &wrong, 1, "b");
	differs(text, "seen at prod/web-0: tcp.seq");
}

/* The client refuses the answer; quoted_seq: of what the backend of the other cluster is told of. */
static void two_points_of_an_error(uint32_t quoted_seq)
{
	struct build_tcp syn = { .seq = 1, .flags = 2 }, ack = { .seq = 9, .ack = 2, .flags = 18 },
			 other = { .seq = quoted_seq, .ack = 2, .flags = 18 };
	struct build_ip to = captured(false), from = captured(true),
			there = { .src = end_at("10.9.0.1", 777),
				  .dst = end_at("10.9.9.9", 8080),
				  .ttl = 61 },
			back = { .src = there.dst, .dst = there.src, .ttl = 61 };
	struct frame q[2] = { build_tcp(arena, &from, &ack, NULL, 0),
			      build_tcp(arena, &back, &other, NULL, 0) };
	struct frame f[5] = {
		build_tcp(arena, &to, &syn, NULL, 0),
		build_tcp(arena, &there, &syn, NULL, 0),
		q[0],
		build_icmp(arena, &to, 3, 3, 0, q[0].data + 14, q[0].len - 14),
		build_icmp(arena, &there, 3, 3, 0, q[1].data + 14, q[1].len - 14),
	};

	write_points(f, 5, "abaab");
}

Test(flow, what_an_error_quotes_is_compared_as_a_packet_of_its_flow)
{
	two_points_of_an_error(9);
	passes(SEEN(""));
	cr_expect_eq(world.n_seen, 3, "of five packets");
	two_points_of_an_error(10);
	differs(SEEN(""), "seen at prod/web-0: tcp.seq");
}

/* ---- names ---- */

static void refuses(const char *step, const char *why)
{
	char text[1024];

	snprintf(text, sizeof(text), HEAD "  - %s\n    expect: {outcome: delivered}\n", step);
	cr_assert_lt(try_run(text), 0, "%s", step);
	cr_expect_eq(err.kind, ERR_INPUT);
	cr_expect(strstr(err.text, why), "no '%s' in: %s", why, err.text);
	cr_expect(strstr(err.text, "scenario.yaml:4:"), "%s", err.text);
}

Test(flow, names_that_mean_nobody_or_several_are_errors)
{
	refuses("tcp: {from: clint, to: 'svc/web:80', do: [syn]}", "did you mean 'client'?");
	refuses("tcp: {from: client, to: 'svc/prod/wep:80', do: [syn]}", "did you mean 'web'?");
	refuses("tcp: {from: client, to: 'svc/web:81', do: [syn]}",
		"it has TCP 80, UDP 53, SCTP 36412");
	refuses("tcp: {from: client, to: 'svc/web:dns', do: [syn]}", "no such port of TCP");
	refuses("tcp: {from: client, to: 'svc/web:80 loadBalancer', do: [syn]}",
		"has no load balancer address");
	refuses("tcp: {from: client, to: 'svc/web:80 nodePort at node/node-2', do: [syn]}",
		"'node-2' is nobody");
	refuses("tcp: {from: router, to: 'web-0:80', family: 6, via: node/node-9, do: [syn]}",
		"no node 'node-9'");
	refuses("tcp: {from: client, to: 'node/node-0:80', do: [{data: 3000}]}",
		"more than node-0/eth0 can carry (MTU 1500)");
}

Test(flow, short_names_and_entry_nodes)
{
	passes(HEAD "  - tcp: {from: client, to: 'web:80', via: node/node-1, do: [syn]}\n"
		    "    expect: {outcome: delivered}\n"
		    "  - tcp: {from: web-0, to: 'node-0:80', do: [syn]}\n");
	cr_expect_eq(world.seen[0].to, 1);
	cr_expect_eq(world.seen[1].sender.node, 1);
	cr_expect_str_eq(world.seen[1].sender.endpoint->name, "prod/web-0");
	cr_expect_eq(world.seen[1].to, 0);
}

/* ---- engines that stay ---- */

static unsigned opens, resets;

static int counted_open(const struct engine_opts *o, const struct log_sink *log,
			struct engine **out, struct err *e)
{
	opens++;
	return fake_open(o, log, out, e);
}

static int counted_reset(struct engine *e, uint64_t seed, const struct log_sink *log,
			 struct err *error)
{
	(void)e;
	(void)seed;
	(void)log;
	(void)error;
	resets++;
	return 0;
}

static void run_on(const struct engine_ops *ops)
{
	struct run_opts opts = { .cache = cache, .ops = ops };

	world.n = world.n_seen = 0;
	cr_assert_eq(run_scenario(s, ENGINE_TESTRUN, &opts, arena, &run, &err), 0, "%s", err.text);
}

/* Programs take seconds to load, and scenarios go from engine to engine. */
Test(flow, an_engine_that_can_be_reset_outlives_the_runs_of_another)
{
	static struct engine_ops kept, other; /* the cache holds them until the test is torn down */

	kept = other = fake;
	kept.open = counted_open;
	kept.reset = counted_reset;
	passes(HEAD "  - udp: {from: client, to: 'web:53', do: [packet]}\n"
		    "    expect: {outcome: delivered}\n");
	for (int i = 0; i < 3; i++) {
		run_on(&kept);
		run_on(&other);
	}
	cr_expect_eq(opens, 1);
	cr_expect_eq(resets, 2);
}

/* ---- the same again ---- */

static void remember(struct buf *out)
{
	for (size_t i = 0; i < world.n_seen; i++)
		buf_add(out, world.seen[i].frame.data, world.seen[i].frame.len);
}

#define TALK                                                                                       \
	"  - tcp: {from: client, to: 'web:80', do: [handshake, \"GET /\", reply 3 packets, "       \
	"fin]}\n"                                                                                  \
	"  - sctp: {from: client, to: 'web:36412', do: [handshake, packet, shutdown]}\n"           \
	"    expect: {packets: 1, outcome: delivered}\n"

Test(flow, one_seed_makes_the_same_bytes_and_another_makes_others)
{
	__cleanup_buf struct buf first = BUF_INIT, second = BUF_INIT, other = BUF_INIT;

	passes(HEAD TALK);
	remember(&first);
	passes(HEAD TALK);
	remember(&second);
	passes("seed: 2\n" HEAD TALK);
	remember(&other);
	cr_assert_gt(first.len, 1000);
	cr_assert_eq(first.len, second.len);
	cr_expect_eq(memcmp(first.data, second.data, first.len), 0);
	cr_assert_eq(first.len, other.len);
	cr_expect_neq(memcmp(first.data, other.data, first.len), 0);
}

/* Each side's numbers follow from what was sent (RFC 9293, 3.4). */
Test(flow, sequence_numbers_follow_from_packet_to_packet)
{
	uint32_t seq[2] = { 0, 0 }, next[2] = { 0, 0 };
	bool spoke[2] = { false, false };

	passes(HEAD "  - tcp: {from: client, to: 'web:80', do: [handshake, \"GET /\", reply 3 "
		    "packets of 1200, ack, {reply: \"bye\"}, reply fin]}\n"
		    "    expect: {packets: 1, outcome: delivered}\n");
	for (size_t i = 0; i < run.steps[0].n_packets; i++) {
		const struct frame *f = &packet(0, i)->scripted;
		const uint8_t *h = f->data + 34;
		int side = h[0] == 0 && h[1] == 80; /* from port 80 */
		uint32_t len = f->len - 34 - (uint32_t)(h[12] >> 4) * 4;

		seq[side] = (uint32_t)h[4] << 24 | h[5] << 16 | h[6] << 8 | h[7];
		if (spoke[side])
			cr_expect_eq(seq[side], next[side], "packet %zu", i + 1);
		if (h[13] & 0x10)
			cr_expect_eq((uint32_t)h[8] << 24 | h[9] << 16 | h[10] << 8 | h[11],
				     next[!side], "packet %zu acknowledges", i + 1);
		next[side] = seq[side] + len + (h[13] & 2 ? 1 : 0) + (h[13] & 1);
		spoke[side] = true;
	}
	cr_expect(spoke[0] && spoke[1]);
}
