// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What an object's file says of the inner maps of its maps of maps. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <string.h>

#include "target/maps.h"
#include "target/object.h"

/* Types are numbered in the object's BTF as in the file's; 0: the kernel has none of it. */
static uint32_t btf_id_of(const struct object *o)
{
	struct bpf_btf_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_object__btf_fd(object_libbpf(o));

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

void map_set_inner_of(struct map *m, const struct object *o, const char *name)
{
	const struct elf_image *image = object_image(o);
	const struct elf_map *inner = NULL;

	for (size_t i = 0; i < image->n_maps; i++)
		if (strcmp(image->maps[i].name, name) == 0)
			inner = image->maps[i].inner;
	if (!inner)
		return;
	map_set_inner(m, &(struct map_shape){
				 .type = inner->type,
				 .key_size = inner->key_size,
				 .value_size = inner->value_size,
				 .max_entries = inner->max_entries,
				 .flags = inner->flags,
				 .btf_id = inner->key_type && inner->value_type ? btf_id_of(o) : 0,
				 .key_type = inner->key_type,
				 .value_type = inner->value_type,
			 });
}
