/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reader of the perf ring. Records are taken from shared memory: no system call a packet. */
#include "target/events.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <unistd.h>

/* A power of two. 256 KiB a CPU hold about 1500 events with 128 captured bytes. */
#define RING_PAGES 64

struct event_ring {
	struct perf_buffer *pb;
	int map_fd;
	/* of the read under way */
	void (*fn)(void *arg, const void *record, uint32_t size);
	void *arg;
	uint64_t lost;
};

/* What the kernel writes for PERF_RECORD_SAMPLE with PERF_SAMPLE_RAW, and for PERF_RECORD_LOST
 * (include/uapi/linux/perf_event.h).
 */
struct sample {
	struct perf_event_header header;
	uint32_t size;
	uint8_t data[];
};

struct loss {
	struct perf_event_header header;
	uint64_t id, count;
};

static enum bpf_perf_event_ret take(void *ctx, int cpu, struct perf_event_header *header)
{
	struct event_ring *r = ctx;

	(void)cpu;
	if (header->type == PERF_RECORD_SAMPLE && r->fn)
		r->fn(r->arg, ((struct sample *)header)->data, ((struct sample *)header)->size);
	else if (header->type == PERF_RECORD_LOST)
		r->lost += ((struct loss *)header)->count;
	return LIBBPF_PERF_EVENT_CONT;
}

/* The kernel takes a slot out of the array when the descriptor by which it was set is closed: the
 * ring holds one of its own. A wakeup is an interrupt that the CPU sends itself, in a virtual machine
 * ten times the cost of the program: only who waits on the descriptor asks for it. Without, the
 * kernel wakes at every half ring.
 */
static int open_perf(struct event_ring *r, int map_fd, bool wake, struct err *err)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.wakeup_events = wake,
	};

	r->map_fd = dup(map_fd);
	if (r->map_fd < 0)
		return err_system(err, errno, "cannot keep the event map");
	r->pb = perf_buffer__new_raw(r->map_fd, RING_PAGES, &attr, take, r, NULL);
	if (!r->pb) {
		err_system(err, errno, "cannot open the perf ring of the event map");
		return err_hint(err,
				"it needs root or CAP_PERFMON, and a perf event array with one "
				"slot a CPU");
	}
	return 0;
}

int event_ring_open(int map_fd, bool wake, struct event_ring **out, struct err *err)
{
	struct event_ring *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return err_system(err, ENOMEM, "cannot read events");
	r->map_fd = -1;
	ret = open_perf(r, map_fd, wake, err);
	if (ret) {
		event_ring_close(r);
		return ret;
	}
	*out = r;
	return 0;
}

int event_ring_read(struct event_ring *r, void (*fn)(void *arg, const void *record, uint32_t size),
		    void *arg, uint64_t *lost, struct err *err)
{
	size_t n = perf_buffer__buffer_cnt(r->pb);
	int ret = 0;

	r->fn = fn;
	r->arg = arg;
	r->lost = 0;
	for (size_t i = 0; i < n && !ret; i++)
		ret = perf_buffer__consume_buffer(r->pb, i);
	r->fn = NULL;
	*lost += r->lost;
	return ret ? err_system(err, -ret, "cannot read the perf ring") : 0;
}

int event_ring_fd(const struct event_ring *r)
{
	return perf_buffer__epoll_fd(r->pb);
}

void event_ring_close(struct event_ring *r)
{
	if (!r)
		return;
	perf_buffer__free(r->pb);
	if (r->map_fd >= 0)
		close(r->map_fd);
	free(r);
}
