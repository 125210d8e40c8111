/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where packets enter a replay: at which program, by which device. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "engine/replay_internal.h"

#define DEFAULT_IFINDEX 2

/* ---- programs ---- */

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

void replay_plan_devices(struct replay *r)
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

bool replay_any_xdp(const struct replay *r)
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
	return replay_net_add(r->net, (const struct replay_device *const *)&own, 1,
			      replay_any_xdp(r), err);
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
