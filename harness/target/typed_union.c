// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which member of a union the bytes mean. A table knows the ambiguous ones of Cilium 1.19; for the
 * rest the first member speaks, and any member gives way to one that shows all bits that are set.
 */
#include "target/typed_union.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In struct `scope`, while field `selector` is `value`, the union that holds `member` (directly
 * or in an anonymous struct) shows it.
 */
static const struct preference {
	const char *scope, *selector;
	uint64_t value;
	const char *member;
} preferences[] = {
	{ "ipcache_key", "family", 1, "ip4" },
	{ "ipcache_key", "family", 2, "ip6" },
	{ "endpoint_key", "family", 1, "ip4" },
	{ "endpoint_key", "family", 2, "ip6" },
	{ "node_key", "family", 1, "ip4" },
	{ "node_key", "family", 2, "ip6" },
	{ "subnet_key", "family", 1, "ip4" },
	{ "subnet_key", "family", 2, "ip6" },
	{ "remote_endpoint_info", "flag_ipv6_tunnel_ep", 0, "ip4" },
	{ "remote_endpoint_info", "flag_ipv6_tunnel_ep", 1, "ip6" },
	/* Entries of services name a backend; those of DSR flows an address. */
	{ "ct_entry", "dsr_internal", 0, "backend_id" },
	{ "ct_entry", "dsr_internal", 1, "nat_addr" },
	{ "lb4_affinity_key", "netns_cookie", 0, "client_ip" },
	{ "lb4_affinity_key", "netns_cookie", 1, "client_cookie" },
	{ "lb6_affinity_key", "netns_cookie", 0, "client_ip" },
	{ "lb6_affinity_key", "netns_cookie", 1, "client_cookie" },
};

static bool shows(const struct slot *m, const char *name)
{
	struct slot found;

	if (*m->name)
		return strcmp(m->name, name) == 0;
	return slot_find(m, name, &found);
}

static bool is_preferred(const struct union_view *u, const struct slot *scope, const struct slot *m)
{
	struct slot selector;

	for (size_t i = 0; i < sizeof(preferences) / sizeof(preferences[0]); i++) {
		const struct preference *p = &preferences[i];

		if (strcmp(p->scope, slot_tag(scope)) == 0 && shows(m, p->member) &&
		    slot_find(scope, p->selector, &selector) && slot_is_integer(&selector) &&
		    slot_fits(&selector, u->size) && slot_get(&selector, u->data) == p->value)
			return true;
	}
	return false;
}

static void take_out(struct union_view *u, const struct slot *s, const struct slot *scope,
		     uint8_t *rest, int depth);

/* Clears in `rest`, a copy of the data, the bits that a decoder shows of this slot. */
static void take_out_member(struct union_view *u, const struct slot *m, const struct slot *scope,
			    uint8_t *rest, int depth)
{
	if (!slot_fits(m, u->size) || u->budget-- <= 0)
		return;
	if (slot_is_composite(m) || m->form == FORM_ARRAY)
		take_out(u, m, scope, rest, depth + 1);
	else if (*m->name)
		slot_clear(m, rest);
}

static int pick(struct union_view *u, const struct slot *s, const struct slot *scope,
		struct slot *out, bool *covered, int depth);

static void take_out(struct union_view *u, const struct slot *s, const struct slot *scope,
		     uint8_t *rest, int depth)
{
	size_t n = s->form == FORM_ARRAY ? slot_elements(s) : slot_members(s);
	bool covered;
	struct slot m;

	if (depth > TYPE_DEPTH_MAX)
		return;
	if (s->form == FORM_IP4 || s->form == FORM_IP6) {
		slot_clear(s, rest);
		return;
	}
	if (btf_is_union(s->type)) {
		/* A named union that nothing covers is shown as hex: whole. */
		if (pick(u, s, scope, &m, &covered, depth + 1) == 0 && !(*s->name && !covered))
			take_out_member(u, &m, scope, rest, depth);
		else if (*s->name)
			slot_clear(s, rest);
		return;
	}
	if (slot_is_composite(s) && *slot_tag(s))
		scope = s;
	for (size_t i = 0; i < n && u->budget > 0; i++) {
		if (s->form == FORM_ARRAY ? slot_element(s, i, &m)
					  : slot_member(s, (unsigned)i, &m))
			return;
		take_out_member(u, &m, scope, rest, depth);
	}
}

static bool covers(struct union_view *u, const struct slot *s, const struct slot *m,
		   const struct slot *scope, int depth)
{
	uint8_t *rest;
	bool clear;

	if (u->budget <= 0 || !slot_fits(s, u->size))
		return true;
	u->budget -= (long)(u->size / 16) + 1;
	rest = malloc(u->size);
	if (!rest)
		return true;
	memcpy(rest, u->data, u->size);
	take_out_member(u, m, scope, rest, depth);
	clear = slot_is_zero(s, rest);
	free(rest);
	return clear;
}

static int pick(struct union_view *u, const struct slot *s, const struct slot *scope,
		struct slot *out, bool *covered, int depth)
{
	unsigned n = slot_members(s), best = n;
	struct slot m;

	*covered = false;
	if (depth > TYPE_DEPTH_MAX)
		return -ENOENT;
	for (unsigned i = 0; i < n; i++) {
		if (slot_member(s, i, &m) || m.bits == 0 || !slot_fits(&m, u->size))
			continue;
		if (best == n)
			best = i;
		if (is_preferred(u, scope, &m)) {
			best = i;
			break;
		}
	}
	if (best == n || slot_member(s, best, out))
		return -ENOENT;
	*covered = covers(u, s, out, scope, depth);
	for (unsigned i = 0; i < n && !*covered; i++) {
		if (i == best || slot_member(s, i, &m) || m.bits == 0 || !slot_fits(&m, u->size))
			continue;
		*covered = covers(u, s, &m, scope, depth);
		if (*covered)
			*out = m;
	}
	return 0;
}

int union_pick(struct union_view *u, const struct slot *s, const struct slot *scope,
	       struct slot *out)
{
	bool covered;

	return pick(u, s, scope, out, &covered, 0);
}

bool union_covered(struct union_view *u, const struct slot *s, const struct slot *scope)
{
	struct slot m;
	bool covered;

	return pick(u, s, scope, &m, &covered, 0) == 0 && covered;
}
