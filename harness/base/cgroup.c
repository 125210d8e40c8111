/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"

#define MOUNT SANDBOX_NETNS "/cgroup" /* on the sandbox's own tmpfs */
#define NAME  "verdict-%d-%zu" /* the process that has made it, and which one of its it is */

static int join(const char *path, struct err *err)
{
	char file[4200], pid[16];
	int n = snprintf(pid, sizeof(pid), "%d", (int)getpid()), fd, ret = 0;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, pid, (size_t)n) != n)
		ret = err_system(err, errno, "joining control group %s", path);
	fd_cleanup(&fd);
	return ret;
}

/* Those of a process that lives are its own, also before it is in them. */
static void clean_up(const char *home)
{
	DIR *dir = opendir(home);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		size_t which;
		int pid;

		if (sscanf(e->d_name, NAME, &pid, &which) == 2 && kill(pid, 0) && errno == ESRCH)
			unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

int cgroups_begin(struct cgroups *g, struct arena *a, struct err *err)
{
	char line[4096];

	*g = (struct cgroups){ .arena = a };
	if (mkdir(MOUNT, 0755) && errno != EEXIST)
		return err_system(err, errno, "making %s", MOUNT);
	if (mount("none", MOUNT, "cgroup2", 0, NULL) && errno != EBUSY)
		return err_system(err, errno, "mounting control groups (cgroup2) on %s", MOUNT);
	if (!file_find_line("/proc/self/cgroup", "0::", line, sizeof(line)))
		return err_system(err, 0, "/proc/self/cgroup names no group of version 2");
	g->home = arena_printf(a, "%s%s", MOUNT, line + strlen("0::"));
	clean_up(g->home);
	return 0;
}

int cgroups_add(struct cgroups *g, const char **path, struct err *err)
{
	*path = arena_printf(g->arena, "%s/" NAME, g->home, (int)getpid(), g->n);
	if (mkdir(*path, 0755))
		return err_system(err, errno, "making control group %s", *path);
	g->paths[g->n++] = *path;
	return join(*path, err);
}

void cgroups_end(struct cgroups *g)
{
	struct err ignored = { 0 };

	if (!g->home)
		return;
	if (g->n)
		join(g->home, &ignored);
	while (g->n)
		rmdir(g->paths[--g->n]);
	umount2(MOUNT, MNT_DETACH);
	rmdir(MOUNT);
	g->home = NULL;
}
