/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Devices are veth pairs: every kernel has them, and their ifindex can be chosen. */
#include "engine/replay_net.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"

#define PEER_IFINDEX 1000000000 /* of the other ends: out of the way of any chosen one */
#define IP_TIMEOUT_S 30

struct replay_net {
	int home;
};

static int run_ip(const char *batch_file, const char *input, struct err *err)
{
	const char *argv[] = { "ip", "-batch", batch_file, NULL };

	return run_tool(argv, -1, input, NULL, IP_TIMEOUT_S, err);
}

static void describe(struct buf *out, const struct replay_device *d, size_t i)
{
	if (d->ifindex == 1) {
		buf_puts(out, "link set lo up\n");
		return;
	}
	buf_printf(out, "link add name %s index %u mtu %u ", d->name, d->ifindex,
		   d->mtu ? d->mtu : 1500);
	if (d->has_mac)
		buf_printf(out, "address %02x:%02x:%02x:%02x:%02x:%02x ", d->mac[0], d->mac[1],
			   d->mac[2], d->mac[3], d->mac[4], d->mac[5]);
	buf_printf(out, "type veth peer name peer%zu index %zu\n", i, PEER_IFINDEX + i);
	buf_printf(out, "link set %s addrgenmode none up\n", d->name);
	buf_printf(out, "link set peer%zu addrgenmode none up\n", i);
}

static int make_devices(const struct replay_device *devices, size_t n, struct err *err)
{
	__cleanup_buf struct buf batch = BUF_INIT;
	int ret;

	for (size_t i = 0; i < n; i++)
		describe(&batch, &devices[i], i);
	ret = run_ip("-", buf_str(&batch), err);
	return ret ? err_wrap(err, "making the devices of the replay") : 0;
}

/* A test run of XDP with an ifindex wants a device with receive queues, and veth has them from the
 * moment a program is attached.
 */
static int attach_pass(const struct replay_device *devices, size_t n, struct err *err)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	__cleanup_fd int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);
	int ret = 0;

	if (fd < 0)
		return err_system(err, -fd, "loading an XDP program that passes all");
	for (size_t i = 0; i < n && !ret; i++)
		if (devices[i].ifindex != 1)
			ret = bpf_xdp_attach((int)devices[i].ifindex, fd, XDP_FLAGS_DRV_MODE, NULL);
	return ret ? err_system(err, -ret, "attaching an XDP program to a device of the replay")
		   : 0;
}

/* `ip -batch` says "Command failed FILE:LINE" of it. */
static int apply_batch(const char *batch, struct err *err)
{
	int ret;

	if (access(batch, R_OK))
		return err_input(err, NULL, "%s cannot be read as a batch for ip", batch);
	ret = run_ip(batch, NULL, err);
	if (ret)
		err->kind = ERR_INPUT;
	return ret;
}

int replay_net_open(const struct replay_device *devices, size_t n, bool xdp, const char *batch,
		    struct replay_net **out, struct err *err)
{
	struct replay_net *net = calloc(1, sizeof(*net));
	int ret = 0;

	if (!net)
		return err_system(err, ENOMEM, "making a network namespace");
	net->home = ns_current(err);
	if (net->home < 0)
		ret = net->home;
	else if (unshare(CLONE_NEWNET))
		ret = err_system(err, errno, "cannot make a network namespace");
	if (!ret)
		ret = make_devices(devices, n, err);
	if (!ret && batch)
		ret = apply_batch(batch, err);
	if (!ret && xdp)
		ret = attach_pass(devices, n, err);
	if (ret) {
		replay_net_close(net);
		return ret;
	}
	*out = net;
	return 0;
}

void replay_net_close(struct replay_net *net)
{
	struct err ignored;

	if (!net)
		return;
	if (net->home >= 0)
		ns_enter(net->home, &ignored);
	fd_cleanup(&net->home);
	free(net);
}
