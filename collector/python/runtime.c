/* runtime.c - finding the CPython runtime in a process and what version it is. */
#include "python/runtime.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "target/elf.h"
#include "target/process.h"

enum { MAX_MAPS = 1 << 20 }; /* vm.max_map_count is 65,530; raised ones reach a million */

enum { PAM_MAX_DEBUG_BYTES = 4096 }; /* of _Py_DebugOffsets; 584 in 3.13 */

enum symbol { RUNTIME, CODE_TYPE, VERSION, SYMBOLS };

/* libpython3.11.so.1.0, python3.11, python3, uwsgi ...: where a runtime can be is the executable or
 * a library called libpython. */
static bool is_libpython(const char *path)
{
    return !strncmp(pam_base_name(path), "libpython", 9) && strstr(path, ".so");
}

/* "3.10" out of .../libpython3.10.so.1.0 or .../python3.10, for runtimes that do not tell. */
static bool version_in_name(const char *path, unsigned *major, unsigned *minor)
{
    const char *at = strstr(pam_base_name(path), "python");

    return at && isdigit((unsigned char)at[6]) && sscanf(at + 6, "%u.%u", major, minor) == 2;
}

/* Opens a file of the target as the target sees it. A file that was replaced or deleted under the
 * process is reached through /proc/PID/exe or map_files. */
static int open_mapped(int proc_fd, const struct pam_map *map, bool is_executable)
{
    char path[PAM_PATH_BYTES + 8];

    if (is_executable)
        return openat(proc_fd, "exe", O_RDONLY | O_CLOEXEC);
    if (map->deleted)
        (void)snprintf(path, sizeof path, "map_files/%llx-%llx", (unsigned long long)map->start,
                       (unsigned long long)map->end);
    else
        (void)snprintf(path, sizeof path, "root%s", map->path);
    return openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
}

static int check_version(struct pam_runtime *runtime, struct pam_remote *remote,
                         uint64_t version_address, struct pam_error *error)
{
    unsigned long word = 0; /* const unsigned long Py_Version, Python/getversion.c, 3.11+ */
    unsigned major = 0, minor = 0;

    if (version_address && pam_remote_read(remote, version_address, &word, sizeof word) == 0)
        runtime->version_hex = (uint32_t)word;
    else if (version_in_name(runtime->path, &major, &minor))
        runtime->version_hex = (uint32_t)(major << 24 | minor << 16);
    runtime->layout = pam_layout_for(runtime->version_hex);
    if (runtime->layout)
        return 0;
    if (!runtime->version_hex)
        return pam_fail(error, PAM_UNSUPPORTED,
                        "process %d runs a CPython of unknown version (%s); this program reads %s",
                        (int)remote->pid, runtime->path, pam_layout_versions());
    return pam_fail(error, PAM_UNSUPPORTED,
                    "process %d runs CPython %u.%u (%s); this program reads %s", (int)remote->pid,
                    runtime->version_hex >> 24, runtime->version_hex >> 16 & 0xff, runtime->path,
                    pam_layout_versions());
}

/* What the process says of its own layout against the row for its version: the row is of an ordinary
 * build, and a free-threaded, debug or patched one may differ. */
static int check_offsets(const struct pam_runtime *runtime, struct pam_remote *remote,
                         struct pam_error *error)
{
    const struct pam_layout *layout = runtime->layout;
    unsigned char told[PAM_MAX_DEBUG_BYTES];

    if (!layout->debug_bytes)
        return 0;
    if (layout->debug_bytes > sizeof told ||
        pam_remote_read(remote, runtime->runtime, told, layout->debug_bytes) < 0)
        return 0; /* what cannot be read is found out by who reads it next */
    if (memcmp(told, "xdebugpy", 8) != 0)
        return pam_fail(error, PAM_UNSUPPORTED, "process %d: no _Py_DebugOffsets at its _PyRuntime (%s)",
                        (int)remote->pid, runtime->path);
    for (const struct pam_layout_check *check = layout->checks; check->name; check++)
        if (pam_u64_at(told, check->at) != check->expected)
            return pam_fail(error, PAM_UNSUPPORTED,
                            "process %d runs a build of CPython %u.%u with another layout: its %s is %llu, "
                            "not %u (%s); ordinary builds can be read, not free-threaded, debug or changed "
                            "ones", (int)remote->pid, runtime->version_hex >> 24,
                            runtime->version_hex >> 16 & 0xff, check->name,
                            (unsigned long long)pam_u64_at(told, check->at), check->expected,
                            runtime->path);
    return 0;
}

/* Looks for the runtime in one mapped file. 1 found, 0 not there, negative: found but no use. */
static int try_file(struct pam_runtime *runtime, struct pam_remote *remote, int proc_fd,
                    const struct pam_map *map, bool is_executable, struct pam_error *error)
{
    /* A file that must not be read may be the one with the runtime. */
    struct pam_symbol symbols[SYMBOLS] = {
        [RUNTIME] = {"_PyRuntime", 0}, [CODE_TYPE] = {"PyCode_Type", 0}, [VERSION] = {"Py_Version", 0}};
    const int fd = open_mapped(proc_fd, map, is_executable);
    struct pam_elf elf;
    uint64_t bias;
    bool is_elf;

    if (fd < 0 && (errno == EACCES || errno == EPERM))
        return pam_fail(error, PAM_PERMISSION,
                        "%s, which process %d runs, may not be read: run pamcollect with sudo, or let "
                        "the program do it without: sudo setcap "
                        "cap_sys_ptrace,cap_dac_read_search+ep $(command -v pamcollect)",
                        map->path, (int)remote->pid);
    if (fd < 0)
        return 0;
    is_elf = pam_elf_read(fd, &elf, symbols, SYMBOLS);
    (void)close(fd);
    if (!is_elf || !symbols[RUNTIME].value)
        return 0;
    bias = elf.fixed_address ? 0 : map->start - map->offset - elf.first_load;
    (void)snprintf(runtime->path, sizeof runtime->path, "%s", map->path);
    runtime->runtime = bias + symbols[RUNTIME].value;
    runtime->code_type = bias + symbols[CODE_TYPE].value;
    if (elf.is_32_bit)
        return pam_fail(error, PAM_UNSUPPORTED,
                        "process %d is a 32-bit Python (%s); only 64-bit ones can be read",
                        (int)remote->pid, map->path);
    if (check_version(runtime, remote, symbols[VERSION].value ? bias + symbols[VERSION].value : 0,
                      error) < 0 ||
        check_offsets(runtime, remote, error) < 0)
        return PAM_UNSUPPORTED;
    return 1;
}

int pam_runtime_find(struct pam_runtime *runtime, struct pam_remote *remote, int proc_fd,
                     struct pam_error *error)
{
    char executable[PAM_PATH_BYTES];
    char line[PAM_PATH_BYTES + 128];
    static struct pam_map map; /* large; attaching is single-threaded */
    FILE *maps = pam_open_maps(proc_fd);
    int lines = 0;
    int r = 0;

    memset(runtime, 0, sizeof *runtime);
    if (!maps)
        return errno == EACCES || errno == EPERM
                   ? PAM_PERMISSION
                   : pam_fail(error, PAM_NO_TARGET, "cannot read the memory map of process %d: %s",
                              (int)remote->pid, strerror(errno));
    if (!pam_read_executable(proc_fd, executable) && (errno == EACCES || errno == EPERM)) {
        (void)fclose(maps);
        return PAM_PERMISSION;
    }
    while (r == 0 && lines++ < MAX_MAPS && fgets(line, sizeof line, maps)) {
        /* The first mapping of a file, at offset 0, has its ELF header: the base. */
        if (!pam_parse_map(line, &map) || map.offset != 0 || !map.inode)
            continue;
        if (!strcmp(map.path, executable))
            r = try_file(runtime, remote, proc_fd, &map, true, error);
        else if (is_libpython(map.path))
            r = try_file(runtime, remote, proc_fd, &map, false, error);
    }
    (void)fclose(maps);
    if (r < 0)
        return r;
    if (r == 0 && lines <= 1)
        return pam_fail(error, PAM_NO_TARGET,
                        "process %d has no memory: it is exiting, a zombie or a kernel thread",
                        (int)remote->pid);
    if (r == 0)
        return pam_fail(error, PAM_NOT_PYTHON,
                        "process %d (%s) is not Python: neither its executable nor a libpython in it "
                        "has the symbol _PyRuntime",
                        (int)remote->pid, executable);
    r = pam_remote_read(remote, runtime->runtime + runtime->layout->runtime_main_interpreter,
                        &runtime->interpreter, sizeof runtime->interpreter);
    if (r < 0)
        return r == -EPERM ? PAM_PERMISSION
                           : pam_fail(error, PAM_NO_TARGET, "cannot read the memory of process %d: %s",
                                      (int)remote->pid, strerror(-r));
    return 0;
}
