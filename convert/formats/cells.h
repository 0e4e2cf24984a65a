/* cells.h - the cells of CSV tables: CRLF, quotes where they must be, an empty cell for unknown. */
#ifndef PAM_CELLS_H
#define PAM_CELLS_H

#include <stdio.h>

#include <pam/varint.h>

/* A column whose cells are a double somewhere in a struct. */
struct pam_column {
    const char *name;
    size_t offset;  /* of the double */
    double divisor; /* what the cell shows is in bigger units; 0 is 1 */
    int decimals;
};

/* What the old monitor called MB. */
#define PAM_BYTES_PER_MB 1048576.0

/* The cell without a separator. */
void pam_put_column(FILE *out, const struct pam_column *column, const void *row);
void pam_put_number(FILE *out, double value, int decimals);

/* Quoted as RFC 4180 says when it has to be: names are the service's own. */
void pam_put_name(FILE *out, struct pam_bytes name);

#endif
