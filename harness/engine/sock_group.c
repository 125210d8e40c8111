// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "engine/sock_group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"

#define GROUP_MARK "verdict-sock-"

/* What a run left that was killed in the moment between making its group and taking it away. */
static void remove_stale(const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		pid_t pid = strncmp(e->d_name, GROUP_MARK, strlen(GROUP_MARK)) == 0
				    ? (pid_t)strtol(e->d_name + strlen(GROUP_MARK), NULL, 10)
				    : 0;

		if (pid > 0 && kill(pid, 0) && errno == ESRCH)
			unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

/* Where the one hierarchy of version 2 is seen; where it is not, it is mounted for this process and its children alone
 * (sandbox_enter() gave them mounts of their own).
 */
static int find_root(char *root, size_t size, struct err *err)
{
	static const char own[] = SANDBOX_NETNS "/.cgroup2";
	char line[1024];

	if (file_find_line("/proc/self/mounts", " cgroup2 ", line, sizeof(line)) &&
	    sscanf(line, "%*s %127s", root) == 1)
		return 0;
	snprintf(root, size, "%s", own);
	if ((mkdir(own, 0755) && errno != EEXIST) || mount("none", own, "cgroup2", 0, NULL))
		return err_system(err, errno, "socketLB needs control groups of version 2");
	return 0;
}

int sock_group_name(struct arena *a, char **out, struct err *err)
{
	char line[1024], root[128];
	char *parent;
	int ret = find_root(root, sizeof(root), err);

	if (ret)
		return ret;
	if (!file_find_line("/proc/self/cgroup", "0::", line, sizeof(line)))
		return err_system(err, ENOENT, "/proc/self/cgroup names no control group");
	parent = arena_printf(a, "%s%s", root, line + strlen("0::"));
	remove_stale(parent);
	*out = arena_printf(a, "%s/" GROUP_MARK "%d", parent, (int)getpid());
	return 0;
}

/* A socket is of the control group of the task that made it, whoever uses it. With the child's descriptors being
 * the parent's, the place that the parent holds is taken by the socket.
 */
int sock_in_group(int group, int ns, int family, int type, struct err *err)
{
	struct clone_args args = { .flags = CLONE_FILES | CLONE_INTO_CGROUP,
				   .exit_signal = SIGCHLD,
				   .cgroup = (uint64_t)group };
	int place = open("/dev/null", O_RDONLY | O_CLOEXEC), status = 0;
	pid_t pid;

	if (place < 0)
		return err_system(err, errno, "/dev/null");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		int s = setns(ns, CLONE_NEWNET) ? -1 : socket(family, type | SOCK_CLOEXEC, 0);

		if (s < 0 || dup3(s, place, O_CLOEXEC) < 0)
			_exit(errno);
		close(s);
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status))
		return place;
	err_system(err, pid < 0 ? errno : WEXITSTATUS(status), "a socket in a control group");
	close(place);
	return -err->no;
}
