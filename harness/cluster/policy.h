/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From policies of all three kinds to what is enforced at one endpoint.
 *
 * Semantics: Kubernetes' NetworkPolicy as Cilium carries it out, docs.cilium.io ("Layer 3/4 Policies",
 * "Deny Policies", "Host Policies"). Selectors are matched against identities, once a rule and generation.
 */
#ifndef VERDICT_CLUSTER_POLICY_H
#define VERDICT_CLUSTER_POLICY_H

#include "cluster/identity.h"

/* What a rule's peers come to. */
struct peer_set {
	bool anyone; /* identity 0: no restriction by peer */
	/* identity 1 where an API server runs on the node, for that makes the host one */
	bool host_of_api_server;
	const struct ident **idents; /* in the order of struct idents */
	size_t n;
};

/* One entry of an endpoint's policy map, and why it is there. */
struct policy_entry {
	uint32_t label; /* identity; 0: anyone */
	bool egress, deny;
	uint8_t proto;
	uint8_t bits; /* beyond identity and direction: 0, 8 (protocol), 9 to 24 (port) */
	uint16_t port; /* host order; ICMP: the type */
	uint32_t precedence;
	bool auth_said; /* the rule names an authentication mode */
	uint8_t auth; /* 0: none; 2: always fails */
	const struct k8s_policy *policy; /* NULL: no rule of a policy made it, see below */
	const struct policy_rule *rule;
};

/* What one endpoint enforces. Entries without a policy: of identity 1, the node itself, which reaches
 * its pods always (kubelet's probes), and of identity 0, where a direction is not enforced.
 */
struct endpoint_policy {
	const struct k8s_policy **policies; /* those that select it */
	size_t n_policies;
	bool enforced[2]; /* ingress, egress: what no entry allows is dropped */
	struct policy_entry *entries;
	size_t n;
};

/* Once a generation, after make_identities. Input error for a policy whose meaning depends on what is
 * not among the manifests.
 */
int make_policies(struct cluster *c, struct err *err);

/* Memory from the cluster's arena. Input error where a rule cannot be carried out. */
int endpoint_policy(struct cluster *c, const struct cluster_node *node,
		    const struct cluster_endpoint *ep, struct endpoint_policy *out,
		    struct err *err);
/* Valid until the next generation. */
const struct peer_set *rule_selection(struct cluster *c, const struct k8s_policy *p,
				      const struct policy_rule *r);

/* ---- of this room ---- */

/* What toServices stands for: pods by the service's selector, or addresses where it has none. */
struct service_backends {
	struct selector *selectors;
	size_t n_selectors;
	struct ip_addr *addresses;
	size_t n_addresses;
};

void resolve_service_peer(struct cluster *c, const struct service_peer *peer,
			  struct service_backends *out);
/* The number behind a port's name: of the pod itself for ingress, of all pods for egress, and there only
 * if they agree (Cilium). 0: none.
 */
uint16_t resolve_port_name(const struct cluster *c, const struct k8s_pod *pod, bool egress,
			   const char *name, uint8_t proto);

#endif
