// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds a packet's flow: by the ends that the script gives it, by those that it quotes, or by the fragment that
 * came before.
 */
#include "engine/flow_find.h"

#include <netinet/in.h>
#include <string.h>

#include "packet/bytes.h"

/* Which way a fragmented packet goes, for its later fragments. */
struct fragmented {
	struct flow *flow;
	bool back;
};

struct flows *flows_new(struct arena *a, const struct cluster *c)
{
	struct flows *fs = arena_new_of(a, struct flows);

	fs->arena = a;
	fs->cluster = c;
	fs->by_ends = fs->by_addresses = fs->fragments = (struct table)TABLE_INIT(a);
	return fs;
}

/* ---- by ends ---- */

/* What a table looks for: bytes without holes. */
struct key {
	uint8_t bytes[64];
	size_t n;
};

static void key_add(struct key *k, const void *data, size_t len)
{
	memcpy(k->bytes + k->n, data, len);
	k->n += len;
}

static void key_end(struct key *k, const struct packet_end *e, bool ports)
{
	key_add(k, &e->addr.family, 1);
	key_add(k, e->addr.bytes, sizeof(e->addr.bytes));
	if (ports)
		key_add(k, &e->port, sizeof(e->port));
}

/* Both directions have one key: the end that sorts first comes first. */
static struct key key_of(const struct packet_ends *e, bool ports)
{
	struct key a = { .n = 0 }, b = { .n = 0 };

	key_end(&a, &e->src, ports);
	key_end(&b, &e->dst, ports);
	if (memcmp(a.bytes, b.bytes, a.n) > 0) {
		struct key c = a;

		a = b;
		b = c;
	}
	key_add(&a, b.bytes, b.n);
	key_add(&a, &e->proto, 1);
	return a;
}

static struct key key_of_fragment(const struct packet_ends *e, uint32_t id)
{
	struct key k = { .n = 0 };

	key_end(&k, &e->src, false);
	key_end(&k, &e->dst, false);
	key_add(&k, &e->proto, 1);
	key_add(&k, &id, sizeof(id));
	return k;
}

static bool same_addresses(const struct packet_ends *a, const struct packet_ends *b)
{
	return ip_addr_equal(&a->src.addr, &b->src.addr) &&
	       ip_addr_equal(&a->dst.addr, &b->dst.addr);
}

bool flow_same_ends(const struct packet_ends *a, const struct packet_ends *b)
{
	return a->has_ports && b->has_ports
		       ? packet_end_equal(&a->src, &b->src) && packet_end_equal(&a->dst, &b->dst)
		       : same_addresses(a, b);
}

static struct flow *find(const struct flows *fs, const struct packet_ends *ends)
{
	struct key k = key_of(ends, true);

	return table_get(&fs->by_ends, k.bytes, k.n);
}

static struct flow *open_flow(struct flows *fs, const struct packet_ends *ends)
{
	struct flow *flow = arena_new_of(fs->arena, struct flow);
	struct key k = key_of(ends, true);

	flow->script = *ends;
	*table_slot(&fs->by_ends, k.bytes, k.n) = flow;
	return flow;
}

/* ---- fragments ---- */

/* The number that a packet's fragments share; false: it is whole. */
static bool fragment_id(const struct frame *f, const struct ip_layers *ip, uint32_t *id)
{
	int at;

	if (!ip->more_fragments && !ip->frag_off)
		return false;
	if (ip->version == 4) {
		*id = get_be16(f->data + ip->l3 + 4);
		return true;
	}
	at = ip6_extension(f->data, ip, IPPROTO_FRAGMENT);
	*id = at < 0 ? 0 : get_be32(f->data + at + 4);
	return at >= 0;
}

static void note_fragment(struct flows *fs, const struct packet_ends *ends, uint32_t id,
			  const struct flow_pass *pass)
{
	struct key k = key_of_fragment(ends, id);
	struct fragmented *first = arena_new_of(fs->arena, struct fragmented);

	*first = (struct fragmented){ pass->flow, pass->back };
	*table_slot(&fs->fragments, k.bytes, k.n) = first;
}

static void find_by_fragment(const struct flows *fs, const struct packet_ends *ends, uint32_t id,
			     struct flow_pass *pass)
{
	struct key k = key_of_fragment(ends, id);
	const struct fragmented *first = table_get(&fs->fragments, k.bytes, k.n);

	if (first) {
		pass->flow = first->flow;
		pass->back = first->back;
		return;
	}
	k = key_of(ends, false);
	pass->flow = table_get(&fs->by_addresses, k.bytes, k.n);
	pass->back = pass->flow && !same_addresses(&pass->flow->script, ends);
}

bool flow_find(struct flows *fs, const struct frame *f, struct flow_pass *pass)
{
	struct packet_ends ends, quoted;
	uint32_t id = 0;
	struct layers l;
	bool fragment;
	struct key k;

	if (packet_parse(f->data, f->len, LINK_ETHERNET, &l) || !frame_ends(f, &ends))
		return false;
	if (frame_quoted_ends(f, &quoted)) {
		pass->quoted = true;
		pass->flow = quoted.has_ports ? find(fs, &quoted) : NULL;
		pass->back = pass->flow && !flow_same_ends(&pass->flow->script, &quoted);
		return pass->flow;
	}
	fragment = fragment_id(f, &l.ip, &id);
	if (!ends.has_ports) {
		if (fragment && l.ip.frag_off)
			find_by_fragment(fs, &ends, id, pass);
		return pass->flow;
	}
	pass->flow = find(fs, &ends) ?: open_flow(fs, &ends);
	pass->back = !flow_same_ends(&pass->flow->script, &ends);
	if (fragment)
		note_fragment(fs, &ends, id, pass);
	k = key_of(&ends, false);
	*table_slot(&fs->by_addresses, k.bytes, k.n) = pass->flow;
	return true;
}
