/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loads an object of the datapath, opened by datapath_open.h, and tells what the verifier counted:
 * instructions, and the deepest stack along the calls of each program.
 */
#ifndef VERDICT_TESTS_DATAPATH_LOAD_H
#define VERDICT_TESTS_DATAPATH_LOAD_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/arena.h"
#include "base/file.h"
#include "datapath_open.h"
#include "target/figures.h"

#define LOAD_LOG_SIZE (1 << 20)
#define LOAD_FUNCS    256 /* BPF_MAX_SUBPROGS of the kernel's bpf_verifier.h */
#define LOAD_PROGRAMS 64

struct load_program {
	const char *name;
	uint64_t instructions; /* processed by the verifier */
	unsigned stack; /* bytes, along the deepest chain of calls */
	unsigned old_stack; /* as kernels before 6.8 count it */
};

struct load {
	struct load_program programs[LOAD_PROGRAMS];
	size_t n;
	int error; /* of bpf_object__load(); the rest tells why */
	const char *rejected; /* program */
	const char *log; /* its end */
};

static inline const char *load_path(struct arena *a, const char *object)
{
	const char *dir = getenv("VERDICT_BPF_DIR");

	if (!dir)
		dir = file_installed(a, "bpf");
	cr_assert(dir, "no folder of objects: set VERDICT_BPF_DIR");
	return arena_printf(a, "%s/%s.o", dir, object);
}

/* ---- stack ---- */

struct load_func {
	size_t start, end; /* instructions */
	unsigned frame; /* bytes */
};

/* What the kernel keeps of a program, dead code removed; freed by the caller. */
static inline struct bpf_insn *load_insns(const struct bpf_program *p, size_t *n)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	struct bpf_insn *in;

	cr_assert_eq(bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size), 0);
	*n = info.xlated_prog_len / sizeof(*in);
	in = malloc(info.xlated_prog_len);
	info = (struct bpf_prog_info){ .xlated_prog_len = (uint32_t)(*n * sizeof(*in)),
				       .xlated_prog_insns = (uintptr_t)in };
	cr_assert_eq(bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size), 0);
	return in;
}

static inline bool load_is_call(const struct bpf_insn *in)
{
	return in->code == (BPF_JMP | BPF_CALL) && in->src_reg == BPF_PSEUDO_CALL;
}

/* In compiled programs the distance is in off, and imm numbers the function. */
static inline size_t load_target(const struct bpf_insn *in, size_t i)
{
	return (size_t)((long)i + in[i].off + 1);
}

/* Starts of functions, in their order. */
static inline size_t load_functions(const struct bpf_insn *in, size_t n, struct load_func *f)
{
	bool *starts = calloc(n + 1, sizeof(*starts));
	size_t count = 0;

	starts[0] = true;
	for (size_t i = 0; i < n; i++) {
		if (!load_is_call(&in[i]))
			continue;
		cr_assert_lt(load_target(in, i), n, "needs the kernel's BPF compiler");
		starts[load_target(in, i)] = true;
	}
	for (size_t i = 0; i < n; i++) {
		if (!starts[i])
			continue;
		cr_assert_lt(count, LOAD_FUNCS);
		if (count)
			f[count - 1].end = i;
		f[count++] = (struct load_func){ .start = i, .end = n };
	}
	free(starts);
	return count;
}

/* Frames are rounded up to steps of 16 bytes where programs are compiled (Linux 6.8 on), of 32 before. */
static inline unsigned load_depth(const struct bpf_insn *in, const struct load_func *f, size_t n,
				  size_t at, unsigned step)
{
	unsigned deepest = 0;

	for (size_t i = f[at].start; i < f[at].end; i++) {
		size_t callee = 0;
		unsigned depth;

		if (!load_is_call(&in[i]))
			continue;
		while (f[callee].start != load_target(in, i))
			callee++;
		depth = load_depth(in, f, n, callee, step);
		if (depth > deepest)
			deepest = depth;
	}
	return deepest + ((f[at].frame ? f[at].frame : 1) + step - 1) / step * step;
}

static inline void load_stack(const struct bpf_program *p, const char *frames,
			      struct load_program *to)
{
	static struct load_func f[LOAD_FUNCS];
	const char *all = frames;
	size_t n_insns, n;
	struct bpf_insn *in = load_insns(p, &n_insns);

	cr_assert(frames, "%s: the verifier told no stack", bpf_program__name(p));
	n = load_functions(in, n_insns, f);
	for (size_t i = 0; i < n; i++) {
		char *end;

		f[i].frame = (unsigned)strtoul(frames, &end, 10);
		cr_assert_eq(*end, i + 1 < n ? '+' : '\0', "%s: %zu functions, frames %s",
			     bpf_program__name(p), n, all);
		frames = end + 1;
	}
	to->stack = load_depth(in, f, n, 0, 16);
	to->old_stack = load_depth(in, f, n, 0, 32);
	free(in);
}

/* ---- loading ---- */

static inline const char *load_tail(const char *log)
{
	size_t len = strlen(log);

	return log + (len > 1500 ? len - 1500 : 0);
}

static inline void load_prepare(struct bpf_object *obj, char *logs[LOAD_PROGRAMS])
{
	struct bpf_program *p;
	size_t n = 0;

	bpf_object__for_each_program(p, obj)
	{
		cr_assert_lt(n, LOAD_PROGRAMS);
		logs[n] = calloc(1, LOAD_LOG_SIZE);
		bpf_program__set_log_level(p, 4); /* BPF_LOG_STATS */
		bpf_program__set_log_buf(p, logs[n++], LOAD_LOG_SIZE);
	}
}

static inline void load_tell(struct arena *a, struct bpf_object *obj, char *logs[LOAD_PROGRAMS],
			     struct load *l)
{
	struct bpf_program *p;
	size_t i = 0;

	bpf_object__for_each_program(p, obj)
	{
		struct load_program *to = &l->programs[l->n];
		struct figures f = { .program = bpf_program__name(p) };

		figures_parse(a, logs[i], &f);
		if (l->error && *logs[i]) {
			l->rejected = arena_strdup(a, bpf_program__name(p));
			l->log = arena_strdup(a, load_tail(logs[i]));
		}
		if (!l->error) {
			cr_assert(f.has_stats, "%s: no statistics", f.program);
			to->name = arena_strdup(a, f.program);
			to->instructions = f.processed;
			load_stack(p, f.stack, to);
			l->n++;
		}
		free(logs[i++]);
	}
}

/* As root. A rejected object is told, not failed. */
static inline void load_object(struct arena *a, const char *path, const char *config,
			       struct load *l)
{
	char *logs[LOAD_PROGRAMS], why[128];
	struct bpf_object *obj = datapath_open(path, config, why);

	*l = (struct load){ .n = 0 };
	cr_assert(obj, "%s: %s", path, why);
	load_prepare(obj, logs);
	l->error = bpf_object__load(obj);
	load_tell(a, obj, logs, l);
	bpf_object__close(obj);
}

#endif
