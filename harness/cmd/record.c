// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `verdict record`: a replay written down as a scenario that expects what was seen. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/replay_options.h"
#include "engine/run.h"
#include "judge/judge.h"
#include "packet/pcapng.h"
#include "report/record.h"

#define SCENARIO_FILE "scenario.yaml"

struct recording {
	struct replay_options o;
	const char *out; /* the folder to be */
	const char *making; /* beside it, until it is complete */
	struct arena *a; /* outlives both runs */
	struct scenario scenario; /* as options say */
	struct raw_target target;
	struct step step;
	const char *from;
	struct run_cache *cache;
	struct run_trace trace, again; /* two runs: what differs between them is not expected */
};

/* ---- the folder ---- */

static int check_name(const struct recording *r, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	const char *name = r->scenario.name;

	if (*name && name[0] != '.' && !name[strspn(name, allowed)] && strlen(name) <= 100)
		return 0;
	return err_input(err, NULL,
			 "%s: the folder's name becomes the scenario's, which is made of letters, "
			 "digits, '-', '_' and '.'",
			 r->out);
}

/* An empty folder may be there: somebody has made it for this. */
static int check_out(const struct recording *r, struct err *err)
{
	DIR *dir = opendir(r->out);
	struct dirent *e;
	bool taken = false;

	if (!dir)
		return errno == ENOENT ? 0 : err_input(err, NULL, "%s: %m", r->out);
	while (!taken && (e = readdir(dir)))
		taken = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	if (!taken)
		return 0;
	return err_input(err, NULL,
			 "%s is there already and not empty: record into another folder, or remove "
			 "it first",
			 r->out);
}

static int copy_fd(int in, int to, const char *name, struct err *err)
{
	char *block = malloc(1 << 16);
	ssize_t n;

	while ((n = read(in, block, 1 << 16)) > 0) {
		for (ssize_t done = 0, put; done < n; done += put) {
			put = write(to, block + done, (size_t)(n - done));
			if (put < 0) {
				free(block);
				return err_system(err, errno, "cannot write %s", name);
			}
		}
	}
	free(block);
	return n < 0 ? err_input(err, NULL, "cannot read %s: %m", name) : 0;
}

/* *out: the copy's path. */
static int copy_file(struct recording *r, const char *from, const char *name, const char **out,
		     struct err *err)
{
	__cleanup_fd int in = open(from, O_RDONLY | O_CLOEXEC);
	__cleanup_fd int to = -1;

	if (in < 0)
		return err_input(err, NULL, "cannot read %s: %m", from);
	*out = file_join(r->a, r->making, name);
	to = open(*out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (to < 0 && errno == EEXIST)
		return err_input(err, NULL, "two of the files are called %s", name);
	if (to < 0)
		return err_system(err, errno, "cannot write %s", *out);
	return copy_fd(in, to, from, err);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && strcmp(name + len - n, end) == 0;
}

/* What bpftool dumped is of the map that its file is called after: such names stay. */
static const char *maps_name(const struct recording *r, const char *path)
{
	const char *name = base_name(path);

	if (r->o.n_maps == 1 && (ends_in(name, ".yaml") || ends_in(name, ".yml")))
		return "maps.yaml";
	return name;
}

static int copy_maps(struct recording *r, struct err *err)
{
	int ret = 0;

	r->target.maps = arena_alloc(r->a, (r->o.n_maps + 1) * sizeof(*r->target.maps));
	for (size_t i = 0; i < r->o.n_maps && !ret; i++)
		ret = copy_file(r, r->o.maps[i], maps_name(r, r->o.maps[i]),
				&r->target.maps[r->target.n_maps++], err);
	return ret;
}

/* The copy keeps its form, which its name tells. */
static int copy_capture(struct recording *r, struct err *err)
{
	const char *path, *named = NULL;
	uint32_t magic = 0;
	FILE *f;
	int ret = copy_file(r, r->o.capture, "capture", &path, err);

	if (ret)
		return ret;
	f = fopen(path, "re");
	if (f && fread(&magic, sizeof(magic), 1, f) == 1)
		named = magic == PCAPNG_MAGIC ? "capture.pcapng" : "capture.pcap";
	if (f)
		fclose(f);
	if (!named)
		return err_input(err, NULL, "%s is empty", r->o.capture);
	r->step.send.capture = file_join(r->a, r->making, named);
	if (rename(path, r->step.send.capture))
		return err_system(err, errno, "cannot write %s", r->step.send.capture);
	return 0;
}

static int make_folder(struct recording *r, struct err *err)
{
	int ret;

	r->making = arena_printf(r->a, "%s.%d.tmp", r->out, (int)getpid());
	ret = file_mkdir_p(r->making, err);
	if (!ret)
		ret = copy_capture(r, err);
	if (!ret)
		ret = copy_maps(r, err);
	if (!ret && r->o.replay.ip_batch)
		ret = copy_file(r, r->o.replay.ip_batch, base_name(r->o.replay.ip_batch),
				&r->target.ip_batch, err);
	return ret;
}

static void remove_making(const struct recording *r)
{
	const char *names[REPLAY_OPTIONS_MAX + 8];
	size_t n = 0;

	if (!r->making)
		return;
	names[n++] = file_join(r->a, r->making, SCENARIO_FILE);
	names[n++] = file_join(r->a, r->making, "capture");
	if (r->step.send.capture)
		names[n++] = r->step.send.capture;
	if (r->target.ip_batch)
		names[n++] = r->target.ip_batch;
	for (size_t i = 0; i < r->target.n_maps; i++)
		if (r->target.maps[i])
			names[n++] = r->target.maps[i];
	for (size_t i = 0; i < n; i++)
		unlink(names[i]);
	rmdir(r->making);
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

/* --packets and --interface as the numbers they mean. */
static int choose_packets(struct recording *r, struct err *err)
{
	struct capture_packet *packets;
	size_t n, taken = 0;

	if (capture_load(r->a, r->step.send.capture, &packets, &n, err))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!replay_options_take(&r->o, &packets[i]))
			continue;
		add_number(r, packets[i].number);
		taken++;
	}
	if (!taken)
		return err_input(err, NULL, "%s: no packet was chosen of %zu", r->o.capture, n);
	if (taken == n)
		r->step.send.packets.n = 0;
	return 0;
}

static void describe(struct recording *r)
{
	const struct replay_options *o = &r->o;
	const char *what = o->program ? o->program : o->object ? base_name(o->object) : o->target;

	r->scenario.summary =
		arena_printf(r->a, "What %s%s%s made of %s", what, o->hook ? " at " : "",
			     o->hook ? o->hook : "", base_name(o->capture));
	r->from =
		arena_printf(r->a, "Recorded by `verdict record` from %s.", base_name(o->capture));
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
	s->dir = r->making;
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
	const char *path = file_join(r->a, r->making, SCENARIO_FILE);
	struct scenario_result first = { 0 }, second = { 0 };
	__cleanup_buf struct buf text = BUF_INIT;
	struct scenario *s;
	int ret;

	record_print(&text, &r->scenario, &r->trace, &opts);
	ret = file_write(path, text.data, text.len, err);
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
	if (rename(r->making, r->out))
		return err_system(err, errno, "cannot write %s", r->out);
	say_where_object_is(r);
	printf("%s: %zu packet%s recorded. Read " SCENARIO_FILE
	       " there: what is wrong in it was wrong in the run. Then:\n"
	       "  verdict run --bless %s\n",
	       r->out, r->trace.steps[0].n_packets, r->trace.steps[0].n_packets == 1 ? "" : "s",
	       r->out);
	r->making = NULL;
	return 0;
}

static int record(struct recording *r, const char *capture, struct err *err)
{
	int ret = replay_options_finish(&r->o, capture, err);

	r->scenario.name = base_name(r->out);
	if (!ret)
		ret = check_name(r, err);
	if (!ret)
		ret = check_out(r, err);
	if (!ret)
		ret = make_folder(r, err);
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
	if (!r->out || n_rest == 0) {
		cmd_error("record: %s", r->out ? "which capture?"
					       : "-o DIR is missing: the folder "
						 "of the new scenario");
		return EXIT_USAGE;
	}
	err = calloc(1, sizeof(*err));
	r->cache = run_cache_new();
	ret = record(r, rest[0], err);
	if (ret) {
		cmd_error("%s", err->text);
		remove_making(r);
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
		"map entries. Checksums are left out: they follow from the rest.\n"
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
