/* test_record.c - every record type of records.def through encode and decode, whole and damaged. */
#include <pam/record.h>

#include "unit.h"

enum { ROUNDS = 12 };

static unsigned char pattern[PAM_MAX_TABLE + 1];
static unsigned char encoded[2 * PAM_MAX_BLOCK];

static const uint64_t integers[] = {
    0, 1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)INT64_MAX, UINT64_C(1) << 63, UINT64_MAX,
};

static const size_t sizes[] = {0, 1, 127, 128, 300, SIZE_MAX}; /* the last stands for the bound */

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (unsigned char)(i * 7 + i / 256);
    return 0;
}

static void set_field(struct pam_record *record, const struct pam_field *field, uint64_t integer,
                      size_t size)
{
    unsigned char *at = (unsigned char *)&record->session + field->offset;
    const struct pam_bytes bytes = {pattern, size > field->bound ? field->bound : size};

    if (pam_field_is_bytes(field))
        memcpy(at, &bytes, sizeof bytes);
    else
        memcpy(at, &integer, sizeof integer);
}

/* Fills the first `count` fields with values that move on from round to round. */
static void fill(struct pam_record *record, const struct pam_record_type *type, size_t round,
                 size_t count)
{
    memset(record, 0, sizeof *record);
    record->type = type->id;
    for (size_t i = 0; i < count; i++)
        set_field(record, &type->fields[i], integers[(round + i) % COUNT(integers)],
                  sizes[(round + i) % COUNT(sizes)]);
}

static size_t count_fields(const struct pam_record_type *type)
{
    size_t count = 0;

    while (type->fields[count].name)
        count++;
    return count;
}

static bool same(const struct pam_record *a, const struct pam_record *b)
{
    const struct pam_record_type *type = pam_record_type(a->type);

    if (a->type != b->type)
        return false;
    for (const struct pam_field *field = type->fields; field->name; field++)
        if (pam_field_is_bytes(field)
                ? !bytes_equal(pam_field_bytes(field, &a->session),
                               pam_field_bytes(field, &b->session))
                : pam_field_integer(field, &a->session) != pam_field_integer(field, &b->session))
            return false;
    return true;
}

/* The first `count` fields as they stand on disk, zero or not; ends[i] is where the i-th ends. */
static size_t put_fields(unsigned char *out, const struct pam_record *record, size_t count,
                         size_t *ends)
{
    const struct pam_record_type *type = pam_record_type(record->type);
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        if (pam_field_is_bytes(&type->fields[i])) {
            const struct pam_bytes bytes = pam_field_bytes(&type->fields[i], &record->session);

            at += pam_put_varint(out + at, bytes.size);
            if (bytes.size)
                memcpy(out + at, bytes.data, bytes.size);
            at += bytes.size;
        } else {
            at += pam_put_varint(out + at, pam_field_integer(&type->fields[i], &record->session));
        }
        if (ends)
            ends[i] = at;
    }
    return at;
}

/* `type size payload`, from bytes. */
static size_t put_framed(unsigned char *out, uint64_t type, const unsigned char *payload,
                         size_t size)
{
    size_t at = pam_put_varint(out, type);

    at += pam_put_varint(out + at, size);
    if (size)
        memcpy(out + at, payload, size);
    return at + size;
}

/* Decodes the only record of `size` bytes, which stand at the very end of their memory. */
static enum pam_decoded decode_exact(const unsigned char *bytes, size_t size,
                                     struct pam_record *record, unsigned char **memory)
{
    struct pam_cursor cursor;
    enum pam_decoded decoded;

    *memory = malloc(size ? size : 1);
    assert_non_null(*memory);
    if (size)
        memcpy(*memory, bytes, size);
    cursor = pam_cursor(*memory, size);
    decoded = pam_record_decode(&cursor, record);
    assert_int_equal(pam_left(&cursor), 0);
    return decoded;
}

static void ids_stand_without_gaps(void **state)
{
    (void)state;
    assert_null(pam_record_type(0));
    assert_null(pam_record_type(PAM_RECORD_TYPES + 1));
    assert_null(pam_record_type(UINT64_MAX));
    for (unsigned i = 1; i <= PAM_RECORD_TYPES; i++) {
        assert_int_equal(pam_record_type(i)->id, i);
        assert_true(pam_record_type(i)->name[0] != '\0');
        assert_true(count_fields(pam_record_type(i)) > 0);
    }
}

static void the_largest_record_fits_a_block(void **state)
{
    (void)state;
    for (unsigned id = 1; id <= PAM_RECORD_TYPES; id++) {
        const struct pam_record_type *type = pam_record_type(id);
        struct pam_record record = {.type = id};

        for (const struct pam_field *field = type->fields; field->name; field++)
            set_field(&record, field, UINT64_C(1) << 63, SIZE_MAX);
        assert_row(type->name, pam_record_size(id, &record.session) <= PAM_MAX_BLOCK);
    }
}

static void every_type_comes_back(void **state)
{
    (void)state;
    for (unsigned id = 1; id <= PAM_RECORD_TYPES; id++)
        for (size_t round = 0; round < ROUNDS; round++) {
            const struct pam_record_type *type = pam_record_type(id);
            struct pam_record record, back;
            unsigned char *memory;
            size_t size;

            fill(&record, type, round, count_fields(type));
            size = pam_record_size(id, &record.session);
            assert_int_equal(pam_record_encode(id, &record.session, encoded, size - 1), 0);
            assert_int_equal(pam_record_encode(id, &record.session, encoded, size), size);
            assert_row(type->name,
                       decode_exact(encoded, size, &back, &memory) == PAM_DECODED_RECORD);
            assert_row(type->name, same(&record, &back));
            free(memory);
        }
}

static void missing_trailing_fields_are_zero(void **state)
{
    (void)state;
    for (unsigned id = 1; id <= PAM_RECORD_TYPES; id++)
        for (size_t kept = 0; kept <= count_fields(pam_record_type(id)); kept++) {
            const struct pam_record_type *type = pam_record_type(id);
            static unsigned char payload[PAM_MAX_BLOCK];
            struct pam_record record, back;
            unsigned char *memory;
            size_t size;

            fill(&record, type, 1, kept);
            size = put_framed(encoded, id, payload, put_fields(payload, &record, kept, NULL));
            assert_row(type->name,
                       decode_exact(encoded, size, &back, &memory) == PAM_DECODED_RECORD);
            assert_row(type->name, same(&record, &back));
            free(memory);
        }
}

static void trailing_zero_fields_are_not_written(void **state)
{
    const struct pam_sample sample = {.thread = 3};
    const struct pam_end nothing = {{NULL, 0}};
    static const unsigned char bytes[] = {PAM_sample, 1, 3};

    (void)state;
    assert_int_equal(pam_record_encode(PAM_sample, &sample, encoded, sizeof encoded), sizeof bytes);
    assert_memory_equal(encoded, bytes, sizeof bytes);
    assert_int_equal(pam_record_encode(PAM_end, &nothing, encoded, 2), 2);
    assert_int_equal(encoded[1], 0);
}

static void fields_of_a_newer_version_are_skipped(void **state)
{
    (void)state;
    for (unsigned id = 1; id <= PAM_RECORD_TYPES; id++) {
        const struct pam_record_type *type = pam_record_type(id);
        static unsigned char payload[PAM_MAX_BLOCK];
        struct pam_record record, back;
        unsigned char *memory;
        size_t size;

        fill(&record, type, 4, count_fields(type));
        size = put_fields(payload, &record, count_fields(type), NULL);
        memset(payload + size, 0xff, 40); /* no varint, no size that could be */
        size = put_framed(encoded, id, payload, size + 40);
        assert_row(type->name, decode_exact(encoded, size, &back, &memory) == PAM_DECODED_RECORD);
        assert_row(type->name, same(&record, &back));
        free(memory);
    }
}

static void unknown_types_are_skipped(void **state)
{
    static const uint64_t ids[] = {0, PAM_RECORD_TYPES + 1, 1 << 20, UINT32_MAX, UINT64_MAX};
    const struct pam_marker marker = {.name = pam_text("here")};

    (void)state;
    for (size_t i = 0; i < COUNT(ids); i++) {
        size_t size = put_framed(encoded, ids[i], pattern, 100);
        struct pam_cursor cursor;
        struct pam_record record;

        size += pam_record_encode(PAM_marker, &marker, encoded + size, sizeof encoded - size);
        cursor = pam_cursor(encoded, size);
        assert_int_equal(pam_record_decode(&cursor, &record), PAM_DECODED_UNKNOWN);
        assert_true(record.type == (ids[i] > UINT32_MAX ? UINT32_MAX : ids[i]));
        assert_int_equal(pam_record_decode(&cursor, &record), PAM_DECODED_RECORD);
        assert_true(bytes_equal(record.marker.name, pam_text("here")));
        assert_int_equal(pam_record_decode(&cursor, &record), PAM_DECODED_END);
    }
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    for (unsigned id = 1; id <= PAM_RECORD_TYPES; id++) {
        const struct pam_record_type *type = pam_record_type(id);
        struct pam_record record, back;
        unsigned char *memory;
        size_t size;

        memset(&record, 0, sizeof record);
        for (const struct pam_field *field = type->fields; field->name; field++)
            set_field(&record, field, UINT64_C(1) << 62, 20);
        size = pam_record_encode(id, &record.session, encoded, sizeof encoded);
        assert_int_equal(decode_exact(encoded, 0, &back, &memory), PAM_DECODED_END);
        free(memory);
        for (size_t cut = 1; cut < size; cut++) {
            assert_row(type->name,
                       decode_exact(encoded, cut, &back, &memory) == PAM_DECODED_DAMAGED);
            free(memory);
        }
    }
}

static bool is_among(const size_t *ends, size_t count, size_t place)
{
    for (size_t i = 0; i < count; i++)
        if (ends[i] == place)
            return true;
    return place == 0;
}

/* The size of the record fits what is there, but its last field does not. */
static void a_payload_cut_at_every_byte(void **state)
{
    const struct pam_marker marker = {.name = pam_text("here")};

    (void)state;
    for (unsigned id = 1; id <= PAM_RECORD_TYPES; id++) {
        const struct pam_record_type *type = pam_record_type(id);
        const size_t count = count_fields(type);
        unsigned char payload[2000];
        struct pam_record record = {.type = id}, back;
        size_t ends[64], whole;

        for (size_t i = 0; i < count; i++)
            set_field(&record, &type->fields[i], UINT64_C(1) << 62, 20);
        whole = put_fields(payload, &record, count, ends);
        assert_true(whole < sizeof payload);
        for (size_t cut = 0; cut <= whole; cut++) {
            size_t size = put_framed(encoded, id, payload, cut);
            struct pam_cursor cursor;

            size += pam_record_encode(PAM_marker, &marker, encoded + size, sizeof encoded - size);
            cursor = pam_cursor(encoded, size);
            assert_row(type->name,
                       pam_record_decode(&cursor, &back) ==
                           (is_among(ends, count, cut) ? PAM_DECODED_RECORD : PAM_DECODED_DAMAGED));
            assert_row(type->name, pam_record_decode(&cursor, &back) == PAM_DECODED_RECORD);
            assert_row(type->name, bytes_equal(back.marker.name, pam_text("here")));
        }
    }
}

/* Writes every field before `last` as zero and `last` with `size` bytes. */
static size_t put_sized_field(const struct pam_record_type *type, const struct pam_field *last,
                              size_t size)
{
    static unsigned char payload[PAM_MAX_BLOCK];
    size_t at = 0;

    for (const struct pam_field *field = type->fields; field != last; field++)
        payload[at++] = 0;
    at += pam_put_varint(payload + at, size);
    memcpy(payload + at, pattern, size);
    return put_framed(encoded, type->id, payload, at + size);
}

static void bounds_of_text_and_blob(void **state)
{
    (void)state;
    for (unsigned id = 1; id <= PAM_RECORD_TYPES; id++)
        for (const struct pam_field *field = pam_record_type(id)->fields; field->name; field++) {
            const struct pam_record_type *type = pam_record_type(id);
            struct pam_record record;
            unsigned char *memory;
            size_t size;

            if (!pam_field_is_bytes(field))
                continue;
            assert_row(field->name, field->bound > 0 && field->bound < sizeof pattern);
            size = put_sized_field(type, field, field->bound);
            assert_row(field->name,
                       decode_exact(encoded, size, &record, &memory) == PAM_DECODED_RECORD);
            assert_row(field->name, pam_field_bytes(field, &record.session).size == field->bound);
            free(memory);
            size = put_sized_field(type, field, field->bound + 1);
            assert_row(field->name,
                       decode_exact(encoded, size, &record, &memory) == PAM_DECODED_DAMAGED);
            free(memory);
        }
}

static void encode_cuts_at_the_bound(void **state)
{
    const struct pam_string string = {.id = 1, .text = {pattern, PAM_MAX_TEXT + 1}};
    struct pam_record back;
    unsigned char *memory;
    const size_t size = pam_record_encode(PAM_string, &string, encoded, sizeof encoded);

    (void)state;
    assert_int_equal(size, pam_record_size(PAM_string, &string));
    assert_int_equal(decode_exact(encoded, size, &back, &memory), PAM_DECODED_RECORD);
    assert_int_equal(back.string.text.size, PAM_MAX_TEXT);
    assert_memory_equal(back.string.text.data, pattern, PAM_MAX_TEXT);
    free(memory);
}

static void a_record_larger_than_a_block(void **state)
{
    size_t size = pam_put_varint(encoded, PAM_RECORD_TYPES + 1);
    struct pam_record record;
    unsigned char *memory;

    (void)state;
    size += pam_put_varint(encoded + size, PAM_MAX_BLOCK + 1);
    memset(encoded + size, 0, PAM_MAX_BLOCK + 1);
    assert_int_equal(decode_exact(encoded, size + PAM_MAX_BLOCK + 1, &record, &memory),
                     PAM_DECODED_DAMAGED);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_stand_without_gaps),
        cmocka_unit_test(the_largest_record_fits_a_block),
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(missing_trailing_fields_are_zero),
        cmocka_unit_test(trailing_zero_fields_are_not_written),
        cmocka_unit_test(fields_of_a_newer_version_are_skipped),
        cmocka_unit_test(unknown_types_are_skipped),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(a_payload_cut_at_every_byte),
        cmocka_unit_test(bounds_of_text_and_blob),
        cmocka_unit_test(encode_cuts_at_the_bound),
        cmocka_unit_test(a_record_larger_than_a_block),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
