/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests of the datapath alone: loads an object by plain libbpf, once for each configuration; builds
 * packets, runs them, reads raw bytes of maps and events. Nothing here knows bpf/lib: offsets come from Cilium 1.19's layouts.
 */
#ifndef VERDICT_TESTS_DATAPATH_H
#define VERDICT_TESTS_DATAPATH_H

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/file.h"
#include "base/ns.h"
#include "target/map_reset.h"
#include "together.h"

enum { ACT_OK = 0, ACT_SHOT = 2 };
enum { EV_DROP = 1, EV_TRACE = 4, EV_VERDICT = 5 };
enum { TO_HOST = 2, FROM_NETWORK = 10, TO_NETWORK = 11 };
enum { NEW = 0, ESTABLISHED = 1, REPLY = 2, RELATED = 3, UNKNOWN = 5 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { FLAG_OUT = 0, FLAG_IN = 1 };
enum { INGRESS = 0, EGRESS = 1 }; /* the policy key's bit */
enum { HOST = 1, WORLD = 2, APISERVER = 7 };

#define HOST_EP 4077
#define ALLOW	0
#define DENY	1

struct dp_config {
	const char *name;
	uint64_t value;
};

struct dp_event {
	uint8_t data[512];
	uint32_t size;
};

struct dp {
	struct dp *next; /* loaded before */
	struct dp_config config[8];
	size_t n_config;
	char pins[64]; /* the folder of its pinned maps */
	struct bpf_object *obj;
	int from, to;
	struct perf_buffer *ring;
	struct dp_event events[64];
	int n_events;
	uint64_t lost;
};

struct packet {
	uint8_t data[2048];
	uint32_t len;
};

/* struct ct_entry, 56 bytes */
struct ct_raw {
	uint8_t nat_addr[16];
	uint64_t packets, bytes;
	uint32_t lifetime;
	uint16_t bits; /* rx_closing 0, tx_closing 1, seen_non_syn 4 */
	uint16_t rev_nat_index, nat_port;
	uint8_t tx_flags, rx_flags;
	uint32_t src_sec_id, last_tx_report, last_rx_report;
};

/* struct ipv4_ct_tuple, 14 bytes */
struct ct_key {
	uint32_t daddr, saddr;
	uint16_t dport, sport;
	uint8_t nexthdr, flags;
} __attribute__((packed));

static inline const char *dp_object_path(struct arena *a)
{
	const char *dir = getenv("VERDICT_BPF_DIR");

	if (!dir)
		dir = file_installed(a, "bpf");
	cr_assert(dir, "no folder of objects: set VERDICT_BPF_DIR");
	return arena_printf(a, "%s/bpf_host.o", dir);
}

static inline uint32_t get32(const void *p, unsigned off)
{
	uint32_t v;

	memcpy(&v, (const char *)p + off, sizeof(v));
	return v;
}

static inline uint16_t get16(const void *p, unsigned off)
{
	uint16_t v;

	memcpy(&v, (const char *)p + off, sizeof(v));
	return v;
}

static inline void dp_configure(struct bpf_object *obj, const char *name, uint64_t value)
{
	const struct btf *btf = bpf_object__btf(obj);
	int sec = btf__find_by_name_kind(btf, ".rodata.config", BTF_KIND_DATASEC);
	const struct btf_type *t = btf__type_by_id(btf, sec);
	const struct btf_var_secinfo *v = btf_var_secinfos(t);
	struct bpf_map *m, *rodata = NULL;
	char full[64];
	size_t size;

	bpf_object__for_each_map(m, obj) if (strstr(bpf_map__name(m), ".rodata.config")) rodata = m;
	cr_assert(rodata, "no configuration section");
	snprintf(full, sizeof(full), "__config_%s", name);
	for (int i = 0; i < btf_vlen(t); i++, v++) {
		const char *var = btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);

		if (strcmp(var, full) == 0) {
			uint8_t *data = (uint8_t *)bpf_map__initial_value(rodata, &size);

			memcpy(data + v->offset, &value, v->size); /* little endian */
			return;
		}
	}
	cr_assert_fail("no setting %s", name);
}

static inline void dp_on_event(void *arg, int cpu, void *data, __u32 size)
{
	struct dp *dp = arg;

	(void)cpu;
	cr_assert_lt(dp->n_events, 64, "more events than a test expects");
	cr_assert_leq(size, sizeof(dp->events[0].data));
	memcpy(dp->events[dp->n_events].data, data, size);
	dp->events[dp->n_events++].size = size;
}

static inline void dp_on_lost(void *arg, int cpu, __u64 n)
{
	(void)cpu;
	((struct dp *)arg)->lost += n;
}

static inline int dp_map(const struct dp *dp, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(dp->obj, name);

	cr_assert_geq(fd, 0, "no map %s", name);
	return fd;
}

static inline void dp_ipcache(struct dp *dp, const char *addr, unsigned bits, uint32_t identity)
{
	uint8_t key[24] = { 0 }, value[24] = { 0 };
	uint32_t prefix = 32 + bits;

	memcpy(key, &prefix, 4);
	key[7] = 1; /* IPv4 */
	inet_pton(AF_INET, addr, key + 8);
	memcpy(value, &identity, 4);
	cr_assert_eq(bpf_map_update_elem(dp_map(dp, "cilium_ipcache_v2"), key, value, BPF_ANY), 0);
}

struct rule {
	uint32_t label;
	int egress;
	unsigned bits; /* of protocol and port that count: 0, 8, 9 to 24 */
	uint8_t proto;
	uint16_t port;
	int deny;
	uint32_t precedence;
	uint8_t auth;
	uint16_t proxy;
	uint32_t cookie;
};

static inline void dp_rule(struct dp *dp, struct rule r)
{
	uint8_t key[12] = { 0 }, value[12] = { 0 };
	uint32_t prefix = 40 + r.bits;
	uint16_t port = htons(r.port), proxy = htons(r.proxy);

	memcpy(key, &prefix, 4);
	memcpy(key + 4, &r.label, 4);
	key[8] = (uint8_t)r.egress;
	key[9] = r.proto;
	memcpy(key + 10, &port, 2);
	memcpy(value, &proxy, 2);
	value[2] = (uint8_t)(r.deny | r.bits << 3);
	value[3] = r.auth;
	memcpy(value + 4, &r.precedence, 4);
	memcpy(value + 8, &r.cookie, 4);
	cr_assert_eq(bpf_map_update_elem(dp_map(dp, "cilium_policy_v2"), key, value, BPF_ANY), 0);
}

static inline void dp_clear(const struct dp *dp, const char *name)
{
	int fd = dp_map(dp, name);
	uint8_t key[64];

	while (bpf_map_get_next_key(fd, NULL, key) == 0)
		bpf_map_delete_elem(fd, key);
}

/* Those of this process. */
static struct dp *dp_loaded;

static inline void dp_close_all(void)
{
	while (dp_loaded) {
		struct dp *dp = dp_loaded;

		dp_loaded = dp->next;
		perf_buffer__free(dp->ring);
		bpf_object__close(dp->obj);
		free(dp);
	}
}

static inline struct dp *dp_find(const struct dp_config *config, size_t n)
{
	for (struct dp *dp = dp_loaded; dp; dp = dp->next) {
		bool same = dp->n_config == n;

		for (size_t i = 0; i < n && same; i++)
			same = !strcmp(dp->config[i].name, config[i].name) &&
			       dp->config[i].value == config[i].value;
		if (same)
			return dp;
	}
	return NULL;
}

/* Nothing is in its maps, no event waits. */
static inline void dp_reset(struct dp *dp)
{
	struct err err = { 0 };
	struct bpf_map *m;

	bpf_object__for_each_map(m, dp->obj)
	{
		enum map_reset how = map_how_to_reset(bpf_map__type(m));
		struct map *map;

		if (bpf_map__is_internal(m) || how != MAP_RESET_PLAIN)
			continue;
		cr_assert_eq(map_open_fd(bpf_map__fd(m), bpf_map__name(m), &map, &err), 0, "%s",
			     err.text);
		cr_assert_eq(map_make_empty(map, &err), 0, "%s", err.text);
		map_close(map);
	}
	perf_buffer__consume(dp->ring);
	dp->n_events = 0;
	dp->lost = 0;
}

/* Each has maps of its own, also of those that are pinned. */
static inline void dp_open_object(struct dp *dp)
{
	static unsigned n;
	LIBBPF_OPTS(bpf_object_open_opts, open, .pin_root_path = dp->pins);
	struct arena *a = arena_new();

	snprintf(dp->pins, sizeof(dp->pins), SANDBOX_BPFFS "/dp-%u", ++n);
	dp->obj = bpf_object__open_file(dp_object_path(a), &open);
	cr_assert(dp->obj, "cannot open %s", dp_object_path(a));
	arena_free(a);
}

static inline struct dp *dp_load(const struct dp_config *config, size_t n)
{
	struct dp *dp = calloc(1, sizeof(*dp));

	cr_assert_leq(n, sizeof(dp->config) / sizeof(dp->config[0]));
	for (size_t i = 0; i < n; i++)
		dp->config[i] = config[i];
	dp->n_config = n;
	dp_open_object(dp);
	dp_configure(dp->obj, "enable_host_firewall", 1);
	dp_configure(dp->obj, "host_ep_id", HOST_EP);
	for (size_t i = 0; i < n; i++)
		dp_configure(dp->obj, config[i].name, config[i].value);
	cr_assert_eq(bpf_object__load(dp->obj), 0);
	dp->from = bpf_program__fd(bpf_object__find_program_by_name(dp->obj, "cil_from_netdev"));
	dp->to = bpf_program__fd(bpf_object__find_program_by_name(dp->obj, "cil_to_netdev"));
	dp->ring = perf_buffer__new(dp_map(dp, "cilium_events"), 64, dp_on_event, dp_on_lost, dp,
				    NULL);
	cr_assert(dp->ring);
	if (!dp_loaded)
		atexit(dp_close_all);
	dp->next = dp_loaded;
	dp_loaded = dp;
	return dp;
}

/* Two masters, the host being 10.160.128.34: egress allowed, ingress closed. */
static inline struct dp *dp_open(const struct dp_config *config, size_t n)
{
	struct dp *dp = dp_find(config, n);
	struct err err = { 0 };
	cpu_set_t one;

	if (dp) {
		dp_reset(dp);
	} else {
		CPU_ZERO(&one);
		CPU_SET(sched_getcpu(), &one);
		sched_setaffinity(0, sizeof(one), &one); /* one ring: events stay in order */
		cr_assert_eq(sandbox_enter(&err), 0, "%s", err.text);
		dp = dp_load(config, n);
	}
	dp_ipcache(dp, "10.160.128.34", 32, HOST);
	dp_ipcache(dp, "10.160.128.31", 32, APISERVER);
	dp_rule(dp, (struct rule){ .egress = EGRESS });
	return dp;
}

#define DP_OPEN(...)                                                                               \
	({                                                                                         \
		const struct dp_config c_[] = { { NULL, 0 }, ##__VA_ARGS__ };                      \
		dp_open(c_ + 1, sizeof(c_) / sizeof(c_[0]) - 1);                                   \
	})

/* Runs the packet, its sum known (CHECKSUM_COMPLETE); afterwards dp->events holds what it caused, and
 * nothing else.
 */
static inline int dp_run(struct dp *dp, int prog, const struct packet *p)
{
	uint8_t out[2048];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .data_out = out, .data_size_out = sizeof(out),
		    .flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE);

	dp->n_events = 0;
	cr_assert_eq(bpf_prog_test_run_opts(prog, &opts), 0);
	cr_assert_eq(opts.data_size_out, p->len);
	cr_assert_eq(memcmp(out, p->data, p->len), 0, "the packet was changed");
	perf_buffer__consume(dp->ring);
	cr_assert_eq(dp->lost, 0);
	return (int)opts.retval;
}

static inline const struct dp_event *dp_event(const struct dp *dp, uint8_t type, int subtype)
{
	for (int i = 0; i < dp->n_events; i++)
		if (dp->events[i].data[0] == type &&
		    (subtype < 0 || dp->events[i].data[1] == subtype))
			return &dp->events[i];
	return NULL;
}

/* The reason the packet was dropped for, 0 if it passed; verdict and event must agree. */
static inline int dp_drop(struct dp *dp, int prog, const struct packet *p)
{
	int ret = dp_run(dp, prog, p);
	const struct dp_event *e = dp_event(dp, EV_DROP, -1);

	cr_assert_eq(ret, e ? ACT_SHOT : ACT_OK);
	return e ? e->data[1] : 0;
}

/* The conntrack state that the trace event tells; -1 if there is none. */
static inline int dp_state(struct dp *dp, int prog, const struct packet *p)
{
	const struct dp_event *e;

	if (dp_run(dp, prog, p) != ACT_OK)
		return -1;
	e = dp_event(dp, EV_TRACE, prog == dp->from ? TO_HOST : TO_NETWORK);
	return e ? e->data[26] : -1;
}

static inline struct ct_key ct_key(const char *daddr, const char *saddr, uint16_t dport,
				   uint16_t sport, uint8_t proto, uint8_t flags)
{
	struct ct_key k = {
		.dport = htons(dport), .sport = htons(sport), .nexthdr = proto, .flags = flags
	};
	uint32_t addr;

	inet_pton(AF_INET, daddr, &addr);
	k.daddr = addr;
	inet_pton(AF_INET, saddr, &addr);
	k.saddr = addr;
	return k;
}

static inline const char *ct_map_name(const struct ct_key *k)
{
	return k->nexthdr == IPPROTO_TCP ? "cilium_ct4_global" : "cilium_ct_any4_global";
}

static inline bool ct_get(const struct dp *dp, struct ct_key k, struct ct_raw *entry)
{
	return bpf_map_lookup_elem(dp_map(dp, ct_map_name(&k)), &k, entry) == 0;
}

static inline void ct_put(const struct dp *dp, struct ct_key k, const struct ct_raw *entry)
{
	cr_assert_eq(bpf_map_update_elem(dp_map(dp, ct_map_name(&k)), &k, entry, BPF_ANY), 0);
}

static inline int map_count(const struct dp *dp, const char *name)
{
	int fd = dp_map(dp, name), n = 0;
	uint8_t key[64], next[64];
	void *at = NULL;

	while (bpf_map_get_next_key(fd, at, next) == 0) {
		memcpy(key, next, sizeof(key));
		at = key;
		n++;
	}
	return n;
}

static inline uint32_t uptime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t)ts.tv_sec;
}

/* Packets. Checksums are left out: nothing under test reads them. */

static inline void packet_ip(struct packet *p, const char *src, const char *dst, uint8_t proto,
			     const void *l4, uint32_t l4_len)
{
	static const uint8_t eth[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	uint16_t total = htons((uint16_t)(20 + l4_len));
	uint8_t *ip = p->data + 14;

	memcpy(p->data, eth, 14);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	memcpy(ip + 2, &total, 2);
	ip[8] = 64;
	ip[9] = proto;
	inet_pton(AF_INET, src, ip + 12);
	inet_pton(AF_INET, dst, ip + 16);
	memcpy(ip + 20, l4, l4_len);
	p->len = 34 + l4_len;
}

static inline struct packet tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
				uint8_t flags)
{
	uint8_t l4[24] = { (uint8_t)(sport >> 8), (uint8_t)sport, (uint8_t)(dport >> 8),
			   (uint8_t)dport };
	struct packet p;

	l4[12] = 0x50;
	l4[13] = flags;
	packet_ip(&p, src, dst, IPPROTO_TCP, l4, sizeof(l4));
	return p;
}

/* UDP or SCTP with 12 bytes: a whole SCTP header. */
static inline struct packet datagram(uint8_t proto, const char *src, uint16_t sport,
				     const char *dst, uint16_t dport)
{
	uint8_t l4[12] = { (uint8_t)(sport >> 8),
			   (uint8_t)sport,
			   (uint8_t)(dport >> 8),
			   (uint8_t)dport,
			   0,
			   sizeof(l4) };
	struct packet p;

	packet_ip(&p, src, dst, proto, l4, sizeof(l4));
	return p;
}

static inline struct packet icmp(const char *src, const char *dst, uint8_t type, uint16_t id)
{
	uint8_t l4[16] = { type, 0, 0, 0, (uint8_t)(id >> 8), (uint8_t)id, 0, 1 };
	struct packet p;

	packet_ip(&p, src, dst, IPPROTO_ICMP, l4, sizeof(l4));
	return p;
}

/* An error that quotes the other packet's IP header and 8 bytes more. */
static inline struct packet icmp_error(const char *src, const char *dst, uint8_t type,
				       const struct packet *quoted)
{
	uint8_t l4[8 + 28] = { type, 1 };
	struct packet p;

	memcpy(l4 + 8, quoted->data + 14, 28);
	packet_ip(&p, src, dst, IPPROTO_ICMP, l4, sizeof(l4));
	return p;
}

static inline struct packet fragment(struct packet p, uint16_t id, uint16_t offset8, bool more)
{
	uint16_t frag = htons((uint16_t)(offset8 | (more ? 0x2000 : 0))), net_id = htons(id);

	memcpy(p.data + 14 + 4, &net_id, 2);
	memcpy(p.data + 14 + 6, &frag, 2);
	return p;
}

#endif
