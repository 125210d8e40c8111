/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* figures_load() of each object that the way touches. */
#include "cmd/bench_figures.h"

#include <string.h>

#include "base/ns.h"
#include "scenario/yaml.h"
#include "target/figures.h"

#define PREFIX "__config_"

struct loaded {
	const char *object, *key;
	struct figures *list;
	size_t n;
};

struct bench_figures {
	struct arena *arena;
	struct loaded *loads;
	size_t n;
	unsigned number; /* no two of them share maps */
};

struct bench_figures *bench_figures_new(struct arena *a)
{
	struct bench_figures *f = arena_new_of(a, struct bench_figures);
	static unsigned made;

	f->arena = a;
	f->number = made++;
	return f;
}

int bench_settings(struct arena *a, const char *text, struct setting **out, size_t *n,
		   struct err *err)
{
	struct value **docs;
	size_t n_docs;

	*n = 0;
	if (!*text)
		return 0;
	text = arena_printf(a, "{%s}", text);
	if (yaml_parse(a, text, strlen(text), "the benchmark", &docs, &n_docs, err))
		return -err->no;
	*n = docs[0]->n;
	*out = arena_alloc(a, *n * sizeof(**out));
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = (struct setting){ .name = docs[0]->keys[i]->text,
					      .value = docs[0]->items[i] };
	return 0;
}

static bool has_constant(const struct elf_image *image, const char *name)
{
	for (size_t i = 0; i < image->n_variables; i++) {
		const char *is = image->variables[i].name;

		if (!strncmp(is, PREFIX, strlen(PREFIX)) && !strcmp(is + strlen(PREFIX), name))
			return true;
	}
	return false;
}

void bench_load_constant(struct object_opts *opts, struct config_value *room,
			 const struct elf_image *image, const char *name, const struct value *value)
{
	if (has_constant(image, name))
		room[opts->n_config++] = (struct config_value){ name, value };
	opts->config = room;
}

bool bench_is_image(const struct elf_image *image, const char *object)
{
	const char *slash = strrchr(image->path, '/');

	return strcmp(slash ? slash + 1 : image->path, object) == 0;
}

static int loaded_of(struct bench_figures *f, const struct bench_load *how, const char *object,
		     const struct loaded **out, struct err *err)
{
	struct object_opts opts = { 0 };
	struct loaded *l;
	int ret;

	for (size_t i = 0; i < f->n; i++) {
		*out = &f->loads[i];
		if (!strcmp((*out)->object, object) && !strcmp((*out)->key, how->key))
			return 0;
	}
	ret = how->options(how->arg, f->arena, object, &opts, err);
	if (ret)
		return ret;
	f->loads = arena_grow(f->arena, f->loads, f->n, sizeof(*f->loads));
	l = &f->loads[f->n];
	*l = (struct loaded){ .object = arena_strdup(f->arena, object),
			      .key = arena_strdup(f->arena, how->key) };
	/* objects may differ in what they ask of a map */
	opts.pin_dir = arena_printf(f->arena, "%s/figures-%u-%zu", SANDBOX_BPFFS, f->number, f->n);
	if (opts.path)
		ret = figures_load(f->arena, &opts, &l->list, &l->n, err);
	if (ret)
		return ret;
	f->n++;
	*out = l;
	return 0;
}

static const struct figures *find(const struct loaded *l, const char *program)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->list[i].program, program))
			return &l->list[i];
	return NULL;
}

/* A tail call leads to a program of the same object, or of the one that pods' policies are in. */
static int figures_of(struct bench_figures *f, const struct bench_load *how, const char **object,
		      const char *program, const struct figures **out, struct err *err)
{
	const char *const places[] = { *object, "bpf_lxc.o", "bpf_host.o" };

	*out = NULL;
	for (size_t i = 0; i < 3 && !*out; i++) {
		const struct loaded *l = NULL;
		int ret = loaded_of(f, how, places[i], &l, err);

		if (ret)
			return ret;
		*out = find(l, program);
		if (*out)
			*object = places[i];
	}
	return *out ? 0 : err_system(err, 0, "no figures of program %s", program);
}

int bench_figures_of_way(struct bench_figures *f, const struct bench_load *how, const char *object,
			 const struct hop *hop, struct bench_way *way, struct err *err)
{
	const char *program = hop->program;

	*way = (struct bench_way){ 0 };
	for (size_t i = 0; program; i++) {
		const struct figures *is;
		int ret = figures_of(f, how, &object, program, &is, err);

		if (ret)
			return ret;
		way->programs++;
		way->instructions += is->processed;
		if (is->stack_depth > way->stack)
			way->stack = is->stack_depth;
		program = i < hop->n_tail_calls ? hop->tail_calls[i].program : NULL;
	}
	return 0;
}

bool bench_figures_of_object(const struct bench_figures *f, size_t nth, const char **object,
			     const char **key, struct bench_way *way)
{
	const struct loaded *l = nth < f->n ? &f->loads[nth] : NULL;

	*way = (struct bench_way){ 0 };
	if (!l)
		return false;
	*object = l->object;
	*key = l->key;
	for (size_t i = 0; i < l->n; i++) {
		if (!l->list[i].is_loaded)
			continue;
		way->programs++;
		way->instructions += l->list[i].processed;
		if (l->list[i].stack_depth > way->stack)
			way->stack = l->list[i].stack_depth;
	}
	return true;
}
