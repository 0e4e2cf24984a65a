/* place.c - where in its source a frame stands. */
#include "symbols/place.h"

#include <stdlib.h>

static const struct pam_position nowhere = {0, 0, -1, -1};

struct pam_position pam_place(const struct pam_code_model *code, uint64_t unit_plus1)
{
    struct pam_position place = nowhere, *positions;

    if (!unit_plus1 || unit_plus1 > PAM_MAX_TABLE)
        return nowhere;
    positions = calloc(unit_plus1, sizeof *positions);
    if (positions && pam_lines_decode(code->python_version, code->line_table, code->first_line, positions,
                                      unit_plus1))
        place = positions[unit_plus1 - 1];
    free(positions);
    return place.line > 0 ? place : nowhere;
}

bool pam_place_has_end(const struct pam_position *place)
{
    if (place->column < 0 || place->end_column < 0)
        return false;
    return place->end_line > place->line ||
           (place->end_line == place->line && place->end_column > place->column);
}
