/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The objects of libxdp that do not filter, as Debian ships them: the dispatcher, xdpdump's, and the
 * one that hands packets to AF_XDP sockets. What each should do: its documentation in xdp-tools 1.3.1.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <glob.h>
#include <linux/bpf.h>
#include <sys/socket.h>

#include "bpf_source.h"
#include "engine/replay.h"
#include "files.h"
#include "own_arena.h"

static struct target_desc *desc; /* of the replay that is open */

TestSuite(xdp_objects, .init = set_up, .fini = tear_down, .timeout = 60);

static const char *shipped(const char *name)
{
	const char *path;
	glob_t found = { 0 };

	if (glob(arena_printf(arena, "/usr/lib/*/bpf/%s", name), 0, NULL, &found))
		cr_skip_test("needs the objects of libxdp1");
	path = arena_strdup(arena, found.gl_pathv[0]);
	globfree(&found);
	return path;
}

/* One object with at most one of its variables set, packets entering at ifindex 2. */
struct run {
	const char *object, *program;
	const char *variable; /* NULL: as shipped */
	const struct value *value;
	const char *events; /* map; NULL */
	bool pristine;
};

static struct replay *open_run(const struct run *run)
{
	struct setting *setting = arena_new_of(arena, struct setting);
	struct replay_opts opts = { .pristine = run->pristine,
				    .place = { .program = run->program, .ifindex = 2 } };
	struct replay *r;

	*setting = (struct setting){ .name = run->variable, .value = run->value };
	cr_assert_eq(target_desc_of_object(shipped(run->object), &desc, err), 0, "%s", err->text);
	desc->events_map = run->events;
	desc->decoder = DECODER_NONE;
	opts.target.desc = desc;
	opts.target.config = setting;
	opts.target.n_config = run->variable != NULL;
	cr_assert_eq(replay_open(&opts, &r, err), 0, "%s", err->text);
	return r;
}

static void close_run(struct replay *r)
{
	replay_close(r);
	target_desc_free(desc);
}

static struct trace first_query(struct replay *r)
{
	const char *path =
		arena_printf(arena, "%s/fixtures/captures/dns.pcapng", files_source_root());
	struct capture_packet *packets;
	struct trace t;
	size_t n;

	cr_assert_eq(capture_load(arena, path, &packets, &n, err), 0, "%s", err->text);
	cr_assert_eq(replay_packet(r, &packets[0], arena, &t, err), 0, "%s", err->text);
	cr_assert_eq(t.n_hops, 1);
	return t;
}

static int verdict_of(const struct run *run)
{
	struct replay *r = open_run(run);
	struct trace t = first_query(r);

	close_run(r);
	return t.hops[0].verdict;
}

static struct value *list_of(const char *one)
{
	struct value *list = value_list(arena);

	value_push(arena, list, value_scalar(arena, "%s", one));
	return list;
}

/* struct xdp_dispatcher_config with one program enabled. */
static struct value *one_program(const char *chain_call_actions)
{
	struct value *conf = value_map(arena);

	value_setf(arena, conf, "num_progs_enabled", "1");
	value_set(arena, conf, "chain_call_actions", list_of(chain_call_actions));
	return conf;
}

/* Without programs in its slots each returns 31, "go on", which is no XDP action (prog_dispatcher.h). */
Test(xdp_objects, the_dispatcher_asks_as_many_slots_as_its_configuration_says)
{
	struct run run = { .object = "xdp-dispatcher.o", .program = "xdp_dispatcher" };

	NEEDS_ROOT();
	cr_expect_eq(verdict_of(&run), XDP_PASS, "no slot is enabled");
	run.variable = "conf";
	run.value = one_program("0x80000000");
	cr_expect_eq(verdict_of(&run), XDP_PASS, "31 is among the actions to go on after");
	run.value = one_program("0x4");
	cr_expect_eq(verdict_of(&run), 31, "only XDP_PASS is");
	run.pristine = true;
	cr_expect_eq(verdict_of(&run), 31, "as shipped");
	run = (struct run){ .object = "xdp-dispatcher.o", .program = "xdp_pass" };
	cr_expect_eq(verdict_of(&run), XDP_PASS);
}

Test(xdp_objects, a_verdict_that_is_no_xdp_action_is_a_drop_and_said_to_be_none)
{
	struct run run = { .object = "xdp-dispatcher.o",
			   .program = "xdp_dispatcher",
			   .variable = "conf",
			   .value = one_program("0x4") };
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	r = open_run(&run);
	t = first_query(r);
	cr_expect_eq(t.outcome, OUTCOME_DROPPED);
	cr_expect(t.why && strstr(t.why, "no XDP action"), "%s", t.why);
	close_run(r);
}

/* struct pkt_trace_metadata of xdpdump.h, packed */
struct dumped {
	uint32_t ifindex, rx_queue;
	uint16_t pkt_len, cap_len, flags, prog_index;
	int32_t action;
} __attribute__((packed));

static struct value *dump_of(const char *ifindex, const char *snaplen)
{
	struct value *cfg = value_map(arena);

	value_setf(arena, cfg, "capture_if_ifindex", "%s", ifindex);
	value_setf(arena, cfg, "capture_snaplen", "%s", snaplen);
	value_setf(arena, cfg, "capture_prog_index", "7");
	return cfg;
}

static void check_dumped(const struct trace *t, uint16_t snaplen)
{
	const struct hop *hop = &t->hops[0];
	struct dumped d;

	cr_expect_eq(hop->verdict, XDP_PASS);
	cr_assert_eq(hop->n_raw_events, 1);
	cr_assert_geq(hop->raw_events[0].size, sizeof(d) + snaplen);
	memcpy(&d, hop->raw_events[0].data, sizeof(d));
	cr_expect_eq(d.ifindex, 2);
	cr_expect_eq(d.pkt_len, t->frame.len);
	cr_expect_eq(d.cap_len, snaplen);
	cr_expect_eq(d.prog_index, 7);
	cr_expect(!memcmp(hop->raw_events[0].data + sizeof(d), t->frame.data, snaplen));
}

Test(xdp_objects, xdpdumps_program_reports_the_packets_of_its_device)
{
	struct run run = { .object = "xdpdump_xdp.o",
			   .variable = "trace_cfg",
			   .events = "xdpdump_perf_map" };
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	run.value = dump_of("2", "60");
	r = open_run(&run);
	t = first_query(r);
	check_dumped(&t, 60);
	close_run(r);
	run.value = dump_of("3", "60");
	r = open_run(&run);
	t = first_query(r);
	cr_expect_eq(t.hops[0].verdict, XDP_PASS);
	cr_expect_eq(t.hops[0].n_raw_events, 0, "another device's");
	close_run(r);
}

/* Closed, it would leave the map. */
static int socket_in_slot(struct replay *r, uint32_t slot)
{
	const struct map *m = target_find_map(replay_target(r), "xsks_map");
	int fd = socket(AF_XDP, SOCK_RAW, 0);

	cr_assert(m, "no map xsks_map");
	if (fd < 0)
		cr_skip_test("needs a kernel with AF_XDP sockets");
	cr_assert_eq(bpf_map_update_elem(m->fd, &slot, &fd, BPF_ANY), 0);
	return fd;
}

/* The packet is at receive queue 0. */
static void check_sockets(const char *object, const struct value *refcnt, uint32_t slot, bool taken)
{
	struct run run = { .object = object,
			   .variable = refcnt ? "refcnt" : NULL,
			   .value = refcnt };
	struct replay *r = open_run(&run);
	struct trace t = first_query(r);
	int fd;

	cr_expect_eq(t.hops[0].verdict, XDP_PASS, "%s: no socket", object);
	fd = socket_in_slot(r, slot);
	t = first_query(r);
	cr_expect_eq(t.hops[0].verdict, taken ? XDP_REDIRECT : XDP_PASS, "%s: socket in slot %u",
		     object, slot);
	cr_expect_eq(t.outcome, taken ? OUTCOME_CONSUMED : OUTCOME_DELIVERED, "%s: %s", object,
		     t.why);
	close(fd);
	close_run(r);
}

Test(xdp_objects, a_socket_in_the_slot_of_the_queue_takes_the_packet)
{
	static const char *const objects[] = { "xsk_def_xdp_prog.o", "xsk_def_xdp_prog_5.3.o" };

	NEEDS_ROOT();
	for (size_t i = 0; i < 2; i++) {
		check_sockets(objects[i], NULL, 0, true);
		check_sockets(objects[i], NULL, 3, false);
		check_sockets(objects[i], value_scalar(arena, "0"), 0, false);
	}
}
