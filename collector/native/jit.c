/* jit.c - names of functions that a process made at run time: from its perf-PID.map or its jitdump.
 *
 * perf-PID.map: lines "START SIZE name", hexadecimal (tools/perf/Documentation/jit-interface.txt in the
 * kernel's source); jitdump: jitdump-specification.txt there. What a jitdump tells of unwinding is not used: Python's
 * functions need it not (convert/symbols/registers.h), and for others it would have to be copied, all of it. */
#include "native/jit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "target/process.h"

enum {
    MAX_MAP_BYTES = 256 << 20, /* a second's work; a service's map has some MB */
    DUMP_MAGIC = 0x4a695444,
    DUMP_CODE_LOAD = 0,
    DUMP_HEADER_BYTES = 40,
    DUMP_PREFIX_BYTES = 16,
    DUMP_LOAD_BYTES = 40,      /* of a JIT_CODE_LOAD behind its prefix, up to the name */
};

/* A file that the process, or root, has written: nobody else may name its functions, nor lead us away. */
static int open_of_process(const struct pam_native_process *process, const char *path)
{
    const int fd = openat(process->root_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat file, owner;

    if (fd >= 0 && fstat(fd, &file) == 0 && fstat(process->proc_fd, &owner) == 0 &&
        S_ISREG(file.st_mode) && (file.st_uid == owner.st_uid || file.st_uid == 0))
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* The mark of a jitdump is that its process maps it as code. */
static int open_dump(const struct pam_native_process *process)
{
    FILE *maps = pam_open_maps(process->proc_fd);
    char line[PAM_PATH_BYTES + 128];
    static struct pam_map map; /* large; the sampling thread's alone */
    int fd = -1;

    while (maps && fd < 0 && fgets(line, sizeof line, maps))
        if (pam_parse_map(line, &map) && map.executable && map.path[0] == '/' &&
            !strncmp(pam_base_name(map.path), "jit-", 4))
            fd = open_of_process(process, map.path + 1);
    if (maps)
        (void)fclose(maps);
    return fd;
}

void pam_jit_open(struct pam_native_process *process)
{
    char text[PAM_PATH_BYTES], path[48];
    pid_t outer, inner = process->pid;

    if (!process->ranges.made.count || process->map_fd >= 0 || process->root_fd < 0)
        return;
    if (pam_read_file(process->proc_fd, "status", text, sizeof text) > 0)
        (void)pam_parse_namespace_ids(text, &outer, &inner);
    (void)snprintf(path, sizeof path, "tmp/perf-%d.map", (int)inner);
    process->map_fd = open_of_process(process, path);
    if (process->map_fd < 0)
        process->map_fd = open_dump(process);
}

struct naming {
    struct pam_native_process *process;
    struct pam_recorder *recorder;
};

static void name_function(const struct naming *naming, uint64_t start, uint64_t size, struct pam_bytes name)
{
    const struct pam_jit_symbol symbol = {
        .pid = (uint64_t)naming->process->pid,
        .start = start,
        .size_bytes = size,
        .name = name,
    };

    if (pam_addresses_within(&naming->process->ranges.made, start, size))
        pam_recorder_put(naming->recorder, PAM_jit_symbol, &symbol);
}

static void take_line(const struct naming *naming, const char *line)
{
    uint64_t start, size;

    if (!pam_take_number(&line, 16, &start) || !pam_take_number(&line, 16, &size) || *line != ' ')
        return;
    name_function(naming, start, size, pam_text(line + 1));
}

/* Of a line longer than the room the rest is passed over, like that of a name over its bound. */
static void read_map(const struct naming *naming, FILE *file)
{
    char line[PAM_MAX_TEXT + 64];
    size_t bytes = 0;
    bool inside = false;

    while (bytes < MAX_MAP_BYTES && fgets(line, sizeof line, file)) {
        const size_t size = strlen(line);
        const bool whole = size && line[size - 1] == '\n';

        bytes += whole ? size : sizeof line - 1; /* there may be zero bytes in it */
        line[whole ? size - 1 : size] = '\0';
        if (!inside)
            take_line(naming, line);
        inside = !whole;
    }
}

static void take_load(const struct naming *naming, const unsigned char *body, size_t size)
{
    const unsigned char *name = body + DUMP_LOAD_BYTES, *end;

    if (size <= DUMP_LOAD_BYTES)
        return;
    end = memchr(name, 0, size - DUMP_LOAD_BYTES);
    if (end) /* u32 pid, tid; u64 vma, code_addr, code_size, code_index; char name[] */
        name_function(naming, pam_get_le(body + 16, 8), pam_get_le(body + 24, 8),
                      (struct pam_bytes){name, (size_t)(end - name)});
}

/* u32 id, total_size; u64 timestamp; then the record. The code in it is passed over. */
static void read_dump(const struct naming *naming, FILE *file)
{
    unsigned char prefix[DUMP_PREFIX_BYTES], body[DUMP_LOAD_BYTES + PAM_MAX_TEXT];
    uint64_t bytes = 0;

    while (bytes < MAX_MAP_BYTES && fread(prefix, sizeof prefix, 1, file) == 1) {
        const uint64_t size = pam_get_le(prefix + 4, 4);
        size_t got;

        if (size < sizeof prefix)
            break;
        got = (size_t)size - sizeof prefix < sizeof body ? (size_t)size - sizeof prefix : sizeof body;
        got = fread(body, 1, got, file);
        if (pam_get_le(prefix, 4) == DUMP_CODE_LOAD)
            take_load(naming, body, got);
        if (fseeko(file, (off_t)(size - sizeof prefix - got), SEEK_CUR) != 0)
            break;
        bytes += sizeof prefix + got;
    }
}

void pam_jit_record(struct pam_native_process *process, struct pam_recorder *recorder)
{
    const struct naming naming = {process, recorder};
    unsigned char header[DUMP_HEADER_BYTES] = {0};
    FILE *file;

    pam_jit_open(process);
    if (process->map_fd < 0)
        return;
    file = fdopen(process->map_fd, "r");
    if (!file)
        return;
    process->map_fd = -1;
    pam_addresses_sort(&process->ranges.made);
    if (fread(header, 1, sizeof header, file) == sizeof header && pam_get_le(header, 4) == DUMP_MAGIC) {
        (void)fseeko(file, (off_t)pam_get_le(header + 8, 4), SEEK_SET); /* its own size */
        read_dump(&naming, file);
    } else {
        rewind(file);
        read_map(&naming, file);
    }
    (void)fclose(file);
}
