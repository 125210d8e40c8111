/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Expectations as a whole: the table of `expect:`, events and lines, and what no table can see. */
#include <errno.h>
#include <string.h>

#include "scenario/expect_parts.h"

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
OF_LAST(live)
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
const struct schema schema_expect = {
	"expect",
	"What must be seen: one map, or a list of maps when packets differ. What is left out may be\n"
	"anything. `packets` and `match` choose packets; `outcome` to `explain` speak of each chosen one,\n"
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
	{ "packet", false, FIELDS, "any", "fields of the packet as it ended, in [script space](#script-space-and-live-space)", "{ip.ttl: 64, tcp.dstport: 2379}", ex_packet },
	{ "live", false, FIELDS, "any", "the same as its receiver really got it: what translation made of it", "{ip.dst: 10.0.1.5, tcp.dstport: 8080}", ex_live },
	{ "redirect", false, "[redirect](#redirect)", "any", "raw scenarios: where that program asked for the packet to go", "{ifindex: 3}", ex_redirect },
	{ "hops", false, "list of [hops](#hop)", "any", "each must occur, in this order; others may stand between", "[{at: master-1/eth0}, {at: master-0/eth0, ct: reply}]", ex_hops },
	{ "explain", false, "[tree](#a-packets-tree)", "any", "its way as `verdict explain` prints it; `engines: [testrun]` only", "\"...\\n+- ...: TC_ACT_SHOT...\\n...\"", ex_explain },
	{ "events", false, "map of counts", "any", "how many events: of a type (`drop`, `trace`, `policy-verdict`), of one [drop reason](#drop-reasons) or [trace point](#trace-points), or `lost`; under a node's name those of that node", "{drop: 0, trace/to-network: 1-2, master-0: {drop/POLICY: 0}}", ex_events },
	{ "maps", false, "map of nodes to maps to [changes](#maps)", "any", "what the step did to a map; in a raw scenario without the nodes", "{master-0: {cilium_ct4_global: {added: 1}}}", ex_maps },
	{ "monitor", false, "list of patterns", "any", "lines that the monitor must show", "[\"xx drop (Policy denied)*\"]", ex_monitor },
	{ "no_monitor", false, "list of patterns", "any", "lines that it must not show", "[Stale or unroutable IP]", ex_no_monitor },
	{ "log", false, "list of patterns", "any", "lines that an agent must log", "[\"*copied=1 lost=0*\"]", ex_log },
	{ "no_log", false, "list of patterns", "any", "lines that none may log", "[level=error]", ex_no_log },
	{ 0 } } };

/* clang-format on */

/* ---- the whole ---- */

static bool of_packets(const struct expect *e)
{
	const struct packet_expect *p = &e->last;

	return p->has_outcome || p->at || p->program || p->has_verdict || p->has_reason ||
	       p->has_ct || p->has_src_identity || p->has_dst_identity || p->n_fields ||
	       p->n_live || p->redirect || e->n_hops || e->tree;
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
