/* maps.c - which file is mapped where in each process of a capture. */
#include "symbols/maps.h"

#include <stdlib.h>
#include <string.h>

#include <pam/search.h>

#include "room.h"

enum { MAX_MAPPINGS = 1 << 16 }; /* of a process: the usual vm.max_map_count */

void pam_maps_clear(struct pam_maps *maps)
{
    for (size_t i = 0; i < maps->pids.count && i < maps->room; i++)
        free(maps->processes[i].mappings);
    free(maps->processes);
    pam_table_done(&maps->pids);
    maps->processes = NULL;
    maps->room = 0;
}

void pam_maps_done(struct pam_maps *maps)
{
    pam_maps_clear(maps);
    pam_table_done(&maps->modules);
}

int64_t pam_maps_module_id(struct pam_maps *maps, struct pam_bytes path, struct pam_bytes build_id)
{
    unsigned char key[1 + PAM_MAX_BUILD_ID + PAM_MAX_TEXT]; /* as struct pam_module's bounds are */

    key[0] = (unsigned char)build_id.size;
    if (build_id.size)
        memcpy(key + 1, build_id.data, build_id.size);
    if (path.size)
        memcpy(key + 1 + build_id.size, path.data, path.size);
    return pam_table_id(&maps->modules, key, 1 + build_id.size + path.size);
}

struct pam_module_name pam_maps_module(const struct pam_maps *maps, uint32_t module)
{
    const struct pam_bytes key = pam_table_key(&maps->modules, module);
    const size_t id_bytes = key.data[0];

    return (struct pam_module_name){
        .build_id = {key.data + 1, id_bytes},
        .path = {key.data + 1 + id_bytes, key.size - 1 - id_bytes},
    };
}

const struct pam_process_maps *pam_maps_of(const struct pam_maps *maps, uint64_t pid)
{
    const int64_t at = pam_table_find(&maps->pids, &pid, sizeof pid);

    return at < 0 ? NULL : &maps->processes[at];
}

static struct pam_process_maps *process_for(struct pam_maps *maps, uint64_t pid)
{
    const size_t count = maps->pids.count;
    const int64_t at = pam_table_id(&maps->pids, &pid, sizeof pid);
    struct pam_process_maps *processes;

    if (at < 0)
        return NULL;
    processes = pam_with_room(maps->processes, &maps->room, (size_t)at, sizeof *processes);
    if (!processes)
        return NULL;
    maps->processes = processes;
    if ((size_t)at == count)
        maps->processes[at] = (struct pam_process_maps){.pid = pid};
    return &maps->processes[at];
}

/* Index of the first mapping that ends above the address. */
static size_t first_above(const struct pam_process_maps *process, uint64_t address)
{
    return pam_first_above(process->mappings, process->count, sizeof *process->mappings,
                           offsetof(struct pam_mapping, end), address);
}

const struct pam_mapping *pam_maps_find(const struct pam_process_maps *maps, uint64_t address)
{
    const size_t at = first_above(maps, address);

    return at < maps->count && maps->mappings[at].start <= address ? &maps->mappings[at] : NULL;
}

static bool equal(const struct pam_mapping *a, const struct pam_mapping *b)
{
    return a->start == b->start && a->end == b->end && a->file_offset == b->file_offset &&
           a->module == b->module;
}

/* What is mapped last is what is there: it replaces those that it overlaps. */
static bool insert(struct pam_process_maps *process, const struct pam_mapping *mapping)
{
    const size_t at = first_above(process, mapping->start);
    size_t behind = at;

    while (behind < process->count && process->mappings[behind].start < mapping->end)
        behind++;
    if (behind == at + 1 && equal(&process->mappings[at], mapping))
        return true;
    if (behind > at)
        process->generation++;
    if (process->count == process->room) {
        const size_t room = process->room ? 2 * process->room : 64;
        struct pam_mapping *grown;

        if (process->count >= MAX_MAPPINGS)
            return true;
        grown = realloc(process->mappings, room * sizeof *grown);
        if (!grown)
            return false;
        process->mappings = grown;
        process->room = room;
    }
    memmove(process->mappings + at + 1, process->mappings + behind,
            (process->count - behind) * sizeof *process->mappings);
    process->mappings[at] = *mapping;
    process->count = process->count + 1 - (behind - at);
    return true;
}

int pam_maps_add(struct pam_maps *maps, const struct pam_module *module, struct pam_error *error)
{
    const int64_t id = pam_maps_module_id(maps, module->path, module->build_id);
    const struct pam_mapping mapping = {module->start, module->start + module->size_bytes,
                                        module->file_offset, (uint32_t)id};
    struct pam_process_maps *process = id < 0 ? NULL : process_for(maps, module->pid);

    if (!process)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the files of processes");
    if (mapping.end <= mapping.start) /* empty, or around the end of memory */
        return 0;
    return insert(process, &mapping)
               ? 0 : pam_fail(error, PAM_MEMORY, "not enough memory for the files of processes");
}
