// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The command line, as a user meets it: the built program is run. VERDICT names it, else the one beside
 * this test's folder.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/ns.h"

#define MAN_PAGE   "docs/verdict.1"
#define COMPLETION "docs/verdict.bash"

static struct arena *a;
static struct err err;
static char root[4096]; /* the tree */
static char dir[] = "/tmp/verdict-cmd-XXXXXX";

static void set_up(void)
{
	a = arena_new();
	cr_assert(getcwd(root, sizeof(root)) != NULL);
	cr_assert(mkdtemp(dir) != NULL);
}

static void tear_down(void)
{
	const char *const argv[] = { "rm", "-r", dir, NULL };

	run_tool(argv, -1, NULL, NULL, 10, &err);
	arena_free(a);
}

TestSuite(cmd, .init = set_up, .fini = tear_down, .timeout = 120);

struct result {
	int status;
	char out[65536], err[16384];
};

static void read_all(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n = fread(text, 1, size - 1, f);

	text[n] = '\0';
	fclose(f);
}

static const char *program(void)
{
	const char *env = getenv("VERDICT");

	return env ? env : arena_printf(a, "%s/build/verdict", root);
}

/* As nobody, who may read all: the tree often lies in a home that is closed to others. */
static const char *const unprivileged[] = {
	"setpriv",
	"--reuid=65534",
	"--clear-groups",
	"--inh-caps=+dac_read_search",
	"--ambient-caps=+dac_read_search",
};

#define N_UNPRIVILEGED (sizeof(unprivileged) / sizeof(unprivileged[0]))

/* Runs verdict in a folder, as root or for want of privilege as nobody. */
static const struct result *verdict_as(bool privileged, const char *in, const char *const args[])
{
	struct result *r = arena_new_of(a, struct result);
	const char *argv[24] = { 0 };
	int n = 0;
	const char *out = arena_printf(a, "%s/stdout", dir),
		   *er = arena_printf(a, "%s/stderr", dir);
	int status;
	pid_t pid;

	for (size_t i = 0; i < N_UNPRIVILEGED && !privileged; i++)
		argv[n++] = unprivileged[i];
	argv[n++] = program();
	for (int i = 0; args[i]; i++)
		argv[n++] = args[i];
	pid = fork();
	if (pid == 0) {
		if (!freopen(out, "w", stdout) || !freopen(er, "w", stderr) || chdir(in) < 0)
			_exit(99);
		execvp(argv[0], (char *const *)argv);
		_exit(97);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	read_all(out, r->out, sizeof(r->out));
	read_all(er, r->err, sizeof(r->err));
	cr_assert(r->status != 97, "cannot run %s: build it first", argv[0]);
	return r;
}

#define verdict(...)	       verdict_as(true, root, (const char *const[]){ __VA_ARGS__, NULL })
#define verdict_in(where, ...) verdict_as(true, where, (const char *const[]){ __VA_ARGS__, NULL })

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static const char *last_line(const char *text)
{
	size_t len = strlen(text);
	const char *at;

	if (!len)
		return "";
	for (at = text + len - 1; at > text && at[-1] != '\n'; at--)
		;
	return at;
}

/* ---- usage ---- */

Test(cmd, nothing_asked_prints_usage_on_standard_error_and_exits_2)
{
	const struct result *r = verdict_as(true, root, (const char *const[]){ NULL });

	cr_expect(eq(int, r->status, 2));
	cr_expect(has(r->err, "Usage: verdict COMMAND"));
	cr_expect(eq(str, (char *)r->out, ""));
}

Test(cmd, version_and_help_print_on_standard_output_and_exit_0)
{
	const struct result *r = verdict("--version");

	cr_expect(eq(int, r->status, 0));
	cr_expect(strncmp(r->out, "verdict ", 8) == 0);
	r = verdict("--help");
	cr_expect(eq(int, r->status, 0));
	cr_expect(has(r->out, "Commands:"));
}

Test(cmd, misspelt_words_are_usage_errors_that_name_the_nearest)
{
	const struct result *r = verdict("rnu");

	cr_expect(eq(int, r->status, 2));
	cr_expect(has(r->err, "did you mean run?"), "%s", r->err);
	r = verdict("run", "--engin=netns", "--juint", "x");
	cr_expect(eq(int, r->status, 2));
	cr_expect(has(r->err, "did you mean --junit?"), "%s", r->err);
	r = verdict("list", "-x");
	cr_expect(eq(int, r->status, 2));
	cr_expect(has(r->err, "unknown option -x"), "%s", r->err);
}

Test(cmd, a_bad_engine_an_empty_or_missing_value_are_usage_errors)
{
	cr_expect(eq(int, verdict("run", "--engine", "vm")->status, 2));
	cr_expect(has(verdict("run", "--engine", "vm")->err, "bad value 'vm' for --engine"));
	cr_expect(eq(int, verdict("run", "--junit")->status, 2));
	cr_expect(has(verdict("run", "--junit")->err, "--junit needs a value"));
	cr_expect(eq(int, verdict("run", "--out", "")->status, 2));
	cr_expect(eq(int, verdict("doctor", "now")->status, 2));
}

/* ---- what runs, and what is left of it ---- */

Test(cmd, a_folder_without_scenarios_runs_nothing_and_exits_4)
{
	const struct result *r = verdict("run", dir, "--out", dir);

	cr_expect(eq(int, r->status, 4), "%s", r->err);
	cr_expect(eq(str, (char *)last_line(r->out), "0 passed, 0 failed\n"));
}

Test(cmd, a_name_that_is_none_exits_2)
{
	const struct result *r = verdict("run", "no-such-scenario");

	cr_expect(eq(int, r->status, 2));
	cr_expect(has(r->err, "no scenario no-such-scenario"), "%s", r->err);
}

static void write_scenario(const char *name, const char *text)
{
	const char *folder = arena_printf(a, "%s/scenarios/%s", dir, name);

	cr_assert(file_mkdir_p(folder, &err) == 0);
	cr_assert(file_write(arena_printf(a, "%s/scenario.yaml", folder), text, strlen(text),
			     &err) == 0);
}

Test(cmd, a_scenario_that_cannot_be_read_is_an_error_in_every_report_and_exits_2)
{
	const struct result *r;
	char *text;

	write_scenario("broken", "name: broken\nsumary: x\n");
	r = verdict_in(dir, "run", "--junit", "j.xml", "--json", "j.json");
	cr_expect(eq(int, r->status, 2), "%s%s", r->out, r->err);
	cr_expect(has(r->out, "ERROR"));
	cr_expect(has(r->out, "scenario.yaml:2:1: "), "%s", r->out);
	cr_expect(eq(str, (char *)last_line(r->out), "0 passed, 1 failed\n"));
	cr_assert(file_read(a, arena_printf(a, "%s/j.xml", dir), &text, NULL, &err) == 0);
	cr_expect(has(text, "<error type=\"scenario\""));
	cr_assert(file_read(a, arena_printf(a, "%s/j.json", dir), &text, NULL, &err) == 0);
	cr_expect(has(text, "\"kind\": \"input\""));
	r = verdict_in(dir, "run", "--tap");
	cr_expect(has(r->out, "\nnot ok 1 - broken\n"), "%s", r->out);
	cr_expect(eq(int, verdict_in(dir, "run", "-k", "other")->status, 4));
	cr_expect(eq(int, verdict_in(dir, "list")->status, 2));
}

Test(cmd, list_prints_aligned_columns_and_json)
{
	const struct result *r = verdict("list");
	const char *header = "NAME", *engines;

	if (access("scenarios", F_OK))
		cr_skip_test("no scenarios/ here");
	cr_assert(eq(int, r->status, 0), "%s", r->err);
	cr_expect(strncmp(r->out, header, 4) == 0);
	engines = strstr(r->out, "ENGINES");
	cr_assert(engines != NULL);
	for (const char *line = strchr(r->out, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
		const char *cell = line + (engines - r->out);

		cr_expect(strncmp(cell, "testrun", 7) == 0 || strncmp(cell, "netns", 5) == 0);
		cr_expect(cell[-1] == ' ');
	}
	r = verdict("list", "--json");
	cr_expect(eq(int, r->status, 0));
	cr_expect(has(r->out, "\"engines\": ["));
}

/* ---- real runs ---- */

#define PING "ping-restart-mid-flow"

/* A tree of its own in which scenarios can be changed; skips where nothing can run. */
static void copy_scenario(const char *from, const char *to)
{
	const char *path = arena_printf(a, "%s/scenarios/%s/scenario.yaml", root, from);
	char *text;

	if (geteuid() || access(path, R_OK) || !has(verdict("doctor")->out, "testrun: works"))
		cr_skip_test("testrun does not work here, or there is no scenario %s", from);
	cr_assert(file_read(a, path, &text, NULL, &err) == 0);
	write_scenario(from, text);
	cr_assert(symlink(arena_printf(a, "%s/fixtures", root),
			  arena_printf(a, "%s/fixtures", dir)) == 0);
	if (to)
		write_scenario(from, to);
}

Test(cmd, a_scenario_as_expected_exits_0_and_leaves_a_capture)
{
	const struct result *r;

	copy_scenario(PING, NULL);
	r = verdict_in(dir, "run", "--engine", "testrun");
	cr_expect(eq(int, r->status, 0), "%s%s", r->out, r->err);
	cr_expect(eq(str, (char *)last_line(r->out), "1 passed, 0 failed\n"));
	cr_expect(access(arena_printf(a, "%s/reports/out/" PING "-testrun.pcapng", dir), R_OK) ==
		  0);
}

Test(cmd, an_expectation_that_fails_exits_1_and_names_file_line_packet_and_field)
{
	const struct result *r;

	copy_scenario(PING, "cluster: fixtures/clusters/two-masters\n"
			    "steps:\n"
			    "  - send: {capture: ping.pcapng, packets: 1}\n"
			    "    expect:\n"
			    "      outcome: dropped\n");
	r = verdict_in(dir, "run", PING, "--engine", "testrun", "-k", "ping*");
	cr_expect(eq(int, r->status, 1), "%s%s", r->out, r->err);
	cr_expect(has(r->out, "scenarios/" PING "/scenario.yaml:5: packet 1 (ping.pcapng, +"), "%s",
		  r->out);
	cr_expect(has(r->out, ": outcome: expected dropped, actual sent\n"), "%s", r->out);
	cr_expect(eq(str, (char *)last_line(r->out), "0 passed, 1 failed\n"));
}

Test(cmd, without_privilege_all_is_skipped_with_the_reason_and_exits_4)
{
	const struct result *r;

	if (geteuid() || access("scenarios", F_OK))
		cr_skip_test("only root can give privilege up");
	r = verdict_as(false, root,
		       (const char *const[]){ "run", "--out", dir, "--engine", "testrun", NULL });
	cr_expect(eq(int, r->status, 4), "%s%s", r->out, r->err);
	cr_expect(has(r->out, "no CAP_SYS_ADMIN"));
	cr_expect(has(last_line(r->out), "0 passed, 0 failed, "));
	cr_expect(has(last_line(r->out), " skipped\n"));
}

Test(cmd, a_signal_ends_the_run_after_the_scenario_with_a_report)
{
	const char *out = arena_printf(a, "%s/signalled", dir); /* nobody else has written there */
	char text[65536] = "";
	int status;
	pid_t pid;

	copy_scenario(PING, NULL);
	for (int i = 0; i < 30; i++) {
		char *yaml;

		cr_assert(file_read(a, arena_printf(a, "%s/scenarios/" PING "/scenario.yaml", dir),
				    &yaml, NULL, &err) == 0);
		write_scenario(arena_printf(a, "again-%02d", i),
			       strchr(strstr(yaml, "name:"), '\n') + 1);
	}
	pid = fork();
	if (pid == 0) {
		if (!freopen(out, "w", stdout) || !freopen("/dev/null", "w", stderr) || chdir(dir))
			_exit(99);
		execl(program(), program(), "run", "--engine", "testrun", NULL);
		_exit(97);
	}
	for (int i = 0; i < 600 && !has(text, "\n"); i++) {
		usleep(50000);
		read_all(out, text, sizeof(text));
	}
	kill(pid, SIGINT);
	cr_assert(waitpid(pid, &status, 0) == pid);
	read_all(out, text, sizeof(text));
	cr_expect(eq(int, WIFEXITED(status) ? WEXITSTATUS(status) : -1, 128 + SIGINT));
	cr_expect(has(last_line(text), " passed, 0 failed\n"), "%s", text);
	cr_expect(strtol(last_line(text), NULL, 10) < 31);
}

/* ---- doctor ---- */

Test(cmd, doctor_without_privilege_says_what_it_could_not_check_and_exits_3)
{
	const struct result *r;

	if (geteuid())
		cr_skip_test("only root can give privilege up");
	r = verdict_as(false, "/", (const char *const[]){ "doctor", NULL });
	cr_expect(eq(int, r->status, 3), "%s%s", r->out, r->err);
	cr_expect(has(r->out, "unknown"));
	cr_expect(has(r->out, "could not be checked"));
	cr_expect(has(r->out, "engine testrun: its scenarios will be skipped"));
}

Test(cmd, doctor_agrees_with_its_exit_status)
{
	const struct result *r = verdict("doctor");
	bool works = has(r->out, "engine testrun: works") && has(r->out, "engine netns: works");

	cr_expect(eq(int, r->status, works ? 0 : 3), "%s", r->out);
	cr_expect(has(r->out, "BPF_PROG_TEST_RUN"));
}

static void fits_80_columns(const char *what, const char *text)
{
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
		int len = (int)strcspn(at, "\n");
		int characters = 0;

		for (int i = 0; i < len; i++)
			characters += (at[i] & 0xc0) != 0x80;
		cr_expect(le(int, characters, 80), "%s: %.*s", what, len, at);
		cr_expect(len == 0 || at[len - 1] != ' ', "%s: blank at the end of '%.*s'", what,
			  len, at);
		cr_expect(at[len] == '\n', "%s: the last line does not end", what);
	}
}

Test(cmd, all_help_fits_into_80_columns)
{
	static const char *const topics[] = { "run",  "list",	  "bench",   "doctor",
					      "help", "scenario", "targets", "fields" };

	fits_80_columns("help", verdict("help")->out);
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		const struct result *r = verdict("help", topics[i]);

		cr_expect(eq(int, r->status, 0));
		fits_80_columns(topics[i], r->out);
	}
}

Test(cmd, the_references_are_those_of_docs)
{
	char *text;

	cr_assert(file_read(a, "docs/scenario.md", &text, NULL, &err) == 0);
	cr_expect(eq(str, (char *)verdict("help", "--markdown", "scenario")->out, text));
	cr_assert(file_read(a, "docs/targets.md", &text, NULL, &err) == 0);
	cr_expect(eq(str, (char *)verdict("help", "--markdown", "targets")->out, text));
	cr_assert(file_read(a, "docs/fields.md", &text, NULL, &err) == 0);
	cr_expect(eq(str, (char *)verdict("help", "--markdown", "fields")->out, text));
	cr_expect(has(verdict("help", "fields")->out, "\n  tcp.dstport "));
	cr_expect(has(verdict("help", "scenario")->out, "\n  drop_reason: drop reason"));
	cr_expect(not(has(verdict("help", "scenario")->out, "|")));
}

/* ---- help, man page and completion name the same things ---- */

/* The words of a text that begin a line after two spaces, up to `stop`: commands, or options. */
static size_t indented_words(const char *text, const char *from, char words[][32], size_t max)
{
	const char *at = strstr(text, from);
	size_t n = 0;

	cr_assert(at != NULL, "no %s", from);
	for (at = strchr(at, '\n') + 1; *at && *at != '\n' && n < max; at = strchr(at, '\n') + 1)
		if (strncmp(at, "  ", 2) == 0 && at[2] != ' ')
			snprintf(words[n++], sizeof(words[0]), "%.*s", (int)strcspn(at + 2, " \n"),
				 at + 2);
	return n;
}

/* Part of the man page from ".Ss verdict NAME" to the next heading. */
static char *man_section(const char *man, const char *name)
{
	const char *head = arena_printf(a, "\n.Ss verdict %s\n", name), *at = strstr(man, head);
	const char *end;

	cr_assert(at != NULL, "the man page has no section verdict %s", name);
	at += strlen(head);
	end = strstr(at, "\n.S");
	return arena_strndup(a, at, end ? (size_t)(end - at) : strlen(at));
}

/* "-v" is ".It Fl v", "--tap" ".It Fl -tap". */
static const char *man_option(const char *option)
{
	return arena_printf(a, ".It Fl %s", option + 1);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text += strlen(part);
	}
	return n;
}

/* What bash completes after the words. */
static const char *complete(const char *line)
{
	const char *script =
		arena_printf(a,
			     "source %s; COMP_WORDS=(%s); [[ '%s' == *' ' ]] && COMP_WORDS+=(''); "
			     "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _verdict; printf ' %%s ' "
			     "\"${COMPREPLY[@]}\"",
			     COMPLETION, line, line);
	const char *const argv[] = { "bash", "-c", script, NULL };
	struct buf out = BUF_INIT;
	const char *text;

	cr_assert(run_tool(argv, -1, NULL, &out, 20, &err) == 0, "%s", err.text);
	text = arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return text;
}

static void same_options(const char *name, const char *man)
{
	char options[32][32];
	size_t n = indented_words(verdict("help", name)->out, "\nOptions:", options, 32);
	const char *completed = complete(arena_printf(a, "verdict %s -", name));
	const char *section = man_section(man, name);

	for (size_t i = 0; i < n; i++) {
		cr_expect(has(completed, arena_printf(a, " %s ", options[i])),
			  "the completion of %s lacks %s", name, options[i]);
		if (strcmp(options[i], "--help") == 0)
			continue;
		cr_expect(has(section, man_option(options[i])), "the man page's %s lacks %s", name,
			  options[i]);
	}
	cr_expect(count(completed, " -") == n, "the completion of %s has more: %s", name,
		  completed);
	cr_expect(count(section, "\n.It Fl ") == n - 1, "the man page's %s has more", name);
}

Test(cmd, help_man_page_and_completion_name_the_same_commands_and_options)
{
	char commands[16][32];
	size_t n = indented_words(verdict("help")->out, "\nCommands:", commands, 16);
	const char *completed = complete("verdict ");
	char *man;

	cr_assert(file_read(a, MAN_PAGE, &man, NULL, &err) == 0);
	cr_assert(n >= 4);
	cr_expect(eq(sz, count(man, "\n.Ss verdict "), n));
	for (size_t i = 0; i < n; i++) {
		cr_expect(has(completed, arena_printf(a, " %s ", commands[i])), "%s", commands[i]);
		same_options(commands[i], man);
	}
	/* and --version, --help */
	cr_expect(eq(sz, count(completed, "  ") + 1, n + 2), "%s", completed);
}

Test(cmd, the_man_page_is_clean)
{
	const char *const argv[] = { "mandoc", "-Tlint", "-Wwarning", MAN_PAGE, NULL };
	struct buf out = BUF_INIT;

	if (!tool_exists("mandoc"))
		cr_skip_test("no mandoc");
	cr_expect(run_tool(argv, -1, NULL, &out, 20, &err) == 0, "%s", err.text);
	cr_expect(eq(str, (char *)buf_str(&out), ""));
	buf_free(&out);
}
