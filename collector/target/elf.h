/* elf.h - what we need from an ELF file: a few symbols, the load address, the build-id. */
#ifndef PAM_ELF_H
#define PAM_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pam/capture.h>

struct pam_symbol {
    const char *name; /* with a dot in front: of a section, whose address is its value */
    uint64_t value; /* 0 when it is not there */
};

struct pam_elf {
    bool is_32_bit;
    uint64_t first_load; /* p_vaddr - p_offset of the first PT_LOAD, whole pages */
    bool fixed_address;  /* ET_EXEC: symbols are addresses, not offsets */
    unsigned char build_id[PAM_MAX_BUILD_ID];
    size_t build_id_size;
};

/* Reads the ELF file `fd` and looks the symbols up in its .dynsym and .symtab, which takes long in
 * a large one, or only the sections among them. False when it is no ELF file that libelf can read. */
bool pam_elf_read(int fd, struct pam_elf *elf, struct pam_symbol *symbols, size_t count,
                  bool sections_only);

#endif
