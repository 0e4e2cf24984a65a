/* objects.c - reading str, bytes, tuple, int, dict and instance attributes out of a target. */
#include "python/objects.h"

#include <string.h>

enum {
    OBJECT_BYTES = 128,     /* covers the header of every object read here */
    ENTRIES_A_READ = 64,    /* dict entries fetched by one call */
    STR_CHARACTERS = 4096,  /* of one str: more than any bound in a capture */
    MAX_BASES = 16,         /* looked at for a slot */
};

uint64_t pam_word_at(const struct pam_heap *heap, uint64_t address)
{
    uint64_t word;

    return pam_is_pointer(address) && pam_remote_read(heap->remote, address, &word, 8) == 0 ? word : 0;
}

/* Bits of PyASCIIObject.state, Include/cpython/unicodeobject.h 3.8-3.14 */
struct str_state {
    unsigned kind;
    bool compact, ascii;
};

static struct str_state str_state(const struct pam_layout *layout, const unsigned char *str)
{
    const uint32_t state = pam_u32_at(str, layout->str_state) >> layout->str_kind_shift;

    return (struct str_state){state & 7, state >> 3 & 1, state >> 4 & 1};
}

static size_t put_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
        c = 0xfffd;
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static uint32_t character_at(const unsigned char *data, size_t index, unsigned kind)
{
    if (kind == 1)
        return data[index];
    if (kind == 2)
        return (uint32_t)data[2 * index] | (uint32_t)data[2 * index + 1] << 8;
    return pam_u32_at(data, 4 * index);
}

/* What follows a short one can be the end of readable memory: then its header alone is read. */
static bool copy_header(const struct pam_heap *heap, struct pam_str_copy *copy)
{
    copy->size = heap->layout->str_ascii_data;
    return pam_remote_read(heap->remote, copy->address, copy->bytes, copy->size) == 0;
}

static bool copy_str(const struct pam_heap *heap, uint64_t address, struct pam_str_copy *copy)
{
    copy->address = address;
    copy->size = sizeof copy->bytes;
    return pam_is_pointer(address) &&
           (pam_remote_read(heap->remote, address, copy->bytes, copy->size) == 0 ||
            copy_header(heap, copy));
}

static bool put_characters(const unsigned char *data, size_t length, unsigned kind, char *out,
                           size_t room, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < length; i++) {
        char utf8[4];
        const size_t n = put_utf8(character_at(data, i, kind), utf8);

        if (*size + n > room)
            return false;
        memcpy(out + *size, utf8, n);
        *size += n;
    }
    return true;
}

bool pam_decode_str(const struct pam_heap *heap, const struct pam_str_copy *copy, char *out,
                    size_t room, size_t *size, bool *cut)
{
    static unsigned char data[4 * STR_CHARACTERS]; /* the sampling thread's alone */
    const struct pam_layout *layout = heap->layout;
    uint64_t length = pam_u64_at(copy->bytes, layout->str_length);
    const struct str_state state = str_state(layout, copy->bytes);
    const unsigned kind = state.kind;
    const size_t start = state.ascii ? layout->str_ascii_data : layout->str_compact_data;
    const unsigned char *characters = copy->bytes + start;

    *size = 0;
    if (!state.compact || (kind != 1 && kind != 2 && kind != 4))
        return false;
    *cut = length > STR_CHARACTERS;
    if (*cut)
        length = STR_CHARACTERS;
    if (start + length * kind > copy->size) {
        if (pam_remote_read(heap->remote, copy->address + start, data, length * kind) < 0)
            return false;
        characters = data;
    }
    *cut |= !put_characters(characters, length, kind, out, room, size);
    return true;
}

bool pam_read_str(const struct pam_heap *heap, uint64_t address, char *out, size_t room,
                  size_t *size)
{
    struct pam_str_copy copy;
    bool cut;

    *size = 0;
    return copy_str(heap, address, &copy) && pam_decode_str(heap, &copy, out, room, size, &cut);
}

bool pam_read_bytes(const struct pam_heap *heap, uint64_t address, unsigned char *out, size_t room,
                    size_t *size)
{
    uint64_t length;

    *size = 0;
    if (!pam_is_pointer(address) ||
        pam_remote_read(heap->remote, address + heap->layout->bytes_size, &length, sizeof length) < 0 ||
        length > room)
        return false;
    if (length && pam_remote_read(heap->remote, address + heap->layout->bytes_data, out, length) < 0)
        return false;
    *size = length;
    return true;
}

/* One read for all of them; those that it could not have are read one by one. */
static bool copy_strs(const struct pam_heap *heap, const uint64_t *items, size_t count,
                      struct pam_str_copy *copies)
{
    struct pam_piece pieces[ENTRIES_A_READ];

    for (size_t i = 0; i < count; i++) {
        if (!pam_is_pointer(items[i]))
            return false;
        copies[i].address = items[i];
        copies[i].size = sizeof copies[i].bytes;
        pieces[i] = (struct pam_piece){
            .address = items[i], .into = copies[i].bytes, .size = sizeof copies[i].bytes};
    }
    if (pam_remote_readv(heap->remote, pieces, count) < 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!pieces[i].ok && !copy_header(heap, &copies[i]))
            return false;
    return true;
}

bool pam_read_names(const struct pam_heap *heap, uint64_t address, char *out, size_t room,
                    size_t *size)
{
    struct pam_str_copy copies[ENTRIES_A_READ];
    uint64_t items[ENTRIES_A_READ];
    uint64_t count;
    size_t at = 0;

    *size = 0;
    if (!pam_is_pointer(address) ||
        pam_remote_read(heap->remote, address + heap->layout->tuple_size, &count, sizeof count) < 0 ||
        count > PAM_MAX_TUPLE)
        return false;
    for (uint64_t from = 0; from < count; from += ENTRIES_A_READ) {
        const uint64_t n = count - from < ENTRIES_A_READ ? count - from : ENTRIES_A_READ;

        if (pam_remote_read(heap->remote, address + heap->layout->tuple_items + 8 * from, items,
                            8 * n) < 0 ||
            !copy_strs(heap, items, n, copies))
            return false;
        for (uint64_t i = 0; i < n; i++) {
            size_t got;
            bool cut;

            if (at >= room ||
                !pam_decode_str(heap, &copies[i], out + at, room - at - 1, &got, &cut) || cut)
                return false;
            at += got;
            out[at++] = '\0';
        }
    }
    *size = at;
    return true;
}

struct dict_keys {
    uint64_t entries; /* address of the first */
    uint64_t count;
    uint32_t entry_bytes;
    uint32_t key_offset; /* in an entry; the value follows the key */
};

bool pam_dict_index_bytes(const struct pam_layout *layout, const unsigned char *object, uint64_t *index_bytes)
{
    const uint64_t slots = pam_u64_at(object, layout->keys_size);
    const unsigned log2_index_bytes = object[layout->keys_log2_index_bytes];

    if (layout->keys_size)
        *index_bytes = slots <= 0xff ? slots : slots <= 0xffff ? 2 * slots : 4 * slots;
    else
        *index_bytes = UINT64_C(1) << (log2_index_bytes & 63);
    return layout->keys_size ? slots > 0 && slots <= UINT64_C(1) << 30
                             : log2_index_bytes >= 3 && log2_index_bytes <= 30;
}

/* PyDictKeysObject, Include/internal/pycore_dict.h */
static bool read_keys(const struct pam_heap *heap, uint64_t address, struct dict_keys *keys)
{
    const struct pam_layout *layout = heap->layout;
    unsigned char object[OBJECT_BYTES];
    enum { KIND_GENERAL = 0 }; /* DictKeysKind */
    uint64_t index_bytes;
    bool general;

    if (!pam_is_pointer(address) ||
        pam_remote_read(heap->remote, address, object, layout->keys_indices) < 0)
        return false;
    keys->count = pam_u64_at(object, layout->keys_entries);
    if (!pam_dict_index_bytes(layout, object, &index_bytes) || keys->count > PAM_MAX_DICT)
        return false;
    general = !layout->keys_kind || object[layout->keys_kind] == KIND_GENERAL;
    keys->entries = address + layout->keys_indices + index_bytes;
    keys->entry_bytes = general ? 24 : 16; /* {hash, key, value} or {key, value} */
    keys->key_offset = general ? 8 : 0;
    return true;
}

/* Visits entries; where `values` is not 0 the dict is split and values stand there by index. */
static bool each_key(const struct pam_heap *heap, const struct dict_keys *keys, uint64_t values,
                     pam_visit_entry *visit, void *context)
{
    unsigned char entries[24 * ENTRIES_A_READ];
    uint64_t split[ENTRIES_A_READ];

    for (uint64_t from = 0; from < keys->count; from += ENTRIES_A_READ) {
        const uint64_t n = keys->count - from < ENTRIES_A_READ ? keys->count - from : ENTRIES_A_READ;

        if (pam_remote_read(heap->remote, keys->entries + from * keys->entry_bytes, entries,
                            n * keys->entry_bytes) < 0)
            return false;
        if (values && pam_remote_read(heap->remote, values + 8 * from, split, 8 * n) < 0)
            return false;
        for (uint64_t i = 0; i < n; i++) {
            const size_t at = i * keys->entry_bytes + keys->key_offset;
            const uint64_t key = pam_u64_at(entries, at);
            const uint64_t value = values ? split[i] : pam_u64_at(entries, at + 8);

            if (pam_is_pointer(key) && pam_is_pointer(value) && !visit(key, value, context))
                return true;
        }
    }
    return true;
}

bool pam_each_entry(const struct pam_heap *heap, uint64_t dict, pam_visit_entry *visit,
                    void *context)
{
    unsigned char object[OBJECT_BYTES];
    struct dict_keys keys;

    uint64_t values;

    if (!pam_is_pointer(dict) ||
        pam_remote_read(heap->remote, dict, object, heap->layout->dict_values + 8) < 0 ||
        !read_keys(heap, pam_u64_at(object, heap->layout->dict_keys), &keys))
        return false;
    values = pam_u64_at(object, heap->layout->dict_values);
    return each_key(heap, &keys, values ? values + heap->layout->values_first : 0, visit, context);
}

struct search {
    const struct pam_heap *heap;
    const char *key;
    size_t key_size;
    uint64_t value;
};

static bool compare_key(uint64_t key, uint64_t value, void *context)
{
    struct search *search = context;
    const struct pam_layout *layout = search->heap->layout;
    unsigned char object[PAM_STR_COPY_BYTES];

    if (pam_remote_read(search->heap->remote, key, object,
                        layout->str_ascii_data + search->key_size) < 0 ||
        pam_u64_at(object, layout->str_length) != search->key_size ||
        !str_state(layout, object).ascii ||
        memcmp(object + layout->str_ascii_data, search->key, search->key_size) != 0)
        return true;
    search->value = value;
    return false;
}

static struct search search_for(const struct pam_heap *heap, const char *key)
{
    return (struct search){.heap = heap, .key = key, .key_size = strlen(key), .value = 0};
}

uint64_t pam_dict_get(const struct pam_heap *heap, uint64_t dict, const char *key)
{
    struct search search = search_for(heap, key);

    (void)pam_each_entry(heap, dict, compare_key, &search);
    return search.value;
}

uint64_t pam_module_get(const struct pam_heap *heap, uint64_t interpreter, const char *module,
                        const char *name)
{
    uint64_t modules = 0, dict = 0, object;

    if (pam_remote_read(heap->remote, interpreter + heap->layout->interp_modules, &modules,
                        sizeof modules) < 0)
        return 0;
    object = pam_dict_get(heap, modules, module);
    if (!object ||
        pam_remote_read(heap->remote, object + heap->layout->module_dict, &dict, sizeof dict) < 0)
        return 0;
    return pam_dict_get(heap, dict, name);
}

enum { DIGIT_BITS = 30, MAX_DIGITS = 3 }; /* PyLong_SHIFT on 64-bit builds */

bool pam_decode_int(const struct pam_layout *layout, const unsigned char *object, uint64_t *value)
{
    enum { SIGN_MASK = 3, SIGN_NEGATIVE = 2 }; /* pycore_long.h, 3.12 and later */
    uint64_t digits = pam_u64_at(object, layout->long_size);

    if (layout->long_size_shift && (digits & SIGN_MASK) == SIGN_NEGATIVE)
        return false; /* before 3.12 a negative one has a negative size */
    digits >>= layout->long_size_shift;
    if (digits > MAX_DIGITS ||
        (digits == MAX_DIGITS && pam_u32_at(object, layout->long_digits + 8) >> (64 - 2 * DIGIT_BITS)))
        return false;
    *value = 0;
    for (uint64_t i = 0; i < digits; i++)
        *value |= (uint64_t)pam_u32_at(object, layout->long_digits + 4 * i) << (DIGIT_BITS * i);
    return true;
}

bool pam_read_int(const struct pam_heap *heap, uint64_t address, uint64_t *value)
{
    unsigned char object[PAM_INT_BYTES];

    return pam_remote_read(heap->remote, address, object,
                           heap->layout->long_digits + 4 * MAX_DIGITS) == 0 &&
           pam_decode_int(heap->layout, object, value);
}

/* Where the values of an instance's attributes stand, 0 when they are in a dict. */
static uint64_t instance_values(const struct pam_heap *heap, uint64_t object, uint64_t type)
{
    const struct pam_layout *layout = heap->layout;
    unsigned char values[64];
    uint64_t word;

    if (layout->instance_values_before) {
        if (pam_remote_read(heap->remote, object - layout->instance_values_before, &word, 8) < 0 ||
            (layout->instance_values_tag && !(word & layout->instance_values_tag)))
            return 0;
        word += layout->instance_values_tag;
        return pam_is_pointer(word) ? word + layout->values_first : 0;
    }
    if (pam_remote_read(heap->remote, type + layout->type_flags, &word, 8) < 0 ||
        !(word & layout->type_values_flag) ||
        pam_remote_read(heap->remote, type + layout->type_basic_size, &word, 8) < 0 ||
        word > PAM_MAX_DICT ||
        pam_remote_read(heap->remote, object + word, values, layout->values_first) < 0 ||
        !values[layout->values_valid])
        return 0;
    return object + word + layout->values_first;
}

/* The dict of an instance, 0 when there is none. */
static uint64_t instance_dict(const struct pam_heap *heap, uint64_t object, uint64_t type)
{
    const struct pam_layout *layout = heap->layout;
    uint64_t offset, dict;

    if (!layout->type_dict_offset)
        offset = 0 - (uint64_t)layout->instance_dict_before;
    else if (pam_remote_read(heap->remote, type + layout->type_dict_offset, &offset, 8) < 0 ||
             !offset || offset > PAM_MAX_DICT) /* negative: behind the items of a tuple or the like */
        return 0;
    return pam_remote_read(heap->remote, object + offset, &dict, 8) == 0 ? dict : 0;
}

static bool is_member(const struct pam_heap *heap, uint64_t descriptor)
{
    static const char wanted[] = "member_descriptor"; /* PyMemberDescr_Type of Objects/descrobject.c */
    const uint64_t type = pam_word_at(heap, descriptor + heap->layout->object_type);
    char name[sizeof wanted];

    return pam_remote_read(heap->remote, pam_word_at(heap, type + heap->layout->type_name), name, sizeof name) == 0 &&
           !memcmp(name, wanted, sizeof wanted);
}

/* Where __slots__ names the attribute: the type or one that it is derived from tells where it stands. */
static uint64_t get_from_slot(const struct pam_heap *heap, uint64_t object, uint64_t type, const char *name)
{
    const struct pam_layout *layout = heap->layout;

    for (int i = 0; i < MAX_BASES && pam_is_pointer(type); i++) {
        const uint64_t member = pam_dict_get(heap, pam_word_at(heap, type + layout->type_dict), name);
        uint64_t offset;

        if (member && is_member(heap, member)) {
            offset = pam_word_at(heap, pam_word_at(heap, member + layout->member_definition) + layout->member_offset);
            return offset && offset < pam_word_at(heap, type + layout->type_basic_size)
                       ? pam_word_at(heap, object + offset)
                       : 0;
        }
        type = pam_word_at(heap, type + layout->type_base);
    }
    return 0;
}

/* As most instances keep it: beside its type's keys, or in a dict. */
static uint64_t get_from_values(const struct pam_heap *heap, uint64_t object, uint64_t type, const char *name)
{
    const struct pam_layout *layout = heap->layout;
    const uint64_t values = layout->type_dict_offset ? 0 : instance_values(heap, object, type);
    struct search search = search_for(heap, name);
    struct dict_keys keys;

    if (!values)
        return pam_dict_get(heap, instance_dict(heap, object, type), name);
    if (!read_keys(heap, pam_word_at(heap, type + layout->type_cached_keys), &keys))
        return 0;
    (void)each_key(heap, &keys, values, compare_key, &search);
    return search.value;
}

uint64_t pam_instance_get(const struct pam_heap *heap, uint64_t object, const char *name)
{
    const uint64_t type = pam_word_at(heap, object + heap->layout->object_type);
    uint64_t value;

    if (!pam_is_pointer(type))
        return 0;
    value = get_from_values(heap, object, type, name);
    return value ? value : get_from_slot(heap, object, type, name);
}
