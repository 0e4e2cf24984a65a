/* scan.c - looking for CPython's _PyRuntime in the memory of a process whose files do not show it.
 *
 * A stripped executable without .PyRuntime, a library deleted under the process and kept from us, a file
 * that may not be read: all have their data in memory. What looks like the runtime there is only a
 * candidate; pam_identify() tells whether it is one. */
#include "python/scan.h"

#include <stdio.h>
#include <string.h>

#include "target/process.h"

enum {
    MAX_SCAN_BYTES = 16 << 20, /* a CPython's data and BSS are below 2 MB, in debug builds too */
    MAX_CANDIDATES = 1 << 14,  /* of three words each; a method table has such too, CPython ~3,000 */
    MAX_IDENTIFIED = 16,       /* of them, those that are looked at closely: that reads whole dicts */
    MAX_INTERPRETERS = 1 << 20, /* that there have been */
    PIECE_BYTES = 1 << 16,
    MAX_MAPS = 1 << 16,        /* vm.max_map_count is 65,530 */
};

struct scan {
    struct pam_runtime *runtime;
    struct pam_remote *remote;
    struct pam_error *error;
    uint64_t before[2]; /* the words before the one at hand */
    size_t bytes, candidates, identified;
    enum pam_identity best;
};

static bool consider(struct scan *scan, uint64_t address)
{
    struct pam_error error = {0};
    enum pam_identity identity;

    if (scan->identified++ >= MAX_IDENTIFIED)
        return false;
    identity = pam_identify(scan->runtime, scan->remote, address, 0, &error);
    if (identity > scan->best) {
        scan->best = identity;
        *scan->error = error;
    }
    return scan->best == PAM_IS_RUNTIME;
}

/* Could these be the runtime's newest interpreter, its main one, and how many there have been? */
static bool looks_like_interpreters(uint64_t newest, uint64_t main, uint64_t count)
{
    return newest && pam_is_pointer(newest) && pam_is_pointer(main) && count >= 1 &&
           count <= MAX_INTERPRETERS && (newest == main || count > 1);
}

/* Does the interpreter's first thread state point back to it? Cheaper than all that pam_identify() does. */
static bool has_threads(struct scan *scan, const struct pam_layout *layout, uint64_t interpreter)
{
    uint64_t thread, back;

    return pam_remote_read(scan->remote, interpreter + layout->interp_threads_head, &thread,
                           sizeof thread) == 0 &&
           pam_is_pointer(thread) &&
           pam_remote_read(scan->remote, thread + layout->tstate_interp, &back, sizeof back) == 0 &&
           back == interpreter;
}

/* Before 3.13 there is no cookie to look for. */
static bool consider_interpreters(struct scan *scan, uint64_t address)
{
    const struct pam_layout *layout;

    scan->candidates++; /* for all rows: they are few */
    for (size_t i = 0; (layout = pam_layout_at(i)); i++)
        if (!layout->debug_bytes && has_threads(scan, layout, scan->before[1]) &&
            consider(scan, address - layout->runtime_interpreters))
            return true;
    return false;
}

static bool scan_words(struct scan *scan, uint64_t address, const unsigned char *piece, size_t size)
{
    static const char cookie[9] = "xdebugpy"; /* of _Py_DebugOffsets, since 3.13 */

    for (size_t at = 0; at + 8 <= size && scan->candidates < MAX_CANDIDATES; at += 8) {
        const uint64_t word = pam_u64_at(piece, at);

        if ((word == pam_u64_at(cookie, 0) && consider(scan, address + at)) ||
            (looks_like_interpreters(scan->before[0], scan->before[1], word) &&
             consider_interpreters(scan, address + at - 16)))
            return true;
        scan->before[0] = scan->before[1];
        scan->before[1] = word;
    }
    return false;
}

static bool scan_range(struct scan *scan, uint64_t start, uint64_t end)
{
    static unsigned char piece[PIECE_BYTES]; /* attaching is single-threaded */

    scan->before[0] = scan->before[1] = 0;
    for (uint64_t at = start; at < end && scan->bytes < MAX_SCAN_BYTES;) {
        const size_t size = end - at < sizeof piece ? (size_t)(end - at) : sizeof piece;

        if (pam_remote_read(scan->remote, at, piece, size) < 0)
            return false;
        if (scan_words(scan, at, piece, size))
            return true;
        scan->bytes += size;
        at += size;
    }
    return false;
}

/* The writable mappings of a file, and the anonymous one right behind them: its BSS. */
struct data {
    uint64_t end; /* of the mapping before, if it was data of the file `path` */
    char path[PAM_PATH_BYTES];
};

static bool is_data(struct data *data, const struct pam_map *map)
{
    const bool is_file = map->inode && map->path[0] == '/';
    const bool is_bss = !map->inode && !map->path[0] && map->start == data->end;

    if (!map->writable || !(is_file || is_bss)) {
        data->end = 0;
        return false;
    }
    if (is_file)
        (void)snprintf(data->path, sizeof data->path, "%s", map->path);
    data->end = is_file ? map->end : 0;
    return true;
}

enum pam_identity pam_scan(struct pam_runtime *runtime, struct pam_remote *remote, int proc_fd,
                           struct pam_error *error)
{
    struct scan scan = {.runtime = runtime, .remote = remote, .error = error};
    static struct data data;
    static struct pam_map map; /* large; attaching is single-threaded */
    char line[PAM_PATH_BYTES + 128];
    FILE *maps = pam_open_maps(proc_fd);

    data.end = 0;
    for (int lines = 0; maps && lines < MAX_MAPS && fgets(line, sizeof line, maps); lines++) {
        if (!pam_parse_map(line, &map) || !is_data(&data, &map))
            continue;
        (void)snprintf(runtime->path, sizeof runtime->path, "%s", data.path);
        if (scan_range(&scan, map.start, map.end))
            break;
    }
    if (maps)
        (void)fclose(maps);
    return scan.best;
}
