/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The virtual clock: one page shared between this process and every interposed program. */
#include "target/vclock.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct vclock {
	int fd;
	size_t size;
	uint64_t *ns;
};

static int vclock_map(struct vclock *c, struct err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	c->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "verdict_clock", sizeof(uint32_t),
			       sizeof(uint64_t), 1, &opts);
	if (c->fd < 0)
		return err_system(err, errno, "cannot create the map of the virtual clock");
	c->size = (size_t)sysconf(_SC_PAGESIZE);
	c->ns = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (c->ns == MAP_FAILED) {
		c->ns = NULL;
		return err_system(err, errno, "cannot map the virtual clock into memory");
	}
	return 0;
}

int vclock_new(struct vclock **out, struct err *err)
{
	struct vclock *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return err_system(err, ENOMEM, "cannot make a virtual clock");
	ret = vclock_map(c, err);
	if (ret) {
		vclock_free(c);
		return ret;
	}
	*out = c;
	return 0;
}

void vclock_set(struct vclock *c, uint64_t ns)
{
	__atomic_store_n(c->ns, ns, __ATOMIC_RELEASE);
}

uint64_t vclock_get(const struct vclock *c)
{
	return __atomic_load_n(c->ns, __ATOMIC_ACQUIRE);
}

int vclock_fd(const struct vclock *c)
{
	return c->fd;
}

void vclock_free(struct vclock *c)
{
	if (!c)
		return;
	if (c->ns)
		munmap(c->ns, c->size);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}
