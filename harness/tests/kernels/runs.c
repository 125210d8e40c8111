/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tests/kernels/runs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "tests/datapath_open.h"
#include "tests/packet_bytes.h"

enum { SYN = 2, ACK = 16 };
enum { FAMILY4 = 1, FAMILY6 = 2 };
enum { IN = 0, OUT = 1 }; /* of policy keys */

/* One object under its own settings; what goes wrong first is kept. */
struct run {
	struct bpf_object *obj;
	char why[256];
};

#define WRONG(r, ...)                                                                              \
	((r)->why[0] ? (void)0 : (void)snprintf((r)->why, sizeof((r)->why), __VA_ARGS__))

/* ---- entries: Cilium 1.19's layouts ---- */

static void put(struct run *r, const char *map, const void *key, const void *value)
{
	int fd = bpf_object__find_map_fd_by_name(r->obj, map);

	if (bpf_map_update_elem(fd, key, value, BPF_ANY))
		WRONG(r, "map %s takes no entry: %s", map, strerror(errno));
}

static void put_identity(struct run *r, const char *addr, uint32_t identity)
{
	bool v6 = strchr(addr, ':');
	uint8_t key[24] = { v6 ? 160 : 64 }, value[24] = { 0 };

	key[7] = v6 ? FAMILY6 : FAMILY4;
	inet_pton(v6 ? AF_INET6 : AF_INET, addr, key + 8);
	memcpy(value, &identity, sizeof(identity));
	put(r, "cilium_ipcache_v2", key, value);
}

/* port 0: all that goes that way. */
static void allow(struct run *r, uint8_t way, uint16_t port)
{
	uint8_t bits = port ? 24 : 0;
	uint8_t key[12] = { 40 + bits }, value[12] = { 0 };

	key[8] = way;
	key[9] = port ? 6 : 0;
	key[10] = (uint8_t)(port >> 8);
	key[11] = (uint8_t)port;
	value[2] = (uint8_t)(bits << 3);
	put(r, "cilium_policy_v2", key, value);
}

static void forbid_again(struct run *r, uint8_t way, uint16_t port)
{
	uint8_t key[12] = { 64 };

	key[8] = way;
	key[9] = 6;
	key[10] = (uint8_t)(port >> 8);
	key[11] = (uint8_t)port;
	if (bpf_map_delete_elem(bpf_object__find_map_fd_by_name(r->obj, "cilium_policy_v2"), key))
		WRONG(r, "no rule to take back: %s", strerror(errno));
}

static void list(struct run *r, const char *network, uint32_t bits)
{
	bool v6 = strchr(network, ':');
	uint8_t key[20] = { 0 }, value[8] = { 0 };

	memcpy(key, &bits, sizeof(bits));
	inet_pton(v6 ? AF_INET6 : AF_INET, network, key + 4);
	put(r, v6 ? "cilium_cidr_v6_dyn" : "cilium_cidr_v4_dyn", key, value);
}

/* ---- programs ---- */

static const struct bpf_program *tagged_program(const struct run *r, const struct btf *btf,
						const struct btf_type *tag)
{
	const struct btf_type *func = btf__type_by_id(btf, tag->type);

	return bpf_object__find_program_by_name(r->obj, btf__name_by_offset(btf, func->name_off));
}

/* Programs tagged "tail:cilium_calls/NUMBER" into their slots. */
static void fill_slots(struct run *r)
{
	static const char prefix[] = "tail:cilium_calls/";
	const struct btf *btf = bpf_object__btf(r->obj);
	int calls = bpf_object__find_map_fd_by_name(r->obj, "cilium_calls");

	for (uint32_t i = 1; i < btf__type_cnt(btf); i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);
		const char *name = btf__name_by_offset(btf, t->name_off);
		uint32_t slot;
		int fd;

		if (!btf_is_decl_tag(t) || strncmp(name, prefix, sizeof(prefix) - 1) != 0)
			continue;
		slot = (uint32_t)strtoul(name + sizeof(prefix) - 1, NULL, 10);
		fd = bpf_program__fd(tagged_program(r, btf, t));
		if (bpf_map_update_elem(calls, &slot, &fd, BPF_ANY))
			WRONG(r, "slot %u stays empty: %s", slot, strerror(errno));
	}
}

static struct pkt packet(const char *src, const char *dst, uint16_t sport, uint16_t dport,
			 uint8_t flags)
{
	bool v6 = strchr(src, ':');
	struct pkt p;

	put_eth(&p, v6 ? 0x86dd : 0x0800);
	(v6 ? put_tcp6 : put_tcp4)(&p, src, sport, dst, dport, flags, 5);
	return p;
}

/* cilium_metrics: reason, direction, line and source file of each drop. */
static void forget_drops(struct run *r, int metrics)
{
	uint8_t key[8];

	while (bpf_map_get_next_key(metrics, NULL, key) == 0)
		if (bpf_map_delete_elem(metrics, key))
			WRONG(r, "metrics stay: %s", strerror(errno));
}

static void wrong_verdict(struct run *r, int metrics, const char *what, uint32_t is, uint32_t want)
{
	uint8_t key[8], *at = NULL;

	while (bpf_map_get_next_key(metrics, at, key) == 0) {
		at = key;
		if (key[0])
			WRONG(r, "%s: verdict %u, not %u: drop reason %u, source %u line %u", what,
			      is, want, key[0], key[4], key[2] | key[3] << 8);
	}
	WRONG(r, "%s: verdict %u, not %u", what, is, want);
}

static void expect(struct run *r, const char *program, struct pkt p, uint32_t verdict,
		   const char *when)
{
	const struct bpf_program *prog = bpf_object__find_program_by_name(r->obj, program);
	int metrics = bpf_object__find_map_fd_by_name(r->obj, "cilium_metrics");
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p.b, .data_size_in = p.len);
	char what[128];

	snprintf(what, sizeof(what), "%s, %s", program, when);
	forget_drops(r, metrics);
	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		WRONG(r, "%s: the run failed: %s", what, strerror(errno));
	else if (opts.retval != verdict)
		wrong_verdict(r, metrics, what, opts.retval, verdict);
}

/* ---- the runs ---- */

static void run_firewall(struct run *r, const char *const host, const char *world)
{
	struct pkt syn = packet(world, host, 40000, 2379, SYN);

	put_identity(r, host, 1);
	allow(r, OUT, 0);
	expect(r, "cil_from_netdev", syn, TC_ACT_SHOT, "no rule allows it");
	allow(r, IN, 2379);
	expect(r, "cil_from_netdev", syn, TC_ACT_OK, "a rule allows it");
	forbid_again(r, IN, 2379);
	expect(r, "cil_to_netdev", packet(host, world, 2379, 40000, SYN | ACK), TC_ACT_OK,
	       "an answer");
	expect(r, "cil_from_netdev", packet(world, host, 40000, 2379, ACK), TC_ACT_OK,
	       "of a flow that is known");
	expect(r, "cil_from_netdev", packet(world, host, 40001, 2379, ACK), TC_ACT_SHOT,
	       "of no flow");
}

static void run_host(struct run *r)
{
	run_firewall(r, "192.168.10.1", "192.168.10.100");
	run_firewall(r, "fd00:10::1", "fd00:10::100");
}

static void run_pod(struct run *r)
{
	allow(r, OUT, 80);
	for (int v6 = 0; v6 < 2; v6++) {
		const char *world = v6 ? "fd00:10::100" : "192.168.10.100";
		const char *own = v6 ? "fd00:1::" : "10.0.1.20",
			   *other = v6 ? "fd00:1::9" : "10.0.1.9";

		expect(r, "cil_from_container", packet(own, world, 40000, 80, SYN), TC_ACT_OK,
		       "its own address, a rule allows it");
		expect(r, "cil_from_container", packet(own, world, 40000, 81, SYN), TC_ACT_SHOT,
		       "its own address, no rule allows it");
		expect(r, "cil_from_container", packet(other, world, 40000, 80, SYN), TC_ACT_SHOT,
		       "another's address");
	}
}

static void run_list(struct run *r)
{
	list(r, "203.0.113.0", 24);
	list(r, "2001:db8:bad::", 48);
	expect(r, "cil_xdp_entry", packet("203.0.113.255", "192.168.10.1", 1, 80, SYN), XDP_DROP,
	       "in the listed network");
	expect(r, "cil_xdp_entry", packet("203.0.114.1", "192.168.10.1", 1, 80, SYN), XDP_PASS,
	       "beside the listed network");
	expect(r, "cil_xdp_entry", packet("2001:db8:bad:1::1", "fd00:10::1", 1, 80, SYN), XDP_DROP,
	       "in the listed IPv6 network");
	expect(r, "cil_xdp_entry", packet("2001:db8:bae::1", "fd00:10::1", 1, 80, SYN), XDP_PASS,
	       "beside the listed IPv6 network");
}

static const struct {
	const char *name, *object, *config;
	void (*run)(struct run *r);
} all[] = {
	{ "packets meet the host's firewall", "bpf_host", "enable_host_firewall=1", run_host },
	{ "packets leave a pod", "bpf_lxc", "endpoint_ipv4=0x1401000a endpoint_ipv6=0x010000fd",
	  run_pod },
	{ "packets meet the list of XDP", "bpf_xdp", "enable_prefilter=1", run_list },
};

static bool run(const char *dir, size_t i, struct run *r)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.o", dir, all[i].object);
	r->obj = datapath_open(path, all[i].config, r->why);
	if (!r->obj)
		return false;
	if (bpf_object__load(r->obj)) {
		WRONG(r, "does not load");
	} else {
		fill_slots(r);
		all[i].run(r);
	}
	bpf_object__close(r->obj);
	return !r->why[0];
}

int runs(const char *dir, const char *label)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct run r = { .obj = NULL };
		bool good = run(dir, i, &r);

		printf("%s %s%s: %s%s%s\n", good ? "ok" : "not ok", label, all[i].object,
		       all[i].name, good ? "" : ": ", r.why);
		fflush(stdout);
		failed += !good;
	}
	return failed;
}
