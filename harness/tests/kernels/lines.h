/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which lines of its source are left of a loaded program. A verifier removes what it takes for dead, and
 * Linux 6.1's is wrong about that at times: going back for what a branch relies on (__mark_chain_precision()
 * of its kernel/bpf/verifier.c) it takes a register of the called function for the caller's of that number,
 * and holds for equal what differs in the caller. The program loads, and drops every packet. So the lines
 * that one kernel keeps are held against those another keeps.
 */
#ifndef VERDICT_TESTS_KERNELS_LINES_H
#define VERDICT_TESTS_KERNELS_LINES_H

#include <stdbool.h>
#include <stdio.h>

struct bpf_object;

/* A row a program of the loaded object: "LABEL/PROGRAM", then its lines. False: the kernel does not tell them. */
bool lines_write(FILE *to, struct bpf_object *obj, const char *label);
/* Holds the loaded object against the rows written for it under the same label; rows are read in the order
 * they were written in, others are passed over. False: why says which line of which program is gone.
 */
bool lines_compare(FILE *from, struct bpf_object *obj, const char *label, char why[256]);

#endif
