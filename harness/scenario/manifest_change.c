/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects put in place of others, and taken out. */
#include "scenario/manifest_change.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/words.h"
#include "scenario/manifest_lists.h"

static bool is_named(const struct k8s_meta *m, const char *ns, const char *name)
{
	return strcmp(m->name, name) == 0 && strcmp(m->ns ? m->ns : "", ns ? ns : "") == 0;
}

static size_t take_out(struct manifest_list *l, const char *kind, const char *ns, const char *name)
{
	size_t kept = 0, n = *l->n;

	for (size_t i = 0; i < n; i++) {
		if (is_named(manifest_meta(l, i), ns, name) &&
		    strcmp(manifest_kind(l, i), kind) == 0)
			continue;
		if (kept != i)
			memcpy(manifest_meta(l, kept), manifest_meta(l, i), l->size);
		kept++;
	}
	*l->n = kept;
	return n - kept;
}

static void append(struct arena *a, struct manifest_list *to, const struct manifest_list *from)
{
	char *all = arena_alloc(a, (*to->n + *from->n + 1) * to->size);

	if (*to->n)
		memcpy(all, *to->items, *to->n * to->size);
	if (*from->n)
		memcpy(all + *to->n * to->size, *from->items, *from->n * to->size);
	*to->items = all;
	*to->n += *from->n;
}

int manifests_apply(struct arena *a, const char *path, struct manifests *m, struct err *err)
{
	struct manifest_list to[MANIFEST_LISTS], from[MANIFEST_LISTS];
	struct manifests fresh = { 0 }, changed = *m;

	if (manifests_read(a, path, &fresh, err) || manifests_arrange(a, &fresh, err))
		return -EINVAL;
	manifest_lists(&changed, to);
	manifest_lists(&fresh, from);
	for (size_t i = 0; i < MANIFEST_LISTS; i++) {
		if (!*from[i].n)
			continue;
		*to[i].items = arena_memdup(a, *to[i].items, *to[i].n * to[i].size);
		for (size_t j = 0; j < *from[i].n; j++) {
			const struct k8s_meta *meta = manifest_meta(&from[i], j);

			take_out(&to[i], manifest_kind(&from[i], j), meta->ns, meta->name);
		}
		append(a, &to[i], &from[i]);
	}
	if (manifests_arrange(a, &changed, err))
		return -EINVAL;
	*m = changed;
	return 0;
}

typedef bool (*of_object)(const struct manifest_list *l, size_t i, const char *name);

/* What cannot be without the object of that name. */
static void take_along(struct manifest_list *l, of_object is_of, const char *name)
{
	size_t kept = 0;

	for (size_t j = 0; j < *l->n; j++) {
		if (is_of(l, j, name))
			continue;
		if (kept != j)
			memcpy(manifest_meta(l, kept), manifest_meta(l, j), l->size);
		kept++;
	}
	*l->n = kept;
}

static bool is_in_namespace(const struct manifest_list *l, size_t i, const char *ns)
{
	const char *in = manifest_meta(l, i)->ns;

	return in && strcmp(in, ns) == 0;
}

/* Kubernetes deletes pods whose node is no more (pod garbage collection). */
static bool is_on_node(const struct manifest_list *l, size_t i, const char *node)
{
	const struct k8s_pod *pod = (const struct k8s_pod *)manifest_meta(l, i);

	return pod->node && strcmp(pod->node, node) == 0;
}

#define PODS 2 /* their list */

static const struct {
	const char *kind;
	bool namespaced;
	int list;
} kinds[] = {
	{ "Node", false, 0 },
	{ "Namespace", false, 1 },
	{ "Pod", true, PODS },
	{ "Service", true, 3 },
	{ "Endpoints", true, 4 },
	{ "EndpointSlice", true, 4 },
	{ "NetworkPolicy", true, 5 },
	{ "CiliumNetworkPolicy", true, 5 },
	{ "CiliumClusterwideNetworkPolicy", false, 5 },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int unknown_kind(const char *kind, const struct loc *at, struct err *err)
{
	const char *names[N_KINDS], *near;

	for (size_t i = 0; i < N_KINDS; i++)
		names[i] = kinds[i].kind;
	near = nearest_name(kind, names, N_KINDS);
	return err_input(err, at, "no kind '%s' is read from manifests%s%s%s", kind,
			 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int manifests_delete(struct arena *a, const char *kind, const char *ns, const char *name,
		     const struct loc *at, struct manifests *m, struct err *err)
{
	struct manifest_list lists[MANIFEST_LISTS], *l;
	size_t i = 0;

	/* kubectl takes a kind in small letters */
	while (i < N_KINDS && strcasecmp(kinds[i].kind, kind) != 0)
		i++;
	if (i == N_KINDS)
		return unknown_kind(kind, at, err);
	kind = kinds[i].kind;
	if (kinds[i].namespaced && (!ns || !*ns))
		ns = "default";
	if (!kinds[i].namespaced)
		ns = NULL;
	manifest_lists(m, lists);
	for (size_t j = 0; j < MANIFEST_LISTS; j++)
		*lists[j].items = arena_memdup(a, *lists[j].items, *lists[j].n * lists[j].size);
	l = &lists[kinds[i].list];
	if (!take_out(l, kind, ns, name))
		return err_input(err, at, "there is no %s %s%s%s in the cluster", kind,
				 ns ? ns : "", ns ? "/" : "", name);
	if (strcmp(kind, "Node") == 0)
		take_along(&lists[PODS], is_on_node, name);
	for (size_t j = 0; strcmp(kind, "Namespace") == 0 && j < MANIFEST_LISTS; j++)
		take_along(&lists[j], is_in_namespace, name);
	return 0;
}
