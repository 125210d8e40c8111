/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The target cilium-1.19, where VERDICT_CILIUM_OBJECTS names a folder of Cilium's objects. */
#include <time.h>

#include "target_fixture.h"

TestSuite(target_cilium, .init = setup, .fini = teardown, .timeout = 240);

#define NEEDS_CILIUM()                                                                             \
	do {                                                                                       \
		if (!getenv("VERDICT_CILIUM_OBJECTS"))                                             \
			cr_skip_test("needs Cilium's objects in the folder "                       \
				     "VERDICT_CILIUM_OBJECTS");                                    \
		NEEDS_ROOT();                                                                      \
	} while (0)

static struct target_desc *cilium(void)
{
	struct target_desc *d = NULL;

	cr_assert_eq(target_desc_load("cilium-1.19", &d, &err), 0, "%s", err.text);
	return d;
}

static unsigned filled(const struct target *t, const char *map)
{
	unsigned n = 0;

	for (uint32_t slot = 0; slot < map_named(t, map)->max_entries; slot++)
		n += target_slot_program(t, map_id(t, map), slot) != NULL;
	return n;
}

/* Counts from the table "Tail-call slots" of Cilium 1.19's interface. */
static const struct {
	const char *object;
	unsigned slots;
} objects[] = {
	{ "bpf_lxc.o", 30 }, { "bpf_host.o", 28 }, { "bpf_overlay.o", 20 },
	{ "bpf_xdp.o", 12 }, { "bpf_sock.o", 0 },
};

Test(target_cilium, each_object_loads_by_itself_with_its_slots_filled)
{
	struct target_desc *d;

	NEEDS_CILIUM();
	d = cilium();
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		struct target *t = open_target(&(struct target_opts){
			.desc = d, .only = &objects[i].object, .n_only = 1, .interpose = true });
		size_t n_pristine;

		cr_expect_eq(target_n_images(t), 1, "%s", objects[i].object);
		target_pristine(t, &n_pristine);
		cr_expect_eq(n_pristine, 0, "%s", objects[i].object);
		if (objects[i].slots) {
			cr_expect_eq(filled(t, "cilium_calls"), objects[i].slots, "%s",
				     objects[i].object);
			cr_expect(target_events(t), "%s", objects[i].object);
			cr_expect_gt(target_interposed(t), 0, "%s", objects[i].object);
		}
		target_close(t);
	}
	target_desc_free(d);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(target_cilium, together_they_share_the_nodes_maps_and_jump_into_each_other)
{
	struct target_program at;
	struct target_desc *d;
	struct target *t;
	double start = seconds(), first, second;

	NEEDS_CILIUM();
	d = cilium();
	t = open_target(&(struct target_opts){ .desc = d, .interpose = true });
	first = seconds() - start;
	cr_expect_eq(target_n_images(t), 5);
	cr_expect_eq(filled(t, "lxc7/cilium_calls"), 30);
	cr_expect_eq(filled(t, "bpf_host.o/cilium_calls"), 28);
	cr_expect_str_eq(target_slot_program(t, map_id(t, "cilium_call_policy"), 7),
			 "cil_lxc_policy");
	cr_expect_str_eq(target_slot_program(t, map_id(t, "cilium_call_policy"), 1),
			 "cil_host_policy");
	cr_expect_str_eq(target_slot_program(t, map_id(t, "cilium_egresscall_policy"), 7),
			 "cil_lxc_policy_egress");
	cr_expect_neq(map_id(t, "lxc7/cilium_policy_v2"), map_id(t, "bpf_host.o/cilium_policy_v2"));
	cr_expect_eq(target_find_map(t, "bpf_lxc.o/cilium_ct4_global"),
		     target_find_map(t, "cilium_ct4_global"));
	cr_expect_eq(target_at(t, "lxc7", HOOK_TC_INGRESS, &at), 0);
	cr_expect_str_eq(at.device, "lxc7");
	cr_expect_eq(target_at(t, "eth0", HOOK_XDP, &at), 0);
	cr_expect_eq(target_at(t, "cilium_host", HOOK_TC_EGRESS, &at), 0);
	cr_expect_str_eq(at.name, "cil_from_host");
	target_close(t);
	start = seconds();
	target_close(open_target(&(struct target_opts){ .desc = d, .interpose = true }));
	second = seconds() - start;
	cr_expect_lt(second, first / 3, "%.3f s, then %.3f s", first, second);
	target_desc_free(d);
}
