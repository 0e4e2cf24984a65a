/* elf_find.h - the ELF file of a module on this machine: the one with the build-id of the capture, no other. */
#ifndef PAM_ELF_FIND_H
#define PAM_ELF_FIND_H

#include <stdbool.h>

#include "symbols/bundle.h"
#include "symbols/dw.h"
#include "symbols/maps.h"

enum { PAM_MAX_SEGMENTS = 8 }; /* a linker makes one or two */

/* A part of the file that is mapped. */
struct pam_segment {
    uint64_t offset, size; /* in the file */
    uint64_t address;      /* as the file says */
};

enum pam_elf_state {
    PAM_ELF_NOT_LOOKED_FOR,
    PAM_ELF_FOUND,
    PAM_ELF_UNCHECKED, /* found, but neither the capture nor the file tells a build-id */
    PAM_ELF_MISSING,
    PAM_ELF_DIFFERS,   /* at its path is another build */
};

struct pam_elf {
    enum pam_elf_state state;
    int fd;
    struct pam_segment segments[PAM_MAX_SEGMENTS]; /* those with code */
    size_t count;
    struct pam_segment eh_table; /* .eh_frame_hdr; empty when there is none */
};

struct pam_elf_files {
    const struct pam_dw *dw;    /* NULL: not loaded yet */
    const struct pam_maps *maps;
    const char *sysroot;        /* NULL: none */
    GElf_Half machine;          /* EM_NONE: code of that machine is not known here */
    char *debuginfo_path;       /* where libdw looks for separate debug information */
    Dwfl_Callbacks callbacks;   /* for every Dwfl that uses these files */
    struct pam_bundles bundles;
    struct pam_elf *elves;      /* by module */
    size_t room;
};

/* `sysroot` and `maps` live longer. 0 or PAM_MEMORY. */
int pam_elf_files_init(struct pam_elf_files *files, const struct pam_maps *maps, const char *sysroot,
                       struct pam_error *error);

/* Before the first file is looked for. */
void pam_elf_files_use(struct pam_elf_files *files, const struct pam_dw *dw);
void pam_elf_files_done(struct pam_elf_files *files);

/* The machine of the capture. */
void pam_elf_files_host(struct pam_elf_files *files, const struct pam_host *host);

/* Takes a piece of a file. 0 or PAM_MEMORY. */
int pam_elf_files_bundle(struct pam_elf_files *files, const struct pam_bundle *piece,
                         struct pam_error *error);

/* The file of a module, NULL when there is none; until the next call. */
const struct pam_elf *pam_elf_find(struct pam_elf_files *files, uint32_t module);

/* What is known of a module without looking for it. */
enum pam_elf_state pam_elf_state_of(const struct pam_elf_files *files, uint32_t module);

/* The address, as the file says, of what is at an offset in it. False when no code is there. */
bool pam_elf_address(const struct pam_elf *elf, uint64_t offset, uint64_t *address);

/* A new Dwfl with the file in it, `bias` above the addresses that the file says. NULL: it cannot be. */
Dwfl_Module *pam_elf_report(const struct pam_elf_files *files, Dwfl *dwfl, uint32_t module,
                            const struct pam_elf *elf, uint64_t bias);

#endif
