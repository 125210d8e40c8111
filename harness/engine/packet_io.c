/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* AF_PACKET sockets that keep every byte of a frame. */
#include "engine/packet_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ns.h"
#include "engine/packet_ring.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define MAX_FRAME (65535 + ETH_HLEN + 4)
#define VLAN_LEN  4

struct packet_io {
	int fd;
	uint16_t ethertype;
	uint32_t mtu;
	struct packet_ring *ring; /* NULL: frames are sent as they are */
	char device[IFNAMSIZ];
	uint8_t data[MAX_FRAME + VLAN_LEN];
};

static int bind_device(struct packet_io *io, struct err *err)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct ifreq ifr = { 0 };
	int one = 1;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", io->device);
	if (ioctl(io->fd, SIOCGIFMTU, &ifr) < 0)
		return err_system(err, errno, "device %s", io->device);
	io->mtu = (uint32_t)ifr.ifr_mtu;
	if (ioctl(io->fd, SIOCGIFINDEX, &ifr) < 0)
		return err_system(err, errno, "device %s", io->device);
	if (setsockopt(io->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0 ||
	    setsockopt(io->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0)
		return err_system(err, errno, "cannot set up a packet socket on %s", io->device);
	to.sll_ifindex = ifr.ifr_ifindex;
	to.sll_protocol = htons(io->ethertype == PACKET_IO_ARRIVALS ? ETH_P_ALL : io->ethertype);
	if (bind(io->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return err_system(err, errno, "cannot bind a packet socket to %s", io->device);
	return 0;
}

static int open_inside(struct packet_io *io, int ns_fd, struct err *err)
{
	__cleanup_fd int home = ns_current(err);
	struct err back = { 0 };
	int ret = home < 0 ? home : ns_enter(ns_fd, err);

	if (ret)
		return ret;
	/* protocol 0: deaf until it is bound, so that no other device's frame gets in */
	io->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (io->fd < 0) {
		err_system(err, errno, "cannot open a packet socket");
		ret = err_hint(err,
			       "it needs root or CAP_NET_RAW, and CONFIG_PACKET in the kernel");
	} else {
		ret = bind_device(io, err);
	}
	if (ns_enter(home, &back) && !ret) {
		*err = back;
		ret = -back.no;
	}
	return ret;
}

int packet_io_open(int ns_fd, const char *device, uint16_t ethertype, struct packet_io **out,
		   struct err *err)
{
	struct packet_io *io = calloc(1, sizeof(*io));
	int ret;

	if (!io)
		return err_system(err, ENOMEM, "packet socket on %s", device);
	io->fd = -1;
	io->ethertype = ethertype;
	snprintf(io->device, sizeof(io->device), "%s", device);
	ret = open_inside(io, ns_fd, err);
	if (ret) {
		packet_io_close(io);
		return ret;
	}
	*out = io;
	return 0;
}

static int too_long(const struct packet_io *io, const struct frame *f, struct err *err)
{
	err_input(err, NULL, "a frame of %u bytes does not fit device %s, whose MTU is %u", f->len,
		  io->device, io->mtu);
	return err_hint(err,
			"such frames appear in captures made with TSO or GRO on; switch them off "
			"when capturing (ethtool -K DEV tso off gso off gro off), or raise `MTU` "
			"in the cluster's values.yaml");
}

int packet_io_send_paged(struct packet_io *io, struct err *err)
{
	int ret = io->ring ? 0 : packet_ring_open(io->fd, io->mtu, &io->ring, err);

	return ret ? err_wrap(err, "device %s", io->device) : 0;
}

int packet_io_send(struct packet_io *io, const struct frame *f, struct err *err)
{
	ssize_t n;

	if (f->len < ETH_HLEN)
		return err_input(err, NULL,
				 "a frame of %u bytes is shorter than an Ethernet header", f->len);
	/* the kernel would let 4 bytes more pass, for a VLAN tag, and drop them on the way */
	if (f->len > io->mtu + ETH_HLEN &&
	    !(f->len <= io->mtu + ETH_HLEN + VLAN_LEN && f->data[12] == 0x81 && f->data[13] == 0))
		return too_long(io, f, err);
	do {
		n = io->ring ? packet_ring_send(io->ring, f->data, f->len)
			     : send(io->fd, f->data, f->len, 0);
	} while (n < 0 && errno == EINTR);
	/* NET_XMIT_DROP comes back as ENOBUFS (net/packet/af_packet.c, net_xmit_errno) */
	if (n < 0 && errno == ENOBUFS)
		return 1;
	if (n < 0 && errno == EMSGSIZE)
		return too_long(io, f, err);
	if (n < 0)
		return err_system(err, errno, "cannot send %u bytes on %s", f->len, io->device);
	return 0;
}

static const struct tpacket_auxdata *auxdata(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			return (const struct tpacket_auxdata *)CMSG_DATA(c);
	return NULL;
}

/* The kernel keeps an outermost tag beside the packet; back to where it was on the wire. */
static uint32_t restore_tag(uint8_t *data, uint32_t len, const struct tpacket_auxdata *aux)
{
	uint16_t tpid, tci;

	if (!aux || !(aux->tp_status & TP_STATUS_VLAN_VALID) || len < 12)
		return len;
	tpid = htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q);
	tci = htons(aux->tp_vlan_tci);
	memmove(data + 12 + VLAN_LEN, data + 12, len - 12);
	memcpy(data + 12, &tpid, 2);
	memcpy(data + 14, &tci, 2);
	return len + VLAN_LEN;
}

/* Whether the stack takes a frame of this kind for its own (include/uapi/linux/if_packet.h). */
static bool for_this_host(uint8_t pkttype)
{
	return pkttype == PACKET_HOST || pkttype == PACKET_BROADCAST || pkttype == PACKET_MULTICAST;
}

/* As recvmsg(), with the sender's address and any tag restored. */
static ssize_t receive(struct packet_io *io, struct sockaddr_ll *from)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { io->data, MAX_FRAME };
	struct msghdr msg = { .msg_name = from,
			      .msg_namelen = sizeof(*from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;

	do {
		n = recvmsg(io->fd, &msg, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? n : (ssize_t)restore_tag(io->data, (uint32_t)n, auxdata(&msg));
}

int packet_io_recv(struct packet_io *io, struct arena *a, struct frame *out, struct err *err)
{
	for (;;) {
		struct sockaddr_ll from = { 0 };
		ssize_t n = receive(io, &from);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n < 0)
			return err_system(err, errno, "cannot receive on %s", io->device);
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		*out = (struct frame){ .data = arena_memdup(a, io->data, (size_t)n),
				       .len = (uint32_t)n,
				       .wire_len = (uint32_t)n };
		if (io->ethertype != PACKET_IO_ARRIVALS && !for_this_host(from.sll_pkttype))
			return 2;
		return 1;
	}
}

void packet_io_flush(struct packet_io *io)
{
	struct sockaddr_ll from;

	while (receive(io, &from) >= 0)
		;
}

int packet_io_fd(const struct packet_io *io)
{
	return io->fd;
}

uint16_t packet_io_ethertype(const struct packet_io *io)
{
	return io->ethertype;
}

void packet_io_close(struct packet_io *io)
{
	if (!io)
		return;
	packet_ring_close(io->ring);
	fd_cleanup(&io->fd);
	free(io);
}

/* Tags of VLAN 0 are taken off one by one, and that of another VLAN, the last to be looked at. */
uint16_t packet_io_delivered_as(const struct frame *f)
{
	bool last = false;

	for (uint32_t at = 12; at + 2 <= f->len; at += VLAN_LEN) {
		uint16_t type = (uint16_t)(f->data[at] << 8 | f->data[at + 1]);

		if (last || (type != ETH_P_8021Q && type != ETH_P_8021AD))
			return type >= ETH_P_802_3_MIN ? type : ETH_P_802_2;
		if (at + VLAN_LEN > f->len)
			return 0;
		last = (f->data[at + 2] & 0x0f) | f->data[at + 3];
	}
	return 0;
}
