/* bundle.c - the parts of ELF files that unwinding and naming need, packed into the capture. */
#include "native/bundle.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A whole symbol table of a large program; what is over these bounds is left out, and so are files that
 * come when the sum is used up. */
static const uint64_t MAX_PART_BYTES = UINT64_C(64) << 20;
static const uint64_t MAX_ALL_BYTES = UINT64_C(512) << 20;

enum { MAX_VDSO_BYTES = PAM_MAX_PIECE };

/* --- which files --------------------------------------------------------------------------------------------- */

static bool is_listed(const struct pam_bundles *bundles, const struct pam_module *module)
{
    for (size_t i = 0; i < bundles->count; i++) {
        const struct pam_bundled_file *file = &bundles->files[i];

        if (file->build_id_size == module->build_id.size &&
            (!file->build_id_size ||
             !memcmp(file->build_id, module->build_id.data, file->build_id_size)) &&
            strlen(file->path) == module->path.size &&
            !memcmp(file->path, module->path.data, module->path.size))
            return true;
    }
    return false;
}

/* The file that is mapped, even when it was deleted or replaced; else, without the rights for that (or when
 * the process is gone), what has its path. */
static int open_module(const struct pam_native_process *process, const struct pam_module *module,
                       const char *path)
{
    char mapped[64];
    int fd;

    (void)snprintf(mapped, sizeof mapped, "map_files/%llx-%llx", (unsigned long long)module->start,
                   (unsigned long long)(module->start + module->size_bytes));
    fd = openat(process->proc_fd, mapped, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : openat(process->root_fd, path + 1, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static void add(struct pam_bundles *bundles, const struct pam_native_process *process,
                const struct pam_module *module)
{
    struct pam_bundled_file *file = &bundles->files[bundles->count];

    file->path = strndup((const char *)module->path.data, module->path.size);
    if (!file->path)
        return;
    file->build_id_size = module->build_id.size;
    if (file->build_id_size)
        memcpy(file->build_id, module->build_id.data, file->build_id_size);
    file->fd = open_module(process, module, file->path);
    bundles->count++;
}

void pam_bundles_collect(struct pam_bundles *bundles, const struct pam_native_process *process,
                         const struct pam_modules *modules)
{
    for (size_t i = 0; i < modules->count && bundles->count < PAM_MAX_BUNDLED; i++) {
        const struct pam_module module = pam_modules_get(modules, i, process->pid);

        if (module.path.size && module.path.data[0] == '/' && !is_listed(bundles, &module) &&
            pam_ranges_used(&process->ranges, module.start, module.size_bytes))
            add(bundles, process, &module);
    }
}

void pam_bundles_done(struct pam_bundles *bundles)
{
    for (size_t i = 0; i < bundles->count; i++) {
        free(bundles->files[i].path);
        if (bundles->files[i].fd >= 0)
            (void)close(bundles->files[i].fd);
    }
    bundles->count = 0;
}

/* --- which parts --------------------------------------------------------------------------------------------- */

struct packing {
    const struct pam_bundled_file *file;
    struct pam_recorder *recorder;
    uint64_t file_bytes;
    uint64_t left; /* of MAX_ALL_BYTES */
};

static void pack(struct packing *packing, uint64_t offset, uint64_t size)
{
    unsigned char bytes[PAM_MAX_PIECE];

    if (offset >= packing->file_bytes || size > MAX_PART_BYTES || size > packing->left)
        return;
    if (size > packing->file_bytes - offset)
        size = packing->file_bytes - offset;
    packing->left -= size;
    while (size) {
        const ssize_t got = pread(packing->file->fd, bytes, size < sizeof bytes ? size : sizeof bytes,
                                  (off_t)offset);
        const struct pam_bundle piece = {
            .build_id = {packing->file->build_id, packing->file->build_id_size},
            .path = pam_text(packing->file->path),
            .file_bytes = packing->file_bytes,
            .offset = offset,
            .bytes = {bytes, got > 0 ? (size_t)got : 0},
        };

        if (got <= 0)
            return;
        pam_recorder_put(packing->recorder, PAM_bundle, &piece);
        offset += (uint64_t)got;
        size -= (uint64_t)got;
    }
}

/* What tells how to unwind, what functions are called, and where the rest of that is. */
static bool is_needed(const GElf_Shdr *header, const char *name)
{
    static const char *const names[] = {".eh_frame", ".eh_frame_hdr", ".debug_frame", ".gnu_debugdata",
                                        ".gnu_debuglink", ".gnu_debugaltlink", ".interp",
                                        ".plt", ".plt.sec", ".plt.got", ".rela.plt"};

    switch (header->sh_type) {
    case SHT_NOBITS: return false;
    case SHT_SYMTAB:
    case SHT_DYNSYM:
    case SHT_DYNAMIC:
    case SHT_NOTE: return true;
    /* those of symbols and sections; .debug_str is large and not among them */
    case SHT_STRTAB: return name && strcmp(name, ".debug_str") != 0;
    default: break;
    }
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* What CPython's loop jumps into has no name in a stripped file: which parts are its own, only its code tells. */
static void pack_loop(struct packing *packing, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    static const char loop[] = "_PyEval_EvalFrameDefault";
    Elf_Data *symbols;
    GElf_Shdr code, names;
    GElf_Sym symbol;

    if (!gelf_getshdr(elf_getscn(elf, header->sh_link), &names) || names.sh_size > MAX_PART_BYTES)
        return; /* libelf would read all of it */
    symbols = elf_getdata(section, NULL);
    for (int i = 0; gelf_getsym(symbols, i, &symbol); i++) {
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);

        if (name && !strcmp(name, loop) && gelf_getshdr(elf_getscn(elf, symbol.st_shndx), &code) &&
            symbol.st_value >= code.sh_addr)
            pack(packing, code.sh_offset + (symbol.st_value - code.sh_addr), symbol.st_size);
    }
}

static void pack_sections(struct packing *packing, Elf *elf)
{
    Elf_Scn *section = NULL;
    GElf_Shdr texts;
    size_t names = 0;

    if (elf_getshdrstrndx(elf, &names) != 0 || !gelf_getshdr(elf_getscn(elf, names), &texts) ||
        texts.sh_size > MAX_PART_BYTES)
        return; /* libelf would read all of it */
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;

        if (!gelf_getshdr(section, &header))
            continue;
        if (is_needed(&header, elf_strptr(elf, names, header.sh_name)))
            pack(packing, header.sh_offset, header.sh_size);
        if (header.sh_type == SHT_DYNSYM && header.sh_size <= MAX_PART_BYTES)
            pack_loop(packing, elf, section, &header);
    }
}

static void pack_headers(struct packing *packing, Elf *elf)
{
    GElf_Ehdr header;
    size_t segments = 0, sections = 0;

    if (!gelf_getehdr(elf, &header))
        return;
    (void)elf_getphdrnum(elf, &segments);
    (void)elf_getshdrnum(elf, &sections);
    pack(packing, 0, header.e_ehsize);
    pack(packing, header.e_phoff, segments * header.e_phentsize);
    pack(packing, header.e_shoff, sections * header.e_shentsize);
}

static void record_file(struct packing *packing)
{
    struct stat status;
    Elf *elf;

    if (packing->file->fd < 0 || fstat(packing->file->fd, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    packing->file_bytes = (uint64_t)status.st_size;
    elf = elf_begin(packing->file->fd, ELF_C_READ, NULL); /* a map of what shrinks kills */
    if (elf && elf_kind(elf) == ELF_K_ELF) {
        pack_headers(packing, elf);
        pack_sections(packing, elf);
    }
    (void)elf_end(elf);
}

void pam_bundles_record(const struct pam_bundles *bundles, struct pam_recorder *recorder)
{
    struct packing packing = {.recorder = recorder, .left = MAX_ALL_BYTES};

    if (elf_version(EV_CURRENT) == EV_NONE)
        return;
    for (size_t i = 0; i < bundles->count; i++) {
        packing.file = &bundles->files[i];
        record_file(&packing);
    }
}

void pam_bundle_vdso(struct pam_native_process *process, const struct pam_module *module,
                     struct pam_recorder *recorder)
{
    static unsigned char bytes[MAX_VDSO_BYTES]; /* large; the sampling thread's alone */
    const size_t size = module->size_bytes < sizeof bytes ? (size_t)module->size_bytes : sizeof bytes;
    const struct pam_bundle piece = {
        .path = module->path,
        .file_bytes = size,
        .bytes = {bytes, size},
    };

    if (pam_remote_read(&process->remote, module->start, bytes, size) == 0)
        pam_recorder_put(recorder, PAM_bundle, &piece);
}
