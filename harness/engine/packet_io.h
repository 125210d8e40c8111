/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames in and out of a device by AF_PACKET.
 *
 * Where a socket sits decides what it sees (net/core/dev.c, __netif_receive_skb_core): one bound to
 * all protocols is served before tc ingress, so it sees what arrived; one bound to one ethertype is
 * served after tc ingress, so it sees what was handed to the stack. A frame that is sent passes tc
 * egress like one of the stack's.
 */
#ifndef VERDICT_ENGINE_PACKET_IO_H
#define VERDICT_ENGINE_PACKET_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "packet/rewrite.h"

struct packet_io;

#define PACKET_IO_ARRIVALS 0 /* before tc ingress */

/* A socket on a device of the namespace ns_fd; the caller's thread is back in its own afterwards.
 * ethertype, host order: PACKET_IO_ARRIVALS, or the one whose deliveries to the stack are wanted.
 * Frames that this host sends are never seen.
 */
int packet_io_open(int ns_fd, const char *device, uint16_t ethertype, struct packet_io **out,
		   struct err *err);
/* 0: on its way. 1: dropped at tc egress (or by the device's queue); the kernel tells the sender.
 * Input error for a frame the device cannot carry (longer than MTU + 14, shorter than a
 * header).
 */
int packet_io_send(struct packet_io *io, const struct frame *f, struct err *err);
/* From now on what it sends lies in pages (engine/packet_ring.h). */
int packet_io_send_paged(struct packet_io *io, struct err *err);
/* 1: *out holds the next frame, bytes in the arena, a VLAN tag that the kernel took off put back.
 * 2: the same, of deliveries: a frame that the stack ignores (for another host, or of a VLAN without
 * a device). 0: none is there; never waits.
 */
int packet_io_recv(struct packet_io *io, struct arena *a, struct frame *out, struct err *err);
/* Throws away what is there. */
void packet_io_flush(struct packet_io *io);
int packet_io_fd(const struct packet_io *io);
uint16_t packet_io_ethertype(const struct packet_io *io);
void packet_io_close(struct packet_io *io); /* NULL is fine */

/* The ethertype a socket must be bound to so that it sees this frame's delivery: that behind VLAN
 * tags, ETH_P_802_2 where the field is a length. Host order; 0 if the frame is too short.
 */
uint16_t packet_io_delivered_as(const struct frame *f);

#endif
