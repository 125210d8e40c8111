/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects that nobody made for this harness: those of Debian's libxdp1, unchanged. */
#include <glob.h>

#include "elf_source.h"

TestSuite(elf_shipped, .init = set_up, .fini = tear_down);

static void unchanged(const char *path)
{
	struct elf_image *image = image_of(path);
	char *data;
	size_t size;

	cr_assert_eq(file_read(arena, path, &data, &size, err), 0, "%s", err->text);
	cr_expect(!image->is_rewritten && image->n_changes == 0, "%s: %zu changes", path,
		  image->n_changes);
	cr_expect(image->size == size && !memcmp(image->data, data, size), "%s differs", path);
	/* needs fentry, which a locked-down kernel refuses */
	if (!strstr(path, "xdpdump_bpf.o"))
		load_small(image);
	elf_free(image);
}

Test(elf_shipped, objects_of_libxdp_stay_as_they_are_and_load, .timeout = 60)
{
	glob_t found = { 0 };

	NEEDS_ROOT();
	if (glob("/usr/lib/*/bpf/x*.o", 0, NULL, &found))
		cr_skip_test("needs the objects of libxdp1");
	libbpf_set_print(quiet);
	for (size_t i = 0; i < found.gl_pathc; i++)
		unchanged(found.gl_pathv[i]);
	globfree(&found);
}
