/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Back to a release whose programs are still loaded: what migrating pinned maps does, but into maps that are
 * there already.
 */
#include <string.h>

#include "target/agent_internal.h"
#include "target/map_reset.h"
#include "target/maps_io.h"

static void say_reason(const struct release_set *r, const char *name, const struct map *was,
		       struct buf *why)
{
	for (size_t i = 0; i < r->n_files && !why->len; i++)
		object_say_mismatch(r->files[i].maps, name, was, why);
}

static int migrate(struct agent *a, struct agent_pin *from, struct agent_pin *to, const char *why,
		   struct err *err)
{
	struct migrate_report report = { 0 };
	int ret = map_migrate(from->map, to->map, &report, err);

	if (ret)
		return err_wrap(err, "migrating the pinned map %s (%s)", to->name, why);
	agent_log(a, "info", "bpf",
		  "\"Migrated pinned map\" map=%s reason=\"%s\" copied=%llu lost=%llu", to->name,
		  why, (unsigned long long)report.copied, (unsigned long long)report.lost);
	return 0;
}

static int take_entries(struct agent *a, struct release_set *r, struct agent_pin *from,
			struct agent_pin *to, enum map_mismatch how, struct err *err)
{
	__cleanup_buf struct buf why = BUF_INIT;
	int ret = pin_open(a->now, from, err);

	if (!ret)
		ret = pin_open(r, to, err);
	if (ret || map_how_to_reset(to->map->type) != MAP_RESET_PLAIN)
		return ret;
	say_reason(r, to->name, from->map, &why);
	ret = map_make_empty(to->map, err);
	if (!ret && how == MAP_MISMATCH_MIGRATE)
		return migrate(a, from, to, buf_str(&why), err);
	if (!ret)
		agent_log(a, "warning", "bpf",
			  "\"Pinned map does not fit and is replaced by an empty one, its entries "
			  "are lost\" map=%s reason=\"%s\"",
			  to->name, buf_str(&why));
	return ret;
}

int release_return_to(struct agent *a, struct release_set *r, const struct agent_how *how,
		      struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < r->n_pins && !ret; i++) {
		struct agent_pin *to = r->pins[i];
		struct agent_pin *from = release_find_pin(a->now, to->name);

		to->is_written = false;
		if (from && from->id != to->id)
			ret = take_entries(a, r, from, to, how->on_map_mismatch, err);
	}
	release_drop_policy_maps(a, r);
	if (!ret)
		ret = release_add_policy_maps(a, r, err);
	return ret ? ret : release_pin(a, r, err);
}
