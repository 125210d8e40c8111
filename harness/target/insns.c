/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loads small programs of our own. */
#include "target/insns.h"

#include <bpf/bpf.h>

#define XDP_ATTACH     37 /* BPF_XDP: what libbpf gives programs of section xdp */
#define TCX_INGRESS    46
#define TCX_EGRESS     47
#define NETKIT_PRIMARY 54
#define NETKIT_PEER    55

static const struct prog_variant xdp[] = {
	{ XDP_ATTACH, 0 },
	{ 0, 0 },
	{ XDP_ATTACH, BPF_F_XDP_HAS_FRAGS },
	{ 0, BPF_F_XDP_HAS_FRAGS },
};

static const struct prog_variant tc[] = {
	{ 0, 0 }, { TCX_INGRESS, 0 }, { TCX_EGRESS, 0 }, { NETKIT_PRIMARY, 0 }, { NETKIT_PEER, 0 },
};

const struct prog_variant *prog_variants(unsigned type, size_t *n)
{
	if (type == BPF_PROG_TYPE_XDP) {
		*n = sizeof(xdp) / sizeof(xdp[0]);
		return xdp;
	}
	*n = type == BPF_PROG_TYPE_SCHED_CLS ? sizeof(tc) / sizeof(tc[0]) : 0;
	return tc;
}

int insns_load(const struct insns *c, const char *name, unsigned type, const struct prog_variant *v)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = v->flags,
		    .expected_attach_type = (enum bpf_attach_type)v->attach_type);

	return bpf_prog_load((enum bpf_prog_type)type, name, "Dual BSD/GPL", c->at, c->n, &opts);
}
