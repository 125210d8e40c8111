/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tail calls: which program stands in which slot of which prog array.
 *
 * A program says so itself by `btf_decl_tag("tail:<map>/<index>")`; slots written as static
 * initialisers of the array are libbpf's business and are there after the load.
 *
 * The kernel empties a prog array once no descriptor and no pin holds it, even while attached programs
 * jump through it (prog_array_map_clear in kernel/bpf/arraymap.c): an array that must outlive its
 * agent has to be pinned.
 */
#ifndef VERDICT_TARGET_TAILCALLS_H
#define VERDICT_TARGET_TAILCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct bpf_object;
struct btf;

struct tail_slot {
	const char *program, *map; /* owned by the btf */
	uint32_t index;
};

/* The slots that decl tags name, in the order of the tags; memory from a. Input error for a tag that is no
 * "tail:<map>/<index>" (other tags are left alone).
 */
int tail_slots(struct arena *a, const struct btf *btf, struct tail_slot **slots, size_t *n,
	       struct err *err);
/* After the load: puts every tagged program into its slot. Input error where a tag names a program or map
 * that the object does not have, an index past the array's end, or a slot twice. some_only: programs that
 * were not to be loaded are passed over.
 */
int tailcalls_wire(const struct bpf_object *obj, const struct btf *btf, bool some_only,
		   unsigned *wired, struct err *err);
/* Keeps prog arrays that are not pinned by name alive beyond this process: each is pinned as
 * <dir>/<map>_<owner>_<n>, n above that of every earlier one, so that those of the programs still
 * attached stay until tailcalls_unpin_older(). To be called before the programs are attached.
 */
int tailcalls_pin(const struct bpf_object *obj, const char *dir, const char *owner,
		  struct err *err);
/* Once they are attached: removes the pins of earlier loads by that owner. */
int tailcalls_unpin_older(const struct bpf_object *obj, const char *dir, const char *owner,
			  struct err *err);

#endif
