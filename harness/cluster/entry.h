/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Building map entries: a big cluster has a million of them, most of whose parts are alike, so field names
 * and small numbers are one value each, shared by all trees (which never change once made).
 */
#ifndef VERDICT_CLUSTER_ENTRY_H
#define VERDICT_CLUSTER_ENTRY_H

#include "base/table.h"
#include "base/value.h"
#include "cluster/cluster.h"

#define SHAPE_MAX 8

/* The fields of a struct, in the order they are printed. */
struct shape {
	const char *names[SHAPE_MAX];
	size_t n;
};

#define SHAPE(...)                                                                                 \
	{                                                                                          \
		.names = { __VA_ARGS__ },                                                          \
		.n = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *)                \
	}

struct entry_words {
	struct table keys; /* of shapes: by the shape, its keys as values */
	struct value **numbers;
};

/* A struct of n = shape->n fields; a NULL among them is left out, which stands for zero. */
struct value *entry_struct(struct cluster *c, const struct shape *s, struct value *const fields[]);
struct value *entry_number(struct cluster *c, uint64_t n);
struct value *entry_flag(struct cluster *c, bool set); /* NULL: not set, left out */
struct value *entry_address(struct cluster *c, const struct ip_addr *ip);
struct value *entry_mac(struct cluster *c, const uint8_t mac[6]);

/* map must live as long as the cluster. */
void entry_add(struct cluster *c, struct cluster_node *node, const char *map, struct value *key,
	       struct value *value);

#endif
