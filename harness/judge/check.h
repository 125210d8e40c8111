/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the judge share: the list of differences being filled, and the two halves of an
 * expectation. Internal to judge/.
 */
#ifndef VERDICT_JUDGE_CHECK_H
#define VERDICT_JUDGE_CHECK_H

#include "judge/judge.h"
#include "judge/print.h"

/* One expectation being held against one step. arena NULL: nobody wants the texts, only whether
 * there is a difference (judge_packet).
 */
struct check {
	struct arena *arena;
	const struct step_trace *trace;
	unsigned step;
	bool foreign; /* programs of another target: trees are not theirs */
	struct difference *diffs;
	size_t n_diffs;
	uint64_t checks;
};

/* Adds a difference; expected and actual are printf-made texts from check_text(), or literals. */
void check_differs(struct check *c, const struct loc *loc, const struct trace *packet,
		   const struct hop *hop, const char *field, const char *expected,
		   const char *actual, const char *detail);
/* arena_printf, or "" where nobody wants texts. */
const char *check_text(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* packet.c: one packet against the packet part. */
bool packet_part_exists(const struct expect *e);
bool packet_covered(const struct expect *e, const struct trace *t);
void check_packet(struct check *c, const struct expect *e, const struct trace *t);

/* tree_check.c: a packet's way against the lines expected. */
void check_tree(struct check *c, const struct tree_expect *e, const struct trace *t);

/* seen.c: a send's packets against what was captured of them elsewhere. */
void check_seen(struct check *c, const struct seen_trace *seen);

/* step.c: what an expectation says of the whole step. */
bool step_part_can_fail(const struct expect *e, const struct step_trace *t);
void check_step(struct check *c, const struct expect *e);

#endif
