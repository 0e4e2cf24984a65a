/* formats.c - the table of output formats. */
#include "formats/format.h"

#include <string.h>

extern const struct pam_format pam_format_speedscope, pam_format_collapsed, pam_format_csv,
    pam_format_csv_threads, pam_format_csv_processes, pam_format_csv_system, pam_format_csv_counters,
    pam_format_tasks, pam_format_dump;

const struct pam_format *const pam_formats[] = {
    &pam_format_speedscope,
    &pam_format_collapsed,
    &pam_format_csv,
    &pam_format_csv_threads,
    &pam_format_csv_processes,
    &pam_format_csv_system,
    &pam_format_csv_counters,
    &pam_format_tasks,
    &pam_format_dump,
    NULL,
};

const struct pam_format *pam_format_by_name(const char *name)
{
    for (size_t i = 0; pam_formats[i]; i++)
        if (!strcmp(pam_formats[i]->name, name))
            return pam_formats[i];
    return NULL;
}

const struct pam_format *pam_format_by_path(const char *path)
{
    const struct pam_format *best = NULL;
    const size_t size = strlen(path);

    for (size_t i = 0; pam_formats[i]; i++) {
        const size_t suffix = strlen(pam_formats[i]->suffix);

        if (suffix < size && !strcmp(path + size - suffix, pam_formats[i]->suffix) &&
            (!best || suffix > strlen(best->suffix)))
            best = pam_formats[i];
    }
    return best;
}
