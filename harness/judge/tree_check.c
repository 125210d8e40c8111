/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A packet's way against the lines that a scenario expects of it. Both are laid beside each other with the
 * fewest changes; where there is one, they are shown as a diff.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "judge/check.h"
#include "judge/tree.h"

/* What changes cost. A line that reads nearly the same costs less than one that is left out: so it stands
 * beside the line it came from, also where a gap could take it. Two of them cost more than that one: a line
 * that is there as it should be stays where it is.
 */
#define COST_MISSING 100
#define COST_EXTRA   90 /* less: what is expected was seen then */
#define COST_OTHER   (COST_MISSING + COST_EXTRA)
#define LIKE_MIN     40 /* of 100: from there on a line is the other one, changed */
#define CONTEXT	     2 /* lines shown around a change */

enum change {
	GAP_ENDS,
	GAP_TAKES, /* a line that was seen */
	SAME,
	OTHER,
	MISSING,
	EXTRA,
};

struct choice {
	enum change change;
	unsigned cost; /* with all that follows */
};

struct match {
	const struct tree_expect *want;
	const char **seen;
	size_t n; /* of seen */
	bool liken; /* lines that read nearly the same belong together */
	unsigned *costs; /* of want from i and seen from j on, at i * (n + 1) + j */
};

static bool is_gap(const char *line)
{
	return strcmp(line, TREE_GAP) == 0;
}

/* A gap within a line stands for any text. */
static bool line_fits(const char *want, const char *seen)
{
	const char *gap = strstr(want, TREE_GAP);
	size_t head = gap ? (size_t)(gap - want) : strlen(want);

	if (strncmp(want, seen, head) != 0)
		return false;
	if (!gap)
		return seen[head] == '\0';
	for (seen += head; !line_fits(gap + strlen(TREE_GAP), seen); seen++)
		if (!*seen)
			return false;
	return true;
}

/* What two lines have in common at both ends, of 100. */
static unsigned likeness(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), longer = la > lb ? la : lb;
	size_t shorter = la < lb ? la : lb, head = 0, tail = 0;

	while (head < shorter && a[head] == b[head])
		head++;
	while (tail < shorter - head && a[la - 1 - tail] == b[lb - 1 - tail])
		tail++;
	return longer ? (unsigned)((head + tail) * 100 / longer) : 100;
}

static unsigned cost_of_other(const struct match *m, const char *want, const char *seen)
{
	unsigned like = m->liken ? likeness(want, seen) : 0;

	return like < LIKE_MIN ? COST_OTHER : COST_MISSING - like * 2 / 5;
}

static unsigned *cost_at(const struct match *m, size_t i, size_t j)
{
	return &m->costs[i * (m->n + 1) + j];
}

static void consider(struct choice *best, enum change change, unsigned cost)
{
	if (cost < best->cost)
		*best = (struct choice){ change, cost };
}

/* The cheapest thing to do with want from i and seen from j on, of which one at least goes on. */
static struct choice choose(const struct match *m, size_t i, size_t j)
{
	const char *want = i < m->want->n ? m->want->lines[i] : NULL;
	const char *seen = j < m->n ? m->seen[j] : NULL;
	struct choice best = { .cost = UINT_MAX };

	if (want && is_gap(want)) {
		if (seen) /* first: what is missing is missing behind what is there */
			consider(&best, GAP_TAKES, *cost_at(m, i, j + 1));
		consider(&best, GAP_ENDS, *cost_at(m, i + 1, j));
		return best;
	}
	if (want && seen && line_fits(want, seen))
		consider(&best, SAME, *cost_at(m, i + 1, j + 1));
	else if (want && seen)
		consider(&best, OTHER, cost_of_other(m, want, seen) + *cost_at(m, i + 1, j + 1));
	if (want)
		consider(&best, MISSING, COST_MISSING + *cost_at(m, i + 1, j));
	if (seen)
		consider(&best, EXTRA, COST_EXTRA + *cost_at(m, i, j + 1));
	return best;
}

/* What all of it costs. */
static unsigned lay(struct match *m)
{
	for (size_t i = m->want->n + 1; i-- > 0;)
		for (size_t j = m->n + 1; j-- > 0;)
			*cost_at(m, i, j) = i == m->want->n && j == m->n ? 0 : choose(m, i, j).cost;
	return *cost_at(m, 0, 0);
}

/* ---- what is said of a difference ---- */

struct line {
	char mark; /* ' ', or '-' expected, '+' seen */
	const char *text;
};

struct diff {
	struct line *lines;
	size_t n;
	/* the first change */
	bool found;
	enum change change;
	size_t want, seen;
};

static void diff_add(struct arena *a, struct diff *d, char mark, const char *text)
{
	d->lines = arena_grow(a, d->lines, d->n, sizeof(*d->lines));
	d->lines[d->n++] = (struct line){ mark, text };
}

static void walk(const struct match *m, struct arena *a, struct diff *d)
{
	size_t i = 0, j = 0;

	while (i < m->want->n || j < m->n) {
		enum change change = choose(m, i, j).change;
		bool differs = change == OTHER || change == MISSING || change == EXTRA;

		if (differs && !d->found) {
			d->found = true;
			d->change = change;
			d->want = i;
			d->seen = j;
		}
		if (change == OTHER || change == MISSING)
			diff_add(a, d, '-', m->want->lines[i]);
		if (change != MISSING && change != GAP_ENDS)
			diff_add(a, d, differs ? '+' : ' ', m->seen[j]);
		i += change != GAP_TAKES && change != EXTRA;
		j += change != GAP_ENDS && change != MISSING;
	}
}

static bool is_near_change(const struct diff *d, size_t at)
{
	size_t from = at > CONTEXT ? at - CONTEXT : 0;

	for (size_t i = from; i < d->n && i <= at + CONTEXT; i++)
		if (d->lines[i].mark != ' ')
			return true;
	return false;
}

static void print_diff(struct buf *out, const struct diff *d)
{
	bool left_out = false;

	for (size_t i = 0; i < d->n; i++) {
		if (is_near_change(d, i))
			buf_printf(out, "%s%c %s", out->len ? "\n" : "", d->lines[i].mark,
				   d->lines[i].text);
		else if (!left_out)
			buf_printf(out, "%s  " TREE_GAP, out->len ? "\n" : "");
		left_out = !is_near_change(d, i);
	}
}

static const char *quoted(struct check *c, const char *line)
{
	return check_text(c, "\"%s\"", line);
}

static void tell(struct check *c, const struct match *m, const struct diff *d,
		 const struct trace *t)
{
	const struct tree_expect *e = m->want;
	size_t at = d->want < e->n ? d->want : e->n - 1;
	const char *seen = d->change != MISSING && d->seen < m->n ? m->seen[d->seen] : NULL;
	struct loc loc = { e->loc.file, e->numbers[at], e->loc.col };
	__cleanup_buf struct buf text = BUF_INIT;

	print_diff(&text, d);
	check_differs(c, &loc, t, NULL, "explain",
		      d->change != EXTRA ? quoted(c, e->lines[d->want])
		      : d->want < e->n	 ? check_text(c, "\"%s\" next", e->lines[d->want])
					 : "the end of the tree",
		      seen ? quoted(c, seen) : "no such line", check_text(c, "%s", buf_str(&text)));
}

/* ---- the check ---- */

/* The lines of the tree but the empty ones, without spaces around them. */
static void split(struct match *m, struct arena *a, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t len;

		line += strspn(line, " ");
		len = strlen(line);
		while (len && line[len - 1] == ' ')
			line[--len] = '\0';
		m->seen = arena_grow(a, m->seen, m->n, sizeof(*m->seen));
		m->seen[m->n++] = line;
	}
}

static bool was_seen(const struct trace *t)
{
	for (size_t i = 0; i < t->n_hops; i++)
		if (!t->hops[i].observed && !t->hops[i].not_run)
			return false;
	return true;
}

static void compare(struct check *c, struct match *m, struct arena *a, const struct trace *t)
{
	struct diff d = { .lines = NULL };

	m->costs = arena_alloc(a, (m->want->n + 1) * (m->n + 1) * sizeof(*m->costs));
	if (!lay(m))
		return;
	m->liken = true;
	lay(m);
	walk(m, a, &d);
	tell(c, m, &d, t);
}

void check_tree(struct check *c, const struct tree_expect *e, const struct trace *t)
{
	__cleanup_buf struct buf text = BUF_INIT;
	struct match m = { .want = e };
	struct arena *a;

	c->checks++;
	if (!was_seen(t)) {
		check_differs(c, &e->loc, t, NULL, "explain", "a way that is known",
			      "a program ran as shipped: what it looked up is not known", NULL);
		return;
	}
	a = arena_new();
	tree_print(&text, c->step, t);
	split(&m, a, arena_strdup(a, buf_str(&text)));
	compare(c, &m, a, t);
	arena_free(a);
}
