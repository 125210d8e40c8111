// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is said of an object file that ran. */
#include "report/objects.h"

#include <string.h>

bool report_object_is_new(struct buf *told, const struct loaded_object *o)
{
	__cleanup_buf struct buf key = BUF_INIT;

	buf_printf(&key, "\n%s %u %s\n", o->sha256, o->interposed, o->path);
	if (strstr(buf_str(told), buf_str(&key)))
		return false;
	buf_puts(told, buf_str(&key));
	return true;
}

bool report_object_is_odd(const struct loaded_object *o)
{
	return o->n_changes || o->n_pristine;
}

static void print_change(struct buf *out, const struct elf_change *c)
{
	buf_printf(out, "  changed in memory: %s %s: %s, now %s\n", c->what, c->where, c->was,
		   c->is);
}

/* "  changed in memory: 12 static program, 3 pinning\n"; kinds stand in the order of their first. */
static void count_changes(struct buf *out, const struct loaded_object *o)
{
	const char *separator = "  changed in memory: ";

	for (size_t i = 0; i < o->n_changes; i++) {
		const char *what = o->changes[i].what;
		size_t first = 0, n = 0;

		while (strcmp(o->changes[first].what, what) != 0)
			first++;
		if (first < i)
			continue;
		for (size_t j = i; j < o->n_changes; j++)
			n += strcmp(o->changes[j].what, what) == 0;
		buf_printf(out, "%s%s (%zu)", separator, what, n);
		separator = ", ";
	}
	if (o->n_changes)
		buf_putc(out, '\n');
}

static void print_pristine(struct buf *out, const struct loaded_object *o, bool all)
{
	if (!o->n_pristine)
		return;
	buf_printf(out, "  ran as shipped, for with helper calls interposed %s did not load: ",
		   o->n_pristine == 1 ? "it" : "they");
	if (!all && o->n_pristine > 1) {
		buf_printf(out, "%zu programs\n", o->n_pristine);
		return;
	}
	for (size_t i = 0; i < o->n_pristine; i++)
		buf_printf(out, "%s%s", i ? ", " : "", o->pristine[i]);
	buf_putc(out, '\n');
}

void report_object_print(struct buf *out, const struct loaded_object *o, bool all)
{
	buf_printf(out, "object %s: SHA-256 %s, %s, ", o->path, o->sha256,
		   o->producer ? o->producer : "producer not known");
	if (o->interposed)
		buf_printf(out, "%u helper call%s interposed\n", o->interposed,
			   o->interposed == 1 ? "" : "s");
	else
		buf_puts(out, "no helper call interposed\n");
	if (all)
		for (size_t i = 0; i < o->n_changes; i++)
			print_change(out, &o->changes[i]);
	else
		count_changes(out, o);
	print_pristine(out, o, all);
}
