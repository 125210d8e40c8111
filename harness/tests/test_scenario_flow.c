/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows written by hand, hosts, apply and delete: as read from a scenario file. */
#include <criterion/criterion.h>

#include "files.h"

#include "scenario/flow.h"

#define HEAD                                                                                       \
	"cluster: cl\nhosts: {client: [192.0.2.10, \"2001:db8::10\"], router: "                    \
	"192.0.2.1}\nsteps:\n"

static struct scenario *s;
static struct err err;

static void setup(void)
{
	files_enter();
	files_write("cl/nodes.yaml", "");
	files_write("sc/web-1.yaml", "");
}

static void teardown(void)
{
	scenario_free(s);
	files_leave();
}

TestSuite(flows, .init = setup, .fini = teardown);

static void reads(const char *text)
{
	scenario_free(s);
	s = NULL;
	files_write("sc/scenario.yaml", text);
	cr_assert_eq(scenario_load("sc", &s, &err), 0, "%s", err.text);
}

/* The first line of the message, behind the place. */
static void fails(const char *text, const char *place, const char *message)
{
	struct scenario *none = NULL;
	const char *at;

	files_write("sc/scenario.yaml", text);
	cr_assert_lt(scenario_load("sc", &none, &err), 0, "accepted: %s", text);
	cr_assert_eq(err.kind, ERR_INPUT);
	at = strstr(err.text, place);
	cr_assert(at == err.text, "not at %s: %s", place, err.text);
	cr_assert(strstr(err.text, message), "no '%s' in: %s", message, err.text);
}

static const struct flow_step *flow(size_t step)
{
	cr_assert_lt(step, s->n_steps);
	cr_assert_eq(s->steps[step].kind, STEP_SEND);
	return s->steps[step].send.flow;
}

/* "SA" for item kinds, lower case from the other side. */
static void does(const char *word, const char *proto, const char *want)
{
	static const char letters[] = "SCAFRieoksdcxDtEI";
	char text[512], got[64];
	const struct flow_step *f;

	snprintf(text, sizeof(text), HEAD "  - %s: {from: client, to: '%s', do: [packet, %s]}\n",
		 proto, strcmp(proto, "icmp") == 0 ? "node/a" : "node/a:80", word);
	reads(text);
	f = flow(0);
	for (size_t i = 1; i < f->n_items; i++) {
		got[2 * (i - 1)] = f->items[i].reply ? '<' : '>';
		got[2 * (i - 1) + 1] = letters[f->items[i].kind];
	}
	got[2 * (f->n_items - 1)] = '\0';
	cr_expect_str_eq(got, want, "%s: %s", word, got);
}

Test(flows, words_unfold_to_one_item_a_packet)
{
	does("handshake", "tcp", ">S<C>A");
	does("syn, syn-ack, ack", "tcp", ">S<C>A");
	does("reply syn-ack", "tcp", "<C");
	does("fin", "tcp", ">F<F>A");
	does("reply fin", "tcp", "<F>F<A");
	does("fin-ack, rst, reply rst", "tcp", ">F>R<R");
	does("reply", "tcp", "<D");
	does("3 packets, reply 2 packets of 10", "udp", ">D>D>D<D<D");
	does("\"GET / HTTP/1.1\", reply \"200 OK\", {reply: \"a: b, c\"}, {data: 5}", "tcp",
	     ">D<D<D>D");
	does("handshake, shutdown, abort", "sctp", ">i<e>o<k>s<d>c>x");
	does("echo, reply, echo of 1400", "icmp", ">D<D>D");
	does("retransmit, port-unreachable, frag-needed 1300 from router", "udp", ">t<E<E");
	does("idle 90s, ack", "tcp", "<I>A");
}

Test(flows, items_keep_their_sizes_texts_and_times)
{
	const struct flow_step *f;

	reads(HEAD "  - udp: {from: client, to: \"node/a:53\", sport: 5353, ttl: 3, tos: 0xb8,\n"
		   "      do: [\"query\", reply 2 packets of 1200, data 7, idle 1m30s, packet,\n"
		   "      frag-needed 1300 from router]}\n");
	f = flow(0);
	cr_assert_eq(f->n_items, 7);
	cr_expect_eq(f->items[1].size, 1200);
	cr_expect_eq(f->items[2].size, 1200);
	cr_expect_eq(f->items[3].size, 7);
	cr_expect_eq(f->items[4].idle_ns, 90000000000ull);
	cr_expect_eq(f->items[5].size, 100);
	cr_expect_eq(f->items[6].mtu, 1300);
	cr_expect_str_eq(f->items[6].by->name, "router");
	cr_expect_eq(f->n_packets, 6, "time passing is no packet");
	cr_expect_eq(f->sport, 5353);
	cr_expect_eq(f->ttl, 3);
	cr_expect_eq(f->tos, 0xb8);
}

static struct flow_end to(const char *text)
{
	char yaml[512];

	snprintf(yaml, sizeof(yaml), HEAD "  - tcp: {from: client, to: '%s', do: [syn]}\n", text);
	reads(yaml);
	return flow(0)->to;
}

Test(flows, ends_are_read_in_all_their_forms)
{
	struct flow_end e = to("svc/prod/web:80");
	struct buf text = BUF_INIT;

	cr_expect(e.kind == FLOW_END_SERVICE && e.port == 80 && e.frontend == FLOW_CLUSTER_IP);
	cr_expect(!strcmp(e.ns, "prod") && !strcmp(e.name, "web"));
	e = to("svc/web:http");
	cr_expect(e.kind == FLOW_END_SERVICE && !e.ns && !strcmp(e.port_name, "http"));
	e = to("svc/prod/web:80 nodePort at node/worker-1");
	cr_expect(e.frontend == FLOW_NODE_PORT && e.port == 80 && !strcmp(e.node, "worker-1"));
	e = to("svc/prod/web:nodePort at node/worker-1");
	cr_expect(e.frontend == FLOW_NODE_PORT && e.port == 0 && !strcmp(e.node, "worker-1"));
	e = to("svc/prod/web:80 loadBalancer");
	cr_expect_eq(e.frontend, FLOW_LOAD_BALANCER);
	e = to("svc/prod/web:80 externalIP");
	cr_expect_eq(e.frontend, FLOW_EXTERNAL_IP);
	e = to("pod/prod/web-0:8080");
	cr_expect(e.kind == FLOW_END_POD && !strcmp(e.ns, "prod") && e.port == 8080);
	e = to("node/master-0:2379");
	cr_expect(e.kind == FLOW_END_NODE && !strcmp(e.name, "master-0") && e.port == 2379);
	e = to("web:80");
	cr_expect(e.kind == FLOW_END_NAME && !e.ns && !strcmp(e.name, "web"));
	e = to("10.0.1.5:80");
	cr_expect(e.kind == FLOW_END_ADDRESS && e.address.family == 4 && e.port == 80);
	e = to("[2001:db8::1]:443");
	cr_expect(e.kind == FLOW_END_ADDRESS && e.address.family == 6 && e.port == 443);
	ip_addr_print(&text, &e.address);
	cr_expect_str_eq(buf_str(&text), "2001:db8::1");
	buf_free(&text);
}

Test(flows, hosts_are_read)
{
	reads(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [syn]}\n");
	cr_assert_eq(s->n_hosts, 2);
	cr_expect_str_eq(s->hosts[0].name, "client");
	cr_expect_eq(s->hosts[0].n_ips, 2);
	cr_expect_eq(s->hosts[0].ips[1].family, 6);
	cr_expect_eq(s->hosts[1].n_ips, 1, "one address needs no list");
}

Test(flows, a_flow_goes_on_under_its_name_and_its_packets_are_counted_on)
{
	reads(HEAD "  - tcp: {name: up, from: client, to: 'node/a:80', do: [handshake]}\n"
		   "    expect: {packets: 3, outcome: delivered}\n"
		   "  - udp: {from: client, to: 'node/a:53', do: [packet]}\n"
		   "  - tcp: {name: up, do: [\"GET /\", reply]}\n"
		   "    expect: {packets: 4-5, outcome: delivered}\n");
	cr_expect_eq(flow(0)->first, 1);
	cr_expect_eq(flow(2)->first, 4);
	cr_expect_eq(flow(2)->earlier, flow(0));
	cr_expect_eq(flow(1)->index, 1);
	cr_expect_eq(flow(2)->index, 0);
	cr_expect_eq(s->n_flows, 2);
	cr_expect_str_eq(s->steps[0].send.capture, "tcp flow up");
	cr_expect_str_eq(s->steps[2].send.capture, "tcp flow up", "one name, one clock");
	cr_expect_str_eq(s->steps[1].send.capture, "udp flow of step 2");
	fails(HEAD "  - tcp: {name: up, from: client, to: 'node/a:80', do: [handshake]}\n"
		   "  - tcp: {name: up, do: [fin]}\n"
		   "    expect: {packets: 3, outcome: delivered}\n",
	      "sc/scenario.yaml:6:13",
	      "none of these packets is sent by this step, which sends 4-6");
	fails(HEAD "  - tcp: {name: up, from: client, to: 'node/a:80', do: [handshake]}\n"
		   "  - tcp: {name: up, to: 'node/b:80', do: [fin]}\n",
	      "sc/scenario.yaml:5:10",
	      "goes on with the flow of line 4, which has its 'to' already");
	fails(HEAD "  - tcp: {name: up, do: [fin]}\n", "sc/scenario.yaml:4:10",
	      "the key 'from' is missing (no earlier step has a flow of this name)");
}

Test(flows, mistakes_are_named_with_what_would_be_right)
{
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [handshak]}\n",
	      "sc/scenario.yaml:4:47", "unknown word 'handshak'; did you mean 'handshake'?");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [GET / HTTP/1.1]}\n",
	      "sc/scenario.yaml:4:47", "data is written in quotes");
	fails(HEAD "  - udp: {from: client, to: 'node/a:80', do: [handshake]}\n",
	      "sc/scenario.yaml:4:47", "words of udp: reply, packet");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [reply handshake]}\n",
	      "sc/scenario.yaml:4:47", "'handshake' is nothing that `to` replies");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [reply 0 packets]}\n",
	      "sc/scenario.yaml:4:47", "expected a number of packets such as");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [2 packets off 10]}\n",
	      "sc/scenario.yaml:4:47", "expected `of SIZE`");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [retransmit]}\n",
	      "sc/scenario.yaml:4:47", "there is no packet before 'retransmit'");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [idle 3s]}\n",
	      "sc/scenario.yaml:4:10", "no packet is sent; use `advance`");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [syn 3]}\n",
	      "sc/scenario.yaml:4:47", "'syn' does not take '3'");
	fails(HEAD "  - tcp: {from: client, to: node/a, do: [syn]}\n", "sc/scenario.yaml:4:29",
	      "the port is missing: node/a:80");
	fails(HEAD "  - icmp: {from: client, to: 'node/a:80', do: [echo]}\n",
	      "sc/scenario.yaml:4:30", "ICMP has no ports");
	fails(HEAD "  - tcp: {from: 'client:80', to: 'node/a:80', do: [syn]}\n",
	      "sc/scenario.yaml:4:17", "stands in `sport`");
	fails(HEAD "  - tcp: {from: svc/web, to: 'node/a:80', do: [syn]}\n",
	      "sc/scenario.yaml:4:17", "a service begins no flow");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:http', do: [syn]}\n",
	      "sc/scenario.yaml:4:29", "those of a service");
	fails(HEAD "  - tcp: {from: client, to: 'svc/a/b/c:80', do: [syn]}\n",
	      "sc/scenario.yaml:4:29", "is nobody a flow can go from or to");
	fails(HEAD "  - tcp: {from: client, to: 'svc/web:80 nodePort', do: [syn]}\n",
	      "sc/scenario.yaml:4:29", "nodePort at node/NAME");
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [syn], via: a}\n",
	      "sc/scenario.yaml:4:58", "via: expected node/NAME");
	fails("cluster: cl\nhosts: {client: 192.0.2}\nsteps:\n  - check: {}\n",
	      "sc/scenario.yaml:2:17", "expected an IP address, found '192.0.2'");
}

Test(flows, apply_and_delete_are_read)
{
	reads(HEAD "  - apply: web-1.yaml\n"
		   "  - delete: pod/default/web-0\n"
		   "    expect: {events: {drop: 0}, maps: {a: {m: {removed: 1}}}}\n"
		   "  - delete: ccnp/etcd\n"
		   "  - apply: cl\n");
	cr_expect_eq(s->steps[0].kind, STEP_APPLY);
	cr_expect_str_eq(s->steps[0].apply.path, "sc/web-1.yaml");
	cr_expect_eq(s->steps[1].kind, STEP_DELETE);
	cr_expect_str_eq(s->steps[1].del.kind, "pod");
	cr_expect_str_eq(s->steps[1].del.ns, "default");
	cr_expect_str_eq(s->steps[1].del.name, "web-0");
	cr_expect_null(s->steps[2].del.ns);
	cr_expect_str_eq(s->steps[2].del.name, "etcd");
	cr_expect_str_eq(s->steps[3].apply.path, "cl", "a folder above the scenario's");
	fails(HEAD "  - apply: gone.yaml\n", "sc/scenario.yaml:4:12", "no manifest 'gone.yaml'");
	fails(HEAD "  - delete: web-0\n", "sc/scenario.yaml:4:13", "expected KIND/NAMESPACE/NAME");
	fails(HEAD "  - delete: pod/a/b/c\n", "sc/scenario.yaml:4:13", "KIND/NAMESPACE/NAME");
	fails(HEAD "  - apply: web-1.yaml\n    expect: {outcome: delivered}\n",
	      "sc/scenario.yaml:5:13", "this step sends no packet");
}

Test(flows, what_arrived_is_asked_for_by_live)
{
	reads(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [syn]}\n"
		   "    expect: {live: {ip.dst: 10.0.1.5, tcp.dstport: 8080}}\n");
	cr_assert_eq(s->steps[0].expects[0].last.n_live, 2);
	fails(HEAD "  - tcp: {from: client, to: 'node/a:80', do: [syn]}\n"
		   "    expect: {hops: [{live: {ip.dst: 10.0.1.5}}]}\n",
	      "sc/scenario.yaml:5:22", "unknown key 'live' in hop");
}
