// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel's part of `verdict doctor`: every ability is tried, in a child with namespaces of its own, and
 * not concluded from versions or configuration files.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "cmd/doctor.h"

#define PROBE_TIMEOUT_S 15
#define LO_IFINDEX	1

/* r0 = 2 (TC_ACT_SHOT); exit */
static const struct bpf_insn shot[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 2 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static enum finding failed(struct buf *detail, const char *what, int no)
{
	buf_printf(detail, "%s: %s", what, strerror(no));
	if (no != EPERM && no != EACCES)
		return FINDING_MISSING;
	return geteuid() ? FINDING_UNKNOWN : FINDING_MISSING;
}

/* Runs a look in a child, so that namespaces, mounts and devices it makes are gone with it. */
static enum finding in_child(enum finding (*look)(struct buf *detail), struct buf *detail)
{
	char text[512];
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) < 0)
		return failed(detail, "pipe", errno);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct buf said = BUF_INIT;
		enum finding f;

		alarm(PROBE_TIMEOUT_S);
		f = look(&said);
		if (write(fds[1], buf_str(&said), said.len) < 0)
			_exit(FINDING_UNKNOWN);
		_exit((int)f);
	}
	close(fds[1]);
	while (pid > 0 && (n = read(fds[0], text, sizeof(text))) > 0)
		buf_add(detail, text, (size_t)n);
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
		buf_puts(detail, "the probe did not end");
		return FINDING_UNKNOWN;
	}
	return (enum finding)WEXITSTATUS(status);
}

static enum finding look_kernel(struct buf *detail)
{
	int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return FINDING_UNKNOWN;
	buf_printf(detail, "Linux %s %s", u.release, u.machine);
	return major > 5 || (major == 5 && minor >= 10) ? FINDING_OK : FINDING_MISSING;
}

static const struct {
	int bit;
	const char *name;
} wanted[] = {
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" }, { CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	{ CAP_NET_RAW, "CAP_NET_RAW" },	    { CAP_BPF, "CAP_BPF" },
	{ CAP_PERFMON, "CAP_PERFMON" },
};

static enum finding look_capabilities(struct buf *detail)
{
	unsigned long long effective = 0;
	bool all = true;
	char line[256];

	if (!file_find_line("/proc/self/status", "CapEff:", line, sizeof(line)) ||
	    sscanf(line, "CapEff: %llx", &effective) != 1)
		return FINDING_UNKNOWN;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (effective >> wanted[i].bit & 1)
			continue;
		buf_printf(detail, "%s%s", all ? "lacks " : ", ", wanted[i].name);
		all = false;
	}
	if (all)
		buf_printf(detail, "user id %u", (unsigned)geteuid());
	return all ? FINDING_OK : FINDING_MISSING;
}

static int load_shot(void)
{
	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "doctor", "GPL", shot,
			     sizeof(shot) / sizeof(shot[0]), NULL);
}

static enum finding look_test_run(struct buf *detail)
{
	unsigned char frame[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	__cleanup_fd int fd = load_shot();

	if (fd < 0)
		return failed(detail, "loading a tc program", -fd);
	if (bpf_prog_test_run_opts(fd, &run) < 0)
		return failed(detail, "BPF_PROG_TEST_RUN", errno);
	if (run.retval != 2) {
		buf_printf(detail, "a program that returns 2 returned %u", run.retval);
		return FINDING_MISSING;
	}
	buf_puts(detail, "a tc program ran and returned its verdict");
	return FINDING_OK;
}

static enum finding look_bpffs_here(struct buf *detail)
{
	if (unshare(CLONE_NEWNS) < 0)
		return failed(detail, "making a mount namespace", errno);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failed(detail, "making mounts private", errno);
	if (mount("bpf", SANDBOX_BPFFS, "bpf", 0, NULL) < 0)
		return failed(detail, "mounting it", errno);
	buf_puts(detail, "mounted in a mount namespace");
	return FINDING_OK;
}

static enum finding look_bpffs(struct buf *detail)
{
	return in_child(look_bpffs_here, detail);
}

static enum finding look_btf(struct buf *detail)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return failed(detail, "/sys/kernel/btf/vmlinux", errno);
	buf_puts(detail, "/sys/kernel/btf/vmlinux");
	return FINDING_OK;
}

static enum finding look_netns_here(struct buf *detail)
{
	if (unshare(CLONE_NEWNET) < 0)
		return failed(detail, "making a network namespace", errno);
	buf_puts(detail, "one was made");
	return FINDING_OK;
}

static enum finding look_netns(struct buf *detail)
{
	return in_child(look_netns_here, detail);
}

/* A tool's complaint is many lines; its last one says it. */
static enum finding tool_in_netns(const char *const argv[], struct buf *detail)
{
	static struct err err; /* too large for a child's small needs on the stack */
	const char *last;

	if (!tool_exists(argv[0])) {
		buf_printf(detail, "cannot be tried without the tool %s", argv[0]);
		return FINDING_UNKNOWN;
	}
	if (unshare(CLONE_NEWNET) < 0)
		return failed(detail, "making a network namespace", errno);
	if (run_tool(argv, -1, NULL, NULL, PROBE_TIMEOUT_S - 5, &err) == 0)
		return FINDING_OK;
	last = strrchr(err.text, '\n');
	buf_puts(detail, last ? last + 1 : err.text);
	return FINDING_MISSING;
}

static enum finding look_veth_here(struct buf *detail)
{
	static const char *const argv[] = { "ip",   "link", "add",  "v0", "type",
					    "veth", "peer", "name", "v1", NULL };
	enum finding f = tool_in_netns(argv, detail);

	if (f == FINDING_OK)
		buf_puts(detail, "a pair was made");
	return f;
}

static enum finding look_veth(struct buf *detail)
{
	return in_child(look_veth_here, detail);
}

static enum finding look_bridge_here(struct buf *detail)
{
	static const char *const argv[] = { "ip", "link", "add", "b0", "type", "bridge", NULL };
	enum finding f = tool_in_netns(argv, detail);

	if (f == FINDING_OK)
		buf_puts(detail, "one was made");
	return f;
}

static enum finding look_bridge(struct buf *detail)
{
	return in_child(look_bridge_here, detail);
}

static enum finding look_clsact_here(struct buf *detail)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LO_IFINDEX, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts);
	int ret;

	libbpf_set_print(NULL);
	if (unshare(CLONE_NEWNET) < 0)
		return failed(detail, "making a network namespace", errno);
	opts.prog_fd = load_shot();
	if (opts.prog_fd < 0)
		return failed(detail, "loading a tc program", -opts.prog_fd);
	ret = bpf_tc_hook_create(&hook);
	if (ret)
		return failed(detail, "adding the clsact qdisc", -ret);
	ret = bpf_tc_attach(&hook, &opts);
	if (ret)
		return failed(detail, "attaching by cls_bpf", -ret);
	buf_puts(detail, "attached to lo's ingress");
	return FINDING_OK;
}

static enum finding look_clsact(struct buf *detail)
{
	return in_child(look_clsact_here, detail);
}

static enum finding look_nftables_here(struct buf *detail)
{
	static const char *const argv[] = { "nft", "add", "table", "inet", "doctor", NULL };
	enum finding f = tool_in_netns(argv, detail);

	if (f == FINDING_OK)
		buf_puts(detail, "a table was made");
	return f;
}

static enum finding look_nftables(struct buf *detail)
{
	return in_child(look_nftables_here, detail);
}

static enum finding look_memlock(struct buf *detail)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_MEMLOCK, &r) < 0)
		return failed(detail, "getrlimit", errno);
	if (r.rlim_cur == RLIM_INFINITY)
		buf_puts(detail, "unlimited");
	else
		buf_printf(detail, "%llu KiB; matters before Linux 5.11 only",
			   (unsigned long long)r.rlim_cur / 1024);
	return FINDING_OK;
}

static enum finding look_jit(struct buf *detail)
{
	char line[16];

	if (!file_find_line("/proc/sys/net/core/bpf_jit_enable", "", line, sizeof(line)))
		return failed(detail, "net.core.bpf_jit_enable", errno);
	buf_printf(detail, "net.core.bpf_jit_enable = %s", line);
	return atoi(line) ? FINDING_OK : FINDING_MISSING;
}

static enum finding look_lockdown(struct buf *detail)
{
	char line[128];

	if (!file_find_line("/sys/kernel/security/lockdown", "", line, sizeof(line))) {
		buf_puts(detail, "securityfs is not mounted");
		return FINDING_UNKNOWN;
	}
	/* confidentiality refuses reading kernel memory (fentry, kprobes): nothing here does that */
	buf_printf(detail, "%s", line);
	return FINDING_OK;
}

const struct check_up doctor_kernel[] = {
	{ "kernel", "what the programs and the loader use", "both engines are skipped",
	  "boot a kernel of 5.10 or later", look_kernel, NULL, NULL, false },
	{ "capabilities", "programs, namespaces, packet sockets", "both engines are skipped",
	  "run as root: sudo verdict ...", look_capabilities, NULL, NULL, false },
	{ "BPF_PROG_TEST_RUN", "running programs on packets", "both engines are skipped",
	  "a kernel with CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_BPF; run as root", look_test_run,
	  NULL, NULL, false },
	{ "bpffs", "pinned maps, which outlive an agent", "both engines are skipped",
	  "a kernel with CONFIG_BPF_SYSCALL; run as root", look_bpffs, NULL, NULL, false },
	{ "kernel BTF", "types of the kernel for libbpf", "programs that need them do not load",
	  "a kernel with CONFIG_DEBUG_INFO_BTF", look_btf, NULL, NULL, true },
	{ "network namespaces", "one a node", "both engines are skipped",
	  "a kernel with CONFIG_NET_NS; run as root", look_netns, NULL, NULL, false },
	{ "veth", "the nodes' devices", "both engines are skipped",
	  "a kernel with CONFIG_VETH (modprobe veth)", look_veth, NULL, NULL, false },
	{ "bridge", "the wire between the nodes", "both engines are skipped",
	  "a kernel with CONFIG_BRIDGE (modprobe bridge)", look_bridge, NULL, NULL, false },
	{ "clsact and cls_bpf", "attaching programs to devices", "the netns engine is skipped",
	  "a kernel with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF (modprobe sch_ingress "
	  "cls_bpf)",
	  look_clsact, NULL, NULL, false },
	{ "nftables", "keeping the host's stack out of the wire", "the netns engine is skipped",
	  "a kernel with CONFIG_NF_TABLES (modprobe nf_tables), and the tool nft", look_nftables,
	  NULL, NULL, false },
	{ "locked memory", "maps on old kernels", "large maps fail", "ulimit -l unlimited",
	  look_memlock, NULL, NULL, true },
	{ "JIT", "the speed that production has", "all works, benchmarks mean little",
	  "sysctl net.core.bpf_jit_enable=1", look_jit, NULL, NULL, true },
	{ "lockdown", "what is forbidden even to root", "all works: the engines were tried",
	  "mount -t securityfs securityfs /sys/kernel/security", look_lockdown, NULL, NULL, true },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL, false },
};
