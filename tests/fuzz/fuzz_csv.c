/* fuzz_csv.c - any bytes as a CSV file of the monitor. */
#include <math.h>

#include "csv_input.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned columns = 1u << PLOT_CPU | 1u << PLOT_MEMORY;
    struct plot_data plot;
    struct pam_error error;

    plot_data_init(&plot);
    if (plot_csv_read(&plot, fuzz_file(data, size), "pam_idle_20260211_143022_cpu.csv", columns,
                      &error) == 0) {
        demand(plot.count > 0 && plot.title && plot.subtitle);
        for (size_t i = 0; i < plot.count; i++) {
            demand(fabs(plot.rows[i].elapsed_s) <= PLOT_MAX_ELAPSED_S);
            demand(i == 0 || plot.rows[i].elapsed_s >= plot.rows[i - 1].elapsed_s);
            for (size_t k = 0; k < PLOT_COLUMNS; k++)
                demand(!(fabs(plot.rows[i].value[k]) > PLOT_MAX_VALUE));
        }
    }
    plot_data_done(&plot);
    return 0;
}
