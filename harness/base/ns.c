/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sandbox, network namespaces, and child processes that cannot outlive the run. */
#include "base/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

static int mount_fresh(const char *fs, const char *where, struct err *err)
{
	if (mkdir(where, 0755) < 0 && errno != EEXIST)
		return err_system(err, errno, "cannot make %s", where);
	if (mount(fs, where, fs, 0, NULL) < 0)
		return err_system(err, errno, "cannot mount %s on %s", fs, where);
	return 0;
}

int sandbox_enter(struct err *err)
{
	static bool entered;
	int ret;

	if (entered)
		return 0;
	if (unshare(CLONE_NEWNS) < 0) {
		err_system(err, errno, "cannot make a mount namespace");
		return err_hint(err, "run as root (sudo), or with CAP_SYS_ADMIN, CAP_NET_ADMIN and "
				     "CAP_BPF; `verdict doctor` shows what is missing");
	}
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_system(err, errno, "cannot make mounts private");
	ret = mount_fresh("tmpfs", SANDBOX_NETNS, err);
	if (ret)
		return ret;
	ret = mount_fresh("bpf", SANDBOX_BPFFS, err);
	if (ret)
		return err_hint(err, "the kernel needs CONFIG_BPF_SYSCALL and the bpf file system; "
				     "`verdict doctor` shows what is missing");
	entered = true;
	return 0;
}

int ns_open(const char *name, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), SANDBOX_NETNS "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_system(err, errno, "cannot open network namespace %s", path);
	return fd;
}

int ns_enter(int fd, struct err *err)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_system(err, errno, "cannot enter a network namespace");
	return 0;
}

int ns_current(struct err *err)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_system(err, errno, "cannot open /proc/thread-self/ns/net");
	return fd;
}

bool tool_exists(const char *name)
{
	const char *path = getenv("PATH");
	char list[PATH_MAX];
	char *save = NULL;

	snprintf(list, sizeof(list), "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
	for (char *dir = strtok_r(list, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		char full[PATH_MAX];

		if (snprintf(full, sizeof(full), "%s/%s", dir, name) < (int)sizeof(full) &&
		    access(full, X_OK) == 0)
			return true;
	}
	return false;
}

/* In the child, after fork: only calls that are safe there. */
static void child_exec(const char *const argv[], int ns_fd, int keep_fd, pid_t parent)
{
	char path[PATH_MAX];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	if (ns_fd >= 0 && setns(ns_fd, CLONE_NEWNET) < 0)
		_exit(126);
	if (keep_fd >= 0 && keep_fd != 3 && dup2(keep_fd, 3) < 0)
		_exit(126);
	if (keep_fd == 3)
		fcntl(3, F_SETFD, 0);
	syscall(SYS_close_range, keep_fd >= 0 ? 4U : 3U, ~0U, CLOSE_RANGE_CLOEXEC);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], (char *const *)argv);
	/* root's PATH may lack sbin, where ip, tc and nft live */
	if (errno == ENOENT && !strchr(argv[0], '/')) {
		snprintf(path, sizeof(path), "/usr/sbin/%s", argv[0]);
		execv(path, (char *const *)argv);
	}
	_exit(errno == ENOENT ? 127 : 126);
}

/* Closed by exec; above what the child is given. */
static int make_exec_pipe(int pipe[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC) < 0)
		return -errno;
	pipe[0] = low[0];
	pipe[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 4);
	close(low[1]);
	if (pipe[1] >= 0)
		return 0;
	close(low[0]);
	return -errno;
}

/* Arguments may be in memory that the child shares (base/arena_shared.h): they stay until it has them. */
pid_t spawn(const char *const argv[], int ns_fd, int keep_fd, struct err *err)
{
	pid_t parent = getpid(), pid;
	int until_exec[2] = { -1, -1 };
	char unused;

	if (make_exec_pipe(until_exec))
		return err_system(err, errno, "cannot make a pipe for %s", argv[0]);
	pid = fork();
	if (pid == 0)
		child_exec(argv, ns_fd, keep_fd, parent);
	close(until_exec[1]);
	if (pid < 0)
		err_system(err, errno, "cannot start %s", argv[0]);
	else
		while (read(until_exec[0], &unused, 1) < 0 && errno == EINTR)
			;
	close(until_exec[0]);
	return pid < 0 ? -err->no : pid;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct tool_io {
	int in, out, err;
	const char *input;
	size_t input_len;
};

/* Feeds and reads until both outputs are closed or the deadline passes. Returns 0 or -ETIMEDOUT. */
static int pump(struct tool_io *io, struct buf *out, struct buf *errout, int64_t deadline)
{
	while (io->out >= 0 || io->err >= 0) {
		struct pollfd p[3] = { { .fd = io->in, .events = POLLOUT },
				       { .fd = io->out, .events = POLLIN },
				       { .fd = io->err, .events = POLLIN } };
		int64_t left = deadline - now_ms();
		char chunk[16384];

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(p, 3, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents) {
			ssize_t n = write(io->in, io->input, io->input_len);

			if (n > 0) {
				io->input += n;
				io->input_len -= (size_t)n;
			}
			if ((n < 0 && errno != EAGAIN && errno != EINTR) || !io->input_len)
				fd_cleanup(&io->in);
		}
		for (int i = 1; i < 3; i++) {
			int *fd = i == 1 ? &io->out : &io->err;
			struct buf *to = i == 1 ? out : errout;
			ssize_t n;

			if (!p[i].revents)
				continue;
			n = read(*fd, chunk, sizeof(chunk));
			if (n > 0 && to)
				buf_add(to, chunk, (size_t)n);
			else if (n <= 0)
				fd_cleanup(fd);
		}
	}
	return 0;
}

/* True when the child was reaped before the deadline. */
static bool reap(pid_t pid, int *status, int64_t deadline)
{
	while (now_ms() < deadline) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(500);
	}
	return false;
}

static int tool_result(const char *tool, int status, struct buf *errout, struct err *err)
{
	while (errout->len && errout->data[errout->len - 1] == '\n')
		errout->data[--errout->len] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !errout->len) {
		err_system(err, ENOENT, "cannot run %s", tool);
		return err_hint(err, "install it: `sudo make deps` installs every package needed");
	}
	if (WIFSIGNALED(status))
		return err_system(err, 0, "%s was killed by signal %d: %s", tool, WTERMSIG(status),
				  buf_str(errout));
	return err_system(err, 0, "%s failed (exit %d): %s", tool, WEXITSTATUS(status),
			  buf_str(errout));
}

int run_tool(const char *const argv[], int ns_fd, const char *input, struct buf *out, int timeout_s,
	     struct err *err)
{
	int64_t deadline = now_ms() + (int64_t)timeout_s * 1000;
	int in[2] = { -1, -1 }, o[2] = { -1, -1 }, e[2] = { -1, -1 };
	__cleanup_buf struct buf errout = BUF_INIT;
	pid_t parent = getpid();
	struct tool_io io;
	int status = 0, ret;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(o, O_CLOEXEC) < 0 || pipe2(e, O_CLOEXEC) < 0)
		return err_system(err, errno, "cannot make a pipe for %s", argv[0]);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(o[1], 1);
		dup2(e[1], 2);
		child_exec(argv, ns_fd, -1, parent);
	}
	fd_cleanup(&in[0]);
	fd_cleanup(&o[1]);
	fd_cleanup(&e[1]);
	io = (struct tool_io){ in[1], o[0], e[0], input, input ? strlen(input) : 0 };
	if (pid < 0) {
		ret = err_system(err, errno, "cannot start %s", argv[0]);
		goto out;
	}
	signal(SIGPIPE, SIG_IGN);
	/* else a tool that writes before it has read all would block both sides */
	fcntl(io.in, F_SETFL, O_NONBLOCK);
	if (!io.input_len)
		fd_cleanup(&io.in);
	ret = pump(&io, out, &errout, deadline);
	if (ret || !reap(pid, &status, deadline)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		ret = err_system(err, ETIMEDOUT, "%s did not finish in %d s", argv[0], timeout_s);
		goto out;
	}
	ret = tool_result(argv[0], status, &errout, err);
out:
	fd_cleanup(&io.in);
	fd_cleanup(&io.out);
	fd_cleanup(&io.err);
	return ret;
}
