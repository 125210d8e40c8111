/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a packet carries what its client called the backend, by DSR: formats of the options. */
#ifndef VERDICT_LIB_DSR_WIRE_H
#define VERDICT_LIB_DSR_WIRE_H

#include <lib/nodeport_config.h>

#define DSR_OPT4_TYPE	   0x9a /* copied into fragments, control, number 26 */
#define DSR_OPT6_TYPE	   0x1b /* skipped by whom does not know it */
#define DSR_OPT6_EXT_LEN   2 /* words of 8 bytes behind the first */
#define DSR_GENEVE_CLASS   0x014b
#define DSR_GENEVE_TYPE	   0x81
#define DSR_GENEVE_LEN_MAX 24

/* Port and address in host order on the machine that wrote them, as Cilium does it; or in network order. */
struct dsr_opt4 {
	__u8 type;
	__u8 len;
	__u16 port;
	__u32 addr;
};

/* A destination options header (RFC 8200, 4.6) with one option. */
struct dsr_opt6 {
	__u8 nexthdr;
	__u8 hdrlen;
	__u8 type;
	__u8 len;
	union v6addr addr;
	__be16 port;
	__u16 pad;
} __attribute__((packed));

_Static_assert(sizeof(struct dsr_opt4) == 8 && sizeof(struct dsr_opt6) == 24, "wire formats");

struct dsr_geneve_header {
	__be16 class;
	__u8 type;
	__u8 len; /* words of 4 bytes, without this header */
};

struct dsr_geneve4 {
	struct dsr_geneve_header hdr;
	__be32 addr;
	__be16 port;
	__u16 pad;
} __attribute__((packed));

struct dsr_geneve6 {
	struct dsr_geneve_header hdr;
	union v6addr addr;
	__be16 port;
	__u16 pad;
} __attribute__((packed));

_Static_assert(sizeof(struct dsr_geneve4) == 12 && sizeof(struct dsr_geneve6) == DSR_GENEVE_LEN_MAX,
	       "wire formats");

/* What the client called the backend. */
struct dsr_info {
	union addr addr;
	__be16 port;
	__u16 pad[3]; /* that it be known to the last byte, for functions that are verified alone */
};

static __always_inline struct dsr_opt4 dsr_opt4_write(const struct dsr_info *info)
{
	struct dsr_opt4 opt = {
		.type = DSR_OPT4_TYPE,
		.len = sizeof(opt),
		.port = info->port,
		.addr = info->addr.ip4,
	};

	if (!CONFIG(dsr_option_network_order)) {
		opt.port = bpf_ntohs(opt.port);
		opt.addr = bpf_ntohl(opt.addr);
	}
	return opt;
}

static __always_inline struct dsr_info dsr_opt4_read(const struct dsr_opt4 *opt, bool network_order)
{
	if (network_order)
		return (struct dsr_info){ .addr = addr_ip4(opt->addr), .port = opt->port };
	return (struct dsr_info){
		.addr = addr_ip4(bpf_htonl(opt->addr)),
		.port = bpf_htons(opt->port),
	};
}

#endif
