/* ranges.c - where a process has code: what tells return addresses from data on a stack. */
#include "native/ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pam/search.h>

#include "kernel/procfs.h"
#include "target/process.h"

static const uint64_t FIRST_PAGE_END = 4096;
static const uint64_t USER_END = UINT64_C(1) << 56;

void pam_ranges_done(struct pam_code_ranges *ranges)
{
    free(ranges->entries);
    pam_addresses_done(&ranges->made);
    memset(ranges, 0, sizeof *ranges);
}

/* The first range that ends behind the address. */
static size_t first_behind(const struct pam_code_ranges *ranges, uint64_t address)
{
    return pam_first_above(ranges->entries, ranges->count, sizeof *ranges->entries,
                           offsetof(struct pam_code_range, end), address);
}

static bool make_room(struct pam_code_ranges *ranges)
{
    const size_t room = ranges->room ? 2 * ranges->room : 256;
    struct pam_code_range *grown;

    if (ranges->count < ranges->room)
        return true;
    grown = room <= PAM_MAX_CODE_RANGES ? realloc(ranges->entries, room * sizeof *grown) : NULL;
    if (!grown)
        return false;
    ranges->entries = grown;
    ranges->room = room;
    return true;
}

/* No file, or one that only lives in memory, or the mark of a jitdump. */
static bool is_made(const char *path)
{
    static const char memory[] = "/memfd:", dump[] = ".dump";
    const size_t size = strlen(path);

    return path[0] != '/' ? path[0] != '[' : !strncmp(path, "//anon", 6) ||
           !strncmp(path, memory, sizeof memory - 1) ||
           (size >= sizeof dump && !strcmp(path + size - (sizeof dump - 1), dump));
}

void pam_ranges_add(struct pam_code_ranges *ranges, uint64_t start, uint64_t size, const char *path)
{
    struct pam_code_range added = {.start = start, .end = start + size, .made = is_made(path)};
    size_t first, behind;

    if (!size || added.end < start)
        return;
    first = behind = first_behind(ranges, start);
    while (behind < ranges->count && ranges->entries[behind].start < added.end) { /* one with these */
        const struct pam_code_range *old = &ranges->entries[behind++];

        added.start = old->start < added.start ? old->start : added.start;
        added.end = old->end > added.end ? old->end : added.end;
        added.used |= old->used;
        added.made |= old->made;
    }
    if (behind == first && !make_room(ranges)) {
        ranges->incomplete = true;
        return;
    }
    memmove(ranges->entries + first + 1, ranges->entries + behind,
            (ranges->count - behind) * sizeof *ranges->entries);
    ranges->entries[first] = added;
    ranges->count = ranges->count - (behind - first) + 1;
}

void pam_ranges_scan(struct pam_code_ranges *ranges, int proc_fd)
{
    FILE *maps = pam_open_maps(proc_fd);
    char line[PAM_PATH_BYTES + 128];
    static struct pam_map map; /* large; the sampling thread's alone */

    if (!maps)
        return;
    while (!ranges->incomplete && fgets(line, sizeof line, maps))
        if (pam_parse_map(line, &map) && map.executable && map.end < USER_END)
            pam_ranges_add(ranges, map.start, map.end - map.start, map.path);
    (void)fclose(maps);
}

bool pam_ranges_has(struct pam_code_ranges *ranges, uint64_t address)
{
    const size_t at = first_behind(ranges, address);

    if (at < ranges->count && ranges->entries[at].start <= address) {
        ranges->entries[at].used = true;
        if (ranges->entries[at].made)
            pam_addresses_add(&ranges->made, address);
        return true;
    }
    return ranges->incomplete && address >= FIRST_PAGE_END && address < USER_END;
}

bool pam_ranges_used(const struct pam_code_ranges *ranges, uint64_t start, uint64_t size)
{
    size_t at = first_behind(ranges, start);

    for (; at < ranges->count && ranges->entries[at].start < start + size; at++)
        if (ranges->entries[at].used)
            return true;
    return ranges->incomplete;
}
