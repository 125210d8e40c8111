// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where sockets ask the node's programs whom they talk to: before a flow's first packet is sent. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/ns.h"
#include "base/table.h"
#include "engine/sock_lb.h"
#include "engine/testrun_internal.h"
#include "packet/ends.h"

/* A connected UDP socket asks once. */
struct udp_socket {
	int32_t node;
	uint16_t endpoint, sport, dport;
	uint8_t family, src[16], dst[16], pad;
};

static struct udp_socket udp_socket(const struct cluster_place *sender,
				    const struct packet_ends *ends)
{
	struct udp_socket u = { .node = sender->node,
				.endpoint = sender->endpoint ? sender->endpoint->id : 0,
				.sport = ends->src.port,
				.dport = ends->dst.port,
				.family = ends->src.addr.family };

	memcpy(u.src, ends->src.addr.bytes, sizeof(u.src));
	memcpy(u.dst, ends->dst.addr.bytes, sizeof(u.dst));
	return u;
}

static bool is_syn(const struct frame *f)
{
	struct layers l;

	packet_parse(f->data, f->len, LINK_ETHERNET, &l);
	return l.ip.l4 >= 0 && l.ip.l4 + 13 < l.ip.end &&
	       (f->data[l.ip.l4 + 13] & (TH_SYN | TH_ACK)) == TH_SYN;
}

/* 1: there are no socket programs. */
static int open_node(struct engine *e, unsigned node, struct err *err)
{
	struct node_state *n = &e->nodes[node];
	int ret;

	if (n->sock)
		return 0;
	if (!e->sim.nodes[node].agent)
		ret = testrun_start_node(e, node, err);
	else
		ret = 0;
	if (!ret)
		ret = ns_enter(e->sim.nodes[node].ns_fd, err);
	e->sim.in_node = (int)node;
	if (!ret)
		ret = sock_lb_open(&e->sim, node, agent_folder(e->sim.nodes[node].agent),
				   n->pin_dir, &n->sock, err);
	return ret < 0 ? ret : sim_leave(&e->sim, err) ?: ret;
}

static const char *end_text(struct arena *a, const struct packet_end *e)
{
	__cleanup_buf struct buf b = BUF_INIT;

	buf_puts(&b, e->addr.family == 6 ? "[" : "");
	ip_addr_print(&b, &e->addr);
	buf_printf(&b, "%s:%u", e->addr.family == 6 ? "]" : "", e->port);
	return arena_strdup(a, buf_str(&b));
}

static void note(struct trace *t, const char *at, struct arena *a, const char *text)
{
	t->notes = arena_grow(a, t->notes, t->n_notes, sizeof(*t->notes));
	t->notes[t->n_notes++] = (struct way_note){ .before = 0, .at = at, .text = text };
}

static int use(const struct sock_answer *s, const char *at, const struct packet_ends *ends,
	       struct injection *in, struct arena *a, struct trace *t)
{
	struct packet_ends now = *ends;

	if (s->no) {
		t->outcome = OUTCOME_DROPPED;
		t->at = at;
		t->why = arena_printf(a, "connect() to %s fails: %s", end_text(a, &ends->dst),
				      strerror(s->no));
		return 1;
	}
	if (packet_end_equal(&s->peer, &ends->dst))
		return 0;
	note(t, at, a,
	     arena_printf(a, "connect() to %s goes to %s, getpeername() says %s",
			  end_text(a, &ends->dst), end_text(a, &s->peer), end_text(a, &s->seen)));
	now.dst = s->peer;
	in->frame.data = arena_memdup(a, in->frame.data, in->frame.len);
	frame_set_ends(&in->frame, &now);
	t->frame = in->frame;
	return 0;
}

/* True: it is a socket's first packet, as far as the programs are concerned. */
static bool asks(struct engine *e, const struct injection *in, const struct packet_ends *ends)
{
	struct udp_socket u = udp_socket(&in->sender, ends);
	void **known;

	if (in->raw || !ends->has_ports)
		return false;
	if (ends->proto == IPPROTO_TCP)
		return is_syn(&in->frame);
	if (ends->proto != IPPROTO_UDP)
		return false;
	known = table_slot(&e->udp_sockets, &u, sizeof(u));
	if (*known)
		return false;
	*known = e;
	return true;
}

int testrun_connect(struct engine *e, struct injection *in, struct arena *a, struct trace *t,
		    struct err *err)
{
	const struct cluster_place *from = &in->sender;
	struct packet_ends ends;
	struct sock_answer answer;
	const char *at;
	int ret;

	if (!sock_lb_is_for(e->opts.cluster, from) || !frame_ends(&in->frame, &ends) ||
	    !asks(e, in, &ends))
		return 0;
	at = arena_strdup(a, from->endpoint ? from->endpoint->name
					    : e->opts.cluster->nodes[from->node].name);
	ret = open_node(e, (unsigned)from->node, err);
	if (ret > 0) {
		note(t, at, a, "there is no bpf_sock.o: sockets ask nobody");
		return 0;
	}
	if (!ret)
		ret = sock_lb_connect(e->nodes[from->node].sock, from, ends.proto, &ends.dst,
				      &answer, err);
	return ret ? ret : use(&answer, at, &ends, in, a, t);
}
