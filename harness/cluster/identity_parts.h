/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What identities are made with: identity.c those of labels, identity_nets.c those of networks. */
#ifndef VERDICT_CLUSTER_IDENTITY_PARTS_H
#define VERDICT_CLUSTER_IDENTITY_PARTS_H

#include "cluster/identity.h"

/* A label set or network while it is new: to be numbered in sorted order. */
struct fresh_ident {
	const char *key; /* "key\0value\0..." or family, address, prefix: sorts as its labels do */
	size_t len;
};

struct ident_maker {
	struct cluster *c;
	struct arena *a;
	struct idents *ids;
	struct table namespaces; /* name to its own struct labels, as identities carry them */
	struct table set_place; /* label set to its place in ids->list, plus one */
	struct buf key;
	struct label *room; /* for the labels of one pod */
	size_t room_n;
	struct fresh_ident *fresh;
	size_t n_fresh;
};

/* Notes what has no number yet; key: as in struct fresh_ident, copied. */
void ident_note_fresh(struct ident_maker *m, const void *key, size_t len);
/* Numbers what was noted, in sorted order, from *n on. */
void ident_number_fresh(struct ident_maker *m, struct table *numbers, uint32_t *n);
struct ident *ident_add(struct ident_maker *m, uint32_t id);
/* "reserved:NAME" */
void ident_add_reserved_label(struct ident_maker *m, struct ident *i, const char *name);

/* Addresses of API servers, before anything asks for them. */
void idents_note_api_servers(struct ident_maker *m);
/* Of all networks that policies name, and of API servers that are no nodes. */
void idents_make_nets(struct ident_maker *m);

#endif
