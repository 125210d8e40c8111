// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the captures of sends. */
#include "engine/sends.h"

#include <errno.h>
#include <fnmatch.h>
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

static bool is_of(const char *pattern, const struct capture_packet *p)
{
	return !pattern || fnmatch(pattern, p->interface_name ? p->interface_name : "", 0) == 0;
}

bool sends_wants(const struct send_step *send, const struct capture_packet *p)
{
	return packet_set_has(&send->packets, p->number) && is_of(send->interface, p);
}

static int load_vantage(struct sends *s, const struct send_step *send, const struct vantage *v,
			struct seen_trace *out, struct err *err)
{
	out->vantage = v;
	out->capture = v->capture ? v->capture : send->capture;
	if (load(s, out->capture, err))
		return -EINVAL;
	out->packets = arena_alloc(s->arena, (s->n + 1) * sizeof(*out->packets));
	for (size_t i = 0; i < s->n; i++) {
		struct seen_packet *p = &out->packets[out->n_packets];

		if (!packet_set_has(&v->packets, s->packets[i].number) ||
		    !is_of(v->interface, &s->packets[i]))
			continue;
		p->number = s->packets[i].number;
		if (frame_from_capture(s->arena, &s->packets[i], &p->frame, err))
			return err_wrap(err, "%s", out->capture);
		out->n_packets++;
	}
	if (!out->n_packets)
		return err_input(err, &v->loc, "seen: no packet of %s is chosen", out->capture);
	return 0;
}

int sends_load_seen(struct sends *s, const struct send_step *send, struct step_trace *out,
		    struct err *err)
{
	int ret = 0;

	out->seen = arena_alloc(s->arena, (send->n_seen + 1) * sizeof(*out->seen));
	for (size_t i = 0; i < send->n_seen && !ret; i++)
		ret = load_vantage(s, send, &send->seen[i], &out->seen[out->n_seen++], err);
	return ret;
}
