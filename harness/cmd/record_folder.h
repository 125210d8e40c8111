/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The folder that `verdict record` writes: made beside its place, complete when it gets there, or gone. */
#ifndef VERDICT_CMD_RECORD_FOLDER_H
#define VERDICT_CMD_RECORD_FOLDER_H

#include "base/arena.h"
#include "base/err.h"

struct record_folder {
	struct arena *arena;
	const char *path; /* where it is to be */
	const char *making; /* where it is until then; NULL: not begun, or done */
	const char **files; /* in it */
	size_t n_files;
};

/* The last part of a path. */
const char *record_base_name(const char *path);
/* Input error for a name that no scenario can have, and for a folder that is there and not empty. */
int record_folder_begin(struct record_folder *f, struct arena *a, const char *path,
			struct err *err);
/* Copies a file under that name, *out: the copy's path. Input error if there is such a file already. */
int record_folder_copy(struct record_folder *f, const char *from, const char *name,
		       const char **out, struct err *err);
/* A capture as capture.pcapng or capture.pcap, whichever it is; it may be a pipe. */
int record_folder_capture(struct record_folder *f, const char *from, const char **out,
			  struct err *err);
/* A text of ours, in the place of an earlier one of that name. */
int record_folder_write(struct record_folder *f, const char *name, const void *data, size_t size,
			const char **out, struct err *err);
/* To its place; under sudo it belongs to the person who called. */
int record_folder_finish(struct record_folder *f, struct err *err);
/* Removes what was not finished; nothing after that or before begin. */
void record_folder_abort(struct record_folder *f);

#endif
