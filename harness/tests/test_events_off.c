// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Events that are switched off cost nothing: what the kernel keeps of a program then knows no ring, neither to
 * write to nor to limit.
 */
#include "bpf_source.h"
#include "datapath_load.h"
#include "datapath_modes.h"

#define TOLD "enable_host_firewall=1 enable_nodeport=1 "

static const struct {
	const char *object, *config;
} objects[] = {
	{ "bpf_host", NODE TOLD },
	{ "bpf_lxc", POD TOLD "enable_host_routing=1 " OVERLAY },
	{ "bpf_overlay", NODE TOLD OVERLAY },
	{ "bpf_xdp", NODE "enable_nodeport=1 enable_prefilter=1 " ACCELERATION },
};

static uint32_t id_of(const struct bpf_object *obj, const char *map)
{
	const struct bpf_map *m = bpf_object__find_map_by_name(obj, map);
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	cr_assert(m, "no map %s", map);
	cr_assert_eq(bpf_obj_get_info_by_fd(bpf_map__fd(m), &info, &size), 0);
	return info.id;
}

/* How often the programs name the map. */
static unsigned mentions(struct bpf_object *obj, const char *map)
{
	uint32_t id = id_of(obj, map);
	struct bpf_program *p;
	unsigned count = 0;

	bpf_object__for_each_program(p, obj)
	{
		size_t n;
		struct bpf_insn *in = load_insns(p, &n);

		for (size_t i = 0; i < n; i++)
			count += in[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
				 in[i].src_reg == BPF_PSEUDO_MAP_FD && (uint32_t)in[i].imm == id;
		free(in);
	}
	return count;
}

static struct bpf_object *loaded(struct arena *a, const char *object, const char *config)
{
	char why[128];
	struct bpf_object *obj = datapath_open(load_path(a, object), config, why);

	cr_assert(obj, "%s: %s", object, why);
	cr_assert_eq(bpf_object__load(obj), 0, "%s with %s", object, config);
	return obj;
}

Test(events_off, nothing_of_them_is_left_in_the_programs)
{
	static const char *const rings[] = { "cilium_events", "cilium_ratelimit" };

	NEEDS_ROOT();
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		struct arena *a = arena_new();
		const char *on = arena_printf(a, "%s trace_events_limit=100", objects[i].config);
		const char *off = arena_printf(a, "%s " SILENT, on);
		struct bpf_object *told = loaded(a, objects[i].object, on);
		struct bpf_object *silent = loaded(a, objects[i].object, off);

		cr_expect_gt(mentions(told, "cilium_events"), 0, "%s: events on",
			     objects[i].object);
		for (size_t k = 0; k < 2; k++)
			cr_expect_eq(mentions(silent, rings[k]), 0, "%s: %s is named %u times",
				     objects[i].object, rings[k], mentions(silent, rings[k]));
		bpf_object__close(told);
		bpf_object__close(silent);
		arena_free(a);
	}
}
