/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Steps: the tables of send, restart, upgrade, advance and check. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "scenario/parts.h"

/* ---- send ---- */

static int send_capture(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct send_step *s = out;

	s->capture_loc = v->loc;
	return find_capture(ctx, v, &s->capture);
}

static int send_packets(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_packet_set(ctx, v, &((struct send_step *)out)->packets);
}

static int send_as(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct send_step *s = out;

	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc, "as: expected {ADDRESS: node/NAME}");
	for (size_t i = 0; i < v->n; i++) {
		struct binding b = { .loc = v->keys[i]->loc };

		if (!ip_addr_parse(v->keys[i]->text, &b.address))
			return err_input(ctx->err, &b.loc, "'%s' is no IP address",
					 v->keys[i]->text);
		if (read_member(ctx, v->items[i], &b.member))
			return -EINVAL;
		s->as = arena_grow(ctx->arena, s->as, s->n_as, sizeof(b));
		s->as[s->n_as++] = b;
	}
	return 0;
}

static int send_hook(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct send_step *s = out;
	const char *text, *slash;
	int rc = read_string(ctx, v, &text), n;

	if (rc)
		return rc;
	s->hook_loc = v->loc;
	slash = strchr(text, '/');
	s->hook = slash ? slash + 1 : text;
	if (!slash)
		return read_word(ctx, v, &words_hook, &n);
	s->role = arena_strndup(ctx->arena, text, (size_t)(slash - text));
	return 0;
}

static int read_u32(struct schema_ctx *ctx, const struct value *v, uint32_t max, uint32_t *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, max, &n);

	*out = (uint32_t)n;
	return rc;
}

static int send_ifindex(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct send_step *s = out;
	int rc = read_u32(ctx, v, INT32_MAX, &s->ifindex);

	if (!rc && !s->ifindex)
		return err_input(ctx->err, &v->loc, "the kernel counts devices from 1");
	return rc;
}

static int send_mark(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_u32(ctx, v, UINT32_MAX, &((struct send_step *)out)->mark);
}

static int send_rx_queue(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_u32(ctx, v, UINT32_MAX, &((struct send_step *)out)->rx_queue);
}

static int tn_id(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_u32(ctx, v, UINT32_MAX, &((struct send_step *)out)->tunnel_id);
}

static int tn_remote(struct schema_ctx *ctx, const struct value *v, void *out)
{
	const char *text = value_text(v);

	if (text && ip_addr_parse(text, &((struct send_step *)out)->tunnel_remote))
		return 0;
	return err_input(ctx->err, &v->loc, "expected an IP address");
}

static int send_tunnel(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct send_step *)out)->has_tunnel = true;
	return schema_bind(ctx, &schema_tunnel, v, out);
}

static int read_node_member(struct schema_ctx *ctx, const struct value *v, const char *key,
			    const char **out)
{
	const char *text;

	if (read_string(ctx, v, &text))
		return -EINVAL;
	if (strncmp(text, "node/", 5) != 0 || !text[5])
		return err_input(ctx->err, &v->loc, "%s: expected node/NAME, found '%s'", key,
				 text);
	*out = text + 5;
	return 0;
}

static int send_via(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct send_step *s = out;

	s->via_loc = v->loc;
	return read_node_member(ctx, v, "via", &s->via);
}

/* ---- restart and upgrade ---- */

static int restart_node(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct restart_step *r = out;

	r->node_loc = v->loc;
	return read_string(ctx, v, &r->node);
}

static const struct word agent_list[] = { { AGENT_GC_EXPIRED, "current", NULL },
					  { AGENT_GC_NO_ENDPOINT, "cilium-1.11", NULL } };
static const struct word mismatch_list[] = { { MAP_MISMATCH_MIGRATE, "migrate", NULL },
					     { MAP_MISMATCH_RECREATE, "recreate", NULL } };
static const struct word signal_list[] = { { 0, "KILL", NULL }, { 1, "TERM", NULL } };
static const struct word_table words_agent = { "agent", agent_list, 2 };
static const struct word_table words_mismatch = { "way with changed maps", mismatch_list, 2 };
static const struct word_table words_signal = { "signal", signal_list, 2 };

static int restart_agent(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int n = 0, rc = read_word(ctx, v, &words_agent, &n);

	((struct restart_step *)out)->gc = (enum agent_gc)n;
	return rc;
}

static int restart_mismatch(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int n = 0, rc = read_word(ctx, v, &words_mismatch, &n);

	((struct restart_step *)out)->on_map_mismatch = (enum map_mismatch)n;
	return rc;
}

static int restart_signal(struct schema_ctx *ctx, const struct value *v, void *out)
{
	int n = 0, rc = read_word(ctx, v, &words_signal, &n);

	((struct restart_step *)out)->graceful = n == 1;
	return rc;
}

static int upgrade_objects(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct restart_step *)out)->objects);
}

static int override_entries(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, UINT32_MAX, &n);

	if (!rc && !n)
		return err_input(ctx->err, &v->loc, "a map holds at least one entry");
	((struct map_override *)out)->max_entries = (uint32_t)n;
	return rc;
}

static int upgrade_maps(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct restart_step *r = out;

	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc, "maps: expected {MAP: {max_entries: 8192}}");
	for (size_t i = 0; i < v->n; i++) {
		struct map_override m = { .map = v->keys[i]->text, .loc = v->keys[i]->loc };

		if (schema_bind(ctx, &schema_override, v->items[i], &m))
			return -EINVAL;
		r->maps = arena_grow(ctx->arena, r->maps, r->n_maps, sizeof(m));
		r->maps[r->n_maps++] = m;
	}
	return 0;
}

/* ---- a step; out is a struct step. Its kind is checked once all keys are read ---- */

static int step_send(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct step *s = out;

	s->kind = STEP_SEND;
	return schema_bind(ctx, &schema_send, v, &s->send);
}

static int step_restart(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct step *s = out;

	s->kind = STEP_RESTART;
	return schema_bind(ctx, &schema_restart, v, &s->restart);
}

static int step_upgrade(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct step *s = out;

	s->kind = STEP_UPGRADE;
	if (schema_bind(ctx, &schema_upgrade, v, &s->restart))
		return -EINVAL;
	if (!s->restart.objects && !s->restart.n_maps)
		return err_input(ctx->err, &v->loc,
				 "an upgrade changes something: give objects, maps or both");
	return 0;
}

static int step_advance(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct step *s = out;

	s->kind = STEP_ADVANCE;
	return read_duration_ns(ctx, v, &s->advance_ns);
}

static int step_check(struct schema_ctx *ctx, const struct value *v, void *out)
{
	((struct step *)out)->kind = STEP_CHECK;
	if (v->kind == VALUE_NULL || (v->kind == VALUE_MAP && !v->n))
		return 0;
	return err_input(ctx->err, &v->loc,
			 "check takes nothing ('check: {}'): what to look at stands in its expect");
}

static int send_interface(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct send_step *s = out;

	s->interface_loc = v->loc;
	return read_string(ctx, v, &s->interface);
}

static int send_seen(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_seen(ctx, v, out);
}

#define FLOW(key, number)                                                                          \
	static int step_##key(struct schema_ctx *ctx, const struct value *v, void *out)            \
	{                                                                                          \
		struct step *s = out;                                                              \
                                                                                                   \
		s->kind = STEP_SEND;                                                               \
		return read_flow(ctx, v, number, &s->send);                                        \
	}
FLOW(tcp, IPPROTO_TCP)
FLOW(udp, IPPROTO_UDP)
FLOW(sctp, IPPROTO_SCTP)
FLOW(icmp, IPPROTO_ICMP)

static int step_apply(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct step *s = out;

	s->kind = STEP_APPLY;
	s->apply.loc = v->loc;
	return find_manifests(ctx, v, &s->apply.path);
}

/* "pod/default/web-0", "ccnp/etcd" */
static int step_delete(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct step *s = out;
	const char *text, *slash, *last;

	s->kind = STEP_DELETE;
	s->del.loc = v->loc;
	if (read_string(ctx, v, &text))
		return -EINVAL;
	slash = strchr(text, '/');
	last = strrchr(text, '/');
	if (!slash || slash == text || !last[1])
		return err_input(ctx->err, &v->loc,
				 "delete: expected KIND/NAMESPACE/NAME, or KIND/NAME of what has "
				 "no namespace, found '%s'",
				 text);
	s->del.kind = arena_strndup(ctx->arena, text, (size_t)(slash - text));
	s->del.name = last + 1;
	if (last > slash + 1)
		s->del.ns = arena_strndup(ctx->arena, slash + 1, (size_t)(last - slash - 1));
	if (last == slash || (s->del.ns && !strchr(s->del.ns, '/')))
		return 0;
	return err_input(ctx->err, &v->loc, "delete: KIND/NAMESPACE/NAME, found '%s'", text);
}

static int step_expect(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_expects(ctx, v, out);
}

/* clang-format off */
#define NODE { "node", true, "node name", NULL, "whose agent", "master-0", restart_node }
#define AGENT { "agent", false, "`current` or `cilium-1.11`", "`current`", "how it collects garbage at start: `current` deletes expired conntrack entries only, `cilium-1.11` also those whose addresses no endpoint has", "cilium-1.11", restart_agent }
#define MISMATCH { "on_map_mismatch", false, "`migrate` or `recreate`", "`migrate`", "what becomes of a pinned map whose properties changed: copied entry by entry, or replaced by an empty one", "recreate", restart_mismatch }
#define SIGNAL { "signal", false, "`KILL` or `TERM`", "`KILL`", "how the old agent is stopped", "TERM", restart_signal }

const struct schema schema_step = {
	"step",
	"One of the things a step can do, and what must be seen of it.",
	(const struct schema_key[]){
	{ "send", false, "[send](#send)", "", "replays packets of a capture, in order, at their own times", "{capture: etcd.pcapng, packets: 1-14}", step_send },
	{ "tcp", false, "[flow](#flow)", "", "sends a TCP flow written by hand, without a capture", "{from: client, to: \"web:80\", do: [handshake, \"GET\", reply]}", step_tcp },
	{ "udp", false, "[flow](#flow)", "", "UDP", "{from: client, to: \"default/dns-0:53\", do: [\"query\", reply]}", step_udp },
	{ "sctp", false, "[flow](#flow)", "", "SCTP", "{from: client, to: \"amf:36412\", do: [handshake, shutdown]}", step_sctp },
	{ "icmp", false, "[flow](#flow)", "", "ICMP, or ICMPv6 by the family", "{from: client, to: node/master-0, do: [echo, reply]}", step_icmp },
	{ "restart", false, "[restart](#restart)", "", "stops a node's agent and starts it again", "{node: master-0}", step_restart },
	{ "upgrade", false, "[upgrade](#upgrade)", "", "a restart with other objects or map sizes", "{node: master-0, objects: upgrades/wide_ct}", step_upgrade },
	{ "advance", false, "duration", "", "lets time pass without packets", "1m30s", step_advance },
	{ "apply", false, "file or folder", "", "manifests that are new or changed, in the scenario's folder or one above it; agents bring maps and programs to them as they do in a cluster", "web-1-gone.yaml", step_apply },
	{ "delete", false, "`KIND/NAMESPACE/NAME`", "", "an object that goes; of kinds without namespaces `KIND/NAME`", "pod/default/web-1", step_delete },
	{ "check", false, "`{}`", "", "does nothing: a place for an `expect`", "{}", step_check },
	{ "expect", false, "[expect](#expect) or list", "nothing", "what must be seen; a `send` without one only makes state", "{outcome: delivered}", step_expect },
	{ 0 } } };

const struct schema schema_send = {
	"send", "Packets of a pcap or pcapng file. Addresses of the nodes need no `as`.",
	(const struct schema_key[]){
	{ "capture", true, "file", NULL, "in the scenario's folder, or in `fixtures/captures` of a folder above it", "etcd.pcapng", send_capture },
	{ "packets", false, "packet numbers", "all", "which packets, as Wireshark counts", "\"1-3,9\"", send_packets },
	{ "as", false, "map of addresses to members", "addresses as they are", "whom an address in the capture stands for: `node/NAME`, `pod/NAMESPACE/NAME` or `world`", "{192.0.2.7: node/master-0, 192.0.2.9: world}", send_as },
	{ "via", false, "`node/NAME`", "the node that owns the address, else the first", "where packets from the world enter: for addresses that no node owns", "node/master-1", send_via },
	{ "interface", false, "pattern", "all", "of a capture of several interfaces: which of them saw the packets leave their senders", "eth0", send_interface },
	{ "seen", false, "list of [vantage points](#seen)", "none", "where else the same packets were captured: each must come by there, as it was seen", "[{at: node-1/eth0, interface: eth1}]", send_seen },
	{ "hook", false, "hook", "the program's own", "raw scenarios: where the packets enter; `ROLE/HOOK` of a target file, else one of `ingress`, `egress`, `xdp` and [others](#hooks)", "xdp", send_hook },
	{ "ifindex", false, "number", "the target file's, else 2", "raw scenarios: index of the device they are at", "3", send_ifindex },
	{ "mark", false, "number", "`0`", "raw scenarios: the packets' mark at entry (tc)", "0x200", send_mark },
	{ "rx_queue", false, "number", "`0`", "raw scenarios: the receive queue they come by (XDP)", "1", send_rx_queue },
	{ "tunnel", false, "[tunnel](#tunnel)", "none", "raw scenarios: the tunnel they came out of", "{id: 6}", send_tunnel },
	{ 0 } } };

const struct schema schema_tunnel = {
	"tunnel", "Metadata of the tunnel that packets have left, as `bpf_skb_get_tunnel_key` tells it.",
	(const struct schema_key[]){
	{ "id", true, "number", NULL, "the VNI", "6", tn_id },
	{ "remote", false, "IP address", "none", "the other end", "192.0.2.1", tn_remote },
	{ 0 } } };

const struct schema schema_restart = {
	"restart", "What is pinned and attached stays; the new agent takes it over.",
	(const struct schema_key[]){ NODE, AGENT, MISMATCH, SIGNAL, { 0 } } };

const struct schema schema_upgrade = {
	"upgrade", "Needs `objects`, `maps` or both.",
	(const struct schema_key[]){
	NODE,
	{ "objects", false, "folder", "the same", "the new release's programs, below the objects folder; `.` is that folder itself", "upgrades/wide_ct", upgrade_objects },
	{ "maps", false, "map of [map overrides](#map-override)", "the same", "other sizes, by map name", "{cilium_ct4_global: {max_entries: 8192}}", upgrade_maps },
	AGENT, MISMATCH, SIGNAL, { 0 } } };

const struct schema schema_override = {
	"map override", "An item of an upgrade's `maps`.",
	(const struct schema_key[]){
	{ "max_entries", true, "number", NULL, "the map's size after the upgrade", "8192", override_entries },
	{ 0 } } };
/* clang-format on */

static int one_thing(struct schema_ctx *ctx, const struct value *v)
{
	const struct value *first = NULL;

	if (v->kind != VALUE_MAP)
		return 0; /* the binder says it better */
	for (size_t i = 0; i < v->n; i++) {
		const struct value *key = v->keys[i];

		if (strcmp(key->text, "expect") == 0)
			continue;
		if (first)
			return err_input(ctx->err, &key->loc,
					 "a step does one thing: this one has both '%s' and '%s'",
					 first->text, key->text);
		first = key;
	}
	if (!first)
		return err_input(ctx->err, &v->loc,
				 "this step does nothing: give send, tcp, udp, sctp, icmp, "
				 "restart, upgrade, advance, apply, delete or check");
	return 0;
}

int read_steps(struct schema_ctx *ctx, const struct value *v, struct scenario *s)
{
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "steps: expected a list of steps");
	s->steps = arena_alloc(ctx->arena, v->n * sizeof(*s->steps));
	for (size_t i = 0; i < v->n; i++) {
		struct step *step = &s->steps[s->n_steps++];

		step->index = (unsigned)i + 1;
		step->raw = s->target != NULL;
		step->loc = v->items[i]->loc;
		if (one_thing(ctx, v->items[i]) ||
		    schema_bind(ctx, &schema_step, v->items[i], step) ||
		    link_flow(ctx, s, step, v->items[i]) || check_expects(ctx, step))
			return -EINVAL;
	}
	return 0;
}
