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

/* The map, not the address: an environment that is gone may have had the same. */
static uint32_t map_of_env(const struct helper_env *env)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(helper_env_fd(env), &info, &len) ? ENV_OWN : info.id;
}

uint32_t plan_env(const struct plan *p)
{
	if (!p->desc->interpose || (!p->opts->env && !p->opts->interpose))
		return ENV_NONE;
	return p->opts->env ? map_of_env(p->opts->env) : ENV_OWN;
}

void load_key(const struct planned_load *l, struct buf *key)
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
	for (size_t i = 0; i < l->n_only; i++)
		buf_printf(key, "only %s\n", l->only[i]);
	for (size_t i = 0; i < l->n_types; i++)
		buf_printf(key, "type %s %s\n", l->types[i].section, l->types[i].type);
	for (size_t i = 0; i < l->n_maps; i++)
		buf_printf(key, "size %s %u\n", l->maps[i].map, l->maps[i].max_entries);
	for (size_t i = 0; i < l->n_sharing; i++)
		buf_printf(key, "shared %s %d\n", l->sharing[i].map, l->sharing[i].is_shared);
}

static struct target_set *take_out(size_t i)
{
	struct target_set *s = kept[i];

	memmove(&kept[i], &kept[i + 1], (--n_kept - i) * sizeof(kept[0]));
	return s;
}

static size_t loads_in_common(const struct target_set *s, const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		__cleanup_buf struct buf key = BUF_INIT;

		load_key(&p->loads[i], &key);
		n += set_find_load(s, buf_str(&key)) != NULL;
	}
	return n;
}

struct target_set *cache_take(const struct plan *p)
{
	uint32_t env = plan_env(p);
	size_t best = 0, most = 0;

	for (size_t i = 0; i < n_kept; i++) {
		size_t n = kept[i]->env_id == env ? loads_in_common(kept[i], p) : 0;

		if (n && n >= most && kept[i]->n_loads + p->n - n <= SET_LOADS_MAX) {
			best = i;
			most = n;
		}
	}
	return most ? take_out(best) : NULL;
}

/* Each load has one of every map and program of its own, and each map another. */
static size_t descriptors(const struct target_set *s)
{
	size_t n = s->n_all_maps + s->n_all_programs;

	for (size_t i = 0; i < s->n_loads; i++)
		n += object_image(s->loads[i]->o)->n_maps + 4;
	return n;
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
	if (!s || !set_is_resettable(s)) {
		set_free(s);
		return;
	}
	for (size_t i = 0; i < s->n_all_maps; i++)
		s->all_maps[i]->is_dirty |= (s->all_maps[i]->users & s->visible) != 0;
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
