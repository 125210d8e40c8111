/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "engine/policy_words.h"

#include <string.h>

#include "base/words.h"
#include "cluster/identity.h"

const char *policy_name(struct arena *a, const struct k8s_policy *p)
{
	static const char *const kinds[] = {
		[POLICY_KUBERNETES] = "NetworkPolicy",
		[POLICY_CILIUM] = "CiliumNetworkPolicy",
		[POLICY_CLUSTERWIDE] = "CiliumClusterwideNetworkPolicy",
	};

	return p->meta.ns ? arena_printf(a, "%s %s/%s", kinds[p->kind], p->meta.ns, p->meta.name)
			  : arena_printf(a, "%s %s", kinds[p->kind], p->meta.name);
}

/* The labels that people gave; Cilium's own about account, cluster and namespace say little. */
static bool is_telling(const char *key)
{
	return strncmp(key, "io.cilium.", 10) != 0 && strcmp(key, LABEL_NAMESPACE) != 0;
}

static void print_labels(struct buf *b, const struct labels *l)
{
	const char *ns = labels_get(l, LABEL_NAMESPACE), *separator = "";

	buf_puts(b, " (");
	for (size_t i = 0; i < l->n; i++) {
		if (!is_telling(l->items[i].key))
			continue;
		buf_printf(b, "%s%s%s%s", separator, l->items[i].key, *l->items[i].value ? "=" : "",
			   l->items[i].value);
		separator = ", ";
	}
	if (ns)
		buf_printf(b, "%sin %s", *separator ? " " : "", ns);
	buf_putc(b, ')');
}

static void print_who(struct buf *b, const struct ident *id)
{
	if (id->is_cidr) {
		buf_puts(b, " (");
		ip_addr_print(b, &id->addr);
		buf_printf(b, "/%u)", id->prefix);
	} else if (id->labels.n) {
		print_labels(b, &id->labels);
	}
}

const char *identity_name(struct arena *a, const struct cluster *c, uint32_t id)
{
	__cleanup_buf struct buf b = BUF_INIT;

	if (!id)
		return "anyone";
	buf_printf(&b, "identity %u", id);
	for (size_t i = 0; i < c->idents->n; i++) {
		if (c->idents->list[i].id != id)
			continue;
		print_who(&b, &c->idents->list[i]);
		break;
	}
	return arena_strdup(a, buf_str(&b));
}

uint16_t policy_port_mask(uint8_t bits)
{
	return bits > 8 ? (uint16_t)(0xffff << (POLICY_ALL_BITS - bits)) : 0;
}

const char *port_name(struct arena *a, uint8_t proto, uint16_t port, uint8_t bits)
{
	const char *name =
		word_name(&words_protocol, proto) ?: arena_printf(a, "protocol %u", proto);
	const char *what = *name == 'I' ? "type" : "port";
	uint16_t mask = policy_port_mask(bits);

	if (bits < 8 || !proto)
		return "all protocols";
	if (!mask)
		return arena_printf(a, "all of %s", name);
	if (mask == 0xffff)
		return arena_printf(a, "%s %s %u", name, what, port);
	return arena_printf(a, "%s %ss %u-%u", name, what, port & mask,
			    (port & mask) | (uint16_t)~mask);
}
