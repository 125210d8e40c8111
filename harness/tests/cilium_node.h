/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The node of fixtures/targets/cilium-1.19-two-pods.yaml, its packets written as
 * "10.0.1.10:40000 > 10.0.1.20:80", and what is expected of the program that a packet meets.
 */
#ifndef VERDICT_TESTS_CILIUM_NODE_H
#define VERDICT_TESTS_CILIUM_NODE_H

#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "bpf_source.h"
#include "engine/replay.h"
#include "files.h"
#include "packet/bytes.h"
#include "packets.h"
#include "scenario/yaml.h"

enum { SYN = 2, ACK = 16 };

#define K8S2	       0xc0a80a02 /* 192.168.10.2 */
#define CLIENT_OUTSIDE 0xc0a80a64 /* 192.168.10.100 */

#define CT  "cilium_ct4_global"
#define NAT "cilium_snat_v4_external"

/* Conntrack keys hold the addresses of a flow reversed, its ports as they are; flags 0 is the entry of who
 * sent, 1 of who received, 4 of the service.
 */
#define CT_KEY(src, sport, dst, dport, flags)                                                      \
	"{daddr: " src ", saddr: " dst ", dport: " #dport ", sport: " #sport                       \
	", nexthdr: 6, flags: " #flags "}"

enum { CLIENT = 10, SERVER = 20, ETH0 = 2 }; /* ifindexes */
#define TUNNEL 1 /* too: ENCAP_IFINDEX as built */

struct node {
	struct arena *arena;
	struct target_desc *desc;
	struct replay *replay;
	struct err err;
	bool pristine, follow;
	bool own; /* verdict-two-pods.yaml: the same node under the objects of bpf/ */
	uint32_t sent;
	const char *last; /* packet, for messages */
	struct trace trace; /* of it */
};

static inline void need_cilium(void)
{
	if (!getenv("VERDICT_CILIUM_OBJECTS"))
		cr_skip_test("needs Cilium's objects in the folder VERDICT_CILIUM_OBJECTS");
}

static inline struct node *node_open_target(const char *target, bool pristine, bool follow)
{
	struct arena *a = arena_new();
	struct node *n = arena_new_of(a, struct node);
	const char *root = files_source_root();
	static const char *const files[] = { "node", "policies", "prefilter", "etcd-between-pods" };
	const char **maps = arena_alloc(a, sizeof(files));
	struct replay_opts opts = { .pristine = pristine,
				    .follow = follow,
				    .place = { .role = "client", .hook = "ingress" },
				    .maps = maps,
				    .n_maps = sizeof(files) / sizeof(files[0]) };
	int ret;

	n->arena = a;
	n->pristine = pristine;
	n->follow = follow;
	n->own = !strncmp(target, "verdict", 7);
	for (size_t i = 0; i < opts.n_maps; i++)
		maps[i] = arena_printf(a, "%s/fixtures/maps/cilium-1.19/%s.yaml", root, files[i]);
	opts.ip_batch = arena_printf(a, "%s/fixtures/maps/cilium-1.19/node.ip", root);
	ret = target_desc_load(arena_printf(a, "%s/fixtures/targets/%s.yaml", root, target),
			       &n->desc, &n->err);
	cr_assert_eq(ret, 0, "%s", n->err.text);
	opts.target.desc = n->desc;
	cr_assert_eq(replay_open(&opts, &n->replay, &n->err), 0, "%s", n->err.text);
	return n;
}

static inline struct node *node_open(bool pristine, bool follow)
{
	return node_open_target("cilium-1.19-two-pods", pristine, follow);
}

static inline void node_close(struct node *n)
{
	replay_close(n->replay);
	target_desc_free(n->desc);
	arena_free(n->arena);
}

/* "SOURCE:PORT > DESTINATION:PORT" as a TCP packet with four bytes of data; IPv6 in brackets. */
static inline struct pkt tcp_of(const char *text, uint8_t flags)
{
	bool v6 = text[0] == '[';
	char src[64], dst[64];
	unsigned sport, dport;
	struct pkt p = { 0 };

	cr_assert_eq(sscanf(text, v6 ? "[%63[^]]]:%u > [%63[^]]]:%u" : "%63[^:]:%u > %63[^:]:%u",
			    src, &sport, dst, &dport),
		     4, "%s", text);
	put_eth(&p, v6 ? 0x86dd : 0x0800);
	if (v6)
		put_tcp6(&p, src, (uint16_t)sport, dst, (uint16_t)dport, flags, 4);
	else
		put_tcp4(&p, src, (uint16_t)sport, dst, (uint16_t)dport, flags, 4);
	return p;
}

static inline const char *text_of(struct arena *a, const struct frame *f)
{
	bool v6 = f->data && f->len > 14 && f->data[12] == 0x86;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	uint32_t l4;

	if (!f->data || f->len < (v6 ? 58 : 38))
		return "nothing";
	l4 = v6 ? 54 : 14 + 4u * (f->data[14] & 15);
	inet_ntop(v6 ? AF_INET6 : AF_INET, f->data + (v6 ? 22 : 26), src, sizeof(src));
	inet_ntop(v6 ? AF_INET6 : AF_INET, f->data + (v6 ? 38 : 30), dst, sizeof(dst));
	return arena_printf(a, v6 ? "[%s]:%u > [%s]:%u" : "%s:%u > %s:%u", src,
			    get_be16(f->data + l4), dst, get_be16(f->data + l4 + 2));
}

/* Objects built with the options of Cilium's complexity tests send a thousand events in the first second,
 * and none after it: EVENTS_MAP_RATE_LIMIT is 1000, EVENTS_MAP_BURST_LIMIT 0.
 */
static inline void forget_rate_limit(struct node *n)
{
	struct map *m = target_find_map(replay_target(n->replay), "cilium_ratelimit");

	if (m)
		cr_assert_eq(map_clear(m, &n->err), 0, "%s", n->err.text);
}

/* Hands a packet to the program at a device's hook. */
static inline const struct hop *node_packet(struct node *n, const struct replay_place *place,
					    const char *text, const struct capture_packet *p)
{
	n->last = arena_printf(n->arena, "%s%s at %s/%s", n->pristine ? "as shipped: " : "", text,
			       place->role, place->hook);
	forget_rate_limit(n);
	cr_assert_eq(replay_at(n->replay, place, &n->err), 0, "%s", n->err.text);
	cr_assert_eq(replay_packet(n->replay, p, n->arena, &n->trace, &n->err), 0, "%s: %s",
		     n->last, n->err.text);
	cr_assert_geq(n->trace.n_hops, 1, "%s: %s", n->last, n->trace.why);
	cr_assert(n->follow || n->trace.n_hops == 1, "%s: goes on by itself", n->last);
	return &n->trace.hops[0];
}

static inline const struct hop *node_place(struct node *n, const struct replay_place *place,
					   const char *text, uint8_t flags)
{
	struct pkt *p = arena_new_of(n->arena, struct pkt);
	struct capture_packet c = { .number = ++n->sent, .linktype = LINK_ETHERNET };

	*p = tcp_of(text, flags);
	c.data = p->b;
	c.caplen = c.len = p->len;
	return node_packet(n, place, text, &c);
}

static inline const struct hop *node_run(struct node *n, const char *device, const char *hook,
					 const char *text, uint8_t flags)
{
	struct replay_place place = { .role = device, .hook = hook };

	return node_place(n, &place, text, flags);
}

static inline const struct hop *from_pod(struct node *n, const char *pod, const char *text,
					 uint8_t flags)
{
	return node_run(n, pod, "ingress", text, flags);
}

static inline const struct hop *from_wire(struct node *n, const char *text, uint8_t flags)
{
	return node_run(n, "eth0", "ingress", text, flags);
}

/* What a pod's packet meets next, with the mark it left the pod's program with. */
static inline const struct hop *to_wire(struct node *n, uint32_t mark, const char *text,
					uint8_t flags)
{
	struct replay_place place = { .role = "eth0", .hook = "egress", .mark = mark };

	return node_place(n, &place, text, flags);
}

/* From k8s2, by the tunnel; vni is the sender's identity. */
static inline const struct hop *from_tunnel(struct node *n, uint32_t vni, const char *text,
					    uint8_t flags)
{
	struct tunnel_meta t = { .has_key = true, .id = vni, .remote_ip4 = K8S2 };
	struct replay_place place = { .role = "cilium_vxlan", .hook = "ingress", .tunnel = &t };

	return node_place(n, &place, text, flags);
}

/* ---- what is expected of the packet sent last ---- */

static inline const struct hop *last_hop(const struct node *n)
{
	return &n->trace.hops[n->trace.n_hops - 1];
}

static inline void expect_verdict(const struct node *n, int verdict)
{
	const struct hop *hop = last_hop(n);

	cr_expect_eq(hop->verdict, verdict, "%s: verdict %d, not %d (drop reason %d, %s:%u)",
		     n->last, hop->verdict, verdict, hop->drop_reason,
		     word_name(&words_source_file, hop->drop_file), hop->drop_line);
}

/* Whoever translates must see to the checksums: compared with sums done the slow way. */
static inline void expect_checksums(const struct node *n)
{
	const struct frame *out = &last_hop(n)->out;
	bool v6 = out->data[12] == 0x86;
	uint32_t l4 = v6 ? 54 : 14 + 4u * (out->data[14] & 15);
	struct pkt p = { .len = out->len };

	cr_assert_leq(out->len, sizeof(p.b));
	memcpy(p.b, out->data, out->len);
	end_l4(&p, 14, l4, 16, 6);
	cr_expect_eq(at16(&p, l4 + 16), get_be16(out->data + l4 + 16),
		     "%s: TCP checksum %04x, not %04x", n->last, get_be16(out->data + l4 + 16),
		     at16(&p, l4 + 16));
	cr_expect(v6 || slow_sum(out->data + 14, l4 - 14, 0) == 0, "%s: IP checksum", n->last);
}

/* What goes on, one hop further. */
static inline void expect_packet(const struct node *n, const char *text, uint8_t ttl)
{
	const struct frame *out = &last_hop(n)->out;
	uint8_t left;

	cr_expect_str_eq(text_of(n->arena, out), text, "%s: became %s", n->last,
			 text_of(n->arena, out));
	left = out->data[out->data[12] == 0x86 ? 21 : 22];
	cr_expect_eq(left, ttl, "%s: TTL %u", n->last, left);
	expect_checksums(n);
}

static inline void expect_macs(const struct node *n, const char *dst, const char *src)
{
	const uint8_t *d = last_hop(n)->out.data;
	char got[2][18];

	for (int i = 0; i < 2; i++, d += 6)
		snprintf(got[i], 18, "%02x:%02x:%02x:%02x:%02x:%02x", d[0], d[1], d[2], d[3], d[4],
			 d[5]);
	cr_expect_str_eq(got[0], dst, "%s: to %s", n->last, got[0]);
	cr_expect_str_eq(got[1], src, "%s: from %s", n->last, got[1]);
}

/* The last call counts. Without interposition the target of a redirect cannot be seen. */
static inline void expect_redirect(const struct node *n, enum note_kind kind, uint32_t ifindex)
{
	const struct hop *hop = last_hop(n);
	const struct hop_redirect *to;

	expect_verdict(n, TC_ACT_REDIRECT);
	if (n->pristine) {
		cr_expect(!hop->observed && hop->n_redirects == 0);
		return;
	}
	cr_assert_gt(hop->n_redirects, 0, "%s: asked for no redirect", n->last);
	to = &hop->redirects[hop->n_redirects - 1];
	if (n->own && kind == NOTE_REDIRECT_NEIGH)
		kind = NOTE_REDIRECT; /* a neighbour that is known needs not be resolved */
	cr_expect_eq(to->kind, kind, "%s: %s", n->last, word_name(&words_redirect, to->kind));
	cr_expect_eq(to->ifindex, ifindex, "%s: to ifindex %u", n->last, to->ifindex);
}

/* Its MAC ends in the last byte of its address. */
static inline void expect_next_hop(const struct node *n, uint32_t ip4)
{
	const struct hop *hop = last_hop(n);
	const struct hop_redirect *to;

	if (n->own)
		cr_expect(!memcmp(hop->out.data, "\x02\x00\xc0\xa8\x0a", 5) &&
				  hop->out.data[5] == (ip4 & 0xff),
			  "%s: to a MAC ending in %02x", n->last, hop->out.data[5]);
	if (n->pristine || n->own)
		return;
	to = &hop->redirects[hop->n_redirects - 1];
	cr_expect(to->has_next_hop && to->next_hop.family == 4 &&
			  get_be32(to->next_hop.bytes) == ip4,
		  "%s: next hop %08x", n->last, get_be32(to->next_hop.bytes));
}

static inline void expect_tunnel(const struct node *n, uint32_t vni, uint32_t remote)
{
	const struct tunnel_meta *t = last_hop(n)->tunnel;

	expect_redirect(n, NOTE_REDIRECT, TUNNEL);
	if (n->pristine)
		return;
	cr_assert(t && t->has_key, "%s: no tunnel key set", n->last);
	cr_expect_eq(t->id, vni, "%s: VNI %u", n->last, t->id);
	cr_expect_eq(t->remote_ip4, remote, "%s: to node %08x", n->last, t->remote_ip4);
}

/* Dropped for that reason, with the source file and a line of it in the event; file is Cilium's. */
static inline void expect_drop(const struct node *n, int reason, const char *file)
{
	const struct hop *hop = last_hop(n);
	const char *got = word_name(&words_source_file, hop->drop_file);

	expect_verdict(n, TC_ACT_SHOT);
	cr_expect_eq(hop->drop_reason, reason, "%s: drop reason %d", n->last, hop->drop_reason);
	cr_expect(got && (n->own || !strcmp(got, file)) && hop->drop_line, "%s: dropped at %s:%u",
		  n->last, got, hop->drop_line);
}

static inline const struct event *find_event(const struct node *n, enum event_type type,
					     int subtype)
{
	const struct hop *hop = last_hop(n);

	for (size_t i = 0; i < hop->n_events; i++)
		if (hop->events[i].type == type &&
		    (subtype < 0 || hop->events[i].subtype == subtype))
			return &hop->events[i];
	return NULL;
}

static inline size_t count_events(const struct node *n, enum event_type type)
{
	size_t count = 0;

	for (size_t i = 0; i < last_hop(n)->n_events; i++)
		count += last_hop(n)->events[i].type == type;
	return count;
}

/* The trace event at that point tells the conntrack state. */
static inline void expect_state(const struct node *n, int point, enum ct_state state)
{
	const struct event *e = find_event(n, EVENT_TRACE, point);

	cr_assert(e, "%s: no event %s among %zu", n->last, word_name(&words_trace_point, point),
		  last_hop(n)->n_events);
	cr_expect_eq(e->reason, state, "%s: state %u", n->last, e->reason);
}

/* That tail calls were made, in this order, perhaps among others. Seen when interposed only. */
static inline void expect_tail_calls(const struct node *n, const char *const *programs,
				     size_t count)
{
	const struct hop *hop = last_hop(n);
	size_t found = 0;

	if (n->pristine || n->own)
		return;
	for (size_t i = 0; i < hop->n_tail_calls && found < count; i++)
		found += hop->tail_calls[i].program &&
			 !strcmp(hop->tail_calls[i].program, programs[found]);
	cr_expect_eq(found, count, "%s: of %zu tail calls, %s is not where it should be", n->last,
		     hop->n_tail_calls, found < count ? programs[found] : "");
}

/* ---- maps ---- */

static inline const struct value *yaml_of(const struct node *n, const char *text)
{
	struct value **docs;
	struct err err = { 0 };
	size_t count;

	cr_assert_eq(yaml_parse(n->arena, text, strlen(text), "test", &docs, &count, &err), 0, "%s",
		     err.text);
	return docs[0];
}

/* NULL: no such entry. */
static inline const struct value *entry(const struct node *n, const char *map, const char *key)
{
	struct map *m = target_find_map(replay_target(n->replay), map);
	struct err err = { 0 };
	struct value *v = NULL;

	cr_assert(m, "no map %s", map);
	if (map_get(m, n->arena, yaml_of(n, key), &v, &err) == -ENOENT)
		return NULL;
	cr_assert(v, "%s", err.text);
	return v;
}

static inline void expect_entry(const struct node *n, const char *map, const char *key,
				const char *pattern)
{
	const struct value *v = entry(n, map, key);
	struct buf is = BUF_INIT;

	cr_assert(v, "%s: no entry %s in %s", n->last, key, map);
	value_print(&is, v);
	cr_expect(value_matches(yaml_of(n, pattern), v), "%s: %s %s is %s, not %s", n->last, map,
		  key, buf_str(&is), pattern);
	buf_free(&is);
}

static inline void expect_no_entry(const struct node *n, const char *map, const char *key)
{
	cr_expect_null(entry(n, map, key), "%s: %s has an entry %s", n->last, map, key);
}

#endif
