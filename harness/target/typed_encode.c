// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a tree of named values to the bytes of a type: the form of each field decides how its text is
 * read, and every error names the field, what it wants and where it was written.
 */
#include "target/typed.h"

#include <arpa/inet.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "target/typed_text.h"
#include "target/typed_type.h"

#define NAMES_MAX 128

struct encoder {
	uint8_t *out;
	size_t size;
	const char *what; /* the whole type */
	char path[256]; /* of the field at hand: "lpm_key.prefixlen" */
	int depth;
	struct err *err;
};

static int encode_slot(struct encoder *e, const struct slot *s, const struct value *v);

static int bad(struct encoder *e, const struct value *v, const char *wants)
{
	struct buf text = BUF_INIT;
	int ret;

	value_print(&text, v);
	ret = err_input(e->err, &v->loc, "%s%s%s: %s is not %s", e->what, *e->path ? "." : "",
			e->path, buf_str(&text), wants);
	buf_free(&text);
	return ret;
}

/* Appends ".name" or "[i]" for the time of a descent; returns the length to cut back to. */
static size_t path_push(struct encoder *e, const char *name, size_t i)
{
	size_t len = strlen(e->path), room = sizeof(e->path) - len, n;

	if (!name) {
		snprintf(e->path + len, room, "[%zu]", i);
		return len;
	}
	/* once a field of every entry of a map: no format to be read */
	if (len && room > 1)
		e->path[len] = '.';
	room -= len && room > 1;
	n = strnlen(name, room - 1);
	memcpy(e->path + sizeof(e->path) - room, name, n);
	e->path[sizeof(e->path) - room + n] = '\0';
	return len;
}

static int encode_number(struct encoder *e, const struct slot *s, const struct value *v)
{
	char wants[96];
	struct number n;
	int ret;

	if (v->kind != VALUE_SCALAR || v->quoted)
		return bad(e, v, "a number");
	ret = text_to_number(v->text, &n);
	if (ret == -EINVAL)
		return bad(e, v, "a number");
	if (ret == 0 && slot_holds(s, n.value, n.is_negative)) {
		slot_put(s, e->out, n.value);
		return 0;
	}
	snprintf(wants, sizeof(wants), "a number that fits %s%zu %s", s->is_signed ? "signed " : "",
		 s->bitfield ? s->bits : slot_bytes(s), s->bitfield ? "bits" : "bytes");
	return bad(e, v, wants);
}

static int encode_bool(struct encoder *e, const struct slot *s, const struct value *v)
{
	struct number n;

	if (v->kind != VALUE_SCALAR || v->quoted)
		return bad(e, v, "true or false");
	/* A byte that is neither prints as 0x07 and is taken back in that form only. */
	if (!s->bitfield && strlen(v->text) == 2 + 2 * slot_bytes(s) &&
	    text_to_bytes(v->text, e->out + slot_byte(s), slot_bytes(s)))
		return 0;
	if (text_to_number(v->text, &n) || n.is_negative || n.value > 1)
		return bad(e, v, "true or false");
	slot_put(s, e->out, n.value);
	return 0;
}

static bool enum_value(const struct slot *s, const char *name, uint64_t *out, const char **names,
		       size_t *n_names)
{
	unsigned n = btf_vlen(s->type);

	*n_names = 0;
	for (unsigned i = 0; i < n; i++) {
		const char *is;

		if (btf_is_enum(s->type)) {
			const struct btf_enum *e = btf_enum(s->type) + i;

			is = btf__name_by_offset(s->btf, e->name_off);
			*out = s->is_signed ? (uint64_t)(int64_t)e->val : (uint32_t)e->val;
		} else {
			const struct btf_enum64 *e = btf_enum64(s->type) + i;

			is = btf__name_by_offset(s->btf, e->name_off);
			*out = btf_enum64_value(e);
		}
		if (is && strcmp(is, name) == 0)
			return true;
		if (is && *n_names < NAMES_MAX)
			names[(*n_names)++] = is;
	}
	return false;
}

/* "; known: a, b, c", and the nearest one where the name looks like a slip of the pen. */
static int list_known(struct encoder *e, const char *name, const char *what,
		      const char *const *names, size_t n)
{
	struct buf list = BUF_INIT;
	const char *nearest = nearest_name(name, names, n);
	int ret;

	if (nearest)
		err_hint(e->err, "did you mean \"%s\"?", nearest);
	for (size_t i = 0; i < n; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
	ret = err_hint(e->err, "known %s: %s", what, buf_str(&list));
	buf_free(&list);
	return e->err ? ret : -EINVAL;
}

static int encode_enum(struct encoder *e, const struct slot *s, const struct value *v)
{
	const char *names[NAMES_MAX];
	uint64_t number;
	struct number n;
	size_t n_names;

	if (v->kind != VALUE_SCALAR)
		return bad(e, v, "a name or number");
	if (enum_value(s, v->text, &number, names, &n_names)) {
		if (!slot_holds(s, number, s->is_signed && (int64_t)number < 0))
			return bad(e, v, "a value that fits its bits");
		slot_put(s, e->out, number);
		return 0;
	}
	if (text_to_number(v->text, &n) == 0)
		return encode_number(e, s, v);
	bad(e, v, "a name of its enum, nor a number");
	return list_known(e, v->text, "names", names, n_names);
}

static int encode_bytes(struct encoder *e, const struct slot *s, const struct value *v)
{
	char wants[96];
	struct number n;

	if (v->kind == VALUE_SCALAR &&
	    (text_to_bytes(v->text, e->out + slot_byte(s), slot_bytes(s)) ||
	     (!v->quoted && text_to_number(v->text, &n) == 0 && n.value == 0)))
		return 0;
	snprintf(wants, sizeof(wants), "%zu bytes as 0x and %zu hex digits", slot_bytes(s),
		 2 * slot_bytes(s));
	return bad(e, v, wants);
}

static int encode_text(struct encoder *e, const struct slot *s, const struct value *v)
{
	char wants[64];

	if (v->kind == VALUE_SCALAR && !v->quoted &&
	    text_to_bytes(v->text, e->out + slot_byte(s), slot_bytes(s)))
		return 0;
	if (v->kind == VALUE_SCALAR && strlen(v->text) <= slot_bytes(s)) {
		memcpy(e->out + slot_byte(s), v->text, strlen(v->text));
		return 0;
	}
	snprintf(wants, sizeof(wants), "text of at most %zu bytes", slot_bytes(s));
	return bad(e, v, wants);
}

static int encode_array(struct encoder *e, const struct slot *s, const struct value *v)
{
	size_t n = slot_elements(s);
	struct slot elem;
	char wants[64];

	if (v->kind != VALUE_LIST)
		return encode_bytes(e, s, v);
	if (v->n > n) {
		snprintf(wants, sizeof(wants), "a list of at most %zu", n);
		return bad(e, v, wants);
	}
	for (size_t i = 0; i < v->n; i++) {
		size_t cut = path_push(e, NULL, i);
		int ret = slot_element(s, i, &elem);

		if (!ret)
			ret = encode_slot(e, &elem, v->items[i]);
		if (ret)
			return ret;
		e->path[cut] = '\0';
	}
	return 0;
}

static int unknown_field(struct encoder *e, const struct slot *s, const struct value *key)
{
	const char *names[NAMES_MAX];
	size_t n = slot_names(s, names, NAMES_MAX);
	char type[128];

	err_input(e->err, &key->loc, "%s has no field \"%s\"",
		  slot_type_name(s, type, sizeof(type)), key->text);
	return list_known(e, key->text, "fields", names, n);
}

static bool overlap(const struct slot *a, const struct slot *b)
{
	return a->bit < b->bit + b->bits && b->bit < a->bit + a->bits;
}

/* Two members of a union written at once: one would silently undo the other. In the order that a dump
 * has, each member lies behind those before it, whose end is known.
 */
static int check_overlap(struct encoder *e, const struct slot *s, const struct value *v, size_t i,
			 const struct slot *now, size_t *end)
{
	struct slot before;
	bool is_behind = now->bit >= *end;

	if (now->bit + now->bits > *end)
		*end = now->bit + now->bits;
	for (size_t j = 0; j < i && !is_behind; j++)
		if (slot_find(s, v->keys[j]->text, &before) && overlap(&before, now))
			return err_input(e->err, &v->keys[i]->loc,
					 "%s: \"%s\" and \"%s\" are the same bytes: write one",
					 e->what, before.name, now->name);
	return 0;
}

static int encode_composite(struct encoder *e, const struct slot *s, const struct value *v)
{
	struct slot member;
	size_t end = 0; /* of what was written */
	int ret;

	if (v->kind != VALUE_MAP)
		return encode_bytes(e, s, v);
	for (size_t i = 0; i < v->n; i++) {
		const char *name = v->keys[i]->text;
		size_t cut;

		if (!slot_find(s, name, &member))
			return unknown_field(e, s, v->keys[i]);
		ret = check_overlap(e, s, v, i, &member, &end);
		if (ret)
			return ret;
		cut = path_push(e, name, 0);
		ret = encode_slot(e, &member, v->items[i]);
		if (ret)
			return ret;
		e->path[cut] = '\0';
	}
	return 0;
}

/* The plain reading of a type, past its special form. */
static int encode_plain(struct encoder *e, const struct slot *s, const struct value *v)
{
	if (slot_is_integer(s))
		return encode_number(e, s, v);
	if (slot_is_composite(s))
		return encode_composite(e, s, v);
	return encode_array(e, s, v);
}

static int encode_address(struct encoder *e, const struct slot *s, const struct value *v)
{
	uint8_t *at = e->out + slot_byte(s);
	struct number n;

	if (v->kind == VALUE_SCALAR) {
		if (s->form == FORM_IP4 && inet_pton(AF_INET, v->text, at) == 1)
			return 0;
		if (s->form == FORM_IP6 && inet_pton(AF_INET6, v->text, at) == 1)
			return 0;
		if (s->form == FORM_MAC && text_to_mac(v->text, at))
			return 0;
		memset(at, 0, slot_bytes(s));
		if (strncmp(v->text, "0x", 2) && text_to_number(v->text, &n) == -EINVAL)
			return bad(e, v,
				   s->form == FORM_IP4	 ? "an IPv4 address"
				   : s->form == FORM_IP6 ? "an IPv6 address"
							 : "a MAC address");
	}
	return encode_plain(e, s, v);
}

static int encode_form(struct encoder *e, const struct slot *s, const struct value *v)
{
	switch (s->form) {
	case FORM_NUMBER:
		/* Any __be32 may be written dotted, whatever its name, and a number without a
		 * name: xdp-filter's keys are a __u32 each that hold an address as it is on the wire.
		 */
		if ((s->network_order || !*s->name) && s->bits == 32 && v->kind == VALUE_SCALAR &&
		    inet_pton(AF_INET, v->text, e->out + slot_byte(s)) == 1)
			return 0;
		return encode_number(e, s, v);
	case FORM_BOOL:
		return encode_bool(e, s, v);
	case FORM_ENUM:
		return encode_enum(e, s, v);
	case FORM_IP4:
	case FORM_IP6:
	case FORM_MAC:
		return encode_address(e, s, v);
	case FORM_TEXT:
		return v->kind == VALUE_LIST ? encode_array(e, s, v) : encode_text(e, s, v);
	case FORM_BYTES:
	case FORM_ARRAY:
		return encode_array(e, s, v);
	case FORM_STRUCT:
	case FORM_UNION:
		return encode_composite(e, s, v);
	}
	return bad(e, v, "of a form known here");
}

static int encode_slot(struct encoder *e, const struct slot *s, const struct value *v)
{
	int ret;

	if (!slot_fits(s, e->size))
		return err_system(e->err, EINVAL, "%s: field \"%s\" lies outside its %zu bytes",
				  e->what, e->path, e->size);
	if (++e->depth > TYPE_DEPTH_MAX)
		return err_system(e->err, EINVAL, "%s: types nested too deeply", e->what);
	ret = encode_form(e, s, v);
	e->depth--;
	return ret;
}

/* A number in the host's order, of 1, 2, 4 or 8 bytes. */
static bool untyped_number(const struct value *v, uint8_t *out, size_t size)
{
	bool is_word = size == 1 || size == 2 || size == 4 || size == 8;
	struct number n;

	if (v->kind != VALUE_SCALAR || !is_word || v->quoted || strncmp(v->text, "0x", 2) == 0 ||
	    text_to_number(v->text, &n) || n.is_negative || (size < 8 && n.value >> (8 * size)))
		return false;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(out, &n.value, size);
#else
	memcpy(out, (uint8_t *)&n.value + 8 - size, size);
#endif
	return true;
}

/* [7, 9]: as many numbers as fill the bytes, each of the same size; a Maglev table is one of ids. */
static int untyped_list(struct encoder *e, const struct value *v)
{
	size_t each = v->n ? e->size / v->n : 0;

	if (!each || each * v->n != e->size || (each != 1 && each != 2 && each != 4 && each != 8))
		return err_input(e->err, &v->loc,
				 "%s: %zu numbers do not fill %zu bytes evenly (there is no type)",
				 e->what, v->n, e->size);
	for (size_t i = 0; i < v->n; i++)
		if (!untyped_number(v->items[i], e->out + i * each, each))
			return err_input(e->err, &v->items[i]->loc,
					 "%s: a number of %zu bytes was expected", e->what, each);
	return 0;
}

static int encode_untyped(struct encoder *e, const struct value *v)
{
	char wants[128];

	if (v->kind == VALUE_SCALAR && text_to_bytes(v->text, e->out, e->size))
		return 0;
	if (untyped_number(v, e->out, e->size))
		return 0;
	if (v->kind == VALUE_LIST)
		return untyped_list(e, v);
	snprintf(wants, sizeof(wants), "%zu bytes as 0x and %zu hex digits (there is no type)",
		 e->size, 2 * e->size);
	return bad(e, v, wants);
}

int typed_encode(const struct btf *btf, uint32_t type_id, const struct value *v, void *out,
		 size_t size, struct err *err)
{
	struct encoder e = { .out = out, .size = size, .what = "value", .err = err };
	char type[128];
	struct slot s;

	memset(out, 0, size);
	if (!v || v->kind == VALUE_NULL)
		return 0;
	if (slot_of_type(btf, type_id, &s))
		return encode_untyped(&e, v);
	e.what = slot_type_name(&s, type, sizeof(type));
	if (!slot_fits(&s, size))
		return err_system(err, EINVAL, "%s has %zu bytes, but the place for it only %zu",
				  e.what, slot_bytes(&s), size);
	return encode_slot(&e, &s, v);
}
