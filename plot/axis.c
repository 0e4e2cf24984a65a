/* axis.c - chooses ranges, the unit of time and round steps between ticks. */
#include "axis.h"

#include <math.h>

enum {
    MOST_STEPS = 12,    /* labels of ticks that fit side by side */
    MOST_LOW_STEPS = 4, /* that fit above each other in a low panel */
};

static const double HEADROOM = 0.08;   /* of the span: curves do not touch the frame */
static const double LEAST_PART = 0.02; /* of the peak: 2 MB of 100 MB fill the panel, not 20 kB */

/* Units of the time axis: taken from this many seconds on. */
static const struct {
    const char *unit;
    double seconds;
    double from_s;
} units[] = {
    {"h", 3600, 3 * 3600},
    {"min", 60, 15 * 60},
    {"s", 1, 0},
};

/* Round distances, in seconds. Beyond the last one whole multiples of it are taken. */
static const double steps_s[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05,  0.1,   0.2,   0.5,
                                 1,     2,     5,     10,   20,   30,    60,    120,   300,
                                 600,   900,   1800,  3600, 7200, 10800, 21600, 43200, 86400};

enum { STEPS = sizeof steps_s / sizeof *steps_s };

static double step_for(double span_s)
{
    const double longest = steps_s[STEPS - 1];

    for (unsigned i = 0; i < STEPS; i++)
        if (span_s / steps_s[i] <= MOST_STEPS)
            return steps_s[i];
    return longest * ceil(span_s / MOST_STEPS / longest);
}

/* From the start of the capture, unless more than half of the axis would be empty: the oldest
 * segments of a long capture are removed. */
static struct plot_range time_range(const struct plot_data *data)
{
    const double first = data->rows[0].elapsed_s;
    double last = data->rows[data->count - 1].elapsed_s;
    double low;

    for (size_t i = 0; i < data->marker_count; i++)
        last = fmax(last, data->markers[i].elapsed_s);
    low = first <= last - first ? fmin(first, 0) : first;
    if (last - low > 0)
        return (struct plot_range){low, last};
    return first > 0 && first <= 60 ? (struct plot_range){0, 2 * first}
                                    : (struct plot_range){first - 1, first + 1};
}

struct plot_time_axis plot_time_axis(const struct plot_data *data)
{
    const struct plot_range range = time_range(data);
    const double span_s = range.high - range.low;
    unsigned i = 0;

    while (span_s < units[i].from_s)
        i++;
    return (struct plot_time_axis){
        .range = {range.low / units[i].seconds, range.high / units[i].seconds},
        .unit = units[i].unit,
        .seconds = units[i].seconds,
        .step = step_for(span_s) / units[i].seconds,
    };
}

struct plot_range plot_value_range(const struct plot_panel *panel,
                                   const struct plot_statistics *statistics)
{
    const double least = fmax(panel->least_span, LEAST_PART * fabs(statistics->peak));
    const double missing = fmax(0, least - (statistics->peak - statistics->low));
    const double space = HEADROOM * (statistics->peak - statistics->low + missing);
    double low = statistics->low - missing / 2 - space;
    double high;

    if (panel->from_zero)
        low = fmin(0, statistics->low);
    else if (statistics->low >= 0)
        low = fmax(0, low); /* there is no memory below */
    high = fmax(statistics->peak + missing / 2, low + least);
    return (struct plot_range){low, high + HEADROOM * (high - low)};
}

double plot_value_step(const struct plot_range *range)
{
    const double least = (range->high - range->low) / MOST_LOW_STEPS;
    double step = pow(10, floor(log10(least)));

    while (step < least)
        step *= step * 2 < least ? 5 : 2;
    return step;
}
