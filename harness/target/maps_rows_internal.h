/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Inside target/maps_rows*.c only. */
#ifndef VERDICT_TARGET_MAPS_ROWS_INTERNAL_H
#define VERDICT_TARGET_MAPS_ROWS_INTERNAL_H

#include <stddef.h>

struct maps_row {
	size_t key, value; /* where they begin in the map's text */
};

#endif
