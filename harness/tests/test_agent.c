/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The agent on the host datapath as shipped: what a start, a restart and an upgrade leave in the maps,
 * and what the next packet then meets (cilium/cilium#19367 and its kin).
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "bpf_source.h"
#include "target/agent.h"
#include "target/maps.h"

#define PINS	  SANDBOX_BPFFS "/master-0/tc/globals"
#define POLICY	  "cilium_policy_v2_00001"
#define SECOND	  1000000000ULL
#define API	  "10.160.128.34" /* this node */
#define ETCD	  "10.160.128.31"
#define EPHEMERAL 24824

enum { OK = 0, SHOT = 2 };
enum { SYN = 2, ACK = 16, PSH_ACK = 24 };

struct world {
	struct arena *arena;
	struct cluster_node node;
	struct cluster_endpoint endpoints[2];
	struct cluster_device native;
	struct map_entry entries[2048];
	struct config_value config[2];
	struct agent_opts opts;
	struct helper_env *env;
	struct buf log;
	struct agent *agent;
	int drop_reason; /* of the last packet */
};

static void keep_log(void *arg, const char *line)
{
	buf_printf(arg, "%s\n", line);
}

static bool logged(const struct world *w, const char *text)
{
	return strstr(buf_str(&w->log), text) != NULL;
}

static struct value *lpm(struct world *w, unsigned bits)
{
	struct value *key = value_map(w->arena), *head = value_map(w->arena);

	value_setf(w->arena, head, "prefixlen", "%u", bits);
	value_set(w->arena, key, "lpm_key", head);
	return key;
}

static void add(struct world *w, const char *map, struct value *key, struct value *value)
{
	w->entries[w->node.n_entries++] = (struct map_entry){ map, key, value };
}

static void add_ip(struct world *w, const char *ip, unsigned identity)
{
	struct value *key = lpm(w, 64), *value = value_map(w->arena);

	value_setf(w->arena, key, "family", "1");
	value_setf(w->arena, key, "ip4", "%s", ip);
	value_setf(w->arena, value, "sec_identity", "%u", identity);
	add(w, "cilium_ipcache_v2", key, value);
}

static void add_egress_to_all(struct world *w)
{
	struct value *key = lpm(w, 40);

	value_setf(w->arena, key, "egress", "1");
	add(w, POLICY, key, value_map(w->arena));
}

static void add_ingress_tcp(struct world *w, unsigned port)
{
	struct value *key = lpm(w, 64), *value = value_map(w->arena);

	value_setf(w->arena, key, "protocol", "6");
	value_setf(w->arena, key, "dport", "%u", port);
	value_setf(w->arena, value, "lpm_prefix_length", "24");
	add(w, POLICY, key, value);
}

static struct ip_addr *one_ip(struct world *w, const char *text)
{
	struct ip_addr *ip = arena_new_of(w->arena, struct ip_addr);

	cr_assert(ip_addr_parse(text, ip));
	return ip;
}

static void set_up(struct world *w)
{
	struct arena *a = arena_new();

	*w = (struct world){ .arena = a };
	w->endpoints[0] = (struct cluster_endpoint){
		.name = "host", .id = 1, .identity = 1, .is_host = true, .policy_map = POLICY
	};
	w->endpoints[1] = (struct cluster_endpoint){ .name = "default/web",
						     .id = 2,
						     .identity = 4242,
						     .ips = one_ip(w, "10.0.0.7"),
						     .n_ips = 1,
						     .policy_map = "cilium_policy_v2_00002" };
	w->config[0] = (struct config_value){ "enable_host_firewall", value_scalar(a, "true") };
	w->config[1] = (struct config_value){ "host_ep_id", value_scalar(a, "1") };
	w->native = (struct cluster_device){ .name = "eth0",
					     .role = "native",
					     .ifindex = 1,
					     .mac = { 2, 0, 0, 0, 0, 1 },
					     .mtu = 1500 };
	w->node = (struct cluster_node){ .name = "master-0",
					 .ips = one_ip(w, API),
					 .n_ips = 1,
					 .device = "eth0",
					 .devices = &w->native,
					 .n_devices = 1,
					 .endpoints = w->endpoints,
					 .n_endpoints = 2,
					 .entries = w->entries,
					 .config = w->config,
					 .n_config = 2 };
	add_ip(w, API, 1);
	add_ip(w, ETCD, 7);
	add_egress_to_all(w);
	w->opts = (struct agent_opts){ .node = &w->node,
				       .objects = file_installed(a, "bpf"),
				       .pin_dir = PINS,
				       .log = keep_log,
				       .log_arg = &w->log };
	cr_assert(w->opts.objects, "no folder bpf beside the test");
}

static void with_clock(struct world *w)
{
	struct err err = { 0 };

	cr_assert_eq(helper_env_new(&w->env, &err), 0, "%s", err.text);
	helper_env_set_clock(w->env, 1000 * SECOND);
	w->opts.env = w->env;
}

static void start(struct world *w)
{
	struct err err = { 0 };

	buf_reset(&w->log);
	cr_assert_eq(agent_start(&w->opts, &w->agent, &err), 0, "%s", err.text);
	cr_assert_eq(agent_attached(w->agent, &err), 0, "%s", err.text);
}

static void restart(struct world *w)
{
	agent_stop(w->agent);
	start(w);
}

static void tear_down(struct world *w)
{
	agent_stop(w->agent);
	helper_env_free(w->env);
	buf_free(&w->log);
	arena_free(w->arena);
}

static void note_drop(void *arg, const void *record, uint32_t size)
{
	struct world *w = arg;
	struct err err = { 0 };
	struct event e;

	cr_assert_eq(event_decode(record, size, &e, &err), 0, "%s", err.text);
	if (e.type == EVENT_DROP)
		w->drop_reason = e.subtype;
}

static int run(struct world *w, const char *program, uint8_t *packet, uint32_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = size);
	bool in = !strcmp(program, "cil_from_netdev");
	struct agent_program p;
	struct err err = { 0 };
	uint64_t lost = 0;
	int fd;

	cr_assert_eq(agent_program_at(w->agent, &w->native, in ? HOOK_TC_INGRESS : HOOK_TC_EGRESS,
				      &p, &err),
		     0, "%s", err.text);
	cr_expect_str_eq(p.name, program);
	fd = p.fd;
	cr_assert_eq(bpf_prog_test_run_opts(fd, &opts), 0);
	w->drop_reason = 0;
	cr_assert_eq(event_ring_read(agent_events(w->agent), note_drop, w, &lost, &err), 0);
	return (int)opts.retval;
}

/* An IPv4 packet of TCP, or of UDP where flags is 0; checksums are not looked at by the datapath. */
static int send_ip(struct world *w, const char *program, const char *from, uint16_t sport,
		   const char *to, uint16_t dport, uint8_t flags)
{
	uint8_t p[74] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 60 };
	uint16_t ports[2] = { htons(sport), htons(dport) };

	p[22] = 64;
	p[23] = flags ? 6 : 17;
	cr_assert_eq(inet_pton(AF_INET, from, p + 26), 1);
	cr_assert_eq(inet_pton(AF_INET, to, p + 30), 1);
	memcpy(p + 34, ports, 4);
	if (flags) {
		p[46] = 0x50;
		p[47] = flags;
	} else {
		p[39] = 40; /* UDP length */
	}
	return run(w, program, p, sizeof(p));
}

static int request(struct world *w, uint8_t flags)
{
	return send_ip(w, "cil_to_netdev", API, EPHEMERAL, ETCD, 2379, flags);
}

static int reply(struct world *w, uint8_t flags)
{
	return send_ip(w, "cil_from_netdev", ETCD, 2379, API, EPHEMERAL, flags);
}

static int inbound(struct world *w, uint16_t port)
{
	return send_ip(w, "cil_from_netdev", ETCD, 40000, API, port, SYN);
}

/* The story's flow, up to the restart. */
static void establish(struct world *w)
{
	cr_assert_eq(request(w, SYN), OK, "reason %d", w->drop_reason);
	cr_assert_eq(reply(w, SYN | ACK), OK, "reason %d", w->drop_reason);
	cr_assert_eq(request(w, ACK), OK);
}

static size_t count(const char *name)
{
	struct arena *a = arena_new();
	struct map_snapshot s;
	struct err err = { 0 };
	struct map *m;
	size_t n;

	cr_assert_eq(map_open_pinned(PINS, name, &m, &err), 0, "%s", err.text);
	cr_assert_eq(map_snapshot(m, a, &s, &err), 0, "%s", err.text);
	n = s.n;
	map_close(m);
	arena_free(a);
	return n;
}

/* The only entry's field; the map holds one. */
static uint64_t only(const char *name, const char *field)
{
	struct arena *a = arena_new();
	struct map_snapshot s;
	struct err err = { 0 };
	struct map *m;
	uint64_t n;

	cr_assert_eq(map_open_pinned(PINS, name, &m, &err), 0, "%s", err.text);
	cr_assert_eq(map_snapshot(m, a, &s, &err), 0, "%s", err.text);
	cr_assert_eq(s.n, 1, "%zu entries", s.n);
	n = strtoull(value_text(value_get(map_value_value(a, m, s.items[0].value), field)), NULL,
		     0);
	map_close(m);
	arena_free(a);
	return n;
}

Test(agent, a_start_writes_the_nodes_entries_and_the_programs_decide_by_them)
{
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	start(&w);
	cr_expect_eq(count("cilium_ipcache_v2"), 2);
	cr_expect_eq(count(POLICY), 1);
	establish(&w);
	cr_expect_eq(inbound(&w, 2379), SHOT, "no rule names it");
	cr_expect_eq(w.drop_reason, 133, "%d", w.drop_reason);
	cr_expect(logged(&w, "Initial scan of connection tracking completed"), "%s",
		  buf_str(&w.log));
	cr_expect_lt(strstr(buf_str(&w.log), "Initial scan"),
		     strstr(buf_str(&w.log), "Loaded datapath"),
		     "conntrack is collected before programs are loaded");
	tear_down(&w);
}

Test(agent, an_established_flow_survives_a_restart_and_another)
{
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	start(&w);
	establish(&w);
	for (int i = 0; i < 2; i++) {
		restart(&w);
		cr_expect(logged(&w, "scanned=1 deleted=0"), "%s", buf_str(&w.log));
		cr_expect_eq(reply(&w, PSH_ACK), OK, "restart %d: reason %d", i, w.drop_reason);
	}
	tear_down(&w);
}

Test(agent, the_collection_of_cilium_1_11_deletes_the_hosts_flows_but_not_a_pods)
{
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	start(&w);
	establish(&w);
	/* conntrack of a flow that a pod with an address on record takes part in */
	cr_assert_eq(send_ip(&w, "cil_to_netdev", API, 5555, "10.0.0.7", 80, SYN), OK);
	cr_assert_eq(count("cilium_ct4_global"), 2);
	w.opts.gc = AGENT_GC_NO_ENDPOINT;
	restart(&w);
	cr_expect_eq(count("cilium_ct4_global"), 1, "the pod's stays");
	cr_expect(logged(&w, "no endpoint has either address") && logged(&w, "noEndpoint=1"), "%s",
		  buf_str(&w.log));
	cr_expect_eq(reply(&w, PSH_ACK), SHOT);
	cr_expect_eq(w.drop_reason, 133, "%d", w.drop_reason);
	cr_expect_eq(request(&w, ACK), OK, "a lone ACK goes out");
	cr_expect_eq(reply(&w, PSH_ACK), OK, "and hides the bug");
	tear_down(&w);
}

Test(agent, a_resized_conntrack_map_is_migrated_and_the_flow_goes_on)
{
	struct map_override size = { .map = "cilium_ct4_global", .max_entries = 100000 };
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	start(&w);
	establish(&w);
	for (uint16_t port = 1; port <= 500; port++)
		cr_assert_eq(send_ip(&w, "cil_to_netdev", API, port, ETCD, 2379, SYN), OK);
	w.opts.maps = &size;
	w.opts.n_maps = 1;
	restart(&w);
	cr_expect(logged(&w, "Migrated pinned map") && logged(&w, "copied=501"), "%s",
		  buf_str(&w.log));
	cr_expect_eq(count("cilium_ct4_global"), 501);
	cr_expect_eq(reply(&w, PSH_ACK), OK, "reason %d", w.drop_reason);
	tear_down(&w);
}

Test(agent, a_map_recreated_empty_forgets_the_flow)
{
	struct map_override size = { .map = "cilium_ct4_global", .max_entries = 100000 };
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	start(&w);
	establish(&w);
	w.opts.on_map_mismatch = MAP_MISMATCH_RECREATE;
	restart(&w);
	cr_expect_eq(reply(&w, PSH_ACK), OK, "a map that fits is kept");
	w.opts.maps = &size;
	w.opts.n_maps = 1;
	restart(&w);
	cr_expect(logged(&w, "entries are lost"), "%s", buf_str(&w.log));
	cr_expect_eq(reply(&w, PSH_ACK), SHOT);
	cr_expect_eq(w.drop_reason, 133);
	tear_down(&w);
}

Test(agent, finishing_a_migration_does_not_bring_back_what_was_collected)
{
	struct map_override size = { .map = "cilium_ct4_global", .max_entries = 100000 };
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	start(&w);
	establish(&w);
	w.opts.maps = &size;
	w.opts.n_maps = 1;
	w.opts.gc = AGENT_GC_NO_ENDPOINT;
	restart(&w);
	cr_expect(logged(&w, "Migrated pinned map"), "%s", buf_str(&w.log));
	cr_expect_eq(count("cilium_ct4_global"), 0);
	tear_down(&w);
}

Test(agent, time_is_the_scenarios_and_only_expired_entries_are_collected)
{
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	with_clock(&w);
	start(&w);
	establish(&w);
	cr_expect_gt(agent_interposed(w.agent), 0);
	cr_assert_eq(send_ip(&w, "cil_to_netdev", API, 53000, ETCD, 53, 0), OK, "UDP");
	cr_expect_eq(only("cilium_ct_any4_global", "lifetime"), 1060, "60 s from virtual now");
	cr_expect_eq(only("cilium_ct4_global", "lifetime"), 9000, "8000 s from virtual now");
	helper_env_set_clock(w.env, 1060 * SECOND);
	restart(&w);
	cr_expect_eq(count("cilium_ct_any4_global"), 1, "in its last second it lives");
	helper_env_set_clock(w.env, 1061 * SECOND);
	restart(&w);
	cr_expect_eq(count("cilium_ct_any4_global"), 0, "%s", buf_str(&w.log));
	cr_expect(logged(&w, "expired=1"), "%s", buf_str(&w.log));
	cr_expect_eq(reply(&w, PSH_ACK), OK, "TCP lives on");
	tear_down(&w);
}

Test(agent, a_restart_leaves_exactly_the_wanted_policy_and_ipcache)
{
	struct world w;
	size_t base;

	NEEDS_ROOT();
	set_up(&w);
	base = w.node.n_entries;
	add_ingress_tcp(&w, 2379);
	add_ip(&w, "10.160.128.99", 6);
	start(&w);
	cr_expect_eq(inbound(&w, 2379), OK, "reason %d", w.drop_reason);
	w.node.n_entries = base;
	add_ingress_tcp(&w, 9090);
	restart(&w);
	cr_expect_eq(count(POLICY), 2);
	cr_expect_eq(count("cilium_ipcache_v2"), 2);
	cr_expect_eq(send_ip(&w, "cil_from_netdev", ETCD, 40001, API, 2379, SYN), SHOT);
	cr_expect_eq(inbound(&w, 9090), OK, "reason %d", w.drop_reason);
	/* nothing wanted at all: emptied, too */
	w.node.n_entries = 0;
	restart(&w);
	cr_expect_eq(count(POLICY), 0);
	cr_expect_eq(count("cilium_ipcache_v2"), 0);
	tear_down(&w);
}

struct watcher {
	int fd;
	bool stop;
	uint64_t looked, missed;
};

static void *watch(void *arg)
{
	struct watcher *x = arg;
	uint8_t key[24] = { 64, 0, 0, 0, 0, 0, 0, 1, 10, 160, 128, 99 }, value[24];

	while (!__atomic_load_n(&x->stop, __ATOMIC_ACQUIRE)) {
		x->missed += bpf_map_lookup_elem(x->fd, key, value) != 0;
		x->looked++;
	}
	return NULL;
}

Test(agent, no_entry_is_missing_for_a_moment_during_restarts)
{
	struct watcher x = { 0 };
	pthread_t thread;
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	/* many entries, the watched one last: an emptied map would lack it for milliseconds */
	for (unsigned i = 0; i < 2000; i++)
		add_ip(&w, arena_printf(w.arena, "10.1.%u.%u", i / 250, i % 250), 6);
	add_ip(&w, "10.160.128.99", 6);
	start(&w);
	x.fd = bpf_obj_get(PINS "/cilium_ipcache_v2");
	cr_assert_geq(x.fd, 0);
	cr_assert_eq(pthread_create(&thread, NULL, watch, &x), 0);
	for (int i = 0; i < 5; i++)
		restart(&w);
	__atomic_store_n(&x.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	cr_expect_gt(x.looked, 1000);
	cr_expect_eq(x.missed, 0, "%llu of %llu looks", (unsigned long long)x.missed,
		     (unsigned long long)x.looked);
	close(x.fd);
	tear_down(&w);
}

Test(agent, ageing_takes_whole_seconds_from_lifetimes)
{
	struct err err = { 0 };
	uint64_t lifetime;
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	start(&w);
	establish(&w);
	lifetime = only("cilium_ct4_global", "lifetime");
	cr_assert_eq(agent_age_maps(PINS, SECOND - 1, &err), 0, "%s", err.text);
	cr_expect_eq(only("cilium_ct4_global", "lifetime"), lifetime);
	cr_assert_eq(agent_age_maps(PINS, 90 * SECOND + 5, &err), 0, "%s", err.text);
	cr_expect_eq(only("cilium_ct4_global", "lifetime"), lifetime - 90);
	cr_expect_eq(reply(&w, PSH_ACK), OK, "it still lives");
	cr_assert_eq(agent_age_maps(PINS, 8001 * SECOND, &err), 0, "%s", err.text);
	cr_expect_eq(reply(&w, PSH_ACK), SHOT, "it has expired");
	cr_assert_eq(agent_age_maps(SANDBOX_BPFFS, SECOND, &err), 0, "nothing there: %s", err.text);
	tear_down(&w);
}

Test(agent, ageing_keeps_the_entry_of_a_full_map_and_negative_ageing_undoes_it)
{
	struct map_override size = { .map = "cilium_ct4_global", .max_entries = 1 };
	struct err err = { 0 };
	uint64_t lifetime;
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	w.opts.maps = &size;
	w.opts.n_maps = 1;
	start(&w);
	establish(&w);
	lifetime = only("cilium_ct4_global", "lifetime");
	cr_assert_eq(agent_age_maps(PINS, 90 * SECOND, &err), 0, "%s", err.text);
	cr_expect_eq(only("cilium_ct4_global", "lifetime"), lifetime - 90);
	cr_assert_eq(agent_age_maps(PINS, -90 * (int64_t)SECOND, &err), 0, "%s", err.text);
	cr_expect_eq(only("cilium_ct4_global", "lifetime"), lifetime);
	cr_expect_eq(reply(&w, PSH_ACK), OK);
	tear_down(&w);
}

Test(agent, a_size_for_a_map_that_no_object_has_is_the_inputs_fault)
{
	struct map_override size = { .map = "cilium_ct4_globl", .max_entries = 1 };
	struct err err = { 0 };
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	w.opts.maps = &size;
	w.opts.n_maps = 1;
	cr_expect_lt(agent_start(&w.opts, &w.agent, &err), 0);
	cr_expect_eq(err.kind, ERR_INPUT);
	cr_expect(strstr(err.text, "did you mean cilium_ct4_global?"), "%s", err.text);
	w.agent = NULL;
	tear_down(&w);
}

Test(agent, an_entry_that_does_not_fit_its_map_names_map_and_field)
{
	struct value *value;
	struct err err = { 0 };
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	value = value_map(w.arena);
	value_setf(w.arena, value, "sec_identiti", "1");
	add(&w, "cilium_ipcache_v2", lpm(&w, 32), value);
	cr_expect_lt(agent_start(&w.opts, &w.agent, &err), 0);
	cr_expect(strstr(err.text, "cilium_ipcache_v2") && strstr(err.text, "sec_identiti"), "%s",
		  err.text);
	w.agent = NULL;
	tear_down(&w);
}

Test(agent, without_its_object_it_does_not_start_and_says_what_is_missing)
{
	struct err err = { 0 };
	struct world w;

	NEEDS_ROOT();
	set_up(&w);
	w.opts.objects = "/nonexistent";
	cr_expect_lt(agent_start(&w.opts, &w.agent, &err), 0);
	cr_expect(strstr(err.text, "no folder /nonexistent"), "%s", err.text);
	cr_expect_eq(err.kind, ERR_INPUT);
	w.agent = NULL;
	tear_down(&w);
}
