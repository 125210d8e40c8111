/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Replaces chosen helper calls of a program at load time, one instruction for one, so that time is
 * the scenario's: `call bpf_ktime_get_ns` becomes a call to a static subprogram appended to the
 * program, which reads the virtual clock from a map. The object on disk is never touched.
 */
#ifndef VERDICT_TARGET_INTERPOSE_H
#define VERDICT_TARGET_INTERPOSE_H

#include <stdint.h>

#include "base/err.h"

struct bpf_object;

/* The virtual clock: one mmapable array map that every interposed program reads. */
struct vclock;

int vclock_new(struct vclock **out, struct err *err);
void vclock_set(struct vclock *c, uint64_t ns); /* CLOCK_MONOTONIC as programs see it; no syscall */
uint64_t vclock_get(const struct vclock *c);
void vclock_free(struct vclock *c);

/* Between bpf_object__open and bpf_object__load: arranges that ktime_get_ns, ktime_get_boot_ns,
 * ktime_get_coarse_ns and ktime_get_tai_ns of all its programs read the clock. Names of what was
 * replaced, with counts, can be had after the load.
 */
int interpose_clock(struct bpf_object *obj, struct vclock *clock, struct err *err);
/* Call sites replaced in the object's programs so far. */
unsigned interpose_count(const struct bpf_object *obj);
void interpose_release(const struct bpf_object *obj);

#endif
