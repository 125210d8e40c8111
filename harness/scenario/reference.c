// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The reference of scenario files as Markdown, printed from the tables that read them. */
#include "base/words.h"
#include "scenario/flow.h"
#include "scenario/parts.h"
#include "scenario/sweep.h"

static void print_words(struct buf *out, const char *title, const char *text,
			const struct word_table *t)
{
	buf_printf(out, "\n## %s\n\n%s\n\n| word | number |%s\n|---|---|%s\n", title, text,
		   t->words[0].text ? " meaning |" : "", t->words[0].text ? "---|" : "");
	for (size_t i = 0; i < t->n; i++) {
		const struct word *w = &t->words[i];

		buf_printf(out, "| `%s` | %d |", w->name, w->number);
		if (t->words[0].text)
			buf_printf(out, " %s |", w->text ? w->text : "");
		buf_puts(out, "\n");
	}
}

void reference_part(struct buf *out, const struct schema *s)
{
	buf_printf(out,
		   "\n## %s\n\n%s\n\n| key | takes | default | meaning | example |\n"
		   "|---|---|---|---|---|\n",
		   s->name, s->text);
	for (const struct schema_key *k = s->keys; k->name; k++)
		buf_printf(out, "| `%s` | %s | %s | %s | `%s` |\n", k->name, k->type,
			   k->required ? "**required**" : k->def, k->text, k->example);
}

static const char intro[] =
	"<!-- Made from the tables in harness/scenario/; a unit test holds this file\n"
	"     against them. -->\n"
	"# The scenario file\n\n"
	"A scenario is a folder with a `scenario.yaml` and the captures it replays, on the\n"
	"datapath of a cluster or, as a raw scenario, on a program of any object; or it writes\n"
	"flows by hand. Each\n"
	"step does one thing and says what must be seen. What an expectation leaves out is\n"
	"free. Every mistake is reported with its file, line and column.\n\n"
	"```yaml\n"
	"name: agent-restart-mid-flow\n"
	"summary: Replies from etcd are accepted after the agent restarts\n"
	"cluster: fixtures/clusters/two-masters\n"
	"steps:\n"
	"  - send: {capture: etcd.pcapng, packets: 1-14}\n"
	"    expect: {outcome: delivered}\n"
	"  - restart: {node: master-0}\n"
	"  - send: {capture: etcd.pcapng, packets: 15}\n"
	"    expect:\n"
	"      outcome: delivered\n"
	"      at: master-0/eth0\n"
	"      ct: reply\n"
	"      events: {drop: 0}\n"
	"```\n\n"
	"Contents: ";

static const char ends[] = "\n## Ends of a flow\n\n"
			   "| `from`, `to` | who that is |\n|---|---|\n"
			   "| `client` | a host of `hosts`, else the one pod (of any namespace), "
			   "node or service of that "
			   "name |\n"
			   "| `pod/default/web-0`, `default/web-0` | a pod; where it has the "
			   "host's network, its node |\n"
			   "| `node/master-0` | a node's own stack |\n"
			   "| `svc/default/web:80`, `svc/web:http` | a service's cluster IP, at a "
			   "port by number or name; "
			   "the namespace may be left out where there is one such service |\n"
			   "| `svc/default/web:80 nodePort at node/worker-0` | the address of that "
			   "node, at the node port |\n"
			   "| `svc/default/web:80 loadBalancer`, `... externalIP` | the first such "
			   "address of the service |\n"
			   "| `10.0.1.5`, `\"10.0.1.5:80\"`, `\"[2001:db8::1]:80\"` | an address "
			   "of whomever, of the world "
			   "if nobody has it |\n";

static const char tree[] =
	"\n## A packet's tree\n\n"
	"`explain:` holds lines that `verdict explain` prints, as a literal block. "
	"All of "
	"them must\n"
	"stand in the packet's tree in this order and nothing between them, from its first line to "
	"its "
	"last; spaces\n"
	"at both ends of a line and empty lines do not count. `...` as a line stands for any "
	"number of "
	"lines, within a\n"
	"line for any text: a block that begins and ends with `...` names those lines alone that "
	"matter. "
	"What differs is\n"
	"shown as a diff. Each packet that the expectation means must have that tree.\n\n"
	"The same way gives the same text, on every machine and after any other scenario: devices "
	"are "
	"named; times\n"
	"(`lifetime`, `created`) count from when the packet was sent (`+60 s`); flow hashes are "
	"left out; "
	"where the\n"
	"datapath's source drops a packet stands on a line `source` of its own, which `...` can "
	"take; of "
	"a manifest there is\n"
	"the file's name and line. Another `seed` may choose another backend or, where ports "
	"collide, "
	"another source\n"
	"port: that is another way. Programs note what they look up in such a scenario, which "
	"costs the "
	"verifier\n"
	"some time; it needs `engines: [testrun]`, and with `verdict run --target` a tree is not "
	"looked "
	"at.\n";

static const char spaces[] = "\n## Script space and live space\n\n"
			     "On its way a packet gets other addresses and ports. What the capture "
			     "or the hand-written flow "
			     "calls\n"
			     "them, after `as`, is *script space*; what sockets really see is "
			     "*live space*. Each flow is bound "
			     "when\n"
			     "its first packet is delivered: then it is known who got it, and what "
			     "they saw. A later packet of "
			     "theirs\n"
			     "is sent from there, with the ports and addresses they saw; an ICMP "
			     "error quotes what its sender "
			     "saw.\n"
			     "What arrives is translated back, so `packet: {ip.dst: 10.96.0.1}` "
			     "speaks of the script's name for "
			     "the\n"
			     "service wherever the packet went, and fails where a packet of the "
			     "flow came out otherwise than "
			     "the one\n"
			     "before it. `live: {ip.dst: 10.0.1.5}` speaks of what its receiver "
			     "got. The packet that binds a "
			     "flow\n"
			     "defines what its ends are called: of it only `live` can say so. "
			     "Fields of `hops` are those of the "
			     "moment.\n\n"
			     "If no packet of a flow was delivered there is nobody who could "
			     "answer: packets of the other side "
			     "are\n"
			     "*not sent*, which never passes.\n";

static const char values[] =
	"\n## Values\n\n"
	"What the tables' second column means.\n\n"
	"| takes | is written |\n|---|---|\n"
	"| number | `12`, `0x1f` |\n"
	"| packet numbers | `7`, `1-3`, `4-` (to the end) or `\"1-3,9\"`, quoted because a comma "
	"inside "
	"`{ }` begins the next key; the first packet of a file is 1 |\n"
	"| count | `3`, `1-2` or `1-` (at least one) |\n"
	"| duration | whole numbers with `h`, `m`, `s`, `ms`, `us` or `ns`: `90s`, `1m30s` |\n"
	"| pattern | text that may stand anywhere in the line; with a `*`, the whole line as the "
	"shell "
	"matches it. Quote what begins with `*`, or holds `: ` or ` #` |\n"
	"| file, folder | a path; where it is looked for stands beside it |\n"
	"| map of fields | `{ip.ttl: 64, tcp.flags: SYN}`: the names of Wireshark's display "
	"filters, listed "
	"in [fields.md](fields.md) and by `verdict help fields` |\n"
	"| map of BTF fields | the fields' own names; addresses, ports and MACs as people write "
	"them |\n";

/* "map override" has the anchor #map-override, as GitHub and others make it. */
void reference_contents(struct buf *out, const struct schema *const *parts)
{
	for (size_t i = 0; parts[i]; i++) {
		buf_printf(out, "%s[%s](#", i ? " · " : "", parts[i]->name);
		for (const char *c = parts[i]->name; *c; c++)
			buf_putc(out, *c == ' ' ? '-' : *c);
		buf_puts(out, ")");
	}
}

void schema_print_reference(struct buf *out)
{
	buf_puts(out, intro);
	reference_contents(out, schema_parts);
	buf_puts(out,
		 " · [ends of a flow](#ends-of-a-flow) · [words of a flow](#words-of-a-flow) · "
		 "[script space and live space](#script-space-and-live-space) · [a packet's "
		 "tree](#a-packets-tree) · [values](#values) · "
		 "[words](#words)\n");
	for (size_t i = 0; schema_parts[i]; i++)
		reference_part(out, schema_parts[i]);
	buf_puts(out, ends);
	buf_puts(
		out,
		"\n## Words of a flow\n\n"
		"Items of `do`. Before most words `reply` makes it a packet from the side of `to`; "
		"`reply`\nalone is one packet. `3 packets of 1200` is that many packets of data; "
		"text in quotes is one\npacket with that data, `reply \"...\"` or `{reply: "
		"\"...\"}` from the other side, `{data: 500}` a\nsize. Sequence numbers go on "
		"from packet to packet, and each acknowledges all before it.\n");
	flow_print_words(out);
	buf_puts(out, spaces);
	buf_puts(out, tree);
	buf_puts(out, values);
	buf_puts(out,
		 "\n# Words\n\nA word is written in any case, with `-` or `_`; its number will "
		 "do as well.\n");
	print_words(out, "Outcomes",
		    "What became of a packet: it reached the stack of a node (`delivered`), a "
		    "program dropped it\n(`dropped`), it left the modelled world (`sent`), or a "
		    "program kept it (`consumed`).\n`unmodelled`, what the harness cannot know, "
		    "cannot be expected: it never passes.",
		    &words_outcome);
	print_words(out, "Variants",
		    "For `sweep`. A variant that cannot be had, or that changes no packet, is "
		    "named with the "
		    "reason; it is no pass.",
		    &words_variant);
	print_words(out, "Conntrack states", "For `ct`.", &words_ct_state);
	print_words(out, "Verdicts", "For `verdict`: what tc programs return.", &words_tc_verdict);
	print_words(out, "XDP verdicts", "For `verdict` in raw scenarios, as the two below.",
		    &words_xdp_verdict);
	print_words(out, "Cgroup verdicts", "Of programs at a cgroup's ingress and egress.",
		    &words_cgroup_verdict);
	print_words(out, "LWT verdicts", "Of programs at lightweight tunnels.", &words_lwt_verdict);
	print_words(out, "Hooks",
		    "For `hook` in raw scenarios. Programs at a cgroup's other hooks and at kernel "
		    "functions\ncannot be run with a packet.",
		    &words_hook);
	print_words(out, "Identities", "For `identity`; any other number may stand there too.",
		    &words_identity);
	print_words(out, "Redirecting helpers", "For `helper` in `redirect`.", &words_redirect);
	print_words(out, "Drop reasons", "For `drop_reason`, and behind `drop/` in `events`.",
		    &words_drop_reason);
	print_words(out, "Trace points", "Behind `trace/` in `events`.", &words_trace_point);
}
