/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Compares by raw bytes while the map keeps its layout, by field name where an upgrade changed it. */
#include "engine/map_watch.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/param.h>

#include "target/typed.h"

struct watched {
	const char *node, *name;
	bool expected; /* by the step, at loc */
	struct loc loc;
	struct map *before, *after;
	struct map_snapshot was, is;
};

struct map_watch {
	struct arena *a;
	const struct step *step;
	struct map_finder finder;
	const char *node; /* of expectations that name none */
	struct watched *maps;
	size_t n;
};

static const char *node_of(const struct map_watch *w, const struct map_expect *e)
{
	return e->node ? e->node : w->node;
}

static bool is_meant(const struct watched *m, const char *node, const char *name)
{
	return !strcmp(m->node, node) && !strcmp(m->name, name);
}

static struct watched *find(struct map_watch *w, const char *node, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (is_meant(&w->maps[i], node, name))
			return &w->maps[i];
	return NULL;
}

static struct watched *add(struct map_watch *w, const char *node, const char *name)
{
	struct watched *m = find(w, node, name);

	if (m)
		return m;
	w->maps = arena_grow(w->a, w->maps, w->n, sizeof(*w->maps));
	m = &w->maps[w->n++];
	*m = (struct watched){ .node = node, .name = name };
	return m;
}

void map_watch_add(struct map_watch *w, const char *node, const char *name)
{
	add(w, node, name);
}

static void add_expected(struct map_watch *w, const struct map_expect *e)
{
	struct watched *m = add(w, node_of(w, e), e->map);

	if (!m->expected)
		m->loc = e->loc;
	m->expected = true;
}

struct map_watch *map_watch_new(const struct step *step, const struct map_finder *finder,
				const char *node, struct arena *a)
{
	struct map_watch *w = arena_new_of(a, struct map_watch);

	*w = (struct map_watch){ .a = a, .step = step, .finder = *finder, .node = node };
	for (size_t i = 0; i < step->n_expects; i++)
		for (size_t j = 0; j < step->expects[i].n_maps; j++)
			add_expected(w, &step->expects[i].maps[j]);
	return w;
}

static int snapshot(struct map_watch *w, struct watched *m, struct map **map,
		    struct map_snapshot *out, struct err *err)
{
	int ret = w->finder.open(w->finder.arg, m->node, m->name, map, err);

	if (ret == -ENOENT) {
		w->finder.missing(w->finder.arg, m->node, m->name, &m->loc, err);
		return -EINVAL;
	}
	return ret ? ret : map_snapshot(*map, w->a, out, err);
}

int map_watch_begin(struct map_watch *w, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < w->n && !ret; i++)
		ret = snapshot(w, &w->maps[i], &w->maps[i].before, &w->maps[i].was, err);
	return ret;
}

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static struct node_map_change *add_change(struct map_watch *w, const struct watched *m,
					  enum map_change_kind kind, struct step_trace *t)
{
	struct node_map_change *c;

	t->changes = arena_grow(w->a, t->changes, t->n_changes, sizeof(*t->changes));
	c = &t->changes[t->n_changes++];
	*c = (struct node_map_change){
		.node = m->node,
		.map = m->name,
		.kind = kind,
		.per_cpu = is_per_cpu(m->before->type),
	};
	return c;
}

static bool same_layout(const struct watched *m)
{
	return m->before->key_size == m->after->key_size &&
	       m->before->value_size == m->after->value_size;
}

static void diff_raw(struct map_watch *w, struct watched *m, struct step_trace *t)
{
	static const enum map_change_kind kinds[] = { [CHANGE_ADDED] = MAP_ADDED,
						      [CHANGE_REMOVED] = MAP_REMOVED,
						      [CHANGE_CHANGED] = MAP_CHANGED };
	struct map_change *changes;
	size_t n;

	map_diff(w->a, &m->was, &m->is, &changes, &n);
	for (size_t i = 0; i < n; i++) {
		struct node_map_change *c = add_change(w, m, kinds[changes[i].kind], t);

		c->key = map_key_value(w->a, m->after, changes[i].key);
		if (changes[i].was)
			c->was = map_value_value(w->a, m->before, changes[i].was);
		if (changes[i].is)
			c->is = map_value_value(w->a, m->after, changes[i].is);
	}
}

/* The index in `in` of the entry with that key, or in->n. */
static size_t find_key(struct map_watch *w, const struct map_snapshot *in, const struct value *key)
{
	for (size_t i = 0; i < in->n; i++)
		if (value_equal(map_key_value(w->a, in->map, in->items[i].key), key))
			return i;
	return in->n;
}

/* Fields that only one of the two releases has are no change. */
static void diff_by_name(struct map_watch *w, struct watched *m, struct step_trace *t)
{
	for (size_t i = 0; i < m->was.n; i++) {
		struct value *key = map_key_value(w->a, m->before, m->was.items[i].key);
		struct value *was = map_value_value(w->a, m->before, m->was.items[i].value);
		size_t at = find_key(w, &m->is, key);
		struct node_map_change *c;
		struct value *is;

		if (at == m->is.n) {
			c = add_change(w, m, MAP_REMOVED, t);
			c->key = key;
			c->was = was;
			continue;
		}
		is = map_value_value(w->a, m->after, m->is.items[at].value);
		if (value_matches(was, is) || value_matches(is, was))
			continue;
		c = add_change(w, m, MAP_CHANGED, t);
		c->key = key;
		c->was = was;
		c->is = is;
	}
	for (size_t i = 0; i < m->is.n; i++) {
		struct value *key = map_key_value(w->a, m->after, m->is.items[i].key);
		struct node_map_change *c;

		if (find_key(w, &m->was, key) < m->was.n)
			continue;
		c = add_change(w, m, MAP_ADDED, t);
		c->key = key;
		c->is = map_value_value(w->a, m->after, m->is.items[i].value);
	}
}

static void add_present(struct map_watch *w, struct watched *m, struct step_trace *t)
{
	for (size_t i = 0; i < m->is.n; i++) {
		struct node_map_change *c = add_change(w, m, MAP_PRESENT, t);

		c->key = map_key_value(w->a, m->after, m->is.items[i].key);
		c->is = map_value_value(w->a, m->after, m->is.items[i].value);
	}
}

static int encodes(struct arena *a, const struct map *m, const struct value *entry, struct err *err)
{
	const struct value *key = value_get(entry, "key"), *value = value_get(entry, "value");
	void *scratch = arena_alloc(a, MAX(m->key_size, m->value_size));
	int ret = 0;

	if (key)
		ret = typed_encode(m->btf, m->key_type, key, scratch, m->key_size, err);
	if (!ret && value)
		ret = typed_encode(m->btf, m->value_type, value, scratch, m->value_size, err);
	return ret;
}

/* An entry that no map could hold is never there: a misspelt field would make `absent` true whatever
 * happens. After an upgrade the fields of either layout may be meant.
 */
static int check_entries(struct map_watch *w, const struct watched *m, const struct expect *e,
			 struct err *err)
{
	for (size_t i = 0; i < e->n_maps; i++) {
		const struct map_expect *x = &e->maps[i];

		if (!x->entry || !is_meant(m, node_of(w, x), x->map))
			continue;
		if (encodes(w->a, m->before, x->entry, err) &&
		    encodes(w->a, m->after, x->entry, err))
			return -EINVAL;
	}
	return 0;
}

/* Of an array every element is present: thousands of zeros, told only where somebody asks. */
static bool wants_present(const struct map_watch *w, const struct watched *m)
{
	bool array =
		m->after->type == BPF_MAP_TYPE_ARRAY || m->after->type == BPF_MAP_TYPE_PERCPU_ARRAY;

	for (size_t i = 0; i < w->step->n_expects && array; i++) {
		const struct expect *e = &w->step->expects[i];

		for (size_t j = 0; j < e->n_maps; j++)
			if (is_meant(m, node_of(w, &e->maps[j]), e->maps[j].map) &&
			    (e->maps[j].kind == MAP_PRESENT || e->maps[j].kind == MAP_ABSENT))
				return true;
	}
	return m->expected && !array;
}

int map_watch_end(struct map_watch *w, struct step_trace *trace, struct err *err)
{
	for (size_t i = 0; i < w->n; i++) {
		struct watched *m = &w->maps[i];
		int ret = snapshot(w, m, &m->after, &m->is, err);

		for (size_t j = 0; j < w->step->n_expects && !ret; j++)
			ret = check_entries(w, m, &w->step->expects[j], err);
		if (ret)
			return ret;
		if (same_layout(m))
			diff_raw(w, m, trace);
		else
			diff_by_name(w, m, trace);
		if (wants_present(w, m))
			add_present(w, m, trace);
	}
	return 0;
}

void map_watch_free(struct map_watch *w)
{
	for (size_t i = 0; w && i < w->n; i++) {
		map_close(w->maps[i].before);
		map_close(w->maps[i].after);
	}
}
