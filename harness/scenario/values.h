/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* values.yaml with Cilium's Helm names. Keys that bear on verdicts are known here with their type
 * and Helm's default; all others are let through, as Helm does.
 */
#ifndef VERDICT_SCENARIO_VALUES_H
#define VERDICT_SCENARIO_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/value.h"
#include "scenario/manifest.h"

/* dir/values.yaml (may be missing) with overrides (may be NULL) laid over it as Helm does: maps are
 * merged, all else is replaced, null removes. Checks the known keys of both. In a scenario's own
 * overrides a key that nearly has a known name is an error: it would silently do nothing.
 */
int values_load(struct arena *a, const char *dir, const struct value *overrides,
		const struct value **out, struct err *err);

/* What a known key says, or its default. path is one of the table in values.c; v may be NULL. */
const char *values_get(const struct value *v, const char *path);
bool values_bool(const struct value *v, const char *path);
/* Whole seconds of a duration. */
unsigned values_seconds(const struct value *v, const char *path);
uint32_t values_number(const struct value *v, const char *path); /* 0 where nothing is said */
bool values_is(const struct value *v, const char *path, const char *word);
/* False: nothing is said. */
bool values_cidr(const struct value *v, const char *path, struct cidr *out);
/* A list of them; false: nothing is said. */
bool values_cidrs(struct arena *a, const struct value *v, const char *path, struct cidr **list,
		  size_t *n);

#define VLAN_BYPASS_MAX 5 /* agents refuse more */

struct vlan_bypass {
	bool all; /* 0 is among them */
	size_t n;
	uint16_t ids[VLAN_BYPASS_MAX]; /* behind n: 0 */
};

/* The list of VLANs at path; empty where nothing is said. */
void values_vlans(const struct value *v, const char *path, struct vlan_bypass *out);

struct value_range {
	uint16_t first, last;
};

/* "30000,32767", as nodePort.range. */
bool values_parse_range(const char *text, struct value_range *out);
/* "all", or names such as "syn,fin": the bits of TCP's header byte, as bpf.monitorFlags. */
bool values_parse_flags(const char *text, unsigned *out);
/* Twelve bytes in base64, as maglev.hashSeed. */
bool values_parse_seed(const char *text, uint8_t out[12]);

#endif
