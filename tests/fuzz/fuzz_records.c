/* fuzz_records.c - bytes as records: decoded, printed, and encoded to the same again. */
#include <pam/record.h>

#include "fuzz.h"

static void encode_again(const struct pam_record *record)
{
    static unsigned char first[PAM_MAX_BLOCK], second[PAM_MAX_BLOCK];
    const size_t size = pam_record_encode(record->type, &record->session, first, sizeof first);
    struct pam_cursor cursor = pam_cursor(first, size);
    struct pam_record back;

    demand(size > 0 && size == pam_record_size(record->type, &record->session));
    demand(pam_record_decode(&cursor, &back) == PAM_DECODED_RECORD);
    demand(pam_left(&cursor) == 0 && back.type == record->type);
    demand(pam_record_encode(back.type, &back.session, second, sizeof second) == size);
    demand(memcmp(first, second, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pam_cursor cursor = pam_cursor(data, size);
    struct pam_record record;

    for (;;) {
        const size_t left = pam_left(&cursor);

        switch (pam_record_decode(&cursor, &record)) {
        case PAM_DECODED_END: return 0;
        case PAM_DECODED_RECORD:
            encode_again(&record);
            pam_record_print(fuzz_nowhere(), &record);
            break;
        case PAM_DECODED_UNKNOWN:
        case PAM_DECODED_DAMAGED: break;
        }
        demand(pam_left(&cursor) < left);
    }
}
