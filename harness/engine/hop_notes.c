/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From numbers in the helpers' notes to names in a hop. */
#include "engine/hop_notes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/socket.h>

#include "target/maps.h"

struct noted {
	struct hop *hop;
	const struct hop_names *names;
	struct arena *a;
};

static const struct map *map_named(const struct noted *s, const char *name)
{
	return name ? s->names->map(s->names->of, name) : NULL;
}

/* A devmap's entry begins with the ifindex (struct bpf_devmap_val); the values of other maps that
 * redirect are no devices.
 */
static uint32_t ifindex_in_map(const struct noted *s, const char *name, uint32_t key)
{
	const struct map *m = map_named(s, name);
	struct bpf_devmap_val val = { 0 };

	if (!m || (m->type != BPF_MAP_TYPE_DEVMAP && m->type != BPF_MAP_TYPE_DEVMAP_HASH) ||
	    m->value_size > sizeof(val) || bpf_map_lookup_elem(m->fd, &key, &val))
		return 0;
	return val.ifindex;
}

static void take_redirect(const struct noted *s, const struct helper_note *n)
{
	struct hop *hop = s->hop;
	struct hop_redirect *to;

	hop->redirects = arena_grow(s->a, hop->redirects, hop->n_redirects, sizeof(*to));
	to = &hop->redirects[hop->n_redirects++];
	*to = (struct hop_redirect){
		.kind = (enum note_kind)n->kind,
		.ifindex = n->ifindex,
		.flags = n->flags,
		.key = n->key,
		.ret = n->ret,
	};
	if (n->kind == NOTE_REDIRECT_MAP) {
		to->map = arena_strdup(s->a, s->names->map_name(s->names->of, n->map_id));
		to->ifindex = ifindex_in_map(s, to->map, n->key);
	}
	if (n->family) {
		to->has_next_hop = true;
		to->next_hop.family = n->family == AF_INET6 ? 6 : 4;
		memcpy(to->next_hop.bytes, n->next_hop, sizeof(to->next_hop.bytes));
	}
	if (to->ifindex)
		to->device = arena_strdup(s->a, s->names->device(s->names->of, to->ifindex));
}

static void take_tail_call(const struct noted *s, const struct helper_note *n)
{
	const struct hop_names *names = s->names;
	struct hop *hop = s->hop;

	hop->tail_calls =
		arena_grow(s->a, hop->tail_calls, hop->n_tail_calls, sizeof(*hop->tail_calls));
	hop->tail_calls[hop->n_tail_calls++] = (struct hop_tail_call){
		.map = arena_strdup(s->a, names->map_name(names->of, n->map_id)),
		.index = n->key,
		.program = arena_strdup(s->a, names->slot_program(names->of, n->map_id, n->key)),
	};
}

bool hop_take_notes(struct hop *hop, const struct helper_env *env, const struct hop_names *names,
		    struct arena *a)
{
	struct noted s = { hop, names, a };
	const struct helper_note *notes;
	struct tunnel_meta tunnel;
	bool whole = true;
	size_t n, lost;

	if (!env)
		return true;
	notes = helper_env_notes(env, &n, &lost);
	for (size_t i = 0; i < n; i++) {
		switch ((enum note_kind)notes[i].kind) {
		case NOTE_TAIL_CALL:
			take_tail_call(&s, &notes[i]);
			whole = whole && notes[i].ret != -ELOOP;
			break;
		case NOTE_SET_TUNNEL_KEY:
		case NOTE_SET_TUNNEL_OPT:
			break;
		default:
			take_redirect(&s, &notes[i]);
		}
	}
	if (helper_env_tunnel(env, &tunnel))
		hop->tunnel = arena_memdup(a, &tunnel, sizeof(tunnel));
	hop->observed = hop->observed && !lost;
	return whole;
}

/* Notes that programs make for themselves, and counters, are no answers to anything. */
static bool is_asked(const struct map *m)
{
	return m->type != BPF_MAP_TYPE_PERCPU_ARRAY && m->type != BPF_MAP_TYPE_PERCPU_HASH &&
	       m->type != BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

/* As it is now: what the program changed in it since is seen, too. */
static struct value *entry_now(const struct noted *s, const struct map *m, const void *key)
{
	uint8_t *value = arena_alloc(s->a, m->value_size);

	if (bpf_map_lookup_elem(m->fd, key, value))
		return NULL;
	return map_value_value(s->a, m, value);
}

static void take_lookup(const struct noted *s, const struct helper_lookup *l)
{
	const char *name = s->names->map_name(s->names->of, l->map_id);
	const struct map *m = map_named(s, name);
	struct hop *hop = s->hop;
	struct hop_lookup *to;

	if (!m || l->key_len < m->key_size || !is_asked(m))
		return;
	hop->lookups = arena_grow(s->a, hop->lookups, hop->n_lookups, sizeof(*to));
	to = &hop->lookups[hop->n_lookups++];
	*to = (struct hop_lookup){
		.kind = l->kind,
		.map = arena_strdup(s->a, name),
		.key = map_key_value(s->a, m, l->key),
		.found = l->ok,
	};
	if (l->ok && l->kind != LOOKUP_DELETE)
		to->value = entry_now(s, m, l->key);
}

void hop_take_lookups(struct hop *hop, const struct helper_env *env, const struct hop_names *names,
		      struct arena *a)
{
	struct noted s = { hop, names, a };
	const struct helper_lookup *all;
	size_t n, lost;

	if (!env || !helper_env_notes_lookups(env))
		return;
	all = helper_env_lookups(env, &n, &lost);
	for (size_t i = 0; i < n; i++)
		take_lookup(&s, &all[i]);
}
