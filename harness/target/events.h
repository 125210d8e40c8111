/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The datapath's events: read from the perf ring `cilium_events`, decoded, printed.
 *
 * Layouts are those of Cilium 1.19 (drop notify version 3, trace 2); older versions are read too.
 */
#ifndef VERDICT_TARGET_EVENTS_H
#define VERDICT_TARGET_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/words.h"

struct event {
	enum event_type type;
	uint8_t subtype; /* drop: reason (positive); trace: point; policy verdict: none */
	uint16_t source; /* endpoint id */
	uint32_t hash;
	/* drop, trace, policy verdict */
	uint32_t src_identity, dst_identity; /* policy verdict: src is the remote one for ingress */
	uint32_t dst_id; /* endpoint id */
	uint32_t ifindex;
	/* drop */
	uint16_t line;
	uint8_t file;
	int8_t ext_error;
	/* trace */
	uint8_t reason; /* CT state 0 to 3, 5 unknown; bit 7 (encrypted) taken off */
	bool encrypted;
	uint8_t orig_ip[16];
	bool ipv6;
	bool l3_device; /* data begins with the IP header, not with Ethernet */
	uint64_t ip_trace_id; /* drop and trace; 0 is none */
	/* policy verdict */
	uint32_t remote_identity;
	int32_t verdict; /* 0 allowed, > 0 proxy port, < 0 minus the drop reason */
	uint16_t dport; /* host order */
	uint8_t proto;
	uint8_t direction; /* 1 ingress, 2 egress */
	uint8_t match_type;
	bool audited;
	uint8_t auth_type; /* 0 disabled, 1 spire, 2 test-always-fail */
	/* debug */
	uint32_t args[3]; /* what they mean, the subtype says */
	/* captured bytes; point into the record that was decoded */
	const uint8_t *data;
	uint32_t caplen, len;
};

/* 0, or -EINVAL for a record too short or of unknown type (err says which bytes). */
int event_decode(const void *record, uint32_t size, struct event *out, struct err *err);

/* One line as `cilium monitor` prints it:
 * "xx drop (Policy denied) flow 0x0 to endpoint 0, ifindex 2, file bpf_host.c:123, , identity
 * kube-apiserver->host: 10.160.128.31:2379 -> 10.160.128.34:24824 tcp ACK"
 */
void event_print_monitor(struct buf *out, const struct event *e);

struct event_ring;

/* A reader of the perf event array behind map_fd, on every CPU. wake: each event makes
 * event_ring_fd() readable, which costs an interrupt; without, only reading finds events.
 */
int event_ring_open(int map_fd, bool wake, struct event_ring **out, struct err *err);
/* Calls fn for every record that is there, in the order of each CPU; never waits, makes no system
 * call. *lost is raised by what the kernel says was lost. Bytes are valid during the call only.
 */
int event_ring_read(struct event_ring *r, void (*fn)(void *arg, const void *record, uint32_t size),
		    void *arg, uint64_t *lost, struct err *err);
int event_ring_fd(const struct event_ring *r); /* an epoll fd, see event_ring_open() */
void event_ring_close(struct event_ring *r);

#endif
