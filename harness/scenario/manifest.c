/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A folder of manifests: files, documents and Lists, each object to the reader of its kind. */
#include "scenario/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/words.h"
#include "scenario/kinds.h"
#include "scenario/values.h"
#include "scenario/yaml.h"

struct kind {
	const char *name, *api;
	bool namespaced;
	int (*read)(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		    struct manifests *out);
};

static const struct kind kinds[] = {
	{ "Node", "v1", false, read_node },
	{ "Namespace", "v1", false, read_namespace },
	{ "Pod", "v1", true, read_pod },
	{ "Service", "v1", true, read_service },
	{ "Endpoints", "v1", true, read_endpoints },
	{ "EndpointSlice", "discovery.k8s.io/v1", true, read_endpoint_slice },
	{ "NetworkPolicy", "networking.k8s.io/v1", true, read_network_policy },
	{ "CiliumClusterwideNetworkPolicy", "cilium.io/v2", false, read_policy },
	{ "CiliumNetworkPolicy", "cilium.io/v2", true, read_policy },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What a cluster's dump holds besides, and what changes no verdict by itself: pods are read from
 * Pod, never from what makes them.
 */
static const char *const harmless[] = {
	"APIService",
	"CSIDriver",
	"CSINode",
	"CertificateSigningRequest",
	"CiliumEndpoint",
	"CiliumEndpointSlice",
	"CiliumIdentity",
	"CiliumNode",
	"ClusterRole",
	"ClusterRoleBinding",
	"ConfigMap",
	"ControllerRevision",
	"CronJob",
	"CustomResourceDefinition",
	"DaemonSet",
	"Deployment",
	"Event",
	"FlowSchema",
	"HorizontalPodAutoscaler",
	"Ingress",
	"IngressClass",
	"Job",
	"Lease",
	"LimitRange",
	"MutatingWebhookConfiguration",
	"PersistentVolume",
	"PersistentVolumeClaim",
	"PodDisruptionBudget",
	"PriorityClass",
	"PriorityLevelConfiguration",
	"ReplicaSet",
	"ResourceQuota",
	"Role",
	"RoleBinding",
	"RuntimeClass",
	"Secret",
	"ServiceAccount",
	"StatefulSet",
	"StorageClass",
	"ValidatingWebhookConfiguration",
	"VolumeAttachment",
};

#define N_HARMLESS (sizeof(harmless) / sizeof(harmless[0]))

/* Kinds that steer packets; to pass over one would give a wrong verdict. */
static const char *const steering[] = {
	"AdminNetworkPolicy",		"BaselineAdminNetworkPolicy", "CiliumCIDRGroup",
	"CiliumClusterwideEnvoyConfig", "CiliumEgressGatewayPolicy",  "CiliumEnvoyConfig",
	"CiliumLocalRedirectPolicy",
};

#define N_STEERING (sizeof(steering) / sizeof(steering[0]))

static bool listed(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int unknown_kind(struct schema_ctx *ctx, const struct value *kind)
{
	const char *names[N_KINDS + N_HARMLESS + N_STEERING], *near;
	size_t n = 0;

	for (size_t i = 0; i < N_KINDS; i++)
		names[n++] = kinds[i].name;
	for (size_t i = 0; i < N_HARMLESS; i++)
		names[n++] = harmless[i];
	for (size_t i = 0; i < N_STEERING; i++)
		names[n++] = steering[i];
	near = nearest_name(kind->text, names, n);
	if (near)
		return err_input(ctx->err, &kind->loc, "unknown kind '%s'; did you mean '%s'?",
				 kind->text, near);
	err_input(ctx->err, &kind->loc, "unknown kind '%s'", kind->text);
	return err_hint(ctx->err,
			"read: Node, Namespace, Pod, Service, Endpoints, EndpointSlice, "
			"NetworkPolicy, CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy");
}

static int read_meta(struct schema_ctx *ctx, const struct value *doc, bool namespaced,
		     struct k8s_meta *meta)
{
	const struct value *name = value_path(doc, "metadata.name");

	meta->loc = doc->loc;
	if (!value_text(name))
		return err_input(ctx->err, name ? &name->loc : &doc->loc,
				 "metadata.name is missing");
	meta->name = name->text;
	meta->loc = name->loc;
	if (namespaced && object_text(ctx, doc, "metadata.namespace", &meta->ns))
		return -EINVAL;
	if (namespaced && !meta->ns)
		meta->ns = "default";
	if (read_labels(ctx, value_path(doc, "metadata.labels"), &meta->labels))
		return -EINVAL;
	return read_labels(ctx, value_path(doc, "metadata.annotations"), &meta->annotations);
}

static int read_object(struct schema_ctx *ctx, const struct value *doc, const char *of_list,
		       struct manifests *out);

/* `kind: List` holds whole objects; NodeList and the like may leave out their items' kind. */
static int read_list(struct schema_ctx *ctx, const struct value *doc, const char *kind,
		     struct manifests *out)
{
	size_t len = strlen(kind) - strlen("List");
	const struct value *items;

	if (object_list(ctx, doc, "items", &items))
		return -EINVAL;
	for (size_t i = 0; items && i < items->n; i++) {
		const char *of = len ? arena_strndup(ctx->arena, kind, len) : NULL;

		if (read_object(ctx, items->items[i], of, out))
			return -EINVAL;
	}
	return 0;
}

static int read_kind(struct schema_ctx *ctx, const struct value *doc, const struct kind *k,
		     bool of_list, struct manifests *out)
{
	const struct value *api = value_get(doc, "apiVersion");
	const char *said = value_text(api);
	struct k8s_meta meta = { 0 };

	if (!(of_list && !api) && (!said || strcmp(said, k->api) != 0))
		return err_input(ctx->err, api ? &api->loc : &doc->loc,
				 "kind %s is read as apiVersion %s, this one has %s", k->name,
				 k->api, said ? said : "none");
	if (read_meta(ctx, doc, k->namespaced, &meta))
		return -EINVAL;
	return k->read(ctx, doc, &meta, out);
}

static int read_object(struct schema_ctx *ctx, const struct value *doc, const char *of_list,
		       struct manifests *out)
{
	const struct value *kind = value_get(doc, "kind");
	const char *name = value_text(kind) ? kind->text : of_list;
	size_t len = name ? strlen(name) : 0;

	if (doc->kind != VALUE_MAP)
		return err_input(ctx->err, &doc->loc, "this is no Kubernetes object");
	if (!name)
		return err_input(ctx->err, &doc->loc,
				 "this is no Kubernetes object: it has no kind");
	for (size_t i = 0; i < N_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return read_kind(ctx, doc, &kinds[i], of_list != NULL, out);
	if (listed(harmless, N_HARMLESS, name))
		return 0;
	if (listed(steering, N_STEERING, name))
		return err_input(ctx->err, kind ? &kind->loc : &doc->loc,
				 "%s is not supported: leaving it out would change verdicts", name);
	if (len >= 4 && strcmp(name + len - 4, "List") == 0)
		return read_list(ctx, doc, name, out);
	return unknown_kind(ctx, kind ? kind : doc);
}

static bool is_manifest(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (!dot || name[0] == '.' ||
	    (strcmp(dot, ".yaml") != 0 && strcmp(dot, ".yml") != 0 && strcmp(dot, ".json") != 0))
		return false;
	return strcmp(name, "values.yaml") != 0 && strcmp(name, "values.yml") != 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_files(struct schema_ctx *ctx, char ***files, size_t *n)
{
	DIR *d = opendir(ctx->dir);
	struct dirent *e;

	if (!d)
		return err_input(ctx->err, NULL, "cannot read the cluster folder %s: %s", ctx->dir,
				 strerror(errno));
	while ((e = readdir(d))) {
		if (!is_manifest(e->d_name))
			continue;
		*files = arena_grow(ctx->arena, *files, *n, sizeof(**files));
		(*files)[(*n)++] = file_join(ctx->arena, ctx->dir, e->d_name);
	}
	closedir(d);
	if (*n)
		qsort(*files, *n, sizeof(**files), by_name);
	return 0;
}

struct visitor {
	struct schema_ctx *ctx;
	struct manifests *out;
};

static int visit(void *user, struct value *v)
{
	struct visitor *visitor = user;

	return read_object(visitor->ctx, v, NULL, visitor->out);
}

int manifests_read(struct arena *a, const char *path, struct manifests *out, struct err *err)
{
	struct schema_ctx ctx = { a, path, err };
	struct visitor visitor = { &ctx, out };

	return yaml_each(a, path, visit, &visitor, err);
}

int manifests_load(struct arena *a, const char *dir, const struct value *overrides,
		   struct manifests *out, struct err *err)
{
	struct schema_ctx ctx = { a, dir, err };
	char **files = NULL;
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	if (list_files(&ctx, &files, &n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (manifests_read(a, files[i], out, err))
			return -EINVAL;
	if (!out->n_nodes)
		return err_input(err, NULL, "%s: no Node among the manifests of this cluster", dir);
	if (manifests_arrange(a, out, err))
		return -EINVAL;
	return values_load(a, dir, overrides, &out->values, err);
}
