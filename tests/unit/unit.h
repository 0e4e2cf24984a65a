/* unit.h - cmocka with the headers it needs before it, and what most unit tests use. */
#ifndef PAM_UNIT_H
#define PAM_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pam/varint.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Initialises a struct pam_bytes with a literal, zero bytes within included. */
#define BYTES(literal)                                                                             \
    {                                                                                              \
        (const unsigned char *)(literal), sizeof(literal) - 1                                      \
    }

/* An assertion that tells which row of a table failed. */
#define assert_row(row, condition)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("row %s: %s\n", (row), #condition);                                        \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* Runs `act` in a child process: true when it came back. What a sanitizer or a bound violation
 * would end takes only the child with it. */
bool survives(void (*act)(void *context), void *context);

/* A file in memory with these bytes, at its start. */
int memory_file(const void *bytes, size_t size);

/* The whole of a file from its start on, closed by a zero byte; to be freed. */
char *file_text(int fd, size_t *size);

static inline bool bytes_equal(struct pam_bytes a, struct pam_bytes b)
{
    return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}

#endif
