// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A run as a capture: every program run is two packets, one at its entry and one at its exit with the
 * verdict, on interfaces named as xdpdump names them. The comment says what happened, and what was
 * expected where that is something else.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "judge/print.h"
#include "packet/pcapng.h"
#include "report/common.h"

struct interface {
	const char *name;
	uint32_t id;
};

struct dump {
	struct arena *a;
	struct pcapng_writer *w;
	struct interface *interfaces;
	size_t n_interfaces;
	const struct scenario_result *res;
	uint64_t packetid;
	const struct step_result
		*step; /* of the packets being written; NULL past the judged ones */
	/* its differences by packet: index + 1 of a packet's first, and of each one's next */
	size_t *first, *next;
};

static int interface_id(struct dump *d, const char *name, uint32_t *id, struct err *err)
{
	int ret;

	for (size_t i = 0; i < d->n_interfaces; i++) {
		if (strcmp(d->interfaces[i].name, name) == 0) {
			*id = d->interfaces[i].id;
			return 0;
		}
	}
	ret = pcapng_writer_interface(d->w, name, LINK_ETHERNET, id, err);
	if (ret < 0)
		return ret;
	d->interfaces = arena_grow(d->a, d->interfaces, d->n_interfaces, sizeof(*d->interfaces));
	d->interfaces[d->n_interfaces++] = (struct interface){ name, *id };
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

static void print_differences(struct buf *out, const struct dump *d, size_t packet,
			      const struct trace *t, const struct hop *h)
{
	for (size_t i = d->step ? d->first[packet] : 0; i; i = d->next[i - 1]) {
		const struct difference *diff = &d->step->diffs[i - 1];
		const struct hop *at = diff->hop ? diff->hop : &t->hops[t->n_hops - 1];

		if (at != h)
			continue;
		buf_printf(out, "\nNOT AS EXPECTED (%s:%d): %s: expected %s, actual %s",
			   diff->loc.file ? diff->loc.file : "?", diff->loc.line, diff->field,
			   diff->expected, diff->actual);
	}
}

/* Chains a step's differences by packet, in their order. */
static void index_differences(struct dump *d, size_t step)
{
	const struct step_trace *st = &d->res->trace->steps[step];

	d->step = step < d->res->n_steps ? &d->res->steps[step] : NULL;
	if (!d->step)
		return;
	d->first = arena_alloc(d->a, (st->n_packets + 1) * sizeof(*d->first));
	d->next = arena_alloc(d->a, (d->step->n_diffs + 1) * sizeof(*d->next));
	for (size_t i = d->step->n_diffs; i > 0; i--) {
		const struct trace *packet = d->step->diffs[i - 1].packet;

		if (!packet)
			continue;
		d->next[i - 1] = d->first[packet - st->packets];
		d->first[packet - st->packets] = i;
	}
}

static const char *exit_comment(const struct dump *d, size_t packet, const struct trace *t,
				const struct hop *h)
{
	__cleanup_buf struct buf out = BUF_INIT, clean = BUF_INIT;

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
	print_differences(&out, d, packet, t, h);
	report_clean(&clean, buf_str(&out));
	return arena_strdup(d->a, buf_str(&clean));
}

static const char *entry_comment(const struct dump *d, const struct trace *t)
{
	__cleanup_buf struct buf out = BUF_INIT;

	print_capture(&out, t);
	if (t->truncated)
		buf_puts(&out, ", cut by the capture and filled up with zeros");
	return arena_strdup(d->a, buf_str(&out));
}

static int write_record(struct dump *d, const char *interface, struct pcapng_record *rec,
			const struct frame *f, struct err *err)
{
	uint32_t id;
	int ret = interface_id(d, interface, &id, err);

	if (ret < 0)
		return ret;
	rec->data = f->data;
	rec->caplen = f->data ? f->len : 0;
	rec->len = rec->caplen;
	return pcapng_writer_packet(d->w, id, rec, err);
}

static bool leaves(enum hook hook)
{
	return hook == HOOK_TC_EGRESS || hook == HOOK_CGROUP_EGRESS || hook == HOOK_LWT_OUT ||
	       hook == HOOK_LWT_XMIT;
}

static int write_hop(struct dump *d, size_t packet, const struct trace *t, const struct hop *h,
		     struct err *err)
{
	const char *base = arena_printf(d->a, "%s/%s:%s()", h->node, h->device, h->program);
	struct pcapng_record rec = {
		.ts_ns = t->ts_ns,
		.has_packetid = true,
		.packetid = d->packetid,
		.direction = leaves(h->hook) ? PCAPNG_DIR_OUT : PCAPNG_DIR_IN,
		.comment = entry_comment(d, t),
	};
	int ret = write_record(d, arena_printf(d->a, "%s@entry", base), &rec, &h->in, err);

	if (ret < 0)
		return ret;
	/* the format has words for these two only (epb_verdict) */
	rec.has_verdict = h->hook <= HOOK_XDP;
	rec.verdict_type = h->hook == HOOK_XDP ? PCAPNG_VERDICT_XDP : PCAPNG_VERDICT_TC;
	rec.verdict = h->verdict;
	rec.comment = exit_comment(d, packet, t, h);
	/* a dropped packet has no bytes at exit: those of its entry stand for them */
	return write_record(d, arena_printf(d->a, "%s@exit", base), &rec,
			    h->out.data ? &h->out : &h->in, err);
}

/* A packet that no program saw still has its place in the file. */
static int write_unseen(struct dump *d, const struct trace *t, struct err *err)
{
	__cleanup_buf struct buf out = BUF_INIT;
	struct pcapng_record rec = {
		.ts_ns = t->ts_ns,
		.has_packetid = true,
		.packetid = d->packetid,
	};

	print_capture(&out, t);
	buf_puts(&out, ": no program saw it; ");
	print_outcome(&out, t);
	rec.comment = buf_str(&out);
	return write_record(d, "no program", &rec, &t->frame, err);
}

static int write_packets(struct dump *d, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < d->res->trace->n_steps; i++) {
		const struct step_trace *st = &d->res->trace->steps[i];

		index_differences(d, i);
		for (size_t j = 0; j < st->n_packets && ret >= 0; j++) {
			const struct trace *t = &st->packets[j];

			d->packetid++;
			if (!t->n_hops)
				ret = write_unseen(d, t, err);
			for (size_t k = 0; k < t->n_hops && ret >= 0; k++)
				ret = write_hop(d, j, t, &t->hops[k], err);
		}
	}
	return ret < 0 ? ret : 0;
}

static const char *dump_path(struct arena *a, const char *dir, const struct scenario_result *res)
{
	char *name = arena_printf(a, "%s-%s", report_name(res), res->engine ? res->engine : "none");

	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			*c = '-';
	if (name[0] == '.')
		name[0] = '-';
	return arena_printf(a, "%s/%s.pcapng", dir, name);
}

int report_pcapng(struct arena *a, const char *dir, const struct scenario_result *res,
		  const char **path_out, struct err *err)
{
	const char *path = dump_path(a, dir, res);
	struct dump d = { .a = a, .res = res };
	struct err ignored;
	int ret = file_mkdir_p(dir, err);

	if (ret >= 0)
		ret = pcapng_writer_open(path, "verdict", &d.w, err);
	if (ret < 0)
		return ret;
	ret = write_packets(&d, err);
	if (ret < 0) {
		pcapng_writer_close(d.w, &ignored);
		unlink(path);
		return ret;
	}
	ret = pcapng_writer_close(d.w, err);
	if (ret >= 0)
		*path_out = path;
	return ret;
}
