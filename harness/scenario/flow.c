// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hand-written flows: who talks to whom, and the table of keys. */
#include "scenario/flow.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "scenario/flow_parts.h"

/* ---- one end ---- */

static int bad_end(struct schema_ctx *ctx, const struct value *v, const char *text)
{
	err_input(ctx->err, &v->loc, "'%s' is nobody a flow can go from or to", text);
	return err_hint(ctx->err,
			"expected a host of `hosts:`, pod/NAMESPACE/NAME, node/NAME, "
			"svc/NAMESPACE/NAME:PORT, a short name, or an address; behind a colon the "
			"port");
}

/* Splits "web:80", "[2001:db8::1]:53", "10.0.0.1": name in *name, what is behind the colon in *port. */
static bool split_port(struct arena *a, const char *token, const char **name, const char **port)
{
	struct ip_addr ignored;
	const char *end, *colon;

	*port = NULL;
	*name = token;
	if (token[0] == '[') {
		end = strchr(token, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		*name = arena_strndup(a, token + 1, (size_t)(end - token - 1));
		*port = end[1] ? end + 2 : NULL;
		return !*port || **port;
	}
	colon = ip_addr_parse(token, &ignored) ? NULL : strrchr(token, ':');
	if (colon) {
		*name = arena_strndup(a, token, (size_t)(colon - token));
		*port = colon + 1;
	}
	return **name && (!*port || **port);
}

static bool split_name(struct arena *a, const char *rest, struct flow_end *out)
{
	const char *slash = strchr(rest, '/');

	out->name = rest;
	if (slash) {
		out->ns = arena_strndup(a, rest, (size_t)(slash - rest));
		out->name = slash + 1;
	}
	return *out->name && !strchr(out->name, '/') && (!slash || slash > rest);
}

static bool read_who(struct arena *a, const char *name, struct flow_end *out)
{
	if (ip_addr_parse(name, &out->address)) {
		out->kind = FLOW_END_ADDRESS;
		return true;
	}
	if (strncmp(name, "node/", 5) == 0) {
		out->kind = FLOW_END_NODE;
		out->name = name + 5;
		return *out->name && !strchr(out->name, '/');
	}
	out->kind = strncmp(name, "pod/", 4) == 0   ? FLOW_END_POD
		    : strncmp(name, "svc/", 4) == 0 ? FLOW_END_SERVICE
						    : FLOW_END_NAME;
	return split_name(a, out->kind == FLOW_END_NAME ? name : name + 4, out);
}

static int read_node_port(struct schema_ctx *ctx, const struct value *v, const char *p,
			  struct flow_end *out)
{
	const char *at = next_token(ctx->arena, &p), *node = next_token(ctx->arena, &p);

	out->frontend = FLOW_NODE_PORT;
	out->node = strncmp(node, "node/", 5) == 0 ? node + 5 : "";
	if (strcmp(at, "at") != 0 || !*out->node || *p)
		return err_input(ctx->err, &v->loc,
				 "a node port is one of a node: svc/default/web:80 nodePort at "
				 "node/NAME");
	return 0;
}

static int read_frontend(struct schema_ctx *ctx, const struct value *v, const char *p,
			 struct flow_end *out)
{
	const char *word = next_token(ctx->arena, &p);

	if (strcmp(word, "nodePort") == 0)
		return read_node_port(ctx, v, p, out);
	if (strcmp(word, "loadBalancer") == 0)
		out->frontend = FLOW_LOAD_BALANCER;
	else if (strcmp(word, "externalIP") == 0)
		out->frontend = FLOW_EXTERNAL_IP;
	else if (strcmp(word, "clusterIP") != 0)
		return err_input(ctx->err, &v->loc,
				 "'%s' is no address of a service: clusterIP, nodePort at "
				 "node/NAME, loadBalancer or externalIP",
				 word);
	if (*p)
		return err_input(ctx->err, &v->loc, "'%s' is too much behind %s", p, word);
	return 0;
}

static int read_port(struct schema_ctx *ctx, const struct value *v, const char *port,
		     struct flow_end *out)
{
	uint64_t n;

	if (!port)
		return 0;
	if (parse_u64(port, strlen(port), UINT64_MAX, &n)) {
		if (!n || n > UINT16_MAX)
			return err_input(ctx->err, &v->loc, "'%s' is no port: 1 to 65535", port);
		out->port = (uint16_t)n;
	} else {
		out->port_name = port;
	}
	return 0;
}

int read_flow_end(struct schema_ctx *ctx, const struct value *v, const char *text,
		  struct flow_end *out)
{
	const char *p = text, *token = next_token(ctx->arena, &p), *name, *port;
	bool named;

	out->loc = v->loc;
	out->text = text;
	if (!split_port(ctx->arena, token, &name, &port) || !read_who(ctx->arena, name, out))
		return bad_end(ctx, v, text);
	if (port && strcmp(port, "nodePort") == 0)
		return read_node_port(ctx, v, p, out); /* svc/web:nodePort at node/NAME */
	if (read_port(ctx, v, port, out) || (*p && read_frontend(ctx, v, p, out)))
		return -EINVAL;
	named = out->kind == FLOW_END_SERVICE || out->kind == FLOW_END_NAME;
	if (!named && (out->port_name || *p))
		return err_input(ctx->err, &v->loc,
				 "'%s': ports by name and frontends are those of a service", text);
	return 0;
}

/* ---- the keys; out is a struct flow_step ---- */

static int fl_name(struct schema_ctx *ctx, const struct value *v, void *out)
{
	return read_string(ctx, v, &((struct flow_step *)out)->name);
}

static int fl_from(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct flow_end *end = &((struct flow_step *)out)->from;
	const char *text;

	if (read_string(ctx, v, &text) || read_flow_end(ctx, v, text, end))
		return -EINVAL;
	if (end->kind == FLOW_END_SERVICE)
		return err_input(ctx->err, &v->loc, "a service begins no flow: its pods do");
	if (end->port || end->port_name)
		return err_input(ctx->err, &v->loc, "the port a flow comes from stands in `sport`");
	return 0;
}

static int fl_to(struct schema_ctx *ctx, const struct value *v, void *out)
{
	const char *text;

	return read_string(ctx, v, &text)
		       ?: read_flow_end(ctx, v, text, &((struct flow_step *)out)->to);
}

static int fl_do(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct flow_step *f = out;
	int rc = 0;

	if (v->kind == VALUE_SCALAR)
		return read_flow_item(ctx, v, out);
	if (v->kind != VALUE_LIST || !v->n)
		return err_input(ctx->err, &v->loc,
				 "do: expected a list such as [handshake, \"GET / HTTP/1.1\", "
				 "reply 3 packets, fin]");
	for (size_t i = 0; i < v->n && !rc; i++)
		rc = read_flow_item(ctx, v->items[i], f);
	return rc;
}

static int fl_family(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n = 0;

	if (read_u64(ctx, v, 6, &n) || (n != 4 && n != 6))
		return err_input(ctx->err, &v->loc, "family: 4 or 6");
	((struct flow_step *)out)->family = (uint8_t)n;
	return 0;
}

static int fl_sport(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, UINT16_MAX, &n);

	((struct flow_step *)out)->sport = (uint16_t)n;
	if (!rc && !n)
		return err_input(ctx->err, &v->loc, "sport: 1 to 65535");
	return rc;
}

static int fl_ttl(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, UINT8_MAX, &n);

	((struct flow_step *)out)->ttl = (uint8_t)n;
	if (!rc && !n)
		return err_input(ctx->err, &v->loc, "ttl: 1 to 255");
	return rc;
}

static int fl_tos(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, UINT8_MAX, &n);

	((struct flow_step *)out)->tos = (uint8_t)n;
	return rc;
}

static int fl_mss(struct schema_ctx *ctx, const struct value *v, void *out)
{
	uint64_t n = 0;
	int rc = read_u64(ctx, v, UINT16_MAX, &n);

	((struct flow_step *)out)->mss = (uint16_t)n;
	return rc;
}

static int fl_via(struct schema_ctx *ctx, const struct value *v, void *out)
{
	struct flow_step *f = out;
	const char *text;

	if (read_string(ctx, v, &text))
		return -EINVAL;
	if (strncmp(text, "node/", 5) != 0 || !text[5])
		return err_input(ctx->err, &v->loc, "via: expected node/NAME, found '%s'", text);
	f->via = text + 5;
	f->via_loc = v->loc;
	return 0;
}

/* clang-format off */
const struct schema schema_flow = {
	"flow", "A flow written by hand: `tcp`, `udp`, `sctp` or `icmp`. Every packet is a valid one;\n"
	"they are 100 microseconds apart. Packets are numbered from 1, as those of a capture. A reply is sent by\n"
	"whoever got the request, from the address and to the port it came with; if no request arrived, it is\n"
	"*not sent*, which never passes. Nor is what follows a handshake that did not come through.",
	(const struct schema_key[]){
	{ "name", false, "name", "none", "so that a later step can go on with the flow: it gives `name` and `do` only, and its packets are counted on", "upload", fl_name },
	{ "from", false, "[end](#ends-of-a-flow)", "the earlier step's", "who begins", "client", fl_from },
	{ "to", false, "[end](#ends-of-a-flow) with its port", "the earlier step's", "whom they talk to", "svc/default/web:80", fl_to },
	{ "do", true, "list of [words](#words-of-a-flow)", NULL, "what is sent, in order", "[handshake, \"GET / HTTP/1.1\", reply 3 packets of 1200, fin]", fl_do },
	{ "family", false, "`4` or `6`", "`4` where both ends have it", "IP version", "6", fl_family },
	{ "sport", false, "number", "40000 and up, by the flow's place in the file", "port they come from; of `icmp` the identifier", "51724", fl_sport },
	{ "ttl", false, "number", "`64`", "TTL or hop limit", "1", fl_ttl },
	{ "tos", false, "number", "`0`", "TOS or traffic class", "0xb8", fl_tos },
	{ "mss", false, "number", "`1460`, IPv6 `1440`", "TCP: what SYNs announce", "8960", fl_mss },
	{ "via", false, "`node/NAME`", "the node that owns the address, else the first", "where packets from the world enter: for addresses that no node owns", "node/worker-1", fl_via },
	{ 0 } } };
/* clang-format on */

int read_flow(struct schema_ctx *ctx, const struct value *v, uint8_t proto, struct send_step *send)
{
	struct flow_step *f = arena_new_of(ctx->arena, struct flow_step);

	f->proto = proto;
	f->loc = v->loc;
	f->ttl = 64;
	send->flow = f;
	send->capture_loc = v->loc;
	if (v->kind == VALUE_MAP && value_get(v, "name")) /* before `do`, which may rely on it */
		f->name = value_text(value_get(v, "name"));
	return schema_bind(ctx, &schema_flow, v, f);
}

/* ---- what needs the steps before ---- */

static const struct flow_step *earlier_flow(const struct scenario *s, const struct flow_step *f)
{
	for (size_t i = s->n_steps - 1; i-- > 0;) {
		const struct flow_step *e =
			s->steps[i].kind == STEP_SEND ? s->steps[i].send.flow : NULL;

		if (e && e->name && !strcmp(e->name, f->name))
			return e;
	}
	return NULL;
}

static int go_on(struct schema_ctx *ctx, struct flow_step *f, const struct value *v)
{
	static const char *const fixed[] = { "from", "to", "family", "sport", "mss", "via" };

	if (f->proto != f->earlier->proto)
		return err_input(ctx->err, &f->loc, "the flow '%s' is one of %s (line %d)", f->name,
				 flow_proto_name(f->earlier->proto), f->earlier->loc.line);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (value_get(v, fixed[i]))
			return err_input(ctx->err, &f->loc,
					 "'%s' goes on with the flow of line %d, which has its "
					 "'%s' already; another flow needs another name",
					 f->name, f->earlier->loc.line, fixed[i]);
	f->first = f->earlier->first + f->earlier->n_packets;
	f->index = f->earlier->index;
	return 0;
}

static int check_new(struct schema_ctx *ctx, const struct flow_step *f)
{
	bool port = f->to.port || f->to.port_name || f->to.frontend == FLOW_NODE_PORT;

	if (!f->from.text || !f->to.text)
		return err_input(ctx->err, &f->loc, "flow: the key '%s' is missing%s",
				 f->from.text ? "to" : "from",
				 f->name ? " (no earlier step has a flow of this name)" : "");
	if (f->proto != IPPROTO_ICMP && !port)
		return err_input(ctx->err, &f->to.loc, "to: the port is missing: %s:80",
				 f->to.text);
	if (f->proto == IPPROTO_ICMP && port)
		return err_input(ctx->err, &f->to.loc, "to: ICMP has no ports");
	return 0;
}

/* Packets of a flow by name are found under one name, as those of a capture. */
static const char *label(struct schema_ctx *ctx, const struct step *step, const struct flow_step *f)
{
	if (f->name)
		return arena_printf(ctx->arena, "%s flow %s", flow_proto_name(f->proto), f->name);
	return arena_printf(ctx->arena, "%s flow of step %u", flow_proto_name(f->proto),
			    step->index);
}

int link_flow(struct schema_ctx *ctx, struct scenario *s, struct step *step, const struct value *v)
{
	struct flow_step *f = step->kind == STEP_SEND ? step->send.flow : NULL;
	struct packet_range *range;

	if (!f)
		return 0;
	f->first = 1;
	f->earlier = f->name ? earlier_flow(s, f) : NULL;
	if (f->earlier ? go_on(ctx, f, value_get(v, flow_proto_name(f->proto))) : check_new(ctx, f))
		return -EINVAL;
	if (!f->earlier)
		f->index = s->n_flows++;
	if (!f->n_packets)
		return err_input(ctx->err, &f->loc,
				 "do: no packet is sent; use `advance` for time");
	range = arena_new_of(ctx->arena, struct packet_range);
	*range = (struct packet_range){ f->first, f->first + f->n_packets - 1 };
	step->send.packets = (struct packet_set){ range, 1 };
	if (f->earlier) {
		f->via = f->earlier->via;
		f->via_loc = f->earlier->via_loc;
	}
	step->send.via = f->via;
	step->send.via_loc = f->via_loc;
	step->send.capture = f->earlier ? label(ctx, step, f->earlier) : label(ctx, step, f);
	return 0;
}
