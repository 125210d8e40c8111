// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every program run as two packets of a capture, with what happened as comment. */
#include "report/pcapng_hops.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "judge/print.h"
#include "packet/pcapng.h"
#include "report/common.h"

struct interface {
	const char *name;
	uint32_t id;
};

struct pcapng_hops {
	struct arena *a; /* of the file */
	struct arena *scratch; /* of a packet */
	const char *path;
	struct pcapng_writer *w;
	struct interface *interfaces;
	size_t n_interfaces;
	uint64_t packetid;
};

/* What is written, and who has something to add. */
struct writing {
	struct pcapng_hops *p;
	const struct trace *t;
	void (*remark)(void *arg, const struct hop *h, struct buf *out);
	void *arg;
};

static int interface_id(struct pcapng_hops *p, const char *name, uint32_t *id, struct err *err)
{
	int ret;

	for (size_t i = 0; i < p->n_interfaces; i++) {
		if (strcmp(p->interfaces[i].name, name) == 0) {
			*id = p->interfaces[i].id;
			return 0;
		}
	}
	ret = pcapng_writer_interface(p->w, name, LINK_ETHERNET, id, err);
	if (ret < 0)
		return ret;
	p->interfaces = arena_grow(p->a, p->interfaces, p->n_interfaces, sizeof(*p->interfaces));
	p->interfaces[p->n_interfaces++] = (struct interface){ arena_strdup(p->a, name), *id };
	return 0;
}

static void print_capture(struct buf *out, const struct trace *t)
{
	const char *slash = t->capture ? strrchr(t->capture, '/') : NULL;

	buf_printf(out, "packet %" PRIu32 " of %s", t->number,
		   slash	? slash + 1
		   : t->capture ? t->capture
				: "?");
}

/* "dropped by cil_from_netdev: Policy denied (133, bpf_host.c:88)", "cil_to_netdev: TC_ACT_OK" */
static void print_what(struct buf *out, const struct hop *h)
{
	const char *text = word_text(&words_drop_reason, h->drop_reason);
	const char *file = word_name(&words_source_file, h->drop_file);

	if (!hop_drops(h)) {
		buf_printf(out, "%s: ", h->program);
		print_verdict(out, h->hook, h->verdict);
		return;
	}
	buf_printf(out, "dropped by %s", h->program);
	if (!h->drop_reason) {
		if (h->hook != HOOK_TC_INGRESS && h->hook != HOOK_TC_EGRESS) {
			buf_puts(out, ": ");
			print_verdict(out, h->hook, h->verdict);
		}
		return;
	}
	buf_printf(out, ": %s (%d", text ? text : "reason", h->drop_reason);
	if (h->drop_line)
		buf_printf(out, ", %s:%u", file ? file : "line", h->drop_line);
	buf_putc(out, ')');
}

static const char *exit_comment(const struct writing *w, const struct hop *h)
{
	__cleanup_buf struct buf out = BUF_INIT, clean = BUF_INIT;
	const struct trace *t = w->t;

	print_capture(&out, t);
	buf_puts(&out, ": ");
	print_what(&out, h);
	if (h->has_identities) {
		buf_puts(&out, ", identity ");
		print_identity(&out, h->src_identity);
		buf_puts(&out, "->");
		print_identity(&out, h->dst_identity);
	}
	if (h->ct != CT_STATE_UNKNOWN)
		buf_printf(&out, ", ct %s", print_ct(h->ct));
	if (h == &t->hops[t->n_hops - 1] && t->outcome != OUTCOME_DROPPED) {
		buf_puts(&out, "; ");
		print_outcome(&out, t);
		if (t->at)
			buf_printf(&out, " at %s", t->at);
	}
	if (w->remark)
		w->remark(w->arg, h, &out);
	report_clean(&clean, buf_str(&out));
	return arena_strdup(w->p->scratch, buf_str(&clean));
}

static const char *entry_comment(const struct writing *w)
{
	__cleanup_buf struct buf out = BUF_INIT;

	print_capture(&out, w->t);
	if (w->t->truncated)
		buf_puts(&out, ", cut by the capture and filled up with zeros");
	return arena_strdup(w->p->scratch, buf_str(&out));
}

static int write_record(struct pcapng_hops *p, const char *interface, struct pcapng_record *rec,
			const struct frame *f, struct err *err)
{
	uint32_t id;
	int ret = interface_id(p, interface, &id, err);

	if (ret < 0)
		return ret;
	rec->data = f->data;
	rec->caplen = f->data ? f->len : 0;
	rec->len = rec->caplen;
	return pcapng_writer_packet(p->w, id, rec, err);
}

static bool leaves(enum hook hook)
{
	return hook == HOOK_TC_EGRESS || hook == HOOK_CGROUP_EGRESS || hook == HOOK_LWT_OUT ||
	       hook == HOOK_LWT_XMIT;
}

static int write_exit(const struct writing *w, const char *base, const struct hop *h,
		      struct pcapng_record *rec, struct err *err)
{
	/* the format has words for these two only (epb_verdict) */
	rec->has_verdict = h->hook <= HOOK_XDP;
	rec->verdict_type = h->hook == HOOK_XDP ? PCAPNG_VERDICT_XDP : PCAPNG_VERDICT_TC;
	rec->verdict = h->verdict;
	rec->comment = exit_comment(w, h);
	/* a dropped packet has no bytes at exit: those of its entry stand for them */
	return write_record(w->p, arena_printf(w->p->scratch, "%s@exit", base), rec,
			    h->out.data ? &h->out : &h->in, err);
}

static int write_hop(const struct writing *w, const struct hop *h, struct err *err)
{
	const char *base =
		arena_printf(w->p->scratch, "%s/%s:%s()", h->node, h->device, h->program);
	struct pcapng_record rec = {
		.ts_ns = w->t->ts_ns,
		.has_packetid = true,
		.packetid = w->p->packetid,
		.direction = leaves(h->hook) ? PCAPNG_DIR_OUT : PCAPNG_DIR_IN,
		.comment = entry_comment(w),
	};
	int ret = write_record(w->p, arena_printf(w->p->scratch, "%s@entry", base), &rec, &h->in,
			       err);

	if (ret < 0 || h->not_run)
		return ret;
	return write_exit(w, base, h, &rec, err);
}

/* A packet that no program saw still has its place in the file. */
static int write_unseen(struct pcapng_hops *p, const struct trace *t, struct err *err)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct pcapng_record rec = {
		.ts_ns = t->ts_ns,
		.has_packetid = true,
		.packetid = p->packetid,
	};

	print_capture(&out, t);
	buf_puts(&out, ": no program saw it; ");
	print_outcome(&out, t);
	rec.comment = buf_str(&out);
	return write_record(p, "no program", &rec, &t->frame, err);
}

int pcapng_hops_packet(struct pcapng_hops *p, const struct trace *t,
		       void (*remark)(void *arg, const struct hop *h, struct buf *out), void *arg,
		       struct err *err)
{
	const struct writing w = { p, t, remark, arg };
	int ret = 0;

	arena_reset(p->scratch);
	p->packetid++;
	if (!t->n_hops)
		return write_unseen(p, t, err);
	for (size_t i = 0; i < t->n_hops && ret >= 0; i++)
		ret = write_hop(&w, &t->hops[i], err);
	return ret;
}

int pcapng_hops_open(const char *path, struct pcapng_hops **out, struct err *err)
{
	struct arena *a = arena_new();
	struct pcapng_hops *p = arena_new_of(a, struct pcapng_hops);
	int ret;

	p->a = a;
	p->scratch = arena_new();
	p->path = arena_strdup(a, path);
	ret = pcapng_writer_open(path, "verdict", &p->w, err);
	if (ret < 0) {
		arena_free(p->scratch);
		arena_free(a);
		return ret;
	}
	*out = p;
	return 0;
}

int pcapng_hops_close(struct pcapng_hops *p, bool discard, struct err *err)
{
	int ret = pcapng_writer_close(p->w, err);

	if (discard)
		unlink(p->path);
	arena_free(p->scratch);
	arena_free(p->a);
	return ret;
}
