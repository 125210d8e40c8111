/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The datapath's binary interface, read from the BTF of each object as built, against that of Cilium 1.19:
 * maps, structures, settings, programs, tail calls. Events have no type in BTF: test_host_events reads
 * their bytes.
 *
 * abi/cilium-1.19.txt is the interface, abi/ours.txt what is not in it. What an object shares by name with
 * Cilium's must be as it is there; what is in neither table fails, and so does a line of ours.txt that no
 * object has any more.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "files.h"

/* A line "- NAME..." of a table, with the lines indented below it. */
struct item {
	const char *section, *part; /* the headings "# " and "## " above it; part may be "" */
	const char *text; /* without "- " */
	bool seen;
};

struct table {
	struct item items[512];
	size_t n;
};

static struct arena *arena;
static struct table cilium, ours;

static void add_line(struct table *t, const char *section, const char *part, const char *line)
{
	struct item *last = t->n ? &t->items[t->n - 1] : NULL;

	if (strncmp(line, "- ", 2) == 0) {
		cr_assert_lt(t->n, 512, "the table is too small");
		t->items[t->n++] =
			(struct item){ section, part, arena_strdup(arena, line + 2), false };
	} else if (line[0] == ' ') {
		cr_assert(last, "indented line below nothing: %s", line);
		last->text = arena_printf(arena, "%s\n%s", last->text, line);
	}
}

static void read_table(struct table *t, const char *name)
{
	const char *path =
		arena_printf(arena, "%s/harness/tests/abi/%s", files_source_root(), name);
	const char *section = "", *part = "";
	struct err err = { 0 };
	char *data, *line, *rest;

	cr_assert_eq(file_read(arena, path, &data, NULL, &err), 0, "%s", err.text);
	for (line = strtok_r(data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "## ", 3) == 0) {
			part = line + 3;
		} else if (line[0] == '#') {
			section = line + 1 + (line[1] == ' ');
			part = "";
		} else {
			add_line(t, section, part, line);
		}
	}
	cr_assert_gt(t->n, 0, "%s: nothing in it", path);
}

static void read_tables(void)
{
	arena = arena_new();
	read_table(&cilium, "cilium-1.19.txt");
	read_table(&ours, "ours.txt");
}

static void forget_tables(void)
{
	arena_free(arena);
}

TestSuite(abi, .init = read_tables, .fini = forget_tables);

/* The item whose text begins with name, followed by one of ends or nothing. */
static struct item *find(struct table *t, const char *section, const char *part, const char *name,
			 const char *ends)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < t->n; i++) {
		struct item *item = &t->items[i];

		if (strcmp(item->section, section) != 0 || (part && strcmp(item->part, part) != 0))
			continue;
		if (strncmp(item->text, name, len) == 0 &&
		    (!item->text[len] || strchr(ends, item->text[len]))) {
			item->seen = true;
			return item;
		}
	}
	return NULL;
}

/* ---- objects ---- */

struct objects {
	struct bpf_object *obj[8];
	const char *name[8]; /* bpf_host */
	size_t n;
};

static struct bpf_object *open_object(const char *path)
{
	struct bpf_object *obj = bpf_object__open(path);

	cr_assert(obj, "cannot open %s", path);
	return obj;
}

static const char *objects_dir(void)
{
	const char *dir = getenv("VERDICT_BPF_DIR");

	if (!dir)
		dir = file_installed(arena, "bpf");
	cr_assert(dir, "no folder of objects: set VERDICT_BPF_DIR");
	return dir;
}

/* All of them: a new one is checked from its first day. */
static struct objects open_objects(void)
{
	struct objects o = { .n = 0 };
	glob_t found;

	cr_assert_eq(glob(arena_printf(arena, "%s/bpf_*.o", objects_dir()), 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;

		cr_assert_lt(o.n, 8);
		o.name[o.n] = arena_printf(arena, "%.*s", (int)strlen(name) - 2, name);
		o.obj[o.n++] = open_object(found.gl_pathv[i]);
	}
	globfree(&found);
	cr_assert_geq(o.n, 5, "objects are missing");
	return o;
}

static void close_objects(struct objects *o)
{
	for (size_t i = 0; i < o->n; i++)
		bpf_object__close(o->obj[i]);
}

/* ---- BTF as text ---- */

static const char *name_of(const struct btf *btf, const struct btf_type *t)
{
	return btf__name_by_offset(btf, t->name_off);
}

static const struct btf_type *strip(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (btf_is_const(t) || btf_is_volatile(t))
		t = btf__type_by_id(btf, t->type);
	return t;
}

static void type_name(struct buf *out, const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = strip(btf, id);

	if (btf_is_array(t)) {
		type_name(out, btf, btf_array(t)->type);
		buf_printf(out, "[%u]", btf_array(t)->nelems);
	} else if (btf_is_composite(t)) {
		buf_printf(out, "%s %s", btf_is_union(t) ? "union" : "struct",
			   *name_of(btf, t) ? name_of(btf, t) : "(anon)");
	} else if (btf_is_any_enum(t)) {
		buf_printf(out, "enum %s", name_of(btf, t));
	} else {
		buf_puts(out, name_of(btf, t));
	}
}

static void members(struct buf *out, const struct btf *btf, const struct btf_type *t, unsigned base,
		    int indent)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		unsigned bit = base + btf_member_bit_offset(t, i);
		unsigned width = btf_member_bitfield_size(t, i);
		const char *name = btf__name_by_offset(btf, m->name_off);
		const struct btf_type *mt = strip(btf, m->type);

		buf_printf(out, "\n%*s", indent, "");
		if (!*name) {
			buf_puts(out, btf_is_union(mt) ? "(union)" : "(struct)");
			members(out, btf, mt, bit, indent + 2);
			continue;
		}
		buf_printf(out, "%s: ", name);
		type_name(out, btf, m->type);
		if (width)
			buf_printf(out, " :%u @%u.%u", width, bit / 8, bit % 8);
		else
			buf_printf(out, " @%u", bit / 8);
	}
}

static void describe(struct buf *out, const struct btf *btf, const struct btf_type *t)
{
	buf_printf(out, "%s %s (%u bytes)", btf_is_union(t) ? "union" : "struct", name_of(btf, t),
		   t->size);
	members(out, btf, t, 0, 4);
}

/* ---- the tests ---- */

/* What differs from item, NULL being no item at all, goes to *bad. */
static void expect_item(struct buf *bad, const char *object, const struct item *item,
			const char *text)
{
	if (!item)
		buf_printf(bad, "%s: in no table: %s\n", object, text);
	else if (strcmp(item->text, text) != 0)
		buf_printf(bad, "%s has: %s\nthe table: %s\n", object, text, item->text);
}

static void check_structure(struct buf *bad, const char *object, const struct btf *btf,
			    const struct btf_type *t)
{
	struct buf text = BUF_INIT;
	struct item *item;
	const char *name;

	name = arena_printf(arena, "%s %s", btf_is_union(t) ? "union" : "struct", name_of(btf, t));
	item = find(&cilium, "Structs", NULL, name, " ");
	/* of what no agent sees the name is enough */
	if (!item && (find(&ours, "Structs", "The kernel's own", name, "") ||
		      find(&ours, "Structs", "What stays in the programs", name, "")))
		return;
	if (!item)
		item = find(&ours, "Structs", "", name, " ");
	describe(&text, btf, t);
	expect_item(bad, object, item, buf_str(&text));
	buf_free(&text);
}

Test(abi, every_structure_is_laid_out_as_cilium_1_19_does)
{
	struct objects o = open_objects();
	struct buf bad = BUF_INIT;

	for (size_t i = 0; i < o.n; i++) {
		const struct btf *btf = bpf_object__btf(o.obj[i]);

		for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
			const struct btf_type *t = btf__type_by_id(btf, id);

			if (btf_is_composite(t) && *name_of(btf, t))
				check_structure(&bad, o.name[i], btf, t);
		}
	}
	cr_assert_eq(bad.len, 0, "\n%s", buf_str(&bad));
	close_objects(&o);
}

static void map_side(struct buf *out, const struct btf *btf, const char *what, uint32_t type,
		     uint32_t size)
{
	buf_printf(out, " %s=", what);
	if (type)
		type_name(out, btf, type);
	else
		buf_printf(out, "%u bytes", size);
}

static const char *map_text(const struct bpf_object *obj, const struct bpf_map *m)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct buf text = BUF_INIT;
	const char *copy;

	buf_printf(&text, "%s: %s", bpf_map__name(m), libbpf_bpf_map_type_str(bpf_map__type(m)));
	map_side(&text, btf, "key", bpf_map__btf_key_type_id(m), bpf_map__key_size(m));
	map_side(&text, btf, "value", bpf_map__btf_value_type_id(m), bpf_map__value_size(m));
	buf_printf(&text, " flags=%u pin=%d", bpf_map__map_flags(m), bpf_map__pin_path(m) != NULL);
	copy = arena_strdup(arena, buf_str(&text));
	buf_free(&text);
	return copy;
}

/* Cilium's line without the size, which is set at build time, and as libbpf tells it: pinning 16, which
 * replaces at each load, is the loader's doing, and the value of a prog array always a descriptor.
 */
static const struct item *as_libbpf(const struct item *item)
{
	struct item *plain = arena_new_of(arena, struct item);
	const char *max = strstr(item->text, " max="), *flags = strstr(item->text, " flags=");
	char *text, *at;

	cr_assert(max && flags && max < flags, "not a map's line: %s", item->text);
	text = arena_printf(arena, "%.*s%s", (int)(max - item->text), item->text, flags);
	at = strstr(text, "pin=16");
	if (at)
		memcpy(at, "pin=0", sizeof("pin=0"));
	at = strstr(text, "value=None");
	if (at)
		text = arena_printf(arena, "%.*svalue=4 bytes%s", (int)(at - text), text,
				    at + strlen("value=None"));
	plain->text = text;
	return plain;
}

static void check_map(struct buf *bad, const char *object, const struct bpf_object *obj,
		      const struct bpf_map *m)
{
	const struct item *item = find(&cilium, "Maps", NULL, bpf_map__name(m), ":");

	if (item)
		item = as_libbpf(item);
	else
		item = find(&ours, "Maps", NULL, bpf_map__name(m), ":");
	expect_item(bad, object, item, map_text(obj, m));
}

Test(abi, every_map_has_cilium_1_19s_name_type_layout_flags_and_pinning)
{
	struct objects o = open_objects();
	struct buf bad = BUF_INIT;
	struct bpf_map *m;

	for (size_t i = 0; i < o.n; i++)
		bpf_object__for_each_map(m, o.obj[i]) if (!bpf_map__is_internal(m))
			check_map(&bad, o.name[i], o.obj[i], m);
	cr_assert_eq(bad.len, 0, "\n%s", buf_str(&bad));
	close_objects(&o);
}

/* Calls fn with each variable of .rodata.config. */
static void each_setting(const struct objects *o,
			 void (*fn)(struct buf *bad, const char *object, const struct btf *btf,
				    uint32_t var),
			 struct buf *bad)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct btf *btf = bpf_object__btf(o->obj[i]);
		int sec = btf__find_by_name_kind(btf, ".rodata.config", BTF_KIND_DATASEC);
		const struct btf_type *t;

		cr_assert_gt(sec, 0, "%s: no section .rodata.config", o->name[i]);
		t = btf__type_by_id(btf, (uint32_t)sec);
		for (int k = 0; k < btf_vlen(t); k++)
			fn(bad, o->name[i], btf, btf_var_secinfos(t)[k].type);
	}
}

static void check_setting(struct buf *bad, const char *object, const struct btf *btf, uint32_t id)
{
	const struct btf_type *var = btf__type_by_id(btf, id);
	const struct item *item =
		find(&cilium, "Config variables (.rodata.config)", NULL, name_of(btf, var), ":");
	struct buf text = BUF_INIT;

	if (!item)
		item = find(&ours, "Config variables (.rodata.config)", NULL, name_of(btf, var),
			    ":");
	buf_printf(&text, "%s: ", name_of(btf, var));
	type_name(&text, btf, var->type);
	expect_item(bad, object, item, buf_str(&text));
	buf_free(&text);
}

Test(abi, every_setting_has_its_name_and_type)
{
	struct objects o = open_objects();
	struct buf bad = BUF_INIT;

	each_setting(&o, check_setting, &bad);
	cr_assert_eq(bad.len, 0, "\n%s", buf_str(&bad));
	close_objects(&o);
}

static void check_description(struct buf *bad, const char *object, const struct btf *btf,
			      uint32_t var)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_decl_tag(t) && t->type == var &&
		    strncmp(name_of(btf, t), "config:", 7) == 0 && name_of(btf, t)[7])
			return;
	}
	buf_printf(bad, "%s: %s\n", object, name_of(btf, btf__type_by_id(btf, var)));
}

Test(abi, every_setting_tells_what_it_is)
{
	struct objects o = open_objects();
	struct buf bad = BUF_INIT;

	each_setting(&o, check_description, &bad);
	cr_assert_eq(bad.len, 0, "without a description:\n%s", buf_str(&bad));
	close_objects(&o);
}

/* ---- programs ---- */

/* The tag of a tail call that the program carries, NULL: none. */
static const char *call_tag(const struct btf *btf, const char *program)
{
	int func = btf__find_by_name_kind(btf, program, BTF_KIND_FUNC);

	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_decl_tag(t) && t->type == (uint32_t)func &&
		    strncmp(name_of(btf, t), "tail:", 5) == 0)
			return name_of(btf, t);
	}
	return NULL;
}

Test(abi, entry_programs_have_cilium_s_names_and_types)
{
	struct objects o = open_objects();
	struct buf bad = BUF_INIT;
	struct bpf_program *p;

	for (size_t i = 0; i < o.n; i++) {
		bpf_object__for_each_program(p, o.obj[i])
		{
			const char *text =
				arena_printf(arena, "%s: %s in %s", bpf_program__name(p),
					     libbpf_bpf_prog_type_str(bpf_program__type(p)),
					     bpf_program__section_name(p));

			if (!call_tag(bpf_object__btf(o.obj[i]), bpf_program__name(p)))
				expect_item(&bad, o.name[i],
					    find(&ours, "Entry programs", o.name[i],
						 bpf_program__name(p), ":"),
					    text);
		}
	}
	for (size_t i = 0; i < ours.n; i++)
		if (strcmp(ours.items[i].section, "Entry programs") == 0 && !ours.items[i].seen)
			buf_printf(&bad, "%s lacks %s\n", ours.items[i].part, ours.items[i].text);
	cr_assert_eq(bad.len, 0, "\n%s", buf_str(&bad));
	close_objects(&o);
}

static void check_tail(struct buf *bad, const char *object, const struct bpf_object *obj,
		       const struct bpf_program *p)
{
	const char *tag = call_tag(bpf_object__btf(obj), bpf_program__name(p)), *text;

	if (!tag)
		return;
	text = arena_printf(arena, "%s -> %s", tag, bpf_program__name(p));
	if (!find(&ours, "Tail-call slots", object, text, ""))
		buf_printf(bad, "%s: in no table: %s\n", object, text);
	if (!find(&cilium, "Tail-call slots", object, tag, " ") &&
	    !find(&ours, "Slots that Cilium's object does not use", object, tag, ""))
		buf_printf(bad, "%s: Cilium's has no %s\n", object, tag);
}

Test(abi, tail_calls_use_cilium_s_slots)
{
	struct objects o = open_objects();
	struct buf bad = BUF_INIT;
	struct bpf_program *p;

	for (size_t i = 0; i < o.n; i++)
		bpf_object__for_each_program(p, o.obj[i]) check_tail(&bad, o.name[i], o.obj[i], p);
	cr_assert_eq(bad.len, 0, "\n%s", buf_str(&bad));
	close_objects(&o);
}

/* ---- the tables ---- */

static void see_all(const struct objects *o)
{
	struct buf unused = BUF_INIT;
	struct bpf_program *p;
	struct bpf_map *m;

	each_setting(o, check_setting, &unused);
	for (size_t i = 0; i < o->n; i++) {
		const struct btf *btf = bpf_object__btf(o->obj[i]);

		for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
			const struct btf_type *t = btf__type_by_id(btf, id);

			if (btf_is_composite(t) && *name_of(btf, t))
				check_structure(&unused, o->name[i], btf, t);
		}
		bpf_object__for_each_map(m, o->obj[i]) check_map(&unused, o->name[i], o->obj[i], m);
		bpf_object__for_each_program(p, o->obj[i])
		{
			find(&ours, "Entry programs", o->name[i], bpf_program__name(p), ":");
			check_tail(&unused, o->name[i], o->obj[i], p);
		}
	}
	buf_free(&unused);
}

Test(abi, the_table_of_what_is_ours_has_no_stale_line)
{
	struct objects o = open_objects();
	struct buf stale = BUF_INIT;

	see_all(&o);
	for (size_t i = 0; i < ours.n; i++)
		if (!ours.items[i].seen)
			buf_printf(&stale, "%s\n", ours.items[i].text);
	cr_assert_eq(stale.len, 0, "in no object:\n%s", buf_str(&stale));
	close_objects(&o);
}

Test(abi, the_next_release_differs_in_the_conntrack_value_only_by_a_field_at_its_end)
{
	const struct item *today = find(&cilium, "Structs", NULL, "struct ct_entry", " ");
	const char *path = arena_printf(arena, "%s/upgrades/wide_ct/bpf_host.o", objects_dir());
	struct bpf_object *wide = open_object(path);
	const struct btf *btf = bpf_object__btf(wide);
	struct bpf_map *m = bpf_object__find_map_by_name(wide, "cilium_ct4_global");
	struct buf text = BUF_INIT;
	size_t header = strlen("struct ct_entry (56 bytes)"), body;

	cr_assert(m && today);
	cr_assert_eq(bpf_map__value_size(m), 64);
	describe(&text, btf, btf__type_by_id(btf, bpf_map__btf_value_type_id(m)));
	body = strlen(today->text + header);
	cr_assert_eq(strncmp(buf_str(&text) + header, today->text + header, body), 0);
	cr_assert_str_eq(buf_str(&text) + header + body, "\n    next_release: __u64 @56");
	buf_free(&text);
	bpf_object__close(wide);
}
