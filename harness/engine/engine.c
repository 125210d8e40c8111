/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The engines there are, and what each needs of a machine. */
#include "engine/engine.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"

#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#define CAP_NET_ADMIN 12
#define CAP_NET_RAW   13
#define CAP_SYS_ADMIN 21

const struct engine_ops *engine_by_kind(enum engine_kind kind)
{
	switch (kind) {
	case ENGINE_TESTRUN:
		return &engine_testrun;
	case ENGINE_NETNS:
		return &engine_netns;
	}
	return NULL;
}

/* CapEff of /proc/self/status, 0 if it cannot be read. */
static uint64_t capabilities(void)
{
	unsigned long long caps = 0;
	char line[256];

	if (file_find_line("/proc/self/status", "CapEff:", line, sizeof(line)))
		sscanf(line, "CapEff: %llx", &caps);
	return caps;
}

static const char *missing_capability(struct arena *a)
{
	static const struct {
		int bit;
		const char *name;
	} needed[] = {
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		{ CAP_NET_RAW, "CAP_NET_RAW" },
		{ CAP_BPF, "CAP_BPF" },
	};
	uint64_t have = capabilities();

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!(have & 1ULL << needed[i].bit))
			return arena_printf(a, "no %s: run as root (sudo)", needed[i].name);
	return NULL;
}

static const char *missing_bpf(struct arena *a)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};
	long fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));

	if (fd >= 0) {
		close((int)fd);
		return NULL;
	}
	if (errno == ENOSYS)
		return "no bpf() system call: the kernel needs CONFIG_BPF_SYSCALL";
	return arena_printf(a,
			    "bpf() fails: %s: a container needs --privileged, a kernel in "
			    "lockdown cannot run this",
			    strerror(errno));
}

static bool file_system_known(const char *name)
{
	__cleanup_file FILE *f = fopen("/proc/filesystems", "re");
	char line[128], last[64];

	while (f && fgets(line, sizeof(line), f)) {
		const char *tab = strrchr(line, '\t');

		if (tab && sscanf(tab, "%63s", last) == 1 && strcmp(last, name) == 0)
			return true;
	}
	return false;
}

static const char *missing_tool(struct arena *a, const char *const tools[])
{
	for (; *tools; tools++)
		if (!tool_exists(*tools))
			return arena_printf(a, "no `%s`: `sudo make deps` installs what is needed",
					    *tools);
	return NULL;
}

/* What both engines need: nodes are namespaces for either. */
static const char *missing_base(struct arena *a)
{
	static const char *const tools[] = { "bash",	"ip",	   "bridge", "ethtool",
					     "nsenter", "unshare", NULL };
	const char *why = missing_capability(a);

	if (!why)
		why = missing_bpf(a);
	if (!why && !file_system_known("bpf"))
		why = "no bpf file system in /proc/filesystems: the kernel needs "
		      "CONFIG_BPF_SYSCALL";
	if (!why && access("/proc/self/ns/net", F_OK))
		why = "no network namespaces: the kernel needs CONFIG_NET_NS";
	if (!why)
		why = missing_tool(a, tools);
	if (!why && !file_installed(a, "netns"))
		why = "the scripts of netns/ are nowhere: `make install`, or set VERDICT_LIBDIR";
	return why;
}

static const char *missing_netns(struct arena *a)
{
	static const char *const tools[] = { "nft", NULL };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return arena_printf(a, "no packet sockets (%s): the kernel needs CONFIG_PACKET",
				    strerror(errno));
	close(fd);
	return missing_tool(a, tools);
}

/* What the kernel knows of device types shows only when one is made; in a namespace that is gone
 * with the tool.
 */
static const char *missing_devices(struct arena *a)
{
	static const char input[] = "link add verdict0 type veth peer name verdict1\n"
				    "link add verdict2 type bridge\n";
	const char *const argv[] = { "unshare", "--net", "ip", "-batch", "-", NULL };
	struct err err = { 0 };

	if (run_tool(argv, -1, input, NULL, 10, &err) == 0)
		return NULL;
	return arena_printf(a,
			    "cannot make veth and bridge devices (%s): the kernel needs "
			    "CONFIG_VETH and CONFIG_BRIDGE",
			    err.text);
}

const char *engine_missing(enum engine_kind kind, struct arena *a)
{
	const char *why = missing_base(a);

	if (!why)
		why = missing_devices(a);
	if (!why && kind == ENGINE_NETNS)
		why = missing_netns(a);
	return why ? why : "";
}
