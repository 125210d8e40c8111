/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Manifests put in order: by namespace and name, each object once. */
#include "scenario/manifest_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#define LIST(kind, namespaced, list)                                                               \
	{                                                                                          \
		kind, namespaced, (void **)&m->list, &m->n_##list, sizeof(*m->list)                \
	}

void manifest_lists(struct manifests *m, struct manifest_list lists[MANIFEST_LISTS])
{
	const struct manifest_list all[MANIFEST_LISTS] = {
		LIST("Node", false, nodes),
		LIST("Namespace", false, namespaces),
		LIST("Pod", true, pods),
		LIST("Service", true, services),
		LIST("Endpoints", true, endpoints),
		LIST("NetworkPolicy", true, policies),
	};

	memcpy(lists, all, sizeof(all));
}

struct k8s_meta *manifest_meta(const struct manifest_list *l, size_t i)
{
	return (struct k8s_meta *)((char *)*l->items + i * l->size);
}

const char *manifest_kind(const struct manifest_list *l, size_t i)
{
	static const char *const policies[] = { "NetworkPolicy", "CiliumNetworkPolicy",
						"CiliumClusterwideNetworkPolicy" };

	if (l->size == sizeof(struct k8s_policy) && strcmp(l->kind, policies[0]) == 0)
		return policies[((const struct k8s_policy *)manifest_meta(l, i))->kind];
	if (strcmp(l->kind, "Endpoints") == 0 &&
	    ((const struct k8s_endpoints *)manifest_meta(l, i))->is_slice)
		return "EndpointSlice";
	return l->kind;
}

/* ---- order ---- */

struct place {
	const struct k8s_meta *meta;
	const char *kind;
	size_t i;
};

static int by_name(const struct place *x, const struct place *y)
{
	int d = strcmp(x->meta->ns ? x->meta->ns : "", y->meta->ns ? y->meta->ns : "");

	d = d ? d : strcmp(x->meta->name, y->meta->name);
	return d ? d : strcmp(x->kind, y->kind);
}

/* What comes of one object (the specs of a policy) keeps its order. */
static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int d = by_name(x, y);

	return d ? d : (x->i > y->i) - (x->i < y->i);
}

static bool same_object(const struct k8s_meta *a, const struct k8s_meta *b)
{
	return strcmp(a->loc.file, b->loc.file) == 0 && a->loc.line == b->loc.line &&
	       a->loc.col == b->loc.col;
}

static int check_twice(const struct place *places, size_t n, struct err *err)
{
	for (size_t i = 1; i < n; i++) {
		const struct k8s_meta *a = places[i - 1].meta, *b = places[i].meta;

		if (by_name(&places[i - 1], &places[i]) || same_object(a, b))
			continue;
		return err_input(err, &b->loc, "%s %s%s%s is already given at %s:%d",
				 places[i].kind, b->ns ? b->ns : "", b->ns ? "/" : "", b->name,
				 a->loc.file, a->loc.line);
	}
	return 0;
}

static int arrange(struct arena *a, struct manifest_list *l, struct err *err)
{
	struct place *places = malloc((*l->n + 1) * sizeof(*places));
	char *sorted;
	int rc;

	if (!places)
		return err_system(err, ENOMEM, "sorting manifests");
	for (size_t i = 0; i < *l->n; i++)
		places[i] = (struct place){ manifest_meta(l, i), manifest_kind(l, i), i };
	qsort(places, *l->n, sizeof(*places), by_place);
	rc = check_twice(places, *l->n, err);
	/* room as arena_grow() expects it of a list that long */
	sorted = arena_alloc(a, (*l->n < 4 ? 4 : 2 * *l->n) * l->size);
	for (size_t i = 0; i < *l->n; i++)
		memcpy(sorted + i * l->size, places[i].meta, l->size);
	if (*l->n)
		*l->items = sorted;
	free(places);
	return rc;
}

static bool is_mirror(const struct table *sliced, const struct k8s_endpoints *e, struct buf *key)
{
	buf_reset(key);
	buf_printf(key, "%s/%s", e->meta.ns, e->service);
	return !e->is_slice && table_get_text(sliced, buf_str(key));
}

/* The control plane keeps both for one service; agents read slices. */
static void drop_mirrored(struct arena *a, struct manifests *m)
{
	struct table sliced = TABLE_INIT(a);
	struct buf key = BUF_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < m->n_endpoints; i++) {
		const struct k8s_endpoints *e = &m->endpoints[i];

		buf_reset(&key);
		buf_printf(&key, "%s/%s", e->meta.ns, e->service);
		if (e->is_slice)
			*table_slot_text(&sliced, buf_str(&key)) = m;
	}
	for (size_t i = 0; i < m->n_endpoints; i++)
		if (!is_mirror(&sliced, &m->endpoints[i], &key))
			m->endpoints[kept++] = m->endpoints[i];
	m->n_endpoints = kept;
	buf_free(&key);
}

int manifests_arrange(struct arena *a, struct manifests *m, struct err *err)
{
	struct manifest_list lists[MANIFEST_LISTS];

	manifest_lists(m, lists);
	for (size_t i = 0; i < MANIFEST_LISTS; i++)
		if (arrange(a, &lists[i], err))
			return -EINVAL;
	drop_mirrored(a, m);
	return 0;
}
