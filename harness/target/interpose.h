/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Replaces chosen helper calls of a program at load time, one instruction for one, so that time is
 * the scenario's: `call bpf_ktime_get_ns` becomes a call to a static subprogram appended to the
 * program, which reads the virtual clock from a map. The object on disk is never touched.
 */
#ifndef VERDICT_TARGET_INTERPOSE_H
#define VERDICT_TARGET_INTERPOSE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct bpf_object;
struct helper_env;

/* One object's load. libbpf chooses a program's load hook by section name when an object is opened,
 * so the hooks must be there before: interpose_new() looks at a first opening of the same file,
 * registers a hook for each of its sections; then the object to be loaded is opened.
 */
struct interposer;

/* Arranges that ktime_get_ns, ktime_get_boot_ns, ktime_get_coarse_ns and ktime_get_tai_ns of all
 * programs read the clock of env. Until interpose_done() no other object may be opened or loaded.
 */
int interpose_new(const struct bpf_object *probe, const struct helper_env *env,
		  struct interposer **out, struct err *err);
/* Between bpf_object__open and bpf_object__load: adds the subprogram's type to the object's BTF. */
int interpose_object(struct interposer *ip, struct bpf_object *obj, struct err *err);
/* After the load, failed or not: takes the hooks away. The counts stay. */
void interpose_done(struct interposer *ip);
/* Calls replaced in programs that were given to the kernel. */
unsigned interpose_count(const struct interposer *ip);
/* The helpers of which any call was replaced, with counts: "ktime_get_ns 172, ...". */
void interpose_describe(const struct interposer *ip, struct buf *out);
void interpose_free(struct interposer *ip); /* NULL is fine */

#endif
