// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One value for all CPUs: counters summed, the rest from the first CPU that has any. */
#include <string.h>

#include "target/maps_io.h"
#include "target/typed_type.h"

/* Calls fn for each counter of a value; a hostile type may nest, hence depth. */
static void each_counter(const struct slot *s, size_t size, int depth,
			 void (*fn)(void *arg, const struct slot *s), void *arg)
{
	size_t n = s->form == FORM_ARRAY ? slot_elements(s) : slot_members(s);
	struct slot m;

	if (!slot_fits(s, size) || depth > 8)
		return;
	if (slot_is_counter(s))
		fn(arg, s);
	for (size_t i = 0; i < n; i++) {
		if (s->form == FORM_ARRAY ? slot_element(s, i, &m)
					  : slot_member(s, (unsigned)i, &m))
			continue;
		each_counter(&m, size, depth + 1, fn, arg);
	}
}

struct fold {
	const uint8_t *io;
	uint8_t *value;
	size_t cpus, stride;
};

static void sum(void *arg, const struct slot *s)
{
	struct fold *f = arg;
	uint64_t total = 0;

	for (size_t i = 0; i < f->cpus; i++)
		total += slot_get(s, f->io + i * f->stride);
	slot_put(s, f->value, total);
}

static void clear(void *arg, const struct slot *s)
{
	slot_clear(s, arg);
}

/* A value that is nothing but a number: in per-CPU maps, a counter more often than not. */
static bool bare_number(const struct map *m, struct slot *s)
{
	if (slot_of_type(m->btf, m->value_type, s) == 0)
		return s->form == FORM_NUMBER && s->bits >= 32 && !s->network_order &&
		       slot_fits(s, m->value_size);
	*s = (struct slot){ .name = "", .bits = 8 * (size_t)m->value_size };
	return m->value_size == 4 || m->value_size == 8;
}

bool map_value_is_number(const struct map *m)
{
	struct slot s;

	return bare_number(m, &s);
}

void map_fold_cpus(const struct map *m, const void *io, void *value)
{
	struct fold f = { io, value, map_cpus(m), map_stride(m) };
	const uint8_t *from = io;
	struct slot s;

	if (f.cpus == 1) {
		memcpy(value, io, m->value_size);
		return;
	}
	for (size_t i = 0; i < f.cpus; i++) {
		const uint8_t *at = f.io + i * f.stride;
		size_t j = 0;

		while (j < m->value_size && !at[j])
			j++;
		if (j < m->value_size) {
			from = at;
			break;
		}
	}
	memcpy(value, from, m->value_size);
	if (bare_number(m, &s))
		sum(&f, &s);
	else if (slot_of_type(m->btf, m->value_type, &s) == 0)
		each_counter(&s, m->value_size, 0, sum, &f);
}

void map_spread_cpus(const struct map *m, const void *value, void *io)
{
	size_t cpus = map_cpus(m), stride = map_stride(m);
	uint8_t *at = io;
	struct slot s;

	memset(io, 0, cpus * stride);
	for (size_t i = 0; i < cpus; i++, at += stride) {
		memcpy(at, value, m->value_size);
		if (i && slot_of_type(m->btf, m->value_type, &s) == 0)
			each_counter(&s, m->value_size, 0, clear, at);
	}
}
