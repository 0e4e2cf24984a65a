/* code.c - code objects of the target, read once, known by their address, checked against reuse. */
#include "python/code.h"

#include <stdlib.h>
#include <string.h>

enum {
    CODE_SLOTS = 4 * PAM_MAX_CODES, /* fewer are in use at first, so that few pages are touched */
    FIRST_SLOTS = 2048,
    MAX_FRAME_WORDS = 1 << 16, /* locals + stack of one frame; CPython's own limit is INT_MAX / 8 */
    MAX_UNITS = 1 << 24,
    CODE_HEADER_BYTES = 256, /* what is read of a PyCodeObject */
    COROUTINE_FLAGS = 0x80 | 0x100, /* CO_COROUTINE, CO_ITERABLE_COROUTINE: cpython/code.h */
    CHECK_A_CALL = 256,
};

static const uint64_t SHORTEST_WAIT_NS = UINT64_C(50000000); /* between two checks */
static const uint64_t LONGEST_WAIT_NS = UINT64_C(400000000);

bool pam_codes_init(struct pam_codes *codes, const struct pam_heap *heap, uint64_t code_type,
                    uint32_t version_hex)
{
    memset(codes, 0, sizeof *codes);
    codes->heap = *heap;
    codes->code_type = code_type;
    codes->version_hex = version_hex;
    codes->slot_mask = FIRST_SLOTS - 1;
    codes->slots = calloc(CODE_SLOTS, sizeof *codes->slots);
    codes->entries = calloc(PAM_MAX_CODES, sizeof *codes->entries);
    codes->used = calloc(PAM_MAX_CODES, sizeof *codes->used);
    if (heap->layout->code_bytecodes)
        codes->bytecodes = calloc(PAM_BYTECODES, sizeof *codes->bytecodes);
    return codes->slots && codes->entries && codes->used &&
           (codes->bytecodes || !heap->layout->code_bytecodes);
}

void pam_codes_done(struct pam_codes *codes)
{
    free(codes->slots);
    free(codes->entries);
    free(codes->used);
    free(codes->bytecodes);
    codes->slots = codes->used = NULL;
    codes->entries = NULL;
    codes->bytecodes = NULL;
}

static void forget_bytecodes(struct pam_codes *codes)
{
    if (codes->bytecodes)
        memset(codes->bytecodes, 0, PAM_BYTECODES * sizeof *codes->bytecodes);
}

void pam_codes_clear(struct pam_codes *codes)
{
    for (uint32_t i = 0; i < codes->count; i++) /* only what was used: the table is mostly empty */
        memset(&codes->entries[i], 0, sizeof codes->entries[i]);
    memset(codes->slots, 0, (codes->slot_mask + 1) * sizeof *codes->slots);
    codes->count = codes->used_count = 0;
    forget_bytecodes(codes);
}

static uint32_t *slot_for(struct pam_codes *codes, uint64_t address)
{
    uint64_t at = (address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 48;

    for (;; at++) {
        uint32_t *slot = &codes->slots[at & codes->slot_mask];

        if (!*slot || codes->entries[*slot - 1].address == address)
            return slot;
    }
}

/* A quarter full: twice as many slots, in place. */
static void grow(struct pam_codes *codes)
{
    memset(codes->slots, 0, (codes->slot_mask + 1) * sizeof *codes->slots);
    codes->slot_mask = 2 * codes->slot_mask + 1;
    for (uint32_t i = 0; i < codes->count; i++)
        *slot_for(codes, codes->entries[i].address) = i + 1;
}

/* The words that identify the object whose header was read; the hash of the qualified name, which
 * is cached in the str, is the last of them. */
static void identity_of(const struct pam_layout *layout, const unsigned char *header,
                        uint64_t qualname_hash, uint64_t identity[8])
{
    identity[0] = pam_u64_at(header, layout->code_consts);
    identity[1] = pam_u64_at(header, layout->code_names);
    identity[2] = pam_u64_at(header, layout->code_file);
    identity[3] = pam_u64_at(header, layout->code_name);
    identity[4] = pam_u64_at(header, layout->code_qualname);
    identity[5] = pam_u64_at(header, layout->code_line_table);
    identity[6] = pam_u32_at(header, layout->code_first_line) |
                  pam_u64_at(header, layout->code_bytes ? layout->code_bytes : layout->code_units) << 32;
    identity[7] = qualname_hash;
}

/* The reference count of a freed object is 0 or, once its memory is on a free list, a part of a pointer;
 * that of an immortal one is about 10^9 (3.11, deepfreeze), 2^32 - 1 (3.12) or 3 * 2^30 (3.14). */
static bool is_alive(const struct pam_layout *layout, const unsigned char *header)
{
    const unsigned bits = layout->object_reference_bits;
    const uint64_t references = bits ? pam_u64_at(header, 0) & UINT64_MAX >> (64 - bits) : 1;

    return (references > 0 && references < UINT64_C(1) << 20) ||
           (references >= 900000000 && references <= UINT32_MAX);
}

/* Is the object at the entry's address still the one that was read? What it points to was read later,
 * and could be somebody else's by then. */
static bool is_same(struct pam_codes *codes, const struct pam_code_entry *entry)
{
    const struct pam_layout *layout = codes->heap.layout;
    unsigned char header[CODE_HEADER_BYTES];
    uint64_t identity[8], hash;

    if (pam_remote_read(codes->heap.remote, entry->address, header, layout->code_header_bytes) < 0 ||
        pam_u64_at(header, layout->object_type) != codes->code_type ||
        pam_remote_read(codes->heap.remote,
                        pam_u64_at(header, layout->code_qualname) + layout->str_hash, &hash,
                        sizeof hash) < 0)
        return false;
    identity_of(layout, header, hash, identity);
    return is_alive(layout, header) && !memcmp(identity, entry->identity, sizeof identity);
}

static uint64_t record_str(const struct pam_heap *heap, struct pam_recorder *recorder,
                           uint64_t address, bool *ok)
{
    char text[PAM_MAX_TEXT];
    size_t size;

    if (!pam_read_str(heap, address, text, sizeof text, &size)) {
        *ok = false;
        return 0;
    }
    return pam_recorder_string(recorder, (struct pam_bytes){(unsigned char *)text, size});
}

/* The code units: in the object itself, or in a bytes object of their own. */
static bool read_bytecode(const struct pam_heap *heap, uint64_t code, const unsigned char *header,
                          size_t size, unsigned char *out, size_t room)
{
    const struct pam_layout *layout = heap->layout;
    const uint64_t from = layout->code_bytes
                              ? pam_u64_at(header, layout->code_bytes) + layout->bytes_data
                              : code + layout->code_first_unit;

    return size <= room && pam_remote_read(heap->remote, from, out, size) == 0;
}

/* Locals, cells and free variables, in the order in which 3.11 and later number them. */
static size_t read_local_names(const struct pam_heap *heap, const unsigned char *header,
                               char names[PAM_MAX_NAMES])
{
    const struct pam_layout *layout = heap->layout;
    const uint32_t tuples[] = {layout->code_local_names, layout->code_cell_names,
                               layout->code_free_names};
    size_t at = 0;

    for (size_t i = 0; i < sizeof tuples / sizeof *tuples && tuples[i]; i++) {
        size_t size;

        if (!pam_read_names(heap, pam_u64_at(header, tuples[i]), names + at, PAM_MAX_NAMES - at, &size))
            return 0;
        at += size;
    }
    return at;
}

/* Reads what the converter needs and writes the code record. A table that is over its bound is left
 * empty; a name that cannot be read means that this is no code object. */
static bool record_code(struct pam_codes *codes, struct pam_recorder *recorder,
                        struct pam_code_entry *entry, const unsigned char *header)
{
    static unsigned char line_table[PAM_MAX_TABLE], bytecode[PAM_MAX_TABLE];
    static char names[PAM_MAX_NAMES], local_names[PAM_MAX_NAMES];
    const struct pam_layout *layout = codes->heap.layout;
    const struct pam_heap *heap = &codes->heap;
    const size_t bytecode_size = 2 * (size_t)entry->units;
    struct pam_code code = {.python_version = codes->version_hex};
    bool ok = true;

    code.file = record_str(heap, recorder, pam_u64_at(header, layout->code_file), &ok);
    code.name = record_str(heap, recorder, pam_u64_at(header, layout->code_name), &ok);
    code.qualname = record_str(heap, recorder, pam_u64_at(header, layout->code_qualname), &ok);
    if (!ok)
        return false;
    code.first_line = pam_u32_at(header, layout->code_first_line);
    code.line_table.data = line_table;
    if (!pam_read_bytes(heap, pam_u64_at(header, layout->code_line_table), line_table,
                        sizeof line_table, &code.line_table.size))
        code.line_table.size = 0;
    code.bytecode.data = bytecode;
    if (read_bytecode(heap, entry->address, header, bytecode_size, bytecode, sizeof bytecode))
        code.bytecode.size = bytecode_size;
    code.names.data = (unsigned char *)names;
    if (!pam_read_names(heap, pam_u64_at(header, layout->code_names), names, sizeof names,
                        &code.names.size))
        code.names.size = 0;
    code.local_names.data = (unsigned char *)local_names;
    code.local_names.size = read_local_names(heap, header, local_names);
    if (layout->code_cell_names)
        code.first_cell = pam_u32_at(header, layout->code_locals);
    if (!is_same(codes, entry))
        return false;
    entry->id = pam_recorder_code(recorder, &code);
    return entry->id != 0;
}

/* 0 when it cannot be read. */
static uint64_t count_units(const struct pam_heap *heap, const unsigned char *header)
{
    const struct pam_layout *layout = heap->layout;
    uint64_t bytes;

    if (!layout->code_bytes)
        return pam_u64_at(header, layout->code_units);
    if (pam_remote_read(heap->remote, pam_u64_at(header, layout->code_bytes) + layout->bytes_size,
                        &bytes, sizeof bytes) < 0)
        return 0;
    return bytes / 2;
}

static bool read_code(struct pam_codes *codes, struct pam_recorder *recorder,
                      struct pam_code_entry *entry, uint64_t address)
{
    const struct pam_layout *layout = codes->heap.layout;
    unsigned char header[CODE_HEADER_BYTES];
    uint64_t hash, units;
    uint32_t words, stack;

    if (!pam_is_pointer(address) ||
        pam_remote_read(codes->heap.remote, address, header, layout->code_header_bytes) < 0 ||
        pam_u64_at(header, layout->object_type) != codes->code_type || !is_alive(layout, header))
        return false;
    units = count_units(&codes->heap, header);
    words = pam_u32_at(header, layout->code_locals);
    stack = pam_u32_at(header, layout->code_stack_size);
    if (!units || units > MAX_UNITS || words > MAX_FRAME_WORDS || stack > MAX_FRAME_WORDS)
        return false;
    if (pam_remote_read(codes->heap.remote, pam_u64_at(header, layout->code_qualname) + layout->str_hash,
                        &hash, sizeof hash) < 0)
        return false;
    entry->address = address;
    entry->units = (uint32_t)units;
    entry->frame_bytes = 8 * (words + stack + layout->frame_words);
    entry->is_coroutine = pam_u32_at(header, layout->code_flags) & COROUTINE_FLAGS;
    entry->role_plus1 = 0;
    entry->qualname = pam_u64_at(header, layout->code_qualname);
    identity_of(layout, header, hash, entry->identity);
    return record_code(codes, recorder, entry, header);
}

static void use(struct pam_codes *codes, const struct pam_recorder *recorder,
                struct pam_code_entry *entry)
{
    if (entry->used)
        return;
    entry->used = true;
    entry->since_ns = recorder->time_ns;
    codes->used[codes->used_count++] = (uint32_t)(entry - codes->entries);
}

struct pam_code_entry *pam_code_get(struct pam_codes *codes, struct pam_recorder *recorder,
                                    uint64_t address)
{
    uint32_t *slot = slot_for(codes, address);
    struct pam_code_entry *entry;

    if (*slot) {
        entry = &codes->entries[*slot - 1];
        if (entry->id) {
            use(codes, recorder, entry);
            return entry;
        }
    } else if (codes->count == PAM_MAX_CODES) {
        pam_recorder_want_epoch(recorder);
        return NULL;
    } else {
        entry = &codes->entries[codes->count];
    }
    if (!read_code(codes, recorder, entry, address))
        return NULL;
    if (!*slot)
        *slot = ++codes->count;
    if (4 * codes->count > codes->slot_mask && codes->slot_mask + 1 < CODE_SLOTS)
        grow(codes);
    use(codes, recorder, entry);
    return entry;
}

/* An entry without id stays in the table, so that its slot is found again, and is read anew. */
static void forget(struct pam_codes *codes, struct pam_recorder *recorder, struct pam_code_entry *entry)
{
    const struct pam_code_reused record = {
        .code = entry->id,
        .since_us = (recorder->time_ns - entry->since_ns) / 1000,
        .pid = (uint64_t)codes->heap.remote->pid,
    };

    pam_recorder_put(recorder, PAM_code_reused, &record);
    entry->id = 0;
    codes->reused++;
}

static void check_some(struct pam_codes *codes, struct pam_recorder *recorder,
                       struct pam_code_entry *const *some, size_t count)
{
    const struct pam_layout *layout = codes->heap.layout;
    static unsigned char header[CHECK_A_CALL][CODE_HEADER_BYTES];
    struct pam_piece pieces[2 * CHECK_A_CALL];
    uint64_t hash[CHECK_A_CALL];

    for (size_t i = 0; i < count; i++) {
        pieces[2 * i] = (struct pam_piece){.address = some[i]->address, .into = header[i],
                                           .size = layout->code_header_bytes};
        pieces[2 * i + 1] = (struct pam_piece){.address = some[i]->identity[4] + layout->str_hash,
                                               .into = &hash[i], .size = sizeof hash[i]};
    }
    if (pam_remote_readv(codes->heap.remote, pieces, 2 * count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        uint64_t identity[8];

        identity_of(layout, header[i], hash[i], identity);
        if (pieces[2 * i].ok && pieces[2 * i + 1].ok &&
            !memcmp(identity, some[i]->identity, sizeof identity))
            continue;
        forget(codes, recorder, some[i]);
    }
}

void pam_codes_check(struct pam_codes *codes, struct pam_recorder *recorder)
{
    const uint64_t reused = codes->reused;
    struct pam_code_entry *some[CHECK_A_CALL];
    size_t count = 0;

    for (uint32_t i = 0; i < codes->used_count; i++) {
        struct pam_code_entry *entry = &codes->entries[codes->used[i]];

        entry->used = false;
        if (!entry->id)
            continue;
        some[count++] = entry;
        if (count == CHECK_A_CALL) {
            check_some(codes, recorder, some, count);
            count = 0;
        }
    }
    if (count)
        check_some(codes, recorder, some, count);
    codes->used_count = 0;
    forget_bytecodes(codes); /* a garbage collection frees those of threads that have ended */
    codes->check_wait_ns = codes->reused != reused || !codes->check_wait_ns ? SHORTEST_WAIT_NS
                           : 2 * codes->check_wait_ns < LONGEST_WAIT_NS ? 2 * codes->check_wait_ns
                                                                        : LONGEST_WAIT_NS;
    codes->check_due_ns = recorder->time_ns + codes->check_wait_ns;
}
