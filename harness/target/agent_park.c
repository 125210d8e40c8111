/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loads that nobody has use for at present: a device that goes and comes back, or is configured as it was before,
 * gets its programs without having them verified again.
 */
#include <string.h>

#include "target/agent_internal.h"
#include "target/tail_trace.h"

/* Of one release. Each holds its programs and its own maps. */
#define PARKED_MAX 16

void load_park(struct release_set *r, struct agent_load *l)
{
	struct agent_load **at = &r->parked;

	l->next = r->parked;
	r->parked = l;
	for (size_t n = 0; *at && n < PARKED_MAX; n++)
		at = &(*at)->next;
	if (*at) {
		load_free(*at);
		*at = NULL;
	}
}

struct agent_load *load_unpark(struct release_set *r, const struct agent_load *wanted)
{
	for (struct agent_load **at = &r->parked; *at; at = &(*at)->next) {
		struct agent_load *l = *at;

		if (l->file != wanted->file || l->policy_id != wanted->policy_id ||
		    strcmp(l->device, wanted->device) != 0 || strcmp(l->how, wanted->how) != 0)
			continue;
		*at = l->next;
		return l;
	}
	return NULL;
}

void load_free(struct agent_load *l)
{
	struct err ignored;

	tail_trace_remove(l->trace, &ignored);
	for (size_t i = 0; i < l->n_maps; i++) {
		raw_free(&l->maps[i].initial);
		map_close(l->maps[i].map);
	}
	object_free(l->o);
	arena_free(l->arena);
}

void loads_free(struct agent_load *l)
{
	while (l) {
		struct agent_load *next = l->next;

		load_free(l);
		l = next;
	}
}
