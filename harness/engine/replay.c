/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A replay's life, and its packets one by one. */
#include "engine/replay.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/ns.h"
#include "engine/prog_run.h"
#include "engine/replay_internal.h"

/* Programs see CLOCK_MONOTONIC; a machine that has just booted would make young timestamps special. */
#define BOOT_NS		(86400ULL * 1000000000ULL)
#define DEFAULT_IFINDEX 2

/* ---- where packets enter ---- */

static bool hook_of_type(const struct target_program *p, enum hook *hook)
{
	switch (p->type) {
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
		*hook = HOOK_TC_INGRESS;
		return true;
	case BPF_PROG_TYPE_XDP:
		*hook = HOOK_XDP;
		return true;
	case BPF_PROG_TYPE_CGROUP_SKB:
		*hook = p->attach_type == BPF_CGROUP_INET_EGRESS ? HOOK_CGROUP_EGRESS
								 : HOOK_CGROUP_INGRESS;
		return true;
	case BPF_PROG_TYPE_SOCKET_FILTER:
		*hook = HOOK_SOCKET_FILTER;
		return true;
	case BPF_PROG_TYPE_LWT_IN:
		*hook = HOOK_LWT_IN;
		return true;
	case BPF_PROG_TYPE_LWT_OUT:
		*hook = HOOK_LWT_OUT;
		return true;
	case BPF_PROG_TYPE_LWT_XMIT:
		*hook = HOOK_LWT_XMIT;
		return true;
	}
	return false;
}

/* The hook that was asked for may only say the direction, which a program's type leaves open. */
static int find_hook(struct replay *r, struct err *err)
{
	const struct target_program *p = &r->program;
	const char *type = libbpf_bpf_prog_type_str((enum bpf_prog_type)p->type);
	int asked;

	if (!hook_of_type(p, &r->hook))
		return err_input(err, NULL,
				 "%s is a program of type %s: BPF_PROG_TEST_RUN gives packets to "
				 "tc, XDP, cgroup_skb, socket filter and lwt programs only",
				 p->name, type ? type : "unknown");
	if (!r->place.hook)
		return 0;
	if (!word_parse(&words_hook, r->place.hook, &asked))
		return err_input(err, NULL, "there is no hook %s", r->place.hook);
	if (asked == HOOK_TC_EGRESS && r->hook == HOOK_TC_INGRESS)
		r->hook = HOOK_TC_EGRESS;
	if (asked != (int)r->hook)
		return err_input(err, NULL, "%s is a program of type %s: it cannot be at hook %s",
				 p->name, type ? type : "unknown", r->place.hook);
	return 0;
}

/* The object's only entry program. */
static int only_program(struct replay *r, struct err *err)
{
	const struct elf_program *found = NULL;
	const struct elf_image *image = NULL;
	size_t n = 0;

	for (size_t i = 0; i < target_n_images(r->target); i++) {
		image = target_image(r->target, i);
		for (size_t j = 0; j < image->n_programs; j++) {
			if (!image->programs[j].is_entry)
				continue;
			found = &image->programs[j];
			n++;
		}
	}
	if (n == 1)
		return target_program(r->target, NULL, found->name, NULL, &r->program, err);
	err_input(err, NULL,
		  n ? "%s has %zu programs: say which by --program" : "%s has no program",
		  r->desc->name, n);
	for (size_t i = 0; n && i < target_n_images(r->target); i++) {
		image = target_image(r->target, i);
		for (size_t j = 0; j < image->n_programs; j++)
			if (image->programs[j].is_entry)
				err_hint(err, "  %s", image->programs[j].name);
	}
	return -EINVAL;
}

static int program_at_hook(struct replay *r, struct err *err)
{
	int hook;

	if (!r->place.hook || !word_parse(&words_hook, r->place.hook, &hook))
		return err_input(err, NULL, "%s/%s is no hook that packets can be given to",
				 r->place.role, r->place.hook ? r->place.hook : "");
	if (target_at(r->target, r->place.role, (enum hook)hook, &r->program) == 0)
		return 0;
	err_input(err, NULL, "target %s has no program at %s/%s", r->desc->name, r->place.role,
		  r->place.hook);
	for (size_t i = 0; i < r->desc->n_hooks; i++)
		err_hint(err, "  %s/%s is %s/%s", r->desc->hooks[i].role, r->desc->hooks[i].name,
			 r->desc->hooks[i].ref.object, r->desc->hooks[i].ref.program);
	return -EINVAL;
}

static int find_program(struct replay *r, struct err *err)
{
	const struct replay_place *o = &r->place;
	int ret;

	if (o->role)
		ret = program_at_hook(r, err);
	else if (o->program)
		ret = target_program(r->target, o->object, o->program, NULL, &r->program, err);
	else
		ret = only_program(r, err);
	return ret ? ret : find_hook(r, err);
}

/* ---- devices ---- */

static struct replay_device *entry_device(const struct replay *r)
{
	const struct replay_place *o = &r->place;

	for (size_t i = 0; i < r->n_devices; i++) {
		const struct desc_device *d = i < r->desc->n_devices ? &r->desc->devices[i] : NULL;

		if (o->ifindex ? r->devices[i]->ifindex == o->ifindex
			       : d && o->role &&
					 (!strcmp(d->name, o->role) || !strcmp(d->role, o->role)))
			return r->devices[i];
	}
	return NULL;
}

static struct replay_device *add_device(struct replay *r)
{
	r->devices = arena_grow(r->arena, r->devices, r->n_devices, sizeof(struct replay_device *));
	r->devices[r->n_devices] = arena_new_of(r->arena, struct replay_device);
	return r->devices[r->n_devices++];
}

/* Those of the target file come first, in its order. */
static void plan_devices(struct replay *r)
{
	for (size_t i = 0; i < r->desc->n_devices; i++) {
		const struct desc_device *d = &r->desc->devices[i];
		struct replay_device *own = add_device(r);

		own->name = d->name;
		own->ifindex = d->ifindex;
		own->has_mac = d->has_mac;
		own->mtu = d->mtu;
		memcpy(own->mac, d->mac, sizeof(own->mac));
	}
}

static bool any_xdp(const struct replay *r)
{
	bool any = r->hook == HOOK_XDP;

	for (size_t i = 0; i < r->desc->n_hooks; i++)
		any |= r->desc->hooks[i].hook == HOOK_XDP;
	return any;
}

static int check_ifindex(const struct replay *r, uint32_t ifindex, struct err *err)
{
	if (r->hook == HOOK_XDP && ifindex == 1)
		return err_input(err, NULL,
				 "lo (ifindex 1) has no receive queue that an XDP test run could "
				 "name: choose another ifindex");
	if (ifindex >= REPLAY_NET_IFINDEX_MAX)
		return err_input(err, NULL, "ifindex %u is too large: less than %u works", ifindex,
				 REPLAY_NET_IFINDEX_MAX);
	return 0;
}

/* A device of the target file, or one more. */
static int enter_at_device(struct replay *r, struct err *err)
{
	uint32_t ifindex = r->place.ifindex ? r->place.ifindex : DEFAULT_IFINDEX;
	struct replay_device *own;
	int ret;

	r->entry = entry_device(r);
	ret = check_ifindex(r, r->entry ? r->entry->ifindex : ifindex, err);
	if (ret || r->entry)
		return ret;
	r->entry = replay_device_by_ifindex(r, ifindex);
	if (r->entry)
		return 0;
	own = add_device(r);
	own->name = ifindex == 1 ? "lo" : arena_printf(r->arena, "dev%u", ifindex);
	own->ifindex = ifindex;
	own->has_mac = r->place.mac;
	if (r->place.mac)
		memcpy(own->mac, r->place.mac, sizeof(own->mac));
	r->entry = own;
	return replay_net_add(r->net, (const struct replay_device *const *)&own, 1, any_xdp(r),
			      err);
}

int replay_at(struct replay *r, const struct replay_place *place, struct err *err)
{
	int ret;

	r->place = *place;
	ret = find_program(r, err);
	return ret ? ret : enter_at_device(r, err);
}

bool replay_device_mac(const struct capture_packet *first, const char *hook, uint8_t mac[6])
{
	static const uint8_t none[6];
	bool egress = hook && strcmp(hook, "egress") == 0;

	if (first->linktype != LINK_ETHERNET || first->caplen < 14)
		return false;
	memcpy(mac, first->data + (egress ? 6 : 0), 6);
	return !(mac[0] & 1) && memcmp(mac, none, 6) != 0;
}

/* ---- life ---- */

/* For as long as it lasts: what a program keeps per CPU stays in one place. */
static void stay_on_cpu(struct replay *r)
{
	int cpu = sched_getcpu();
	cpu_set_t one;

	CPU_ZERO(&one);
	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(r->cpus), &r->cpus))
		return;
	CPU_SET(cpu, &one);
	r->is_pinned = sched_setaffinity(0, sizeof(one), &one) == 0;
}

/* The environment is the target's: programs that are kept for a later replay go on using it. */
static void start_env(struct replay *r)
{
	r->env = target_env(r->target);
	if (!r->env)
		return;
	helper_env_seed(r->env, r->opts.seed);
	helper_env_set_clock(r->env, BOOT_NS);
}

static int set_up(struct replay *r, struct err *err)
{
	struct target_opts target = r->opts.target;
	int ret = sandbox_enter(err);

	target.interpose = !r->opts.pristine;
	if (!ret)
		ret = target_open(&target, &r->target, err);
	if (!ret)
		ret = replay_net_open(&r->net, err);
	if (ret)
		return ret;
	start_env(r);
	plan_devices(r);
	ret = replay_net_add(r->net, (const struct replay_device *const *)r->devices, r->n_devices,
			     any_xdp(r), err);
	if (!ret)
		ret = replay_at(r, &r->opts.place, err);
	if (!ret && r->opts.ip_batch)
		ret = replay_net_batch(r->opts.ip_batch, err);
	if (!ret)
		ret = replay_seed(r, err);
	if (!ret)
		ret = replay_trace_tails(r, err);
	if (!ret && !r->opts.verdicts_only && !r->opts.no_changes)
		ret = replay_start_watches(r, err);
	if (!ret)
		stay_on_cpu(r);
	return ret;
}

int replay_open(const struct replay_opts *opts, struct replay **out, struct err *err)
{
	struct arena *a = arena_new();
	struct replay *r = arena_new_of(a, struct replay);
	int ret;

	r->arena = a;
	r->scratch = arena_new();
	r->opts = *opts;
	r->desc = opts->target.desc;
	r->out = arena_alloc(a, REPLAY_OUT_SIZE);
	ret = set_up(r, err);
	if (ret) {
		replay_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	if (r->is_pinned)
		sched_setaffinity(0, sizeof(r->cpus), &r->cpus);
	for (size_t i = 0; i < r->n_watched; i++)
		maps_watch_free(r->watched[i].watch);
	replay_end_trace(r);
	target_close(r->target);
	replay_net_close(r->net);
	arena_free(r->scratch);
	arena_free(r->arena);
}

/* ---- packets ---- */

/* Time does not go back, though the packets of a capture may. */
static void move_clock(struct replay *r, uint64_t ts_ns)
{
	uint64_t now;

	if (!r->env)
		return;
	if (!r->has_first) {
		r->has_first = true;
		r->first_ts = ts_ns;
	}
	now = BOOT_NS + r->advanced + (ts_ns > r->first_ts ? ts_ns - r->first_ts : 0);
	if (now > helper_env_clock(r->env))
		helper_env_set_clock(r->env, now);
}

void replay_advance(struct replay *r, uint64_t ns)
{
	r->advanced += ns;
	if (r->env)
		helper_env_set_clock(r->env, helper_env_clock(r->env) + ns);
}

int replay_packet(struct replay *r, const struct capture_packet *p, struct arena *a,
		  struct trace *t, struct err *err)
{
	struct place at = {
		.program = r->program,
		.hook = r->hook,
		.device = r->entry,
		.mark = r->place.mark,
		.tunnel = r->place.tunnel,
	};
	const struct frame *in = &t->frame;
	int ret;

	arena_reset(r->scratch);
	memset(t, 0, sizeof(*t));
	t->number = p->number;
	t->ts_ns = p->ts_ns;
	if (frame_from_capture(a, p, &t->frame, err)) {
		t->outcome = OUTCOME_UNMODELLED;
		t->why = arena_strdup(a, err->text);
		err_clear(err);
		return 0;
	}
	t->captured = t->frame;
	t->truncated = t->frame.padded;
	move_clock(r, p->ts_ns);
	t->rel_ns = p->ts_ns > r->first_ts ? p->ts_ns - r->first_ts : 0;
	do {
		uint32_t mark;

		ret = replay_hop(r, &at, in, a, t, &mark, err);
		in = &t->hops[t->n_hops - 1].out;
		at.mark = mark;
	} while (!ret && replay_next(r, t, a, &at));
	return ret < 0 ? ret : 0;
}

int replay_verdict(struct replay *r, const struct capture_packet *p, int *verdict, const char **why,
		   struct err *err)
{
	struct prog_run run = {
		.fd = r->program.fd,
		.hook = r->hook,
		.data = p->data,
		.len = p->caplen,
		.ifindex = r->entry->ifindex,
		.ingress_ifindex = r->hook == HOOK_TC_INGRESS ? r->entry->ifindex : 0,
		.mark = r->place.mark,
		.rx_queue = r->place.rx_queue,
	};
	struct frame frame;
	int ret;

	if (p->linktype != LINK_ETHERNET || p->caplen < p->len) {
		arena_reset(r->scratch);
		if (frame_from_capture(r->scratch, p, &frame, err)) {
			err_clear(err);
			*why = "the packet cannot be an Ethernet frame";
			return 1;
		}
		run.data = frame.data;
		run.len = frame.len;
	}
	move_clock(r, p->ts_ns);
	if (r->env) {
		helper_env_begin(r->env);
		helper_env_set_tunnel(r->env, r->place.tunnel);
	}
	ret = prog_run(&run, why, err);
	if (ret < 0)
		return err_wrap(err, "%s", r->program.name);
	*verdict = run.verdict;
	return ret;
}

enum hook replay_hook(const struct replay *r)
{
	return r->hook;
}

const struct replay_device *replay_device(const struct replay *r)
{
	return r->entry;
}

const struct target *replay_target(const struct replay *r)
{
	return r->target;
}

const struct target_program *replay_program(const struct replay *r)
{
	return &r->program;
}

const struct replay_seeded *replay_seeded(const struct replay *r)
{
	return &r->seeded;
}
