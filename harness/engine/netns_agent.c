/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs `verdict agent` for a node and talks to it. */
#include "engine/netns_agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "engine/agentctl.h"

#define READY_TIMEOUT_MS 60000 /* a large object under a slow verifier */
#define DRAIN_TIMEOUT_MS 10000
#define STOP_TIMEOUT_MS	 10000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The program that has the `agent` subcommand: this one, or for a test binary the one built beside;
 * NULL if there is none.
 */
static const char *agent_program(struct arena *a)
{
	const char *name = strrchr(file_self(), '/');
	const char *dir = file_dir(a, file_self());

	if (!name || strncmp(name, "/verdict", 8) == 0)
		return "/proc/self/exe";
	for (int up = 0; up < 3; up++) {
		const char *path = arena_printf(a, "%s/verdict", dir);

		if (access(path, X_OK) == 0)
			return path;
		dir = file_dir(a, dir);
	}
	return NULL;
}

static void print_scalar(struct buf *b, const struct value *v)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./-+";

	if (!v->quoted && *v->text && v->text[strspn(v->text, plain)] == '\0' &&
	    v->text[0] != '-') {
		buf_puts(b, v->text);
		return;
	}
	buf_putc(b, '"');
	for (const char *s = v->text; *s; s++) {
		if ((unsigned char)*s < 0x20)
			buf_printf(b, "\\x%02x", (unsigned char)*s);
		else if (*s == '"' || *s == '\\')
			buf_printf(b, "\\%c", *s);
		else
			buf_putc(b, *s);
	}
	buf_putc(b, '"');
}

/* YAML flow style that reads back as the same tree, whatever is in the strings. */
static void print_flow(struct buf *b, const struct value *v)
{
	if (v->kind == VALUE_NULL) {
		buf_puts(b, "null");
	} else if (v->kind == VALUE_SCALAR) {
		print_scalar(b, v);
	} else {
		buf_putc(b, v->kind == VALUE_MAP ? '{' : '[');
		for (size_t i = 0; i < v->n; i++) {
			if (i)
				buf_puts(b, ", ");
			if (v->kind == VALUE_MAP) {
				print_scalar(b, v->keys[i]);
				buf_puts(b, ": ");
			}
			print_flow(b, v->items[i]);
		}
		buf_putc(b, v->kind == VALUE_MAP ? '}' : ']');
	}
}

struct args {
	struct arena *a;
	const char **argv;
	size_t n;
};

static void add_arg(struct args *args, const char *text)
{
	args->argv = arena_grow(args->a, args->argv, args->n, sizeof(*args->argv));
	args->argv[args->n++] = text;
}

static void add_option(struct args *args, const char *name, const char *value)
{
	add_arg(args, name);
	add_arg(args, value);
}

static void add_start_options(struct args *args, const struct restart_step *how)
{
	if (how->gc == AGENT_GC_NO_ENDPOINT)
		add_option(args, "--agent", "cilium-1.11");
	if (how->on_map_mismatch == MAP_MISMATCH_RECREATE)
		add_option(args, "--on-map-mismatch", "recreate");
	for (size_t i = 0; i < how->n_maps; i++)
		add_option(
			args, "--map",
			arena_printf(args->a, "%s=%u", how->maps[i].map, how->maps[i].max_entries));
}

static void make_args(struct args *args, const char *program, const struct agent_proc_opts *o)
{
	const struct value *values = o->cluster->manifests.values;
	__cleanup_buf struct buf text = BUF_INIT;

	add_option(args, program, "agent");
	add_option(args, "--cluster", o->cluster->dir);
	if (values && values->kind == VALUE_MAP) {
		print_flow(&text, values);
		add_option(args, "--values-json", arena_strdup(args->a, buf_str(&text)));
	}
	add_option(args, "--node", o->topo->name);
	if (o->target)
		add_option(args, "--target", o->target);
	add_option(args, "--objects", o->objects);
	add_option(args, "--pin-dir", o->pin_dir);
	add_option(args, "--device", o->topo->device);
	add_option(args, "--control-fd", "3");
	if (o->how)
		add_start_options(args, o->how);
	add_arg(args, NULL);
}

int agent_proc_start(struct agent_proc *p, const struct agent_proc_opts *o, struct err *err)
{
	struct args args = { .a = arena_new() };
	const char *program = agent_program(args.a);
	int fds[2] = { -1, -1 }, ret;

	p->node = o->topo->name;
	if (!program)
		ret = err_system(err, ENOENT, "cannot find the program `verdict` beside this one");
	else
		ret = agentctl_pair(fds, err);
	if (!ret) {
		make_args(&args, program, o);
		p->pid = spawn(args.argv, o->topo->ns_fd, fds[1], err);
		close(fds[1]);
		p->fd = fds[0];
		ret = p->pid < 0 ? (int)p->pid : 0;
	}
	if (ret) {
		p->pid = 0;
		fd_cleanup(&p->fd);
	}
	arena_free(args.a);
	return ret;
}

static void take_log(const struct agent_proc *p, const struct agentctl_msg *m,
		     const struct log_sink *log)
{
	if (log && log->line)
		log->line(log->arg, p->node, (const char *)m->data);
}

static void reap(struct agent_proc *p, int *status)
{
	while (waitpid(p->pid, status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	fd_cleanup(&p->fd);
}

/* The control socket broke: the process is gone, or is no use any more. */
static int died(struct agent_proc *p, struct err *err)
{
	int status = 0;

	kill(p->pid, SIGKILL);
	reap(p, &status);
	if (WIFSIGNALED(status))
		return err_system(err, 0, "the agent of node %s ended by signal %d (%s)", p->node,
				  WTERMSIG(status), strsignal(WTERMSIG(status)));
	return err_system(err, 0, "the agent of node %s ended with exit code %d", p->node,
			  WEXITSTATUS(status));
}

/* The next message that is not a log line; err names the node. */
static int next_message(struct agent_proc *p, int timeout_ms, const char *doing,
			const struct log_sink *log, struct agentctl_msg *m, struct err *err)
{
	int64_t deadline = now_ms() + timeout_ms;

	for (;;) {
		int64_t left = deadline - now_ms();
		int ret = agentctl_recv(p->fd, left > 0 ? (int)left : 0, &p->message, m, err);

		if (ret == 0)
			return err_system(err, ETIMEDOUT, "the agent of node %s: %s took over %d s",
					  p->node, doing, timeout_ms / 1000);
		if (ret == -EPIPE)
			return died(p, err);
		if (ret < 0)
			return err_wrap(err, "the agent of node %s", p->node);
		if (m->type != AGENTCTL_LOG)
			return 0;
		take_log(p, m, log);
	}
}

int agent_proc_ready(struct agent_proc *p, const struct log_sink *log, struct err *err)
{
	struct agentctl_msg m;
	int ret = next_message(p, READY_TIMEOUT_MS, "start", log, &m, err);

	if (ret)
		return ret;
	if (m.type == AGENTCTL_READY)
		return 0;
	if (m.type == AGENTCTL_FAILED) {
		agentctl_read_failed(&m, err);
		return err_wrap(err, "node %s", p->node);
	}
	return err_system(err, EPROTO, "the agent of node %s sent message %d when it started",
			  p->node, m.type);
}

int agent_proc_ask(struct agent_proc *p, struct err *err)
{
	int ret;

	if (!p->pid)
		return err_system(err, ESRCH, "node %s has no agent", p->node);
	ret = agentctl_send(p->fd, AGENTCTL_DRAIN, NULL, 0, err);
	return ret == -EPIPE ? died(p, err) : ret;
}

int agent_proc_take(struct agent_proc *p, const struct log_sink *log,
		    void (*fn)(void *arg, const void *record, uint32_t size), void *arg,
		    uint64_t *lost, struct err *err)
{
	bool last = false;

	while (!last) {
		struct agentctl_msg m;
		int ret = next_message(p, DRAIN_TIMEOUT_MS, "reading events", log, &m, err);

		if (!ret && m.type == AGENTCTL_FAILED) {
			agentctl_read_failed(&m, err);
			return err_wrap(err, "node %s", p->node);
		}
		if (!ret)
			ret = agentctl_read_events(&m, fn, arg, lost, &last, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* Log lines until the socket is closed, which is when the process ends. */
static bool wait_end(struct agent_proc *p, const struct log_sink *log)
{
	int64_t deadline = now_ms() + STOP_TIMEOUT_MS;
	struct err ignored;

	for (;;) {
		int64_t left = deadline - now_ms();
		struct agentctl_msg m;
		int ret = agentctl_recv(p->fd, left > 0 ? (int)left : 0, &p->message, &m, &ignored);

		if (ret == 0)
			return false;
		if (ret < 0)
			return true;
		if (m.type == AGENTCTL_LOG)
			take_log(p, &m, log);
	}
}

int agent_proc_stop(struct agent_proc *p, bool graceful, const struct log_sink *log,
		    struct err *err)
{
	bool ended = true;
	int status = 0;

	if (p->pid) {
		if (graceful && kill(p->pid, SIGTERM) == 0)
			ended = wait_end(p, log);
		if (!graceful || !ended)
			kill(p->pid, SIGKILL);
		reap(p, &status);
	}
	buf_free(&p->message);
	if (!ended)
		return err_system(err, ETIMEDOUT,
				  "the agent of node %s did not end within %d s of SIGTERM",
				  p->node, STOP_TIMEOUT_MS / 1000);
	return 0;
}
