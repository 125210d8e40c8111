// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The head of a recorded scenario: its target, maps and sends. */
#include "report/record.h"

#include <string.h>

#include "report/record_expect.h"
#include "scenario/target_desc.h"
#include "target/maps_print.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void record_scalar(struct buf *out, const char *text)
{
	const struct value v = { .kind = VALUE_SCALAR, .text = text };

	maps_print_value(out, &v, false);
}

/* ---- {key: value, ...} ---- */

struct flow {
	struct buf *out;
	bool any;
};

static void flow_key(struct flow *f, const char *key)
{
	buf_printf(f->out, "%s%s: ", f->any ? ", " : "{", key);
	f->any = true;
}

static void flow_text(struct flow *f, const char *key, const char *text)
{
	if (!text)
		return;
	flow_key(f, key);
	record_scalar(f->out, text);
}

static void flow_number(struct flow *f, const char *key, uint32_t n)
{
	if (!n)
		return;
	flow_key(f, key);
	buf_printf(f->out, "%u", n);
}

static void flow_end(struct flow *f)
{
	buf_puts(f->out, f->any ? "}" : "{}");
}

static void print_config(struct flow *f, const struct raw_target *t)
{
	struct flow in = { f->out, false };

	if (!t->n_config)
		return;
	flow_key(f, "config");
	for (size_t i = 0; i < t->n_config; i++) {
		__cleanup_buf struct buf name = BUF_INIT;

		buf_printf(&name, "%s%s", t->config[i].name, t->config[i].may_lack ? "?" : "");
		flow_key(&in, buf_str(&name));
		maps_print_value(f->out, t->config[i].value, false);
	}
	flow_end(&in);
}

static void print_types(struct flow *f, const struct raw_target *t)
{
	struct flow in = { f->out, false };

	if (!t->n_types)
		return;
	flow_key(f, "types");
	for (size_t i = 0; i < t->n_types; i++) {
		__cleanup_buf struct buf section = BUF_INIT;

		record_scalar(&section, t->type_sections[i]);
		flow_text(&in, buf_str(&section), t->type_names[i]);
	}
	flow_end(&in);
}

static void print_sizes(struct flow *f, const struct raw_target *t)
{
	struct flow in = { f->out, false };

	if (!t->n_sizes)
		return;
	flow_key(f, "map_sizes");
	for (size_t i = 0; i < t->n_sizes; i++)
		flow_number(&in, t->sizes[i].map, t->sizes[i].max_entries);
	flow_end(&in);
}

/* The digest is that of the object that ran, so that an upgrade of it is noticed. */
static void print_target(struct buf *out, const struct raw_target *t, const struct run_trace *trace)
{
	struct flow f = { out, false };

	buf_puts(out, "target: ");
	flow_text(&f, "object", t->object ? t->written : NULL);
	flow_text(&f, "file", t->file);
	flow_text(&f, "objects", t->objects_written);
	flow_text(&f, "program", t->program);
	print_types(&f, t);
	print_config(&f, t);
	print_sizes(&f, t);
	flow_text(&f, "ip", t->ip_batch ? base_name(t->ip_batch) : NULL);
	if (t->pristine) {
		flow_key(&f, "interpose");
		buf_puts(out, "false");
	}
	if (t->follow) {
		flow_key(&f, "follow");
		buf_puts(out, "true");
	}
	flow_text(&f, "sha256", t->object && trace->n_objects ? trace->objects[0].sha256 : NULL);
	flow_end(&f);
	buf_putc(out, '\n');
}

static void print_maps(struct buf *out, const struct raw_target *t)
{
	if (!t->n_maps)
		return;
	buf_puts(out, "maps: [");
	for (size_t i = 0; i < t->n_maps; i++) {
		buf_puts(out, i ? ", " : "");
		record_scalar(out, base_name(t->maps[i]));
	}
	buf_puts(out, "]\n");
}

static void print_tunnel(struct flow *f, const struct send_step *s)
{
	__cleanup_buf struct buf remote = BUF_INIT;
	struct flow in = { f->out, false };

	if (!s->has_tunnel)
		return;
	flow_key(f, "tunnel");
	flow_key(&in, "id");
	buf_printf(f->out, "%u", s->tunnel_id);
	if (s->tunnel_remote.family) {
		ip_addr_print(&remote, &s->tunnel_remote);
		flow_text(&in, "remote", buf_str(&remote));
	}
	flow_end(&in);
}

/* Where nobody said it, the hook is the one that the run chose: verdicts are words of it. */
static const char *hook_of(const struct send_step *s, const struct step_trace *t)
{
	for (size_t i = 0; i < t->n_packets && !s->hook; i++)
		if (t->packets[i].n_hops)
			return word_name(&words_hook, (int)t->packets[i].hops[0].hook);
	return s->hook;
}

static void print_send(struct buf *out, const struct send_step *s, const struct step_trace *t)
{
	__cleanup_buf struct buf packets = BUF_INIT, hook = BUF_INIT;
	struct flow f = { out, false };

	buf_puts(out, "  - send: ");
	flow_text(&f, "capture", base_name(s->capture));
	packet_set_print(&packets, &s->packets);
	flow_text(&f, "packets", s->packets.n ? buf_str(&packets) : NULL);
	if (hook_of(s, t))
		buf_printf(&hook, "%s%s%s", s->role ? s->role : "", s->role ? "/" : "",
			   hook_of(s, t));
	flow_text(&f, "hook", hook.len ? buf_str(&hook) : NULL);
	flow_number(&f, "ifindex", s->ifindex);
	flow_number(&f, "mark", s->mark);
	flow_number(&f, "rx_queue", s->rx_queue);
	print_tunnel(&f, s);
	flow_end(&f);
	buf_putc(out, '\n');
}

void record_print(struct buf *out, const struct scenario *s, const struct run_trace *t,
		  const struct record_opts *opts)
{
	buf_printf(out, "# %s\n", opts->from);
	buf_puts(out, "name: ");
	record_scalar(out, s->name);
	buf_puts(out, "\nsummary: ");
	record_scalar(out, s->summary);
	buf_puts(out,
		 "\nunreviewed: true # what was seen, right or wrong: read it, then `verdict run "
		 "--bless`\n");
	print_target(out, s->target, t);
	print_maps(out, s->target);
	if (s->seed != 1)
		buf_printf(out, "seed: %llu\n", (unsigned long long)s->seed);
	buf_puts(out, "steps:\n");
	for (size_t i = 0; i < t->n_steps; i++) {
		print_send(out, &s->steps[i].send, &t->steps[i]);
		record_expects(out, &t->steps[i], opts->detail, s->target->follow);
	}
}
