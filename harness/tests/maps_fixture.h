/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* BTF for the tests of typed values and maps, built in memory from a table of layouts: those of
 * Cilium 1.19 (names, types, offsets) and a few with what those lack.
 */
#ifndef VERDICT_TESTS_MAPS_FIXTURE_H
#define VERDICT_TESTS_MAPS_FIXTURE_H

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/value.h"

struct fx_field {
	const char *name; /* NULL: anonymous member */
	const char *type; /* a name below, or "name[n]" */
	unsigned bit; /* offset in bits */
	unsigned bits; /* width of a bit field, else 0 */
};

struct fx_type {
	const char *name; /* starting with '@': anonymous in BTF, '%' a union */
	unsigned size;
	struct fx_field fields[24];
};

#define AT(byte) ((byte)*8)

/* Order: what is used comes first. */
static const struct fx_type fx_types[] = {
	{ "bpf_lpm_trie_key",
	  4,
	  { { "prefixlen", "__u32", 0, 0 }, { "data", "__u8[0]", AT(4), 0 } } },
	{ "@v6_d", 16, { { "d1", "__u64", 0, 0 }, { "d2", "__u64", AT(8), 0 } } },
	{ "%v6addr", 16, { { "addr", "__u8[16]", 0, 0 }, { "d", "@v6_d", 0, 0 } } },
	{ "%macaddr", 8, { { "addr", "__u8[6]", 0, 0 }, { "pad", "__u64", 0, 0 } } },
	{ "%v4addr", 4, { { "be32", "__be32", 0, 0 }, { "addr", "__u8[4]", 0, 0 } } },
	{ "@ip4_16",
	  16,
	  { { "ip4", "__u32", 0, 0 },
	    { "pad4", "__u32", AT(4), 0 },
	    { "pad5", "__u32", AT(8), 0 },
	    { "pad6", "__u32", AT(12), 0 } } },
	{ "@%ip", 16, { { NULL, "@ip4_16", 0, 0 }, { "ip6", "v6addr", 0, 0 } } },
	{ "ipcache_key",
	  24,
	  { { "lpm_key", "bpf_lpm_trie_key", 0, 0 },
	    { "cluster_id", "__u16", AT(4), 0 },
	    { "pad1", "__u8", AT(6), 0 },
	    { "family", "__u8", AT(7), 0 },
	    { NULL, "@%ip", AT(8), 0 } } },
	{ "@%tunnel", 16, { { "ip4", "__u32", 0, 0 }, { "ip6", "v6addr", 0, 0 } } },
	{ "remote_endpoint_info",
	  24,
	  { { "sec_identity", "__u32", 0, 0 },
	    { "tunnel_endpoint", "@%tunnel", AT(4), 0 },
	    { "pad", "__u16", AT(20), 0 },
	    { "key", "__u8", AT(22), 0 },
	    { "flag_skip_tunnel", "__u8", AT(23), 1 },
	    { "flag_has_tunnel_ep", "__u8", AT(23) + 1, 1 },
	    { "flag_ipv6_tunnel_ep", "__u8", AT(23) + 2, 1 },
	    { "flag_remote_cluster", "__u8", AT(23) + 3, 1 },
	    { "pad2", "__u8", AT(23) + 4, 4 } } },
	{ "ipv4_ct_tuple",
	  14,
	  { { "daddr", "__be32", 0, 0 },
	    { "saddr", "__be32", AT(4), 0 },
	    { "dport", "__be16", AT(8), 0 },
	    { "sport", "__be16", AT(10), 0 },
	    { "nexthdr", "__u8", AT(12), 0 },
	    { "flags", "__u8", AT(13), 0 } } },
	{ "@ct_backend",
	  16,
	  { { "reserved0", "__u64", 0, 0 }, { "backend_id", "__u64", AT(8), 0 } } },
	{ "@%ct_first", 16, { { "nat_addr", "v6addr", 0, 0 }, { NULL, "@ct_backend", 0, 0 } } },
	{ "ct_entry",
	  56,
	  { { NULL, "@%ct_first", 0, 0 },
	    { "packets", "__u64", AT(16), 0 },
	    { "bytes", "__u64", AT(24), 0 },
	    { "lifetime", "__u32", AT(32), 0 },
	    { "rx_closing", "__u16", AT(36), 1 },
	    { "tx_closing", "__u16", AT(36) + 1, 1 },
	    { "reserved1", "__u16", AT(36) + 2, 1 },
	    { "lb_loopback", "__u16", AT(36) + 3, 1 },
	    { "seen_non_syn", "__u16", AT(36) + 4, 1 },
	    { "node_port", "__u16", AT(36) + 5, 1 },
	    { "proxy_redirect", "__u16", AT(36) + 6, 1 },
	    { "dsr_internal", "__u16", AT(36) + 7, 1 },
	    { "from_l7lb", "__u16", AT(37), 1 },
	    { "reserved2", "__u16", AT(37) + 1, 1 },
	    { "from_tunnel", "__u16", AT(37) + 2, 1 },
	    { "reserved3", "__u16", AT(37) + 3, 5 },
	    { "rev_nat_index", "__u16", AT(38), 0 },
	    { "nat_port", "__be16", AT(40), 0 },
	    { "tx_flags_seen", "__u8", AT(42), 0 },
	    { "rx_flags_seen", "__u8", AT(43), 0 },
	    { "src_sec_id", "__u32", AT(44), 0 },
	    { "last_tx_report", "__u32", AT(48), 0 },
	    { "last_rx_report", "__u32", AT(52), 0 } } },
	{ "policy_key",
	  12,
	  { { "lpm_key", "bpf_lpm_trie_key", 0, 0 },
	    { "sec_label", "__u32", AT(4), 0 },
	    { "egress", "__u8", AT(8), 1 },
	    { "pad", "__u8", AT(8) + 1, 7 },
	    { "protocol", "__u8", AT(9), 0 },
	    { "dport", "__be16", AT(10), 0 } } },
	{ "policy_entry",
	  12,
	  { { "proxy_port", "__be16", 0, 0 },
	    { "deny", "__u8", AT(2), 1 },
	    { "reserved", "__u8", AT(2) + 1, 2 },
	    { "lpm_prefix_length", "__u8", AT(2) + 3, 5 },
	    { "auth_type", "__u8", AT(3), 7 },
	    { "has_explicit_auth_type", "__u8", AT(3) + 7, 1 },
	    { "precedence", "__u32", AT(4), 0 },
	    { "cookie", "__u32", AT(8), 0 } } },
	{ "metrics_key",
	  8,
	  { { "reason", "__u8", 0, 0 },
	    { "dir", "__u8", AT(1), 2 },
	    { "pad", "__u8", AT(1) + 2, 6 },
	    { "line", "__u16", AT(2), 0 },
	    { "file", "__u8", AT(4), 0 },
	    { "reserved", "__u8[3]", AT(5), 0 } } },
	{ "metrics_value", 16, { { "count", "__u64", 0, 0 }, { "bytes", "__u64", AT(8), 0 } } },
	{ "lpm_v4_key",
	  8,
	  { { "lpm", "bpf_lpm_trie_key", 0, 0 }, { "addr", "__u8[4]", AT(4), 0 } } },
	{ "endpoint_info",
	  48,
	  { { "ifindex", "__u32", 0, 0 },
	    { "unused", "__u16", AT(4), 0 },
	    { "lxc_id", "__u16", AT(6), 0 },
	    { "flags", "__u32", AT(8), 0 },
	    { "mac", "mac_t", AT(16), 0 },
	    { "node_mac", "mac_t", AT(24), 0 },
	    { "sec_id", "__u32", AT(32), 0 },
	    { "parent_ifindex", "__u32", AT(36), 0 },
	    { "pad", "__u32[2]", AT(40), 0 } } },
	{ "%l4addr_info",
	  4,
	  { { "backend_id", "__u32", 0, 0 }, { "affinity_timeout", "__u32", 0, 0 } } },
	{ "lb4_service",
	  12,
	  { { NULL, "l4addr_info", 0, 0 },
	    { "count", "__u16", AT(4), 0 },
	    { "rev_nat_index", "__u16", AT(6), 0 },
	    { "flags", "__u8[2]", AT(8), 0 },
	    { "qcount", "__u16", AT(10), 0 } } },
	{ "neigh", 12, { { "frag", "__be32", 0, 0 }, { "hw", "macaddr", AT(4), 0 } } },
	/* What the datapath lacks. */
	{ "odd",
	  64,
	  { { "small", "__s8", 0, 0 },
	    { "yes", "_Bool", AT(1), 0 },
	    { "color", "color", AT(4), 0 },
	    { "huge", "huge", AT(8), 0 },
	    { "text", "char[8]", AT(16), 0 },
	    { "list", "__u16[4]", AT(24), 0 },
	    { "rest", "__be64", AT(32), 0 },
	    { "level", "cv_u32", AT(40), 0 },
	    { "delta", "int", AT(44), 5 },
	    { "sub", "metrics_value", AT(48), 0 } } },
	/* A conntrack entry of a later version: wider, reordered, a field gone, new ones. */
	{ "ct_entry_next",
	  80,
	  { { "packets", "__u64", 0, 0 },
	    { "bytes", "__u64", AT(8), 0 },
	    { NULL, "@%ct_first", AT(16), 0 },
	    { "lifetime", "__u64", AT(32), 0 },
	    { "seen_non_syn", "__u32", AT(40), 3 },
	    { "from_tunnel", "__u32", AT(40) + 3, 1 },
	    { "rx_closing", "__u32", AT(40) + 30, 2 },
	    { "nat_port", "__u16", AT(44), 0 },
	    { "rev_nat_index", "__be32", AT(48), 0 },
	    { "src_sec_id", "__u32", AT(52), 0 },
	    { "hop_limit", "__u8", AT(56), 0 } } },
	{ "ct_entry_small",
	  16,
	  { { "packets", "__u32", 0, 0 },
	    { "lifetime", "__u16", AT(4), 0 },
	    { "nat_port", "__be16", AT(6), 0 },
	    { "reserved1", "__u16", AT(8), 0 } } },
	{ "tuple_next",
	  20,
	  { { "saddr", "__be32", 0, 0 },
	    { "daddr", "__be32", AT(4), 0 },
	    { "sport", "__u16", AT(8), 0 },
	    { "dport", "__be16", AT(10), 0 },
	    { "nexthdr", "__u32", AT(12), 0 },
	    { "flags", "__u8", AT(16), 0 },
	    { "zone", "__u8", AT(17), 0 } } },
};

#define FX_N (sizeof(fx_types) / sizeof(fx_types[0]))

static const char *fx_plain(const char *name)
{
	return name + strspn(name, "@%");
}

struct fx {
	struct btf *btf;
	const char *names[FX_N + 32];
	int ids[FX_N + 32];
	size_t n;
};

static int fx_add(struct fx *fx, const char *name, int id)
{
	if (id < 0) {
		fprintf(stderr, "fixture: %s: %d\n", name, id);
		abort();
	}
	fx->names[fx->n] = name;
	fx->ids[fx->n++] = id;
	return id;
}

static int fx_id(const struct fx *fx, const char *name)
{
	for (size_t i = 0; i < fx->n; i++)
		if (strcmp(fx->names[i], name) == 0)
			return fx->ids[i];
	fprintf(stderr, "fixture: no type %s\n", name);
	abort();
}

/* "__u8[4]" makes an array type on its first use. */
static int fx_field_type(struct fx *fx, const char *type)
{
	const char *bracket = strchr(type, '[');
	char elem[64];

	if (!bracket)
		return fx_id(fx, type);
	for (size_t i = 0; i < fx->n; i++)
		if (strcmp(fx->names[i], type) == 0)
			return fx->ids[i];
	snprintf(elem, sizeof(elem), "%.*s", (int)(bracket - type), type);
	return fx_add(fx, type,
		      btf__add_array(fx->btf, fx_id(fx, "__u32"), fx_id(fx, elem),
				     (unsigned)atoi(bracket + 1)));
}

static void fx_add_scalars(struct fx *fx)
{
	static const struct {
		const char *name, *c;
		unsigned size;
		int encoding;
	} ints[] = {
		{ "__u8", "unsigned char", 1, 0 },
		{ "__u16", "unsigned short", 2, 0 },
		{ "__u32", "unsigned int", 4, 0 },
		{ "__u64", "unsigned long long", 8, 0 },
		{ "__s8", "signed char", 1, BTF_INT_SIGNED },
	};
	struct btf *b = fx->btf;

	for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
		int id = btf__add_int(b, ints[i].c, ints[i].size, ints[i].encoding);

		fx_add(fx, ints[i].name, btf__add_typedef(b, ints[i].name, id));
	}
	fx_add(fx, "int", btf__add_int(b, "int", 4, BTF_INT_SIGNED));
	fx_add(fx, "char", btf__add_int(b, "char", 1, BTF_INT_SIGNED));
	fx_add(fx, "_Bool", btf__add_int(b, "_Bool", 1, BTF_INT_BOOL));
	fx_add(fx, "__be16", btf__add_typedef(b, "__be16", fx_id(fx, "__u16")));
	fx_add(fx, "__be32", btf__add_typedef(b, "__be32", fx_id(fx, "__u32")));
	fx_add(fx, "__be64", btf__add_typedef(b, "__be64", fx_id(fx, "__u64")));
	fx_add(fx, "mac_t", btf__add_typedef(b, "mac_t", fx_id(fx, "__u64")));
	fx_add(fx, "cv_u32",
	       btf__add_typedef(b, "level_t",
				btf__add_const(b, btf__add_volatile(b, fx_id(fx, "__u32")))));
	fx_add(fx, "color", btf__add_enum(b, "color", 4));
	btf__add_enum_value(b, "RED", 1);
	btf__add_enum_value(b, "GREEN", 2);
	fx_add(fx, "huge", btf__add_enum64(b, "huge", 8, false));
	btf__add_enum64_value(b, "VAST", 0x123456789abcdef0ull);
}

static struct fx fx_new(void)
{
	struct fx fx = { .btf = btf__new_empty() };

	fx_add_scalars(&fx);
	for (size_t i = 0; i < FX_N; i++) {
		const struct fx_type *t = &fx_types[i];
		const char *plain = fx_plain(t->name);
		const char *name = t->name[0] == '@' ? NULL : plain;
		int ids[24], id;

		for (size_t j = 0; j < 24 && t->fields[j].type; j++)
			ids[j] = fx_field_type(&fx, t->fields[j].type);
		id = strchr(t->name, '%') ? btf__add_union(fx.btf, name, t->size)
					  : btf__add_struct(fx.btf, name, t->size);
		fx_add(&fx, t->name[0] == '@' ? t->name : plain, id);
		for (size_t j = 0; j < 24 && t->fields[j].type; j++)
			if (btf__add_field(fx.btf, t->fields[j].name, ids[j], t->fields[j].bit,
					   t->fields[j].bits))
				abort();
	}
	return fx;
}

/* A value tree out of YAML's flow style, as much of it as the tests write. */
static struct value *fx_parse(struct arena *a, const char **s);

static void fx_space(const char **s)
{
	*s += strspn(*s, " ,");
}

static struct value *fx_parse(struct arena *a, const char **s)
{
	struct value *v;
	size_t len;

	fx_space(s);
	if (**s == '{' || **s == '[') {
		bool map = *(*s)++ == '{';

		v = map ? value_map(a) : value_list(a);
		for (fx_space(s); **s && **s != '}' && **s != ']'; fx_space(s)) {
			const char *colon = strstr(*s, ": ");
			char *key = map ? arena_strndup(a, *s, (size_t)(colon - *s)) : NULL;

			if (map)
				*s = colon + 2;
			if (map)
				value_set(a, v, key, fx_parse(a, s));
			else
				value_push(a, v, fx_parse(a, s));
		}
		++*s;
		return v;
	}
	if (**s == '"') {
		len = strcspn(++*s, "\"");
		v = value_scalar(a, "%.*s", (int)len, *s);
		v->quoted = true;
		*s += len + 1;
		return v;
	}
	len = strcspn(*s, ",}]");
	v = value_scalar(a, "%.*s", (int)len, *s);
	*s += len;
	return v;
}

static inline struct value *fx_value(struct arena *a, const char *s)
{
	return fx_parse(a, &s);
}

static inline const char *fx_text(struct arena *a, const struct value *v)
{
	struct buf b = BUF_INIT;
	const char *text;

	value_print(&b, v);
	text = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return text;
}

#endif
