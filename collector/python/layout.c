/* layout.c - the table of CPython layouts. */
#include "python/layout.h"

#include <stddef.h>
#include <stdio.h>

static const struct pam_layout layouts[] = {
#define ROW(...) {__VA_ARGS__},
#include "python/layout.def"
#undef ROW
};

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

const struct pam_layout *pam_layout_for(uint32_t version_hex)
{
    for (size_t i = 0; i < LAYOUTS; i++)
        if (layouts[i].version == version_hex >> 16)
            return &layouts[i];
    return NULL;
}

const char *pam_layout_versions(void)
{
    static char text[LAYOUTS * 8 + 1];
    size_t at = 0;

    for (size_t i = 0; i < LAYOUTS && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u.%u", i ? ", " : "",
                               layouts[i].version >> 8, layouts[i].version & 0xff);
    return text;
}
