/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a file's ELF tables can be followed: every offset, size and index in it is checked once,
 * here, so that neither libelf nor libbpf has to be trusted with a damaged file.
 */
#include <stdio.h>
#include <string.h>

#include "target/elf_internal.h"

struct check {
	const uint8_t *data;
	size_t size;
	const char *path;
	Elf64_Ehdr eh;
	Elf64_Shdr symtab; /* sh_type SHT_NULL: none seen yet */
	struct err *err;
};

#define DAMAGED(c, fmt, ...)                                                                       \
	err_input((c)->err, NULL, "%s is damaged: " fmt, (c)->path, ##__VA_ARGS__)

static int not_elf(const struct check *c)
{
	if (c->size == 0)
		return err_input(c->err, NULL, "%s is empty, so no BPF object", c->path);
	if (c->size >= 8 && memcmp(c->data, "!<arch>\n", 8) == 0) {
		err_input(c->err, NULL, "%s is an archive, no BPF object", c->path);
		return err_hint(c->err, "`ar x` takes its objects out: give one of those");
	}
	if (c->size >= 4 && memcmp(c->data, "BC\xC0\xDE", 4) == 0)
		err_input(c->err, NULL, "%s is LLVM bitcode, no BPF object", c->path);
	else
		err_input(c->err, NULL, "%s is no ELF file, so no BPF object", c->path);
	return err_hint(c->err, "an object is what clang -O2 -g -target bpf -c makes");
}

static int check_ident(struct check *c)
{
	const uint8_t *ident = c->data;
	uint8_t ours = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;

	if (c->size < SELFMAG || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return not_elf(c);
	if (c->size < sizeof(c->eh))
		return err_input(c->err, NULL,
				 "%s is truncated: an ELF header takes %zu bytes, the file has %zu",
				 c->path, sizeof(c->eh), c->size);
	if (ident[EI_CLASS] != ELFCLASS64)
		return err_input(c->err, NULL, "%s is no 64-bit ELF file, so no BPF object",
				 c->path);
	if (ident[EI_DATA] != ours &&
	    (ident[EI_DATA] == ELFDATA2LSB || ident[EI_DATA] == ELFDATA2MSB))
		return err_input(
			c->err, NULL,
			"%s is compiled for the other byte order: use clang -target bpf on "
			"a machine like this one, or -target %s",
			c->path, ours == ELFDATA2LSB ? "bpfel" : "bpfeb");
	if (ident[EI_DATA] != ours || ident[EI_VERSION] != EV_CURRENT)
		return DAMAGED(c, "its ELF header says neither byte order nor version");
	return 0;
}

static const char *kind_of(uint16_t type)
{
	switch (type) {
	case ET_EXEC:
		return "a program";
	case ET_DYN:
		return "a program or shared library";
	case ET_CORE:
		return "a core dump";
	default:
		return "no relocatable object";
	}
}

static const char *machine_name(uint16_t machine, char *room, size_t size)
{
	switch (machine) {
	case EM_X86_64:
		return "x86-64";
	case EM_AARCH64:
		return "AArch64";
	case EM_RISCV:
		return "RISC-V";
	case EM_S390:
		return "S/390";
	case EM_PPC64:
		return "PowerPC";
	default:
		snprintf(room, size, "machine number %u", machine);
		return room;
	}
}

/* Old LLVM left the machine number 0. */
static int check_kind(const struct check *c)
{
	char room[32];

	if (c->eh.e_type != ET_REL)
		return err_input(c->err, NULL, "%s is %s, no BPF object: give the .o file", c->path,
				 kind_of(c->eh.e_type));
	if (c->eh.e_machine != EM_BPF && c->eh.e_machine != EM_NONE)
		return err_input(c->err, NULL,
				 "%s is an object for %s, no BPF object: compile it with clang "
				 "-target bpf",
				 c->path, machine_name(c->eh.e_machine, room, sizeof(room)));
	return 0;
}

static bool lies_inside(const struct check *c, uint64_t offset, uint64_t size)
{
	return offset <= c->size && size <= c->size - offset;
}

static int check_table(const struct check *c)
{
	const Elf64_Ehdr *e = &c->eh;

	if (!e->e_shoff || !e->e_shnum)
		return err_input(c->err, NULL, "%s has no sections", c->path);
	if (e->e_shentsize != sizeof(Elf64_Shdr) || e->e_shoff % 8 || e->e_ehsize != sizeof(*e))
		return DAMAGED(c, "its ELF header tells wrong sizes");
	if (!lies_inside(c, e->e_shoff, (uint64_t)e->e_shnum * sizeof(Elf64_Shdr)))
		return DAMAGED(c,
			       "its %u section headers should stand at byte %llu, and the file has "
			       "%zu bytes; it may be truncated",
			       e->e_shnum, (unsigned long long)e->e_shoff, c->size);
	if (!e->e_shstrndx || e->e_shstrndx >= e->e_shnum)
		return DAMAGED(c, "its section names are said to be in section %u of %u",
			       e->e_shstrndx, e->e_shnum);
	return 0;
}

static Elf64_Shdr header_at(const struct check *c, size_t i)
{
	Elf64_Shdr s;

	memcpy(&s, c->data + c->eh.e_shoff + i * sizeof(s), sizeof(s));
	return s;
}

static bool is_string_table(const struct check *c, size_t i)
{
	Elf64_Shdr s;

	if (!i || i >= c->eh.e_shnum)
		return false;
	s = header_at(c, i);
	return s.sh_type == SHT_STRTAB && s.sh_size && lies_inside(c, s.sh_offset, s.sh_size) &&
	       !c->data[s.sh_offset] && !c->data[s.sh_offset + s.sh_size - 1];
}

static bool has_whole_entries(const Elf64_Shdr *s, size_t entry)
{
	return s->sh_entsize == entry && s->sh_size % entry == 0 && s->sh_offset % 8 == 0;
}

static int check_links(const struct check *c, size_t i, const Elf64_Shdr *s)
{
	switch (s->sh_type) {
	case SHT_SYMTAB:
		if (!has_whole_entries(s, sizeof(Elf64_Sym)) || !is_string_table(c, s->sh_link) ||
		    s->sh_info > s->sh_size / sizeof(Elf64_Sym))
			return DAMAGED(c, "its symbol table, section %zu, does not hang together",
				       i);
		return 0;
	case SHT_REL:
		if (!has_whole_entries(s, sizeof(Elf64_Rel)) || s->sh_info >= c->eh.e_shnum ||
		    s->sh_link >= c->eh.e_shnum || header_at(c, s->sh_link).sh_type != SHT_SYMTAB)
			return DAMAGED(c, "its relocations in section %zu do not hang together", i);
		return 0;
	case SHT_RELA:
	case SHT_GROUP:
	case SHT_SYMTAB_SHNDX:
		return err_input(c->err, NULL,
				 "%s has a section of type %u, which no BPF compiler makes",
				 c->path, s->sh_type);
	default:
		return 0;
	}
}

static int check_section(const struct check *c, size_t i, const Elf64_Shdr *s)
{
	Elf64_Shdr names = header_at(c, c->eh.e_shstrndx);
	uint64_t align = s->sh_addralign;

	if (s->sh_name >= names.sh_size)
		return DAMAGED(c, "section %zu has no name", i);
	if (s->sh_type != SHT_NOBITS && s->sh_type != SHT_NULL &&
	    !lies_inside(c, s->sh_offset, s->sh_size))
		return DAMAGED(c,
			       "section %zu is said to be %llu bytes at byte %llu, and the file "
			       "has %zu bytes",
			       i, (unsigned long long)s->sh_size, (unsigned long long)s->sh_offset,
			       c->size);
	if (align & (align - 1) || align > 1 << 20)
		return DAMAGED(c, "section %zu has an alignment of %llu", i,
			       (unsigned long long)align);
	if (s->sh_size > 1 << 30)
		return DAMAGED(c, "section %zu is said to be %llu bytes large", i,
			       (unsigned long long)s->sh_size);
	if (s->sh_flags & SHF_COMPRESSED)
		return err_input(c->err, NULL, "%s: section %zu is compressed", c->path, i);
	return check_links(c, i, s);
}

static int check_sections(struct check *c)
{
	if (!is_string_table(c, c->eh.e_shstrndx))
		return DAMAGED(c, "its section names are no strings");
	for (size_t i = 1; i < c->eh.e_shnum; i++) {
		Elf64_Shdr s = header_at(c, i);
		int ret = check_section(c, i, &s);

		if (ret)
			return ret;
		if (s.sh_type != SHT_SYMTAB)
			continue;
		if (c->symtab.sh_type)
			return DAMAGED(c, "it has two symbol tables");
		c->symtab = s;
	}
	if (!c->symtab.sh_type)
		return err_input(c->err, NULL,
				 "%s has no symbol table: it was stripped, and its programs and "
				 "maps have no names",
				 c->path);
	return 0;
}

static int check_symbol(const struct check *c, size_t i)
{
	uint64_t names = header_at(c, c->symtab.sh_link).sh_size;
	Elf64_Shdr in;
	Elf64_Sym s;

	memcpy(&s, c->data + c->symtab.sh_offset + i * sizeof(s), sizeof(s));
	if (s.st_name >= names)
		return DAMAGED(c, "symbol %zu has no name", i);
	if (s.st_shndx == SHN_UNDEF || s.st_shndx == SHN_ABS || s.st_shndx == SHN_COMMON)
		return 0;
	if (s.st_shndx >= c->eh.e_shnum)
		return DAMAGED(c, "symbol %zu lies in section %u of %u", i, s.st_shndx,
			       c->eh.e_shnum);
	in = header_at(c, s.st_shndx);
	if (s.st_value > in.sh_size || s.st_size > in.sh_size - s.st_value)
		return DAMAGED(c, "symbol %zu lies beyond the end of its section", i);
	return 0;
}

/* A relocation of instructions, or of a map's definition, changes eight bytes. */
static int check_relocations(const struct check *c, size_t sec, const Elf64_Shdr *s)
{
	Elf64_Shdr target = header_at(c, s->sh_info);
	size_t n_syms = c->symtab.sh_size / sizeof(Elf64_Sym);

	for (size_t i = 0; i < s->sh_size / sizeof(Elf64_Rel); i++) {
		Elf64_Rel r;

		memcpy(&r, c->data + s->sh_offset + i * sizeof(r), sizeof(r));
		if (ELF64_R_SYM(r.r_info) >= n_syms)
			return DAMAGED(c, "relocation %zu of section %zu names symbol %u of %zu", i,
				       sec, (unsigned)ELF64_R_SYM(r.r_info), n_syms);
		if (target.sh_flags & SHF_ALLOC &&
		    (target.sh_size < 8 || r.r_offset > target.sh_size - 8))
			return DAMAGED(c, "relocation %zu of section %zu lies outside section %u",
				       i, sec, s->sh_info);
	}
	return 0;
}

int elf_check(const void *data, size_t size, const char *path, struct err *err)
{
	struct check c = { .data = data, .size = size, .path = path, .err = err };
	int ret = check_ident(&c);

	if (ret)
		return ret;
	memcpy(&c.eh, data, sizeof(c.eh));
	ret = check_kind(&c);
	if (!ret)
		ret = check_table(&c);
	if (!ret)
		ret = check_sections(&c);
	for (size_t i = 1; !ret && i < c.symtab.sh_size / sizeof(Elf64_Sym); i++)
		ret = check_symbol(&c, i);
	for (size_t i = 1; !ret && i < c.eh.e_shnum; i++) {
		Elf64_Shdr s = header_at(&c, i);

		if (s.sh_type == SHT_REL)
			ret = check_relocations(&c, i, &s);
	}
	return ret;
}
