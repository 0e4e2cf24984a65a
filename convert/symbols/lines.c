/* lines.c - source positions from a code object's raw line table. */
#include "symbols/lines.h"

/* Numbers of this table: 6 bits a byte, the lowest first, 0x40 marks that more follow. */
static uint64_t take_varint(struct pam_cursor *cursor)
{
    uint64_t value = 0;

    for (unsigned shift = 0; pam_left(cursor) && shift < 60; shift += 6) {
        const unsigned char byte = *cursor->at++;

        value |= (uint64_t)(byte & 0x3f) << shift;
        if (!(byte & 0x40))
            return value;
    }
    cursor->failed = true;
    return 0;
}

static int64_t take_signed(struct pam_cursor *cursor)
{
    const uint64_t value = take_varint(cursor);

    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static unsigned take_byte(struct pam_cursor *cursor)
{
    if (pam_left(cursor))
        return *cursor->at++;
    cursor->failed = true;
    return 0;
}

/* enum _PyCodeLocationInfoKind, Include/cpython/code.h */
enum {
    LAST_SHORT = 9,
    FIRST_ONE_LINE = 10,
    LAST_ONE_LINE = 12,
    NO_COLUMNS = 13,
    LONG = 14,
    NONE = 15,
};

/* Without overflow, whatever a table says. */
static int64_t add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Decodes one entry; *line is carried from entry to entry. */
static struct pam_position take_entry(struct pam_cursor *cursor, unsigned kind, int64_t *line)
{
    struct pam_position position = {0, 0, -1, -1};

    if (kind == NONE)
        return position;
    if (kind <= LAST_SHORT) {
        const unsigned byte = take_byte(cursor);

        position.column = (int64_t)(kind << 3 | byte >> 4);
        position.end_column = position.column + (int64_t)(byte & 15);
    } else if (kind <= LAST_ONE_LINE) {
        *line = add(*line, kind - FIRST_ONE_LINE);
        position.column = (int64_t)take_byte(cursor);
        position.end_column = (int64_t)take_byte(cursor);
    } else {
        *line = add(*line, take_signed(cursor));
    }
    position.line = position.end_line = *line;
    if (kind == LONG) {
        position.end_line = add(*line, (int64_t)take_varint(cursor));
        position.column = (int64_t)take_varint(cursor) - 1;
        position.end_column = (int64_t)take_varint(cursor) - 1;
    }
    return position;
}

bool pam_lines_decode(uint32_t python_version, struct pam_bytes table, int64_t first_line,
                      struct pam_position *positions, size_t count)
{
    struct pam_cursor cursor = pam_cursor(table.data, table.size);
    int64_t line = first_line;
    size_t unit = 0;

    for (size_t i = 0; i < count; i++)
        positions[i] = (struct pam_position){0, 0, -1, -1};
    if (python_version < 0x030b0000)
        return false;
    while (unit < count && pam_left(&cursor)) {
        const unsigned first = take_byte(&cursor);
        const size_t length = (first & 7) + 1;
        const struct pam_position position = take_entry(&cursor, first >> 3 & 15, &line);

        if (cursor.failed)
            break;
        for (size_t i = 0; i < length && unit < count; i++)
            positions[unit++] = position;
    }
    return true;
}
