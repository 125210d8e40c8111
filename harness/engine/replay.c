/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A replay's life, and its packets one by one. */
#include "engine/replay.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
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
	if (!r->opts.hook)
		return 0;
	if (!word_parse(&words_hook, r->opts.hook, &asked))
		return err_input(err, NULL, "there is no hook %s", r->opts.hook);
	if (asked == HOOK_TC_EGRESS && r->hook == HOOK_TC_INGRESS)
		r->hook = HOOK_TC_EGRESS;
	if (asked != (int)r->hook)
		return err_input(err, NULL, "%s is a program of type %s: it cannot be at hook %s",
				 p->name, type ? type : "unknown", r->opts.hook);
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

	if (!r->opts.hook || !word_parse(&words_hook, r->opts.hook, &hook))
		return err_input(err, NULL, "%s/%s is no hook that packets can be given to",
				 r->opts.role, r->opts.hook ? r->opts.hook : "");
	if (target_at(r->target, r->opts.role, (enum hook)hook, &r->program) == 0)
		return 0;
	err_input(err, NULL, "target %s has no program at %s/%s", r->desc->name, r->opts.role,
		  r->opts.hook);
	for (size_t i = 0; i < r->desc->n_hooks; i++)
		err_hint(err, "  %s/%s is %s/%s", r->desc->hooks[i].role, r->desc->hooks[i].name,
			 r->desc->hooks[i].ref.object, r->desc->hooks[i].ref.program);
	return -EINVAL;
}

static int find_program(struct replay *r, struct err *err)
{
	const struct replay_opts *o = &r->opts;
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

static const struct replay_device *entry_device(const struct replay *r)
{
	const struct replay_opts *o = &r->opts;

	for (size_t i = 0; i < r->desc->n_devices; i++) {
		const struct desc_device *d = &r->desc->devices[i];

		if (o->ifindex
			    ? d->ifindex == o->ifindex
			    : o->role && (!strcmp(d->name, o->role) || !strcmp(d->role, o->role)))
			return &r->devices[i];
	}
	return NULL;
}

/* Those of the target file, and one for the packets if it is none of them. */
static void plan_devices(struct replay *r)
{
	const struct target_desc *d = r->desc;
	uint32_t ifindex = r->opts.ifindex ? r->opts.ifindex : DEFAULT_IFINDEX;
	struct replay_device *own;

	r->devices = arena_alloc(r->arena, (d->n_devices + 1) * sizeof(*r->devices));
	for (size_t i = 0; i < d->n_devices; i++) {
		r->devices[i] = (struct replay_device){
			.name = d->devices[i].name,
			.ifindex = d->devices[i].ifindex,
			.has_mac = d->devices[i].has_mac,
			.mtu = d->devices[i].mtu,
		};
		memcpy(r->devices[i].mac, d->devices[i].mac, sizeof(r->devices[i].mac));
	}
	r->n_devices = d->n_devices;
	r->entry = entry_device(r);
	if (r->entry)
		return;
	own = &r->devices[r->n_devices++];
	own->name = ifindex == 1 ? "lo" : arena_printf(r->arena, "dev%u", ifindex);
	own->ifindex = ifindex;
	own->has_mac = r->opts.mac;
	if (r->opts.mac)
		memcpy(own->mac, r->opts.mac, sizeof(own->mac));
	r->entry = own;
}

static bool any_xdp(const struct replay *r)
{
	bool any = r->hook == HOOK_XDP;

	for (size_t i = 0; i < r->desc->n_hooks; i++)
		any |= r->desc->hooks[i].hook == HOOK_XDP;
	return any;
}

static int check_ifindex(const struct replay *r, struct err *err)
{
	if (r->hook == HOOK_XDP && r->entry->ifindex == 1)
		return err_input(err, NULL,
				 "lo (ifindex 1) has no receive queue that an XDP test run could "
				 "name: choose another ifindex");
	if (r->entry->ifindex >= 1000000000)
		return err_input(err, NULL, "ifindex %u is too large: less than 1000000000 works",
				 r->entry->ifindex);
	return 0;
}

/* ---- life ---- */

static int make_env(struct replay *r, struct err *err)
{
	int ret;

	if (r->opts.pristine || !r->desc->interpose)
		return 0;
	ret = helper_env_new(&r->env, err);
	if (ret)
		return ret;
	helper_env_seed(r->env, r->opts.seed);
	helper_env_set_clock(r->env, BOOT_NS);
	return 0;
}

static int set_up(struct replay *r, struct err *err)
{
	struct target_opts target = r->opts.target;
	int ret = sandbox_enter(err);

	if (!ret)
		ret = make_env(r, err);
	target.env = r->env;
	if (!ret)
		ret = target_open(&target, &r->target, err);
	if (!ret)
		ret = find_program(r, err);
	if (ret)
		return ret;
	plan_devices(r);
	ret = check_ifindex(r, err);
	if (!ret)
		ret = replay_net_open(r->devices, r->n_devices, any_xdp(r), r->opts.ip_batch,
				      &r->net, err);
	if (!ret)
		ret = replay_seed(r, err);
	if (!ret && !r->opts.verdicts_only)
		ret = replay_start_watches(r, err);
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
	for (size_t i = 0; i < r->n_watched; i++)
		maps_watch_free(r->watched[i].watch);
	target_close(r->target);
	replay_net_close(r->net);
	helper_env_free(r->env);
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
		.mark = r->opts.mark,
		.tunnel = r->opts.tunnel,
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
		.mark = r->opts.mark,
		.rx_queue = r->opts.rx_queue,
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
		helper_env_set_tunnel(r->env, r->opts.tunnel);
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

uint32_t replay_ifindex(const struct replay *r)
{
	return r->entry->ifindex;
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
