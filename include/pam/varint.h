/* varint.h - integers and byte strings as they stand in a capture: LEB128, zigzag, length + bytes.
 *
 * A cursor never reads past its end: a failed read sets `failed` and yields zero, so that a
 * decoder checks once, after its last field. */
#ifndef PAM_VARINT_H
#define PAM_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PAM_VARINT_BYTES = 10 }; /* 64 bits, 7 a byte */

/* Bytes that somebody else owns: a view into a block, or into memory of the caller. */
struct pam_bytes {
    const unsigned char *data;
    size_t size;
};

struct pam_cursor {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

static inline struct pam_cursor pam_cursor(const void *data, size_t size)
{
    const unsigned char *at = (const unsigned char *)data;

    return (struct pam_cursor){.at = at, .end = at ? at + size : at, .failed = false};
}

static inline size_t pam_left(const struct pam_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Writes at most PAM_VARINT_BYTES to `out` and returns how many. */
static inline size_t pam_put_varint(unsigned char *out, uint64_t value)
{
    size_t size = 0;

    while (value >= 0x80) {
        out[size++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    out[size++] = (unsigned char)value;
    return size;
}

static inline size_t pam_varint_size(uint64_t value)
{
    size_t size = 1;

    while (value >>= 7)
        size++;
    return size;
}

static inline uint64_t pam_get_varint(struct pam_cursor *cursor)
{
    uint64_t value = 0;

    if (cursor->at < cursor->end && *cursor->at < 0x80)
        return *cursor->at++; /* most are one byte */
    for (unsigned shift = 0; cursor->at < cursor->end; shift += 7) {
        const unsigned char byte = *cursor->at++;

        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
        if (shift == 63)
            break;
    }
    cursor->failed = true;
    cursor->at = cursor->end;
    return 0;
}

static inline uint64_t pam_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t pam_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* A length and that many bytes; more than `max` of them is a failed read. */
static inline struct pam_bytes pam_get_bytes(struct pam_cursor *cursor, size_t max)
{
    const uint64_t size = pam_get_varint(cursor);
    struct pam_bytes bytes = {cursor->at, 0};

    if (cursor->failed || size > pam_left(cursor) || size > max) {
        cursor->failed = true;
        cursor->at = cursor->end;
        return bytes;
    }
    bytes.size = (size_t)size;
    cursor->at += size;
    return bytes;
}

static inline struct pam_bytes pam_text(const char *text)
{
    return (struct pam_bytes){(const unsigned char *)text, text ? strlen(text) : 0};
}

#endif
