// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a scenario with a target cannot say, and what one with a cluster cannot. */
#include <errno.h>
#include <string.h>

#include "scenario/flow.h"
#include "scenario/parts.h"
#include "scenario/target_desc.h"

static int unknown_hook(struct schema_ctx *ctx, const struct target_desc *d,
			const struct send_step *send)
{
	struct buf known = BUF_INIT;

	for (size_t i = 0; i < d->n_hooks; i++)
		buf_printf(&known, "%s%s/%s", i ? ", " : "", d->hooks[i].role, d->hooks[i].name);
	if (send->hook)
		err_input(ctx->err, &send->hook_loc, "the target %s has no hook %s%s%s", d->name,
			  send->role ? send->role : "", send->role ? "/" : "", send->hook);
	else
		err_input(ctx->err, &send->capture_loc,
			  "send: the key 'hook' is missing (where the packets enter target %s)",
			  d->name);
	err_hint(ctx->err, "it has %s", buf_str(&known));
	buf_free(&known);
	return -EINVAL;
}

/* At a role's hook, or at that of a device, which has the hooks of its role. */
static bool has_hook(const struct target_desc *d, const struct send_step *send)
{
	if (!send->role || !send->hook)
		return false;
	for (size_t i = 0; i < d->n_devices; i++)
		if (!strcmp(d->devices[i].name, send->role) &&
		    target_desc_hook(d, d->devices[i].role, send->hook))
			return true;
	return target_desc_hook(d, send->role, send->hook) != NULL;
}

static int check_hook(struct schema_ctx *ctx, const struct raw_target *t,
		      const struct send_step *send)
{
	if (t->file && !t->program)
		return !t->desc || has_hook(t->desc, send) ? 0 : unknown_hook(ctx, t->desc, send);
	if (send->role)
		return err_input(ctx->err, &send->hook_loc,
				 "a program that is named is at a hook without a role, such as "
				 "ingress, egress or xdp");
	return 0;
}

/* What a program at the send's hook returns, as far as the file tells; *known: whether it does. */
static const struct word_table *verdicts_of(const struct scenario *s, const struct send_step *send,
					    bool *known)
{
	int hook;

	*known = true;
	if (!s->target)
		return &words_tc_verdict;
	/* behind a redirect is another hook */
	*known = !s->target->follow && send->hook && word_parse(&words_hook, send->hook, &hook);
	return *known ? words_verdict((enum hook)hook) : NULL;
}

static int check_verdict(struct schema_ctx *ctx, const struct packet_expect *p,
			 const struct word_table *words)
{
	if (!p->has_verdict || p->verdict_words == words ||
	    (!p->verdict_words && (!words || word_name(words, p->verdict))))
		return 0;
	if (p->verdict_words)
		err_input(ctx->err, &p->verdict_loc, "no program at this hook returns %s (%s)",
			  word_name(p->verdict_words, p->verdict), p->verdict_words->what);
	else
		err_input(ctx->err, &p->verdict_loc, "unknown %s %d", words->what, p->verdict);
	if (words)
		err_hint(ctx->err, "expected: %s, such as %s", words->what, words->words[1].name);
	return -EINVAL;
}

/* On a cluster's nodes a packet meets both. */
static int check_tc_or_xdp(struct schema_ctx *ctx, const struct expect *e)
{
	int rc = 0;

	for (size_t i = 0; i <= e->n_hops && !rc; i++) {
		const struct packet_expect *p = i < e->n_hops ? &e->hops[i] : &e->last;
		bool xdp = p->verdict_words == &words_xdp_verdict ||
			   (!p->verdict_words && word_name(&words_xdp_verdict, p->verdict));

		rc = check_verdict(ctx, p, xdp ? p->verdict_words : &words_tc_verdict);
	}
	return rc;
}

static int check_verdicts(struct schema_ctx *ctx, const struct scenario *s,
			  const struct send_step *send, const struct expect *e)
{
	const struct word_table *words;
	bool known;
	int rc;

	words = verdicts_of(s, send, &known);
	if (!known)
		return 0;
	if (!s->target)
		return check_tc_or_xdp(ctx, e);
	rc = check_verdict(ctx, &e->last, words);
	for (size_t i = 0; i < e->n_hops && !rc; i++)
		rc = check_verdict(ctx, &e->hops[i], words);
	return rc;
}

static int only_raw(struct schema_ctx *ctx, const struct loc *at, const char *what)
{
	return err_input(ctx->err, at,
			 "%s belongs to raw scenarios, which have a target and no "
			 "cluster",
			 what);
}

static int check_cluster_part(struct schema_ctx *ctx, const struct packet_expect *p)
{
	const char *slash = p->at ? strchr(p->at, '/') : NULL;

	if (p->redirect)
		return only_raw(ctx, &p->redirect->loc, "redirect");
	if (!p->at || strcmp(p->at, "world") == 0 || (slash && slash > p->at && slash[1]))
		return 0;
	return err_input(ctx->err, &p->at_loc,
			 "expected a place such as master-0/eth0, or world, found '%s'", p->at);
}

static int check_cluster_expect(struct schema_ctx *ctx, const struct expect *e)
{
	int rc = check_cluster_part(ctx, &e->last);

	for (size_t i = 0; i < e->n_hops && !rc; i++)
		rc = check_cluster_part(ctx, &e->hops[i]);
	return rc;
}

static int check_raw_expect(struct schema_ctx *ctx, const struct expect *e)
{
	if (e->last.n_live)
		return err_input(ctx->err, &e->last.live[0].loc,
				 "live: in a raw scenario nothing is translated back: `packet` is "
				 "what was seen");
	for (size_t i = 0; i < e->n_counts; i++)
		if (e->counts[i].node)
			return err_input(ctx->err, &e->counts[i].loc,
					 "a raw scenario has no nodes: events are counted over "
					 "all");
	if (e->n_log)
		return err_input(ctx->err, &e->log[0].loc, "a raw scenario has no agent that logs");
	return 0;
}

static int check_raw_step(struct schema_ctx *ctx, const struct scenario *s, const struct step *step)
{
	int rc = 0;

	if (step->kind == STEP_RESTART || step->kind == STEP_UPGRADE)
		return err_input(ctx->err, &step->loc,
				 "a raw scenario has no agent to %s: its steps are send, advance "
				 "and check",
				 step->kind == STEP_RESTART ? "restart" : "upgrade");
	if (step->kind == STEP_APPLY || step->kind == STEP_DELETE ||
	    (step->kind == STEP_SEND && step->send.flow))
		return err_input(ctx->err, &step->loc,
				 "a raw scenario has no cluster: its steps are send, advance and "
				 "check");
	if (step->kind == STEP_SEND && step->send.via)
		return err_input(ctx->err, &step->send.via_loc, "a raw scenario has no nodes");
	if (step->kind == STEP_SEND && (step->send.interface || step->send.n_seen))
		return err_input(ctx->err,
				 step->send.n_seen ? &step->send.seen[0].loc
						   : &step->send.interface_loc,
				 "interface and seen belong to scenarios with a cluster");
	if (step->kind == STEP_SEND && step->send.n_as)
		return err_input(ctx->err, &step->send.as[0].loc,
				 "a raw scenario has no members that an address could stand for");
	if (step->kind == STEP_SEND)
		rc = check_hook(ctx, s->target, &step->send);
	for (size_t i = 0; i < step->n_expects && !rc; i++)
		rc = check_raw_expect(ctx, &step->expects[i]);
	return rc;
}

static int check_step(struct schema_ctx *ctx, const struct scenario *s, const struct step *step)
{
	int rc = 0;

	if (s->target)
		rc = check_raw_step(ctx, s, step);
	else if (step->kind == STEP_SEND && step->send.hook)
		rc = only_raw(ctx, &step->send.hook_loc, "hook");
	else if (step->kind == STEP_SEND && (step->send.ifindex || step->send.mark ||
					     step->send.rx_queue || step->send.has_tunnel))
		rc = only_raw(ctx, &step->loc, "ifindex, mark, rx_queue or tunnel");
	for (size_t i = 0; i < step->n_expects && !rc; i++) {
		if (!s->target)
			rc = check_cluster_expect(ctx, &step->expects[i]);
		if (!rc && step->kind == STEP_SEND)
			rc = check_verdicts(ctx, s, &step->send, &step->expects[i]);
	}
	return rc;
}

static const struct loc *key_loc(const struct value *v, const char *key)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->keys[i]->text, key))
			return &v->keys[i]->loc;
	return &v->loc;
}

int check_raw(struct schema_ctx *ctx, const struct value *v, struct scenario *s)
{
	int rc = 0;

	if (!s->target && !s->cluster)
		return err_input(ctx->err, &v->loc,
				 "scenario: the key 'cluster' is missing (the cluster's "
				 "manifests), or for a raw scenario 'target' (the object under "
				 "test)");
	if (s->target && s->cluster)
		return err_input(ctx->err, key_loc(v, "target"),
				 "a scenario has a cluster or a target, not both");
	if (s->target && s->n_hosts)
		return err_input(ctx->err, &s->hosts[0].loc, "hosts belong to a cluster");
	if (s->target && s->values)
		return err_input(ctx->err, key_loc(v, "values"),
				 "values belong to a cluster: constants of a target stand in its "
				 "config");
	if (s->target && s->sweep)
		return err_input(
			ctx->err, key_loc(v, "sweep"),
			"a raw scenario is not swept: variants are of scenarios with a cluster");
	if (s->target && (s->engines & ENGINE_NETNS) && value_get(v, "engines"))
		return err_input(ctx->err, key_loc(v, "engines"),
				 "a raw scenario runs on testrun only");
	if (s->target)
		s->engines = ENGINE_TESTRUN;
	for (size_t i = 0; i < s->n_steps && !rc; i++)
		rc = check_step(ctx, s, &s->steps[i]);
	return rc;
}
