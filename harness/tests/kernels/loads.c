/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Does this kernel take the datapath? Loads the objects in the combinations of datapath_modes.h, a line
 * each, "ok NAME" or "not ok NAME" with what the verifier said below it; then runs packets through some.
 * Runs in a guest, and on the machine itself, which tells the guests what is to be left of the programs.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#include "tests/datapath_modes.h"
#include "tests/datapath_open.h"
#include "tests/kernels/lines.h"
#include "tests/kernels/runs.h"

#define INSTRUCTIONS_MAX 250000
#define TAIL_SIZE	 2400

/* The end of what libbpf said since the last object. */
static char tail[2 * TAIL_SIZE];
static size_t tail_len;

static int keep_tail(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text = NULL;
	int len;

	if (level != LIBBPF_WARN)
		return 0;
	len = vasprintf(&text, format, args);
	if (len < 0)
		return 0;
	for (int i = 0; i < len; i++) {
		if (tail_len == sizeof(tail) - 1) {
			memmove(tail, tail + TAIL_SIZE, sizeof(tail) - TAIL_SIZE);
			tail_len -= TAIL_SIZE;
		}
		tail[tail_len++] = text[i];
	}
	tail[tail_len] = '\0';
	free(text);
	return 0;
}

static void print_tail(void)
{
	const char *at = tail_len > TAIL_SIZE ? tail + tail_len - TAIL_SIZE : tail;

	for (char *line = strtok((char *)at, "\n"); line; line = strtok(NULL, "\n"))
		printf("    %s\n", line);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The program whose verification went through most instructions. */
static uint32_t most_verified(struct bpf_object *obj, const char **program)
{
	struct bpf_program *p;
	uint32_t most = 0;

	bpf_object__for_each_program(p, obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &size) == 0 &&
		    info.verified_insns > most) {
			most = info.verified_insns;
			*program = bpf_program__name(p);
		}
	}
	return most;
}

static struct {
	bool all;
	FILE *write, *against; /* lines.h; either, or none */
} opts;

/* What the loaded object makes of the verifier: false, and why. */
static bool check(struct bpf_object *obj, const char *name, uint32_t most, char why[256])
{
	if (most > INSTRUCTIONS_MAX) {
		snprintf(why, 256, "%u instructions", most);
		return false;
	}
	if (opts.write && !lines_write(opts.write, obj, name)) {
		snprintf(why, 256, "this kernel does not tell the lines of programs");
		return false;
	}
	return !opts.against || lines_compare(opts.against, obj, name, why);
}

static bool load(const char *dir, const char *label, const struct combination *c)
{
	char path[512], name[160], why[256];
	const char *program = "";
	double started = seconds();
	struct bpf_object *obj;
	bool loaded, good;
	uint32_t most;

	tail_len = 0;
	snprintf(path, sizeof(path), "%s/%s.o", dir, c->object);
	snprintf(name, sizeof(name), "%s%s, %s", label, c->object, c->name);
	obj = datapath_open(path, c->config, why);
	loaded = obj && bpf_object__load(obj) == 0;
	if (obj && !loaded)
		snprintf(why, sizeof(why), "is rejected");
	most = loaded ? most_verified(obj, &program) : 0;
	good = loaded && check(obj, name, most, why);
	if (good)
		printf("ok %s: %u instructions (%s), %.1f s\n", name, most, program,
		       seconds() - started);
	else
		printf("not ok %s: %s\n", name, why);
	if (obj && !loaded)
		print_tail();
	fflush(stdout);
	bpf_object__close(obj);
	return good;
}

static bool is_largest(size_t i)
{
	return strncmp(combinations[i].name, "all", 3) == 0;
}

static bool is_of_same(size_t i, size_t other)
{
	return other < N_COMBINATIONS &&
	       strcmp(combinations[i].object, combinations[other].object) == 0;
}

static bool is_largest_of_same(size_t i, size_t other)
{
	return is_of_same(i, other) && is_largest(other);
}

/* Of each object what is built in, and of the modes that switch most on the first and the last in a row. */
static bool is_of_few(size_t i)
{
	bool first = !i || !is_largest_of_same(i, i - 1), last = !is_largest_of_same(i, i + 1);

	return (is_largest(i) && (first || last)) || strcmp(combinations[i].name, "as built") == 0;
}

static const char *label_of(const char *dir, bool only_one)
{
	static char label[64];
	const char *slash = strrchr(dir, '/');

	snprintf(label, sizeof(label), "%s, ", slash ? slash + 1 : dir);
	return only_one ? "" : label;
}

static int usage(void)
{
	fprintf(stderr, "Usage: loads [--all] [--write FILE | --against FILE] FOLDER...\n");
	return 2;
}

/* Index of the first folder; 0: wrong usage. */
static int parse(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		bool write = strcmp(argv[i], "--write") == 0;

		if (strcmp(argv[i], "--all") == 0) {
			opts.all = true;
			continue;
		}
		if ((!write && strcmp(argv[i], "--against") != 0) || i + 1 == argc)
			return 0;
		*(write ? &opts.write : &opts.against) = fopen(argv[++i], write ? "w" : "r");
		if (!opts.write && !opts.against)
			return 0;
	}
	return i < argc ? i : 0;
}

static int load_all(const char *dir, const char *label)
{
	int failed = 0;

	for (size_t i = 0; i < N_COMBINATIONS; i++)
		if (opts.all || is_of_few(i))
			failed += !load(dir, label, &combinations[i]);
	return failed;
}

int main(int argc, char **argv)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int first = parse(argc, argv), failed = 0;
	struct utsname name;

	if (!first)
		return usage();
	uname(&name);
	printf("kernel %s\n", name.release);
	libbpf_set_print(keep_tail);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	for (int i = first; i < argc; i++) {
		const char *label = label_of(argv[i], argc == first + 1);

		failed += load_all(argv[i], label);
		failed += runs(argv[i], label);
	}
	if (opts.write && fclose(opts.write))
		failed++;
	return failed > 0;
}
