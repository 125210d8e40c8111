// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From an object's name to its file. */
#include "scenario/object_path.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* Debian's multiarch folder, Fedora's, and the plain one. */
static const char *const distribution[] = { "/usr/lib/*/bpf", "/usr/lib64/bpf", "/usr/lib/bpf" };

static const struct {
	const char *pattern, *debian, *fedora;
} packages[] = {
	{ "xdpfilt_*.o", "libxdp1", "xdp-tools" },
	{ "xdpdump_*.o", "libxdp1", "xdp-tools" },
	{ "xdp-dispatcher.o", "libxdp1", "libxdp" },
	{ "xsk_def_xdp_prog*.o", "libxdp1", "libxdp" },
};

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* The name behind '$', and what follows it; false if none stands there. */
static bool variable(struct arena *a, const char *text, const char **name, const char **rest)
{
	bool braced = text[1] == '{';
	const char *at = text + 1 + braced;
	size_t len = strspn(at, NAME_LETTERS);

	*name = arena_strndup(a, at, len);
	*rest = at + len + braced;
	return len && (!braced || at[len] == '}') && (!**rest || **rest == '/');
}

int path_expand(struct arena *a, const char *text, const char **out, const char **missing,
		struct err *err)
{
	const char *name, *rest, *value;

	*out = text;
	if (text[0] != '$')
		return 0;
	if (!variable(a, text, &name, &rest))
		return err_input(err, NULL,
				 "'%s': expected a variable's name and a path behind it, as in "
				 "$OBJECTS/bpf_lxc.o",
				 text);
	value = getenv(name);
	if (!value || !*value) {
		*missing = arena_printf(a, "the variable %s is not set: it names the folder of %s",
					name, *rest ? rest + 1 : "the objects");
		return 1;
	}
	*out = arena_printf(a, "%s%s", value, rest);
	return 0;
}

static const char *shipped(struct arena *a, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(distribution) / sizeof(*distribution) && !found; i++) {
		glob_t folders = { 0 };

		glob(distribution[i], 0, NULL, &folders);
		for (size_t j = 0; j < folders.gl_pathc && !found; j++) {
			const char *path = file_join(a, folders.gl_pathv[j], name);

			found = is_file(path) ? path : NULL;
		}
		globfree(&folders);
	}
	return found;
}

static const char *package_hint(struct arena *a, const char *name)
{
	for (size_t i = 0; i < sizeof(packages) / sizeof(*packages); i++)
		if (fnmatch(packages[i].pattern, name, 0) == 0)
			return arena_printf(a,
					    "%s is not installed: it comes with the package %s "
					    "(Fedora: %s)",
					    name, packages[i].debian, packages[i].fedora);
	return NULL;
}

int object_path(struct arena *a, const char *dir, const char *text, const char **out,
		const char **missing, struct err *err)
{
	const char *beside, *path;
	int ret = path_expand(a, text, &path, missing, err);

	if (ret)
		return ret;
	beside = dir ? file_join(a, dir, path) : path;
	*out = is_file(beside) ? beside : is_file(path) ? path : NULL;
	if (*out)
		return 0;
	if (strchr(path, '/'))
		return err_input(err, NULL, "no object %s", path);
	*out = shipped(a, path);
	if (*out)
		return 0;
	*missing = package_hint(a, path);
	if (*missing)
		return 1;
	return err_input(err, NULL,
			 "no object %s: looked in %s%sthe working folder, and in the bpf folders "
			 "below /usr/lib",
			 path, dir ? dir : "", dir ? ", " : "");
}
