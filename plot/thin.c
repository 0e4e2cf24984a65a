/* thin.c - puts rows together that lie in the same slice of time. */
#include "thin.h"

#include <math.h>

double plot_slice_s(const struct plot_data *data)
{
    const size_t count = data->count;

    if (count <= PLOT_MAX_DRAWN)
        return 0;
    return (data->rows[count - 1].elapsed_s - data->rows[0].elapsed_s) / PLOT_SLICES;
}

static size_t slice_of(const struct plot_data *data, size_t row, double slice_s)
{
    const double elapsed_s = data->rows[row].elapsed_s - data->rows[0].elapsed_s;
    const double at = slice_s > 0 ? elapsed_s / slice_s : 0;

    return at < PLOT_SLICES ? (size_t)at : PLOT_SLICES - 1;
}

/* Sums up rows from `first` to before `end`, of which there is at least one. */
static struct plot_slice sum_up(const struct plot_data *data, enum plot_column column, size_t first,
                                size_t end)
{
    struct plot_slice slice = {0, 0, NAN};
    size_t known = 0;

    for (size_t row = first; row < end; row++) {
        const double value = data->rows[row].value[column];

        if (isnan(value))
            continue;
        known++;
        slice.mean += value;
        slice.high = fmax(slice.high, value); /* fmax passes over NaN */
    }
    slice.mean = known ? slice.mean / (double)known : NAN;
    slice.elapsed_s = (data->rows[first].elapsed_s + data->rows[end - 1].elapsed_s) / 2;
    return slice;
}

size_t plot_slice_ends(const struct plot_data *data, size_t ends[PLOT_MAX_DRAWN])
{
    const bool thinned = data->count > PLOT_MAX_DRAWN;
    const double slice_s = plot_slice_s(data);
    size_t count = 0;
    size_t row = 0;

    while (row < data->count) {
        const size_t first = row++;

        while (thinned && row < data->count &&
               slice_of(data, row, slice_s) == slice_of(data, first, slice_s))
            row++;
        ends[count++] = row;
    }
    return count;
}

size_t plot_thin(const struct plot_data *data, enum plot_column column,
                 struct plot_slice slices[PLOT_MAX_DRAWN])
{
    static size_t ends[PLOT_MAX_DRAWN];
    const size_t count = plot_slice_ends(data, ends);

    for (size_t i = 0; i < count; i++)
        slices[i] = sum_up(data, column, i ? ends[i - 1] : 0, ends[i]);
    return count;
}
