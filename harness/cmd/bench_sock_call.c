/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/bench_sock_call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

const struct sock_row sock_rows[SOCK_ROWS] = {
	{ "socket: connects to a service", SOCK_CONNECT, false },
	{ "socket: connects to no service", SOCK_CONNECT, true },
	{ "socket: sends to a service", SOCK_SENDMSG, false },
	{ "socket: receives from a service", SOCK_RECVMSG, false },
	{ "socket: asks who its peer is", SOCK_GETPEERNAME, false },
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t address_of(int family, const char *text, uint16_t port, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (family) {
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(port);
		inet_pton(AF_INET6, text, &out->in6.sin6_addr);
		return sizeof(out->in6);
	}
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons(port);
	inet_pton(AF_INET, text, &out->in.sin_addr);
	return sizeof(out->in);
}

static bool is_service(int family, const union address *a)
{
	union address service;
	socklen_t len = address_of(family, sock_addresses[family][0], SOCK_SERVICE_PORT, &service);

	return memcmp(a, &service, len) == 0;
}

static int open_socket(int family, struct err *err)
{
	int fd = socket(family ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct timeval second = { .tv_sec = 1 };

	if (fd < 0)
		return err_system(err, errno, "a datagram socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	return fd;
}

int sock_open_backends(int fds[SOCK_FAMILIES], struct err *err)
{
	for (int family = 0; family < SOCK_FAMILIES; family++) {
		union address a;
		socklen_t len =
			address_of(family, sock_addresses[family][1], SOCK_BACKEND_PORT, &a);

		fds[family] = open_socket(family, err);
		if (fds[family] < 0)
			return -1;
		if (bind(fds[family], &a.any, len))
			return err_system(err, errno, "binding to %s", sock_addresses[family][1]);
	}
	return 0;
}

int sock_open_lane(struct sock_lane *l, struct err *err)
{
	for (int family = 0; family < SOCK_FAMILIES; family++) {
		l->connected[family] = open_socket(family, err);
		l->past[family] = open_socket(family, err);
		l->loose[family] = open_socket(family, err);
		if (l->connected[family] < 0 || l->past[family] < 0 || l->loose[family] < 0)
			return -1;
	}
	return 0;
}

static int say(int fd, const union address *to, socklen_t len, struct err *err)
{
	return sendto(fd, "x", 1, 0, &to->any, len) == 1 ? 0 : err_system(err, errno, "sendto");
}

static int hear(int fd, union address *from, struct err *err)
{
	socklen_t len = sizeof(*from);
	char byte;

	return recvfrom(fd, &byte, 1, 0, &from->any, &len) == 1
		       ? 0
		       : err_system(err, errno, "recvfrom");
}

/* Where a lane has no programs that translate, it goes to the backend itself. */
static socklen_t called(const struct sock_lane *l, const struct sock_row *row, int family,
			union address *out)
{
	bool past = row->past || !l->target;

	return address_of(family, sock_addresses[family][past],
			  past ? SOCK_BACKEND_PORT : SOCK_SERVICE_PORT, out);
}

/* What is known of a socket's peer is kept for its life: one for each. */
static int connected(const struct sock_lane *l, const struct sock_row *row, int family)
{
	return row->past ? l->past[family] : l->connected[family];
}

/* One call, with what it takes to make it: *peer is what it says of the other end. */
static int call_peer(const struct sock_lane *l, const struct sock_row *row, int family, int backend,
		     union address *peer, struct err *err)
{
	socklen_t len = called(l, row, family, peer), got = sizeof(*peer);
	int ret;

	if (row->call == SOCK_CONNECT)
		return connect(connected(l, row, family), &peer->any, len)
			       ? err_system(err, errno, "connect")
			       : 0;
	if (row->call == SOCK_GETPEERNAME)
		return getpeername(connected(l, row, family), &peer->any, &got)
			       ? err_system(err, errno, "getpeername")
			       : 0;
	ret = say(l->loose[family], peer, len, err);
	if (!ret)
		ret = hear(backend, peer, err);
	if (ret || row->call == SOCK_SENDMSG)
		return ret;
	ret = say(backend, peer, len, err);
	return ret ? ret : hear(l->loose[family], peer, err);
}

int sock_make_call(const struct sock_lane *l, const struct sock_row *row, int family, int backend,
		   struct err *err)
{
	union address peer;

	return call_peer(l, row, family, backend, &peer, err);
}

int sock_check_call(const struct sock_lane *l, const struct sock_row *row, int family, int backend,
		    struct err *err)
{
	union address peer, of;
	socklen_t len = sizeof(peer);
	int ret = call_peer(l, row, family, backend, &peer, err);

	if (ret)
		return ret;
	if (row->call == SOCK_SENDMSG)
		return 0; /* the backend has heard it */
	if (row->call == SOCK_CONNECT && getpeername(connected(l, row, family), &peer.any, &len))
		return err_system(err, errno, "getpeername");
	address_of(family, sock_addresses[family][1], SOCK_BACKEND_PORT, &of);
	if (row->past || (row->call == SOCK_CONNECT && l->progs[SOCK_GETPEERNAME][family] < 0)
		    ? !memcmp(&peer, &of, len)
		    : is_service(family, &peer))
		return 0;
	return err_system(err, 0, "%s: the socket's other end is not what it called", row->name);
}
