/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SHA-256 (FIPS 180-4): by which a report names the object it speaks of. */
#ifndef VERDICT_TARGET_SHA256_H
#define VERDICT_TARGET_SHA256_H

#include <stddef.h>

/* 64 lower-case hex digits and a NUL, as sha256sum prints them. */
void sha256_hex(const void *data, size_t size, char out[65]);

#endif
