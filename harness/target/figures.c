/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The verifier's figures, by loading the object once with BPF_LOG_STATS. */
#include "target/figures.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "target/stack_depth.h"

#define LOG_STATS 4 /* BPF_LOG_STATS of the kernel's bpf_verifier.h: no header for users has it */
#define LOG_SIZE  16384 /* three lines; the stack's has a number for each of up to 256 functions */

static void parse_line(struct arena *a, const char *line, struct figures *f)
{
	static const char stack[] = "stack depth ";

	if (sscanf(line, "verification time %" SCNu64 " usec", &f->usec) == 1)
		return;
	if (strncmp(line, stack, sizeof(stack) - 1) == 0) {
		const char *depths = line + sizeof(stack) - 1;

		f->stack = arena_strndup(a, depths, strspn(depths, "0123456789+"));
		return;
	}
	if (sscanf(line,
		   "processed %" SCNu64 " insns (limit %*u) max_states_per_insn %" SCNu64
		   " total_states %" SCNu64 " peak_states %" SCNu64,
		   &f->processed, &f->states_per_insn, &f->total_states, &f->peak_states) == 4)
		f->has_stats = true;
}

void figures_parse(struct arena *a, const char *log, struct figures *f)
{
	while (*log) {
		size_t len = strcspn(log, "\n");

		parse_line(a, arena_strndup(a, log, len), f);
		log += len + (log[len] == '\n');
	}
}

static int read_info(const struct bpf_program *prog, struct figures *f, struct err *err)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_program__fd(prog);

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return err_system(err, errno, "asking the kernel about program %s", f->program);
	f->is_loaded = true;
	f->xlated = info.xlated_prog_len;
	f->jited = info.jited_prog_len;
	f->verified_insns = info.verified_insns;
	return f->stack ? stack_depth(fd, f->stack, &f->stack_depth, err) : 0;
}

static size_t count_programs(struct bpf_object *bpf)
{
	struct bpf_program *prog;
	size_t n = 0;

	bpf_object__for_each_program(prog, bpf)
	{
		n++;
	}
	return n;
}

static int load_logged(struct arena *a, struct object *o, struct figures **out, size_t *n,
		       struct err *err)
{
	struct bpf_object *bpf = object_libbpf(o);
	char *logs = arena_alloc(a, (count_programs(bpf) + 1) * LOG_SIZE), *log = logs;
	struct bpf_program *prog;
	int ret;

	bpf_object__for_each_program(prog, bpf)
	{
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, log, LOG_SIZE);
		log += LOG_SIZE;
	}
	ret = object_load_programs(o, err);
	log = logs;
	bpf_object__for_each_program(prog, bpf)
	{
		struct figures f = { .program = arena_strdup(a, bpf_program__name(prog)) };

		if (ret)
			break;
		log[LOG_SIZE - 1] = '\0';
		figures_parse(a, log, &f);
		log += LOG_SIZE;
		ret = read_info(prog, &f, err);
		*out = arena_grow(a, *out, *n, sizeof(f));
		(*out)[(*n)++] = f;
	}
	return ret;
}

int figures_load(struct arena *a, const struct object_opts *opts, struct figures **out, size_t *n,
		 struct err *err)
{
	struct object *o;
	int ret = object_open(opts, &o, err);

	*out = NULL;
	*n = 0;
	if (ret)
		return ret;
	ret = load_logged(a, o, out, n, err);
	object_free(o);
	if (!ret)
		return 0;
	/* libbpf keeps a log of ours to itself: once more without, for the verifier's reason */
	err_clear(err);
	ret = object_load(opts, &o, err);
	if (ret)
		return ret;
	object_free(o);
	return err_system(err, 0, "%s loads, but not with the verifier's statistics asked for",
			  opts->path);
}
