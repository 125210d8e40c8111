/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names under a bpffs; walks a folder depth first and unlinks. */
#include "engine/pins.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>

const char *pins_node_dir(struct arena *a, const char *root, const char *node)
{
	char *name = arena_strdup(a, node);

	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = '_';
	return arena_printf(a, "%s/%s/tc/globals", root, name);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? errno : 0;
}

int pins_remove(const char *dir, struct err *err)
{
	int ret = nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	if (ret < 0 && errno == ENOENT)
		return 0;
	if (ret)
		return err_system(err, ret > 0 ? ret : errno, "cannot remove the pins under %s",
				  dir);
	return 0;
}
