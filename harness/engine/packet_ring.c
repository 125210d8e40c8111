// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A transmit ring of version 2: a frame a slot, filled in turn as the kernel takes them. */
#include "engine/packet_ring.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS	 16
#define TAG_LEN	 4
#define DATA_AT	 TPACKET_ALIGN(sizeof(struct tpacket2_hdr)) /* tpacket_parse_header() */
#define WAITS	 200
#define WAIT_NS	 1000000
#define PAGE_MIN 4096

struct packet_ring {
	int fd;
	uint8_t *slots;
	uint32_t slot_size, frame_max;
	unsigned next;
};

/* A power of two, and whole pages: one slot is one block then. */
static uint32_t slot_size(uint32_t frame)
{
	uint32_t size = PAGE_MIN;

	while (size < frame + DATA_AT)
		size *= 2;
	return size;
}

static int map_ring(struct packet_ring *r, struct err *err)
{
	struct tpacket_req req = {
		.tp_block_size = r->slot_size,
		.tp_block_nr = SLOTS,
		.tp_frame_size = r->slot_size,
		.tp_frame_nr = SLOTS,
	};
	int version = TPACKET_V2;

	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)) < 0)
		return err_system(err, errno, "cannot make a transmit ring");
	r->slots = mmap(NULL, (size_t)r->slot_size * SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED,
			r->fd, 0);
	if (r->slots != MAP_FAILED)
		return 0;
	r->slots = NULL;
	return err_system(err, errno, "cannot map a transmit ring");
}

int packet_ring_open(int fd, uint32_t mtu, struct packet_ring **out, struct err *err)
{
	struct packet_ring *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return err_system(err, ENOMEM, "a transmit ring");
	r->fd = fd;
	r->frame_max = mtu + ETH_HLEN + TAG_LEN;
	r->slot_size = slot_size(r->frame_max);
	ret = map_ring(r, err);
	if (ret) {
		packet_ring_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

/* The kernel gives a slot back when the skb is freed. */
static bool is_free(struct tpacket2_hdr *slot)
{
	static const struct timespec a_moment = { .tv_nsec = WAIT_NS };

	for (int i = 0; i < WAITS; i++) {
		if (__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) == TP_STATUS_AVAILABLE)
			return true;
		nanosleep(&a_moment, NULL);
	}
	return false;
}

ssize_t packet_ring_send(struct packet_ring *r, const void *data, uint32_t len)
{
	struct tpacket2_hdr *slot =
		(struct tpacket2_hdr *)(void *)(r->slots + (size_t)r->next * r->slot_size);

	if (len > r->frame_max) {
		errno = EMSGSIZE;
		return -1;
	}
	if (!is_free(slot)) {
		errno = ENOBUFS;
		return -1;
	}
	memcpy((uint8_t *)slot + DATA_AT, data, len);
	slot->tp_len = len;
	__atomic_store_n(&slot->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	r->next = (r->next + 1) % SLOTS;
	return send(r->fd, NULL, 0, 0);
}

void packet_ring_close(struct packet_ring *r)
{
	if (r && r->slots)
		munmap(r->slots, (size_t)r->slot_size * SLOTS);
	free(r);
}
