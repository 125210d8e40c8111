/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cluster of two nodes on the testrun engine: packets are put in where a member sends them, and followed. */
#ifndef VERDICT_TESTS_SIM_LAB_H
#define VERDICT_TESTS_SIM_LAB_H

#include "bpf_source.h"
#include "engine/engine.h"
#include "files.h"
#include "packet/bytes.h"
#include "packet/csum.h"
#include "packets.h"

enum { SYN = 2, RST = 4, ACK = 16 };

/* one: 192.168.10.1, pods client .10, server .20; two: 192.168.10.2, pods web 10.0.2.30, far 10.0.2.40 and
 * web-host on its host network. fd00:10::N the nodes, fd00:1:: and fd00:2:: the pods.
 */
#define SIM_NODE(name, n)                                                                          \
	"apiVersion: v1\nkind: Node\nmetadata: {name: " name                                       \
	", labels: {kubernetes.io/hostname: " name "}}\nspec: {podCIDRs: [10.0." n                 \
	".0/24, \"fd00:" n "::/64\"]}\n"                                                           \
	"status: {addresses: [{type: InternalIP, address: 192.168.10." n "}, "                     \
	"{type: InternalIP, address: \"fd00:10::" n "\"}]}\n---\n"
#define SIM_POD(name, node, n, host)                                                               \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: default, labels: "       \
	"{app: " name "}}\nspec: {nodeName: " node "}\nstatus: {phase: Running, podIP: 10.0." n    \
	"." host ", podIPs: [{ip: 10.0." n "." host "}, {ip: \"fd00:" n "::" host "\"}], "         \
	"conditions: [{type: Ready, status: \"True\"}]}\n---\n"

static const char sim_cluster_text[] = SIM_NODE("one", "1") SIM_NODE("two", "2")
	SIM_POD("client", "one", "1", "10") SIM_POD("server", "one", "1", "20")
		SIM_POD("web", "two", "2", "30") SIM_POD("far", "two", "2", "40");

struct sim_lab {
	struct arena *a;
	struct cluster *cluster;
	struct engine *engine;
	struct trace trace; /* of the last packet */
	const char *what; /* it was, for messages */
	struct err err;
};

/* more: manifests beside the two nodes' and pods'. */
static inline struct sim_lab *sim_open(const char *values, const char *more)
{
	struct arena *a = arena_new();
	struct sim_lab *l = arena_new_of(a, struct sim_lab);
	struct engine_opts opts = { .pin_root = arena_printf(a, SANDBOX_BPFFS "/sim-%d", getpid()),
				    .seed = 1 };
	const char *dir = test_dir(a);

	l->a = a;
	cr_assert_eq(file_write(arena_printf(a, "%s/all.yaml", dir), sim_cluster_text,
				strlen(sim_cluster_text), &l->err),
		     0);
	if (more)
		cr_assert_eq(file_write(arena_printf(a, "%s/more.yaml", dir), more, strlen(more),
					&l->err),
			     0);
	cr_assert_eq(
		file_write(arena_printf(a, "%s/values.yaml", dir), values, strlen(values), &l->err),
		0);
	cr_assert_eq(cluster_load(dir, NULL, &l->cluster, &l->err), 0, "%s", l->err.text);
	opts.cluster = l->cluster;
	cr_assert_eq(engine_testrun.open(&opts, NULL, &l->engine, &l->err), 0, "%s", l->err.text);
	return l;
}

static inline void sim_close(struct sim_lab *l)
{
	engine_testrun.close(l->engine);
	cluster_free(l->cluster);
	arena_free(l->a);
}

static inline struct cluster_place sim_place(const struct sim_lab *l, const char *ip)
{
	struct ip_addr addr;

	cr_assert(ip_addr_parse(ip, &addr), "%s", ip);
	return cluster_place_by_ip(l->cluster, &addr);
}

/* from: an address; one that is nobody's is the world's, by node one. */
static inline const struct trace *sim_send(struct sim_lab *l, const char *from, const struct pkt *p)
{
	struct injection in = { .sender = sim_place(l, from) };
	uint64_t lost = 0;

	in.from = in.sender.node;
	in.to = 0;
	in.frame = (struct frame){ .data = arena_memdup(l->a, p->b, p->len),
				   .len = p->len,
				   .wire_len = p->len };
	l->what = arena_printf(l->a, "a packet of %s", from);
	l->trace = (struct trace){ .frame = in.frame };
	cr_assert_eq(engine_testrun.inject(l->engine, &in, l->a, &l->trace, &lost, &l->err), 0,
		     "%s: %s", l->what, l->err.text);
	return &l->trace;
}

/* The way as text: "one/lxc00002 cil_from_container, ...". */
static inline const char *sim_way(const struct sim_lab *l)
{
	struct buf b = BUF_INIT;
	const char *text;

	for (size_t i = 0; i < l->trace.n_hops; i++) {
		const struct hop *h = &l->trace.hops[i];

		buf_printf(&b, "%s%s %s", i ? ", " : "", h->at, h->program);
		for (size_t j = 0; j < h->n_tail_calls; j++)
			buf_printf(&b, " > %s",
				   h->tail_calls[j].program ? h->tail_calls[j].program : "?");
		buf_printf(&b, " = %s", word_name(words_verdict(h->hook), h->verdict) ?: "?");
		if (h->drop_reason)
			buf_printf(&b, " (%s)",
				   word_name(&words_drop_reason, h->drop_reason) ?: "?");
	}
	buf_printf(&b, ": %s at %s%s%s", word_name(&words_outcome, (int)l->trace.outcome),
		   l->trace.at ?: "?", l->trace.why ? ", " : "", l->trace.why ?: "");
	text = arena_strdup(l->a, buf_str(&b));
	buf_free(&b);
	return text;
}

static inline void sim_check_final(const struct sim_lab *l)
{
	const struct frame *f = &l->trace.final;
	struct layers layers;

	if (!f->data)
		return;
	packet_parse(f->data, f->len, LINK_ETHERNET, &layers);
	cr_expect_neq(csum_l3(f->data, f->len, &layers.ip), CSUM_BAD, "%s", l->what);
	cr_expect_neq(csum_l4(f->data, f->len, &layers.ip), CSUM_BAD, "%s", l->what);
}

static inline void sim_expect(const struct sim_lab *l, enum outcome outcome, const char *at)
{
	cr_expect(l->trace.outcome == outcome && l->trace.at && strcmp(l->trace.at, at) == 0,
		  "%s should be %s at %s:\n%s", l->what, word_name(&words_outcome, (int)outcome),
		  at, sim_way(l));
	sim_check_final(l);
}

#endif
