/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cilium's objects as shipped, where VERDICT_CILIUM_OBJECTS names a folder of them: normalised, loaded,
 * and understood.
 */
#include <linux/bpf.h>

#include "elf_source.h"
#include "target/helper_env.h"
#include "target/object.h"

TestSuite(elf_cilium, .init = set_up, .fini = tear_down);

/* What is said to stand in a slot is a program, and the slot's map a prog array with that slot. */
static void slots_hold(const struct elf_image *image)
{
	for (size_t i = 0; i < image->n_slots; i++) {
		const struct elf_tail_slot *s = &image->slots[i];
		const struct elf_map *map = map_of(image, s->map);

		cr_expect(program_of(image, s->program)->is_entry, "%s", s->program);
		cr_expect(map->type == BPF_MAP_TYPE_PROG_ARRAY && s->index < map->max_entries,
			  "%s/%u", s->map, s->index);
	}
}

/* The facts of Cilium 1.19's interface: tail-call slots, and the pinning of their array. */
static const struct cilium_object {
	const char *name;
	size_t slots;
	unsigned type;
} cilium[] = {
	{ "bpf_lxc.o", 30, BPF_PROG_TYPE_SCHED_CLS },
	{ "bpf_host.o", 28, BPF_PROG_TYPE_SCHED_CLS },
	{ "bpf_overlay.o", 20, BPF_PROG_TYPE_SCHED_CLS },
	{ "bpf_xdp.o", 12, BPF_PROG_TYPE_XDP },
	{ "bpf_sock.o", 0, BPF_PROG_TYPE_UNSPEC },
};

static void check_cilium(const struct cilium_object *c)
{
	struct elf_image *image =
		image_of(arena_printf(arena, "%s/%s", getenv("VERDICT_CILIUM_OBJECTS"), c->name));

	cr_expect_eq(image->n_slots, c->slots, "%s: %zu slots", c->name, image->n_slots);
	cr_expect_str_eq(image->license, "Dual BSD/GPL");
	slots_hold(image);
	for (size_t i = 0; c->slots && i < image->n_sections; i++)
		cr_expect_eq(image->sections[i].prog_type, c->type, "%s", image->sections[i].name);
	if (c->slots)
		cr_expect_eq(map_of(image, "cilium_calls")->pinning, 16);
	cr_expect_eq(map_of(image, "cilium_metrics")->pinning, 1);
	load_small(image);
	elf_free(image);
}

static void need_cilium(void)
{
	if (!getenv("VERDICT_CILIUM_OBJECTS"))
		cr_skip_test("needs Cilium's objects in the folder VERDICT_CILIUM_OBJECTS");
}

Test(elf_cilium, objects_of_cilium_load, .timeout = 120)
{
	NEEDS_ROOT();
	need_cilium();
	for (size_t i = 0; i < sizeof(cilium) / sizeof(cilium[0]); i++)
		check_cilium(&cilium[i]);
}

Test(elf_cilium, settings_of_cilium_carry_their_description)
{
	struct elf_image *image;
	bool found = false;

	need_cilium();
	image = image_of(arena_printf(arena, "%s/bpf_lxc.o", getenv("VERDICT_CILIUM_OBJECTS")));
	for (size_t i = 0; i < image->n_variables; i++) {
		const struct elf_variable *v = &image->variables[i];

		if (strcmp(v->name, "__config_cluster_id_max") != 0)
			continue;
		found = true;
		cr_expect_str_eq(v->section, ".rodata.config");
		cr_assert_eq(v->n_tags, 2);
		cr_expect_str_eq(v->tags[0], "kind:node");
		cr_expect(strlen(v->tags[1]) > 10, "%s", v->tags[1]);
	}
	cr_expect(found);
	elf_free(image);
}

/* Every map that would be preallocated large, made small. */
static const struct map_override *sizes(const struct elf_image *image, size_t *n)
{
	struct map_override *m = arena_alloc(arena, image->n_maps * sizeof(*m));

	*n = 0;
	for (size_t i = 0; i < image->n_maps; i++)
		if (image->maps[i].max_entries > SMALL)
			m[(*n)++] = (struct map_override){ .map = image->maps[i].name,
							   .max_entries = SMALL };
	return m;
}

static int program_in_slot(const struct object *o, const struct elf_tail_slot *s)
{
	uint32_t id = 0;

	bpf_map_lookup_elem(object_map_fd(o, s->map), &s->index, &id);
	return (int)id;
}

static void load_whole(const char *name)
{
	const char *path = arena_printf(arena, "%s/%s", getenv("VERDICT_CILIUM_OBJECTS"), name);
	struct object_opts opts = { .path = path, .pin_dir = SANDBOX_BPFFS "/cilium" };
	struct elf_image *image = image_of(path);
	struct object *o;

	opts.maps = sizes(image, &opts.n_maps);
	cr_assert_eq(helper_env_new(&opts.env, err), 0, "%s", err->text);
	cr_assert_eq(file_mkdir_p(opts.pin_dir, err), 0, "%s", err->text);
	cr_assert_eq(object_load(&opts, &o, err), 0, "%s", err->text);
	cr_expect(!object_pristine(o) && object_interposed(o) > 0, "%s", name);
	for (size_t i = 0; i < image->n_slots; i++)
		cr_expect_neq(program_in_slot(o, &image->slots[i]), 0, "%s: slot %u is empty", name,
			      image->slots[i].index);
	object_free(o);
	helper_env_free(opts.env);
	elf_free(image);
}

/* Objects share their pinned maps, as on a node. */
Test(elf_cilium, objects_load_together_with_virtual_time_and_tail_calls_in_place, .timeout = 120)
{
	NEEDS_ROOT();
	need_cilium();
	for (size_t i = 0; i < sizeof(cilium) / sizeof(cilium[0]); i++)
		load_whole(cilium[i].name);
}
