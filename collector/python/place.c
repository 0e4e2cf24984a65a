/* place.c - where in its code a frame stands: an instruction of the target as a unit of the bytecode. */
#include "python/place.h"

struct pam_place pam_place_of(const struct pam_layout *layout, const unsigned char *frame)
{
    struct pam_place place = {.copy = 0};
    int32_t lasti;

    if (layout->frame_bytecode)
        place.copy = (int32_t)pam_u32_at(frame, layout->frame_bytecode);
    if (!layout->frame_lasti_bytes) {
        place.instruction = pam_u64_at(frame, layout->frame_instruction);
        return place;
    }
    lasti = (int32_t)pam_u32_at(frame, layout->frame_instruction);
    place.instruction = (uint64_t)(lasti < 0 ? -2 : (int64_t)lasti * layout->frame_lasti_bytes);
    return place;
}

/* _PyCodeArray, cpython/code.h: how many copies, then their addresses. 0 when there is none such. */
static uint64_t read_copy(const struct pam_codes *codes, const struct pam_code_entry *entry, int32_t copy)
{
    const struct pam_layout *layout = codes->heap.layout;
    uint64_t array, count, address;
    struct pam_piece pieces[2];

    if (copy < 0 ||
        pam_remote_read(codes->heap.remote, entry->address + layout->code_bytecodes, &array, 8) < 0 ||
        !pam_is_pointer(array))
        return 0;
    pieces[0] = (struct pam_piece){.address = array, .into = &count, .size = sizeof count};
    pieces[1] = (struct pam_piece){
        .address = array + 8 + 8 * (uint64_t)copy, .into = &address, .size = sizeof address};
    if (pam_remote_readv(codes->heap.remote, pieces, 2) < 0 || !pieces[0].ok || !pieces[1].ok ||
        (uint64_t)copy >= count || !pam_is_pointer(address))
        return 0;
    return address;
}

static bool is_inside(uint64_t instruction, uint64_t first, uint32_t units, uint64_t *unit_plus1)
{
    const uint64_t from = first - 2; /* a new frame points one unit before its first */

    *unit_plus1 = (instruction - from) / 2;
    return (instruction - from) % 2 == 0 && *unit_plus1 <= units;
}

/* Copies are few and ids follow each other: both must move all of the bits that choose. */
static size_t bucket(uint64_t code, int32_t copy)
{
    return (size_t)((code ^ (uint64_t)(uint32_t)copy << 32) * UINT64_C(0x9e3779b97f4a7c15) >> 52) % PAM_BYTECODES;
}

bool pam_unit_plus1(struct pam_codes *codes, const struct pam_code_entry *entry,
                    struct pam_place place, uint64_t *unit_plus1)
{
    const struct pam_layout *layout = codes->heap.layout;
    const uint64_t first = layout->code_bytes ? 0 : entry->address + layout->code_first_unit;
    struct pam_bytecode *known;

    if (!place.copy || !codes->bytecodes)
        return is_inside(place.instruction, first, entry->units, unit_plus1);
    known = &codes->bytecodes[bucket(entry->id, place.copy)];
    if (known->code == entry->id && known->copy == place.copy &&
        is_inside(place.instruction, known->first, entry->units, unit_plus1))
        return true;
    *known = (struct pam_bytecode){entry->id, read_copy(codes, entry, place.copy), place.copy};
    return known->first && is_inside(place.instruction, known->first, entry->units, unit_plus1);
}
