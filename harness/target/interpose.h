/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Replaces chosen helper calls of a program at load time, one instruction for one: `call
 * bpf_redirect` becomes a call to a static subprogram appended to the program, which notes the
 * arguments in a helper_env and calls the helper itself; `call bpf_ktime_get_ns` one that reads the
 * virtual clock there. No offset moves, no recompile, and the object on disk is never touched.
 */
#ifndef VERDICT_TARGET_INTERPOSE_H
#define VERDICT_TARGET_INTERPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "target/elf.h"

struct bpf_object;
struct bpf_program;
struct helper_env;

/* One object's load. libbpf chooses a program's load hook by section name when an object is opened,
 * so the hooks must be there before: interpose_new() registers one for each section of the image; then
 * that is opened.
 */
struct interposer;

struct interpose_opts {
	const struct helper_env *env; /* outlives the interposer */
	/* Programs to be left as shipped; the list is copied, its strings are not. */
	const char *const *shipped;
	size_t n_shipped;
	bool real_time; /* nothing that tells the time is replaced */
};

/* Arranges that the calls of all programs are replaced. Until interpose_done() no other object may be
 * opened or loaded.
 */
int interpose_new(const struct elf_image *image, const struct interpose_opts *opts,
		  struct interposer **out, struct err *err);
/* Between bpf_object__open and bpf_object__load: adds the subprograms' types to the object's BTF. hz:
 * what its programs take for the kernel's ticks a second, 0: this kernel's.
 */
int interpose_object(struct interposer *ip, struct bpf_object *obj, unsigned hz, struct err *err);
/* After the load, failed or not: takes the hooks away. What was replaced can still be asked. */
void interpose_done(struct interposer *ip);

/* True if the program was given to the kernel with every call replaced that was to be replaced. */
bool interpose_holds(const struct interposer *ip, const char *program);
/* How many calls of the program were replaced. */
unsigned interpose_calls(const struct interposer *ip, const char *program);
/* True for a loaded program that has such calls, and is of a type that cannot be hooked. */
bool interpose_missed(const struct interposer *ip, const struct bpf_program *prog);
/* True if the program asks for the time. */
bool interpose_asks_time(const struct interposer *ip, const char *program);
/* Calls replaced, all programs together; of one helper (BPF_FUNC_*). */
unsigned interpose_count(const struct interposer *ip);
unsigned interpose_count_of(const struct interposer *ip, int helper);
/* The helpers of which any call was replaced, with counts: "ktime_get_ns 172, ...". */
void interpose_describe(const struct interposer *ip, struct buf *out);
void interpose_free(struct interposer *ip); /* NULL is fine */

#endif
