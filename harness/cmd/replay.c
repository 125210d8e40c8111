// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict replay`: one program, one capture, one answer. */
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/replay_options.h"
#include "cmd/stop.h"
#include "engine/loaded.h"
#include "report/lines.h"
#include "report/pcapng_hops.h"
#include "report/replay.h"

#define PENDING		  (1 << 16) /* entry records whose exit may still come */
#define SHOWN_UNEXPECTED  20 /* with --quiet */
#define PROGRESS_EVERY	  4096 /* packets between two looks at the clock */
#define PROGRESS_EVERY_NS 200000000ull

/* An entry record that was replayed, until its exit record tells the verdict. */
struct pending {
	bool waits;
	uint64_t packetid;
	uint32_t number;
	int verdict;
	bool ran;
};

struct session {
	struct replay_options o;
	bool quiet, json, expect_verdicts, no_changes;
	int verbose;
	const char *out;
	struct replay *replay;
	struct capture *capture;
	struct pcapng_hops *hops;
	struct replay_json *doc;
	struct arena *arena; /* of a packet */
	struct loaded_list loaded;
	struct pending *pending;
	struct replay_totals totals;
	struct lines lines; /* on standard output */
	const char *first_program; /* that the capture has records of; NULL: none so far */
	bool other_hook, several_programs, exits_only; /* said once */
	bool live, standing; /* a progress line may stand on standard error, and does */
	uint64_t began_ns, shown_ns;
	uint64_t records; /* read of the capture */
};

/* ---- progress ---- */

static void clear_progress(struct session *s)
{
	if (s->standing)
		fputs("\r\033[K", stderr);
	s->standing = false;
}

static void show_progress(struct session *s)
{
	char bar[31] = "";
	uint64_t now = clock_ns();
	double done = capture_progress(s->capture);

	if (now - s->began_ns < PROGRESS_EVERY_NS || now - s->shown_ns < PROGRESS_EVERY_NS)
		return;
	memset(bar, '#', (size_t)(done * 30));
	fprintf(stderr, "\r\033[K[%-30s] %3.0f %%, %" PRIu64 " packets", bar, done * 100,
		s->totals.packets);
	s->standing = true;
	s->shown_ns = now;
}

/* ---- what the capture expects ---- */

static struct pending *slot(struct session *s, uint64_t packetid)
{
	return &s->pending[packetid % PENDING];
}

/* epb_verdict 1 is of tc, 2 of XDP. */
static bool same_hook(const struct session *s, const struct capture_packet *p)
{
	return p->verdict_type == (replay_hook(s->replay) == HOOK_XDP ? 2 : 1);
}

static void say_unexpected(struct session *s, const struct pending *e,
			   const struct replay_expected *expected)
{
	__cleanup_buf struct buf line = BUF_INIT;

	if (s->doc)
		replay_json_unexpected(s->doc, e->number, replay_hook(s->replay), e->verdict,
				       expected);
	if (s->doc || (s->quiet && s->totals.unexpected > SHOWN_UNEXPECTED))
		return;
	clear_progress(s);
	replay_print_unexpected(&line, e->number, replay_hook(s->replay), e->verdict, expected);
	lines_print(&s->lines, buf_str(&line), "", RED);
}

static void compare(struct session *s, const struct pending *e, const struct capture_packet *p)
{
	const struct replay_expected expected = { true, (int)(int64_t)p->verdict, p->number };

	if (!s->expect_verdicts || !p->has_verdict)
		return;
	if (!same_hook(s, p)) {
		if (!s->other_hook)
			log_warn("record %u has a verdict of %s: it says nothing of this program",
				 p->number, p->verdict_type == 2 ? "XDP" : "tc");
		s->other_hook = true;
		return;
	}
	s->totals.compared++;
	if (e->ran && e->verdict == expected.verdict)
		return;
	s->totals.unexpected++;
	if (e->ran)
		say_unexpected(s, e, &expected);
}

/* True if the record is no packet of its own but the exit of one that was replayed. */
static bool take_exit(struct session *s, const struct capture_packet *p)
{
	struct pending *e;

	if (!p->has_packetid)
		return false;
	e = slot(s, p->packetid);
	if (!e->waits || e->packetid != p->packetid ||
	    (!p->has_verdict && !replay_options_is_exit(p)))
		return false;
	e->waits = false;
	compare(s, e, p);
	return true;
}

/* ---- one packet ---- */

static int run_quietly(struct session *s, const struct capture_packet *p, struct pending *e,
		       struct err *err)
{
	const char *why;
	int ret = replay_verdict(s->replay, p, &e->verdict, &why, err);

	if (ret < 0)
		return ret;
	e->ran = ret == 0;
	if (e->ran)
		replay_count(&s->totals, e->verdict);
	else
		s->totals.unmodelled++;
	return 0;
}

static int tell(struct session *s, const struct trace *t, struct err *err)
{
	__cleanup_buf struct buf text = BUF_INIT;
	int ret = s->hops ? pcapng_hops_packet(s->hops, t, NULL, NULL, err) : 0;

	if (ret < 0)
		return ret;
	if (s->doc)
		replay_json_packet(s->doc, t);
	if (s->doc || s->quiet)
		return 0;
	replay_print_packet(&text, t, s->verbose > 0);
	clear_progress(s);
	lines_print(&s->lines, buf_str(&text), "", PLAIN);
	return 0;
}

static int run_fully(struct session *s, const struct capture_packet *p, struct pending *e,
		     struct err *err)
{
	struct trace t;
	int ret;

	arena_reset(s->arena);
	ret = replay_packet(s->replay, p, s->arena, &t, err);
	if (ret)
		return ret;
	t.capture = s->o.capture;
	if (t.n_hops && !t.hops[0].not_run) {
		e->ran = true;
		e->verdict = t.hops[0].verdict;
		replay_count(&s->totals, e->verdict);
	}
	s->totals.unmodelled += t.outcome == OUTCOME_UNMODELLED;
	for (size_t i = 0; i < t.n_hops; i++)
		s->totals.lost += t.hops[i].lost;
	return tell(s, &t, err);
}

/* "eth0:xdp_filter()@fentry": a packet that went through two programs has two entries, and is replayed
 * twice.
 */
static void look_at_program(struct session *s, const struct capture_packet *p)
{
	const char *end = p->interface_name ? strstr(p->interface_name, "()@") : NULL, *name = end;

	if (!end || s->o.interface || s->several_programs)
		return;
	while (name > p->interface_name && name[-1] != ':')
		name--;
	if (!s->first_program)
		s->first_program = arena_strndup(s->o.arena, name, (size_t)(end - name));
	if (strncmp(s->first_program, name, (size_t)(end - name)) == 0)
		return;
	log_warn("the capture has records of several programs, %s and %.*s: those of each are "
		 "replayed; --interface '*:%s()@*' selects",
		 s->first_program, (int)(end - name), name, s->first_program);
	s->several_programs = true;
}

static int take_packet(struct session *s, const struct capture_packet *p, struct err *err)
{
	struct pending e = { .number = p->number };
	int ret;

	if (take_exit(s, p) || !replay_options_take(&s->o, p))
		return 0;
	look_at_program(s, p);
	if (replay_options_is_exit(p) && !s->exits_only) {
		log_warn("record %u was taken where the packet left a program (%s): it is replayed "
			 "as if it came in",
			 p->number, p->interface_name);
		s->exits_only = true;
	}
	s->totals.truncated += p->caplen < p->len;
	ret = s->o.replay.verdicts_only ? run_quietly(s, p, &e, err) : run_fully(s, p, &e, err);
	if (ret)
		return ret;
	if (p->has_verdict) {
		compare(s, &e, p);
	} else if (p->has_packetid) {
		e.waits = true;
		e.packetid = p->packetid;
		*slot(s, p->packetid) = e;
	}
	return 0;
}

static int take_packets(struct session *s, struct err *err)
{
	struct capture_packet p;
	int ret = 0;

	while (!stop_signal() && (ret = capture_next(s->capture, &p, err)) > 0) {
		s->records++;
		ret = take_packet(s, &p, err);
		if (ret)
			return err_wrap(err, "packet %u", p.number);
		if (s->live && s->records % PROGRESS_EVERY == 0)
			show_progress(s);
	}
	return stop_signal() ? 0 : ret;
}

/* ---- all of it ---- */

static int begin(struct session *s, struct utsname *u, struct err *err)
{
	struct replay_head head = { .version = VERDICT_VERSION, .kernel = u->release };
	__cleanup_buf struct buf text = BUF_INIT;
	const struct target *t = replay_target(s->replay);

	for (size_t i = 0; i < target_n_images(t); i++)
		loaded_add_object(&s->loaded, target_object(t, i));
	head.capture = s->o.capture;
	head.replay = s->replay;
	head.objects = s->loaded.items;
	head.n_objects = s->loaded.n;
	if (s->json) {
		s->doc = replay_json_open(stdout, &head);
	} else if (!s->quiet) {
		replay_print_head(&text, &head, s->verbose > 0);
		lines_print(&s->lines, buf_str(&text), "", FAINT);
	}
	return s->out ? pcapng_hops_open(s->out, &s->hops, err) : 0;
}

static void finish(struct session *s)
{
	__cleanup_buf struct buf text = BUF_INIT;

	clear_progress(s);
	s->totals.duration_ns = clock_ns() - s->began_ns;
	if (s->doc) {
		replay_json_close(s->doc, &s->totals, replay_hook(s->replay));
		return;
	}
	if (s->quiet && s->totals.unexpected > SHOWN_UNEXPECTED)
		buf_printf(&text, "and %" PRIu64 " more\n",
			   s->totals.unexpected - SHOWN_UNEXPECTED);
	replay_print_totals(&text, &s->totals, replay_hook(s->replay));
	lines_print(&s->lines, buf_str(&text), "", s->totals.unexpected ? RED : PLAIN);
	fflush(stdout); /* what is said on standard error comes after it */
}

static void say_nothing_ran(const struct session *s)
{
	const char *capture = s->o.capture;

	if (!s->records)
		cmd_error("nothing ran: %s holds no packet", capture);
	else if (!s->totals.unmodelled)
		cmd_error("nothing ran: of the %" PRIu64
			  " packets of %s none is meant by --packets "
			  "and --interface",
			  s->records, capture);
	else
		cmd_error("nothing ran: the kernel runs none of the packets of %s%s", capture,
			  s->quiet ? "; without --quiet each says why" : "");
}

static int exit_code(const struct session *s)
{
	if (stop_signal()) {
		cmd_error("stopped by %s", strsignal(stop_signal()));
		return 128 + stop_signal();
	}
	if (s->totals.unexpected)
		return EXIT_UNEXPECTED;
	if (!s->totals.packets) {
		say_nothing_ran(s);
		return EXIT_NOTHING;
	}
	if (s->expect_verdicts && !s->totals.compared) {
		cmd_error("nothing was compared: no packet of %s carries a verdict of this hook "
			  "(epb_verdict, as xdpdump writes it)",
			  s->o.capture);
		return EXIT_NOTHING;
	}
	return EXIT_AS_EXPECTED;
}

static int run(struct session *s, struct err *err)
{
	struct utsname u = { .release = "unknown" };
	struct err ignored;
	int ret;

	uname(&u);
	s->o.replay.verdicts_only = s->quiet && !s->out && !s->json && !s->o.replay.follow;
	ret = capture_open(s->o.capture, &s->capture, err);
	if (!ret)
		ret = replay_open(&s->o.replay, &s->replay, err);
	s->began_ns = clock_ns();
	if (!ret)
		ret = begin(s, &u, err);
	if (ret)
		return err_exit_code(err);
	ret = take_packets(s, err);
	finish(s);
	if (s->hops && pcapng_hops_close(s->hops, false, ret ? &ignored : err))
		ret = ret ? ret : -EIO;
	return ret ? err_exit_code(err) : exit_code(s);
}

static int replay_parsed(struct session *s, char **rest, int n)
{
	struct err *err;
	int ret;

	if (n > 1)
		return cmd_usage_error(&cmd_replay, rest[1]);
	if (n == 0)
		return cmd_usage_says(&cmd_replay, "no capture given");
	err = calloc(1, sizeof(*err));
	if (!err)
		return EXIT_HARNESS;
	stop_catch_signals();
	lines_open(&s->lines, stdout);
	s->live = isatty(STDERR_FILENO) && (s->quiet || !isatty(STDOUT_FILENO));
	ret = replay_options_finish(&s->o, rest[0], err) ? err_exit_code(err) : run(s, err);
	fflush(stdout);
	if (err->kind != ERR_NONE)
		cmd_error("%s", err->text);
	free(err);
	return ret;
}

static int got(void *arg, const char *name, const char *value)
{
	struct session *s = arg;

	if (strcmp(name, "--expect") == 0) {
		s->expect_verdicts = true;
		return strcmp(value, "verdicts") == 0 ? 0 : EXIT_USAGE;
	}
	if (strcmp(name, "-o") == 0) {
		s->out = value;
		return *value ? 0 : EXIT_USAGE;
	}
	if (strcmp(name, "--json") == 0)
		s->json = true;
	else if (strcmp(name, "--quiet") == 0)
		s->quiet = true;
	else if (strcmp(name, "-v") == 0)
		s->verbose++;
	else
		return replay_option(&s->o, name, value);
	return 0;
}

static int replay_main(int argc, char **argv)
{
	struct session *s = calloc(1, sizeof(*s));
	char **rest;
	int n, ret;

	if (!s)
		return EXIT_HARNESS;
	replay_options_init(&s->o);
	s->arena = arena_new();
	s->loaded.arena = s->o.arena;
	s->pending = calloc(PENDING, sizeof(*s->pending));
	ret = s->pending ? cmd_parse(&cmd_replay, argc, argv, got, s, &rest, &n) : EXIT_HARNESS;
	if (!ret)
		ret = replay_parsed(s, rest, n);
	replay_close(s->replay);
	target_forget();
	capture_close(s->capture);
	replay_options_free(&s->o);
	arena_free(s->arena);
	free(s->pending);
	free(s);
	return ret < 0 ? EXIT_AS_EXPECTED : ret;
}

static const struct cmd_option options[] = {
	REPLAY_OPTIONS,
	{ "--expect", "verdicts",
	  "compare each verdict with the one in the capture (epb_verdict, as xdpdump writes it)" },
	{ "--quiet", NULL, "only what is not as expected, and the totals" },
	{ "-o", "FILE", "write every program run into a pcapng, with its verdict" },
	{ "--json", NULL, "as JSON (reports/replay.schema.json)" },
	{ "-v", NULL, "packets in hex as well" },
	{ NULL, NULL, NULL },
};

const struct command cmd_replay = {
	.name = "replay",
	.args = "--object FILE [options] CAPTURE",
	.summary = "run a capture through one program and say what it did",
	.text = "Every packet of the capture goes through the program by BPF_PROG_TEST_RUN, in a "
		"network namespace of its own. For each one: the verdict; the drop reason; the "
		"tail "
		"calls taken; where it was redirected to; what changed in the packet, field by "
		"field "
		"and in bytes; the events; the map entries that changed. Records that xdpdump "
		"took at a program's exit belong to those at its entry (packet id) and are not "
		"replayed themselves. A CAPTURE called - is standard input.\n"
		"\n"
		"Exit status: 0 if it ran, and with --expect all was as expected; 1 if a verdict "
		"was "
		"not; 2 usage, or a file that cannot be read; 3 the object does not load, or the "
		"machine failed; 4 nothing ran, or nothing was compared.",
	.options = options,
	.run = replay_main,
};
