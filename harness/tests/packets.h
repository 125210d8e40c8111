/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets of packet_bytes.h as files, and what tshark says they are. */
#ifndef VERDICT_TESTS_PACKETS_H
#define VERDICT_TESTS_PACKETS_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/ns.h"
#include "packet_bytes.h"

static inline char *temp_path(char path[64], const char *suffix)
{
	snprintf(path, 64, "/tmp/verdict-test-%d-%s", (int)getpid(), suffix);
	return path;
}

static inline void write_bytes(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	cr_assert(f && (len == 0 || fwrite(data, len, 1, f) == 1));
	fclose(f);
}

/* Wireshark's programs are judges, not dependencies. */
static inline void need_tool(const char *name)
{
	if (!tool_exists(name))
		cr_skip_test("%s is not installed: nothing to compare with", name);
}

static inline void run_ok(const char *const argv[], struct buf *out)
{
	static struct err err;

	cr_assert_eq(run_tool(argv, -1, NULL, out, 60, &err), 0, "%s", err.text);
}

#endif
