// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a node's stack cuts into fragments: each goes its own way, past all programs; whoever they are for has one
 * packet again (ip_fragment(), ip_defrag()).
 */
#include <string.h>

#include "engine/sim_internal.h"
#include "packet/fragment.h"

struct cut {
	struct walk from; /* the packet where it was cut */
	struct frame *pieces, *ended; /* as they were cut, as they ended */
	size_t n, next;
	/* How the first of them ended, or the first that got lost. */
	enum outcome outcome;
	const char *at, *why;
	struct cluster_place place;
};

static bool arrives(enum outcome o)
{
	return o == OUTCOME_DELIVERED || o == OUTCOME_SENT;
}

static void send_piece(struct walk *w, struct cut *cut)
{
	w->frame = cut->pieces[cut->next++];
	w->cut = cut;
	walk_note(w, NULL, "fragment %zu of %zu, %u bytes", cut->next, cut->n, w->frame.len);
}

int sim_cut(struct walk *w, const struct layers *l, uint32_t mtu)
{
	struct cut *cut = arena_new_of(w->a, struct cut);

	cut->from = *w;
	cut->n = frame_cut(&w->frame, l, mtu, w->a, &cut->pieces);
	if (!cut->n)
		return walk_unmodelled(
			w, arena_printf(w->a, "it cannot be cut into fragments of %u bytes", mtu));
	cut->ended = arena_alloc(w->a, cut->n * sizeof(*cut->ended));
	send_piece(w, cut);
	return 0;
}

static bool same_place(const struct cluster_place *a, const struct cluster_place *b)
{
	return a->node == b->node && a->endpoint == b->endpoint;
}

/* Of those that get lost the first counts: the packet is. */
static void note_end(const struct walk *w, struct cut *cut)
{
	const struct trace *t = w->trace;
	bool is_first = cut->next == 1;

	cut->ended[cut->next - 1] = t->final;
	if (!is_first && !arrives(cut->outcome))
		return;
	if (!is_first && arrives(t->outcome) &&
	    (t->outcome != cut->outcome || !same_place(&t->place, &cut->place))) {
		cut->outcome = OUTCOME_UNMODELLED;
		cut->why = "its fragments end at different places";
		return;
	}
	if (!is_first && arrives(t->outcome))
		return;
	cut->outcome = t->outcome;
	cut->at = t->at;
	cut->why = t->why;
	cut->place = t->place;
}

/* Where the last one was taken in, and the cut before this one, if there was one. */
static int join(struct walk *w, struct cut *cut)
{
	struct frame whole;

	if (!frame_join(cut->ended, cut->n, w->a, &whole))
		return walk_unmodelled(w, "its fragments do not fit together any more");
	walk_note(w, NULL, "%zu fragments are one packet again", cut->n);
	w->trace->final = w->frame = whole;
	if (cut->outcome == OUTCOME_SENT)
		return walk_end(w, OUTCOME_SENT, cut->at, NULL);
	if (cut->place.endpoint)
		return sim_into_pod(w, cut->place.endpoint);
	w->step = SIM_STACK;
	return 0;
}

int sim_next_piece(struct walk *w)
{
	struct cut *cut = w->cut;

	note_end(w, cut);
	if (cut->next < cut->n) {
		struct frame answer = w->answer;

		*w = cut->from;
		w->answer = answer;
		memset(&w->trace->final, 0, sizeof(w->trace->final));
		send_piece(w, cut);
		return 0;
	}
	w->cut = cut->from.cut;
	w->steps = cut->from.steps;
	if (arrives(cut->outcome))
		return join(w, cut);
	return walk_end(w, cut->outcome, cut->at, cut->why);
}
