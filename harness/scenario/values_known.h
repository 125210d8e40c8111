/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The Helm values that bear on verdicts: name, type, default. Of this room only. */
#ifndef VERDICT_SCENARIO_VALUES_KNOWN_H
#define VERDICT_SCENARIO_VALUES_KNOWN_H

#include "scenario/schema.h"

enum known_type {
	KNOWN_BOOL,
	KNOWN_WORD,
	KNOWN_TEXT,
	KNOWN_NUMBER,
	KNOWN_DURATION,
	KNOWN_DEVICES,
	KNOWN_CIDR,
	KNOWN_CIDRS, /* a list */
	KNOWN_RANGE, /* "30000,32767" */
	KNOWN_FLAGS, /* of TCP: "all", or names with commas or spaces between */
	KNOWN_VLANS, /* a list of at most VLAN_BYPASS_MAX numbers; 0 is every VLAN */
	KNOWN_SEED, /* of the Maglev hash */
	KNOWN_UNSET, /* whatever it says would change verdicts and is not supported */
};

struct known {
	const char *path;
	enum known_type type;
	const char *otherwise; /* Helm's default, or the agent's where Helm says nothing */
	const char *words[12]; /* KNOWN_WORD: what may stand there */
	const char *only; /* other values would change verdicts and are refused */
};

extern const struct known values_known[];
extern const size_t values_n_known;

const struct known *values_find_known(const char *path); /* NULL: not among them */
/* Input error where v cannot be what k says. */
int values_check_known(struct schema_ctx *ctx, const struct known *k, const struct value *v);

#endif
