// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Expectations of a packet: the readers of its keys, the tables of a hop, its identities, a redirect. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/expect_parts.h"

int pe_outcome(struct schema_ctx *ctx, const struct value *v, void *out)
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

int pe_at(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->at_loc = v->loc;
	return read_string(ctx, v, &p->at);
}

int pe_program(struct schema_ctx *ctx, const struct value *v, void *out)
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

int pe_verdict(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->has_verdict = true;
	p->verdict_loc = v->loc;
	return read_verdict(ctx, v, p);
}

int pe_reason(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	p->has_reason = true;
	p->reason_loc = v->loc;
	return read_word(ctx, v, &words_drop_reason, &p->reason);
}

int pe_ct(struct schema_ctx *ctx, const struct value *v, void *out)
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

int pe_identity(struct schema_ctx *ctx, const struct value *v, void *out)
{
	if (v->kind == VALUE_MAP && !v->n)
		return err_input(ctx->err, &v->loc, "identity: give src, dst or both");
	return schema_bind(ctx, &schema_identity, v, out);
}

int read_fields(struct schema_ctx *ctx, const struct value *v, struct field_expect **list,
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

int pe_packet(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	return read_fields(ctx, v, &p->fields, &p->n_fields);
}

int pe_live(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct packet_expect *p = out;

	return read_fields(ctx, v, &p->live, &p->n_live);
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

int pe_redirect(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct redirect_expect *r = arena_new_of(ctx->arena, struct redirect_expect);

	r->loc = v->loc;
	((struct packet_expect *)out)->redirect = r;
	if (v->kind == VALUE_MAP && !v->n)
		return err_input(ctx->err, &v->loc, "redirect: expects nothing");
	return schema_bind(ctx, &schema_redirect, v, r);
}

/* ---- the tables ---- */

/* clang-format off */
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
/* clang-format on */
