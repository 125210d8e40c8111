/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Real packets, changed at random, through both engines from the same state: what they say must be the
 * same, to the byte, or differ in one of the ways that known_difference() names.
 *
 * VERDICT_SEED=N repeats a failure; each test prints its seed when it fails.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <inttypes.h>
#include <linux/pkt_cls.h>
#include <time.h>

#include "base/ns.h"
#include "engine/engine.h"
#include "engine/prepare.h"
#include "files.h"
#include "packets.h"
#include "scenario/yaml.h"

#define PACKETS	    250
#define ORIGINALS   400
#define STEP_NS	    10000000ULL
#define SECOND	    1000000000ULL
#define MAX_FRAME   1400
#define MAX_CHANGES 3

struct lab {
	struct arena *a;
	struct cluster *cluster;
	struct topology *topology;
	struct engine_opts opts;
	struct log_sink log;
	struct injection *originals;
	size_t n_originals;
	uint32_t seed, random;
	struct err err;
};

/* One packet as sent, and what was done to it. */
struct sample {
	struct injection in;
	char story[256];
};

static void ignore_line(void *arg, const char *node, const char *text)
{
	(void)arg;
	(void)node;
	(void)text;
}

static uint32_t pick(struct lab *l, uint32_t n)
{
	return rnd(&l->random) % n;
}

static void load_capture(struct lab *l, const char *path)
{
	struct send_step send = { .capture = path };
	struct capture_packet *packets;
	size_t n;

	cr_assert_eq(capture_load(l->a, path, &packets, &n, &l->err), 0, "%s", l->err.text);
	for (size_t i = 0; i < n && l->n_originals < ORIGINALS; i++) {
		struct injection *in = &l->originals[l->n_originals];
		const struct prepare with = { .cluster = l->cluster, .topology = l->topology };
		struct flow_pass pass;
		struct trace unused = { 0 };

		if (prepare_packet(&with, &send, &packets[i], l->a, in, &pass, &unused, &l->err))
			continue;
		in->raw = true;
		l->n_originals++;
	}
}

static void lab_open(struct lab *l, const char *values)
{
	const char *missing, *seed = getenv("VERDICT_SEED");
	struct value **docs;
	size_t n;
	glob_t g;

	memset(l, 0, sizeof(*l));
	l->a = arena_new();
	l->seed = l->random = seed ? (uint32_t)strtoul(seed, NULL, 0) : 19367;
	missing = engine_missing(ENGINE_NETNS, l->a);
	if (*missing)
		cr_skip_test("%s", missing);
	cr_assert_eq(sandbox_enter(&l->err), 0, "%s", l->err.text);
	cr_assert_eq(yaml_parse(l->a, values, strlen(values), "values", &docs, &n, &l->err), 0,
		     "%s", l->err.text);
	cr_assert_eq(cluster_load(arena_printf(l->a, "%s/fixtures/clusters/two-masters",
					       files_source_root()),
				  n ? docs[0] : NULL, &l->cluster, &l->err),
		     0, "%s", l->err.text);
	cr_assert_eq(topology_up(l->cluster, "diff", &l->topology, &l->err), 0, "%s", l->err.text);
	l->opts = (struct engine_opts){ .cluster = l->cluster,
					.topology = l->topology,
					.objects = file_installed(l->a, "bpf") };
	l->log.line = ignore_line;
	l->originals = arena_alloc(l->a, ORIGINALS * sizeof(*l->originals));
	cr_assert_eq(glob(arena_printf(l->a, "%s/fixtures/captures/*.pcapng", files_source_root()),
			  0, NULL, &g),
		     0);
	for (size_t i = 0; i < g.gl_pathc; i++)
		load_capture(l, arena_strdup(l->a, g.gl_pathv[i]));
	globfree(&g);
	cr_assert_gt(l->n_originals, 50);
}

static void lab_close(struct lab *l)
{
	topology_down(l->topology);
	cluster_free(l->cluster);
	arena_free(l->a);
}

static void tell(struct sample *s, const char *fmt, ...)
{
	size_t at = strlen(s->story);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->story + at, sizeof(s->story) - at, fmt, ap);
	va_end(ap);
}

/* Each changes the frame in one way. Offsets are of the frame as captured: Ethernet and 20 bytes of
 * IPv4; on a frame that was changed before they may mean something else, which is as good.
 */
static void any_byte(struct lab *l, struct sample *s)
{
	uint32_t at = 14 + pick(l, s->in.frame.len - 14);

	s->in.frame.data[at] = (uint8_t)pick(l, 256);
	tell(s, "; byte %u", at);
}

static void header_byte(struct lab *l, struct sample *s)
{
	uint32_t at = 14 + pick(l, 40);

	if (at < s->in.frame.len)
		s->in.frame.data[at] = (uint8_t)pick(l, 256);
	tell(s, "; header byte %u", at);
}

static void put(struct sample *s, uint32_t at, uint16_t v)
{
	if (at + 2 > s->in.frame.len)
		return;
	s->in.frame.data[at] = (uint8_t)(v >> 8);
	s->in.frame.data[at + 1] = (uint8_t)v;
}

static void total_length(struct lab *l, struct sample *s)
{
	int v = pick(l, 2) ? (int)pick(l, 65536) : (int)s->in.frame.len - 14 + (int)pick(l, 9) - 4;

	put(s, 16, (uint16_t)v);
	tell(s, "; total length %d", v);
}

/* Few ids, so that later fragments meet first ones. */
static void fragment(struct lab *l, struct sample *s)
{
	static const uint16_t kinds[] = { 0x2000, 0x2000, 0x2001, 0x0004, 0x0004, 0x4000, 0x8000 };
	uint16_t v = kinds[pick(l, 7)];

	put(s, 18, (uint16_t)pick(l, 2));
	put(s, 20, v);
	tell(s, "; fragment 0x%04x", v);
}

static void options(struct lab *l, struct sample *s)
{
	struct frame *f = &s->in.frame;
	uint32_t words = 1 + pick(l, 10);

	if (f->len < 34 || f->len + words * 4 > MAX_FRAME)
		return;
	memmove(f->data + 34 + words * 4, f->data + 34, f->len - 34);
	memset(f->data + 34, 1, words * 4);
	f->len += words * 4;
	f->data[14] = (uint8_t)(0x45 + words);
	put(s, 16, (uint16_t)(f->len - 14));
	tell(s, "; %u words of options", words);
}

static void ihl(struct lab *l, struct sample *s)
{
	if (s->in.frame.len > 14)
		s->in.frame.data[14] = (uint8_t)pick(l, 256);
	tell(s, "; version and length of the header");
}

static void ttl(struct lab *l, struct sample *s)
{
	if (s->in.frame.len > 22)
		s->in.frame.data[22] = (uint8_t)pick(l, 3);
	tell(s, "; TTL");
}

static void protocol(struct lab *l, struct sample *s)
{
	static const uint8_t known[] = { 1, 2, 6, 17, 41, 47, 50, 58, 132 };

	if (s->in.frame.len > 23)
		s->in.frame.data[23] = pick(l, 3) ? known[pick(l, 9)] : (uint8_t)pick(l, 256);
	tell(s, "; protocol");
}

static void checksum(struct lab *l, struct sample *s)
{
	static const uint32_t at[] = { 24, 36, 40, 50 };

	put(s, at[pick(l, 4)], (uint16_t)pick(l, 65536));
	tell(s, "; checksum");
}

static void tcp_flags(struct lab *l, struct sample *s)
{
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x00, 0x3f };

	if (s->in.frame.len > 47)
		s->in.frame.data[47] = flags[pick(l, 9)];
	tell(s, "; TCP flags");
}

static void tcp_offset(struct lab *l, struct sample *s)
{
	if (s->in.frame.len > 46)
		s->in.frame.data[46] = (uint8_t)(pick(l, 16) << 4);
	tell(s, "; TCP data offset");
}

static void icmp_type(struct lab *l, struct sample *s)
{
	if (s->in.frame.len > 35) {
		s->in.frame.data[34] = (uint8_t)pick(l, 20);
		s->in.frame.data[35] = (uint8_t)pick(l, 17);
	}
	tell(s, "; ICMP type");
}

static void truncate_frame(struct lab *l, struct sample *s)
{
	s->in.frame.len = 14 + pick(l, s->in.frame.len - 13);
	tell(s, "; cut to %u", s->in.frame.len);
}

static void truncate_header(struct lab *l, struct sample *s)
{
	uint32_t len = 14 + pick(l, 60);

	if (len < s->in.frame.len)
		s->in.frame.len = len;
	tell(s, "; cut to %u", s->in.frame.len);
}

static void pad(struct lab *l, struct sample *s)
{
	s->in.frame.len += pick(l, 64); /* the bytes are there: zero, or cut off before */
	if (s->in.frame.len > MAX_FRAME)
		s->in.frame.len = MAX_FRAME;
	tell(s, "; padded to %u", s->in.frame.len);
}

static void vlan(struct lab *l, struct sample *s)
{
	struct frame *f = &s->in.frame;
	uint16_t tpid = pick(l, 4) ? 0x8100 : 0x88a8, tci = (uint16_t)(pick(l, 2) ? 0 : 5);

	if (f->len + 4 > MAX_FRAME)
		return;
	memmove(f->data + 16, f->data + 12, f->len - 12);
	f->len += 4;
	put(s, 12, tpid);
	put(s, 14, tci);
	tell(s, "; VLAN 0x%04x:%u", tpid, tci);
}

static void ethertype(struct lab *l, struct sample *s)
{
	static const uint16_t types[] = { 0x0806, 0x86dd, 0x0800, 0x8100, 0x88b5, 0x0100, 0x8847 };

	put(s, 12, types[pick(l, 7)]);
	tell(s, "; ethertype");
}

static void swap(struct sample *s, uint32_t a, uint32_t b, uint32_t n)
{
	uint8_t t[4];

	if (a + n > s->in.frame.len || b + n > s->in.frame.len)
		return;
	memcpy(t, s->in.frame.data + a, n);
	memcpy(s->in.frame.data + a, s->in.frame.data + b, n);
	memcpy(s->in.frame.data + b, t, n);
}

static void swap_ports(struct lab *l, struct sample *s)
{
	(void)l;
	swap(s, 34, 36, 2);
	tell(s, "; ports swapped");
}

static void swap_addresses(struct lab *l, struct sample *s)
{
	(void)l;
	swap(s, 26, 30, 4);
	tell(s, "; addresses swapped");
}

static void address(struct lab *l, struct sample *s)
{
	static const uint8_t ips[][4] = { { 10, 160, 128, 34 },	  { 10, 160, 128, 31 },
					  { 192, 0, 2, 1 },	  { 0, 0, 0, 0 },
					  { 255, 255, 255, 255 }, { 127, 0, 0, 1 },
					  { 224, 0, 0, 1 },	  { 10, 244, 0, 7 } };
	uint32_t at = pick(l, 2) ? 26 : 30;

	if (at + 4 <= s->in.frame.len)
		memcpy(s->in.frame.data + at, ips[pick(l, 8)], 4);
	tell(s, "; address at %u", at);
}

static void change(struct lab *l, struct sample *s)
{
	static void (*const changes[])(struct lab *, struct sample *) = {
		any_byte,  header_byte, header_byte, total_length,   fragment,	      fragment,
		options,   ihl,		ttl,	     protocol,	     checksum,	      tcp_flags,
		tcp_flags, tcp_offset,	icmp_type,   truncate_frame, truncate_header, pad,
		vlan,	   ethertype,	swap_ports,  swap_addresses, address,
	};

	if (s->in.frame.len > 14)
		changes[pick(l, sizeof(changes) / sizeof(changes[0]))](l, s);
}

/* Time stands still, mostly; gaps keep clear of the lifetimes (10 s, 60 s, 8000 s) and their multiples
 * of whole seconds, to which one of the engines rounds.
 */
static uint64_t gap(struct lab *l)
{
	static const unsigned seconds[] = { 7, 7, 100, 9000 };

	return pick(l, 25) ? STEP_NS : seconds[pick(l, 4)] * SECOND;
}

/* Runs of packets of one capture in order, so that flows are made, then changed ones among them. */
static struct sample *make_samples(struct lab *l)
{
	struct sample *all = arena_alloc(l->a, PACKETS * sizeof(*all));
	uint32_t at = 0;
	uint64_t now = 0;

	for (uint32_t i = 0; i < PACKETS; i++) {
		struct sample *s = &all[i];
		uint32_t n = pick(l, 3) ? 1 + pick(l, MAX_CHANGES) : 0;

		at = pick(l, 12) ? (at + 1) % (uint32_t)l->n_originals
				 : pick(l, (uint32_t)l->n_originals);
		s->in = l->originals[at];
		s->in.frame.data = arena_alloc(l->a, 2 * MAX_FRAME);
		memcpy(s->in.frame.data, l->originals[at].frame.data, s->in.frame.len);
		tell(s, "original %u", at);
		while (n--)
			change(l, s);
		s->in.frame.wire_len = s->in.frame.len;
		s->in.now_ns = now += gap(l);
	}
	return all;
}

static struct trace *run_all(struct lab *l, const struct engine_ops *ops, const struct sample *all)
{
	struct trace *out = arena_alloc(l->a, PACKETS * sizeof(*out));
	struct engine *e = NULL;

	l->opts.pin_root = arena_printf(l->a, SANDBOX_BPFFS "/%s", ops->name);
	cr_assert_eq(ops->open(&l->opts, &l->log, &e, &l->err), 0, "%s: %s", ops->name,
		     l->err.text);
	for (unsigned i = 0; i < PACKETS; i++) {
		struct injection in = all[i].in;
		uint64_t lost = 0;

		in.frame.data = arena_memdup(l->a, in.frame.data, in.frame.len);
		cr_assert_eq(ops->inject(e, &in, l->a, &out[i], &lost, &l->err), 0,
			     "seed %u, packet %u (%s), %s: %s", l->seed, i, all[i].story, ops->name,
			     l->err.text);
		cr_assert_eq(lost, 0);
	}
	ops->close(e);
	return out;
}

/* Not the hash: the kernel takes it over the device and what it dissected before, too. */
static void say_events(struct buf *b, const struct hop *h)
{
	for (size_t i = 0; i < h->n_events; i++) {
		struct event e = h->events[i];

		e.hash = 0;
		buf_puts(b, "\n      ");
		event_print_monitor(b, &e);
	}
}

static void say_frame(struct buf *b, const struct frame *f)
{
	if (!f->data)
		return;
	for (uint32_t i = 0; i < f->len; i++)
		buf_printf(b, "%02x", f->data[i]);
}

/* As the kernel hands a frame to the stack: without tags of VLAN 0. Programs at tc have the outer one beside it. */
static struct frame untagged(struct lab *l, const struct frame *f)
{
	struct frame out = *f;

	if (!f->data)
		return out;
	out.data = arena_memdup(l->a, f->data, f->len);
	while (out.len >= 18 && ((out.data[12] == 0x81 && out.data[13] == 0) ||
				 (out.data[12] == 0x88 && out.data[13] == 0xa8))) {
		memmove(out.data + 12, out.data + 16, out.len - 16);
		out.len -= 4;
	}
	return out;
}

/* All that both engines have to agree on, as text: a difference is then seen by eye. */
static const char *say(struct lab *l, const struct trace *t, bool ignored)
{
	__cleanup_buf struct buf b = BUF_INIT;

	buf_printf(&b, "%s at %s", word_name(&words_outcome, t->outcome), t->at);
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];
		struct frame out;

		buf_printf(&b,
			   "\n    %s hook %d: verdict %d reason %d %u:%u ct %d %u->%u\n      in  ",
			   h->at, h->hook, h->verdict, h->drop_reason, h->drop_file, h->drop_line,
			   h->ct, h->src_identity, h->dst_identity);
		say_frame(&b, &h->in);
		say_events(&b, h);
		out = h->hook == HOOK_TC_INGRESS ? untagged(l, &h->out) : h->out;
		if (ignored && i + 1 == t->n_hops)
			continue;
		buf_puts(&b, "\n      out ");
		say_frame(&b, &out);
	}
	return arena_strdup(l->a, buf_str(&b));
}

/* TEST_RUN refuses frames that are shorter than the network header their EtherType promises; a device
 * hands them to the program. The packet then changes no state in the other engine: it is dropped. A tag is off by
 * then.
 */
static bool refused_by_test_run(const struct trace *t, const struct trace *other)
{
	const struct frame *f = &t->hops[t->n_hops - 1].in;
	uint32_t tag = f->data[12] == 0x81 && f->data[13] == 0 && f->len >= 18 ? 4 : 0;
	uint16_t type = (uint16_t)(f->data[12 + tag] << 8 | f->data[13 + tag]);

	return t->outcome == OUTCOME_UNMODELLED && other->outcome == OUTCOME_DROPPED &&
	       other->hops[other->n_hops - 1].drop_reason == 134 &&
	       ((type == 0x0800 && f->len < 34 + tag) || (type == 0x86dd && f->len < 54 + tag));
}

/* A tag with less than an EtherType behind it is dropped before tc ingress (skb_vlan_untag()): the
 * program that TEST_RUN hands it to would never have seen it.
 */
static bool too_short_to_untag(const struct trace *t, const struct trace *other)
{
	const struct hop *last = &t->hops[t->n_hops - 1];
	const struct frame *f = &last->in;
	uint16_t type = (uint16_t)(f->data[12] << 8 | f->data[13]);

	return last->hook == HOOK_TC_INGRESS && (type == 0x8100 || type == 0x88a8) && f->len < 20 &&
	       other->outcome == OUTCOME_UNMODELLED && strstr(other->why, "lost");
}

/* Both say that the stack ignores it; which tags the kernel has taken off by then is not compared. */
static bool of_no_vlan_here(const struct trace *t, const struct trace *other)
{
	return t->outcome == OUTCOME_UNMODELLED && other->outcome == OUTCOME_UNMODELLED &&
	       strstr(t->why, "VLAN") && strcmp(t->why, other->why) == 0;
}

/* Testrun follows what a node's stack forwards, and says what it refuses; and what the world's router sends
 * back into the cluster. Netns looks at what the stack or the router got, and calls that its end.
 */
static struct trace until_netns_ends(const struct trace *t, const struct trace *other)
{
	const struct hop *last = other->n_hops ? &t->hops[other->n_hops - 1] : NULL;
	struct trace cut = *t;
	bool stack = other->outcome == OUTCOME_DELIVERED, goes_on, refused;

	if ((!stack && other->outcome != OUTCOME_SENT) || !last || t->n_hops < other->n_hops ||
	    last->hook != (stack ? HOOK_TC_INGRESS : HOOK_TC_EGRESS) || last->verdict != TC_ACT_OK)
		return cut;
	goes_on = t->n_hops > other->n_hops;
	refused = t->n_hops == other->n_hops && t->outcome == OUTCOME_DROPPED &&
		  strcmp(t->at, stack ? last->node : "world") == 0;
	if (!goes_on && !refused)
		return cut;
	cut.n_hops = other->n_hops;
	cut.outcome = other->outcome;
	cut.at = other->at;
	return cut;
}

static void compare(struct lab *l, const struct sample *all, const struct trace *a,
		    const struct trace *b)
{
	unsigned outcomes[OUTCOME_UNMODELLED + 1] = { 0 };

	for (unsigned i = 0; i < PACKETS; i++) {
		bool ignored = of_no_vlan_here(&a[i], &b[i]);
		struct trace cut = until_netns_ends(&a[i], &b[i]);
		const char *x = say(l, &cut, ignored), *y = say(l, &b[i], ignored);

		outcomes[b[i].outcome]++;
		if (refused_by_test_run(&a[i], &b[i]) || too_short_to_untag(&a[i], &b[i]))
			continue;
		cr_expect_str_eq(x, y, "seed %u, packet %u (%s):\n  testrun: %s %s\n  netns: %s %s",
				 l->seed, i, all[i].story, x, a[i].why ?: "", y, b[i].why ?: "");
	}
	/* there was something to agree on */
	cr_expect_gt(outcomes[OUTCOME_DELIVERED], 50, "seed %u", l->seed);
	cr_expect_gt(outcomes[OUTCOME_DROPPED], 10, "seed %u", l->seed);
}

static void differential(const char *values)
{
	struct lab l;
	struct sample *all;
	struct trace *a, *b;

	lab_open(&l, values);
	all = make_samples(&l);
	a = run_all(&l, &engine_testrun, all);
	b = run_all(&l, &engine_netns, all);
	compare(&l, all, a, b);
	lab_close(&l);
}

Test(differential, engines_agree_on_changed_packets_under_the_host_firewall)
{
	differential("bpf: {monitorAggregation: none}");
}

Test(differential, engines_agree_on_changed_packets_with_aggregated_events)
{
	differential("bpf: {monitorAggregation: medium}");
}

Test(differential, engines_agree_on_changed_packets_in_audit_mode)
{
	differential("policyAuditMode: true");
}

Test(differential, engines_agree_on_changed_packets_without_a_host_firewall)
{
	differential("hostFirewall: {enabled: false}");
}
