/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames sent so that all behind their Ethernet header lies in pages of the skb, not in its linear part:
 * net/packet/af_packet.c makes such skbs, of whatever size, of frames in a ring that it shares with the sender
 * (tpacket_fill_skb()).
 */
#ifndef VERDICT_ENGINE_PACKET_RING_H
#define VERDICT_ENGINE_PACKET_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct packet_ring;

/* On a packet socket that is bound; whatever it sends from then on goes by the ring. To be closed before it. */
int packet_ring_open(int fd, uint32_t mtu, struct packet_ring **out, struct err *err);
/* As send(). A frame longer than MTU, Ethernet header and a tag is EMSGSIZE. */
ssize_t packet_ring_send(struct packet_ring *r, const void *data, uint32_t len);
void packet_ring_close(struct packet_ring *r); /* NULL is fine */

#endif
