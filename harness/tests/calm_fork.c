/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests under AddressSanitizer: a process forks when its other threads are asleep.
 *
 * Criterion has a thread, nanomsg's, and forks. The lock of the sanitizer's allocator, unlike that of glibc's, is
 * not taken care of by fork() (gcc 12): held by the thread at that moment it is held in the child for good, which
 * waits for it before its test begins, until the test is killed.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALM_MS	 3 /* asleep for so long: not just between two steps of its start */
#define TRIES_MS 1000 /* of a thread that never sleeps another test tells */

/* proc(5), /proc/PID/stat: the state stands behind the name, which may have any characters. */
static bool is_asleep(const char *tid)
{
	char path[64], stat[512] = "";
	const char *name_end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return true; /* it has ended */
	if (!fgets(stat, sizeof(stat), f))
		stat[0] = '\0';
	fclose(f);
	name_end = strrchr(stat, ')');
	return !name_end || strncmp(name_end, ") S", 3) == 0;
}

static bool others_sleep(void)
{
	DIR *tasks = opendir("/proc/self/task");
	pid_t own = gettid();
	struct dirent *e;
	bool asleep = true;

	if (!tasks)
		return true;
	while (asleep && (e = readdir(tasks)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != own)
			asleep = is_asleep(e->d_name);
	closedir(tasks);
	return asleep;
}

static void wait_for_others(void)
{
	int calm = 0;

	for (int ms = 0; ms < TRIES_MS && calm < CALM_MS; ms++) {
		calm = others_sleep() ? calm + 1 : 0;
		if (calm < CALM_MS)
			usleep(1000);
	}
}

__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(wait_for_others, NULL, NULL);
}
