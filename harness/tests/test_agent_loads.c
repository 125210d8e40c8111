/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An agent whose programs are loaded when a packet first comes to them: the packet fares as if they had been there
 * before; and what is loaded stays while all else is made new.
 */
#include "agent_pods.h"

enum { SYN = 2, SYN_ACK = 18, ACK = 16 };

static bool is_loaded(const struct pods_agent *p, const char *device)
{
	const char *line = arena_printf(
		p->n->arena, "\"Loaded datapath programs\" node=k8s1 device=%s ", device);

	return strstr(buf_str(&p->log), line) != NULL;
}

/* The name of the program in a slot of cilium_call_policy. */
static const char *in_slot(struct pods_agent *p, uint32_t slot)
{
	struct bpf_prog_info info = { 0 };
	uint32_t id = 0, len = sizeof(info);
	__cleanup_fd int fd = -1;

	if (bpf_map_lookup_elem(agent_map(p->a, "cilium_call_policy")->fd, &slot, &id))
		return "nothing";
	fd = bpf_prog_get_fd_by_id(id);
	cr_assert(fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len));
	return arena_strdup(p->n->arena, info.name);
}

static void expect_same_map(struct pods_agent *x, struct pods_agent *y, const char *name)
{
	struct arena *a = arena_new();
	struct map_snapshot was, is;
	struct map_change *changes;
	struct err err = { 0 };
	size_t n;

	cr_assert_eq(map_snapshot(agent_map(x->a, name), a, &was, &err), 0, "%s", err.text);
	cr_assert_eq(map_snapshot(agent_map(y->a, name), a, &is, &err), 0, "%s", err.text);
	map_diff(a, &was, &is, &changes, &n);
	cr_expect_eq(n, 0, "%s differs by %zu entries", name, n);
	arena_free(a);
}

static void expect_same(struct pods_agent *x, struct pods_agent *y)
{
	cr_expect_eq(x->verdict, y->verdict, "verdict %d, not %d", x->verdict, y->verdict);
	cr_expect_eq(x->out_len, y->out_len);
	cr_expect_eq(memcmp(x->out, y->out, x->out_len), 0, "other bytes");
	cr_expect_eq(x->ctx.mark, y->ctx.mark, "mark %x, not %x", x->ctx.mark, y->ctx.mark);
	cr_expect_eq(memcmp(x->ctx.cb, y->ctx.cb, sizeof(x->ctx.cb)), 0, "other cb");
	cr_expect_str_eq(buf_str(&x->notes), buf_str(&y->notes));
	cr_expect_str_eq(buf_str(&x->events), buf_str(&y->events));
	expect_same_map(x, y, "cilium_ct4_global");
}

/* From pod to pod, refused and let in, and from the world to a node port: each on two agents. */
static void send_all(struct pods_agent *lazy, struct pods_agent *eager)
{
	const struct {
		int device;
		struct pkt packet;
	} sent[] = {
		{ CLIENT_DEV, pods_tcp("10.0.1.10", 40000, "10.0.1.20", 80, SYN) },
		{ SERVER_DEV, pods_tcp("10.0.1.20", 80, "10.0.1.10", 40000, SYN_ACK) },
		{ CLIENT_DEV, pods_tcp("10.0.1.10", 40000, "10.0.1.20", 80, ACK) },
		{ CLIENT_DEV, pods_tcp("10.0.1.10", 40001, "10.0.1.20", 81, SYN) },
		{ CLIENT_DEV, pods_tcp("10.0.1.10", 40002, "10.96.0.10", 80, SYN) },
		{ CLIENT_DEV, pods_tcp("fd00:1::10", 40003, "fd00:1::20", 80, SYN) },
		{ ETH0, pods_tcp("192.168.10.100", 40004, "192.168.10.1", 30080, SYN) },
	};

	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		pods_run(lazy, sent[i].device, HOOK_TC_INGRESS, &sent[i].packet);
		pods_run(eager, sent[i].device, HOOK_TC_INGRESS, &sent[i].packet);
		expect_same(lazy, eager);
	}
}

static void lazy_equals_eager(const char *target)
{
	struct pods_node *n = pods_node(target);
	struct pods_agent *lazy = pods_start(n, "lazy", true, true);
	struct pods_agent *eager = pods_start(n, "eager", true, true);
	struct err err = { 0 };

	cr_assert_eq(agent_load_all(eager->a, &err), 0, "%s", err.text);
	cr_expect(is_loaded(eager, "server") && !is_loaded(lazy, "server"));
	send_all(lazy, eager);
	cr_expect(is_loaded(lazy, "server"), "%s", buf_str(&lazy->log));
	pods_stop(lazy);
	pods_stop(eager);
	pods_end(n);
}

Test(agent_loads, a_packet_goes_on_where_programs_are_loaded_for_it, .timeout = 60)
{
	NEEDS_ROOT();
	lazy_equals_eager("verdict-two-pods");
}

Test(agent_loads, a_packet_goes_on_in_ciliums_objects, .timeout = 120)
{
	NEEDS_ROOT();
	if (!getenv("VERDICT_CILIUM_OBJECTS"))
		cr_skip_test("needs Cilium's objects in the folder VERDICT_CILIUM_OBJECTS");
	lazy_equals_eager("cilium-1.19-two-pods");
}

/* On demand a pod's packet comes to the other's slot; the other pod's own program is never asked for. */
Test(agent_loads, the_packet_shows_where_it_went, .timeout = 60)
{
	struct pkt syn = pods_tcp("10.0.1.10", 40000, "10.0.1.20", 80, SYN);
	struct pkt no = pods_tcp("10.0.1.10", 40001, "10.0.1.20", 81, SYN);
	struct pods_node *n;
	struct pods_agent *p;

	NEEDS_ROOT();
	n = pods_node("verdict-two-pods");
	p = pods_start(n, "k8s1", true, true);
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn), TC_ACT_REDIRECT);
	cr_expect(strstr(buf_str(&p->notes), "tail call cilium_call_policy/20 cil_lxc_policy\n"),
		  "%s", buf_str(&p->notes));
	cr_expect(strstr(buf_str(&p->notes), "ifindex 20 "), "%s", buf_str(&p->notes));
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &no), TC_ACT_SHOT);
	cr_expect(strstr(buf_str(&p->events), "Policy denied"), "%s", buf_str(&p->events));
	cr_expect(!is_loaded(p, "eth0") && !is_loaded(p, "cilium_host"), "%s", buf_str(&p->log));
	pods_stop(p);
	pods_end(n);
}

/* What attaches finds the same packets treated the same: no small program stands in a slot. */
Test(agent_loads, not_on_demand_all_slots_are_filled_at_once, .timeout = 60)
{
	struct pkt syn = pods_tcp("10.0.1.10", 40000, "10.0.1.20", 80, SYN);
	struct pods_node *n;
	struct pods_agent *p;
	struct agent_program prog;
	struct err err = { 0 };

	NEEDS_ROOT();
	n = pods_node("verdict-two-pods");
	p = pods_start(n, "k8s1", false, false);
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn), TC_ACT_REDIRECT);
	cr_expect_str_eq(in_slot(p, CLIENT_ID), "cil_lxc_policy");
	cr_expect_str_eq(in_slot(p, SERVER_ID), "cil_lxc_policy");
	cr_expect_eq(agent_program_at(p->a, &n->devices[ETH0], HOOK_XDP, &prog, &err), -ENOENT);
	pods_stop(p);
	pods_end(n);
}

Test(agent_loads, a_reset_leaves_programs_and_nothing_else, .timeout = 60)
{
	struct pkt syn = pods_tcp("10.0.1.10", 40000, "10.0.1.20", 80, SYN);
	struct pods_node *n;
	struct pods_agent *p;
	struct err err = { 0 };
	size_t entries, policy;
	const struct object *o;

	NEEDS_ROOT();
	n = pods_node("verdict-two-pods");
	p = pods_start(n, "k8s1", true, true);
	entries = pods_count(p, "cilium_lxc");
	policy = pods_count(p, "cilium_policy_v2_00020");
	pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn);
	cr_expect_gt(pods_count(p, "cilium_ct4_global"), 0);
	cr_expect_gt(pods_count(p, "cilium_metrics"), 0);
	o = agent_object(p->a, 0);
	buf_reset(&p->log);
	cr_assert_eq(agent_reset(p->a, &err), 0, "%s", err.text);
	cr_expect_eq(pods_count(p, "cilium_ct4_global"), 0);
	cr_expect_eq(pods_count(p, "cilium_metrics"), 0);
	cr_expect_eq(pods_count(p, "cilium_lxc"), entries);
	cr_expect_eq(pods_count(p, "cilium_policy_v2_00020"), policy);
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn), TC_ACT_REDIRECT);
	cr_expect_eq(agent_object(p->a, 0), o, "loaded again");
	cr_expect(!strstr(buf_str(&p->log), "Loaded"), "%s", buf_str(&p->log));
	pods_stop(p);
	pods_end(n);
}

Test(agent_loads, a_restart_loads_nothing_anew_unless_a_map_is_another, .timeout = 60)
{
	struct pkt syn = pods_tcp("10.0.1.10", 40000, "10.0.1.20", 80, SYN);
	struct pkt ack = pods_tcp("10.0.1.20", 80, "10.0.1.10", 40000, SYN_ACK);
	struct map_override larger = { .map = "cilium_ct4_global", .max_entries = 131072 };
	struct agent_how how = { .gc = AGENT_GC_EXPIRED };
	struct pods_node *n;
	struct pods_agent *p;
	struct err err = { 0 };
	size_t flows;

	NEEDS_ROOT();
	n = pods_node("verdict-two-pods");
	p = pods_start(n, "k8s1", true, true);
	pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn);
	flows = pods_count(p, "cilium_ct4_global");
	buf_reset(&p->log);
	cr_assert_eq(agent_restart(p->a, &how, &err), 0, "%s", err.text);
	cr_expect_eq(pods_count(p, "cilium_ct4_global"), flows);
	cr_expect_eq(pods_run(p, SERVER_DEV, HOOK_TC_INGRESS, &ack), TC_ACT_REDIRECT);
	cr_expect(!strstr(buf_str(&p->log), "Loaded"), "%s", buf_str(&p->log));
	how.maps = &larger;
	how.n_maps = 1;
	cr_assert_eq(agent_restart(p->a, &how, &err), 0, "%s", err.text);
	cr_expect(strstr(buf_str(&p->log), "Migrated pinned map\" map=cilium_ct4_global"), "%s",
		  buf_str(&p->log));
	cr_expect_eq(agent_map(p->a, "cilium_ct4_global")->max_entries, 131072);
	cr_expect_eq(pods_count(p, "cilium_ct4_global"), flows);
	cr_expect_eq(pods_run(p, SERVER_DEV, HOOK_TC_INGRESS, &ack), TC_ACT_REDIRECT);
	cr_expect_eq(pods_count(p, "cilium_ct4_global"), flows);
	cr_expect(is_loaded(p, "server"), "%s", buf_str(&p->log));
	/* and back to what is loaded still */
	buf_reset(&p->log);
	how.n_maps = 0;
	cr_assert_eq(agent_restart(p->a, &how, &err), 0, "%s", err.text);
	cr_expect(strstr(buf_str(&p->log), "reason=\"max_entries 131072 -> 65536\""), "%s",
		  buf_str(&p->log));
	cr_expect_eq(pods_count(p, "cilium_ct4_global"), flows);
	cr_expect_eq(pods_run(p, SERVER_DEV, HOOK_TC_INGRESS, &ack), TC_ACT_REDIRECT);
	cr_expect(!strstr(buf_str(&p->log), "Loaded"), "%s", buf_str(&p->log));
	how.n_maps = 1;
	how.on_map_mismatch = MAP_MISMATCH_RECREATE;
	cr_assert_eq(agent_restart(p->a, &how, &err), 0, "%s", err.text);
	cr_expect_eq(pods_count(p, "cilium_ct4_global"), 0, "recreated");
	cr_assert_eq(agent_reset(p->a, &err), 0, "%s", err.text);
	cr_expect_eq(agent_map(p->a, "cilium_ct4_global")->max_entries, 65536);
	cr_expect_eq(pods_count(p, "cilium_ct4_global"), 0);
	buf_reset(&p->log);
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn), TC_ACT_REDIRECT);
	cr_expect(!strstr(buf_str(&p->log), "Loaded"), "%s", buf_str(&p->log));
	pods_stop(p);
	pods_end(n);
}

/* The server goes, another comes in its place under another id, and a flow of the client stays. */
Test(agent_loads, an_update_lets_go_of_what_is_gone, .timeout = 60)
{
	struct pkt syn = pods_tcp("10.0.1.10", 40000, "10.0.1.20", 80, SYN);
	struct pods_node *n;
	struct pods_agent *p;
	struct cluster_node later;
	const struct object *o;
	struct err err = { 0 };
	size_t flows;

	NEEDS_ROOT();
	n = pods_node("verdict-two-pods");
	p = pods_start(n, "k8s1", true, true);
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn), TC_ACT_REDIRECT);
	flows = pods_count(p, "cilium_ct4_global");
	later = n->node;
	later.n_endpoints--;
	later.n_devices--;
	later.entries = NULL;
	later.n_entries = 0;
	for (size_t i = 0; i < n->n_entries; i++) {
		const struct map_entry *e = &n->entries[i];
		const char *ip = value_text(value_get(e->key, "ip4"));

		if (!strcmp(e->map, "cilium_policy_v2_00020") ||
		    (!strcmp(e->map, "cilium_lxc") && ip && !strcmp(ip, "10.0.1.20")))
			continue;
		later.entries = arena_grow(n->arena, later.entries, later.n_entries, sizeof(*e));
		later.entries[later.n_entries++] = *e;
	}
	cr_assert_eq(agent_update(p->a, &later, &err), 0, "%s", err.text);
	cr_expect_null(agent_map(p->a, "cilium_policy_v2_00020"));
	cr_expect_eq(
		access(arena_printf(n->arena, "%s/cilium_policy_v2_00020", p->opts.pin_dir), F_OK),
		-1);
	cr_expect_str_eq(in_slot(p, SERVER_ID), "nothing");
	cr_expect_str_eq(in_slot(p, CLIENT_ID), "verdict_slot");
	cr_expect_eq(pods_count(p, "cilium_ct4_global"), flows);
	pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn);
	cr_expect(!strstr(buf_str(&p->notes), "cilium_call_policy"), "%s", buf_str(&p->notes));
	/* back again, with a policy map that no program has seen */
	buf_reset(&p->log);
	cr_assert_eq(agent_update(p->a, &n->node, &err), 0, "%s", err.text);
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn), TC_ACT_REDIRECT);
	cr_expect(is_loaded(p, "server"), "%s", buf_str(&p->log));
	cr_expect(strstr(buf_str(&p->notes), "ifindex 20 "), "%s", buf_str(&p->notes));
	o = agent_object(p->a, 0);
	/* another constant of the server's, and of nobody else */
	n->devices[SERVER_DEV].config[0].value = value_scalar(n->arena, "21");
	buf_reset(&p->log);
	cr_assert_eq(agent_update(p->a, &n->node, &err), 0, "%s", err.text);
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn), TC_ACT_REDIRECT);
	cr_expect(is_loaded(p, "server") && !is_loaded(p, "client"), "%s", buf_str(&p->log));
	/* and as before: that is still there */
	n->devices[SERVER_DEV].config[0].value = value_scalar(n->arena, "20");
	buf_reset(&p->log);
	cr_assert_eq(agent_update(p->a, &n->node, &err), 0, "%s", err.text);
	cr_expect_eq(pods_run(p, CLIENT_DEV, HOOK_TC_INGRESS, &syn), TC_ACT_REDIRECT);
	cr_expect(!is_loaded(p, "server"), "%s", buf_str(&p->log));
	cr_expect_eq(agent_object(p->a, 0), o);
	pods_stop(p);
	pods_end(n);
}
