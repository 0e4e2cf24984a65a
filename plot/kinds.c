/* kinds.c - the table of pictures; a new kind is a new row. */
#include "kinds.h"

#include <string.h>

static const struct plot_kind kinds[] = {
    {"cpu",
     "CPU above memory, as the old monitor drew them",
     {
         {PLOT_CPU, "CPU", "%", "CPU, % of one core", "#2E86AB", "#C3DDE8", true, 1},
         {PLOT_MEMORY, "Memory", "MB", "Memory (RSS), MB", "#A23B72", "#E6CBDA", false, 1},
     },
     2,
     false},
    {"threads",
     "CPU of each thread above its wait for a CPU",
     {
         {PLOT_CPU, "CPU of all threads", "%", "CPU, % of one core", "#333333", "#E4E4E4", true, 1},
         {PLOT_RUN_QUEUE, "Ready, but waiting for a CPU", "%", "Run-queue wait, % of the time",
          "#333333", "#E4E4E4", true, 1},
     },
     2,
     true},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

const struct plot_kind *plot_kind_at(size_t index)
{
    return index < KINDS ? &kinds[index] : NULL;
}

const struct plot_kind *plot_kind_find(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

unsigned plot_kind_columns(const struct plot_kind *kind)
{
    unsigned columns = kind->by_thread ? PLOT_BY_THREAD : 0;

    for (size_t i = 0; i < kind->panel_count; i++)
        columns |= 1u << kind->panels[i].column;
    return columns;
}
