/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Markdown for a terminal of 80 columns. Internal to cmd/. */
#ifndef VERDICT_CMD_MARKDOWN_H
#define VERDICT_CMD_MARKDOWN_H

#include <stdio.h>

void markdown_print(FILE *f, const char *text);

#endif
