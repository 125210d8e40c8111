/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Helper calls replaced one instruction for one by calls to subprograms appended to the program.
 *
 * The work is done in libbpf's prog_prepare_load_fn: the instructions are final there (subprograms
 * appended, everything relocated), and libbpf reads them again afterwards.
 */
#include "target/interpose.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "target/helper_env_layout.h"
#include "target/interpose_internal.h"

/* Where each subprogram was appended, as instruction of the program; 0: it was not. */
struct appended {
	size_t start[N_ROWS];
	size_t n; /* how many */
	size_t end; /* instructions of program and subprograms */
};

/* The row of a call, or -1: what is no call of a helper, or of one that is left alone. */
static int row_of(const struct interposer *ip, const struct bpf_insn *insns, size_t at)
{
	const struct bpf_insn *insn = &insns[at];

	if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg != 0)
		return -1;
	for (size_t i = 0; i < N_INTERPOSED; i++)
		if (interposed[i].helper == insn->imm)
			return (int)i;
	return ip->lookups ? row_of_map_call(insns, at) : -1;
}

/* The next call to be replaced from *i on, its row; -1: there is none. */
static int next_call(const struct interposer *ip, const struct bpf_insn *insns, size_t n, size_t *i)
{
	for (; *i < n; ++*i) {
		int row = row_of(ip, insns, *i);

		if (row >= 0)
			return row;
		/* the second half of a 64-bit load is no instruction */
		if (insns[*i].code == INSN_LD_IMM64)
			++*i;
	}
	return -1;
}

static struct hooked *note_program(struct interposer *ip, const struct bpf_program *prog)
{
	const struct bpf_insn *insns = bpf_program__insns(prog);
	size_t n = bpf_program__insn_cnt(prog);
	struct hooked *h;
	int row;

	ip->programs = arena_grow(ip->arena, ip->programs, ip->n_programs, sizeof(*h));
	h = &ip->programs[ip->n_programs++];
	*h = (struct hooked){ .name = arena_strdup(ip->arena, bpf_program__name(prog)) };
	for (size_t i = 0; (row = next_call(ip, insns, n, &i)) >= 0; i++) {
		h->asks_time |= row_is_clock((size_t)row);
		h->calls[row] += !(ip->real_time && row_is_clock((size_t)row));
	}
	for (size_t i = 0; i < ip->n_shipped; i++)
		h->shipped |= strcmp(ip->shipped[i], h->name) == 0;
	return h;
}

static unsigned calls_of(const struct hooked *h)
{
	unsigned n = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		n += h->calls[i];
	return n;
}

static size_t rows_of(const struct hooked *h)
{
	size_t n = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		n += h->calls[i] > 0;
	return n;
}

/* Program and the subprograms it needs, calls not redirected yet. */
static struct bpf_insn *append_subprograms(struct interposer *ip, const struct bpf_program *prog,
					   const struct hooked *h, struct appended *to)
{
	size_t n = bpf_program__insn_cnt(prog);
	struct bpf_insn *all = arena_alloc(ip->arena, (n + rows_of(h) * INSNS_MAX) * sizeof(*all));

	memcpy(all, bpf_program__insns(prog), n * sizeof(*all));
	*to = (struct appended){ .end = n };
	for (size_t i = 0; i < N_ROWS; i++) {
		struct insns code = { .n = 0 };

		if (!h->calls[i])
			continue;
		row_write(i, &code, &ip->env);
		memcpy(all + to->end, code.at, code.n * sizeof(*all));
		to->start[i] = to->end;
		to->end += code.n;
		to->n++;
	}
	return all;
}

/* Among the first n instructions. */
static void redirect_calls(const struct interposer *ip, struct bpf_insn *insns, size_t n,
			   const struct appended *to)
{
	int row;

	for (size_t i = 0; (row = next_call(ip, insns, n, &i)) >= 0; i++) {
		if (!to->start[row])
			continue;
		insns[i].src_reg = BPF_PSEUDO_CALL;
		insns[i].imm = (int32_t)(to->start[row] - i - 1);
	}
}

/* Copies n records of rec_size bytes and leaves `more` zeroed ones behind them. */
static char *with_room(struct arena *a, const void *records, size_t n, size_t rec_size, size_t more)
{
	char *p = arena_alloc(a, (n + more) * rec_size);

	memcpy(p, records, n * rec_size);
	return p;
}

static void extend_func_info(struct interposer *ip, struct bpf_prog_load_opts *opts,
			     const struct appended *to)
{
	size_t size = opts->func_info_rec_size, n = opts->func_info_cnt;
	char *all;

	if (!opts->func_info || !n || !ip->has_types)
		return;
	all = with_room(ip->arena, opts->func_info, n, size, to->n);
	for (size_t i = 0; i < N_ROWS; i++) {
		struct bpf_func_info *rec = (struct bpf_func_info *)(all + n * size);

		if (!to->start[i])
			continue;
		rec->insn_off = (uint32_t)to->start[i];
		rec->type_id = ip->func_types[i];
		n++;
	}
	opts->func_info = all;
	opts->func_info_cnt = (uint32_t)n;
}

/* The kernel wants a line record at the first instruction of every subprogram. */
static void extend_line_info(struct interposer *ip, struct bpf_prog_load_opts *opts,
			     const struct appended *to)
{
	size_t size = opts->line_info_rec_size, n = opts->line_info_cnt;
	char *all;

	if (!opts->line_info || !n || !ip->has_types)
		return;
	all = with_room(ip->arena, opts->line_info, n, size, to->n);
	for (size_t i = 0; i < N_ROWS; i++) {
		struct bpf_line_info *rec = (struct bpf_line_info *)(all + n * size);

		if (!to->start[i])
			continue;
		rec->insn_off = (uint32_t)to->start[i];
		rec->file_name_off = ip->file_off;
		rec->line_off = ip->line_off;
		rec->line_col = 1 << 10 | 1; /* line 1, column 1 */
		n++;
	}
	opts->line_info = all;
	opts->line_info_cnt = (uint32_t)n;
}

static int prepare_load(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	struct interposer *ip = (struct interposer *)cookie;
	const struct hooked *h = note_program(ip, prog);
	struct appended to;
	struct bpf_insn *insns;
	int ret;

	/* libbpf's own hook, which this one replaces, sets this flag by the section's name */
	if (strncmp(bpf_program__section_name(prog), "xdp.frags", 9) == 0)
		opts->prog_flags |= BPF_F_XDP_HAS_FRAGS;
	if (h->shipped || !calls_of(h))
		return 0;
	insns = append_subprograms(ip, prog, h, &to);
	redirect_calls(ip, insns, bpf_program__insn_cnt(prog), &to);
	ret = bpf_program__set_insns(prog, insns, to.end);
	if (ret)
		return ret;
	extend_func_info(ip, opts, &to);
	extend_line_info(ip, opts, &to);
	return 0;
}

/* Ticks a second of the running kernel: the coarse clocks' resolution is one tick (LOW_RES_NSEC in
 * include/linux/hrtimer.h), whatever the kernel was built with.
 */
static int kernel_hz(unsigned *hz, struct err *err)
{
	struct timespec tick = { 0 };

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_nsec <= 0)
		return err_system(err, errno, "cannot tell this kernel's ticks a second");
	*hz = (unsigned)((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec);
	return 0;
}

int interpose_new(const struct elf_image *image, const struct interpose_opts *opts,
		  struct interposer **out, struct err *err)
{
	struct interposer *ip = calloc(1, sizeof(*ip));
	int ret;

	if (!ip)
		return err_system(err, ENOMEM, "cannot interpose helpers");
	ip->arena = arena_new();
	ip->env.env_fd = helper_env_fd(opts->env);
	ip->real_time = opts->real_time;
	ip->lookups = helper_env_notes_lookups(opts->env);
	ip->n_shipped = opts->n_shipped;
	ip->shipped = arena_alloc(ip->arena, (opts->n_shipped + 1) * sizeof(*ip->shipped));
	for (size_t i = 0; i < opts->n_shipped; i++)
		ip->shipped[i] = opts->shipped[i];
	ret = interpose_hook(ip, image, prepare_load, err);
	if (ret) {
		interpose_free(ip);
		return ret;
	}
	*out = ip;
	return 0;
}

/* As global functions the verifier would check them alone and reject the unknown caller; of static ones
 * it takes whatever arguments they are called with, described or not.
 */
static int add_func_types(struct interposer *ip, struct btf *btf, int proto)
{
	size_t n = ip->lookups ? N_ROWS : N_INTERPOSED;

	for (size_t i = 0; i < n; i++) {
		int func = btf__add_func(btf, arena_printf(ip->arena, "verdict_%s", row_name(i)),
					 BTF_FUNC_STATIC, proto);

		if (func < 0)
			return func;
		ip->func_types[i] = (uint32_t)func;
	}
	return 0;
}

int interpose_object(struct interposer *ip, struct bpf_object *obj, unsigned hz, struct err *err)
{
	struct btf *btf = bpf_object__btf(obj);
	int u64_id, proto, file, line;

	ip->env.hz = hz;
	if (!hz && kernel_hz(&ip->env.hz, err))
		return -err->no;
	if (!btf)
		return 0;
	u64_id = btf__add_int(btf, "unsigned long long", 8, 0);
	proto = btf__add_func_proto(btf, u64_id);
	file = btf__add_str(btf, "verdict");
	line = btf__add_str(btf, "a helper, interposed");
	if (u64_id < 0 || proto < 0 || file < 0 || line < 0 || add_func_types(ip, btf, proto))
		return err_system(err, ENOMEM, "cannot describe interposed helpers to %s by BTF",
				  bpf_object__name(obj));
	ip->file_off = (uint32_t)file;
	ip->line_off = (uint32_t)line;
	ip->has_types = true;
	return 0;
}

static const struct hooked *find_program(const struct interposer *ip, const char *name)
{
	for (size_t i = 0; i < ip->n_programs; i++)
		if (strcmp(ip->programs[i].name, name) == 0)
			return &ip->programs[i];
	return NULL;
}

bool interpose_holds(const struct interposer *ip, const char *program)
{
	const struct hooked *h = find_program(ip, program);

	return h && !(h->shipped && calls_of(h));
}

unsigned interpose_calls(const struct interposer *ip, const char *program)
{
	const struct hooked *h = find_program(ip, program);

	return h && !h->shipped ? calls_of(h) : 0;
}

bool interpose_missed(const struct interposer *ip, const struct bpf_program *prog)
{
	size_t i = 0;

	return bpf_program__fd(prog) >= 0 && !find_program(ip, bpf_program__name(prog)) &&
	       next_call(ip, bpf_program__insns(prog), bpf_program__insn_cnt(prog), &i) >= 0;
}

bool interpose_asks_time(const struct interposer *ip, const char *program)
{
	const struct hooked *h = find_program(ip, program);

	return h && h->asks_time;
}

static unsigned count_row(const struct interposer *ip, size_t row)
{
	unsigned n = 0;

	for (size_t i = 0; i < ip->n_programs; i++)
		if (!ip->programs[i].shipped)
			n += ip->programs[i].calls[row];
	return n;
}

unsigned interpose_count(const struct interposer *ip)
{
	unsigned n = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		n += count_row(ip, i);
	return n;
}

unsigned interpose_count_of(const struct interposer *ip, int helper)
{
	unsigned n = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		if (row_helper(i) == helper)
			n += count_row(ip, i);
	return n;
}

void interpose_describe(const struct interposer *ip, struct buf *out)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		unsigned n = 0;

		if (i && row_helper(i) == row_helper(i - 1))
			continue; /* told with the first of its rows */
		n = interpose_count_of(ip, row_helper(i));
		if (n)
			buf_printf(out, "%s%s %u", out->len ? ", " : "", row_name(i), n);
	}
}

void interpose_free(struct interposer *ip)
{
	if (!ip)
		return;
	interpose_done(ip);
	arena_free(ip->arena);
	free(ip);
}
