// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Types of BTF: chains of typedefs resolved, members placed, forms chosen. No text is read or written here. */
#include "target/typed_type.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MODIFIERS_MAX 32
#define SEARCH_MAX    65536 /* members looked at before a search gives up: hostile nesting */

static const char *type_name(const struct btf *btf, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(btf, t->name_off);

	return name ? name : "";
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

bool name_is_padding(const char *name)
{
	static const char *const words[] = { "pad", "reserved", "unused", NULL };

	name += strspn(name, "_");
	for (size_t i = 0; words[i]; i++) {
		size_t len = strlen(words[i]);

		if (strncmp(name, words[i], len))
			continue;
		name += len;
		if (strncmp(name, "ding", 4) == 0)
			name += 4;
		return name[strspn(name, "_0123456789")] == '\0';
	}
	return false;
}

static const char *last_word(const char *name)
{
	const char *at = strrchr(name, '_');

	return at ? at + 1 : name;
}

static bool name_is_address(const char *name)
{
	static const char *const words[] = { "ip",    "ip4",   "ipv4", "addr", "address",
					     "saddr", "daddr", "cidr", NULL };

	const char *last = last_word(name);

	/* each of the words begins with one of these */
	return (strchr("iasdc", *last) && is_one_of(last, words)) ||
	       strcmp(name, "tunnel_endpoint") == 0 || strncmp(name, "ipv4_", 5) == 0;
}

static bool name_is_ip6(const char *name)
{
	static const char *const words[] = { "ip6", "ipv6", NULL };

	return is_one_of(last_word(name), words) || strncmp(name, "ipv6_", 5) == 0;
}

bool slot_is_counter(const struct slot *s)
{
	static const char *const words[] = { "count", "counter", "packets", "pkts",   "bytes",
					     "hits",  "drops",	 "dropped", "errors", NULL };

	return s->form == FORM_NUMBER && !s->bitfield && !s->network_order && !s->is_signed &&
	       s->bits >= 32 && is_one_of(last_word(s->name), words);
}

/* What a chain of typedefs and qualifiers says on the way to the type. */
struct chain {
	const struct btf_type *type;
	bool network_order;
	bool mac;
};

static int follow(const struct btf *btf, uint32_t id, struct chain *out)
{
	static const char *const network[] = { "__be16", "__be32", "__be64", NULL };

	*out = (struct chain){ 0 };
	for (int i = 0; i < MODIFIERS_MAX; i++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t)
			return -EINVAL;
		out->type = t;
		if (btf_is_typedef(t)) {
			const char *name = type_name(btf, t);

			out->network_order |= *name == '_' && is_one_of(name, network);
			out->mac |= *name == 'm' && strcmp(name, "mac_t") == 0;
		} else if (!btf_is_mod(t) && !btf_is_var(t)) {
			return 0;
		}
		id = t->type;
	}
	return -EINVAL;
}

/* btf__resolve_size() multiplies in 32 bits for arrays; anything that large is refused anyway. */
static int size_of(const struct btf *btf, uint32_t id, size_t *out)
{
	int64_t size = btf__resolve_size(btf, id);

	if (size < 0 || size > INT32_MAX)
		return -EINVAL;
	*out = (size_t)size;
	return 0;
}

static void form_of_int(struct slot *s, bool mac)
{
	uint8_t encoding = btf_int_encoding(s->type);

	s->is_signed = encoding & BTF_INT_SIGNED;
	s->form = FORM_NUMBER;
	if (s->bits > 64)
		s->form = FORM_BYTES;
	else if (encoding & BTF_INT_BOOL)
		s->form = FORM_BOOL;
	else if (s->bitfield)
		return;
	else if (s->bits == 32 && !s->is_signed &&
		 (name_is_address(s->name) || (s->network_order && !*s->name)))
		s->form = FORM_IP4;
	else if (s->bits == 64 && (mac || strcmp(last_word(s->name), "mac") == 0))
		s->form = FORM_MAC;
}

static void form_of_array(struct slot *s)
{
	const struct btf_array *a = btf_array(s->type);
	struct chain elem;
	size_t size;

	s->form = FORM_ARRAY;
	if (follow(s->btf, a->type, &elem) || size_of(s->btf, a->type, &size) || size == 0) {
		s->form = FORM_BYTES;
		return;
	}
	if (!btf_is_int(elem.type))
		return;
	if (size == 4 && a->nelems == 4 && name_is_ip6(s->name))
		s->form = FORM_IP6;
	if (size != 1)
		return;
	s->form = FORM_BYTES;
	if (strcmp(type_name(s->btf, elem.type), "char") == 0)
		s->form = FORM_TEXT;
	else if (name_is_padding(s->name))
		return;
	else if (a->nelems == 16)
		s->form = FORM_IP6;
	else if (a->nelems == 6)
		s->form = FORM_MAC;
	else if (a->nelems == 4 && name_is_address(s->name))
		s->form = FORM_IP4;
}

static void form_of_composite(struct slot *s)
{
	static const char *const ip4[] = { "v4addr", "in_addr", NULL };
	static const char *const ip6[] = { "v6addr", "in6_addr", NULL };
	const char *name = type_name(s->btf, s->type);

	s->form = btf_is_union(s->type) ? FORM_UNION : FORM_STRUCT;
	if (s->bits == 32 && is_one_of(name, ip4))
		s->form = FORM_IP4;
	else if (s->bits == 128 && is_one_of(name, ip6))
		s->form = FORM_IP6;
	else if ((s->bits == 48 || s->bits == 64) && strcmp(name, "macaddr") == 0)
		s->form = FORM_MAC;
}

static int make(const struct btf *btf, uint32_t id, const char *name, size_t bit, size_t bits,
		struct slot *out)
{
	struct chain chain;
	size_t size;

	if (follow(btf, id, &chain) || size_of(btf, id, &size))
		return -EINVAL;
	*out = (struct slot){ .btf = btf, .type = chain.type, .name = name ? name : "" };
	out->network_order = chain.network_order;
	out->bit = bit;
	out->bits = bits ? bits : size * 8;
	out->bitfield = bits != 0;
	if (bits > size * 8 || bits > 64)
		return -EINVAL;
	switch (btf_kind(chain.type)) {
	case BTF_KIND_INT:
		form_of_int(out, chain.mac);
		return 0;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		out->form = FORM_ENUM;
		out->is_signed = btf_kflag(chain.type);
		return out->bits <= 64 ? 0 : -EINVAL;
	case BTF_KIND_PTR:
		out->form = FORM_NUMBER;
		return 0;
	case BTF_KIND_FLOAT:
		out->form = FORM_BYTES;
		return 0;
	case BTF_KIND_ARRAY:
		form_of_array(out);
		return 0;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		form_of_composite(out);
		return 0;
	default:
		return -EINVAL;
	}
}

int slot_of_type(const struct btf *btf, uint32_t id, struct slot *out)
{
	if (!btf || id == 0)
		return -EINVAL;
	return make(btf, id, "", 0, 0, out);
}

const char *slot_tag(const struct slot *s)
{
	return type_name(s->btf, s->type);
}

bool slot_fits(const struct slot *s, size_t size)
{
	return s->bit <= size * 8 && s->bits <= size * 8 - s->bit &&
	       (s->bitfield || s->bit % 8 == 0);
}

bool slot_is_composite(const struct slot *s)
{
	return btf_is_composite(s->type);
}

bool slot_is_integer(const struct slot *s)
{
	return s->bits <= 64 && s->bits > 0 &&
	       (btf_is_int(s->type) || btf_is_any_enum(s->type) || btf_is_ptr(s->type));
}

unsigned slot_members(const struct slot *s)
{
	return slot_is_composite(s) ? btf_vlen(s->type) : 0;
}

int slot_member(const struct slot *s, unsigned i, struct slot *out)
{
	const struct btf_member *m = btf_members(s->type) + i;
	size_t bit = s->bit + btf_member_bit_offset(s->type, i);
	size_t bits = btf_member_bitfield_size(s->type, i);
	struct chain chain;

	/* Old compilers say the width in the integer type itself. */
	if (!bits && !follow(s->btf, m->type, &chain) && btf_is_int(chain.type) &&
	    (btf_int_bits(chain.type) != chain.type->size * 8 || btf_int_offset(chain.type))) {
		bits = btf_int_bits(chain.type);
		bit += btf_int_offset(chain.type);
	}
	return make(s->btf, m->type, btf__name_by_offset(s->btf, m->name_off), bit, bits, out);
}

static bool find(const struct slot *s, const char *name, struct slot *out, int depth, int *budget)
{
	unsigned n = slot_members(s);
	struct slot m;

	for (unsigned i = 0; i < n && (*budget)-- > 0; i++) {
		const char *is = btf__name_by_offset(s->btf, (btf_members(s->type) + i)->name_off);

		if ((is && *is && strcmp(is, name) != 0) || slot_member(s, i, &m))
			continue;
		if (*m.name) {
			*out = m;
			return true;
		}
		if (depth < TYPE_DEPTH_MAX && find(&m, name, out, depth + 1, budget))
			return true;
	}
	return false;
}

bool slot_find(const struct slot *s, const char *name, struct slot *out)
{
	int budget = SEARCH_MAX;

	return *name && find(s, name, out, 0, &budget);
}

static size_t names(const struct slot *s, const char **list, size_t n, size_t max, int depth)
{
	struct slot m;

	for (unsigned i = 0; i < slot_members(s) && n < max; i++) {
		if (slot_member(s, i, &m))
			continue;
		if (*m.name)
			list[n++] = m.name;
		else if (depth < 4)
			n = names(&m, list, n, max, depth + 1);
	}
	return n;
}

size_t slot_names(const struct slot *s, const char **list, size_t max)
{
	return names(s, list, 0, max, 0);
}

size_t slot_elements(const struct slot *s)
{
	size_t size;

	if (!btf_is_array(s->type) || size_of(s->btf, btf_array(s->type)->type, &size) || !size)
		return 0;
	return btf_array(s->type)->nelems;
}

int slot_element(const struct slot *s, size_t i, struct slot *out)
{
	uint32_t id = btf_array(s->type)->type;
	size_t size;

	if (size_of(s->btf, id, &size))
		return -EINVAL;
	return make(s->btf, id, s->name, s->bit + i * size * 8, 0, out);
}

static bool same_layout(const struct slot *a, const struct slot *b, int depth)
{
	size_t n = slot_members(a), elems = slot_elements(a);
	struct slot x, y;

	if (depth > TYPE_DEPTH_MAX || a->form != b->form || a->bit != b->bit ||
	    a->bits != b->bits || a->bitfield != b->bitfield ||
	    a->network_order != b->network_order || a->is_signed != b->is_signed ||
	    strcmp(a->name, b->name) || n != slot_members(b) || elems != slot_elements(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (slot_member(a, (unsigned)i, &x) || slot_member(b, (unsigned)i, &y) ||
		    !same_layout(&x, &y, depth + 1))
			return false;
	if (!elems)
		return true;
	return !slot_element(a, 0, &x) && !slot_element(b, 0, &y) && same_layout(&x, &y, depth + 1);
}

bool slot_same_layout(const struct slot *a, const struct slot *b)
{
	return same_layout(a, b, 0);
}

const char *slot_type_name(const struct slot *s, char *buf, size_t size)
{
	const char *name = type_name(s->btf, s->type);
	struct slot elem;

	if (btf_is_array(s->type)) {
		if (slot_element(s, 0, &elem))
			snprintf(buf, size, "an array");
		else
			snprintf(buf, size, "%s[%u]", type_name(s->btf, elem.type),
				 btf_array(s->type)->nelems);
	} else if (slot_is_composite(s)) {
		snprintf(buf, size, "%s %s", btf_is_union(s->type) ? "union" : "struct",
			 *name ? name : "(anonymous)");
	} else {
		snprintf(buf, size, "%s%s", btf_is_any_enum(s->type) ? "enum " : "",
			 btf_is_ptr(s->type) ? "pointer" : name);
	}
	return buf;
}
