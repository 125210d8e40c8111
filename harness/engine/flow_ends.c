// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds the addresses and ports behind the names of a hand-written flow. */
#include "engine/flow_ends.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/words.h"

struct resolver {
	const struct cluster *c;
	const struct scenario *s;
	struct arena *a;
	uint8_t proto;
	bool sends; /* the end that is looked for sends: a service does not */
	struct err *err;
};

/* What an end can be dialled by. */
struct found {
	const struct ip_addr *ips;
	size_t n_ips;
	uint16_t port;
};

/* ---- by name ---- */

/* One thing of the name, and what else has it. */
struct match {
	const struct world_host *host;
	const struct cluster_node *node;
	const struct k8s_pod *pod;
	const struct k8s_service *service;
	unsigned n;
	struct buf all; /* "pod/a/web, svc/a/web" */
};

static void note(struct match *m, const char *kind, const char *ns, const char *name)
{
	buf_printf(&m->all, "%s%s/%s%s%s", m->n++ ? ", " : "", kind, ns ? ns : "", ns ? "/" : "",
		   name);
}

static bool has_name(const struct k8s_meta *meta, const struct flow_end *e)
{
	return strcmp(meta->name, e->name) == 0 && (!e->ns || strcmp(meta->ns, e->ns) == 0);
}

static void match_pods(const struct resolver *r, const struct flow_end *e, struct match *m)
{
	for (size_t i = 0; i < r->c->manifests.n_pods; i++) {
		const struct k8s_pod *p = &r->c->manifests.pods[i];

		if (!has_name(&p->meta, e))
			continue;
		m->pod = p;
		note(m, "pod", p->meta.ns, p->meta.name);
	}
}

static void match_services(const struct resolver *r, const struct flow_end *e, struct match *m)
{
	for (size_t i = 0; i < r->c->manifests.n_services; i++) {
		const struct k8s_service *s = &r->c->manifests.services[i];

		if (!has_name(&s->meta, e))
			continue;
		m->service = s;
		note(m, "svc", s->meta.ns, s->meta.name);
	}
}

static void match_hosts(const struct resolver *r, const struct flow_end *e, struct match *m)
{
	for (size_t i = 0; i < r->s->n_hosts && !e->ns; i++)
		if (strcmp(r->s->hosts[i].name, e->name) == 0)
			m->host = &r->s->hosts[i];
}

static void match_nodes(const struct resolver *r, const struct flow_end *e, struct match *m)
{
	m->node = e->ns ? NULL : cluster_node_by_name(r->c, e->name);
	if (m->node)
		note(m, "node", NULL, e->name);
}

static void match_end(const struct resolver *r, const struct flow_end *e, struct match *m)
{
	bool any = e->kind == FLOW_END_NAME;

	if (any)
		match_hosts(r, e, m);
	if (m->host) {
		m->n = 1; /* the scenario's own names go before the cluster's */
		return;
	}
	if (any || e->kind == FLOW_END_NODE)
		match_nodes(r, e, m);
	if (any || e->kind == FLOW_END_POD)
		match_pods(r, e, m);
	if ((any && !r->sends) || e->kind == FLOW_END_SERVICE)
		match_services(r, e, m);
}

static const char *nearest(const struct resolver *r, const char *name)
{
	const struct manifests *m = &r->c->manifests;
	size_t n = 0;
	const char **names =
		arena_alloc(r->a, (r->s->n_hosts + r->c->n_nodes + m->n_pods + m->n_services + 1) *
					  sizeof(*names));

	for (size_t i = 0; i < r->s->n_hosts; i++)
		names[n++] = r->s->hosts[i].name;
	for (size_t i = 0; i < r->c->n_nodes; i++)
		if (!r->c->nodes[i].is_gone)
			names[n++] = r->c->nodes[i].name;
	for (size_t i = 0; i < m->n_pods; i++)
		names[n++] = m->pods[i].meta.name;
	for (size_t i = 0; i < m->n_services; i++)
		names[n++] = m->services[i].meta.name;
	return nearest_name(name, names, n);
}

static int no_match(const struct resolver *r, const struct flow_end *e, const struct match *m)
{
	const char *near = m->n ? NULL : nearest(r, e->name);

	if (m->n)
		return err_input(r->err, &e->loc, "'%s' can be %s: write which", e->text,
				 buf_str((struct buf *)&m->all));
	if (near && strcmp(near, e->name) != 0)
		return err_input(r->err, &e->loc,
				 "'%s' is nobody in the cluster %s or in `hosts:`; did you mean "
				 "'%s'?",
				 e->text, r->c->dir, near);
	return err_input(r->err, &e->loc, "'%s' is nobody in the cluster %s or in `hosts:`",
			 e->text, r->c->dir);
}

/* ---- services ---- */

static bool is_port(const struct resolver *r, const struct flow_end *e,
		    const struct service_port *p)
{
	if (p->proto != r->proto)
		return false;
	if (e->port_name)
		return p->name && strcmp(p->name, e->port_name) == 0;
	return !e->port || p->port == e->port;
}

static const struct service_port *find_port(const struct resolver *r, const struct flow_end *e,
					    const struct k8s_service *s)
{
	const struct service_port *found = NULL;
	__cleanup_buf struct buf has = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < s->n_ports; i++) {
		const struct service_port *p = &s->ports[i];

		if (is_port(r, e, p)) {
			found = p;
			n++;
		}
		buf_printf(&has, "%s%s %u", i ? ", " : "", word_name(&words_protocol, p->proto),
			   p->port);
	}
	if (n == 1)
		return found;
	if (n > 1)
		err_input(r->err, &e->loc, "service %s/%s has several ports: write which",
			  s->meta.ns, s->meta.name);
	else
		err_input(r->err, &e->loc, "service %s/%s has no such port of %s", s->meta.ns,
			  s->meta.name, word_name(&words_protocol, r->proto));
	err_hint(r->err, "it has %s; to dial what it does not have, write its address",
		 buf_str(&has));
	return NULL;
}

static int no_frontend(const struct resolver *r, const struct flow_end *e,
		       const struct k8s_service *s, const char *what)
{
	return err_input(r->err, &e->loc, "service %s/%s has no %s", s->meta.ns, s->meta.name,
			 what);
}

static int node_port(const struct resolver *r, const struct flow_end *e,
		     const struct k8s_service *s, const struct service_port *p, struct found *out)
{
	struct flow_end by_name = {
		.kind = FLOW_END_NODE, .name = e->node, .text = e->node, .loc = e->loc
	};
	const struct cluster_node *node = cluster_node_by_name(r->c, e->node);
	const struct match none = { .n = 0 };

	if (!node)
		return no_match(r, &by_name, &none);
	if (!p->node_port)
		return no_frontend(r, e, s, "node port there");
	*out = (struct found){ node->ips, node->n_ips, p->node_port };
	return 0;
}

static int find_frontend(const struct resolver *r, const struct flow_end *e,
			 const struct k8s_service *s, struct found *out)
{
	const struct service_port *p = r->proto == IPPROTO_ICMP ? NULL : find_port(r, e, s);

	if (!p && r->proto != IPPROTO_ICMP)
		return -EINVAL;
	out->port = p ? p->port : 0;
	switch (e->frontend) {
	case FLOW_NODE_PORT:
		if (!p)
			return err_input(r->err, &e->loc, "ICMP goes to no node port");
		return node_port(r, e, s, p, out);
	case FLOW_LOAD_BALANCER:
		*out = (struct found){ s->lb_ips, s->n_lb_ips, out->port };
		return out->n_ips ? 0 : no_frontend(r, e, s, "load balancer address");
	case FLOW_EXTERNAL_IP:
		*out = (struct found){ s->external_ips, s->n_external_ips, out->port };
		return out->n_ips ? 0 : no_frontend(r, e, s, "external IP");
	case FLOW_CLUSTER_IP:
		break;
	}
	*out = (struct found){ s->cluster_ips, s->n_cluster_ips, out->port };
	return out->n_ips ? 0 : no_frontend(r, e, s, "cluster IP");
}

/* ---- an end ---- */

static int use_pod(const struct resolver *r, const struct flow_end *e, const struct k8s_pod *pod,
		   struct found *out)
{
	const struct cluster_node *node = pod->node ? cluster_node_by_name(r->c, pod->node) : NULL;

	*out = (struct found){ pod->ips, pod->n_ips, e->port };
	if (pod->host_network && node)
		*out = (struct found){ node->ips, node->n_ips, e->port };
	if (!out->n_ips)
		return err_input(r->err, &e->loc, "pod %s/%s has no address", pod->meta.ns,
				 pod->meta.name);
	return 0;
}

static int use_match(const struct resolver *r, const struct flow_end *e, const struct match *m,
		     struct found *out)
{
	if (m->n != 1)
		return no_match(r, e, m);
	if (m->service)
		return find_frontend(r, e, m->service, out);
	if (e->port_name || e->frontend != FLOW_CLUSTER_IP)
		return err_input(r->err, &e->loc, "'%s' is no service", e->text);
	if (m->pod)
		return use_pod(r, e, m->pod, out);
	if (m->host)
		*out = (struct found){ m->host->ips, m->host->n_ips, e->port };
	else
		*out = (struct found){ m->node->ips, m->node->n_ips, e->port };
	return 0;
}

static int find(const struct resolver *r, const struct flow_end *e, struct found *out)
{
	struct match m = { .all = BUF_INIT };
	int ret;

	if (e->kind == FLOW_END_ADDRESS) {
		*out = (struct found){ &e->address, 1, e->port };
		return 0;
	}
	match_end(r, e, &m);
	ret = use_match(r, e, &m, out);
	buf_free(&m.all);
	return ret;
}

static const struct ip_addr *of_family(const struct found *f, uint8_t family)
{
	for (size_t i = 0; i < f->n_ips; i++)
		if (f->ips[i].family == family)
			return &f->ips[i];
	return NULL;
}

int flow_ends_resolve(const struct cluster *c, const struct scenario *s, const struct flow_step *f,
		      struct arena *a, struct packet_end *from, struct packet_end *to,
		      struct err *err)
{
	struct resolver r = { c, s, a, f->proto, true, err };
	struct found src = { .n_ips = 0 }, dst = { .n_ips = 0 };
	uint8_t family = f->family;

	if (find(&r, &f->from, &src))
		return -EINVAL;
	r.sends = false;
	if (find(&r, &f->to, &dst))
		return -EINVAL;
	if (!family)
		family = of_family(&src, 4) && of_family(&dst, 4) ? 4 : 6;
	if (!of_family(&src, family) || !of_family(&dst, family))
		return err_input(err, of_family(&src, family) ? &f->to.loc : &f->from.loc,
				 "'%s' has no %s address%s",
				 of_family(&src, family) ? f->to.text : f->from.text,
				 family == 4 ? "IPv4" : "IPv6",
				 f->family ? "" : ", and the two have no family in common");
	from->addr = *of_family(&src, family);
	to->addr = *of_family(&dst, family);
	from->port = 0;
	to->port = dst.port;
	return 0;
}

int flow_end_address(const struct cluster *c, const struct scenario *s, const struct flow_end *who,
		     uint8_t family, struct arena *a, struct ip_addr *out, struct err *err)
{
	struct resolver r = { c, s, a, IPPROTO_ICMP, true, err };
	struct found found = { .n_ips = 0 };

	if (find(&r, who, &found))
		return -EINVAL;
	if (!of_family(&found, family))
		return err_input(err, &who->loc, "'%s' has no IPv%u address", who->text, family);
	*out = *of_family(&found, family);
	return 0;
}
