// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Differences and packets as text. The first line of a difference is complete in itself, so that grep
 * finds all of it; what follows is what a person wants to know next.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "judge/check.h"
#include "packet/print.h"

#define TCP_FLAG_SYN   0x02
#define MOST_HOPS      40 /* no way without a loop has so many */
#define HOPS_OF_A_LOOP 8

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "?";
}

const char *print_ct(enum ct_state ct)
{
	const char *name = ct == CT_STATE_UNKNOWN ? NULL : word_name(&words_ct_state, ct);

	return name ? name : "unknown";
}

void print_verdict(struct buf *out, enum hook hook, int verdict)
{
	const struct word_table *words = words_verdict(hook);
	const char *name = words ? word_name(words, verdict) : NULL;

	if (name)
		buf_puts(out, name);
	else
		buf_printf(out, "%d", verdict);
}

/* net/core/filter.c, kernel/bpf/cgroup.c: what is no verdict ends an XDP packet as XDP_ABORTED does, and
 * only a set lowest bit lets one through a cgroup.
 */
bool hop_drops(const struct hop *h)
{
	switch (h->hook) {
	case HOOK_TC_INGRESS:
	case HOOK_TC_EGRESS:
		return h->verdict == TC_ACT_SHOT;
	case HOOK_XDP:
		return h->verdict <= XDP_DROP || h->verdict > XDP_REDIRECT;
	case HOOK_CGROUP_INGRESS:
	case HOOK_CGROUP_EGRESS:
		return !(h->verdict & 1);
	case HOOK_SOCKET_FILTER:
		return h->verdict == 0;
	case HOOK_LWT_IN:
	case HOOK_LWT_OUT:
	case HOOK_LWT_XMIT:
		return h->verdict == BPF_DROP;
	}
	return false;
}

static void print_hop_verdict(struct buf *out, const struct hop *h)
{
	if (h->not_run)
		buf_puts(out, "not run");
	else
		print_verdict(out, h->hook, h->verdict);
}

void print_identity(struct buf *out, uint32_t identity)
{
	const char *name = identity <= INT32_MAX ? word_name(&words_identity, (int)identity) : NULL;

	if (name)
		buf_puts(out, name);
	else
		buf_printf(out, "%" PRIu32, identity);
}

static void print_place(struct buf *out, const struct hop *h)
{
	const char *file = word_name(&words_source_file, h->drop_file);

	if (!h->drop_line)
		return;
	if (file)
		buf_printf(out, ", %s:%u", file, h->drop_line);
	else
		buf_printf(out, ", file %u line %u", h->drop_file, h->drop_line);
}

void print_reason(struct buf *out, const struct hop *h)
{
	const char *name = word_name(&words_drop_reason, h->drop_reason);

	if (name)
		buf_printf(out, "%s ", name);
	buf_printf(out, "%d", h->drop_reason);
	print_place(out, h);
}

void print_redirect(struct buf *out, const struct hop_redirect *r)
{
	const char *helper = word_name(&words_redirect, (int)r->kind);

	buf_puts(out, helper ? helper : "redirect");
	if (r->kind == NOTE_REDIRECT_MAP)
		buf_printf(out, " by map %s key %" PRIu32, r->map ? r->map : "(unknown)", r->key);
	if (r->ifindex || r->kind != NOTE_REDIRECT_MAP)
		buf_printf(out, " to ifindex %" PRIu32, r->ifindex);
	buf_printf(out, " flags %#" PRIx64, r->flags);
	if (r->has_next_hop) {
		buf_puts(out, " next hop ");
		ip_addr_print(out, &r->next_hop);
	}
}

/* A reason that was an error's text has its hints on lines of their own. */
static void print_in_a_line(struct buf *out, const char *text)
{
	for (size_t len; *text; text += len) {
		len = strcspn(text, "\n");
		buf_add(out, text, len);
		if (!text[len])
			break;
		len += 1 + strspn(text + len + 1, " ");
		buf_puts(out, "; ");
	}
}

void print_outcome(struct buf *out, const struct trace *t)
{
	const char *name = word_name(&words_outcome, (int)t->outcome);
	const struct hop *last = t->n_hops ? &t->hops[t->n_hops - 1] : NULL;

	buf_puts(out, name ? name : "not sent");
	if (t->outcome == OUTCOME_DROPPED && last && last->drop_reason) {
		buf_puts(out, " (");
		print_reason(out, last);
		buf_putc(out, ')');
	}
	if (t->why) {
		buf_puts(out, " (");
		print_in_a_line(out, t->why);
		buf_putc(out, ')');
	}
}

static void print_time(struct buf *out, uint64_t ns)
{
	buf_printf(out, "+%" PRIu64 ".%06" PRIu64 " s", ns / 1000000000, ns % 1000000000 / 1000);
}

static void print_frame(struct buf *out, const struct frame *f)
{
	if (!f->data)
		return;
	packet_print(out, f->data, f->len, f->wire_len > f->len ? f->wire_len : f->len,
		     LINK_ETHERNET);
}

/* In script space, and in brackets what that is in live space, where they differ in what is printed. */
static void print_spaces(struct buf *out, const struct frame *script, const struct frame *live)
{
	__cleanup_buf struct buf s = BUF_INIT, l = BUF_INIT;

	print_frame(&s, script->data ? script : live);
	print_frame(&l, live);
	buf_puts(out, buf_str(&s));
	if (live->data && strcmp(buf_str(&s), buf_str(&l)) != 0)
		buf_printf(out, " [live: %s]", buf_str(&l));
}

/* What its receiver got; where that is the packet that was sent but for its ends, live alone says what
 * there is to say. False: it came as it was sent, or it is not known.
 */
static bool print_arrived(struct buf *out, const struct trace *t)
{
	const struct frame *scripted = t->scripted.data ? &t->scripted : &t->frame;
	const struct frame *received = t->received.data ? &t->received : &t->final;
	__cleanup_buf struct buf sent = BUF_INIT, got = BUF_INIT;

	if (!t->final.data)
		return false;
	print_frame(&sent, scripted);
	print_frame(&got, received);
	if (strcmp(buf_str(&sent), buf_str(&got)) != 0) {
		print_spaces(out, received, &t->final);
		return true;
	}
	if (!t->received.data)
		return false;
	print_frame(out, &t->final);
	return true;
}

static void print_hop_ct(struct buf *out, const struct hop *h)
{
	if (h->ct != CT_STATE_UNKNOWN)
		buf_printf(out, ", ct %s", print_ct(h->ct));
}

static void print_hop_state(struct buf *out, const struct hop *h)
{
	print_hop_ct(out, h);
	if (h->has_identities) {
		buf_puts(out, ", identity ");
		print_identity(out, h->src_identity);
		buf_puts(out, "->");
		print_identity(out, h->dst_identity);
	}
	if (h->lost)
		buf_printf(out, ", %" PRIu64 " events lost", h->lost);
}

void print_tunnel_remote(struct buf *out, const struct tunnel_meta *t)
{
	char text[INET6_ADDRSTRLEN];
	uint32_t remote = htonl(t->remote_ip4);

	inet_ntop(t->ipv6 ? AF_INET6 : AF_INET,
		  t->ipv6 ? (const void *)t->remote_ip6 : (const void *)&remote, text,
		  sizeof(text));
	buf_puts(out, text);
}

static bool changed(const struct hop *h)
{
	return h->in.data && h->out.data &&
	       (h->in.len != h->out.len || memcmp(h->in.data, h->out.data, h->in.len) != 0);
}

static void print_hop(struct buf *out, size_t number, const struct hop *h)
{
	const char *text = word_text(&words_drop_reason, h->drop_reason);

	buf_printf(out, "  hop %zu: %s %s %s: ", number, h->at, h->program,
		   word_name(&words_hook, (int)h->hook));
	print_hop_verdict(out, h);
	if (h->verdict_inferred)
		buf_puts(out, " (concluded)");
	if (h->drop_reason) {
		buf_puts(out, text ? ", " : "");
		buf_puts(out, text ? text : "");
		buf_puts(out, " (");
		print_reason(out, h);
		buf_putc(out, ')');
	}
	print_hop_state(out, h);
	if (changed(h)) {
		buf_puts(out, ", packet now ");
		print_frame(out, &h->out);
	}
	buf_putc(out, '\n');
}

/* Of a packet that went round in a loop the first rounds tell all. */
static void print_hops(struct buf *out, const struct trace *t)
{
	size_t first = t->n_hops > MOST_HOPS ? HOPS_OF_A_LOOP : t->n_hops;

	for (size_t i = 0; i < first; i++)
		print_hop(out, i + 1, &t->hops[i]);
	if (first == t->n_hops)
		return;
	buf_printf(out, "  hops %zu to %zu are left out\n", first + 1, t->n_hops - 1);
	print_hop(out, t->n_hops, &t->hops[t->n_hops - 1]);
}

static void print_head(struct buf *out, const struct difference *d)
{
	buf_printf(out, "%s:%d: ", d->loc.file ? d->loc.file : "?", d->loc.line);
	if (d->variant)
		buf_printf(out, "sweep %s: ", d->variant);
	if (d->packet) {
		buf_printf(out, "packet %" PRIu32 " (%s, ", d->packet->number,
			   base_name(d->packet->capture));
		print_time(out, d->packet->rel_ns);
		buf_putc(out, ')');
		if (d->hop)
			buf_printf(out, " at %s %s", d->hop->at, d->hop->program);
	} else {
		buf_printf(out, "step %u", d->step);
	}
	buf_printf(out, ": %s: expected %s, actual %s\n", d->field, d->expected, d->actual);
}

static void print_indented(struct buf *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		buf_printf(out, "    %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

/* A TCP segment that is no connection's first. */
static bool is_mid_flow(const struct frame *f)
{
	struct layers l;

	if (!f->data || packet_parse(f->data, f->len, LINK_ETHERNET, &l))
		return false;
	if (l.ip.proto != IPPROTO_TCP || l.ip.l4 == NO_OFFSET || l.ip.l4 + 14 > (int)f->len)
		return false;
	return !(f->data[l.ip.l4 + 13] & TCP_FLAG_SYN);
}

/* A verdict seldom depends on data that the capture cut off; a field may, and the packet that an ICMP
 * error quotes is data.
 */
static bool cut_matters(const struct difference *d)
{
	const struct frame *f = &d->packet->frame;
	struct layers l;

	if (strchr(d->field, '.') && !strstr(d->field, "identity"))
		return true;
	if (!f->data || packet_parse(f->data, f->len, LINK_ETHERNET, &l) ||
	    l.ip.proto != IPPROTO_ICMP || l.ip.l4 == NO_OFFSET || l.ip.l4 >= (int)f->len)
		return false;
	return f->data[l.ip.l4] != ICMP_ECHO && f->data[l.ip.l4] != ICMP_ECHOREPLY;
}

static const struct hop *hop_of(const struct difference *d)
{
	if (d->hop || !d->packet || !d->packet->n_hops)
		return d->hop;
	return &d->packet->hops[d->packet->n_hops - 1];
}

static const char *hint_of_hop(const struct difference *d, const struct hop *h)
{
	bool ct = strcmp(d->field, "ct") == 0;

	if ((ct && h->ct == CT_STATE_UNKNOWN) ||
	    (strstr(d->field, "identity") && !h->has_identities))
		return "with monitor aggregation only some packets have an event; "
		       "`values: {bpf: {monitorAggregation: none}}` in the scenario shows every "
		       "one";
	if (h->ct == CT_STATE_NEW && is_mid_flow(&h->in) && (ct || hop_drops(h)))
		return "a TCP packet without SYN was taken for a new connection: conntrack had no "
		       "entry "
		       "of its flow (never made, expired, or lost in a restart)";
	if (h->drop_reason == 140)
		return "a tail-call slot was empty: the programs were not loaded together, or "
		       "were being replaced";
	if (h->has_identities && strstr(d->field, "identity") && strcmp(d->actual, "world") == 0)
		return "an address without an ipcache entry is world: is it in the cluster's "
		       "manifests, and bound by `as:`?";
	return NULL;
}

static const char *hint(const struct difference *d)
{
	const struct hop *h = hop_of(d);
	const char *of_hop = h ? hint_of_hop(d, h) : NULL;

	if (of_hop)
		return of_hop;
	if (d->packet && d->packet->outcome == OUTCOME_UNMODELLED)
		return "unmodelled is never a pass; packets that do not matter are left out by "
		       "`packets:` or `match:`";
	if (d->packet && d->packet->outcome == OUTCOME_SENT && strcmp(d->field, "outcome") == 0)
		return "it left the modelled world: is its destination an address of the cluster, "
		       "or "
		       "bound to one by `as:`?";
	if (d->packet && d->packet->truncated && cut_matters(d))
		return "the capture had cut this packet: what was cut is zeros here";
	return NULL;
}

static size_t group_size(const struct difference *d, size_t n)
{
	size_t same = 1;

	while (d->packet && same < n && d[same].packet == d->packet)
		same++;
	return same;
}

/* Each hint once: that texts are literals makes the pointer their name. */
static void print_hints(struct buf *out, const struct difference *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = hint(&d[i]);
		bool said = false;

		for (size_t j = 0; j < i && !said; j++)
			said = hint(&d[j]) == text;
		if (text && !said)
			buf_printf(out, "  hint: %s\n", text);
	}
}

static void print_advice(struct buf *out, const struct trace *t)
{
	for (size_t i = 0; i < t->n_advice; i++) {
		const struct told *told = &t->advice[i];

		buf_puts(out, "  because: ");
		if (told->at.file)
			buf_printf(out, "%s:%d: ", told->at.file, told->at.line);
		buf_printf(out, "%s\n", told->text);
	}
}

size_t judge_print_group(struct buf *out, const struct difference *d, size_t n)
{
	n = group_size(d, n);
	for (size_t i = 0; i < n; i++) {
		print_head(out, &d[i]);
		if (d[i].detail)
			print_indented(out, d[i].detail);
	}
	if (d->packet) {
		__cleanup_buf struct buf arrived = BUF_INIT;

		buf_puts(out, "  packet: ");
		print_spaces(out, &d->packet->scripted, &d->packet->frame);
		buf_putc(out, '\n');
		print_hops(out, d->packet);
		if (print_arrived(&arrived, d->packet))
			buf_printf(out, "  arrived: %s\n", buf_str(&arrived));
		print_advice(out, d->packet);
	}
	print_hints(out, d, n);
	return n;
}

void judge_print_difference(struct buf *out, const struct difference *d)
{
	judge_print_group(out, d, 1);
}

void judge_print_packet(struct buf *out, const struct trace *t)
{
	__cleanup_buf struct buf arrived = BUF_INIT;

	buf_printf(out, "packet %" PRIu32 " ", t->number);
	print_time(out, t->rel_ns);
	buf_putc(out, ' ');
	print_spaces(out, &t->scripted, &t->frame);
	for (size_t i = 0; i < t->n_hops; i++) {
		const struct hop *h = &t->hops[i];

		buf_printf(out, "%s%s %s ", i ? " > " : " | ", h->at, h->program);
		print_hop_verdict(out, h);
		print_hop_ct(out, h);
	}
	buf_puts(out, " => ");
	print_outcome(out, t);
	if (t->at)
		buf_printf(out, " at %s", t->at);
	if (print_arrived(&arrived, t))
		buf_printf(out, " as %s", buf_str(&arrived));
	buf_putc(out, '\n');
}
