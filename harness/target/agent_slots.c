/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Slots of endpoints: in arrays that all objects of the node share stand programs of one load each, by the
 * endpoint's id.
 *
 * While an endpoint's programs are not loaded, a small one stands there: it notes where the packet has come to
 * and ends the run. Where tail calls are traced it stays, and goes on to the real one in the same slot of a
 * shadow array.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "target/agent_internal.h"
#include "target/helper_env_layout.h"
#include "target/insns.h"

/* The only value of a map: written by a small program when it ends a run. */
struct stop_note {
	uint32_t is_stopped, map_id, index, pad;
};

uint32_t agent_program_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* ---- which there are ---- */

static const char *role_of_call(const struct agent *a, const struct desc_tail_call *t)
{
	const struct desc_device *dev = t->device ? target_desc_device(a->target, t->device) : NULL;

	if (t->device)
		return dev ? dev->role : NULL;
	return "host"; /* an endpoint whose programs are no device's own is the host */
}

static bool is_known(const struct agent *a, const struct agent_slot *s)
{
	for (size_t i = 0; i < a->n_slots; i++)
		if (a->slots[i].index == s->index && !strcmp(a->slots[i].map, s->map))
			return true;
	return false;
}

/* The number in the target file is that of its own example. */
static void add_slot(struct agent *a, const struct desc_tail_call *t,
		     const struct cluster_device *dev, const struct cluster_endpoint *ep)
{
	const struct agent_pin *pin = release_find_pin(a->now, t->map);
	const struct agent_file *f = release_find_file(a->now, t->ref.object);
	struct agent_slot s = { .map = t->map,
				.index = ep->id,
				.object = t->ref.object,
				.program = t->ref.program,
				.stub = -1 };

	if (!pin || !f || !file_has_program(f, t->ref.program) || is_known(a, &s))
		return;
	s.map_id = pin->id;
	s.device = arena_strdup(a->arena, dev->name);
	a->slots = arena_grow(a->arena, a->slots, a->n_slots, sizeof(s));
	a->slots[a->n_slots++] = s;
}

static void add_slots(struct agent *a, const struct desc_tail_call *t)
{
	const char *role = role_of_call(a, t);

	for (size_t i = 0; role && i < a->node->n_devices; i++) {
		const struct cluster_device *dev = &a->node->devices[i];
		const struct cluster_endpoint *ep = dev->endpoint;

		if (strcmp(dev->role, role) != 0)
			continue;
		if (!ep && a->node->n_endpoints && a->node->endpoints[0].is_host)
			ep = &a->node->endpoints[0];
		if (ep)
			add_slot(a, t, dev, ep);
	}
}

/* ---- the small programs ---- */

static int open_stop_note(struct agent *a, struct err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *at;

	if (a->stop_fd >= 0)
		return 0;
	a->stop_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "verdict_stop", sizeof(uint32_t),
				    sizeof(struct stop_note), 1, &opts);
	if (a->stop_fd < 0)
		return err_system(err, errno, "cannot make a map for packets that wait");
	at = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		  a->stop_fd, 0);
	if (at == MAP_FAILED)
		return err_system(err, errno, "cannot map the map for packets that wait");
	a->stopped = at;
	return 0;
}

static void write_stop(struct insns *c, const struct agent *a, const struct agent_slot *s)
{
	insn_map_value(c, BPF_REG_1, a->stop_fd, 0);
	insn_alu_imm(c, BPF_MOV, BPF_REG_2, (int32_t)s->map_id);
	insn_store(c, BPF_W, BPF_REG_1, offsetof(struct stop_note, map_id), BPF_REG_2);
	insn_store_imm(c, BPF_W, BPF_REG_1, offsetof(struct stop_note, index), (int32_t)s->index);
	insn_store_imm(c, BPF_W, BPF_REG_1, offsetof(struct stop_note, is_stopped), 1);
	insn_alu_imm(c, BPF_MOV, BPF_REG_0, TC_ACT_SHOT);
	insn_exit(c);
}

/* Empty while the real program is not loaded: then the call comes back. */
static void write_call(struct insns *c, const struct agent *a, const struct agent_slot *s,
		       int shadow)
{
	insn_mov(c, BPF_REG_6, BPF_REG_1);
	insn_alu_imm(c, BPF_MOV, BPF_REG_0, 0);
	helper_env_write_note(c, helper_env_fd(a->opts.env), NOTE_TAIL_CALL);
	insn_imm64(c, BPF_REG_2, s->map_id);
	insn_store(c, BPF_DW, BPF_REG_1, offsetof(struct env_note, map), BPF_REG_2);
	insn_alu_imm(c, BPF_MOV, BPF_REG_3, (int32_t)s->index);
	insn_store(c, BPF_W, BPF_REG_1, offsetof(struct env_note, key), BPF_REG_3);
	insn_mov(c, BPF_REG_1, BPF_REG_6);
	insn_map(c, BPF_REG_2, shadow);
	insn_call(c, BPF_FUNC_tail_call);
}

static int load_stub(const struct agent *a, const struct slot_array *array,
		     const struct agent_slot *s, const struct prog_variant *v)
{
	struct insns c = { .n = 0 };

	if (array->shadow >= 0)
		write_call(&c, a, s, array->shadow);
	write_stop(&c, a, s);
	return insns_load(&c, "verdict_slot", BPF_PROG_TYPE_SCHED_CLS, v);
}

static int put(int array, uint32_t index, int fd)
{
	return bpf_map_update_elem(array, &index, &fd, BPF_ANY) ? -errno : 0;
}

/* The first program in an array decides which kinds may stand there. */
static int make_stub(const struct agent *a, const struct slot_array *array, struct agent_slot *s)
{
	size_t n;
	const struct prog_variant *v = prog_variants(BPF_PROG_TYPE_SCHED_CLS, &n);
	int ret = -EOPNOTSUPP;

	for (size_t i = 0; i < n; i++) {
		int fd = load_stub(a, array, s, &v[i]);

		if (fd < 0)
			return fd;
		ret = put(array->fd, s->index, fd);
		if (!ret) {
			s->stub = fd;
			return 0;
		}
		close(fd);
		if (ret != -EINVAL)
			break;
	}
	return ret;
}

/* ---- arrays ---- */

static struct slot_array *find_array(const struct agent *a, const char *map)
{
	for (size_t i = 0; i < a->n_arrays; i++)
		if (!strcmp(a->arrays[i].map, map))
			return &a->arrays[i];
	return NULL;
}

static int add_array(struct agent *a, const char *map, struct err *err)
{
	const struct agent_pin *pin = release_find_pin(a->now, map);
	struct slot_array *array = find_array(a, map);
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (array && array->id == pin->id)
		return 0;
	if (!array) {
		a->arrays = arena_grow(a->arena, a->arrays, a->n_arrays, sizeof(*array));
		array = &a->arrays[a->n_arrays++];
		*array = (struct slot_array){ .map = map, .shadow = -1 };
	}
	array->fd = pin->fd;
	array->id = pin->id;
	if (!a->opts.trace_tail_calls || !a->opts.env || array->shadow >= 0)
		return 0;
	if (bpf_obj_get_info_by_fd(pin->fd, &info, &len))
		return err_system(err, errno, "map %s", map);
	array->shadow = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "verdict_shadow", sizeof(uint32_t),
				       sizeof(uint32_t), info.max_entries, NULL);
	if (array->shadow < 0)
		return err_system(err, errno, "cannot make a shadow of %s", map);
	return 0;
}

static struct agent_slot *same_slot(const struct agent *a, const struct agent_slot *old)
{
	for (size_t i = 0; i < a->n_slots; i++)
		if (a->slots[i].map_id == old->map_id && a->slots[i].index == old->index)
			return &a->slots[i];
	return NULL;
}

static void empty(const struct slot_array *array, uint32_t index)
{
	bpf_map_delete_elem(array->fd, &index);
	if (array->shadow >= 0)
		bpf_map_delete_elem(array->shadow, &index);
}

/* What stands in a slot stays; those of endpoints that are gone are emptied. */
static void take_over(struct agent *a, const struct agent_slot *old, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct slot_array *array = find_array(a, old[i].map);
		struct agent_slot *is = same_slot(a, &old[i]);

		if (is) {
			is->stub = old[i].stub;
			is->placed = old[i].placed;
			continue;
		}
		if (old[i].stub >= 0)
			close(old[i].stub);
		if (array)
			empty(array, old[i].index);
	}
}

int agent_make_slots(struct agent *a, struct err *err)
{
	struct agent_slot *old = a->slots;
	size_t n_old = a->n_slots;
	int ret = a->opts.on_demand ? open_stop_note(a, err) : 0;

	a->slots = NULL;
	a->n_slots = 0;
	for (size_t i = 0; i < a->target->n_tail_calls; i++)
		add_slots(a, &a->target->tail_calls[i]);
	for (size_t i = 0; i < a->n_slots && !ret; i++)
		ret = add_array(a, a->slots[i].map, err);
	take_over(a, old, n_old);
	return ret ? ret : agent_fill_slots(a, err);
}

/* ---- filling ---- */

static int fail(const struct agent_slot *s, int ret, struct err *err)
{
	return err_system(err, -ret, "cannot put %s of device %s into slot %u of %s", s->program,
			  s->device, s->index, s->map);
}

static int place(struct agent *a, struct agent_slot *s, int fd, struct err *err)
{
	const struct slot_array *array = find_array(a, s->map);
	bool traced = array->shadow >= 0 && s->stub >= 0;
	int ret = put(traced ? array->shadow : array->fd, s->index, fd);

	if (ret)
		return fail(s, ret, err);
	s->placed = agent_program_id(fd);
	return 0;
}

static int place_stub(struct agent *a, struct agent_slot *s, struct err *err)
{
	const struct slot_array *array = find_array(a, s->map);
	int ret;

	if (array->shadow >= 0)
		bpf_map_delete_elem(array->shadow, &s->index);
	ret = s->stub < 0 ? make_stub(a, array, s) : put(array->fd, s->index, s->stub);
	s->placed = 0;
	return ret ? fail(s, ret, err) : 0;
}

static int fill(struct agent *a, struct agent_slot *s, struct err *err)
{
	const struct agent_load *l = load_find(a, s->object, s->device);
	const struct slot_array *array = find_array(a, s->map);
	int fd = l ? object_program_fd(l->o, s->program, err) : -1, ret = 0;

	if (l && fd < 0)
		return fd;
	if (l && agent_program_id(fd) == s->placed)
		return 0;
	if (!l && s->placed)
		empty(array, s->index);
	if (a->opts.on_demand && (!l || array->shadow >= 0) && (s->stub < 0 || s->placed))
		ret = place_stub(a, s, err);
	if (!l)
		s->placed = 0;
	return ret || !l ? ret : place(a, s, fd, err);
}

int agent_fill_slots(struct agent *a, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < a->n_slots && !ret; i++)
		ret = fill(a, &a->slots[i], err);
	return ret;
}

static const struct cluster_device *device_of(const struct agent *a, const char *name)
{
	for (size_t i = 0; i < a->node->n_devices; i++)
		if (!strcmp(a->node->devices[i].name, name))
			return &a->node->devices[i];
	return NULL;
}

int agent_load_slot(struct agent *a, struct agent_slot *s, struct err *err)
{
	const struct agent_file *f = release_find_file(a->now, s->object);
	const struct cluster_device *dev = device_of(a, s->device);
	struct agent_load *l;
	int ret;

	if (!f || !dev)
		return err_system(err, ENOENT, "slot %u of %s has no device %s", s->index, s->map,
				  s->device);
	ret = agent_load_for(a, f, dev, &l, err);
	if (!ret) /* and the other slots of the same load */
		ret = agent_fill_slots(a, err);
	return ret ? ret : object_program_fd(l->o, s->program, err);
}

int agent_load_slots(struct agent *a, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < a->n_slots && ret >= 0; i++)
		if (!a->slots[i].placed)
			ret = agent_load_slot(a, &a->slots[i], err);
	return ret < 0 ? ret : 0;
}

struct agent_slot *agent_stopped_at(struct agent *a)
{
	if (!a->stopped || !a->stopped->is_stopped)
		return NULL;
	a->stopped->is_stopped = 0;
	for (size_t i = 0; i < a->n_slots; i++)
		if (a->slots[i].map_id == a->stopped->map_id &&
		    a->slots[i].index == a->stopped->index)
			return &a->slots[i];
	return NULL;
}

void agent_free_slots(struct agent *a)
{
	for (size_t i = 0; i < a->n_slots; i++)
		if (a->slots[i].stub >= 0)
			close(a->slots[i].stub);
	for (size_t i = 0; i < a->n_arrays; i++)
		fd_cleanup(&a->arrays[i].shadow);
	if (a->stopped)
		munmap((void *)a->stopped, (size_t)sysconf(_SC_PAGESIZE));
	fd_cleanup(&a->stop_fd);
}
