/* elf.c - what we need from an ELF file, by libelf. */
#include "target/elf.h"

#include <gelf.h>
#include <string.h>
#include <unistd.h>

/* A lying header must not cost more than this: the largest libpython has ~3,000 dynamic symbols, an
 * unstripped one ~20,000. */
enum { MAX_SYMBOLS = 1 << 20, MAX_NOTE_BYTES = 1 << 16 };

static void read_symbol_table(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                              struct pam_symbol *symbols, size_t count)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t entries = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;

    if (!data)
        return;
    if (entries > MAX_SYMBOLS)
        entries = MAX_SYMBOLS;
    for (size_t i = 0; i < entries; i++) {
        GElf_Sym symbol;
        const char *name;

        if (!gelf_getsym(data, (int)i, &symbol))
            return;
        if (symbol.st_shndx == SHN_UNDEF || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT)
            continue;
        name = elf_strptr(elf, header->sh_link, symbol.st_name);
        for (size_t k = 0; name && k < count; k++)
            if (!strcmp(name, symbols[k].name))
                symbols[k].value = symbol.st_value;
    }
}

static void read_sections(Elf *elf, struct pam_symbol *symbols, size_t count)
{
    Elf_Scn *section = NULL;

    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;

        if (gelf_getshdr(section, &header) &&
            (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB))
            read_symbol_table(elf, section, &header, symbols, count);
    }
}

static void read_build_id(Elf *elf, const GElf_Phdr *segment, struct pam_elf *ret)
{
    Elf_Data *data;
    GElf_Nhdr note;
    size_t at = 0, name, content;

    if (segment->p_filesz > MAX_NOTE_BYTES)
        return;
    data = elf_getdata_rawchunk(elf, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_NHDR);
    while (data && (at = gelf_getnote(data, at, &note, &name, &content)) > 0)
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            !memcmp((char *)data->d_buf + name, "GNU", 4) && note.n_descsz <= PAM_MAX_BUILD_ID) {
            memcpy(ret->build_id, (char *)data->d_buf + content, note.n_descsz);
            ret->build_id_size = note.n_descsz;
        }
}

static void read_segments(Elf *elf, struct pam_elf *ret)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    bool seen_load = false;
    size_t count = 0;

    if (elf_getphdrnum(elf, &count) != 0)
        return;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;

        if (!gelf_getphdr(elf, (int)i, &segment))
            return;
        if (segment.p_type == PT_LOAD && !seen_load) {
            seen_load = true;
            ret->first_load = (segment.p_vaddr - segment.p_offset) & ~(page - 1);
        } else if (segment.p_type == PT_NOTE) {
            read_build_id(elf, &segment, ret);
        }
    }
}

bool pam_elf_read(int fd, struct pam_elf *ret, struct pam_symbol *symbols, size_t count)
{
    GElf_Ehdr header;
    Elf *elf;

    memset(ret, 0, sizeof *ret);
    for (size_t k = 0; k < count; k++)
        symbols[k].value = 0;
    if (elf_version(EV_CURRENT) == EV_NONE)
        return false;
    elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header)) {
        (void)elf_end(elf);
        return false;
    }
    ret->is_32_bit = gelf_getclass(elf) == ELFCLASS32;
    ret->fixed_address = header.e_type == ET_EXEC;
    read_segments(elf, ret);
    if (count)
        read_sections(elf, symbols, count);
    (void)elf_end(elf);
    return true;
}
