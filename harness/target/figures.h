/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What loading an object tells of its programs: the verifier's statistics, the kernel's sizes. */
#ifndef VERDICT_TARGET_FIGURES_H
#define VERDICT_TARGET_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "target/object.h"

struct figures {
	const char *program;
	bool is_loaded; /* false: the object says not to ('?' before the section) */
	bool has_stats; /* false: this kernel's log had none of the three lines below */
	/* "verification time" */
	uint64_t usec;
	/* "stack depth 64+0+32": bytes, the program's own and then each subprogram's; NULL: not said */
	const char *stack;
	unsigned stack_depth; /* bytes, along the deepest chain of calls; 0: not known */
	/* "processed N insns (limit ...) max_states_per_insn N total_states N peak_states N" */
	uint64_t processed, states_per_insn, total_states, peak_states;
	/* bpf_prog_info: bytes, bytes, and what the kernel counts as processed (0 before 5.16) */
	uint32_t xlated, jited, verified_insns;
};

/* Reads the verifier's log of BPF_LOG_STATS into f; lines it does not know are skipped. */
void figures_parse(struct arena *a, const char *log, struct figures *f);
/* Loads the object, in the sandbox that the caller entered, and lets go of it again. Errors are
 * those of object_load(), with the verifier's reason.
 */
int figures_load(struct arena *a, const struct object_opts *opts, struct figures **out, size_t *n,
		 struct err *err);

#endif
