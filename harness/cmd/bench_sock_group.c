/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/bench_sock_group.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"

#define MOUNT  SANDBOX_NETNS "/cgroup" /* on the sandbox's own tmpfs */
#define PREFIX "verdict-bench-"

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

/* One that a process is in stays. */
static void clean_up(const char *home)
{
	DIR *dir = opendir(home);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (!strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
	if (dir)
		closedir(dir);
}

int sock_groups_begin(struct sock_groups *g, struct arena *a, struct err *err)
{
	char line[4096];

	*g = (struct sock_groups){ .arena = a };
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

int sock_groups_add(struct sock_groups *g, struct sock_group **out, struct err *err)
{
	struct sock_group *s = &g->list[g->n];

	s->path = arena_printf(g->arena, "%s/" PREFIX "%d-%zu", g->home, (int)getpid(), g->n);
	if (mkdir(s->path, 0755))
		return err_system(err, errno, "making control group %s", s->path);
	g->n++;
	*out = s;
	return join(s->path, err);
}

int sock_group_attach(struct sock_group *g, int prog_fd, unsigned attach_type, struct err *err)
{
	int fd = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), link;

	if (fd < 0)
		return err_system(err, errno, "opening %s", g->path);
	link = bpf_link_create(prog_fd, fd, (enum bpf_attach_type)attach_type, NULL);
	fd_cleanup(&fd);
	if (link < 0)
		return err_system(err, -link, "attaching a program to %s", g->path);
	g->links[g->n_links++] = link;
	return 0;
}

void sock_groups_end(struct sock_groups *g)
{
	struct err ignored = { 0 };

	if (g->n)
		join(g->home, &ignored);
	while (g->n) {
		struct sock_group *s = &g->list[--g->n];

		while (s->n_links)
			fd_cleanup(&s->links[--s->n_links]);
		rmdir(s->path);
	}
	umount2(MOUNT, MNT_DETACH);
}
