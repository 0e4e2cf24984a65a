/* runtime.c - finding the CPython runtime in a process: in its files by symbol or section, else in its
 * memory. */
#include "python/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "python/identify.h"
#include "python/scan.h"
#include "target/elf.h"
#include "target/process.h"

enum {
    MAX_MAPS = 1 << 20,   /* vm.max_map_count is 65,530; raised ones reach a million */
    MAX_OTHER_FILES = 512, /* looked into when neither the executable nor a libpython has a runtime */
};

/* Which files of the process are looked into, and for what. */
enum pass {
    LIKELY,  /* the executable and libpython*, for the symbol or the section */
    OTHERS,  /* programs with a CPython under another name, for the section: that is quick */
    PASSES,
};

struct search {
    struct pam_runtime *runtime;
    struct pam_remote *remote;
    int proc_fd;
    enum pass pass;
    unsigned others;
    char executable[PAM_PATH_BYTES];
    char denied[PAM_PATH_BYTES];  /* a file that may not be read */
    char claimed[PAM_PATH_BYTES]; /* one that says it is CPython, with no runtime that can be read */
    enum pam_identity best;
    struct pam_error error;       /* of `best` */
    int failed;                   /* that ends the search */
};

static bool is_libpython(const char *path)
{
    return !strncmp(pam_base_name(path), "libpython", 9) && strstr(path, ".so");
}

static void consider(struct search *search, const char *path, uint64_t runtime, uint64_t version)
{
    struct pam_error error = {0};
    enum pam_identity identity;

    (void)snprintf(search->runtime->path, sizeof search->runtime->path, "%s", path);
    identity = pam_identify(search->runtime, search->remote, runtime, version, &error);
    if (identity == PAM_IS_NO_RUNTIME)
        (void)snprintf(search->claimed, sizeof search->claimed, "%s", path);
    if (identity > search->best) {
        search->best = identity;
        search->error = error;
    }
}

/* Looks for the runtime in one mapped file. */
static void try_file(struct search *search, const struct pam_map *map)
{
    enum symbol { RUNTIME, SECTION, VERSION, SYMBOLS };
    struct pam_symbol symbols[SYMBOLS] = {
        [RUNTIME] = {"_PyRuntime", 0}, [SECTION] = {".PyRuntime", 0}, [VERSION] = {"Py_Version", 0}};
    const int fd = pam_open_mapped(search->proc_fd, map, search->executable);
    struct pam_elf elf;
    uint64_t bias, address;
    bool is_elf;

    if (fd < 0) {
        if (errno == EACCES || errno == EPERM)
            (void)snprintf(search->denied, sizeof search->denied, "%s", map->path);
        return;
    }
    is_elf = pam_elf_read(fd, &elf, symbols, SYMBOLS, search->pass == OTHERS);
    (void)close(fd);
    address = symbols[RUNTIME].value ? symbols[RUNTIME].value : symbols[SECTION].value;
    if (is_elf && search->pass == LIKELY && pam_version_in_name(map->path))
        (void)snprintf(search->claimed, sizeof search->claimed, "%s", map->path);
    if (!is_elf || !address)
        return;
    if (elf.is_32_bit) {
        search->failed = pam_fail(&search->error, PAM_UNSUPPORTED,
                                  "process %d is a 32-bit Python (%s); only 64-bit ones can be read",
                                  (int)search->remote->pid, map->path);
        return;
    }
    bias = elf.fixed_address ? 0 : map->start - map->offset - elf.first_load;
    consider(search, map->path, bias + address,
             symbols[VERSION].value ? bias + symbols[VERSION].value : 0);
}

/* The first mapping of a file, at offset 0, has its ELF header: the base. */
static bool is_wanted(struct search *search, const struct pam_map *map)
{
    const bool likely = !strcmp(map->path, search->executable) || is_libpython(map->path);

    if (map->offset != 0 || !map->inode || map->path[0] != '/')
        return false;
    return search->pass == LIKELY ? likely : !likely && search->others++ < MAX_OTHER_FILES;
}

/* A number for the files and the heap that the process has mapped, and where: a Python that starts adds
 * to both. */
static uint64_t sum_of(FILE *maps)
{
    char line[PAM_PATH_BYTES + 128];
    uint64_t sum = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (int lines = 0; lines < MAX_MAPS && fgets(line, sizeof line, maps); lines++)
        for (const char *at = strpbrk(line, "/[") ? line : ""; *at; at++)
            sum = (sum ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return sum;
}

/* False when the process has no memory. */
static bool search_files(struct search *search, FILE *maps)
{
    static struct pam_map map; /* large; attaching is single-threaded */
    char line[PAM_PATH_BYTES + 128];
    int lines = 0;

    rewind(maps);
    while (search->best != PAM_IS_RUNTIME && !search->failed && lines < MAX_MAPS &&
           fgets(line, sizeof line, maps)) {
        lines++;
        if (pam_parse_map(line, &map) && is_wanted(search, &map))
            try_file(search, &map);
    }
    return lines > 0;
}

/* What is to be said when the search has ended without a runtime that can be read. */
static int nothing_found(struct search *search, struct pam_error *error)
{
    const int pid = (int)search->remote->pid;
    uint64_t word;

    if (search->best == PAM_IS_ASLEEP) {
        search->runtime->interpreter = 0;
        return 0;
    }
    if (search->failed || search->best == PAM_IS_UNSUPPORTED) {
        *error = search->error;
        return PAM_UNSUPPORTED;
    }
    /* The kernel looks at our rights before it looks at the address. */
    if (pam_remote_read(search->remote, 0, &word, sizeof word) == -EPERM)
        return PAM_PERMISSION;
    if (search->denied[0])
        return pam_fail(error, PAM_PERMISSION,
                        "%s, which process %d runs, may not be read: run pamcollect with sudo, or let "
                        "the program do it without: sudo setcap "
                        "cap_sys_ptrace,cap_dac_read_search+ep $(command -v pamcollect)",
                        search->denied, pid);
    if (search->claimed[0]) /* or one whose libpython is yet to be mapped */
        return pam_fail(error, PAM_NOT_PYTHON,
                        "process %d runs a CPython of unknown version or build (%s); this program reads %s",
                        pid, search->claimed, pam_layout_versions());
    return pam_fail(error, PAM_NOT_PYTHON,
                    "process %d (%s) is not Python: neither its executable nor a library in it has the "
                    "symbol _PyRuntime or the section .PyRuntime, nor has its memory a CPython runtime",
                    pid, search->executable);
}

int pam_runtime_find(struct pam_runtime *runtime, struct pam_remote *remote, int proc_fd,
                     struct pam_error *error)
{
    static struct search search; /* large; attaching is single-threaded */
    FILE *maps = pam_open_maps(proc_fd);
    const uint64_t fruitless = runtime->fruitless;
    bool has_memory = true;
    uint64_t mapped;

    memset(runtime, 0, sizeof *runtime);
    memset(&search, 0, sizeof search);
    search.runtime = runtime;
    search.remote = remote;
    search.proc_fd = proc_fd;
    if (!maps)
        return errno == EACCES || errno == EPERM
                   ? PAM_PERMISSION
                   : pam_fail(error, PAM_NO_TARGET, "cannot read the memory map of process %d: %s",
                              (int)remote->pid, strerror(errno));
    if (!pam_read_executable(proc_fd, search.executable) && (errno == EACCES || errno == EPERM)) {
        (void)fclose(maps);
        return PAM_PERMISSION;
    }
    mapped = sum_of(maps);
    if (mapped == fruitless)
        search.pass = PASSES;
    for (; search.pass < PASSES && search.best == PAM_IS_NO_RUNTIME && !search.failed; search.pass++)
        has_memory = search_files(&search, maps);
    (void)fclose(maps);
    if (!has_memory)
        return pam_fail(error, PAM_NO_TARGET,
                        "process %d has no memory: it is exiting, a zombie or a kernel thread",
                        (int)remote->pid);
    if (search.best == PAM_IS_NO_RUNTIME && !search.failed && mapped != fruitless)
        search.best = pam_scan(runtime, remote, proc_fd, &search.error);
    if (search.best == PAM_IS_NO_RUNTIME)
        runtime->fruitless = mapped;
    return search.best == PAM_IS_RUNTIME ? 0 : nothing_found(&search, error);
}
