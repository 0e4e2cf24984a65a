/* terminals.c - the table of picture formats; every row is 14 x 10 inches with the same fonts. */
#include "terminals.h"

#include <string.h>

/* `noenhanced` is for safety, not for looks: without it the terminal would take ^ _ { } @ & ~ and
 * backslashes in titles as commands. fontscale makes a point of the script 1/72 inch: 150 dpi
 * in the PNG, CSS pixels (1/96 inch) in the SVG. */
static const struct plot_terminal terminals[] = {
    {"png", "pngcairo noenhanced size 2100,1500 background '#ffffff' font 'Sans,11'"
            " fontscale 2.08 linewidth 2"},
    {"svg", "svg noenhanced size 1344,960 fixed background '#ffffff' font 'sans-serif,11'"
            " fontscale 1.33 linewidth 1.3"},
    {"pdf", "pdfcairo noenhanced size 14in,10in background '#ffffff' font 'Sans,11'"
            " fontscale 1 linewidth 1"},
};

enum { TERMINALS = sizeof terminals / sizeof *terminals };

const struct plot_terminal *plot_terminal_at(size_t index)
{
    return index < TERMINALS ? &terminals[index] : NULL;
}

const struct plot_terminal *plot_terminal_find(const char *name)
{
    for (size_t i = 0; i < TERMINALS; i++)
        if (!strcmp(terminals[i].name, name))
            return &terminals[i];
    return NULL;
}

const char *plot_suffix(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');

    return dot && dot != base ? dot + 1 : NULL;
}
