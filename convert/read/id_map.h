/* id_map.h - from the ids of a capture's epoch to the numbers of the model. */
#ifndef PAM_READ_ID_MAP_H
#define PAM_READ_ID_MAP_H

#include <stddef.h>
#include <stdint.h>

enum { PAM_MAX_ID = 1 << 24 }; /* ids of one epoch; the collector's tables are smaller */

/* A zeroed map is empty. */
struct pam_id_map {
    uint32_t *to;
    size_t room;
};

void pam_id_map_done(struct pam_id_map *map);

/* UINT32_MAX (PAM_UNKNOWN) when nothing is known of the id. */
uint32_t pam_id_map_get(const struct pam_id_map *map, uint64_t id);

/* -1 when memory is short or the value is negative. Ids over the bound are ignored: what refers to them
 * stays unknown. */
int pam_id_map_set(struct pam_id_map *map, uint64_t id, int64_t value);

void pam_id_map_forget(struct pam_id_map *map);

#endif
