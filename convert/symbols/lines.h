/* lines.h - source positions from a code object's raw line table. */
#ifndef PAM_LINES_H
#define PAM_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include <pam/varint.h>

/* A range in the source; columns in bytes from 0, -1 when unknown. line 0: unknown. */
struct pam_position {
    int64_t line, end_line;
    int64_t column, end_column;
};

/* The positions of all code units: positions[i] is that of unit i. Units beyond `count` are left
 * out, units that the table does not tell get line 0. False when there is no decoder for that
 * version (PY_VERSION_HEX). The formats: CPython Objects/locations.md since 3.11, which alone tells
 * columns, Objects/lnotab_notes.txt of 3.10, and of 3.8 and 3.9. */
bool pam_lines_decode(uint32_t python_version, struct pam_bytes table, int64_t first_line,
                      struct pam_position *positions, size_t count);

#endif
