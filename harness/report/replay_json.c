// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A replay as one JSON document. Packets are written as they come, so that a capture of any length takes
 * no more memory than one packet.
 */
#include <stdlib.h>

#include "judge/print.h"
#include "report/json.h"
#include "report/replay.h"

struct replay_json {
	FILE *f;
	bool any;
	json_t *unexpected;
};

static json_t *verdict_name(enum hook hook, int verdict)
{
	__cleanup_buf struct buf text = BUF_INIT;

	print_verdict(&text, hook, verdict);
	return json_text(buf_str(&text));
}

static void put(struct replay_json *j, json_t *o, size_t flags)
{
	json_dumpf(o, j->f, JSON_ENCODE_ANY | JSON_COMPACT | flags);
	json_decref(o);
}

static void put_member(struct replay_json *j, const char *name, json_t *o)
{
	fprintf(j->f, "  \"%s\": ", name);
	put(j, o, 0);
	fputs(",\n", j->f);
}

static json_t *place(const struct replay *r)
{
	const struct target_program *p = replay_program(r);
	const struct replay_device *d = replay_device(r);
	json_t *o = json_object();

	json_object_set_new(o, "object", json_text(p->object));
	json_object_set_new(o, "name", json_text(p->name));
	json_object_set_new(o, "hook", json_text(word_name(&words_hook, (int)replay_hook(r))));
	json_object_set_new(o, "device", json_text(d->name));
	json_object_set_new(o, "ifindex", json_integer(d->ifindex));
	json_object_set_new(o, "interposed", json_boolean(p->interposed));
	return o;
}

static json_t *seeded(const struct replay_seeded *s)
{
	json_t *o = json_object(), *notes = json_array();

	for (size_t i = 0; i < s->n_notes; i++)
		json_array_append_new(notes, json_text(s->notes[i]));
	json_object_set_new(o, "entries", json_integer((json_int_t)s->entries));
	json_object_set_new(o, "maps", json_integer((json_int_t)s->maps));
	json_object_set_new(o, "notes", notes);
	return o;
}

struct replay_json *replay_json_open(FILE *f, const struct replay_head *h)
{
	struct replay_json *j = calloc(1, sizeof(*j));
	const struct run_trace trace = {
		.objects = (struct loaded_object *)h->objects,
		.n_objects = h->n_objects,
	};

	if (!j)
		return NULL;
	j->f = f;
	j->unexpected = json_array();
	fputs("{\n", f);
	put_member(j, "format", json_integer(1));
	put_member(j, "verdict", json_text(h->version));
	put_member(j, "kernel", json_text(h->kernel));
	put_member(j, "capture", json_text(h->capture));
	put_member(j, "program", place(h->replay));
	put_member(j, "seeded", seeded(replay_seeded(h->replay)));
	put_member(j, "objects", json_objects(&trace));
	fputs("  \"packets\": [", f);
	return j;
}

void replay_json_packet(struct replay_json *j, const struct trace *t)
{
	fputs(j->any ? ",\n    " : "\n    ", j->f);
	put(j, json_packet(t), 0);
	j->any = true;
}

void replay_json_unexpected(struct replay_json *j, uint32_t number, enum hook hook, int verdict,
			    const struct replay_expected *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "packet", json_integer(number));
	json_object_set_new(o, "record", json_integer(e->number));
	json_object_set_new(o, "expected", verdict_name(hook, e->verdict));
	json_object_set_new(o, "actual", verdict_name(hook, verdict));
	json_array_append_new(j->unexpected, o);
}

static json_t *verdicts(const struct replay_totals *t, enum hook hook)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->n_verdicts; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "verdict", json_integer(t->verdicts[i].verdict));
		json_object_set_new(o, "name", verdict_name(hook, t->verdicts[i].verdict));
		json_object_set_new(o, "packets", json_number(t->verdicts[i].n));
		json_array_append_new(list, o);
	}
	return list;
}

void replay_json_close(struct replay_json *j, const struct replay_totals *t, enum hook hook)
{
	json_t *o = json_object();

	json_object_set_new(o, "packets", json_number(t->packets));
	json_object_set_new(o, "verdicts", verdicts(t, hook));
	json_object_set_new(o, "unmodelled", json_number(t->unmodelled));
	json_object_set_new(o, "truncated", json_number(t->truncated));
	json_object_set_new(o, "lost", json_number(t->lost));
	json_object_set_new(o, "compared", json_number(t->compared));
	json_object_set_new(o, "unexpected", json_number(t->unexpected));
	json_object_set_new(o, "duration_ns", json_number(t->duration_ns));
	fputs(j->any ? "\n  ],\n" : "],\n", j->f);
	put_member(j, "unexpected", j->unexpected);
	fputs("  \"totals\": ", j->f);
	put(j, o, 0);
	fputs("\n}\n", j->f);
	free(j);
}
