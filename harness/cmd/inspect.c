/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict inspect`: what an object holds, and what the verifier says of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ns.h"
#include "base/words.h"
#include "cmd/cmd.h"
#include "cmd/inspect.h"
#include "scenario/object_path.h"

#define PINS	  SANDBOX_BPFFS "/inspect"
#define MAX_TYPES 64

struct options {
	bool json, no_load;
	const char *program;
	struct arena *arena;
	struct elf_type_override types[MAX_TYPES];
	size_t n_types;
};

static int got_type(struct options *o, const char *value)
{
	const char *equals = strrchr(value, '=');

	if (!equals || equals == value || !equals[1] || o->n_types == MAX_TYPES)
		return EXIT_USAGE;
	o->types[o->n_types++] = (struct elf_type_override){
		.section = arena_strndup(o->arena, value, (size_t)(equals - value)),
		.type = equals + 1,
	};
	return 0;
}

static int got(void *arg, const char *name, const char *value)
{
	struct options *o = arg;

	o->json |= strcmp(name, "--json") == 0;
	o->no_load |= strcmp(name, "--no-load") == 0;
	if (strcmp(name, "--program") == 0)
		o->program = value;
	if (strcmp(name, "--type") == 0)
		return got_type(o, value);
	return value && !*value ? EXIT_USAGE : 0;
}

static int check_program(const struct elf_image *m, const char *name, struct err *err)
{
	struct arena *a = m->arena;
	const char **names = arena_alloc(a, (m->n_programs + 1) * sizeof(*names));
	const char *near;

	for (size_t i = 0; i < m->n_programs; i++) {
		names[i] = m->programs[i].name;
		if (!name || strcmp(names[i], name) == 0)
			return 0;
	}
	if (!name)
		return 0;
	err_input(err, NULL, "%s has no program %s", m->path, name);
	near = nearest_name(name, names, m->n_programs);
	return near ? err_hint(err, "did you mean %s?", near) : -err->no;
}

/* What the verifier says is no failure of ours: it goes to in->failure, and err stays set. */
static void try_load(struct inspection *in, const struct options *o, struct err *err)
{
	struct object_opts opts = {
		.path = in->image->path,
		.pin_dir = PINS,
		.types = o->types,
		.n_types = o->n_types,
	};

	in->untried = o->no_load ? "--no-load" : geteuid() ? "needs root" : NULL;
	if (in->untried)
		return;
	in->is_tried = true;
	if (sandbox_enter(err) || figures_load(in->arena, &opts, &in->figures, &in->n_figures, err))
		in->failure = err->text;
}

/* A bare name that is no file here may be one that the distribution installs, as for replay. */
static int find(const struct options *o, const char *name, const char **path, struct err *err)
{
	const char *missing = NULL;
	int ret;

	*path = name;
	if (strchr(name, '/') || access(name, F_OK) == 0)
		return 0;
	ret = object_path(o->arena, NULL, name, path, &missing, err);
	return ret > 0 ? err_input(err, NULL, "%s", missing) : ret;
}

static int inspect(const char *name, const struct options *o, struct err *err)
{
	const struct elf_opts opts = { .types = o->types, .n_types = o->n_types };
	struct inspection in = { .program = o->program, .arena = o->arena };
	struct elf_image *image = NULL;
	const char *path;
	int ret = find(o, name, &path, err);

	if (!ret)
		ret = elf_load(path, &opts, &image, err);
	if (!ret)
		ret = check_program(image, o->program, err);
	if (!ret) {
		in.image = image;
		try_load(&in, o, err);
		if (o->json)
			inspect_print_json(&in);
		else
			inspect_print_text(&in);
	}
	elf_free(image);
	return ret || in.failure ? err_exit_code(err) : EXIT_AS_EXPECTED;
}

static int inspect_parsed(struct options *o, char **rest, int n)
{
	struct err *err;
	int ret;

	if (n == 0)
		return cmd_usage_says(&cmd_inspect, "no object given");
	if (n > 1)
		return cmd_usage_error(&cmd_inspect, rest[1]);
	err = calloc(1, sizeof(*err));
	if (!err)
		return EXIT_HARNESS;
	ret = inspect(rest[0], o, err);
	fflush(stdout);
	if (ret)
		cmd_error("%s", err->text);
	free(err);
	return ret;
}

static int inspect_main(int argc, char **argv)
{
	struct options o = { .arena = arena_new() };
	char **rest;
	int n, ret = cmd_parse(&cmd_inspect, argc, argv, got, &o, &rest, &n);

	if (!ret)
		ret = inspect_parsed(&o, rest, n);
	arena_free(o.arena);
	return ret < 0 ? EXIT_AS_EXPECTED : ret;
}

static const struct cmd_option options[] = {
	{ "--json", NULL, "as JSON (reports/inspect.schema.json)" },
	{ "--no-load", NULL, "only read the file; needs no privilege" },
	{ "--program", "NAME", "show this program only" },
	{ "--type", "SECTION=TYPE",
	  "the program type of a section whose name does not tell, as a section name (xdp) or a "
	  "type (sched_cls); may be given several times" },
	{ NULL, NULL, NULL },
};

const struct command cmd_inspect = {
	.name = "inspect",
	.args = "[options] OBJECT",
	.summary = "say what an object holds and what the verifier makes of it",
	.text = "Programs, maps, constants and tail-call slots of any BPF object; what of it has "
		"to "
		"be changed in memory before libbpf takes it (the file is never written); and, as "
		"root, what the verifier says of each program. It is loaded in a mount "
		"namespace of its own and attached to nothing. Exit status: 0 if it was read "
		"and loads or was not to be loaded, 2 if it is no object, 3 if it does not load "
		"here.",
	.options = options,
	.run = inspect_main,
};
