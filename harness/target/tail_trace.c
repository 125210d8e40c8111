/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small programs in front of those that are tail-called. */
#include "target/tail_trace.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "target/helper_env_layout.h"
#include "target/insns.h"

/* A slot whose program was moved to the shadow. */
struct traced {
	uint32_t slot;
	uint32_t id; /* of the small program in its place */
	int real; /* the program's descriptor */
};

struct traced_array {
	int given; /* the caller's descriptor */
	int fd, shadow; /* ours both; shadow -1: none yet */
	uint32_t id, max_entries;
	unsigned type; /* of the programs, once the first is known */
	const struct prog_variant *variant;
	struct traced *slots;
	size_t n_slots;
};

struct tail_trace {
	struct arena *arena;
	int env_fd;
	struct traced_array *arrays;
	size_t n_arrays;
	size_t n_untraced;
	const char *why; /* of the first untraced one */
};

/* What the program of a slot is replaced by. */
static int load_tracer(const struct tail_trace *t, const struct traced_array *a,
		       const struct prog_variant *v, uint32_t slot)
{
	struct insns c = { .n = 0 };

	insn_mov(&c, BPF_REG_6, BPF_REG_1);
	insn_alu_imm(&c, BPF_MOV, BPF_REG_0, 0);
	helper_env_write_note(&c, t->env_fd, NOTE_TAIL_CALL);
	insn_mov(&c, BPF_REG_7, BPF_REG_1);
	insn_imm64(&c, BPF_REG_2, a->id);
	insn_store(&c, BPF_DW, BPF_REG_7, offsetof(struct env_note, map), BPF_REG_2);
	insn_alu_imm(&c, BPF_MOV, BPF_REG_3, (int32_t)slot);
	insn_store(&c, BPF_W, BPF_REG_7, offsetof(struct env_note, key), BPF_REG_3);
	insn_mov(&c, BPF_REG_1, BPF_REG_6);
	insn_map(&c, BPF_REG_2, a->shadow);
	insn_call(&c, BPF_FUNC_tail_call);
	/* the slot is filled: the limit was reached */
	insn_store_imm(&c, BPF_DW, BPF_REG_7, offsetof(struct env_note, ret), -ELOOP);
	insn_alu_imm(&c, BPF_MOV, BPF_REG_0, a->type == BPF_PROG_TYPE_XDP ? 0 : TC_ACT_SHOT);
	insn_exit(&c);
	return insns_load(&c, "verdict_tail", a->type, v);
}

static uint32_t program_id(int fd, unsigned *type)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return 0;
	if (type)
		*type = info.type;
	return info.id;
}

/* First the shadow, so that the slot never leads nowhere. */
static int put_both(struct tail_trace *t, struct traced_array *a, const struct prog_variant *v,
		    uint32_t slot, int real)
{
	struct traced is = { .slot = slot, .real = real };
	__cleanup_fd int tracer = load_tracer(t, a, v, slot);

	if (tracer < 0)
		return tracer;
	is.id = program_id(tracer, NULL);
	if (bpf_map_update_elem(a->shadow, &slot, &real, BPF_ANY) ||
	    bpf_map_update_elem(a->fd, &slot, &tracer, BPF_ANY))
		return -errno;
	a->slots = arena_grow(t->arena, a->slots, a->n_slots, sizeof(is));
	a->slots[a->n_slots++] = is;
	return 0;
}

/* The first program to use the shadow fixes what kinds may: each try needs a new one. */
static int try_variant(struct tail_trace *t, struct traced_array *a, const struct prog_variant *v,
		       uint32_t slot, int real)
{
	int ret;

	a->shadow = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "verdict_shadow", sizeof(uint32_t),
				   sizeof(uint32_t), a->max_entries, NULL);
	if (a->shadow < 0)
		return -errno;
	ret = put_both(t, a, v, slot, real);
	if (ret) {
		close(a->shadow);
		a->shadow = -1;
	} else {
		a->variant = v;
	}
	return ret;
}

static int trace_first(struct tail_trace *t, struct traced_array *a, uint32_t slot, int real)
{
	size_t n;
	const struct prog_variant *v = prog_variants(a->type, &n);
	int ret = -EOPNOTSUPP;

	for (size_t i = 0; i < n; i++) {
		ret = try_variant(t, a, &v[i], slot, real);
		if (ret != -EINVAL)
			break;
	}
	return ret;
}

static void leave_untraced(struct tail_trace *t, uint32_t map_id, uint32_t slot, int ret)
{
	if (!t->n_untraced++)
		t->why = ret == -EOPNOTSUPP
				 ? arena_printf(t->arena,
						"slot %u of prog array %u: neither a tc nor an XDP "
						"program",
						slot, map_id)
				 : arena_printf(t->arena, "slot %u of prog array %u: %s", slot,
						map_id, strerror(-ret));
}

static void trace_slot(struct tail_trace *t, struct traced_array *a, uint32_t slot,
		       uint32_t prog_id)
{
	int real = bpf_prog_get_fd_by_id(prog_id), ret = real < 0 ? -errno : 0;

	if (!ret && a->variant) {
		ret = put_both(t, a, a->variant, slot, real);
	} else if (!ret) {
		program_id(real, &a->type);
		ret = trace_first(t, a, slot, real);
	}
	if (!ret)
		return;
	if (real >= 0)
		close(real);
	leave_untraced(t, a->id, slot, ret);
}

static int add_array(struct tail_trace *t, int fd, struct err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct traced_array a = { .given = fd, .shadow = -1 };

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return err_system(err, errno, "cannot trace the tail calls of a prog array");
	a.id = info.id;
	a.max_entries = info.max_entries;
	a.fd = dup(fd);
	if (a.fd < 0)
		return err_system(err, errno, "cannot trace the tail calls of %s", info.name);
	t->arrays = arena_grow(t->arena, t->arrays, t->n_arrays, sizeof(a));
	t->arrays[t->n_arrays++] = a;
	return 0;
}

static struct traced_array *find_array(const struct tail_trace *t, int fd)
{
	for (size_t i = 0; i < t->n_arrays; i++)
		if (t->arrays[i].given == fd)
			return &t->arrays[i];
	return NULL;
}

static bool is_named_before(const struct tail_place *places, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (places[j].array == places[i].array && places[j].slot == places[i].slot)
			return true;
	return false;
}

static int trace_place(struct tail_trace *t, const struct tail_place *place, struct err *err)
{
	struct traced_array *a = find_array(t, place->array);
	uint32_t prog_id;
	int ret = 0;

	if (bpf_map_lookup_elem(place->array, &place->slot, &prog_id))
		return 0;
	if (!a)
		ret = add_array(t, place->array, err);
	if (!ret)
		trace_slot(t, find_array(t, place->array), place->slot, prog_id);
	return ret;
}

int tail_trace_install(struct helper_env *env, const struct tail_place *places, size_t n,
		       struct tail_trace **out, struct err *err)
{
	struct arena *arena = arena_new();
	struct tail_trace *t = arena_new_of(arena, struct tail_trace);
	struct err ignored = { 0 };
	int ret = 0;

	t->arena = arena;
	t->env_fd = helper_env_fd(env);
	for (size_t i = 0; i < n && !ret; i++)
		if (!is_named_before(places, i))
			ret = trace_place(t, &places[i], err);
	if (ret) {
		tail_trace_remove(t, &ignored);
		return ret;
	}
	*out = t;
	return 0;
}

size_t tail_trace_slots(const struct tail_trace *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_arrays; i++)
		n += t->arrays[i].n_slots;
	return n;
}

size_t tail_trace_untraced(const struct tail_trace *t, const char **why)
{
	*why = t->why;
	return t->n_untraced;
}

static int restore(const struct traced_array *a, const struct traced *s, struct err *err)
{
	uint32_t now = 0;
	int ret = 0;

	if (!bpf_map_lookup_elem(a->fd, &s->slot, &now) && now == s->id &&
	    bpf_map_update_elem(a->fd, &s->slot, &s->real, BPF_ANY))
		ret = err_system(err, errno, "cannot put the program of slot %u back into %u",
				 s->slot, a->id);
	close(s->real);
	return ret;
}

int tail_trace_remove(struct tail_trace *t, struct err *err)
{
	int ret = 0;

	if (!t)
		return 0;
	for (size_t i = 0; i < t->n_arrays; i++) {
		struct traced_array *a = &t->arrays[i];

		for (size_t s = 0; s < a->n_slots; s++)
			ret = restore(a, &a->slots[s], err) ?: ret;
		close(a->fd);
		fd_cleanup(&a->shadow);
	}
	arena_free(t->arena);
	return ret;
}
