/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/bench_rows.h"

#include <stdio.h>
#include <string.h>

#include "cmd/bench_race.h"

static const char *verdict_text(const struct bench_result *r)
{
	const char *name;

	if (r->said)
		return r->said;
	name = word_name(words_verdict(r->hook), r->verdict);
	return name ? strrchr(name, '_') + 1 : "?";
}

static void print_side(const struct bench_result *r)
{
	if (r->way.programs)
		printf("%3u %9llu %6u", r->way.programs, (unsigned long long)r->way.instructions,
		       r->way.stack);
	else
		printf("%3s %9s %6s", "", "-", "-");
	if (r->ns > 0)
		printf(" %7.0f", r->ns);
	else
		printf(" %7s", "-");
}

static void print_ratios(const struct bench_result *ours, const struct bench_result *theirs)
{
	const struct quartiles *r = &ours->to_theirs;

	printf(" %6.2f %4.2f-%.2f", r->middle, r->low, r->high);
	if (theirs->way.instructions)
		printf(" %6.2f", (double)ours->way.instructions / (double)theirs->way.instructions);
}

void bench_rows_print(const char *name, const struct bench_result r[2])
{
	printf("%-42s %-9s", name, verdict_text(&r[0]));
	print_side(&r[0]);
	if (r[1].is_measured && r[1].verdict != r[0].verdict) {
		printf("  does another thing: %s", verdict_text(&r[1]));
	} else if (r[1].is_measured) {
		printf(" |");
		print_side(&r[1]);
		print_ratios(&r[0], &r[1]);
	}
	printf("\n");
	fflush(stdout);
}

void bench_rows_print_way(const char *name, const double ns[2])
{
	printf("%-42s %-9s%3s %9s %6s %7.0f", name, "", "", "", "", ns[0]);
	if (ns[1] > 0)
		printf(" |%3s %9s %6s %7.0f %6.2f", "", "", "", ns[1], ns[0] / ns[1]);
	printf("\n");
	fflush(stdout);
}

void bench_rows_print_object(const char *name, const struct bench_way way[2])
{
	printf("%-42s %-9s%3u %9llu %6u %7s", name, "", way[0].programs,
	       (unsigned long long)way[0].instructions, way[0].stack, "");
	if (way[1].instructions)
		printf(" |%3u %9llu %6u %7s %6s %9s %6.2f", way[1].programs,
		       (unsigned long long)way[1].instructions, way[1].stack, "", "", "",
		       (double)way[0].instructions / (double)way[1].instructions);
	printf("\n");
	fflush(stdout);
}

void bench_rows_head(bool cilium)
{
	printf("%-42s %-9s%3s %9s %6s %7s", "", "verdict", "", "verified", "stack", "ns");
	if (cilium)
		printf(" |%3s %9s %6s %7s %6s %9s %6s", "", "Cilium's", "stack", "ns", "ns",
		       "quartiles", "verif.");
	printf("\n");
}

void bench_rows_legend(bool cilium)
{
	printf("\nall its way: the sum of a packet's hops; a packet of these: the mean of "
	       "those that went the same way on\nboth sides; all of an object: its "
	       "programs together, whichever the packets meet. Before what the verifier\n"
	       "processed stands for how many programs: those that the packet meets; "
	       "stack: the most that one needs, in\nbytes. ns: of a run, that of an empty "
	       "program subtracted, %d turns of %d runs (of a cluster's programs\n%d), of "
	       "a turn the mean of the middle half, of the turns the median. Out of the "
	       "tunnel: with helpers\nreplaced, as the kernel's test run knows no "
	       "tunnel. At a socket: of a real one, as the kernel times programs\n"
	       "(BPF_STATS_RUN_TIME).\n",
	       RACE_TURNS, RACE_BLOCK, RACE_TURNS_FEW);
	if (cilium)
		printf("Last: ours to Cilium's. Both were loaded at once and took turns, which "
		       "first from turn to turn: the\nmedian of the turns' ratios, and their "
		       "quartiles; load on the machine weighs on both.\n");
}
