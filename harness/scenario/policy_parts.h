/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the readers of policies share; of them only. Inside a policy's spec every field decides about
 * packets, so what is not known is an error, never passed over.
 */
#ifndef VERDICT_SCENARIO_POLICY_PARTS_H
#define VERDICT_SCENARIO_POLICY_PARTS_H

#include "scenario/kinds.h"

/* Labels that identities carry beside the pod's own: its namespace's name, and that one's labels. */
#define POD_NAMESPACE_LABEL   "io.kubernetes.pod.namespace"
#define NAMESPACE_LABELS_PATH "io.cilium.k8s.namespace.labels."

/* Binds a map of the policy API; names what is not supported, and why, before the binder calls it
 * unknown.
 */
int bind_spec(struct schema_ctx *ctx, const struct schema *s, const struct value *v, void *out);
int expect_list(struct schema_ctx *ctx, const struct value *v, const char *what);
int ignore_key(struct schema_ctx *ctx, const struct value *v, void *out);

/* Readers of keys; out is a struct policy_rule. */
int peer_entities(struct schema_ctx *ctx, const struct value *v, void *out);
int peer_endpoints(struct schema_ctx *ctx, const struct value *v, void *out);
int peer_cidr(struct schema_ctx *ctx, const struct value *v, void *out);
int peer_cidr_set(struct schema_ctx *ctx, const struct value *v, void *out);
int peer_services(struct schema_ctx *ctx, const struct value *v, void *out);
int rule_ports(struct schema_ctx *ctx, const struct value *v, void *out);
int rule_icmps(struct schema_ctx *ctx, const struct value *v, void *out);

/* A number, or an IANA service name (RFC 6335, section 5.1) for *name. */
int read_port_or_name(struct schema_ctx *ctx, const struct value *v, uint16_t *port,
		      const char **name);
/* Puts end_port in order: that of one port is the port itself. end is NULL where not given. */
int finish_port(struct schema_ctx *ctx, struct port_rule *p, const struct value *end);
void add_port_rule(struct schema_ctx *ctx, struct policy_rule *r, const struct port_rule *p);
struct cidr *add_rule_cidr(struct schema_ctx *ctx, struct policy_rule *r);
void add_rule_endpoint(struct schema_ctx *ctx, struct policy_rule *r, const struct selector *s);
/* Each except must lie inside the CIDR. */
int check_excepts(struct schema_ctx *ctx, const struct cidr *c);

#endif
