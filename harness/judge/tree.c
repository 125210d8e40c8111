/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's way as text: what stands in it is decided here, that it is stable in engine/sim_tell.c too. */
#include "judge/tree.h"

#include <linux/bpf.h>
#include <string.h>

#include "judge/print.h"
#include "packet/packet_diff.h"
#include "packet/parse.h"
#include "packet/print.h"

#define STEM  "|  "
#define LABEL 11 /* width of what stands before each fact */

static void label(struct buf *out, const char *word)
{
	buf_printf(out, STEM "%-*s", LABEL, word);
}

/* ---- values, without what is zero ---- */

static bool is_zero(const struct value *v)
{
	static const char zeros[] = "0:.";

	if (!v || v->kind == VALUE_NULL)
		return true;
	if (v->kind == VALUE_SCALAR)
		return v->text[strspn(v->text, zeros)] == '\0' || strcmp(v->text, "false") == 0;
	for (size_t i = 0; i < v->n; i++)
		if (!is_zero(v->items[i]))
			return false;
	return true;
}

static void print_value(struct buf *out, const struct value *v)
{
	const char *separator = "";

	if (!v || v->kind != VALUE_MAP) {
		if (v)
			value_print(out, v);
		else
			buf_putc(out, '0');
		return;
	}
	buf_putc(out, '{');
	for (size_t i = 0; i < v->n; i++) {
		if (is_zero(v->items[i]))
			continue;
		buf_printf(out, "%s%s: ", separator, v->keys[i]->text);
		print_value(out, v->items[i]);
		separator = ", ";
	}
	buf_putc(out, '}');
}

/* ---- a hop ---- */

static const char *const kinds[] = {
	[LOOKUP_FIND] = "looks up",
	[LOOKUP_UPDATE] = "writes",
	[LOOKUP_DELETE] = "deletes",
};

static void print_lookup(struct buf *out, const struct hop_lookup *l)
{
	label(out, kinds[l->kind]);
	buf_printf(out, "%s ", l->map);
	print_value(out, l->key);
	if (l->kind == LOOKUP_FIND && !l->found)
		buf_puts(out, ": none");
	else if (!l->found)
		buf_puts(out, ": refused by the kernel");
	else if (l->value) {
		buf_puts(out, l->kind == LOOKUP_FIND ? ": " : " = ");
		if (is_zero(l->value))
			buf_puts(out, "an entry of zeros");
		else
			print_value(out, l->value);
	} else if (l->kind == LOOKUP_FIND) {
		buf_puts(out, ": found, gone since");
	}
	buf_putc(out, '\n');
}

static bool is_same(const struct hop_lookup *a, const struct hop_lookup *b)
{
	return a->kind == b->kind && a->found == b->found && strcmp(a->map, b->map) == 0 &&
	       value_equal(a->key, b->key);
}

/* One asked again at once, with the same answer, is told once. */
static void print_lookups(struct buf *out, const struct hop *h)
{
	for (size_t i = 0; i < h->n_lookups; i++)
		if (!i || !is_same(&h->lookups[i], &h->lookups[i - 1]))
			print_lookup(out, &h->lookups[i]);
}

/* The file alone: what the folder is called depends on where verdict was started. */
static void print_told(struct buf *out, const struct told *told)
{
	const char *slash = told->at.file ? strrchr(told->at.file, '/') : NULL;

	if (told->at.file)
		buf_printf(out, "%s:%d: ", slash ? slash + 1 : told->at.file, told->at.line);
	buf_printf(out, "%s\n", told->text);
}

/* Where no lookup was noted, an event may tell; its hash of the flow is the kernel's own. */
static void print_policy_events(struct buf *out, const struct hop *h)
{
	for (size_t i = 0; i < h->n_events; i++) {
		struct event e = h->events[i];

		if (e.type != EVENT_POLICY_VERDICT)
			continue;
		e.hash = 0;
		label(out, "policy");
		event_print_monitor(out, &e);
		buf_putc(out, '\n');
	}
}

static void print_policy(struct buf *out, const struct hop *h)
{
	for (size_t i = 0; i < h->n_policy; i++) {
		label(out, h->policy[i].word);
		print_told(out, &h->policy[i].told);
	}
	if (!h->n_policy)
		print_policy_events(out, h);
}

static void print_state(struct buf *out, const struct hop *h)
{
	if (h->has_identities) {
		label(out, "identity");
		print_identity(out, h->src_identity);
		buf_puts(out, " -> ");
		print_identity(out, h->dst_identity);
		buf_putc(out, '\n');
	}
	if (h->ct != CT_STATE_UNKNOWN) {
		label(out, "conntrack");
		buf_printf(out, "%s\n", print_ct(h->ct));
	}
	if (h->out.data && h->out_mark != h->mark) {
		label(out, "mark");
		buf_printf(out, "0x%x -> 0x%x\n", h->mark, h->out_mark);
	}
}

static void print_tunnel(struct buf *out, const struct tunnel_meta *t)
{
	label(out, "tunnel");
	buf_puts(out, "to ");
	print_tunnel_remote(out, t);
	buf_printf(out, ", VNI %u", t->id);
	if (t->has_opt)
		buf_printf(out, ", %u bytes of options", t->opt_len);
	buf_putc(out, '\n');
}

/* By the device's name where it is known: its number is the machine's. */
static void print_redirect_line(struct buf *out, const struct hop_redirect *r)
{
	const char *helper = word_name(&words_redirect, (int)r->kind);

	buf_puts(out, helper ? helper : "redirect");
	if (r->kind == NOTE_REDIRECT_MAP)
		buf_printf(out, " by map %s key %u", r->map ? r->map : "(unknown)", r->key);
	if (r->device)
		buf_printf(out, " to %s", r->device);
	else if (r->ifindex)
		buf_printf(out, " to ifindex %u", r->ifindex);
	if (r->kind == NOTE_REDIRECT && r->flags & BPF_F_INGRESS)
		buf_puts(out, " ingress");
	else if (r->flags)
		buf_printf(out, " flags %#llx", (unsigned long long)r->flags);
	if (r->has_next_hop) {
		buf_puts(out, " next hop ");
		ip_addr_print(out, &r->next_hop);
	}
}

static void print_redirects(struct buf *out, const struct hop *h)
{
	for (size_t i = 0; i < h->n_redirects; i++) {
		label(out, "goes");
		print_redirect_line(out, &h->redirects[i]);
		buf_putc(out, '\n');
	}
}

/* Without checksums, which follow, and bytes, which the fields say better and the seed worse. */
static void print_rewrite(struct buf *out, const struct hop *h)
{
	__cleanup_buf struct buf diff = BUF_INIT;

	print_packet_diff(&diff, &h->in, &h->out, "");
	for (const char *at = buf_str(&diff); *at;) {
		int len = (int)strcspn(at, "\n");
		bool skip = strncmp(at, "bytes ", 6) == 0 || strncmp(at, "length ", 7) == 0 ||
			    memmem(at, (size_t)len, ".checksum ", 10);

		if (!skip) {
			label(out, "rewrites");
			buf_printf(out, "%.*s\n", len, at);
		}
		at += len + (at[len] == '\n');
	}
}

static void print_programs(struct buf *out, const struct hop *h)
{
	buf_puts(out, h->program);
	for (size_t i = 0; i < h->n_tail_calls; i++) {
		const struct hop_tail_call *c = &h->tail_calls[i];

		if (c->program)
			buf_printf(out, " > %s", c->program);
		else
			buf_printf(out, " > %s[%u]", c->map ? c->map : "?", c->index);
	}
}

/* " (POLICY 133)" */
static void print_reason_word(struct buf *out, const struct hop *h)
{
	const char *name = word_name(&words_drop_reason, h->drop_reason);

	buf_printf(out, " (%s%s%d)", name ? name : "", name ? " " : "", h->drop_reason);
}

static void print_source(struct buf *out, const struct hop *h)
{
	const char *file = word_name(&words_source_file, h->drop_file);

	if (!h->drop_line)
		return;
	label(out, "source");
	if (file)
		buf_printf(out, "%s:%u\n", file, h->drop_line);
	else
		buf_printf(out, "file %u line %u\n", h->drop_file, h->drop_line);
}

static void print_hop(struct buf *out, const struct hop *h)
{
	buf_printf(out, "+- %s %s: ", h->at, word_text(&words_hook, (int)h->hook));
	print_programs(out, h);
	buf_puts(out, ": ");
	if (h->not_run)
		buf_puts(out, "not run");
	else
		print_verdict(out, h->hook, h->verdict);
	if (h->drop_reason) {
		const char *text = word_text(&words_drop_reason, h->drop_reason);

		buf_printf(out, ", %s", text ? text : "dropped");
		print_reason_word(out, h);
	}
	buf_putc(out, '\n');
	print_source(out, h);
	print_state(out, h);
	print_lookups(out, h);
	print_policy(out, h);
	print_rewrite(out, h);
	if (h->tunnel)
		print_tunnel(out, h->tunnel);
	print_redirects(out, h);
	if (!h->observed && !h->not_run) {
		label(out, "unseen");
		buf_puts(out, "the program ran as shipped: what it asked helpers is not known\n");
	}
}

static void print_notes(struct buf *out, const struct trace *t, size_t hop)
{
	for (size_t i = 0; i < t->n_notes; i++)
		if (t->notes[i].before == hop)
			buf_printf(out, "+- %s: %s\n", t->notes[i].at, t->notes[i].text);
}

static void print_packet_line(struct buf *out, const struct frame *f)
{
	if (f->data)
		packet_print(out, f->data, f->len, f->wire_len, LINK_ETHERNET);
}

static void print_end(struct buf *out, const struct trace *t)
{
	const char *outcome = word_name(&words_outcome, (int)t->outcome);
	const struct hop *last = t->n_hops ? &t->hops[t->n_hops - 1] : NULL;

	buf_printf(out, "`- %s", outcome ? outcome : "not sent");
	if (t->outcome == OUTCOME_DROPPED && last && last->drop_reason)
		print_reason_word(out, last);
	if (t->why)
		buf_printf(out, " (%s)", t->why);
	if (t->at)
		buf_printf(out, " at %s", t->at);
	buf_putc(out, '\n');
	if (t->final.data) {
		buf_puts(out, "   as ");
		print_packet_line(out, &t->final);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < t->n_advice; i++) {
		buf_puts(out, "   ");
		print_told(out, &t->advice[i]);
	}
}

static void print_way(struct buf *out, const struct trace *t)
{
	print_packet_line(out, &t->frame);
	buf_putc(out, '\n');
	for (size_t i = 0; i < t->n_hops; i++) {
		print_notes(out, t, i);
		print_hop(out, &t->hops[i]);
	}
	print_notes(out, t, t->n_hops);
	print_end(out, t);
}

void tree_print(struct buf *out, unsigned step, const struct trace *t)
{
	buf_printf(out, "step %u, packet %u: ", step, t->number);
	print_way(out, t);
	if (!t->answer)
		return;
	buf_puts(out, "\nwhat the node's stack answers: ");
	print_way(out, t->answer);
}

void tree_print_monitor(struct buf *out, const struct trace *t)
{
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];

		for (size_t j = 0; j < h->n_events; j++) {
			buf_printf(out, "%s> ", h->node);
			event_print_monitor(out, &h->events[j]);
			buf_putc(out, '\n');
		}
		if (!h->n_events)
			buf_printf(out, "%s> (no event of %s at %s)\n", h->node, h->program, h->at);
	}
	if (t->answer)
		tree_print_monitor(out, t->answer);
}
