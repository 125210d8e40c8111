/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Expectations: the tables of `expect:`, of a hop, and of what a step may do to maps. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/parts.h"

/* ---- what a packet or a hop must show; out is a struct packet_expect ---- */

static int pe_outcome(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;
	int n = 0, rc = read_word(ctx, v, &words_outcome, &n);

	p->has_outcome = true;
	p->outcome = (enum outcome)n;
	p->outcome_loc = v->loc;
	if (!rc && n == OUTCOME_UNMODELLED)
		return err_input(ctx->err, &v->loc,
				 "'%s' is what the harness cannot know: it is never a pass and "
				 "cannot be expected",
				 v->text);
	return rc;
}

static int pe_at(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->at_loc = v->loc;
	return read_string(ctx, v, &p->at);
}

static int pe_program(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->program_loc = v->loc;
	return read_string(ctx, v, &p->program);
}

/* Of whichever kind of program; check_raw() holds it against the hook. */
static int read_verdict(struct schema_ctx *ctx, const struct value *v, struct packet_expect *p)
{
	static const struct word_table *const tables[] = { &words_tc_verdict, &words_xdp_verdict,
							   &words_cgroup_verdict,
							   &words_lwt_verdict };
	const char *near = NULL, *end = value_text(v);
	char *rest;

	if (!end || !*end)
		return read_word(ctx, v, &words_tc_verdict, &p->verdict);
	p->verdict = (int)strtol(end, &rest, 0);
	if (!*rest)
		return 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		p->verdict_words = tables[i];
		if (word_parse(tables[i], v->text, &p->verdict))
			return 0;
		near = near ? near : word_nearest(tables[i], v->text);
	}
	if (near)
		return err_input(ctx->err, &v->loc, "unknown verdict '%s'; did you mean '%s'?",
				 v->text, near);
	return err_input(ctx->err, &v->loc,
			 "unknown verdict '%s'; known are TC_ACT_OK, XDP_PASS and their like",
			 v->text);
}

static int pe_verdict(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->has_verdict = true;
	p->verdict_loc = v->loc;
	return read_verdict(ctx, v, p);
}

static int pe_reason(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->has_reason = true;
	p->reason_loc = v->loc;
	return read_word(ctx, v, &words_drop_reason, &p->reason);
}

static int pe_ct(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;
	int n = 0, rc = read_word(ctx, v, &words_ct_state, &n);

	p->has_ct = true;
	p->ct = (enum ct_state)n;
	p->ct_loc = v->loc;
	return rc;
}

static int read_identity(struct schema_ctx *ctx, const struct value *v, uint32_t *out)
{
	const char *s = value_text(v);
	uint64_t big;
	int n = 0, rc;

	if (s && parse_u64(s, strlen(s), UINT32_MAX, &big)) {
		*out = (uint32_t)big;
		return 0;
	}
	rc = read_word(ctx, v, &words_identity, &n);
	*out = (uint32_t)n;
	return rc;
}

static int id_src(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->has_src_identity = true;
	p->src_identity_loc = v->loc;
	return read_identity(ctx, v, &p->src_identity);
}

static int id_dst(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->has_dst_identity = true;
	p->dst_identity_loc = v->loc;
	return read_identity(ctx, v, &p->dst_identity);
}

static int pe_identity(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind == VALUE_MAP && !v->n)
		return err_input(ctx->err, &v->loc, "identity: give src, dst or both");
	return schema_bind(ctx, &schema_identity, v, out);
}

static int read_fields(struct schema_ctx *ctx, const struct value *v, struct field_expect **list,
		       size_t *n)
{
	if (v->kind != VALUE_MAP || !v->n)
		return err_input(
			ctx->err, &v->loc,
			"expected packet fields such as {ip.src: 10.0.0.1, tcp.dstport: 80}");
	for (size_t i = 0; i < v->n; i++) {
		const struct value *key = v->keys[i], *item = v->items[i];
		const struct field *f = field_find(key->text);
		const char *near = f ? NULL : field_nearest(key->text), *text;

		if (near)
			return err_input(ctx->err, &key->loc,
					 "unknown packet field '%s'; did you mean '%s'?", key->text,
					 near);
		if (!f)
			return err_input(ctx->err, &key->loc, "unknown packet field '%s'",
					 key->text);
		if (read_string(ctx, item, &text))
			return -EINVAL;
		if (!field_valid(f, text))
			return err_input(ctx->err, &item->loc, "'%s' can be no value of %s (%s)",
					 text, key->text, field_text(f));
		*list = arena_grow(ctx->arena, *list, *n, sizeof(**list));
		(*list)[(*n)++] = (struct field_expect){ f, text, key->loc };
	}
	return 0;
}

static int pe_packet(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	return read_fields(ctx, v, &p->fields, &p->n_fields);
}

/* ---- redirect; out is a struct redirect_expect ---- */

static int rd_helper(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_word(ctx, v, &words_redirect, &((struct redirect_expect *)out)->helper);
}

static int rd_ifindex(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct redirect_expect *r = out;
	uint64_t n = 0;
	int rc = read_u64(ctx, v, INT32_MAX, &n);

	r->has_ifindex = true;
	r->ifindex = (uint32_t)n;
	return rc;
}

static int rd_flags(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct redirect_expect *r = out;

	r->has_flags = true;
	return read_u64(ctx, v, UINT64_MAX, &r->flags);
}

static int rd_map(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct redirect_expect *)out)->map);
}

static int rd_key(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct redirect_expect *r = out;
	uint64_t n = 0;
	int rc = read_u64(ctx, v, UINT32_MAX, &n);

	r->has_key = true;
	r->key = (uint32_t)n;
	return rc;
}

static int pe_redirect(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct redirect_expect *r = arena_new_of(ctx->arena, struct redirect_expect);

	r->loc = v->loc;
	((struct packet_expect *)out)->redirect = r;
	if (v->kind == VALUE_MAP && !v->n)
		return err_input(ctx->err, &v->loc, "redirect: expects nothing");
	return schema_bind(ctx, &schema_redirect, v, r);
}

/* ---- `expect:` as a whole; out is a struct expect, and its `last` is the packet's end ---- */

#define OF_LAST(name)                                                                              \
	static int ex_##name(struct schema_ctx *ctx, const struct value *v, void *out)             \
	{                                                                                          \
		return pe_##name(ctx, v, &((struct expect *)out)->last);                           \
	}
OF_LAST(outcome)
OF_LAST(at)
OF_LAST(program)
OF_LAST(verdict)
OF_LAST(reason)
OF_LAST(ct)
OF_LAST(identity)
OF_LAST(packet)
OF_LAST(redirect)

static int ex_packets(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_packet_set(ctx, v, &((struct expect *)out)->packets);
}

static int ex_match(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct expect *e = out;

	return read_fields(ctx, v, &e->match, &e->n_match);
}

static int ex_hops(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct expect *e = out;

	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "hops: expected a list of hops");
	for (size_t i = 0; i < v->n; i++) {
		struct packet_expect *hop;

		if (v->items[i]->kind == VALUE_MAP && !v->items[i]->n)
			return err_input(ctx->err, &v->items[i]->loc, "hop: expects nothing");
		e->hops = arena_grow(ctx->arena, e->hops, e->n_hops, sizeof(*e->hops));
		hop = &e->hops[e->n_hops++];
		memset(hop, 0, sizeof(*hop));
		hop->loc = v->items[i]->loc;
		if (schema_bind(ctx, &schema_hop, v->items[i], hop))
			return -EINVAL;
	}
	return 0;
}

/* ---- event counts ---- */

static int event_detail(struct schema_ctx *ctx, const struct value *key, int type,
			const char *detail, const char **name)
{
	const struct word_table *t = type == EVENT_DROP	   ? &words_drop_reason
				     : type == EVENT_TRACE ? &words_trace_point
							   : NULL;
	struct value word = { .kind = VALUE_SCALAR, .loc = key->loc, .text = detail };
	int n, rc;

	if (!t)
		return err_input(ctx->err, &key->loc,
				 "only drop/REASON and trace/POINT can be told apart further");
	word.loc.col += (int)(detail - key->text);
	rc = read_word(ctx, &word, t, &n);
	if (!rc)
		*name = arena_printf(ctx->arena, "%s/%s", word_name(&words_event_type, type),
				     word_name(t, n));
	return rc;
}

/* "drop", "drop/POLICY", "trace/to-network", "lost": *name in the tables' own spelling. */
static int read_event_name(struct schema_ctx *ctx, const struct value *key, const char **name)
{
	const char *slash = strchr(key->text, '/');
	struct value head = *key;
	int type, rc;

	if (strcmp(key->text, "lost") == 0) {
		*name = "lost";
		return 0;
	}
	if (slash)
		head.text = arena_strndup(ctx->arena, key->text, (size_t)(slash - key->text));
	rc = read_word(ctx, &head, &words_event_type, &type);
	if (rc)
		return rc;
	*name = word_name(&words_event_type, type);
	return slash ? event_detail(ctx, key, type, slash + 1, name) : 0;
}

static int read_counts(struct schema_ctx *ctx, const struct value *v, const char *node,
		       struct expect *e)
{
	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc,
				 "expected event counts such as {drop: 0, trace/to-network: 1-2}");
	for (size_t i = 0; i < v->n; i++) {
		struct count_expect c = { .node = node, .loc = v->keys[i]->loc };

		if (v->items[i]->kind == VALUE_MAP && !node) {
			if (read_counts(ctx, v->items[i], v->keys[i]->text, e))
				return -EINVAL;
			continue;
		}
		if (read_event_name(ctx, v->keys[i], &c.name) ||
		    read_count(ctx, v->items[i], &c.min, &c.max))
			return -EINVAL;
		e->counts = arena_grow(ctx->arena, e->counts, e->n_counts, sizeof(c));
		e->counts[e->n_counts++] = c;
	}
	return 0;
}

static int ex_events(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_counts(ctx, v, NULL, out);
}

/* ---- maps ---- */

struct map_place { /* what the readers of added, changed ... fill */
	struct expect *e;
	const char *node, *map;
};

static void add_map_expect(struct schema_ctx *ctx, struct map_place *p, struct map_expect m)
{
	struct expect *e = p->e;

	m.node = p->node;
	m.map = p->map;
	e->maps = arena_grow(ctx->arena, e->maps, e->n_maps, sizeof(m));
	e->maps[e->n_maps++] = m;
}

static int read_map_change(struct schema_ctx *ctx, const struct value *v, struct map_place *p,
			   enum map_change_kind kind)
{
	struct map_expect m = { .kind = kind, .has_count = true, .loc = v->loc };

	if (v->kind == VALUE_SCALAR && kind != MAP_ABSENT) {
		if (read_count(ctx, v, &m.min, &m.max))
			return -EINVAL;
		add_map_expect(ctx, p, m);
		return 0;
	}
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc,
				 kind == MAP_ABSENT
					 ? "expected a list of entries {key: {...}, value: {...}}"
					 : "expected a count, or a list of entries {key: {...}, "
					   "value: {...}}");
	for (size_t i = 0; i < v->n; i++) {
		const struct value *entry = v->items[i];

		if (schema_bind(ctx, &schema_entry, entry, NULL))
			return -EINVAL;
		if (!entry->n)
			return err_input(ctx->err, &entry->loc,
					 "map entry: give key, value or both");
		add_map_expect(
			ctx, p,
			(struct map_expect){ .kind = kind, .entry = entry, .loc = entry->loc });
	}
	return 0;
}

#define MAP_CHANGE(name, kind)                                                                     \
	static int mp_##name(struct schema_ctx *ctx, const struct value *v, void *out)             \
	{                                                                                          \
		return read_map_change(ctx, v, out, kind);                                         \
	}
MAP_CHANGE(added, MAP_ADDED)
MAP_CHANGE(changed, MAP_CHANGED)
MAP_CHANGE(removed, MAP_REMOVED)
MAP_CHANGE(present, MAP_PRESENT)
MAP_CHANGE(absent, MAP_ABSENT)

static int en_any(struct schema_ctx *ctx, const struct value *v, void *out)
{
	(void)out;
	if (v->kind == VALUE_NULL || (v->kind == VALUE_MAP && !v->n))
		return err_input(ctx->err, &v->loc, "map entry: no fields given");
	return 0;
}

static int read_node_maps(struct schema_ctx *ctx, const struct value *node, struct map_place *p)
{
	for (size_t j = 0; j < node->n; j++) {
		p->map = node->keys[j]->text;
		if (node->items[j]->kind == VALUE_MAP && !node->items[j]->n)
			return err_input(ctx->err, &node->items[j]->loc,
					 "maps: nothing expected of '%s'", p->map);
		if (schema_bind(ctx, &schema_maps, node->items[j], p))
			return -EINVAL;
	}
	return 0;
}

static int ex_maps(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct map_place p = { .e = out };

	if (v->kind != VALUE_MAP || !v->n)
		return err_input(ctx->err, &v->loc, "maps: expected %s",
				 p.e->raw ? "{MAP: {added: 1}}" : "{NODE: {MAP: {added: 1}}}");
	if (p.e->raw)
		return read_node_maps(ctx, v, &p);
	for (size_t i = 0; i < v->n; i++) {
		const struct value *node = v->items[i];

		p.node = v->keys[i]->text;
		if (node->kind != VALUE_MAP || !node->n)
			return err_input(ctx->err, &node->loc,
					 "maps: expected the maps of node '%s': {MAP: {added: 1}}",
					 p.node);
		if (read_node_maps(ctx, node, &p))
			return -EINVAL;
	}
	return 0;
}

/* ---- lines of the monitor and of the log ---- */

struct text_list {
	struct text_expect **list;
	size_t *n;
	bool absent;
};

static int read_text(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct text_list *t = out;
	struct text_expect e = { .absent = t->absent, .loc = v->loc };

	if (read_string(ctx, v, &e.text))
		return -EINVAL;
	*t->list = arena_grow(ctx->arena, *t->list, *t->n, sizeof(e));
	(*t->list)[(*t->n)++] = e;
	return 0;
}

#define TEXTS(key, member, not_there)                                                              \
	static int ex_##key(struct schema_ctx *ctx, const struct value *v, void *out)              \
	{                                                                                          \
		struct expect *e = out;                                                            \
		struct text_list t = { &e->member, &e->n_##member, not_there };                    \
                                                                                                   \
		return read_each(ctx, v, "lines", read_text, &t);                                  \
	}
TEXTS(monitor, monitor, false)
TEXTS(no_monitor, monitor, true)
TEXTS(log, log, false)
TEXTS(no_log, log, true)

/* ---- the tables ---- */

/* clang-format off */
#define PLACE "`NODE/DEVICE`, in raw scenarios `DEVICE`"
#define FIELDS "map of [fields](fields.md)"

const struct schema schema_expect = {
	"expect",
	"What must be seen: one map, or a list of maps when packets differ. What is left out may be\n"
	"anything. `packets` and `match` choose packets; `outcome` to `hops` speak of each chosen one,\n"
	"`events` to `no_log` of the step as a whole. `verdict`, `ct`, `identity` and `program` speak of\n"
	"the packet's last hop. A step that sends nothing takes only the second kind.",
	(const struct schema_key[]){
	{ "packets", false, "packet numbers", "all of the step", "which packets are meant", "15-19", ex_packets },
	{ "match", false, FIELDS, "all", "of these, only those that looked like this in the capture, before `as`", "{tcp.srcport: 2379}", ex_match },
	{ "outcome", false, "[outcome](#outcomes)", "any", "what became of the packet", "delivered", ex_outcome },
	{ "at", false, "`NODE/DEVICE` or `world`, in raw scenarios `DEVICE`", "any", "where the packet ended", "master-0/eth0", ex_at },
	{ "program", false, "name", "any", "the last program that saw it", "cil_from_netdev", ex_program },
	{ "verdict", false, "[verdict](#verdicts)", "any", "what that program returned", "TC_ACT_OK", ex_verdict },
	{ "drop_reason", false, "[drop reason](#drop-reasons)", "any", "why it was dropped, by name or number", "POLICY", ex_reason },
	{ "ct", false, "[conntrack state](#conntrack-states)", "any", "what the conntrack lookup found", "reply", ex_ct },
	{ "identity", false, "[identity](#identity)", "any", "who was talking to whom", "{src: kube-apiserver, dst: host}", ex_identity },
	{ "packet", false, FIELDS, "any", "fields of the packet as it ended", "{ip.ttl: 64, tcp.dstport: 2379}", ex_packet },
	{ "redirect", false, "[redirect](#redirect)", "any", "raw scenarios: where that program asked for the packet to go", "{ifindex: 3}", ex_redirect },
	{ "hops", false, "list of [hops](#hop)", "any", "each must occur, in this order; others may stand between", "[{at: master-1/eth0}, {at: master-0/eth0, ct: reply}]", ex_hops },
	{ "events", false, "map of counts", "any", "how many events: of a type (`drop`, `trace`, `policy-verdict`), of one [drop reason](#drop-reasons) or [trace point](#trace-points), or `lost`; under a node's name those of that node", "{drop: 0, trace/to-network: 1-2, master-0: {drop/POLICY: 0}}", ex_events },
	{ "maps", false, "map of nodes to maps to [changes](#maps)", "any", "what the step did to a map; in a raw scenario without the nodes", "{master-0: {cilium_ct4_global: {added: 1}}}", ex_maps },
	{ "monitor", false, "list of patterns", "any", "lines that the monitor must show", "[\"xx drop (Policy denied)*\"]", ex_monitor },
	{ "no_monitor", false, "list of patterns", "any", "lines that it must not show", "[Stale or unroutable IP]", ex_no_monitor },
	{ "log", false, "list of patterns", "any", "lines that an agent must log", "[\"*copied=1 lost=0*\"]", ex_log },
	{ "no_log", false, "list of patterns", "any", "lines that none may log", "[level=error]", ex_no_log },
	{ 0 } } };

const struct schema schema_identity = {
	"identity", "Security identities as the program saw them: a [name](#identities), or a number.",
	(const struct schema_key[]){
	{ "src", false, "[identity](#identities)", "any", "of the sender", "kube-apiserver", id_src },
	{ "dst", false, "[identity](#identities)", "any", "of the receiver", "host", id_dst },
	{ 0 } } };

const struct schema schema_redirect = {
	"redirect", "The last call of a helper that says where the packet is to go. It is seen where helper calls are\n"
	"replaced (`interpose`).",
	(const struct schema_key[]){
	{ "helper", false, "[helper](#redirecting-helpers)", "any", "which helper was called", "redirect_neigh", rd_helper },
	{ "ifindex", false, "number", "any", "index of the device", "3", rd_ifindex },
	{ "flags", false, "number", "any", "the call's flags; for `redirect` 1 is the device's ingress", "0", rd_flags },
	{ "map", false, "name", "any", "of `redirect_map`: the map", "tx_port", rd_map },
	{ "key", false, "number", "any", "of `redirect_map`: the key", "0", rd_key },
	{ 0 } } };

const struct schema schema_hop = {
	"hop", "One run of one program, an item of `hops`.",
	(const struct schema_key[]){
	{ "at", false, PLACE, "any", "where it ran", "master-0/eth0", pe_at },
	{ "program", false, "name", "any", "which program", "cil_from_netdev", pe_program },
	{ "verdict", false, "[verdict](#verdicts)", "any", "what it returned", "TC_ACT_SHOT", pe_verdict },
	{ "drop_reason", false, "[drop reason](#drop-reasons)", "any", "why it dropped the packet", "133", pe_reason },
	{ "ct", false, "[conntrack state](#conntrack-states)", "any", "what its conntrack lookup found", "new", pe_ct },
	{ "identity", false, "[identity](#identity)", "any", "who was talking to whom", "{src: world, dst: host}", pe_identity },
	{ "redirect", false, "[redirect](#redirect)", "any", "raw scenarios: where it asked for the packet to go", "{helper: redirect, ifindex: 3}", pe_redirect },
	{ "packet", false, FIELDS, "any", "fields of the packet as it left the program", "{ip.dst: 10.160.128.0/24}", pe_packet },
	{ 0 } } };

const struct schema schema_maps = {
	"maps", "Changes of one map over the step. Each item of a list must match an entry; the fields it\n"
	"leaves out may be anything.",
	(const struct schema_key[]){
	{ "added", false, "count or list of [entries](#map-entry)", "any", "entries that are new", "1", mp_added },
	{ "changed", false, "count or list of [entries](#map-entry)", "any", "entries with another value than before", "[{value: {rx_closing: 1}}]", mp_changed },
	{ "removed", false, "count or list of [entries](#map-entry)", "any", "entries that are gone", "0", mp_removed },
	{ "present", false, "count or list of [entries](#map-entry)", "any", "entries that are there after the step", "[{key: {dport: 2379}}]", mp_present },
	{ "absent", false, "list of [entries](#map-entry)", "any", "entries that must not be there after the step", "[{key: {dport: 22}}]", mp_absent },
	{ 0 } } };

const struct schema schema_entry = {
	"map entry", "Fields by the names of the map's BTF; `bpftool btf dump file build/bpf/bpf_host.o` lists them.",
	(const struct schema_key[]){
	{ "key", false, "map of BTF fields", "any", "fields of the key", "{daddr: 10.160.128.34, dport: 2379}", en_any },
	{ "value", false, "map of BTF fields", "any", "fields of the value", "{seen_non_syn: 1}", en_any },
	{ 0 } } };
/* clang-format on */

/* ---- the whole ---- */

static bool of_packets(const struct expect *e)
{
	const struct packet_expect *p = &e->last;

	return p->has_outcome || p->at || p->program || p->has_verdict || p->has_reason ||
	       p->has_ct || p->has_src_identity || p->has_dst_identity || p->n_fields ||
	       p->redirect || e->n_hops;
}

static bool of_step(const struct expect *e)
{
	return e->n_counts || e->n_maps || e->n_monitor || e->n_log;
}

static int read_expect(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct step *step = out;
	struct expect *e;
	int rc;

	step->expects = arena_grow(ctx->arena, step->expects, step->n_expects, sizeof(*e));
	e = &step->expects[step->n_expects++];
	memset(e, 0, sizeof(*e));
	e->loc = e->last.loc = v->loc;
	e->source = v;
	e->raw = step->raw;
	rc = schema_bind(ctx, &schema_expect, v, e);
	if (!rc && !of_packets(e) && !of_step(e))
		rc = err_input(ctx->err, &v->loc, "this expectation expects nothing");
	return rc;
}

int read_expects(struct schema_ctx *ctx, const struct value *v, struct step *step)
{
	if (v->kind == VALUE_MAP)
		return read_expect(ctx, v, step);
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc, "expect: expected a map, or a list of maps");
	return read_each(ctx, v, "maps", read_expect, step);
}

static int check_expect(struct schema_ctx *ctx, const struct step *step, const struct expect *e)
{
	const struct packet_expect *p = &e->last;
	struct buf sent = BUF_INIT;

	if (p->has_reason && p->has_outcome && p->outcome != OUTCOME_DROPPED)
		return err_input(ctx->err, &p->reason_loc,
				 "a packet that is %s has no drop reason: drop one of the two",
				 word_name(&words_outcome, (int)p->outcome));
	if (step->kind != STEP_SEND) {
		if (of_packets(e) || e->packets.n || e->n_match)
			return err_input(
				ctx->err, &e->loc,
				"this step sends no packet: only events, maps, monitor and log "
				"can be expected of it");
		return 0;
	}
	if (packet_sets_meet(&e->packets, &step->send.packets))
		return 0;
	packet_set_print(&sent, &step->send.packets);
	err_input(ctx->err, &e->loc, "none of these packets is sent by this step, which sends %s",
		  buf_str(&sent));
	buf_free(&sent);
	return -EINVAL;
}

int check_expects(struct schema_ctx *ctx, const struct step *step)
{
	for (size_t i = 0; i < step->n_expects; i++) {
		int rc = check_expect(ctx, step, &step->expects[i]);

		if (rc)
			return rc;
	}
	return 0;
}
