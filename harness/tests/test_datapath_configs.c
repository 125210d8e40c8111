/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every mode that one object serves is taken by the verifier, within limits that leave room: settings are
 * constants, so each combination of them is a program of its own to it.
 */
#include "bpf_source.h"
#include "datapath_modes.h"
#include <criterion/parameterized.h>

#include "datapath_load.h"

#define INSTRUCTIONS_MAX 250000
#define OLD_STACK_MAX	 512 /* what Debian's 6.1 refuses to exceed */
#define STACK_MAX	 400 /* of 512 */

static void check_limits(const struct combination *c, const struct load *l)
{
	const struct load_program *most = &l->programs[0], *deepest = most;

	for (size_t i = 0; i < l->n; i++) {
		const struct load_program *p = &l->programs[i];

		if (p->instructions > most->instructions)
			most = p;
		if (p->stack > deepest->stack)
			deepest = p;
		cr_expect_leq(p->instructions, INSTRUCTIONS_MAX, "%s, %s: %s: %lu instructions",
			      c->object, c->name, p->name, (unsigned long)p->instructions);
		cr_expect_leq(p->old_stack, OLD_STACK_MAX, "%s, %s: %s: %u bytes of stack on 6.1",
			      c->object, c->name, p->name, p->old_stack);
		cr_expect_leq(p->stack, STACK_MAX, "%s, %s: %s: %u bytes of stack", c->object,
			      c->name, p->name, p->stack);
	}
	printf("%s, %s: at most %lu instructions (%s), %u bytes of stack (%s)\n", c->object,
	       c->name, (unsigned long)most->instructions, most->name, deepest->stack,
	       deepest->name);
}

ParameterizedTestParameters(configurations, loads_within_the_limits)
{
	static size_t index[N_COMBINATIONS];

	for (size_t i = 0; i < N_COMBINATIONS; i++)
		index[i] = i;
	return cr_make_param_array(size_t, index, N_COMBINATIONS);
}

ParameterizedTest(size_t *index, configurations, loads_within_the_limits, .timeout = 60)
{
	const struct combination *c = &combinations[*index];
	struct arena *a = arena_new();
	struct load l;

	NEEDS_ROOT();
	load_object(a, load_path(a, c->object), c->config, &l);
	cr_expect_eq(l.error, 0, "%s, %s: %s is rejected:\n%s", c->object, c->name, l.rejected,
		     l.log);
	if (!l.error)
		check_limits(c, &l);
	arena_free(a);
}

/* ---- the table ---- */

static bool has_word(const char *config, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = config; (at = strstr(at, name)); at += len)
		if ((at == config || at[-1] == ' ') && at[len] == '=')
			return true;
	return false;
}

static bool is_switch(const struct btf *btf, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(btf, type);

	while (btf_is_const(t) || btf_is_volatile(t))
		t = btf__type_by_id(btf, t->type);
	return strcmp(btf__name_by_offset(btf, t->name_off), "_Bool") == 0;
}

static void expect_switched(const char *name)
{
	for (size_t i = 0; i < N_COMBINATIONS; i++)
		if (has_word(combinations[i].config, name))
			return;
	cr_expect_fail("no combination says what %s is", name);
}

Test(configurations, every_switch_is_in_one)
{
	static const char *const objects[] = { "bpf_host", "bpf_lxc", "bpf_overlay", "bpf_xdp",
					       "bpf_sock" };
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		struct bpf_object *obj = bpf_object__open(load_path(a, objects[i]));
		const struct btf *btf = bpf_object__btf(obj);
		int sec = btf__find_by_name_kind(btf, ".rodata.config", BTF_KIND_DATASEC);
		const struct btf_type *t = btf__type_by_id(btf, (uint32_t)sec);

		for (int k = 0; k < btf_vlen(t); k++) {
			const struct btf_type *var =
				btf__type_by_id(btf, btf_var_secinfos(t)[k].type);

			if (is_switch(btf, var->type))
				expect_switched(btf__name_by_offset(btf, var->name_off) +
						strlen("__config_"));
		}
		bpf_object__close(obj);
	}
	arena_free(a);
}

Test(configurations, each_has_a_name_of_its_own)
{
	for (size_t i = 0; i < N_COMBINATIONS; i++)
		for (size_t k = 0; k < i; k++)
			cr_expect(
				strcmp(combinations[i].object, combinations[k].object) != 0 ||
					(strcmp(combinations[i].name, combinations[k].name) != 0 &&
					 strcmp(combinations[i].config, combinations[k].config) !=
						 0),
				"%s: %s and %s", combinations[i].object, combinations[i].name,
				combinations[k].name);
	cr_assert_geq(N_COMBINATIONS, 60);
}
