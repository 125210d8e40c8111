/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The names Cilium's policy API gives to ICMP types; numbers: IANA, icmp-parameters. */
#ifndef VERDICT_SCENARIO_ICMP_TYPES_H
#define VERDICT_SCENARIO_ICMP_TYPES_H

#include <stdbool.h>
#include <stdint.h>

bool icmp_type_parse(uint8_t family, const char *name, uint8_t *type);

#endif
