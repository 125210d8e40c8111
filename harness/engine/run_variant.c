/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "engine/run_variant.h"

#include "engine/trace.h"
#include "packet/rewrite.h"

bool run_variant_is_ipv6(const struct run_variant *v)
{
	return v->how && v->how->kind == VARIANT_IPV6;
}

static void note_pair(const struct run_variant *v, const struct ip_addr *six)
{
	struct run_trace *t = v->trace;

	for (size_t i = 0; i < t->n_pairs; i++)
		if (ip_addr_equal(&t->pairs[i].six, six))
			return;
	t->pairs = arena_grow(v->family.a, t->pairs, t->n_pairs, sizeof(*t->pairs));
	t->pairs[t->n_pairs++] = (struct address_pair){ variant_ip4_of(&v->family, six), *six };
}

void run_variant_note(const struct run_variant *v, const struct frame *f)
{
	struct ip_addr src, dst;

	if (!run_variant_is_ipv6(v) || !f->data || !frame_addresses(f, &src, &dst))
		return;
	note_pair(v, &src);
	note_pair(v, &dst);
}

/* A flow of which one packet stays IPv4 is no flow any more. */
static void check_translated(const struct run_variant *v, unsigned step, const struct frame *f,
			     const struct trace *t)
{
	struct ip_addr src, dst;

	if (v->trace->refused || !frame_addresses(f, &src, &dst) || src.family != 4)
		return;
	v->trace->refused = arena_printf(v->family.a, "step %u, packet %u cannot be IPv6: %s", step,
					 t->number, v->family.to.why);
}

void run_variant_change(const struct run_variant *v, unsigned step, struct injection *in,
			struct trace *t)
{
	const char *why = v->family.to.why;

	if (!v->how)
		return;
	if (run_variant_is_ipv6(v))
		check_translated(v, step, &in->frame, t);
	else if (variant_change(v->how, v->family.cluster, in, v->family.a, &why))
		why = NULL;
	t->frame = in->frame;
	v->trace->n_varied += !why;
	if (why && !v->trace->left)
		v->trace->left = why;
}
