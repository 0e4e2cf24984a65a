/* layout.c - the table of CPython layouts. */
#include "python/layout.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

enum { PAM_GIL_MUTEXES_BYTES = 2 * sizeof(pthread_mutex_t) }; /* with glibc 80 on x86-64, 96 on arm64 */

static const struct pam_layout layouts[] = {
#define ROW(...) {__VA_ARGS__},
#include "python/layout.def"
#undef ROW
};

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

const struct pam_layout *pam_layout_at(size_t i)
{
    return i < LAYOUTS ? &layouts[i] : NULL;
}

const struct pam_layout *pam_layout_for(uint32_t version_hex, bool free_threaded)
{
    for (size_t i = 0; i < LAYOUTS; i++)
        if (layouts[i].version == version_hex >> 16 && layouts[i].free_threaded == free_threaded)
            return &layouts[i];
    return NULL;
}

const char *pam_layout_versions(void)
{
    static char text[LAYOUTS * 8 + 1];
    size_t at = 0;

    for (size_t i = 0; i < LAYOUTS && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u.%u%s", i ? ", " : "",
                               layouts[i].version >> 8, layouts[i].version & 0xff,
                               layouts[i].free_threaded ? "t" : "");
    return text;
}
