/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opens an object of the datapath by plain libbpf: settings as text, maps small and unpinned. Needs no
 * Criterion: the guests of kernels/ have none.
 */
#ifndef VERDICT_TESTS_DATAPATH_OPEN_H
#define VERDICT_TESTS_DATAPATH_OPEN_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING_PREFIX "__config_"

static inline uint8_t *datapath_settings(struct bpf_object *obj)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, ".rodata.config");
	size_t size;

	return m ? (uint8_t *)bpf_map__initial_value(m, &size) : NULL;
}

/* False: the object has no such setting. */
static inline bool datapath_set(struct bpf_object *obj, const char *name, uint64_t value)
{
	const struct btf *btf = bpf_object__btf(obj);
	int sec = btf__find_by_name_kind(btf, ".rodata.config", BTF_KIND_DATASEC);
	const struct btf_type *t = sec < 0 ? NULL : btf__type_by_id(btf, (uint32_t)sec);
	uint8_t *data = datapath_settings(obj);

	for (int i = 0; data && t && i < btf_vlen(t); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(t) + i;
		const char *var = btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);

		if (strncmp(var, SETTING_PREFIX, strlen(SETTING_PREFIX)) == 0 &&
		    strcmp(var + strlen(SETTING_PREFIX), name) == 0) {
			memcpy(data + v->offset, &value, v->size < 8 ? v->size : 8);
			return true;
		}
	}
	return false;
}

/* "enable_nodeport=1 lb_mode=1", numbers as in memory. False: why says which word is none. */
static inline bool datapath_configure(struct bpf_object *obj, const char *config, char why[128])
{
	char word[96], *value, *end;
	size_t len;

	for (; *(config += strspn(config, " ")); config += len) {
		len = strcspn(config, " ");
		snprintf(word, sizeof(word), "%.*s", (int)len, config);
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if (!value || !datapath_set(obj, word, strtoull(value, &end, 0)) || end == value ||
		    *end) {
			snprintf(why, 128, "no setting, or no number: %.*s", (int)len, config);
			return false;
		}
	}
	return true;
}

static inline void datapath_shrink(struct bpf_object *obj)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, obj)
	{
		enum bpf_map_type type = bpf_map__type(m);

		bpf_map__set_pin_path(m, NULL);
		if (type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
		    type == BPF_MAP_TYPE_LPM_TRIE || type == BPF_MAP_TYPE_PERCPU_HASH)
			bpf_map__set_max_entries(m, 64);
	}
}

/* NULL: why says it. */
static inline struct bpf_object *datapath_open(const char *path, const char *config, char why[128])
{
	struct bpf_object *obj = bpf_object__open(path);

	if (!obj) {
		snprintf(why, 128, "cannot be opened: %s", strerror(errno));
		return NULL;
	}
	datapath_shrink(obj);
	if (datapath_configure(obj, config, why))
		return obj;
	bpf_object__close(obj);
	return NULL;
}

#endif
