// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict record`: a replay written down as a scenario that expects what was seen. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/record_folder.h"
#include "cmd/replay_options.h"
#include "engine/run.h"
#include "judge/judge.h"
#include "report/record.h"

#define SCENARIO_FILE "scenario.yaml"
#define EXIT_WITHIN   4096 /* records between a packet's entry and its exit */

struct recording {
	struct replay_options o;
	const char *out; /* the folder to be */
	struct record_folder folder;
	struct arena *a; /* outlives both runs */
	struct scenario scenario; /* as options say */
	struct raw_target target;
	struct step step;
	const char *from;
	struct run_cache *cache;
	struct run_trace trace, again; /* two runs: what differs between them is not expected */
};

/* ---- the folder ---- */

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && strcmp(name + len - n, end) == 0;
}

/* What bpftool dumped is of the map that its file is called after: such names stay. */
static const char *maps_name(const struct recording *r, const char *path)
{
	const char *name = record_base_name(path);

	if (r->o.n_maps == 1 && (ends_in(name, ".yaml") || ends_in(name, ".yml")))
		return "maps.yaml";
	return name;
}

static int fill_folder(struct recording *r, struct err *err)
{
	const char *ip = r->o.replay.ip_batch;
	int ret = record_folder_capture(&r->folder, r->o.capture, &r->step.send.capture, err);

	r->target.maps = arena_alloc(r->a, (r->o.n_maps + 1) * sizeof(*r->target.maps));
	for (size_t i = 0; i < r->o.n_maps && !ret; i++)
		ret = record_folder_copy(&r->folder, r->o.maps[i], maps_name(r, r->o.maps[i]),
					 &r->target.maps[r->target.n_maps++], err);
	if (!ret && ip)
		ret = record_folder_copy(&r->folder, ip, record_base_name(ip), &r->target.ip_batch,
					 err);
	return ret;
}

/* ---- the scenario that the options say ---- */

/* What the variable names lies elsewhere on another machine. */
static const char *portable(struct recording *r, const char *path)
{
	const char *env = getenv("VERDICT_CILIUM_OBJECTS");
	size_t len = env ? strlen(env) : 0;

	while (len && env[len - 1] == '/')
		len--;
	if (!len || strncmp(path, env, len) != 0 || (path[len] && path[len] != '/'))
		return path;
	return arena_printf(r->a, "$VERDICT_CILIUM_OBJECTS%s", path + len);
}

static void fill_target(struct recording *r)
{
	const struct replay_options *o = &r->o;
	struct raw_target *t = &r->target;

	t->desc = o->desc;
	t->file = o->target;
	t->objects = o->objects;
	t->objects_written = o->objects ? portable(r, o->objects) : NULL;
	t->program = o->program;
	t->config = o->config;
	t->n_config = o->n_config;
	t->sizes = (struct map_override *)o->sizes;
	t->n_sizes = o->n_sizes;
	t->pristine = o->replay.pristine;
	t->follow = o->replay.follow;
	if (o->object) {
		t->object = o->desc->objects[0].path;
		t->written = portable(r, o->object);
	}
	t->type_sections = arena_alloc(r->a, (o->n_types + 1) * sizeof(char *));
	t->type_names = arena_alloc(r->a, (o->n_types + 1) * sizeof(char *));
	for (; t->n_types < o->n_types; t->n_types++) {
		t->type_sections[t->n_types] = o->types[t->n_types].section;
		t->type_names[t->n_types] = o->types[t->n_types].type;
	}
}

static void fill_send(struct recording *r)
{
	const struct replay_place *p = &r->o.replay.place;
	struct send_step *s = &r->step.send;

	s->role = p->role;
	s->hook = p->hook;
	s->ifindex = p->ifindex;
	s->mark = p->mark;
	s->rx_queue = p->rx_queue;
	s->has_tunnel = p->tunnel != NULL;
	if (!p->tunnel)
		return;
	s->tunnel_id = p->tunnel->id;
	s->tunnel_remote.family = p->tunnel->ipv6 ? 6 : p->tunnel->remote_ip4 ? 4 : 0;
	if (p->tunnel->ipv6)
		memcpy(s->tunnel_remote.bytes, p->tunnel->remote_ip6, 16);
	else
		for (int i = 0; i < 4; i++)
			s->tunnel_remote.bytes[i] =
				(uint8_t)(p->tunnel->remote_ip4 >> (24 - 8 * i));
}

static void add_number(struct recording *r, uint32_t number)
{
	struct packet_set *s = &r->step.send.packets;

	if (s->n && s->ranges[s->n - 1].last + 1 == number) {
		s->ranges[s->n - 1].last = number;
		return;
	}
	s->ranges = arena_grow(r->a, s->ranges, s->n, sizeof(*s->ranges));
	s->ranges[s->n++] = (struct packet_range){ number, number };
}

/* The same packet where it left a program: it comes soon after, under the same packet id. */
static bool is_seen_before(const struct recording *r, const struct capture_packet *packets,
			   size_t at)
{
	const struct capture_packet *p = &packets[at];

	if (!p->has_packetid || (!p->has_verdict && !replay_options_is_exit(p)))
		return false;
	for (size_t i = at; i > 0 && i + EXIT_WITHIN > at; i--) {
		const struct capture_packet *e = &packets[i - 1];

		if (e->has_packetid && e->packetid == p->packetid)
			return !e->has_verdict && replay_options_take(&r->o, e);
	}
	return false;
}

/* What is read is the copy, which goes with the folder: errors speak of what was given. */
static int of_the_original(const struct recording *r, struct err *err)
{
	const char *copy = r->step.send.capture, *at = strstr(err->text, copy);
	char rest[sizeof(err->text)];

	if (at) {
		snprintf(rest, sizeof(rest), "%s", at + strlen(copy));
		snprintf(err->text + (at - err->text), sizeof(err->text) - (size_t)(at - err->text),
			 "%s%s", r->o.capture, rest);
	}
	return -EINVAL;
}

/* --packets and --interface as the numbers they mean. */
static int choose_packets(struct recording *r, struct err *err)
{
	struct capture_packet *packets;
	size_t n, taken = 0;

	if (capture_load(r->a, r->step.send.capture, &packets, &n, err))
		return of_the_original(r, err);
	if (!n)
		return err_input(err, NULL, "%s holds no packet", r->o.capture);
	for (size_t i = 0; i < n; i++) {
		if (is_seen_before(r, packets, i) || !replay_options_take(&r->o, &packets[i]))
			continue;
		add_number(r, packets[i].number);
		taken++;
	}
	if (!taken)
		return err_input(err, NULL,
				 "of the %zu packets of %s none is meant by --packets "
				 "and --interface",
				 n, r->o.capture);
	if (taken == n)
		r->step.send.packets.n = 0;
	return 0;
}

static void describe(struct recording *r)
{
	const struct replay_options *o = &r->o;
	const char *what = o->program  ? o->program
			   : o->object ? record_base_name(o->object)
				       : o->target;

	r->scenario.summary =
		arena_printf(r->a, "What %s%s%s made of %s", what, o->hook ? " at " : "",
			     o->hook ? o->hook : "", record_base_name(o->capture));
	r->from = arena_printf(r->a, "Recorded by `verdict record` from %s.",
			       record_base_name(o->capture));
}

static int build(struct recording *r, struct err *err)
{
	struct scenario *s = &r->scenario;

	fill_target(r);
	fill_send(r);
	describe(r);
	r->step.kind = STEP_SEND;
	r->step.index = 1;
	r->step.raw = true;
	s->arena = r->a;
	s->path = r->out;
	s->dir = r->folder.making;
	s->target = &r->target;
	s->engines = ENGINE_TESTRUN;
	s->seed = r->o.replay.seed;
	s->steps = &r->step;
	s->n_steps = 1;
	return choose_packets(r, err);
}

/* ---- runs ---- */

static int run(struct recording *r, struct run_trace *out, struct err *err)
{
	struct run_opts opts = { .cache = r->cache, .all_maps = true };

	return run_scenario(&r->scenario, ENGINE_TESTRUN, &opts, r->a, out, err);
}

/* Writes the scenario with that much detail, reads it back as anybody will, and holds it against both
 * runs. 1: it does not hold of the second one.
 */
static int try_detail(struct recording *r, enum record_detail detail, struct err *err)
{
	const struct record_opts opts = { .from = r->from, .detail = detail };
	const char *path;
	struct scenario_result first = { 0 }, second = { 0 };
	__cleanup_buf struct buf text = BUF_INIT;
	struct scenario *s;
	int ret;

	record_print(&text, &r->scenario, &r->trace, &opts);
	ret = record_folder_write(&r->folder, SCENARIO_FILE, text.data, text.len, &path, err);
	if (!ret)
		ret = scenario_load(path, &s, err);
	if (ret)
		return err_wrap(err, "the recording cannot be read back");
	judge_scenario(r->a, s, &r->trace, &first);
	judge_scenario(r->a, s, &r->again, &second);
	scenario_free(s);
	return first.status != STATUS_UNREVIEWED || second.status != STATUS_UNREVIEWED;
}

/* A scenario in which nothing could fail is none. */
static int check_any_known(const struct recording *r, struct err *err)
{
	const struct step_trace *t = &r->trace.steps[0];
	const char *why = NULL;

	for (size_t i = 0; i < t->n_packets; i++) {
		if (t->packets[i].outcome != OUTCOME_UNMODELLED)
			return 0;
		why = why ? why : t->packets[i].why;
	}
	return err_input(err, NULL,
			 "%s: what becomes of its packets cannot be known, so nothing could be "
			 "expected of them: %s",
			 r->o.capture, why ? why : "no reason was told");
}

/* As much as repeats: time that a program takes from the kernel is another one each time. */
static int write_scenario(struct recording *r, struct err *err)
{
	static const char *const left_out[] = {
		[RECORD_KEYS] = "values of map entries differ from run to run: left out",
		[RECORD_COUNTS] = "map entries differ from run to run: only counted",
		[RECORD_PACKETS] = "changes of maps differ from run to run: left out",
	};
	enum record_detail detail = RECORD_VALUES;
	int ret = try_detail(r, detail, err);

	while (ret > 0 && detail < RECORD_PACKETS)
		ret = try_detail(r, ++detail, err);
	if (ret > 0)
		return err_system(err, 0,
				  "two runs of the same packets came out differently, also without "
				  "maps: nothing was written%s",
				  r->target.pristine ? " (without --pristine, time and random "
						       "numbers repeat)"
						     : "");
	if (!ret && detail != RECORD_VALUES)
		printf("note: %s\n", left_out[detail]);
	return ret;
}

/* Everything else is copied. */
static void say_where_object_is(const struct recording *r)
{
	const char *written = r->target.object ? r->target.written : r->target.objects_written;

	if (written && written[0] != '$' && (r->target.objects || strchr(written, '/')))
		printf("note: the scenario names %s, which is not copied\n", written);
}

static int finish(struct recording *r, struct err *err)
{
	size_t n = r->trace.steps[0].n_packets;
	int ret = record_folder_finish(&r->folder, err);

	if (ret)
		return ret;
	say_where_object_is(r);
	printf("%s: %zu packet%s recorded. Read " SCENARIO_FILE
	       " there: what is wrong in it was wrong in the run. Then:\n"
	       "  verdict run --bless %s\n",
	       r->out, n, n == 1 ? "" : "s", r->out);
	return 0;
}

static int record(struct recording *r, const char *capture, struct err *err)
{
	int ret = replay_options_finish(&r->o, capture, err);

	r->scenario.name = record_base_name(r->out);
	if (!ret)
		ret = record_folder_begin(&r->folder, r->a, r->out, err);
	if (!ret)
		ret = fill_folder(r, err);
	if (!ret)
		ret = build(r, err);
	if (!ret)
		ret = run(r, &r->trace, err);
	if (!ret)
		ret = check_any_known(r, err);
	if (!ret)
		ret = run(r, &r->again, err);
	if (!ret)
		ret = write_scenario(r, err);
	return ret ? ret : finish(r, err);
}

/* ---- the command line ---- */

static int got(void *arg, const char *name, const char *value)
{
	struct recording *r = arg;

	if (strcmp(name, "-o") == 0) {
		size_t len = strlen(value);

		while (len > 1 && value[len - 1] == '/')
			len--;
		r->out = arena_strndup(r->a, value, len);
		return *value ? 0 : EXIT_USAGE;
	}
	return replay_option(&r->o, name, value);
}

static int checked(struct recording *r, char **rest, int n_rest)
{
	struct err *err;
	int ret;

	if (n_rest > 1)
		return cmd_usage_error(&cmd_record, rest[1]);
	if (n_rest == 0)
		return cmd_usage_says(&cmd_record, "no capture given");
	if (!r->out)
		return cmd_usage_says(&cmd_record,
				      "-o DIR is missing: the folder of the new scenario");
	err = calloc(1, sizeof(*err));
	r->cache = run_cache_new();
	ret = record(r, rest[0], err);
	if (ret) {
		cmd_error("%s", err->text);
		record_folder_abort(&r->folder);
	}
	ret = ret ? err_exit_code(err) : EXIT_AS_EXPECTED;
	run_cache_free(r->cache);
	free(err);
	return ret;
}

static int record_main(int argc, char **argv)
{
	struct recording *r = calloc(1, sizeof(*r));
	char **rest;
	int n_rest, ret;

	r->a = arena_new();
	replay_options_init(&r->o);
	ret = cmd_parse(&cmd_record, argc, argv, got, r, &rest, &n_rest);
	if (!ret)
		ret = checked(r, rest, n_rest);
	replay_options_free(&r->o);
	arena_free(r->a);
	free(r);
	return ret < 0 ? EXIT_AS_EXPECTED : ret;
}

static const struct cmd_option options[] = {
	{ "-o", "DIR", "the folder to write: it becomes the scenario's name" },
	REPLAY_OPTIONS,
	{ NULL, NULL, NULL },
};

const struct command cmd_record = {
	.name = "record",
	.args = "[options] -o DIR CAPTURE",
	.summary = "write a replay down as a new scenario",
	.text = "Replays the capture as `verdict replay` does, twice, and writes a folder with a "
		"copy of the capture and of the maps, and a scenario that expects what was seen "
		"both times: outcomes, verdicts, drop reasons, redirects, changed fields, events, "
		"map entries. Of checksums it expects that they are right, where they were.\n"
		"\n"
		"What was seen may be the bug. The scenario is marked as unreviewed, and `verdict "
		"run` does not pass it until somebody has read it and run `verdict run --bless "
		"DIR`.\n"
		"\n"
		"Exit status: 0 written; 2 usage, or an input that cannot be read; 3 the harness "
		"or "
		"the machine failed, or the packets do not come out alike twice.",
	.options = options,
	.run = record_main,
};
