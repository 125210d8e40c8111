/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of a service's backends, by which every node chooses the same for a flow, as an entry's value. */
#include "base/words.h"
#include "cluster/entry.h"
#include "cluster/maglev.h"
#include "cluster/service.h"

/* What backends are called on all nodes; the state is always this one. */
static const char *name_of(struct arena *a, const struct backend *b)
{
	__cleanup_buf struct buf addr = BUF_INIT;
	bool v6 = b->addr.family == 6;

	ip_addr_print(&addr, &b->addr);
	return arena_printf(a, "[%s%s%s:%u/%s,State:active]", v6 ? "[" : "", buf_str(&addr),
			    v6 ? "]" : "", b->port, word_name(&words_protocol, b->proto));
}

/* The ids as bytes, in this machine's order. */
static struct value *bytes_of(struct cluster *c, const struct maglev_table *t)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = (const uint8_t *)t->ids;
	size_t n = t->size * sizeof(*t->ids);
	struct value *v = value_scalar(c->arena, "0x");
	char *text = arena_alloc(c->arena, 2 + 2 * n + 1);

	text[0] = '0';
	text[1] = 'x';
	for (size_t i = 0; i < n; i++) {
		text[2 + 2 * i] = digits[bytes[i] >> 4];
		text[3 + 2 * i] = digits[bytes[i] & 15];
	}
	v->text = text;
	return v;
}

struct value *table_value(const struct lb_out *o, const struct backend_ref *const *refs, size_t n)
{
	static const struct shape inner = SHAPE("entries"), entry = SHAPE("key", "value");
	struct maglev_backend *names = arena_alloc(o->scratch, n * sizeof(*names));
	struct maglev_table t = { .size = o->maglev_size, .seed = o->maglev_seed };
	struct value *list = value_list(o->c->arena);

	t.ids = arena_alloc(o->scratch, t.size * sizeof(*t.ids));
	for (size_t i = 0; i < n; i++)
		names[i] = (struct maglev_backend){ name_of(o->scratch, refs[i]->backend),
						    refs[i]->backend->id };
	maglev_fill(&t, names, n, o->scratch);
	value_push(o->c->arena, list,
		   entry_struct(o->c, &entry,
				(struct value *[]){ entry_number(o->c, 0), bytes_of(o->c, &t) }));
	return entry_struct(o->c, &inner, &list);
}
