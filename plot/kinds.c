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
     false,
     false},
    {"threads",
     "CPU of each thread above its wait for a CPU",
     {
         {PLOT_CPU, "CPU of all threads", "%", "CPU, % of one core", "#333333", "#E4E4E4", true, 1},
         {PLOT_RUN_QUEUE, "Ready, but waiting for a CPU", "%", "Run-queue wait, % of the time",
          "#333333", "#E4E4E4", true, 1},
     },
     2,
     true,
     false},
    {"counters", "the events that pamcollect --event counted, in the whole process", {{0}}, 0, false, true},
};

/* Of counters: line, and the highest values of a long series. */
static const char *const colours[PLOT_MAX_COUNTERS][2] = {
    {"#2E86AB", "#C3DDE8"}, {"#A23B72", "#E6CBDA"}, {"#3B8E5A", "#CBE3D3"},
    {"#B5651D", "#ECD6C0"}, {"#5B4B9A", "#D5D0E8"}, {"#8A7A1F", "#E4DFC0"},
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

static struct plot_panel counter_panel(const struct plot_counter *counter, size_t number)
{
    const bool is_time = !strcmp(counter->unit, "ns");

    return (struct plot_panel){
        .column = PLOT_COUNTER + (unsigned)number,
        .legend = counter->name,
        .unit = is_time ? "%" : counter->is_ratio ? "" : "/s",
        .axis = counter->scaled ? "scaled" : is_time ? "% of one core" : counter->is_ratio ? "ratio" : "per second",
        .colour = colours[number][0],
        .faint_colour = colours[number][1],
        .from_zero = true,
        .least_span = counter->is_ratio ? 0.1 : 1,
    };
}

size_t plot_kind_panels(const struct plot_kind *kind, const struct plot_data *data,
                        struct plot_panel panels[PLOT_MAX_PANELS])
{
    memcpy(panels, kind->panels, sizeof kind->panels);
    if (!kind->by_counter)
        return kind->panel_count;
    for (size_t i = 0; i < data->counter_count; i++)
        panels[i] = counter_panel(&data->counters[i], i);
    return data->counter_count;
}

unsigned plot_kind_columns(const struct plot_kind *kind)
{
    unsigned columns = (kind->by_thread ? PLOT_BY_THREAD : 0) | (kind->by_counter ? PLOT_BY_COUNTER : 0);

    for (size_t i = 0; i < kind->panel_count; i++)
        columns |= 1u << kind->panels[i].column;
    return columns;
}
