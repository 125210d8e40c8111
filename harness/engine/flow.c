// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Translates between the spaces: which live ends stand for which ends of the script. */
#include "engine/flow_find.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "packet/ends.h"

enum { SCTP_INIT = 1 };

/* ---- translating ---- */

/* from's ends as ends of a packet that goes this way. */
static struct packet_ends directed(const struct packet_ends *ends, bool back)
{
	return back ? packet_ends_reverse(ends) : *ends;
}

/* An error goes to the one who sent what it quotes, and comes from the one it was for or from a router
 * on the way, which has its own address.
 */
static void translate_error(struct frame *f, const struct packet_ends *from,
			    const struct packet_ends *to)
{
	struct packet_ends outer;

	if (!frame_ends(f, &outer))
		return;
	if (ip_addr_equal(&outer.dst.addr, &from->src.addr))
		outer.dst.addr = to->src.addr;
	if (ip_addr_equal(&outer.src.addr, &from->dst.addr))
		outer.src.addr = to->dst.addr;
	frame_set_ends(f, &outer);
	frame_set_quoted_ends(f, to);
}

/* from and to: ends of a packet from the opener in the two spaces. */
static void translate(struct frame *f, const struct flow_pass *pass, const struct packet_ends *from,
		      const struct packet_ends *to)
{
	struct packet_ends was = directed(from, pass->back), is = directed(to, pass->back);

	if (pass->quoted)
		translate_error(f, &was, &is);
	else
		frame_set_ends(f, &is);
}

/* Does the frame have these ends, or quote them? */
static bool has_ends(const struct frame *f, const struct flow_pass *pass,
		     const struct packet_ends *of_opener)
{
	struct packet_ends is, want = directed(of_opener, pass->back);

	if (pass->quoted ? !frame_quoted_ends(f, &is) : !frame_ends(f, &is))
		return false;
	return is.proto == want.proto && flow_same_ends(&is, &want);
}

/* ---- sending ---- */

/* Whose view the sender has. An error's sender, if it is no end of the flow, saw what the one sees whom
 * the quoted packet was for: it had been translated by then.
 */
static int sender_side(const struct flow_pass *pass)
{
	return pass->back != pass->quoted ? ANSWERER : OPENER;
}

static bool is_from_end(const struct frame *f, const struct flow_pass *pass)
{
	struct packet_ends outer, quoted = directed(&pass->flow->script, pass->back);

	return !pass->quoted ||
	       (frame_ends(f, &outer) && ip_addr_equal(&outer.src.addr, &quoted.dst.addr));
}

static const char *nobody(const struct flows *fs, const struct flow *flow)
{
	const char *what = flow->lost_to == OUTCOME_DROPPED    ? "was dropped"
			   : flow->lost_to == OUTCOME_CONSUMED ? "was consumed"
			   : flow->lost_to == OUTCOME_NONE     ? "was not sent"
							       : "got lost";

	return arena_printf(
		fs->arena,
		"packet %u of the flow %s and none was delivered: nobody could send this "
		"one",
		flow->lost, what);
}

/* A cluster that changed has other endpoints of the same names. False: the pod, or the node, is no more. */
static bool still_there(const struct flows *fs, struct view *v)
{
	const struct cluster_node *n;
	const char *name;

	if (v->place.node < 0 || v->generation == fs->cluster->generation)
		return true;
	n = &fs->cluster->nodes[v->place.node];
	if (!v->place.endpoint)
		return !n->is_gone;
	name = v->place.endpoint->name;
	for (size_t i = 0; i < n->n_endpoints; i++) {
		if (strcmp(n->endpoints[i].name, name) != 0)
			continue;
		v->place.endpoint = &n->endpoints[i];
		v->generation = fs->cluster->generation;
		return true;
	}
	return false;
}

int flows_send(struct flows *fs, struct frame *f, struct flow_pass *pass, const char **why)
{
	struct view *view;

	*pass = (struct flow_pass){ .flow = NULL };
	if (!flow_find(fs, f, pass))
		return 0;
	view = &pass->flow->live[sender_side(pass)];
	if (!view->bound) {
		if (sender_side(pass) == OPENER || !pass->flow->lost)
			return 0;
		*why = nobody(fs, pass->flow);
		return 1;
	}
	pass->has_sender = is_from_end(f, pass);
	if (pass->has_sender && !still_there(fs, view)) {
		*why = arena_printf(fs->arena, "%s %s, which would send it, is no more",
				    view->place.endpoint ? "pod" : "node",
				    view->place.endpoint
					    ? view->place.endpoint->name
					    : fs->cluster->nodes[view->place.node].name);
		return 1;
	}
	pass->sender = view->place;
	translate(f, pass, &pass->flow->script, &view->ends);
	return 0;
}

/* ---- what became of it ---- */

static const struct frame *arrived(const struct trace *t)
{
	const struct hop *last = t->n_hops ? &t->hops[t->n_hops - 1] : NULL;

	if (t->outcome != OUTCOME_DELIVERED && t->outcome != OUTCOME_SENT)
		return NULL;
	if (t->final.data)
		return &t->final;
	return !last ? &t->frame : last->out.data ? &last->out : &last->in;
}

/* A new connection may have the ports of an old one, and end elsewhere. */
static bool begins(const struct frame *f)
{
	struct layers l;
	const uint8_t *h;

	if (packet_parse(f->data, f->len, LINK_ETHERNET, &l) || l.ip.l4 < 0)
		return false;
	h = f->data + l.ip.l4;
	if (l.ip.proto == IPPROTO_TCP && l.ip.l4 + 13 < l.ip.end)
		return (h[13] & (TH_SYN | TH_ACK)) == TH_SYN;
	return l.ip.proto == IPPROTO_SCTP && l.ip.l4 + 12 < l.ip.end && h[12] == SCTP_INIT;
}

/* Every datagram finds its own way; of a connection, the one who has it answers. */
static bool rebinds(const struct flow *flow, const struct frame *sent)
{
	return begins(sent) || flow->script.proto == IPPROTO_UDP ||
	       flow->script.proto == IPPROTO_ICMP || flow->script.proto == IPPROTO_ICMPV6;
}

static void bind_view(const struct flows *fs, struct view *v, const struct packet_ends *ends,
		      const struct cluster_place *place)
{
	v->bound = true;
	v->ends = *ends;
	v->place = *place;
	v->generation = fs->cluster->generation;
}

static struct cluster_place place_of(const struct injection *in, const struct trace *t)
{
	if (t->final.data)
		return t->place;
	return (struct cluster_place){ .node = t->outcome == OUTCOME_SENT ? -1 : in->to };
}

static void bind_sender(const struct flows *fs, struct flow *flow, const struct injection *in,
			const struct trace *t)
{
	struct view *v = &flow->live[OPENER];
	struct packet_ends ends;

	if ((!v->bound || begins(&t->frame)) && frame_ends(&t->frame, &ends) && ends.has_ports)
		bind_view(fs, v, &ends, &in->sender);
}

static void bind_receiver(const struct flows *fs, struct flow *flow, const struct frame *f,
			  const struct injection *in, struct trace *t)
{
	struct cluster_place place = place_of(in, t);
	struct view *v = &flow->live[ANSWERER];
	struct packet_ends ends;
	bool first = !v->bound;

	if (!frame_ends(f, &ends) || !ends.has_ports)
		return;
	if (first || begins(&t->frame))
		t->binds = !flow_same_ends(&ends, &flow->script);
	if (first || rebinds(flow, &t->frame))
		bind_view(fs, v, &ends, &place);
	flow->lost = 0;
}

/* What arrived, in script space, if it has the ends that the flow has there. */
static void translate_back(const struct flows *fs, const struct flow_pass *pass,
			   const struct frame *f, const struct view *view, struct trace *t)
{
	if (!view->bound || !has_ends(f, pass, &view->ends) ||
	    flow_same_ends(&view->ends, &pass->flow->script))
		return;
	t->received = *f;
	t->received.data = arena_memdup(fs->arena, f->data, f->len);
	translate(&t->received, pass, &view->ends, &pass->flow->script);
}

void flows_sent(struct flows *fs, const struct flow_pass *pass, const struct injection *in,
		struct trace *t)
{
	const struct frame *f = arrived(t);
	struct flow *flow = pass->flow;
	bool to_answerer = !pass->back && !pass->quoted;
	/* an error goes to the sender of what it quotes */
	int receiver = pass->back == pass->quoted ? ANSWERER : OPENER;
	struct view before;

	if (!flow)
		return;
	before = flow->live[receiver];
	if (to_answerer)
		bind_sender(fs, flow, in, t);
	if (to_answerer && f)
		bind_receiver(fs, flow, f, in, t);
	else if (to_answerer && !flow->live[ANSWERER].bound) {
		flow->lost = t->number;
		flow->lost_to = t->outcome;
	}
	if (f)
		translate_back(fs, pass, f,
			       before.bound && !t->binds ? &before : &flow->live[receiver], t);
}
