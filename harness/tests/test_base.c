/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* base/: arenas, errors with carets, trees, words, child processes, the sandbox. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/ns.h"
#include "base/value.h"
#include "base/words.h"

Test(arena, memory_is_zeroed_aligned_and_survives_growth)
{
	struct arena *a = arena_new();
	unsigned *list = NULL;

	for (unsigned i = 0; i < 5000; i++) {
		list = arena_grow(a, list, i, sizeof(*list));
		cr_assert_eq((uintptr_t)list % 16, 0);
		cr_assert_eq(list[i], 0);
		list[i] = i + 1;
	}
	for (unsigned i = 0; i < 5000; i++)
		cr_assert_eq(list[i], i + 1);
	arena_free(a);
}

Test(arena, reset_hands_out_zeroed_memory_again)
{
	struct arena *a = arena_new();
	char *p = arena_alloc(a, 100);

	memset(p, 0xff, 100);
	arena_reset(a);
	p = arena_alloc(a, 100);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(p[i], 0);
	arena_free(a);
}

Test(arena, an_allocation_larger_than_a_block_works)
{
	struct arena *a = arena_new();
	char *p = arena_alloc(a, 1 << 20);

	p[(1 << 20) - 1] = 1;
	cr_assert_str_eq(arena_printf(a, "%s-%d", "x", 7), "x-7");
	arena_free(a);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

Test(err, an_input_error_shows_the_line_and_a_caret_under_the_column)
{
	struct err *err = calloc(1, sizeof(*err));
	char path[] = "/tmp/verdict-test-XXXXXX", want[512];
	struct loc loc = { path, 2, 3 };

	close(mkstemp(path));
	write_file(path, "steps:\n  - sned: {}\n");
	cr_assert_eq(err_input(err, &loc, "unknown key \"%s\"", "sned"), -EINVAL);
	snprintf(want, sizeof(want),
		 "%s:2:3: unknown key \"sned\"\n     2 |   - sned: {}\n       |   ^", path);
	cr_assert_str_eq(err->text, want);
	cr_assert_eq(err_exit_code(err), 2);
	unlink(path);
	free(err);
}

Test(err, a_tab_before_the_column_keeps_the_caret_aligned)
{
	struct err *err = calloc(1, sizeof(*err));
	char path[] = "/tmp/verdict-test-XXXXXX";
	struct loc loc = { path, 1, 3 };

	close(mkstemp(path));
	write_file(path, "\t x\n");
	err_input(err, &loc, "bad");
	cr_assert_not_null(strstr(err->text, "\n       | \t ^"));
	unlink(path);
	free(err);
}

Test(err, a_place_past_the_end_of_the_file_is_named_without_a_line)
{
	struct err *err = calloc(1, sizeof(*err));
	struct loc loc = { "/nonexistent/x.yaml", 9, 1 };

	err_input(err, &loc, "gone");
	cr_assert_str_eq(err->text, "/nonexistent/x.yaml:9:1: gone");
	free(err);
}

Test(err, context_goes_before_and_hints_after)
{
	struct err *err = calloc(1, sizeof(*err));

	cr_assert_eq(err_system(err, EPERM, "cannot load"), -EPERM);
	err_wrap(err, "node %s", "a");
	err_hint(err, "run as root");
	cr_assert_str_eq(err->text, "node a: cannot load: Operation not permitted\n  run as root");
	cr_assert_eq(err_exit_code(err), 3);
	free(err);
}

Test(err, an_overlong_message_is_cut_and_stays_terminated)
{
	struct err *err = calloc(1, sizeof(*err));
	char *big = malloc(20000);

	memset(big, 'x', 19999);
	big[19999] = '\0';
	err_system(err, 0, "%s", big);
	for (int i = 0; i < 3; i++)
		err_wrap(err, "%s", big);
	cr_assert_eq(strlen(err->text), sizeof(err->text) - 1);
	free(big);
	free(err);
}

Test(value, trees_print_in_flow_style_and_are_found_by_path)
{
	struct arena *a = arena_new();
	struct value *root = value_map(a), *list = value_list(a);
	struct buf b = BUF_INIT;

	value_setf(a, root, "dport", "%d", 80);
	value_push(a, list, value_scalar(a, "x"));
	value_push(a, list, value_null(a));
	value_set(a, value_set(a, root, "inner", value_map(a)), "list", list);
	value_print(&b, root);
	cr_assert_str_eq(buf_str(&b), "{dport: 80, inner: {list: [x, null]}}");
	cr_assert_eq(value_path(root, "inner.list"), list);
	cr_assert_null(value_path(root, "inner.lis"));
	cr_assert_null(value_get(root, "dpor"));
	buf_free(&b);
	arena_free(a);
}

Test(value, equality_ignores_the_order_of_keys_only)
{
	struct arena *a = arena_new();
	struct value *x = value_map(a), *y = value_map(a);

	value_setf(a, x, "a", "1");
	value_setf(a, x, "b", "2");
	value_setf(a, y, "b", "2");
	value_setf(a, y, "a", "1");
	cr_assert(value_equal(x, y));
	cr_assert(value_equal(x, value_copy(a, x)));
	value_setf(a, y, "c", "3");
	cr_assert_not(value_equal(x, y));
	arena_free(a);
}

Test(words, a_name_a_number_and_another_spelling_are_read)
{
	int n;

	cr_assert(word_parse(&words_drop_reason, "POLICY", &n) && n == 133);
	cr_assert(word_parse(&words_drop_reason, "policy-deny", &n) && n == 181);
	cr_assert(word_parse(&words_drop_reason, "140", &n) && n == 140);
	cr_assert(word_parse(&words_tc_verdict, "tc_act_shot", &n) && n == 2);
	cr_assert_not(word_parse(&words_drop_reason, "138", &n),
		      "138 is no reason of the interface");
	cr_assert_not(word_parse(&words_drop_reason, "POLIC", &n));
	cr_assert_not(word_parse(&words_drop_reason, "", &n));
}

Test(words, the_word_that_was_meant_is_suggested_and_a_stranger_is_not)
{
	static const char *const keys[] = { "send", "restart", "upgrade" };

	cr_assert_str_eq(nearest_name("sned", keys, 3), "send");
	cr_assert_str_eq(nearest_name("upgarde", keys, 3), "upgrade");
	cr_assert_null(nearest_name("zzzzzz", keys, 3));
	cr_assert_str_eq(word_nearest(&words_drop_reason, "POLCY"), "POLICY");
}

Test(words, every_table_names_each_number_once)
{
	const struct word_table *const tables[] = {
		&words_outcome,	    &words_ct_state, &words_tc_verdict, &words_xdp_verdict,
		&words_drop_reason, &words_identity, &words_event_type, &words_trace_point,
		&words_source_file, &words_protocol,
	};

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (size_t i = 0; i < tables[t]->n; i++)
			for (size_t j = i + 1; j < tables[t]->n; j++) {
				cr_assert_neq(tables[t]->words[i].number,
					      tables[t]->words[j].number, "%s",
					      tables[t]->words[i].name);
				cr_assert_str_neq(tables[t]->words[i].name,
						  tables[t]->words[j].name);
			}
}

Test(files, a_line_is_found_by_what_is_in_it)
{
	char path[] = "/tmp/verdict-lines-XXXXXX", line[16];
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, "first\n\nmine: 7\nmine: 8", 23), 23);
	close(fd);
	cr_expect(file_find_line(path, "", line, sizeof(line)));
	cr_expect_str_eq(line, "first");
	cr_expect(file_find_line(path, "mine:", line, sizeof(line)));
	cr_expect_str_eq(line, "mine: 7");
	cr_expect(file_find_line(path, "8", line, sizeof(line)), "a last line without an end");
	cr_expect_str_eq(line, "mine: 8");
	cr_expect_not(file_find_line(path, "yours", line, sizeof(line)));
	unlink(path);
	cr_expect_not(file_find_line(path, "", line, sizeof(line)));
	cr_expect_eq(errno, ENOENT);
}

Test(tools, output_input_and_failure_of_a_tool_are_taken)
{
	const char *const cat[] = { "cat", NULL };
	const char *const fail[] = { "sh", "-c", "echo why >&2; exit 3", NULL };
	const char *const none[] = { "verdict-no-such-tool", NULL };
	const char *const slow[] = { "sleep", "20", NULL };
	struct err *err = calloc(1, sizeof(*err));
	struct buf out = BUF_INIT;

	cr_assert_eq(run_tool(cat, -1, "hello", &out, 5, err), 0, "%s", err->text);
	cr_assert_str_eq(buf_str(&out), "hello");
	cr_assert_neq(run_tool(fail, -1, NULL, NULL, 5, err), 0);
	cr_assert_str_eq(err->text, "sh failed (exit 3): why");
	cr_assert_neq(run_tool(none, -1, NULL, NULL, 5, err), 0);
	cr_assert_not_null(strstr(err->text, "cannot run verdict-no-such-tool"));
	cr_assert_neq(run_tool(slow, -1, NULL, NULL, 1, err), 0);
	cr_assert_not_null(strstr(err->text, "sleep did not finish in 1 s"));
	cr_assert(tool_exists("sh"));
	cr_assert_not(tool_exists("verdict-no-such-tool"));
	buf_free(&out);
	free(err);
}

Test(tools, a_large_input_and_output_do_not_deadlock)
{
	const char *const cat[] = { "cat", NULL };
	struct err *err = calloc(1, sizeof(*err));
	struct buf out = BUF_INIT;
	char *big = malloc(1 << 21);

	memset(big, 'y', (1 << 21) - 1);
	big[(1 << 21) - 1] = '\0';
	cr_assert_eq(run_tool(cat, -1, big, &out, 20, err), 0, "%s", err->text);
	cr_assert_eq(out.len, (1 << 21) - 1);
	buf_free(&out);
	free(big);
	free(err);
}

Test(sandbox, namespaces_and_pins_made_inside_are_not_seen_outside)
{
	struct err *err = calloc(1, sizeof(*err));
	/* a folder opened before keeps looking at the mounts of outside */
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *inside = SANDBOX_BPFFS "/verdict-test";
	struct stat st;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_eq(sandbox_enter(err), 0, "%s", err->text);
	cr_assert_eq(sandbox_enter(err), 0, "a second time does nothing");
	cr_assert_eq(mkdir(inside, 0700), 0);
	cr_assert_eq(stat(inside, &st), 0);
	cr_assert_neq(fstatat(root, inside + 1, &st, 0), 0);
	close(root);
	free(err);
}
