/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Attaching by libbpf's tc interface: one filter a hook, with a fixed handle and priority. */
#include "engine/netns_attach.h"

#include <bpf/libbpf.h>
#include <errno.h>

#define FILTER_HANDLE	1
#define FILTER_PRIORITY 1

/* libbpf prints the kernel's "already there" as a warning. */
static int create_clsact(struct bpf_tc_hook *hook)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int ret = bpf_tc_hook_create(hook);

	libbpf_set_print(print);
	return ret == -EEXIST ? 0 : ret;
}

int netns_attach(uint32_t ifindex, enum hook hook, int prog_fd, struct err *err)
{
	const char *where = hook == HOOK_TC_INGRESS ? "ingress" : "egress";
	LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = (int)ifindex,
		    .attach_point = hook == HOOK_TC_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY, .flags = BPF_TC_F_REPLACE);
	int ret = create_clsact(&at);

	if (ret) {
		err_system(err, -ret, "cannot add clsact to the device with ifindex %u", ifindex);
		return err_hint(err,
				"the kernel needs CONFIG_NET_SCH_INGRESS (module sch_ingress)");
	}
	ret = bpf_tc_attach(&at, &opts);
	if (ret) {
		err_system(err, -ret, "cannot attach at tc %s of the device with ifindex %u", where,
			   ifindex);
		return err_hint(err, "the kernel needs CONFIG_NET_CLS_BPF (module cls_bpf)");
	}
	return 0;
}

int netns_detach(uint32_t ifindex, struct err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int ret = bpf_tc_hook_destroy(&at);

	libbpf_set_print(print);
	if (ret && ret != -ENOENT && ret != -EINVAL) /* EINVAL: no such qdisc */
		return err_system(err, -ret, "cannot take clsact off the device with ifindex %u",
				  ifindex);
	return 0;
}
