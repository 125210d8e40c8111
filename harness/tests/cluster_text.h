/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small clusters written as text, loaded, and their entries looked at: for the tests of cluster/. */
#ifndef VERDICT_TESTS_CLUSTER_TEXT_H
#define VERDICT_TESTS_CLUSTER_TEXT_H

#include <criterion/criterion.h>

#include "cluster/cluster.h"
#include "files.h"

static struct cluster *c;
static struct arena *arena;
static struct err err;

static inline void setup(void)
{
	arena = arena_new();
	files_enter();
}

static inline void teardown(void)
{
	cluster_free(c);
	c = NULL;
	files_leave();
	arena_free(arena);
}

static inline void node(struct buf *b, const char *name, const char *ip, const char *labels)
{
	buf_printf(b,
		   "apiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {%s}}\n"
		   "status: {addresses: [{type: InternalIP, address: %s}]}\n---\n",
		   name, labels, ip);
}

static inline void pod(struct buf *b, const char *name, const char *on, const char *ip,
		       const char *labels)
{
	buf_printf(b,
		   "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: s, labels: {%s}}\n"
		   "spec: {nodeName: %s}\nstatus: {podIP: %s}\n---\n",
		   name, labels, on, ip);
}

static inline void policy(struct buf *b, const char *kind, const char *spec)
{
	buf_printf(b,
		   "apiVersion: cilium.io/v2\nkind: %s\nmetadata: {name: p%zu}\nspec: {%s}\n---\n",
		   kind, b->len, spec);
}

#define CCNP "CiliumClusterwideNetworkPolicy"

/* With what every node's agent writes. */
static inline int load_whole(const char *dir)
{
	int ret = cluster_load(dir, NULL, &c, &err);

	for (unsigned i = 0; !ret && i < c->n_nodes; i++)
		ret = cluster_compile_node(c, i, &err);
	return ret;
}

static inline int try_load(struct buf *text, const char *values)
{
	files_write("c/all.yaml", buf_str(text));
	files_write("c/values.yaml", values);
	buf_free(text);
	cluster_free(c);
	c = NULL;
	return load_whole("c");
}

static inline void load(struct buf *text, const char *values)
{
	cr_assert_eq(try_load(text, values), 0, "%s", err.text);
}

#define FIREWALL "hostFirewall: {enabled: true}\nroutingMode: native\n"

/* All entries of one map of one node, one a line: "key -> value". */
static inline const char *dump(const char *name, const char *map)
{
	const struct cluster_node *n = cluster_node_by_name(c, name);
	struct buf out = BUF_INIT;
	char *text;

	cr_assert_not_null(n);
	for (size_t i = 0; i < n->n_entries; i++) {
		if (strcmp(n->entries[i].map, map) != 0)
			continue;
		value_print(&out, n->entries[i].key);
		buf_puts(&out, " -> ");
		value_print(&out, n->entries[i].value);
		buf_puts(&out, "\n");
	}
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static inline const char *config(const char *name, const char *key)
{
	const struct cluster_node *n = cluster_node_by_name(c, name);

	for (size_t i = 0; i < n->n_config; i++)
		if (strcmp(n->config[i].name, key) == 0)
			return value_text(n->config[i].value);
	return NULL;
}

/* The identity that node's ipcache gives an address, by its /32 entry. */
static inline unsigned identity(const char *name, const char *ip)
{
	const struct cluster_node *n = cluster_node_by_name(c, name);

	for (size_t i = 0; i < n->n_entries; i++) {
		const struct map_entry *e = &n->entries[i];
		const char *addr = value_text(value_get(e->key, "ip4"));

		if (strcmp(e->map, "cilium_ipcache_v2") == 0 && addr && strcmp(addr, ip) == 0 &&
		    strcmp(value_text(value_path(e->key, "lpm_key.prefixlen")), "64") == 0)
			return (unsigned)atoi(value_text(value_get(e->value, "sec_identity")));
	}
	return 0;
}

#define HOST_MAP "cilium_policy_v2_00001"

struct hit {
	bool found;
	unsigned bits, precedence;
	bool deny;
};

static inline unsigned number(const struct value *v, const char *path)
{
	return (unsigned)strtoul(value_text(value_path(v, path)), NULL, 10);
}

/* What the trie finds: the longest matching prefix of that label. */
static inline struct hit lookup(unsigned label, unsigned proto, unsigned port)
{
	const struct cluster_node *n = &c->nodes[0];
	struct hit h = { 0 };

	for (size_t i = 0; i < n->n_entries; i++) {
		const struct map_entry *e = &n->entries[i];
		unsigned bits;

		if (strcmp(e->map, HOST_MAP) != 0 || number(e->key, "egress") ||
		    number(e->key, "sec_label") != label)
			continue;
		bits = number(e->key, "lpm_key.prefixlen") - 40;
		cr_assert_eq(bits, number(e->value, "lpm_prefix_length"));
		if (bits >= 8 && number(e->key, "protocol") != proto)
			continue;
		if (bits > 8 && (number(e->key, "dport") ^ port) >> (24 - bits))
			continue;
		if (h.found && h.bits >= bits)
			continue;
		h = (struct hit){ true, bits, number(e->value, "precedence"),
				  number(e->value, "deny") };
	}
	return h;
}

static inline int by_entries(unsigned id, unsigned proto, unsigned port)
{
	struct hit own = lookup(id, proto, port), any = lookup(0, proto, port);

	if (!own.found)
		own = any;
	else if (any.found &&
		 (any.precedence > own.precedence ||
		  (any.precedence == own.precedence && any.bits > own.bits) ||
		  (any.precedence == own.precedence && any.bits == own.bits && any.deny)))
		own = any;
	return own.found ? own.deny ? 2 : 1 : 0;
}

#endif
