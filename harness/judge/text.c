// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines that must, or must not, occur: of the monitor, and of the agents' log. */
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "judge/step.h"

#define NEAREST 3

/* Lines gathered from wherever they come; one buffer, each line ended by a NUL. */
struct lines {
	struct buf text;
	size_t n;
};

static void lines_add(struct lines *l, const char *line)
{
	buf_add(&l->text, line, strlen(line) + 1);
	l->n++;
}

static bool line_matches(const char *pattern, const char *line)
{
	if (strchr(pattern, '*'))
		return fnmatch(pattern, line, 0) == 0;
	return strstr(line, pattern) != NULL;
}

static const char *first_match(const struct lines *l, const char *pattern)
{
	const char *line = buf_str(&l->text);

	for (size_t i = 0; i < l->n; i++, line += strlen(line) + 1)
		if (line_matches(pattern, line))
			return line;
	return NULL;
}

/* How many letters of the pattern's words the line holds: enough to say which lines come near. */
static size_t likeness(const char *pattern, const char *line)
{
	size_t score = 0;
	char word[64];

	while (*pattern) {
		size_t len = strcspn(pattern, " *");

		if (len > 1 && len < sizeof(word)) {
			memcpy(word, pattern, len);
			word[len] = '\0';
			if (strstr(line, word))
				score += len;
		}
		pattern += len + (pattern[len] != '\0');
	}
	return score;
}

/* A pattern that fits a part of some line, as grep's would. */
static bool fits_inside(const struct lines *l, const char *pattern)
{
	__cleanup_buf struct buf wide = BUF_INIT;

	buf_printf(&wide, "*%s*", pattern);
	return first_match(l, buf_str(&wide)) != NULL;
}

static void nearest_lines(const struct lines *l, const char *pattern, struct buf *out)
{
	const char *best[NEAREST] = { NULL };
	size_t score[NEAREST] = { 0 };
	const char *line = buf_str(&l->text);

	for (size_t i = 0; i < l->n; i++, line += strlen(line) + 1) {
		size_t s = likeness(pattern, line), at = NEAREST;

		while (at > 0 && (!best[at - 1] || s > score[at - 1]))
			at--;
		if (at == NEAREST)
			continue;
		memmove(&best[at + 1], &best[at], (NEAREST - at - 1) * sizeof(*best));
		memmove(&score[at + 1], &score[at], (NEAREST - at - 1) * sizeof(*score));
		best[at] = line;
		score[at] = s;
	}
	if (strchr(pattern, '*') && fits_inside(l, pattern))
		buf_puts(out, "with a * at both ends the pattern would fit: it is held against the "
			      "whole line\n");
	for (size_t i = 0; i < NEAREST && best[i]; i++)
		buf_printf(out, "%s%s", i ? "\n" : "nearest: ", best[i]);
}

static void check_lines(struct check *c, const struct text_expect *e, const char *what,
			const struct lines *l, uint64_t lost)
{
	const char *found = first_match(l, e->text);
	__cleanup_buf struct buf near = BUF_INIT;
	const char *field = check_text(c, "%s%s", e->absent ? "no_" : "", what);
	const char *want = check_text(c, "%s line like \"%s\"", e->absent ? "no" : "a", e->text);

	c->checks++;
	if (e->absent && found) {
		check_differs(c, &e->loc, NULL, NULL, field, want, check_text(c, "%s", found),
			      NULL);
	} else if (e->absent && lost) {
		check_differs(
			c, &e->loc, NULL, NULL, field, want,
			check_text(c, "none was seen, but %" PRIu64 " events were lost", lost),
			NULL);
	} else if (!e->absent && !found) {
		nearest_lines(l, e->text, &near);
		check_differs(c, &e->loc, NULL, NULL, field, want,
			      check_text(c, "none of %zu line%s", l->n, l->n == 1 ? "" : "s"),
			      near.len ? check_text(c, "%s", buf_str(&near)) : NULL);
	}
}

void check_monitor(struct check *c, const struct text_expect *e)
{
	__cleanup_buf struct buf line = BUF_INIT;
	struct lines l = { BUF_INIT, 0 };

	for (size_t i = 0; i < c->trace->n_packets; i++) {
		const struct trace *t = &c->trace->packets[i];

		for (size_t j = 0; j < t->n_hops; j++) {
			for (size_t k = 0; k < t->hops[j].n_events; k++) {
				buf_reset(&line);
				event_print_monitor(&line, &t->hops[j].events[k]);
				lines_add(&l, buf_str(&line));
			}
		}
	}
	check_lines(c, e, "monitor", &l, step_lost(c->trace));
	buf_free(&l.text);
}

void check_log(struct check *c, const struct text_expect *e)
{
	struct lines l = { BUF_INIT, 0 };

	for (size_t i = 0; i < c->trace->n_log; i++)
		lines_add(&l, c->trace->log[i].text);
	check_lines(c, e, "log", &l, 0);
	buf_free(&l.text);
}
