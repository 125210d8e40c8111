// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A replay as text. */
#include <inttypes.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <string.h>

#include "judge/print.h"
#include "packet/packet_diff.h"
#include "packet/print.h"
#include "report/common.h"
#include "report/objects.h"
#include "report/replay.h"

#define INDENT	      "        "
#define VERDICT_WIDTH 15 /* "TC_ACT_REDIRECT" */

void replay_count(struct replay_totals *t, int verdict)
{
	t->packets++;
	for (size_t i = 0; i < t->n_verdicts; i++) {
		if (t->verdicts[i].verdict == verdict) {
			t->verdicts[i].n++;
			return;
		}
	}
	if (t->n_verdicts == REPLAY_VERDICTS) {
		t->other++;
		return;
	}
	t->verdicts[t->n_verdicts].verdict = verdict;
	t->verdicts[t->n_verdicts++].n = 1;
}

/* ---- head ---- */

static void print_seeded(struct buf *out, const struct replay_seeded *s)
{
	if (s->maps)
		buf_printf(out, "%zu entr%s written into %zu map%s\n", s->entries,
			   s->entries == 1 ? "y" : "ies", s->maps, s->maps == 1 ? "" : "s");
	for (size_t i = 0; i < s->n_notes; i++)
		buf_printf(out, "note: %s\n", s->notes[i]);
}

void replay_print_head(struct buf *out, const struct replay_head *h, bool verbose)
{
	const struct target_program *p = replay_program(h->replay);
	const struct replay_device *d = replay_device(h->replay);

	for (size_t i = 0; i < h->n_objects; i++)
		report_object_print(out, &h->objects[i], verbose || h->objects[i].n_changes <= 8);
	buf_printf(out, "%s of %s at %s of %s (ifindex %u)%s, Linux %s\n", p->name, p->object,
		   word_text(&words_hook, (int)replay_hook(h->replay)), d->name, d->ifindex,
		   p->interposed ? "" : ", as shipped: redirects are not seen, time is real",
		   h->kernel);
	print_seeded(out, replay_seeded(h->replay));
	buf_putc(out, '\n');
}

/* ---- a packet ---- */

static void print_device(struct buf *out, const struct hop_redirect *r)
{
	if (r->device)
		buf_printf(out, "%s (ifindex %u)", r->device, r->ifindex);
	else
		buf_printf(out, "ifindex %u", r->ifindex);
}

static void tell_redirect(struct buf *out, const struct hop_redirect *r)
{
	const char *name = word_name(&words_redirect, (int)r->kind);

	buf_printf(out, INDENT "%s to ", name ? name : "redirect");
	if (r->kind == NOTE_REDIRECT_MAP) {
		buf_printf(out, "map %s, key %u", r->map ? r->map : "?", r->key);
		if (r->ifindex)
			buf_puts(out, ": ");
	}
	if (r->kind != NOTE_REDIRECT_MAP || r->ifindex)
		print_device(out, r);
	if (r->kind == NOTE_REDIRECT || r->kind == NOTE_CLONE_REDIRECT)
		buf_puts(out, r->flags & BPF_F_INGRESS ? ", ingress" : ", egress");
	else if (r->flags)
		buf_printf(out, ", flags 0x%" PRIx64, r->flags);
	if (r->has_next_hop) {
		buf_puts(out, ", next hop ");
		ip_addr_print(out, &r->next_hop);
	}
	if (r->ret < 0)
		buf_printf(out, ": refused (%s)", strerror((int)-r->ret));
	buf_putc(out, '\n');
}

static void print_tunnel(struct buf *out, const struct tunnel_meta *t)
{
	buf_printf(out, INDENT "tunnel key: id %u, remote ", t->id);
	print_tunnel_remote(out, t);
	if (t->has_opt)
		buf_printf(out, ", %u bytes of options", t->opt_len);
	buf_putc(out, '\n');
}

static void print_tail_calls(struct buf *out, const struct hop *h)
{
	if (!h->n_tail_calls)
		return;
	buf_printf(out, INDENT "tail calls: %s", h->program);
	for (size_t i = 0; i < h->n_tail_calls; i++) {
		const struct hop_tail_call *c = &h->tail_calls[i];

		if (c->program)
			buf_printf(out, " > %s", c->program);
		else
			buf_printf(out, " > %s/%u", c->map ? c->map : "?", c->index);
	}
	buf_putc(out, '\n');
}

static void print_state(struct buf *out, const struct hop *h)
{
	const char *text = word_text(&words_drop_reason, h->drop_reason);
	const char *separator = INDENT;

	if (h->drop_reason) {
		buf_printf(out, "%s%s (", separator, text ? text : "drop reason");
		print_reason(out, h);
		buf_putc(out, ')');
		separator = ", ";
	}
	if (h->ct != CT_STATE_UNKNOWN) {
		buf_printf(out, "%sct %s", separator, print_ct(h->ct));
		separator = ", ";
	}
	if (h->has_identities) {
		buf_printf(out, "%sidentity ", separator);
		print_identity(out, h->src_identity);
		buf_puts(out, "->");
		print_identity(out, h->dst_identity);
		separator = ", ";
	}
	if (h->out.data && h->out_mark != h->mark) {
		buf_printf(out, "%smark 0x%x -> 0x%x", separator, h->mark, h->out_mark);
		separator = ", ";
	}
	if (*separator == ',')
		buf_putc(out, '\n');
}

static void print_events(struct buf *out, const struct hop *h)
{
	for (size_t i = 0; i < h->n_events; i++) {
		buf_puts(out, INDENT "event ");
		event_print_monitor(out, &h->events[i]);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < h->n_raw_events; i++) {
		const struct raw_event *e = &h->raw_events[i];

		buf_printf(out, INDENT "event of %u bytes: ", e->size);
		for (uint32_t j = 0; j < e->size && j < 64; j++)
			buf_printf(out, "%02x", e->data[j]);
		buf_puts(out, e->size > 64 ? "...\n" : "\n");
	}
	if (h->lost)
		buf_printf(out, INDENT "%" PRIu64 " events lost\n", h->lost);
}

/* ---- changed map entries ---- */

static void print_value(struct buf *out, const struct value *v)
{
	if (v)
		value_print(out, v);
	else
		buf_puts(out, "0"); /* what typed_decode() leaves out is zero padding */
}

/* "packets 0 -> 1, bytes 0 -> 82": only what differs. */
static void print_fields(struct buf *out, const char *path, const struct value *was,
			 const struct value *is, const char **separator)
{
	char below[256];

	if (was && is && value_equal(was, is))
		return;
	if (!was || !is || was->kind != VALUE_MAP || is->kind != VALUE_MAP) {
		buf_printf(out, "%s%s%s", *separator, path, *path ? " " : "");
		print_value(out, was);
		buf_puts(out, " -> ");
		print_value(out, is);
		*separator = ", ";
		return;
	}
	for (size_t i = 0; i < is->n; i++) {
		const char *key = is->keys[i]->text;

		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", key);
		print_fields(out, below, value_get(was, key), is->items[i], separator);
	}
	for (size_t i = 0; i < was->n; i++) {
		if (value_get(is, was->keys[i]->text))
			continue;
		snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "",
			 was->keys[i]->text);
		print_fields(out, below, was->items[i], NULL, separator);
	}
}

static void print_change(struct buf *out, const struct node_map_change *c)
{
	const char *separator = "";

	buf_printf(out, INDENT "map %s: %s ", c->map, map_kind_name(c->kind));
	value_print(out, c->key);
	if (c->kind == MAP_REMOVED) {
		buf_putc(out, '\n');
		return;
	}
	buf_puts(out, c->kind == MAP_ADDED ? " = " : ": ");
	if (c->kind == MAP_ADDED)
		print_value(out, c->is);
	else
		print_fields(out, "", c->was, c->is, &separator);
	buf_putc(out, '\n');
}

/* ---- all of a hop ---- */

static void print_bytes(struct buf *out, const char *when, const struct frame *f)
{
	__cleanup_buf struct buf dump = BUF_INIT;

	buf_printf(out, INDENT "%s:\n", when);
	packet_hexdump(&dump, f->data, f->len);
	for (const char *at = buf_str(&dump); *at;) {
		size_t len = strcspn(at, "\n");

		buf_printf(out, INDENT "  %.*s\n", (int)len, at);
		at += len + (at[len] == '\n');
	}
}

static void print_hop(struct buf *out, const struct hop *h, bool verbose)
{
	print_state(out, h);
	print_tail_calls(out, h);
	for (size_t i = 0; i < h->n_redirects; i++)
		tell_redirect(out, &h->redirects[i]);
	if (h->tunnel)
		print_tunnel(out, h->tunnel);
	print_packet_diff(out, &h->in, &h->out, INDENT);
	print_events(out, h);
	for (size_t i = 0; i < h->n_changes; i++)
		print_change(out, &h->changes[i]);
	if (verbose)
		print_bytes(out, "at entry", &h->in);
	if (verbose && frames_differ(&h->in, &h->out))
		print_bytes(out, "at exit", &h->out);
}

static void print_padded_verdict(struct buf *out, const struct hop *h)
{
	size_t from = out->len;

	if (!h || h->not_run)
		buf_puts(out, "not run");
	else
		print_verdict(out, h->hook, h->verdict);
	buf_pad(out, from, VERDICT_WIDTH);
}

static bool says_more(const struct trace *t)
{
	const struct hop *last = t->n_hops ? &t->hops[t->n_hops - 1] : NULL;

	return t->why || t->n_hops > 1 || (t->at && (!last || strcmp(t->at, last->at) != 0));
}

static void print_end(struct buf *out, const struct trace *t)
{
	buf_puts(out, INDENT "=> ");
	print_outcome(out, t);
	if (t->at)
		buf_printf(out, " at %s", t->at);
	buf_putc(out, '\n');
}

void replay_print_packet(struct buf *out, const struct trace *t, bool verbose)
{
	buf_printf(out, "%5" PRIu32 " +%" PRIu64 ".%06" PRIu64 " ", t->number,
		   t->rel_ns / 1000000000, t->rel_ns % 1000000000 / 1000);
	print_padded_verdict(out, t->n_hops ? &t->hops[0] : NULL);
	buf_putc(out, ' ');
	if (t->frame.data)
		packet_print(out, t->frame.data, t->frame.len, t->frame.wire_len, LINK_ETHERNET);
	buf_putc(out, '\n');
	if (t->truncated)
		buf_printf(out,
			   INDENT "warning: the capture had cut this packet; zeros fill it up to "
				  "%u bytes\n",
			   t->frame.len);
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];

		if (i) {
			buf_printf(out, INDENT "hop %zu: %s at %s of %s: ", i + 1, h->program,
				   word_text(&words_hook, (int)h->hook), h->device);
			print_verdict(out, h->hook, h->verdict);
			buf_putc(out, '\n');
		}
		print_hop(out, h, verbose);
	}
	if (says_more(t))
		print_end(out, t);
}

/* ---- the end ---- */

void replay_print_unexpected(struct buf *out, uint32_t number, enum hook hook, int verdict,
			     const struct replay_expected *e)
{
	buf_printf(out, "packet %" PRIu32 ": verdict: expected ", number);
	print_verdict(out, hook, e->verdict);
	if (e->number != number)
		buf_printf(out, " (record %" PRIu32 ")", e->number);
	buf_puts(out, ", actual ");
	print_verdict(out, hook, verdict);
	buf_putc(out, '\n');
}

void replay_print_totals(struct buf *out, const struct replay_totals *t, enum hook hook)
{
	const char *separator = ": ";

	buf_printf(out, "%" PRIu64 " packet%s", t->packets, t->packets == 1 ? "" : "s");
	for (size_t i = 0; i < t->n_verdicts; i++) {
		buf_printf(out, "%s%" PRIu64 " ", separator, t->verdicts[i].n);
		print_verdict(out, hook, t->verdicts[i].verdict);
		separator = ", ";
	}
	if (t->other)
		buf_printf(out, ", %" PRIu64 " other", t->other);
	if (t->unmodelled)
		buf_printf(out, "; %" PRIu64 " unmodelled", t->unmodelled);
	if (t->truncated)
		buf_printf(out, "; %" PRIu64 " cut by the capture", t->truncated);
	if (t->lost)
		buf_printf(out, "; %" PRIu64 " events lost", t->lost);
	buf_printf(out, "; %.3f s\n", (double)t->duration_ns / 1e9);
	if (t->compared)
		buf_printf(out,
			   "%" PRIu64 " verdicts compared with the capture's: %" PRIu64
			   " as expected, %" PRIu64 " not\n",
			   t->compared, t->compared - t->unexpected, t->unexpected);
}
