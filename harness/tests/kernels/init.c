/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first process of a guest: mounts what programs expect, runs one command with its output on the second
 * serial port, says there how it ended, and switches the guest off. The kernel hands over the command: what
 * follows "--" on its command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const struct {
	const char *type, *at;
} file_systems[] = {
	{ "devtmpfs", "/dev" },
	{ "proc", "/proc" },
	{ "sysfs", "/sys" },
	{ "bpf", "/sys/fs/bpf" },
	{ "cgroup2", "/sys/fs/cgroup" },
	{ "tmpfs", "/tmp" },
	{ "tmpfs", "/run" },
};

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
		const char *at = file_systems[i].at;

		mkdir(at, 0755);
		if (mount("none", at, file_systems[i].type, 0, NULL) < 0 && errno != EBUSY)
			fprintf(stderr, "init: cannot mount %s: %s\n", at, strerror(errno));
	}
}

/* Lines as they are written, no carriage returns. */
static int open_port(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY);
	struct termios t;

	if (fd >= 0 && tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

static int run(char *const argv[], int out)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(out, 1);
		dup2(out, 2);
		execv(argv[0], argv);
		dprintf(out, "init: cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 126;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	int out;

	mount_all();
	out = open_port("/dev/ttyS1");
	if (out < 0)
		fprintf(stderr, "init: cannot open the port for results: %s\n", strerror(errno));
	else if (argc < 2)
		dprintf(out, "init: no command\nend 2\n");
	else
		dprintf(out, "end %d\n", run(argv + 1, out));
	tcdrain(out);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
