/* record.h - structs, encode, decode and print of every record, all driven by records.def.
 *
 * A decoded record borrows its bytes from the buffer it was decoded from. */
#ifndef PAM_RECORD_H
#define PAM_RECORD_H

#include <inttypes.h>
#include <stdio.h>

#include <pam/capture.h>
#include <pam/utf8.h>
#include <pam/varint.h>

enum pam_kind { PAM_KIND_U64, PAM_KIND_I64, PAM_KIND_TEXT, PAM_KIND_BLOB };

typedef uint64_t pam_type_U64;
typedef int64_t pam_type_I64;
typedef struct pam_bytes pam_type_TEXT;
typedef struct pam_bytes pam_type_BLOB;

/* struct pam_session, struct pam_host, ... */
#define RECORD(id, name, what)                 struct pam_##name {
#define FIELD(record, field, kind, bound, what) pam_type_##kind field;
#define END(record)                            };
#include <pam/records.def>
#undef RECORD
#undef FIELD
#undef END

/* PAM_session = 1, PAM_host = 2, ... */
enum pam_record_id {
#define RECORD(id, name, what) PAM_##name = (id),
#define FIELD(record, field, kind, bound, what)
#define END(record)
#include <pam/records.def>
#undef RECORD
#undef FIELD
#undef END
};

struct pam_record {
    unsigned type; /* enum pam_record_id, or one this version does not know */
    union {
#define RECORD(id, name, what) struct pam_##name name;
#define FIELD(record, field, kind, bound, what)
#define END(record)
#include <pam/records.def>
#undef RECORD
#undef FIELD
#undef END
    };
};

struct pam_field {
    const char *name;
    enum pam_kind kind;
    size_t offset; /* in the record's struct */
    size_t bound;
    const char *what;
};

struct pam_record_type {
    unsigned id;
    const char *name;
    const char *what;
    const struct pam_field *fields; /* closed by a field without a name */
};

#define RECORD(id, name, what) static const struct pam_field pam_fields_##name[] = {
#define FIELD(record, field, kind, bound, what)                                                    \
    {#field, PAM_KIND_##kind, offsetof(struct pam_##record, field), (bound), what},
#define END(record) {NULL, PAM_KIND_U64, 0, 0, NULL}};
#include <pam/records.def>
#undef RECORD
#undef FIELD
#undef END

static const struct pam_record_type pam_record_types[] = {
#define RECORD(id, name, what) [(id) - 1] = {(id), #name, what, pam_fields_##name},
#define FIELD(record, field, kind, bound, what)
#define END(record)
#include <pam/records.def>
#undef RECORD
#undef FIELD
#undef END
};

enum { PAM_RECORD_TYPES = sizeof pam_record_types / sizeof *pam_record_types };

/* NULL for a type that this version does not know. An id given twice does not compile (a row that is
 * initialised twice); one left out is a row without a name. */
static inline const struct pam_record_type *pam_record_type(uint64_t id)
{
    return id >= 1 && id <= PAM_RECORD_TYPES && pam_record_types[id - 1].name
               ? &pam_record_types[id - 1] : NULL;
}

static inline uint64_t pam_field_integer(const struct pam_field *field, const void *body)
{
    const unsigned char *at = (const unsigned char *)body + field->offset;
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return field->kind == PAM_KIND_I64 ? pam_zigzag((int64_t)value) : value;
}

static inline struct pam_bytes pam_field_bytes(const struct pam_field *field, const void *body)
{
    struct pam_bytes bytes;

    memcpy(&bytes, (const unsigned char *)body + field->offset, sizeof bytes);
    if (bytes.size > field->bound)
        bytes.size = field->bound;
    return bytes;
}

static inline bool pam_field_is_bytes(const struct pam_field *field)
{
    return field->kind == PAM_KIND_TEXT || field->kind == PAM_KIND_BLOB;
}

static inline size_t pam_field_size(const struct pam_field *field, const void *body)
{
    if (pam_field_is_bytes(field)) {
        const size_t size = pam_field_bytes(field, body).size;

        return pam_varint_size(size) + size;
    }
    return pam_varint_size(pam_field_integer(field, body));
}

/* How many fields stand before the trailing ones that are zero, which are not written. */
static inline size_t pam_fields_in_use(const struct pam_record_type *type, const void *body)
{
    size_t used = 0;

    for (size_t i = 0; type->fields[i].name; i++) {
        const struct pam_field *field = &type->fields[i];

        if (pam_field_is_bytes(field) ? pam_field_bytes(field, body).size != 0
                                      : pam_field_integer(field, body) != 0)
            used = i + 1;
    }
    return used;
}

/* Size of the first `used` fields. */
static inline size_t pam_payload_size(const struct pam_record_type *type, const void *body,
                                      size_t used)
{
    size_t payload = 0;

    for (size_t i = 0; i < used; i++)
        payload += pam_field_size(&type->fields[i], body);
    return payload;
}

/* Size of the whole record as pam_record_encode() would write it. */
static inline size_t pam_record_size(unsigned id, const void *body)
{
    const struct pam_record_type *type = pam_record_type(id);
    const size_t payload = pam_payload_size(type, body, pam_fields_in_use(type, body));

    return pam_varint_size(id) + pam_varint_size(payload) + payload;
}

/* Writes the record to `out` and returns its size, or 0 when `room` is too small.
 * `body` is the struct of that type. Byte fields over their bound are cut. */
static inline size_t pam_record_encode(unsigned id, const void *body, unsigned char *out, size_t room)
{
    const struct pam_record_type *type = pam_record_type(id);
    const size_t used = pam_fields_in_use(type, body);
    const size_t payload = pam_payload_size(type, body, used);
    size_t at;

    if (pam_varint_size(id) + pam_varint_size(payload) + payload > room)
        return 0;
    at = pam_put_varint(out, id);
    at += pam_put_varint(out + at, payload);
    for (size_t i = 0; i < used; i++) {
        const struct pam_field *field = &type->fields[i];

        if (pam_field_is_bytes(field)) {
            const struct pam_bytes bytes = pam_field_bytes(field, body);

            at += pam_put_varint(out + at, bytes.size);
            if (bytes.size)
                memcpy(out + at, bytes.data, bytes.size);
            at += bytes.size;
        } else {
            at += pam_put_varint(out + at, pam_field_integer(field, body));
        }
    }
    return at;
}

/* A field of each kind off the cursor; one that is missing is zero, or empty. */
static inline uint64_t pam_get_U64(struct pam_cursor *cursor, size_t bound)
{
    (void)bound;
    return pam_left(cursor) ? pam_get_varint(cursor) : 0;
}

static inline int64_t pam_get_I64(struct pam_cursor *cursor, size_t bound)
{
    return pam_unzigzag(pam_get_U64(cursor, bound));
}

static inline struct pam_bytes pam_get_BLOB(struct pam_cursor *cursor, size_t bound)
{
    return pam_left(cursor) ? pam_get_bytes(cursor, bound) : (struct pam_bytes){NULL, 0};
}

static inline struct pam_bytes pam_get_TEXT(struct pam_cursor *cursor, size_t bound)
{
    return pam_get_BLOB(cursor, bound);
}

/* The fields of a record one after the other, by straight code for each type: a third of the time that a
 * loop over the table takes. False for a type that this version does not know. */
static inline bool pam_get_fields(uint64_t id, struct pam_cursor *cursor, struct pam_record *to)
{
    switch (id) {
#define RECORD(id, name, what)                  case PAM_##name:
#define FIELD(record, field, kind, bound, what) to->record.field = pam_get_##kind(cursor, bound);
#define END(record)                             return true;
#include <pam/records.def>
#undef RECORD
#undef FIELD
#undef END
    default: return false;
    }
}

enum pam_decoded {
    PAM_DECODED_END,     /* nothing left */
    PAM_DECODED_RECORD,  /* `record` holds it */
    PAM_DECODED_UNKNOWN, /* a type of a newer version, skipped; only record->type is set */
    PAM_DECODED_DAMAGED, /* a record that cannot be; if its size made sense it was skipped */
};

/* Takes the next record off the cursor. After a damaged one the cursor stands behind it, or at
 * the end when that place is not known. */
static inline enum pam_decoded pam_record_decode(struct pam_cursor *cursor, struct pam_record *record)
{
    struct pam_cursor payload;
    struct pam_bytes bytes;
    uint64_t id;

    record->type = 0;
    if (!pam_left(cursor))
        return PAM_DECODED_END;
    id = pam_get_varint(cursor);
    bytes = pam_get_bytes(cursor, PAM_MAX_BLOCK);
    record->type = id > UINT32_MAX ? UINT32_MAX : (unsigned)id;
    if (cursor->failed)
        return PAM_DECODED_DAMAGED;
    payload = pam_cursor(bytes.data, bytes.size);
    if (!pam_get_fields(id, &payload, record))
        return PAM_DECODED_UNKNOWN;
    return payload.failed ? PAM_DECODED_DAMAGED : PAM_DECODED_RECORD;
}

/* Text in double quotes, JSON escapes; bytes that are not printable ASCII or UTF-8 as \u00XX. */
static inline void pam_print_text(FILE *out, struct pam_bytes text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.size;) {
        const unsigned char byte = text.data[i];
        const size_t size = pam_utf8_size(text.data + i, text.size - i);

        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (!size || byte < 0x20 || byte == 0x7f)
            fprintf(out, "\\u%04x", byte);
        else
            fwrite(text.data + i, 1, size, out);
        i += size ? size : 1;
    }
    fputc('"', out);
}

/* `name field=value ...`, without a line end; zero fields are left out, as they are on disk. */
static inline void pam_record_print(FILE *out, const struct pam_record *record)
{
    const struct pam_record_type *type = pam_record_type(record->type);
    const void *body = &record->session;

    if (!type) {
        fprintf(out, "unknown type=%u", record->type);
        return;
    }
    fputs(type->name, out);
    for (const struct pam_field *field = type->fields; field->name; field++) {
        const uint64_t value = pam_field_is_bytes(field) ? 0 : pam_field_integer(field, body);
        const struct pam_bytes bytes =
            pam_field_is_bytes(field) ? pam_field_bytes(field, body) : (struct pam_bytes){NULL, 0};

        if (!value && !bytes.size)
            continue;
        fprintf(out, " %s=", field->name);
        if (field->kind == PAM_KIND_U64)
            fprintf(out, "%" PRIu64, value);
        else if (field->kind == PAM_KIND_I64)
            fprintf(out, "%" PRId64, pam_unzigzag(value));
        else if (field->kind == PAM_KIND_TEXT)
            pam_print_text(out, bytes);
        else
            for (size_t i = 0; i < bytes.size; i++)
                fprintf(out, "%02x", bytes.data[i]);
    }
}

#endif
