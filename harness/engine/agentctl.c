/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Messages between the netns engine and its agents. */
#include "engine/agentctl.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* Well below the default send buffer (net.core.wmem_default, 212992), which bounds a message. */
#define MAX_MESSAGE 65536
#define MAX_PAYLOAD (MAX_MESSAGE - sizeof(uint32_t))

struct events_header {
	uint32_t last;
	uint32_t pad;
	uint64_t lost;
};

struct failed_header {
	uint32_t kind;
	uint32_t no;
};

int agentctl_pair(int fds[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_system(err, errno, "cannot make a socket pair for an agent");
	return 0;
}

static int send_parts(int fd, enum agentctl_type type, const void *head, size_t head_len,
		      const void *data, size_t len, struct err *err)
{
	uint32_t t = type;
	struct iovec iov[3] = { { &t, sizeof(t) },
				{ (void *)head, head_len },
				{ (void *)data, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	ssize_t n;

	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_system(err, errno, "cannot send on the control socket");
	return 0;
}

int agentctl_send(int fd, enum agentctl_type type, const void *data, size_t len, struct err *err)
{
	return send_parts(fd, type, NULL, 0, data, len < MAX_PAYLOAD ? len : MAX_PAYLOAD, err);
}

static int wait_readable(int fd, int timeout_ms, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&p, 1, timeout_ms);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_system(err, errno, "cannot wait on the control socket");
	return n;
}

int agentctl_recv(int fd, int timeout_ms, struct buf *into, struct agentctl_msg *msg,
		  struct err *err)
{
	char data[MAX_MESSAGE];
	int ret = wait_readable(fd, timeout_ms, err);
	uint32_t type;
	ssize_t n;

	if (ret <= 0)
		return ret;
	do {
		n = recv(fd, data, sizeof(data), MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return err_system(err, EPIPE, "the other side closed the control socket");
	if (n < 0)
		return err_system(err, errno, "cannot read the control socket");
	if ((size_t)n < sizeof(type) || (size_t)n > sizeof(data))
		return err_system(err, EPROTO, "control message of %zd bytes", n);
	memcpy(&type, data, sizeof(type));
	if (type < AGENTCTL_LOG || type > AGENTCTL_STOP)
		return err_system(err, EPROTO, "control message of type %u", type);
	buf_reset(into);
	buf_add(into, data + sizeof(type), (size_t)n - sizeof(type));
	*msg = (struct agentctl_msg){ .type = type,
				      .data = (const uint8_t *)buf_str(into),
				      .len = (uint32_t)into->len };
	return 1;
}

int agentctl_send_failed(int fd, const struct err *why, struct err *err)
{
	struct failed_header h = { .kind = why->kind, .no = (uint32_t)why->no };

	return send_parts(fd, AGENTCTL_FAILED, &h, sizeof(h), why->text, strlen(why->text), err);
}

void agentctl_read_failed(const struct agentctl_msg *msg, struct err *why)
{
	struct failed_header h;

	if (msg->len < sizeof(h)) {
		err_system(why, EPROTO, "the agent failed without saying why");
		return;
	}
	memcpy(&h, msg->data, sizeof(h));
	if (h.kind == ERR_INPUT)
		err_input(why, NULL, "%s", (const char *)msg->data + sizeof(h));
	else
		err_system(why, 0, "%s", (const char *)msg->data + sizeof(h));
	if (h.no)
		why->no = (int)h.no;
}

static int send_events(struct agentctl_events *e, bool last, uint64_t lost, struct err *err)
{
	struct events_header h = { .last = last, .lost = lost };
	int ret = send_parts(e->fd, AGENTCTL_EVENTS, &h, sizeof(h), buf_str(&e->records),
			     e->records.len, err);

	buf_reset(&e->records);
	return ret;
}

void agentctl_events_add(void *events, const void *record, uint32_t size)
{
	struct agentctl_events *e = events;
	size_t room = MAX_PAYLOAD - sizeof(struct events_header) - sizeof(size);

	if (e->failed)
		return;
	if (size > room) /* a perf record is at most 64 KiB, Cilium's are below 10 KiB */
		size = (uint32_t)room;
	if (e->records.len + size > room)
		e->failed = send_events(e, false, 0, NULL);
	buf_add(&e->records, &size, sizeof(size));
	buf_add(&e->records, record, size);
}

int agentctl_events_end(struct agentctl_events *e, uint64_t lost, struct err *err)
{
	if (e->failed)
		return err_system(err, -e->failed, "cannot send events");
	return send_events(e, true, lost, err);
}

int agentctl_read_events(const struct agentctl_msg *msg,
			 void (*fn)(void *arg, const void *record, uint32_t size), void *arg,
			 uint64_t *lost, bool *last, struct err *err)
{
	struct events_header h;
	uint32_t at = sizeof(h);

	if (msg->type != AGENTCTL_EVENTS || msg->len < sizeof(h))
		return err_system(err, EPROTO, "malformed events message");
	memcpy(&h, msg->data, sizeof(h));
	while (at < msg->len) {
		uint32_t size;

		if (msg->len - at < sizeof(size))
			return err_system(err, EPROTO, "malformed events message");
		memcpy(&size, msg->data + at, sizeof(size));
		at += sizeof(size);
		if (msg->len - at < size)
			return err_system(err, EPROTO, "malformed events message");
		fn(arg, msg->data + at, size);
		at += size;
	}
	*lost += h.lost;
	*last = h.last != 0;
	return 0;
}
