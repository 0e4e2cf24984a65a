/* id_map.c - from the ids of a capture's epoch to the numbers of the model. */
#include "id_map.h"

#include <stdlib.h>
#include <string.h>

void pam_id_map_done(struct pam_id_map *map)
{
    free(map->to);
    *map = (struct pam_id_map){NULL, 0};
}

uint32_t pam_id_map_get(const struct pam_id_map *map, uint64_t id)
{
    return id < map->room ? map->to[id] : UINT32_MAX;
}

int pam_id_map_set(struct pam_id_map *map, uint64_t id, int64_t value)
{
    if (value < 0)
        return -1;
    if (id >= PAM_MAX_ID)
        return 0;
    if (id >= map->room) {
        size_t room = map->room ? map->room : 256;
        uint32_t *grown;

        while (room <= id)
            room *= 2;
        grown = realloc(map->to, room * sizeof *grown);
        if (!grown)
            return -1;
        memset(grown + map->room, 0xff, (room - map->room) * sizeof *grown);
        map->to = grown;
        map->room = room;
    }
    map->to[id] = (uint32_t)value;
    return 0;
}

void pam_id_map_forget(struct pam_id_map *map)
{
    if (map->room)
        memset(map->to, 0xff, map->room * sizeof *map->to);
}
