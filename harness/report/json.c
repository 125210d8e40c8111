// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The whole of a run as JSON, for programs: reports/schema.json describes it. The parts of a trace are
 * in json_trace.c.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/agreement_formats.h"
#include "report/json.h"
#include "report/sweeps.h"

struct report_file {
	struct reporter r;
	char *path;
	json_t *root, *scenarios;
};

json_t *json_text(const char *s)
{
	__cleanup_buf struct buf clean = BUF_INIT;

	if (!s)
		return json_null();
	report_clean(&clean, s);
	return json_string(buf_str(&clean));
}

json_t *json_number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static int json_begin(struct reporter *r, const struct report_env *env, unsigned planned,
		      struct err *err)
{
	struct report_file *j = (struct report_file *)r;
	time_t now = time(NULL);
	char stamp[32];
	struct tm tm;
	json_t *e = json_object();

	(void)err;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(e, "verdict", json_text(env->version));
	json_object_set_new(e, "kernel", json_text(env->kernel));
	json_object_set_new(e, "objects", json_text(env->objects));
	json_object_set_new(e, "started", json_text(stamp));
	json_object_set_new(j->root, "format", json_integer(1));
	json_object_set_new(j->root, "env", e);
	json_object_set_new(j->root, "planned", json_integer(planned));
	json_object_set_new(j->root, "scenarios", json_array());
	j->scenarios = json_object_get(j->root, "scenarios");
	json_object_set_new(j->root, "agreement", json_null());
	return 0;
}

static size_t packet_index(const struct step_trace *t, const struct difference *d)
{
	if (d->variant)
		return d->index;
	return t ? (size_t)(d->packet - t->packets) : 0;
}

static json_t *difference(const struct difference *d, const struct step_trace *t)
{
	json_t *o = json_object();
	__cleanup_buf struct buf text = BUF_INIT;

	judge_print_difference(&text, d);
	json_object_set_new(o, "file", json_text(d->loc.file));
	json_object_set_new(o, "line", json_integer(d->loc.line));
	json_object_set_new(o, "step", json_integer(d->step));
	json_object_set_new(o, "packet", d->packet ? json_number(packet_index(t, d)) : json_null());
	json_object_set_new(o, "variant", json_text(d->variant));
	json_object_set_new(o, "hop",
			    d->hop && d->packet ? json_number((uint64_t)(d->hop - d->packet->hops))
						: json_null());
	json_object_set_new(o, "field", json_text(d->field));
	json_object_set_new(o, "expected", json_text(d->expected));
	json_object_set_new(o, "actual", json_text(d->actual));
	json_object_set_new(o, "detail", json_text(d->detail));
	json_object_set_new(o, "text", json_text(buf_str(&text)));
	return o;
}

static json_t *steps(const struct scenario_result *res)
{
	static const char *const kinds[] = {
		[STEP_SEND] = "send",	    [STEP_RESTART] = "restart", [STEP_UPGRADE] = "upgrade",
		[STEP_ADVANCE] = "advance", [STEP_CHECK] = "check",	[STEP_APPLY] = "apply",
		[STEP_DELETE] = "delete",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < res->n_steps; i++) {
		const struct step_result *s = &res->steps[i];
		const struct step_trace *t =
			res->trace && i < res->trace->n_steps ? &res->trace->steps[i] : NULL;
		json_t *o = json_object(), *diffs = json_array();

		for (size_t j = 0; j < s->n_diffs; j++)
			json_array_append_new(diffs, difference(&s->diffs[j], t));
		json_object_set_new(o, "index", json_integer(s->step->index));
		json_object_set_new(o, "kind", json_text(kinds[s->step->kind]));
		json_object_set_new(o, "line", json_integer(s->step->loc.line));
		json_object_set_new(o, "ran", json_boolean(t != NULL));
		if (t)
			json_add_step_trace(o, t);
		json_object_set_new(o, "differences", diffs);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *error(const struct err *err)
{
	json_t *o;

	if (!err)
		return json_null();
	o = json_object();
	json_object_set_new(o, "kind", json_text(err->kind == ERR_INPUT ? "input" : "system"));
	json_object_set_new(o, "exit", json_integer(err_exit_code(err)));
	json_object_set_new(o, "text", json_text(err->text));
	return o;
}

static json_t *notes(const struct run_trace *trace)
{
	json_t *list = json_array();

	for (size_t i = 0; trace && i < trace->n_notes; i++)
		json_array_append_new(list, json_text(trace->notes[i]));
	return list;
}

static json_t *sweeps(const struct scenario_result *res)
{
	json_t *list = json_array();

	for (size_t i = 0; i < res->n_sweeps; i++) {
		const struct sweep_result *s = &res->sweeps[i];
		json_t *o = json_object();

		json_object_set_new(o, "variant", json_text(s->name));
		json_object_set_new(o, "status", json_text(report_sweep_status(s->status)));
		json_object_set_new(o, "why", json_text(s->why));
		json_object_set_new(o, "varied", json_number(s->n_varied));
		json_object_set_new(o, "differences", json_number(s->n_diffs));
		json_array_append_new(list, o);
	}
	return list;
}

static int json_result(struct reporter *r, const struct scenario_result *res, struct err *err)
{
	struct report_file *j = (struct report_file *)r;
	const struct scenario *s = res->scenario;
	json_t *o = json_object();

	(void)err;
	json_object_set_new(o, "name", json_text(report_name(res)));
	json_object_set_new(o, "path", json_text(res->path));
	json_object_set_new(o, "summary", json_text(s ? s->summary : NULL));
	json_object_set_new(o, "origin", json_text(s ? s->origin : NULL));
	json_object_set_new(o, "engine", json_text(res->engine));
	json_object_set_new(o, "status", json_text(report_status(res->status)));
	json_object_set_new(o, "skip_reason", json_text(res->skip_reason));
	json_object_set_new(o, "error", error(res->err));
	json_object_set_new(o, "packets", json_number(res->packets));
	json_object_set_new(o, "checks", json_number(res->checks));
	json_object_set_new(o, "duration_ns", json_number(res->duration_ns));
	json_object_set_new(o, "loading_ns", json_number(res->trace ? res->trace->loading_ns : 0));
	json_object_set_new(o, "seed", s ? json_number(s->seed) : json_null());
	json_object_set_new(o, "interposed",
			    res->trace ? json_integer(res->trace->interposed) : json_null());
	json_object_set_new(o, "objects", json_objects(res->trace));
	json_object_set_new(o, "notes", notes(res->trace));
	json_object_set_new(o, "sweeps", sweeps(res));
	json_object_set_new(o, "pcapng", json_text(res->pcapng));
	json_object_set_new(o, "steps", steps(res));
	json_array_append_new(j->scenarios, o);
	return 0;
}

static int json_agreement(struct reporter *r, const struct agreement *g, struct err *err)
{
	struct report_file *j = (struct report_file *)r;

	(void)err;
	json_object_set_new(j->root, "agreement", agreement_json(g));
	return 0;
}

static int json_end(struct reporter *r, const struct report_totals *t, struct err *err)
{
	struct report_file *j = (struct report_file *)r;
	json_t *o = json_object();
	char *text;
	int ret;

	json_object_set_new(o, "passed", json_integer(t->passed));
	json_object_set_new(o, "failed", json_integer(t->failed));
	json_object_set_new(o, "unreviewed", json_integer(t->unreviewed));
	json_object_set_new(o, "errors", json_integer(t->errors));
	json_object_set_new(o, "skipped", json_integer(t->skipped));
	json_object_set_new(o, "packets", json_number(t->packets));
	json_object_set_new(o, "checks", json_number(t->checks));
	json_object_set_new(o, "duration_ns", json_number(t->duration_ns));
	json_object_set_new(o, "loading_ns", json_number(t->loading_ns));
	json_object_set_new(o, "running_ns", json_number(t->running_ns));
	json_object_set_new(j->root, "totals", o);
	text = json_dumps(j->root, JSON_INDENT(1));
	if (!text)
		return err_system(err, 0, "cannot write %s: the report is no valid JSON", j->path);
	ret = report_replace(j->path, text, strlen(text), err);
	free(text);
	return ret;
}

static void json_release(struct reporter *r)
{
	struct report_file *j = (struct report_file *)r;

	json_decref(j->root);
	free(j->path);
	free(j);
}

static const struct reporter_ops json_ops = {
	.begin = json_begin,
	.result = json_result,
	.agreement = json_agreement,
	.end = json_end,
	.free = json_release,
};

struct reporter *report_json(const char *path)
{
	struct report_file *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	j->r.ops = &json_ops;
	j->path = strdup(path);
	j->root = json_object();
	return &j->r;
}
