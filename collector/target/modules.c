/* modules.c - the executable mappings of the target, with their build-ids. */
#include "target/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfs.h"
#include "target/elf.h"
#include "target/process.h"

struct pam_module_entry {
    uint64_t start, size, offset;
    char *path;
    unsigned char build_id[PAM_MAX_BUILD_ID];
    size_t build_id_size;
};

static bool is_listed(const struct pam_modules *modules, const struct pam_map *map)
{
    for (size_t i = 0; i < modules->count; i++)
        if (modules->entries[i].start == map->start && modules->entries[i].offset == map->offset &&
            !strcmp(modules->entries[i].path, map->path))
            return true;
    return false;
}

static void read_build_id(struct pam_module_entry *entry, const struct pam_map *map, int proc_fd,
                          const char *executable)
{
    const int fd = pam_open_mapped(proc_fd, map, executable);
    struct pam_elf elf;

    if (fd < 0)
        return;
    if (pam_elf_read(fd, &elf, NULL, 0, true)) {
        memcpy(entry->build_id, elf.build_id, elf.build_id_size);
        entry->build_id_size = elf.build_id_size;
    }
    (void)close(fd);
}

static void add_module(struct pam_modules *modules, const struct pam_map *map, int proc_fd,
                       const char *executable)
{
    struct pam_module_entry *entry;

    if (modules->count == modules->room) {
        const size_t room = modules->room ? 2 * modules->room : 64;
        struct pam_module_entry *grown = realloc(modules->entries, room * sizeof *grown);

        if (!grown)
            return;
        modules->entries = grown;
        modules->room = room;
    }
    entry = &modules->entries[modules->count];
    *entry = (struct pam_module_entry){.start = map->start,
                                       .size = map->end - map->start,
                                       .offset = map->offset,
                                       .path = strdup(map->path)};
    if (!entry->path)
        return;
    if (map->path[0] == '/')
        read_build_id(entry, map, proc_fd, executable);
    modules->count++;
}

void pam_modules_scan(struct pam_modules *modules, int proc_fd)
{
    FILE *maps = pam_open_maps(proc_fd);
    char line[PAM_PATH_BYTES + 128], executable[PAM_PATH_BYTES];
    static struct pam_map map; /* large; the sampling thread's alone */

    if (!maps)
        return;
    (void)pam_read_executable(proc_fd, executable);
    while (modules->count < PAM_MAX_MODULES && fgets(line, sizeof line, maps))
        if (pam_parse_map(line, &map) && map.executable && map.path[0] && !is_listed(modules, &map))
            add_module(modules, &map, proc_fd, executable);
    (void)fclose(maps);
}

void pam_modules_done(struct pam_modules *modules)
{
    for (size_t i = 0; i < modules->count; i++)
        free(modules->entries[i].path);
    free(modules->entries);
    memset(modules, 0, sizeof *modules);
}

struct pam_module pam_modules_get(const struct pam_modules *modules, size_t i, pid_t pid)
{
    const struct pam_module_entry *entry = &modules->entries[i];

    return (struct pam_module){
        .pid = (uint64_t)pid,
        .start = entry->start,
        .size_bytes = entry->size,
        .file_offset = entry->offset,
        .path = pam_text(entry->path),
        .build_id = {entry->build_id, entry->build_id_size},
    };
}
