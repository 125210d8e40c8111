/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The netns engine end to end: `verdict agent` processes, the datapath's objects, real packets. */
#include <dirent.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "engine/engine.h"
#include "masters.h"
#include "packet/csum.h"

enum { SYN = 0x02, ACK = 0x10, SYN_ACK = 0x12, PSH_ACK = 0x18 };
enum { MASTER_0, MASTER_1, WORLD = -1 };

static struct frame make_tcp(struct masters *m, int from, int to, uint16_t sport, uint16_t dport,
			     uint8_t flags)
{
	static const uint8_t ips[3][4] = { { 192, 0, 2, 9 }, { 10, 0, 0, 1 }, { 10, 0, 0, 2 } };
	struct frame f = { .data = arena_alloc(m->a, 54), .len = 54, .wire_len = 54 };
	const struct topology *t = m->topology;
	uint8_t *ip = f.data + 14, *tcp = f.data + 34;

	memcpy(f.data, to < 0 ? t->gateway_mac : t->nodes[to].mac, 6);
	memcpy(f.data + 6, from < 0 ? t->gateway_mac : t->nodes[from].mac, 6);
	put16(f.data + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, 40);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, ips[from + 1], 4);
	memcpy(ip + 16, ips[to + 1], 4);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
	put16(tcp, sport);
	put16(tcp + 2, dport);
	tcp[12] = 0x50;
	tcp[13] = flags;
	put16(tcp + 16, csum_fold(csum_add(6 + 20, ip + 12, 28)));
	return f;
}

static struct trace send_tcp(struct masters *m, int from, int to, uint16_t sport, uint16_t dport,
			     uint8_t flags)
{
	struct injection in = { .from = from, .to = to, .now_ns = m->now_ns };
	struct trace t = { 0 };
	uint64_t lost = 0;

	in.frame = make_tcp(m, from, to, sport, dport, flags);
	cr_assert_eq(engine_netns.inject(m->engine, &in, m->a, &t, &lost, &m->err), 0, "%s",
		     m->err.text);
	cr_expect_eq(lost, 0);
	return t;
}

static void handshake(struct masters *m)
{
	send_tcp(m, MASTER_0, MASTER_1, 40000, 2379, SYN);
	send_tcp(m, MASTER_1, MASTER_0, 2379, 40000, SYN_ACK);
	send_tcp(m, MASTER_0, MASTER_1, 40000, 2379, ACK);
}

static void restart(struct masters *m, const struct restart_step *how)
{
	cr_assert_eq(engine_netns.restart(m->engine, MASTER_0, how, &m->log, &m->err), 0, "%s",
		     m->err.text);
}

Test(netns, a_handshake_is_new_then_reply_then_established_on_both_nodes)
{
	static const struct {
		int from, to;
		uint16_t sport, dport;
		uint8_t flags;
		enum ct_state ct;
	} packets[] = {
		{ MASTER_0, MASTER_1, 40000, 2379, SYN, CT_STATE_NEW },
		{ MASTER_1, MASTER_0, 2379, 40000, SYN_ACK, CT_STATE_REPLY },
		{ MASTER_0, MASTER_1, 40000, 2379, ACK, CT_STATE_ESTABLISHED },
	};
	struct masters m;

	masters_up(&m);
	for (size_t i = 0; i < 3; i++) {
		struct trace t = send_tcp(&m, packets[i].from, packets[i].to, packets[i].sport,
					  packets[i].dport, packets[i].flags);

		cr_expect_eq(t.outcome, OUTCOME_DELIVERED, "packet %zu: %s", i, t.why);
		cr_expect_str_eq(t.at, packets[i].to ? "master-1/eth0" : "master-0/eth0");
		cr_assert_eq(t.n_hops, 2);
		cr_expect_eq(t.hops[0].hook, HOOK_TC_EGRESS);
		cr_expect_str_eq(t.hops[0].program, "cil_to_netdev");
		cr_expect_eq(t.hops[1].hook, HOOK_TC_INGRESS);
		cr_expect_str_eq(t.hops[1].program, "cil_from_netdev");
		for (int h = 0; h < 2; h++) {
			cr_expect_eq(t.hops[h].verdict, TC_ACT_OK);
			cr_expect_eq(t.hops[h].ct, packets[i].ct, "packet %zu hop %d: ct %d", i, h,
				     t.hops[h].ct);
			cr_expect_eq(t.hops[h].out.len, 54);
			cr_expect_eq(memcmp(t.hops[h].out.data, t.hops[h].in.data, 54), 0);
		}
		cr_expect_eq(t.hops[1].dst_identity, IDENTITY_HOST);
		cr_expect_eq(t.hops[1].src_identity, IDENTITY_REMOTE_NODE);
	}
	masters_down(&m);
}

Test(netns, a_port_no_policy_names_is_dropped_with_reason_file_and_line)
{
	struct masters m;
	struct trace t;

	masters_up(&m);
	t = send_tcp(&m, MASTER_0, MASTER_1, 40000, 81, SYN);
	cr_expect_eq(t.outcome, OUTCOME_DROPPED);
	cr_expect_str_eq(t.at, "master-1/eth0");
	cr_assert_eq(t.n_hops, 2);
	cr_expect_eq(t.hops[0].verdict, TC_ACT_OK);
	cr_expect_eq(t.hops[1].verdict, TC_ACT_SHOT);
	cr_expect_eq(t.hops[1].drop_reason, 133);
	cr_expect_gt(t.hops[1].drop_line, 0);
	cr_expect_gt(t.hops[1].drop_file, 0);
	cr_expect_eq(t.hops[1].ct, CT_STATE_NEW);
	cr_expect_null(t.hops[1].out.data);
	masters_down(&m);
}

Test(netns, replies_survive_kill_and_term_but_not_the_historical_collection)
{
	struct restart_step how = { .node = "master-0" };
	struct masters m;
	struct trace t;

	masters_up(&m);
	handshake(&m);
	for (int graceful = 0; graceful < 2; graceful++) {
		how.graceful = graceful;
		restart(&m, &how);
		t = send_tcp(&m, MASTER_1, MASTER_0, 2379, 40000, PSH_ACK);
		cr_expect_eq(t.outcome, OUTCOME_DELIVERED, "graceful %d", graceful);
		cr_expect_eq(t.hops[1].ct, CT_STATE_REPLY);
	}
	buf_reset(&m.lines);
	how.gc = AGENT_GC_NO_ENDPOINT;
	restart(&m, &how);
	cr_expect(strstr(buf_str(&m.lines), "master-0: level="), "%s", buf_str(&m.lines));
	t = send_tcp(&m, MASTER_1, MASTER_0, 2379, 40000, PSH_ACK);
	cr_expect_eq(t.outcome, OUTCOME_DROPPED);
	cr_expect_eq(t.hops[1].drop_reason, 133);
	masters_down(&m);
}

Test(netns, a_lone_egress_packet_after_the_historical_collection_hides_the_bug)
{
	struct restart_step how = { .node = "master-0", .gc = AGENT_GC_NO_ENDPOINT };
	struct masters m;
	struct trace t;

	masters_up(&m);
	handshake(&m);
	restart(&m, &how);
	t = send_tcp(&m, MASTER_0, MASTER_1, 40000, 2379, ACK);
	cr_expect_eq(t.outcome, OUTCOME_DELIVERED);
	t = send_tcp(&m, MASTER_1, MASTER_0, 2379, 40000, PSH_ACK);
	cr_expect_eq(t.outcome, OUTCOME_DELIVERED);
	masters_down(&m);
}

Test(netns, an_emptied_map_is_the_price_of_recreating_it_at_another_size)
{
	struct map_override smaller = { .map = "cilium_ct4_global", .max_entries = 4096 };
	struct restart_step how = { .node = "master-0", .maps = &smaller, .n_maps = 1 };
	struct masters m;
	struct trace t;

	masters_up(&m);
	handshake(&m);
	restart(&m, &how); /* migrates */
	t = send_tcp(&m, MASTER_1, MASTER_0, 2379, 40000, PSH_ACK);
	cr_expect_eq(t.outcome, OUTCOME_DELIVERED);
	smaller.max_entries = 8192;
	how.on_map_mismatch = MAP_MISMATCH_RECREATE;
	restart(&m, &how);
	t = send_tcp(&m, MASTER_1, MASTER_0, 2379, 40000, PSH_ACK);
	cr_expect_eq(t.outcome, OUTCOME_DROPPED);
	masters_down(&m);
}

Test(netns, the_world_comes_in_at_the_device_and_answers_leave_for_the_world)
{
	struct masters m;
	struct trace t;

	masters_up(&m);
	t = send_tcp(&m, WORLD, MASTER_1, 5000, 2379, SYN);
	cr_expect_eq(t.outcome, OUTCOME_DELIVERED);
	cr_assert_eq(t.n_hops, 1);
	cr_expect_str_eq(t.hops[0].at, "master-1/eth0");
	cr_expect_eq(t.hops[0].hook, HOOK_TC_INGRESS);
	cr_expect_eq(t.hops[0].src_identity, IDENTITY_WORLD);
	t = send_tcp(&m, MASTER_1, WORLD, 2379, 5000, SYN_ACK);
	cr_expect_eq(t.outcome, OUTCOME_SENT);
	cr_expect_str_eq(t.at, "world");
	cr_assert_eq(t.n_hops, 1);
	cr_expect_eq(t.hops[0].ct, CT_STATE_REPLY);
	masters_down(&m);
}

Test(netns, virtual_hours_expire_a_connection_at_once)
{
	struct masters m;
	struct trace t;

	masters_up(&m);
	handshake(&m);
	m.now_ns = 7000ULL * 1000000000; /* TCP lives 8000 s */
	cr_assert_eq(engine_netns.advance(m.engine, m.now_ns, &m.err), 0, "%s", m.err.text);
	t = send_tcp(&m, MASTER_1, MASTER_0, 2379, 40000, PSH_ACK);
	cr_expect_eq(t.outcome, OUTCOME_DELIVERED);
	m.now_ns += 9000ULL * 1000000000;
	t = send_tcp(&m, MASTER_1, MASTER_0, 2379, 40000, PSH_ACK);
	cr_expect_eq(t.outcome, OUTCOME_DROPPED);
	cr_expect_eq(t.hops[1].drop_reason, 133);
	masters_down(&m);
}

/* First child of this process whose command line says `agent`; 0 if there is none. */
static pid_t agent_child(void)
{
	char path[64], text[4096];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	cr_assert(f, "no %s", path);
	while (fscanf(f, "%d", &pid) == 1) {
		FILE *cmd;
		size_t n;

		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		cmd = fopen(path, "re");
		n = cmd ? fread(text, 1, sizeof(text) - 1, cmd) : 0;
		if (cmd)
			fclose(cmd);
		text[n] = '\0';
		if (n && strcmp(text + strlen(text) + 1, "agent") == 0) {
			fclose(f);
			return pid;
		}
	}
	fclose(f);
	return 0;
}

Test(netns, an_agent_that_dies_by_itself_is_the_harness_failing_by_name)
{
	struct injection in = { .from = MASTER_0, .to = MASTER_1 };
	struct trace t = { 0 };
	uint64_t lost = 0;
	struct masters m;
	pid_t pid;

	masters_up(&m);
	pid = agent_child();
	cr_assert_gt(pid, 0, "no agent runs");
	kill(pid, SIGKILL);
	in.frame = make_tcp(&m, MASTER_0, MASTER_1, 40000, 2379, SYN);
	cr_expect_lt(engine_netns.inject(m.engine, &in, m.a, &t, &lost, &m.err), 0);
	cr_expect_eq(m.err.kind, ERR_SYSTEM);
	cr_expect(strstr(m.err.text, "agent of node master-") && strstr(m.err.text, "signal 9"),
		  "%s", m.err.text);
	masters_down(&m);
}

Test(netns, close_ends_the_agents_and_frees_the_devices)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct masters m;

	masters_up(&m);
	TOOL(&out, m.topology->nodes[0].ns_fd, "tc", "qdisc", "show", "dev", "eth0");
	cr_expect(strstr(buf_str(&out), "clsact"), "%s", buf_str(&out));
	engine_netns.close(m.engine);
	m.engine = NULL;
	cr_expect_eq(agent_child(), 0, "an agent still runs");
	TOOL(&out, m.topology->nodes[0].ns_fd, "tc", "qdisc", "show", "dev", "eth0");
	cr_expect_not(strstr(buf_str(&out), "clsact"), "%s", buf_str(&out));
	masters_down(&m);
}

Test(netns, objects_that_are_not_there_fail_the_start_and_leave_no_agent)
{
	struct masters m;

	masters_prepare(&m);
	m.opts.objects = m.dir;
	cr_expect_lt(engine_netns.open(&m.opts, &m.log, &m.engine, &m.err), 0);
	cr_expect(strstr(m.err.text, "bpf_host.o") && strstr(m.err.text, m.dir), "%s", m.err.text);
	cr_expect_eq(agent_child(), 0, "an agent still runs");
	m.engine = NULL;
	masters_down(&m);
}

Test(netns, a_frame_too_long_for_the_device_is_the_inputs_fault)
{
	struct injection in = { .from = MASTER_0, .to = MASTER_1 };
	struct trace t = { 0 };
	uint64_t lost = 0;
	struct masters m;

	masters_up(&m);
	in.frame = make_tcp(&m, MASTER_0, MASTER_1, 40000, 2379, SYN);
	in.frame.data = arena_alloc(m.a, 3000);
	in.frame.len = in.frame.wire_len = 3000;
	cr_expect_eq(engine_netns.inject(m.engine, &in, m.a, &t, &lost, &m.err), -EINVAL);
	cr_expect_eq(m.err.kind, ERR_INPUT);
	masters_down(&m);
}

Test(netns, a_trace_outlives_its_engine)
{
	struct masters m;
	struct trace t;

	masters_up(&m);
	t = send_tcp(&m, MASTER_0, MASTER_1, 40000, 2379, SYN);
	engine_netns.close(m.engine);
	m.engine = NULL;
	for (int i = 0; i < 64; i++) /* whatever was freed is taken again and overwritten */
		memset(arena_alloc(m.a, 16384), 'x', 16384);
	cr_expect_str_eq(t.at, "master-1/eth0");
	cr_expect_str_eq(t.hops[0].at, "master-0/eth0");
	cr_expect_str_eq(t.hops[1].node, "master-1");
	cr_expect_str_eq(t.hops[1].program, "cil_from_netdev");
	masters_down(&m);
}
