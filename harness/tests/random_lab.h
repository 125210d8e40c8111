/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A whole node for packets that nobody has thought of: two pods, a native device, the tunnel, the host's own end,
 * services of every kind of backend; and what must be true of each packet that a program has seen, whatever the
 * packet was.
 *
 * A test's seed is its own unless VERDICT_RANDOM_SEED says another; VERDICT_RANDOM_ROUNDS multiplies its length.
 * What fails names seed and packet, and prints the packet's bytes.
 */
#ifndef VERDICT_TESTS_RANDOM_LAB_H
#define VERDICT_TESTS_RANDOM_LAB_H

#include <inttypes.h>

#include "engine/prog_run.h"
#include "lab.h"

enum { ETH0 = 2, TUNNEL = 3, HOST_DEV = 4, CLIENT = 10, SERVER = 20 };

#define RANDOM_TARGET(config)                                                                      \
	"summary: a whole node\n"                                                                  \
	"config: {interface_ifindex: 2, interface_mac: 02:00:c0:a8:0a:01, host_ep_id: 1, "         \
	"nat_ipv4_masquerade: 192.168.10.1, nat_ipv6_masquerade: 'fd00:10::1', "                   \
	"router_ipv4: 10.0.1.1, router_ipv6: 'fd00:1::1', service_loopback_ipv4: 169.254.42.1, "   \
	"service_loopback_ipv6: 'fd00:e::1', cilium_host_ifindex: 4, cilium_host_mac: "            \
	"02:00:00:00:00:04, tunnel_ifindex: 3" config "}\n"                                        \
	"hooks:\n"                                                                                 \
	"  native:\n"                                                                              \
	"    ingress: bpf_host.o/cil_from_netdev\n"                                                \
	"    egress: bpf_host.o/cil_to_netdev\n"                                                   \
	"    xdp: bpf_xdp.o/cil_xdp_entry\n"                                                       \
	"  host: {egress: bpf_host.o/cil_from_host, ingress: bpf_host.o/cil_to_host}\n"            \
	"  overlay: {ingress: bpf_overlay.o/cil_from_overlay, egress: "                            \
	"bpf_overlay.o/cil_to_overlay}\n"                                                          \
	"  endpoint: {ingress: bpf_lxc.o/cil_from_container, egress: "                             \
	"bpf_lxc.o/cil_to_container}\n"                                                            \
	"tail_calls:\n"                                                                            \
	"- {map: cilium_call_policy, index: 1, program: bpf_host.o/cil_host_policy}\n"             \
	"- {map: cilium_call_policy, index: 10, program: bpf_lxc.o/cil_lxc_policy, device: "       \
	"client}\n"                                                                                \
	"- {map: cilium_call_policy, index: 20, program: bpf_lxc.o/cil_lxc_policy, device: "       \
	"server}\n"                                                                                \
	"- {map: cilium_egresscall_policy, index: 10, program: bpf_lxc.o/cil_lxc_policy_egress, "  \
	"device: client}\n"                                                                        \
	"maps: {cilium_policy_v2: {scope: device}}\n"                                              \
	"events: {map: cilium_events}\n"                                                           \
	"devices:\n"                                                                               \
	"- {name: eth0, ifindex: 2, role: native, mac: 02:00:c0:a8:0a:01}\n"                       \
	"- {name: cilium_vxlan, ifindex: 3, role: overlay, mac: 02:00:00:00:00:0b}\n"              \
	"- {name: cilium_host, ifindex: 4, role: host, mac: 02:00:00:00:00:04}\n"                  \
	"- {name: client, ifindex: 10, role: endpoint, mac: 02:00:0a:00:01:aa, config: "           \
	"{endpoint_id: 10, endpoint_ipv4: 10.0.1.10, endpoint_ipv6: 'fd00:1::10', "                \
	"security_label: 30010, interface_ifindex: 10, interface_mac: 02:00:0a:00:01:aa}}\n"       \
	"- {name: server, ifindex: 20, role: endpoint, mac: 02:00:0a:00:01:bb, config: "           \
	"{endpoint_id: 20, endpoint_ipv4: 10.0.1.20, endpoint_ipv6: 'fd00:1::20', "                \
	"security_label: 30020, interface_ifindex: 20, interface_mac: 02:00:0a:00:01:bb}}\n"

#define RANDOM_SERVICES                                                                            \
	", enable_nodeport: true, enable_nodeport_acceleration: true, "                            \
	"enable_ipv4_masquerade: true, enable_ipv6_masquerade: true"
#define RANDOM_EVERYTHING RANDOM_SERVICES ", enable_host_firewall: true, enable_host_routing: true"
#define RANDOM_IPIP                                                                                \
	", lb_mode: 1, dsr_dispatch: 2, dsr_rss_prefix4: 10.99.0.0, dsr_rss_prefix4_len: 16, "     \
	"dsr_rss_prefix6: 'fd99::', dsr_rss_prefix6_len: 64"

static const char random_routes[] =
	"address add 192.168.10.1/24 dev eth0\n"
	"neighbour add 192.168.10.2 lladdr 02:00:c0:a8:0a:02 dev eth0 nud permanent\n"
	"neighbour add 192.168.10.100 lladdr 02:00:c0:a8:0a:64 dev eth0 nud permanent\n"
	"neighbour add 192.168.10.254 lladdr 02:00:c0:a8:0a:fe dev eth0 nud permanent\n"
	"route add 10.0.2.0/24 via 192.168.10.2\n"
	"route add default via 192.168.10.254\n"
	"address add fd00:10::1/64 dev eth0 nodad\n"
	"neighbour add fd00:10::2 lladdr 02:00:c0:a8:0a:02 dev eth0 nud permanent\n"
	"neighbour add fd00:10::100 lladdr 02:00:c0:a8:0a:64 dev eth0 nud permanent\n"
	"neighbour add fd00:10::fe lladdr 02:00:c0:a8:0a:fe dev eth0 nud permanent\n"
	"route add fd00:2::/64 via fd00:10::2\n"
	"route add default via fd00:10::fe dev eth0\n";

/* ---- entries ---- */

struct random_peer {
	const char *addr[2]; /* IPv4, IPv6 */
	uint32_t identity; /* 0: nobody has told */
	uint32_t endpoint; /* ifindex and id; 0: none here */
};

enum peer_name {
	P_CLIENT,
	P_SERVER,
	P_NODE,
	P_FAR_POD,
	P_OTHER_NODE,
	P_WORLD,
	P_WORLD2,
	P_VIP,
	P_ROUTER,
	P_LOOPBACK,
	P_NOBODY,
	P_GROUP,
	P_ZERO,
	N_PEERS
};

static const struct random_peer random_peers[N_PEERS] = {
	[P_CLIENT] = { { "10.0.1.10", "fd00:1::10" }, 30010, CLIENT },
	[P_SERVER] = { { "10.0.1.20", "fd00:1::20" }, 30020, SERVER },
	[P_NODE] = { { "192.168.10.1", "fd00:10::1" }, 1, 0 },
	[P_FAR_POD] = { { "10.0.2.30", "fd00:2::30" }, 30030, 0 },
	[P_OTHER_NODE] = { { "192.168.10.2", "fd00:10::2" }, 6, 0 },
	[P_WORLD] = { { "192.168.10.100", "fd00:10::100" }, 0, 0 },
	[P_WORLD2] = { { "203.0.113.7", "2001:db8::7" }, 0, 0 },
	[P_VIP] = { { "172.20.0.10", "fd00:20::10" }, 0, 0 },
	[P_ROUTER] = { { "10.0.1.1", "fd00:1::1" }, 1, 0 },
	[P_LOOPBACK] = { { "169.254.42.1", "fd00:e::1" }, 0, 0 },
	[P_NOBODY] = { { "10.0.1.99", "fd00:1::99" }, 0, 0 },
	[P_GROUP] = { { "224.0.0.251", "ff02::fb" }, 0, 0 },
	[P_ZERO] = { { "0.0.0.0", "::" }, 0, 0 },
};

struct random_service {
	enum peer_name at;
	unsigned port, protocols; /* bits: TCP, UDP, SCTP */
	unsigned number, backend, backends, flags;
};

enum { BY_TCP = 1, BY_UDP = 2, BY_SCTP = 4, BY_ALL = 7 };
enum { NODE_PORT = 66, REACHABLE = 64 }; /* flags */

/* Backends: 1 the server, 2 the far pod, 3 the host, 4 the client. SCTP can go to a backend of the same port only. */
static const struct random_service random_services[] = {
	{ P_NODE, 30080, BY_ALL, 1, 1, 1, NODE_PORT },
	{ P_NODE, 30090, BY_ALL, 2, 2, 1, NODE_PORT },
	{ P_NODE, 30070, BY_ALL, 3, 3, 1, NODE_PORT },
	{ P_ZERO, 30080, BY_ALL, 4, 1, 1, NODE_PORT },
	{ P_VIP, 80, BY_TCP | BY_UDP, 5, 1, 2, REACHABLE },
	{ P_VIP, 81, BY_ALL, 6, 4, 1, 0 },
	{ P_VIP, 82, BY_ALL, 7, 0, 0, REACHABLE },
	{ P_VIP, 8080, BY_ALL, 8, 2, 1, REACHABLE },
};

static inline void random_serve(struct lab *l, unsigned v6, const struct random_service *s,
				unsigned proto)
{
	struct arena *a = l->arena;
	const char *at = random_peers[s->at].addr[v6];

	for (unsigned slot = 0; slot <= s->backends; slot++)
		lab_set(l, v6 ? "cilium_lb6_services_v2" : "cilium_lb4_services_v2",
			arena_printf(a, "{address: '%s', dport: %u, proto: %u, backend_slot: %u}",
				     at, s->port, proto, slot),
			arena_printf(a, "{%s: %u, rev_nat_index: %u, flags: %u}",
				     slot ? "backend_id" : "count",
				     slot ? s->backend + slot - 1 : s->backends, s->number,
				     s->flags));
	lab_set(l, v6 ? "cilium_lb6_reverse_nat" : "cilium_lb4_reverse_nat",
		arena_printf(a, "%u", s->number),
		arena_printf(a, "{address: '%s', port: %u}", at, s->port));
}

static inline void random_backend(struct lab *l, unsigned v6, unsigned id, enum peer_name who,
				  unsigned port)
{
	lab_set(l, v6 ? "cilium_lb6_backends_v3" : "cilium_lb4_backends_v3",
		arena_printf(l->arena, "%u", id),
		arena_printf(l->arena, "{address: '%s', port: %u}", random_peers[who].addr[v6],
			     port));
}

static inline void random_add_services_of(struct lab *l, unsigned v6)
{
	static const unsigned protocols[] = { 6, 17, 132 };

	random_backend(l, v6, 1, P_SERVER, 8080);
	random_backend(l, v6, 2, P_FAR_POD, 8080);
	random_backend(l, v6, 3, P_NODE, 9000);
	random_backend(l, v6, 4, P_CLIENT, 8080);
	for (size_t i = 0; i < sizeof(random_services) / sizeof(random_services[0]); i++)
		for (unsigned p = 0; p < 3; p++)
			if (random_services[i].protocols & 1U << p)
				random_serve(l, v6, &random_services[i], protocols[p]);
}

static inline void random_addresses(struct lab *l, unsigned v6)
{
	struct arena *a = l->arena;
	const char *kind = v6 ? "ip6" : "ip4";

	for (unsigned i = 0; i < N_PEERS; i++) {
		const struct random_peer *p = &random_peers[i];
		bool tunnel = i == P_FAR_POD;

		if (p->identity)
			lab_set(l, "cilium_ipcache_v2",
				arena_printf(a, "{lpm_key: {prefixlen: %u}, family: %u, %s: '%s'}",
					     v6 ? 160 : 64, v6 + 1, kind, p->addr[v6]),
				arena_printf(a, "{sec_identity: %u%s}", p->identity,
					     tunnel ? ", tunnel_endpoint: {ip4: 192.168.10.2}, "
						      "flag_has_tunnel_ep: 1"
						    : ""));
		if (p->endpoint || p->identity == 1)
			lab_set(l, "cilium_lxc",
				arena_printf(a, "{%s: '%s', family: %u}", kind, p->addr[v6],
					     v6 + 1),
				p->endpoint
					? arena_printf(a,
						       "{ifindex: %u, lxc_id: %u, sec_id: %u, mac: "
						       "02:00:0a:00:01:%u, node_mac: "
						       "02:00:0a:00:01:%s}",
						       p->endpoint, p->endpoint, p->identity,
						       p->endpoint, i == P_CLIENT ? "aa" : "bb")
					: "{flags: 1}");
	}
}

/* ---- seeds ---- */

static inline uint32_t random_seed(uint32_t own)
{
	const char *said = getenv("VERDICT_RANDOM_SEED");

	return said ? (uint32_t)strtoul(said, NULL, 0) : own;
}

static inline uint32_t random_rounds(uint32_t own)
{
	const char *said = getenv("VERDICT_RANDOM_ROUNDS");
	unsigned long times = said ? strtoul(said, NULL, 0) : 1;

	return own * (uint32_t)(times ? times : 1);
}

/* Without bounds' bias as far as tests care. */
static inline uint32_t below(uint32_t *state, uint32_t n)
{
	return rnd(state) % n;
}

static inline bool one_in(uint32_t *state, uint32_t n)
{
	return below(state, n) == 0;
}

/* ---- a packet through a program ---- */

struct random_run {
	const char *role, *hook_name;
	uint32_t mark;
	const struct tunnel_meta *tunnel;
	bool summed;
	/* what came of it */
	enum hook hook;
	uint32_t ifindex; /* of the device */
	bool refused; /* the kernel does not run it */
	int verdict;
	uint8_t out[4096];
	uint32_t out_len, out_mark, metadata;
	unsigned n_drops; /* drop events */
	uint8_t reason, file;
	uint16_t line;
	bool redirected;
	struct helper_note to; /* the last one asked for */
};

struct random_node {
	struct lab *lab;
	uint32_t seed, number; /* packets so far */
	uint32_t hash; /* of all that came of them */
	uint32_t ran, passed, dropped, answered, refused;
	uint32_t reasons[256];
};

static inline void random_open(struct random_node *n, const char *target, uint32_t seed)
{
	*n = (struct random_node){ .seed = seed, .hash = 2166136261u };
	n->lab = lab_open(arena_new(), (struct lab_opts){ .target = target,
							  .routes = random_routes,
							  .role = "eth0",
							  .hook = "ingress" });
	for (unsigned v6 = 0; v6 < 2; v6++)
		random_addresses(n->lab, v6);
}

static inline void random_add_services(struct random_node *n)
{
	for (unsigned v6 = 0; v6 < 2; v6++)
		random_add_services_of(n->lab, v6);
}

static inline const char *random_hex(struct random_node *n, const uint8_t *b, uint32_t len)
{
	struct buf text = BUF_INIT;
	const char *copy;

	for (uint32_t i = 0; i < len && i < 400; i++)
		buf_printf(&text, "%02x", b[i]);
	copy = arena_strdup(n->lab->arena, buf_str(&text));
	buf_free(&text);
	return copy;
}

/* What a message says first. */
static inline const char *random_what(struct random_node *n, const struct random_run *r,
				      const struct pkt *p)
{
	return arena_printf(n->lab->arena,
			    "seed %u, packet %u at %s/%s%s: verdict %d, reason %u, %s:%u\n  in %s\n"
			    "  out %s\n",
			    n->seed, n->number, r->role, r->hook_name, r->summed ? ", summed" : "",
			    r->verdict, r->reason, word_name(&words_source_file, r->file), r->line,
			    random_hex(n, p->b, p->len), random_hex(n, r->out, r->out_len));
}

#define random_expect(n, r, p, condition, ...)                                                     \
	do {                                                                                       \
		if (!(condition))                                                                  \
			cr_assert_fail("%s  %s", random_what(n, r, p),                             \
				       arena_printf((n)->lab->arena, __VA_ARGS__));                \
	} while (0)

static inline void random_take_event(void *arg, const void *record, uint32_t size)
{
	struct random_run *r = arg;
	struct event e;

	if (event_decode(record, size, &e, NULL) || e.type != EVENT_DROP)
		return;
	r->n_drops++;
	r->reason = e.subtype;
	r->file = e.file;
	r->line = e.line;
}

static inline void random_take_notes(struct random_run *r, const struct helper_env *env)
{
	const struct helper_note *notes;
	size_t n, lost;

	r->redirected = false;
	notes = helper_env_notes(env, &n, &lost);
	for (size_t i = 0; i < n; i++) {
		if (notes[i].kind > NOTE_CLONE_REDIRECT)
			continue;
		r->redirected = true;
		r->to = notes[i];
	}
}

static inline void random_note(struct random_node *n, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		n->hash = (n->hash ^ ((const uint8_t *)bytes)[i]) * 16777619u;
}

/* The run and no judgement. r's first fields are filled. */
static inline void random_try(struct random_node *n, struct random_run *r, const struct pkt *p)
{
	struct lab *l = n->lab;
	struct replay_place place = { .role = r->role, .hook = r->hook_name };
	const struct target *t = replay_target(l->replay);
	struct prog_run run = { .data = p->b, .len = p->len, .out = r->out, .mark = r->mark };
	uint64_t lost = 0;
	const char *why;
	int ret;

	cr_assert_eq(replay_at(l->replay, &place, &l->err), 0, "%s", l->err.text);
	r->hook = run.hook = replay_hook(l->replay);
	r->ifindex = run.ifindex = replay_device(l->replay)->ifindex;
	run.fd = replay_program(l->replay)->fd;
	run.ingress_ifindex = r->hook == HOOK_TC_INGRESS ? r->ifindex : 0;
	run.is_summed = r->summed && r->hook != HOOK_XDP;
	run.out_size = sizeof(r->out);
	r->n_drops = r->reason = r->file = r->line = 0;
	r->out_len = 0;
	r->verdict = -1;
	n->number++;
	helper_env_begin(target_env(t));
	helper_env_set_tunnel(target_env(t), r->tunnel);
	ret = prog_run(&run, &why, &l->err);
	random_expect(n, r, p, ret >= 0, "%s", l->err.text);
	r->refused = ret;
	n->refused += r->refused;
	if (ret)
		return;
	r->verdict = run.verdict;
	r->out_len = run.out_len;
	r->out_mark = run.out_mark;
	r->metadata = run.metadata;
	random_take_notes(r, target_env(t));
	cr_assert_eq(event_ring_read(target_events(t), random_take_event, r, &lost, &l->err), 0);
	cr_assert_eq(lost, 0, "events were lost");
	n->ran++;
	random_note(n, &r->verdict, sizeof(r->verdict));
	random_note(n, &r->reason, sizeof(r->reason));
	random_note(n, r->out, r->out_len);
}

#endif
