/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The subprograms that stand for helpers. Each takes the helper's arguments and returns its value; those
 * that only observe call the helper itself. They need no stack of their own: arguments wait in R6 to
 * R9, which are theirs, and what is noted goes straight to the environment's map. Few branches, for
 * the verifier walks them anew at each call.
 */
#include <stddef.h>

#include "target/helper_env_layout.h"
#include "target/interpose_internal.h"

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9 };

#define NS_PER_S     1000000000U
#define ENV(field)   offsetof(struct env_shared, field)
#define NOTE(field)  offsetof(struct env_note, field)
#define NEIGH(field) offsetof(struct bpf_redir_neigh, field)

static void write_clock(struct insns *c, const struct subprog_env *env, const struct interposed *i)
{
	(void)i;
	insn_map_value(c, R0, env->env_fd, ENV(clock_ns));
	insn_load(c, BPF_DW, R0, R0, 0);
	insn_exit(c);
}

/* A tick is TICK_NSEC of the clock, and the count begins five minutes before its lower half wraps
 * (include/linux/jiffies.h).
 */
static void write_jiffies(struct insns *c, const struct subprog_env *env,
			  const struct interposed *i)
{
	(void)i;
	insn_map_value(c, R0, env->env_fd, ENV(clock_ns));
	insn_load(c, BPF_DW, R0, R0, 0);
	insn_alu_imm(c, BPF_DIV, R0, (int32_t)((NS_PER_S + env->hz / 2) / env->hz));
	insn_imm64(c, R1, (uint32_t) - (300 * env->hz));
	insn_alu(c, BPF_ADD, R0, R1);
	insn_exit(c);
}

/* r0 ^= r0 >> shift */
static void fold(struct insns *c, int shift)
{
	insn_mov(c, R2, R0);
	insn_alu_imm(c, BPF_RSH, R2, shift);
	insn_alu(c, BPF_XOR, R0, R2);
}

static void multiply(struct insns *c, uint64_t by)
{
	insn_imm64(c, R2, by);
	insn_alu(c, BPF_MUL, R0, R2);
}

/* SplitMix64 (Steele, Lea, Flood 2014), its upper half. */
static void write_random(struct insns *c, const struct subprog_env *env, const struct interposed *i)
{
	(void)i;
	insn_map_value(c, R1, env->env_fd, ENV(random));
	insn_load(c, BPF_DW, R0, R1, 0);
	insn_imm64(c, R2, 0x9e3779b97f4a7c15);
	insn_alu(c, BPF_ADD, R0, R2);
	insn_store(c, BPF_DW, R1, 0, R0);
	fold(c, 30);
	multiply(c, 0xbf58476d1ce4e5b9);
	fold(c, 27);
	multiply(c, 0x94d049bb133111eb);
	fold(c, 31);
	insn_alu_imm(c, BPF_RSH, R0, 32);
	insn_exit(c);
}

/* redirect(ifindex, flags), redirect_peer(ifindex, flags) */
static void write_redirect(struct insns *c, const struct subprog_env *env,
			   const struct interposed *i)
{
	insn_mov(c, R6, R1);
	insn_mov(c, R7, R2);
	insn_call(c, i->helper);
	helper_env_write_note(c, env->env_fd, i->note);
	insn_store(c, BPF_W, R1, NOTE(ifindex), R6);
	insn_store(c, BPF_DW, R1, NOTE(flags), R7);
	insn_exit(c);
}

/* redirect_neigh(ifindex, params, plen, flags): params may be NULL, then plen is 0, or the verifier
 * refuses the call.
 */
static void write_redirect_neigh(struct insns *c, const struct subprog_env *env,
				 const struct interposed *i)
{
	size_t no_params;

	insn_mov(c, R6, R1);
	insn_mov(c, R7, R2);
	insn_mov(c, R8, R3);
	insn_mov(c, R9, R4);
	insn_call(c, i->helper);
	helper_env_write_note(c, env->env_fd, i->note);
	insn_store(c, BPF_W, R1, NOTE(ifindex), R6);
	insn_store(c, BPF_DW, R1, NOTE(flags), R9);
	no_params = insn_jump(c, BPF_JLT, R8, sizeof(struct bpf_redir_neigh));
	insn_load(c, BPF_W, R2, R7, NEIGH(nh_family));
	insn_store(c, BPF_W, R1, NOTE(family), R2);
	for (size_t at = 0; at < 16; at += 4) {
		insn_load(c, BPF_W, R2, R7, NEIGH(ipv6_nh) + at);
		insn_store(c, BPF_W, R1, NOTE(next_hop) + at, R2);
	}
	insn_land(c, no_params);
	insn_exit(c);
}

/* redirect_map(map, key, flags) */
static void write_redirect_map(struct insns *c, const struct subprog_env *env,
			       const struct interposed *i)
{
	insn_mov(c, R6, R1);
	insn_mov(c, R7, R2);
	insn_mov(c, R8, R3);
	insn_call(c, i->helper);
	helper_env_write_note(c, env->env_fd, i->note);
	insn_store(c, BPF_DW, R1, NOTE(map), R6);
	insn_store(c, BPF_W, R1, NOTE(key), R7);
	insn_store(c, BPF_DW, R1, NOTE(flags), R8);
	insn_exit(c);
}

/* clone_redirect(skb, ifindex, flags) */
static void write_clone_redirect(struct insns *c, const struct subprog_env *env,
				 const struct interposed *i)
{
	insn_mov(c, R7, R2);
	insn_mov(c, R8, R3);
	insn_call(c, i->helper);
	helper_env_write_note(c, env->env_fd, i->note);
	insn_store(c, BPF_W, R1, NOTE(ifindex), R7);
	insn_store(c, BPF_DW, R1, NOTE(flags), R8);
	insn_exit(c);
}

/* set_tunnel_key(skb, key, size, flags). What was set is read back from the kernel, which knows the
 * structure's older sizes and may have refused it.
 */
static void write_set_key(struct insns *c, const struct subprog_env *env,
			  const struct interposed *i)
{
	size_t refused;

	insn_mov(c, R6, R1);
	insn_mov(c, R7, R4);
	insn_call(c, i->helper);
	insn_mov(c, R8, R0);
	refused = insn_jump(c, BPF_JNE, R0, 0);
	insn_map_value(c, R9, env->env_fd, 0);
	insn_store_imm(c, BPF_DW, R9, ENV(in_pending), 0);
	insn_store_imm(c, BPF_W, R9, ENV(out_has_key), 1);
	insn_store_imm(c, BPF_W, R9, ENV(out_has_opt), 0);
	insn_store(c, BPF_DW, R9, ENV(out_flags), R7);
	insn_mov(c, R1, R6);
	insn_mov(c, R2, R9);
	insn_alu_imm(c, BPF_ADD, R2, ENV(out_key));
	insn_alu_imm(c, BPF_MOV, R3, sizeof(struct bpf_tunnel_key));
	insn_mov(c, R4, R7);
	insn_alu_imm(c, BPF_AND, R4, BPF_F_TUNINFO_IPV6);
	insn_call(c, BPF_FUNC_skb_get_tunnel_key);
	insn_land(c, refused);
	insn_mov(c, R0, R8);
	helper_env_write_note(c, env->env_fd, i->note);
	insn_store(c, BPF_DW, R1, NOTE(flags), R7);
	insn_exit(c);
}

/* set_tunnel_opt(skb, opt, size), read back likewise. */
static void write_set_opt(struct insns *c, const struct subprog_env *env,
			  const struct interposed *i)
{
	size_t refused;

	insn_mov(c, R6, R1);
	insn_call(c, i->helper);
	insn_mov(c, R8, R0);
	refused = insn_jump(c, BPF_JNE, R0, 0);
	insn_map_value(c, R9, env->env_fd, 0);
	insn_mov(c, R1, R6);
	insn_mov(c, R2, R9);
	insn_alu_imm(c, BPF_ADD, R2, ENV(out_opt));
	insn_alu_imm(c, BPF_MOV, R3, TUNNEL_OPT_MAX);
	insn_call(c, BPF_FUNC_skb_get_tunnel_opt);
	insn_store_imm(c, BPF_W, R9, ENV(out_has_opt), 1);
	insn_store(c, BPF_W, R9, ENV(out_opt_len), R0);
	insn_land(c, refused);
	insn_mov(c, R0, R8);
	helper_env_write_note(c, env->env_fd, i->note);
	insn_exit(c);
}

/* get_tunnel_key(skb, key, size, flags), get_tunnel_opt(skb, opt, size). What the packet came with is
 * handed to the kernel when it is first asked for; then the kernel answers, with its own rules of
 * sizes, flags and errors.
 */
static void write_get(struct insns *c, const struct subprog_env *env, const struct interposed *i)
{
	size_t nothing, no_opt, too_long;

	insn_mov(c, R6, R1);
	insn_mov(c, R7, R2);
	insn_mov(c, R8, R3);
	if (i->helper == BPF_FUNC_skb_get_tunnel_key)
		insn_mov(c, R9, R4);
	insn_map_value(c, R2, env->env_fd, 0);
	insn_load(c, BPF_DW, R3, R2, ENV(in_pending));
	nothing = insn_jump(c, BPF_JEQ, R3, 0);
	insn_store_imm(c, BPF_DW, R2, ENV(in_pending), 0);
	insn_load(c, BPF_DW, R4, R2, ENV(in_flags));
	insn_alu_imm(c, BPF_ADD, R2, ENV(in_key));
	insn_alu_imm(c, BPF_MOV, R3, sizeof(struct bpf_tunnel_key));
	insn_call(c, BPF_FUNC_skb_set_tunnel_key);
	insn_map_value(c, R2, env->env_fd, 0);
	insn_load(c, BPF_W, R3, R2, ENV(in_opt_len));
	no_opt = insn_jump(c, BPF_JLT, R3, 1);
	too_long = insn_jump(c, BPF_JGT, R3, TUNNEL_OPT_MAX);
	insn_mov(c, R1, R6);
	insn_alu_imm(c, BPF_ADD, R2, ENV(in_opt));
	insn_call(c, BPF_FUNC_skb_set_tunnel_opt);
	insn_land(c, nothing);
	insn_land(c, no_opt);
	insn_land(c, too_long);
	insn_mov(c, R1, R6);
	insn_mov(c, R2, R7);
	insn_mov(c, R3, R8);
	if (i->helper == BPF_FUNC_skb_get_tunnel_key)
		insn_mov(c, R4, R9);
	insn_call(c, i->helper);
	insn_exit(c);
}

const struct interposed interposed[N_INTERPOSED] = {
	{ BPF_FUNC_ktime_get_ns, "ktime_get_ns", true, write_clock, 0 },
	{ BPF_FUNC_ktime_get_boot_ns, "ktime_get_boot_ns", true, write_clock, 0 },
	{ BPF_FUNC_ktime_get_coarse_ns, "ktime_get_coarse_ns", true, write_clock, 0 },
	{ BPF_FUNC_ktime_get_tai_ns, "ktime_get_tai_ns", true, write_clock, 0 },
	{ BPF_FUNC_jiffies64, "jiffies64", true, write_jiffies, 0 },
	{ BPF_FUNC_get_prandom_u32, "get_prandom_u32", false, write_random, 0 },
	{ BPF_FUNC_redirect, "redirect", false, write_redirect, NOTE_REDIRECT },
	{ BPF_FUNC_redirect_peer, "redirect_peer", false, write_redirect, NOTE_REDIRECT_PEER },
	{ BPF_FUNC_redirect_neigh, "redirect_neigh", false, write_redirect_neigh,
	  NOTE_REDIRECT_NEIGH },
	{ BPF_FUNC_redirect_map, "redirect_map", false, write_redirect_map, NOTE_REDIRECT_MAP },
	{ BPF_FUNC_clone_redirect, "clone_redirect", false, write_clone_redirect,
	  NOTE_CLONE_REDIRECT },
	{ BPF_FUNC_skb_set_tunnel_key, "skb_set_tunnel_key", false, write_set_key,
	  NOTE_SET_TUNNEL_KEY },
	{ BPF_FUNC_skb_set_tunnel_opt, "skb_set_tunnel_opt", false, write_set_opt,
	  NOTE_SET_TUNNEL_OPT },
	{ BPF_FUNC_skb_get_tunnel_key, "skb_get_tunnel_key", false, write_get, 0 },
	{ BPF_FUNC_skb_get_tunnel_opt, "skb_get_tunnel_opt", false, write_get, 0 },
};
