// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The parent of workers: hands out groups of jobs, takes results, replaces those that die. */
#include "cmd/run_workers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena_shared.h"
#include "base/file.h"
#include "base/log.h"
#include "cmd/run_worker.h"
#include "cmd/stop.h"

#define WORKERS_MAX 64

struct child {
	pid_t pid; /* 0: none */
	int socket, said;
	bool is_busy, is_closed; /* closed: told that there is no more */
	struct worker_order order;
	size_t at; /* index in the group's jobs */
	struct worker_report last;
};

struct parent {
	const struct run_workers_opts *opts;
	struct child children[WORKERS_MAX];
	unsigned n;
	size_t next; /* group that nobody has yet */
	struct worker_order *left; /* by workers that died */
	size_t n_left;
	struct arena *arena;
	struct err *err;
};

unsigned run_workers_wanted(const struct run_plan *plan, unsigned asked)
{
	cpu_set_t may;

	if (!asked)
		asked = sched_getaffinity(0, sizeof(may), &may) ? 1 : (unsigned)CPU_COUNT(&may);
	if (asked > plan->n_groups)
		asked = (unsigned)plan->n_groups;
	return asked < 1 ? 1 : asked > WORKERS_MAX ? WORKERS_MAX : asked;
}

/* ---- work ---- */

static bool has_work(const struct parent *p)
{
	return !stop_signal() && (p->n_left || p->next < p->opts->plan->n_groups);
}

static struct worker_order take_work(struct parent *p)
{
	if (p->n_left)
		return p->left[--p->n_left];
	return (struct worker_order){ .group = p->next++ };
}

static void put_back(struct parent *p, size_t group, size_t first)
{
	if (first >= p->opts->plan->groups[group].n_jobs)
		return;
	p->left = arena_grow(p->arena, p->left, p->n_left, sizeof(*p->left));
	p->left[p->n_left++] = (struct worker_order){ group, first };
}

static size_t job_of(const struct parent *p, const struct child *c)
{
	return p->opts->plan->groups[c->order.group].jobs[c->at];
}

/* One that cannot be told has died, which is found out when it is listened to. */
static void give_work(struct parent *p, struct child *c)
{
	if (!has_work(p)) {
		shutdown(c->socket, SHUT_WR);
		c->is_closed = true;
		return;
	}
	c->order = take_work(p);
	c->at = c->order.first;
	c->is_busy = true;
	c->last = (struct worker_report){ .job = SIZE_MAX };
	send(c->socket, &c->order, sizeof(c->order), MSG_NOSIGNAL);
}

/* ---- processes ---- */

static void become_worker(const struct parent *p, unsigned index, int socket, int said, pid_t pid)
{
	struct worker_setup setup = {
		.plan = p->opts->plan,
		.settings = p->opts->settings,
		.index = index,
		.parent = pid,
		.socket = socket,
		.said = said,
	};

	for (unsigned i = 0; i < p->n; i++)
		if (p->children[i].pid)
			close(p->children[i].socket);
	run_worker(&setup);
}

static int start(struct parent *p, unsigned index)
{
	struct child *c = &p->children[index];
	int pair[2], said = memfd_create("verdict-said", MFD_CLOEXEC);
	pid_t self = getpid(), pid;

	if (said < 0)
		return -errno;
	fcntl(said, F_SETFL, O_APPEND);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		close(said);
		return -errno;
	}
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		become_worker(p, index, pair[1], said, self);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		close(said);
		return -errno;
	}
	*c = (struct child){ .pid = pid, .socket = pair[0], .said = said };
	return 0;
}

static unsigned alive(const struct parent *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++)
		n += p->children[i].pid != 0;
	return n;
}

/* Fewer than wanted are good enough. */
static int keep_started(struct parent *p)
{
	int ret = 0;

	for (unsigned i = 0; i < p->n && !ret && has_work(p); i++)
		if (!p->children[i].pid)
			ret = start(p, i);
	if (!ret || alive(p))
		return 0;
	return err_system(p->err, -ret, "cannot start a process for the next scenario");
}

/* ---- ends ---- */

static const char *how_it_ended(struct arena *a, int status)
{
	if (!WIFSIGNALED(status))
		return arena_printf(a, "ended by itself with %d", WEXITSTATUS(status));
	return arena_printf(a, "was killed by signal %d (%s)", WTERMSIG(status),
			    strsignal(WTERMSIG(status)));
}

static void fail_job(struct parent *p, const struct child *c, int status)
{
	const struct run_job *job = &p->opts->plan->jobs[job_of(p, c)];
	struct err *err = arena_new_of(p->arena, struct err);
	struct run_outcome *o;

	err_system(err, 0, "the process that ran %s (%s) %s", job->item->name,
		   engine_by_kind(job->kind)->name, how_it_ended(p->arena, status));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		err_hint(err, "nothing in verdict does that: `dmesg` says whether the machine ran "
			      "out of memory");
	o = run_job_failed(job, err);
	o->said = run_worker_said(o->arena, c->said);
	p->opts->done(p->opts->arg, job_of(p, c), o);
}

static void ended(struct parent *p, struct child *c)
{
	char *said;
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	close(c->socket);
	if (c->is_busy && !stop_signal()) {
		fail_job(p, c, status);
		put_back(p, c->order.group, c->at + 1);
	}
	said = run_worker_said(p->arena, c->said);
	if (said)
		fputs(said, stderr);
	close(c->said);
}

/* ---- reports ---- */

static void tell_progress(const struct parent *p)
{
	__cleanup_buf struct buf what = BUF_INIT;

	for (unsigned i = 0; i < p->n; i++) {
		const struct child *c = &p->children[i];
		const struct run_job *job = &p->opts->plan->jobs[c->is_busy ? job_of(p, c) : 0];

		if (!c->pid || !c->is_busy || c->last.job == SIZE_MAX)
			continue;
		buf_printf(&what, "%s%s (%s): step %u of %u, %llu packets", what.len ? "; " : "",
			   job->item->name, engine_by_kind(job->kind)->name, c->last.step,
			   c->last.steps, (unsigned long long)c->last.packets);
	}
	p->opts->progress(p->opts->arg, buf_str(&what));
}

static void take(struct parent *p, struct child *c, const struct worker_report *r)
{
	if (!r->is_done) {
		c->last = *r;
		tell_progress(p);
		return;
	}
	p->opts->done(p->opts->arg, r->job, r->outcome);
	c->at++;
	c->last.job = SIZE_MAX;
	c->is_busy = c->at < p->opts->plan->groups[c->order.group].n_jobs;
}

static void listen_to(struct parent *p, struct child *c)
{
	struct worker_report r;
	ssize_t n = recv(c->socket, &r, sizeof(r), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(r))
		take(p, c, &r);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		ended(p, c);
}

static void wait_for_reports(struct parent *p)
{
	struct pollfd fds[WORKERS_MAX];

	for (unsigned i = 0; i < p->n; i++)
		fds[i] = (struct pollfd){ p->children[i].pid ? p->children[i].socket : -1, POLLIN,
					  0 };
	if (poll(fds, p->n, -1) < 0)
		return;
	for (unsigned i = 0; i < p->n; i++)
		if (fds[i].revents)
			listen_to(p, &p->children[i]);
}

static int go_on(struct parent *p)
{
	int ret = keep_started(p);

	while (!ret && alive(p)) {
		for (unsigned i = 0; i < p->n; i++) {
			struct child *c = &p->children[i];

			if (c->pid && !c->is_busy && !c->is_closed)
				give_work(p, c);
		}
		wait_for_reports(p);
		ret = keep_started(p);
	}
	return ret;
}

int run_workers(const struct run_workers_opts *opts, struct err *err)
{
	struct parent *p;
	int ret = arena_shared_map(opts->n, err);

	if (ret)
		return ret;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_system(err, ENOMEM, "no memory for workers");
	p->opts = opts;
	p->n = opts->n;
	p->arena = arena_new();
	p->err = err;
	fflush(NULL);
	ret = go_on(p);
	arena_free(p->arena);
	free(p);
	return ret;
}
