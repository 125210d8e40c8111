/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* xdp-filter's ten objects as Debian ships them, over real captures: every verdict is the one its
 * manual promises, on every CPU, and what the objects count is what happened.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <glob.h>
#include <sched.h>

#include "bpf_source.h"
#include "files.h"
#include "own_arena.h"
#include "target/maps_file.h"
#include "target/object.h"
#include "xdp_filter.h"

#define MAX_PACKETS 256

static const char *const policies[] = { "alw", "dny" };
static const char *const features[] = { "all", "eth", "ip", "tcp", "udp" };

TestSuite(xdp_filter, .init = set_up, .fini = tear_down, .timeout = 120);

/* One of the objects, loaded. */
struct filter {
	struct filter_kind kind;
	const char *name;
	struct object *object;
	int program;
};

static const char *object_path(const char *name)
{
	char *pattern = arena_printf(arena, "/usr/lib/*/bpf/%s.o", name);
	const char *path;
	glob_t found = { 0 };

	if (glob(pattern, 0, NULL, &found))
		cr_skip_test("needs the objects of libxdp1");
	path = arena_strdup(arena, found.gl_pathv[0]);
	globfree(&found);
	return path;
}

/* Each has pins of its own: the tool shares maps of objects with one policy only. */
static struct filter filter_open(const char *policy, const char *feature)
{
	char *name = arena_printf(arena, "xdpfilt_%s_%s", policy, feature);
	struct filter f = { .kind = filter_kind(policy, feature), .name = name };
	struct object_opts opts = { .path = object_path(name),
				    .pin_dir = arena_printf(arena, SANDBOX_BPFFS "/%s", name) };

	cr_assert_eq(file_mkdir_p(opts.pin_dir, err), 0, "%s", err->text);
	cr_assert_eq(object_load(&opts, &f.object, err), 0, "%s", err->text);
	cr_assert_eq(object_image(f.object)->n_changes, 0, "%s is not taken as it is", name);
	f.program = object_program_fd(f.object, name, err);
	cr_assert_geq(f.program, 0, "%s", err->text);
	return f;
}

static struct map *filter_map(const struct filter *f, const char *name)
{
	struct map *m;

	cr_assert_eq(map_open_fd(object_map_fd(f->object, name), name, &m, err), 0, "%s %s: %s",
		     f->name, name, err->text);
	return m;
}

static int run_packet(const struct filter *f, const struct capture_packet *p)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->caplen);

	cr_assert_eq(bpf_prog_test_run_opts(f->program, &opts), 0, "%s", f->name);
	return (int)opts.retval;
}

static char letter(int xdp_action)
{
	return xdp_action >= 0 && xdp_action <= 4 ? "ADPTR"[xdp_action] : '!';
}

static size_t capture_of(const char *name, struct capture_packet **packets)
{
	const char *path =
		arena_printf(arena, "%s/fixtures/captures/%s", files_source_root(), name);
	size_t n;

	cr_assert_eq(capture_load(arena, path, packets, &n, err), 0, "%s", err->text);
	return n;
}

/* The file's maps while they are filled. */
struct opened {
	const struct filter *filter;
	struct map *maps[8];
	size_t n;
};

static int find_filter_map(void *arg, const struct value *name, struct map **out,
			   struct err *ignored)
{
	struct opened *o = arg;

	(void)ignored;
	cr_assert_lt(o->n, sizeof(o->maps) / sizeof(o->maps[0]));
	*out = o->maps[o->n++] = filter_map(o->filter, name->text);
	return 0;
}

static void load_entries(const struct filter *f, const char *file)
{
	const char *path =
		arena_printf(arena, "%s/fixtures/maps/xdp-filter/%s", files_source_root(), file);
	struct maps_load load = { .arena = arena };
	struct opened o = { .filter = f };
	struct maps_finder finder = { find_filter_map, &o };

	cr_assert_eq(maps_file_load_all(path, &finder, &load, err), 0, "%s", err->text);
	for (size_t i = 0; i < o.n; i++)
		map_close(o.maps[i]);
}

/* A letter a packet: D drop, P pass; ? where versions of the tool differ, see filter_is_open(). */
static const struct written {
	const char *policy, *feature, *entries, *capture, *verdicts;
} written[] = {
	/* queries, answers */
	{ "alw", "udp", "dns-answers.yaml", "dns.pcapng", "PDPD" },
	{ "dny", "udp", "dns-answers.yaml", "dns.pcapng", "DPDP" },
	/* the last is ICMP, and only quotes a query */
	{ "alw", "udp", "dns-answers.yaml", "icmp-error.pcapng", "PDPP" },
	{ "dny", "udp", "dns-answers.yaml", "icmp-error.pcapng", "DPDD" },
	/* .31 asks in 1, 3, 4, 6, 9, 11, 12, 14, 16, 18 */
	{ "alw", "tcp", "etcd-requests.yaml", "etcd-inbound.pcapng", "DPDDPDPPDPDDPDPDPD" },
	{ "dny", "tcp", "etcd-requests.yaml", "etcd-inbound.pcapng", "PDPPDPDDPDPPDPDPDP" },
	/* another port; no TCP at all */
	{ "alw", "tcp", "etcd-requests.yaml", "closed-port.pcapng", "PP" },
	{ "dny", "tcp", "etcd-requests.yaml", "closed-port.pcapng", "DD" },
	{ "alw", "tcp", "etcd-requests.yaml", "ping.pcapng", "PPPPPPPPPP" },
	{ "dny", "tcp", "etcd-requests.yaml", "ping.pcapng", "DDDDDDDDDD" },
	/* from .53: 4, 6, 8, 11, 12, 15; to ::53: 19, 21, 23, 25, 26, 29, 30, 32 */
	{ "alw", "ip", "resolver.yaml", "dual-stack.pcapng",
	  "??PDPDPDPPDDPPDP"
	  "??DPDPDPDDPPDDPD" },
	{ "dny", "ip", "resolver.yaml", "dual-stack.pcapng",
	  "??DPDPDPDDPPDDPD"
	  "??PDPDPDPPDDPPDP" },
	/* every answer, those to ARP and neighbour discovery too */
	{ "alw", "eth", "resolver-mac.yaml", "dual-stack.pcapng",
	  "PDPDPDPDPPDDPPDP"
	  "PDPDPDPDPPDDPPDP" },
	{ "dny", "eth", "resolver-mac.yaml", "dual-stack.pcapng",
	  "DPDPDPDPDDPPDDPD"
	  "DPDPDPDPDDPPDDPD" },
	/* answers by UDP 6 and 22; to ::53 as above */
	{ "alw", "all", "everything.yaml", "dual-stack.pcapng",
	  "??PPPDPPPPPPPPPP"
	  "??DPDDDPDDPPDDPD" },
	{ "dny", "all", "everything.yaml", "dual-stack.pcapng",
	  "??DDDPDDDDDDDDDD"
	  "??PDPPPDPPDDPPDP" },
	/* to the other master, by its MAC: 2, 5, 7, 8, 10, 13, 15, 17 */
	{ "alw", "all", "everything.yaml", "etcd-inbound.pcapng", "PDPPDPDDPDPPDPDPDP" },
	{ "dny", "all", "everything.yaml", "etcd-inbound.pcapng", "DPDDPDPPDPDDPDPDPD" },
};

static void check_written(const struct written *w)
{
	struct filter f = filter_open(w->policy, w->feature);
	char got[MAX_PACKETS + 1] = "";
	struct capture_packet *packets;
	size_t n = capture_of(w->capture, &packets);

	cr_assert_eq(n, strlen(w->verdicts), "%s: %zu packets", w->capture, n);
	load_entries(&f, w->entries);
	for (size_t i = 0; i < n; i++)
		got[i] = w->verdicts[i] == '?' ? '?' : letter(run_packet(&f, &packets[i]));
	cr_expect_str_eq(got, w->verdicts, "%s, %s, %s:\n got    %s\n wanted %s", f.name,
			 w->entries, w->capture, got, w->verdicts);
	object_free(f.object);
}

Test(xdp_filter, entries_by_field_name_drop_and_pass_packets_of_real_captures)
{
	NEEDS_ROOT();
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		check_written(&written[i]);
		/* its pins, with what was written and counted */
		cr_assert_eq(system("rm -rf " SANDBOX_BPFFS "/xdpfilt_*"), 0);
	}
}

/* Every rule that could tell a mistake in key, direction, protocol or byte order. */
#define MAX_RULES 3
static const struct rule sets[][MAX_RULES] = {
	{ { 0 } },
	{ { PORT, "53", SRC | UDP } },
	{ { PORT, "53", DST | UDP } },
	{ { PORT, "53", SRC | DST | UDP } },
	{ { PORT, "53", SRC | TCP } },
	{ { PORT, "53", DST | TCP } },
	{ { PORT, "53", SRC | DST | TCP | UDP } },
	{ { PORT, "53", SRC | DST } }, /* of no protocol: of none */
	{ { PORT, "53", TCP | UDP } },
	{ { PORT, "2379", SRC | TCP } },
	{ { PORT, "2379", DST | TCP | UDP } },
	{ { PORT, "24824", DST | TCP } },
	{ { PORT, "13568", SRC | DST | TCP | UDP } }, /* 53 in the other byte order */
	{ { IP4, "10.160.128.31", SRC } },
	{ { IP4, "10.160.128.31", DST } },
	{ { IP4, "10.160.128.34", SRC | DST } },
	{ { IP4, "31.128.160.10", SRC | DST } },
	{ { IP6, "fd00:a0:80::53", SRC } },
	{ { IP6, "fd00:a0:80::53", DST } },
	{ { IP6, "fd00:a0:80::34", SRC | DST } },
	{ { MAC, "02:00:0a:a0:80:22", SRC } },
	{ { MAC, "02:00:0a:a0:80:22", DST } },
	{ { MAC, "02:00:0a:a0:80:1f", SRC | DST } },
	{ { MAC, "ff:ff:ff:ff:ff:ff", DST } },
	{ { IP4, "10.160.128.53", DST },
	  { IP6, "fd00:a0:80::53", SRC },
	  { PORT, "2379", SRC | TCP } },
	{ { MAC, "02:00:0a:a0:80:35", SRC },
	  { PORT, "2381", DST | TCP },
	  { PORT, "53", DST | UDP } },
};
#define N_SETS (sizeof(sets) / sizeof(sets[0]))

static size_t rules_of(const struct rule *set)
{
	size_t n = 0;

	while (n < MAX_RULES && set[n].key)
		n++;
	return n;
}

static struct map *map_of_rule(const struct filter *f, const struct rule *r)
{
	static const char *const maps[] = { "filter_ports", "filter_ipv4", "filter_ipv6",
					    "filter_ethernet" };

	return filter_map(f, maps[r->kind]);
}

static struct value *key_of_rule(const struct rule *r)
{
	struct value *mac;

	if (r->kind == PORT)
		return value_scalar(arena, "%u", htons((uint16_t)atoi(r->key)));
	if (r->kind != MAC)
		return value_scalar(arena, "%s", r->key);
	mac = value_map(arena);
	value_setf(arena, mac, "addr", "%s", r->key);
	return mac;
}

/* bits 0: the entry is taken away again, by the value that matches nothing. */
static void write_rule(const struct filter *f, const struct rule *r, unsigned bits)
{
	struct map *m = map_of_rule(f, r);

	cr_assert_eq(map_set(m, key_of_rule(r), value_scalar(arena, "%u", bits), err), 0, "%s",
		     err->text);
	map_close(m);
}

/* What stands above the rule's bits, over all CPUs: a plain number reads as the sum. */
static unsigned long hits_of(const struct filter *f, const struct rule *r)
{
	struct map *m = map_of_rule(f, r);
	unsigned long sum;
	struct value *v;

	cr_assert_eq(map_get(m, arena, key_of_rule(r), &v, err), 0, "%s", err->text);
	sum = strtoul(value_text(v), NULL, 10);
	map_close(m);
	return (sum - (unsigned long)libbpf_num_possible_cpus() * r->bits) / 64;
}

struct counts {
	unsigned long packets[5], bytes[5]; /* by XDP action */
};

static unsigned long number(const struct value *v, const char *field)
{
	return strtoul(value_text(value_get(v, field)), NULL, 10);
}

static struct counts counted(const struct filter *f)
{
	struct map *m = filter_map(f, "xdp_stats_map");
	struct counts c;
	struct value *v;

	for (unsigned i = 0; i < 5; i++) {
		cr_assert_eq(map_get(m, arena, value_scalar(arena, "%u", i), &v, err), 0, "%s",
			     err->text);
		c.packets[i] = number(v, "packets");
		c.bytes[i] = number(v, "bytes");
	}
	map_close(m);
	return c;
}

static void check_counts(const struct filter *f, const struct counts *before,
			 const struct counts *expected, size_t set)
{
	struct counts now = counted(f);

	for (int i = 0; i < 5; i++) {
		cr_expect_eq(now.packets[i] - before->packets[i], expected->packets[i],
			     "%s, rules %zu: packets of %c", f->name, set, letter(i));
		cr_expect_eq(now.bytes[i] - before->bytes[i], expected->bytes[i],
			     "%s, rules %zu: bytes of %c", f->name, set, letter(i));
	}
}

/* Packets of a hit, with one rule: by the model. */
static bool is_hit(const struct filter *f, int verdict)
{
	return verdict == (f->kind.deny ? XDP_PASS : XDP_DROP);
}

static unsigned long check_packets(const struct filter *f, size_t set, const struct counts *before,
				   const struct capture_packet *packets, size_t n_packets)
{
	const struct rule *rules = sets[set];
	size_t n = rules_of(rules);
	struct counts expected = { 0 };
	unsigned long hits = 0;

	for (size_t i = 0; i < n_packets; i++) {
		const struct capture_packet *p = &packets[i];
		struct seen s = seen_of(p);
		int verdict = filter_verdict(f->kind, rules, n, s), got;

		if (filter_is_open(f->kind, rules, n, &s))
			continue;
		got = run_packet(f, p);
		cr_expect_eq(got, verdict,
			     "%s, rules %zu (%s ...), packet %zu (number %u): %c, not %c", f->name,
			     set, rules->key, i, p->number, letter(got), letter(verdict));
		hits += is_hit(f, verdict);
		expected.packets[verdict]++;
		expected.bytes[verdict] += p->caplen;
	}
	check_counts(f, before, &expected, set);
	return hits;
}

static void check_set(const struct filter *f, size_t set, const struct capture_packet *packets,
		      size_t n_packets)
{
	struct counts before = counted(f);
	const struct rule *rules = sets[set];
	size_t n = rules_of(rules);
	unsigned long hits;

	for (size_t i = 0; i < n; i++)
		if (filter_has(f->kind, &rules[i]))
			write_rule(f, &rules[i], rules[i].bits);
	hits = check_packets(f, set, &before, packets, n_packets);
	if (n == 1 && filter_has(f->kind, rules))
		cr_expect_eq(hits_of(f, rules), hits, "%s, rules %zu: %lu hits", f->name, set,
			     hits);
	for (size_t i = 0; i < n; i++)
		if (filter_has(f->kind, &rules[i]))
			write_rule(f, &rules[i], 0);
}

/* The same frame in VLAN 7: the filter looks through the tag. */
static struct capture_packet tagged(const struct capture_packet *p)
{
	static const uint8_t tag[4] = { 0x81, 0, 0, 7 };
	struct capture_packet t = *p;
	uint8_t *data = arena_alloc(arena, p->caplen + 4);

	memcpy(data, p->data, 12);
	memcpy(data + 12, tag, 4);
	memcpy(data + 16, p->data + 12, p->caplen - 12);
	t.data = data;
	t.caplen = t.len = p->caplen + 4;
	return t;
}

/* All packets of all captures, and each once more in a VLAN. */
static size_t all_packets(struct capture_packet *out)
{
	const char *pattern =
		arena_printf(arena, "%s/fixtures/captures/*.pcapng", files_source_root());
	glob_t found = { 0 };
	size_t n = 0;

	cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct capture_packet *packets;
		size_t k = capture_of(strrchr(found.gl_pathv[i], '/') + 1, &packets);

		cr_assert_lt(n + k, MAX_PACKETS / 2, "more packets than there is room for");
		memcpy(out + n, packets, k * sizeof(*out));
		n += k;
	}
	for (size_t i = 0; i < n; i++)
		out[n + i] = tagged(&out[i]);
	globfree(&found);
	return 2 * n;
}

static void on_cpu(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void check_filter(const struct filter *f, const struct capture_packet *packets, size_t n)
{
	cpu_set_t allowed;

	cr_assert_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		on_cpu(cpu);
		for (size_t i = 0; i < N_SETS; i++)
			check_set(f, i, packets, n);
	}
	cr_assert_eq(sched_setaffinity(0, sizeof(allowed), &allowed), 0);
}

Test(xdp_filter, every_object_does_what_its_manual_says_on_every_cpu)
{
	struct capture_packet *packets = arena_alloc(arena, MAX_PACKETS * sizeof(*packets));
	size_t n;

	NEEDS_ROOT();
	n = all_packets(packets);
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 5; j++) {
			struct filter f = filter_open(policies[i], features[j]);

			check_filter(&f, packets, n);
			object_free(f.object);
		}
	}
}
