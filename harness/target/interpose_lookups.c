/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The subprograms that stand for the helpers of maps: they call the helper and note map, key and result. How
 * long a key is depends on the map, and a program must not read behind its own key: so there is one
 * subprogram a length.
 */
#include <bpf/bpf.h>

#include "target/helper_env_layout.h"
#include "target/interpose_internal.h"

#define LOOK_BACK 24 /* instructions before a call in which its map may be named */

static const struct {
	int helper;
	const char *name;
	enum lookup_kind kind;
} helpers[N_MAP_HELPERS] = {
	{ BPF_FUNC_map_lookup_elem, "map_lookup_elem", LOOKUP_FIND },
	{ BPF_FUNC_map_update_elem, "map_update_elem", LOOKUP_UPDATE },
	{ BPF_FUNC_map_delete_elem, "map_delete_elem", LOOKUP_DELETE },
};

static size_t helper_of(size_t row)
{
	return (row - N_INTERPOSED) / LOOKUP_KEY_MAX;
}

static uint32_t key_len_of(size_t row)
{
	return (uint32_t)((row - N_INTERPOSED) % LOOKUP_KEY_MAX) + 1;
}

const char *row_name(size_t row)
{
	return row < N_INTERPOSED ? interposed[row].name : helpers[helper_of(row)].name;
}

int row_helper(size_t row)
{
	return row < N_INTERPOSED ? interposed[row].helper : helpers[helper_of(row)].helper;
}

bool row_is_clock(size_t row)
{
	return row < N_INTERPOSED && interposed[row].clock;
}

void row_write(size_t row, struct insns *out, const struct subprog_env *env)
{
	if (row < N_INTERPOSED) {
		interposed[row].write(out, env, &interposed[row]);
		return;
	}
	insn_mov(out, BPF_REG_6, BPF_REG_1);
	insn_mov(out, BPF_REG_7, BPF_REG_2);
	insn_call(out, row_helper(row));
	helper_env_write_lookup(out, env->env_fd, helpers[helper_of(row)].kind, key_len_of(row));
	insn_exit(out);
}

static bool writes_r1(const struct bpf_insn *insn)
{
	uint8_t class = BPF_CLASS(insn->code);

	return insn->dst_reg == BPF_REG_1 &&
	       (class == BPF_ALU || class == BPF_ALU64 || class == BPF_LDX);
}

static bool is_jump(const struct bpf_insn *insn)
{
	uint8_t class = BPF_CLASS(insn->code);

	return class == BPF_JMP || class == BPF_JMP32;
}

/* The descriptor of the map that was last loaded into R1; -1: it does not stand there. */
static int map_before(const struct bpf_insn *insns, size_t call)
{
	for (size_t i = call; i-- > 0 && call - i < LOOK_BACK;) {
		const struct bpf_insn *insn = &insns[i];

		/* the second half of a 64-bit load has no code of its own */
		if (insn->code == 0 && i > 0 && insns[i - 1].code == INSN_LD_IMM64) {
			insn = &insns[--i];
			if (insn->dst_reg == BPF_REG_1)
				return insn->src_reg == BPF_PSEUDO_MAP_FD ? insn->imm : -1;
			continue;
		}
		if (is_jump(insn) || writes_r1(insn))
			return -1;
	}
	return -1;
}

int row_of_map_call(const struct bpf_insn *insns, size_t call)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), keys;
	int fd;

	for (size_t i = 0; i < N_MAP_HELPERS; i++) {
		if (helpers[i].helper != insns[call].imm)
			continue;
		fd = map_before(insns, call);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || !info.key_size)
			return -1;
		keys = info.key_size < LOOKUP_KEY_MAX ? info.key_size : LOOKUP_KEY_MAX;
		return (int)(N_INTERPOSED + i * LOOKUP_KEY_MAX + keys - 1);
	}
	return -1;
}
