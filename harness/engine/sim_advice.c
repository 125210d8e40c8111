/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a packet was dropped, in the words of the manifests: which policies restrict the endpoint, which of their
 * rules came nearest, which service has no backend or names the networks that may come.
 */
#include <stdarg.h>
#include <string.h>

#include "engine/policy_match.h"
#include "engine/policy_words.h"
#include "engine/sim_internal.h"
#include "packet/ends.h"

#define REASON_POLICY	     133
#define REASON_NO_SERVICE    158
#define REASON_NOT_IN_RANGE  177
#define REASON_POLICY_DENY   181
#define REASON_AUTH_REQUIRED 189
#define NEAREST		     3 /* rules that are told */

enum { INGRESS = 1, EGRESS = 2 };

struct loc sim_loc(const struct walk *w, const struct loc *at)
{
	struct loc kept = *at;

	kept.file = arena_strdup(w->a, at->file);
	return kept;
}

static void advise(struct walk *w, const struct loc *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void advise(struct walk *w, const struct loc *at, const char *fmt, ...)
{
	struct trace *t = w->trace;
	struct told *told;
	va_list ap;

	t->advice = arena_grow(w->a, t->advice, t->n_advice, sizeof(*t->advice));
	told = &t->advice[t->n_advice++];
	va_start(ap, fmt);
	*told = (struct told){ .text = arena_vprintf(w->a, fmt, ap) };
	va_end(ap);
	if (at)
		told->at = sim_loc(w, at);
}

/* ---- policy ---- */

static const struct cluster_endpoint *endpoint_by_id(const struct cluster_node *n, unsigned id)
{
	for (size_t i = 0; i < n->n_endpoints; i++)
		if (n->endpoints[i].id == id)
			return &n->endpoints[i];
	return NULL;
}

/* From the verdict event, else from the drop's own. */
static bool find_question(const struct walk *w, const struct hop *hop, struct question *q)
{
	for (size_t i = hop->n_events; i-- > 0;) {
		const struct event *e = &hop->events[i];

		if (e->type != EVENT_POLICY_VERDICT || e->verdict >= 0)
			continue;
		*q = (struct question){
			.endpoint = endpoint_by_id(walk_node(w), e->source),
			.remote = e->remote_identity,
			.egress = e->direction == EGRESS,
			.proto = e->proto,
			.port = e->dport,
		};
		return q->endpoint != NULL;
	}
	return false;
}

static void tell_entry(struct walk *w, const struct policy_entry *e)
{
	advise(w, &e->rule->loc, "%s %s %s %s %s", policy_name(w->a, e->policy),
	       e->deny ? "denies" : "allows", port_name(w->a, e->proto, e->port, e->bits),
	       e->egress ? "to" : "from", identity_name(w->a, w->sim->cluster, e->label));
}

static void tell_denials(struct walk *w, const struct endpoint_policy *p, const struct question *q)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->entries[i].policy && p->entries[i].deny && policy_covers(&p->entries[i], q))
			tell_entry(w, &p->entries[i]);
}

/* A rule once, however many entries it makes. */
static void pass_over(const struct endpoint_policy *p, const struct policy_rule *rule, bool *skip)
{
	for (size_t i = 0; i < p->n; i++)
		skip[i] |= p->entries[i].rule == rule;
}

static void tell_nearest(struct walk *w, const struct endpoint_policy *p, const struct question *q)
{
	bool *skip = arena_alloc(w->a, p->n + 1);
	const struct policy_entry *e;

	pass_over(p, NULL, skip);
	for (unsigned i = 0; i < NEAREST && (e = policy_nearest(p->entries, p->n, q, skip)); i++) {
		tell_entry(w, e);
		pass_over(p, e->rule, skip);
	}
}

static void tell_restrictions(struct walk *w, const struct endpoint_policy *p,
			      const struct question *q)
{
	for (size_t i = 0; i < p->n_policies; i++) {
		const struct k8s_policy *policy = p->policies[i];

		if (q->egress ? policy->enforce_egress : policy->enforce_ingress)
			advise(w, &policy->meta.loc, "%s restricts what %s may %s",
			       policy_name(w->a, policy), q->endpoint->name,
			       q->egress ? "send" : "receive");
	}
}

static int advise_policy(struct walk *w, const struct hop *hop, struct err *err)
{
	struct cluster *c = (struct cluster *)w->sim->cluster;
	struct endpoint_policy p;
	struct question q;
	int ret;

	if (!find_question(w, hop, &q))
		return 0;
	ret = endpoint_policy(c, walk_node(w), q.endpoint, &p, err);
	if (ret)
		return ret;
	if (hop->drop_reason == REASON_POLICY_DENY) {
		tell_denials(w, &p, &q);
		return 0;
	}
	advise(w, NULL, "no rule lets %s %s %s %s %s", q.endpoint->name,
	       q.egress ? "send" : "receive", port_name(w->a, q.proto, q.port, POLICY_ALL_BITS),
	       q.egress ? "to" : "from", identity_name(w->a, c, q.remote));
	tell_restrictions(w, &p, &q);
	tell_nearest(w, &p, &q);
	return 0;
}

/* ---- services ---- */

static bool has_address(const struct ip_addr *ips, size_t n, const struct ip_addr *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ip_addr_equal(&ips[i], ip))
			return true;
	return false;
}

static bool is_frontend(const struct walk *w, const struct k8s_service *s,
			const struct packet_end *to)
{
	bool is_node = cluster_node_by_ip(w->sim->cluster, &to->addr) != NULL;
	bool is_address = has_address(s->cluster_ips, s->n_cluster_ips, &to->addr) ||
			  has_address(s->external_ips, s->n_external_ips, &to->addr) ||
			  has_address(s->lb_ips, s->n_lb_ips, &to->addr);

	for (size_t i = 0; i < s->n_ports; i++)
		if ((is_address && s->ports[i].port == to->port) ||
		    (is_node && s->ports[i].node_port && s->ports[i].node_port == to->port))
			return true;
	return false;
}

static const struct k8s_service *service_of(const struct walk *w, const struct packet_ends *ends)
{
	const struct manifests *m = &w->sim->cluster->manifests;

	for (size_t i = 0; ends->has_ports && i < m->n_services; i++)
		if (is_frontend(w, &m->services[i], &ends->dst))
			return &m->services[i];
	return NULL;
}

static void advise_service(struct walk *w, const struct hop *hop)
{
	const struct k8s_service *s;
	struct packet_ends ends;

	if (!frame_ends(&hop->in, &ends))
		return;
	s = service_of(w, &ends);
	if (!s)
		return;
	if (hop->drop_reason == REASON_NO_SERVICE)
		advise(w, &s->meta.loc, "Service %s/%s has no backend for node %s%s", s->meta.ns,
		       s->meta.name, walk_node(w)->name,
		       s->external_local || s->internal_local
			       ? ": its traffic policy takes those of the node only"
			       : "");
	else
		advise(w, &s->meta.loc,
		       "Service %s/%s: its loadBalancerSourceRanges leave the sender out",
		       s->meta.ns, s->meta.name);
}

int sim_advise(struct walk *w, struct err *err)
{
	const struct hop *hop;

	if (!w->trace->n_hops)
		return 0;
	hop = &w->trace->hops[w->trace->n_hops - 1];
	switch (hop->drop_reason) {
	case REASON_POLICY:
	case REASON_POLICY_DENY:
	case REASON_AUTH_REQUIRED:
		return advise_policy(w, hop, err);
	case REASON_NO_SERVICE:
	case REASON_NOT_IN_RANGE:
		advise_service(w, hop);
		return 0;
	default:
		return 0;
	}
}
