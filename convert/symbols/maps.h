/* maps.h - which file is mapped where in each process of a capture, from its `module` records. */
#ifndef PAM_MAPS_H
#define PAM_MAPS_H

#include <pam/error.h>
#include <pam/record.h>

#include "intern.h"

struct pam_mapping {
    uint64_t start, end; /* addresses of executable memory */
    uint64_t file_offset; /* of `start` */
    uint32_t module;
};

/* What a process has mapped, in the order of addresses. */
struct pam_process_maps {
    uint64_t pid;
    uint32_t generation; /* changes when something that was there is replaced */
    struct pam_mapping *mappings;
    size_t count, room;
};

/* A file: path and build-id. Numbered from 0. */
struct pam_module_name {
    struct pam_bytes path;
    struct pam_bytes build_id; /* may be empty */
};

/* A zeroed one is empty. */
struct pam_maps {
    struct pam_table modules;
    struct pam_table pids;
    struct pam_process_maps *processes; /* as many as pids */
    size_t room;
};

void pam_maps_done(struct pam_maps *maps);

/* Another capture begins: its processes are others. */
void pam_maps_clear(struct pam_maps *maps);

/* 0 or PAM_MEMORY. */
int pam_maps_add(struct pam_maps *maps, const struct pam_module *module, struct pam_error *error);

/* Of a process, NULL when nothing is known of it; until the next pam_maps_add(). */
const struct pam_process_maps *pam_maps_of(const struct pam_maps *maps, uint64_t pid);
const struct pam_mapping *pam_maps_find(const struct pam_process_maps *maps, uint64_t address);

struct pam_module_name pam_maps_module(const struct pam_maps *maps, uint32_t module);

/* The number of a file, new or known. Negative when memory is short. */
int64_t pam_maps_module_id(struct pam_maps *maps, struct pam_bytes path, struct pam_bytes build_id);

#endif
