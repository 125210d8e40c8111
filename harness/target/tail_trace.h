/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Makes tail calls visible without touching objects: into a slot of a prog array goes a small program that
 * notes (NOTE_TAIL_CALL: the array's id, the slot) and jumps on to the real one, which stands in the
 * same slot of a shadow array.
 *
 * Each traced tail call counts twice against the kernel's limit of 33 (MAX_TAIL_CALL_CNT): a chain of more
 * than 16 is cut short. The last note then has ret -ELOOP, and the program's verdict is not the
 * objects' own (TC_ACT_SHOT, XDP_ABORTED): run such a packet again without the trace.
 */
#ifndef VERDICT_TARGET_TAIL_TRACE_H
#define VERDICT_TARGET_TAIL_TRACE_H

#include <stddef.h>

#include "base/err.h"
#include "target/helper_env.h"

struct tail_trace;

/* A slot that somebody filled: an array has 65,536 of them, and the kernel tells of one at a time. */
struct tail_place {
	int array; /* descriptor of the prog array */
	uint32_t slot;
};

/* Of the places, those that hold tc or XDP programs and that the kernel lets the small program stand in are
 * traced; all others stay as they are, and are counted unless they are empty. One that is named twice counts
 * once. System error if nothing can be loaded at all; then every slot is as before.
 */
int tail_trace_install(struct helper_env *env, const struct tail_place *places, size_t n,
		       struct tail_trace **out, struct err *err);
size_t tail_trace_slots(const struct tail_trace *t);
/* Filled slots that could not be traced, and why the first of them could not (NULL: there is none). */
size_t tail_trace_untraced(const struct tail_trace *t, const char **why);
/* Puts the real programs back, where no other was put meanwhile. Frees *t in any case; NULL is fine. */
int tail_trace_remove(struct tail_trace *t, struct err *err);

#endif
