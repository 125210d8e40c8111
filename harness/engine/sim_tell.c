/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was looked up, told so that the same way of a packet reads the same everywhere: devices by name, times
 * from when the packet was sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sim_internal.h"
#include "target/helper_env.h"

#define NS UINT64_C(1000000000)
/* Farther from now no entry is: it is no time of this clock then, and stays a number. */
#define FAR_S 1000000

/* Of facts/cilium-1.19-abi.md's structures. */
static const char *const devices[] = { "ifindex", "parent_ifindex" };
static const char *const times[] = {
	"lifetime",  "last_tx_report", "last_rx_report", "created",
	"last_used", "last_topup",     "t_last",	 "expiration"
};

static bool is_one_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static struct value *device_named(const struct walk *w, unsigned node, struct value *v)
{
	uint32_t index = (uint32_t)strtoul(v->text, NULL, 0);
	const struct cluster_device *dev =
		cluster_device_by_ifindex(&w->sim->cluster->nodes[node], index);

	return index && dev ? value_scalar(w->a, "%s", dev->name) : v;
}

/* Seconds, or nanoseconds where that is what the number can only be. */
static struct value *time_told(const struct walk *w, struct value *v)
{
	uint64_t now = helper_env_clock(w->sim->env), at = strtoull(v->text, NULL, 0);
	int64_t ns;
	uint64_t far;
	char text[40];
	int len;

	if (!at)
		return v;
	ns = at > now / NS + FAR_S ? (int64_t)(at - now) : (int64_t)(at * NS - now / NS * NS);
	far = (uint64_t)(ns < 0 ? -ns : ns);
	if (far / NS > FAR_S)
		return v;
	len = snprintf(text, sizeof(text), "%c%" PRIu64 ".%09" PRIu64, ns < 0 ? '-' : '+', far / NS,
		       (uint64_t)(far % NS));
	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	return value_scalar(w->a, "%.*s s", len, text);
}

static void tell_value(const struct walk *w, unsigned node, struct value *v)
{
	for (size_t i = 0; v && v->kind == VALUE_MAP && i < v->n; i++) {
		struct value **item = &v->items[i];
		const char *name = v->keys[i]->text;

		if ((*item)->kind != VALUE_SCALAR)
			tell_value(w, node, *item);
		else if (is_one_of(devices, sizeof(devices) / sizeof(*devices), name))
			*item = device_named(w, node, *item);
		else if (is_one_of(times, sizeof(times) / sizeof(*times), name))
			*item = time_told(w, *item);
	}
}

int sim_tell(struct walk *w, struct err *err)
{
	struct trace *t = w->trace;
	int ret = 0;

	if (!w->sim->env || !helper_env_notes_lookups(w->sim->env))
		return 0;
	for (size_t i = 0; i < t->n_hops && !ret; i++) {
		const struct cluster_node *n =
			cluster_node_by_name(w->sim->cluster, t->hops[i].node);

		if (!n)
			continue;
		for (size_t j = 0; j < t->hops[i].n_lookups; j++)
			tell_value(w, n->index, t->hops[i].lookups[j].value);
		ret = sim_tell_policy(w, n->index, &t->hops[i], err);
	}
	return ret;
}
