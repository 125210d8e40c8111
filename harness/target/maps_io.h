/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/ only: raw entries of a map, all of them; per-CPU values in their kernel form. */
#ifndef VERDICT_TARGET_MAPS_IO_H
#define VERDICT_TARGET_MAPS_IO_H

#include <stdbool.h>

#include "target/maps.h"

/* map_open_fd() without the BTF: for what is done to entries whatever they mean. */
int map_open_untyped(int fd, const char *name, struct map **out, struct err *err);
const char *map_type_name(uint32_t type); /* "lru_hash"; "type 99" has no name: "unknown" */
bool map_is_per_cpu(const struct map *m);
bool map_is_array(const struct map *m);
bool map_is_indexed(
	const struct map *m); /* arrays of any kind: the key is a __u32 below max_entries */
bool map_evicts(const struct map *m); /* LRU */
/* The bytes of a value in system calls: per-CPU ones are one after another, each padded to 8. */
size_t map_io_size(const struct map *m);
size_t map_cpus(const struct map *m); /* 1 unless per-CPU */
size_t map_stride(const struct map *m); /* from one CPU's value to the next */

/* Input error (-EOPNOTSUPP) for maps whose values are no plain data: prog arrays, map-in-map, rings. */
int map_check_plain(const struct map *m, const struct loc *at, struct err *err);

/* Says "map X: <what> {key}: errno". Returns -no. */
int map_fail(const struct map *m, const void *key, int no, const char *what, struct err *err);

/* Every entry as the kernel hands it out, in its order, perhaps a key twice if the map changes meanwhile.
 * by_key: without batches, as types and kernels need that have none. io has map_io_size() bytes.
 */
int map_each(struct map *m, bool by_key, void (*take)(void *arg, const void *key, const void *io),
	     void *arg, struct err *err);
/* Every entry, values in map_io_size() bytes, sorted by key, no key twice. */
int map_read_all(struct map *m, struct arena *a, bool by_key, struct map_item **items, size_t *n,
		 struct err *err);

/* One value out of what the kernel gives for each CPU, and the other way round: counters are
 * summed; written, they stand on the first CPU only, so that the sum is what was written. A bare
 * number is summed too, but written to all: a program that reads it as a setting finds it on its CPU.
 */
void map_fold_cpus(const struct map *m, const void *io, void *value);
bool map_value_is_number(const struct map *m); /* bare: no field has a name */
void map_spread_cpus(const struct map *m, const void *value, void *io);

#endif
