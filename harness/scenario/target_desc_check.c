/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What no table can see in a target file: names that nothing has, or that two things have. */
#include <errno.h>
#include <string.h>

#include "scenario/target_desc_parts.h"

static bool is_role(const struct target_desc *d, const char *name)
{
	for (size_t i = 0; i < d->n_hooks; i++)
		if (!strcmp(d->hooks[i].role, name))
			return true;
	return false;
}

static int unknown_role(const struct target_desc *d, const struct desc_device *dev, struct err *err)
{
	const char **roles = arena_alloc(d->arena, d->n_hooks * sizeof(*roles));
	const char *near;

	for (size_t i = 0; i < d->n_hooks; i++)
		roles[i] = d->hooks[i].role;
	near = nearest_name(dev->role, roles, d->n_hooks);
	if (near)
		return err_input(err, &dev->role_loc,
				 "no hooks for the role '%s'; did you mean '%s'?", dev->role, near);
	err_input(err, &dev->role_loc, "no hooks for the role '%s'", dev->role);
	return err_hint(err, "a role is a key of hooks: {%s: {ingress: OBJECT/PROGRAM}}",
			dev->role);
}

static int check_device(const struct target_desc *d, const struct desc_device *dev, struct err *err)
{
	for (const struct desc_device *other = d->devices; other < dev; other++) {
		if (!strcmp(other->name, dev->name))
			return err_input(err, &dev->loc,
					 "a second device '%s'; the first is in line %d", dev->name,
					 other->loc.line);
		if (other->ifindex == dev->ifindex)
			return err_input(err, &dev->loc,
					 "'%s' cannot have the ifindex %u: it is that of '%s'",
					 dev->name, dev->ifindex, other->name);
	}
	if (strcmp(dev->name, dev->role) != 0 && is_role(d, dev->name))
		return err_input(err, &dev->loc,
				 "a device cannot have the name of another role, '%s'", dev->name);
	return is_role(d, dev->role) ? 0 : unknown_role(d, dev, err);
}

static bool role_has_object(const struct target_desc *d, const char *role, const char *object)
{
	for (size_t i = 0; i < d->n_hooks; i++)
		if (!strcmp(d->hooks[i].role, role) && !strcmp(d->hooks[i].ref.object, object))
			return true;
	return false;
}

static int unknown_device(const struct target_desc *d, const struct desc_tail_call *t,
			  struct err *err)
{
	const char **names = arena_alloc(d->arena, d->n_devices * sizeof(*names));
	const char *near;

	for (size_t i = 0; i < d->n_devices; i++)
		names[i] = d->devices[i].name;
	near = nearest_name(t->device, names, d->n_devices);
	err_input(err, &t->loc, "the tail call is for the device '%s', which is none of 'devices'",
		  t->device);
	return near ? err_hint(err, "did you mean '%s'?", near) : -EINVAL;
}

static int check_tail_call(const struct target_desc *d, const struct desc_tail_call *t,
			   struct err *err)
{
	const struct desc_device *dev;

	for (const struct desc_tail_call *other = d->tail_calls; other < t; other++)
		if (other->index == t->index && !strcmp(other->map, t->map))
			return err_input(err, &t->loc,
					 "slot %u of %s is filled twice; the first time in line %d",
					 t->index, t->map, other->loc.line);
	if (!t->device)
		return 0;
	dev = target_desc_device(d, t->device);
	if (!dev)
		return unknown_device(d, t, err);
	if (role_has_object(d, dev->role, t->ref.object))
		return 0;
	return err_input(err, &t->ref.loc,
			 "%s is not loaded for the device '%s': no hook of its role '%s' names it",
			 t->ref.object, dev->name, dev->role);
}

int target_desc_check(const struct target_desc *d, struct err *err)
{
	struct loc whole = { d->path, 1, 1 };
	int ret = 0;

	if (!d->n_objects)
		return err_input(err, &whole,
				 "it names no object: neither 'hooks' nor "
				 "'objects: {files: ...}' does");
	for (size_t i = 0; i < d->n_devices && !ret; i++)
		ret = check_device(d, &d->devices[i], err);
	for (size_t i = 0; i < d->n_tail_calls && !ret; i++)
		ret = check_tail_call(d, &d->tail_calls[i], err);
	return ret;
}
