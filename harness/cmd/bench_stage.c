/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/bench_stage.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/ns.h"
#include "engine/pins.h"
#include "engine/prog_run.h"
#include "engine/testrun.h"
#include "packet/capture.h"
#include "packet/parse.h"

#define OUT_SIZE       (64 * 1024)
#define ETH_HEADER_LEN "14"

struct bench_stage {
	struct arena *arena;
	struct bench_stage_opts opts;
	struct cluster *cluster;
	struct engine *engine;
	const char *pin_root;
	uint8_t out[OUT_SIZE];
};

static int node_of(const struct bench_stage *s, const struct hop *hop)
{
	const struct cluster_node *n = cluster_node_by_name(s->cluster, hop->node);

	return n ? (int)n->index : -1;
}

static int find_place(struct bench_stage *s, const struct hop *hop, struct testrun_place *out,
		      struct err *err)
{
	int ret =
		testrun_at(s->engine, (unsigned)node_of(s, hop), hop->device, hop->hook, out, err);

	return ret == -ENOENT ? err_system(err, 0, "nothing sits at %s", hop->at) : ret;
}

bool bench_stage_is_tunnelled(const struct bench_hop *at)
{
	const struct hop *hop = at->hop;

	return hop->hook == HOOK_TC_INGRESS && strcmp(hop->program, "cil_from_overlay") == 0;
}

/* What a program on the way into the tunnel has set, as it comes out: from whom, in place of to whom. */
static bool tunnel_at(const struct bench_stage *s, const struct bench_hop *at,
		      struct tunnel_meta *out)
{
	const struct tunnel_meta *set = NULL;
	const char *sender = NULL;

	for (const struct hop *h = at->packet->hops; h < at->hop; h++) {
		if (!h->tunnel)
			continue;
		set = h->tunnel;
		sender = h->node;
	}
	if (!set || !bench_stage_is_tunnelled(at))
		return false;
	*out = *set;
	out->flags = 0;
	for (size_t i = 0; i < s->cluster->n_nodes; i++) {
		const struct cluster_node *n = &s->cluster->nodes[i];
		const uint8_t *ip = n->ips[0].bytes;

		if (!strcmp(n->name, sender) && n->ips[0].family == 4)
			out->remote_ip4 = (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 |
					  (uint32_t)ip[2] << 8 | ip[3];
	}
	return true;
}

/* ---- the state that the scenario's packets make ---- */

static int test_run(void *arg, int fd, struct bpf_test_run_opts *opts, struct err *err)
{
	return agent_test_run(arg, fd, opts, err);
}

static int run_hop(struct bench_stage *s, const struct bench_hop *at, struct err *err)
{
	const struct hop *hop = at->hop;
	struct tunnel_meta tunnel;
	struct testrun_place place;
	int ret = find_place(s, hop, &place, err);
	struct prog_run r = {
		.hook = hop->hook,
		.data = hop->in.data,
		.len = hop->in.len,
		.ifindex = hop->ifindex,
		.ingress_ifindex = hop->hook == HOOK_TC_INGRESS ? hop->ifindex : 0,
		.mark = hop->mark,
		.out = s->out,
		.out_size = OUT_SIZE,
		.test_run = test_run,
	};
	const char *why = NULL;

	if (ret)
		return ret;
	r.fd = place.program.fd;
	r.test_run_arg = place.agent;
	if (place.env) {
		helper_env_begin(place.env);
		helper_env_set_tunnel(place.env, tunnel_at(s, at, &tunnel) ? &tunnel : NULL);
	}
	ret = prog_run(&r, &why, err);
	if (ret > 0)
		return err_system(err, 0, "%s at %s was not run: %s", hop->program, hop->at, why);
	return ret ? ret : testrun_drop_events(s->engine, err);
}

static int run_step(struct bench_stage *s, const struct step_trace *step, struct err *err)
{
	int ret = 0;

	for (size_t p = 0; p < step->n_packets; p++)
		for (size_t h = 0; h < step->packets[p].n_hops && !ret; h++) {
			const struct bench_hop at = { .packet = &step->packets[p],
						      .hop = &step->packets[p].hops[h] };

			ret = run_hop(s, &at, err);
		}
	return ret;
}

static int make_state(struct bench_stage *s, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < s->opts.seen->n_steps && !ret; i++)
		ret = run_step(s, &s->opts.seen->steps[i], err);
	return ret;
}

static int load_cluster(struct bench_stage *s, struct err *err)
{
	const struct scenario *scenario = s->opts.scenario;
	int ret = cluster_load(scenario->cluster, scenario->values, &s->cluster, err);

	for (size_t i = 0; i < scenario->n_steps && !ret; i++)
		if (scenario->steps[i].kind == STEP_APPLY)
			ret = cluster_apply(s->cluster, scenario->steps[i].apply.path, err);
	return ret;
}

int bench_stage_open(const struct bench_stage_opts *opts, struct bench_stage **out, struct err *err)
{
	struct arena *a = arena_new();
	struct bench_stage *s = arena_new_of(a, struct bench_stage);
	struct engine_opts eo = { .target = opts->is_ours ? NULL : opts->target,
				  .objects = opts->objects,
				  .pristine = !opts->interposed,
				  .seed = opts->scenario->seed };
	struct log_sink silent = { NULL, NULL };
	static unsigned made;
	int ret;

	s->arena = a;
	s->opts = *opts;
	s->pin_root = arena_printf(a, SANDBOX_BPFFS "/stage-%u", made++);
	eo.pin_root = s->pin_root;
	ret = load_cluster(s, err);
	eo.cluster = s->cluster;
	if (!ret)
		ret = engine_testrun.open(&eo, &silent, &s->engine, err);
	if (!ret)
		ret = make_state(s, err);
	if (ret) {
		bench_stage_close(s);
		return ret;
	}
	*out = s;
	return 0;
}

void bench_stage_close(struct bench_stage *s)
{
	struct err ignored = { 0 };

	if (!s)
		return;
	engine_testrun.close(s->engine);
	pins_remove(s->pin_root, &ignored);
	cluster_free(s->cluster);
	arena_free(s->arena);
}

/* ---- lanes ---- */

/* Where the source port stands; 0: in no TCP right behind the packet's first IP header. */
static uint32_t sport_at(const struct frame *f)
{
	struct layers l;

	if (packet_parse(f->data, f->len, LINK_ETHERNET, &l) || l.ip.proto != IPPROTO_TCP ||
	    l.ip.l4 == NO_OFFSET)
		return 0;
	return (uint32_t)l.ip.l4;
}

int bench_stage_lane(struct bench_stage *s, const struct bench_hop *at, struct race_lane *lane,
		     struct err *err)
{
	const struct hop *hop = at->hop;
	struct tunnel_meta tunnel;
	struct testrun_place place;
	int ret = find_place(s, hop, &place, err);

	if (ret)
		return ret;
	if (hop->in.len > sizeof(lane->packet.data))
		return err_input(err, NULL, "a packet of %u bytes is too long to be timed",
				 hop->in.len);
	memcpy(lane->packet.data, hop->in.data, hop->in.len);
	lane->packet.len = hop->in.len;
	lane->packet.sport_at = sport_at(&hop->in);
	lane->run = (struct timed_run){ .fd = place.program.fd,
					.hook = hop->hook,
					.data = lane->packet.data,
					.len = lane->packet.len,
					.ifindex = hop->ifindex,
					.mark = hop->mark };
	lane->ns_fd = place.ns_fd;
	lane->events = agent_events(place.agent);
	lane->env = place.env;
	lane->fresh = at->begins_flow && lane->packet.sport_at;
	lane->port = 1024;
	lane->turns = RACE_TURNS_FEW;
	if (place.env)
		helper_env_set_tunnel(place.env, tunnel_at(s, at, &tunnel) ? &tunnel : NULL);
	testrun_leave(s->engine);
	return 0;
}

/* ---- figures ---- */

struct node_load {
	const struct bench_stage *stage;
	const struct agent *agent;
	const struct cluster_node *node;
};

static const struct elf_image *image_of(const struct agent *a, const char *object)
{
	const struct object *o;

	for (size_t i = 0; (o = agent_object(a, i)); i++)
		if (bench_is_image(object_image(o), object))
			return object_image(o);
	return NULL;
}

static bool sits_at(const struct target_desc *d, const char *object,
		    const struct cluster_device *dev)
{
	for (size_t i = 0; i < d->n_hooks; i++)
		if (!strcmp(d->hooks[i].role, dev->role) && !strcmp(d->hooks[i].ref.object, object))
			return true;
	return false;
}

/* Its devices differ in addresses alone: the first one stands for all. */
static const struct cluster_device *device_of(const struct node_load *l, const char *object)
{
	for (size_t i = 0; i < l->node->n_devices; i++)
		if (sits_at(l->stage->opts.target, object, &l->node->devices[i]))
			return &l->node->devices[i];
	return &l->node->devices[0];
}

static void add_settings(struct object_opts *opts, struct config_value *room,
			 const struct elf_image *image, const struct settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		bench_load_constant(opts, room, image, s->list[i].name, s->list[i].value);
}

static void add_values(struct object_opts *opts, struct config_value *room,
		       const struct elf_image *image, const struct config_value *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bench_load_constant(opts, room, image, list[i].name, list[i].value);
}

/* Constants as an agent's load has them; later ones go before earlier ones. */
static int node_options(const void *arg, struct arena *a, const char *object,
			struct object_opts *opts, struct err *err)
{
	const struct node_load *l = arg;
	const struct target_desc *d = l->stage->opts.target;
	const struct desc_object *own = target_desc_object(d, object);
	const struct elf_image *image = image_of(l->agent, object);
	const struct cluster_device *dev = device_of(l, object);
	struct config_value *room;

	(void)err;
	if (!image)
		return 0;
	room = arena_alloc(a, (image->n_variables + 1) * 5 * sizeof(*room));
	opts->path = image->path;
	add_settings(opts, room, image, &d->config);
	if (own)
		add_settings(opts, room, image, &own->config);
	add_values(opts, room, image, l->node->config, l->node->n_config);
	bench_load_constant(opts, room, image, "eth_header_length",
			    value_scalar(a, ETH_HEADER_LEN));
	add_values(opts, room, image, dev->config, dev->n_config);
	return 0;
}

static const char *object_of(const struct bench_stage *s, const struct hop *hop)
{
	const struct target_desc *d = s->opts.target;

	for (size_t i = 0; i < d->n_hooks; i++)
		if (!strcmp(d->hooks[i].ref.program, hop->program))
			return d->hooks[i].ref.object;
	return "";
}

int bench_stage_figures(struct bench_stage *s, const struct bench_hop *at, struct bench_figures *f,
			struct bench_way *way, struct err *err)
{
	struct node_load load = { .stage = s,
				  .node = cluster_node_by_name(s->cluster, at->hop->node) };
	struct bench_load how = { .options = node_options, .arg = &load };
	struct testrun_place place;
	int ret = find_place(s, at->hop, &place, err);

	if (ret)
		return ret;
	load.agent = place.agent;
	how.key = arena_printf(s->arena, "%s %s", s->opts.scenario->name, at->hop->node);
	return bench_figures_of_way(f, &how, object_of(s, at->hop), at->hop, way, err);
}
