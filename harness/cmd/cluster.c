// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict cluster show`: what a folder of manifests comes to. */
#include "cmd/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cluster/node_config.h"
#include "cmd/cmd.h"
#include "cmd/columns.h"
#include "report/lines.h"

struct options {
	const char *node, *node_config;
	bool maps, json;
};

const char *address_text(const struct cluster_show *s, const struct ip_addr *ip)
{
	struct buf text = BUF_INIT;
	char *out;

	ip_addr_print(&text, ip);
	out = arena_strdup(s->arena, buf_str(&text));
	buf_free(&text);
	return out;
}

/* Labels that every pod of the cluster has, or that follow from the namespace. */
static bool is_plain_label(const char *key)
{
	return strncmp(key, LABEL_NAMESPACE_LABELS, strlen(LABEL_NAMESPACE_LABELS)) == 0 ||
	       strncmp(key, "io.cilium.k8s.policy.", 21) == 0 || strcmp(key, LABEL_NAMESPACE) == 0;
}

static const char *account_of(const struct ident *id)
{
	const char *account = labels_get(&id->labels, "io.cilium.k8s.policy.serviceaccount");

	return account && strcmp(account, "default") != 0 ? account : NULL;
}

const char *ident_text(const struct cluster_show *s, const struct ident *id)
{
	const char *ns = labels_get(&id->labels, LABEL_NAMESPACE), *account = account_of(id);
	struct buf text = BUF_INIT;
	bool any = false;
	char *out;

	if (id->is_cidr)
		buf_printf(&text, "%s/%u", address_text(s, &id->addr), id->prefix);
	else if (!ns)
		buf_puts(&text, id->labels.items[0].key + strlen("reserved:"));
	else
		buf_printf(&text, "%s:", ns);
	for (size_t i = 0; ns && i < id->labels.n; i++) {
		const struct label *l = &id->labels.items[i];

		if (is_plain_label(l->key))
			continue;
		buf_printf(&text, "%s%s=%s", any ? "," : " ", l->key, l->value);
		any = true;
	}
	if (ns && !any)
		buf_puts(&text, " no labels");
	if (account)
		buf_printf(&text, " (service account %s)", account);
	out = arena_strdup(s->arena, buf_str(&text));
	buf_free(&text);
	return out;
}

/* ---- nodes ---- */

static const char *addresses_text(const struct cluster_show *s, const struct ip_addr *ips, size_t n)
{
	struct buf text = BUF_INIT;
	char *out;

	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%s", i ? " " : "", address_text(s, &ips[i]));
	out = arena_strdup(s->arena, buf_str(&text));
	buf_free(&text);
	return out;
}

static const char *networks_text(const struct cluster_show *s, const struct k8s_node *k)
{
	struct buf text = BUF_INIT;
	char *out;

	for (size_t i = 0; i < k->n_pod_cidrs; i++)
		buf_printf(&text, "%s%s/%u", i ? " " : "", address_text(s, &k->pod_cidrs[i].addr),
			   k->pod_cidrs[i].prefix);
	out = arena_strdup(s->arena, buf_str(&text));
	buf_free(&text);
	return out;
}

static void print_nodes(const struct cluster_show *s)
{
	const struct cluster *c = s->cluster;
	struct columns t = { .arena = s->arena, .n = 6 };

	puts("NODES");
	columns_add(&t, (const char *[]){ "NAME", "ADDRESSES", "POD NETWORKS", "DEVICE", "PODS",
					  "AS OTHERS SEE IT" });
	for (size_t i = 0; i < c->n_nodes; i++) {
		const struct cluster_node *n = &c->nodes[i];

		if (s->node && s->node != n)
			continue;
		columns_add(&t, (const char *[]){ n->name, addresses_text(s, n->ips, n->n_ips),
						  networks_text(s, n->manifest), n->device,
						  arena_printf(s->arena, "%zu", n->n_endpoints - 1),
						  arena_printf(s->arena, "%s (%u)",
							       word_name(&words_identity,
									 (int)n->remote_identity),
							       n->remote_identity) });
	}
	columns_print(&t, 2);
}

/* ---- identities ---- */

static size_t *pods_by_identity(const struct cluster_show *s)
{
	const struct cluster *c = s->cluster;
	size_t *n = arena_alloc(s->arena, (c->idents->n + 1) * sizeof(*n));

	for (size_t i = 0; i < c->manifests.n_pods; i++)
		if (pod_has_endpoint(&c->manifests.pods[i]))
			n[c->idents->of_pod[i]]++;
	return n;
}

static void print_identities(const struct cluster_show *s)
{
	const struct idents *ids = s->cluster->idents;
	const size_t *pods = pods_by_identity(s);
	struct columns t = { .arena = s->arena, .n = 3 };

	puts("\nIDENTITIES");
	columns_add(&t, (const char *[]){ "NUMBER", "PODS", "WHO" });
	for (size_t i = 0; i < ids->n; i++) {
		const struct ident *id = &ids->list[i];

		columns_add(&t,
			    (const char *[]){ arena_printf(s->arena, "%u", id->id),
					      pods[i] ? arena_printf(s->arena, "%zu", pods[i]) : "",
					      ident_text(s, id) });
	}
	columns_print(&t, 2);
}

/* ---- entries ---- */

static void print_entries(const struct cluster_node *n)
{
	struct lines out;

	lines_open(&out, stdout);
	printf("\nMAPS of %s\n", n->name);
	for (size_t i = 0; i < n->n_entries; i++) {
		const struct map_entry *e = &n->entries[i];
		struct buf line = BUF_INIT;

		buf_printf(&line, "%s ", e->map);
		value_print(&line, e->key);
		buf_puts(&line, " -> ");
		value_print(&line, e->value);
		lines_print(&out, buf_str(&line), "  ", PLAIN);
		buf_free(&line);
	}
}

static int print_node(const struct cluster_show *s, const struct cluster_node *n, bool maps,
		      struct err *err)
{
	int ret = cluster_print_policies(s, n, err);

	if (ret || !maps)
		return ret;
	ret = cluster_compile_node(s->cluster, n->index, err);
	if (!ret)
		print_entries(n);
	return ret;
}

/* ---- the whole ---- */

static int find_node(struct cluster_show *s, const char *name, struct err *err)
{
	const struct cluster *c = s->cluster;
	const char **names, *near;

	s->node = name ? cluster_node_by_name(c, name) : NULL;
	if (!name || s->node)
		return 0;
	names = arena_alloc(s->arena, c->n_nodes * sizeof(*names));
	for (size_t i = 0; i < c->n_nodes; i++)
		names[i] = c->nodes[i].name;
	near = nearest_name(name, names, c->n_nodes);
	return err_input(err, NULL, "no node '%s' in the cluster %s%s%s%s", name, c->dir,
			 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* A folder of manifests; or that of a scenario: its cluster, with its own values over the cluster's. */
static int load(const char *dir, struct cluster_show *s, struct err *err)
{
	const char *path = file_join(s->arena, dir, "scenario.yaml");
	struct scenario *scenario = NULL;
	int ret;

	if (access(path, F_OK) != 0)
		return cluster_load(dir, NULL, &s->cluster, err);
	ret = scenario_load(path, &scenario, err);
	if (!ret && !scenario->cluster)
		ret = err_input(err, NULL, "%s has no cluster", path);
	if (!ret)
		ret = cluster_load(scenario->cluster, scenario->values, &s->cluster, err);
	scenario_free(scenario);
	return ret;
}

static int print_node_config(const struct cluster_show *s, struct err *err)
{
	__cleanup_buf struct buf out = BUF_INIT;
	int ret = cluster_print_node_config(s->cluster, s->node->index, &out, err);

	if (!ret)
		fputs(buf_str(&out), stdout);
	return ret;
}

static int show(const char *dir, const struct options *o, struct cluster_show *s, struct err *err)
{
	int ret = load(dir, s, err);

	if (!ret)
		ret = find_node(s, o->node_config ? o->node_config : o->node, err);
	if (ret || o->node_config)
		return ret ? ret : print_node_config(s, err);
	if (o->json)
		return cluster_print_json(s, o->maps, err);
	print_nodes(s);
	print_identities(s);
	cluster_print_services(s);
	for (size_t i = 0; i < s->cluster->n_nodes && !ret; i++)
		if (!s->node || s->node == &s->cluster->nodes[i])
			ret = print_node(s, &s->cluster->nodes[i], o->maps, err);
	return ret;
}

static int show_parsed(const struct options *o, char **rest, int n)
{
	struct cluster_show s = { .arena = arena_new() };
	struct err *err = calloc(1, sizeof(*err));
	int ret = err ? show(rest[1], o, &s, err) : EXIT_HARNESS;

	(void)n;
	fflush(stdout);
	if (ret && err)
		cmd_error("%s", err->text);
	ret = ret && err ? err_exit_code(err) : ret;
	cluster_free(s.cluster);
	arena_free(s.arena);
	free(err);
	return ret;
}

static int got(void *arg, const char *name, const char *value)
{
	struct options *o = arg;

	o->maps |= strcmp(name, "--maps") == 0;
	o->json |= strcmp(name, "--json") == 0;
	if (strcmp(name, "--node") == 0)
		o->node = value;
	if (strcmp(name, "--node-config") == 0)
		o->node_config = value;
	return value && !*value ? EXIT_USAGE : 0;
}

static int cluster_main(int argc, char **argv)
{
	struct options o = { 0 };
	char **rest;
	int n, ret = cmd_parse(&cmd_cluster, argc, argv, got, &o, &rest, &n);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	if (n == 2 && strcmp(rest[0], "show") == 0)
		return show_parsed(&o, rest, n);
	if (n > 2)
		return cmd_usage_error(&cmd_cluster, rest[2]);
	if (n && strcmp(rest[0], "show") != 0)
		return cmd_usage_says(&cmd_cluster, "it is `verdict cluster show DIR`, not `%s`",
				      rest[0]);
	return cmd_usage_says(&cmd_cluster, "no folder of manifests given");
}

static const struct cmd_option options[] = {
	{ "--node", "NAME", "this node's endpoints only" },
	{ "--maps", NULL, "and the map entries that each node's agent would write" },
	{ "--json", NULL, "the same as JSON (reports/cluster.schema.json)" },
	{ "--node-config", "NAME",
	  "instead of all that: what Cilium 1.19 has compiled into that node's objects, as the C "
	  "header node_config.h" },
	{ NULL, NULL, NULL },
};

const struct command cmd_cluster = {
	.name = "cluster",
	.args = "show [options] DIR",
	.summary = "say what a folder of Kubernetes manifests comes to",
	.text = "Nodes, identities, services with their backends, and what policy is enforced at "
		"each endpoint, with the manifest line that it comes from. The folder is a "
		"cluster as scenarios have it: what `kubectl get -o yaml` prints, and values.yaml; "
		"or "
		"that of a scenario: its cluster, with its values. "
		"No privilege is needed. Exit status: 0, or 2 if something in the folder is wrong "
		"or not supported.",
	.options = options,
	.run = cluster_main,
};
