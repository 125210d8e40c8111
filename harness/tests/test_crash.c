/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An agent killed at any moment of its start, under traffic, in the midst of upgrades: the next start
 * finds every connection, leaves no pin behind, and packets pass all the time.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <pthread.h>

#include "engine/netns_agent.h"
#include "engine/packet_io.h"
#include "masters.h"
#include "packet/csum.h"

#define KILLS	   30
#define FIRST_PORT 10000
#define EVERY_US   1000

struct crash {
	struct masters m;
	struct agent_proc agents[2];
	const char *pins[2];
	struct packet_io *out; /* of master-0: sends, and sees what its stack gets */
	struct packet_io *answer; /* of master-1 */
	pthread_t sender;
	volatile bool stop;
	unsigned sent; /* connections begun: ports from FIRST_PORT on */
	unsigned refused;
};

/* A TCP packet between the masters. */
static struct frame packet(const struct crash *c, int from, uint16_t sport, uint16_t dport,
			   uint8_t flags, uint8_t data[54])
{
	const struct topology *t = c->m.topology;
	uint8_t *ip = data + 14;

	memset(data, 0, 54);
	memcpy(data, t->nodes[!from].mac, 6);
	memcpy(data + 6, t->nodes[from].mac, 6);
	put16(data + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, 40);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, (uint8_t[]){ 10, 0, 0, (uint8_t)(from + 1) }, 4);
	memcpy(ip + 16, (uint8_t[]){ 10, 0, 0, (uint8_t)(!from + 1) }, 4);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
	put16(ip + 20, sport);
	put16(ip + 22, dport);
	ip[32] = 0x50;
	ip[33] = flags;
	return (struct frame){ .data = data, .len = 54, .wire_len = 54 };
}

/* Begins a connection after the other until told to stop. */
static void *keep_sending(void *arg)
{
	struct crash *c = arg;
	uint8_t data[54];
	struct err err;

	while (!c->stop && c->sent < 50000) {
		struct frame f = packet(c, 0, (uint16_t)(FIRST_PORT + c->sent), 2379, 0x02, data);

		c->refused += packet_io_send(c->out, &f, &err) != 0;
		c->sent++;
		usleep(EVERY_US);
	}
	return NULL;
}

static void start_agent(struct crash *c, int node, const char *release)
{
	struct restart_step how = { .node = "" };
	struct agent_proc_opts o = {
		.cluster = c->m.cluster,
		.topo = &c->m.topology->nodes[node],
		.objects = arena_printf(c->m.a, "%s/%s", c->m.opts.objects, release),
		.pin_dir = c->pins[node],
		.how = &how,
	};

	cr_assert_eq(agent_proc_start(&c->agents[node], &o, &c->m.err), 0, "%s", c->m.err.text);
}

static void wait_ready(struct crash *c, int node)
{
	cr_assert_eq(agent_proc_ready(&c->agents[node], &c->m.log, &c->m.err), 0, "%s",
		     c->m.err.text);
}

static void kill_agent(struct crash *c, int node)
{
	cr_assert_eq(agent_proc_stop(&c->agents[node], false, NULL, &c->m.err), 0);
}

static void crash_up(struct crash *c)
{
	memset(c, 0, sizeof(*c));
	masters_prepare(&c->m);
	cr_assert_eq(topology_quiet(c->m.topology, &c->m.err), 0, "%s", c->m.err.text);
	for (int i = 0; i < 2; i++) {
		const struct topo_node *n = &c->m.topology->nodes[i];

		c->agents[i].fd = -1;
		c->pins[i] = arena_printf(c->m.a, SANDBOX_BPFFS "/crash/%s/tc/globals", n->name);
		cr_assert_eq(file_mkdir_p(c->pins[i], &c->m.err), 0, "%s", c->m.err.text);
		start_agent(c, i, ".");
	}
	for (int i = 0; i < 2; i++)
		wait_ready(c, i);
	cr_assert_eq(
		packet_io_open(c->m.topology->nodes[0].ns_fd, "eth0", 0x0800, &c->out, &c->m.err),
		0, "%s", c->m.err.text);
	cr_assert_eq(packet_io_open(c->m.topology->nodes[1].ns_fd, "eth0", 0x0800, &c->answer,
				    &c->m.err),
		     0, "%s", c->m.err.text);
}

static void crash_down(struct crash *c)
{
	for (int i = 0; i < 2; i++)
		kill_agent(c, i);
	packet_io_close(c->out);
	packet_io_close(c->answer);
	masters_down(&c->m);
}

/* The map's entry of the connection from that port of master-0. */
static bool tracked(int fd, uint16_t port)
{
	uint8_t key[14] = { 10, 0, 0, 1, 10, 0, 0, 2 }, value[256];

	put16(key + 8, 2379);
	put16(key + 10, port);
	key[12] = 6;
	return bpf_map_lookup_elem(fd, key, value) == 0;
}

static unsigned count_missing(const struct crash *c)
{
	int fd = bpf_obj_get(arena_printf(c->m.a, "%s/cilium_ct4_global", c->pins[0]));
	unsigned missing = 0;

	cr_assert_geq(fd, 0);
	for (unsigned i = 0; i < c->sent; i++)
		missing += !tracked(fd, (uint16_t)(FIRST_PORT + i));
	close(fd);
	return missing;
}

static void expect_no_leftover_pins(const struct crash *c)
{
	DIR *d = opendir(c->pins[0]);
	struct dirent *e;
	int n = 0;

	cr_assert(d);
	while ((e = readdir(d))) {
		n++;
		cr_expect_not(strstr(e->d_name, "_next") || strstr(e->d_name, "_prev"),
			      "left behind: %s", e->d_name);
	}
	closedir(d);
	cr_expect_gt(n, 5);
}

/* Only conntrack lets an answer in: the port is closed to new connections. */
static bool answer_arrives(struct crash *c, uint16_t port)
{
	uint8_t data[54];
	struct frame f = packet(c, 1, 2379, port, 0x18, data), seen;

	packet_io_flush(c->out);
	cr_assert_eq(packet_io_send(c->answer, &f, &c->m.err), 0, "%s", c->m.err.text);
	for (int i = 0; i < 200; i++) {
		if (packet_io_recv(c->out, c->m.a, &seen, &c->m.err) == 1)
			return true;
		usleep(1000);
	}
	return false;
}

/* On this machine, under its present load. */
static unsigned start_takes_us(struct crash *c, const char *release)
{
	struct timespec from, to;

	kill_agent(c, 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	start_agent(c, 0, release);
	wait_ready(c, 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (unsigned)((to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
}

Test(crash, an_agent_killed_anywhere_in_its_start_under_traffic_loses_no_connection, .timeout = 120)
{
	static const char *const releases[] = { ".", "upgrades/wide_ct" };
	unsigned random = 19998, missing, moment_us, back_us;
	struct crash c;

	crash_up(&c);
	/* with maps to migrate, there and back */
	moment_us = start_takes_us(&c, releases[1]);
	back_us = start_takes_us(&c, releases[0]);
	moment_us = 2 * (moment_us > back_us ? moment_us : back_us);
	cr_assert_eq(pthread_create(&c.sender, NULL, keep_sending, &c), 0);
	for (int i = 0; i < KILLS; i++) {
		random = random * 1664525 + 1013904223;
		kill_agent(&c, 0);
		start_agent(&c, 0, releases[random >> 30 & 1]);
		usleep((random >> 8) % moment_us);
	}
	kill_agent(&c, 0);
	start_agent(&c, 0, ".");
	wait_ready(&c, 0);
	c.stop = true;
	pthread_join(c.sender, NULL);
	cr_expect_gt(c.sent, 500, "%u packets", c.sent);
	cr_expect_eq(c.refused, 0, "%u of %u packets were dropped at egress", c.refused, c.sent);
	missing = count_missing(&c);
	cr_expect_eq(missing, 0, "%u of %u connections are not tracked any more", missing, c.sent);
	expect_no_leftover_pins(&c);
	cr_expect(answer_arrives(&c, FIRST_PORT), "to the first connection");
	cr_expect(answer_arrives(&c, (uint16_t)(FIRST_PORT + c.sent - 1)), "to the last");
	cr_expect_not(answer_arrives(&c, FIRST_PORT - 1), "to one that never was");
	crash_down(&c);
}

Test(crash, upgrades_to_a_wider_map_and_back_under_traffic_lose_no_connection, .timeout = 120)
{
	unsigned missing;
	struct crash c;

	crash_up(&c);
	cr_assert_eq(pthread_create(&c.sender, NULL, keep_sending, &c), 0);
	for (int i = 0; i < 6; i++) {
		kill_agent(&c, 0);
		start_agent(&c, 0, i & 1 ? "." : "upgrades/wide_ct");
		wait_ready(&c, 0);
		expect_no_leftover_pins(&c);
	}
	c.stop = true;
	pthread_join(c.sender, NULL);
	missing = count_missing(&c);
	cr_expect_eq(missing, 0, "%u of %u connections are not tracked any more", missing, c.sent);
	cr_expect_eq(c.refused, 0);
	crash_down(&c);
}

Test(crash, a_second_agent_on_a_node_is_refused_and_the_first_goes_on)
{
	struct agent_proc first;
	struct crash c;

	crash_up(&c);
	first = c.agents[0];
	c.agents[0] = (struct agent_proc){ .fd = -1 };
	start_agent(&c, 0, "upgrades/wide_ct");
	cr_expect_lt(agent_proc_ready(&c.agents[0], &c.m.log, &c.m.err), 0);
	cr_expect_eq(c.m.err.kind, ERR_INPUT);
	cr_expect(strstr(c.m.err.text, "another agent runs"), "%s", c.m.err.text);
	kill_agent(&c, 0);
	c.agents[0] = first;
	cr_expect_eq(agent_proc_ask(&first, &c.m.err), 0, "%s", c.m.err.text);
	expect_no_leftover_pins(&c);
	crash_down(&c);
}
