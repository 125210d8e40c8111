// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes groups of jobs until there are no more. */
#include "cmd/run_worker.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena_shared.h"
#include "base/clock.h"
#include "cmd/stop.h"
#include "engine/one_cpu.h"

#define PROGRESS_EVERY_NS 50000000ull

struct worker {
	const struct worker_setup *setup;
	struct run_cache *cache;
	size_t job;
	uint64_t told_ns; /* when progress was */
};

char *run_worker_said(struct arena *a, int fd)
{
	struct stat st;
	ssize_t n;
	char *text;

	if (fstat(fd, &st) || st.st_size <= 0)
		return NULL;
	text = arena_alloc(a, (size_t)st.st_size + 1);
	n = pread(fd, text, (size_t)st.st_size, 0);
	return n > 0 && !ftruncate(fd, 0) ? text : NULL;
}

/* Without the parent there is nobody to work for. */
static void tell(const struct worker *w, const struct worker_report *r)
{
	if (send(w->setup->socket, r, sizeof(*r), MSG_NOSIGNAL) != (ssize_t)sizeof(*r))
		_exit(1);
}

static void progress(void *arg, unsigned step, unsigned steps, uint64_t packets)
{
	struct worker *w = arg;
	struct worker_report r = {
		.job = w->job, .step = step, .steps = steps, .packets = packets
	};
	uint64_t now = clock_ns();

	if (now - w->told_ns < PROGRESS_EVERY_NS && packets)
		return;
	w->told_ns = now;
	tell(w, &r);
}

static void do_job(struct worker *w, size_t job)
{
	struct worker_report r = { .job = job, .is_done = true };

	w->job = job;
	arena_shared_next();
	r.outcome = run_job(&w->setup->plan->jobs[job], w->setup->settings, w->cache, progress, w);
	fflush(stderr);
	if (r.outcome)
		r.outcome->said = run_worker_said(r.outcome->arena, w->setup->said);
	tell(w, &r);
}

static void do_group(struct worker *w, const struct worker_order *order)
{
	const struct run_group *g = &w->setup->plan->groups[order->group];

	for (size_t i = order->first; i < g->n_jobs && !stop_signal(); i++)
		do_job(w, g->jobs[i]);
}

void run_worker(const struct worker_setup *setup)
{
	struct worker w = { .setup = setup };
	struct worker_order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != setup->parent)
		_exit(1);
	stop_note_signals();
	arena_shared_use(setup->index);
	one_cpu_prefer(setup->index);
	dup2(setup->said, STDERR_FILENO);
	w.cache = run_cache_new();
	while (!stop_signal() &&
	       recv(setup->socket, &order, sizeof(order), 0) == (ssize_t)sizeof(order))
		do_group(&w, &order);
	run_cache_free(w.cache);
	fflush(stderr);
	_exit(0);
}
