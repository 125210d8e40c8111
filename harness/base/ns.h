/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Namespaces and child processes: the sandbox a run lives in, entering a node, running a tool.
 *
 * A run makes its own mount namespace with a fresh tmpfs on /run/netns and a fresh bpffs on
 * /sys/fs/bpf. Named namespaces and pins made inside it exist for this process and its children
 * only, so they vanish with the last of them, however it ends: SIGKILL leaves nothing behind.
 */
#ifndef VERDICT_BASE_NS_H
#define VERDICT_BASE_NS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define SANDBOX_BPFFS "/sys/fs/bpf"
#define SANDBOX_NETNS "/run/netns"

/* Enters the sandbox, once per process; later calls do nothing. Before any thread is started.
 * System error with a hint where a capability or bpffs is missing.
 */
int sandbox_enter(struct err *err);

/* An fd for a named network namespace, O_CLOEXEC. */
int ns_open(const char *name, struct err *err);
/* Puts the calling thread into it. Costs about 2 us; the caller skips it when already there. */
int ns_enter(int fd, struct err *err);
/* The calling thread's present network namespace, as an fd. */
int ns_current(struct err *err);

/* Starts a program with arguments; never a shell. The child gets SIGKILL when the caller's thread
 * dies (PR_SET_PDEATHSIG). ns_fd >= 0: it starts in that network namespace. keep_fd >= 0: that fd is
 * passed on as fd 3, all others but 0 to 2 are closed. Returns the pid.
 */
pid_t spawn(const char *const argv[], int ns_fd, int keep_fd, struct err *err);

/* Runs a tool to its end with `input` (may be NULL) on standard input; standard output goes to out
 * (may be NULL: dropped). Non-zero exit or a timeout is a system error that quotes the tool's
 * standard error. ns_fd as in spawn().
 */
int run_tool(const char *const argv[], int ns_fd, const char *input, struct buf *out, int timeout_s,
	     struct err *err);

/* True if an executable of that name is in PATH (or in /sbin, /usr/sbin). */
bool tool_exists(const char *name);

#endif
