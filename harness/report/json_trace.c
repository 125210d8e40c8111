// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets, hops, events, log lines and map changes as JSON. Names where a number has one; the number
 * stands beside it where programs will compare.
 */
#include <arpa/inet.h>
#include <string.h>

#include "judge/print.h"
#include "packet/print.h"
#include "report/json.h"

static json_t *name(const struct word_table *t, int number)
{
	const char *s = word_name(t, number);
	char text[16];

	if (s)
		return json_text(s);
	snprintf(text, sizeof(text), "%d", number);
	return json_text(text);
}

static json_t *hex(const struct frame *f)
{
	static const char digits[] = "0123456789abcdef";
	__cleanup_buf struct buf out = BUF_INIT;

	if (!f->data)
		return json_null();
	for (uint32_t i = 0; i < f->len; i++) {
		buf_putc(&out, digits[f->data[i] >> 4]);
		buf_putc(&out, digits[f->data[i] & 15]);
	}
	return json_string(buf_str(&out));
}

static json_t *drop(const struct hop *h)
{
	json_t *o;

	if (!h->drop_reason)
		return json_null();
	o = json_object();
	json_object_set_new(o, "number", json_integer(h->drop_reason));
	json_object_set_new(o, "reason", name(&words_drop_reason, h->drop_reason));
	json_object_set_new(o, "text", json_text(word_text(&words_drop_reason, h->drop_reason)));
	json_object_set_new(o, "file", json_text(word_name(&words_source_file, h->drop_file)));
	json_object_set_new(o, "line", json_integer(h->drop_line));
	return o;
}

static json_t *events(const struct hop *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n_events; i++) {
		const struct event *e = &h->events[i];
		__cleanup_buf struct buf line = BUF_INIT;
		json_t *o = json_object();

		event_print_monitor(&line, e);
		json_object_set_new(o, "type", name(&words_event_type, (int)e->type));
		json_object_set_new(o, "subtype", json_integer(e->subtype));
		json_object_set_new(o, "monitor", json_text(buf_str(&line)));
		json_array_append_new(list, o);
	}
	return list;
}

/* tc's two have been tc-ingress and tc-egress in this format from its beginning. */
static const char *hook_name(enum hook hook)
{
	return hook == HOOK_TC_INGRESS	? "tc-ingress"
	       : hook == HOOK_TC_EGRESS ? "tc-egress"
					: word_name(&words_hook, (int)hook);
}

/* Scalars stay text, as map fields may hold more than JSON's numbers do. */
static json_t *tree(const struct value *v)
{
	json_t *o;

	if (!v || v->kind == VALUE_NULL)
		return json_null();
	if (v->kind == VALUE_SCALAR)
		return json_text(v->text);
	o = v->kind == VALUE_MAP ? json_object() : json_array();
	for (size_t i = 0; i < v->n; i++) {
		__cleanup_buf struct buf key = BUF_INIT;

		if (v->kind == VALUE_LIST) {
			json_array_append_new(o, tree(v->items[i]));
			continue;
		}
		report_clean(&key, v->keys[i]->text);
		json_object_set_new(o, buf_str(&key), tree(v->items[i]));
	}
	return o;
}

static json_t *change(const struct node_map_change *ch)
{
	json_t *o = json_object();

	json_object_set_new(o, "node", json_text(ch->node));
	json_object_set_new(o, "map", json_text(ch->map));
	json_object_set_new(o, "kind", json_text(map_kind_name(ch->kind)));
	json_object_set_new(o, "key", tree(ch->key));
	json_object_set_new(o, "was", tree(ch->was));
	json_object_set_new(o, "is", tree(ch->is));
	return o;
}

static json_t *hex_bytes(const uint8_t *data, uint32_t len)
{
	const struct frame f = { .data = (uint8_t *)data, .len = len };

	return hex(&f);
}

static json_t *redirects(const struct hop *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n_redirects; i++) {
		const struct hop_redirect *r = &h->redirects[i];
		__cleanup_buf struct buf next = BUF_INIT;
		json_t *o = json_object();

		if (r->has_next_hop)
			ip_addr_print(&next, &r->next_hop);
		json_object_set_new(o, "helper", name(&words_redirect, (int)r->kind));
		json_object_set_new(o, "ifindex", json_integer(r->ifindex));
		json_object_set_new(o, "device", json_text(r->device));
		json_object_set_new(o, "flags", json_number(r->flags));
		json_object_set_new(o, "map", json_text(r->map));
		json_object_set_new(o, "key", r->map ? json_integer(r->key) : json_null());
		json_object_set_new(o, "next_hop",
				    r->has_next_hop ? json_text(buf_str(&next)) : json_null());
		json_object_set_new(o, "returned", json_integer(r->ret));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *tail_calls(const struct hop *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n_tail_calls; i++) {
		const struct hop_tail_call *c = &h->tail_calls[i];
		json_t *o = json_object();

		json_object_set_new(o, "map", json_text(c->map));
		json_object_set_new(o, "index", json_integer(c->index));
		json_object_set_new(o, "program", json_text(c->program));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *tunnel(const struct tunnel_meta *t)
{
	struct ip_addr remote = { .family = 4 };
	__cleanup_buf struct buf text = BUF_INIT;
	json_t *o;

	if (!t)
		return json_null();
	if (t->ipv6) {
		remote.family = 6;
		memcpy(remote.bytes, t->remote_ip6, sizeof(remote.bytes));
	} else {
		uint32_t net = htonl(t->remote_ip4);

		memcpy(remote.bytes, &net, sizeof(net));
	}
	ip_addr_print(&text, &remote);
	o = json_object();
	json_object_set_new(o, "id", json_integer(t->id));
	json_object_set_new(o, "remote", json_text(buf_str(&text)));
	json_object_set_new(o, "options", hex_bytes(t->opt, t->has_opt ? t->opt_len : 0));
	return o;
}

/* What only a replay sees. */
static void add_observed(json_t *o, const struct hop *h)
{
	json_t *raw = json_array(), *changes = json_array();

	for (size_t i = 0; i < h->n_raw_events; i++)
		json_array_append_new(raw, hex_bytes(h->raw_events[i].data, h->raw_events[i].size));
	for (size_t i = 0; i < h->n_changes; i++)
		json_array_append_new(changes, change(&h->changes[i]));
	json_object_set_new(o, "observed", json_boolean(h->observed));
	json_object_set_new(o, "mark", json_integer(h->mark));
	json_object_set_new(o, "out_mark", json_integer(h->out_mark));
	json_object_set_new(o, "redirects", redirects(h));
	json_object_set_new(o, "tail_calls", tail_calls(h));
	json_object_set_new(o, "tunnel", tunnel(h->tunnel));
	json_object_set_new(o, "raw_events", raw);
	json_object_set_new(o, "changes", changes);
}

static json_t *hop(const struct hop *h)
{
	__cleanup_buf struct buf verdict = BUF_INIT;
	json_t *o = json_object();

	json_object_set_new(o, "node", json_text(h->node));
	json_object_set_new(o, "device", json_text(h->device));
	json_object_set_new(o, "ifindex", json_integer(h->ifindex));
	json_object_set_new(o, "at", json_text(h->at));
	json_object_set_new(o, "program", json_text(h->program));
	json_object_set_new(o, "hook", json_text(hook_name(h->hook)));
	json_object_set_new(o, "verdict", h->not_run ? json_null() : json_integer(h->verdict));
	print_verdict(&verdict, h->hook, h->verdict);
	json_object_set_new(o, "verdict_name",
			    h->not_run ? json_null() : json_text(buf_str(&verdict)));
	json_object_set_new(o, "verdict_inferred", json_boolean(h->verdict_inferred));
	json_object_set_new(o, "drop", drop(h));
	json_object_set_new(o, "ct",
			    h->ct == CT_STATE_UNKNOWN ? json_null() : json_text(print_ct(h->ct)));
	json_object_set_new(o, "src_identity",
			    h->has_identities ? json_integer(h->src_identity) : json_null());
	json_object_set_new(o, "dst_identity",
			    h->has_identities ? json_integer(h->dst_identity) : json_null());
	json_object_set_new(o, "events", events(h));
	json_object_set_new(o, "lost", json_number(h->lost));
	json_object_set_new(o, "in", hex(&h->in));
	json_object_set_new(o, "out", hex(&h->out));
	add_observed(o, h);
	return o;
}

json_t *json_packet(const struct trace *t)
{
	__cleanup_buf struct buf text = BUF_INIT;
	json_t *o = json_object(), *hops = json_array();
	const char *outcome = word_name(&words_outcome, (int)t->outcome);

	if (t->frame.data)
		packet_print(&text, t->frame.data, t->frame.len, t->frame.len, LINK_ETHERNET);
	for (size_t i = 0; i < t->n_hops; i++)
		json_array_append_new(hops, hop(&t->hops[i]));
	json_object_set_new(o, "number", json_integer(t->number));
	json_object_set_new(o, "capture", json_text(t->capture));
	json_object_set_new(o, "ts_ns", json_number(t->ts_ns));
	json_object_set_new(o, "rel_ns", json_number(t->rel_ns));
	json_object_set_new(o, "truncated", json_boolean(t->truncated));
	json_object_set_new(o, "text", json_text(buf_str(&text)));
	json_object_set_new(o, "frame", hex(&t->frame));
	json_object_set_new(o, "scripted", hex(&t->scripted));
	json_object_set_new(o, "final", hex(&t->final));
	json_object_set_new(o, "received", hex(&t->received));
	json_object_set_new(o, "outcome", json_text(outcome ? outcome : "none"));
	json_object_set_new(o, "at", json_text(t->at));
	json_object_set_new(o, "why", json_text(t->why));
	json_object_set_new(o, "hops", hops);
	return o;
}

void json_add_step_trace(json_t *step, const struct step_trace *t)
{
	json_t *packets = json_array(), *log = json_array(), *changes = json_array();

	for (size_t i = 0; i < t->n_packets; i++)
		json_array_append_new(packets, json_packet(&t->packets[i]));
	for (size_t i = 0; i < t->n_log; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "node", json_text(t->log[i].node));
		json_object_set_new(o, "text", json_text(t->log[i].text));
		json_array_append_new(log, o);
	}
	for (size_t i = 0; i < t->n_changes; i++)
		json_array_append_new(changes, change(&t->changes[i]));
	json_object_set_new(step, "packets", packets);
	json_object_set_new(step, "log", log);
	json_object_set_new(step, "changes", changes);
	json_object_set_new(step, "lost", json_number(step_lost(t)));
}
