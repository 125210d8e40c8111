/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a file's tests one after the other in one process, where Criterion gives each a process of its
 * own: objects that one test had verified serve the next ones (target/target_cache.c; the fixtures say
 * what they keep). Tests and assertions are Criterion's; this header is its runner: it has main(), and
 * the functions of the library that a test reaches it by. Output and options are those that
 * harness/tests/run-all.sh knows.
 *
 * A test that fails, crashes or ends the process takes that process with it: the next one begins
 * in a new one, so that none sees what another has left broken. With --alone each does.
 *
 * A fixture has to leave nothing behind that a later test would see, by its reset or its tear-down.
 */
#ifndef VERDICT_TESTS_TOGETHER_H
#define VERDICT_TESTS_TOGETHER_H

#include <criterion/criterion.h>
#include <criterion/event.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What Criterion's macros lay down. */
extern struct criterion_test *const __start_cr_tst[], *const __stop_cr_tst[];
extern struct criterion_suite *const __start_cr_sts[], *const __stop_cr_sts[];
#pragma weak __start_cr_sts
#pragma weak __stop_cr_sts

#define TOGETHER_MAX	   1024
#define TOGETHER_TIMEOUT_S 300 /* of a test that says none */

enum together_state {
	TOGETHER_WAITING,
	TOGETHER_RUNNING,
	TOGETHER_PASSED,
	TOGETHER_FAILED,
	TOGETHER_SKIPPED,
	TOGETHER_CRASHED,
};

struct together_result {
	enum together_state state;
	double seconds;
	char why[200]; /* it was skipped */
};

static struct {
	const struct criterion_test *tests[TOGETHER_MAX];
	size_t n;
	struct together_result *results; /* shared with the process that runs the tests */
	bool alone;
	bool bad_exit; /* of such a process: leaks, most often */
	/* the test that runs: */
	const struct criterion_test *test;
	struct together_result *result;
	jmp_buf leave;
} together;

/* ---- what tests call ---- */

void criterion_send_assert(struct criterion_assert_stats *a)
{
	const char *line = a->message ? a->message : "";

	if (a->passed)
		return;
	together.result->state = TOGETHER_FAILED;
	fprintf(stderr, "[----] %s:%u: Assertion Failed\n[----]   \n", a->file, a->line);
	while (*line) {
		int len = (int)strcspn(line, "\n");

		fprintf(stderr, "[----]   %.*s\n", len, line);
		line += len + (line[len] == '\n');
	}
	fprintf(stderr, "[----]   \n");
}

void criterion_abort_test(void)
{
	together.result->state = TOGETHER_FAILED;
	longjmp(together.leave, 1);
}

void criterion_skip_test(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(together.result->why, sizeof(together.result->why), format, ap);
	va_end(ap);
	together.result->state = TOGETHER_SKIPPED;
	longjmp(together.leave, 1);
}

static const struct criterion_test_extra_data *together_suite(const struct criterion_test *t)
{
	for (struct criterion_suite *const *s = __start_cr_sts; s < __stop_cr_sts; s++)
		if (!strcmp((*s)->name, t->category))
			return (*s)->data;
	return NULL;
}

static void together_call(void (*fn)(void))
{
	if (fn && !setjmp(together.leave))
		fn();
}

void criterion_internal_test_setup(void)
{
	const struct criterion_test_extra_data *suite = together_suite(together.test);

	together_call(suite ? suite->init : NULL);
	together_call(together.test->data->init);
}

void criterion_internal_test_main(void (*fn)(void))
{
	if (together.result->state == TOGETHER_RUNNING)
		together_call(fn);
}

void criterion_internal_test_teardown(void)
{
	const struct criterion_test_extra_data *suite = together_suite(together.test);

	together_call(together.test->data->fini);
	together_call(suite ? suite->fini : NULL);
}

/* ---- in the process that runs tests ---- */

static double together_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void together_run_one(size_t i)
{
	const struct criterion_test *t = together.tests[i];
	double timeout = t->data->timeout, started = together_now();

	together.test = t;
	together.result = &together.results[i];
	together.result->state = TOGETHER_RUNNING;
	alarm(timeout > 0 ? (unsigned)timeout : TOGETHER_TIMEOUT_S);
	t->test();
	alarm(0);
	if (together.result->state == TOGETHER_RUNNING)
		together.result->state = TOGETHER_PASSED;
	together.result->seconds = together_now() - started;
	if (together.result->state == TOGETHER_FAILED)
		fprintf(stderr, "[FAIL] %s::%s: (%.2fs)\n", t->category, t->name,
			together.result->seconds);
}

static void together_run_from(size_t first)
{
	for (size_t i = first; i < together.n; i++) {
		together_run_one(i);
		if (together.alone || together.results[i].state == TOGETHER_FAILED)
			break;
	}
	exit(0);
}

/* ---- around it ---- */

static void together_tell_crash(size_t i, int status)
{
	const struct criterion_test *t = together.tests[i];
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	together.results[i].state = TOGETHER_CRASHED;
	fprintf(stderr, "[----] %s:%u: ", t->data->file_, t->data->line_);
	if (sig == SIGALRM)
		fprintf(stderr, "Timed out\n");
	else if (sig)
		fprintf(stderr, "CRASH! Signal %d (%s)\n", sig, strsignal(sig));
	else
		fprintf(stderr, "CRASH! Ended the process with %d\n", WEXITSTATUS(status));
	fprintf(stderr, "[FAIL] %s::%s: CRASH!\n", t->category, t->name);
}

static void together_run_all(void)
{
	size_t next = 0;

	while (next < together.n) {
		pid_t pid = fork();
		int status = 0;

		if (pid < 0) {
			perror("fork");
			exit(1);
		}
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			together_run_from(next);
		}
		while (waitpid(pid, &status, 0) < 0)
			;
		while (next < together.n && together.results[next].state > TOGETHER_RUNNING)
			next++;
		if (next < together.n && together.results[next].state == TOGETHER_RUNNING)
			together_tell_crash(next++, status);
		else
			together.bad_exit |= status != 0;
	}
}

static void together_write_tap(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f) {
		perror(path);
		exit(1);
	}
	fprintf(f, "TAP version 13\n1..%zu\n", together.n);
	for (size_t i = 0; i < together.n; i++) {
		const struct criterion_test *t = together.tests[i];
		const struct together_result *r = &together.results[i];

		if (r->state == TOGETHER_SKIPPED)
			fprintf(f, "ok - %s::%s  # SKIP %s\n", t->category, t->name, r->why);
		else
			fprintf(f, "%sok - %s::%s  (%.2fs)\n",
				r->state == TOGETHER_PASSED ? "" : "not ", t->category, t->name,
				r->seconds);
	}
	fclose(f);
}

/* The linker has them in any order. */
static int together_by_line(const void *a, const void *b)
{
	const struct criterion_test *const *x = a, *const *y = b;

	return (int)(*x)->data->line_ - (int)(*y)->data->line_;
}

static void together_select(const char *pattern)
{
	for (struct criterion_test *const *t = __start_cr_tst; t < __stop_cr_tst; t++) {
		char name[512];

		snprintf(name, sizeof(name), "%s/%s", (*t)->category, (*t)->name);
		if (pattern && fnmatch(pattern, name, 0))
			continue;
		if ((*t)->data->kind_ != CR_TEST_NORMAL || (*t)->data->signal ||
		    (*t)->data->exit_code || (*t)->data->disabled || together.n == TOGETHER_MAX) {
			fprintf(stderr, "%s: together.h has no such tests, or not so many\n", name);
			exit(1);
		}
		together.tests[together.n++] = *t;
	}
	qsort(together.tests, together.n, sizeof(together.tests[0]), together_by_line);
}

/* What is kept for later tests is a share of them. */
static void together_allow_descriptors(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int together_sum_up(void)
{
	size_t n[TOGETHER_CRASHED + 1] = { 0 };

	for (size_t i = 0; i < together.n; i++)
		n[together.results[i].state]++;
	fprintf(stderr,
		"[====] Synthesis: Tested: %zu | Passing: %zu | Failing: %zu | Crashing: %zu\n",
		together.n - n[TOGETHER_SKIPPED], n[TOGETHER_PASSED],
		n[TOGETHER_FAILED] + n[TOGETHER_CRASHED], n[TOGETHER_CRASHED]);
	return together.bad_exit || n[TOGETHER_FAILED] || n[TOGETHER_CRASHED];
}

int main(int argc, char *argv[])
{
	const char *tap = NULL, *pattern = NULL;

	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--tap=", 6)) {
			tap = argv[i] + 6;
		} else if (!strncmp(argv[i], "--filter=", 9)) {
			pattern = argv[i] + 9;
		} else if (!strcmp(argv[i], "--alone")) {
			together.alone = true;
		} else if (strncmp(argv[i], "-j", 2) != 0) {
			fprintf(stderr,
				"usage: %s [--filter=SUITE/TEST] [--tap=FILE] [--alone] [-j1]\n",
				argv[0]);
			return 2;
		}
	}
	together_select(pattern);
	together.results = mmap(NULL, sizeof(*together.results) * TOGETHER_MAX,
				PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (together.results == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	together_allow_descriptors();
	together_run_all();
	if (tap)
		together_write_tap(tap);
	return together_sum_up();
}

#endif
