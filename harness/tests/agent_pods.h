/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent of a node with two pods, client and server: that of fixtures/maps/cilium-1.19, as a cluster would
 * describe it, and packets run through its programs.
 */
#ifndef VERDICT_TESTS_AGENT_PODS_H
#define VERDICT_TESTS_AGENT_PODS_H

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "bpf_source.h"
#include "files.h"
#include "packets.h"
#include "scenario/yaml.h"
#include "target/agent.h"
#include "target/maps.h"
#include "target/target.h"

enum { HOST_ID = 1, CLIENT_ID = 10, SERVER_ID = 20 };
enum { ETH0, HOST, NET, CLIENT_DEV, SERVER_DEV, N_DEVICES };

/* What both of the node's agents are told; the same memory as long as the process lives. */
struct pods_node {
	struct arena *arena;
	struct target_desc *target;
	struct cluster_node node;
	struct cluster_endpoint endpoints[3];
	struct cluster_device devices[N_DEVICES];
	struct map_entry *entries;
	size_t n_entries;
};

struct pods_agent {
	struct pods_node *n;
	struct helper_env *env;
	struct agent *a;
	struct agent_opts opts;
	struct buf log, events;
	/* of the last packet: */
	int verdict;
	uint8_t out[2048];
	uint32_t out_len;
	struct __sk_buff ctx;
	struct buf notes; /* what its helpers were asked, and its tail calls */
};

static inline struct config_value *device_config(struct arena *a, const char *pairs[][2], size_t n)
{
	struct config_value *c = arena_alloc(a, n * sizeof(*c));

	for (size_t i = 0; i < n; i++)
		c[i] = (struct config_value){ pairs[i][0], value_scalar(a, "%s", pairs[i][1]) };
	return c;
}

static inline void add_entries(struct pods_node *n, const char *map, const struct value *list)
{
	for (size_t i = 0; i < list->n; i++) {
		n->entries = arena_grow(n->arena, n->entries, n->n_entries, sizeof(*n->entries));
		n->entries[n->n_entries++] =
			(struct map_entry){ map, value_get(list->items[i], "key"),
					    value_get(list->items[i], "value") };
	}
}

/* A policy of the file is the device's: "client/cilium_policy_v2". */
static inline const char *name_of_map(struct pods_node *n, const char *name)
{
	unsigned id = !strncmp(name, "client/", 7)	  ? CLIENT_ID
		      : !strncmp(name, "server/", 7)	  ? SERVER_ID
		      : !strncmp(name, "bpf_host.o/", 11) ? HOST_ID
							  : 0;

	return id ? arena_printf(n->arena, "cilium_policy_v2_%05u", id) : name;
}

static inline void read_entries(struct pods_node *n, const char *file)
{
	const char *path = arena_printf(n->arena, "%s/fixtures/maps/cilium-1.19/%s.yaml",
					files_source_root(), file);
	struct err err = { 0 };
	struct value **docs;
	const struct value *maps;
	size_t n_docs = 0;

	cr_assert_eq(yaml_load(n->arena, path, &docs, &n_docs, &err), 0, "%s", err.text);
	maps = value_get(docs[0], "maps");
	for (size_t i = 0; i < maps->n; i++)
		add_entries(n, name_of_map(n, maps->keys[i]->text),
			    value_get(maps->items[i], "entries"));
}

static inline struct ip_addr *pods_ip(struct arena *a, const char *text)
{
	struct ip_addr *ip = arena_new_of(a, struct ip_addr);

	cr_assert(ip_addr_parse(text, ip));
	return ip;
}

static inline void describe_pod(struct pods_node *n, int endpoint, int device, const char *name,
				unsigned id, uint8_t mac)
{
	struct arena *a = n->arena;
	const char *ip = arena_printf(a, "10.0.1.%u", id), *ip6 = arena_printf(a, "fd00:1::%u", id);
	const char *config[][2] = {
		{ "endpoint_id", arena_printf(a, "%u", id) },
		{ "endpoint_ipv4", ip },
		{ "endpoint_ipv6", ip6 },
		{ "security_label", arena_printf(a, "%u", 30000 + id) },
	};
	struct cluster_device *d = &n->devices[device];

	n->endpoints[endpoint] = (struct cluster_endpoint){
		.name = name,
		.id = (uint16_t)id,
		.identity = 30000 + id,
		.policy_map = arena_printf(a, "cilium_policy_v2_%05u", id),
		.ips = pods_ip(a, ip),
		.n_ips = 1,
		.device = d,
	};
	*d = (struct cluster_device){ .name = name,
				      .role = "endpoint",
				      .ifindex = id,
				      .mac = { 2, 0, 10, 0, 1, mac },
				      .mtu = 1500,
				      .endpoint = &n->endpoints[endpoint],
				      .config = device_config(a, config, 4),
				      .n_config = 4 };
}

/* target: "verdict-two-pods", "cilium-1.19-two-pods". */
static inline struct pods_node *pods_node(const char *target)
{
	struct arena *a = arena_new();
	struct pods_node *n = arena_new_of(a, struct pods_node);
	struct err err = { 0 };

	n->arena = a;
	cr_assert_eq(target_desc_load(arena_printf(a, "%s/fixtures/targets/%s.yaml",
						   files_source_root(), target),
				      &n->target, &err),
		     0, "%s", err.text);
	n->devices[ETH0] = (struct cluster_device){ .name = "eth0",
						    .role = "native",
						    .ifindex = 1,
						    .mac = { 2, 0, 192, 168, 10, 1 },
						    .mtu = 1500 };
	n->devices[HOST] =
		(struct cluster_device){ .name = "cilium_host", .role = "host", .mtu = 1500 };
	n->devices[NET] =
		(struct cluster_device){ .name = "cilium_net", .role = "net", .mtu = 1500 };
	n->endpoints[0] = (struct cluster_endpoint){ .name = "host",
						     .id = HOST_ID,
						     .identity = 1,
						     .is_host = true,
						     .policy_map = "cilium_policy_v2_00001" };
	describe_pod(n, 1, CLIENT_DEV, "client", CLIENT_ID, 0xaa);
	describe_pod(n, 2, SERVER_DEV, "server", SERVER_ID, 0xbb);
	read_entries(n, "node");
	read_entries(n, "policies");
	n->node = (struct cluster_node){ .name = "k8s1",
					 .device = "eth0",
					 .devices = n->devices,
					 .n_devices = N_DEVICES,
					 .endpoints = n->endpoints,
					 .n_endpoints = 3,
					 .entries = n->entries,
					 .n_entries = n->n_entries };
	return n;
}

static inline void pods_keep_log(void *arg, const char *line)
{
	buf_printf(arg, "%s\n", line);
}

static inline struct pods_agent *pods_start(struct pods_node *n, const char *name, bool on_demand,
					    bool trace)
{
	struct pods_agent *p = arena_new_of(n->arena, struct pods_agent);
	struct err err = { 0 };

	p->n = n;
	p->log = p->events = p->notes = (struct buf)BUF_INIT;
	cr_assert_eq(helper_env_new(&p->env, &err), 0, "%s", err.text);
	helper_env_set_clock(p->env, 1000000000000ULL);
	p->opts = (struct agent_opts){ .node = &n->node,
				       .target = n->target,
				       .pin_dir = arena_printf(n->arena,
							       SANDBOX_BPFFS "/%s/globals", name),
				       .env = p->env,
				       .on_demand = on_demand,
				       .trace_tail_calls = trace,
				       .log = pods_keep_log,
				       .log_arg = &p->log };
	cr_assert_eq(agent_start(&p->opts, &p->a, &err), 0, "%s", err.text);
	return p;
}

static inline void pods_stop(struct pods_agent *p)
{
	agent_stop(p->a);
	helper_env_free(p->env);
	buf_free(&p->log);
	buf_free(&p->events);
	buf_free(&p->notes);
}

static inline void pods_end(struct pods_node *n)
{
	target_desc_free(n->target);
	arena_free(n->arena);
}

/* As the monitor prints them. */
static inline void pods_take_event(void *arg, const void *record, uint32_t size)
{
	struct pods_agent *p = arg;
	struct err err = { 0 };
	struct event e;

	cr_assert_eq(event_decode(record, size, &e, &err), 0, "%s", err.text);
	event_print_monitor(&p->events, &e);
	buf_puts(&p->events, "\n");
}

static inline void pods_take_notes(struct pods_agent *p)
{
	size_t n, lost;
	const struct helper_note *notes = helper_env_notes(p->env, &n, &lost);

	buf_reset(&p->notes);
	for (size_t i = 0; i < n; i++) {
		const struct helper_note *h = &notes[i];

		if (h->kind == NOTE_TAIL_CALL)
			buf_printf(&p->notes, "tail call %s/%u %s\n",
				   agent_map_name(p->a, h->map_id) ?: "?", h->key,
				   agent_slot_program(p->a, h->map_id, h->key) ?: "?");
		else
			buf_printf(&p->notes, "%u: ifindex %u flags %llx\n", h->kind, h->ifindex,
				   (unsigned long long)h->flags);
	}
}

static inline int pods_run(struct pods_agent *p, int device, enum hook hook, const struct pkt *pkt)
{
	struct __sk_buff ctx = { .ifindex = 1 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = pkt->b, .data_size_in = pkt->len,
		    .data_out = p->out, .data_size_out = sizeof(p->out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = &p->ctx, .ctx_size_out = sizeof(p->ctx),
		    .repeat = 1);
	struct agent_program prog;
	struct err err = { 0 };
	uint64_t lost = 0;
	int ret = agent_program_at(p->a, &p->n->devices[device], hook, &prog, &err);

	cr_assert_eq(ret, 0, "%d: %s", ret, err.text);
	helper_env_begin(p->env);
	ret = agent_test_run(p->a, prog.fd, &run, &err);
	cr_assert_eq(ret, 0, "%d: %s", ret, err.text);
	p->verdict = (int)run.retval;
	p->out_len = run.data_size_out;
	pods_take_notes(p);
	buf_reset(&p->events);
	cr_assert_eq(event_ring_read(agent_events(p->a), pods_take_event, p, &lost, &err), 0);
	return p->verdict;
}

/* A TCP packet, four bytes of data. */
static inline struct pkt pods_tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
				  uint8_t flags)
{
	struct pkt p = { 0 };

	put_eth(&p, strchr(src, ':') ? 0x86dd : 0x0800);
	if (strchr(src, ':'))
		put_tcp6(&p, src, sport, dst, dport, flags, 4);
	else
		put_tcp4(&p, src, sport, dst, dport, flags, 4);
	return p;
}

static inline size_t pods_count(struct pods_agent *p, const char *map)
{
	struct map *m = agent_map(p->a, map);
	struct arena *a = arena_new();
	struct map_snapshot all;
	struct err err = { 0 };
	size_t n;

	cr_assert(m, "no map %s", map);
	cr_assert_eq(map_snapshot(m, a, &all, &err), 0, "%s", err.text);
	n = all.n;
	arena_free(a);
	return n;
}

#endif
