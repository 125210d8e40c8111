// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is enforced at each endpoint, as the rules say it, and where they stand. */
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "cmd/cluster.h"
#include "cmd/columns.h"

#define PEERS_SHOWN 8

static void add_port(struct buf *text, const struct port_rule *p)
{
	if (text->len)
		buf_puts(text, ", ");
	if (!p->port && !p->name)
		buf_puts(text, p->proto ? "all" : "everything");
	else if (p->name)
		buf_puts(text, p->name);
	else if (p->end_port > p->port)
		buf_printf(text, "%u-%u", p->port, p->end_port);
	else
		buf_printf(text, "%u", p->port);
	if (p->port || p->name || p->proto)
		buf_printf(text, "/%s", word_name(&words_protocol, p->proto) ?: "any protocol");
}

static const char *ports_text(const struct cluster_show *s, const struct policy_rule *r)
{
	struct buf text = BUF_INIT;
	char *out;

	for (size_t i = 0; i < r->n_ports; i++)
		add_port(&text, &r->ports[i]);
	for (size_t i = 0; i < r->n_icmps; i++)
		buf_printf(&text, "%sICMPv%u type %u", text.len ? ", " : "", r->icmps[i].family,
			   r->icmps[i].type);
	out = arena_strdup(s->arena, text.len ? buf_str(&text) : "everything");
	buf_free(&text);
	return out;
}

static const char *policy_text(const struct cluster_show *s, const struct k8s_policy *p,
			       const struct policy_rule *r)
{
	const char *file = strrchr(r->loc.file, '/');

	return arena_printf(s->arena, "%s%s%s, %s:%d", p->meta.ns ? p->meta.ns : "",
			    p->meta.ns ? "/" : "", p->meta.name, file ? file + 1 : r->loc.file,
			    r->loc.line);
}

/* A rule's peers, one a line: the first beside all else. */
static void add_rule(const struct cluster_show *s, struct columns *t, const struct k8s_policy *p,
		     const struct policy_rule *r)
{
	const struct peer_set *set = rule_selection(s->cluster, p, r);
	const char *cells[] = { r->egress ? "to" : "from", NULL, ports_text(s, r),
				r->deny			      ? "denied"
				: r->auth == AUTH_ALWAYS_FAIL ? "allowed, if authenticated"
							      : "allowed",
				policy_text(s, p, r) };

	cells[1] = set->anyone ? "everyone" : set->n ? NULL : "nobody";
	if (cells[1])
		columns_add(t, cells);
	for (size_t i = 0; !set->anyone && i < set->n && i < PEERS_SHOWN; i++) {
		cells[1] = arena_printf(s->arena, "%s (%u)", ident_text(s, set->idents[i]),
					set->idents[i]->id);
		columns_add(t, i ? (const char *[]){ NULL, cells[1], NULL, NULL, NULL } : cells);
	}
	if (!set->anyone && set->n > PEERS_SHOWN)
		columns_add(t, (const char *[]){ NULL,
						 arena_printf(s->arena, "and %zu more identities",
							      set->n - PEERS_SHOWN),
						 NULL, NULL, NULL });
}

/* What holds for all that no rule speaks of. */
static void add_default(struct columns *t, const struct endpoint_policy *p, bool egress)
{
	const char *peer = p->enforced[egress] ? "everyone else" : "everyone";

	if (!egress && p->enforced[0])
		columns_add(t, (const char *[]){ "from", "host (1)", "everything", "allowed",
						 "the node reaches what runs on it" });
	columns_add(t,
		    (const char *[]){ egress ? "to" : "from", peer, "everything",
				      p->enforced[egress] ? "denied" : "allowed",
				      p->enforced[egress] ? "default deny"
							  : "no policy enforces this direction" });
}

static void print_policy(const struct cluster_show *s, const struct cluster_node *node,
			 const struct cluster_endpoint *ep, const struct endpoint_policy *p)
{
	struct columns t = { .arena = s->arena, .n = 5 };

	printf("\nPOLICY of %s on %s: endpoint %u, identity %u, %zu entries\n", ep->name,
	       node->name, ep->id, ep->identity, p->n);
	for (int egress = 0; egress < 2; egress++) {
		for (size_t i = 0; i < p->n_policies; i++)
			for (size_t j = 0; j < p->policies[i]->n_rules; j++)
				if (p->policies[i]->rules[j].egress == egress)
					add_rule(s, &t, p->policies[i], &p->policies[i]->rules[j]);
		add_default(&t, p, egress);
	}
	columns_print(&t, 2);
}

int cluster_print_policies(const struct cluster_show *s, const struct cluster_node *node,
			   struct err *err)
{
	for (size_t i = 0; i < node->n_endpoints; i++) {
		struct endpoint_policy p;
		int ret = endpoint_policy(s->cluster, node, &node->endpoints[i], &p, err);

		if (ret)
			return ret;
		print_policy(s, node, &node->endpoints[i], &p);
	}
	return 0;
}
