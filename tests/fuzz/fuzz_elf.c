/* fuzz_elf.c - the reader of ELF files on a small one whose bytes the input changes.
 *
 * Input: changes of four bytes each, two of place, one of width and one that is the value or chooses it. */
#include <elf.h>

#include "fuzz.h"
#include "target/elf.h"

enum { FILE_BYTES = 2048, NOTES_AT = 256, NAMES_AT = 512, SYMBOLS_AT = 768, SECTIONS_AT = 1024 };

static const char names[] = "\0_PyRuntime\0PyCode_Type";

static void put(unsigned char *file, size_t at, const void *data, size_t size)
{
    memcpy(file + at, data, size);
}

static void make_notes(unsigned char *file)
{
    const Elf64_Nhdr note = {.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID};

    put(file, NOTES_AT, &note, sizeof note);
    put(file, NOTES_AT + sizeof note, "GNU", 4);
}

static void make_file(unsigned char *file)
{
    Elf64_Ehdr header = {.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
                         .e_phoff = sizeof header, .e_phnum = 2, .e_phentsize = sizeof(Elf64_Phdr),
                         .e_shoff = SECTIONS_AT, .e_shnum = 4, .e_shentsize = sizeof(Elf64_Shdr),
                         .e_ehsize = sizeof header};
    const Elf64_Phdr segments[] = {{.p_type = PT_LOAD, .p_vaddr = 0x1000},
                                   {.p_type = PT_NOTE, .p_offset = NOTES_AT, .p_filesz = 36, .p_align = 4}};
    const Elf64_Sym symbols[] = {{0},
                                 {.st_name = 1, .st_info = STT_OBJECT, .st_shndx = 1, .st_value = 16},
                                 {.st_name = 12, .st_info = STT_OBJECT, .st_shndx = 1, .st_value = 32}};
    const Elf64_Shdr sections[] = {
        {0},
        {.sh_type = SHT_DYNSYM, .sh_offset = SYMBOLS_AT, .sh_size = sizeof symbols, .sh_link = 3,
         .sh_entsize = sizeof *symbols},
        {.sh_type = SHT_SYMTAB, .sh_offset = SYMBOLS_AT, .sh_size = sizeof symbols, .sh_link = 3,
         .sh_entsize = sizeof *symbols},
        {.sh_type = SHT_STRTAB, .sh_offset = NAMES_AT, .sh_size = sizeof names}};

    memset(file, 0, FILE_BYTES);
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    put(file, 0, &header, sizeof header);
    put(file, sizeof header, segments, sizeof segments);
    put(file, NAMES_AT, names, sizeof names);
    put(file, SYMBOLS_AT, symbols, sizeof symbols);
    put(file, SECTIONS_AT, sections, sizeof sections);
    make_notes(file);
}

static uint64_t value_of(uint64_t choice)
{
    static const uint64_t odd[] = {UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 40, UINT32_MAX,
                                   1u << 31, 64 << 20, FILE_BYTES, FILE_BYTES - 1};

    return choice < 128 ? choice : odd[choice % 8] - (choice >> 3 & 15);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pam_symbol symbols[] = {{"_PyRuntime", 0}, {"PyCode_Type", 0}, {".PyRuntime", 0}};
    struct fuzz_bytes input = {data, data + size};
    unsigned char file[FILE_BYTES];
    struct pam_elf elf;
    bool ok;

    make_file(file);
    while (input.at < input.end) {
        const size_t at = fuzz_take(&input, 2) % (FILE_BYTES - 8);
        const unsigned width = 1u << fuzz_take(&input, 1) % 4;
        const uint64_t value = value_of(fuzz_take(&input, 1));

        put(file, at, &value, width);
    }
    ok = pam_elf_read(fuzz_file(file, sizeof file), &elf, symbols, 3, false);
    demand(elf.build_id_size <= PAM_MAX_BUILD_ID);
    demand(size || (ok && symbols[0].value == 16 && symbols[1].value == 32 && elf.build_id_size == 20));
    return 0;
}
