/* stack.c - threads drawn on top of each other: their numbers, areas and names. */
#include "stack.h"

#include <string.h>

#include "text.h"
#include "thin.h"

enum {
    NAMES_IN_A_ROW = 3,
    NAME_CHARACTERS = 28, /* what fits beside its neighbour */
    ID_CHARACTERS = 10,   /* of these for a thread id in parentheses */
};

static const char INK[] = "#333333";
static const double SWATCH = 0.013; /* in parts of the picture's width */
static const double NUMBER_AT = 0.064;
static const double NAME_AT = 0.069;

/* Neighbours in the stack differ in hue and in brightness; the last is for the others. */
static const char *const colours[PLOT_AREAS] = {"#2E86AB", "#A23B72", "#F0A202",
                                                "#3B8F5A", "#D95D39", "#6B5CA5",
                                                "#57C4C0", "#8A6240", "#BBBBBB"};

struct plot_stack plot_stack_of(const struct plot_data *data)
{
    struct plot_stack stack = {.data = data};

    stack.count = plot_threads_busiest(&data->threads, stack.threads, PLOT_STACKED);
    stack.others = data->threads.count - stack.count;
    return stack;
}

/* The area of a thread: its rank, or the last. */
static size_t area_of(const struct plot_stack *stack, size_t thread)
{
    for (size_t i = 0; i < stack->count; i++)
        if (stack->threads[i] == thread)
            return i;
    return PLOT_STACKED;
}

static double value_of(const struct plot_use *use, enum plot_column column)
{
    return (double)(column == PLOT_CPU ? use->cpu_percent : use->run_queue_percent);
}

/* Adds the means of a thread in each slice to its area's. Where it was not it used nothing. */
static void add_thread(double *heights, const struct plot_thread *thread, enum plot_column column,
                       const size_t *ends)
{
    size_t slice = 0;

    for (size_t i = 0; i < thread->count; i++) {
        size_t rows;

        while (thread->uses[i].row >= ends[slice])
            slice++;
        rows = ends[slice] - (slice ? ends[slice - 1] : 0);
        heights[slice] += value_of(&thread->uses[i], column) / (double)rows;
    }
}

void plot_stack_write_numbers(FILE *out, const struct plot_stack *stack, size_t number,
                              enum plot_column column, double seconds)
{
    static double heights[PLOT_AREAS][PLOT_MAX_DRAWN];
    static size_t ends[PLOT_MAX_DRAWN];
    const struct plot_data *data = stack->data;
    const size_t count = plot_slice_ends(data, ends);

    memset(heights, 0, sizeof heights);
    for (size_t i = 0; i < data->threads.count; i++)
        add_thread(heights[area_of(stack, i)], &data->threads.all[i], column, ends);
    fprintf(out, "$stack%zu << END\n", number);
    for (size_t slice = 0; slice < count; slice++) {
        const double first_s = data->rows[slice ? ends[slice - 1] : 0].elapsed_s;
        const double last_s = data->rows[ends[slice] - 1].elapsed_s;
        double edge = 0;

        fprintf(out, "%.10g 0", (first_s + last_s) / 2 / seconds);
        for (size_t area = 0; area < PLOT_AREAS; area++) {
            edge += heights[area][slice];
            fprintf(out, " %.8g", edge);
        }
        fputc('\n', out);
    }
    fputs("END\n", out);
}

static bool is_shown(const struct plot_stack *stack, size_t area)
{
    return area < stack->count || (area == PLOT_STACKED && stack->others);
}

void plot_stack_write_areas(FILE *out, const struct plot_stack *stack, size_t number)
{
    for (size_t area = 0; area < PLOT_AREAS; area++)
        if (is_shown(stack, area))
            fprintf(out,
                    "$stack%zu using 1:%zu:%zu with filledcurves fillstyle solid 0.8 "
                    "linecolor '%s', ",
                    number, area + 2, area + 3, colours[area]);
}

static const char *name_of(const struct plot_thread *thread)
{
    return thread->name ? thread->name : "";
}

static double mean_cpu(const struct plot_stack *stack, size_t area)
{
    double sum = 0;

    for (size_t i = 0; i < stack->data->threads.count; i++)
        if (area_of(stack, i) == area)
            sum += stack->data->threads.all[i].cpu_sum;
    return sum / (double)stack->data->count;
}

/* Then the name alone does not tell which is meant. */
static bool shares_its_name(const struct plot_stack *stack, size_t area)
{
    const struct plot_thread *all = stack->data->threads.all;

    for (size_t i = 0; i < stack->count; i++)
        if (i != area &&
            !strcmp(name_of(&all[stack->threads[i]]), name_of(&all[stack->threads[area]])))
            return true;
    return false;
}

static void write_name(FILE *out, const struct plot_stack *stack, size_t area)
{
    const struct plot_thread *thread;

    if (area == PLOT_STACKED) {
        fprintf(out, "'%zu others'", stack->others);
        return;
    }
    thread = &stack->data->threads.all[stack->threads[area]];
    if (*name_of(thread) && !shares_its_name(stack, area)) {
        plot_text_quote(out, name_of(thread), NAME_CHARACTERS);
        return;
    }
    plot_text_quote(out, name_of(thread), NAME_CHARACTERS - ID_CHARACTERS);
    fprintf(out, ".' (%llu)'", (unsigned long long)thread->tid);
}

void plot_stack_write_names(FILE *out, const struct plot_stack *stack, const struct plot_grid *grid)
{
    const double width = (grid->right - grid->left) / NAMES_IN_A_ROW;
    size_t place = 0;

    for (size_t area = 0; area < PLOT_AREAS; area++) {
        const double mean = mean_cpu(stack, area);
        const size_t row = place / NAMES_IN_A_ROW;
        const double x = grid->left + width * (double)(place % NAMES_IN_A_ROW);
        const double y = grid->top - grid->row_height * (double)row;

        if (!is_shown(stack, area))
            continue;
        place++;
        fprintf(out,
                "set arrow from screen %g,%g to screen %g,%g nohead linecolor '%s' linewidth 8\n",
                x, y, x + SWATCH, y, colours[area]);
        fprintf(out, "set label '%.*f %%' at screen %g,%g right font ',9.5' textcolor '%s'\n",
                mean < 1 ? 2 : 1, mean, x + NUMBER_AT, y, INK);
        fputs("set label ", out);
        write_name(out, stack, area);
        fprintf(out, " at screen %g,%g noenhanced font ',9.5' textcolor '%s'\n", x + NAME_AT, y,
                INK);
    }
}
