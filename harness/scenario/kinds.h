/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the readers of Kubernetes kinds share; of this room only. */
#ifndef VERDICT_SCENARIO_KINDS_H
#define VERDICT_SCENARIO_KINDS_H

#include "scenario/manifest.h"
#include "scenario/schema.h"

/* Lenient access to objects as kubectl prints them: what is missing or null is fine, what has
 * another shape is an error at its place. NULL and 0 where missing.
 */
int object_list(struct schema_ctx *ctx, const struct value *v, const char *path,
		const struct value **out);
int object_text(struct schema_ctx *ctx, const struct value *v, const char *path, const char **out);
int object_address(struct schema_ctx *ctx, const struct value *v, const char *path,
		   struct ip_addr **list, size_t *n);
int read_address(struct schema_ctx *ctx, const struct value *v, struct ip_addr **list, size_t *n);
int read_labels(struct schema_ctx *ctx, const struct value *v, struct labels *out);
int read_selector(struct schema_ctx *ctx, const struct value *v, struct selector *out);
/* "10.0.0.0/8", or an address for its own prefix. Bits behind the prefix are cleared. */
int read_cidr(struct schema_ctx *ctx, const struct value *v, struct cidr *out);
/* A list of them; missing or null is none. what stands in messages. */
int read_cidrs(struct schema_ctx *ctx, const struct value *v, const char *what, struct cidr **list,
	       size_t *n);
/* "TCP", "UDP", "SCTP"; missing is TCP, as in all of Kubernetes' ports. */
int read_protocol(struct schema_ctx *ctx, const struct value *v, uint8_t *out);
int object_bool(struct schema_ctx *ctx, const struct value *v, const char *path, bool *out);
/* A port's number, 0 to 65535; missing leaves out as it is. */
int object_port(struct schema_ctx *ctx, const struct value *v, const char *path, uint16_t *out);
/* The value at path; NULL where missing or null. */
const struct value *object_field(const struct value *v, const char *path);

int read_node(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
	      struct manifests *out);
int read_pod(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
	     struct manifests *out);
int read_namespace(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		   struct manifests *out);
int read_service(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		 struct manifests *out);
int read_endpoint_slice(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
			struct manifests *out);
int read_endpoints(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		   struct manifests *out);
int read_policy(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
		struct manifests *out);
int read_network_policy(struct schema_ctx *ctx, const struct value *doc, struct k8s_meta *meta,
			struct manifests *out);

#endif
