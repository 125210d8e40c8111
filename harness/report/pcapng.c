// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A run as a capture: every program run is two packets, one at its entry and one at its exit with the
 * verdict, on interfaces named as xdpdump names them. The comment says what happened, and what was
 * expected where that is something else.
 */
#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "report/common.h"
#include "report/pcapng_hops.h"

struct dump {
	struct arena *a;
	struct pcapng_hops *hops;
	const struct scenario_result *res;
	const struct step_result
		*step; /* of the packets being written; NULL past the judged ones */
	/* its differences by packet: index + 1 of a packet's first, and of each one's next */
	size_t *first, *next;
};

/* A packet's differences. */
struct remarks {
	const struct dump *d;
	const struct trace *t;
	size_t packet; /* of the step, from 0 */
};

static void print_differences(void *arg, const struct hop *h, struct buf *out)
{
	const struct remarks *r = arg;
	const struct dump *d = r->d;

	for (size_t i = d->step ? d->first[r->packet] : 0; i; i = d->next[i - 1]) {
		const struct difference *diff = &d->step->diffs[i - 1];
		const struct hop *at =
			diff->hop && !diff->variant ? diff->hop : &r->t->hops[r->t->n_hops - 1];

		if (at != h)
			continue;
		buf_printf(out, "\nNOT AS EXPECTED (%s:%d): %s%s%s%s: expected %s, actual %s",
			   diff->loc.file ? diff->loc.file : "?", diff->loc.line,
			   diff->variant ? "sweep " : "", diff->variant ? diff->variant : "",
			   diff->variant ? ": " : "", diff->field, diff->expected, diff->actual);
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
		const struct difference *diff = &d->step->diffs[i - 1];
		size_t at = diff->variant ? diff->index : (size_t)(diff->packet - st->packets);

		if (!diff->packet || at >= st->n_packets)
			continue;
		d->next[i - 1] = d->first[at];
		d->first[at] = i;
	}
}

static int write_packets(struct dump *d, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < d->res->trace->n_steps; i++) {
		const struct step_trace *st = &d->res->trace->steps[i];

		index_differences(d, i);
		for (size_t j = 0; j < st->n_packets && ret >= 0; j++) {
			struct remarks r = { d, &st->packets[j], j };

			ret = pcapng_hops_packet(d->hops, r.t, print_differences, &r, err);
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
		ret = pcapng_hops_open(path, &d.hops, err);
	if (ret < 0)
		return ret;
	ret = write_packets(&d, err);
	if (ret < 0) {
		pcapng_hops_close(d.hops, true, &ignored);
		return ret;
	}
	ret = pcapng_hops_close(d.hops, false, err);
	if (ret >= 0)
		*path_out = path;
	return ret;
}
