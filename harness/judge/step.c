// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What an expectation says of a whole step: event counts and map changes. Lines of text are in text.c.
 *
 * Lost events make a count a range: what was seen, up to that and all that was lost. An expectation
 * holds only if the whole range does, so that a lost drop never passes for no drop.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge/step.h"
#include "target/maps.h"

#define SHOWN_MAX 6

static bool open_range(uint64_t min, uint64_t max)
{
	return min == 0 && max == UINT64_MAX;
}

static const char *range_text(struct check *c, uint64_t min, uint64_t max)
{
	if (min == max)
		return check_text(c, "%" PRIu64, min);
	if (max == UINT64_MAX)
		return check_text(c, "%" PRIu64 " or more", min);
	return check_text(c, "%" PRIu64 " to %" PRIu64, min, max);
}

uint64_t step_lost(const struct step_trace *t)
{
	uint64_t hops = 0;

	for (size_t i = 0; i < t->n_packets; i++)
		for (size_t j = 0; j < t->packets[i].n_hops; j++)
			hops += t->packets[i].hops[j].lost;
	return hops > t->lost ? hops : t->lost;
}

static uint64_t node_lost(const struct step_trace *t, const char *node)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < t->n_packets; i++)
		for (size_t j = 0; j < t->packets[i].n_hops; j++)
			if (strcmp(t->packets[i].hops[j].node, node) == 0)
				lost += t->packets[i].hops[j].lost;
	return lost;
}

/* A count's name, taken apart: "drop/POLICY" is of type drop, subtype 133. */
struct counted {
	int type;
	bool has_subtype;
	int subtype;
};

static bool counted_parse(const char *name, struct counted *out)
{
	const char *slash = strchr(name, '/');
	const struct word_table *t;
	char type[32];
	char *end;

	*out = (struct counted){ .has_subtype = slash != NULL };
	if (slash && (size_t)(slash - name) >= sizeof(type))
		return false;
	snprintf(type, sizeof(type), "%.*s", slash ? (int)(slash - name) : 31, name);
	if (!word_parse(&words_event_type, type, &out->type))
		return false;
	if (!slash)
		return true;
	t = out->type == EVENT_DROP    ? &words_drop_reason
	    : out->type == EVENT_TRACE ? &words_trace_point
				       : NULL;
	if (!t)
		return false;
	if (word_parse(t, slash + 1, &out->subtype))
		return true;
	out->subtype = (int)strtol(slash + 1, &end, 10);
	return end != slash + 1 && !*end;
}

static bool is_counted(const struct counted *what, const struct event *e)
{
	return (int)e->type == what->type && (!what->has_subtype || e->subtype == what->subtype);
}

/* Counts, and writes the first few of what it counted. */
static uint64_t count_events(const struct step_trace *t, const struct counted *what,
			     const char *node, struct buf *lines)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->n_packets; i++) {
		for (size_t j = 0; j < t->packets[i].n_hops; j++) {
			const struct hop *h = &t->packets[i].hops[j];

			if (node && strcmp(h->node, node) != 0)
				continue;
			for (size_t k = 0; k < h->n_events; k++) {
				if (!is_counted(what, &h->events[k]))
					continue;
				if (n++ >= SHOWN_MAX || !lines)
					continue;
				buf_printf(lines, "%spacket %u at %s: ", n > 1 ? "\n" : "",
					   t->packets[i].number, h->at);
				event_print_monitor(lines, &h->events[k]);
			}
		}
	}
	if (lines && n > SHOWN_MAX)
		buf_printf(lines, "\nand %" PRIu64 " more", n - SHOWN_MAX);
	return n;
}

static const char *actual_count(struct check *c, uint64_t n, uint64_t lost)
{
	if (!lost)
		return check_text(c, "%" PRIu64, n);
	return check_text(c, "%" PRIu64 " seen, and %" PRIu64 " events were lost", n, lost);
}

static void check_lost(struct check *c, const struct count_expect *e, const char *field)
{
	uint64_t lost = e->node ? node_lost(c->trace, e->node) : step_lost(c->trace);

	if (lost < e->min || lost > e->max)
		check_differs(c, &e->loc, NULL, NULL, field, range_text(c, e->min, e->max),
			      check_text(c, "%" PRIu64, lost), NULL);
}

static void check_count(struct check *c, const struct count_expect *e)
{
	const char *field = check_text(c, "events: %s%s%s", e->node ? e->node : "",
				       e->node ? ": " : "", e->name);
	__cleanup_buf struct buf lines = BUF_INIT;
	uint64_t n, lost = step_lost(c->trace);
	struct counted what;

	c->checks++;
	if (strcmp(e->name, "lost") == 0) {
		check_lost(c, e, field);
		return;
	}
	if (!counted_parse(e->name, &what)) {
		check_differs(c, &e->loc, NULL, NULL, field, "the name of an event",
			      "no event has this name", NULL);
		return;
	}
	n = count_events(c->trace, &what, e->node, &lines);
	if (n >= e->min && n <= e->max && (e->max == UINT64_MAX || n + lost <= e->max))
		return;
	check_differs(c, &e->loc, NULL, NULL, field, range_text(c, e->min, e->max),
		      actual_count(c, n, lost),
		      lines.len ? check_text(c, "%s", buf_str(&lines)) : NULL);
}

/* ---- maps ---- */

static const char *const kind_names[] = {
	[MAP_ADDED] = "added",	   [MAP_CHANGED] = "changed", [MAP_REMOVED] = "removed",
	[MAP_PRESENT] = "present", [MAP_ABSENT] = "present",
};

const char *map_kind_name(enum map_change_kind kind)
{
	return kind == MAP_ABSENT ? "absent" : kind_names[kind];
}

static void print_field_change(struct buf *out, const char *name, const struct value *was,
			       const struct value *is)
{
	buf_printf(out, "%s ", name);
	if (was)
		value_print(out, was);
	else
		buf_puts(out, "absent");
	buf_puts(out, " -> ");
	if (is)
		value_print(out, is);
	else
		buf_puts(out, "absent");
}

/* Of an entry's twenty fields those that changed: "lifetime 60 -> 120, packets 1 -> 2". */
static void print_changed_fields(struct buf *out, const struct value *was, const struct value *is)
{
	const char *comma = "";

	for (size_t i = 0; i < was->n; i++) {
		const char *name = was->keys[i]->text;
		const struct value *now = value_get(is, name);

		if (now && value_equal(was->items[i], now))
			continue;
		buf_puts(out, comma);
		print_field_change(out, name, was->items[i], now);
		comma = ", ";
	}
	for (size_t i = 0; i < is->n; i++) {
		if (value_get(was, is->keys[i]->text))
			continue;
		buf_puts(out, comma);
		print_field_change(out, is->keys[i]->text, NULL, is->items[i]);
		comma = ", ";
	}
}

void print_map_change(struct buf *out, const struct node_map_change *ch)
{
	const struct value *v = ch->kind == MAP_REMOVED ? ch->was : ch->is;
	bool fields = ch->kind == MAP_CHANGED && ch->was && ch->is && ch->was->kind == VALUE_MAP &&
		      ch->is->kind == VALUE_MAP;

	if (ch->node)
		buf_printf(out, "%s: ", ch->node);
	buf_printf(out, "%s %s ", kind_names[ch->kind], ch->map);
	if (ch->key)
		value_print(out, ch->key);
	if (fields) {
		buf_puts(out, ": ");
		print_changed_fields(out, ch->was, ch->is);
		return;
	}
	if (ch->kind == MAP_CHANGED && ch->was) {
		buf_puts(out, ": ");
		value_print(out, ch->was);
		buf_puts(out, " -> ");
	} else {
		buf_puts(out, " = ");
	}
	if (v)
		value_print(out, v);
}

static bool entry_matches(const struct map_expect *e, const struct node_map_change *ch)
{
	const struct value *key = value_get(e->entry, "key");
	const struct value *value = value_get(e->entry, "value");
	const struct value *now = ch->kind == MAP_REMOVED ? ch->was : ch->is;

	if (key && (!ch->key || !value_matches(key, ch->key)))
		return false;
	return !value || (now && value_matches(value, now));
}

static bool change_meant(const struct map_expect *e, const struct node_map_change *ch)
{
	enum map_change_kind kind = e->kind == MAP_ABSENT ? MAP_PRESENT : e->kind;

	return ch->kind == kind && strcmp(ch->map, e->map) == 0 &&
	       (!e->node || strcmp(ch->node, e->node) == 0);
}

/* How many entries of the kind match; and the first few of that kind, for people. */
static uint64_t count_entries(const struct step_trace *t, const struct map_expect *e,
			      struct buf *lines)
{
	uint64_t n = 0, shown = 0;

	for (size_t i = 0; i < t->n_changes; i++) {
		const struct node_map_change *ch = &t->changes[i];

		if (!change_meant(e, ch))
			continue;
		n += !e->entry || entry_matches(e, ch);
		if (shown++ >= SHOWN_MAX)
			continue;
		buf_puts(lines, shown > 1 ? "\n" : "");
		print_map_change(lines, ch);
	}
	if (shown > SHOWN_MAX)
		buf_printf(lines, "\nand %" PRIu64 " more", shown - SHOWN_MAX);
	if (!shown)
		buf_printf(lines, "no entry of %s %s", e->map,
			   e->kind == MAP_PRESENT || e->kind == MAP_ABSENT
				   ? "is present after the step"
			   : e->kind == MAP_ADDED   ? "was added in this step"
			   : e->kind == MAP_CHANGED ? "was changed in this step"
						    : "was removed in this step");
	return n;
}

static const char *entry_text(struct check *c, const struct map_expect *e)
{
	__cleanup_buf struct buf text = BUF_INIT;

	if (!e->entry)
		return "";
	buf_puts(&text, " like ");
	value_print(&text, e->entry);
	return check_text(c, "%s", buf_str(&text));
}

static void map_range(const struct map_expect *e, uint64_t *min, uint64_t *max)
{
	*min = e->has_count ? e->min : e->kind == MAP_ABSENT ? 0 : 1;
	*max = e->has_count ? e->max : e->kind == MAP_ABSENT ? 0 : UINT64_MAX;
}

static void check_map(struct check *c, const struct map_expect *e)
{
	__cleanup_buf struct buf lines = BUF_INIT;
	uint64_t n, min, max;

	c->checks++;
	map_range(e, &min, &max);
	n = count_entries(c->trace, e, &lines);
	if (n >= min && n <= max)
		return;
	check_differs(c, &e->loc, NULL, NULL,
		      check_text(c, "maps: %s%s%s %s", e->node ? e->node : "", e->node ? ": " : "",
				 e->map, kind_names[e->kind]),
		      check_text(c, "%s %s%s", range_text(c, min, max),
				 min == 1 && max == 1 ? "entry" : "entries", entry_text(c, e)),
		      check_text(c, "%" PRIu64, n), check_text(c, "%s", buf_str(&lines)));
}

bool step_part_can_fail(const struct expect *e, const struct step_trace *t)
{
	for (size_t i = 0; i < e->n_counts; i++) {
		const struct count_expect *n = &e->counts[i];

		if (!open_range(n->min, n->max) &&
		    (t->n_packets || n->min || strcmp(n->name, "lost") == 0))
			return true;
	}
	for (size_t i = 0; i < e->n_maps; i++) {
		uint64_t min, max;

		map_range(&e->maps[i], &min, &max);
		if (!open_range(min, max))
			return true;
	}
	for (size_t i = 0; i < e->n_monitor; i++)
		if (t->n_packets || !e->monitor[i].absent)
			return true;
	return e->n_log > 0;
}

void check_step(struct check *c, const struct expect *e)
{
	for (size_t i = 0; i < e->n_counts; i++)
		check_count(c, &e->counts[i]);
	for (size_t i = 0; i < e->n_maps; i++)
		check_map(c, &e->maps[i]);
	for (size_t i = 0; i < e->n_monitor; i++)
		check_monitor(c, &e->monitor[i]);
	for (size_t i = 0; i < e->n_log; i++)
		check_log(c, &e->log[i]);
}
