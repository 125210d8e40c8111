/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether BTF can be trusted to hang together. */
#ifndef VERDICT_TARGET_BTF_CHECK_H
#define VERDICT_TARGET_BTF_CHECK_H

#include "base/err.h"

struct btf;

/* libbpf 1.1 follows type numbers without asking whether they exist, and dies of a damaged object.
 * Input error that names the type. path is for the message.
 */
int btf_check(const struct btf *btf, const char *path, struct err *err);

#endif
