/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `verdict cluster show --json`: what the tables say, for programs. reports/cluster.schema.json. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "cluster/service.h"
#include "cmd/cluster.h"

/* A name from a manifest may be no UTF-8; then its bytes are not told. */
static json_t *text(const char *s)
{
	json_t *j = s ? json_string(s) : NULL;

	return j ? j : json_null();
}

static json_t *address_list(const struct cluster_show *s, const struct ip_addr *ips, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, text(address_text(s, &ips[i])));
	return list;
}

/* ---- nodes and identities ---- */

static json_t *node_json(const struct cluster_show *s, const struct cluster_node *n)
{
	json_t *networks = json_array();

	for (size_t i = 0; i < n->manifest->n_pod_cidrs; i++)
		json_array_append_new(networks,
				      json_sprintf("%s/%u",
						   address_text(s, &n->manifest->pod_cidrs[i].addr),
						   n->manifest->pod_cidrs[i].prefix));
	return json_pack("{s:o, s:o, s:o, s:o, s:i, s:i}", "name", text(n->name), "addresses",
			 address_list(s, n->ips, n->n_ips), "pod_networks", networks, "device",
			 text(n->device), "pods", (int)n->n_endpoints - 1, "remote_identity",
			 (int)n->remote_identity);
}

static json_t *labels_json(const struct labels *l)
{
	json_t *o = json_object();

	for (size_t i = 0; i < l->n; i++)
		json_object_set_new(o, l->items[i].key, text(l->items[i].value));
	return o;
}

static json_t *identities_json(const struct cluster_show *s)
{
	const struct idents *ids = s->cluster->idents;
	json_t *list = json_array();

	for (size_t i = 0; i < ids->n; i++) {
		const struct ident *id = &ids->list[i];

		json_array_append_new(
			list,
			json_pack("{s:I, s:o, s:o, s:o}", "number", (json_int_t)id->id, "who",
				  text(ident_text(s, id)), "labels", labels_json(&id->labels),
				  "network",
				  id->is_cidr ? json_sprintf("%s/%u", address_text(s, &id->addr),
							     id->prefix)
					      : json_null()));
	}
	return list;
}

/* ---- services ---- */

static json_t *backends_json(const struct cluster_show *s, const struct backend_list *l)
{
	static const char *const states[] = {
		[BACKEND_ACTIVE] = "active",
		[BACKEND_TERMINATING] = "terminating",
		[BACKEND_TERMINATING_IDLE] = "terminating-idle",
		[BACKEND_MAINTENANCE] = "not-ready",
	};
	json_t *list = json_array();

	for (size_t i = 0; l && i < l->n; i++) {
		const struct backend_ref *r = &l->refs[i];

		json_array_append_new(list, json_pack("{s:o, s:i, s:s, s:o}", "address",
						      text(address_text(s, &r->backend->addr)),
						      "port", r->backend->port, "state",
						      states[r->state], "node", text(r->node)));
	}
	return list;
}

static json_t *ports_json(const struct cluster_show *s, const struct k8s_service *k,
			  const struct service *served)
{
	json_t *list = json_array();

	for (size_t i = 0; i < k->n_ports; i++) {
		const struct service_port *p = &k->ports[i];

		json_array_append_new(
			list, json_pack("{s:o, s:o, s:i, s:i, s:o}", "name", text(p->name),
					"protocol", text(word_name(&words_protocol, p->proto)),
					"port", p->port, "node_port", p->node_port, "backends",
					backends_json(s, served ? &served->ports[i] : NULL)));
	}
	return list;
}

static json_t *service_json(const struct cluster_show *s, const struct k8s_service *k)
{
	static const char *const types[] = {
		[SERVICE_CLUSTER_IP] = "ClusterIP",
		[SERVICE_NODE_PORT] = "NodePort",
		[SERVICE_LOAD_BALANCER] = "LoadBalancer",
		[SERVICE_EXTERNAL_NAME] = "ExternalName",
	};
	const struct services *all = cluster_services(s->cluster);
	const struct service *served = NULL;
	json_t *o;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].k == k)
			served = &all->list[i];
	o = json_pack("{s:o, s:o, s:s, s:b, s:o, s:o, s:o}", "namespace", text(k->meta.ns), "name",
		      text(k->meta.name), "type", types[k->type], "headless", k->headless,
		      "cluster_ips", address_list(s, k->cluster_ips, k->n_cluster_ips),
		      "external_ips", address_list(s, k->external_ips, k->n_external_ips),
		      "balancer_ips", address_list(s, k->lb_ips, k->n_lb_ips));
	json_object_set_new(o, "ports", ports_json(s, k, served));
	json_object_set_new(o, "affinity_seconds",
			    k->affinity ? json_integer(k->affinity_seconds) : json_null());
	json_object_set_new(o, "external_local", json_boolean(k->external_local));
	json_object_set_new(o, "internal_local", json_boolean(k->internal_local));
	json_object_set_new(o, "source_ranges", json_integer((json_int_t)k->n_source_ranges));
	json_object_set_new(o, "health_check_node_port", json_integer(k->health_check_node_port));
	return o;
}

static json_t *services_json(const struct cluster_show *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->cluster->manifests.n_services; i++)
		json_array_append_new(list, service_json(s, &s->cluster->manifests.services[i]));
	return list;
}

/* ---- policy ---- */

static json_t *rule_ports_json(const struct policy_rule *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_ports; i++) {
		const struct port_rule *p = &r->ports[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:i, s:i}", "protocol",
						      text(word_name(&words_protocol, p->proto)),
						      "name", text(p->name), "port", p->port,
						      "end_port", p->end_port));
	}
	for (size_t i = 0; i < r->n_icmps; i++)
		json_array_append_new(list, json_pack("{s:s, s:n, s:i, s:i}", "protocol",
						      r->icmps[i].family == 6 ? "ICMPv6" : "ICMPv4",
						      "name", "port", r->icmps[i].type, "end_port",
						      r->icmps[i].type));
	return list;
}

static json_t *peers_json(const struct peer_set *set)
{
	json_t *list;

	if (set->anyone)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < set->n; i++)
		json_array_append_new(list, json_integer(set->idents[i]->id));
	return list;
}

static json_t *rule_json(const struct cluster_show *s, const struct k8s_policy *p,
			 const struct policy_rule *r)
{
	static const char *const kinds[] = {
		[POLICY_KUBERNETES] = "NetworkPolicy",
		[POLICY_CILIUM] = "CiliumNetworkPolicy",
		[POLICY_CLUSTERWIDE] = "CiliumClusterwideNetworkPolicy",
	};

	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:s, s:o, s:o, s:o, s:i}", "direction",
			 r->egress ? "egress" : "ingress", "verdict",
			 r->deny ? "denied" : "allowed", "authenticated",
			 !r->deny && r->auth == AUTH_ALWAYS_FAIL, "peers",
			 peers_json(rule_selection(s->cluster, p, r)), "ports", rule_ports_json(r),
			 "kind", kinds[p->kind], "namespace", text(p->meta.ns), "name",
			 text(p->meta.name), "file", text(r->loc.file), "line", r->loc.line);
}

static json_t *endpoint_json(const struct cluster_show *s, const struct cluster_node *node,
			     const struct cluster_endpoint *ep, const struct endpoint_policy *p)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < p->n_policies; i++)
		for (size_t j = 0; j < p->policies[i]->n_rules; j++)
			json_array_append_new(
				rules, rule_json(s, p->policies[i], &p->policies[i]->rules[j]));
	return json_pack("{s:o, s:o, s:i, s:I, s:o, s:b, s:b, s:i, s:o}", "node", text(node->name),
			 "name", text(ep->name), "id", ep->id, "identity", (json_int_t)ep->identity,
			 "addresses", address_list(s, ep->ips, ep->n_ips), "ingress_enforced",
			 p->enforced[0], "egress_enforced", p->enforced[1], "entries", (int)p->n,
			 "rules", rules);
}

static int add_endpoints(const struct cluster_show *s, const struct cluster_node *node,
			 json_t *list, struct err *err)
{
	for (size_t i = 0; i < node->n_endpoints; i++) {
		const struct cluster_endpoint *ep = &node->endpoints[i];
		struct endpoint_policy p;
		int ret = endpoint_policy(s->cluster, node, ep, &p, err);

		if (ret)
			return ret;
		json_array_append_new(list, endpoint_json(s, node, ep, &p));
	}
	return 0;
}

/* ---- entries ---- */

static json_t *value_json(const struct value *v)
{
	json_t *to;

	if (!v || v->kind == VALUE_NULL)
		return json_null();
	if (v->kind == VALUE_SCALAR)
		return text(v->text);
	to = v->kind == VALUE_MAP ? json_object() : json_array();
	for (size_t i = 0; i < v->n; i++)
		if (v->kind == VALUE_MAP)
			json_object_set_new(to, v->keys[i]->text, value_json(v->items[i]));
		else
			json_array_append_new(to, value_json(v->items[i]));
	return to;
}

static int add_entries(const struct cluster_show *s, const struct cluster_node *node, json_t *list,
		       struct err *err)
{
	int ret = cluster_compile_node(s->cluster, node->index, err);

	for (size_t i = 0; i < node->n_entries && !ret; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:o, s:o}", "node", text(node->name),
						"map", text(node->entries[i].map), "key",
						value_json(node->entries[i].key), "value",
						value_json(node->entries[i].value)));
	return ret;
}

/* ---- the whole ---- */

int cluster_print_json(const struct cluster_show *s, bool maps, struct err *err)
{
	json_t *nodes = json_array(), *endpoints = json_array(), *entries = json_array();
	json_t *whole = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "cluster",
				  text(s->cluster->dir), "nodes", nodes, "identities",
				  identities_json(s), "services", services_json(s), "endpoints",
				  endpoints, "entries", maps ? entries : json_null());
	int ret = 0;

	for (size_t i = 0; i < s->cluster->n_nodes && !ret; i++) {
		const struct cluster_node *n = &s->cluster->nodes[i];

		if (s->node && s->node != n)
			continue;
		json_array_append_new(nodes, node_json(s, n));
		ret = add_endpoints(s, n, endpoints, err);
		if (!ret && maps)
			ret = add_entries(s, n, entries, err);
	}
	if (!ret) {
		json_dumpf(whole, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	if (!maps)
		json_decref(entries);
	json_decref(whole);
	return ret;
}
