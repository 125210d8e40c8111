/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The calls are read from the program as the kernel keeps it, dead code removed. */
#include "target/stack_depth.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>

#define FUNCTIONS  256 /* BPF_MAX_SUBPROGS of the kernel's bpf_verifier.h, and the program itself */
#define FRAME_STEP 16 /* since Linux 6.8; 32 before */

struct function {
	size_t start, end; /* instructions */
	unsigned frame;
};

struct program {
	struct bpf_insn *insns;
	size_t n;
	struct function functions[FUNCTIONS];
	size_t n_functions;
};

static bool is_call(const struct bpf_insn *in)
{
	return in->code == (BPF_JMP | BPF_CALL) && in->src_reg == BPF_PSEUDO_CALL;
}

/* The compiler of the kernel has put the distance into off, and into imm the function's number. */
static long callee_of(const struct program *p, size_t i)
{
	return (long)i + p->insns[i].off + 1;
}

static int read_insns(struct program *p, int fd, struct err *err)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return err_system(err, errno, "asking the kernel about a program");
	p->n = info.xlated_prog_len / sizeof(*p->insns);
	p->insns = calloc(p->n, sizeof(*p->insns));
	if (!p->insns)
		return err_system(err, ENOMEM, "reading a program");
	info = (struct bpf_prog_info){
		.xlated_prog_len = (uint32_t)(p->n * sizeof(*p->insns)),
		.xlated_prog_insns = (uintptr_t)p->insns,
	};
	size = sizeof(info);
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return err_system(err, errno, "reading a program's instructions");
	return 0;
}

/* False: some calls lead nowhere. */
static bool find_functions(struct program *p)
{
	bool *starts = calloc(p->n + 1, sizeof(*starts)), good = starts != NULL;

	for (size_t i = 0; good && i < p->n; i++) {
		if (!is_call(&p->insns[i]))
			continue;
		good = callee_of(p, i) > 0 && callee_of(p, i) < (long)p->n;
		if (good)
			starts[callee_of(p, i)] = true;
	}
	for (size_t i = 0; good && i < p->n; i++) {
		if (i && !starts[i])
			continue;
		if (p->n_functions)
			p->functions[p->n_functions - 1].end = i;
		good = p->n_functions < FUNCTIONS;
		if (good)
			p->functions[p->n_functions++] =
				(struct function){ .start = i, .end = p->n };
	}
	free(starts);
	return good;
}

static bool read_frames(struct program *p, const char *frames)
{
	for (size_t i = 0; i < p->n_functions; i++) {
		char *end;

		p->functions[i].frame = (unsigned)strtoul(frames, &end, 10);
		if (end == frames || *end != (i + 1 < p->n_functions ? '+' : '\0'))
			return false;
		frames = end + 1;
	}
	return true;
}

/* Chains are eight calls long at most, and never lead back: the verifier has seen to it. */
static unsigned depth_of(const struct program *p, const struct function *f)
{
	unsigned frame = f->frame ? f->frame : 1, deepest = 0;

	for (size_t i = f->start; i < f->end; i++) {
		if (!is_call(&p->insns[i]))
			continue;
		for (size_t c = 0; c < p->n_functions; c++) {
			unsigned depth = 0;

			if ((long)p->functions[c].start == callee_of(p, i))
				depth = depth_of(p, &p->functions[c]);
			if (depth > deepest)
				deepest = depth;
		}
	}
	return deepest + (frame + FRAME_STEP - 1) / FRAME_STEP * FRAME_STEP;
}

int stack_depth(int prog_fd, const char *frames, unsigned *bytes, struct err *err)
{
	struct program *p = calloc(1, sizeof(*p));
	int ret;

	*bytes = 0;
	if (!p)
		return err_system(err, ENOMEM, "reading a program");
	ret = read_insns(p, prog_fd, err);
	if (!ret && find_functions(p) && read_frames(p, frames))
		*bytes = depth_of(p, &p->functions[0]);
	free(p->insns);
	free(p);
	return ret;
}
