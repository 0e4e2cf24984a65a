/* script.c - writes the numbers, the frame that all panels share, and the panels. */
#include "script.h"

#include <math.h>
#include <string.h>

#include "axis.h"
#include "stack.h"
#include "text.h"
#include "thin.h"

enum {
    TITLE_CHARACTERS = 90, /* what fits on a line in its font */
    SUBTITLE_CHARACTERS = 118,
    MARKER_CHARACTERS = 28, /* half the height of a panel */
    LEGEND_CHARACTERS = 85, /* up to the next in its line */
    FEW_PANELS = 2,         /* of more each is low */
};

/* Where things stand, in parts of the picture's width and height. */
static const double LEFT = 0.09;
static const double RIGHT = 0.975;
static const double TOP = 0.865;
static const double TOP_BELOW_NAMES = 0.775;
static const double NAMES_AT = 0.88;
static const double NAMES_APART = 0.024;
static const double BOTTOM = 0.085;
static const double BETWEEN = 0.07;      /* panels: room for the lower one's legend */
static const double BETWEEN_MANY = 0.042;
static const double LEGEND_ABOVE = 0.02; /* its panel */
static const double LEGEND_ABOVE_MANY = 0.013;
static const double BAND_AT = 0.725;
static const double MEAN_AT = 0.895;
static const double SAMPLE = 0.03; /* of a line, with the space behind it */
static const double AXIS_NAME_AT = 0.015;
static const double TITLE_AT = 0.962;
static const double SUBTITLE_AT = 0.922;
static const double LABEL_DISTANCE = 0.014; /* of the width, between labels of markers */

static const char GRID[] = "#D8D8D8";
static const char INK[] = "#333333";
static const char FAINT_INK[] = "#666666";
static const char MARKER[] = "#C1440E";
static const char MEAN_DASHES[] = "dashtype (12,8) linewidth 1";
static const double MOST_SHORT = 1e5; /* %g would write larger numbers with an exponent */
static const double MOST_WIDE = 1e6;  /* larger numbers reach the name of the axis */

/* A short line in front of a text of the legend. */
static void write_sample(FILE *out, double x, double y, const char *colour, const char *style)
{
    fprintf(out, "set arrow from screen %g,%g to screen %g,%g nohead linecolor '%s' %s\n", x, y,
            x + SAMPLE * 0.75, y, colour, style);
}

/* A value between two gaps makes neither a line nor an area; it gets a dot. */
static bool is_alone(const struct plot_slice slices[], size_t count, size_t i)
{
    return !isnan(slices[i].mean) && (i == 0 || isnan(slices[i - 1].mean)) &&
           (i + 1 == count || isnan(slices[i + 1].mean));
}

/* $curveN: time, mean and highest value a line, an empty line for a gap; $aloneN: time and
 * value of the dots. gnuplot refuses empty data, so both end with a line that draws nothing. */
static void write_numbers(FILE *out, const struct plot_data *data, const struct plot_panel *panel,
                          size_t number, double seconds)
{
    static struct plot_slice slices[PLOT_MAX_DRAWN];
    const size_t count = plot_thin(data, panel->column, slices);
    bool gap = true;

    fprintf(out, "$curve%zu << END\n", number);
    for (size_t i = 0; i < count; i++) {
        const struct plot_slice *slice = &slices[i];
        const bool known = !isnan(slice->mean);

        if (known)
            fprintf(out, "%.10g %.8g %.8g\n", slice->elapsed_s / seconds, slice->mean, slice->high);
        else if (!gap)
            fputs("\n", out);
        gap = !known;
    }
    fprintf(out, "NaN NaN NaN\nEND\n$alone%zu << END\n", number);
    for (size_t i = 0; i < count; i++)
        if (is_alone(slices, count, i))
            fprintf(out, "%.10g %.8g\n", slices[i].elapsed_s / seconds, slices[i].mean);
    fputs("NaN NaN\nEND\n", out);
}

static void write_frame(FILE *out, const struct plot_picture *picture,
                        const struct plot_time_axis *time)
{
    const struct plot_data *data = picture->data;

    fprintf(out, "set xrange [%.10g:%.10g]\nset xtics %.10g\n", time->range.low, time->range.high,
            time->step);
    fprintf(out,
            "set lmargin at screen %g\nset rmargin at screen %g\n"
            "set style fill transparent solid 0.25 noborder\n"
            "set grid xtics ytics back linetype 1 linecolor '%s' linewidth 0.5\n"
            "set border 3 linecolor '%s' linewidth 0.7\nset tics nomirror out scale 0.6 "
            "textcolor '%s'\nset mxtics 2\n"
            "unset key\n",
            LEFT, RIGHT, GRID, FAINT_INK, INK);
    fputs("set label 1 ", out);
    plot_text_quote(out, picture->title ? picture->title : data->title, TITLE_CHARACTERS);
    fprintf(out, " at screen 0.5,%g center noenhanced font ',16' textcolor '%s'\nset label 2 ",
            TITLE_AT, INK);
    plot_text_quote(out, data->subtitle ? data->subtitle : "", SUBTITLE_CHARACTERS);
    fprintf(out, " at screen 0.5,%g center noenhanced font ',10.5' textcolor '%s'\n", SUBTITLE_AT,
            FAINT_INK);
}

/* Lines through every panel, names in the first; a name that would lie on the one before is left
 * out, its line is not. */
static void write_markers(FILE *out, const struct plot_picture *picture,
                          const struct plot_time_axis *time, bool first_panel)
{
    const struct plot_data *data = picture->data;
    const double apart = LABEL_DISTANCE / (RIGHT - LEFT) * (time->range.high - time->range.low);
    double labelled = -INFINITY;

    for (size_t i = 0; i < data->marker_count; i++) {
        const double at = data->markers[i].elapsed_s / time->seconds;

        if (at < time->range.low || at > time->range.high)
            continue;
        fprintf(out,
                "set arrow from %.10g, graph 0 to %.10g, graph 1 nohead front "
                "dashtype (5,5) linewidth 0.8 linecolor '%s'\n",
                at, at, MARKER);
        if (!first_panel || at - labelled < apart)
            continue;
        labelled = at;
        fputs("set label ", out);
        plot_text_quote(out, data->markers[i].name, MARKER_CHARACTERS);
        fprintf(out,
                " at %.10g, graph 0.98 right rotate by 90 offset character %g,0 front "
                "noenhanced font ',9.5' textcolor '%s'\n",
                at, at + apart < time->range.high ? 0.9 : -0.8, MARKER);
    }
}

/* What it is may be a name of any length; its numbers are always shown. */
static void write_legend_text(FILE *out, const char *legend, const char *numbers)
{
    char text[1024];
    const size_t room = LEGEND_CHARACTERS - strlen(numbers) - strlen(" ()");

    (void)snprintf(text, sizeof text, "%.*s (%s)", (int)room, legend, numbers);
    plot_text_quote(out, text, LEGEND_CHARACTERS);
}

/* gnuplot's own key finds no good place in a multiplot: samples and texts at fixed places. */
static void write_legend(FILE *out, const struct plot_panel *panel,
                         const struct plot_statistics *statistics, double slice_s, double text_at)
{
    const int decimals = statistics->mean < 1 ? 2 : 1;
    const char *space = *panel->unit ? " " : "";
    char text[512] = "unknown";

    write_sample(out, LEFT, text_at, panel->colour, "linewidth 2");
    if (statistics->known)
        (void)snprintf(text, sizeof text, "mean %.*f%s%s, peak %.*f%s%s", decimals, statistics->mean,
                       space, panel->unit, decimals, statistics->peak, space, panel->unit);
    fputs("set label ", out);
    write_legend_text(out, panel->legend, text);
    fprintf(out, " at screen %g,%g noenhanced font ',11' textcolor '%s'\n", LEFT + SAMPLE, text_at, INK);
    if (slice_s > 0) {
        write_sample(out, BAND_AT, text_at, panel->faint_colour, "linewidth 6");
        fprintf(out, "set label 'highest in %.3g %s' at screen %g,%g font ',11' textcolor '%s'\n",
                slice_s < 100 ? slice_s : slice_s / 60, slice_s < 100 ? "s" : "min",
                BAND_AT + SAMPLE, text_at, INK);
    }
    write_sample(out, MEAN_AT, text_at, INK, MEAN_DASHES);
    fprintf(out, "set label 'mean' at screen %g,%g font ',11' textcolor '%s'\n", MEAN_AT + SAMPLE,
            text_at, INK);
}

static void write_curves(FILE *out, const struct plot_panel *panel, const struct plot_stack *stack,
                         size_t number, bool thinned, const struct plot_statistics *statistics,
                         double base)
{
    fprintf(out, "set style line 1 linecolor '%s' linewidth 1.2\n", panel->colour);
    if (!statistics->known) {
        fputs("plot NaN notitle\n", out);
        return;
    }
    fputs("plot ", out);
    if (thinned)
        fprintf(out,
                "$curve%zu using 1:3 with filledcurves y=%.10g fillstyle solid 1 linecolor '%s', "
                "$curve%zu using 1:3 with lines linewidth 0.8 linecolor '%s', ",
                number, base, panel->faint_colour, number, panel->faint_colour);
    if (stack)
        plot_stack_write_areas(out, stack, number);
    else
        fprintf(out, "$curve%zu using 1:2 with filledcurves y=%.10g linestyle 1, ", number, base);
    fprintf(out,
            "$curve%zu using 1:2 with lines linestyle 1, "
            "%.10g with lines %s linecolor '%s', "
            "$alone%zu using 1:2 with points linestyle 1 pointtype 7 pointsize 1.5\n",
            number, statistics->mean, MEAN_DASHES, INK, number);
}

/* `stack` is NULL when the picture has no threads. */
static void write_panel(FILE *out, const struct plot_picture *picture, const struct plot_panel *panel,
                        size_t panels, const struct plot_stack *stack,
                        const struct plot_time_axis *time, size_t number)
{
    const struct plot_statistics statistics = plot_data_statistics(picture->data, panel->column);
    const struct plot_range range = plot_value_range(panel, &statistics);
    const double first_top = stack ? TOP_BELOW_NAMES : TOP;
    const bool many = panels > FEW_PANELS;
    const double between = many ? BETWEEN_MANY : BETWEEN;
    const double height = (first_top - BOTTOM - between * (double)(panels - 1)) / (double)panels;
    const double top = first_top - (double)number * (height + between);
    const double slice_s = plot_slice_s(picture->data);
    const bool last = number + 1 == panels;

    fprintf(out, "set tmargin at screen %.6g\nset bmargin at screen %.6g\n", top, top - height);
    fprintf(out, "set yrange [%.10g:%.10g]\nset format y '%s'\nset format x '%s'\n", range.low,
            range.high, range.high < MOST_SHORT ? "%g" : "%.0f", last ? "%g" : "");
    fprintf(out, "set ytics font ',%d'\n", range.high < MOST_WIDE && !many ? 11 : 8);
    if (many)
        fprintf(out, "set ytics %.10g\n", plot_value_step(&range));
    fprintf(out, "set label '%s' at screen %g,%g center rotate by 90 font ',%d' textcolor '%s'\n",
            panel->axis, AXIS_NAME_AT, top - height / 2, many ? 8 : 12, INK);
    if (last)
        fprintf(out, "set xlabel 'Elapsed time, %s' textcolor '%s' font ',12'\n", time->unit, INK);
    write_legend(out, panel, &statistics, slice_s, top + (many ? LEGEND_ABOVE_MANY : LEGEND_ABOVE));
    write_markers(out, picture, time, number == 0);
    write_curves(out, panel, stack, number, slice_s > 0, &statistics, range.low);
    fputs("unset label\nunset arrow\n", out);
}

void plot_script_write(FILE *out, const void *context)
{
    const struct plot_picture *picture = context;
    const struct plot_time_axis time = plot_time_axis(picture->data);
    const struct plot_stack all = plot_stack_of(picture->data);
    const struct plot_stack *stack = picture->kind->by_thread ? &all : NULL;
    const struct plot_grid names = {LEFT, RIGHT, NAMES_AT, NAMES_APART};
    struct plot_panel panels[PLOT_MAX_PANELS];
    const size_t count = plot_kind_panels(picture->kind, picture->data, panels);

    fprintf(out, "set encoding utf8\nset terminal %s\n", picture->terminal->set);
    for (size_t i = 0; i < count; i++)
        write_numbers(out, picture->data, &panels[i], i, time.seconds);
    for (size_t i = 0; i < count && stack; i++)
        plot_stack_write_numbers(out, stack, i, panels[i].column, time.seconds);
    fputs("set multiplot\n", out);
    write_frame(out, picture, &time);
    if (stack)
        plot_stack_write_names(out, stack, &names);
    for (size_t i = 0; i < count; i++)
        write_panel(out, picture, &panels[i], count, stack, &time, i);
    fputs("unset multiplot\nunset output\n", out);
}
