/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An object's load with its helper calls replaced: program by program where the verifier refuses that. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "target/helper_env_layout.h"
#include "target/object_internal.h"

/* libbpf's own error numbers begin here (enum libbpf_errno, libbpf_legacy.h). */
#define NOT_ERRNO 4000

/* What was refused since the process started: to try it again would only cost the verifier's time. */
struct remembered {
	struct remembered *next;
	char sha256[65]; /* of the object */
	struct refusal is; /* strings are ours */
};

static struct remembered *memory;

static void remember(const struct object *o, const struct refusal *r)
{
	struct remembered *m = calloc(1, sizeof(*m));

	if (!m)
		return;
	memcpy(m->sha256, o->image->sha256, sizeof(m->sha256));
	m->is = (struct refusal){ strdup(r->program), strdup(r->why), r->asks_time };
	m->next = memory;
	memory = m;
}

static void add_refusal(struct object *o, const struct refusal *r)
{
	o->refusals = arena_grow(o->arena, o->refusals, o->n_refusals, sizeof(*r));
	o->refusals[o->n_refusals++] = *r;
}

static const struct refusal *refusal_of(const struct object *o, const char *program)
{
	for (size_t i = 0; i < o->n_refusals; i++)
		if (strcmp(o->refusals[i].program, program) == 0)
			return &o->refusals[i];
	return NULL;
}

static void recall(struct object *o)
{
	for (const struct remembered *m = memory; m; m = m->next)
		if (strcmp(m->sha256, o->image->sha256) == 0 && !refusal_of(o, m->is.program))
			add_refusal(o, &m->is);
}

static int start_interposer(struct object *o, struct err *err)
{
	struct interpose_opts opts = {
		.env = o->opts.env,
		.n_shipped = o->n_refusals,
		.real_time = object_pristine(o),
	};
	const char **names = arena_alloc(o->arena, (o->n_refusals + 1) * sizeof(*names));

	for (size_t i = 0; i < o->n_refusals; i++)
		names[i] = o->refusals[i].program;
	opts.shipped = names;
	return interpose_new(o->image, &opts, &o->interposer, err);
}

int object_open_interposed(struct object *o, struct err *err)
{
	int ret = 0;

	if (o->opts.env) {
		recall(o);
		ret = start_interposer(o, err);
	}
	return ret ? ret : object_open_image(o, &o->bpf, err);
}

/* 1: a program was refused that may do as shipped; it is among the refusals then. */
static int load_once(struct object *o, struct err *err)
{
	__cleanup_buf struct buf log = BUF_INIT;
	struct refusal r;
	int ret;

	libbpf_log_begin(&log);
	ret = bpf_object__load(o->bpf);
	libbpf_log_end();
	if (o->interposer)
		interpose_done(o->interposer);
	if (!ret)
		return 0;
	if (o->interposer && refusal_from_load_log(buf_str(&log), o->arena, &r.program, &r.why) &&
	    interpose_calls(o->interposer, r.program) && !refusal_of(o, r.program)) {
		r.asks_time = interpose_asks_time(o->interposer, r.program);
		add_refusal(o, &r);
		object_log(o,
			   "debug msg=\"Program is refused with its helper calls replaced, loading "
			   "again with it as shipped\" object=%s program=%s",
			   o->path, r.program);
		return 1;
	}
	return err_from_load_log(err, -ret < NOT_ERRNO ? -ret : 0, o->path, buf_str(&log));
}

/* Anew, with what is known by now; its pinned maps are there and fit. */
static int reopen(struct object *o, struct err *err)
{
	bpf_object__close(o->bpf);
	o->bpf = NULL;
	interpose_free(o->interposer);
	o->interposer = NULL;
	return object_open_configured(o, err);
}

/* Programs whose load cannot be got at, as those attached by BTF. */
static void add_missed(struct object *o)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, o->bpf)
	{
		if (interpose_missed(o->interposer, p))
			add_refusal(o,
				    &(struct refusal){
					    .program = arena_strdup(o->arena, bpf_program__name(p)),
					    .why = arena_printf(
						    o->arena,
						    "programs of type %s cannot be interposed",
						    libbpf_bpf_prog_type_str(bpf_program__type(p))),
				    });
	}
}

static void tell_refusals(struct object *o)
{
	o->pristine = arena_alloc(o->arena, (o->n_refusals + 1) * sizeof(*o->pristine));
	for (size_t i = 0; i < o->n_refusals; i++) {
		const struct refusal *r = &o->refusals[i];

		o->pristine[i] = arena_printf(o->arena, "%s (%s)", r->program, r->why);
		object_log(o,
			   "warning msg=\"Program does not load with its helper calls replaced and "
			   "runs as shipped%s\" object=%s program=%s error=\"%s\"",
			   r->asks_time ? ": time is real for its object" : "", o->path, r->program,
			   r->why);
	}
}

static void count_interposed(struct object *o)
{
	__cleanup_buf struct buf what = BUF_INIT;

	o->interposed = interpose_count(o->interposer);
	interpose_describe(o->interposer, &what);
	if (what.len)
		object_log(o, "debug msg=\"Replaced helper calls\" object=%s calls=\"%s\"", o->path,
			   buf_str(&what));
}

static bool program_uses(int prog_fd, uint32_t map_id)
{
	uint32_t ids[256], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 256, .map_ids = (uint64_t)(uintptr_t)ids };

	if (prog_fd < 0 || bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 256; i++)
		if (ids[i] == map_id)
			return true;
	return false;
}

/* Those of which keys and entries are worth telling. */
static bool is_lookup_map(const struct bpf_map *m)
{
	switch (bpf_map__type(m)) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LPM_TRIE:
	case BPF_MAP_TYPE_HASH_OF_MAPS:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return bpf_map__fd(m) >= 0 && !bpf_map__is_internal(m);
	default:
		return false;
	}
}

/* The first program to use a map of programs fixes what kinds may (bpf_prog_map_compatible in
 * kernel/bpf/core.c): one that no program here uses is left alone.
 */
static bool is_redirect_map(const struct object *o, const struct bpf_map *m)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	struct bpf_program *prog;

	switch (bpf_map__type(m)) {
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_DEVMAP_HASH:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
		break;
	default:
		return false;
	}
	if (bpf_obj_get_info_by_fd(bpf_map__fd(m), &info, &len))
		return false;
	bpf_object__for_each_program(prog, o->bpf)
	{
		if (program_uses(bpf_program__fd(prog), info.id))
			return true;
	}
	return false;
}

static int learn_maps(const struct object *o, struct err *err)
{
	bool redirects = interpose_count_of(o->interposer, BPF_FUNC_redirect_map);
	bool lookups = helper_env_notes_lookups(o->opts.env);
	const struct bpf_map *m;
	int ret = 0;

	bpf_object__for_each_map(m, o->bpf)
	{
		if (!ret && ((redirects && is_redirect_map(o, m)) || (lookups && is_lookup_map(m))))
			ret = helper_env_learn_map(o->opts.env, bpf_map__fd(m), err);
	}
	return ret ? err_wrap(err, "%s", o->path) : 0;
}

int object_load_interposed(struct object *o, struct err *err)
{
	size_t recalled = o->n_refusals;
	int ret;

	while ((ret = load_once(o, err)) == 1) {
		ret = reopen(o, err);
		if (ret)
			break;
	}
	if (ret || !o->interposer)
		return ret;
	/* only what really loads as shipped was refused for its replaced calls */
	for (size_t i = recalled; i < o->n_refusals; i++)
		remember(o, &o->refusals[i]);
	add_missed(o);
	tell_refusals(o);
	count_interposed(o);
	return learn_maps(o, err);
}

unsigned object_interposed(const struct object *o)
{
	return o->interposed;
}

unsigned object_interposed_of(const struct object *o, int helper)
{
	return o->interposer ? interpose_count_of(o->interposer, helper) : 0;
}

bool object_program_interposed(const struct object *o, const char *program)
{
	return o->interposer && interpose_holds(o->interposer, program);
}

const char *const *object_pristine_programs(const struct object *o, size_t *n)
{
	*n = o->n_refusals;
	return o->pristine;
}

bool object_pristine(const struct object *o)
{
	for (size_t i = 0; i < o->n_refusals; i++)
		if (o->refusals[i].asks_time)
			return true;
	return false;
}
