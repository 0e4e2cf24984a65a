/* plt.c - the function that a stub of the procedure linkage table jumps to.
 *
 * A stub loads the word that the dynamic linker has set for it, and jumps there. The relocation of that word has the
 * symbol (System V ABI, AMD64 supplement 5.2; ELF for the Arm 64-bit Architecture 10.3). */
#include "symbols/plt.h"

#include <stdio.h>
#include <string.h>

#include <pam/capture.h>

enum {
    MAX_RELOCATIONS = 1 << 20, /* of a file: CPython's has 30,000 */
    MAX_STUB_BYTES = 24,       /* arm64 with branch protection */
    X86_STUB_BYTES = 16,
};

static const uint32_t BTI_C = 0xd503245f;

struct stub {
    Elf_Data *code; /* of its section */
    uint64_t start; /* of that, as the file says */
    uint64_t at;    /* in that */
};

static bool find_stub(const struct pam_dw *dw, Elf *file, uint64_t address, struct stub *stub, uint64_t *entry_bytes)
{
    Elf_Scn *section = NULL;
    size_t names;

    if (dw->elf_getshdrstrndx(file, &names) != 0)
        return false;
    while ((section = dw->elf_nextscn(file, section))) {
        GElf_Shdr header;
        const char *name;

        if (!dw->gelf_getshdr(section, &header) || header.sh_type != SHT_PROGBITS ||
            address - header.sh_addr >= header.sh_size)
            continue;
        name = dw->elf_strptr(file, names, header.sh_name);
        *stub = (struct stub){dw->elf_getdata(section, NULL), header.sh_addr, address - header.sh_addr};
        *entry_bytes = header.sh_entsize ? header.sh_entsize : X86_STUB_BYTES;
        return name && !strncmp(name, ".plt", 4) && stub->code && stub->code->d_buf && stub->at < stub->code->d_size;
    }
    return false;
}

/* jmp *distance(%rip), behind endbr64 or not. */
static bool find_word_x86_64(const struct stub *stub, uint64_t entry_bytes, uint64_t *word)
{
    const unsigned char *const code = stub->code->d_buf;
    const uint64_t begin = stub->at - stub->at % entry_bytes;

    for (uint64_t at = begin; at - begin < entry_bytes && at + 6 <= stub->code->d_size; at++)
        if (code[at] == 0xff && code[at + 1] == 0x25) {
            *word = stub->start + at + 6 + (uint64_t)(int64_t)(int32_t)pam_get_le(code + at + 2, 4);
            return true;
        }
    return false;
}

/* adrp x16, page; ldr x17, [x16, #offset]; add; br x17. The stub begins with the first, or with bti before that. */
static bool find_word_aarch64(const struct stub *stub, uint64_t *word)
{
    const unsigned char *const code = stub->code->d_buf;
    const uint64_t here = stub->at & ~UINT64_C(3);
    const uint64_t last = here + 4 <= stub->code->d_size && pam_get_le(code + here, 4) == BTI_C ? here + 4 : here;

    for (uint64_t at = last; last - at < MAX_STUB_BYTES; at -= 4) {
        const uint64_t adrp = at + 8 <= stub->code->d_size ? pam_get_le(code + at, 4) : 0;
        const uint64_t ldr = adrp ? pam_get_le(code + at + 4, 4) : 0;

        if ((adrp & 0x9f00001f) == 0x90000010 && (ldr & 0xffc003ff) == 0xf9400211) {
            const uint64_t page = ((adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3)) << 12;
            const uint64_t distance = page & UINT64_C(1) << 32 ? page | ~UINT64_C(0) << 33 : page;

            *word = ((stub->start + at) & ~UINT64_C(0xfff)) + distance + (ldr >> 10 & 0xfff) * 8;
            return true;
        }
        if (at == 0)
            break;
    }
    return false;
}

static const char *symbol_of(const struct pam_dw *dw, Elf *file, size_t table, size_t number)
{
    Elf_Scn *section = dw->elf_getscn(file, table);
    GElf_Shdr header;
    GElf_Sym symbol;
    Elf_Data *data;

    if (!number || number > INT32_MAX || !section || !dw->gelf_getshdr(section, &header))
        return NULL;
    data = dw->elf_getdata(section, NULL);
    return data && dw->gelf_getsym(data, (int)number, &symbol)
               ? dw->elf_strptr(file, header.sh_link, symbol.st_name) : NULL;
}

static const char *symbol_for(const struct pam_dw *dw, Elf *file, uint64_t word)
{
    Elf_Scn *section = NULL;

    while ((section = dw->elf_nextscn(file, section))) {
        Elf_Data *data;
        GElf_Shdr header;
        GElf_Rela relocation;

        if (!dw->gelf_getshdr(section, &header) || header.sh_type != SHT_RELA)
            continue;
        data = dw->elf_getdata(section, NULL);
        for (int i = 0; data && i < MAX_RELOCATIONS && dw->gelf_getrela(data, i, &relocation); i++)
            if (relocation.r_offset == word)
                return symbol_of(dw, file, header.sh_link, GELF_R_SYM(relocation.r_info));
    }
    return NULL;
}

bool pam_plt_name(const struct pam_dw *dw, const struct pam_elf *elf, GElf_Half machine, uint64_t address,
                  char name[PAM_FUNCTION_NAME_BYTES])
{
    Elf *const file = dw->elf_begin(elf->fd, ELF_C_READ, NULL);
    uint64_t entry_bytes, word = 0;
    const char *symbol = NULL;
    struct stub stub;

    if (!file)
        return false;
    if (find_stub(dw, file, address, &stub, &entry_bytes) &&
        ((machine == EM_X86_64 && find_word_x86_64(&stub, entry_bytes, &word)) ||
         (machine == EM_AARCH64 && find_word_aarch64(&stub, &word))))
        symbol = symbol_for(dw, file, word);
    if (symbol && *symbol)
        (void)snprintf(name, PAM_FUNCTION_NAME_BYTES, "%.*s@plt", PAM_FUNCTION_NAME_BYTES - 5, symbol);
    (void)dw->elf_end(file);
    return symbol && *name;
}
