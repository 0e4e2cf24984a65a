/* fuzz.h - what the fuzzers share: the interface of libFuzzer, and inputs as files. */
#ifndef PAM_FUZZ_H
#define PAM_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One input; returns 0. Called by libFuzzer or by driver.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, as a crash, when a promise is broken. */
#define demand(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The input as a file in memory, at its start; the same descriptor each time. */
int fuzz_file(const uint8_t *data, size_t size);

/* A stream that forgets what is written. */
FILE *fuzz_nowhere(void);

/* Input that is taken in small pieces; zero when there is no more. */
struct fuzz_bytes {
    const uint8_t *at, *end;
};

static inline uint64_t fuzz_take(struct fuzz_bytes *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < count && bytes->at < bytes->end; i++)
        value |= (uint64_t)*bytes->at++ << (8 * i);
    return value;
}

#endif
