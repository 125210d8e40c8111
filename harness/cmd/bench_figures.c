/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* figures_load() of each object that the way touches. */
#include "cmd/bench_figures.h"

#include <string.h>

#include "base/ns.h"
#include "scenario/yaml.h"
#include "target/figures.h"
#include "target/object.h"

#define PREFIX "__config_"

struct loaded {
	const char *object, *config; /* config "": as the object says */
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

static void add(struct arena *a, struct object_opts *opts, const struct elf_image *image,
		const struct setting *list, size_t n)
{
	struct config_value *config = arena_alloc(a, (opts->n_config + n) * sizeof(*config));

	for (size_t i = 0; i < opts->n_config; i++)
		config[i] = opts->config[i];
	opts->config = config;
	for (size_t i = 0; i < n; i++)
		if (has_constant(image, list[i].name))
			config[opts->n_config++] =
				(struct config_value){ list[i].name, list[i].value };
}

static const struct elf_image *image_of(const struct target *t, const char *object)
{
	for (size_t i = 0; i < target_n_images(t); i++) {
		const struct elf_image *image = target_image(t, i);
		const char *slash = strrchr(image->path, '/');

		if (!strcmp(slash ? slash + 1 : image->path, object))
			return image;
	}
	return NULL;
}

/* Devices differ in addresses alone: the first one that has settings stands for all. */
static int load(struct bench_figures *f, const struct target_desc *desc, const char *config,
		const struct elf_image *image, struct loaded *to, struct err *err)
{
	struct object_opts opts = { .path = image->path,
				    /* objects may differ in what they ask of a map */
				    .pin_dir = arena_printf(f->arena, "%s/figures-%u-%zu",
							    SANDBOX_BPFFS, f->number, f->n) };
	const struct desc_object *of_object;
	struct setting *over = NULL;
	size_t n = 0;
	int ret = bench_settings(f->arena, config, &over, &n, err);

	if (ret)
		return ret;
	add(f->arena, &opts, image, desc->config.list, desc->config.n);
	of_object = target_desc_object(desc, to->object);
	if (of_object)
		add(f->arena, &opts, image, of_object->config.list, of_object->config.n);
	for (size_t i = 0; i < desc->n_devices; i++) {
		const struct settings *own = &desc->devices[i].config;

		if (own->n && !strncmp(to->object, "bpf_lxc", 7)) {
			add(f->arena, &opts, image, own->list, own->n);
			break;
		}
	}
	add(f->arena, &opts, image, over, n);
	return figures_load(f->arena, &opts, &to->list, &to->n, err);
}

static int loaded_of(struct bench_figures *f, const struct target *t,
		     const struct target_desc *desc, const char *config, const char *object,
		     const struct loaded **out, struct err *err)
{
	const struct elf_image *image = image_of(t, object);
	int ret;

	for (size_t i = 0; i < f->n; i++) {
		*out = &f->loads[i];
		if (!strcmp((*out)->object, object) && !strcmp((*out)->config, config))
			return 0;
	}
	if (!image)
		return err_system(err, 0, "no object %s", object);
	f->loads = arena_grow(f->arena, f->loads, f->n, sizeof(*f->loads));
	f->loads[f->n] = (struct loaded){ .object = arena_strdup(f->arena, object),
					  .config = arena_strdup(f->arena, config) };
	ret = load(f, desc, config, image, &f->loads[f->n], err);
	if (!ret)
		*out = &f->loads[f->n++];
	return ret;
}

static const struct figures *find(const struct loaded *l, const char *program)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->list[i].program, program))
			return &l->list[i];
	return NULL;
}

/* A tail call leads to a program of the same object, or of the one that pods' policies are in. */
static int figures_of(struct bench_figures *f, const struct target *t,
		      const struct target_desc *desc, const char *config, const char **object,
		      const char *program, const struct figures **out, struct err *err)
{
	const char *const places[] = { *object, "bpf_lxc.o", "bpf_host.o" };

	*out = NULL;
	for (size_t i = 0; i < 3 && !*out; i++) {
		const struct loaded *l = NULL;
		int ret = loaded_of(f, t, desc, config, places[i], &l, err);

		if (ret)
			return ret;
		*out = l ? find(l, program) : NULL;
		if (*out)
			*object = places[i];
	}
	return *out ? 0 : err_system(err, 0, "no figures of program %s", program);
}

int bench_figures_of_way(struct bench_figures *f, const struct target *t,
			 const struct target_desc *desc, const char *config,
			 const struct target_program *entry, const struct hop *hop,
			 struct bench_way *way, struct err *err)
{
	const char *object = entry->object, *program = entry->name;

	*way = (struct bench_way){ 0 };
	for (size_t i = 0; program; i++) {
		const struct figures *is;
		int ret = figures_of(f, t, desc, config, &object, program, &is, err);

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
