// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What can be varied where, and the changes to frames. */
#include "engine/variant.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "base/file.h"
#include "engine/sim_internal.h"
#include "packet/bytes.h"
#include "packet/csum.h"
#include "scenario/values.h"

#define NEAR_MTU    1200 /* bytes from which on a packet keeps its size */
#define GSO_BYTES   2900 /* that a test run takes on every kernel, with a tunnel's headers */
#define GSO_UDP_MAX 128 /* UDP_MAX_SEGMENTS */
#define GSO_MAX                                                                                    \
	256 /* so that wire_len stays below GSO_LEGACY_MAX_SIZE, headers of tunnels included */
#define TCP_FLAG_SYN  0x02
#define TCP_FLAGS     13
#define IP6_HEADER    40
#define HOP_BY_HOP    0
#define IP4_WORDS_MAX 15

/* ---- what there is ---- */

static bool has_family(const struct cluster *c, uint8_t family)
{
	for (size_t i = 0; i < c->n_nodes; i++)
		for (size_t j = 0; j < c->nodes[i].n_ips; j++)
			if (c->nodes[i].ips[j].family == family)
				return true;
	return false;
}

static bool has_xdp(const struct cluster *c)
{
	const struct cluster_device *native =
		c->n_nodes ? cluster_device_of_role(&c->nodes[0], "native") : NULL;

	return native && sim_attached(c, native, HOOK_XDP);
}

static const char room_refused[] =
	"BPF_PROG_TEST_RUN says no type of GSO, and then bpf_skb_adjust_room(), which "
	"DSR's headers need, refuses the packet";

/* Each datagram gets DSR's option; of TCP a SYN does, which is never segmented. */
static bool has_option(const struct cluster *c)
{
	const struct value *v = c->manifests.values;

	return strcmp(values_get(v, "loadBalancer.mode"), "snat") != 0 &&
	       strcmp(values_get(v, "loadBalancer.dsrDispatch"), "opt") == 0;
}

/* Asked with a program that does nothing. */
static bool takes_linear_part(void)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	__cleanup_fd int fd =
		bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "linear", "GPL", nothing, 2, NULL);
	uint8_t frame[64] = { [12] = 0x88, [13] = 0xb5 }; /* an EtherType for experiments */
	struct __sk_buff ctx = { .data_end = ETH_HLEN };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);

	return fd >= 0 && bpf_prog_test_run_opts(fd, &run) == 0;
}

static const char *refused_by_testrun(const struct variant *v, const struct cluster *c)
{
	if (v->kind == VARIANT_GSO && has_xdp(c))
		return "at XDP no packet is larger than a segment: the programs there could not be "
		       "shown it";
	if (v->kind == VARIANT_GSO && sim_has_ipip(c))
		return room_refused;
	if (v->kind == VARIANT_NON_LINEAR && !takes_linear_part())
		return "BPF_PROG_TEST_RUN of this kernel makes linear skbs only (Linux 6.19 makes "
		       "others); "
		       "engine netns can";
	return NULL;
}

static const char *refused_by_netns(const struct variant *v)
{
	switch (v->kind) {
	case VARIANT_VLAN:
		return "nodes send by their own stacks here, which put no tags on";
	case VARIANT_GSO:
		return "the devices between these nodes are told to segment nothing";
	case VARIANT_CHECKSUM_COMPLETE:
		return "veth devices sum up nothing";
	case VARIANT_SEEDS:
		return "random numbers are the kernel's here";
	default:
		return NULL;
	}
}

const char *variant_refused(const struct variant *v, const struct engine_ops *ops,
			    const struct cluster *c, struct arena *a)
{
	if (v->kind == VARIANT_IPV6 && !has_family(c, 6))
		return arena_printf(a, "no node of %s has an IPv6 address", c->dir);
	return ops->follows ? refused_by_testrun(v, c) : refused_by_netns(v);
}

/* ---- frames ---- */

static bool not_so(const char **why, const char *text)
{
	*why = text;
	return false;
}

static void fill_again(struct frame *f)
{
	struct layers l;

	packet_parse(f->data, f->len, LINK_ETHERNET, &l);
	csum_fill(f->data, &l.ip);
}

static void set_ip_len(struct frame *f, const struct layers *l, uint32_t len)
{
	uint8_t *ip = f->data + l->ip.l3;

	if (l->ip.version == 4)
		put_be16(ip + 2, (uint16_t)len);
	else
		put_be16(ip + 4, (uint16_t)(len - IP6_HEADER));
	if (l->ip.proto == IPPROTO_UDP)
		put_be16(f->data + l->ip.l4 + 4, (uint16_t)(len - (uint32_t)(l->ip.l4 - l->ip.l3)));
}

static bool is_echo(const struct frame *f, const struct layers *l)
{
	uint8_t type = f->data[l->ip.l4];

	return l->ip.proto == IPPROTO_ICMP
		       ? type == ICMP_ECHO || type == ICMP_ECHOREPLY
		       : l->ip.proto == IPPROTO_ICMPV6 &&
				 (type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY);
}

static bool is_whole(const struct frame *f, const struct layers *l)
{
	return l->ip.l4 != NO_OFFSET && l->ip.payload != NO_OFFSET && !l->ip.frag_off &&
	       !l->ip.more_fragments && csum_l4(f->data, f->len, &l->ip) == CSUM_GOOD;
}

void variant_keep_size(struct frame *f, uint32_t more, struct arena *a)
{
	uint32_t ip_len;
	struct layers l;

	if (packet_parse(f->data, f->len, LINK_ETHERNET, &l) || l.ip.l3 == NO_OFFSET)
		return;
	ip_len = (uint32_t)(l.ip.end - l.ip.l3);
	if (ip_len < NEAR_MTU || !is_whole(f, &l) || l.ip.end - l.ip.payload <= (int)more ||
	    (l.ip.proto != IPPROTO_TCP && l.ip.proto != IPPROTO_UDP && !is_echo(f, &l)))
		return;
	f->data = arena_memdup(a, f->data, f->len);
	set_ip_len(f, &l, ip_len - more);
	f->len = f->wire_len = (uint32_t)l.ip.end - more;
	fill_again(f);
}

/* size bytes at `at`; what was there moves on. */
static void insert(struct frame *f, uint32_t at, const uint8_t *bytes, uint32_t size,
		   struct arena *a)
{
	uint8_t *data = arena_alloc(a, f->len + size);

	memcpy(data, f->data, at);
	memcpy(data + at, bytes, size);
	memcpy(data + at + size, f->data + at, f->len - at);
	f->data = data;
	f->len += size;
	f->wire_len = f->len;
}

static bool add_ip4_options(struct frame *f, const struct layers *l, struct arena *a,
			    const char **why)
{
	static const uint8_t nothing[4] = { IPOPT_NOP, IPOPT_NOP, IPOPT_NOP, IPOPT_EOL };
	uint8_t *ip = f->data + l->ip.l3;

	if ((ip[0] & 0xf) == IP4_WORDS_MAX)
		return not_so(why, "its IPv4 header is as long as one can be");
	if (csum_l3(f->data, f->len, &l->ip) != CSUM_GOOD)
		return not_so(why, "its IPv4 checksum is wrong");
	insert(f, (uint32_t)l->ip.l3 + 20, nothing, sizeof(nothing), a);
	ip = f->data + l->ip.l3;
	ip[0]++;
	put_be16(ip + 2, (uint16_t)(get_be16(ip + 2) + sizeof(nothing)));
	put_be16(ip + 10, 0);
	put_be16(ip + 10, csum_fold(csum_add(0, ip, (ip[0] & 0xfu) * 4)));
	return true;
}

static bool add_ip6_options(struct frame *f, const struct layers *l, struct arena *a,
			    const char **why)
{
	/* PadN with four bytes (RFC 8200, 4.2) */
	uint8_t padding[8] = { f->data[l->ip.l3 + 6], 0, 1, 4 };
	uint8_t *ip;

	if (padding[0] == HOP_BY_HOP)
		return not_so(why, "it has a hop-by-hop header of its own");
	insert(f, (uint32_t)l->ip.l3 + IP6_HEADER, padding, sizeof(padding), a);
	ip = f->data + l->ip.l3;
	ip[6] = HOP_BY_HOP;
	put_be16(ip + 4, (uint16_t)(get_be16(ip + 4) + sizeof(padding)));
	return true;
}

static bool add_options(struct frame *f, uint8_t version, struct arena *a, const char **why)
{
	struct layers l;

	packet_parse(f->data, f->len, LINK_ETHERNET, &l);
	if (l.ip.l3 == NO_OFFSET || l.ip.version != version)
		return not_so(why, version == 4 ? "it is no IPv4 packet" : "it is no IPv6 packet");
	variant_keep_size(f, version == 4 ? 4 : 8, a);
	return version == 4 ? add_ip4_options(f, &l, a, why) : add_ip6_options(f, &l, a, why);
}

static bool can_be_segments(const struct frame *f, const struct layers *l, const char **why)
{
	if (l->ip.l3 == NO_OFFSET || (l->ip.proto != IPPROTO_TCP && l->ip.proto != IPPROTO_UDP))
		return not_so(why, "only TCP and UDP are segmented");
	if (!is_whole(f, l))
		return not_so(why, "it is a fragment, or its checksum is wrong");
	if (l->ip.payload >= l->ip.end)
		return not_so(why, "it carries no data that could be several segments");
	if (l->ip.proto == IPPROTO_TCP && f->data[l->ip.l4 + TCP_FLAGS] & TCP_FLAG_SYN)
		return not_so(why, "a SYN is never segmented");
	return true;
}

/* As many segments as a test run takes; at least two. */
static bool make_segments(struct injection *in, const struct layers *l, struct arena *a,
			  const char **why)
{
	struct frame *f = &in->frame;
	uint32_t size, n, headers = (uint32_t)l->ip.payload;
	uint8_t *data;

	if (!can_be_segments(f, l, why))
		return false;
	size = (uint32_t)(l->ip.end - l->ip.payload);
	n = (GSO_BYTES - headers) / size;
	if (n > (l->ip.proto == IPPROTO_UDP ? GSO_UDP_MAX : GSO_MAX))
		n = l->ip.proto == IPPROTO_UDP ? GSO_UDP_MAX : GSO_MAX;
	if (n < 2)
		n = 2;
	data = arena_alloc(a, headers + n * size);
	memcpy(data, f->data, headers);
	for (uint32_t i = 0; i < n; i++)
		memcpy(data + headers + i * size, f->data + headers, size);
	*f = (struct frame){ .data = data,
			     .len = headers + n * size,
			     .wire_len = headers + n * size };
	set_ip_len(f, l, f->len - (uint32_t)l->ip.l3);
	fill_again(f);
	in->shape.gso_size = (uint16_t)size;
	in->shape.gso_segs = (uint16_t)n;
	return true;
}

bool variant_change(const struct variant *v, const struct cluster *c, struct injection *in,
		    struct arena *a, const char **why)
{
	struct layers l;

	packet_parse(in->frame.data, in->frame.len, LINK_ETHERNET, &l);
	switch (v->kind) {
	case VARIANT_VLAN:
		if (l.vlan[0] != NO_OFFSET)
			return not_so(why, "it has a tag already");
		in->shape.is_tagged = true;
		return true;
	case VARIANT_IP_OPTIONS:
		return add_options(&in->frame, 4, a, why);
	case VARIANT_EXTENSION_HEADERS:
		return add_options(&in->frame, 6, a, why);
	case VARIANT_GSO:
		if (l.ip.proto == IPPROTO_UDP && has_option(c))
			return not_so(why, room_refused);
		return make_segments(in, &l, a, why);
	case VARIANT_NON_LINEAR:
		in->shape.is_nonlinear = true;
		return true;
	case VARIANT_CHECKSUM_COMPLETE:
		in->shape.is_summed = true;
		return true;
	case VARIANT_IPV6:
	case VARIANT_SEEDS:
	case VARIANT_KINDS:
		break;
	}
	return true;
}
