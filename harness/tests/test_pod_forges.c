/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a pod may write on its packets in its own namespace, and the host's end of its link must not believe: a filter
 * there gives them a class, which the kernel keeps in skb->tc_index (tc_run()), where programs note what a proxy
 * has judged already.
 */
#include <net/if.h>

#include "netfilter_lab.h"

/* struct __sk_buff up to tc_classid. */
static const char classifier[] = BPF_PRELUDE
	"struct skb { __u32 before[18], tc_classid; };\n"
	"SEC(\"tc\") int classify(struct skb *skb) { skb->tc_classid = 1; return 0; }\n";

static void classify(int ns)
{
	LIBBPF_OPTS(bpf_tc_hook, at, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	struct bpf_object *o = bpf_object__open(compile_bpf(arena, "classifier", classifier));

	cr_assert(o && !bpf_object__load(o));
	opts.prog_fd = bpf_program__fd(bpf_object__find_program_by_name(o, "classify"));
	go(ns);
	at.ifindex = (int)if_nametoindex("eth0");
	cr_assert_eq(bpf_tc_hook_create(&at), 0);
	cr_assert_eq(bpf_tc_attach(&at, &opts), 0);
	bpf_object__close(o);
}

static bool reaches(const char *at)
{
	int listener = listen_at(pod, at, 8080), asks = connect_to(other, at, 8080);
	struct pollfd p = { .fd = listener, .events = POLLIN };
	bool came = poll(&p, 1, 700) == 1;

	close(asks);
	close(listener);
	return came;
}

static void hold(struct cluster_opts o)
{
	o.closed = true;
	cluster(o);
	cr_expect_not(reaches("10.0.1.20"), "policy drops it");
	classify(other);
	cr_expect_not(reaches("10.0.1.20"), "a class gets past policy");
	cr_expect_not(reaches("fd00:1::20"), "a class gets past policy, IPv6");
}

Test(pod_forges, no_class_is_a_proxys_word, .timeout = 60)
{
	hold((struct cluster_opts){ .both = ", enable_host_routing: true" });
}

Test(pod_forges, nor_is_it_without_routes_to_pods, .timeout = 60)
{
	hold((struct cluster_opts){ .by_cilium_host = true });
}
