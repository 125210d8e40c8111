/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* BPF instructions written one after the other: what the kernel's own filter.h macros do. */
#ifndef VERDICT_TARGET_INSNS_H
#define VERDICT_TARGET_INSNS_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#define INSNS_MAX     128
#define INSN_LD_IMM64 0x18 /* BPF_LD | BPF_DW | BPF_IMM; takes two slots */

/* What the kernel compares, beside the type, before it lets programs share a prog array or a map of
 * devices (bpf_prog_map_compatible in kernel/bpf/core.c), and does not tell of a loaded program.
 */
struct prog_variant {
	unsigned attach_type; /* expected_attach_type */
	uint32_t flags;
};

struct insns {
	struct bpf_insn at[INSNS_MAX];
	size_t n;
};

/* Those that programs of a type come in, the likeliest first; none for types other than tc's and XDP. */
const struct prog_variant *prog_variants(unsigned type, size_t *n);
/* The program's descriptor, or negative errno. */
int insns_load(const struct insns *c, const char *name, unsigned type,
	       const struct prog_variant *v);

static inline void insn_add(struct insns *c, struct bpf_insn insn)
{
	c->at[c->n++] = insn;
}

static inline void insn_imm64(struct insns *c, uint8_t dst, uint64_t imm)
{
	insn_add(c,
		 (struct bpf_insn){ .code = INSN_LD_IMM64, .dst_reg = dst, .imm = (int32_t)imm });
	insn_add(c, (struct bpf_insn){ .imm = (int32_t)(imm >> 32) });
}

static inline void insn_map(struct insns *c, uint8_t dst, int map_fd)
{
	insn_imm64(c, dst, (uint32_t)map_fd);
	c->at[c->n - 2].src_reg = BPF_PSEUDO_MAP_FD;
}

/* The address of a byte of an array map's only value. */
static inline void insn_map_value(struct insns *c, uint8_t dst, int map_fd, size_t offset)
{
	insn_imm64(c, dst, (uint32_t)map_fd | (uint64_t)offset << 32);
	c->at[c->n - 2].src_reg = BPF_PSEUDO_MAP_VALUE;
}

/* dst = dst op src; op BPF_ADD, BPF_MOV and so on. */
static inline void insn_alu(struct insns *c, uint8_t op, uint8_t dst, uint8_t src)
{
	insn_add(c, (struct bpf_insn){ .code = (uint8_t)(BPF_ALU64 | op | BPF_X),
				       .dst_reg = dst,
				       .src_reg = src });
}

static inline void insn_alu_imm(struct insns *c, uint8_t op, uint8_t dst, int32_t imm)
{
	insn_add(c, (struct bpf_insn){ .code = (uint8_t)(BPF_ALU64 | op | BPF_K),
				       .dst_reg = dst,
				       .imm = imm });
}

static inline void insn_mov(struct insns *c, uint8_t dst, uint8_t src)
{
	insn_alu(c, BPF_MOV, dst, src);
}

/* size: BPF_B to BPF_DW */
static inline void insn_load(struct insns *c, uint8_t size, uint8_t dst, uint8_t src, size_t offset)
{
	insn_add(c, (struct bpf_insn){ .code = (uint8_t)(BPF_LDX | BPF_MEM | size),
				       .dst_reg = dst,
				       .src_reg = src,
				       .off = (int16_t)offset });
}

static inline void insn_store(struct insns *c, uint8_t size, uint8_t dst, size_t offset,
			      uint8_t src)
{
	insn_add(c, (struct bpf_insn){ .code = (uint8_t)(BPF_STX | BPF_MEM | size),
				       .dst_reg = dst,
				       .src_reg = src,
				       .off = (int16_t)offset });
}

static inline void insn_store_imm(struct insns *c, uint8_t size, uint8_t dst, size_t offset,
				  int32_t imm)
{
	insn_add(c, (struct bpf_insn){ .code = (uint8_t)(BPF_ST | BPF_MEM | size),
				       .dst_reg = dst,
				       .off = (int16_t)offset,
				       .imm = imm });
}

/* A conditional jump to where insn_land() will be; op BPF_JEQ and so on, against a number. */
static inline size_t insn_jump(struct insns *c, uint8_t op, uint8_t reg, int32_t imm)
{
	insn_add(c, (struct bpf_insn){
			    .code = (uint8_t)(BPF_JMP | op | BPF_K), .dst_reg = reg, .imm = imm });
	return c->n - 1;
}

static inline void insn_land(struct insns *c, size_t jump)
{
	c->at[jump].off = (int16_t)(c->n - jump - 1);
}

static inline void insn_call(struct insns *c, int helper)
{
	insn_add(c, (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = helper });
}

static inline void insn_exit(struct insns *c)
{
	insn_add(c, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

#endif
