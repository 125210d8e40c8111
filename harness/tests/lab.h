/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A node for programs of the datapath: devices, routes, settings and map entries as a test writes them, and
 * programs that are the objects of bpf/ or made on the spot of its headers. Every packet that comes out has
 * its checksums computed again; at tc the kernel has summed it up before (CHECKSUM_COMPLETE), and tells if
 * that sum is wrong afterwards.
 */
#ifndef VERDICT_TESTS_LAB_H
#define VERDICT_TESTS_LAB_H

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <sys/utsname.h>

#include "bpf_source.h"
#include "engine/replay.h"
#include "files.h"
#include "packet/bytes.h"
#include "packet/csum.h"
#include "packets.h"
#include "scenario/yaml.h"
#include "together.h"

enum { SYN = 2, ACK = 16 };

struct lab {
	struct arena *arena;
	struct replay *replay;
	struct target_desc *desc;
	struct err err;
	uint32_t sent;
	struct pkt packet; /* the last one, as sent */
	const char *last; /* what it was, for messages */
	struct trace trace;
};

struct lab_opts {
	const char *
		target; /* a target file's text; its objects are lab_compile()'s or those of bpf/ */
	const char *maps; /* entries; NULL */
	const char *routes; /* for `ip -batch`; NULL */
	const char *role, *hook; /* any that the target has */
	bool unsummed; /* packets come without skb->csum; else each tc program has to keep it right */
};

/* The same source was compiled under that name before. */
static inline bool lab_is_compiled(const char *object, const char *from, const char *source)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	char *was = NULL;
	size_t size = 0;
	bool is = access(object, F_OK) == 0 && file_read(a, from, &was, &size, &err) == 0 &&
		  size == strlen(source) && memcmp(was, source, size) == 0;

	arena_free(a);
	return is;
}

/* NAME.o beside the target file, of a source that may include <lib/...>. */
static inline void lab_compile(struct arena *a, const char *name, const char *source)
{
	const char *dir = test_dir(a), *root = files_source_root();
	const char *from = arena_printf(a, "%s/%s.c", dir, name);
	const char *to = arena_printf(a, "%s/%s.o", dir, name);
	struct utsname host;
	struct err err = { 0 };

	if (lab_is_compiled(to, from, source))
		return;
	uname(&host);
	const char *argv[] = {
		"clang",    "-std=gnu11",
		"-O2",	    "-g",
		"-target",  "bpf",
		"-mcpu=v3", "-Wall",
		"-Wextra",  "-Werror",
		"-I",	    arena_printf(a, "%s/bpf", root),
		"-I",	    arena_printf(a, "/usr/include/%s-linux-gnu", host.machine),
		"-c",	    "-o",
		to,	    from,
		NULL
	};

	cr_assert_eq(file_write(from, source, strlen(source), &err), 0, "%s", err.text);
	cr_assert_eq(run_tool(argv, -1, NULL, NULL, 60, &err), 0, "%s", err.text);
}

static inline const char *lab_file(struct arena *a, const char *name, const char *text)
{
	const char *path = arena_printf(a, "%s/%s", test_dir(a), name);
	struct err err = { 0 };

	cr_assert_eq(file_write(path, text, strlen(text), &err), 0, "%s", err.text);
	return path;
}

/* A slot an endpoint, of which labs have a few: every one of the 65535 is looked into at each opening. */
static inline void lab_shrink_calls(struct lab *l)
{
	static const char *const arrays[] = { "cilium_call_policy", "cilium_egresscall_policy" };
	struct target_desc *d = l->desc;
	struct desc_map *maps = arena_alloc(l->arena, (d->n_maps + 2) * sizeof(*maps));

	if (d->n_maps)
		memcpy(maps, d->maps, d->n_maps * sizeof(*maps));
	for (size_t i = 0; i < 2; i++)
		maps[d->n_maps++] = (struct desc_map){ .name = arrays[i],
						       .max_entries = 1024,
						       .may_lack = true };
	d->maps = maps;
}

/* In the sandbox (NEEDS_ROOT()). */
static inline struct lab *lab_open(struct arena *a, struct lab_opts o)
{
	struct lab *l = arena_new_of(a, struct lab);
	const char **maps = arena_alloc(a, sizeof(*maps));
	struct replay_opts opts = { .place = { .role = o.role, .hook = o.hook },
				    .seed = 1,
				    .summed = !o.unsummed,
				    .no_changes = true };

	l->arena = a;
	if (o.maps) {
		maps[0] = lab_file(a, "maps.yaml", o.maps);
		opts.maps = maps;
		opts.n_maps = 1;
	}
	if (o.routes)
		opts.ip_batch = lab_file(a, "routes", o.routes);
	cr_assert_eq(target_desc_load(lab_file(a, "lab.yaml", o.target), &l->desc, &l->err), 0,
		     "%s", l->err.text);
	lab_shrink_calls(l);
	opts.target.desc = l->desc;
	opts.target.hooks_only = true;
	cr_assert_eq(replay_open(&opts, &l->replay, &l->err), 0, "%s", l->err.text);
	return l;
}

static inline void lab_close(struct lab *l)
{
	replay_close(l->replay);
	target_desc_free(l->desc);
	arena_free(l->arena);
}

static inline const struct hop *lab_hop(const struct lab *l)
{
	return &l->trace.hops[0];
}

/* ---- packets in ---- */

static inline void lab_check_sums(const struct lab *l, const struct frame *f)
{
	struct layers layers;

	if (!f->data)
		return;
	packet_parse(f->data, f->len, LINK_ETHERNET, &layers);
	if (layers.ip.l3 == NO_OFFSET)
		return;
	cr_expect_neq(csum_l3(f->data, f->len, &layers.ip), CSUM_BAD, "%s: checksum of IP",
		      l->last);
	cr_expect_neq(csum_l4(f->data, f->len, &layers.ip), CSUM_BAD, "%s: checksum of protocol %u",
		      l->last, layers.ip.proto);
}

/* place says device and hook, and with what the packet comes. */
static inline const struct hop *lab_run_at(struct lab *l, struct replay_place place,
					   const struct pkt *p)
{
	struct capture_packet c = { .number = ++l->sent, .linktype = LINK_ETHERNET };

	l->packet = *p;
	l->last = arena_printf(l->arena, "packet %u at %s/%s", l->sent, place.role, place.hook);
	c.data = l->packet.b;
	c.caplen = c.len = l->packet.len;
	cr_assert_eq(replay_at(l->replay, &place, &l->err), 0, "%s", l->err.text);
	cr_assert_eq(replay_packet(l->replay, &c, l->arena, &l->trace, &l->err), 0, "%s: %s",
		     l->last, l->err.text);
	cr_assert_eq(l->trace.n_hops, 1, "%s: %s", l->last, l->trace.why);
	lab_check_sums(l, &lab_hop(l)->out);
	return lab_hop(l);
}

static inline const struct hop *lab_run(struct lab *l, const char *role, const char *hook,
					const struct pkt *p)
{
	return lab_run_at(l, (struct replay_place){ .role = role, .hook = hook }, p);
}

/* Runs the last packet again, its sum given as by a device that sums up all (CHECKSUM_COMPLETE): the kernel
 * tells by EBADMSG if the program has left a wrong one.
 */
static inline void lab_expect_complete(struct lab *l)
{
	struct __sk_buff ctx = { .ifindex = replay_device(l->replay)->ifindex };
	uint8_t out[4096];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = l->packet.b, .data_size_in = l->packet.len,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_SKB_CHECKSUM_COMPLETE);
	int ret = bpf_prog_test_run_opts(replay_program(l->replay)->fd, &run);

	cr_expect_eq(ret, 0, "%s: skb->csum is wrong: %d", l->last, ret);
	cr_expect_eq((int)run.retval, lab_hop(l)->verdict, "%s: now verdict %u", l->last,
		     run.retval);
}

/* ---- what came of the last one ---- */

static inline void lab_expect_verdict(const struct lab *l, int verdict)
{
	const struct hop *hop = lab_hop(l);

	cr_expect_eq(hop->verdict, verdict, "%s: verdict %d, not %d (drop reason %d, %s:%u)",
		     l->last, hop->verdict, verdict, hop->drop_reason,
		     word_name(&words_source_file, hop->drop_file), hop->drop_line);
}

static inline void lab_expect_drop(const struct lab *l, int verdict, int reason, const char *file)
{
	const struct hop *hop = lab_hop(l);
	const char *got = word_name(&words_source_file, hop->drop_file);

	lab_expect_verdict(l, verdict);
	cr_expect_eq(hop->drop_reason, reason, "%s: drop reason %d, not %d", l->last,
		     hop->drop_reason, reason);
	cr_expect(got && !strcmp(got, file) && hop->drop_line, "%s: dropped at %s:%u", l->last, got,
		  hop->drop_line);
}

/* The last call counts. */
static inline const struct hop_redirect *lab_expect_redirect(const struct lab *l,
							     enum note_kind kind, uint32_t ifindex)
{
	const struct hop *hop = lab_hop(l);
	const struct hop_redirect *to;

	cr_assert_gt(hop->n_redirects, 0, "%s: asked for no redirect (drop reason %d, %s:%u)",
		     l->last, hop->drop_reason, word_name(&words_source_file, hop->drop_file),
		     hop->drop_line);
	to = &hop->redirects[hop->n_redirects - 1];
	cr_expect_eq(to->kind, kind, "%s: %s", l->last, word_name(&words_redirect, to->kind));
	cr_expect_eq(to->ifindex, ifindex, "%s: to ifindex %u", l->last, to->ifindex);
	return to;
}

static inline void lab_expect_next_hop(const struct lab *l, const char *addr)
{
	const struct hop *hop = lab_hop(l);
	const struct hop_redirect *to = &hop->redirects[hop->n_redirects - 1];
	bool v6 = strchr(addr, ':');
	uint8_t want[16] = { 0 };

	inet_pton(v6 ? AF_INET6 : AF_INET, addr, want);
	cr_assert(to->has_next_hop, "%s: no next hop", l->last);
	cr_expect_eq(to->next_hop.family, v6 ? 6 : 4);
	cr_expect_arr_eq(to->next_hop.bytes, want, v6 ? 16 : 4, "%s: another next hop", l->last);
}

static inline void lab_expect_macs(const struct lab *l, const char *dst, const char *src)
{
	const uint8_t *d = lab_hop(l)->out.data;
	char got[2][18];

	cr_assert(d, "%s: no packet came out", l->last);
	for (int i = 0; i < 2; i++, d += 6)
		snprintf(got[i], 18, "%02x:%02x:%02x:%02x:%02x:%02x", d[0], d[1], d[2], d[3], d[4],
			 d[5]);
	cr_expect_str_eq(got[0], dst, "%s: to %s", l->last, got[0]);
	cr_expect_str_eq(got[1], src, "%s: from %s", l->last, got[1]);
}

/* Nothing of the packet changed but what lies at these offsets. */
static inline void lab_expect_same_but(const struct lab *l, const uint32_t *free_bytes, size_t n)
{
	const struct frame *out = &lab_hop(l)->out;

	cr_assert(out->data, "%s: no packet came out", l->last);
	cr_assert_eq(out->len, l->packet.len, "%s: %u bytes", l->last, out->len);
	for (uint32_t i = 0; i < out->len; i++) {
		bool is_free = false;

		for (size_t k = 0; k < n; k++)
			is_free |= free_bytes[k] == i;
		cr_expect(is_free || out->data[i] == l->packet.b[i],
			  "%s: byte %u is %02x, not %02x", l->last, i, out->data[i],
			  l->packet.b[i]);
	}
}

static inline const struct event *lab_event(const struct lab *l, enum event_type type, int subtype)
{
	const struct hop *hop = lab_hop(l);

	for (size_t i = 0; i < hop->n_events; i++)
		if (hop->events[i].type == type &&
		    (subtype < 0 || hop->events[i].subtype == subtype))
			return &hop->events[i];
	return NULL;
}

/* ---- maps ---- */

static inline const struct value *lab_yaml(const struct lab *l, const char *text)
{
	struct value **docs;
	struct err err = { 0 };
	size_t count;

	cr_assert_eq(yaml_parse(l->arena, text, strlen(text), "test", &docs, &count, &err), 0, "%s",
		     err.text);
	return docs[0];
}

static inline struct map *lab_map(const struct lab *l, const char *name)
{
	struct map *m = target_find_map(replay_target(l->replay), name);

	cr_assert(m, "no map %s", name);
	return m;
}

static inline void lab_set(struct lab *l, const char *map, const char *key, const char *value)
{
	cr_assert_eq(map_set(lab_map(l, map), lab_yaml(l, key), lab_yaml(l, value), &l->err), 0,
		     "%s", l->err.text);
}

static inline void lab_expect_entry(const struct lab *l, const char *map, const char *key,
				    const char *pattern)
{
	struct err err = { 0 };
	struct value *v = NULL;
	struct buf is = BUF_INIT;

	cr_assert_eq(map_get(lab_map(l, map), l->arena, lab_yaml(l, key), &v, &err), 0, "%s: %s",
		     l->last, err.text);
	value_print(&is, v);
	cr_expect(value_matches(lab_yaml(l, pattern), v), "%s: %s %s is %s, not %s", l->last, map,
		  key, buf_str(&is), pattern);
	buf_free(&is);
}

#endif
