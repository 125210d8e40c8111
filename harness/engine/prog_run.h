/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One packet through one program by BPF_PROG_TEST_RUN, whatever hook the program is for. */
#ifndef VERDICT_ENGINE_PROG_RUN_H
#define VERDICT_ENGINE_PROG_RUN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/words.h"

struct bpf_test_run_opts;

struct prog_run {
	int fd;
	enum hook hook;
	const uint8_t *data; /* an Ethernet frame */
	uint32_t len;
	uint32_t ifindex; /* of the caller's network namespace */
	uint32_t ingress_ifindex; /* of an skb; 0: made locally */
	uint32_t mark; /* of an skb */
	uint32_t cb[2]; /* the beginning of an skb's cb */
	uint32_t rx_queue; /* XDP */
	/* Of an skb of several segments: bytes of data in each, how many, and what all take on the wire; 0: one */
	uint32_t gso_size, gso_segs, wire_len;
	/* Of an skb: bytes in its linear part; 0: all. Not every kernel can. */
	uint32_t linear;
	/* Of an skb: its sum is known, as from a device that sums up all (CHECKSUM_COMPLETE). A program
	 * that leaves another one is -EBADMSG.
	 */
	bool is_summed;
	/* In place of bpf_prog_test_run_opts(), which it is like; a negative errno with err set is passed on.
	 * NULL: that itself.
	 */
	int (*test_run)(void *arg, int fd, struct bpf_test_run_opts *opts, struct err *err);
	void *test_run_arg;
	uint8_t *out; /* NULL: the bytes at exit are not wanted */
	uint32_t out_size;
	/* what came of it */
	int verdict;
	uint32_t out_len;
	uint32_t out_mark; /* of an skb; `mark` unless `out` is given */
	uint32_t
		metadata; /* XDP: bytes left before the packet for the programs behind; with `out` */
};

/* 1: the kernel does not run this packet, *why says it (static text). System error for all else. */
int prog_run(struct prog_run *r, const char **why, struct err *err);

#endif
