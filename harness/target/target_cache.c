/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loaded objects that no target uses at present: what a later one with the same contents and options
 * gets instead of having them verified again.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/resource.h>

#include "target/helper_env_layout.h"
#include "target/target_internal.h"

/* Each holds its maps' memory. */
#define KEPT_MAX 16

/* The newest last. */
static struct target_set *kept[KEPT_MAX];
static size_t n_kept;

/* The map, not the address: an environment that is gone may have had the same. 0: the set's own. */
static uint32_t env_id(const struct helper_env *env)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (!env || bpf_obj_get_info_by_fd(helper_env_fd(env), &info, &len))
		return 0;
	return info.id;
}

static void key_of_load(struct buf *key, const struct planned_load *l)
{
	buf_printf(key, "%s %s %s %s %d\n", l->object->desc->name, l->object->path,
		   l->object->image->sha256, l->device ? l->device->name : "-",
		   l->object->desc->interpose);
	for (size_t i = 0; i < l->n_config; i++) {
		buf_printf(key, "config %s ", l->config[i].name);
		value_print(key, l->config[i].value);
		buf_puts(key, "\n");
	}
	for (size_t i = 0; i < l->n_asked; i++)
		buf_printf(key, "program %s\n", l->asked[i]);
	for (size_t i = 0; i < l->n_types; i++)
		buf_printf(key, "type %s %s\n", l->types[i].section, l->types[i].type);
	for (size_t i = 0; i < l->n_maps; i++)
		buf_printf(key, "size %s %u\n", l->maps[i].map, l->maps[i].max_entries);
	for (size_t i = 0; i < l->n_sharing; i++)
		buf_printf(key, "shared %s %d\n", l->sharing[i].map, l->sharing[i].is_shared);
}

void plan_key(const struct plan *p, struct buf *key)
{
	const struct target_desc *d = p->desc;

	if (!d->interpose || (!p->opts->env && !p->opts->interpose))
		buf_puts(key, "as shipped\n");
	else
		buf_printf(key, "env %u\n", env_id(p->opts->env));
	for (size_t i = 0; i < p->n; i++)
		key_of_load(key, &p->loads[i]);
	for (size_t i = 0; i < d->n_tail_calls; i++) {
		const struct desc_tail_call *t = &d->tail_calls[i];

		buf_printf(key, "tail call %s %u %s %s %s\n", t->map, t->index, t->ref.object,
			   t->ref.program, t->device ? t->device : "-");
	}
}

static struct target_set *take_out(size_t i)
{
	struct target_set *s = kept[i];

	memmove(&kept[i], &kept[i + 1], (--n_kept - i) * sizeof(kept[0]));
	return s;
}

struct target_set *cache_take(const char *key)
{
	for (size_t i = n_kept; i-- > 0;)
		if (!strcmp(kept[i]->key, key))
			return take_out(i);
	return NULL;
}

static size_t descriptors(const struct target_set *s)
{
	return 2 * s->n_all + s->n_programs;
}

/* What is kept leaves two thirds of the process's descriptors to others. */
static bool is_too_much(void)
{
	struct rlimit files = { .rlim_cur = 1024 };
	size_t n = 0;

	getrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < n_kept; i++)
		n += descriptors(kept[i]);
	return n > files.rlim_cur / 3;
}

void cache_put(struct target_set *s)
{
	if (!s || !s->key || !set_is_resettable(s)) {
		set_free(s);
		return;
	}
	if (n_kept == KEPT_MAX)
		set_free(take_out(0));
	kept[n_kept++] = s;
	while (n_kept && is_too_much())
		set_free(take_out(0));
}

void target_forget(void)
{
	while (n_kept)
		set_free(kept[--n_kept]);
}
