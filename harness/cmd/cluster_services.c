// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services of a cluster: where they are reached, and who is behind them. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "cluster/service.h"
#include "cmd/cluster.h"
#include "cmd/columns.h"

struct texts {
	const char **list;
	size_t n;
};

static void add_text(const struct cluster_show *s, struct texts *t, const char *text)
{
	t->list = arena_grow(s->arena, t->list, t->n, sizeof(*t->list));
	t->list[t->n++] = text;
}

static void add_at(const struct cluster_show *s, struct texts *t, const char *what,
		   const struct ip_addr *ips, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		add_text(s, t,
			 arena_printf(s->arena, ips[i].family == 6 ? "%s[%s]:%u" : "%s%s:%u", what,
				      address_text(s, &ips[i]), port));
}

static struct texts frontends(const struct cluster_show *s, const struct k8s_service *k,
			      const struct service_port *p)
{
	struct texts t = { 0 };

	if (k->type == SERVICE_EXTERNAL_NAME || k->headless) {
		add_text(s, &t, k->headless ? "headless" : "a name in DNS only");
		return t;
	}
	if (k->expose & EXPOSE_CLUSTER_IP)
		add_at(s, &t, "", k->cluster_ips, k->n_cluster_ips, p->port);
	if (p->node_port && (k->expose & EXPOSE_NODE_PORT))
		add_text(s, &t, arena_printf(s->arena, "every node:%u", p->node_port));
	if (k->expose & EXPOSE_LOAD_BALANCER)
		add_at(s, &t, "balancer ", k->lb_ips, k->n_lb_ips, p->port);
	add_at(s, &t, "external ", k->external_ips, k->n_external_ips, p->port);
	if (!t.n)
		add_text(s, &t, "nowhere");
	return t;
}

static const char *options_text(const struct cluster_show *s, const struct k8s_service *k)
{
	struct buf text = BUF_INIT;
	char *out;

	if (k->affinity)
		buf_printf(&text, "affinity %u s ", k->affinity_seconds);
	if (k->external_local)
		buf_puts(&text, "external: local ");
	if (k->internal_local)
		buf_puts(&text, "internal: local ");
	if (k->n_source_ranges)
		buf_printf(&text, "%zu source ranges %s ", k->n_source_ranges,
			   k->source_ranges_deny ? "denied" : "allowed");
	if (k->health_check_node_port)
		buf_printf(&text, "health check at %u ", k->health_check_node_port);
	out = arena_strndup(s->arena, buf_str(&text), text.len ? text.len - 1 : 0);
	buf_free(&text);
	return out;
}

static const char *backend_text(const struct cluster_show *s, const struct backend_ref *r)
{
	static const char *const states[] = {
		[BACKEND_ACTIVE] = "",
		[BACKEND_TERMINATING] = " terminating",
		[BACKEND_TERMINATING_IDLE] = " terminating, not serving",
		[BACKEND_MAINTENANCE] = " not ready",
	};

	return arena_printf(s->arena, r->backend->addr.family == 6 ? "[%s]:%u%s" : "%s:%u%s",
			    address_text(s, &r->backend->addr), r->backend->port, states[r->state]);
}

/* Frontends and backends each on lines of their own, all else beside the first. */
static void add_port(const struct cluster_show *s, struct columns *t, const struct k8s_service *k,
		     const struct service_port *p, const struct backend_list *backends)
{
	const char *name = arena_printf(s->arena, "%s/%s%s%s", k->meta.ns, k->meta.name,
					p->name ? ":" : "", p->name ? p->name : "");
	struct texts at = frontends(s, k, p), behind = { 0 };

	for (size_t i = 0; backends && i < backends->n; i++)
		add_text(s, &behind, backend_text(s, &backends->refs[i]));
	if (!behind.n)
		add_text(s, &behind, "none");
	for (size_t i = 0; i < at.n || i < behind.n; i++)
		columns_add(t, (const char *[]){ i ? NULL : name,
						 i ? NULL : word_name(&words_protocol, p->proto),
						 i < at.n ? at.list[i] : NULL,
						 i < behind.n ? behind.list[i] : NULL,
						 i ? NULL : options_text(s, k) });
}

static const struct service *served(const struct services *all, const struct k8s_service *k)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].k == k)
			return &all->list[i];
	return NULL;
}

void cluster_print_services(const struct cluster_show *s)
{
	const struct manifests *m = &s->cluster->manifests;
	const struct services *all = cluster_services(s->cluster);
	struct columns t = { .arena = s->arena, .n = 5 };

	if (!m->n_services)
		return;
	puts("\nSERVICES");
	columns_add(&t,
		    (const char *[]){ "NAME", "PROTOCOL", "REACHED AT", "BACKENDS", "OPTIONS" });
	for (size_t i = 0; i < m->n_services; i++) {
		const struct k8s_service *k = &m->services[i];
		const struct service *svc = served(all, k);

		for (size_t j = 0; j < k->n_ports; j++)
			add_port(s, &t, k, &k->ports[j], svc ? &svc->ports[j] : NULL);
		if (!k->n_ports)
			add_port(s, &t, k, &(struct service_port){ .proto = IPPROTO_TCP }, NULL);
	}
	columns_print(&t, 2);
}
