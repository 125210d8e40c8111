/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the netns engine and the agent process of a node talk: messages over a SOCK_SEQPACKET pair.
 *
 *   agent to engine          engine to agent
 *   LOG     a log line
 *   READY   programs attached
 *   FAILED  why it did not start
 *   EVENTS  answer           DRAIN  send what the event ring holds
 *                            STOP   end in good order
 *
 * One DRAIN is answered by one or more EVENTS; the last one is marked and says how many events
 * the kernel lost. A closed socket means that the other side is gone.
 */
#ifndef VERDICT_ENGINE_AGENTCTL_H
#define VERDICT_ENGINE_AGENTCTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum agentctl_type {
	AGENTCTL_LOG = 1,
	AGENTCTL_READY,
	AGENTCTL_FAILED,
	AGENTCTL_EVENTS,
	AGENTCTL_DRAIN,
	AGENTCTL_STOP,
};

struct agentctl_msg {
	enum agentctl_type type;
	const uint8_t *data; /* in the buf given to agentctl_recv(); text is NUL-terminated */
	uint32_t len;
};

/* A pair of sockets, both close-on-exec: [0] for the engine, [1] for the agent. */
int agentctl_pair(int fds[2], struct err *err);
/* Text longer than a message can be is cut. */
int agentctl_send(int fd, enum agentctl_type type, const void *data, size_t len, struct err *err);
/* 1: a message. 0: none within timeout_ms (0: does not wait, -1: waits for ever). -EPIPE: the other side is
 * gone. Other errors, -EPROTO for bytes that are no message: err is set.
 */
int agentctl_recv(int fd, int timeout_ms, struct buf *into, struct agentctl_msg *msg,
		  struct err *err);

/* The error an agent failed with, whose kind and number travel too. */
int agentctl_send_failed(int fd, const struct err *why, struct err *err);
void agentctl_read_failed(const struct agentctl_msg *msg, struct err *why);

/* Collects records and sends them in as many messages as it takes. */
struct agentctl_events {
	int fd;
	struct buf records;
	int failed; /* negative errno of a send */
};

void agentctl_events_add(void *events, const void *record, uint32_t size);
int agentctl_events_end(struct agentctl_events *events, uint64_t lost, struct err *err);

/* Calls fn for each record of an EVENTS message; *last tells whether it was the last one, *lost is
 * raised. -EPROTO for a malformed message.
 */
int agentctl_read_events(const struct agentctl_msg *msg,
			 void (*fn)(void *arg, const void *record, uint32_t size), void *arg,
			 uint64_t *lost, bool *last, struct err *err);

#endif
