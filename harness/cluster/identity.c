/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The identities of a cluster: label sets hashed once, reserved ones, and those of identity_nets.c. */
#include "cluster/identity_parts.h"

#include <stdlib.h>
#include <string.h>

#include "cluster/compile.h"
#include "scenario/values.h"

#define FIRST_POD_IDENTITY 256u
#define LAST_POD_IDENTITY  65535u

#define CLUSTER_LABEL "io.cilium.k8s.policy.cluster"
#define ACCOUNT_LABEL "io.cilium.k8s.policy.serviceaccount"
#define NAME_LABEL    LABEL_NAMESPACE_LABELS "kubernetes.io/metadata.name"

/* ---- labels of a pod ---- */

/* Cilium's default label filter: these never make an identity. */
static bool is_left_out(const char *key)
{
	static const char *const prefixes[] = {
		"io.kubernetes",
		"kubernetes.io",
		"k8s.io",
		"statefulset.kubernetes.io/pod-name",
		"apps.kubernetes.io/pod-index",
		"batch.kubernetes.io/job-completion-index",
		"batch.kubernetes.io/controller-uid",
		"pod-template-generation",
		"pod-template-hash",
		"controller-revision-hash",
		"annotation.",
		"controller-uid",
		"etcd_node",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return strstr(key, "beta.kubernetes.io") != NULL;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

/* The API server gives every namespace the label kubernetes.io/metadata.name. */
static void add_namespace(struct ident_maker *m, const char *name, const struct labels *labels)
{
	struct labels *l = arena_new_of(m->a, struct labels);

	l->items = arena_alloc(m->a, ((labels ? labels->n : 0) + 1) * sizeof(*l->items));
	l->items[l->n++] = (struct label){ NAME_LABEL, name };
	for (size_t i = 0; labels && i < labels->n; i++)
		if (strcmp(labels->items[i].key, "kubernetes.io/metadata.name") != 0)
			l->items[l->n++] = (struct label){
				arena_printf(m->a, LABEL_NAMESPACE_LABELS "%s",
					     labels->items[i].key),
				labels->items[i].value,
			};
	*table_slot_text(&m->namespaces, name) = l;
}

static const struct labels *namespace_labels(struct ident_maker *m, const char *name)
{
	if (!table_get_text(&m->namespaces, name))
		add_namespace(m, name, NULL);
	return table_get_text(&m->namespaces, name);
}

static void make_room(struct ident_maker *m, size_t n)
{
	if (n <= m->room_n)
		return;
	m->room_n = 2 * n;
	m->room = arena_alloc(m->a, m->room_n * sizeof(*m->room));
}

/* The labels that make a pod's identity, sorted, in m->room; how many. */
static size_t security_labels(struct ident_maker *m, const struct k8s_pod *pod)
{
	const struct labels *ns = namespace_labels(m, pod->meta.ns);
	const char *account = pod->service_account ? pod->service_account : "default";
	struct label *room;
	size_t n = 0;

	make_room(m, pod->meta.labels.n + ns->n + 3);
	room = m->room;
	for (size_t i = 0; i < pod->meta.labels.n; i++)
		if (!is_left_out(pod->meta.labels.items[i].key))
			room[n++] = pod->meta.labels.items[i];
	for (size_t i = 0; i < ns->n; i++)
		room[n++] = ns->items[i];
	room[n++] = (struct label){ LABEL_NAMESPACE, pod->meta.ns };
	room[n++] =
		(struct label){ CLUSTER_LABEL, values_get(m->c->manifests.values, "cluster.name") };
	room[n++] = (struct label){ ACCOUNT_LABEL, account };
	qsort(room, n, sizeof(*room), by_key);
	return n;
}

static void make_key(struct buf *key, const struct label *l, size_t n)
{
	buf_reset(key);
	for (size_t i = 0; i < n; i++) {
		buf_add(key, l[i].key, strlen(l[i].key) + 1);
		buf_add(key, l[i].value, strlen(l[i].value) + 1);
	}
}

bool pod_has_endpoint(const struct k8s_pod *pod)
{
	return pod->node && !pod->host_network && pod->n_ips;
}

/* ---- numbers ---- */

void ident_note_fresh(struct ident_maker *m, const void *key, size_t len)
{
	m->fresh = arena_grow(m->a, m->fresh, m->n_fresh, sizeof(*m->fresh));
	m->fresh[m->n_fresh++] = (struct fresh_ident){ arena_memdup(m->a, key, len), len };
}

static int by_bytes(const void *a, const void *b)
{
	const struct fresh_ident *x = a, *y = b;
	int d = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);

	return d ? d : (x->len > y->len) - (x->len < y->len);
}

/* Gives each new key the next number; numbers are kept as pointers, from 1 on. */
void ident_number_fresh(struct ident_maker *m, struct table *numbers, uint32_t *n)
{
	if (m->n_fresh)
		qsort(m->fresh, m->n_fresh, sizeof(*m->fresh), by_bytes);
	for (size_t i = 0; i < m->n_fresh; i++)
		*table_slot(numbers, m->fresh[i].key, m->fresh[i].len) = (void *)(uintptr_t)++ * n;
	m->n_fresh = 0;
}

struct ident *ident_add(struct ident_maker *m, uint32_t id)
{
	struct idents *l = m->ids;
	struct ident *i;

	l->list = arena_grow(m->a, l->list, l->n, sizeof(*l->list));
	i = &l->list[l->n++];
	memset(i, 0, sizeof(*i));
	i->id = id;
	return i;
}

void ident_add_reserved_label(struct ident_maker *m, struct ident *i, const char *name)
{
	struct labels *l = &i->labels;

	l->items = arena_grow(m->a, l->items, l->n, sizeof(*l->items));
	l->items[l->n++] = (struct label){ arena_printf(m->a, "reserved:%s", name), "" };
}

static bool is_dual_stack(const struct cluster *c)
{
	return values_bool(c->manifests.values, "ipv4.enabled") &&
	       values_bool(c->manifests.values, "ipv6.enabled");
}

static void add_reserved(struct ident_maker *m)
{
	int last = is_dual_stack(m->c) ? IDENTITY_WORLD_IPV6 : IDENTITY_INGRESS;

	for (int id = IDENTITY_HOST; id <= last; id++) {
		struct ident *i = ident_add(m, (uint32_t)id);

		ident_add_reserved_label(m, i, word_name(&words_identity, id));
		/* a remote node that runs an API server */
		if (id == IDENTITY_KUBE_APISERVER)
			ident_add_reserved_label(m, i, "remote-node");
	}
}

/* ---- pods ---- */

/* Places of label sets among those of this generation, which are then sorted by number. */
struct sighting {
	uint32_t number;
	struct labels labels;
	uint32_t place;
};

static int by_number(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static void note_sets(struct ident_maker *m, struct sighting **seen, size_t *n)
{
	const struct manifests *k = &m->c->manifests;

	for (size_t i = 0; i < k->n_pods; i++) {
		size_t n_labels;
		void **place;

		if (!pod_has_endpoint(&k->pods[i]))
			continue;
		n_labels = security_labels(m, &k->pods[i]);
		make_key(&m->key, m->room, n_labels);
		place = table_slot(&m->set_place, m->key.data, m->key.len);
		if (!*place) {
			*seen = arena_grow(m->a, *seen, *n, sizeof(**seen));
			(*seen)[*n] = (struct sighting){
				.labels = { arena_memdup(m->a, m->room,
							 n_labels * sizeof(*m->room)),
					    n_labels }
			};
			*place = (void *)(uintptr_t)++ * n;
			if (!table_get(&m->ids->sets, m->key.data, m->key.len))
				ident_note_fresh(m, m->key.data, m->key.len);
		}
		m->ids->of_pod[i] = (uint32_t)((uintptr_t)*place - 1);
	}
}

static void make_pods(struct ident_maker *m)
{
	const struct manifests *k = &m->c->manifests;
	uint32_t *places, first = (uint32_t)m->ids->n;
	struct sighting *seen = NULL;
	size_t n = 0;

	m->ids->of_pod = arena_alloc(m->a, (k->n_pods + 1) * sizeof(*m->ids->of_pod));
	note_sets(m, &seen, &n);
	ident_number_fresh(m, &m->ids->sets, &m->ids->n_sets);
	for (size_t i = 0; i < n; i++) {
		make_key(&m->key, seen[i].labels.items, seen[i].labels.n);
		seen[i].place = (uint32_t)i;
		seen[i].number =
			(uint32_t)(uintptr_t)table_get(&m->ids->sets, m->key.data, m->key.len);
	}
	if (n)
		qsort(seen, n, sizeof(*seen), by_number);
	places = arena_alloc(m->a, (n + 1) * sizeof(*places));
	for (size_t i = 0; i < n; i++) {
		places[seen[i].place] = first + (uint32_t)i;
		ident_add(m, FIRST_POD_IDENTITY + seen[i].number - 1)->labels = seen[i].labels;
	}
	for (size_t i = 0; i < k->n_pods; i++)
		if (pod_has_endpoint(&k->pods[i]))
			m->ids->of_pod[i] = places[m->ids->of_pod[i]];
}

/* ---- all of them ---- */

static void note_member(struct ident_maker *m, const struct ip_addr *ips, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*table_slot(&m->ids->members, &ips[i], sizeof(ips[i])) = m->c;
}

static void note_members(struct ident_maker *m)
{
	const struct manifests *k = &m->c->manifests;

	for (size_t i = 0; i < k->n_nodes; i++) {
		note_member(m, k->nodes[i].internal_ips, k->nodes[i].n_internal_ips);
		note_member(m, k->nodes[i].external_ips, k->nodes[i].n_external_ips);
	}
	for (size_t i = 0; i < k->n_pods; i++)
		if (pod_has_endpoint(&k->pods[i]))
			note_member(m, k->pods[i].ips, k->pods[i].n_ips);
}

static void begin_generation(struct ident_maker *m)
{
	const struct manifests *k = &m->c->manifests;
	struct idents *l = m->ids;

	l->list = NULL;
	l->n = 0;
	l->members = l->api_servers = (struct table)TABLE_INIT(m->a);
	for (size_t i = 0; i < k->n_namespaces; i++)
		add_namespace(m, k->namespaces[i].meta.name, &k->namespaces[i].meta.labels);
	note_members(m);
	idents_note_api_servers(m);
}

int make_identities(struct cluster *c, struct err *err)
{
	struct arena *a = c->arena;
	struct ident_maker m = { .c = c,
				 .a = a,
				 .namespaces = TABLE_INIT(a),
				 .set_place = TABLE_INIT(a),
				 .key = BUF_INIT };

	if (!c->idents) {
		c->idents = arena_new_of(a, struct idents);
		c->idents->sets = c->idents->nets = (struct table)TABLE_INIT(a);
	}
	m.ids = c->idents;
	begin_generation(&m);
	add_reserved(&m);
	make_pods(&m);
	idents_make_nets(&m);
	buf_free(&m.key);
	if (m.ids->n_sets > LAST_POD_IDENTITY - FIRST_POD_IDENTITY + 1)
		return err_input(err, NULL,
				 "%s: the pods have %u different sets of labels; identities "
				 "are for %u at most",
				 c->dir, m.ids->n_sets, LAST_POD_IDENTITY - FIRST_POD_IDENTITY + 1);
	return 0;
}

const struct ident *pod_ident(const struct cluster *c, const struct k8s_pod *pod)
{
	return pod_has_endpoint(pod) ? &c->idents->list[c->idents->of_pod[pod - c->manifests.pods]]
				     : NULL;
}

uint32_t pod_identity(const struct cluster *c, const struct k8s_pod *pod)
{
	const struct ident *i = pod_ident(c, pod);

	return i ? i->id : IDENTITY_UNKNOWN;
}

uint32_t world_identity(const struct cluster *c, uint8_t family)
{
	if (!is_dual_stack(c))
		return IDENTITY_WORLD;
	return family == 4 ? IDENTITY_WORLD_IPV4 : IDENTITY_WORLD_IPV6;
}
