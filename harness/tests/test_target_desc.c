/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Target files: what each key becomes, and the exact words for each mistake. */
#include <criterion/criterion.h>

#include "engine/hop.h"
#include "files.h"
#include "scenario/target_desc_parts.h"
#include "scenario/yaml.h"
#include "target/agent.h"

#define HOOKS "hooks: {native: {ingress: a.o/in, egress: a.o/out}}\n"

static struct target_desc *d;
static struct err err;
static char *home;

static void setup(void)
{
	home = getcwd(NULL, 0);
	files_enter();
}

static void teardown(void)
{
	target_desc_free(d);
	d = NULL;
	files_leave();
	free(home);
}

TestSuite(target_desc, .init = setup, .fini = teardown, .timeout = 30);

static void loads(const char *text)
{
	target_desc_free(d);
	d = NULL;
	files_write("t/x.yaml", text);
	cr_assert_eq(target_desc_load("t/x.yaml", &d, &err), 0, "%s", err.text);
}

static void fails(const char *text, const char *message)
{
	struct target_desc *none = NULL;

	files_write("t/x.yaml", text);
	cr_assert_lt(target_desc_load("t/x.yaml", &none, &err), 0, "accepted: %s", text);
	cr_expect_eq(err.kind, ERR_INPUT);
	cr_expect_eq(strncmp(err.text, message, strlen(message)), 0, "is: %s\nnot: %s", err.text,
		     message);
}

/* ---- reading ---- */

Test(target_desc, a_known_difference_is_one_of_each_scenario_and_step)
{
	loads(HOOKS
	      "known: [{scenario: [a, b], step: [2, 4], variant: gso, cause: bug, why: w}]\n");
	cr_assert_eq(d->n_known, 4);
	cr_expect(!strcmp(d->known[1].scenario, "a") && d->known[1].step == 4);
	cr_expect(!strcmp(d->known[2].scenario, "b") && d->known[2].step == 2);
	cr_expect_str_eq(d->known[3].variant, "gso");
	loads(HOOKS "known: [{scenario: a, cause: bug, why: w}]\n");
	cr_assert_eq(d->n_known, 1);
	cr_expect_eq(d->known[0].step, 0);
	cr_expect_null(d->known[0].variant);
	fails(HOOKS "known: [{scenario: a, step: [], cause: bug, why: w}]\n",
	      "t/x.yaml:2:29: expected at least one step");
	fails(HOOKS "known: [{scenario: a, variant: gsu, cause: bug, why: w}]\n",
	      "t/x.yaml:2:32: unknown variant 'gsu'; did you mean 'gso'?");
}

Test(target_desc, what_is_left_out_has_its_default)
{
	loads(HOOKS);
	cr_expect_str_eq(d->name, "x");
	cr_expect_str_eq(d->summary, "");
	cr_expect_null(d->objects_dir);
	cr_expect_null(d->objects_env);
	cr_expect_null(d->events_map);
	cr_expect(d->interpose);
	cr_assert_eq(d->n_objects, 1, "an object that a hook names needs no line of its own");
	cr_expect_str_eq(d->objects[0].name, "a.o");
	cr_expect(d->objects[0].interpose);
	cr_expect_null(d->objects[0].path);
	cr_expect_eq(d->objects[0].loc.line, 1);
}

Test(target_desc, hooks_name_an_object_and_its_program)
{
	const struct desc_hook *h;

	loads("hooks:\n  native: {ingress: a.o/in, XDP: b.o/x?}\n"
	      "  cgroup: {connect4: dir/c.o/connect, lwt_in: c.o/l}\n");
	cr_assert_eq(d->n_hooks, 4);
	h = target_desc_hook(d, "native", "ingress");
	cr_assert(h);
	cr_expect_eq(h->hook, HOOK_TC_INGRESS);
	cr_expect_str_eq(h->ref.object, "a.o");
	cr_expect_str_eq(h->ref.program, "in");
	cr_expect(!h->ref.may_lack);
	h = target_desc_hook(d, "native", "xdp");
	cr_assert(h);
	cr_expect_eq(h->hook, HOOK_XDP);
	cr_expect_str_eq(h->ref.program, "x");
	cr_expect(h->ref.may_lack);
	h = target_desc_hook(d, "cgroup", "connect4");
	cr_assert(h);
	cr_expect_eq(h->hook, -1, "no test run knows it");
	cr_expect_str_eq(h->ref.object, "dir/c.o");
	cr_expect_eq(target_desc_hook(d, "cgroup", "lwt-in")->hook, HOOK_LWT_IN);
	cr_expect_null(target_desc_hook(d, "native", "egress"));
}

Test(target_desc, every_key_is_read)
{
	const struct desc_device *dev;

	loads("name: n\nsummary: s\ninterpose: false\n"
	      "objects: {dir: ../o, env: WHERE, hint: go, files: {a.o: {path: ../a.o, interpose: "
	      "false,\n"
	      "  config: {x: 1}, types: {prog: xdp}}, z.o: }}\n"
	      "config: {one: 1, two?: [1, 2]}\n" HOOKS
	      "maps: {m: {max_entries: 0x10, scope: device}, n?: {scope: node}}\n"
	      "tail_calls: [{map: calls, index: 3, program: a.o/tail, device: lxc}]\n"
	      "events: {map: ev, decoder: none}\n"
	      "devices: [{name: lxc, ifindex: 7, role: native, mac: 02:00:00:00:00:07, mtu: 1450,"
	      " config: {id: 7}}, {name: eth0, ifindex: 2, role: native}]\n");
	cr_expect_str_eq(d->name, "n");
	cr_expect_str_eq(d->summary, "s");
	cr_expect(!d->interpose);
	cr_expect_str_eq(d->objects_dir, "t/../o");
	cr_expect_str_eq(d->objects_env, "WHERE");
	cr_expect_str_eq(d->objects_hint, "go");
	cr_assert_eq(d->n_objects, 2);
	cr_expect_str_eq(d->objects[0].path, "t/../a.o");
	cr_expect(!d->objects[0].interpose);
	cr_expect_str_eq(d->objects[0].config.list[0].name, "x");
	cr_expect_str_eq(d->objects[0].types[0].section, "prog");
	cr_expect_str_eq(d->objects[0].types[0].type, "xdp");
	cr_expect_str_eq(d->objects[1].name, "z.o");
	cr_assert_eq(d->config.n, 2);
	cr_expect_str_eq(d->config.list[1].name, "two");
	cr_expect(d->config.list[1].may_lack && !d->config.list[0].may_lack);
	cr_expect_eq(d->config.list[1].value->kind, VALUE_LIST);
	cr_assert_eq(d->n_maps, 2);
	cr_expect_eq(d->maps[0].max_entries, 16);
	cr_expect(d->maps[0].has_scope && d->maps[0].scope == MAP_SCOPE_DEVICE);
	cr_expect(d->maps[1].may_lack && d->maps[1].scope == MAP_SCOPE_NODE);
	cr_assert_eq(d->n_tail_calls, 1);
	cr_expect_eq(d->tail_calls[0].index, 3);
	cr_expect_str_eq(d->tail_calls[0].device, "lxc");
	cr_expect_str_eq(d->events_map, "ev");
	cr_expect_eq(d->decoder, DECODER_NONE);
	dev = target_desc_device(d, "lxc");
	cr_assert(dev);
	cr_expect_eq(dev->ifindex, 7);
	cr_expect(dev->has_mac && dev->mac[0] == 2 && dev->mac[5] == 7);
	cr_expect_eq(dev->mtu, 1450);
	cr_expect(dev->own_load);
	cr_expect(!target_desc_device(d, "eth0")->own_load);
}

Test(target_desc, a_device_that_a_tail_call_names_has_loads_of_its_own)
{
	loads(HOOKS "tail_calls: [{map: m, index: 0, program: a.o/t, device: d}]\n"
		    "devices: [{name: d, ifindex: 2, role: native}]\n");
	cr_expect(d->devices[0].own_load);
}

/* ---- mistakes ---- */

Test(target_desc, a_key_nobody_knows_is_named_with_the_nearest)
{
	fails("hook: {}\n", "t/x.yaml:1:1: unknown key 'hook' in target; did you mean 'hooks'?");
	fails(HOOKS "devices: [{name: a, ifindex: 2, roll: native}]\n",
	      "t/x.yaml:2:33: unknown key 'roll' in device; did you mean 'role'?");
	fails(HOOKS "objects: {files: {a.o: {typs: {}}}}\n",
	      "t/x.yaml:2:25: unknown key 'typs' in file; did you mean 'types'?");
}

Test(target_desc, a_hook_nobody_knows_is_named_with_the_nearest)
{
	fails("hooks: {native: {ingres: a.o/in}}\n",
	      "t/x.yaml:1:18: unknown hook 'ingres'; did you mean 'ingress'?");
	fails("hooks: {native: {conect4: a.o/in}}\n",
	      "t/x.yaml:1:18: unknown hook 'conect4'; did you mean 'connect4'?");
	fails("hooks: {native: {0: a.o/in}}\n", "t/x.yaml:1:18: unknown hook '0'");
	fails("hooks: {native: {somewhere: a.o/in}}\n", "t/x.yaml:1:18: unknown hook 'somewhere'");
}

Test(target_desc, a_program_is_written_with_its_object)
{
	fails("hooks: {native: {ingress: cil_in}}\n",
	      "t/x.yaml:1:27: expected an object and its program, such as "
	      "bpf_lxc.o/cil_from_container, found 'cil_in'");
	fails("hooks: {native: {ingress: a.o/}}\n", "t/x.yaml:1:27: expected an object");
	fails("hooks: {native: {ingress: [a.o/in]}}\n",
	      "t/x.yaml:1:27: expected text, found a list");
	fails("hooks: {native: a.o/in}\n", "t/x.yaml:1:17: expected a map of hooks");
}

Test(target_desc, devices_differ_in_name_and_number)
{
	fails(HOOKS "devices:\n  - {name: a, ifindex: 2, role: native}\n"
		    "  - {name: a, ifindex: 3, role: native}\n",
	      "t/x.yaml:4:5: a second device 'a'; the first is in line 3");
	fails(HOOKS "devices:\n  - {name: a, ifindex: 2, role: native}\n"
		    "  - {name: b, ifindex: 2, role: native}\n",
	      "t/x.yaml:4:5: 'b' cannot have the ifindex 2: it is that of 'a'");
}

Test(target_desc, a_device_can_exist)
{
	fails(HOOKS "devices: [{name: a, ifindex: 1, role: native}]\n",
	      "t/x.yaml:2:30: an ifindex is 2 or more");
	fails(HOOKS "devices: [{name: a, ifindex: 0x80000000, role: native}]\n",
	      "t/x.yaml:2:30: expected a number from 0 to 2147483647");
	fails(HOOKS "devices: [{name: sixteen-letters-, ifindex: 2, role: native}]\n",
	      "t/x.yaml:2:18: no device can be called 'sixteen-letters-'");
	fails(HOOKS "devices: [{name: a/b, ifindex: 2, role: native}]\n",
	      "t/x.yaml:2:18: no device can be called 'a/b'");
	fails(HOOKS "devices: [{name: a, ifindex: 2, role: native, mac: 01:00:00:00:00:00}]\n",
	      "t/x.yaml:2:52: no device can have the MAC address 01:00:00:00:00:00");
	fails(HOOKS "devices: [{name: a, ifindex: 2, role: native, mac: 02:00:00:00:00}]\n",
	      "t/x.yaml:2:52: expected a MAC address");
	fails(HOOKS "devices: [{name: a, ifindex: 2, role: native, mac: 02:00:00:00:00:01:02}]\n",
	      "t/x.yaml:2:52: expected a MAC address");
	fails(HOOKS "devices: [{name: a, ifindex: 2, role: native, mtu: 67}]\n",
	      "t/x.yaml:2:52: an MTU is at least 68");
	fails(HOOKS "devices: {name: a}\n", "t/x.yaml:2:10: expected a list of devices");
	fails(HOOKS "devices: [{name: a, role: native}]\n",
	      "t/x.yaml:2:11: device: the key 'ifindex' is missing");
}

Test(target_desc, what_is_left_empty_is_missed)
{
	fails("hooks:\n", "t/x.yaml:1:1: expected a map of roles");
	fails(HOOKS "objects:\n", "t/x.yaml:2:1: objects: expected a map of keys, found nothing");
	fails(HOOKS "maps: {m: }\n", "t/x.yaml:2:8: map: expected a map of keys, found nothing");
	fails(HOOKS "tail_calls: [~]\n", "t/x.yaml:2:14: tail call: expected a map of keys");
	fails(HOOKS "devices: [a]\n", "t/x.yaml:2:11: device: expected a map of keys");
	fails(HOOKS "events: cilium_events\n", "t/x.yaml:2:9: events: expected a map of keys");
	fails(HOOKS "events: {decoder: cilium}\n",
	      "t/x.yaml:2:9: events: the key 'map' is missing");
	fails(HOOKS "objects: {files: {b.o: {types: [prog]}}}\n",
	      "t/x.yaml:2:32: expected a map of sections");
	fails(HOOKS "name: a/b\n", "t/x.yaml:2:7: a name is made of letters");
	fails(HOOKS "summary: \"a\\nb\"\n", "t/x.yaml:2:10: the summary is one line");
}

Test(target_desc, a_device_is_not_called_like_another_role)
{
	fails("hooks: {native: {ingress: a.o/in}, pod: {ingress: a.o/in}}\n"
	      "devices: [{name: pod, ifindex: 2, role: native}]\n",
	      "t/x.yaml:2:11: a device cannot have the name of another role, 'pod'");
}

Test(target_desc, a_role_without_hooks_is_named_with_the_nearest)
{
	fails(HOOKS "devices: [{name: a, ifindex: 2, role: nativ}]\n",
	      "t/x.yaml:2:39: no hooks for the role 'nativ'; did you mean 'native'?");
	fails(HOOKS "devices: [{name: a, ifindex: 2, role: endpoint}]\n",
	      "t/x.yaml:2:39: no hooks for the role 'endpoint'");
}

Test(target_desc, maps_have_room)
{
	fails(HOOKS "maps: {m: {max_entries: 0}}\n",
	      "t/x.yaml:2:25: a map of no entries cannot be made");
	fails(HOOKS "maps: {m: {max_entries: 0x100000000}}\n",
	      "t/x.yaml:2:25: expected a number from 0 to 4294967295");
	fails(HOOKS "maps: {m: {max_entries: -1}}\n", "t/x.yaml:2:25: expected a number");
	fails(HOOKS "maps: {m: {scope: nod}}\n",
	      "t/x.yaml:2:19: unknown scope 'nod'; did you mean 'node'?");
	fails(HOOKS "maps: [m]\n", "t/x.yaml:2:7: expected a map of maps");
}

Test(target_desc, tail_calls_lead_to_one_program_of_a_device_that_is_there)
{
	fails(HOOKS "tail_calls:\n  - {map: m, index: 1, program: a.o/x}\n"
		    "  - {map: m, index: 1, program: a.o/y}\n",
	      "t/x.yaml:4:5: slot 1 of m is filled twice; the first time in line 3");
	fails(HOOKS "tail_calls: [{map: m, index: 1, program: a.o/x, device: eth}]\n"
		    "devices: [{name: eth0, ifindex: 2, role: native}]\n",
	      "t/x.yaml:2:14: the tail call is for the device 'eth', which is none of 'devices'");
	cr_expect(strstr(err.text, "did you mean 'eth0'?"));
	fails(HOOKS "tail_calls: [{map: m, index: 1, program: b.o/x, device: eth0}]\n"
		    "devices: [{name: eth0, ifindex: 2, role: native}]\n",
	      "t/x.yaml:2:42: b.o is not loaded for the device 'eth0': no hook of its role "
	      "'native' names it");
	fails(HOOKS "tail_calls: [{map: m, program: a.o/x}]\n",
	      "t/x.yaml:2:14: tail call: the key 'index' is missing");
}

Test(target_desc, constants_have_a_value)
{
	fails(HOOKS "config: {a: }\n", "t/x.yaml:2:10: the constant 'a' is given no value");
	fails(HOOKS "config: a\n", "t/x.yaml:2:9: expected a map of constants");
}

Test(target_desc, a_file_describes_one_target)
{
	fails("", "t/x.yaml: the file is empty");
	fails("---\n" HOOKS "---\n" HOOKS, "t/x.yaml:4:1: a second document: one target a file");
	fails("[a]\n", "t/x.yaml:1:1: target: expected a map of keys, found a list");
	fails("name: x\n", "t/x.yaml:1:1: it names no object");
	fails("hooks: {a: [\n", "t/x.yaml:");
	fails("name: a\nname: b\n", "t/x.yaml:2:1: ");
}

/* ---- finding ---- */

static int find(const char *what)
{
	target_desc_free(d);
	d = NULL;
	return target_desc_load(what, &d, &err);
}

Test(target_desc, a_name_is_looked_for_in_the_folder_of_targets)
{
	files_write("fixtures/targets/mine.yaml", HOOKS);
	cr_expect_eq(find("mine"), 0, "%s", err.text);
	cr_expect_str_eq(d->path, "fixtures/targets/mine.yaml");
	cr_expect_str_eq(d->name, "mine");
	cr_expect_lt(find("mines"), 0);
	cr_expect(strstr(err.text, "no target 'mines'; did you mean 'mine'?"), "%s", err.text);
	cr_expect(strstr(err.text, "mine"), "%s", err.text);
	cr_expect_lt(find("nothing-of-the-kind"), 0);
	cr_expect(strstr(err.text, "known: "), "%s", err.text);
	cr_expect_lt(find("./mine"), 0);
	cr_expect(strstr(err.text, "cannot read ./mine"), "%s", err.text);
	cr_expect_lt(find("mine.yaml"), 0, "a path");
}

Test(target_desc, names_are_found_beside_the_program_too)
{
	cr_assert_eq(setenv("VERDICT_LIBDIR", home, 1), 0);
	cr_expect_eq(find("verdict"), 0, "%s", err.text);
	cr_expect_lt(find("verdct"), 0);
	cr_expect(strstr(err.text, "did you mean 'verdict'?"), "%s", err.text);
	cr_expect(strstr(err.text, "known: cilium-1.19, "), "%s", err.text);
}

/* ---- those of the tree ---- */

Test(target_desc, verdicts_own_says_what_the_agent_attaches)
{
	static const enum hook hooks[] = { HOOK_TC_INGRESS, HOOK_TC_EGRESS };

	cr_assert_eq(setenv("VERDICT_LIBDIR", home, 1), 0);
	cr_expect_eq(find("verdict"), 0, "%s", err.text);
	for (size_t i = 0; i < 2; i++) {
		const struct desc_hook *h =
			target_desc_hook(d, "native", word_name(&words_hook, hooks[i]));

		cr_assert(h);
		cr_expect_str_eq(h->ref.program, hop_program(hooks[i]));
		cr_expect_str_eq(h->ref.object, "bpf_host.o");
	}
	cr_expect_str_eq(agent_object_name(d, "native", 0), "bpf_host.o");
	cr_expect_null(agent_object_name(d, "native", 1));
	cr_expect_str_eq(agent_object_name(d, "endpoint", 0), "bpf_lxc.o");
}

/* The table "Programs and hooks" of the datapath's facts. */
Test(target_desc, ciliums_has_each_program_at_its_hook)
{
	static const char *const at[][4] = {
		{ "endpoint", "ingress", "bpf_lxc.o", "cil_from_container" },
		{ "endpoint", "egress", "bpf_lxc.o", "cil_to_container" },
		{ "native", "ingress", "bpf_host.o", "cil_from_netdev" },
		{ "native", "egress", "bpf_host.o", "cil_to_netdev" },
		{ "host", "egress", "bpf_host.o", "cil_from_host" },
		{ "net", "ingress", "bpf_host.o", "cil_to_host" },
		{ "overlay", "ingress", "bpf_overlay.o", "cil_from_overlay" },
		{ "overlay", "egress", "bpf_overlay.o", "cil_to_overlay" },
		{ "native", "xdp", "bpf_xdp.o", "cil_xdp_entry" },
		{ "cgroup", "connect4", "bpf_sock.o", "cil_sock4_connect" },
		{ "cgroup", "sendmsg4", "bpf_sock.o", "cil_sock4_sendmsg" },
		{ "cgroup", "recvmsg4", "bpf_sock.o", "cil_sock4_recvmsg" },
		{ "cgroup", "getpeername4", "bpf_sock.o", "cil_sock4_getpeername" },
		{ "cgroup", "post_bind4", "bpf_sock.o", "cil_sock4_post_bind" },
		{ "cgroup", "connect6", "bpf_sock.o", "cil_sock6_connect" },
		{ "cgroup", "sendmsg6", "bpf_sock.o", "cil_sock6_sendmsg" },
		{ "cgroup", "recvmsg6", "bpf_sock.o", "cil_sock6_recvmsg" },
		{ "cgroup", "getpeername6", "bpf_sock.o", "cil_sock6_getpeername" },
		{ "cgroup", "post_bind6", "bpf_sock.o", "cil_sock6_post_bind" },
		{ "cgroup", "sock_release", "bpf_sock.o", "cil_sock_release" },
	};

	cr_assert_eq(setenv("VERDICT_LIBDIR", home, 1), 0);
	cr_assert_eq(find("cilium-1.19"), 0, "%s", err.text);
	cr_expect_eq(d->n_hooks, sizeof(at) / sizeof(at[0]));
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		const struct desc_hook *h = target_desc_hook(d, at[i][0], at[i][1]);

		cr_assert(h, "%s %s", at[i][0], at[i][1]);
		cr_expect_str_eq(h->ref.object, at[i][2]);
		cr_expect_str_eq(h->ref.program, at[i][3]);
	}
}

/* ---- the reference ---- */

/* docs/targets.md is what the tables print. VERDICT_WRITE_DOCS=1 writes it anew. */
Test(target_desc, the_reference_is_that_of_docs)
{
	struct arena *a = arena_new();
	char *path = file_join(a, files_source_root(), "docs/targets.md"), *text;
	struct buf made = BUF_INIT;

	schema_print_targets(&made);
	if (getenv("VERDICT_WRITE_DOCS"))
		cr_assert_eq(file_write(path, made.data, made.len, &err), 0, "%s", err.text);
	cr_assert_eq(file_read(a, path, &text, NULL, &err), 0, "%s", err.text);
	cr_assert(strcmp(text, buf_str(&made)) == 0,
		  "docs/targets.md is not what the tables say; run this test with "
		  "VERDICT_WRITE_DOCS=1 and look at the difference");
	buf_free(&made);
	arena_free(a);
}

/* Room for whatever a key is read into. */
static union {
	struct target_desc desc;
	struct desc_object object;
	struct desc_map map;
	struct desc_tail_call tail_call;
	struct desc_device device;
} into;

static void example_is_read(struct arena *a, const struct schema *part, const struct schema_key *k)
{
	const char *text = arena_printf(a, "%s: %s\n", k->name, k->example);
	struct schema_ctx ctx = { a, ".", &err };
	struct value **docs;
	size_t n;

	memset(&into, 0, sizeof(into));
	cr_assert_eq(yaml_parse(a, text, strlen(text), part->name, &docs, &n, &err), 0, "%s",
		     err.text);
	cr_expect_eq(k->read(&ctx, value_get(docs[0], k->name), &into), 0, "%s: %s", part->name,
		     err.text);
}

Test(target_desc, every_example_of_the_reference_is_read)
{
	struct arena *a = arena_new();

	for (size_t i = 0; schema_target_parts[i]; i++)
		for (const struct schema_key *k = schema_target_parts[i]->keys; k->name; k++)
			example_is_read(a, schema_target_parts[i], k);
	arena_free(a);
}

Test(target_desc, the_example_of_the_reference_describes_verdicts_datapath)
{
	struct buf made = BUF_INIT;
	const char *begin, *end;
	struct arena *a = arena_new();

	schema_print_targets(&made);
	begin = strstr(made.data, "```yaml\n");
	cr_assert(begin);
	begin += strlen("```yaml\n");
	end = strstr(begin, "```\n");
	cr_assert(end);
	loads(arena_strndup(a, begin, (size_t)(end - begin)));
	cr_expect_str_eq(d->name, "my-node");
	cr_expect_eq(d->n_devices, 1);
	buf_free(&made);
	arena_free(a);
}
