/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps that hold nothing beyond a packet: a replay does not tell of their changes. */
#include <bpf/btf.h>
#include <string.h>

#include "engine/replay_internal.h"

#define TAG "scratch" /* btf_decl_tag of a map, as bpf/lib gives it to its own */

/* Of a map that each device has one of, the name goes on before a slash. */
static const char *plain_name(const struct map *m)
{
	const char *slash = strchr(m->name, '/');

	return slash ? slash + 1 : m->name;
}

static bool said_by_desc(const struct target_desc *d, const char *name)
{
	for (size_t i = 0; i < d->n_maps; i++)
		if (d->maps[i].is_scratch && strcmp(d->maps[i].name, name) == 0)
			return true;
	return false;
}

static bool said_by_tag(const struct btf *btf, const char *name)
{
	for (uint32_t id = 1; btf && id < btf__type_cnt(btf); id++) {
		const struct btf_type *tag = btf__type_by_id(btf, id), *of;

		if (!btf_is_decl_tag(tag) ||
		    strcmp(btf__name_by_offset(btf, tag->name_off), TAG) != 0)
			continue;
		of = btf__type_by_id(btf, tag->type);
		if (of && btf_is_var(of) &&
		    strcmp(btf__name_by_offset(btf, of->name_off), name) == 0)
			return true;
	}
	return false;
}

bool replay_is_scratch(const struct replay *r, const struct map *m)
{
	const char *name = plain_name(m);
	bool scratch = said_by_desc(r->desc, name);

	for (size_t i = 0; !scratch && i < target_n_images(r->target); i++)
		scratch = said_by_tag(target_image(r->target, i)->btf, name);
	return scratch;
}
