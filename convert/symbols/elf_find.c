/* elf_find.c - the ELF file of a module on this machine: the one with the build-id of the capture. */
#include "symbols/elf_find.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "room.h"
#include "symbols/server.h"

enum { PATH_BYTES = 2 * PAM_MAX_TEXT };

/* What /proc/PID/maps says behind the path of a file that was removed or replaced. */
static const char deleted[] = " (deleted)";

static const struct {
    const char *arch; /* as uname says */
    GElf_Half machine;
} machines[] = {
    {"x86_64", EM_X86_64},
    {"aarch64", EM_AARCH64},
};

int pam_elf_files_init(struct pam_elf_files *files, const struct pam_maps *maps, const char *sysroot,
                       struct pam_error *error)
{
    static const char usual[] = ":.debug:/usr/lib/debug";
    int size;

    *files = (struct pam_elf_files){.maps = maps, .sysroot = sysroot};
    size = sysroot ? asprintf(&files->debuginfo_path, "%s:%s/usr/lib/debug", usual, sysroot)
                   : asprintf(&files->debuginfo_path, "%s", usual);
    if (size < 0) {
        files->debuginfo_path = NULL;
        return pam_fail(error, PAM_MEMORY, "not enough memory to look for ELF files");
    }
    files->callbacks.debuginfo_path = &files->debuginfo_path;
    return 0;
}

/* Debug information of its own, as libdw looks for it. */
static int find_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
                          const char *link, GElf_Word crc, char **found)
{
    const char *why;
    const uint64_t began_ns = pam_server_begin();
    const int fd = pam_dw_load(&why)->dwfl_standard_find_debuginfo(module, user, name, base, file, link, crc, found);

    pam_server_end(began_ns, fd >= 0);
    return fd;
}

void pam_elf_files_use(struct pam_elf_files *files, const struct pam_dw *dw)
{
    files->dw = dw;
    files->callbacks.find_debuginfo = find_debuginfo;
    pam_server_set_up();
}

void pam_elf_files_done(struct pam_elf_files *files)
{
    for (size_t i = 0; i < files->room; i++)
        if (files->elves[i].fd > 0)
            (void)close(files->elves[i].fd);
    free(files->elves);
    free(files->debuginfo_path);
    pam_bundles_done(&files->bundles);
    memset(files, 0, sizeof *files);
}

void pam_elf_files_host(struct pam_elf_files *files, const struct pam_host *host)
{
    const struct pam_bytes arch = host->arch;

    files->machine = EM_NONE;
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        if (arch.size == strlen(machines[i].arch) && !memcmp(arch.data, machines[i].arch, arch.size))
            files->machine = machines[i].machine;
}

static struct pam_bytes without_ending(struct pam_bytes path)
{
    const size_t ending = sizeof deleted - 1;

    if (path.size > ending && !memcmp(path.data + path.size - ending, deleted, ending))
        path.size -= ending;
    return path;
}

/* --- is it that file? ----------------------------------------------------------------------------- */

static void take_segments(const struct pam_dw *dw, Elf *file, struct pam_elf *elf)
{
    size_t count;

    elf->count = 0;
    if (dw->elf_getphdrnum(file, &count) != 0)
        return;
    for (size_t i = 0; i < count && i < PN_XNUM && elf->count < PAM_MAX_SEGMENTS; i++) {
        GElf_Phdr header;

        if (!dw->gelf_getphdr(file, (int)i, &header))
            return;
        if (header.p_type == PT_LOAD && header.p_flags & PF_X)
            elf->segments[elf->count++] =
                (struct pam_segment){header.p_offset, header.p_filesz, header.p_vaddr};
        if (header.p_type == PT_GNU_EH_FRAME)
            elf->eh_table = (struct pam_segment){header.p_offset, header.p_filesz, header.p_vaddr};
    }
}

/* `build_id` NULL: it is known to be that file. */
static enum pam_elf_state compare(const struct pam_elf_files *files, Elf *file,
                                  const struct pam_bytes *build_id)
{
    const void *found = NULL;
    GElf_Ehdr header;
    ssize_t size;

    if (!files->dw->gelf_getehdr(file, &header)) /* no ELF file at all */
        return PAM_ELF_MISSING;
    if (header.e_machine != files->machine || header.e_ident[EI_CLASS] != ELFCLASS64)
        return PAM_ELF_DIFFERS;
    if (!build_id)
        return PAM_ELF_FOUND;
    size = files->dw->dwelf_elf_gnu_build_id(file, &found);
    if (size < 0)
        size = 0;
    if ((size_t)size != build_id->size || (size && memcmp(found, build_id->data, (size_t)size) != 0))
        return PAM_ELF_DIFFERS;
    return size ? PAM_ELF_FOUND : PAM_ELF_UNCHECKED;
}

/* Takes `fd`, which is closed when it is not the file. True: it is. */
static bool examine(const struct pam_elf_files *files, int fd, const struct pam_bytes *build_id,
                    struct pam_elf *elf)
{
    enum pam_elf_state state = PAM_ELF_MISSING;
    struct stat status;
    Elf *file = NULL;

    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        file = files->dw->elf_begin(fd, ELF_C_READ, NULL);
    if (file)
        state = compare(files, file, build_id);
    if (state == PAM_ELF_FOUND || state == PAM_ELF_UNCHECKED)
        take_segments(files->dw, file, elf);
    if (file)
        (void)files->dw->elf_end(file);
    if (state == PAM_ELF_FOUND || state == PAM_ELF_UNCHECKED) {
        elf->fd = fd;
        elf->state = state;
        return true;
    }
    (void)close(fd);
    if (state == PAM_ELF_DIFFERS)
        elf->state = state;
    return false;
}

/* --- where it may be -------------------------------------------------------------------------------- */

/* Paths come from a capture: no device, FIFO or terminal is waited for. */
static bool try_path(const struct pam_elf_files *files, const char *folder, struct pam_bytes path,
                     struct pam_bytes build_id, struct pam_elf *elf)
{
    char whole[PATH_BYTES];
    int size, fd;

    path = without_ending(path);
    if (!path.size || path.data[0] != '/' || memchr(path.data, '\0', path.size))
        return false;
    size = snprintf(whole, sizeof whole, "%s%.*s", folder, (int)path.size, (const char *)path.data);
    if (size < 0 || size >= PATH_BYTES)
        return false;
    fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd >= 0 && examine(files, fd, &build_id, elf);
}

/* Pieces have no debug information, so a whole file is better. The kernel's own library, "[vdso]", which is in
 * no file, has no build-id in captures. */
static bool try_bundle(const struct pam_elf_files *files, struct pam_module_name name,
                       struct pam_elf *elf)
{
    const int bundled = pam_bundles_find(&files->bundles, name.path, name.build_id);
    const int fd = bundled < 0 ? -1 : fcntl(bundled, F_DUPFD_CLOEXEC, 3);

    return fd >= 0 && examine(files, fd, name.build_id.size ? &name.build_id : NULL, elf);
}

/* By its build-id alone: under the folders of debug information, then from debuginfod if that is set up. */
static bool try_build_id(const struct pam_elf_files *files, struct pam_bytes build_id,
                         struct pam_elf *elf)
{
    const struct pam_dw *dw = files->dw;
    Dwfl *dwfl = build_id.size ? dw->dwfl_begin(&files->callbacks) : NULL;
    Dwfl_Module *module = dwfl ? dw->dwfl_report_module(dwfl, "module", 0, 1) : NULL;
    const uint64_t began_ns = pam_server_begin();
    char *name = NULL;
    Elf *file = NULL;
    int fd = -1;

    if (module && dw->dwfl_module_report_build_id(module, build_id.data, build_id.size, 0) == 0)
        fd = dw->dwfl_build_id_find_elf(module, NULL, "module", 0, &name, &file);
    pam_server_end(began_ns, fd >= 0);
    if (file)
        (void)dw->elf_end(file);
    if (dwfl)
        dw->dwfl_end(dwfl);
    free(name);
    return fd >= 0 && examine(files, fd, &build_id, elf);
}

static void look_for(const struct pam_elf_files *files, struct pam_module_name name,
                     struct pam_elf *elf)
{
    const char *sysroot = files->sysroot;

    elf->state = PAM_ELF_MISSING;
    if (files->machine == EM_NONE ||
        (sysroot && try_path(files, sysroot, name.path, name.build_id, elf)) ||
        try_path(files, "", name.path, name.build_id, elf) || try_bundle(files, name, elf))
        return;
    (void)try_build_id(files, name.build_id, elf);
}

/* --- for those who ask -------------------------------------------------------------------------------- */

static struct pam_elf *elf_of(struct pam_elf_files *files, uint32_t module)
{
    struct pam_elf *elves = pam_with_room(files->elves, &files->room, module, sizeof *elves);

    if (!elves)
        return NULL;
    files->elves = elves;
    return &elves[module];
}

const struct pam_elf *pam_elf_find(struct pam_elf_files *files, uint32_t module)
{
    struct pam_elf *elf = elf_of(files, module);

    if (!elf)
        return NULL;
    if (elf->state == PAM_ELF_NOT_LOOKED_FOR)
        look_for(files, pam_maps_module(files->maps, module), elf);
    return elf->state == PAM_ELF_FOUND || elf->state == PAM_ELF_UNCHECKED ? elf : NULL;
}

enum pam_elf_state pam_elf_state_of(const struct pam_elf_files *files, uint32_t module)
{
    return module < files->room ? files->elves[module].state : PAM_ELF_NOT_LOOKED_FOR;
}

int pam_elf_files_bundle(struct pam_elf_files *files, const struct pam_bundle *piece,
                         struct pam_error *error)
{
    /* What was looked for before its pieces came is looked for again. */
    for (size_t i = 0; i < files->room; i++)
        if (files->elves[i].state == PAM_ELF_MISSING || files->elves[i].state == PAM_ELF_DIFFERS)
            files->elves[i].state = PAM_ELF_NOT_LOOKED_FOR;
    return pam_bundles_add(&files->bundles, piece, error);
}

bool pam_elf_address(const struct pam_elf *elf, uint64_t offset, uint64_t *address)
{
    for (size_t i = 0; i < elf->count; i++) {
        const struct pam_segment *segment = &elf->segments[i];

        if (offset >= segment->offset && offset - segment->offset < segment->size) {
            *address = segment->address + (offset - segment->offset);
            return true;
        }
    }
    return false;
}

Dwfl_Module *pam_elf_report(const struct pam_elf_files *files, Dwfl *dwfl, uint32_t module,
                            const struct pam_elf *elf, uint64_t bias)
{
    const struct pam_bytes name = without_ending(pam_maps_module(files->maps, module).path);
    const int fd = fcntl(elf->fd, F_DUPFD_CLOEXEC, 3);
    char path[PAM_MAX_TEXT + 1];
    Dwfl_Module *reported;

    if (fd < 0)
        return NULL;
    (void)snprintf(path, sizeof path, "%.*s", (int)name.size, (const char *)name.data);
    reported = files->dw->dwfl_report_elf(dwfl, path, path, fd, bias, true);
    if (!reported)
        (void)close(fd);
    return reported;
}
