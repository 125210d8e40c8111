/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Helper calls replaced one instruction for one by calls to a subprogram appended to the program.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "target/helper_env_layout.h"

#define LD_IMM64 0x18 /* BPF_LD | BPF_DW | BPF_IMM; takes two slots */

enum replacement { READ_CLOCK };

static const struct interposed {
	int helper;
	const char *name;
	enum replacement kind;
} table[] = {
	{ BPF_FUNC_ktime_get_ns, "ktime_get_ns", READ_CLOCK },
	{ BPF_FUNC_ktime_get_boot_ns, "ktime_get_boot_ns", READ_CLOCK },
	{ BPF_FUNC_ktime_get_coarse_ns, "ktime_get_coarse_ns", READ_CLOCK },
	{ BPF_FUNC_ktime_get_tai_ns, "ktime_get_tai_ns", READ_CLOCK },
};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

struct interposer {
	struct arena *arena; /* what libbpf reads during the load: instructions, records */
	const struct helper_env *env;
	int *handlers;
	size_t n_handlers;
	uint32_t func_type; /* BTF_FUNC_STATIC in the object's BTF; 0 without BTF */
	uint32_t file_off, line_off; /* strings for the line record */
	unsigned counts[TABLE_LEN];
};

/* __u64 verdict_clock(void) { return *clock; } */
#define CLOCK_INSNS 4

static void write_clock_subprogram(struct bpf_insn *at, int map_fd)
{
	at[0] = (struct bpf_insn){
		.code = LD_IMM64,
		.dst_reg = BPF_REG_0,
		.src_reg = BPF_PSEUDO_MAP_VALUE,
		.imm = map_fd,
	};
	at[1] = (struct bpf_insn){ 0 };
	at[2] = (struct bpf_insn){
		.code = BPF_LDX | BPF_MEM | BPF_DW,
		.dst_reg = BPF_REG_0,
		.src_reg = BPF_REG_0,
	};
	at[3] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
}

/* The row of the table, or -1: what is no call of a helper, or of another one. */
static int row_of(const struct bpf_insn *insn)
{
	if (insn->code != (BPF_JMP | BPF_CALL) || insn->src_reg != 0)
		return -1;
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (table[i].helper == insn->imm)
			return (int)i;
	return -1;
}

/* Redirects the calls among the first n instructions to the subprogram at n; returns how many. */
static unsigned replace_calls(struct interposer *ip, struct bpf_insn *insns, size_t n)
{
	unsigned replaced = 0;

	for (size_t i = 0; i < n; i++) {
		int row = row_of(&insns[i]);

		/* the second half of a 64-bit load is no instruction */
		if (insns[i].code == LD_IMM64) {
			i++;
			continue;
		}
		if (row < 0)
			continue;
		insns[i].src_reg = BPF_PSEUDO_CALL;
		insns[i].imm = (int32_t)(n - i - 1);
		ip->counts[row]++;
		replaced++;
	}
	return replaced;
}

/* Copies n records of rec_size bytes and leaves a zeroed one behind them. */
static void *one_more(struct arena *a, const void *records, size_t n, size_t rec_size)
{
	char *p = arena_alloc(a, (n + 1) * rec_size);

	memcpy(p, records, n * rec_size);
	return p;
}

static void extend_func_info(struct interposer *ip, struct bpf_prog_load_opts *opts, size_t at)
{
	struct bpf_func_info *rec;
	char *all;

	if (!opts->func_info || !opts->func_info_cnt || !ip->func_type)
		return;
	all = one_more(ip->arena, opts->func_info, opts->func_info_cnt, opts->func_info_rec_size);
	rec = (struct bpf_func_info *)(all +
				       (size_t)opts->func_info_cnt * opts->func_info_rec_size);
	rec->insn_off = (uint32_t)at;
	rec->type_id = ip->func_type;
	opts->func_info = all;
	opts->func_info_cnt++;
}

/* The kernel wants a line record at the first instruction of every subprogram. */
static void extend_line_info(struct interposer *ip, struct bpf_prog_load_opts *opts, size_t at)
{
	struct bpf_line_info *rec;
	char *all;

	if (!opts->line_info || !opts->line_info_cnt || !ip->func_type)
		return;
	all = one_more(ip->arena, opts->line_info, opts->line_info_cnt, opts->line_info_rec_size);
	rec = (struct bpf_line_info *)(all +
				       (size_t)opts->line_info_cnt * opts->line_info_rec_size);
	rec->insn_off = (uint32_t)at;
	rec->file_name_off = ip->file_off;
	rec->line_off = ip->line_off;
	rec->line_col = 1 << 10 | 1; /* line 1, column 1 */
	opts->line_info = all;
	opts->line_info_cnt++;
}

static int prepare_load(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	struct interposer *ip = (struct interposer *)cookie;
	size_t n = bpf_program__insn_cnt(prog);
	struct bpf_insn *insns = arena_alloc(ip->arena, (n + CLOCK_INSNS) * sizeof(*insns));
	int ret;

	/* libbpf's own hook, which this one replaces, sets this flag by the section's name */
	if (strncmp(bpf_program__section_name(prog), "xdp.frags", 9) == 0)
		opts->prog_flags |= BPF_F_XDP_HAS_FRAGS;
	memcpy(insns, bpf_program__insns(prog), n * sizeof(*insns));
	if (!replace_calls(ip, insns, n))
		return 0;
	write_clock_subprogram(insns + n, helper_env_fd(ip->env));
	ret = bpf_program__set_insns(prog, insns, n + CLOCK_INSNS);
	if (ret)
		return ret;
	extend_func_info(ip, opts, n);
	extend_line_info(ip, opts, n);
	return 0;
}

/* Types whose load needs nothing from libbpf's own hook but what prepare_load() does: no attach
 * targets by BTF, no sleepable programs.
 */
static bool can_be_hooked(enum bpf_prog_type type)
{
	switch (type) {
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_SOCK_OPS:
		return true;
	default:
		return false;
	}
}

static bool section_seen(const struct bpf_object *obj, const struct bpf_program *upto)
{
	const char *section = bpf_program__section_name(upto);
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj)
	{
		if (prog == upto)
			return false;
		if (strcmp(bpf_program__section_name(prog), section) == 0)
			return true;
	}
	return false;
}

static int hook_section(struct interposer *ip, const struct bpf_program *prog, struct err *err)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)ip,
		    .prog_prepare_load_fn = prepare_load);
	const char *section = bpf_program__section_name(prog);
	int id = libbpf_register_prog_handler(section, bpf_program__type(prog),
					      bpf_program__expected_attach_type(prog), &opts);

	if (id < 0)
		return err_system(err, -id, "cannot hook the load of section %s", section);
	ip->handlers[ip->n_handlers++] = id;
	return 0;
}

/* libbpf 1.1 keeps a pointer to freed memory once the last handler is taken away (realloc to nothing,
 * mended in 1.2), and writes there at the next registration. One handler, for a section nobody
 * has, therefore stays for good.
 */
static int anchor_handlers(struct err *err)
{
	static bool anchored;
	int id;

	if (anchored)
		return 0;
	id = libbpf_register_prog_handler("verdict_anchor", BPF_PROG_TYPE_UNSPEC, 0, NULL);
	if (id < 0)
		return err_system(err, -id, "cannot hook the loading of programs");
	anchored = true;
	return 0;
}

static int hook_sections(struct interposer *ip, const struct bpf_object *probe, struct err *err)
{
	struct bpf_program *prog;
	size_t n = 0;
	int ret = anchor_handlers(err);

	bpf_object__for_each_program(prog, probe) n++;
	ip->handlers = arena_alloc(ip->arena, (n + 1) * sizeof(*ip->handlers));
	bpf_object__for_each_program(prog, probe)
	{
		if (ret)
			break;
		if (can_be_hooked(bpf_program__type(prog)) && !section_seen(probe, prog))
			ret = hook_section(ip, prog, err);
	}
	return ret;
}

int interpose_new(const struct bpf_object *probe, const struct helper_env *env,
		  struct interposer **out, struct err *err)
{
	struct interposer *ip = calloc(1, sizeof(*ip));
	int ret;

	if (!ip)
		return err_system(err, ENOMEM, "cannot interpose helpers");
	ip->arena = arena_new();
	ip->env = env;
	ret = hook_sections(ip, probe, err);
	if (ret) {
		interpose_free(ip);
		return ret;
	}
	*out = ip;
	return 0;
}

int interpose_object(struct interposer *ip, struct bpf_object *obj, struct err *err)
{
	struct btf *btf = bpf_object__btf(obj);
	int u64_id, proto, func, file, line;

	if (!btf)
		return 0;
	u64_id = btf__add_int(btf, "unsigned long long", 8, 0);
	proto = btf__add_func_proto(btf, u64_id);
	/* as a global function the verifier would check it alone and reject the unknown caller */
	func = btf__add_func(btf, "verdict_clock", BTF_FUNC_STATIC, proto);
	file = btf__add_str(btf, "verdict_clock");
	line = btf__add_str(btf, "return virtual time;");
	if (u64_id < 0 || proto < 0 || func < 0 || file < 0 || line < 0)
		return err_system(err, ENOMEM, "cannot describe the clock to %s by BTF",
				  bpf_object__name(obj));
	ip->func_type = (uint32_t)func;
	ip->file_off = (uint32_t)file;
	ip->line_off = (uint32_t)line;
	return 0;
}

void interpose_done(struct interposer *ip)
{
	for (size_t i = 0; i < ip->n_handlers; i++)
		libbpf_unregister_prog_handler(ip->handlers[i]);
	ip->n_handlers = 0;
}

unsigned interpose_count(const struct interposer *ip)
{
	unsigned n = 0;

	for (size_t i = 0; i < TABLE_LEN; i++)
		n += ip->counts[i];
	return n;
}

void interpose_describe(const struct interposer *ip, struct buf *out)
{
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (ip->counts[i])
			buf_printf(out, "%s%s %u", out->len ? ", " : "", table[i].name,
				   ip->counts[i]);
}

void interpose_free(struct interposer *ip)
{
	if (!ip)
		return;
	interpose_done(ip);
	arena_free(ip->arena);
	free(ip);
}
