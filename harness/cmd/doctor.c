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

struct look { /* what was found of one thing */
	const struct check_up *what;
	enum finding finding;
	const char *detail; /* "" where there is nothing to add */
};

struct visit {
	struct arena *arena;
	enum family family;
	struct look *looks;
	size_t n;
};

#define NAME_COLUMN 22

static const char *fix_of(struct visit *v, const struct check_up *c)
{
	if (c->fix)
		return c->fix;
	if (v->family == FAMILY_DEBIAN)
		return arena_printf(v->arena, "apt-get install %s", c->debian);
	if (v->family == FAMILY_FEDORA)
		return arena_printf(v->arena, "dnf install %s", c->fedora);
	return arena_printf(v->arena, "install the package (Debian: %s, Fedora: %s)", c->debian,
			    c->fedora);
}

static enum finding look_tool(const struct check_up *c, struct buf *detail)
{
	if (tool_exists(c->name))
		return FINDING_OK;
	buf_puts(detail, "not in PATH");
	return FINDING_MISSING;
}

static void examine(struct visit *v, const struct check_up *list)
{
	for (const struct check_up *c = list; c->name; c++) {
		__cleanup_buf struct buf detail = BUF_INIT;
		enum finding f = c->look ? c->look(&detail) : look_tool(c, &detail);

		v->looks = arena_grow(v->arena, v->looks, v->n, sizeof(*v->looks));
		v->looks[v->n++] = (struct look){ c, f, arena_strdup(v->arena, buf_str(&detail)) };
	}
}

static void print_item(const char *title, const char *text)
{
	int column = printf("      %s: ", title);

	cmd_print_wrapped(stdout, text, column, column);
}

static void print_problem(struct visit *v, const struct look *l)
{
	static const char *const words[] = { "ok", "missing", "unknown" };
	const struct check_up *c = l->what;
	int column = printf("  %c %s ", c->optional ? '-' : '!', c->name);

	cmd_print_wrapped(stdout,
			  arena_printf(v->arena, "%s%s%s%s", words[l->finding],
				       *l->detail ? " (" : "", l->detail, *l->detail ? ")" : ""),
			  column, 6);
	print_item("for", c->use);
	if (l->finding == FINDING_UNKNOWN && geteuid())
		return; /* it may well be there */
	print_item("without it", c->loss);
	print_item("fix", fix_of(v, c));
}

static unsigned print_problems_of(struct visit *v, bool optional)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct look *l = &v->looks[i];

		if (l->finding == FINDING_OK || l->what->optional != optional)
			continue;
		print_problem(v, l);
		n += l->finding == FINDING_UNKNOWN;
	}
	return n;
}

/* Returns how many could not be checked. */
static unsigned print_problems(struct visit *v)
{
	unsigned unknown;
	bool any = false;

	for (size_t i = 0; i < v->n; i++)
		any |= v->looks[i].finding != FINDING_OK;
	if (!any)
		return 0;
	puts("Missing or unknown (! an engine needs it, - optional):");
	unknown = print_problems_of(v, false);
	unknown += print_problems_of(v, true);
	putchar('\n');
	return unknown;
}

static void print_row(const char *name, const char *text)
{
	printf("  %-*s", NAME_COLUMN - 2, name);
	cmd_print_wrapped(stdout, text, NAME_COLUMN, NAME_COLUMN);
}

/* The kernel's things a line each; tools, of which there is nothing to tell, in one. */
static void print_rest(const struct visit *v)
{
	__cleanup_buf struct buf tools = BUF_INIT;

	puts("Works:");
	for (size_t i = 0; i < v->n; i++) {
		const struct look *l = &v->looks[i];

		if (l->finding != FINDING_OK)
			continue;
		if (l->what->look)
			print_row(l->what->name, *l->detail ? l->detail : "ok");
		else
			buf_printf(&tools, "%s%s", tools.len ? " " : "", l->what->name);
	}
	if (tools.len)
		print_row("tools", buf_str(&tools));
}

static bool print_part(const char *name, const char *path, const char *fix)
{
	print_row(name, path ? path : fix);
	return path;
}

static bool print_parts(struct arena *a)
{
	bool objects, netns;

	puts("\nParts of verdict:");
	objects = print_part("BPF objects", file_installed(a, "bpf"),
			     "MISSING: no folder bpf/ with the program or in its library folder; "
			     "fix: make, or --objects DIR");
	netns = print_part("namespace scripts", file_installed(a, "netns"),
			   "MISSING: no folder netns/ with the program or in its library folder; "
			   "fix: make install, or set VERDICT_LIBDIR");
	return objects && netns;
}

/* The last word is the engines' own: they are asked as `verdict run` asks them. */
static bool engine_works(enum engine_kind kind)
{
	const char *name = engine_by_kind(kind)->name;
	struct arena *a = arena_new();
	const char *missing = engine_missing(kind, a);
	bool works = !*missing;
	int column = printf("engine %s: ", name);

	cmd_print_wrapped(stdout,
			  works ? "works"
				: arena_printf(a, "its scenarios will be skipped: %s", missing),
			  column, 2);
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
	struct visit v = { .family = distribution() };
	bool testrun, netns, parts;
	unsigned unknown;
	char **rest;
	int n, ret = cmd_parse(&cmd_doctor, argc, argv, no_option, NULL, &rest, &n);

	if (ret)
		return ret < 0 ? EXIT_AS_EXPECTED : ret;
	if (n)
		return cmd_usage_error(&cmd_doctor, rest[0]);
	v.arena = arena_new();
	examine(&v, doctor_kernel);
	examine(&v, doctor_tools);
	unknown = print_problems(&v);
	print_rest(&v);
	parts = print_parts(v.arena);
	putchar('\n');
	if (unknown)
		printf("%u thing%s could not be checked%s\n", unknown, unknown == 1 ? "" : "s",
		       geteuid() ? "; try as root: sudo verdict doctor" : "");
	testrun = engine_works(ENGINE_TESTRUN);
	netns = engine_works(ENGINE_NETNS);
	arena_free(v.arena);
	return testrun && netns && parts ? EXIT_AS_EXPECTED : EXIT_HARNESS;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "say what works on this machine, what will be skipped, and the fix",
	.text = "Tries what the engines need, in namespaces of its own. What is missing, or "
		"could not be checked, comes first, with the fix; whether the engines work, last. "
		"Exit status: 0 if both engines work, 3 if not. Works without privilege, and says "
		"then what it could not check.",
	.run = doctor_main,
};
