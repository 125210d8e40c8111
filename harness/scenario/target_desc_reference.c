/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reference of target files as Markdown, printed from the tables that read them. */
#include "scenario/parts.h"
#include "scenario/target_desc_parts.h"

static const char intro[] =
	"<!-- Made from the tables in harness/scenario/; a unit test holds this file\n"
	"     against them. -->\n"
	"# Target files\n\n"
	"A target file says what is tested: which objects, which of their programs sits at which\n"
	"hook, how they are configured. One object by itself needs none: `verdict replay --object\n"
	"X.o` is enough. A file is worth its lines where several objects work together, where an\n"
	"agent sets constants and fills slots of prog arrays, or where packets are to be followed\n"
	"from device to device.\n\n"
	"```yaml\n"
	"name: my-node\n"
	"summary: Verdict's datapath with the host firewall on\n"
	"objects: {dir: build/bpf}\n"
	"config: {enable_host_firewall: true}\n"
	"hooks:\n"
	"  native:\n"
	"    ingress: bpf_host.o/cil_from_netdev\n"
	"    egress: bpf_host.o/cil_to_netdev\n"
	"maps:\n"
	"  cilium_ct4_global: {max_entries: 4096}\n"
	"events: {map: cilium_events}\n"
	"devices:\n"
	"  - {name: eth0, ifindex: 2, role: native, mac: 02:00:00:00:00:02}\n"
	"```\n\n"
	"`verdict replay --target my-node.yaml --hook native/ingress CAPTURE` sends a capture\n"
	"through it, and in a scenario it stands as `target: {file: my-node.yaml}`. A file in\n"
	"`fixtures/targets/` is called by its name alone: `verdict` is Verdict's own datapath,\n"
	"`cilium-1.19` that of Cilium's objects, whose folder `VERDICT_CILIUM_OBJECTS` or\n"
	"`--objects` names.\n\n"
	"Objects are taken as shipped. `verdict inspect X.o` lists what can be named here: "
	"programs,\n"
	"constants with their defaults, maps, tail-call slots. A name that no object has is an "
	"error\n"
	"that shows the line and the nearest name there is; where builds differ, a constant, map "
	"or\n"
	"program may be written with a `?` at its end, and is then left out where it is "
	"missing.\n\n"
	"What is said twice holds in this order, the later before the earlier: the target's\n"
	"`config`, that of the object's file, that of the device, `--config`. The same goes for\n"
	"section types and map sizes and their options.\n\n"
	"Contents: ";

static const char values[] =
	"\n## Values\n\n"
	"| takes | is written |\n|---|---|\n"
	"| number | `12`, `0x1f` |\n"
	"| map of constants | `{NAME: VALUE}`, the value as the constant's type asks: numbers, "
	"`true` and `false`, addresses and MACs as people write them, `{field: value}` for structs "
	"|\n"
	"| `OBJECT/PROGRAM` | the object's file, a slash, the program's function: "
	"`bpf_lxc.o/cil_from_container` |\n";

static const char hooks[] = "\n## Hooks\n\n"
			    "The keys under a role of `hooks`.\n\n"
			    "| hook | where |\n|---|---|\n";

static const char live[] =
	"\nPrograms may also sit where the kernel has no test run, and are then loaded and wired, "
	"but no\npacket of a replay enters there: ";

static void print_hooks(struct buf *out)
{
	buf_puts(out, hooks);
	for (size_t i = 0; i < words_hook.n; i++)
		buf_printf(out, "| `%s` | %s |\n", words_hook.words[i].name,
			   words_hook.words[i].text);
	buf_puts(out, live);
	for (size_t i = 0; i < words_live_hook.n; i++)
		buf_printf(out, "%s`%s`", i ? ", " : "", words_live_hook.words[i].name);
	buf_puts(out, ".\n");
}

void schema_print_targets(struct buf *out)
{
	buf_puts(out, intro);
	reference_contents(out, schema_target_parts);
	buf_puts(out, " · [values](#values) · [hooks](#hooks)\n");
	for (size_t i = 0; schema_target_parts[i]; i++)
		reference_part(out, schema_target_parts[i]);
	buf_puts(out, values);
	print_hooks(out);
}
