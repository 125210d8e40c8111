// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What `bpftool map dump -j` prints, into the bytes of a type that is perhaps another version's.
 *
 * bpftool prints numbers as the host reads them, whatever their byte order, all members of a union,
 * bit fields as "0x1", and bytes that look like a C string up to the first zero as text.
 */
#include "target/maps_bpftool.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "target/typed_text.h"
#include "target/typed_type.h"

struct fit {
	uint8_t *out;
	const uint8_t *raw; /* NULL if its size is not the type's */
	size_t size;
	bool differs; /* raw and fields do not say the same */
	int depth;
	struct maps_load *load;
	struct err *err;
};

void maps_note(struct maps_load *load, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < load->n_notes; i++)
		if (strcmp(load->notes[i], text) == 0)
			return;
	load->notes = arena_grow(load->arena, load->notes, load->n_notes, sizeof(*load->notes));
	load->notes[load->n_notes++] = arena_strdup(load->arena, text);
}

static bool enum_number(const struct slot *s, const char *name, uint64_t *out)
{
	for (unsigned i = 0; i < btf_vlen(s->type); i++) {
		const struct btf_enum *e = btf_enum(s->type) + i;
		const struct btf_enum64 *e64 = btf_enum64(s->type) + i;
		bool wide = btf_is_enum64(s->type);
		const char *is = btf__name_by_offset(s->btf, wide ? e64->name_off : e->name_off);

		*out = wide	      ? btf_enum64_value(e64)
		       : s->is_signed ? (uint64_t)(int64_t)e->val
				      : (uint32_t)e->val;
		if (is && strcmp(is, name) == 0)
			return true;
	}
	return false;
}

static bool is_enum(const struct slot *s)
{
	return btf_is_enum(s->type) || btf_is_enum64(s->type);
}

static int fit_number(struct fit *f, const struct slot *field, const struct value *v)
{
	struct slot s = *field;
	struct number n = { 0 };

	s.network_order = false;
	if (v->kind != VALUE_SCALAR ||
	    (text_to_number(v->text, &n) && !(is_enum(&s) && enum_number(&s, v->text, &n.value))))
		return err_input(f->err, &v->loc, "field \"%s\": this is no number", s.name);
	if (!slot_holds(&s, n.value, n.is_negative || (s.is_signed && (int64_t)n.value < 0)))
		return err_input(f->err, &v->loc, "field \"%s\": %s does not fit its %zu bits",
				 s.name, v->text, s.bits);
	slot_put(&s, f->out, n.value);
	if (f->raw && slot_get(&s, f->raw) != slot_get(&s, f->out))
		f->differs = true;
	return 0;
}

static int fit_text(struct fit *f, const struct slot *s, const struct value *v)
{
	size_t len = strlen(v->text);

	if (len > slot_bytes(s))
		return err_input(f->err, &v->loc, "field \"%s\": text of at most %zu bytes",
				 s->name, slot_bytes(s));
	memcpy(f->out + slot_byte(s), v->text, len);
	if (f->raw && memcmp(f->raw + slot_byte(s), v->text, len))
		f->differs = true;
	if ((!f->raw || f->differs) && s->form != FORM_TEXT && len < slot_bytes(s))
		maps_note(f->load,
			  "field \"%s\": bpftool wrote its bytes as text, up to the first zero",
			  s->name);
	return 0;
}

static int fit_slot(struct fit *f, const struct slot *s, const struct value *v);

static int fit_array(struct fit *f, const struct slot *s, const struct value *v)
{
	size_t n = slot_elements(s);
	struct slot elem;
	int ret = 0;

	if (v->kind == VALUE_SCALAR)
		return fit_text(f, s, v);
	if (v->kind != VALUE_LIST)
		return err_input(f->err, &v->loc, "field \"%s\": this is no list", s->name);
	f->differs |= v->n != n;
	if (v->n > n)
		maps_note(f->load, "field \"%s\": only the first %zu of %zu elements fit", s->name,
			  n, v->n);
	for (size_t i = 0; i < v->n && i < n && !ret; i++) {
		ret = slot_element(s, i, &elem);
		if (!ret)
			ret = fit_slot(f, &elem, v->items[i]);
	}
	return ret;
}

/* found counts the fields that were there. */
static int fit_members(struct fit *f, const struct slot *s, const struct value *v, size_t *found)
{
	char type[128];
	struct slot m;
	int ret = 0;

	if (v->kind != VALUE_MAP)
		return err_input(f->err, &v->loc, "%s: these are no fields by name",
				 slot_type_name(s, type, sizeof(type)));
	if (++f->depth > TYPE_DEPTH_MAX)
		return err_input(f->err, &v->loc, "fields nested too deeply");
	for (size_t i = 0; i < v->n && !ret; i++) {
		const char *name = v->keys[i]->text;

		if (strncmp(name, BPFTOOL_ANONYMOUS, strlen(BPFTOOL_ANONYMOUS)) == 0) {
			ret = fit_members(f, s, v->items[i], found);
		} else if (slot_find(s, name, &m)) {
			++*found;
			if (!name_is_padding(name) || slot_is_integer(&m))
				ret = fit_slot(f, &m, v->items[i]);
		} else {
			f->differs = true;
			if (!name_is_padding(name))
				maps_note(f->load, "%s has no field \"%s\": left out",
					  slot_type_name(s, type, sizeof(type)), name);
		}
	}
	f->depth--;
	return ret;
}

static int fit_slot(struct fit *f, const struct slot *s, const struct value *v)
{
	const char *names[128];
	size_t found = 0;
	int ret;

	if (!slot_fits(s, f->size) || f->depth >= TYPE_DEPTH_MAX)
		return err_input(f->err, &v->loc, "field \"%s\" lies outside its type", s->name);
	f->depth++;
	if (slot_is_integer(s)) {
		ret = fit_number(f, s, v);
	} else if (slot_is_composite(s)) {
		ret = fit_members(f, s, v, &found);
		f->differs |= found != slot_names(s, names, 128);
	} else {
		ret = fit_array(f, s, v);
	}
	f->depth--;
	return ret;
}

static int raw_bytes(const struct value *raw, struct arena *a, uint8_t **out, struct err *err)
{
	uint8_t *bytes = arena_alloc(a, raw->n + 1);

	if (raw->kind != VALUE_LIST)
		return err_input(err, &raw->loc, "this is no list of bytes");
	for (size_t i = 0; i < raw->n; i++) {
		const struct value *v = raw->items[i];

		if (v->kind != VALUE_SCALAR || !text_to_bytes(v->text, bytes + i, 1))
			return err_input(err, &v->loc, "this is no byte as \"0xNN\"");
	}
	*out = bytes;
	return 0;
}

int bpftool_encode(const struct btf *btf, uint32_t type, const struct value *formatted,
		   const struct value *raw, const struct loc *at, void *out, size_t size,
		   struct maps_load *load, struct arena *scratch, struct err *err)
{
	struct fit f = { .out = out, .size = size, .load = load, .err = err };
	uint8_t *bytes = NULL;
	struct slot s;
	int ret = raw ? raw_bytes(raw, scratch, &bytes, err) : 0;

	if (ret)
		return ret;
	memset(out, 0, size);
	if (formatted && slot_of_type(btf, type, &s) == 0) {
		f.raw = bytes && raw->n == size ? bytes : NULL;
		ret = fit_slot(&f, &s, formatted);
		if (!ret && f.raw && !f.differs)
			memcpy(out, bytes, size);
		return ret;
	}
	if (!bytes || raw->n != size)
		return err_input(err, raw ? &raw->loc : at,
				 "%zu bytes, where the map has %zu, and no fields by name",
				 raw ? raw->n : 0, size);
	memcpy(out, bytes, size);
	return 0;
}
