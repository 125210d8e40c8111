/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The netns engine: the programs are attached to real devices, packets move by themselves, and what
 * became of one is concluded from where it shows up and from the programs' events.
 *
 * One packet is under way at a time. A node's packet enters by its own device, the world's by the
 * far end of the receiver's; it is seen when it leaves (far end of the sender's device) and when it
 * is handed to the receiver's stack.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/ns.h"
#include "engine/netns_attach.h"
#include "engine/netns_internal.h"
#include "engine/pins.h"
#include "engine/release.h"
#include "scenario/target_desc.h"
#include "target/agent.h"

#define ETH_P_IPV4 0x0800

static int start_agent(struct engine *e, struct node_state *n, const struct restart_step *how,
		       struct err *err)
{
	struct agent_proc_opts o = {
		.cluster = e->opts.cluster,
		.topo = n->topo,
		.target = e->opts.target ? e->opts.target->path : NULL,
		.objects = release_objects(e->arena, e->objects, how),
		.pin_dir = n->pin_dir,
		.how = how,
	};

	n->objects = o.objects;
	return agent_proc_start(&n->agent, &o, err);
}

static int open_sockets(struct engine *e, struct node_state *n, struct err *err)
{
	int ret = packet_io_open(e->opts.topology->fabric_fd, n->topo->fabric_device,
				 PACKET_IO_ARRIVALS, &n->far, err);

	n->stack = arena_grow(e->arena, n->stack, n->n_stack, sizeof(*n->stack));
	if (!ret)
		ret = packet_io_open(n->topo->ns_fd, n->topo->device, ETH_P_IPV4, &n->stack[0],
				     err);
	if (!ret)
		n->n_stack = 1;
	return ret ? err_wrap(err, "node %s", n->topo->name) : 0;
}

static int set_up(struct engine *e, struct err *err)
{
	int ret = release_base(e->arena, e->opts.objects, &e->objects, err);

	for (size_t i = 0; i < e->n_nodes && !ret; i++) {
		struct node_state *n = &e->nodes[i];

		n->topo = &e->opts.topology->nodes[i];
		n->pin_dir = pins_node_dir(e->arena, e->opts.pin_root, n->topo->name);
		ret = file_mkdir_p(n->pin_dir, err);
		if (!ret)
			ret = start_agent(e, n, NULL, err);
	}
	if (!ret) /* while the agents load */
		ret = topology_quiet(e->opts.topology, err);
	for (size_t i = 0; i < e->n_nodes && !ret; i++)
		ret = open_sockets(e, &e->nodes[i], err);
	for (size_t i = 0; i < e->n_nodes && !ret; i++)
		ret = agent_proc_ready(&e->nodes[i].agent, &e->log, err);
	for (size_t i = 0; i < e->n_nodes; i++)
		aging_start(&e->nodes[i].aging, 0);
	return ret;
}

/* Programs of the next run must not meet this run's on a device that is used again. */
static void detach(struct engine *e)
{
	struct err err = { 0 };
	__cleanup_fd int home = ns_current(&err);

	if (home < 0)
		return;
	for (size_t i = 0; i < e->n_nodes; i++) {
		const struct topo_node *n = e->nodes[i].topo;

		if (n && (ns_enter(n->ns_fd, &err) || netns_detach(n->ifindex, &err)))
			log_warn("node %s: %s", n->name, err.text);
	}
	if (ns_enter(home, &err))
		log_warn("%s", err.text);
}

static void netns_close(struct engine *e)
{
	struct err ignored;

	if (!e)
		return;
	for (size_t i = 0; i < e->n_nodes; i++) /* all die at once, then each is waited for */
		if (e->nodes[i].agent.pid)
			kill(e->nodes[i].agent.pid, SIGKILL);
	for (size_t i = 0; i < e->n_nodes; i++) {
		struct node_state *n = &e->nodes[i];

		agent_proc_stop(&n->agent, false, NULL, &ignored);
		packet_io_close(n->far);
		for (size_t j = 0; j < n->n_stack; j++)
			packet_io_close(n->stack[j]);
	}
	detach(e);
	arena_free(e->arena);
	free(e);
}

static int netns_open(const struct engine_opts *opts, const struct log_sink *log,
		      struct engine **out, struct err *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return err_system(err, ENOMEM, "the netns engine");
	e->arena = arena_new();
	e->opts = *opts;
	if (log)
		e->log = *log;
	e->n_nodes = opts->topology->n_nodes;
	e->nodes = arena_alloc(e->arena, e->n_nodes * sizeof(*e->nodes));
	for (size_t i = 0; i < e->n_nodes; i++)
		e->nodes[i].agent.fd = -1;
	ret = set_up(e, err);
	if (ret) {
		netns_close(e);
		return ret;
	}
	*out = e;
	return 0;
}

static int catch_up(struct engine *e, uint64_t now_ns, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < e->n_nodes && !ret; i++)
		ret = aging_catch_up(&e->nodes[i].aging, e->nodes[i].pin_dir, now_ns, err);
	return ret;
}

static int netns_inject(struct engine *e, const struct injection *in, struct arena *a,
			struct trace *trace, uint64_t *lost, struct err *err)
{
	int ret = catch_up(e, in->now_ns, err);

	trace->hops = NULL;
	trace->n_hops = 0;
	if (in->from < 0 && in->to < 0)
		return err_system(err, EINVAL, "a packet from the world to the world");
	return ret ? ret : netns_fly(e, in, a, trace, lost, err);
}

static int netns_restart(struct engine *e, unsigned node, const struct restart_step *how,
			 const struct log_sink *log, struct err *err)
{
	struct node_state *n = &e->nodes[node];
	int ret = agent_proc_stop(&n->agent, how->graceful, log, err);

	if (!ret)
		ret = start_agent(e, n, how, err);
	return ret ? ret : agent_proc_ready(&n->agent, log, err);
}

static int netns_advance(struct engine *e, uint64_t now_ns, struct err *err)
{
	return catch_up(e, now_ns, err);
}

static unsigned netns_interposed(const struct engine *e)
{
	(void)e;
	return 0;
}

static int add_loaded(const struct engine *e, const struct target_desc *target,
		      struct loaded_list *list, struct err *err)
{
	const char *name;
	int ret = 0;

	for (size_t i = 0; i < e->n_nodes; i++)
		for (size_t j = 0; !ret && (name = agent_object_name(target, "native", j)); j++)
			ret = loaded_add_file(list, file_join(e->arena, e->nodes[i].objects, name),
					      err);
	return ret;
}

/* The agents are other processes: what they did to the same files is found out once more. */
static int netns_loaded(const struct engine *e, struct loaded_list *list, struct err *err)
{
	struct target_desc *own = NULL;
	int ret = e->opts.target ? 0 : target_desc_load(AGENT_DEFAULT_TARGET, &own, err);

	if (!ret)
		ret = add_loaded(e, own ? own : e->opts.target, list, err);
	target_desc_free(own);
	return ret;
}

const struct engine_ops engine_netns = {
	.name = "netns",
	.kind = ENGINE_NETNS,
	.open = netns_open,
	.inject = netns_inject,
	.restart = netns_restart,
	.advance = netns_advance,
	.interposed = netns_interposed,
	.loaded = netns_loaded,
	.close = netns_close,
};
