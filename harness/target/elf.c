/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the file to the image: read, check, take apart, let each pass work, put together again. */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "target/btf_check.h"
#include "target/elf_internal.h"
#include "target/object_internal.h"
#include "target/sha256.h"

/* The largest objects there are have a few megabytes, nearly all of it debug information. */
#define SIZE_MAX_OBJECT (256 << 20)

static int read_whole(struct arena *a, int fd, size_t size, void **out)
{
	char *data = arena_alloc(a, size + 1);
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, data + got, size - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		got += (size_t)n;
	}
	*out = data;
	return 0;
}

static int read_object(struct elf_image *image, void **data, struct err *err)
{
	__cleanup_fd int fd = open(image->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int ret;

	if (fd < 0)
		return err_input(err, NULL, "cannot read the object %s: %s", image->path,
				 strerror(errno));
	if (fstat(fd, &st) < 0)
		return err_system(err, errno, "cannot ask about %s", image->path);
	if (!S_ISREG(st.st_mode))
		return err_input(err, NULL, "cannot read the object %s: it is %s, give the .o file",
				 image->path,
				 S_ISDIR(st.st_mode)	? "a folder"
				 : S_ISFIFO(st.st_mode) ? "a pipe"
							: "no regular file");
	if (st.st_size > SIZE_MAX_OBJECT)
		return err_input(err, NULL, "%s has %lld MB, so it is no BPF object", image->path,
				 (long long)st.st_size >> 20);
	image->file_size = (size_t)st.st_size;
	ret = read_whole(image->arena, fd, image->file_size, data);
	return ret ? err_system(err, -ret, "cannot read %s", image->path) : 0;
}

static int copy_to_memfd(struct elf_work *w, const void *data, size_t size, struct err *err)
{
	size_t done = 0;

	w->fd = memfd_create("object", MFD_CLOEXEC);
	if (w->fd < 0)
		return err_system(err, errno, "cannot make a copy of %s in memory", w->image->path);
	while (done < size) {
		ssize_t n = pwrite(w->fd, (const char *)data + done, size - done, (off_t)done);

		if (n <= 0)
			return err_system(err, n < 0 ? errno : EIO, "cannot copy %s to memory",
					  w->image->path);
		done += (size_t)n;
	}
	return 0;
}

static int err_from_libelf(const struct elf_work *w, struct err *err)
{
	return err_input(err, NULL, "%s is damaged: libelf says \"%s\"", w->image->path,
			 elf_errmsg(-1));
}

static int collect_section(struct elf_work *w, Elf_Scn *scn, size_t names, struct err *err)
{
	size_t i = elf_ndxscn(scn);
	struct elf_scn *s = &w->secs[i];

	*s = (struct elf_scn){ .scn = scn, .shdr = elf64_getshdr(scn) };
	s->name = s->shdr ? elf_strptr(w->elf, names, s->shdr->sh_name) : NULL;
	if (!s->name)
		return err_from_libelf(w, err);
	s->name = arena_strdup(w->arena, s->name); /* libelf's moves when the table is changed */
	if (s->shdr->sh_type == SHT_NULL)
		return 0;
	s->data = elf_getdata(scn, NULL);
	if (!s->data || elf_getdata(scn, s->data))
		return err_from_libelf(w, err);
	if (s->shdr->sh_type == SHT_SYMTAB)
		w->symtab = i;
	else if (!strcmp(s->name, ".text") && s->shdr->sh_flags & SHF_EXECINSTR)
		w->text = i;
	else if (!strcmp(s->name, ".maps"))
		w->maps = i;
	else if (elf_is_legacy_maps(s) && !w->legacy_maps)
		w->legacy_maps = i;
	else if (!strcmp(s->name, ".BTF"))
		w->btf_sec = i;
	return 0;
}

static int open_elf(struct elf_work *w, struct err *err)
{
	Elf_Scn *scn = NULL;
	size_t names;
	int ret = 0;

	elf_version(EV_CURRENT);
	w->elf = elf_begin(w->fd, ELF_C_RDWR, NULL);
	if (!w->elf || elf_getshdrnum(w->elf, &w->n_secs) || elf_getshdrstrndx(w->elf, &names))
		return err_from_libelf(w, err);
	/* two more, for BTF and relocations that are yet to be made */
	w->secs = arena_alloc(w->arena, (w->n_secs + 2) * sizeof(*w->secs));
	w->secs[0].name = "";
	while (!ret && (scn = elf_nextscn(w->elf, scn)))
		ret = collect_section(w, scn, names, err);
	if (ret)
		return ret;
	w->syms = w->secs[w->symtab].data->d_buf;
	w->n_syms = w->syms ? w->secs[w->symtab].data->d_size / sizeof(*w->syms) : 0;
	return 0;
}

static const enum btf_endianness native =
	__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? BTF_LITTLE_ENDIAN : BTF_BIG_ENDIAN;

static int parse_btf(struct elf_work *w, struct err *err)
{
	const Elf_Data *d = w->btf_sec ? w->secs[w->btf_sec].data : NULL;
	__cleanup_buf struct buf log = BUF_INIT;
	__cleanup_buf struct buf why = BUF_INIT;

	if (!d || !d->d_buf || !d->d_size)
		return 0;
	libbpf_log_begin(&log);
	w->image->btf = btf__new(d->d_buf, (uint32_t)d->d_size);
	libbpf_log_end();
	last_warning(buf_str(&log), &why);
	if (!w->image->btf) {
		err_input(err, NULL, "%s is damaged: its BTF cannot be read%s%s", w->image->path,
			  why.len ? ": " : "", buf_str(&why));
		return err_hint(err,
				"compile it again; tools that rewrite objects (strip, objcopy) "
				"may have spoilt it");
	}
	if (btf__endianness(w->image->btf) != native)
		return err_input(err, NULL, "%s is damaged: its BTF has the other byte order",
				 w->image->path);
	btf__set_pointer_size(w->image->btf, 8);
	return btf_check(w->image->btf, w->image->path, err);
}

/* Line and function information; libbpf goes on without it, to fail later for another reason. */
static int check_btf_ext(struct elf_work *w, struct err *err)
{
	__cleanup_buf struct buf log = BUF_INIT;
	struct btf_ext *ext;
	const Elf_Data *d = NULL;

	for (size_t i = 1; i < w->n_secs && w->image->btf; i++)
		if (strcmp(w->secs[i].name, ".BTF.ext") == 0)
			d = w->secs[i].data;
	if (!d || !d->d_buf || !d->d_size)
		return 0;
	libbpf_log_begin(&log);
	ext = btf_ext__new(d->d_buf, (uint32_t)d->d_size);
	libbpf_log_end();
	if (!ext) {
		err_input(err, NULL,
			  "%s is damaged: its line information (.BTF.ext) cannot be read",
			  w->image->path);
		return err_hint(err, "compile it again");
	}
	btf_ext__free(ext);
	return 0;
}

static int store_btf(struct elf_work *w, struct err *err)
{
	uint32_t size;
	const void *raw;

	if (!w->btf_changed)
		return 0;
	raw = btf__raw_data(w->image->btf, &size);
	if (!raw)
		return err_system(err, ENOMEM, "cannot write the BTF of %s", w->image->path);
	elf_replace_data(w, w->btf_sec, arena_memdup(w->arena, raw, size), size);
	return 0;
}

static int put_together(struct elf_work *w, struct err *err)
{
	struct stat st;
	void *data = NULL;
	int ret = store_btf(w, err);

	if (ret)
		return ret;
	if (elf_update(w->elf, ELF_C_WRITE) < 0)
		return err_from_libelf(w, err);
	if (fstat(w->fd, &st) < 0)
		return err_system(err, errno, "cannot read back %s", w->image->path);
	ret = read_whole(w->arena, w->fd, (size_t)st.st_size, &data);
	if (ret)
		return err_system(err, -ret, "cannot read back %s", w->image->path);
	w->image->data = data;
	w->image->size = (size_t)st.st_size;
	return 0;
}

static int normalise(struct elf_work *w, struct err *err)
{
	int ret = open_elf(w, err);

	if (!ret)
		ret = elf_check_calls(w, err);
	if (!ret)
		ret = parse_btf(w, err);
	if (!ret)
		ret = check_btf_ext(w, err);
	if (!ret)
		ret = elf_convert_maps(w, err);
	if (!ret)
		ret = elf_fix_pinning(w, err);
	if (ret)
		return ret;
	elf_bind_programs(w);
	w->image->is_rewritten = w->image->n_changes > 0;
	ret = elf_find_types(w, err); /* changes nothing of the image */
	if (!ret)
		ret = elf_summarise(w, err);
	return !ret && w->image->is_rewritten ? put_together(w, err) : ret;
}

static int load(struct elf_image *image, const struct elf_opts *opts, struct err *err)
{
	struct elf_work w = { .arena = image->arena, .image = image, .opts = opts, .fd = -1 };
	void *data = NULL;
	int ret = read_object(image, &data, err);

	if (!ret)
		ret = elf_check(data, image->file_size, image->path, err);
	if (ret)
		return ret;
	sha256_hex(data, image->file_size, image->sha256);
	image->data = data;
	image->size = image->file_size;
	ret = copy_to_memfd(&w, data, image->size, err);
	if (!ret)
		ret = normalise(&w, err);
	elf_end(w.elf);
	fd_cleanup(&w.fd);
	return ret;
}

int elf_load(const char *path, const struct elf_opts *opts, struct elf_image **out, struct err *err)
{
	static const struct elf_opts none;
	struct arena *a = arena_new();
	struct elf_image *image = arena_new_of(a, struct elf_image);
	int ret;

	image->arena = a;
	image->path = arena_strdup(a, path);
	ret = load(image, opts ? opts : &none, err);
	if (ret) {
		elf_free(image);
		return ret;
	}
	*out = image;
	return 0;
}

void elf_free(struct elf_image *image)
{
	if (!image)
		return;
	btf__free(image->btf);
	arena_free(image->arena);
}
