// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The replay engine: what is seen of one program run, and where a packet goes on to. */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <unistd.h>

#include "bpf_source.h"
#include "engine/replay.h"
#include "packets.h"

/* `forward` lowers the TTL, sets a mark, notes the time and the length of each packet by its UDP port, and
 * redirects: to ingress of 7 for port 53, to egress of 8 else. `drop` drops by tail call. XDP: `spread` by
 * a devmap.
 */
static const char source[] = BPF_PRELUDE
	"struct __sk_buff { __u32 len, pkt_type, mark, fill[6], ingress_ifindex, ifindex, "
	"fill2[8],\n"
	"	data, data_end; };\n"
	"struct xdp_md { __u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index; };\n"
	"static __u64 (*ktime)(void) = (void *)5;\n"
	"static long (*redirect)(__u32, __u64) = (void *)23;\n"
	"static long (*redirect_map)(void *, __u64, __u64) = (void *)51;\n"
	"static long (*tail_call)(void *, void *, __u32) = (void *)12;\n"
	"static __u32 (*prandom)(void) = (void *)7;\n"
	"struct seen { __u64 at; __u32 len, ingress_ifindex, mark; };\n"
	"struct { __uint(type, 1); __uint(max_entries, 16); __type(key, __u16);\n"
	"	__type(value, struct seen); } seen SEC(\".maps\");\n"
	"struct { __uint(type, 3); __uint(max_entries, 4); __uint(key_size, 4);\n"
	"	__uint(value_size, 4); } calls SEC(\".maps\");\n"
	"struct { __uint(type, 14); __uint(max_entries, 4); __uint(key_size, 4);\n"
	"	__uint(value_size, 4); } ports SEC(\".maps\");\n"
	"SEC(\"tc\") int forward(struct __sk_buff *s)\n"
	"{\n"
	"	__u8 *p = (void *)(long)s->data, *end = (void *)(long)s->data_end;\n"
	"	struct seen v = { ktime(), s->len, s->ingress_ifindex, s->mark };\n"
	"	__u16 port;\n"
	"	if (p + 42 > end) return 0;\n"
	"	port = p[36] << 8 | p[37];\n"
	"	map_update(&seen, &port, &v, 0);\n"
	"	p[22]--;\n"
	"	s->mark = 0x42;\n"
	"	return port == 53 ? redirect(7, 1) : redirect(8, 0);\n"
	"}\n"
	"SEC(\"tc\") __attribute__((btf_decl_tag(\"tail:calls/2\"))) int dropper(struct __sk_buff "
	"*s)\n"
	"{ return 2; }\n"
	"SEC(\"tc\") int drop(struct __sk_buff *s) { tail_call(s, &calls, 2); return 0; }\n"
	"SEC(\"tc\") int accept(struct __sk_buff *s)\n"
	"{\n"
	"	struct seen v = { ktime(), s->len, s->ingress_ifindex, s->mark };\n"
	"	__u16 key = 1;\n"
	"	map_update(&seen, &key, &v, 0);\n"
	"	return 0;\n"
	"}\n"
	"SEC(\"tc\") int round(struct __sk_buff *s) { return redirect(7, 1); }\n"
	"SEC(\"tc\") int chance(struct __sk_buff *s)\n"
	"{ __u32 n = prandom(); __u16 key = 2; struct seen v = { n };\n"
	"  map_update(&seen, &key, &v, 0); return 0; }\n"
	"struct { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32);\n"
	"	__type(value, struct seen); } hand SEC(\".maps\")\n"
	"	__attribute__((btf_decl_tag(\"scratch\")));\n"
	"SEC(\"tc\") int notes(struct __sk_buff *s)\n"
	"{ __u32 key = 0; struct seen v = { s->len }; __u16 port = 3;\n"
	"  map_update(&hand, &key, &v, 0); map_update(&seen, &port, &v, 0); return 0; }\n"
	"SEC(\"xdp\") int spread(struct xdp_md *x) { return redirect_map(&ports, "
	"x->rx_queue_index, 0); }\n"
	"SEC(\"xdp\") int pass(struct xdp_md *x) { return x->ingress_ifindex == 5 ? 2 : 1; }\n"
	"SEC(\"cgroup_skb/egress\") int leave(struct __sk_buff *s)\n"
	"{ return s->len == 78 - 14; }\n";

static struct arena *arena;
static struct err *err;
static const char *object;
static struct target_desc *desc;

static void set_up(void)
{
	arena = arena_new();
	err = calloc(1, sizeof(*err));
	if (geteuid() != 0)
		return;
	cr_assert_eq(sandbox_enter(err), 0, "%s", err->text);
	object = compile_bpf(arena, "replayed", source);
}

static void tear_down(void)
{
	target_forget();
	target_desc_free(desc);
	arena_free(arena);
	free(err);
}

TestSuite(replay, .init = set_up, .fini = tear_down);

static struct replay *open_with(struct replay_opts opts)
{
	struct replay *r;

	if (!opts.target.desc) {
		cr_assert_eq(target_desc_of_object(object, &desc, err), 0, "%s", err->text);
		opts.target.desc = desc;
	}
	opts.seed = opts.seed ? opts.seed : 1;
	cr_assert_eq(replay_open(&opts, &r, err), 0, "%s", err->text);
	return r;
}

static struct replay *open_program(const char *program)
{
	return open_with((struct replay_opts){ .place = { .program = program } });
}

/* UDP with 36 bytes of data: 78 bytes in all. */
static struct capture_packet udp(uint16_t port, uint64_t ts_ns)
{
	struct pkt *p = arena_new_of(arena, struct pkt);
	static uint32_t number;

	put_eth(p, 0x0800);
	put_udp4(p, "10.0.0.1", 4000, "10.0.0.2", port, 36);
	return (struct capture_packet){
		.number = ++number,
		.ts_ns = ts_ns,
		.linktype = LINK_ETHERNET,
		.data = p->b,
		.caplen = p->len,
		.len = p->len,
	};
}

static struct trace replayed(struct replay *r, struct capture_packet p)
{
	struct trace t;

	cr_assert_eq(replay_packet(r, &p, arena, &t, err), 0, "%s", err->text);
	return t;
}

static const char *field(const struct value *v, const char *path)
{
	const char *text = value_text(value_path(v, path));

	cr_assert(text, "no %s", path);
	return text;
}

Test(replay, tells_verdict_redirect_bytes_mark_and_map_entry_of_a_tc_program)
{
	struct replay *r;
	struct trace t;
	const struct hop *h;

	NEEDS_ROOT();
	r = open_program("forward");
	t = replayed(r, udp(53, 5000));
	cr_assert_eq(t.n_hops, 1);
	h = &t.hops[0];
	cr_expect_eq(h->verdict, TC_ACT_REDIRECT);
	cr_expect(h->observed);
	cr_assert_eq(h->n_redirects, 1);
	cr_expect_eq(h->redirects[0].kind, NOTE_REDIRECT);
	cr_expect_eq(h->redirects[0].ifindex, 7);
	cr_expect_eq(h->redirects[0].flags, BPF_F_INGRESS);
	cr_expect_eq(h->redirects[0].ret, TC_ACT_REDIRECT);
	cr_expect_eq(t.outcome, OUTCOME_DELIVERED);
	cr_expect_str_eq(t.at, "ifindex 7");
	cr_expect_eq(h->mark, 0);
	cr_expect_eq(h->out_mark, 0x42);
	cr_assert(h->out.data);
	cr_expect_eq(h->out.data[22], h->in.data[22] - 1);
	cr_expect_eq(memcmp(h->out.data, h->in.data, 22), 0);
	cr_expect_eq(memcmp(h->out.data + 23, h->in.data + 23, h->in.len - 23), 0);
	cr_assert_eq(h->n_changes, 1);
	cr_expect_eq(h->changes[0].kind, MAP_ADDED);
	cr_expect_str_eq(h->changes[0].map, "seen");
	cr_expect_str_eq(value_text(h->changes[0].key), "53");
	cr_expect_str_eq(field(h->changes[0].is, "len"), "78");
	cr_expect_str_eq(field(h->changes[0].is, "ingress_ifindex"), "2");
	t = replayed(r, udp(80, 6000));
	cr_expect_eq(t.hops[0].redirects[0].ifindex, 8);
	cr_expect_eq(t.hops[0].redirects[0].flags, 0);
	cr_expect_eq(t.outcome, OUTCOME_SENT);
	replay_close(r);
}

Test(replay, the_clock_is_that_of_the_capture_and_never_goes_back)
{
	struct replay *r;
	unsigned long long first;

	NEEDS_ROOT();
	r = open_program("accept");
	first = strtoull(field(replayed(r, udp(1, 7000000)).hops[0].changes[0].is, "at"), NULL, 10);
	cr_expect_eq(
		strtoull(field(replayed(r, udp(1, 9000000)).hops[0].changes[0].is, "at"), NULL, 10),
		first + 2000000);
	/* 1 ms before the last one: the time stays, so nothing changes in the map */
	cr_expect_eq(replayed(r, udp(1, 8000000)).hops[0].n_changes, 0);
	replay_advance(r, 1000000000);
	cr_expect_eq(
		strtoull(field(replayed(r, udp(1, 9000000)).hops[0].changes[0].is, "at"), NULL, 10),
		first + 2000000 + 1000000000);
	replay_close(r);
}

Test(replay, names_the_programs_that_tail_calls_lead_to)
{
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	r = open_program("drop");
	t = replayed(r, udp(1, 0));
	cr_expect_eq(t.hops[0].verdict, TC_ACT_SHOT);
	cr_expect_eq(t.outcome, OUTCOME_DROPPED);
	cr_expect(!t.hops[0].out.data);
	cr_assert_eq(t.hops[0].n_tail_calls, 1);
	cr_expect_str_eq(t.hops[0].tail_calls[0].map, "calls");
	cr_expect_eq(t.hops[0].tail_calls[0].index, 2);
	cr_expect_str_eq(t.hops[0].tail_calls[0].program, "dropper");
	replay_close(r);
}

Test(replay, a_redirect_by_map_says_map_key_and_device)
{
	struct replay_opts opts = { .place = { .program = "spread", .rx_queue = 0, .ifindex = 9 } };
	uint32_t key = 0, to = 9;
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	r = open_with(opts);
	t = replayed(r, udp(1, 0));
	/* nothing in the slot: the helper's lower flag bits are the verdict, XDP_ABORTED */
	cr_expect_eq(t.hops[0].verdict, XDP_ABORTED);
	cr_expect_eq(t.outcome, OUTCOME_DROPPED);
	cr_assert_eq(
		bpf_map_update_elem(target_find_map(replay_target(r), "ports")->fd, &key, &to, 0),
		0);
	t = replayed(r, udp(1, 0));
	cr_expect_eq(t.hops[0].verdict, XDP_REDIRECT);
	cr_assert_eq(t.hops[0].n_redirects, 1);
	cr_expect_eq(t.hops[0].redirects[0].kind, NOTE_REDIRECT_MAP);
	cr_expect_str_eq(t.hops[0].redirects[0].map, "ports");
	cr_expect_eq(t.hops[0].redirects[0].key, 0);
	cr_expect_eq(t.hops[0].redirects[0].ifindex, 9);
	cr_expect_eq(t.outcome, OUTCOME_SENT);
	cr_expect_str_eq(t.at, "dev9");
	replay_close(r);
}

Test(replay, an_xdp_program_sees_the_ifindex_asked_for)
{
	struct replay *r;

	NEEDS_ROOT();
	r = open_with((struct replay_opts){ .place = { .program = "pass", .ifindex = 5 } });
	cr_expect_eq(replayed(r, udp(1, 0)).hops[0].verdict, XDP_PASS);
	replay_close(r);
	r = open_with((struct replay_opts){ .place = { .program = "pass", .ifindex = 6 },
					    .target = { .desc = desc } });
	cr_expect_eq(replayed(r, udp(1, 0)).hops[0].verdict, XDP_DROP);
	replay_close(r);
}

Test(replay, a_cgroup_program_sees_the_packet_from_its_network_header_on)
{
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	r = open_program("leave");
	t = replayed(r, udp(1, 0));
	cr_expect_eq(t.hops[0].hook, HOOK_CGROUP_EGRESS);
	cr_expect_eq(t.hops[0].verdict, 1);
	cr_expect_eq(t.outcome, OUTCOME_SENT);
	/* as it went in, Ethernet header included */
	cr_assert_eq(t.hops[0].out.len, t.hops[0].in.len);
	cr_expect_eq(memcmp(t.hops[0].out.data, t.hops[0].in.data, t.hops[0].in.len), 0);
	replay_close(r);
}

Test(replay, a_cut_packet_has_its_true_length_and_a_runt_is_unmodelled)
{
	struct capture_packet cut = udp(53, 0), runt = udp(53, 0);
	struct replay *r;
	struct trace t;
	const char *why;
	int verdict;

	NEEDS_ROOT();
	cut.caplen = 60;
	runt.caplen = runt.len = 20; /* six bytes of IP */
	r = open_program("forward");
	t = replayed(r, cut);
	cr_expect(t.truncated);
	cr_expect_str_eq(field(t.hops[0].changes[0].is, "len"), "78");
	t = replayed(r, runt);
	cr_expect_eq(t.outcome, OUTCOME_UNMODELLED);
	cr_expect(t.hops[0].not_run);
	cr_expect(strstr(t.why, "refuses"), "%s", t.why);
	cr_expect_eq(replay_verdict(r, &runt, &verdict, &why, err), 1);
	cr_expect_eq(replay_verdict(r, &cut, &verdict, &why, err), 0);
	cr_expect_eq(verdict, TC_ACT_REDIRECT);
	replay_close(r);
}

Test(replay, a_map_that_is_scratch_is_not_told_of)
{
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	r = open_program("notes");
	t = replayed(r, udp(1, 0));
	cr_assert_eq(t.hops[0].n_changes, 1);
	cr_expect_str_eq(t.hops[0].changes[0].map, "seen");
	replay_close(r);
}

Test(replay, random_numbers_are_those_of_the_seed)
{
	const char *first = NULL;

	NEEDS_ROOT();
	for (unsigned i = 0; i < 3; i++) {
		struct replay_opts opts = {
			.place = { .program = "chance" },
			.seed = i == 2 ? 8 : 7,
			.target = { .desc = desc },
		};
		struct replay *r = open_with(opts);
		struct trace t = replayed(r, udp(1, 0));
		const char *n = field(t.hops[0].changes[0].is, "at");

		if (i)
			cr_expect_eq(strcmp(n, first) == 0, i == 1, "%s and %s", n, first);
		else
			first = n;
		replay_close(r);
	}
}

Test(replay, packets_may_enter_elsewhere_while_maps_and_time_go_on)
{
	const struct replay_place egress = { .program = "accept", .hook = "egress", .mark = 3 };
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	r = open_program("accept");
	cr_expect_str_eq(field(replayed(r, udp(1, 0)).hops[0].changes[0].is, "ingress_ifindex"),
			 "2");
	cr_assert_eq(replay_at(r, &egress, err), 0, "%s", err->text);
	t = replayed(r, udp(1, 0));
	cr_expect_eq(t.hops[0].hook, HOOK_TC_EGRESS);
	cr_expect_eq(t.hops[0].changes[0].kind, MAP_CHANGED);
	cr_expect_str_eq(field(t.hops[0].changes[0].is, "ingress_ifindex"), "0");
	cr_expect_str_eq(field(t.hops[0].changes[0].is, "mark"), "3");
	cr_expect_eq(t.outcome, OUTCOME_SENT);
	replay_close(r);
}

/* ---- a target file, followed ---- */

static struct target_desc *target_file(const char *hooks)
{
	const char *path = arena_printf(arena, "%s/followed.yaml", test_dir(arena));
	const char *text = arena_printf(arena,
					"name: followed\n"
					"summary: redirects from one device to the next\n"
					"objects: {dir: .}\n"
					"hooks:\n%s"
					"devices:\n"
					"  - {name: in2, ifindex: 2, role: outer}\n"
					"  - {name: pod7, ifindex: 7, role: inner}\n"
					"  - {name: out8, ifindex: 8, role: plain}\n",
					hooks);
	struct target_desc *d;

	cr_assert_eq(file_write(path, text, strlen(text), err), 0, "%s", err->text);
	cr_assert_eq(target_desc_load(path, &d, err), 0, "%s", err->text);
	return d;
}

Test(replay, follow_goes_on_at_the_device_that_a_redirect_names)
{
	struct replay_opts opts = {
		.place = { .role = "outer", .hook = "ingress" },
		.follow = true,
	};
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	desc = target_file("  outer: {ingress: replayed.o/forward}\n"
			   "  inner: {ingress: replayed.o/accept}\n"
			   "  plain: {ingress: replayed.o/accept}\n");
	opts.target.desc = desc;
	r = open_with(opts);
	t = replayed(r, udp(53, 0));
	cr_assert_eq(t.n_hops, 2);
	cr_expect_str_eq(t.hops[0].at, "in2");
	cr_expect_str_eq(t.hops[0].redirects[0].device, "pod7");
	cr_expect_str_eq(t.hops[1].at, "pod7");
	cr_expect_str_eq(t.hops[1].program, "accept");
	cr_expect_eq(t.hops[1].hook, HOOK_TC_INGRESS);
	/* the mark goes with the packet, and so do its bytes */
	cr_expect_eq(t.hops[1].mark, 0x42);
	cr_expect_eq(t.hops[1].in.data[22], t.hops[0].in.data[22] - 1);
	cr_expect_eq(t.outcome, OUTCOME_DELIVERED);
	cr_expect_str_eq(t.at, "pod7");
	/* nothing sits at the egress of out8 */
	t = replayed(r, udp(80, 0));
	cr_expect_eq(t.n_hops, 1);
	cr_expect_eq(t.outcome, OUTCOME_SENT);
	cr_expect_str_eq(t.at, "out8");
	replay_close(r);
}

Test(replay, a_packet_that_goes_round_is_cut_off)
{
	struct replay_opts opts = {
		.place = { .role = "inner", .hook = "ingress" },
		.follow = true,
	};
	struct replay *r;
	struct trace t;

	NEEDS_ROOT();
	desc = target_file("  outer: {ingress: replayed.o/accept}\n"
			   "  inner: {ingress: replayed.o/round}\n"
			   "  plain: {ingress: replayed.o/accept}\n");
	opts.target.desc = desc;
	r = open_with(opts);
	t = replayed(r, udp(53, 0));
	cr_expect_eq(t.outcome, OUTCOME_UNMODELLED);
	cr_expect(strstr(t.why, "loop"), "%s", t.why);
	replay_close(r);
}

/* ---- both ways ---- */

Test(replay, verdicts_and_bytes_are_the_same_as_shipped)
{
	static const char *const programs[] = { "forward", "drop", "accept", "spread", "leave" };

	NEEDS_ROOT();
	for (size_t i = 0; i < 5; i++) {
		struct trace t[2];

		for (int pristine = 0; pristine < 2; pristine++) {
			struct replay *r = open_with((struct replay_opts){
				.place = { .program = programs[i] },
				.pristine = pristine,
				.target = { .desc = desc },
			});

			t[pristine] = replayed(r, udp(53, 0));
			replay_close(r);
		}
		cr_expect_eq(t[0].hops[0].verdict, t[1].hops[0].verdict, "%s", programs[i]);
		cr_expect_eq(t[0].hops[0].out.len, t[1].hops[0].out.len, "%s", programs[i]);
		if (t[0].hops[0].out.data)
			cr_expect_eq(memcmp(t[0].hops[0].out.data, t[1].hops[0].out.data,
					    t[0].hops[0].out.len),
				     0, "%s", programs[i]);
		/* where it was sent to is not seen, and that is said */
		if (t[1].hops[0].verdict == TC_ACT_REDIRECT && i == 0)
			cr_expect_eq(t[1].outcome, OUTCOME_UNMODELLED);
	}
}

/* ---- what is refused ---- */

static void refused(struct replay_opts opts, const char *says)
{
	struct replay *r = NULL;

	opts.target.desc = desc;
	err_clear(err);
	cr_expect_neq(replay_open(&opts, &r, err), 0, "%s", says);
	cr_expect_eq(err->kind, ERR_INPUT, "%s", err->text);
	cr_expect(strstr(err->text, says), "%s", err->text);
}

Test(replay, says_what_is_wrong_with_what_was_asked_for)
{
	NEEDS_ROOT();
	cr_assert_eq(target_desc_of_object(object, &desc, err), 0, "%s", err->text);
	refused((struct replay_opts){ .seed = 1 }, "say which by --program");
	refused((struct replay_opts){ .place = { .program = "forwrad" } }, "did you mean forward");
	refused((struct replay_opts){ .place = { .program = "pass", .hook = "egress" } },
		"cannot be at hook egress");
	refused((struct replay_opts){ .place = { .program = "pass", .hook = "outgress" } },
		"no hook outgress");
	refused((struct replay_opts){ .place = { .program = "pass", .ifindex = 1 } },
		"no receive queue");
	refused((struct replay_opts){ .place = { .program = "pass" }, .ip_batch = "/no/such" },
		"cannot be read as a batch");
}

Test(replay, leaves_the_caller_where_it_was)
{
	struct replay *r;
	char before[64] = "", inside[64] = "", after[64] = "";

	NEEDS_ROOT();
	cr_assert_gt(readlink("/proc/thread-self/ns/net", before, 63), 0);
	r = open_program("accept");
	cr_assert_gt(readlink("/proc/thread-self/ns/net", inside, 63), 0);
	replay_close(r);
	cr_assert_gt(readlink("/proc/thread-self/ns/net", after, 63), 0);
	cr_expect_str_neq(before, inside);
	cr_expect_str_eq(before, after);
}
