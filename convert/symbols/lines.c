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

static void set_units(struct pam_position *positions, size_t count, size_t *unit, size_t length,
                      struct pam_position position)
{
    for (size_t i = 0; i < length && *unit < count; i++)
        positions[(*unit)++] = position;
}

/* Objects/locations.md */
static void decode_locations(struct pam_cursor *cursor, int64_t line, struct pam_position *positions,
                             size_t count)
{
    size_t unit = 0;

    while (unit < count && pam_left(cursor)) {
        const unsigned first = take_byte(cursor);
        const struct pam_position position = take_entry(cursor, first >> 3 & 15, &line);

        if (cursor->failed)
            break;
        set_units(positions, count, &unit, (first & 7) + 1, position);
    }
}

enum { UNIT_BYTES = 2 };

static struct pam_position only_line(int64_t line)
{
    return (struct pam_position){line, line, -1, -1};
}

static int64_t take_signed_byte(struct pam_cursor *cursor)
{
    const unsigned byte = take_byte(cursor);

    return byte < 128 ? (int64_t)byte : (int64_t)byte - 256;
}

/* co_linetable of 3.10: pairs of how many bytes of code and by how much their line is greater than that of
 * the pair before; -128: they have none. Objects/lnotab_notes.txt */
static void decode_ranges(struct pam_cursor *cursor, int64_t line, struct pam_position *positions,
                          size_t count)
{
    enum { NO_LINE = -128 };
    size_t unit = 0;

    while (unit < count && pam_left(cursor)) {
        const size_t length = take_byte(cursor) / UNIT_BYTES;
        const int64_t more = take_signed_byte(cursor);

        if (cursor->failed)
            break;
        if (more != NO_LINE)
            line = add(line, more);
        set_units(positions, count, &unit, length, only_line(more == NO_LINE ? 0 : line));
    }
}

/* co_lnotab: pairs of how many bytes of code further and how many lines greater. What follows the last is
 * on its line. Objects/lnotab_notes.txt */
static void decode_lnotab(struct pam_cursor *cursor, int64_t line, struct pam_position *positions,
                          size_t count)
{
    size_t unit = 0, byte = 0;

    while (unit < count && pam_left(cursor)) {
        byte += take_byte(cursor);
        set_units(positions, count, &unit, byte / UNIT_BYTES - unit, only_line(line));
        line = add(line, take_signed_byte(cursor));
        if (cursor->failed)
            return;
    }
    set_units(positions, count, &unit, count, only_line(line));
}

static const struct decoder {
    uint32_t since; /* PY_VERSION_HEX */
    void (*decode)(struct pam_cursor *cursor, int64_t line, struct pam_position *positions,
                   size_t count);
} decoders[] = {
    {0x030b0000, decode_locations},
    {0x030a0000, decode_ranges},
    {0x03080000, decode_lnotab},
};

bool pam_lines_decode(uint32_t python_version, struct pam_bytes table, int64_t first_line,
                      struct pam_position *positions, size_t count)
{
    struct pam_cursor cursor = pam_cursor(table.data, table.size);

    for (size_t i = 0; i < count; i++)
        positions[i] = (struct pam_position){0, 0, -1, -1};
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        if (python_version >= decoders[i].since) {
            decoders[i].decode(&cursor, first_line, positions, count);
            return true;
        }
    return false;
}
