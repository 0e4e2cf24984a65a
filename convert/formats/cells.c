/* cells.c - the cells of CSV tables: CRLF, quotes where they must be, an empty cell for unknown. */
#include "formats/cells.h"

#include <math.h>
#include <string.h>

void pam_put_number(FILE *out, double value, int decimals)
{
    if (!isnan(value))
        fprintf(out, "%.*f", decimals, value);
}

void pam_put_column(FILE *out, const struct pam_column *column, const void *row)
{
    double value;

    memcpy(&value, (const char *)row + column->offset, sizeof value);
    pam_put_number(out, column->divisor > 0 ? value / column->divisor : value, column->decimals);
}

void pam_put_name(FILE *out, struct pam_bytes name)
{
    bool quote = false;

    for (size_t i = 0; i < name.size; i++)
        quote |= name.data[i] == ',' || name.data[i] == '"' || name.data[i] < 0x20;
    if (quote)
        fputc('"', out);
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"')
            fputc('"', out);
        fputc(name.data[i] < 0x20 ? ' ' : name.data[i], out);
    }
    if (quote)
        fputc('"', out);
}
