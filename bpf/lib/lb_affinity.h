/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Session affinity: a client gets the backend it had, until it stays away for the service's time. */
#ifndef VERDICT_LIB_LB_AFFINITY_H
#define VERDICT_LIB_LB_AFFINITY_H

#include <lib/lb_maps.h>
#include <lib/lb_state.h>

static __always_inline struct lb4_affinity_key lb4_affinity_key(const struct lb_frontend *f,
								const struct lb_client *client)
{
	return (struct lb4_affinity_key){
		.client_id.client_cookie = client->id.ip6.d.d1,
		.rev_nat_id = f->rev_nat_index,
		.netns_cookie = client->is_cookie,
	};
}

static __always_inline struct lb6_affinity_key lb6_affinity_key(const struct lb_frontend *f,
								const struct lb_client *client)
{
	return (struct lb6_affinity_key){
		.client_id.client_ip = client->id.ip6,
		.rev_nat_id = f->rev_nat_index,
		.netns_cookie = client->is_cookie,
	};
}

__subprogram struct lb_affinity_val *lb_affinity_find(const struct lb_frontend *f,
						      const struct lb_client *client)
{
	if (f->is_ipv6) {
		struct lb6_affinity_key key = lb6_affinity_key(f, client);

		return map_look_up(&cilium_lb6_affinity, &key);
	} else {
		struct lb4_affinity_key key = lb4_affinity_key(f, client);

		return map_look_up(&cilium_lb4_affinity, &key);
	}
}

/* 0: the client has none, stayed away too long, or had one that is none of the service's any more. */
static __always_inline __u32 lb_affinity_backend(const struct lb_frontend *f,
						 const struct lb_affinity_val *had)
{
	struct lb_affinity_match match = { .rev_nat_id = f->rev_nat_index };

	if (!had || had->last_used + f->affinity_timeout <= now_seconds())
		return 0;
	match.backend_id = had->backend_id;
	return bpf_map_lookup_elem(&cilium_lb_affinity_match, &match) ? match.backend_id : 0;
}

/* The client was here, and has that backend now. had: what lb_affinity_find() has found. */
static __always_inline void lb_affinity_keep(const struct lb_frontend *f,
					     const struct lb_client *client,
					     struct lb_affinity_val *had, __u32 backend_id)
{
	struct lb_affinity_val val = { .last_used = now_seconds(), .backend_id = backend_id };

	if (had && had->backend_id == backend_id) {
		had->last_used = val.last_used;
	} else if (f->is_ipv6) {
		struct lb6_affinity_key key = lb6_affinity_key(f, client);

		map_update(&cilium_lb6_affinity, &key, &val, BPF_ANY);
	} else {
		struct lb4_affinity_key key = lb4_affinity_key(f, client);

		map_update(&cilium_lb4_affinity, &key, &val, BPF_ANY);
	}
}

__verified_alone int lb_affinity_note(const struct lb_frontend *f, const struct lb_client *client,
				      __u32 backend_id)
{
	if (f && client)
		lb_affinity_keep(f, client, lb_affinity_find(f, client), backend_id);
	return 0;
}

#endif
