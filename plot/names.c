/* names.c - takes the names of captures and CSV files apart and makes those of pictures. */
#include "names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char PREFIX[] = "pam_";

/* What is behind the stem, the longest first. */
static const char *const tails[] = {"_threads.csv", ".pamcap", "_cpu.csv", ".csv"};

enum { TAILS = sizeof tails / sizeof *tails };

const char *plot_stem(const char *input, size_t *size)
{
    const char *slash = strrchr(input, '/');
    const char *base = slash ? slash + 1 : input;

    *size = strlen(base);
    for (size_t i = 0; i < TAILS; i++) {
        const size_t tail = strlen(tails[i]);

        if (*size > tail && !strcmp(base + *size - tail, tails[i])) {
            *size -= tail;
            break;
        }
    }
    return base;
}

int plot_output_name(char **ret, const char *input, const char *directory, const char *kind,
                     const char *suffix, struct pam_error *error)
{
    size_t size;
    const char *stem = plot_stem(input, &size);
    const size_t path = directory ? strlen(directory) : (size_t)(stem - input);
    const char *slash = directory && path && directory[path - 1] != '/' ? "/" : "";

    if (size > INT16_MAX || path > INT16_MAX)
        return pam_fail(error, PAM_FAILED, "the name of the input is too long");
    if (asprintf(ret, "%.*s%s%.*s_%s.%s", (int)path, directory ? directory : input, slash,
                 (int)size, stem, kind, suffix) < 0)
        return pam_fail(error, PAM_MEMORY, "no memory for a file name");
    return 0;
}

static bool is_stamp(const char *text)
{
    for (size_t i = 0; i < PLOT_STAMP_CHARACTERS; i++)
        if (i == 8 ? text[i] != '_' : text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

bool plot_stem_parts(const char *stem, size_t size, const char **scenario, size_t *scenario_size,
                     const char **stamp)
{
    const size_t prefix = strlen(PREFIX);

    if (size < prefix + 1 + 1 + PLOT_STAMP_CHARACTERS || strncmp(stem, PREFIX, prefix) != 0)
        return false;
    *stamp = stem + size - PLOT_STAMP_CHARACTERS;
    *scenario = stem + prefix;
    *scenario_size = (size_t)(*stamp - 1 - *scenario);
    return (*stamp)[-1] == '_' && is_stamp(*stamp);
}
