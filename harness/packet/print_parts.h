/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What print.c and print_monitor.c share. */
#ifndef VERDICT_PACKET_PRINT_PARTS_H
#define VERDICT_PACKET_PRINT_PARTS_H

#include "base/buf.h"
#include "packet/parse.h"

void print_mac(struct buf *out, const uint8_t *p);
/* Ports are there to be printed. */
bool has_ports(const struct ip_layers *ip);
/* "10.0.0.1:80", "[fd00::1]:80", "10.0.0.1" where there are no ports. */
void print_endpoint(struct buf *out, const uint8_t *data, const struct ip_layers *ip, bool dst);

#endif
