/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* libbpf's program handlers: how interpose.c gets at programs while they are loaded. */
#include <bpf/libbpf.h>
#include <string.h>

#include "target/interpose_internal.h"

/* Types whose load needs nothing from libbpf's own hook but what the hook in interpose.c does: no attach
 * targets by BTF, no sleepable programs.
 */
static bool can_be_hooked(enum bpf_prog_type type)
{
	switch (type) {
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_SOCK_OPS:
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SK_SKB:
	case BPF_PROG_TYPE_SK_MSG:
	case BPF_PROG_TYPE_LWT_IN:
	case BPF_PROG_TYPE_LWT_OUT:
	case BPF_PROG_TYPE_LWT_XMIT:
	case BPF_PROG_TYPE_LWT_SEG6LOCAL:
		return true;
	default:
		return false;
	}
}

static int hook_section(struct interposer *ip, const struct elf_section *s, prepare_load_fn *fn,
			struct err *err)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)ip, .prog_prepare_load_fn = fn);
	int id = libbpf_register_prog_handler(s->name, (enum bpf_prog_type)s->prog_type,
					      (enum bpf_attach_type)s->attach_type, &opts);

	if (id < 0)
		return err_system(err, -id, "cannot hook the load of section %s", s->name);
	ip->handlers[ip->n_handlers++] = id;
	return 0;
}

/* libbpf 1.1 keeps a pointer to freed memory once the last handler is taken away (realloc to nothing,
 * mended in 1.2), and writes there at the next registration. One handler, for a section nobody
 * has, therefore stays for good.
 */
static int anchor_handlers(struct err *err)
{
	static bool anchored;
	int id;

	if (anchored)
		return 0;
	id = libbpf_register_prog_handler("verdict_anchor", BPF_PROG_TYPE_UNSPEC, 0, NULL);
	if (id < 0)
		return err_system(err, -id, "cannot hook the loading of programs");
	anchored = true;
	return 0;
}

int interpose_hook(struct interposer *ip, const struct elf_image *image, prepare_load_fn *fn,
		   struct err *err)
{
	int ret = anchor_handlers(err);

	ip->handlers = arena_alloc(ip->arena, (image->n_sections + 1) * sizeof(*ip->handlers));
	for (size_t i = 0; i < image->n_sections && !ret; i++)
		if (can_be_hooked((enum bpf_prog_type)image->sections[i].prog_type))
			ret = hook_section(ip, &image->sections[i], fn, err);
	return ret;
}

void interpose_done(struct interposer *ip)
{
	for (size_t i = 0; i < ip->n_handlers; i++)
		libbpf_unregister_prog_handler(ip->handlers[i]);
	ip->n_handlers = 0;
}
