/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events as lines in the form of `cilium monitor`, which the people who read them know. */
#include <arpa/inet.h>
#include <inttypes.h>

#include "packet/print.h"
#include "target/monitor_debug.h"

#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW	  101

static void put_identity(struct buf *out, uint32_t id)
{
	const char *name = id < 256 ? word_name(&words_identity, (int)id) : NULL;

	if (name)
		buf_puts(out, name);
	else
		buf_printf(out, "%" PRIu32, id);
}

static void put_identities(struct buf *out, const struct event *e)
{
	buf_puts(out, ", identity ");
	put_identity(out, e->src_identity);
	buf_puts(out, "->");
	put_identity(out, e->dst_identity);
}

static void put_trace_id(struct buf *out, const struct event *e)
{
	if (e->ip_trace_id)
		buf_printf(out, " [ ip-trace-id = %" PRIu64 " ]", e->ip_trace_id);
}

static void put_packet(struct buf *out, const struct event *e)
{
	packet_print_monitor(out, e->data, e->caplen,
			     e->l3_device ? LINKTYPE_RAW : LINKTYPE_ETHERNET);
}

static void put_drop(struct buf *out, const struct event *e)
{
	const char *reason = word_text(&words_drop_reason, e->subtype);
	const char *file = word_name(&words_source_file, e->file);

	buf_puts(out, "xx drop (");
	if (reason)
		buf_puts(out, reason);
	else
		buf_printf(out, "%u", e->subtype);
	if (!reason || e->ext_error)
		buf_printf(out, ", %d", e->ext_error);
	buf_printf(out, ") flow 0x%" PRIx32 " to endpoint %" PRIu32 ", ifindex %" PRIu32 ", file ",
		   e->hash, e->dst_id, e->ifindex);
	if (file)
		buf_puts(out, file);
	else
		buf_printf(out, "unknown(%u)", e->file);
	buf_printf(out, ":%u, ", e->line);
	put_trace_id(out, e);
	put_identities(out, e);
	buf_puts(out, ": ");
	put_packet(out, e);
}

/* Where the packet was seen, from the point's number: the arrow and the place. */
static void put_point(struct buf *out, const struct event *e)
{
	static const char *const plain[] = {
		[2] = "-> host from", [3] = "-> stack",	  [4] = "-> overlay", [6] = "<- proxy",
		[7] = "<- host",      [8] = "<- stack",	  [9] = "<- overlay", [10] = "<- network",
		[11] = "-> network",  [12] = "<- crypto", [13] = "-> crypto",
	};

	if (e->subtype == 0)
		buf_printf(out, "-> endpoint %" PRIu32, e->dst_id);
	else if (e->subtype == 5)
		buf_printf(out, "<- endpoint %u", e->source);
	else if (e->subtype == 1 && e->dst_id)
		buf_printf(out, "-> proxy port %" PRIu32, e->dst_id);
	else if (e->subtype == 1)
		buf_puts(out, "-> proxy");
	else if (e->subtype < sizeof(plain) / sizeof(plain[0]) && plain[e->subtype])
		buf_puts(out, plain[e->subtype]);
	else
		buf_puts(out, "unknown trace");
}

static void put_state(struct buf *out, const struct event *e)
{
	static const char *const state[] = {
		"new",	    "established", "reply",	 "related",
		"reopened", "unknown",	   "srv6-encap", "srv6-decap"
	};

	if (e->reason < sizeof(state) / sizeof(state[0]))
		buf_puts(out, state[e->reason]);
	else
		buf_printf(out, "%u", e->reason);
}

static void put_orig_ip(struct buf *out, const struct event *e)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(e->ipv6 ? AF_INET6 : AF_INET, e->orig_ip, text, sizeof(text));
	buf_puts(out, text);
}

static void put_trace(struct buf *out, const struct event *e)
{
	put_point(out, e);
	buf_printf(out, "%s flow 0x%" PRIx32 " ", e->encrypted ? " encrypted " : "", e->hash);
	put_identities(out, e);
	put_trace_id(out, e);
	buf_puts(out, " state ");
	put_state(out, e);
	/* the device's number: its name is known only in the node's own namespace */
	buf_printf(out, " ifindex %" PRIu32 " orig-ip ", e->ifindex);
	put_orig_ip(out, e);
	buf_puts(out, ": ");
	put_packet(out, e);
}

static const char *action(const struct event *e)
{
	if (e->audited)
		return "audit";
	if (e->verdict < 0)
		return "deny";
	return e->verdict > 0 ? "redirect" : "allow";
}

static void put_auth(struct buf *out, uint8_t type)
{
	static const char *const name[] = { "disabled", "spire", "test-always-fail" };

	if (type < sizeof(name) / sizeof(name[0]))
		buf_puts(out, name[type]);
	else
		buf_printf(out, "Unknown-auth-type-%u", type);
}

static void put_policy_verdict(struct buf *out, const struct event *e)
{
	static const char *const match[] = { "none", "L3-Only",	 "L3-L4",      "L4-Only",
					     "all",  "L3-Proto", "Proto-Only", "unknown" };

	buf_printf(out, "Policy verdict log: flow 0x%" PRIx32 " local EP ID %u, remote ID ",
		   e->hash, e->source);
	put_identity(out, e->remote_identity);
	buf_printf(out, ", proto %u, %s, action %s, auth: ", e->proto,
		   e->direction == 1 ? "ingress" : "egress", action(e));
	put_auth(out, e->auth_type);
	buf_printf(out, ", match %s, ", match[e->match_type & 7]);
	put_packet(out, e);
}

void event_print_monitor(struct buf *out, const struct event *e)
{
	switch (e->type) {
	case EVENT_DROP:
		put_drop(out, e);
		return;
	case EVENT_TRACE:
		put_trace(out, e);
		return;
	case EVENT_POLICY_VERDICT:
		put_policy_verdict(out, e);
		return;
	case EVENT_CAPTURE:
		buf_printf(out, "** capture %u from endpoint %u mark 0x%" PRIx32 ": ", e->subtype,
			   e->source, e->hash);
		put_packet(out, e);
		return;
	case EVENT_DEBUG:
		monitor_print_debug(out, e);
		return;
	}
}
