// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files of map entries, read an entry at a time: the same trees as the YAML parser's, whatever the form;
 * damaged ones end in an error with a place.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_schema.h"
#include "scenario/yaml.h"
#include "target/maps_print.h"
#include "target/maps_source_forms.h"

static struct arena *arena;
static struct err err;

static void set_up(void)
{
	arena = arena_new();
}

static void tear_down(void)
{
	arena_free(arena);
}

TestSuite(maps_file, .init = set_up, .fini = tear_down);

static struct value *by_flow(const char *text, bool json)
{
	struct flow f = flow_begin("sample", text, strlen(text), &err);
	struct value *v = NULL;

	f.json = json;
	cr_assert_eq(flow_read(&f, arena, &v), 0, "%s: %s", text, err.text);
	cr_assert_eq(flow_next(&f), 0, "%s: something is left", text);
	return v;
}

static const char *text_of(const struct value *v)
{
	struct buf out = BUF_INIT;
	const char *text;

	maps_print_value(&out, v, false);
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

Test(maps_file, flow_style_reads_as_yaml_does)
{
	static const char *const samples[] = {
		"{key: 1, value: {a: [1, 2, 3], b: {}, c: []}}",
		"{a: 10.0.0.1, b: fd00::1, c: 02:00:5e:10:00:01, d: 0x10, e: -1, f: null, g: ~}",
		"{\"a b\": \"x \\\"y\\\" \\\\ \\u00e9 \\n\", 'it''s': 'quo''ted', c: plain words "
		"here}",
		"{a: 1, b: \"\", c: x:y, d: x#y} # a comment",
		"[1, [2, [3, {a: b}]], \"0x41\",\n  next]",
		"{a: 18446744073709551615, b: true, c: GREEN,}",
	};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct value **docs, *v = by_flow(samples[i], false);
		size_t n;

		cr_assert_eq(yaml_parse(arena, samples[i], strlen(samples[i]), "sample", &docs, &n,
					&err),
			     0, "%s", err.text);
		cr_expect(value_equal(v, docs[0]), "%s: %s", samples[i], text_of(v));
		cr_expect_str_eq(text_of(v), text_of(docs[0]));
	}
}

Test(maps_file, bytes_in_json_are_not_text_and_anonymous_members_get_names)
{
	struct value *v =
		by_flow("{\"a\": \"0x41\", \"b\": \"41\", \"\": {\"c\": 1}, \"\": 2}", true);

	cr_expect(!value_get(v, "a")->quoted);
	cr_expect(value_get(v, "b")->quoted);
	cr_assert_eq(v->n, 4);
	cr_expect(strcmp(v->keys[2]->text, v->keys[3]->text) != 0);
}

Test(maps_file, what_is_printed_reads_back)
{
	static const char *const texts[] = { "plain", "a \"b\" \\ c", "tab\t nl\n", "yes",  "null",
					     "1.5",   "0x",	      "",	    "a: b", "#x" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (int json = 0; json <= 1; json++) {
			struct value *v = value_map(arena), *again;
			struct buf out = BUF_INIT;

			value_set(arena, v, "k", value_scalar(arena, "%s", texts[i]));
			value_get(v, "k")->quoted = true;
			maps_print_value(&out, v, json);
			again = by_flow(buf_str(&out), json);
			cr_expect_str_eq(value_text(value_get(again, "k")), texts[i], "%s",
					 buf_str(&out));
			buf_free(&out);
		}
	}
}

/* ---- whole files ---- */

struct told {
	size_t maps, entries, ends;
};

static int begin(void *arg, const struct value *name, bool from_bpftool, struct err *e)
{
	(void)from_bpftool;
	(void)e;
	((struct told *)arg)->maps += name->text != NULL;
	return 0;
}

static int entry(void *arg, const struct value *v, struct arena *scratch, struct err *e)
{
	(void)scratch;
	(void)e;
	((struct told *)arg)->entries += v != NULL;
	return 0;
}

static int end(void *arg, const struct value *desc, struct err *e)
{
	(void)e;
	((struct told *)arg)->ends += desc != NULL;
	return 0;
}

#define JSON                                                                                       \
	"{\"note\": [1, {\"x\": \"}\"}], \"maps\": {\"a\": {\"type\": \"hash\", \"entries\": [\n"  \
	" {\"key\": 1, \"value\": {\"b\": [1, 2]}},\n {\"key\": 2, \"value\": \"x\"}]},\n"         \
	"\"c\": {\"entries\": [], \"flags\": 1}}}\n"
#define BPFTOOL                                                                                    \
	"[{\"key\":[\"0x01\"],\"value\":[\"0x02\"],\"formatted\":{\"key\":1,\"value\":{\"\":2}}}," \
	"\n"                                                                                       \
	"{\"key\":[\"0x02\"],\"value\":[\"0x02\"]}]"
#define LINES                                                                                      \
	"# a dump\n---\nmaps:\n  a: \n    type: hash\n    flags: 1\n    entries:\n"                \
	"    - {key: 1, value: {b: [1, 2]}}\n    - {key: 2, value: \"x\"}\n"                       \
	"  \"c d\":\n    entries: []\n"

static int tell(const char *text, size_t len, bool lines, bool names_alone, struct told *told)
{
	struct maps_listener l = { begin, names_alone ? NULL : entry, end, told };
	struct source_text t = { .path = "x.json", .data = text, .size = len, .is_json = !lines };
	struct arena *scratch = arena_new();
	int ret;

	*told = (struct told){ 0 };
	ret = lines ? source_tell_lines(&t, &l, scratch, &err)
		    : source_tell_json(&t, &l, scratch, &err);
	arena_free(scratch);
	return ret;
}

static void expect_told(const char *text, bool lines, size_t maps, size_t entries)
{
	struct told told;

	cr_assert_eq(tell(text, strlen(text), lines, false, &told), 0, "%s", err.text);
	cr_expect_eq(told.maps, maps);
	cr_expect_eq(told.ends, maps);
	cr_expect_eq(told.entries, entries);
}

Test(maps_file, each_form_is_told_map_by_map_and_entry_by_entry)
{
	struct source_text lines = { .path = "x.yaml", .data = LINES, .size = strlen(LINES) };

	expect_told(JSON, false, 2, 2);
	expect_told(BPFTOOL, false, 1, 2);
	expect_told(LINES, true, 2, 2);
	cr_expect_eq(source_odd_line(&lines), 0);
}

Test(maps_file, names_alone_are_told_without_reading_entries)
{
	struct told told = { 0 };
	struct maps_listener l = { begin, NULL, end, &told };
	struct source_text t = { .path = "x", .data = JSON, .size = strlen(JSON), .is_json = true };

	cr_assert_eq(source_tell_json(&t, &l, arena, &err), 0, "%s", err.text);
	cr_expect(told.maps == 2 && told.ends == 2);
}

Test(maps_file, lines_of_another_form_are_found)
{
	static const struct {
		const char *text;
		int line;
	} odd[] = {
		{ "maps:\n  a:\n    entries:\n    - {key: 1,\n       value: 2}\n", 4 },
		{ "maps:\n  a:\n    entries:\n      - {key: 1, value: 2}\n", 4 },
		{ "maps:\n  a: &x\n", 2 },
		{ "  a:\n    type: hash\n", 1 },
		{ "maps:\n  a:\nmaps:\n", 3 },
		{ "# nothing\n", 1 },
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct source_text t = { .path = "x.yaml",
					 .data = odd[i].text,
					 .size = strlen(odd[i].text) };

		cr_expect_eq(source_odd_line(&t), odd[i].line, "%s", odd[i].text);
	}
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* In memory of its very size: reading past it is found by the sanitizer. */
static void damage(const char *text, bool lines, uint32_t seed)
{
	static const char nasty[] = "{}[],:\"'\\#\n \0x-~&*0";
	size_t len = strlen(text);

	for (unsigned i = 0; i < 20000; i++) {
		size_t cut = next(&seed) % 4 ? len : next(&seed) % (len + 1);
		char *copy = malloc(cut + !cut);
		struct told told;

		memcpy(copy, text, cut);
		for (unsigned n = next(&seed) % 4; n && cut; n--)
			copy[next(&seed) % cut] = nasty[next(&seed) % (sizeof(nasty) - 1)];
		err_clear(&err);
		if (tell(copy, cut, lines, i % 2, &told))
			cr_assert(strncmp(err.text, "x.json", 6) == 0, "%s", err.text);
		else
			cr_assert_eq(told.maps, told.ends);
		free(copy);
	}
}

Test(maps_file, damaged_files_are_read_or_refused_with_their_place, .timeout = 120)
{
	damage(JSON, false, 2463534242u);
	damage(BPFTOOL, false, 88172645u);
	damage(LINES, true, 362436069u);
}

/* ---- reports/maps.schema.json ---- */

static struct map *made(enum bpf_map_type type, const char *name, int inner)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	uint32_t key = 1, value[64] = { 7 };
	struct map *m = NULL;
	int fd;

	if (inner >= 0)
		opts.inner_map_fd = (uint32_t)inner;
	fd = bpf_map_create(type, name, type == BPF_MAP_TYPE_RINGBUF ? 0 : 4,
			    type == BPF_MAP_TYPE_RINGBUF ? 0 : 4,
			    type == BPF_MAP_TYPE_RINGBUF ? 4096 : 3, &opts);
	if (fd < 0)
		cr_skip_test("BPF is not to be had here");
	if (type != BPF_MAP_TYPE_RINGBUF)
		cr_assert_eq(bpf_map_update_elem(fd, &key, inner >= 0 ? (void *)&inner : value, 0),
			     0);
	cr_assert_eq(map_open_fd(fd, name, &m, &err), 0, "%s", err.text);
	close(fd);
	return m;
}

static char *dumped(struct map *const maps[], size_t n)
{
	struct maps_printer p;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	maps_print_begin(&p, out, true);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(maps_print_map(&p, maps[i], &err), 0, "%s", err.text);
	cr_assert_eq(maps_print_end(&p, &err), 0);
	fclose(out);
	return text;
}

Test(maps_file, a_dump_in_json_is_what_the_schema_says)
{
	json_t *schema = json_load_file("reports/maps.schema.json", JSON_REJECT_DUPLICATES, NULL);
	json_t *doc, *entry_of_hash;
	struct map *maps[5];
	char *text, why[1024];

	cr_assert(schema != NULL, "run the tests at the top of the tree");
	maps[0] = made(BPF_MAP_TYPE_HASH, "hash", -1);
	maps[1] = made(BPF_MAP_TYPE_PERCPU_ARRAY, "cpus", -1);
	maps[2] = made(BPF_MAP_TYPE_ARRAY, "array", -1);
	maps[3] = made(BPF_MAP_TYPE_ARRAY_OF_MAPS, "nested", maps[2]->fd);
	maps[4] = made(BPF_MAP_TYPE_RINGBUF, "ring", -1);
	text = dumped(maps, 5);
	doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	cr_assert(doc != NULL, "%s", text);
	cr_expect(schema_valid(schema, schema, doc, "", why, sizeof(why)), "%s: %s", why, text);
	entry_of_hash = json_array_get(
		json_object_get(json_object_get(json_object_get(doc, "maps"), "hash"), "entries"),
		0);
	json_object_del(entry_of_hash, "key");
	cr_expect(!schema_valid(schema, schema, doc, "", why, sizeof(why)));
	cr_expect_str_eq(why, "/maps/hash/entries/0 lacks key");
	for (size_t i = 0; i < 5; i++)
		map_close(maps[i]);
	json_decref(doc);
	json_decref(schema);
	free(text);
}
