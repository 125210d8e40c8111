/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Time on the testrun engine: the scenario's, by the virtual clock; on a node of which a program that asks for
 * the time loads only as shipped it is the kernel's, and the maps are aged to follow.
 */
#include "base/log.h"
#include "engine/testrun_internal.h"
#include "target/agent.h"

int testrun_time_before_start(struct engine *e, unsigned node, uint64_t real, struct err *err)
{
	const struct node_state *n = &e->nodes[node];

	if (!e->sim.env || !n->real_time)
		return 0;
	return aging_real_to_clock(n->pin_dir, helper_env_clock(e->sim.env), real, err);
}

int testrun_time_after_loads(struct engine *e, unsigned node, uint64_t real, struct err *err)
{
	struct node_state *n = &e->nodes[node];
	bool was_real = n->real_time;

	n->real_time = !e->sim.env || agent_pristine(e->sim.nodes[node].agent);
	if (!n->real_time || (was_real && !e->sim.env))
		return 0;
	if (!was_real)
		aging_start(&n->aging, e->now_ns);
	if (!e->sim.env)
		return 0;
	log_warn("node %s: a program that asks for the time loads only as shipped: time is real "
		 "there, and the maps are aged to follow the scenario's",
		 e->opts.cluster->nodes[node].name);
	return aging_clock_to_real(n->pin_dir, helper_env_clock(e->sim.env), real, err);
}

int testrun_move_time(struct engine *e, uint64_t now_ns, struct err *err)
{
	int ret = 0;

	e->now_ns = now_ns;
	if (e->sim.env)
		helper_env_set_clock(e->sim.env, BOOT_NS + now_ns);
	for (size_t i = 0; i < e->sim.n_nodes && !ret; i++)
		if (e->nodes[i].real_time)
			ret = aging_catch_up(&e->nodes[i].aging, e->nodes[i].pin_dir, now_ns, err);
	return ret;
}
