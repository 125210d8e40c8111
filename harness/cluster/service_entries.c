/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One frontend of a service as map entries: itself, a slot for each backend, the backends, the way back. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "cluster/config.h"
#include "cluster/parts.h"
#include "cluster/service.h"
#include "scenario/values.h"

#define MAX_SERVICES  65535 /* rev_nat_index has 16 bits */
#define AFFINITY_BITS 24
#define RANGE_BITS    32 /* rev_nat_id and padding before the address */

enum flags {
	F_EXTERNAL_IP = 1,
	F_NODE_PORT = 2,
	F_EXTERNAL_LOCAL = 4,
	F_HOST_PORT = 8,
	F_AFFINITY = 16,
	F_LOAD_BALANCER = 32,
	F_ROUTABLE = 64,
	F_SOURCE_RANGE = 128,
};

enum flags2 {
	F2_LOOPBACK = 8,
	F2_INTERNAL_LOCAL = 16,
	F2_TWO_SCOPES = 32,
	F2_SOURCE_RANGE_DENY = 64,
	F2_DSR = 128,
};

/* What a map says of a backend. */
static unsigned backend_flag(enum backend_state s)
{
	switch (s) {
	case BACKEND_ACTIVE:
		return 0;
	case BACKEND_MAINTENANCE:
		return 3;
	default:
		return 1;
	}
}

struct writing {
	struct lb_out *o;
	const struct frontend *f;
	uint32_t id;
	unsigned flags, flags2;
	struct value *address, *port, *proto, *rev_nat;
	const struct backend_ref **refs; /* those of its family, and place */
	size_t n, n_slots, n_active, n_inactive;
};

static const char *map_of(const struct writing *w, const char *v4, const char *v6)
{
	return w->f->addr.family == 4 ? v4 : v6;
}

static void add(struct writing *w, const char *map, struct value *key, struct value *value)
{
	entry_add(w->o->c, w->o->node, map, key, value);
}

static struct value *number(struct writing *w, uint64_t n)
{
	return entry_number(w->o->c, n);
}

/* Zero is left out. */
static struct value *nonzero(struct writing *w, uint64_t n)
{
	return n ? entry_number(w->o->c, n) : NULL;
}

static bool is_surrogate(const struct frontend *f)
{
	static const uint8_t none[16];

	return memcmp(f->addr.bytes, none, sizeof(none)) == 0;
}

static bool is_by_dsr(const struct writing *w)
{
	const struct value *v = w->o->c->manifests.values;
	const struct k8s_service *svc = w->f->svc;

	if (svc && svc->forwarding != FORWARD_DEFAULT &&
	    (values_bool(v, "bpf.lbModeAnnotation") ||
	     values_is(v, "loadBalancer.mode", "annotation")))
		return svc->forwarding == FORWARD_DSR;
	return values_is(v, "loadBalancer.mode", "dsr") ||
	       (values_is(v, "loadBalancer.mode", "hybrid") && w->f->proto == IPPROTO_TCP);
}

static bool checks_source(const struct writing *w)
{
	return w->f->svc && w->f->svc->n_source_ranges &&
	       (w->f->type == FRONTEND_LOAD_BALANCER ||
		values_bool(w->o->c->manifests.values, "bpf.lbSourceRangeAllTypes"));
}

static bool is_routable(const struct writing *w)
{
	return !is_surrogate(w->f) &&
	       (w->f->type != FRONTEND_CLUSTER_IP ||
		values_bool(w->o->c->manifests.values, "bpf.lbExternalClusterIP"));
}

static void set_flags(struct writing *w)
{
	static const uint8_t of_type[] = {
		[FRONTEND_CLUSTER_IP] = 0,
		[FRONTEND_NODE_PORT] = F_NODE_PORT,
		[FRONTEND_LOAD_BALANCER] = F_LOAD_BALANCER,
		[FRONTEND_EXTERNAL_IP] = F_EXTERNAL_IP,
		[FRONTEND_HOST_PORT] = F_HOST_PORT,
	};
	static const struct k8s_service none = { 0 };
	const struct k8s_service *svc = w->f->svc ? w->f->svc : &none;

	w->flags = of_type[w->f->type] | (svc->external_local ? F_EXTERNAL_LOCAL : 0) |
		   (svc->affinity ? F_AFFINITY : 0) | (is_routable(w) ? F_ROUTABLE : 0);
	w->flags2 = (svc->internal_local ? F2_INTERNAL_LOCAL : 0) |
		    (w->f->loopback || svc->proxy_delegation ? F2_LOOPBACK : 0) |
		    (is_by_dsr(w) ? F2_DSR : 0);
	if (svc->external_local != svc->internal_local && w->f->type != FRONTEND_CLUSTER_IP)
		w->flags2 |= F2_TWO_SCOPES;
	if (!checks_source(w))
		return;
	w->flags |= F_SOURCE_RANGE;
	w->flags2 |= svc->source_ranges_deny ? F2_SOURCE_RANGE_DENY : 0;
}

static bool is_here(const struct writing *w, const struct backend_ref *r)
{
	return !r->node || strcmp(r->node, w->o->node->name) == 0;
}

/* Backends come by state, so that active ones have the first slots. */
static void choose_backends(struct writing *w)
{
	const struct backend_list *l = w->f->backends;
	size_t n[BACKEND_MAINTENANCE + 1] = { 0 };

	w->refs = arena_alloc(w->o->scratch, (l->n + 1) * sizeof(*w->refs));
	for (size_t i = 0; i < l->n; i++) {
		const struct backend_ref *r = &l->refs[i];

		if (r->backend->addr.family != w->f->addr.family ||
		    (w->f->only_local && !is_here(w, r)))
			continue;
		w->refs[w->n++] = r;
		n[r->state]++;
	}
	w->n_slots = w->n - n[BACKEND_MAINTENANCE];
	w->n_active = n[BACKEND_ACTIVE] ? n[BACKEND_ACTIVE] : n[BACKEND_TERMINATING];
	w->n_inactive = w->n_slots - w->n_active;
}

static struct value *service_key(struct writing *w, size_t slot)
{
	static const struct shape key = SHAPE("address", "dport", "backend_slot", "proto", "scope");

	return entry_struct(w->o->c, &key,
			    (struct value *[]){ w->address, w->port, nonzero(w, slot), w->proto,
						nonzero(w, w->f->scope) });
}

static void add_slot(struct writing *w, size_t slot, uint32_t backend)
{
	static const struct shape value = SHAPE("backend_id", "rev_nat_index", "flags", "flags2");

	add(w, map_of(w, "cilium_lb4_services_v2", "cilium_lb6_services_v2"), service_key(w, slot),
	    entry_struct(w->o->c, &value,
			 (struct value *[]){ number(w, backend), w->rev_nat, nonzero(w, w->flags),
					     nonzero(w, w->flags2) }));
}

static uint32_t algorithm_of(const struct writing *w)
{
	bool by_annotation = values_bool(w->o->c->manifests.values, "bpf.lbAlgorithmAnnotation");

	return w->f->svc && by_annotation ? (uint32_t)w->f->svc->algorithm : ALGORITHM_DEFAULT;
}

static void add_master(struct writing *w)
{
	static const struct shape value =
		SHAPE("affinity_timeout", "count", "rev_nat_index", "flags", "flags2", "qcount");
	const struct k8s_service *svc = w->f->svc;
	uint32_t timeout = svc && svc->affinity ? svc->affinity_seconds : 0;

	timeout &= (1u << AFFINITY_BITS) - 1;
	add(w, map_of(w, "cilium_lb4_services_v2", "cilium_lb6_services_v2"), service_key(w, 0),
	    entry_struct(w->o->c, &value,
			 (struct value *[]){ nonzero(w, timeout | algorithm_of(w) << AFFINITY_BITS),
					     number(w, w->n_active), w->rev_nat,
					     nonzero(w, w->flags), nonzero(w, w->flags2),
					     nonzero(w, w->n_inactive) }));
}

static void add_backend(struct writing *w, struct backend *b)
{
	static const struct shape value = SHAPE("address", "port", "proto", "flags");
	struct cluster *c = w->o->c;

	if (b->written == w->o->stamp)
		return;
	b->written = w->o->stamp;
	add(w, map_of(w, "cilium_lb4_backends_v3", "cilium_lb6_backends_v3"), number(w, b->id),
	    entry_struct(c, &value,
			 (struct value *[]){ entry_address(c, &b->addr), number(w, b->port),
					     number(w, b->proto),
					     nonzero(w, backend_flag(b->state)) }));
}

static void add_affinity(struct writing *w, const struct backend_ref *r)
{
	static const struct shape key = SHAPE("backend_id", "rev_nat_id");

	if (w->f->svc && w->f->svc->affinity && r->state == BACKEND_ACTIVE)
		add(w, "cilium_lb_affinity_match",
		    entry_struct(w->o->c, &key,
				 (struct value *[]){ number(w, r->backend->id), w->rev_nat }),
		    number(w, 0));
}

static void add_backends(struct writing *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct backend_ref *r = w->refs[i];

		add_backend(w, r->backend);
		if (r->state == BACKEND_MAINTENANCE)
			continue;
		add_slot(w, i + 1, r->backend->id);
		add_affinity(w, r);
	}
}

static void add_way_back(struct writing *w)
{
	static const struct shape value = SHAPE("address", "port");

	add(w, map_of(w, "cilium_lb4_reverse_nat", "cilium_lb6_reverse_nat"), w->rev_nat,
	    entry_struct(w->o->c, &value, (struct value *[]){ w->address, w->port }));
}

static void add_source_ranges(struct writing *w)
{
	static const struct shape lpm = SHAPE("prefixlen"),
				  key = SHAPE("lpm_key", "rev_nat_id", "addr");
	const struct k8s_service *svc = w->f->svc;
	struct cluster *c = w->o->c;

	for (size_t i = 0; svc && i < svc->n_source_ranges; i++) {
		const struct cidr *net = &svc->source_ranges[i];
		struct value *bits = number(w, RANGE_BITS + net->prefix);

		if (net->addr.family == w->f->addr.family)
			add(w, map_of(w, "cilium_lb4_source_range", "cilium_lb6_source_range"),
			    entry_struct(c, &key,
					 (struct value *[]){ entry_struct(c, &lpm, &bits),
							     w->rev_nat,
							     entry_address(c, &net->addr) }),
			    number(w, 0));
	}
}

/* Tables only for what is reached from other machines, unless a service asks for one. */
static bool has_table(const struct writing *w)
{
	uint32_t algorithm = algorithm_of(w);

	if (is_surrogate(w->f) || !w->n_active)
		return false;
	if (algorithm != ALGORITHM_DEFAULT)
		return algorithm == ALGORITHM_MAGLEV;
	return w->o->maglev && (w->f->type != FRONTEND_CLUSTER_IP || w->o->maglev_inside);
}

static void add_table(struct writing *w)
{
	if (has_table(w))
		add(w, map_of(w, "cilium_lb4_maglev", "cilium_lb6_maglev"), w->rev_nat,
		    table_value(w->o, w->refs, w->n_active));
}

/* What asks for another port of a service's own address has nowhere else to go. */
static void add_rest_of_address(struct writing *w)
{
	static const struct shape key = SHAPE("address"), value = SHAPE("flags");
	struct ip_key at = ip_key(&w->f->addr);
	bool lb = w->f->type == FRONTEND_LOAD_BALANCER;
	struct value *flags = lb ? number(w, F_LOAD_BALANCER) : NULL;
	void **slot;

	if ((!lb && w->f->type != FRONTEND_CLUSTER_IP) || w->f->scope != SCOPE_EXTERNAL ||
	    cluster_node_by_ip(w->o->c, &w->f->addr))
		return;
	slot = table_slot(&w->o->frontends, &at, sizeof(at));
	if (*slot)
		return;
	*slot = (void *)w->f;
	add(w, map_of(w, "cilium_lb4_services_v2", "cilium_lb6_services_v2"),
	    entry_struct(w->o->c, &key, &w->address), entry_struct(w->o->c, &value, &flags));
}

struct frontend_key {
	struct ip_key ip;
	uint8_t proto, scope, port[2];
};

static const char *asker(const struct frontend *f)
{
	return f->svc ? "service" : "a host port";
}

static int taken(const struct writing *w, const struct frontend *other)
{
	const struct frontend *f = w->f;

	return err_input(w->o->err, f->loc, "%s port %u is asked for by %s at %s:%d too",
			 value_text(w->address), f->port, asker(other), other->loc->file,
			 other->loc->line);
}

static int give_id(struct writing *w)
{
	const struct frontend *f = w->f;
	struct frontend_key key = {
		ip_key(&f->addr), f->proto, f->scope, { (uint8_t)(f->port >> 8), (uint8_t)f->port }
	};
	struct node_parts *parts = &w->o->c->parts->nodes[w->o->node->index];
	void **slot = table_slot(&w->o->frontends, &key, sizeof(key));

	if (*slot)
		return taken(w, *slot);
	*slot = arena_memdup(w->o->scratch, f, sizeof(*f));
	w->id = ids_give(&parts->services, &key, sizeof(key));
	if (w->id > MAX_SERVICES)
		return err_input(w->o->err, f->loc,
				 "node %s has more than %d addresses and ports of services",
				 w->o->node->name, MAX_SERVICES);
	return 0;
}

int write_frontend(struct lb_out *o, const struct frontend *f)
{
	struct writing w = { .o = o, .f = f };
	int ret;

	w.address = entry_address(o->c, &f->addr);
	w.port = entry_number(o->c, f->port);
	w.proto = entry_number(o->c, f->proto);
	ret = give_id(&w);
	if (ret)
		return ret;
	w.rev_nat = entry_number(o->c, w.id);
	set_flags(&w);
	choose_backends(&w);
	add_backends(&w);
	add_master(&w);
	add_way_back(&w);
	add_source_ranges(&w);
	add_table(&w);
	add_rest_of_address(&w);
	return 0;
}
