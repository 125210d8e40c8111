/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pages shared between this process and every interposed program. */
#include "target/helper_env.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "target/helper_env_layout.h"
#include "target/insns.h"

struct known_map {
	uint64_t address;
	uint32_t id;
};

struct helper_env {
	struct arena *arena;
	int fd;
	size_t size;
	struct env_shared *shared;
	bool has_tunnel; /* the packet came with metadata */
	struct known_map *maps;
	size_t n_maps;
	struct helper_note *notes; /* ENV_NOTES of them, as helper_env_notes() last gave them */
	bool lookups; /* to be noted */
	struct helper_lookup *looked; /* ENV_LOOKUPS, likewise */
};

static int map_memory(struct helper_env *e, struct err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	e->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "verdict_env", sizeof(uint32_t),
			       sizeof(*e->shared), 1, &opts);
	if (e->fd < 0)
		return err_system(err, errno, "cannot create the map of the virtual clock");
	e->size = (sizeof(*e->shared) + page - 1) / page * page;
	e->shared = mmap(NULL, e->size, PROT_READ | PROT_WRITE, MAP_SHARED, e->fd, 0);
	if (e->shared == MAP_FAILED) {
		e->shared = NULL;
		return err_system(err, errno, "cannot map the virtual clock into memory");
	}
	return 0;
}

int helper_env_new(struct helper_env **out, struct err *err)
{
	struct arena *a = arena_new();
	struct helper_env *e = arena_new_of(a, struct helper_env);
	int ret;

	e->arena = a;
	e->notes = arena_alloc(a, ENV_NOTES * sizeof(*e->notes));
	ret = map_memory(e, err);
	if (ret) {
		helper_env_free(e);
		return ret;
	}
	*out = e;
	return 0;
}

void helper_env_set_clock(struct helper_env *e, uint64_t ns)
{
	__atomic_store_n(&e->shared->clock_ns, ns, __ATOMIC_RELEASE);
}

uint64_t helper_env_clock(const struct helper_env *e)
{
	return __atomic_load_n(&e->shared->clock_ns, __ATOMIC_ACQUIRE);
}

void helper_env_seed(struct helper_env *e, uint64_t seed)
{
	e->shared->random = seed;
}

/* What came in is given to the kernel by bpf_skb_set_tunnel_key(), and read back by the program with
 * bpf_skb_get_tunnel_key(), which takes the source for the remote end where the other takes the
 * destination (net/core/filter.c).
 */
void helper_env_set_tunnel(struct helper_env *e, const struct tunnel_meta *in)
{
	struct env_shared *s = e->shared;

	e->has_tunnel = in && in->has_key;
	s->in_pending = e->has_tunnel;
	if (!e->has_tunnel)
		return;
	s->in_key = (struct bpf_tunnel_key){
		.tunnel_id = in->id,
		.tunnel_tos = in->tos,
		.tunnel_ttl = in->ttl,
	};
	s->in_flags = in->ipv6 ? BPF_F_TUNINFO_IPV6 : 0;
	if (in->ipv6) {
		s->in_key.tunnel_label = in->label;
		memcpy(s->in_key.remote_ipv6, in->local_ip6, sizeof(in->local_ip6));
		memcpy(s->in_key.local_ipv6, in->remote_ip6, sizeof(in->remote_ip6));
	} else {
		s->in_key.remote_ipv4 = in->local_ip4;
		s->in_key.local_ipv4 = in->remote_ip4;
	}
	s->in_opt_len = in->has_opt ? in->opt_len : 0;
	memcpy(s->in_opt, in->opt, sizeof(s->in_opt));
}

void helper_env_begin(struct helper_env *e)
{
	struct env_shared *s = e->shared;

	s->n_notes = 0;
	s->n_lookups = 0;
	s->out_has_key = 0;
	s->out_has_opt = 0;
	s->in_pending = e->has_tunnel;
}

static uint32_t map_id(const struct helper_env *e, uint64_t address)
{
	for (size_t i = e->n_maps; i > 0; i--) /* the newest at an address */
		if (e->maps[i - 1].address == address)
			return e->maps[i - 1].id;
	return 0;
}

static void from_shared(const struct helper_env *e, const struct env_note *in,
			struct helper_note *out)
{
	*out = (struct helper_note){
		.kind = in->kind,
		.ifindex = in->ifindex,
		.flags = in->flags,
		.key = in->key,
		.ret = in->ret,
		.family = in->family,
	};
	if (in->kind == NOTE_TAIL_CALL)
		out->map_id = (uint32_t)in->map;
	else if (in->kind == NOTE_REDIRECT_MAP)
		out->map_id = map_id(e, in->map);
	memcpy(out->next_hop, in->next_hop, sizeof(out->next_hop));
}

const struct helper_note *helper_env_notes(const struct helper_env *e, size_t *n, size_t *lost)
{
	const struct env_shared *s = e->shared;

	*lost = s->n_notes > ENV_NOTES ? s->n_notes - ENV_NOTES : 0;
	*n = s->n_notes - *lost;
	for (size_t i = 0; i < *n; i++)
		from_shared(e, &s->notes[(*lost + i) % ENV_NOTES], &e->notes[i]);
	return e->notes;
}

void helper_env_note_lookups(struct helper_env *e)
{
	if (!e->lookups)
		e->looked = arena_alloc(e->arena, ENV_LOOKUPS * sizeof(*e->looked));
	e->lookups = true;
}

bool helper_env_notes_lookups(const struct helper_env *e)
{
	return e->lookups;
}

const struct helper_lookup *helper_env_lookups(const struct helper_env *e, size_t *n, size_t *lost)
{
	const struct env_shared *s = e->shared;

	*lost = s->n_lookups > ENV_LOOKUPS ? s->n_lookups - ENV_LOOKUPS : 0;
	*n = s->n_lookups - *lost;
	for (size_t i = 0; i < *n; i++) {
		const struct env_lookup *in = &s->lookups[(*lost + i) % ENV_LOOKUPS];
		struct helper_lookup *out = &e->looked[i];

		*out = (struct helper_lookup){
			.kind = (enum lookup_kind)in->kind,
			.map_id = map_id(e, in->map),
			.ok = in->kind == LOOKUP_FIND ? in->ret != 0 : in->ret == 0,
			.key_len = in->key_len,
		};
		memcpy(out->key, in->key, in->key_len);
	}
	return e->looked;
}

bool helper_env_tunnel(const struct helper_env *e, struct tunnel_meta *out)
{
	const struct env_shared *s = e->shared;
	const struct bpf_tunnel_key *key = &s->out_key;

	*out = (struct tunnel_meta){ .has_key = s->out_has_key, .has_opt = s->out_has_opt };
	if (!out->has_key)
		return false;
	out->id = key->tunnel_id;
	out->tos = key->tunnel_tos;
	out->ttl = key->tunnel_ttl;
	out->flags = s->out_flags;
	out->ipv6 = s->out_flags & BPF_F_TUNINFO_IPV6;
	if (out->ipv6) {
		out->label = key->tunnel_label;
		memcpy(out->remote_ip6, key->local_ipv6, sizeof(out->remote_ip6));
		memcpy(out->local_ip6, key->remote_ipv6, sizeof(out->local_ip6));
	} else {
		out->remote_ip4 = key->local_ipv4;
		out->local_ip4 = key->remote_ipv4;
	}
	if (out->has_opt) {
		out->opt_len = s->out_opt_len;
		memcpy(out->opt, s->out_opt, out->opt_len);
	}
	return true;
}

/* Stores a map's address into the environment. */
static void write_learner(struct insns *c, const struct helper_env *e, int map_fd)
{
	insn_map(c, BPF_REG_1, map_fd);
	insn_map_value(c, BPF_REG_2, e->fd, offsetof(struct env_shared, map_address));
	insn_store(c, BPF_DW, BPF_REG_2, 0, BPF_REG_1);
	insn_alu_imm(c, BPF_MOV, BPF_REG_0, 0);
	insn_exit(c);
}

static int run_learner(struct helper_env *e, int map_fd)
{
	uint8_t packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet));
	struct insns c = { .n = 0 };
	size_t n;
	const struct prog_variant *v = prog_variants(BPF_PROG_TYPE_XDP, &n);
	int fd = -EINVAL, ret;

	write_learner(&c, e, map_fd);
	for (size_t i = 0; i < n && fd < 0; i++)
		fd = insns_load(&c, "verdict_learn", BPF_PROG_TYPE_XDP, &v[i]);
	if (fd < 0)
		return fd;
	ret = bpf_prog_test_run_opts(fd, &run);
	close(fd);
	return ret;
}

static bool is_known(const struct helper_env *e, uint32_t id)
{
	for (size_t i = 0; i < e->n_maps; i++)
		if (e->maps[i].id == id)
			return true;
	return false;
}

int helper_env_learn_map(struct helper_env *e, int map_fd, struct err *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct known_map *m;
	int ret = bpf_obj_get_info_by_fd(map_fd, &info, &len);

	if (!ret && is_known(e, info.id))
		return 0;
	if (!ret)
		ret = run_learner(e, map_fd);
	if (ret)
		return err_system(err, -ret, "cannot tell redirects to map %s by its address",
				  info.name);
	e->maps = arena_grow(e->arena, e->maps, e->n_maps, sizeof(*m));
	m = &e->maps[e->n_maps++];
	*m = (struct known_map){ e->shared->map_address, info.id };
	return 0;
}

void helper_env_write_note(struct insns *c, int env_fd, uint32_t kind)
{
	insn_map_value(c, BPF_REG_1, env_fd, 0);
	insn_load(c, BPF_DW, BPF_REG_2, BPF_REG_1, offsetof(struct env_shared, n_notes));
	insn_mov(c, BPF_REG_3, BPF_REG_2);
	insn_alu_imm(c, BPF_ADD, BPF_REG_3, 1);
	insn_store(c, BPF_DW, BPF_REG_1, offsetof(struct env_shared, n_notes), BPF_REG_3);
	insn_alu_imm(c, BPF_AND, BPF_REG_2, ENV_NOTES - 1);
	insn_alu_imm(c, BPF_MUL, BPF_REG_2, sizeof(struct env_note));
	insn_alu(c, BPF_ADD, BPF_REG_1, BPF_REG_2);
	insn_alu_imm(c, BPF_ADD, BPF_REG_1, offsetof(struct env_shared, notes));
	for (size_t at = 0; at < sizeof(struct env_note); at += 8)
		insn_store_imm(c, BPF_DW, BPF_REG_1, at, 0);
	insn_store_imm(c, BPF_W, BPF_REG_1, offsetof(struct env_note, kind), (int32_t)kind);
	insn_store(c, BPF_DW, BPF_REG_1, offsetof(struct env_note, ret), BPF_REG_0);
}

/* Key bytes as wide as they can be read: the verifier wants reads of the stack aligned. */
static void copy_key(struct insns *c, uint32_t len)
{
	uint8_t size = len % 4 ? BPF_B : BPF_W;
	uint32_t step = len % 4 ? 1 : 4;

	for (uint32_t at = 0; at < len; at += step) {
		insn_load(c, size, BPF_REG_2, BPF_REG_7, at);
		insn_store(c, size, BPF_REG_1, offsetof(struct env_lookup, key) + at, BPF_REG_2);
	}
}

void helper_env_write_lookup(struct insns *c, int env_fd, enum lookup_kind kind, uint32_t key_len)
{
	insn_map_value(c, BPF_REG_1, env_fd, offsetof(struct env_shared, n_lookups));
	insn_load(c, BPF_DW, BPF_REG_2, BPF_REG_1, 0);
	insn_mov(c, BPF_REG_3, BPF_REG_2);
	insn_alu_imm(c, BPF_ADD, BPF_REG_3, 1);
	insn_store(c, BPF_DW, BPF_REG_1, 0, BPF_REG_3);
	insn_alu_imm(c, BPF_AND, BPF_REG_2, ENV_LOOKUPS - 1);
	insn_alu_imm(c, BPF_MUL, BPF_REG_2, sizeof(struct env_lookup));
	insn_alu(c, BPF_ADD, BPF_REG_1, BPF_REG_2);
	insn_alu_imm(c, BPF_ADD, BPF_REG_1,
		     offsetof(struct env_shared, lookups) - offsetof(struct env_shared, n_lookups));
	insn_store(c, BPF_DW, BPF_REG_1, offsetof(struct env_lookup, map), BPF_REG_6);
	insn_store(c, BPF_DW, BPF_REG_1, offsetof(struct env_lookup, ret), BPF_REG_0);
	insn_store_imm(c, BPF_W, BPF_REG_1, offsetof(struct env_lookup, kind), (int32_t)kind);
	insn_store_imm(c, BPF_W, BPF_REG_1, offsetof(struct env_lookup, key_len), (int32_t)key_len);
	copy_key(c, key_len);
}

int helper_env_fd(const struct helper_env *e)
{
	return e->fd;
}

void helper_env_free(struct helper_env *e)
{
	if (!e)
		return;
	if (e->shared)
		munmap(e->shared, e->size);
	if (e->fd >= 0)
		close(e->fd);
	arena_free(e->arena);
}
