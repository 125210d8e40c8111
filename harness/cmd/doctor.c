// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict doctor`: what works on this machine, what will be skipped, and what to do about it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "cmd/cmd.h"
#include "cmd/doctor.h"
#include "engine/engine.h"

const struct check_up doctor_tools[] = {
	{ "bash", "the scripts of netns/", "both engines are skipped", NULL, NULL, "bash", "bash",
	  false },
	{ "ip", "building the nodes", "both engines are skipped", NULL, NULL, "iproute2", "iproute",
	  false },
	{ "bridge", "the wire between the nodes", "both engines are skipped", NULL, NULL,
	  "iproute2", "iproute", false },
	{ "ethtool", "switching off offloads, so that packets stay as sent",
	  "both engines are skipped", NULL, NULL, "ethtool", "ethtool", false },
	{ "nsenter", "entering the nodes", "both engines are skipped", NULL, NULL, "util-linux",
	  "util-linux-core", false },
	{ "unshare", "trying out devices", "both engines are skipped", NULL, NULL, "util-linux",
	  "util-linux-core", false },
	{ "nft", "keeping the host's stack out of the wire", "the netns engine is skipped", NULL,
	  NULL, "nftables", "nftables", false },
	{ "tc", "looking at attached programs by hand", "all works", NULL, NULL, "iproute2",
	  "iproute-tc", true },
	{ "bpftool", "independent judge in tests, comparison in bench",
	  "those tests and that line of the bench are skipped", NULL, NULL, "bpftool", "bpftool",
	  true },
	{ "tshark", "independent judge in tests", "those tests are skipped", NULL, NULL, "tshark",
	  "wireshark-cli", true },
	{ "xmllint", "independent judge in tests", "those tests are skipped", NULL, NULL,
	  "libxml2-utils", "libxml2", true },
	{ "etcd", "making fixtures/captures anew", "those scripts do not run", NULL, NULL,
	  "etcd-server", "etcd", true },
	{ "etcdctl", "making fixtures/captures anew", "those scripts do not run", NULL, NULL,
	  "etcd-client", "etcd", true },
	{ "clang", "building the programs in bpf/", "no building from source", NULL, NULL, "clang",
	  "clang", true },
	{ NULL, NULL, NULL, NULL, NULL, NULL, NULL, false },
};

enum family { FAMILY_OTHER, FAMILY_DEBIAN, FAMILY_FEDORA };

/* ID and ID_LIKE of os-release(5). */
static enum family distribution(void)
{
	__cleanup_file FILE *f = fopen("/etc/os-release", "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "ID=", 3) != 0 && strncmp(line, "ID_LIKE=", 8) != 0)
			continue;
		if (strstr(line, "debian") || strstr(line, "ubuntu"))
			return FAMILY_DEBIAN;
		if (strstr(line, "fedora") || strstr(line, "rhel") || strstr(line, "centos"))
			return FAMILY_FEDORA;
	}
	return FAMILY_OTHER;
}

static void print_fix(const struct check_up *c, enum family family)
{
	printf("%10s fix: ", "");
	if (c->fix)
		puts(c->fix);
	else if (family == FAMILY_DEBIAN)
		printf("apt-get install %s\n", c->debian);
	else if (family == FAMILY_FEDORA)
		printf("dnf install %s\n", c->fedora);
	else
		printf("install the package (Debian: %s, Fedora: %s)\n", c->debian, c->fedora);
}

static enum finding look_tool(const struct check_up *c, struct buf *detail)
{
	if (tool_exists(c->name))
		return FINDING_OK;
	buf_puts(detail, "not in PATH");
	return FINDING_MISSING;
}

static enum finding examine(const struct check_up *c, enum family family)
{
	static const char *const words[] = { "ok", "missing", "unknown" };
	__cleanup_buf struct buf detail = BUF_INIT;
	enum finding f = c->look ? c->look(&detail) : look_tool(c, &detail);

	printf("%-8s%s %-20s %s%s%s%s\n", words[f],
	       f == FINDING_OK ? " "
	       : c->optional   ? "-"
			       : "!",
	       c->name, c->use, detail.len ? " (" : "", buf_str(&detail), detail.len ? ")" : "");
	if (f == FINDING_OK)
		return f;
	if (f == FINDING_UNKNOWN && geteuid())
		return f; /* it may well be there */
	printf("%10s without it: %s\n", "", c->loss);
	print_fix(c, family);
	return f;
}

static int examine_objects(void)
{
	struct arena *a = arena_new();
	const char *objects = file_installed(a, "bpf"), *netns = file_installed(a, "netns");

	printf("%-8s%s %-20s %s\n", objects ? "ok" : "missing", objects ? " " : "!", "BPF objects",
	       objects ? objects
		       : "no folder bpf/ with the program or in its library folder; fix: "
			 "make, or --objects DIR");
	printf("%-8s%s %-20s %s\n", netns ? "ok" : "missing", netns ? " " : "!",
	       "namespace scripts",
	       netns ? netns
		     : "no folder netns/ with the program or in its library folder; fix: "
		       "make install, or set VERDICT_LIBDIR");
	arena_free(a);
	return objects && netns ? 0 : -1;
}

/* The last word is the engines' own: they are asked as `verdict run` asks them. */
static bool engine_works(enum engine_kind kind)
{
	const char *name = engine_by_kind(kind)->name;
	struct arena *a = arena_new();
	const char *missing = engine_missing(kind, a);
	bool works = !*missing;

	if (works)
		printf("engine %s: works\n", name);
	else
		printf("engine %s: its scenarios will be skipped: %s\n", name, missing);
	arena_free(a);
	return works;
}

static int no_option(void *arg, const char *name, const char *value)
{
	(void)arg;
	(void)name;
	(void)value;
	return 0;
}

static int doctor_main(int argc, char **argv)
{
	enum family family = distribution();
	unsigned unknown = 0;
	bool testrun, netns;
	char **rest;
	int n, ret = cmd_parse(&cmd_doctor, argc, argv, no_option, NULL, &rest, &n);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	if (n)
		return cmd_usage_error(&cmd_doctor, rest[0]);
	puts("Kernel and privilege:");
	for (const struct check_up *c = doctor_kernel; c->name; c++)
		unknown += examine(c, family) == FINDING_UNKNOWN;
	puts("\nTools:");
	for (const struct check_up *c = doctor_tools; c->name; c++)
		examine(c, family);
	puts("\nParts of verdict:");
	ret = examine_objects();
	putchar('\n');
	if (unknown)
		printf("%u thing%s could not be checked%s\n", unknown, unknown == 1 ? "" : "s",
		       geteuid() ? "; try as root: sudo verdict doctor" : "");
	testrun = engine_works(ENGINE_TESTRUN);
	netns = engine_works(ENGINE_NETNS);
	return testrun && netns && ret == 0 ? EXIT_AS_EXPECTED : EXIT_HARNESS;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "say what works on this machine, what will be skipped, and the fix",
	.text = "Tries what the engines need, in namespaces of its own. Each line says ok, missing "
		"or "
		"unknown; \"!\" marks what an engine cannot do without, \"-\" what is optional. "
		"Exit status: 0 if both engines work, 3 if not. Works without "
		"privilege, and says then what it could not check.",
	.run = doctor_main,
};
