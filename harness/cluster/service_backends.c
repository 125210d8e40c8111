/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which backends each port of each service has, from EndpointSlices and Endpoints: the same on all nodes. */
#include <stdlib.h>
#include <string.h>

#include "cluster/config.h"
#include "cluster/parts.h"
#include "cluster/service.h"

struct gather {
	struct cluster *c;
	struct arena *scratch;
	struct table endpoints; /* "ns/service" to struct slices */
	struct buf key;
};

struct slices {
	const struct k8s_endpoints **list;
	size_t n;
};

static const char *full_name(struct gather *g, const char *ns, const char *name)
{
	buf_reset(&g->key);
	buf_printf(&g->key, "%s/%s", ns, name);
	return buf_str(&g->key);
}

static void note_slices(struct gather *g)
{
	const struct manifests *m = &g->c->manifests;

	for (size_t i = 0; i < m->n_endpoints; i++) {
		const struct k8s_endpoints *e = &m->endpoints[i];
		void **slot = table_slot_text(&g->endpoints, full_name(g, e->meta.ns, e->service));
		struct slices *s = *slot;

		if (!s)
			*slot = s = arena_new_of(g->scratch, struct slices);
		s->list = arena_grow(g->scratch, s->list, s->n, sizeof(*s->list));
		s->list[s->n++] = e;
	}
}

struct backend *backend_of(struct cluster *c, const struct ip_addr *addr, uint16_t port,
			   uint8_t proto, enum backend_state state)
{
	struct {
		struct ip_key ip;
		uint8_t proto, port[2];
	} key = { ip_key(addr), proto, { (uint8_t)(port >> 8), (uint8_t)port } };
	void **slot = table_slot(&c->parts->backend_at, &key, sizeof(key));
	struct backend *b = *slot;

	if (!b) {
		*slot = b = arena_new_of(c->arena, struct backend);
		*b = (struct backend){ .addr = *addr,
				       .port = port,
				       .proto = proto,
				       .state = state,
				       .id = ids_give(&c->parts->backends, &key, sizeof(key)) };
	}
	if (state < b->state)
		b->state = state;
	return b;
}

/* As an agent reads the conditions of an endpoint: what is ready is active, also where it is about to go
 * (publishNotReadyAddresses makes such).
 */
static enum backend_state state_of(const struct k8s_service *svc, const struct endpoint *e)
{
	if (e->ready || svc->publish_not_ready)
		return BACKEND_ACTIVE;
	if (!e->terminating)
		return BACKEND_MAINTENANCE;
	return e->serving ? BACKEND_TERMINATING : BACKEND_TERMINATING_IDLE;
}

static bool is_port(const struct service_port *want, const struct endpoint_port *have)
{
	return want->proto == have->proto && have->port &&
	       (!want->name || !have->name || strcmp(want->name, have->name) == 0);
}

static void add_endpoint(struct gather *g, struct backend_list *l, const struct k8s_service *svc,
			 const struct endpoint_port *port, const struct endpoint *e)
{
	enum backend_state state = state_of(svc, e);

	if (!config_family(g->c, e->addr.family))
		return;
	l->refs = arena_grow(g->c->arena, l->refs, l->n, sizeof(*l->refs));
	l->refs[l->n++] = (struct backend_ref){
		.backend = backend_of(g->c, &e->addr, port->port, port->proto, state),
		.state = state,
		.node = e->node,
	};
}

static int by_address(const struct backend *a, const struct backend *b)
{
	int d = a->addr.family - b->addr.family;

	if (!d)
		d = memcmp(a->addr.bytes, b->addr.bytes, a->addr.family == 4 ? 4 : 16);
	return d ? d : a->port - b->port;
}

static int by_address_and_state(const void *a, const void *b)
{
	const struct backend_ref *x = a, *y = b;
	int d = by_address(x->backend, y->backend);

	return d ? d : (int)x->state - (int)y->state;
}

static int by_state(const void *a, const void *b)
{
	const struct backend_ref *x = a, *y = b;
	int d = (int)x->state - (int)y->state;

	return d ? d : by_address(x->backend, y->backend);
}

/* The same endpoint may be in two slices for a while: the better of its states counts. */
static void put_in_order(struct backend_list *l)
{
	size_t n = 0;

	if (!l->n)
		return;
	qsort(l->refs, l->n, sizeof(*l->refs), by_address_and_state);
	for (size_t i = 0; i < l->n; i++)
		if (!n || l->refs[n - 1].backend != l->refs[i].backend)
			l->refs[n++] = l->refs[i];
	l->n = n;
	qsort(l->refs, l->n, sizeof(*l->refs), by_state);
}

static void gather_port(struct gather *g, const struct k8s_service *svc, const struct slices *from,
			const struct service_port *port, struct backend_list *l)
{
	for (size_t i = 0; from && i < from->n; i++) {
		const struct k8s_endpoints *s = from->list[i];

		for (size_t j = 0; j < s->n_ports; j++)
			for (size_t k = 0; is_port(port, &s->ports[j]) && k < s->n; k++)
				add_endpoint(g, l, svc, &s->ports[j], &s->list[k]);
	}
	put_in_order(l);
}

static void gather_service(struct gather *g, struct service *svc)
{
	const struct k8s_service *k = svc->k;
	const struct slices *from =
		table_get_text(&g->endpoints, full_name(g, k->meta.ns, k->meta.name));

	svc->ports = arena_alloc(g->c->arena, (k->n_ports + 1) * sizeof(*svc->ports));
	for (size_t i = 0; i < k->n_ports; i++)
		gather_port(g, k, from, &k->ports[i], &svc->ports[i]);
}

static int by_name(const void *a, const void *b)
{
	const struct k8s_meta *x = &((const struct service *)a)->k->meta,
			      *y = &((const struct service *)b)->k->meta;
	int d = strcmp(x->ns, y->ns);

	return d ? d : strcmp(x->name, y->name);
}

/* Services that nothing of reaches the datapath: names in DNS, and what another proxy serves. */
static bool is_served(const struct k8s_service *k)
{
	return k->type != SERVICE_EXTERNAL_NAME && !k->headless && !k->proxy_name;
}

const struct services *cluster_services(struct cluster *c)
{
	struct gather g = { .c = c, .key = BUF_INIT };
	struct services *s;

	if (c->parts->services)
		return c->parts->services;
	s = arena_new_of(c->arena, struct services);
	s->list = arena_alloc(c->arena, (c->manifests.n_services + 1) * sizeof(*s->list));
	for (size_t i = 0; i < c->manifests.n_services; i++)
		if (is_served(&c->manifests.services[i]))
			s->list[s->n++].k = &c->manifests.services[i];
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), by_name);
	g.scratch = arena_new();
	g.endpoints = (struct table)TABLE_INIT(g.scratch);
	c->parts->backend_at = (struct table)TABLE_INIT(c->arena);
	note_slices(&g);
	for (size_t i = 0; i < s->n; i++)
		gather_service(&g, &s->list[i]);
	buf_free(&g.key);
	arena_free(g.scratch);
	c->parts->services = s;
	return s;
}
