/* mutate_capture.c - a mutator for captures: most of its children have right checksums, else nearly
 * all of them would end at the first. */
#include <pam/capture.h>

#include "fuzz.h"
#include "maker.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static void mend(uint8_t *data, size_t size)
{
    for (size_t at = PAM_FILE_HEADER_BYTES; at + PAM_BLOCK_HEADER_BYTES <= size; at++) {
        size_t stored;

        if (memcmp(data + at, PAM_SYNC, PAM_SYNC_BYTES) != 0)
            continue;
        stored = pam_get_le(data + at + 28, 4);
        if (stored > size - at - PAM_BLOCK_HEADER_BYTES) {
            stored = size - at - PAM_BLOCK_HEADER_BYTES;
            pam_put_le(data + at + 28, stored, 4);
        }
        maker_mend(data + at, stored);
        at += PAM_BLOCK_HEADER_BYTES + stored - 1;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 16 == 0)
        return size;
    if (size >= PAM_FILE_HEADER_BYTES)
        pam_put_file_header(data);
    mend(data, size);
    return size;
}
