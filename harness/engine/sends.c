// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the captures of sends. */
#include "engine/sends.h"

#include <errno.h>
#include <string.h>

static int load(struct sends *s, const char *path, struct err *err)
{
	if (s->loaded && !strcmp(s->loaded, path))
		return 0;
	s->loaded = NULL;
	if (capture_load(s->arena, path, &s->packets, &s->n, err))
		return -EINVAL;
	s->loaded = path;
	s->first_ts_ns = s->n ? s->packets[0].ts_ns : 0;
	return 0;
}

int sends_load(struct sends *s, const struct send_step *send, struct err *err)
{
	int ret = load(s, send->capture, err);
	uint32_t last = !ret && s->n ? s->packets[s->n - 1].number : 0;

	for (size_t i = 0; i < send->packets.n && !ret; i++) {
		const struct packet_range *range = &send->packets.ranges[i];
		uint32_t asked = range->last == UINT32_MAX ? range->first : range->last;

		if (asked > last)
			ret = err_input(err, &send->capture_loc,
					"the capture has no packet %u: its last is %u", asked,
					last);
	}
	return ret;
}
