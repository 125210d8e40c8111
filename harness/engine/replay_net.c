/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Devices are veth pairs: every kernel has them, and their ifindex can be chosen. */
#include "engine/replay_net.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"

#define PEER_IFINDEX REPLAY_NET_IFINDEX_MAX /* of the other ends: from there on */
#define IP_TIMEOUT_S 30

struct replay_net {
	int home;
	size_t n_devices;
	int pass; /* an XDP program that passes all; -1: not needed yet */
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

static int make_devices(struct replay_net *net, const struct replay_device *const *devices,
			size_t n, struct err *err)
{
	__cleanup_buf struct buf batch = BUF_INIT;
	int ret;

	for (size_t i = 0; i < n; i++)
		describe(&batch, devices[i], net->n_devices++);
	ret = run_ip("-", buf_str(&batch), err);
	return ret ? err_wrap(err, "making the devices of the replay") : 0;
}

static int load_pass(struct replay_net *net, struct err *err)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	if (net->pass < 0)
		net->pass = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);
	if (net->pass < 0)
		return err_system(err, -net->pass, "loading an XDP program that passes all");
	return 0;
}

/* A test run of XDP with an ifindex wants a device with receive queues, and veth has them from the
 * moment a program is attached.
 */
static int attach_pass(struct replay_net *net, const struct replay_device *const *devices, size_t n,
		       struct err *err)
{
	int ret = load_pass(net, err);

	for (size_t i = 0; i < n && !ret; i++) {
		if (devices[i]->ifindex == 1)
			continue;
		ret = bpf_xdp_attach((int)devices[i]->ifindex, net->pass, XDP_FLAGS_DRV_MODE, NULL);
		if (ret)
			return err_system(err, -ret, "attaching an XDP program to %s of the replay",
					  devices[i]->name);
	}
	return ret;
}

int replay_net_add(struct replay_net *net, const struct replay_device *const *devices, size_t n,
		   bool xdp, struct err *err)
{
	int ret = n ? make_devices(net, devices, n, err) : 0;

	return !ret && xdp ? attach_pass(net, devices, n, err) : ret;
}

int replay_net_batch(const char *path, struct err *err)
{
	int ret;

	if (access(path, R_OK))
		return err_input(err, NULL, "%s: cannot be read as a batch for ip: %s", path,
				 strerror(errno));
	ret = run_ip(path, NULL, err);
	if (!ret)
		return 0;
	err->kind = ERR_INPUT;
	return err_wrap(err, "%s", path);
}

int replay_net_ip(const char *lines, struct err *err)
{
	return run_ip("-", lines, err);
}

/* As on a node: where nothing is forwarded bpf_fib_lookup() answers BPF_FIB_LKUP_RET_FWD_DISABLED, whatever
 * the routes. /proc/sys/net is that of the thread's own namespace.
 */
static int forward(struct err *err)
{
	static const char *const all[] = { "/proc/sys/net/ipv4/ip_forward",
					   "/proc/sys/net/ipv6/conf/all/forwarding" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		__cleanup_fd int fd = open(all[i], O_WRONLY | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT)
			continue; /* a kernel without IPv6 */
		if (fd < 0 || write(fd, "1", 1) != 1)
			return err_system(err, errno, "cannot write %s", all[i]);
	}
	return 0;
}

int replay_net_open(struct replay_net **out, struct err *err)
{
	struct replay_net *net = calloc(1, sizeof(*net));
	int ret = 0;

	if (!net)
		return err_system(err, ENOMEM, "making a network namespace");
	net->pass = -1;
	net->home = ns_current(err);
	if (net->home < 0)
		ret = net->home;
	else if (unshare(CLONE_NEWNET))
		ret = err_system(err, errno, "cannot make a network namespace");
	else
		ret = forward(err);
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
	fd_cleanup(&net->pass);
	free(net);
}
