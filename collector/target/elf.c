/* elf.c - what we need from an ELF file, by libelf. */
#include "target/elf.h"

#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A lying header must not cost more than this. An executable has some 40 sections and 15 segments, the
 * largest libpython ~3,000 dynamic symbols, an unstripped one ~20,000. */
enum {
    MAX_SECTIONS = 4096,
    MAX_SEGMENTS = 256,
    MAX_TABLE_BYTES = 64 << 20, /* of symbols and their names, all together */
    MAX_NOTE_BYTES = 1 << 16,
};

/* The content of a section, unless that is more than what is `left` of the bound. */
static Elf_Data *read_table(Elf_Scn *section, uint64_t *left)
{
    GElf_Shdr header;

    if (!section || !gelf_getshdr(section, &header) || header.sh_size > *left)
        return NULL;
    *left -= header.sh_size;
    return elf_getdata(section, NULL);
}

/* elf_strptr() would look for the end of the string through all of the table. */
static bool is_name(const Elf_Data *names, size_t at, const char *name)
{
    const size_t size = strlen(name) + 1;

    return names->d_buf && at < names->d_size && size <= names->d_size - at &&
           !memcmp((const char *)names->d_buf + at, name, size);
}

static void read_symbol_table(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, uint64_t *left,
                              struct pam_symbol *symbols, size_t count)
{
    Elf_Data *const data = read_table(section, left);
    const Elf_Data *const names = read_table(elf_getscn(elf, header->sh_link), left);
    GElf_Sym symbol;

    if (!data || !names)
        return;
    for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
        if (symbol.st_shndx == SHN_UNDEF || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT)
            continue;
        for (size_t k = 0; k < count; k++)
            if (is_name(names, symbol.st_name, symbols[k].name))
                symbols[k].value = symbol.st_value;
    }
}

static void read_sections(Elf *elf, struct pam_symbol *symbols, size_t count, bool sections_only)
{
    uint64_t left = MAX_TABLE_BYTES;
    Elf_Scn *section = NULL;
    size_t sections = 0, names_index = 0;
    const Elf_Data *names;

    if (elf_getshdrnum(elf, &sections) != 0 || sections > MAX_SECTIONS ||
        elf_getshdrstrndx(elf, &names_index) != 0)
        return;
    names = read_table(elf_getscn(elf, names_index), &left);
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;

        if (!gelf_getshdr(section, &header))
            continue;
        for (size_t k = 0; names && k < count; k++)
            if (symbols[k].name[0] == '.' && is_name(names, header.sh_name, symbols[k].name))
                symbols[k].value = header.sh_addr;
        if (!sections_only && (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB))
            read_symbol_table(elf, section, &header, &left, symbols, count);
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

    if (elf_getphdrnum(elf, &count) != 0 || count > MAX_SEGMENTS)
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

/* A file of more sections or segments than a header can count says elsewhere how many, and libelf makes
 * room for them before anybody can ask. */
static bool is_modest(int fd)
{
    union {
        Elf32_Ehdr of_32_bits;
        Elf64_Ehdr of_64_bits;
    } header = {0};
    struct stat status;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    if (pread(fd, &header, sizeof header, 0) < (ssize_t)sizeof header.of_32_bits)
        return false;
    if (header.of_32_bits.e_ident[EI_CLASS] == ELFCLASS32)
        return (!header.of_32_bits.e_shoff || header.of_32_bits.e_shnum) &&
               header.of_32_bits.e_phnum != PN_XNUM;
    return (!header.of_64_bits.e_shoff || header.of_64_bits.e_shnum) &&
           header.of_64_bits.e_phnum != PN_XNUM;
}

bool pam_elf_read(int fd, struct pam_elf *ret, struct pam_symbol *symbols, size_t count,
                  bool sections_only)
{
    GElf_Ehdr header;
    Elf *elf;

    memset(ret, 0, sizeof *ret);
    for (size_t k = 0; k < count; k++)
        symbols[k].value = 0;
    if (elf_version(EV_CURRENT) == EV_NONE || !is_modest(fd))
        return false;
    elf = elf_begin(fd, ELF_C_READ, NULL); /* mapped, it would kill us when somebody cuts the file off */
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header)) {
        (void)elf_end(elf);
        return false;
    }
    ret->is_32_bit = gelf_getclass(elf) == ELFCLASS32;
    ret->fixed_address = header.e_type == ET_EXEC;
    read_segments(elf, ret);
    if (count)
        read_sections(elf, symbols, count, sections_only);
    (void)elf_end(elf);
    return true;
}
