/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What interposed helpers noted during one program run, told in names; shared by the engines that run programs
 * themselves.
 */
#ifndef VERDICT_ENGINE_HOP_NOTES_H
#define VERDICT_ENGINE_HOP_NOTES_H

#include "engine/trace.h"

/* What the numbers in a note stand for, where the program ran. NULL: not known there. */
struct hop_names {
	void *of; /* first argument of each */
	const char *(*map_name)(void *of, uint32_t map_id);
	const struct map *(*map)(void *of, const char *name);
	const char *(*slot_program)(void *of, uint32_t map_id, uint32_t slot);
	const char *(*device)(void *of, uint32_t ifindex);
};

/* Adds redirects, tail calls and tunnel to the hop; observed becomes false if notes were lost. Strings are
 * copied to a. env NULL: nothing is noted.
 * False: the trace of tail calls cut them short (target/tail_trace.h), and the verdict is its own.
 */
bool hop_take_notes(struct hop *hop, const struct helper_env *env, const struct hop_names *names,
		    struct arena *a);

/* Adds what the program asked of maps, if that was noted at all. */
void hop_take_lookups(struct hop *hop, const struct helper_env *env, const struct hop_names *names,
		      struct arena *a);

#endif
