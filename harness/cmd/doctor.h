/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `verdict doctor` looks at. Internal to cmd/doctor*.c. */
#ifndef VERDICT_CMD_DOCTOR_H
#define VERDICT_CMD_DOCTOR_H

#include <stdbool.h>

#include "base/buf.h"

enum finding {
	FINDING_OK,
	FINDING_MISSING,
	FINDING_UNKNOWN, /* could not be checked, mostly for want of privilege */
};

struct check_up {
	const char *name;
	const char *use; /* what it is for */
	const char *loss; /* what does not work, or is skipped, without it */
	const char *fix; /* NULL for tools: the package is the fix */
	enum finding (*look)(struct buf *detail); /* NULL for tools: is it in PATH */
	const char *debian, *fedora; /* packages, tools only */
	bool optional; /* no engine needs it */
};

extern const struct check_up doctor_kernel[]; /* end with name == NULL */
extern const struct check_up doctor_tools[];

#endif
