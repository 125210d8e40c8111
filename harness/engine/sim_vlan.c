// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* VLAN tags as tc programs meet them: before tc ingress the kernel takes the outer one from the bytes to
 * skb->vlan_tci (skb_vlan_untag()), and a device puts it back when it sends. BPF_PROG_TEST_RUN has no word for it in
 * its context, so a small program calls bpf_skb_vlan_push() and then the one that is to be run.
 *
 * What is not seen is a program that takes the tag off (bpf_skb_vlan_pop()), and the tag is lost where an endpoint's
 * program is loaded while the packet waits before it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/sim_internal.h"
#include "packet/bytes.h"

#define TAG_AT	   12
#define TAG_LEN	   4
#define VLAN_ID	   0x0fff
#define NOT_CALLED 0x766c /* no verdict */

struct sim_tagger {
	int slots, prog;
};

#define CB(n) offsetof(struct __sk_buff, cb[n])
#define INSN(c, d, s, o, i)                                                                        \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (short)(o), .imm = (i)         \
	}

/* The tag's EtherType is in cb[0], its rest in cb[1]; both are empty afterwards. */
static int load(int slots)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 6, CB(0), 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 6, CB(1), 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0),
		INSN(BPF_STX | BPF_MEM | BPF_W, 6, 4, CB(0), 0),
		INSN(BPF_STX | BPF_MEM | BPF_W, 6, 4, CB(1), 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_vlan_push),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 2, BPF_PSEUDO_MAP_FD, 0, slots),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, NOT_CALLED),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tagger", "GPL", insns,
			     sizeof(insns) / sizeof(*insns), NULL);
}

void sim_free_tagger(struct sim *s)
{
	if (!s->tagger)
		return;
	fd_cleanup(&s->tagger->slots);
	fd_cleanup(&s->tagger->prog);
	free(s->tagger);
	s->tagger = NULL;
}

static struct sim_tagger *tagger_of(struct sim *s, struct err *err)
{
	struct sim_tagger *t = s->tagger;

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t) {
		err_system(err, ENOMEM, "a program for VLAN tags");
		return NULL;
	}
	t->prog = -1;
	s->tagger = t;
	t->slots = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "tagged", 4, 4, 1, NULL);
	if (t->slots >= 0)
		t->prog = load(t->slots);
	if (t->prog >= 0)
		return t;
	err_system(err, t->slots < 0 ? -t->slots : -t->prog, "loading a program for VLAN tags");
	sim_free_tagger(s);
	return NULL;
}

static bool is_tagged(const struct frame *f)
{
	uint16_t type = f->len < TAG_AT + TAG_LEN ? 0 : get_be16(f->data + TAG_AT);

	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

static int run_without(const struct sim_tagger *t, struct prog_run *r, const struct frame *whole,
		       const char **why, struct err *err)
{
	int fd = r->fd;
	uint32_t slot = 0;
	uint16_t type;

	if (bpf_map_update_elem(t->slots, &slot, &fd, BPF_ANY))
		return err_system(err, errno, "a program for VLAN tags cannot call another");
	memcpy(&type, whole->data + TAG_AT, sizeof(type));
	r->fd = t->prog;
	r->cb[0] = type;
	r->cb[1] = get_be16(whole->data + TAG_AT + 2);
	return prog_run(r, why, err);
}

/* Between the addresses and the EtherType that the program left. */
static void put_tag_back(struct prog_run *r, const struct frame *whole)
{
	if (!r->out || r->out_len < TAG_AT || r->out_len + TAG_LEN > r->out_size)
		return;
	memmove(r->out + TAG_AT + TAG_LEN, r->out + TAG_AT, r->out_len - TAG_AT);
	memcpy(r->out + TAG_AT, whole->data + TAG_AT, TAG_LEN);
	r->out_len += TAG_LEN;
}

int sim_run_tagged(struct sim *s, struct prog_run *r, const struct frame *whole, const char **why,
		   struct err *err)
{
	const struct sim_tagger *t;
	uint8_t *bare;
	int ret;

	if (!is_tagged(whole))
		return prog_run(r, why, err);
	t = tagger_of(s, err);
	if (!t)
		return -err->no;
	bare = malloc(whole->len);
	if (!bare)
		return err_system(err, ENOMEM, "a packet of %u bytes", whole->len);
	memcpy(bare, whole->data, TAG_AT);
	memcpy(bare + TAG_AT, whole->data + TAG_AT + TAG_LEN, whole->len - TAG_AT - TAG_LEN);
	r->data = bare;
	r->len = whole->len - TAG_LEN;
	ret = run_without(t, r, whole, why, err);
	free(bare);
	if (!ret && r->verdict == NOT_CALLED)
		return err_system(err, EINVAL, "a program for VLAN tags could not call another");
	if (!ret)
		put_tag_back(r, whole);
	return ret;
}

void sim_drop_priority_tags(struct walk *w)
{
	while (is_tagged(&w->frame) && !(get_be16(w->frame.data + TAG_AT + 2) & VLAN_ID)) {
		struct frame f = w->frame;

		f.data = arena_memdup(w->a, w->frame.data, w->frame.len);
		memmove(f.data + TAG_AT, f.data + TAG_AT + TAG_LEN, f.len - TAG_AT - TAG_LEN);
		f.len -= TAG_LEN;
		f.wire_len = f.len;
		w->frame = f;
	}
}

void sim_put_priority_tag(struct walk *w)
{
	/* TPID of a VLAN's tag, priority 5 of no VLAN */
	static const uint8_t tag[TAG_LEN] = { 0x81, 0x00, 0xa0, 0x00 };
	struct frame f = w->frame;

	if (!w->shape.is_tagged || f.len < ETH_HLEN || is_tagged(&f))
		return;
	f.len += sizeof(tag);
	f.wire_len = f.len;
	f.data = arena_alloc(w->a, f.len);
	memcpy(f.data, w->frame.data, TAG_AT);
	memcpy(f.data + TAG_AT, tag, sizeof(tag));
	memcpy(f.data + TAG_AT + sizeof(tag), w->frame.data + TAG_AT, w->frame.len - TAG_AT);
	w->frame = f;
}
