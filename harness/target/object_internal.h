/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of an object's life share: object.c (open, load), object_maps.c (pinned maps),
 * object_log.c (what libbpf and the verifier said).
 */
#ifndef VERDICT_TARGET_OBJECT_INTERNAL_H
#define VERDICT_TARGET_OBJECT_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "target/interpose.h"
#include "target/maps.h"
#include "target/object.h"

/* A migration that is not finished: attached programs still write to `from`. */
struct migration {
	struct migration *next;
	const char *map; /* the object's name for it */
	struct map *from, *to;
	const char *pin; /* of `from`, until it is finished; NULL: none */
};

/* A program that the verifier takes only as shipped. */
struct refusal {
	const char *program, *why;
	bool asks_time;
};

struct object {
	struct arena *arena;
	struct object_opts opts; /* strings are the caller's; used until the programs are loaded */
	const char *path; /* ours */
	void (*log)(void *arg, const char *line);
	void *log_arg;
	struct elf_image *image;
	struct bpf_object *bpf;
	struct interposer *interposer; /* NULL: none */
	struct btf *maps_btf; /* a copy that the kernel has, for the maps made; NULL: none yet */
	struct migration *migrations;
	unsigned interposed;
	bool loaded;
	struct refusal *refusals; /* programs that run as shipped in spite of opts.env */
	size_t n_refusals;
	const char **pristine; /* what is said of them */
	const char *tail_dir, *tail_owner; /* whose prog arrays are pinned where; NULL: nowhere */
};

/* One logfmt line to opts->log; fmt is what stands behind `level=`. */
void object_log(const struct object *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* object.c: the image opened by libbpf, with nothing set. */
int object_open_image(const struct object *o, struct bpf_object **out, struct err *err);
/* Opened, its variables set, its maps in place. */
int object_open_configured(struct object *o, struct err *err);

/* object_config.c: sets what opts.config says; settings that the object does not have are none. */
int object_configure(struct object *o, struct err *err);
/* A whole number of at most four bytes, by name; 0: it has no such variable. */
uint32_t object_variable_u32(const struct object *o, const char *name);

/* object_interpose.c: opened so that its helper calls will be replaced, if opts.env is given. */
int object_open_interposed(struct object *o, struct err *err);
/* Loads it; programs that the verifier refuses with their calls replaced are loaded as shipped. */
int object_load_interposed(struct object *o, struct err *err);

/* Every map that is to be pinned exists afterwards, is pinned, and is the one the object will use. */
int object_maps_prepare(struct object *o, struct err *err);
void object_maps_free(struct object *o);

/* object_mismatch.c: types that the kernel makes without BTF for key and value, as libbpf's list has them. */
bool object_map_takes_no_btf(uint32_t type); /* enum bpf_map_type */
/* Appends what differs between a pinned map and an object's definition; nothing if it fits. */
void object_say_differences(struct buf *why, const struct map *was, const struct bpf_map *map,
			    const struct btf *btf);

/* object_migrate.c: a map that is replaced stays pinned as NAME_prevN until the programs that use it are
 * replaced as well. *path lives as long as the object.
 */
int object_pin_previous(struct object *o, const char *pin, int fd, const char **path,
			struct err *err);
/* Takes both maps over, to be finished by object_finish_migration(). */
void object_keep_migration(struct object *o, const char *map, struct map *from, struct map *to,
			   const char *pin);
/* Copies into the map fd what earlier starts, killed on the way, left pinned so, and keeps those
 * migrations; where maps that do not fit are recreated, just removes the pins.
 */
int object_adopt_previous(struct object *o, const char *map, const char *pin, int fd,
			  struct err *err);

/* Catches libbpf's messages between begin and end; one capture at a time. */
void libbpf_log_begin(struct buf *into);
void libbpf_log_end(void);
/* err from what libbpf said while a load failed: the program, the verifier's last lines and the
 * source line they stand at; or libbpf's last warnings.
 */
int err_from_load_log(struct err *err, int no, const char *path, const char *log);
/* The program that was refused, and the verifier's reason in one line; false if no program was. Memory
 * from a.
 */
bool refusal_from_load_log(const char *log, struct arena *a, const char **program,
			   const char **why);
/* The last warning in the log, without "libbpf: " and newline; "" if there is none. */
void last_warning(const char *log, struct buf *out);

#endif
