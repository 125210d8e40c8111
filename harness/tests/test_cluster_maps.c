/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a cluster compiles to, against the objects it is for: every entry is one that the map of that name can
 * hold, every constant one that a program has, and no constant is left unsaid. Where Cilium's objects are
 * given, the same entries are bytes of the same meaning there.
 */
#include "base/table.h"
#include "cluster_text.h"
#include "target/elf.h"
#include "target/typed.h"

TestSuite(cluster_maps, .init = setup, .fini = teardown, .timeout = 120);

static const char *const object_names[] = { "bpf_lxc.o", "bpf_host.o", "bpf_overlay.o", "bpf_xdp.o",
					    "bpf_sock.o" };
#define N_OBJECTS (sizeof(object_names) / sizeof(object_names[0]))

struct objects {
	struct elf_image *image[N_OBJECTS];
	size_t table_size; /* of a table of backends; 0: as the objects were built */
};

static void load_objects(struct objects *o, const char *dir)
{
	for (size_t i = 0; i < N_OBJECTS; i++)
		cr_assert_eq(
			elf_load(file_join(arena, dir, object_names[i]), NULL, &o->image[i], &err),
			0, "%s", err.text);
}

static void free_objects(struct objects *o)
{
	for (size_t i = 0; i < N_OBJECTS; i++)
		elf_free(o->image[i]);
}

static const char *our_objects(void)
{
	return file_join(arena, files_source_root(), "build/bpf");
}

static const struct elf_map *find_map(const struct objects *o, const char *name,
				      const struct elf_image **of)
{
	if (strncmp(name, "cilium_policy_v2", 16) == 0)
		name = "cilium_policy_v2";
	for (size_t i = 0; i < N_OBJECTS; i++) {
		for (size_t j = 0; j < o->image[i]->n_maps; j++) {
			*of = o->image[i];
			if (strcmp(o->image[i]->maps[j].name, name) == 0)
				return &o->image[i]->maps[j];
		}
	}
	return NULL;
}

struct bytes {
	uint8_t key[64], value[128];
	size_t key_size, value_size;
};

/* A table of backends is one value of the inner map. */
static void encode_table(const struct objects *o, const struct elf_map *m,
			 const struct map_entry *e)
{
	const struct value *entry = value_get(e->value, "entries")->items[0];
	const char *text = value_text(value_get(entry, "value"));

	cr_assert(m->inner);
	if (o->table_size)
		cr_expect_eq(m->inner->value_size, o->table_size, "%s", m->name);
	cr_expect_eq(strlen(text), 2 + 2 * sizeof(uint32_t) * 16381, "%s", m->name);
}

static void encode(const struct objects *o, const struct map_entry *e, struct bytes *out)
{
	const struct elf_image *of;
	const struct elf_map *m = find_map(o, e->map, &of);

	cr_assert(m, "no object has a map %s", e->map);
	out->key_size = m->key_size;
	out->value_size = m->value_size;
	cr_assert(m->key_size <= sizeof(out->key) && m->value_size <= sizeof(out->value));
	cr_assert_eq(typed_encode(of->btf, m->key_type, e->key, out->key, m->key_size, &err), 0,
		     "%s: %s", e->map, err.text);
	if (strstr(e->map, "_maglev"))
		encode_table(o, m, e);
	else
		cr_assert_eq(typed_encode(of->btf, m->value_type, e->value, out->value,
					  m->value_size, &err),
			     0, "%s: %s", e->map, err.text);
}

/* The two nodes in all ways that make other entries. */
static const char *const ways[] = {
	"",
	"routingMode: tunnel\nhostFirewall: {enabled: true}\n",
	"routingMode: tunnel\ntunnelProtocol: geneve\n"
	"loadBalancer: {mode: dsr, dsrDispatch: geneve, algorithm: maglev}\n",
	"loadBalancer: {mode: hybrid, dsrDispatch: ipip, acceleration: native}\n"
	"ipMasqAgent: {enabled: true}\nbandwidthManager: {enabled: true}\n",
	"underlayProtocol: ipv6\nroutingMode: tunnel\nbpf: {lbExternalClusterIP: true}\n",
	"bpf: {lbModeAnnotation: true, masquerade: true}\n",
};
#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

static void load_way(const char *way)
{
	static const char *const files[] = { "nodes", "pods", "services", "endpointslices" };
	const char *dir = file_join(arena, files_source_root(), "fixtures/clusters/two-nodes");
	struct buf values = BUF_INIT;
	char *text;

	for (int i = 0; i < 4; i++) {
		const char *name = arena_printf(arena, "%s.yaml", files[i]);

		cr_assert_eq(file_read(arena, file_join(arena, dir, name), &text, NULL, &err), 0);
		files_write(file_join(arena, "c", name), text);
	}
	buf_puts(&values, way);
	if (!strstr(way, "routingMode"))
		buf_puts(&values, "routingMode: native\nipv4NativeRoutingCIDR: 10.0.0.0/16\n"
				  "ipv6NativeRoutingCIDR: fd00::/16\n");
	if (!strstr(way, "bpf:"))
		buf_puts(&values, "bpf: {masquerade: true}\n");
	buf_puts(&values, "kubeProxyReplacement: 'true'\nipv6: {enabled: true}\n");
	files_write("c/values.yaml", buf_str(&values));
	buf_free(&values);
	cluster_free(c);
	c = NULL;
	cr_assert_eq(load_whole("c"), 0, "%s: %s", way, err.text);
}

Test(cluster_maps, every_entry_is_one_that_its_map_holds)
{
	struct objects o = { .table_size = sizeof(uint32_t) * 16381 };
	size_t n = 0;

	load_objects(&o, our_objects());
	for (size_t w = 0; w < N_WAYS; w++) {
		load_way(ways[w]);
		for (size_t i = 0; i < c->n_nodes; i++) {
			for (size_t j = 0; j < c->nodes[i].n_entries; j++, n++) {
				struct bytes b;

				encode(&o, &c->nodes[i].entries[j], &b);
			}
		}
	}
	cr_expect_gt(n, 1000);
	free_objects(&o);
}

/* Two entries of one key: which one counts would depend on their order. */
Test(cluster_maps, no_key_is_written_twice)
{
	struct table seen = TABLE_INIT(arena);

	for (size_t w = 0; w < N_WAYS; w++) {
		load_way(ways[w]);
		for (size_t i = 0; i < c->nodes[0].n_entries; i++) {
			const struct map_entry *e = &c->nodes[0].entries[i];
			struct buf key = BUF_INIT;
			void **slot;

			buf_printf(&key, "%zu %s ", w, e->map);
			value_print(&key, e->key);
			slot = table_slot_text(&seen, buf_str(&key));
			cr_expect_null(*slot, "%s", buf_str(&key));
			*slot = (void *)e;
			buf_free(&key);
		}
	}
}

static const struct elf_variable *find_constant(const struct elf_image *image, const char *name)
{
	const char *full = arena_printf(arena, "__config_%s", name);

	for (size_t i = 0; i < image->n_variables; i++)
		if (strcmp(image->variables[i].name, full) == 0)
			return &image->variables[i];
	return NULL;
}

static size_t check_constants(const struct objects *o, const struct config_value *list, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < N_OBJECTS; j++) {
			const struct elf_variable *v = find_constant(o->image[j], list[i].name);
			uint8_t bytes[64];

			if (!v)
				continue;
			cr_assert_leq(v->size, sizeof(bytes));
			cr_expect_eq(typed_encode(o->image[j]->btf, v->type, list[i].value, bytes,
						  v->size, &err),
				     0, "%s: %s", list[i].name, err.text);
			found++;
		}
	}
	return found;
}

static bool says(const struct config_value *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			return true;
	return false;
}

/* What no manifest tells. */
static bool is_no_agents(const char *name)
{
	static const char *const names[] = {
		"dsr_option_network_order", /* the order on the wire is the target's affair */
		"policy_on_established",
		"host_policy_on_services", /* so are these */
		"enable_lrp",
		"enable_prefilter", /* no manifest asks for either */
		"endpoint_netns_cookie",
		"host_netns_cookie", /* the kernel's */
		/* of Cilium's, as they are where their feature is off */
		"enable_extended_ip_protocols",
		"enable_jiffies",
		"kernel_hz",
		"enable_l2_announcements",
		"l2_announcements_max_liveness",
		"enable_netkit",
		"encryption_strict_ingress",
		"hybrid_routing_enabled",
		"policy_deny_response_enabled",
		"proxy_redirect_via_cilium_net",
		"supports_fib_lookup_skip_neigh",
		"tracing_ip_option_type",
		"vtep_mask",
		"wg_ifindex",
		"wg_port",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void all_are_said(const struct objects *o)
{
	const struct cluster_node *n = &c->nodes[0];
	const struct cluster_device *pod = cluster_device_of_role(n, "endpoint");

	for (size_t i = 0; i < N_OBJECTS; i++) {
		for (size_t j = 0; j < o->image[i]->n_variables; j++) {
			const char *name = o->image[i]->variables[j].name;

			if (strncmp(name, "__config_", 9) != 0 || is_no_agents(name + 9))
				continue;
			cr_expect(says(n->config, n->n_config, name + 9) ||
					  says(pod->config, pod->n_config, name + 9),
				  "%s of %s is not said", name, object_names[i]);
		}
	}
}

Test(cluster_maps, every_constant_is_said_and_fits)
{
	struct objects o = { .table_size = 0 };
	size_t found;

	load_objects(&o, our_objects());
	for (size_t w = 0; w < N_WAYS; w++) {
		load_way(ways[w]);
		found = check_constants(&o, c->nodes[0].config, c->nodes[0].n_config);
		for (size_t i = 0; i < c->nodes[0].n_devices; i++)
			found += check_constants(&o, c->nodes[0].devices[i].config,
						 c->nodes[0].devices[i].n_config);
		cr_expect_gt(found, 200);
		all_are_said(&o);
	}
	free_objects(&o);
}

/* Where their structs are the same, so must be the bytes; a map of Cilium's that we don't have cannot be asked. */
Test(cluster_maps, ciliums_maps_hold_the_same_bytes)
{
	const char *dir = getenv("VERDICT_CILIUM_OBJECTS");
	struct objects o = { .table_size = 0 }, theirs = o;

	if (!dir)
		cr_skip_test("VERDICT_CILIUM_OBJECTS names no folder of Cilium's objects");
	load_objects(&o, our_objects());
	load_objects(&theirs, dir);
	for (size_t w = 0; w < N_WAYS; w++) {
		load_way(ways[w]);
		for (size_t j = 0; j < c->nodes[0].n_entries; j++) {
			const struct map_entry *e = &c->nodes[0].entries[j];
			struct bytes a = { 0 }, b = { 0 };

			encode(&o, e, &a);
			encode(&theirs, e, &b);
			cr_expect(a.key_size == b.key_size && a.value_size == b.value_size &&
					  !memcmp(a.key, b.key, sizeof(a.key)) &&
					  !memcmp(a.value, b.value, sizeof(a.value)),
				  "%s", e->map);
		}
		cr_expect_gt(check_constants(&theirs, c->nodes[0].config, c->nodes[0].n_config),
			     20);
		all_are_said(&theirs);
	}
	free_objects(&o);
	free_objects(&theirs);
}
